#include "analysis/check.h"

#include "analysis/check_rules.h"
#include "pass/passes.h"

static int run_parts(struct check *check, struct error *error)
{
    static int (*const parts[])(struct check * check, struct error * error) = {
        check_file, check_operators, check_names, check_attributes, check_shapes, check_weights, check_unused};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i](check, error))
            return -1;
    }
    return 0;
}

/* What is checked is what runs: calls of the model's functions are replaced by their bodies first. */
static int check_inlined(struct check *check, struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct graph *graph = graph_clone(check->model->graph, error);
    if (!graph)
        return -1;
    check->graph = graph;
    int result = pass_inline_functions(check->model, graph, &own)
                     ? check_tell_refusal(check, FINDING_FUNCTION, &own, "", error)
                     : run_parts(check, error);
    graph_destroy(graph);
    return result;
}

int check_model(const struct model *model, const struct shape_binding *bindings, int binding_count,
                struct fovea_findings *found, struct error *error)
{
    struct check check = {
        .model = model, .graph = model->graph, .bindings = bindings, .binding_count = binding_count, .found = found};
    int result = model->function_count > 0 ? check_inlined(&check, error) : run_parts(&check, error);
    return result == 0 ? check_finish(&check, error) : -1;
}
