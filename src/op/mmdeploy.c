/* Other operators of mmdeploy (docs/en/06-custom-ops/tensorrt.md; the symbolics of open-mmlab/mmdeploy): GatherTopk,
 * ScatterND, GridPriorsTRT, ScaledDotProductAttentionTRT, Mark. */
#include <math.h>

#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

/* data [A..., G, C...], indices [A..., K]: [A..., K, C...] */
static int expand_gather(struct expand_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *data = context->inputs[0], *indices = context->inputs[1];
    const int64_t last = indices->shape.rank;
    if (indices->shape.rank < 1 || data->shape.rank < indices->shape.rank)
        return error_set(error, ERROR_INPUT, "the indices have more axes than the data, or none");
    struct value *pairs = emit_axes_added(graph, emit_cast(graph, indices, DTYPE_INT64, error), &last, 1, error);
    return expansion_give(context, 0,
                          pairs ? emit(graph, "GatherND", EMIT_INPUTS(data, pairs),
                                       EMIT_ATTRIBUTES(EMIT_INT("batch_dims", last - 1)), error)
                                : NULL);
}

static int expand_scatter(struct expand_context *context, struct error *error)
{
    struct value *indices = emit_cast(context->graph, context->inputs[1], DTYPE_INT64, error);
    return expansion_give(context, 0,
                          indices ? emit(context->graph, "ScatterND",
                                         EMIT_INPUTS(context->inputs[0], indices, context->inputs[2]),
                                         EMIT_NO_ATTRIBUTES, error)
                                  : NULL);
}

/* ---- GridPriorsTRT: base anchors [A,4] at every cell, [H W A,4] ---- */

struct priors_settings {
    int64_t stride_h, stride_w;
};
static const struct attribute_rule priors_attributes[] = {
    {INT_ATTRIBUTE(struct priors_settings, stride_h, 1)},
    {INT_ATTRIBUTE(struct priors_settings, stride_w, 1)},
    PLUGIN_ATTRIBUTES,
    {0},
};

/* 0, stride, 2 stride, ... along an axis of [H,W,A,4], in the columns that `columns` marks. */
static struct value *emit_steps(struct graph *graph, int64_t count, int64_t stride, int axis, const float columns[4],
                                enum dtype dtype, struct error *error)
{
    const struct shape line = {.rank = 1, .dims = {count}}, marks = {.rank = 1, .dims = {4}};
    int64_t dims[4] = {1, 1, 1, 1};
    dims[axis] = count;
    struct value *steps = emit_filled(graph, DTYPE_FLOAT, &line, 0, error);
    struct value *marked = emit_filled(graph, DTYPE_FLOAT, &marks, 0, error);
    if (!steps || !marked)
        return NULL;
    for (int64_t i = 0; i < count; i++)
        ((float *)steps->constant->tensor.data)[i] = (float)i * (float)stride;
    for (int i = 0; i < 4; i++)
        ((float *)marked->constant->tensor.data)[i] = columns[i];
    struct value *placed = emit_two(graph, "Mul", emit_shaped(graph, steps, 4, dims, error), marked, error);
    return emit_cast(graph, placed, dtype, error);
}

static int expand_priors(struct expand_context *context, struct error *error)
{
    const struct priors_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value *base = context->inputs[0];
    const struct shape *rows = &context->inputs[1]->shape, *columns = &context->inputs[2]->shape;
    if (base->shape.rank != 2 || base->shape.dims[1] != 4 || rows->rank != 1 || columns->rank != 1)
        return error_set(error, ERROR_INPUT, "anchors [A,4] and lists as long as the map is high and wide are needed");
    struct value *y =
        emit_steps(graph, rows->dims[0], settings->stride_h, 0, (const float[]){0, 1, 0, 1}, base->dtype, error);
    struct value *x =
        emit_steps(graph, columns->dims[0], settings->stride_w, 1, (const float[]){1, 0, 1, 0}, base->dtype, error);
    struct value *moved = emit_two(graph, "Add", base, emit_two(graph, "Add", y, x, error), error);
    return expansion_give(context, 0, emit_shaped(graph, moved, 2, (const int64_t[]){-1, 4}, error));
}

/* ---- ScaledDotProductAttentionTRT: queries, keys, values [N,T,E], what is added; result and shares ---- */

static int expand_attention(struct expand_context *context, struct error *error)
{
    static const int64_t turned[3] = {0, 2, 1};
    struct graph *graph = context->graph;
    struct value *q = context->inputs[0], *k = context->inputs[1], *added = expansion_input(context, 3);
    if (q->shape.rank != 3 || k->shape.rank != 3 || q->shape.dims[2] < 1)
        return error_set(error, ERROR_INPUT, "queries, keys and values must be [N,T,E]");
    q = emit_with_number(graph, "Mul", q, 1 / sqrt((double)q->shape.dims[2]), error);
    struct value *shares = emit_two(graph, "MatMul", q, emit_permuted(graph, k, turned, 3, error), error);
    shares = added ? emit_two(graph, "Add", shares, added, error) : shares;
    shares = emit_one(graph, "Softmax", shares, error);
    return expansion_give(context, 1, shares) ||
                   expansion_give(context, 0, emit_two(graph, "MatMul", shares, context->inputs[2], error))
               ? -1
               : 0;
}

/* ---- Mark: what shows where a function of the network begins or ends ---- */

static int expand_mark(struct expand_context *context, struct error *error)
{
    return expansion_give(context, 0, emit_one(context->graph, "Identity", context->inputs[0], error));
}

static const struct attribute_rule mark_attributes[] = {
    {IGNORED_ATTRIBUTE("dtype")},   {IGNORED_ATTRIBUTE("shape")}, {IGNORED_ATTRIBUTE("func")},
    {IGNORED_ATTRIBUTE("func_id")}, {IGNORED_ATTRIBUTE("type")},  {IGNORED_ATTRIBUTE("name")},
    {IGNORED_ATTRIBUTE("id")},      {IGNORED_ATTRIBUTE("attrs")}, {0},
};

#define MMDEPLOY(name_, types_, least_, most_, outputs_, expand_, traits_, ...)                                        \
    .domain = "mmdeploy", .name = name_, .since = 1, ARITY(least_, most_, 1, outputs_), .types = types_,               \
    .traits = traits_, .roles = {__VA_ARGS__}, .infer = expansion_infer, .compute = expansion_compute,                 \
    .expand = expand_

const struct operator_definition operators_mmdeploy[] = {
    {MMDEPLOY("GatherTopk", TYPES_ALL, 2, 2, 1, expand_gather, OPERATOR_MOVES, ROLE_DATA, ROLE_INDICES)},
    {MMDEPLOY("ScatterND", TYPES_ALL, 3, 3, 1, expand_scatter, OPERATOR_MOVES, ROLE_CHOICE, ROLE_INDICES, ROLE_CHOICE)},
    {MMDEPLOY("GridPriorsTRT", TYPES_HELD_AS_FLOAT, 3, 3, 1, expand_priors, OPERATOR_OTHER, ROLE_TERM, ROLE_SHAPE),
     SETTINGS(struct priors_settings, priors_attributes)},
    {MMDEPLOY("ScaledDotProductAttentionTRT", TYPES_FLOAT, 3, 4, 2, expand_attention, OPERATOR_ATTENTION, ROLE_KEY,
              ROLE_KEY, ROLE_DATA, ROLE_MASK)},
    {MMDEPLOY("Mark", TYPES_ALL, 1, 1, 1, expand_mark, OPERATOR_KEEPS, ROLE_DATA), SETTINGS(char, mark_attributes)},
    {0},
};
