#include "pass/pipeline.h"

#include <string.h>

#include "base/suggest.h"
#include "base/text.h"
#include "pass/foreign.h"
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
    return pass_inline_functions(pipeline->model, graph, error) || graph_sort(graph, error);
}

static int capture(const struct pipeline *pipeline, struct error *error)
{
    return pass_capture(pipeline->graph, error) || graph_sort(pipeline->graph, error);
}

static int follow_exporter(const struct pipeline *pipeline, struct error *error)
{
    return pass_follow_exporter(pipeline->graph, pipeline->model->producer_name, error);
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

/* Nothing is computed that is not needed, and nothing else has to be known. */
static int prune(const struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_request *request = pipeline->request;
    return pass_prune(pipeline->graph, error) || (!request->keeps_foreign && foreign_require(pipeline->graph, error));
}

static int fold_batch_normalization(const struct pipeline *pipeline, struct error *error)
{
    return pipeline->request->keep_batch_normalization ? 0 : pass_fold_batch_normalization(pipeline->graph, error);
}

/* Those who look at the graph alone want it as it is. */
static int confine(const struct pipeline *pipeline, struct error *error)
{
    return pipeline->request->keeps_foreign || pipeline->request->whole_values ? 0
                                                                               : pass_confine(pipeline->graph, error);
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

enum {
    FUSES = 1,    /* left out where nodes are to stay as they are */
    UNSORTED = 2, /* inner graphs are in the order of the file until capture sorts them */
    VERIFIED = 4  /* in release builds: all that comes from the file is in place, what follows is our own work */
};

/* A pass is a function of the graph alone, or one above that hands it what else it takes. */
static const struct {
    const char *name;
    int (*on_graph)(struct graph *graph, struct error *error);
    int (*in_pipeline)(const struct pipeline *pipeline, struct error *error);
    unsigned traits;
} passes[] = {
    {"clone", NULL, sort_clone, UNSORTED},
    {"inline-functions", NULL, inline_functions, UNSORTED},
    {"capture", NULL, capture, VERIFIED},
    {"follow-exporter", NULL, follow_exporter, 0},
    {"bind", NULL, bind_shapes, 0},
    {"open", NULL, open_graph, 0},
    {"infer", pass_infer_and_fold, NULL, 0},
    {"select", NULL, select_outputs, 0},
    {"prune", NULL, prune, 0},
    {"fold-batch-normalization", NULL, fold_batch_normalization, FUSES},
    {"eliminate-identities", pass_eliminate_identities, NULL, FUSES},
    {"recognise-roll", pass_recognise_roll, NULL, FUSES},
    {"recognise-activation", pass_recognise_activation, NULL, FUSES},
    {"recognise-normalization", pass_recognise_normalization, NULL, FUSES},
    {"recognise-group-normalization", pass_recognise_group_normalization, NULL, FUSES},
    {"recognise-attention", pass_recognise_attention, NULL, FUSES},
    {"merge-views", pass_merge_views, NULL, FUSES},
    {"prune-recognised", pass_prune, NULL, FUSES},
    {"confine", NULL, confine, FUSES},
    {"differentiate", NULL, differentiate, 0},
    {"prune-gradient", pass_prune, NULL, 0},
    {"restrict-windows", NULL, restrict_windows, 0},
    {"fuse-epilogue", pass_fuse_epilogue, NULL, FUSES},
    {"fuse-linear", pass_fuse_linear, NULL, FUSES},
    {"prune-fused", pass_prune, NULL, FUSES},
    {"recompute", NULL, recompute, 0},
};
static const size_t pass_count = sizeof passes / sizeof passes[0];

/* Debug builds check every invariant after each pass. */
#ifdef NDEBUG
static const bool verifies_all = false;
#else
static const bool verifies_all = true;
#endif

/* A dump where it is asked for, and the graph's invariants. */
static int finish_pass(const struct pipeline *pipeline, size_t pass, struct error *error)
{
    const char *name = passes[pass].name;
    const struct pipeline_request *request = pipeline->request;
    const struct graph *graph = pipeline->graph;
    if (request->dump && request->dump_after && strcmp(request->dump_after, name) == 0)
        graph_print(graph, request->dump);
    if (!verifies_all && !(passes[pass].traits & VERIFIED))
        return 0;
    return (passes[pass].traits & UNSORTED ? graph_verify_links(graph, error) : graph_verify(graph, error))
               ? error_prefix(error, "after pass %s", name)
               : 0;
}

static int run_passes(const struct pipeline *pipeline, struct error *error)
{
    for (size_t i = 0; i < pass_count; i++) {
        if ((passes[i].traits & FUSES) && pipeline->request->no_fusion)
            continue;
        int failed =
            passes[i].on_graph ? passes[i].on_graph(pipeline->graph, error) : passes[i].in_pipeline(pipeline, error);
        if (failed || context_poll(pipeline->graph->context, error) || finish_pass(pipeline, i, error))
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

static const char *pass_name_at(const void *none, int index)
{
    (void)none;
    return (size_t)index < pass_count ? passes[index].name : NULL;
}

static int check_dump_name(const struct model *model, const struct pipeline_request *request, struct error *error)
{
    struct text names;
    char meant[SUGGESTION_TEXT];
    if (!request->dump_after)
        return 0;
    for (size_t i = 0; i < pass_count; i++) {
        if (strcmp(passes[i].name, request->dump_after) == 0)
            return 0;
    }
    text_start(&names, model->context->memory);
    for (size_t i = 0; i < pass_count; i++)
        text_print(&names, " %s", passes[i].name);
    if (text_finish(&names, error) == 0)
        error_set(error, ERROR_INPUT, "there is no pass '%s'; the passes are:%s%s", request->dump_after, names.data,
                  suggest_name(request->dump_after, pass_name_at, NULL, meant));
    text_release(&names);
    return -1;
}

struct graph *pipeline_run(const struct model *model, const struct pipeline_request *request, struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct error *report = error ? error : &own;
    if (check_dump_name(model, request, report) || require_outputs(model, report)) {
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
