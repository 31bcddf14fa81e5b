#include "pass/pipeline.h"

#include <string.h>

#include "base/text.h"
#include "op/registry.h"
#include "pass/passes.h"

struct pipeline {
    const struct model *model;
    struct graph *graph;
    const struct pipeline_request *request;
};

static int sort_clone(const struct pipeline *pipeline, struct error *error)
{
    return graph_sort(pipeline->graph, error);
}

static int inline_functions(const struct pipeline *pipeline, struct error *error)
{
    struct graph *graph = pipeline->graph;
    return pass_inline_functions(pipeline->model, graph, error) || graph_sort(graph, error) ||
           operators_require(graph, error);
}

static int capture(const struct pipeline *pipeline, struct error *error)
{
    return pass_capture(pipeline->graph, error) || graph_sort(pipeline->graph, error);
}

static int bind_shapes(const struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    return pass_bind(pipeline->graph, request->bindings, request->binding_count, request->overrule, error);
}

static int open_graph(const struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    return request->open ? request->open(request->user, pipeline->graph, error) : 0;
}

static int select_outputs(const struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    return request->select ? request->select(request->user, pipeline->graph, error) : 0;
}

static int fold_batch_normalization(const struct pipeline *pipeline, struct error *error)
{
    return pipeline->request->keep_batch_normalization ? 0 : pass_fold_batch_normalization(pipeline->graph, error);
}

static int differentiate(const struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    return request->differentiate ? request->differentiate(request->user, pipeline->graph, error) : 0;
}

static int restrict_windows(const struct pipeline *pipeline, struct error *error)
{
    return pipeline->request->differentiate ? pass_restrict_windows(pipeline->graph, error) : 0;
}

static int recompute(const struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    return request->recompute ? request->recompute(request->user, pipeline->graph, error) : 0;
}

/* A pass is a function of the graph alone, or one above that hands it what else it takes. */
static const struct {
    const char *name;
    int (*on_graph)(struct graph *graph, struct error *error);
    int (*in_pipeline)(const struct pipeline *pipeline, struct error *error);
    bool fuses; /* left out where nodes are to stay as they are */
} passes[] = {
    {"clone", NULL, sort_clone, false},
    {"inline-functions", NULL, inline_functions, false},
    {"capture", NULL, capture, false},
    {"bind", NULL, bind_shapes, false},
    {"open", NULL, open_graph, false},
    {"infer", pass_infer_and_fold, NULL, false},
    {"select", NULL, select_outputs, false},
    {"prune", pass_prune, NULL, false},
    {"fold-batch-normalization", NULL, fold_batch_normalization, true},
    {"eliminate-identities", pass_eliminate_identities, NULL, true},
    {"recognise-roll", pass_recognise_roll, NULL, true},
    {"recognise-activation", pass_recognise_activation, NULL, true},
    {"recognise-normalization", pass_recognise_normalization, NULL, true},
    {"recognise-group-normalization", pass_recognise_group_normalization, NULL, true},
    {"recognise-attention", pass_recognise_attention, NULL, true},
    {"merge-views", pass_merge_views, NULL, true},
    {"prune-recognised", pass_prune, NULL, true},
    {"differentiate", NULL, differentiate, false},
    {"prune-gradient", pass_prune, NULL, false},
    {"restrict-windows", NULL, restrict_windows, false},
    {"fuse-epilogue", pass_fuse_epilogue, NULL, true},
    {"fuse-linear", pass_fuse_linear, NULL, true},
    {"prune-fused", pass_prune, NULL, true},
    {"recompute", NULL, recompute, false},
};
static const size_t pass_count = sizeof passes / sizeof passes[0];

/* Debug builds check every invariant after each pass; release builds once, where all that comes from the file is in
 * place and the passes that follow are our own work. */
static bool verifies_after(const char *name)
{
#ifdef NDEBUG
    return strcmp(name, "capture") == 0;
#else
    return name != NULL;
#endif
}

/* After each pass: a dump when asked for. */
static int finish_pass(const struct pipeline *pipeline, const char *name, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    const struct graph *graph = pipeline->graph;
    if (request->dump && request->dump_after && strcmp(request->dump_after, name) == 0)
        graph_print(graph, request->dump);
    /* Inner graphs are in the order of the file until capture sorts them. */
    bool sorted = strcmp(name, "clone") != 0 && strcmp(name, "inline-functions") != 0;
    if (verifies_after(name) && (sorted ? graph_verify(graph, error) : graph_verify_links(graph, error)))
        return error_prefix(error, "after pass %s", name);
    return 0;
}

static int run_passes(const struct pipeline *pipeline, struct error *error)
{
    for (size_t i = 0; i < pass_count; i++) {
        if (passes[i].fuses && pipeline->request->no_fusion)
            continue;
        int failed =
            passes[i].on_graph ? passes[i].on_graph(pipeline->graph, error) : passes[i].in_pipeline(pipeline, error);
        if (failed || context_poll(pipeline->graph->context, error) || finish_pass(pipeline, passes[i].name, error))
            return -1;
    }
    return 0;
}

/* Nothing would be computed, and nothing can be asked. */
static int require_outputs(const struct model *model, struct error *error)
{
    return model->graph->output_count > 0
               ? 0
               : error_set(error, ERROR_INPUT,
                           "the model has no outputs: nothing would be computed; name the graph's outputs");
}

static int check_dump_name(const struct pipeline_request *request, struct error *error)
{
    if (!request->dump_after)
        return 0;
    char names[256] = "";
    size_t length = 0;
    for (size_t i = 0; i < pass_count; i++) {
        const char *name = passes[i].name;
        if (strcmp(name, request->dump_after) == 0)
            return 0;
        if (length + strlen(name) + 2 < sizeof names) {
            memcpy(names + length, name, strlen(name) + 1);
            length += strlen(name);
            memcpy(names + length, " ", 2);
            length++;
        }
    }
    return error_set(error, ERROR_INPUT, "there is no pass '%s'; the passes are: %s", request->dump_after, names);
}

struct graph *pipeline_run(const struct model *model, const struct pipeline_request *request, struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct error *report = error ? error : &own;
    if (check_dump_name(request, report) || require_outputs(model, report)) {
        error_prefix(report, "%s", model->path);
        return NULL;
    }
    struct graph *graph = graph_clone(model->graph, report);
    if (graph && run_passes(&(struct pipeline){model, graph, request}, report)) {
        graph_destroy(graph);
        graph = NULL;
    }
    if (!graph)
        error_prefix(report, "%s", model->path);
    return graph;
}
