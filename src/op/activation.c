/* Activations and functions of one variable that have a kernel in every instruction set: Relu, LeakyRelu, Sigmoid,
 * HardSigmoid, HardSwish, Swish, Tanh, Gelu, Elu, Softplus, Mish, Exp, Erf, Sqrt, Reciprocal, Clip. */
#include <math.h>
#include <string.h>

#include "graph/match.h"
#include "op/broadcast.h"
#include "op/elementary.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/settings.h"
#include "op/unary.h"

static const char *const approximations[] = {"none", "tanh", NULL};

static const struct attribute_rule leaky_relu_attributes[] = {
    {FLOAT_ATTRIBUTE(struct activation_settings, alpha, 0.01f)},
    {0},
};
static const struct attribute_rule hard_sigmoid_attributes[] = {
    {FLOAT_ATTRIBUTE(struct activation_settings, alpha, 0.2f)},
    {FLOAT_ATTRIBUTE(struct activation_settings, beta, 0.5f)},
    {0},
};
static const struct attribute_rule unit_alpha_attributes[] = {
    {FLOAT_ATTRIBUTE(struct activation_settings, alpha, 1)},
    {0},
};
static const struct attribute_rule gelu_attributes[] = {
    {WORD_ATTRIBUTE(struct activation_settings, approximate, GELU_EXACT, approximations)},
    {0},
};
static const struct attribute_rule clip_attributes[] = {
    {FLOAT_ATTRIBUTE(struct clip_settings, min, -INFINITY), .until = 10},
    {FLOAT_ATTRIBUTE(struct clip_settings, max, INFINITY), .until = 10},
    {0},
};
static const struct attribute_rule clip_gradient_attributes[] = {
    {FLOAT_ATTRIBUTE(struct clip_settings, min, -INFINITY)},
    {FLOAT_ATTRIBUTE(struct clip_settings, max, INFINITY)},
    {0},
};

struct unary_gradient_settings {
    int64_t function; /* enum unary */
    float alpha, beta;
};
static const struct attribute_rule unary_gradient_attributes[] = {
    {INT_ATTRIBUTE(struct unary_gradient_settings, function, 0), .required = true},
    {FLOAT_ATTRIBUTE(struct unary_gradient_settings, alpha, 0)},
    {FLOAT_ATTRIBUTE(struct unary_gradient_settings, beta, 0)},
    {0},
};

/* ONNX operators by kernel. */
static const struct {
    const char *op_type;
    enum unary function;
} functions[] = {
    {"Relu", UNARY_RELU},
    {"LeakyRelu", UNARY_LEAKY_RELU},
    {"Sigmoid", UNARY_SIGMOID},
    {"HardSigmoid", UNARY_HARD_SIGMOID},
    {"HardSwish", UNARY_HARD_SWISH},
    {"Swish", UNARY_SILU},
    {"Tanh", UNARY_TANH},
    {"Gelu", UNARY_GELU_ERF},
    {"Elu", UNARY_ELU},
    {"Softplus", UNARY_SOFTPLUS},
    {"Mish", UNARY_MISH},
    {"Exp", UNARY_EXP},
    {"Erf", UNARY_ERF},
    {"Sqrt", UNARY_SQRT},
    {"Reciprocal", UNARY_RECIPROCAL},
};

struct unary_call unary_call_of(const struct node *node)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].op_type, node->op_type) != 0)
            continue;
        struct unary_call call = {.function = functions[i].function};
        const struct activation_settings *settings = node->settings;
        if (settings) {
            call.alpha = (double)settings->alpha;
            call.beta = (double)settings->beta;
            if (call.function == UNARY_GELU_ERF && settings->approximate == GELU_TANH)
                call.function = UNARY_GELU_TANH;
        }
        return call;
    }
    return (struct unary_call){.function = UNARY_IDENTITY};
}

struct unary_job {
    const struct kernels *kernels;
    const struct unary_call *call;
    const float *x, *dy;
    float *out;
};

static void run_slice(void *argument, int64_t begin, int64_t end)
{
    const struct unary_job *job = argument;
    const struct unary_call *call = job->call;
    float alpha = (float)call->alpha, beta = (float)call->beta;
    if (call->gradient)
        job->kernels->unary_gradient[call->function](job->x + begin, job->dy + begin, job->out + begin, end - begin,
                                                     alpha, beta);
    else
        job->kernels->unary[call->function](job->x + begin, job->out + begin, end - begin, alpha, beta);
}

static void run_loop(const struct compute_context *context, element_loop *loop, const struct unary_call *call)
{
    const struct tensor *input = context->inputs[0];
    size_t size = dtype_storage_size(dtype_storage(input->dtype));
    element_run(context->pool, &(struct element_call){.loop = loop,
                                                      .alpha = call->alpha,
                                                      .beta = call->beta,
                                                      .x = input->data,
                                                      .dy = call->gradient ? operand_data(context, 1) : NULL,
                                                      .out = operand_result(context, 0),
                                                      .count = shape_count(&input->shape),
                                                      .size_x = size,
                                                      .size_out = size});
}

void unary_run(const struct compute_context *context, const struct unary_call *call)
{
    if (dtype_storage(context->inputs[0]->dtype) == DTYPE_DOUBLE) {
        run_loop(context, double_loop(call->function, call->gradient), call);
        return;
    }
    struct unary_job job = {context->kernels, call, operand_data(context, 0),
                            call->gradient ? operand_data(context, 1) : NULL, operand_result(context, 0)};
    rows_run(context->pool, &(struct row_task){run_slice, &job}, shape_count(&context->outputs[0]->shape), 1);
}

static int compute_activation(struct compute_context *context, struct error *error)
{
    (void)error;
    struct unary_call call = unary_call_of(context->node);
    if (dtype_is_integer(context->inputs[0]->dtype))
        run_loop(context, integer_loop(context->node->op_type, context->inputs[0]->dtype), &call);
    else
        unary_run(context, &call);
    return 0;
}

struct value *emit_unary_gradient(struct graph *graph, struct value *x, struct value *dy, enum unary function,
                                  float alpha, float beta, struct error *error)
{
    return emit(graph, "UnaryGradient", EMIT_INPUTS(x, dy),
                EMIT_ATTRIBUTES(EMIT_INT("function", function), EMIT_FLOAT("alpha", alpha), EMIT_FLOAT("beta", beta)),
                error);
}

static int gradient_activation(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct unary_call call = unary_call_of(node);
    /* ReLU's slope is told from its output as well: the input need not be kept, and epilogues can be fused. */
    struct value *x = call.function == UNARY_RELU ? node->outputs[0] : node->inputs[0];
    context->input_gradients[0] = emit_unary_gradient(context->graph, x, context->output_gradients[0], call.function,
                                                      (float)call.alpha, (float)call.beta, error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_unary_gradient(struct infer_context *context, struct error *error)
{
    const struct unary_gradient_settings *settings = context->node->settings;
    if (settings->function < 0 || settings->function >= UNARY_COUNT)
        return error_set(error, ERROR_INTERNAL, "no function %d", (int)settings->function);
    if (operand_storage(context, 1, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    return infer_same(context, error);
}

static int compute_unary_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct unary_gradient_settings *settings = context->node->settings;
    struct unary_call call = {(enum unary)settings->function, (double)settings->alpha, (double)settings->beta, true};
    unary_run(context, &call);
    return 0;
}

int field_pointwise(struct field_context *context, struct error *error)
{
    (void)error;
    field_aligned(context);
    return 0;
}

/* Limits of Clip: attributes before opset 11, scalar inputs since. */
static int infer_clip(struct infer_context *context, struct error *error)
{
    for (int i = 1; i < context->input_count; i++) {
        if (context->inputs[i] && shape_count(&context->inputs[i]->shape) != 1)
            return error_set(error, ERROR_INPUT, "input %d (a limit) must have one element", i);
    }
    return operand_types(context, 1, error) ? -1 : infer_same(context, error);
}

/* The limit of a node of floats: from input `input`, or the attribute. */
static double clip_limit(const struct compute_context *context, int input, float attribute)
{
    return operand_data(context, input) ? tensor_number(context->inputs[input], 0) : (double)attribute;
}

/* The upper limit wins where they cross: min(max(x, low), high). */
static struct unary_call clip_call(const struct compute_context *context, int first_limit, bool gradient)
{
    const struct clip_settings *settings = context->node->settings;
    double low = clip_limit(context, first_limit, settings->min);
    double high = clip_limit(context, first_limit + 1, settings->max);
    return (struct unary_call){UNARY_CLIP, low > high ? high : low, high, gradient};
}

/* Limits of integers are compared as integers. */
#define CLIP_TYPES(X)                                                                                                  \
    X(DTYPE_INT32, int32_t)                                                                                            \
    X(DTYPE_INT64, int64_t)                                                                                            \
    X(DTYPE_UINT64, uint64_t)                                                                                          \
    X(DTYPE_UINT8, uint8_t)

static int compute_clip(struct compute_context *context, struct error *error)
{
    (void)error;
    int64_t count = shape_count(&context->outputs[0]->shape);
    const void *x = operand_data(context, 0), *low = operand_data(context, 1), *high = operand_data(context, 2);
    void *y = operand_result(context, 0);
    struct unary_call call;
    switch (loop_type(context->inputs[0]->dtype)) {
#define CLIP(code, type)                                                                                               \
    case code:                                                                                                         \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type element = ((const type *)x)[i];                                                                       \
            element = low && element < *(const type *)low ? *(const type *)low : element;                              \
            ((type *)y)[i] = high && element > *(const type *)high ? *(const type *)high : element;                    \
        }                                                                                                              \
        break;
        CLIP_TYPES(CLIP)
#undef CLIP
    default:
        call = clip_call(context, 1, false);
        unary_run(context, &call);
    }
    return 0;
}

static int gradient_clip(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct clip_settings *settings = node->settings;
    struct value *dx =
        emit(context->graph, "ClipGradient",
             EMIT_INPUTS(node->inputs[0], context->output_gradients[0], node->input_count > 1 ? node->inputs[1] : NULL,
                         node->input_count > 2 ? node->inputs[2] : NULL),
             EMIT_ATTRIBUTES(EMIT_FLOAT("min", settings->min), EMIT_FLOAT("max", settings->max)), error);
    context->input_gradients[0] = dx;
    return dx ? 0 : -1;
}

static int compute_clip_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct unary_call call = clip_call(context, 2, true);
    unary_run(context, &call);
    return 0;
}

static int infer_clip_gradient(struct infer_context *context, struct error *error)
{
    if (operand_storage(context, 1, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    return infer_same(context, error);
}

/* Of HardSigmoid where it is not 0 or 1 at 0. */
static bool start_hard_sigmoid(const struct node *node, double *start, double *slope)
{
    const struct activation_settings *settings = node->settings;
    *start = (double)settings->beta;
    *slope = (double)settings->alpha;
    return *start > 0 && *start < 1;
}

#define START(name_, start_, slope_)                                                                                   \
    static bool name_(const struct node *node, double *start, double *slope)                                           \
    {                                                                                                                  \
        (void)node;                                                                                                    \
        *start = start_;                                                                                               \
        *slope = slope_;                                                                                               \
        return true;                                                                                                   \
    }
START(start_sigmoid, 0.5, 0.25)
START(start_softplus, M_LN2, 0.5)
START(start_exponential, 1, 1)

/* Of Clip that lets 0 through. */
static bool start_clip(const struct node *node, double *start, double *slope)
{
    const struct clip_settings *settings = node->settings;
    double bounds[2] = {(double)settings->min, (double)settings->max};
    for (int i = 1; i < node->input_count && i < 3; i++) {
        if (node->inputs[i] && !match_number(node->inputs[i], &bounds[i - 1]))
            return false;
    }
    return start_zero(node, start, slope) && bounds[0] <= 0 && bounds[1] >= 0;
}

#define ACTIVATION(name_, since_, types_, trait_)                                                                      \
    .domain = "", .name = name_, .since = since_, ARITY(1, 1, 1, 1), .types = types_,                                  \
    .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | trait_, .roles = {ROLE_DATA}, .infer = infer_same,              \
    .compute = compute_activation, .gradient = gradient_activation, .field = field_pointwise

const struct operator_definition operators_activation[] = {
    {ACTIVATION("Relu", 6, TYPES_NUMBER, OPERATOR_ACTIVATION), GATE(GATE_NONE, NULL)},
    {ACTIVATION("LeakyRelu", 6, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_NONE, NULL),
     SETTINGS(struct activation_settings, leaky_relu_attributes)},
    {ACTIVATION("Sigmoid", 6, TYPES_FLOAT, OPERATOR_ACTIVATION | OPERATOR_GATE), GATE(GATE_SHARE, start_sigmoid)},
    {ACTIVATION("HardSigmoid", 6, TYPES_FLOAT, OPERATOR_ACTIVATION | OPERATOR_GATE),
     GATE(GATE_SHARE, start_hard_sigmoid), SETTINGS(struct activation_settings, hard_sigmoid_attributes)},
    {ACTIVATION("HardSwish", 14, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_NONE, start_zero)},
    {ACTIVATION("Swish", 24, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_NONE, start_zero),
     SETTINGS(struct activation_settings, unit_alpha_attributes)},
    {ACTIVATION("Tanh", 6, TYPES_FLOAT, OPERATOR_ACTIVATION | OPERATOR_GATE), GATE(GATE_FUNCTION, start_zero)},
    {ACTIVATION("Gelu", 20, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_NONE, start_zero),
     SETTINGS(struct activation_settings, gelu_attributes)},
    {ACTIVATION("Elu", 6, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_NONE, start_zero),
     SETTINGS(struct activation_settings, unit_alpha_attributes)},
    {ACTIVATION("Softplus", 1, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_FUNCTION, start_softplus)},
    {ACTIVATION("Mish", 18, TYPES_FLOAT, OPERATOR_ACTIVATION), GATE(GATE_NONE, start_zero)},
    {ACTIVATION("Exp", 6, TYPES_FLOAT, OPERATOR_FUNCTION), GATE(GATE_FUNCTION, start_exponential)},
    {ACTIVATION("Erf", 9, TYPES_FLOAT, OPERATOR_FUNCTION), GATE(GATE_FUNCTION, start_zero)},
    {ACTIVATION("Sqrt", 6, TYPES_FLOAT, OPERATOR_FUNCTION), GATE(GATE_FUNCTION, start_zero)},
    {ACTIVATION("Reciprocal", 6, TYPES_FLOAT, OPERATOR_FUNCTION), GATE(GATE_FUNCTION, NULL)},
    {.domain = "",
     .name = "Clip",
     .since = 6,
     ARITY(1, 3, 1, 1),
     .types = TYPES_NUMBER,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_ACTIVATION,
     .roles = {ROLE_DATA, ROLE_CONTROL},
     SETTINGS(struct clip_settings, clip_attributes),
     .infer = infer_clip,
     .compute = compute_clip,
     .gradient = gradient_clip,
     GATE(GATE_FUNCTION, start_clip),
     .field = field_pointwise},
    {.domain = DOMAIN_INTERNAL,
     .name = "UnaryGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA, ROLE_FACTOR},
     SETTINGS(struct unary_gradient_settings, unary_gradient_attributes),
     .infer = infer_unary_gradient,
     .compute = compute_unary_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "ClipGradient",
     .since = 1,
     ARITY(2, 4, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA, ROLE_FACTOR, ROLE_CONTROL},
     SETTINGS(struct clip_settings, clip_gradient_attributes),
     .infer = infer_clip_gradient,
     .compute = compute_clip_gradient},
    {0},
};
