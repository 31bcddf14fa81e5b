#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/printable.h"

static size_t default_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_size > 0 ? (size_t)pages / 4 * 3 * (size_t)page_size : 0;
}

struct context *context_create(const struct context_options *options, struct error *error)
{
    struct memory *memory = memory_create(options->max_memory ? options->max_memory : default_memory());
    if (!memory) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    struct context *context = memory_allocate(memory, 1, sizeof *context, error);
    if (!context) {
        memory_destroy(memory);
        return NULL;
    }
    enum cpu_level machine = cpu_detect();
    context->memory = memory;
    context->cpu = options->cpu < machine ? options->cpu : machine;
    context->direct = options->direct;
    context->half_weights = options->half_weights;
    context->seed = options->seed;
    context->pool = thread_pool_create(memory, options->threads > 0 ? options->threads : cpu_count(), error);
    if (!context->pool) {
        memory_release(memory, context);
        memory_destroy(memory);
        return NULL;
    }
    return context;
}

size_t context_destroy(struct context *context)
{
    if (!context)
        return 0;
    struct memory *memory = context->memory;
    thread_pool_destroy(context->pool);
    memory_release(memory, context);
    return memory_destroy(memory);
}

/* ---- the host ---- */

static void ask_host(struct context *context)
{
    struct host *host = &context->host;
    const char *text = host->text[0] ? host->text : NULL;
    host->asked = clock_seconds();
    if (!host->cancelled && host->progress(host->user, host->what, host->done, host->total, text)) {
        host->cancelled = true;
        memory_set_unwhole(context->memory, 1);
    }
}

static void tell_host(void *user, const char *what, size_t done, size_t total, const char *text)
{
    struct context *context = user;
    struct host *host = &context->host;
    snprintf(host->what, sizeof host->what, "%s", what);
    snprintf(host->text, sizeof host->text, "%s", text ? text : "");
    host->done = done;
    host->total = total;
    ask_host(context);
}

void context_set_host(struct context *context, fovea_progress *progress, void *user)
{
    context->host = (struct host){.progress = progress, .user = user};
    context->progress =
        progress ? (struct progress){tell_host, context, &context->host.cancelled} : (struct progress){0};
}

void context_enter(struct context *context)
{
    struct host *host = &context->host;
    if (host->depth++ > 0)
        return;
    snprintf(host->what, sizeof host->what, "working");
    host->text[0] = 0;
    host->done = host->total = 0;
    host->asked = host->progress ? clock_seconds() : 0;
}

void context_leave(struct context *context)
{
    if (--context->host.depth > 0)
        return;
    context->host.cancelled = false;
    memory_set_unwhole(context->memory, 0);
}

int context_poll(struct context *context, struct error *error)
{
    const double interval = 0.02; /* seconds */
    struct host *host = &context->host;
    if (!host->progress || host->depth == 0)
        return 0;
    if (!host->cancelled && clock_seconds() - host->asked > interval)
        ask_host(context);
    return host->cancelled ? error_set(error, ERROR_CANCELLED, "cancelled") : 0;
}

/* ---- notes ---- */

void context_note(struct context *context, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    text_format_list(text, sizeof text, format, arguments);
    va_end(arguments);
    text_keep_printable(text);
    uint64_t hash = hash_text(0, text);
    for (int i = 0; i < context->note_count; i++) {
        if (context->notes[i] == hash)
            return;
    }
    if (context->note_count < CONTEXT_MOST_NOTES)
        context->notes[context->note_count++] = hash;
    if (context->report_note)
        context->report_note(context->note_user, text);
}
