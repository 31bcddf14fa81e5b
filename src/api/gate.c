/* What of findings stops. */
#include <string.h>

#include "analysis/check.h"
#include "api/entry.h"
#include "base/suggest.h"
#include "guide/guide.h"
#include "report/gate.h"

static const char *code_at(const void *none, int index)
{
    (void)none;
    return check_kind(index) ? check_kind(index)->code : NULL;
}

static int check_code(const char *name, struct error *error)
{
    char meant[SUGGESTION_TEXT];
    for (int i = 0; check_kind(i); i++) {
        if (strcmp(check_kind(i)->code, name) == 0)
            return 0;
    }
    return error_set(error, ERROR_INPUT, "there is no code '%s' among those of checks%s", name,
                     suggest_name(name, code_at, NULL, meant));
}

static int check_rules(const struct fovea_gate *gate, bool guides, struct error *error)
{
    for (int i = 0; i < gate->rule_count; i++) {
        const char *name = gate->rules[i].name;
        if (!name)
            return error_set(error, ERROR_INPUT, "`rules[%d].name` is NULL", i);
        if (guides ? audit_check_guides(&name, 1, error) : check_code(name, error))
            return -1;
    }
    return 0;
}

int fovea_gate_audit(const struct fovea_gate *gate, const struct fovea_audit *audit, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_options(&entry, "gate", gate, entry_gate) || entry_options(&entry, "audit", audit, entry_audit) ||
        check_rules(gate, true, &entry.error))
        return entry_refuse(&entry, report);
    int count = 0;
    for (int i = 0; i < audit->count; i++)
        count += gate_stops(gate, audit->list[i].guide, fovea_advice_level(&audit->list[i]));
    return count;
}

int fovea_gate_check(const struct fovea_gate *gate, const struct fovea_findings *findings, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_options(&entry, "gate", gate, entry_gate) || entry_argument(&entry, "findings", findings) ||
        check_rules(gate, false, &entry.error))
        return entry_refuse(&entry, report);
    int count = 0;
    for (int i = 0; i < findings->count; i++)
        count += gate_stops(gate, findings->list[i].code, fovea_finding_level(&findings->list[i]));
    return count;
}
