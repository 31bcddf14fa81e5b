/* com.microsoft: FusedConv, FusedGemm, FusedMatMul and TransposeMatMul, as ONNX Runtime's optimiser writes them. */
#include "op/convolution.h"
#include "op/expansion.h"
#include "op/families.h"
#include "op/product.h"

enum { ACTIVATION_NONE, ACTIVATION_CLIP = 7 };
static const char *const activations[] = {"",          "Relu",        "Tanh", "Sigmoid", "HardSwish",
                                          "LeakyRelu", "HardSigmoid", "Clip", NULL};

struct batch_settings { /* of FusedMatMul */
    struct gemm_settings gemm;
    bool transBatchA, transBatchB;
};
struct fused_conv_settings {
    struct conv_settings conv;
    int activation; /* of `activations` */
    struct floats activation_params;
};
struct fused_gemm_settings {
    struct gemm_settings gemm;
    int activation;
    float activation_alpha, activation_beta;
    bool alpha_given, beta_given;
};

static const struct attribute_rule matmul_attributes[] = {
    GEMM_ATTRIBUTES,
    {FLAG_ATTRIBUTE(struct batch_settings, transBatchA, false)},
    {FLAG_ATTRIBUTE(struct batch_settings, transBatchB, false)},
    {0},
};
static const struct attribute_rule conv_attributes[] = {
    CONV_ATTRIBUTES,
    {WORD_ATTRIBUTE(struct fused_conv_settings, activation, ACTIVATION_NONE, activations)},
    {FLOATS_ATTRIBUTE(struct fused_conv_settings, activation_params)},
    {0},
};
static const struct attribute_rule gemm_attributes[] = {
    GEMM_ATTRIBUTES,
    {FLOAT_ATTRIBUTE(struct gemm_settings, beta, 1)},
    {WORD_ATTRIBUTE(struct fused_gemm_settings, activation, ACTIVATION_NONE, activations)},
    {FLOAT_ATTRIBUTE(struct fused_gemm_settings, activation_alpha, 0),
     .given = offsetof(struct fused_gemm_settings, alpha_given)},
    {FLOAT_ATTRIBUTE(struct fused_gemm_settings, activation_beta, 0),
     .given = offsetof(struct fused_gemm_settings, beta_given)},
    {IGNORED_ATTRIBUTE("activation_gamma")},
    {0},
};

/* ---- FusedMatMul: alpha op(A) op(B) ---- */

/* The last two axes change places; with `batch`, the first axis goes in front of the last before. */
static struct value *transpose(struct graph *graph, struct value *value, bool matrix, bool batch, struct error *error)
{
    int64_t order[SHAPE_MAX_RANK];
    int rank = value->shape.rank;
    if (rank < 2 || (!matrix && !batch))
        return value;
    for (int i = 0; i < rank; i++)
        order[i] = batch && i < rank - 2 ? i + 1 : batch && i == rank - 2 ? 0 : i;
    if (matrix) {
        int64_t row = order[rank - 2];
        order[rank - 2] = order[rank - 1];
        order[rank - 1] = row;
    }
    return emit(graph, "Transpose", EMIT_INPUTS(value), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, rank)), error);
}

static int expand_matmul(struct expand_context *context, struct error *error)
{
    const struct batch_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value *a = transpose(graph, context->inputs[0], settings->gemm.transA, settings->transBatchA, error);
    struct value *b = transpose(graph, context->inputs[1], settings->gemm.transB, settings->transBatchB, error);
    struct value *product = a && b ? emit(graph, "MatMul", EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
    double alpha = (double)settings->gemm.alpha;
    if (product && alpha != 1) {
        struct value *factor = emit_number_like(graph, product, alpha, error);
        product = factor ? emit(graph, "Mul", EMIT_INPUTS(product, factor), EMIT_NO_ATTRIBUTES, error) : NULL;
    }
    context->outputs[0] = product;
    return product ? 0 : -1;
}

/* ---- FusedConv: activation(Conv(X, W, B) + Z) ---- */

static struct value *emit_clip(struct graph *graph, struct value *x, const float *limits, int count,
                               struct error *error)
{
    if (count != 2) {
        error_set(error, ERROR_INPUT, "attribute activation_params must hold two limits");
        return NULL;
    }
    struct value *low = emit_number_like(graph, x, (double)limits[0], error);
    struct value *high = emit_number_like(graph, x, (double)limits[1], error);
    return low && high ? emit(graph, "Clip", EMIT_INPUTS(x, low, high), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static struct value *emit_activation(struct graph *graph, struct value *x, int activation, const float *parameters,
                                     int count, struct error *error)
{
    static const int taken[] = {0, 0, 0, 0, 0, 1, 2};
    if (activation == ACTIVATION_NONE)
        return x;
    if (activation == ACTIVATION_CLIP)
        return emit_clip(graph, x, parameters, count, error);
    int given = count < taken[activation] ? count : taken[activation];
    struct emit_attribute attributes[2] = {EMIT_FLOAT("alpha", given > 0 ? parameters[0] : 0),
                                           EMIT_FLOAT("beta", given > 1 ? parameters[1] : 0)};
    return emit(graph, activations[activation], EMIT_INPUTS(x), attributes, given, error);
}

static int expand_conv(struct expand_context *context, struct error *error)
{
    const struct fused_conv_settings *settings = context->node->settings;
    const struct floats parameters = settings->activation_params;
    struct value *residual = expansion_input(context, 3);
    struct value *y =
        expansion_conv(context, context->inputs[0], context->inputs[1], expansion_input(context, 2), error);
    if (y && residual)
        y = emit(context->graph, "Add", EMIT_INPUTS(y, residual), EMIT_NO_ATTRIBUTES, error);
    if (y)
        y = emit_activation(context->graph, y, settings->activation, parameters.values, parameters.count, error);
    context->outputs[0] = y;
    return y ? 0 : -1;
}

/* ---- FusedGemm: activation(Gemm(A, B, C)) ---- */

static int expand_gemm(struct expand_context *context, struct error *error)
{
    const struct fused_gemm_settings *settings = context->node->settings;
    const float parameters[2] = {settings->activation_alpha, settings->activation_beta};
    int count = settings->alpha_given ? 1 + settings->beta_given : 0;
    struct value *y =
        emit(context->graph, "Gemm", EMIT_INPUTS(context->inputs[0], context->inputs[1], expansion_input(context, 2)),
             EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", settings->gemm.alpha), EMIT_FLOAT("beta", settings->gemm.beta),
                             EMIT_INT("transA", settings->gemm.transA), EMIT_INT("transB", settings->gemm.transB)),
             error);
    y = y ? emit_activation(context->graph, y, settings->activation, parameters, count, error) : NULL;
    context->outputs[0] = y;
    return y ? 0 : -1;
}

#define FUSED(name_, types_, expand_)                                                                                  \
    .domain = "com.microsoft", .name = name_, .since = 1, .types = types_, .infer = expansion_infer,                   \
    .compute = expansion_compute, .expand = expand_

const struct operator_definition operators_microsoft_product[] = {
    {FUSED("FusedMatMul", TYPES_FLOAT, expand_matmul), ARITY(2, 2, 1, 1), .traits = OPERATOR_PRODUCT | OPERATOR_MATRIX,
     .roles = {ROLE_WEIGHT}, SETTINGS(struct batch_settings, matmul_attributes)},
    {FUSED("TransposeMatMul", TYPES_FLOAT, expand_matmul), ARITY(2, 2, 1, 1), /* its name of old */
     .traits = OPERATOR_PRODUCT | OPERATOR_MATRIX, .roles = {ROLE_WEIGHT},
     SETTINGS(struct batch_settings, matmul_attributes)},
    {FUSED("FusedConv", TYPES_HELD_AS_FLOAT, expand_conv), ARITY(2, 4, 1, 1),
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION, .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_TERM},
     SETTINGS(struct fused_conv_settings, conv_attributes)},
    {FUSED("FusedGemm", TYPES_HELD_AS_FLOAT, expand_gemm), ARITY(2, 3, 1, 1),
     .traits = OPERATOR_PRODUCT | OPERATOR_MATRIX, .roles = {ROLE_WEIGHT, ROLE_WEIGHT, ROLE_SHIFT},
     SETTINGS(struct fused_gemm_settings, gemm_attributes)},
    {0},
};
