/* Pow, with an exponent of any type of number. */
#include <math.h>

#include "graph/match.h"
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/unary.h"

struct power_gradient_settings {
    int64_t input; /* whose gradient */
};
static const struct attribute_rule gradient_attributes[] = {
    {INT_ATTRIBUTE(struct power_gradient_settings, input, 0), .required = true},
    {0},
};

/* base^exponent by squaring, wrapping; as the real power is cut to an integer where the exponent is negative. */
static int64_t whole_power(int64_t base, int64_t exponent)
{
    if (exponent < 0)
        return base == 1 || (base == -1 && exponent % 2 == 0) ? 1 : base == -1 ? -1 : 0;
    uint64_t power = 1, square = (uint64_t)base;
    for (; exponent > 0; exponent >>= 1, square *= square)
        power *= exponent & 1 ? square : 1;
    return (int64_t)power;
}

/* A real power as an integer; NaN and what is out of range become 0. */
static int64_t cut_power(double base, double exponent)
{
    double power = pow(base, exponent);
    return fabs(power) < 9.2e18 ? (int64_t)power : 0;
}

/* Squares and cubes are what models raise to. */
static inline float power_float(float base, float exponent)
{
    return exponent == 2 ? base * base : exponent == 3 ? base * base * base : powf(base, exponent);
}

static inline double power_double(double base, double exponent)
{
    return exponent == 2 ? base * base : exponent == 3 ? base * base * base : pow(base, exponent);
}

/* type of the base, type of the exponent, the power */
#define POWERS(X)                                                                                                      \
    X(DTYPE_FLOAT, float, DTYPE_FLOAT, float, power_float(x, y))                                                       \
    X(DTYPE_FLOAT, float, DTYPE_DOUBLE, double, (float)power_double((double)x, y))                                     \
    X(DTYPE_FLOAT, float, DTYPE_INT32, int32_t, power_float(x, (float)y))                                              \
    X(DTYPE_FLOAT, float, DTYPE_INT64, int64_t, power_float(x, (float)y))                                              \
    X(DTYPE_FLOAT, float, DTYPE_UINT8, uint8_t, power_float(x, (float)y))                                              \
    X(DTYPE_DOUBLE, double, DTYPE_FLOAT, float, power_double(x, (double)y))                                            \
    X(DTYPE_DOUBLE, double, DTYPE_DOUBLE, double, power_double(x, y))                                                  \
    X(DTYPE_DOUBLE, double, DTYPE_INT32, int32_t, power_double(x, (double)y))                                          \
    X(DTYPE_DOUBLE, double, DTYPE_INT64, int64_t, power_double(x, (double)y))                                          \
    X(DTYPE_DOUBLE, double, DTYPE_UINT8, uint8_t, power_double(x, (double)y))                                          \
    X(DTYPE_INT32, int32_t, DTYPE_FLOAT, float, (int32_t)cut_power((double)x, (double)y))                              \
    X(DTYPE_INT32, int32_t, DTYPE_DOUBLE, double, (int32_t)cut_power((double)x, y))                                    \
    X(DTYPE_INT32, int32_t, DTYPE_INT32, int32_t, (int32_t)whole_power(x, y))                                          \
    X(DTYPE_INT32, int32_t, DTYPE_INT64, int64_t, (int32_t)whole_power(x, y))                                          \
    X(DTYPE_INT32, int32_t, DTYPE_UINT8, uint8_t, (int32_t)whole_power(x, y))                                          \
    X(DTYPE_INT64, int64_t, DTYPE_FLOAT, float, cut_power((double)x, (double)y))                                       \
    X(DTYPE_INT64, int64_t, DTYPE_DOUBLE, double, cut_power((double)x, y))                                             \
    X(DTYPE_INT64, int64_t, DTYPE_INT32, int32_t, whole_power(x, y))                                                   \
    X(DTYPE_INT64, int64_t, DTYPE_INT64, int64_t, whole_power(x, y))                                                   \
    X(DTYPE_INT64, int64_t, DTYPE_UINT8, uint8_t, whole_power(x, y))

#define DEFINE_POWER(base_code, base, exponent_code, exponent, power)                                                  \
    static void power_##base##_##exponent(const struct broadcast_row *row, const void *argument)                       \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        const base *a = row->in[0];                                                                                    \
        const exponent *b = row->in[1];                                                                                \
        base *out = row->out;                                                                                          \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            base x = a[i * row->stride[0]];                                                                            \
            exponent y = b[i * row->stride[1]];                                                                        \
            out[i] = power;                                                                                            \
        }                                                                                                              \
    }
POWERS(DEFINE_POWER)

static broadcast_loop *find_loop(enum dtype base, enum dtype exponent)
{
    static const struct {
        enum dtype base, exponent;
        broadcast_loop *loop;
    } loops[] = {
#define LIST_POWER(base_code, base, exponent_code, exponent, power)                                                    \
    {base_code, exponent_code, power_##base##_##exponent},
        POWERS(LIST_POWER)};
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        if (loops[i].base == dtype_storage(base) && loops[i].exponent == dtype_storage(exponent))
            return loops[i].loop;
    }
    return NULL;
}

static int infer_power(struct infer_context *context, struct error *error)
{
    if (!find_loop(context->inputs[0]->dtype, context->inputs[1]->dtype))
        return error_set(error, ERROR_INPUT, "the exponent is %s", dtype_name(context->inputs[1]->dtype));
    return infer_broadcast(context, error);
}

static int compute_power(struct compute_context *context, struct error *error)
{
    (void)error;
    compute_broadcast(context, find_loop(context->inputs[0]->dtype, context->inputs[1]->dtype), NULL);
    return 0;
}

/* (a, b, dy) -> dy b a^(b-1), which is 0 where b is, or dy a^b log(a), which is 0 where a is and b is not negative. */
#define DEFINE_SLOPES(type, log, power)                                                                                \
    static void base_slope_##type(const struct broadcast_row *row, const void *argument)                               \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        const type *a = row->in[0], *b = row->in[1], *dy = row->in[2];                                                 \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            type x = a[i * row->stride[0]], y = b[i * row->stride[1]];                                                 \
            ((type *)row->out)[i] = y == 0 ? 0 : dy[i * row->stride[2]] * y * power(x, y - 1);                         \
        }                                                                                                              \
    }                                                                                                                  \
    static void exponent_slope_##type(const struct broadcast_row *row, const void *argument)                           \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        const type *a = row->in[0], *b = row->in[1], *dy = row->in[2];                                                 \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            type x = a[i * row->stride[0]], y = b[i * row->stride[1]];                                                 \
            ((type *)row->out)[i] = x == 0 && y >= 0 ? 0 : dy[i * row->stride[2]] * power(x, y) * log(x);              \
        }                                                                                                              \
    }
DEFINE_SLOPES(float, logf, power_float)
DEFINE_SLOPES(double, log, power_double)

static int compute_power_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct power_gradient_settings *settings = context->node->settings;
    bool exponent = settings->input == 1;
    if (dtype_storage(context->outputs[0]->dtype) == DTYPE_DOUBLE)
        compute_broadcast(context, exponent ? exponent_slope_double : base_slope_double, NULL);
    else
        compute_broadcast(context, exponent ? exponent_slope_float : base_slope_float, NULL);
    return 0;
}

static int gradient_power(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct value *base = node->inputs[0], *dy = context->output_gradients[0];
    struct value *exponent = emit_cast(context->graph, node->inputs[1], base->dtype, error);
    for (int i = 0; exponent && i < 2; i++) {
        if (!context->wanted[i])
            continue;
        struct value *slope = emit(context->graph, "PowGradient", EMIT_INPUTS(base, exponent, dy),
                                   EMIT_ATTRIBUTES(EMIT_INT("input", i)), error);
        if (give_gradient(context, i, emit_cast(context->graph, slope, node->inputs[i]->dtype, error), error))
            return -1;
    }
    return exponent ? 0 : -1;
}

static bool start_power(const struct node *node, double *start, double *slope)
{
    double exponent;
    return start_zero(node, start, slope) && match_number(node->inputs[1], &exponent) && exponent > 0;
}

const struct operator_definition operators_power[] = {
    {.domain = "",
     .name = "Pow",
     .since = 7,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT | TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64),
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA},
     .infer = infer_power,
     .compute = compute_power,
     .gradient = gradient_power,
     GATE(GATE_FUNCTION, start_power),
     .field = field_pointwise},
    {.domain = DOMAIN_INTERNAL,
     .name = "PowGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_FACTOR},
     SETTINGS(struct power_gradient_settings, gradient_attributes),
     .infer = infer_broadcast_same,
     .compute = compute_power_gradient},
    {0},
};
