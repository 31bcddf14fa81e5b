/* ReduceSum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum and LogSumExp over any axes: an attribute before opset 18
 * (13 for ReduceSum), an input since. With noop_with_empty_axes and no axes, each element is reduced for itself. */
#include "op/reduction.h"
#include "op/confine.h"

#include <string.h>

#include "graph/match.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/settings.h"

#define REDUCTION_RULES(last_opset_)                                                                                   \
    {                                                                                                                  \
        {INTS_ATTRIBUTE(struct reduction_settings, axes), .until = last_opset_},                                       \
            {FLAG_ATTRIBUTE(struct reduction_settings, keepdims, true)},                                               \
            {FLAG_ATTRIBUTE(struct reduction_settings, noop_with_empty_axes, false), .since = last_opset_ + 1}, {0},   \
    }
static const struct attribute_rule sum_attributes[] = REDUCTION_RULES(12);
static const struct attribute_rule attributes[] = REDUCTION_RULES(17);

static enum reduction read_reduction(const struct node *node)
{
    static const char *const names[] = {"ReduceSum",    "ReduceMean",     "ReduceMax", "ReduceMin",
                                        "ReduceProd",   "ReduceL1",       "ReduceL2",  "ReduceSumSquare",
                                        "ReduceLogSum", "ReduceLogSumExp"};
    int index = 0;
    while (strcmp(names[index], node->op_type) != 0)
        index++;
    return (enum reduction)index;
}

/* Marks the reduced axes. */
static int read_axes(const struct operands *operands, int rank, bool reduced[SHAPE_MAX_RANK], struct error *error)
{
    const struct reduction_settings *settings = operands->node->settings;
    struct int_list list = {0};
    if (int_list_of(&list, operands, settings->axes, 1, error) < 0)
        return -1;
    bool all = list.count == 0 && !settings->noop_with_empty_axes;
    for (int i = 0; i < rank; i++)
        reduced[i] = all;
    for (int64_t i = 0; i < list.count; i++) {
        int axis;
        if (shape_axis(int_list_at(&list, i), rank, &axis, error))
            return -1;
        reduced[axis] = true;
    }
    return 0;
}

static int infer_reduction(struct infer_context *context, struct error *error)
{
    const struct reduction_settings *settings = context->node->settings;
    struct operands operands = OPERANDS(context);
    const struct shape *from = &context->inputs[0]->shape;
    int64_t dims[SHAPE_MAX_RANK];
    bool reduced[SHAPE_MAX_RANK];
    const struct tensor *list;
    int64_t count;
    int rank = 0;
    if (!settings->axes.values && infer_has(context, 1) && infer_ints(context, 1, &list, &count, error))
        return -1;
    if (read_axes(&operands, from->rank, reduced, error))
        return -1;
    for (int i = 0; i < from->rank; i++) {
        if (!reduced[i] || settings->keepdims)
            dims[rank++] = reduced[i] ? 1 : from->dims[i];
    }
    return infer_output(context, 0, context->inputs[0]->dtype, rank, dims, error);
}

static int compute_reduction(struct compute_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    bool reduced[SHAPE_MAX_RANK];
    if (read_axes(&operands, context->inputs[0]->shape.rank, reduced, error))
        return -1;
    reduce_run(context, &(struct reduce_call){.reduction = read_reduction(context->node),
                                              .reduced = reduced,
                                              .input = context->inputs[0],
                                              .output = context->outputs[0]});
    return 0;
}

static int gradient_reduction(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct known_inputs known;
    bool reduced[SHAPE_MAX_RANK];
    if (!context->wanted[0])
        return 0;
    if (known_inputs_read(&known, node, error) ||
        read_axes(&known.operands, node->inputs[0]->shape.rank, reduced, error))
        return -1;
    return reduction_gradient(context, read_reduction(node), reduced, error);
}

/* Along reduced axes everything is read: through a statistic, as a pool to one cell does. */
static int field_reduction(struct field_context *context, struct error *error)
{
    const struct reduction_settings *settings = context->node->settings;
    bool reduced[SHAPE_MAX_RANK];
    const struct shape *from = &context->inputs[0]->shape;
    struct operands operands = {context->node, context->inputs, context->node->input_count};
    int axis = 0;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    if (!operands_known(&operands, 1)) {
        field_full(context);
        context->global = context->none = true;
        return 0;
    }
    if (read_axes(&operands, from->rank, reduced, error))
        return -1;
    for (int i = 0; i < from->rank; i++) {
        context->reads[i] = reduced[i] ? interval_full(from->dims[i]) : context->cells[axis];
        axis += !reduced[i] || settings->keepdims;
        if (reduced[i] && i >= 2 && from->dims[i] > 1)
            context->global = context->none = true;
    }
    return 0;
}

/* Axis 0 alone, where it is not reduced. */
static int confine_reduction(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct known_inputs known;
    bool reduced[SHAPE_MAX_RANK];
    int rank = node->outputs[0]->shape.rank;
    if (known_inputs_read(&known, node, error))
        return -1;
    if (!operands_known(&known.operands, 1) || rank == 0) {
        confine_whole(context, 0, rank);
        return 0;
    }
    if (read_axes(&known.operands, node->inputs[0]->shape.rank, reduced, error))
        return -1;
    if (reduced[0])
        confine_whole(context, 0, rank);
    else
        confine_rows(context, 1);
    return 0;
}

struct value *reduction_mean(const struct value *value, int *axis)
{
    const struct node *node = match_producer(value, "ReduceMean");
    const struct reduction_settings *settings = node ? node->settings : NULL;
    int64_t axes[SHAPE_MAX_RANK];
    if (!settings || !settings->keepdims)
        return NULL;
    int rank = node->inputs[0]->shape.rank, count = match_ints(node, settings->axes, 1, axes, SHAPE_MAX_RANK);
    unsigned set = 0;
    for (int i = 0; i < count; i++)
        set |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    *axis = rank - count;
    return count > 0 && set == (1u << rank) - (1u << *axis) ? node->inputs[0] : NULL;
}

#define REDUCTION(name_, types_, traits_, gate_, attributes_)                                                          \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 1, ARITY(1, 2, 1, 1), .types = types_,                                   \
        .traits = OPERATOR_REDUCES | OPERATOR_EXACT_FIELD | (traits_), .gate = gate_,                                  \
        .roles = {ROLE_DATA, ROLE_SHAPE}, SETTINGS(struct reduction_settings, attributes_), .infer = infer_reduction,  \
        .compute = compute_reduction, .gradient = gradient_reduction, .field = field_reduction,                        \
        .confine = confine_reduction                                                                                   \
    }

const struct operator_definition operators_reduction[] = {
    REDUCTION("ReduceSum", TYPES_NUMBER, 0, GATE_OF_OPERANDS, sum_attributes),
    REDUCTION("ReduceMean", TYPES_NUMBER, 0, GATE_OF_OPERANDS, attributes),
    REDUCTION("ReduceMax", TYPES_ALL, OPERATOR_SELECTS, GATE_OF_OPERANDS, attributes),
    REDUCTION("ReduceMin", TYPES_ALL, OPERATOR_SELECTS, GATE_OF_OPERANDS, attributes),
    REDUCTION("ReduceProd", TYPES_NUMBER, 0, GATE_OF_OPERANDS, attributes),
    REDUCTION("ReduceL1", TYPES_NUMBER, 0, GATE_NORM, attributes),
    REDUCTION("ReduceL2", TYPES_NUMBER, 0, GATE_NORM, attributes),
    REDUCTION("ReduceSumSquare", TYPES_NUMBER, 0, GATE_NORM, attributes),
    REDUCTION("ReduceLogSum", TYPES_NUMBER, 0, GATE_OF_OPERANDS, attributes),
    REDUCTION("ReduceLogSumExp", TYPES_NUMBER, 0, GATE_NORM, attributes),
    {0},
};
