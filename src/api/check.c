#include "analysis/check.h"

#include "api/api.h"

static int copy_findings(const struct finding_list *from, struct fovea_findings *to, struct error *error)
{
    to->list = arena_allocate(from->arena, from->count + 1, sizeof *to->list, error);
    if (!to->list)
        return -1;
    for (size_t i = 0; i < from->count; i++)
        to->list[i] = (struct fovea_finding){from->list[i].severity == FINDING_PROBLEM ? FOVEA_PROBLEM : FOVEA_NOTE,
                                             from->list[i].code, from->list[i].text};
    to->count = (int)from->count;
    to->problems = from->problems;
    return 0;
}

int fovea_check(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_findings *findings,
                struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    struct finding_list found = {.arena = arena_create(memory, &error)};
    struct shape_binding *bindings = found.arena ? api_bindings(model->context, shapes, 0, &error) : NULL;
    *findings = (struct fovea_findings){.storage = found.arena};
    int result = -1;
    if (bindings && check_model(model->model, bindings, shapes->count, &found, &error) == 0)
        result = copy_findings(&found, findings, &error);
    memory_release(memory, bindings);
    if (result == 0)
        return 0;
    fovea_findings_free(model, findings);
    return api_fail(&error, report);
}

void fovea_findings_free(struct fovea_model *model, struct fovea_findings *findings)
{
    (void)model;
    arena_destroy(findings->storage);
    *findings = (struct fovea_findings){0};
}
