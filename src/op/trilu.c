/* Matrices by their diagonals: Trilu, EyeLike. */
#include "base/number.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"
#include "op/unary.h"

struct trilu_settings {
    bool upper;
};

static const struct attribute_rule trilu_attributes[] = {
    {FLAG_ATTRIBUTE(struct trilu_settings, upper, true)},
    {0},
};

struct eye_like_settings {
    int64_t dtype, k;
    bool dtype_given; /* else the input's */
};

static const struct attribute_rule eye_like_attributes[] = {
    {INT_ATTRIBUTE(struct eye_like_settings, dtype, 0), .given = offsetof(struct eye_like_settings, dtype_given)},
    {INT_ATTRIBUTE(struct eye_like_settings, k, 0)},
    {0},
};

static int infer_trilu(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    int64_t k;
    if (context->inputs[0]->shape.rank < 2)
        return error_set(error, ERROR_INPUT, "the input has fewer than 2 dimensions");
    if (infer_has(context, 1) && operand_known(&operands, 1) && operand_read_int(&operands, 1, &k, error))
        return -1;
    return infer_same(context, error);
}

static int compute_trilu(struct compute_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    const struct shape *shape = &from->shape;
    int64_t rows = shape->dims[shape->rank - 2], columns = shape->dims[shape->rank - 1], k = 0;
    bool upper = ((const struct trilu_settings *)context->node->settings)->upper;
    size_t size = element_size(from), row_bytes = (size_t)columns * size;
    int64_t count = row_bytes > 0 ? shape_count(shape) / columns : 0;
    if (operand_at(&operands, 1) && operand_read_int(&operands, 1, &k, error))
        return -1;
    k = int64_clamp(k, -rows - 1, columns);
    for (int64_t i = 0; i < count; i++) {
        /* the upper half begins at column i + k, the lower ends there */
        size_t at = (size_t)int64_clamp(i % rows + k + (upper ? 0 : 1), 0, columns) * size;
        const char *row = (const char *)from->data + (size_t)i * row_bytes;
        char *out = (char *)to->data + (size_t)i * row_bytes;
        memmove(out, row, row_bytes);
        memset(upper ? out : out + at, 0, upper ? at : row_bytes - at);
    }
    return 0;
}

static int gradient_trilu(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct trilu_settings *settings = node->settings;
    struct value *k = node->input_count > 1 ? node->inputs[1] : NULL;
    if (!context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(context->graph, "Trilu", EMIT_INPUTS(context->output_gradients[0], k),
                                       EMIT_ATTRIBUTES(EMIT_INT("upper", settings->upper)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int field_trilu(struct field_context *context, struct error *error)
{
    context->none = context->input != 0;
    return context->none ? 0 : field_pointwise(context, error);
}

static int infer_eye_like(struct infer_context *context, struct error *error)
{
    const struct eye_like_settings *settings = context->node->settings;
    const struct tensor *input = context->inputs[0];
    int64_t dtype = settings->dtype_given ? settings->dtype : (int64_t)input->dtype;
    if (input->shape.rank != 2)
        return error_set(error, ERROR_INPUT, "the input is no matrix");
    if (dtype <= 0 || dtype >= DTYPE_COUNT)
        return error_set(error, ERROR_INPUT, "attribute dtype is no element type");
    return infer_output(context, 0, (enum dtype)dtype, 2, input->shape.dims, error);
}

static int compute_eye_like(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct eye_like_settings *settings = context->node->settings;
    struct tensor *to = context->outputs[0];
    int64_t rows = to->shape.dims[0], columns = to->shape.dims[1];
    int64_t k = int64_clamp(settings->k, -rows - 1, columns);
    if (tensor_bytes(to) > 0)
        memset(to->data, 0, tensor_bytes(to));
    for (int64_t i = k < 0 ? -k : 0; i < rows && i + k < columns; i++) {
        int64_t at = i * columns + i + k;
        switch (dtype_storage(to->dtype)) {
        case DTYPE_FLOAT:
            ((float *)to->data)[at] = 1;
            break;
        case DTYPE_DOUBLE:
            ((double *)to->data)[at] = 1;
            break;
        case DTYPE_INT32:
            ((int32_t *)to->data)[at] = 1;
            break;
        case DTYPE_INT64:
            ((int64_t *)to->data)[at] = 1;
            break;
        default:
            ((uint8_t *)to->data)[at] = 1;
            break;
        }
    }
    return 0;
}

const struct operator_definition operators_trilu[] = {
    {.domain = "",
     .name = "Trilu",
     .since = 14,
     ARITY(1, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_IN_PLACE | OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_CONTROL},
     SETTINGS(struct trilu_settings, trilu_attributes),
     .infer = infer_trilu,
     .compute = compute_trilu,
     .gradient = gradient_trilu,
     .field = field_trilu},
    {.domain = "",
     .name = "EyeLike",
     .since = 9,
     ARITY(1, 1, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_SHAPE_ONLY | OPERATOR_SOURCE,
     .roles = {ROLE_DATA},
     SETTINGS(struct eye_like_settings, eye_like_attributes),
     .infer = infer_eye_like,
     .compute = compute_eye_like},
    {0},
};
