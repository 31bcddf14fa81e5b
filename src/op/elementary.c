/* Abs, Neg, Sign, Floor, Ceil, Round, Log, the trigonometric and hyperbolic functions and their inverses, Selu, Celu,
 * ThresholdedRelu, Softsign, Shrink: functions of one element without a kernel. */
#include "op/elementary.h"

#include <string.h>
#include <tgmath.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/unary.h"

/* What the loops call alpha and beta, whatever the attributes' names are. */
struct elementary_settings {
    float alpha, beta;
    const char *function; /* of ElementaryGradient: the operator whose slope is taken */
};
#define PARAMETER(name_, field_, default_)                                                                             \
    .name = name_, .form = SETTING_FLOAT, .offset = offsetof(struct elementary_settings, field_),                      \
    .number = (double)(default_)

static const struct attribute_rule selu_attributes[] = {
    {PARAMETER("alpha", alpha, 1.67326319217681884765625f)},
    {PARAMETER("gamma", beta, 1.05070102214813232421875f)},
    {0},
};
static const struct attribute_rule unit_alpha_attributes[] = {
    {PARAMETER("alpha", alpha, 1)},
    {0},
};
static const struct attribute_rule shrink_attributes[] = {
    {PARAMETER("lambd", alpha, 0.5f)},
    {PARAMETER("bias", beta, 0)},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    {TEXT_ATTRIBUTE(struct elementary_settings, function, ""), .required = true},
    {PARAMETER("alpha", alpha, 0)},
    {PARAMETER("beta", beta, 0)},
    {0},
};

/* operator, f(x), f'(x); tgmath.h takes the function of the type of x */
#define SMOOTH_FUNCTIONS(X)                                                                                            \
    X(Abs, fabs(x), (x > 0) - (x < 0))                                                                                 \
    X(Neg, -x, -1)                                                                                                     \
    X(Log, log(x), 1 / x)                                                                                              \
    X(Sin, sin(x), cos(x))                                                                                             \
    X(Cos, cos(x), -sin(x))                                                                                            \
    X(Tan, tan(x), 1 + tan(x) * tan(x))                                                                                \
    X(Asin, asin(x), 1 / sqrt(1 - x * x))                                                                              \
    X(Acos, acos(x), -1 / sqrt(1 - x * x))                                                                             \
    X(Atan, atan(x), 1 / (1 + x * x))                                                                                  \
    X(Sinh, sinh(x), cosh(x))                                                                                          \
    X(Cosh, cosh(x), sinh(x))                                                                                          \
    X(Asinh, asinh(x), 1 / sqrt(x * x + 1))                                                                            \
    X(Acosh, acosh(x), 1 / sqrt(x * x - 1))                                                                            \
    X(Atanh, atanh(x), 1 / (1 - x * x))                                                                                \
    X(Selu, x > 0 ? beta * x : beta * alpha * expm1(x), x > 0 ? beta : beta * alpha * exp(x))                          \
    X(Celu, x > 0 ? x : alpha * expm1(x / alpha), x > 0 ? 1 : exp(x / alpha))                                          \
    X(ThresholdedRelu, x > alpha ? x : 0, x > alpha)                                                                   \
    X(Softsign, x / (1 + fabs(x)), 1 / ((1 + fabs(x)) * (1 + fabs(x))))                                                \
    X(Shrink, x < -alpha ? x + beta : (x > alpha ? x - beta : 0), x < -alpha || x > alpha)

/* operator, f(x); constant between its jumps */
#define STEP_FUNCTIONS(X)                                                                                              \
    X(Sign, x != x ? x : (element)((x > 0) - (x < 0)))                                                                 \
    X(Floor, floor(x))                                                                                                 \
    X(Ceil, ceil(x))                                                                                                   \
    X(Round, rint(x)) /* half to even: the default mode of rounding */

#define DEFINE_SMOOTH(name, value, derivative)                                                                         \
    DEFINE_ELEMENT_LOOP(loop, name, float, ELEMENT_VALUE, value)                                                       \
    DEFINE_ELEMENT_LOOP(loop, name, double, ELEMENT_VALUE, value)                                                      \
    DEFINE_ELEMENT_LOOP(slope, name, float, ELEMENT_SLOPE, derivative)                                                 \
    DEFINE_ELEMENT_LOOP(slope, name, double, ELEMENT_SLOPE, derivative)
#define DEFINE_STEP(name, value)                                                                                       \
    DEFINE_ELEMENT_LOOP(loop, name, float, ELEMENT_VALUE, value)                                                       \
    DEFINE_ELEMENT_LOOP(loop, name, double, ELEMENT_VALUE, value)
SMOOTH_FUNCTIONS(DEFINE_SMOOTH)
STEP_FUNCTIONS(DEFINE_STEP)

/* By type: float, double. */
static const struct real_function {
    const char *op_type;
    element_loop *loops[2], *slopes[2]; /* slopes NULL: the gradient is zero */
} functions[] = {
#define LIST_SMOOTH(name, value, derivative)                                                                           \
    {#name, {loop_##name##_float, loop_##name##_double}, {slope_##name##_float, slope_##name##_double}},
#define LIST_STEP(name, value) {#name, {loop_##name##_float, loop_##name##_double}, {NULL, NULL}},
    SMOOTH_FUNCTIONS(LIST_SMOOTH) STEP_FUNCTIONS(LIST_STEP)};

/* operator, f(x) for integers, computed unsigned so that it wraps */
#define INTEGER_FUNCTIONS(X, type)                                                                                     \
    X(Abs, type, x > 0 ? (uint64_t)x : 0 - (uint64_t)x)                                                                \
    X(Neg, type, 0 - (uint64_t)x)                                                                                      \
    X(Sign, type, x > 0 ? 1 : -(x != 0))                                                                               \
    X(Relu, type, x > 0 ? x : 0)                                                                                       \
    X(Shrink, type, number_to_int64((double)x<-alpha_ ? (double)x + beta_ : (double)x> alpha_ ? (double)x - beta_ : 0))
#define INTEGER_TYPES(X)                                                                                               \
    X(DTYPE_INT32, int32_t) X(DTYPE_INT64, int64_t) X(DTYPE_UINT64, uint64_t) X(DTYPE_UINT8, uint8_t)

#define DEFINE_INTEGER_LOOP(name, type, value) DEFINE_ELEMENT_LOOP(loop, name, type, ELEMENT_VALUE, value)
#define DEFINE_INTEGERS(code, type) INTEGER_FUNCTIONS(DEFINE_INTEGER_LOOP, type)
INTEGER_TYPES(DEFINE_INTEGERS)

element_loop *integer_loop(const char *op_type, enum dtype dtype)
{
    static const struct {
        const char *op_type;
        enum dtype type;
        element_loop *loop;
    } loops[] = {
#define LIST_INTEGERS(code, type)                                                                                      \
    {"Abs", code, loop_Abs_##type}, {"Neg", code, loop_Neg_##type}, {"Sign", code, loop_Sign_##type},                  \
        {"Relu", code, loop_Relu_##type}, {"Shrink", code, loop_Shrink_##type},
        INTEGER_TYPES(LIST_INTEGERS)};
    enum dtype type = dtype == DTYPE_UINT64 ? dtype : dtype_storage(dtype);
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        if (loops[i].type == type && strcmp(loops[i].op_type, op_type) == 0)
            return loops[i].loop;
    }
    return NULL;
}

static void run_slice(void *argument, int64_t begin, int64_t end)
{
    const struct element_call *call = argument;
    int64_t from = begin * (int64_t)call->size_x;
    call->loop((const char *)call->x + from, call->dy ? (const char *)call->dy + from : NULL,
               (char *)call->out + begin * (int64_t)call->size_out, end - begin, call->alpha, call->beta);
}

void element_run(struct thread_pool *pool, const struct element_call *call)
{
    struct element_call copy = *call;
    rows_run(pool, &(struct row_task){run_slice, &copy}, call->count, 1);
}

static const struct real_function *find_function(const char *op_type)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].op_type, op_type) == 0)
            return &functions[i];
    }
    return NULL;
}

/* The parameters of functions that have any. */
static struct elementary_settings parameters_of(const struct node *node)
{
    const struct elementary_settings *settings = node->settings;
    return settings ? *settings : (struct elementary_settings){0};
}

static int compute_elementary(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *input = context->inputs[0];
    enum dtype storage = dtype_storage(input->dtype);
    bool real = storage == DTYPE_FLOAT || storage == DTYPE_DOUBLE;
    const struct elementary_settings parameters = parameters_of(context->node);
    struct element_call call = {.loop = real ? find_function(context->node->op_type)->loops[storage == DTYPE_DOUBLE]
                                             : integer_loop(context->node->op_type, input->dtype),
                                .alpha = (double)parameters.alpha,
                                .beta = (double)parameters.beta,
                                .x = input->data,
                                .out = context->outputs[0]->data,
                                .count = shape_count(&input->shape),
                                .size_x = dtype_storage_size(storage),
                                .size_out = dtype_storage_size(storage)};
    element_run(context->pool, &call);
    return 0;
}

static int gradient_elementary(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct elementary_settings parameters = parameters_of(node);
    context->input_gradients[0] =
        emit(context->graph, "ElementaryGradient", EMIT_INPUTS(node->inputs[0], context->output_gradients[0]),
             EMIT_ATTRIBUTES(EMIT_STRING("function", node->op_type), EMIT_FLOAT("alpha", parameters.alpha),
                             EMIT_FLOAT("beta", parameters.beta)),
             error);
    return context->input_gradients[0] ? 0 : -1;
}

/* Zero everywhere: nothing is handed on. */
static int gradient_step(struct gradient_context *context, struct error *error)
{
    (void)error;
    context->input_gradients[0] = NULL;
    return 0;
}

static int infer_elementary_gradient(struct infer_context *context, struct error *error)
{
    const struct elementary_settings *settings = context->node->settings;
    const struct real_function *function = find_function(settings->function);
    if (!function || !function->slopes[0])
        return error_set(error, ERROR_INTERNAL, "no slope of this function");
    return operand_storage(context, 1, error) || operand_shaped_as(context, 1, 0, error) ? -1
                                                                                         : infer_same(context, error);
}

static int compute_elementary_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *input = context->inputs[0];
    enum dtype storage = dtype_storage(input->dtype);
    const struct elementary_settings *settings = context->node->settings;
    const struct real_function *function = find_function(settings->function);
    element_run(context->pool, &(struct element_call){.loop = function->slopes[storage == DTYPE_DOUBLE],
                                                      .alpha = (double)settings->alpha,
                                                      .beta = (double)settings->beta,
                                                      .x = input->data,
                                                      .dy = context->inputs[1]->data,
                                                      .out = context->outputs[0]->data,
                                                      .count = shape_count(&input->shape),
                                                      .size_x = dtype_storage_size(storage),
                                                      .size_out = dtype_storage_size(storage)});
    return 0;
}

#define ELEMENTARY(name_, since_, types_, trait_, gradient_)                                                           \
    .domain = "", .name = name_, .since = since_, ARITY(1, 1, 1, 1), .types = types_,                                  \
    .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | trait_, .roles = {ROLE_DATA}, .infer = infer_same,              \
    .compute = compute_elementary, .gradient = gradient_, .field = field_pointwise
#define PARAMETERS(attributes_) SETTINGS(struct elementary_settings, attributes_)

const struct operator_definition operators_elementary[] = {
    {ELEMENTARY("Abs", 6, TYPES_NUMBER, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Neg", 6, TYPES_NUMBER, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Log", 6, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_FUNCTION, NULL)},
    {ELEMENTARY("Sin", 7, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_OF_OPERANDS, start_zero)},
    {ELEMENTARY("Cos", 7, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_FUNCTION, NULL)},
    {ELEMENTARY("Tan", 7, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Asin", 7, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Acos", 7, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Atan", 7, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_OF_OPERANDS, start_zero)},
    {ELEMENTARY("Sinh", 9, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_OF_OPERANDS, start_zero)},
    {ELEMENTARY("Cosh", 9, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Asinh", 9, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_OF_OPERANDS, start_zero)},
    {ELEMENTARY("Acosh", 9, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Atanh", 9, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_elementary)},
    {ELEMENTARY("Selu", 6, TYPES_FLOAT, OPERATOR_ACTIVATION, gradient_elementary), GATE(GATE_NONE, start_zero),
     PARAMETERS(selu_attributes)},
    {ELEMENTARY("Celu", 12, TYPES_FLOAT, OPERATOR_ACTIVATION, gradient_elementary), GATE(GATE_NONE, start_zero),
     PARAMETERS(unit_alpha_attributes)},
    {ELEMENTARY("ThresholdedRelu", 10, TYPES_FLOAT, OPERATOR_ACTIVATION, gradient_elementary),
     GATE(GATE_OF_OPERANDS, start_zero), PARAMETERS(unit_alpha_attributes)},
    {ELEMENTARY("Softsign", 1, TYPES_FLOAT, OPERATOR_ACTIVATION, gradient_elementary),
     GATE(GATE_OF_OPERANDS, start_zero)},
    {ELEMENTARY("Shrink", 9, TYPES_NUMBER, OPERATOR_FUNCTION, gradient_elementary), GATE(GATE_OF_OPERANDS, start_zero),
     PARAMETERS(shrink_attributes)},
    {ELEMENTARY("Sign", 9, TYPES_NUMBER, OPERATOR_FUNCTION, gradient_step)},
    {ELEMENTARY("Floor", 6, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_step)},
    {ELEMENTARY("Ceil", 6, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_step)},
    {ELEMENTARY("Round", 11, TYPES_FLOAT, OPERATOR_FUNCTION, gradient_step)},
    {.domain = DOMAIN_INTERNAL,
     .name = "ElementaryGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA, ROLE_FACTOR},
     SETTINGS(struct elementary_settings, gradient_attributes),
     .infer = infer_elementary_gradient,
     .compute = compute_elementary_gradient},
    {0},
};
