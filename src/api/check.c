#include "analysis/check.h"
#include "api/entry.h"

#include "api/api.h"

int fovea_check(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_findings *findings,
                struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "findings", findings, sizeof *findings) || entry_model(&entry, model) ||
        entry_options(&entry, "shapes", shapes, entry_shapes))
        return entry_refuse(&entry, report);
    *findings = (struct fovea_findings){.storage = arena_create(model->context->memory, &entry.error)};
    struct shape_binding *bindings = findings->storage ? api_bindings(model->context, shapes, 0, &entry.error) : NULL;
    int result = bindings ? check_model(model->model, bindings, shapes->count, findings, &entry.error) : -1;
    memory_release(model->context->memory, bindings);
    if (result == 0)
        return 0;
    fovea_findings_free(findings);
    return entry_refuse(&entry, report);
}

void fovea_findings_free(struct fovea_findings *findings)
{
    if (!findings)
        return;
    arena_destroy(findings->storage);
    *findings = (struct fovea_findings){0};
}

const struct fovea_finding_kind *fovea_finding_kind_at(int index)
{
    return check_kind(index);
}
