#include "analysis/cost.h"

#include "structure/network.h"

#define COST_MAX_OPERANDS 16 /* operators with products take few */

static bool describe(struct value *const *values, int count, struct tensor *tensors, const struct tensor **pointers)
{
    for (int i = 0; i < count; i++) {
        const struct value *value = values[i];
        pointers[i] = value ? &tensors[i] : NULL;
        if (!value)
            continue;
        if (value->shape.rank == SHAPE_UNKNOWN_RANK)
            return false;
        tensors[i] = (struct tensor){.dtype = value->dtype, .shape = value->shape};
    }
    return true;
}

int64_t cost_macs(const struct node *node)
{
    struct tensor inputs[COST_MAX_OPERANDS], outputs[COST_MAX_OPERANDS];
    const struct tensor *input_list[COST_MAX_OPERANDS], *output_list[COST_MAX_OPERANDS];
    if (!node->definition || !node->definition->macs || node->input_count > COST_MAX_OPERANDS ||
        node->output_count > COST_MAX_OPERANDS || !describe(node->inputs, node->input_count, inputs, input_list) ||
        !describe(node->outputs, node->output_count, outputs, output_list))
        return 0;
    struct infer_context context = {.node = node,
                                    .input_count = node->input_count,
                                    .output_count = node->output_count,
                                    .inputs = input_list,
                                    .outputs = outputs};
    return node->definition->macs(&context);
}

static void mark_producer(const struct graph *graph, const struct value *value)
{
    if (value && value->producer && value->producer->graph == graph)
        value->producer->mark = 1;
}

double cost_macs_to(struct graph *graph, const struct value *const *values, int count)
{
    double macs = 0;
    graph_clear_marks(graph);
    for (int i = 0; i < count; i++)
        mark_producer(graph, values[i]);
    for (const struct node *node = graph->last; node; node = node->previous) {
        if (!node->mark)
            continue;
        macs += (double)cost_macs(node);
        for (int i = 0; i < node->input_count; i++)
            mark_producer(graph, node->inputs[i]);
    }
    return macs;
}

int64_t cost_macs_forward(const struct graph *graph)
{
    int64_t macs = 0;
    for (const struct node *node = graph->first; node; node = node->next)
        macs += cost_macs(node);
    return macs;
}

bool cost_is_repeated(const struct node *node)
{
    const struct node *source = node->origin;
    if (!node_has(node, OPERATOR_PRODUCT) || !source || !node_has(source, OPERATOR_STRAIGHT_THROUGH) ||
        !node_has(source, OPERATOR_PRODUCT))
        return false;
    for (const struct node *part = node->previous; part && part->origin == source; part = part->previous) {
        if (node_has(part, OPERATOR_PRODUCT))
            return true;
    }
    return false;
}

int64_t cost_parameters(const struct node *node, bool *counted, size_t *bytes)
{
    enum { MEAN = 3, VARIANCE };
    bool statistics = network_is_batch_normalization(node);
    int64_t parameters = 0;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (!value || !value->constant || counted[value->id] || value->shape.rank < 1)
            continue;
        bool asked = node->definition && node->definition->weights && node->settings;
        int64_t packed = asked ? node->definition->weights(node, i) : 0;
        if (packed == 0 && !dtype_is_float(value->dtype))
            continue;
        counted[value->id] = true;
        if (!statistics || (i != MEAN && i != VARIANCE))
            parameters += packed > 0 ? packed : shape_count(&value->shape);
        *bytes += tensor_bytes(&value->constant->tensor);
    }
    return parameters;
}
