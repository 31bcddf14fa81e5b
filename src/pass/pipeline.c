#include "pass/pipeline.h"

#include <string.h>

#include "base/text.h"
#include "op/registry.h"
#include "pass/passes.h"

/* ORDER PASSES: the order in which run_passes calls them. */
static const char *const pass_names[] = {"clone",
                                         "inline-functions",
                                         "capture",
                                         "bind",
                                         "open",
                                         "infer",
                                         "select",
                                         "prune",
                                         "fold-batch-normalization",
                                         "eliminate-identities",
                                         "recognise-roll",
                                         "recognise-activation",
                                         "recognise-normalization",
                                         "recognise-group-normalization",
                                         "recognise-attention",
                                         "merge-views",
                                         "prune-recognised",
                                         "differentiate",
                                         "prune-gradient",
                                         "restrict-windows",
                                         "fuse-epilogue",
                                         "fuse-linear",
                                         "prune-fused",
                                         "recompute"};

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
static int finish_pass(const struct pipeline_request *request, const char *name, const struct graph *graph,
                       struct error *error)
{
    if (request->dump && request->dump_after && strcmp(request->dump_after, name) == 0)
        graph_print(graph, request->dump);
    /* Inner graphs are in the order of the file until capture sorts them. */
    bool sorted = strcmp(name, "clone") != 0 && strcmp(name, "inline-functions") != 0;
    if (verifies_after(name) && (sorted ? graph_verify(graph, error) : graph_verify_links(graph, error)))
        return error_prefix(error, "after pass %s", name);
    return 0;
}

static int no_pass(void *user, struct graph *graph, struct error *error)
{
    (void)user;
    (void)graph;
    (void)error;
    return 0;
}

static int run_passes(const struct model *model, struct graph *graph, const struct pipeline_request *request,
                      struct error *error)
{
#define RUN_PASS(name, call)                                                                                           \
    if ((call) || finish_pass(request, name, graph, error))                                                            \
    return -1
    int (*open)(void *, struct graph *, struct error *) = request->open ? request->open : no_pass;
    int (*select)(void *, struct graph *, struct error *) = request->select ? request->select : no_pass;
    int (*gradients)(void *, struct graph *, struct error *) =
        request->differentiate ? request->differentiate : no_pass;
    RUN_PASS("clone", graph_sort(graph, error));
    RUN_PASS("inline-functions",
             pass_inline_functions(model, graph, error) || graph_sort(graph, error) || operators_require(graph, error));
    RUN_PASS("capture", pass_capture(graph, error) || graph_sort(graph, error));
    RUN_PASS("bind", pass_bind(graph, request->bindings, request->binding_count, request->overrule, error));
    RUN_PASS("open", open(request->user, graph, error));
    RUN_PASS("infer", pass_infer_and_fold(graph, error));
    RUN_PASS("select", select(request->user, graph, error));
    RUN_PASS("prune", pass_prune(graph, error));
    if (!request->no_fusion) {
        if (!request->keep_batch_normalization)
            RUN_PASS("fold-batch-normalization", pass_fold_batch_normalization(graph, error));
        RUN_PASS("eliminate-identities", pass_eliminate_identities(graph, error));
        RUN_PASS("recognise-roll", pass_recognise_roll(graph, error));
        RUN_PASS("recognise-activation", pass_recognise_activation(graph, error));
        RUN_PASS("recognise-normalization", pass_recognise_normalization(graph, error));
        RUN_PASS("recognise-group-normalization", pass_recognise_group_normalization(graph, error));
        RUN_PASS("recognise-attention", pass_recognise_attention(graph, error));
        RUN_PASS("merge-views", pass_merge_views(graph, error));
        RUN_PASS("prune-recognised", pass_prune(graph, error));
    }
    RUN_PASS("differentiate", gradients(request->user, graph, error));
    RUN_PASS("prune-gradient", pass_prune(graph, error));
    RUN_PASS("restrict-windows", request->differentiate ? pass_restrict_windows(graph, error) : 0);
    if (!request->no_fusion) {
        RUN_PASS("fuse-epilogue", pass_fuse_epilogue(graph, error));
        RUN_PASS("fuse-linear", pass_fuse_linear(graph, error));
        RUN_PASS("prune-fused", pass_prune(graph, error));
    }
    RUN_PASS("recompute", request->recompute ? request->recompute(request->user, graph, error) : 0);
#undef RUN_PASS
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
    for (size_t i = 0; i < sizeof pass_names / sizeof pass_names[0]; i++) {
        const char *name = pass_names[i];
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
    if (graph && run_passes(model, graph, request, report)) {
        graph_destroy(graph);
        graph = NULL;
    }
    if (!graph)
        error_prefix(report, "%s", model->path);
    return graph;
}
