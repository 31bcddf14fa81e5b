/* What of findings decides the exit code, and what is written of them for other programs. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static enum fovea_level level_of(const char *word)
{
    int level = 0;
    while (level < FOVEA_LEVELS && strcmp(fovea_level_name((enum fovea_level)level), word) != 0)
        level++;
    return (enum fovea_level)level;
}

static int parse_levels(const struct command *command, struct gate_flags *flags, const char *const *levels)
{
    struct fovea_gate_rule *rules = needed((size_t)flags->fail_on.count, sizeof *rules);
    flags->gate = (struct fovea_gate){.level = level_of(levels[0]), .rules = rules};
    for (int i = 0; i < flags->fail_on.count; i++) {
        const char *text = flags->fail_on.items[i], *sign = strchr(text, '=');
        int word = 0, code = parse_word(command, "fail-on", sign ? sign + 1 : text, levels, &word);
        if (code != PARSE_GO_ON)
            return code;
        enum fovea_level level = level_of(levels[word]);
        if (sign)
            rules[flags->gate.rule_count++] = (struct fovea_gate_rule){needed_copy(text, (size_t)(sign - text)), level};
        else
            flags->gate.level = level;
    }
    return PARSE_GO_ON;
}

int parse_gate(const struct command *command, struct gate_flags *flags, const char *const *levels, const char *json)
{
    struct fovea_error error = {0};
    int code = parse_levels(command, flags, levels);
    if (code != PARSE_GO_ON)
        return code;
    int documents = json_alone(json) + json_alone(flags->sarif) + json_alone(flags->junit);
    if (documents > 1 || (documents > 0 && flags->github))
        return fail_usage(command, "stdout holds one of --json, --sarif -, --junit - and --github");
    if ((flags->sarif || flags->junit || flags->github) && !(flags->log = fovea_log_create(&error)))
        return fail(&error);
    return PARSE_GO_ON;
}

bool gate_alone(const struct gate_flags *flags, const char *json)
{
    return json_alone(json) || json_alone(flags->sarif) || json_alone(flags->junit);
}

int gate_audit(struct gate_flags *flags, const struct fovea_audit *audit)
{
    struct fovea_error error = {0};
    int count = fovea_gate_audit(&flags->gate, audit, &error);
    if (count < 0 || (flags->log && fovea_log_audit(flags->log, audit, &flags->gate, &error))) {
        fail(&error);
        return -1;
    }
    return count > 0;
}

int gate_check(struct gate_flags *flags, const struct opened *opened, const struct fovea_findings *findings)
{
    struct fovea_error error = {0};
    int count = fovea_gate_check(&flags->gate, findings, &error);
    if (count < 0 || (flags->log && fovea_log_check(flags->log, opened->model, findings, &flags->gate, &error))) {
        fail(&error);
        return -1;
    }
    return count > 0;
}

int write_gate(const struct gate_flags *flags, const struct opened *opened)
{
    const struct {
        const char *path;
        enum fovea_log_form form;
    } asked[] = {{flags->sarif, FOVEA_LOG_SARIF},
                 {flags->junit, FOVEA_LOG_JUNIT},
                 {flags->github ? "-" : NULL, FOVEA_LOG_GITHUB}};
    int worst = FOVEA_CLEAN;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        int code = asked[i].path ? write_json(opened, asked[i].path, fovea_log_text(flags->log, asked[i].form, NULL))
                                 : FOVEA_CLEAN;
        worst = code > worst ? code : worst;
    }
    return worst;
}

int visit_gated(const struct command *command, const struct gate_flags *gate, const char *json, model_visit *visit,
                void *flags)
{
    int code = visit_models(command, json, !gate_alone(gate, json), visit, flags), written = FOVEA_CLEAN;
    if (command->positional_count > 1 && !is_interrupted())
        written = write_gate(gate, NULL);
    return written > code ? written : code;
}

void free_gate(struct gate_flags *flags)
{
    for (int i = 0; i < flags->gate.rule_count; i++)
        free((void *)(uintptr_t)flags->gate.rules[i].name);
    free((void *)(uintptr_t)flags->gate.rules);
    fovea_log_free(flags->log);
}
