#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "pass/passes.h"
#include <math.h>

/* BatchNormalization's constant operands as float vectors [channels]. */
struct statistics {
    const float *scale, *bias, *mean, *variance;
    int64_t channels;
    float epsilon;
};

static const float *float_vector(struct value *value, int64_t count, struct error *error)
{
    if (!value || !value->constant || dtype_storage(value->dtype) != DTYPE_FLOAT || shape_count(&value->shape) != count)
        return NULL;
    const struct tensor *tensor = constant_data(value->constant, error);
    return tensor ? tensor->data : NULL;
}

static bool read_statistics(const struct node *node, int64_t channels, struct statistics *statistics,
                            struct error *error)
{
    const struct batch_normalization_settings *settings = node->settings;
    if (node->output_count != 1 || settings->training_mode)
        return false;
    *statistics = (struct statistics){.scale = float_vector(node->inputs[1], channels, error),
                                      .bias = float_vector(node->inputs[2], channels, error),
                                      .mean = float_vector(node->inputs[3], channels, error),
                                      .variance = float_vector(node->inputs[4], channels, error),
                                      .channels = channels,
                                      .epsilon = settings->epsilon};
    return statistics->scale && statistics->bias && statistics->mean && statistics->variance;
}

static struct value *add_tensor(struct graph *graph, struct tensor *tensor, struct error *error)
{
    struct memory *memory = graph->context->memory;
    if (tensor_allocate(memory, tensor, error))
        return NULL;
    struct constant *constant = constant_create(memory, tensor, error);
    if (!constant) {
        tensor_release(memory, tensor);
        return NULL;
    }
    return graph_add_constant(graph, constant, error);
}

/* w' = w * scale / sqrt(variance + epsilon), b' = (b - mean) * scale / sqrt(variance + epsilon) + bias, per output
 * channel, computed in double. */
static int fold(struct node *conv, struct node *node, const float *bias, const struct statistics *statistics,
                struct error *error)
{
    struct graph *graph = node->graph;
    const struct tensor *weight = constant_data(conv->inputs[1]->constant, error);
    if (!weight)
        return -1;
    struct value *new_weight =
        add_tensor(graph, &(struct tensor){.dtype = weight->dtype, .shape = weight->shape}, error);
    struct value *new_bias =
        new_weight
            ? add_tensor(graph,
                         &(struct tensor){.dtype = weight->dtype, .shape = {.rank = 1, .dims = {statistics->channels}}},
                         error)
            : NULL;
    if (!new_bias)
        return -1;
    float *w = new_weight->constant->tensor.data;
    float *b = new_bias->constant->tensor.data;
    int64_t per_channel = shape_product(&weight->shape, 1, weight->shape.rank);
    for (int64_t c = 0; c < statistics->channels; c++) {
        double factor =
            (double)statistics->scale[c] / sqrt((double)statistics->variance[c] + (double)statistics->epsilon);
        const float *from = (const float *)weight->data + c * per_channel;
        for (int64_t i = 0; i < per_channel; i++)
            w[c * per_channel + i] = (float)((double)from[i] * factor);
        double before = (bias ? (double)bias[c] : 0.0) - (double)statistics->mean[c];
        b[c] = (float)(before * factor + (double)statistics->bias[c]);
    }
    struct node *folded = graph_add_node(graph, "", "Conv", conv->name, 3, 1, error);
    if (!folded)
        return -1;
    folded->opset = conv->opset;
    folded->origin = conv->origin;
    folded->attributes = conv->attributes;
    folded->attribute_count = conv->attribute_count;
    if (node_set_operator(folded, conv->definition, error))
        return -1;
    graph_move_node(graph, folded, node);
    struct value *output = node->outputs[0];
    struct value *input = conv->inputs[0];
    graph_remove_node(graph, node);
    graph_remove_node(graph, conv);
    if (node_set_input(folded, 0, input, error) || node_set_input(folded, 1, new_weight, error) ||
        node_set_input(folded, 2, new_bias, error))
        return -1;
    return node_set_output(folded, 0, output, error);
}

int pass_fold_batch_normalization(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        next = node->next;
        if (!match_operator(node, "BatchNormalization"))
            continue;
        struct node *conv = pass_sole_producer(node->inputs[0], "Conv");
        if (!conv || !conv->inputs[1]->constant || dtype_storage(conv->inputs[1]->dtype) != DTYPE_FLOAT)
            continue;
        int64_t channels = conv->inputs[1]->shape.dims[0];
        bool has_bias = conv->input_count > 2 && conv->inputs[2];
        const float *bias = has_bias ? float_vector(conv->inputs[2], channels, error) : NULL;
        struct statistics statistics;
        if ((has_bias && !bias) || !read_statistics(node, channels, &statistics, error)) {
            if (error->kind != ERROR_NONE)
                return -1;
            continue;
        }
        if (fold(conv, node, bias, &statistics, error))
            return -1;
    }
    return 0;
}
