/* Mod: the remainder with the sign of the divisor, or with fmod that of the dividend. */
#include <math.h>
#include <stdint.h>

#include "op/broadcast.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/unary.h"

struct modulo_settings {
    int64_t fmod;
};
static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct modulo_settings, fmod, 0)},
    {0},
};

struct modulo {
    bool truncated; /* fmod */
    enum dtype type;
};

static int infer_modulo(struct infer_context *context, struct error *error)
{
    const struct modulo_settings *settings = context->node->settings;
    if (dtype_is_float(context->inputs[0]->dtype) && settings->fmod != 1)
        return error_set(error, ERROR_INPUT, "remainders of floats are taken with fmod=1 only");
    return infer_broadcast_same(context, error);
}

/* x modulo 0 is 0. */
static int64_t whole_modulo(int64_t x, int64_t y, bool truncated)
{
    if (y == 0 || y == -1)
        return 0;
    int64_t rest = x % y;
    return !truncated && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

#define MODULO_TYPES(X)                                                                                                \
    X(DTYPE_FLOAT, float, fmodf(x, y))                                                                                 \
    X(DTYPE_DOUBLE, double, fmod(x, y))                                                                                \
    X(DTYPE_INT32, int32_t, (int32_t)whole_modulo(x, y, modulo->truncated))                                            \
    X(DTYPE_INT64, int64_t, whole_modulo(x, y, modulo->truncated))                                                     \
    X(DTYPE_UINT64, uint64_t, y ? x % y : 0)                                                                           \
    X(DTYPE_UINT8, uint8_t, (uint8_t)(y ? x % y : 0))

static void run_modulo(const struct broadcast_row *row, const void *argument)
{
    const struct modulo *modulo = argument;
    switch (modulo->type) {
#define CASE_MODULO(code, element, expression)                                                                         \
    case code:                                                                                                         \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            element x = ((const element *)row->in[0])[i * row->stride[0]];                                             \
            element y = ((const element *)row->in[1])[i * row->stride[1]];                                             \
            ((element *)row->out)[i] = expression;                                                                     \
        }                                                                                                              \
        break;
        MODULO_TYPES(CASE_MODULO)
    default:
        break;
    }
}

static int compute_modulo(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct modulo_settings *settings = context->node->settings;
    struct modulo modulo = {settings->fmod != 0, loop_type(context->inputs[0]->dtype)};
    compute_broadcast(context, run_modulo, &modulo);
    return 0;
}

/* a mod b = a - b n with n = (a - (a mod b)) / b, a whole number that does not move. */
static int gradient_modulo(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct graph *graph = context->graph;
    struct value *dy = context->output_gradients[0];
    if (context->wanted[0] && give_gradient(context, 0, dy, error))
        return -1;
    if (!context->wanted[1])
        return 0;
    struct value *minus = emit_two(graph, "Sub", node->outputs[0], node->inputs[0], error);
    struct value *turns = emit_two(graph, "Div", minus, node->inputs[1], error);
    return give_gradient(context, 1, emit_two(graph, "Mul", dy, turns, error), error);
}

const struct operator_definition operators_arithmetic_modulo[] = {
    {.domain = "",
     .name = "Mod",
     .since = 10,
     ARITY(2, 2, 1, 1),
     .types = TYPES_NUMBER,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA},
     SETTINGS(struct modulo_settings, attributes),
     .infer = infer_modulo,
     .compute = compute_modulo,
     .gradient = gradient_modulo,
     .field = field_pointwise},
    {0},
};
