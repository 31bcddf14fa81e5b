/** @file What of findings stops a pipeline. */
#ifndef FOVEA_GATE_H
#define FOVEA_GATE_H

#include "fovea/audit.h"
#include "fovea/check.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How much a finding weighs: each level holds those in front of it. */
enum fovea_level {
    FOVEA_LEVEL_NEVER,   /**< nothing stops; of a finding: what it is about is fine */
    FOVEA_LEVEL_PROBLEM, /**< a problem of a check */
    FOVEA_LEVEL_ADVICE,  /**< advice that is measured or verified */
    FOVEA_LEVEL_ANY,     /**< any advice, and what was applied and not yet trained */
    FOVEA_LEVEL_NOTE,    /**< notes, and what the file does not tell */
    FOVEA_LEVELS
};
/** "never", "problem", "advice", "any", "note"; NULL for others. */
FOVEA_API const char *fovea_level_name(enum fovea_level level);
/** Of one finding of an audit, and of a check. */
FOVEA_API enum fovea_level fovea_advice_level(const struct fovea_advice *advice);
FOVEA_API enum fovea_level fovea_finding_level(const struct fovea_finding *finding);

/** The level from which on findings of a guide (audit), or of a code (check), stop. */
struct fovea_gate_rule {
    const char *name;
    enum fovea_level level;
};
struct fovea_gate {
    enum fovea_level level;              /**< of all others */
    const struct fovea_gate_rule *rules; /**< the last one that has the name counts */
    int rule_count;
    uint64_t reserved[8]; /**< zero */
};
/** How many findings stop; -1 and an error where a rule's name is no guide, or no code. */
FOVEA_API int fovea_gate_audit(const struct fovea_gate *gate, const struct fovea_audit *audit,
                               struct fovea_error *error);
FOVEA_API int fovea_gate_check(const struct fovea_gate *gate, const struct fovea_findings *findings,
                               struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
