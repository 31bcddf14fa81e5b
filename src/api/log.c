/* Findings collected for other programs. */
#include "report/log.h"

#include <stdlib.h>
#include <string.h>

#include "api/entry.h"
#include "report/json.h"

struct fovea_log *fovea_log_create(struct fovea_error *report)
{
    ENTRY entry = {0};
    struct memory *memory = memory_create(0);
    struct arena *arena = memory ? arena_create(memory, &entry.error) : NULL;
    struct fovea_log *log = arena ? arena_allocate(arena, 1, sizeof *log, &entry.error) : NULL;
    if (log) {
        log->memory = memory;
        log->arena = arena;
        return log;
    }
    if (arena)
        arena_destroy(arena);
    if (memory)
        memory_destroy(memory);
    else
        error_set(&entry.error, ERROR_MEMORY, "out of memory");
    return entry_null(&entry, report);
}

void fovea_log_free(struct fovea_log *log)
{
    struct memory *memory = log ? log->memory : NULL;
    if (!log)
        return;
    arena_destroy(log->arena);
    memory_destroy(memory);
}

int fovea_log_audit(struct fovea_log *log, const struct fovea_audit *audit, const struct fovea_gate *gate,
                    struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "log", log) || entry_options(&entry, "audit", audit, entry_audit) ||
        entry_argument(&entry, "audit.path", audit->path) || entry_options(&entry, "gate", gate, entry_gate) ||
        log_add_audit(log, audit, gate, &entry.error))
        return entry_refuse(&entry, report);
    return 0;
}

int fovea_log_check(struct fovea_log *log, const struct fovea_model *model, const struct fovea_findings *findings,
                    const struct fovea_gate *gate, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "log", log) || entry_model(&entry, model) ||
        entry_argument(&entry, "findings", findings) || entry_options(&entry, "gate", gate, entry_gate) ||
        log_add_check(log, model->model->path, findings, gate, &entry.error))
        return entry_refuse(&entry, report);
    return 0;
}

/* For free(); NULL without memory. */
static char *text_of(const struct fovea_log *log, void (*write)(const struct fovea_log *log, struct text *out))
{
    struct text text;
    text_start(&text, log->memory);
    write(log, &text);
    char *copy = text.failed ? NULL : strdup(text.data ? text.data : "");
    text_release(&text);
    return copy;
}

char *fovea_log_text(const struct fovea_log *log, enum fovea_log_form form, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "log", log) || entry_whole(&entry, "form", (int64_t)form, 0, FOVEA_LOG_FORMS - 1))
        return entry_null(&entry, report);
    char *text = form == FOVEA_LOG_SARIF   ? report_text(log_sarif(log))
                 : form == FOVEA_LOG_JUNIT ? text_of(log, log_junit)
                                           : text_of(log, log_github);
    if (!text) {
        error_set(&entry.error, ERROR_MEMORY, "out of memory");
        return entry_null(&entry, report);
    }
    return text;
}
