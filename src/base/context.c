#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

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

void context_note(struct context *context, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
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
