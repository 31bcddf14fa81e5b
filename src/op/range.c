/* Range: start, start + delta, ... before limit. Computed in float at least, which is what `stash_type` asks for. */
#include <math.h>

#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"

struct range_settings {
    int64_t stash_type;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct range_settings, stash_type, DTYPE_FLOAT), .since = 27},
    {0},
};

static int count_integers(const struct operands *operands, int64_t *count, struct error *error)
{
    int64_t start = tensor_int(operands->inputs[0], 0), limit = tensor_int(operands->inputs[1], 0);
    int64_t delta = tensor_int(operands->inputs[2], 0), span;
    if (delta == 0)
        return error_set(error, ERROR_INPUT, "delta is 0");
    if (__builtin_sub_overflow(limit, start, &span) || span == INT64_MIN || delta == INT64_MIN)
        return error_set(error, ERROR_LIMIT, "the range is too long");
    if (delta < 0) {
        span = -span;
        delta = -delta;
    }
    *count = span <= 0 ? 0 : (span - 1) / delta + 1;
    return 0;
}

static int count_numbers(const struct operands *operands, int64_t *count, struct error *error)
{
    double start = tensor_number(operands->inputs[0], 0), limit = tensor_number(operands->inputs[1], 0);
    double delta = tensor_number(operands->inputs[2], 0);
    double steps = ceil((limit - start) / delta);
    if (delta == 0.0 || isnan(steps))
        return error_set(error, ERROR_INPUT, "delta is 0, or a bound is no number");
    if (steps > (double)SHAPE_MAX_ELEMENTS)
        return error_set(error, ERROR_LIMIT, "the range is too long");
    *count = steps > 0 ? (int64_t)steps : 0;
    return 0;
}

static int infer_range(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    enum dtype dtype = context->inputs[0]->dtype;
    int64_t count;
    if (operand_types(context, 1, error))
        return -1;
    for (int i = 0; i < 3; i++) {
        if (shape_count(&context->inputs[i]->shape) != 1)
            return error_set(error, ERROR_INPUT, "input %d must be one number", i);
    }
    if (!operands_known(&operands, 0))
        return infer_output(context, 0, dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (dtype_is_float(dtype) ? count_numbers(&operands, &count, error) : count_integers(&operands, &count, error))
        return -1;
    return infer_output(context, 0, dtype, 1, &count, error);
}

static int compute_range(struct compute_context *context, struct error *error)
{
    (void)error;
    struct tensor *to = context->outputs[0];
    int64_t count = shape_count(&to->shape);
    double start = tensor_number(context->inputs[0], 0), delta = tensor_number(context->inputs[2], 0);
    int64_t whole_start = dtype_is_float(to->dtype) ? 0 : tensor_int(context->inputs[0], 0);
    int64_t whole_delta = dtype_is_float(to->dtype) ? 0 : tensor_int(context->inputs[2], 0);
    for (int64_t i = 0; i < count; i++) {
        switch (dtype_storage(to->dtype)) {
        case DTYPE_FLOAT:
            ((float *)to->data)[i] = (float)(start + (double)i * delta);
            break;
        case DTYPE_DOUBLE:
            ((double *)to->data)[i] = start + (double)i * delta;
            break;
        case DTYPE_INT32:
            ((int32_t *)to->data)[i] = (int32_t)(whole_start + i * whole_delta);
            break;
        default:
            ((int64_t *)to->data)[i] = whole_start + i * whole_delta;
            break;
        }
    }
    return 0;
}

const struct operator_definition operators_range[] = {
    {.domain = "",
     .name = "Range",
     .since = 11,
     ARITY(3, 3, 1, 1),
     .types = TYPES_NUMBER & ~TYPE_BIT(DTYPE_UINT8) & ~TYPE_BIT(DTYPE_UINT64),
     .traits = OPERATOR_SOURCE,
     .roles = {ROLE_CONTROL},
     SETTINGS(struct range_settings, attributes),
     .infer = infer_range,
     .compute = compute_range},
    {0},
};
