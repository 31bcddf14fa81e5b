#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/entry.h"
#include "base/file.h"
#include "base/suggest.h"
#include "op/left_out.h"
#include "op/registry.h"

static const char *level_name_at(const void *none, int index)
{
    (void)none;
    return index < CPU_LEVEL_COUNT ? cpu_level_name((enum cpu_level)index) : NULL;
}

static int choose_level(const char *name, enum cpu_level *level, struct error *error)
{
    *level = cpu_detect();
    if (!name)
        return 0;
    enum cpu_level asked;
    char meant[SUGGESTION_TEXT];
    if (cpu_level_parse(name, &asked))
        return error_set(error, ERROR_INPUT, "there is no instruction set '%s'; choose none, avx2 or avx512%s", name,
                         suggest_name(name, level_name_at, NULL, meant));
    if (asked > *level)
        return error_set(error, ERROR_INPUT, "this processor has no %s; its best is %s", name, cpu_level_name(*level));
    *level = asked;
    return 0;
}

struct fovea *fovea_open(const struct fovea_options *options, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_options(&entry, "options", options, entry_context_options))
        return entry_null(&entry, report);
    struct context_options asked = {.max_memory = options->max_memory,
                                    .threads = options->threads,
                                    .direct = options->no_winograd,
                                    .half_weights = options->half_weights,
                                    .seed = options->seed};
    struct context *context = NULL;
    struct fovea *fovea = NULL;
    if (choose_level(options->cpu, &asked.cpu, &entry.error) == 0)
        context = context_create(&asked, &entry.error);
    if (context)
        fovea = memory_allocate(context->memory, 1, sizeof *fovea, &entry.error);
    if (fovea && options->command)
        fovea->command = memory_allocate(context->memory, strlen(options->command) + 1, 1, &entry.error);
    if (!fovea || (options->command && !fovea->command)) {
        if (context)
            memory_release(context->memory, fovea);
        if (context)
            context_destroy(context);
        entry_refuse(&entry, report);
        return NULL;
    }
    context_set_host(context, options->progress, options->progress_user);
    context->report_note = options->note;
    context->note_user = options->note_user;
    fovea->context = context;
    if (options->command)
        strcpy(fovea->command, options->command);
    return fovea;
}

int fovea_set_figures(struct fovea *fovea, const struct fovea_figure_options *options, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_fovea(&entry, fovea) || entry_options(&entry, "options", options, entry_figure_options))
        return entry_refuse(&entry, report);
    fovea->figures = *options;
    return 0;
}

size_t fovea_close(struct fovea *fovea)
{
    if (!fovea)
        return 0;
    struct context *context = fovea->context;
    memory_release(context->memory, fovea->command);
    memory_release(context->memory, fovea);
    return context_destroy(context);
}

const char *fovea_version(void)
{
    return FOVEA_VERSION;
}

_Static_assert(FOVEA_VERSION_NUMBER == FOVEA_PROJECT_VERSION_NUMBER, "fovea/version.h is the project's version");

bool fovea_version_check(int major, int minor)
{
    return major == FOVEA_VERSION_MAJOR && minor >= 0 &&
           (major > 0 ? minor <= FOVEA_VERSION_MINOR : minor == FOVEA_VERSION_MINOR);
}

const char *fovea_cpu(const struct fovea *fovea)
{
    return fovea ? cpu_level_name(fovea->context->cpu) : NULL;
}

int fovea_threads(const struct fovea *fovea)
{
    return fovea ? thread_pool_size(fovea->context->pool) : 0;
}

size_t fovea_peak_memory(const struct fovea *fovea)
{
    return fovea ? memory_peak(fovea->context->memory) : 0;
}

bool fovea_memory_ended(const struct fovea *fovea)
{
    return fovea && memory_failures(fovea->context->memory) > 0;
}

int fovea_write_file(const char *path, const void *bytes, size_t length, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "path", path) || entry_argument(&entry, "bytes", length ? bytes : path))
        return entry_refuse(&entry, report);
    struct memory *memory = memory_create((size_t)1 << 30);
    int result = memory ? file_write(memory, path, bytes, length, &entry.error)
                        : error_set(&entry.error, ERROR_MEMORY, "%s: out of memory", path);
    if (memory)
        memory_destroy(memory);
    return result ? entry_refuse(&entry, report) : 0;
}

bool fovea_operator_at(int index, struct fovea_operator *entry)
{
    const struct operator_definition *found = operator_at(index);
    if (!found || !entry)
        return false;
    *entry = (struct fovea_operator){.domain = found->domain,
                                     .name = found->name,
                                     .since = found->since,
                                     .until = found->until,
                                     .types = found->types,
                                     .gradient = found->gradient != NULL || found->expand != NULL,
                                     .receptive_field = found->field != NULL};
    return true;
}

bool fovea_operator_left_out_at(int index, struct fovea_operator_left_out *entry)
{
    const struct operator_left_out *found = operator_left_out_at(index);
    if (!found || !entry)
        return false;
    *entry = (struct fovea_operator_left_out){.domain = found->domain, .name = found->name, .reason = found->reason};
    return true;
}
