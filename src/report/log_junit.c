/* Findings as JUnit's XML: what Jenkins, GitLab, Azure and others read has no one definition, so that nothing is used
 * but what all of them know. */
#include <string.h>

#include "report/log.h"

/* Noncharacters of XML 1.0 are control characters, which no text of a log holds, and U+FFFE and U+FFFF. */
static void add_escaped(struct text *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '<'                                                                     ? "&lt;"
                             : *text == '>'                                                                   ? "&gt;"
                             : *text == '&'                                                                   ? "&amp;"
                             : *text == '"'                                                                   ? "&quot;"
                             : *text == '\''                                                                  ? "&apos;"
                             : strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0 ? "?"
                                                                                                              : NULL;
        if (!entity)
            text_append(out, text, 1);
        else
            text_append(out, entity, strlen(entity));
        text += entity && entity[0] == '?' ? 2 : 0;
    }
}

static void add_attribute(struct text *out, const char *name, const char *value)
{
    text_print(out, " %s=\"", name);
    add_escaped(out, value);
    text_print(out, "\"");
}

/* The rows of one rule. */
struct outcome {
    const struct log_row *first, *stopping; /* NULL: none */
    bool skipped;                           /* none tells anything */
};

static struct outcome outcome_of(const struct log_model *model, const char *rule)
{
    struct outcome outcome = {.skipped = true};
    for (int i = 0; i < model->count; i++) {
        const struct log_row *row = &model->rows[i];
        if (strcmp(row->rule, rule) != 0)
            continue;
        outcome.first = outcome.first ? outcome.first : row;
        outcome.stopping = outcome.stopping || !row->stops ? outcome.stopping : row;
        outcome.skipped = outcome.skipped && row->open;
    }
    outcome.skipped = outcome.skipped && outcome.first && !outcome.stopping;
    return outcome;
}

static void write_rows(struct text *out, const struct log_model *model, const char *rule, bool stopping)
{
    for (int i = 0; i < model->count; i++) {
        const struct log_row *row = &model->rows[i];
        if (strcmp(row->rule, rule) != 0 || row->stops != stopping)
            continue;
        add_escaped(out, row->title);
        text_print(out, " [");
        add_escaped(out, row->code);
        text_print(out, "]\n");
        for (int k = 0; k < row->node_count; k++) {
            text_print(out, k ? ", " : "nodes: ");
            add_escaped(out, row->nodes[k]);
        }
        text_print(out, row->node_count > 0 ? "\n" : "");
        add_escaped(out, row->detail);
        text_print(out, row->detail[0] ? "\n" : "");
    }
}

static void write_case(struct text *out, const struct log_model *model, const char *rule, struct outcome outcome)
{
    text_print(out, "    <testcase");
    add_attribute(out, "classname", model->name);
    add_attribute(out, "name", rule);
    text_print(out, ">\n");
    if (outcome.skipped) {
        text_print(out, "      <skipped");
        add_attribute(out, "message", outcome.first->title);
        text_print(out, "/>\n");
    }
    if (outcome.stopping) {
        text_print(out, "      <failure");
        add_attribute(out, "type", outcome.stopping->state);
        add_attribute(out, "message", outcome.stopping->title);
        text_print(out, ">");
        write_rows(out, model, rule, true);
        text_print(out, "</failure>\n");
    }
    if (outcome.first && !outcome.skipped && !outcome.stopping) {
        text_print(out, "      <system-out>");
        write_rows(out, model, rule, false);
        text_print(out, "</system-out>\n");
    }
    text_print(out, "    </testcase>\n");
}

/* A rule that was not asked for has no case: of audits one without a row. */
static bool has_case(const struct log_model *model, const struct outcome *outcome)
{
    return outcome->first || !model->audit;
}

struct counts {
    int tests, failures, skipped;
};

static void count_cases(const struct log_model *model, struct counts *counts)
{
    struct log_rule rule;
    for (int i = 0; log_rule_at(model->audit, i, &rule); i++) {
        struct outcome outcome = outcome_of(model, rule.id);
        counts->tests += has_case(model, &outcome);
        counts->failures += outcome.stopping != NULL;
        counts->skipped += outcome.skipped;
    }
}

static void write_suite(struct text *out, const struct log_model *model)
{
    struct counts counts = {0};
    struct log_rule rule;
    count_cases(model, &counts);
    text_print(out, "  <testsuite name=\"fovea %s: ", model->audit ? "audit" : "check");
    add_escaped(out, model->name);
    text_print(out, "\" tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\">\n", counts.tests, counts.failures,
               counts.skipped);
    for (int i = 0; log_rule_at(model->audit, i, &rule); i++) {
        struct outcome outcome = outcome_of(model, rule.id);
        if (has_case(model, &outcome))
            write_case(out, model, rule.id, outcome);
    }
    text_print(out, "  </testsuite>\n");
}

void log_junit(const struct fovea_log *log, struct text *out)
{
    struct counts all = {0};
    for (const struct log_model *model = log->first; model; model = model->next)
        count_cases(model, &all);
    text_print(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"fovea\" tests=\"%d\" failures=\"%d\" "
               "errors=\"0\">\n",
               all.tests, all.failures);
    for (const struct log_model *model = log->first; model; model = model->next)
        write_suite(out, model);
    text_print(out, "</testsuites>\n");
}
