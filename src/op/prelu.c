/* PRelu: negative elements times a slope of their own, which is broadcast to the input. */
#include <stdint.h>
#include <string.h>

#include "op/broadcast.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/unary.h"

struct prelu_gradient_settings {
    int64_t input; /* whose gradient */
};
static const struct attribute_rule gradient_attributes[] = {
    {INT_ATTRIBUTE(struct prelu_gradient_settings, input, 0), .required = true},
    {0},
};

static int infer_prelu(struct infer_context *context, struct error *error)
{
    if (infer_broadcast_same(context, error))
        return -1;
    if (!shape_equal(&context->outputs[0].shape, &context->inputs[0]->shape))
        return error_set(error, ERROR_INPUT, "the slope cannot be broadcast to the shape of the input");
    return 0;
}

/* type of elements, product that wraps */
#define PRELU_TYPES(X)                                                                                                 \
    X(DTYPE_FLOAT, float, x *y)                                                                                        \
    X(DTYPE_DOUBLE, double, x *y)                                                                                      \
    X(DTYPE_INT32, int32_t, (int32_t)((uint32_t)x * (uint32_t)y))                                                      \
    X(DTYPE_INT64, int64_t, (int64_t)((uint64_t)x * (uint64_t)y))

static void copy_first(const struct broadcast_row *row, const void *argument)
{
    (void)argument;
    memmove(row->out, row->in[0], (size_t)row->count * sizeof(uint64_t));
}

#define DEFINE_PRELU(code, type, product)                                                                              \
    static void prelu_##type(const struct broadcast_row *row, const void *argument)                                    \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            type x = ((const type *)row->in[0])[i * row->stride[0]];                                                   \
            type y = ((const type *)row->in[1])[i * row->stride[1]];                                                   \
            ((type *)row->out)[i] = x < 0 ? product : x;                                                               \
        }                                                                                                              \
    }
PRELU_TYPES(DEFINE_PRELU)

static int compute_prelu(struct compute_context *context, struct error *error)
{
    (void)error;
    switch (loop_type(context->inputs[0]->dtype)) {
#define CALL_PRELU(code, type, product)                                                                                \
    case code:                                                                                                         \
        compute_broadcast(context, prelu_##type, NULL);                                                                \
        break;
        PRELU_TYPES(CALL_PRELU)
    default: /* UINT64: nothing is negative */
        compute_broadcast(context, copy_first, NULL);
    }
    return 0;
}

/* (x, slope, dy) -> dy or dy * slope, for the slope 0 or dy * x; at 0 the slope counts, as in PyTorch. */
#define DEFINE_PRELU_GRADIENT(type)                                                                                    \
    static void prelu_input_##type(const struct broadcast_row *row, const void *argument)                              \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            type x = ((const type *)row->in[0])[i * row->stride[0]];                                                   \
            type y = ((const type *)row->in[1])[i * row->stride[1]];                                                   \
            type dy = ((const type *)row->in[2])[i * row->stride[2]];                                                  \
            ((type *)row->out)[i] = x > 0 ? dy : dy * y;                                                               \
        }                                                                                                              \
    }                                                                                                                  \
    static void prelu_slope_##type(const struct broadcast_row *row, const void *argument)                              \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            type x = ((const type *)row->in[0])[i * row->stride[0]];                                                   \
            type dy = ((const type *)row->in[2])[i * row->stride[2]];                                                  \
            ((type *)row->out)[i] = x > 0 ? 0 : dy * x;                                                                \
        }                                                                                                              \
    }
DEFINE_PRELU_GRADIENT(float)
DEFINE_PRELU_GRADIENT(double)

static int compute_prelu_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct prelu_gradient_settings *settings = context->node->settings;
    bool slope = settings->input == 1;
    if (dtype_storage(context->outputs[0]->dtype) == DTYPE_DOUBLE)
        compute_broadcast(context, slope ? prelu_slope_double : prelu_input_double, NULL);
    else
        compute_broadcast(context, slope ? prelu_slope_float : prelu_input_float, NULL);
    return 0;
}

static int gradient_prelu(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    for (int i = 0; i < 2; i++) {
        if (context->wanted[i] &&
            give_gradient(context, i,
                          emit(context->graph, "PReluGradient",
                               EMIT_INPUTS(node->inputs[0], node->inputs[1], context->output_gradients[0]),
                               EMIT_ATTRIBUTES(EMIT_INT("input", i)), error),
                          error))
            return -1;
    }
    return 0;
}

const struct operator_definition operators_prelu[] = {
    {.domain = "",
     .name = "PRelu",
     .since = 7,
     ARITY(2, 2, 1, 1),
     .types =
         TYPES_FLOAT | TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64) | TYPE_BIT(DTYPE_UINT32) | TYPE_BIT(DTYPE_UINT64),
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_ACTIVATION,
     .roles = {ROLE_DATA, ROLE_SLOPE},
     .gate = GATE_NONE,
     .infer = infer_prelu,
     .compute = compute_prelu,
     .gradient = gradient_prelu,
     .field = field_pointwise},
    {.domain = DOMAIN_INTERNAL,
     .name = "PReluGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA, ROLE_SLOPE, ROLE_FACTOR},
     SETTINGS(struct prelu_gradient_settings, gradient_attributes),
     .infer = infer_broadcast_same,
     .compute = compute_prelu_gradient},
    {0},
};
