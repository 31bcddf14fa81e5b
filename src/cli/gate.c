/* What of findings decides the exit code. */
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

int parse_gate(const struct command *command, struct gate_flags *flags, const char *const *levels)
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

void free_gate(struct gate_flags *flags)
{
    for (int i = 0; i < flags->gate.rule_count; i++)
        free((void *)(uintptr_t)flags->gate.rules[i].name);
    free((void *)(uintptr_t)flags->gate.rules);
}
