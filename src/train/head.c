#include "train/head.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "analysis/target.h"
#include "base/random.h"
#include "graph/match.h"
#include "guide/edit.h"
#include "train/parameter.h"

/* The classifier: its node, and the Add behind it that holds its bias. */
struct classifier {
    struct node *product, *bias; /* of the network; bias NULL: none of its own */
    bool channels_last;          /* of the scores: the classes are their last axis */
    int64_t classes;
};

static bool find_classifier(const struct target *scores, struct classifier *classifier)
{
    /* Behind a classifier that is a convolution: its activation and the pool. */
    static const char *const views[] = {"Identity", "Flatten",           "Reshape",     "Squeeze",    "Cast", "Transpose",
                                        "Resize",   "GlobalAveragePool", "AveragePool", "ReduceMean", "Relu", "Dropout"};
    *classifier = (struct classifier){.classes = scores->grid.view.channels,
                                      .channels_last = scores->grid.layout == UNITS_MAP_CHANNELS_LAST};
    for (struct node *node = scores->value->producer; node; node = node->inputs[0] ? node->inputs[0]->producer : NULL) {
        bool view = false;
        for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
            view = view || match_operator(node, views[i]);
        if (network_weights(node)) {
            classifier->product = node;
            return true;
        }
        if (!classifier->bias && match_operator(node, "Add") && node->inputs[1]->constant)
            classifier->bias = node;
        else if (!view)
            return false;
    }
    return false;
}

/* Axis of the weights that counts the outputs. */
static int output_axis(const struct node *product)
{
    if (match_operator(product, "Gemm"))
        return node_int(product, "transB", 0) != 0 ? 0 : 1;
    return match_operator(product, "Conv") ? 0 : product->inputs[1]->shape.rank - 1;
}

static int replace_constant(struct edit *edit, struct node *source, int input, const struct value *old, int axis,
                            int64_t classes, double bound, uint64_t seed, struct error *error)
{
    struct random random = {.seed = seed, .stream = 7};
    struct tensor tensor = {.dtype = old->dtype, .shape = old->shape};
    tensor.shape.dims[axis] = classes;
    if (tensor_allocate(edit->model->context->memory, &tensor, error))
        return -1;
    for (int64_t i = 0; i < shape_count(&tensor.shape); i++)
        tensor_set_number(&tensor, i, bound * (2 * random_uniform(&random) - 1));
    return edit_set_constant(edit, source, input, &tensor, error);
}

/* Outputs that counted the old classes along the axis of the scores' classes. */
static int declare_outputs(struct graph *graph, const struct classifier *old, int64_t classes, struct error *error)
{
    for (int i = 0; i < graph->output_count; i++) {
        struct value *output = graph->outputs[i];
        int axis = old->channels_last ? output->declared_rank - 1 : 1;
        if (output->declared_rank < 2 || output->declared[axis].size != old->classes)
            continue;
        struct dimension *declared =
            arena_allocate(graph->arena, (size_t)output->declared_rank, sizeof *declared, error);
        if (!declared)
            return -1;
        memcpy(declared, output->declared, (size_t)output->declared_rank * sizeof *declared);
        declared[axis] = (struct dimension){classes, NULL};
        output->declared = declared;
        output->changed = true;
    }
    return 0;
}

static int replace_classifier(struct model *model, const struct classifier *classifier, int64_t classes, uint64_t seed,
                        struct error *error)
{
    struct edit edit = {.model = model};
    struct node *source = network_source_node(classifier->product);
    struct node *bias = classifier->bias ? network_source_node(classifier->bias) : NULL;
    if (!source || (classifier->bias && !bias))
        return error_set(error, ERROR_UNSUPPORTED, "the classifier is part of a function or a fused operator");
    const struct value *weights = classifier->product->inputs[1];
    int axis = output_axis(classifier->product);
    double inputs = (double)shape_count(&weights->shape) / (double)weights->shape.dims[axis];
    if (replace_constant(&edit, source, 1, weights, axis, classes, 1 / sqrt(inputs), seed, error))
        return -1;
    if (classifier->product->input_count > 2 && classifier->product->inputs[2] && classifier->product->inputs[2]->constant) {
        const struct value *shift = classifier->product->inputs[2];
        if (replace_constant(&edit, source, 2, shift, shift->shape.rank - 1, classes, 0, seed, error))
            return -1;
    }
    if (bias) {
        const struct value *shift = classifier->bias->inputs[1];
        int shift_axis = match_operator(classifier->product, "Conv") ? shift->shape.rank - 3 : shift->shape.rank - 1;
        if (replace_constant(&edit, bias, 1, shift, shift_axis, classes, 0, seed, error))
            return -1;
    }
    return declare_outputs(model->graph, classifier, classes, error);
}

/* The scores of a classifier or a segmentation network. */
static int find_scores(const struct model *model, const struct network *network, struct target *scores,
                       struct error *error)
{
    if (!network->image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    if (target_find(model, network->graph, network->image, "logits", scores, error))
        return -1;
    return scores->head.kind == HEAD_ROWS
               ? error_set(error, ERROR_UNSUPPORTED, "rows of classes are given no new ones; classifiers and "
                                                     "segmentation networks are")
               : 0;
}

int head_replace(struct model *model, const struct shape_binding *bindings, int binding_count, int64_t classes,
                 uint64_t seed, struct error *error)
{
    struct network network;
    struct classifier classifier;
    struct target scores;
    if (network_create(&network, model, bindings, binding_count, error))
        return -1;
    int result = find_scores(model, &network, &scores, error) ? -1
                 : find_classifier(&scores, &classifier)
                     ? replace_classifier(model, &classifier, classes, seed, error)
                     : error_set(error, ERROR_UNSUPPORTED, "the model ends in no product with weights of its own");
    network_release(&network);
    return result;
}

/* ---- drawing anew ---- */

static void draw(const struct parameter *parameter, uint64_t stream, uint64_t seed, float *elements)
{
    struct random random = {.seed = seed, .stream = stream};
    double inputs = parameter->shape.rank > 1 ? (double)parameter->count / (double)parameter->shape.dims[0] : 1;
    double deviation = sqrt(2 / inputs);
    for (int64_t i = 0; i < parameter->count; i++)
        elements[i] = parameter->kind == PARAMETER_WEIGHT  ? (float)(deviation * random_normal(&random))
                      : parameter->kind == PARAMETER_SCALE ? 1
                                                           : 0;
}

static int draw_matching(struct memory *memory, const struct parameter_set *parameters, const char *pattern,
                         uint64_t seed, struct error *error)
{
    int drawn = 0;
    for (int i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = &parameters->list[i];
        if (fnmatch(pattern, parameter->name, 0) != 0)
            continue;
        float *elements = memory_allocate(memory, (size_t)parameter->count, sizeof *elements, error);
        if (!elements)
            return -1;
        draw(parameter, (uint64_t)i + 1, seed, elements);
        int result = parameter_store(parameter, elements, error);
        memory_release(memory, elements);
        if (result)
            return -1;
        drawn++;
    }
    return drawn;
}

/* What pipeline_run's call hands back. */
struct opening {
    struct parameter_set parameters;
    struct arena *arena;
};

static int open_parameters(void *user, struct graph *graph, struct error *error)
{
    struct opening *opening = user;
    return parameter_set_open(&opening->parameters, graph, opening->arena, error);
}

int weights_reinitialise(struct model *model, const struct shape_binding *bindings, int binding_count,
                         const char *pattern, uint64_t seed, struct error *error)
{
    struct opening opening = {.arena = arena_create(model->context->memory, error)};
    struct pipeline_request request = {.bindings = bindings,
                                       .binding_count = binding_count,
                                       .open = open_parameters,
                                       .user = &opening,
                                       .no_fusion = true};
    struct graph *graph = opening.arena ? pipeline_run(model, &request, error) : NULL;
    int drawn = graph ? draw_matching(model->context->memory, &opening.parameters, pattern, seed, error) : -1;
    graph_destroy(graph);
    arena_destroy(opening.arena);
    return drawn;
}
