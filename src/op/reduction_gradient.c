/* Gradients of reductions, written in ONNX operators that broadcast. */
#include "op/broadcast.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/reduction.h"

/* The node's values with the reduced axes as axes of size 1. */
struct kept {
    struct graph *graph;
    struct value *x, *y, *dy;
    struct value *axes; /* for further reductions */
    int64_t dims[SHAPE_MAX_RANK];
};

static struct value *number(const struct kept *kept, double value, struct error *error)
{
    return emit_scalar(kept->graph, kept->dy->dtype, value, error);
}

/* 1 where the condition holds, else 0. */
static struct value *count_of(const struct kept *kept, struct value *condition, struct error *error)
{
    return emit_where(kept->graph, condition, number(kept, 1, error), number(kept, 0, error), error);
}

static struct value *reduce(const struct kept *kept, const char *op_type, struct value *value, struct error *error)
{
    return value ? emit(kept->graph, op_type, EMIT_INPUTS(value, kept->axes),
                        EMIT_ATTRIBUTES(EMIT_INT("keepdims", 1), EMIT_INT("noop_with_empty_axes", 1)), error)
                 : NULL;
}

static struct value *spread(const struct kept *kept, struct value *value, struct error *error)
{
    struct value *dims = value ? emit_int_list(kept->graph, kept->x->shape.dims, kept->x->shape.rank, error) : NULL;
    return emit_two(kept->graph, "Expand", value, dims, error);
}

/* Every element that holds the extreme value takes an equal share, as in PyTorch's amax and amin. */
static struct value *extreme(const struct kept *kept, struct error *error)
{
    struct value *holds = emit_two(kept->graph, "Equal", kept->x, kept->y, error);
    struct value *count = reduce(kept, "ReduceSum", count_of(kept, holds, error), error);
    struct value *share = emit_two(kept->graph, "Div", kept->dy, count, error);
    return emit_where(kept->graph, holds, share, number(kept, 0, error), error);
}

/* The product of the others: y / x where nothing is zero, else counted without the zeros. */
static struct value *product(const struct kept *kept, struct error *error)
{
    struct graph *graph = kept->graph;
    struct value *zero = number(kept, 0, error);
    struct value *is_zero = emit_two(graph, "Equal", kept->x, zero, error);
    struct value *factors = emit_where(graph, is_zero, number(kept, 1, error), kept->x, error);
    struct value *whole = emit_two(graph, "Mul", kept->dy, reduce(kept, "ReduceProd", factors, error), error);
    struct value *zeros = count_of(kept, is_zero, error);
    struct value *other_zeros = emit_two(graph, "Sub", reduce(kept, "ReduceSum", zeros, error), zeros, error);
    struct value *alone = emit_two(graph, "Equal", other_zeros, zero, error);
    return emit_where(graph, alone, emit_two(graph, "Div", whole, factors, error), zero, error);
}

/* x dy / y, 0 at the origin. */
static struct value *norm(const struct kept *kept, struct error *error)
{
    struct value *zero = number(kept, 0, error);
    struct value *at_origin = emit_two(kept->graph, "Equal", kept->y, zero, error);
    struct value *share = emit_two(kept->graph, "Div", kept->dy, kept->y, error);
    return emit_two(kept->graph, "Mul", kept->x, emit_where(kept->graph, at_origin, zero, share, error), error);
}

static struct value *slope(const struct kept *kept, enum reduction reduction, struct error *error)
{
    struct graph *graph = kept->graph;
    double count = (double)shape_count(&kept->x->shape) / (double)shape_count(&kept->dy->shape);
    switch (reduction) {
    case REDUCE_SUM:
        return spread(kept, kept->dy, error);
    case REDUCE_MEAN:
        return spread(kept, emit_two(graph, "Div", kept->dy, number(kept, count, error), error), error);
    case REDUCE_MAX:
    case REDUCE_MIN:
        return extreme(kept, error);
    case REDUCE_PROD:
        return product(kept, error);
    case REDUCE_L1:
        return emit_two(graph, "Mul", emit_one(graph, "Sign", kept->x, error), kept->dy, error);
    case REDUCE_L2:
        return norm(kept, error);
    case REDUCE_SUM_SQUARE:
        return emit_two(graph, "Mul", kept->x, emit_two(graph, "Mul", kept->dy, number(kept, 2, error), error), error);
    case REDUCE_LOG_SUM:
        return spread(kept, emit_two(graph, "Div", kept->dy, emit_one(graph, "Exp", kept->y, error), error), error);
    case REDUCE_LOG_SUM_EXP:
        return emit_two(graph, "Mul", kept->dy,
                        emit_one(graph, "Exp", emit_two(graph, "Sub", kept->x, kept->y, error), error), error);
    }
    return NULL;
}

int reduction_gradient(struct gradient_context *context, enum reduction reduction, const bool *reduced,
                       struct error *error)
{
    const struct node *node = context->node;
    struct kept kept = {.graph = context->graph, .x = node->inputs[0]};
    int rank = kept.x->shape.rank, axis_count = 0;
    int64_t axes[SHAPE_MAX_RANK];
    if (shape_count(&kept.x->shape) == 0)
        return 0;
    for (int i = 0; i < rank; i++) {
        kept.dims[i] = reduced[i] ? 1 : kept.x->shape.dims[i];
        if (reduced[i])
            axes[axis_count++] = i;
    }
    kept.axes = emit_int_list(context->graph, axes, axis_count, error);
    kept.y = emit_reshape(context->graph, node->outputs[0], rank, kept.dims, error);
    kept.dy = emit_reshape(context->graph, context->output_gradients[0], rank, kept.dims, error);
    if (!kept.axes || !kept.y || !kept.dy)
        return -1;
    context->input_gradients[0] = slope(&kept, reduction, error);
    return context->input_gradients[0] ? 0 : -1;
}
