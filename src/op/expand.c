/* Expand and Tile: the same elements, repeated. */
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

static int infer_expand(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    struct int_list list;
    struct shape shape;
    int64_t dims[SHAPE_MAX_RANK];
    if (!operand_known(&operands, 1))
        return infer_output(context, 0, input->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (int_list_of(&list, &operands, (struct ints){0}, 1, error) < 0)
        return -1;
    for (int64_t i = 0; i < list.count && i < SHAPE_MAX_RANK; i++)
        dims[i] = int_list_at(&list, i);
    if (list.count > SHAPE_MAX_RANK || shape_set(&shape, (int)list.count, dims, error) ||
        shape_broadcast(&input->shape, &shape, &shape, error))
        return error_set(error, ERROR_LIMIT, "the new shape has too many dimensions (limit %d)", SHAPE_MAX_RANK);
    return infer_output(context, 0, input->dtype, shape.rank, shape.dims, error);
}

static int compute_expand(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    int64_t from_strides[SHAPE_MAX_RANK], to_strides[SHAPE_MAX_RANK];
    struct strided_copy copy = {.size = element_size(from), .from = from->data, .to = to->data};
    shape_strides(&from->shape, from_strides);
    shape_strides(&to->shape, to_strides);
    for (int i = 0; i < to->shape.rank; i++) {
        int axis = i - (to->shape.rank - from->shape.rank);
        bool repeated = axis < 0 || from->shape.dims[axis] == 1;
        strided_copy_axis(&copy, to->shape.dims[i], repeated ? 0 : from_strides[axis], to_strides[i]);
    }
    strided_copy_run(context->pool, &copy);
    return 0;
}

static int gradient_expand(struct gradient_context *context, struct error *error)
{
    context->input_gradients[0] =
        emit_unbroadcast(context->graph, context->output_gradients[0], &context->node->inputs[0]->shape, error);
    return context->input_gradients[0] ? 0 : -1;
}

static int field_expand(struct field_context *context, struct error *error)
{
    (void)error;
    if (context->input == 0)
        field_aligned(context);
    context->none = context->input != 0;
    return 0;
}

/* Factors per axis. */
static int read_repeats(const struct operands *operands, int64_t repeats[SHAPE_MAX_RANK], struct error *error)
{
    struct int_list list;
    int rank = operands->inputs[0]->shape.rank;
    if (int_list_of(&list, operands, (struct ints){0}, 1, error) < 0)
        return -1;
    if (list.count != rank)
        return error_set(error, ERROR_INPUT, "there are %lld repeats for %d axes", (long long)list.count, rank);
    for (int i = 0; i < rank; i++) {
        repeats[i] = int_list_at(&list, i);
        if (repeats[i] < 0)
            return error_set(error, ERROR_INPUT, "a number of repeats is negative");
    }
    return 0;
}

static int infer_tile(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    int64_t repeats[SHAPE_MAX_RANK], dims[SHAPE_MAX_RANK];
    if (!operand_known(&operands, 1))
        return infer_output(context, 0, input->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (read_repeats(&operands, repeats, error))
        return -1;
    for (int i = 0; i < input->shape.rank; i++) {
        if (__builtin_mul_overflow(input->shape.dims[i], repeats[i], &dims[i]))
            return error_set(error, ERROR_LIMIT, "the result is too large");
    }
    return infer_output(context, 0, input->dtype, input->shape.rank, dims, error);
}

static int compute_tile(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    struct operands operands = OPERANDS(context);
    int64_t repeats[SHAPE_MAX_RANK], from_strides[SHAPE_MAX_RANK], to_strides[SHAPE_MAX_RANK];
    struct strided_copy copy = {.size = element_size(from), .from = from->data, .to = to->data};
    if (read_repeats(&operands, repeats, error))
        return -1;
    shape_strides(&from->shape, from_strides);
    shape_strides(&to->shape, to_strides);
    for (int i = 0; i < from->shape.rank; i++) {
        int64_t size = from->shape.dims[i];
        strided_copy_axis(&copy, size == 0 ? 0 : repeats[i], 0, to_strides[i] * size);
        strided_copy_axis(&copy, size, from_strides[i], to_strides[i]);
    }
    strided_copy_run(context->pool, &copy);
    return 0;
}

/* Axis by axis the copies are summed: outer x repeats x rest. */
static int gradient_tile(struct gradient_context *context, struct error *error)
{
    const struct shape *shape = &context->node->inputs[0]->shape;
    struct value *gradient = context->output_gradients[0];
    struct shape left = gradient->shape;
    for (int i = 0; i < shape->rank; i++) {
        if (left.dims[i] == shape->dims[i])
            continue;
        int64_t repeats = shape->dims[i] > 0 ? left.dims[i] / shape->dims[i] : 1, outer = shape_product(&left, 0, i);
        left.dims[i] = shape->dims[i];
        const int64_t dims[3] = {outer, repeats, shape_product(&left, i, left.rank)}, axis = 1;
        struct value *list = emit_int_list(context->graph, &axis, 1, error);
        gradient = emit_reshape(context->graph, gradient, 3, dims, error);
        if (!gradient || !list)
            return -1;
        gradient = emit(context->graph, "ReduceSum", EMIT_INPUTS(gradient, list),
                        EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error);
        if (!gradient)
            return -1;
    }
    context->input_gradients[0] = shape_equal(&gradient->shape, shape)
                                      ? gradient
                                      : emit_reshape(context->graph, gradient, shape->rank, shape->dims, error);
    return context->input_gradients[0] ? 0 : -1;
}

/* An axis that is not repeated passes; of a repeated one the cells of one copy, or all. */
static int field_tile(struct field_context *context, struct error *error)
{
    (void)error;
    const struct shape *shape = &context->inputs[0]->shape;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    for (int i = 0; i < shape->rank; i++) {
        int64_t size = shape->dims[i], low = context->cells[i].low, high = context->cells[i].high;
        context->reads[i] = context->cells[i];
        if (context->outputs[0].shape.dims[i] == size || size == 0)
            continue;
        bool one_copy = low >= 0 && low / size == high / size;
        context->reads[i] = one_copy ? (struct interval){low % size, high % size} : interval_full(size);
    }
    return 0;
}

#define REPEAT(name_, since_, infer_, compute_, gradient_, field_)                                                     \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(2, 2, 1, 1), .types = TYPES_ALL,                           \
        .traits = OPERATOR_MOVES | OPERATOR_EXACT_FIELD, .roles = {ROLE_DATA, ROLE_SHAPE}, .infer = infer_,            \
        .compute = compute_, .gradient = gradient_, .field = field_, .identity = identity_always                       \
    }

const struct operator_definition operators_expand[] = {
    REPEAT("Expand", 8, infer_expand, compute_expand, gradient_expand, field_expand),
    REPEAT("Tile", 6, infer_tile, compute_tile, gradient_tile, field_tile),
    {0},
};
