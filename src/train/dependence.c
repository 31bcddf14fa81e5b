#include "train/dependence.h"

#include <string.h>

#include "graph/operand_slots.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "op/softmax.h"

struct box {
    struct interval axes[SHAPE_MAX_RANK];
};

struct sweep {
    const struct graph *graph;
    bool *reads;
    struct box *boxes; /* by value id, where read */
    struct operand_slots slots;
};

static struct box whole(const struct shape *shape)
{
    struct box box = {0};
    for (int i = 0; i < shape->rank; i++)
        box.axes[i] = (struct interval){0, shape->dims[i] > 0 ? shape->dims[i] - 1 : 0};
    return box;
}

static void include(const struct sweep *sweep, const struct value *value, const struct box *more)
{
    struct box *box = &sweep->boxes[value->id];
    bool first = !sweep->reads[value->id];
    sweep->reads[value->id] = true;
    for (int i = 0; i < value->shape.rank; i++) {
        struct interval *axis = &box->axes[i];
        const struct interval *added = &more->axes[i];
        axis->low = first || added->low < axis->low ? added->low : axis->low;
        axis->high = first || added->high > axis->high ? added->high : axis->high;
    }
}

/* Operators whose rule for receptive fields says all that an output reads, if not across statistics. */
static bool keeps_axes(const struct node *node)
{
    return node_has(node, OPERATOR_POINTWISE | OPERATOR_VIEW | OPERATOR_EXACT_FIELD);
}

/* What is normalised together is read together. */
static void widen_statistics(const struct node *node, const struct shape *shape, struct box *box)
{
    bool softmax = node_has(node, OPERATOR_SOFTMAX), one = node->opset >= 13;
    if (!softmax && !node_has(node, OPERATOR_NORMALIZES))
        return;
    const struct normalization_settings *settings = softmax ? NULL : node->settings;
    int64_t axis = softmax ? softmax_axis(node) : settings->axis;
    axis = axis < 0 ? axis + shape->rank : axis;
    const struct box all = whole(shape);
    for (int i = (int)axis; i >= 0 && i < shape->rank && (i == (int)axis || !softmax || !one); i++)
        box->axes[i] = all.axes[i];
}

/* The cells of input `input` that a box of output `output` reads; false: none. */
static bool read_back(const struct sweep *sweep, const struct node *node, int output, int input, struct box *box)
{
    const struct shape *shape = &node->inputs[input]->shape;
    struct field_context context = {.node = node,
                                    .inputs = sweep->slots.inputs,
                                    .outputs = sweep->slots.outputs,
                                    .input = input,
                                    .output = output,
                                    .cells = sweep->boxes[node->outputs[output]->id].axes,
                                    .reads = box->axes};
    *box = whole(shape);
    if (!node->definition || !node->definition->field || !keeps_axes(node) || node->outputs[output]->shape.rank < 0)
        return true;
    if (node->definition->field(&context, NULL)) {
        *box = whole(shape);
        return true;
    }
    widen_statistics(node, shape, box);
    /* Products of two results and sums read, though no single place. */
    return !context.none || context.global;
}

static int sweep_node(const struct sweep *sweep, const struct node *node, struct error *error)
{
    bool filled = false;
    for (int output = 0; output < node->output_count; output++) {
        const struct value *made = node->outputs[output];
        if (!made || made->graph != sweep->graph || !sweep->reads[made->id])
            continue;
        if (!filled && operand_slots_fill(&sweep->slots, node, error))
            return -1;
        filled = true;
        for (int input = 0; input < node->input_count; input++) {
            const struct value *value = node->inputs[input];
            struct box box;
            if (value && !value->constant && value->graph == sweep->graph &&
                read_back(sweep, node, output, input, &box))
                include(sweep, value, &box);
        }
    }
    return 0;
}

int dependence_find(const struct graph *graph, const struct value *result, bool *reads, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct sweep sweep = {.graph = graph,
                          .reads = reads,
                          .boxes = memory_allocate(memory, graph->value_count + 1, sizeof(struct box), error)};
    int done = operand_slots_create(&sweep.slots, graph, OPERAND_SLOTS_SMALL, error) || !sweep.boxes ? -1 : 0;
    memset(reads, 0, graph->value_count * sizeof *reads);
    if (done == 0) {
        struct box all = whole(&result->shape);
        include(&sweep, result, &all);
    }
    for (const struct node *node = graph->last; node && done == 0; node = node->previous)
        done = sweep_node(&sweep, node, error);
    memory_release(memory, sweep.boxes);
    operand_slots_release(&sweep.slots);
    return done;
}
