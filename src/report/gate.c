#include "report/gate.h"

#include <string.h>

const char *fovea_level_name(enum fovea_level level)
{
    static const char *const names[FOVEA_LEVELS] = {"never", "problem", "advice", "any", "note"};
    return (unsigned)level < FOVEA_LEVELS ? names[level] : NULL;
}

enum fovea_level fovea_advice_level(const struct fovea_advice *advice)
{
    switch (advice->state) {
    case FOVEA_STATE_ADVICE:
        return advice->certainty == FOVEA_CERTAINTY_MEASURED || advice->certainty == FOVEA_CERTAINTY_VERIFIED
                   ? FOVEA_LEVEL_ADVICE
                   : FOVEA_LEVEL_ANY;
    case FOVEA_STATE_PENDING:
        return FOVEA_LEVEL_ANY;
    case FOVEA_STATE_UNDECIDABLE:
    case FOVEA_STATE_NOTE:
        return FOVEA_LEVEL_NOTE;
    default:
        return FOVEA_LEVEL_NEVER;
    }
}

enum fovea_level fovea_finding_level(const struct fovea_finding *finding)
{
    return finding->severity == FOVEA_PROBLEM ? FOVEA_LEVEL_PROBLEM : FOVEA_LEVEL_NOTE;
}

bool gate_stops(const struct fovea_gate *gate, const char *name, enum fovea_level level)
{
    enum fovea_level from = gate->level;
    for (int i = 0; i < gate->rule_count; i++)
        from = strcmp(gate->rules[i].name, name) == 0 ? gate->rules[i].level : from;
    return level != FOVEA_LEVEL_NEVER && level <= from;
}
