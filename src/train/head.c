#include "train/head.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "analysis/target.h"
#include "base/random.h"
#include "graph/match.h"
#include "graph/operator.h"
#include "guide/edit.h"
#include "op/convolution.h"
#include "op/settings.h"
#include "train/parameter.h"

/* A product that makes scores: its node, and the Add behind it that holds its bias. */
struct product {
    struct node *node, *bias; /* of the network; bias NULL: none of its own */
    int bias_input;           /* of the Add */
};

/* What makes the scores: one product, or several that are added up. */
#define MOST_PRODUCTS 8
#define MOST_STEPS 64 /* between the scores and a product */
struct classifier {
    struct product products[MOST_PRODUCTS];
    int count;
    bool channels_last; /* of the scores: the classes are their last axis */
    int64_t classes;
};

/* Behind a classifier that is a convolution: its activation and the pool. */
static bool is_view(const struct node *node)
{
    const uint64_t keep = OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_PERMUTES | OPERATOR_RESAMPLES;
    return node_has(node, keep | OPERATOR_POOLS | OPERATOR_REDUCES | OPERATOR_ACTIVATION) &&
           !(node->input_count > 1 && node_role(node, 1) == ROLE_SLOPE);
}

/* Axis of the weights that counts the outputs. */
static int output_axis(const struct node *product)
{
    const struct gemm_settings *gemm = match_settings(product, "Gemm");
    if (gemm)
        return gemm->transB ? 0 : 1;
    return node_has(product, OPERATOR_CONVOLUTION) ? match_operator(product, "ConvTranspose")
                                                   : product->inputs[1]->shape.rank - 1;
}

static bool add_product(struct classifier *classifier, const struct product *product)
{
    const struct node *node = product->node;
    const struct conv_transpose_settings *transpose = match_settings(node, "ConvTranspose");
    bool grouped = transpose && transpose->group != 1;
    for (int i = 0; i < classifier->count; i++) {
        if (classifier->products[i].node == node)
            return false;
    }
    if (grouped || node->inputs[1]->shape.dims[output_axis(node)] != classifier->classes ||
        classifier->count == MOST_PRODUCTS)
        return false;
    classifier->products[classifier->count++] = *product;
    return true;
}

/* Goes back from a value to the products that it is the sum of; false where it is something else. */
static bool find_products(const struct value *value, struct product product, int steps, struct classifier *classifier)
{
    struct node *node = value->producer;
    if (!node || !node->inputs[0] || steps == MOST_STEPS)
        return false;
    if (network_weights(node)) {
        product.node = node;
        return add_product(classifier, &product);
    }
    if (is_view(node))
        return find_products(node->inputs[0], product, steps + 1, classifier);
    if (!match_operator(node, "Add"))
        return false;
    bool first = node->inputs[0]->constant != NULL, second = node->inputs[1]->constant != NULL;
    if (!first && !second)
        return find_products(node->inputs[0], product, steps + 1, classifier) &&
               find_products(node->inputs[1], (struct product){0}, steps + 1, classifier);
    if (product.bias)
        return false;
    product.bias = node;
    product.bias_input = second;
    return find_products(node->inputs[!second], product, steps + 1, classifier);
}

/* Whether a product reads scores of the old classes, which the new ones would not fit. */
static bool reads_scores(const struct product *product, const struct classifier *classifier)
{
    const struct node *node = product->node->inputs[0]->producer;
    while (node && node->inputs[0] && (is_view(node) || match_operator(node, "Add")))
        node = node->inputs[0]->producer;
    for (int i = 0; i < classifier->count; i++) {
        if (classifier->products[i].node == node)
            return true;
    }
    return false;
}

static bool find_classifier(const struct target *scores, struct classifier *classifier)
{
    *classifier = (struct classifier){.classes = scores->grid.view.channels,
                                      .channels_last = scores->grid.layout == UNITS_MAP_CHANNELS_LAST};
    if (!find_products(scores->value, (struct product){0}, 0, classifier))
        return false;
    for (int i = 0; i < classifier->count; i++) {
        if (reads_scores(&classifier->products[i], classifier))
            return false;
    }
    return true;
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

static int replace_product(struct edit *edit, const struct product *product, int64_t classes, uint64_t seed,
                           struct error *error)
{
    const struct node *node = product->node;
    struct node *source = network_source_node(node), *bias = product->bias ? network_source_node(product->bias) : NULL;
    if (!source || (product->bias && !bias))
        return error_set(error, ERROR_UNSUPPORTED, "the classifier is part of a function or a fused operator");
    const struct value *weights = node->inputs[1], *shift = node->input_count > 2 ? node->inputs[2] : NULL;
    bool map = node_has(node, OPERATOR_CONVOLUTION);
    int axis = output_axis(node);
    double inputs = (double)shape_count(&weights->shape) / (double)weights->shape.dims[axis];
    if (replace_constant(edit, source, 1, weights, axis, classes, 1 / sqrt(inputs), seed, error))
        return -1;
    if (shift && shift->constant && shift->shape.rank > 0 && /* else one number for all */
        replace_constant(edit, source, 2, shift, shift->shape.rank - 1, classes, 0, seed, error))
        return -1;
    if (!bias)
        return 0;
    shift = product->bias->inputs[product->bias_input];
    int shift_axis = shift->shape.rank - (map ? 3 : 1);
    if (shift_axis < 0 || shift->shape.dims[shift_axis] != weights->shape.dims[axis])
        return error_set(error, ERROR_UNSUPPORTED,
                         "'%s', which is added to the classifier's result, is no bias of its classes", shift->name);
    return replace_constant(edit, bias, product->bias_input, shift, shift_axis, classes, 0, seed, error);
}

static int replace_classifier(struct model *model, const struct classifier *classifier, int64_t classes, uint64_t seed,
                              struct error *error)
{
    struct edit edit = {.model = model};
    for (int i = 0; i < classifier->count; i++) {
        if (replace_product(&edit, &classifier->products[i], classes, seed + (uint64_t)i, error))
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
    return scores->head.kind == HEAD_ROWS ? error_set(error, ERROR_UNSUPPORTED,
                                                      "rows of classes are given no new ones; classifiers and "
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
                     : error_set(error, ERROR_UNSUPPORTED,
                                 "the scores are no product with weights of their own, and no sum of such: they are "
                                 "given no new classes");
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
