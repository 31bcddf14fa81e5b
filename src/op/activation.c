/* Activations and functions of one variable that have a kernel in every instruction set: Relu, LeakyRelu, Sigmoid,
 * HardSigmoid, HardSwish, Swish, Tanh, Gelu, Elu, Softplus, Mish, Exp, Erf, Sqrt, Reciprocal, Clip. */
#include <math.h>
#include <string.h>

#include "op/broadcast.h"
#include "op/elementary.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/unary.h"

/* ONNX operators by kernel; names of attributes that alpha and beta come from, and their defaults. */
static const struct {
    const char *op_type;
    enum unary function;
    const char *alpha, *beta;
    float default_alpha, default_beta;
} functions[] = {
    {"Relu", UNARY_RELU, "", "", 0, 0},
    {"LeakyRelu", UNARY_LEAKY_RELU, "alpha", "", 0.01f, 0},
    {"Sigmoid", UNARY_SIGMOID, "", "", 0, 0},
    {"HardSigmoid", UNARY_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {"HardSwish", UNARY_HARD_SWISH, "", "", 0, 0},
    {"Swish", UNARY_SILU, "alpha", "", 1, 0},
    {"Tanh", UNARY_TANH, "", "", 0, 0},
    {"Gelu", UNARY_GELU_ERF, "", "", 0, 0},
    {"Elu", UNARY_ELU, "alpha", "", 1, 0},
    {"Softplus", UNARY_SOFTPLUS, "", "", 0, 0},
    {"Mish", UNARY_MISH, "", "", 0, 0},
    {"Exp", UNARY_EXP, "", "", 0, 0},
    {"Erf", UNARY_ERF, "", "", 0, 0},
    {"Sqrt", UNARY_SQRT, "", "", 0, 0},
    {"Reciprocal", UNARY_RECIPROCAL, "", "", 0, 0},
};

struct unary_call unary_call_of(const struct node *node)
{
    struct unary_call call = {.function = UNARY_IDENTITY};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].op_type, node->op_type) == 0) {
            call.function = functions[i].function;
            call.alpha = (double)node_float(node, functions[i].alpha, functions[i].default_alpha);
            call.beta = (double)node_float(node, functions[i].beta, functions[i].default_beta);
        }
    }
    if (call.function == UNARY_GELU_ERF && strcmp(node_string(node, "approximate", "none"), "tanh") == 0)
        call.function = UNARY_GELU_TANH;
    return call;
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
    int64_t function = node_int(context->node, "function", -1);
    if (function < 0 || function >= UNARY_COUNT)
        return error_set(error, ERROR_INTERNAL, "no function %d", (int)function);
    if (operand_storage(context, 1, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    return infer_same(context, error);
}

static int compute_unary_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct unary_call call = {(enum unary)node_int(context->node, "function", 0),
                              (double)node_float(context->node, "alpha", 0),
                              (double)node_float(context->node, "beta", 0), true};
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

/* The limit of a node of floats: from input `input`, or the attribute of older opsets. */
static double clip_limit(const struct compute_context *context, int input, const char *attribute, double otherwise)
{
    double limit = otherwise;
    const struct attribute *given = node_attribute(context->node, attribute);
    if (operand_data(context, input))
        limit = tensor_number(context->inputs[input], 0);
    else if (given && given->type == ATTRIBUTE_FLOAT)
        limit = (double)given->f;
    return limit;
}

/* The upper limit wins where they cross: min(max(x, low), high). */
static struct unary_call clip_call(const struct compute_context *context, int first_limit, bool gradient)
{
    double low = clip_limit(context, first_limit, "min", -(double)INFINITY);
    double high = clip_limit(context, first_limit + 1, "max", (double)INFINITY);
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
    struct value *dx =
        emit(context->graph, "ClipGradient",
             EMIT_INPUTS(node->inputs[0], context->output_gradients[0], node->input_count > 1 ? node->inputs[1] : NULL,
                         node->input_count > 2 ? node->inputs[2] : NULL),
             EMIT_ATTRIBUTES(EMIT_FLOAT("min", node_float(node, "min", -INFINITY)),
                             EMIT_FLOAT("max", node_float(node, "max", INFINITY))),
             error);
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

#define ACTIVATION(name_, since_, types_)                                                                              \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1,              \
        .max_outputs = 1, .types = types_, .flags = OPERATOR_IN_PLACE | OPERATOR_POINTWISE, .infer = infer_same,       \
        .compute = compute_activation, .gradient = gradient_activation, .field = field_pointwise                       \
    }

const struct operator operators_activation[] = {
    ACTIVATION("Relu", 6, TYPES_NUMBER),
    ACTIVATION("LeakyRelu", 6, TYPES_FLOAT),
    ACTIVATION("Sigmoid", 6, TYPES_FLOAT),
    ACTIVATION("HardSigmoid", 6, TYPES_FLOAT),
    ACTIVATION("HardSwish", 14, TYPES_FLOAT),
    ACTIVATION("Swish", 24, TYPES_FLOAT),
    ACTIVATION("Tanh", 6, TYPES_FLOAT),
    ACTIVATION("Gelu", 20, TYPES_FLOAT),
    ACTIVATION("Elu", 6, TYPES_FLOAT),
    ACTIVATION("Softplus", 1, TYPES_FLOAT),
    ACTIVATION("Mish", 18, TYPES_FLOAT),
    ACTIVATION("Exp", 6, TYPES_FLOAT),
    ACTIVATION("Erf", 9, TYPES_FLOAT),
    ACTIVATION("Sqrt", 6, TYPES_FLOAT),
    ACTIVATION("Reciprocal", 6, TYPES_FLOAT),
    {.domain = "",
     .name = "Clip",
     .since = 6,
     .min_inputs = 1,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_NUMBER,
     .flags = OPERATOR_IN_PLACE | OPERATOR_POINTWISE,
     .infer = infer_clip,
     .compute = compute_clip,
     .gradient = gradient_clip,
     .field = field_pointwise},
    {.domain = DOMAIN_INTERNAL,
     .name = "UnaryGradient",
     .since = 1,
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_FLOAT,
     .flags = OPERATOR_IN_PLACE | OPERATOR_POINTWISE,
     .infer = infer_unary_gradient,
     .compute = compute_unary_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "ClipGradient",
     .since = 1,
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_FLOAT,
     .flags = OPERATOR_IN_PLACE | OPERATOR_POINTWISE,
     .infer = infer_clip_gradient,
     .compute = compute_clip_gradient},
    {0},
};
