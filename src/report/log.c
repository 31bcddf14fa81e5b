#include "report/log.h"

#include <string.h>

#include "base/sha256.h"
#include "guide/guide.h"
#include "report/gate.h"

bool log_rule_at(bool audit, int index, struct log_rule *rule)
{
    const struct guide *guide = audit ? guide_at(index) : NULL;
    const struct fovea_finding_kind *kind = audit ? NULL : fovea_finding_kind_at(index);
    if (guide)
        *rule = (struct log_rule){guide->told.name, guide->told.title, guide->told.published, guide->told.paper, false};
    if (kind)
        *rule = (struct log_rule){kind->code, kind->meaning, NULL, NULL, kind->severity == FOVEA_PROBLEM};
    return guide || kind;
}

enum log_severity log_severity(const struct log_row *row)
{
    return row->stops                        ? LOG_ERROR
           : row->level == FOVEA_LEVEL_NEVER ? LOG_NONE
           : row->level == FOVEA_LEVEL_NOTE  ? LOG_NOTE
                                             : LOG_WARNING;
}

/* ---- copies ---- */

/* A text of the library in the program's words, in one line. */
static const char *line_of(struct arena *arena, const char *text, struct error *error)
{
    size_t length = fovea_text_flags(text, NULL, 0);
    char *words = arena_allocate(arena, length + 1, 1, error);
    if (!words)
        return NULL;
    fovea_text_flags(text, words, length + 1);
    text_keep_printable(words);
    return words;
}

/* Names as they are, but for what may not be shown. */
static int copy_nodes(struct arena *arena, struct log_row *row, const char *const *nodes, int count,
                      struct error *error)
{
    row->nodes = arena_allocate(arena, (size_t)count + 1, sizeof *row->nodes, error);
    for (int i = 0; row->nodes && i < count; i++) {
        char *name = arena_copy_string(arena, nodes[i], strlen(nodes[i]), error);
        if (!name)
            return -1;
        text_keep_printable(name);
        row->nodes[row->node_count++] = name;
    }
    return row->nodes ? 0 : -1;
}

/* "do: ..." in a line behind what is there; NULL stays NULL. */
static const char *with_line(struct arena *arena, const char *lines, const char *label, const char *text,
                             struct error *error)
{
    if (!lines || !text)
        return lines;
    const char *line = line_of(arena, text, error);
    return line ? arena_print(arena, error, "%s%s%s: %s", lines, lines[0] ? "\n" : "", label, line) : NULL;
}

static const char *command_line(struct arena *arena, const struct fovea_command *command, struct error *error)
{
    size_t length = fovea_command_text(command, NULL, 0);
    char *text = arena_allocate(arena, length + 1, 1, error);
    if (text)
        fovea_command_text(command, text, length + 1);
    return text;
}

static const char *detail_of(struct arena *arena, const struct fovea_advice *advice, struct error *error)
{
    const char *command = advice->command ? command_line(arena, advice->command, error) : NULL;
    if (advice->command && !command)
        return NULL;
    const struct {
        const char *label, *text;
    } lines[] = {{"do", advice->recommend},
                 {"measured", advice->measured},
                 {"published", advice->recommend ? advice->published : NULL},
                 {"cost", advice->cost},
                 {"turns if", advice->unless},
                 {"command", command}};
    const char *text = "";
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        text = with_line(arena, text, lines[i].label, lines[i].text, error);
    return text;
}

/* ---- rows ---- */

static struct log_model *add_model(struct fovea_log *log, const char *path, bool audit, int count, struct error *error)
{
    struct log_model *model = arena_allocate(log->arena, 1, sizeof *model, error);
    if (!model || !(model->path = arena_copy_string(log->arena, path, strlen(path), error)) ||
        !(model->name = line_of(log->arena, path, error)) ||
        !(model->rows = arena_allocate(log->arena, (size_t)count + 1, sizeof *model->rows, error)))
        return NULL;
    model->audit = audit;
    return model;
}

static void make_digest(struct log_row *row)
{
    char digest[65];
    struct sha256 hash;
    sha256_start(&hash);
    sha256_add(&hash, row->code, strlen(row->code) + 1);
    for (int i = 0; i < row->node_count; i++)
        sha256_add(&hash, row->nodes[i], strlen(row->nodes[i]) + 1);
    if (row->node_count == 0)
        sha256_add(&hash, row->title, strlen(row->title));
    sha256_finish(&hash, digest);
    memcpy(row->digest, digest, sizeof row->digest - 1);
}

/* Once all of it is there. */
static void append(struct fovea_log *log, struct log_model *model)
{
    if (log->last)
        log->last->next = model;
    else
        log->first = model;
    log->last = model;
}

int log_add_audit(struct fovea_log *log, const struct fovea_audit *audit, const struct fovea_gate *gate,
                  struct error *error)
{
    struct log_model *model = add_model(log, audit->path, true, audit->count, error);
    for (int i = 0; model && i < audit->count; i++) {
        const struct fovea_advice *advice = &audit->list[i];
        struct log_row *row = &model->rows[model->count++];
        const char *certainty = fovea_certainty_name(advice->certainty);
        enum fovea_level level = fovea_advice_level(advice);
        *row = (struct log_row){.state = fovea_state_name(advice->state),
                                .level = level,
                                .stops = gate_stops(gate, advice->guide, level),
                                .open = advice->state == FOVEA_STATE_UNDECIDABLE ||
                                        advice->state == FOVEA_STATE_NOT_APPLICABLE};
        const char *found = line_of(log->arena, advice->found, error);
        row->rule = line_of(log->arena, advice->guide, error);
        row->code = line_of(log->arena, advice->code, error);
        row->detail = detail_of(log->arena, advice, error);
        row->title = found ? arena_print(log->arena, error, "%s: %s (%s)", row->state, found, certainty) : NULL;
        if (!row->rule || !row->code || !row->detail || !row->title ||
            copy_nodes(log->arena, row, advice->nodes, advice->node_count, error))
            return -1;
        make_digest(row);
    }
    if (model)
        append(log, model);
    return model ? 0 : -1;
}

int log_add_check(struct fovea_log *log, const char *path, const struct fovea_findings *findings,
                  const struct fovea_gate *gate, struct error *error)
{
    struct log_model *model = add_model(log, path, false, findings->count, error);
    for (int i = 0; model && i < findings->count; i++) {
        const struct fovea_finding *finding = &findings->list[i];
        struct log_row *row = &model->rows[model->count++];
        enum fovea_level level = fovea_finding_level(finding);
        *row = (struct log_row){.state = finding->severity == FOVEA_PROBLEM ? "problem" : "note",
                                .detail = "",
                                .level = level,
                                .stops = gate_stops(gate, finding->code, level)};
        row->rule = row->code = line_of(log->arena, finding->code, error);
        const char *text = line_of(log->arena, finding->text, error);
        row->title = text ? arena_print(log->arena, error, "%s: %s", row->state, text) : NULL;
        if (!row->rule || !row->title)
            return -1;
        make_digest(row);
    }
    if (model)
        append(log, model);
    return model ? 0 : -1;
}
