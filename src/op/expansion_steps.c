#include "op/expansion_steps.h"

#include "op/known.h"

struct value *emit_cast(struct graph *graph, struct value *x, enum dtype dtype, struct error *error)
{
    if (!x || x->dtype == dtype)
        return x;
    return emit(graph, "Cast", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("to", dtype)), error);
}

struct value *emit_with_number(struct graph *graph, const char *op_type, struct value *x, double number,
                               struct error *error)
{
    return x ? emit_two(graph, op_type, x, emit_number_like(graph, x, number, error), error) : NULL;
}

struct value *emit_row(struct graph *graph, struct value *x, int64_t axis, int64_t index, struct error *error)
{
    struct value *part = emit_slice(graph, x, axis, index, index + 1, error);
    return emit_two(graph, "Squeeze", part, emit_int_list(graph, &axis, 1, error), error);
}

struct value *emit_permuted(struct graph *graph, struct value *x, const int64_t *order, int rank, struct error *error)
{
    return x ? emit(graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, rank)), error) : NULL;
}

struct value *emit_shaped(struct graph *graph, struct value *x, int rank, const int64_t *dims, struct error *error)
{
    return x ? emit_reshape(graph, x, rank, dims, error) : NULL;
}

/* The axis moves from `from` to `to`. */
static struct value *emit_moved(struct graph *graph, struct value *x, int from, int to, struct error *error)
{
    int64_t order[SHAPE_MAX_RANK];
    int rank = x->shape.rank, next = 0;
    for (int i = 0; i < rank; i++) {
        next += next == from;
        order[i] = i == to ? from : next++;
    }
    return emit_permuted(graph, x, order, rank, error);
}

struct value *emit_channels_last(struct graph *graph, struct value *x, struct error *error)
{
    return x && x->shape.rank > 2 ? emit_moved(graph, x, 1, x->shape.rank - 1, error) : x;
}

struct value *emit_channels_second(struct graph *graph, struct value *x, struct error *error)
{
    return x && x->shape.rank > 2 ? emit_moved(graph, x, x->shape.rank - 1, 1, error) : x;
}

struct value *emit_axes_added(struct graph *graph, struct value *x, const int64_t *axes, int count, struct error *error)
{
    return emit_two(graph, "Unsqueeze", x, emit_int_list(graph, axes, count, error), error);
}

int expansion_give(struct expand_context *context, int index, struct value *value)
{
    if (expansion_wants(context, index))
        context->outputs[index] = value;
    return value ? 0 : -1;
}

int expansion_grid_sample(struct expand_context *context, int64_t mode, int64_t padding, bool align_corners,
                          struct error *error)
{
    static const char *const modes[] = {"linear", "nearest", "cubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    if (mode < 0 || mode > 2 || padding < 0 || padding > 2)
        return error_set(error, ERROR_INPUT, "the modes of interpolation and padding must be 0, 1 or 2");
    return expansion_give(
        context, 0,
        emit(context->graph, "GridSample", EMIT_INPUTS(context->inputs[0], context->inputs[1]),
             EMIT_ATTRIBUTES(EMIT_STRING("mode", modes[mode]), EMIT_STRING("padding_mode", paddings[padding]),
                             EMIT_INT("align_corners", align_corners)),
             error));
}
