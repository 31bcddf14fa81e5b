/* com.microsoft: FusedConv, FusedGemm and FusedMatMul, as ONNX Runtime's optimiser writes them. */
#include <string.h>

#include "op/expansion.h"
#include "op/families.h"
#include "op/operand.h"

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
    const struct node *node = context->node;
    struct graph *graph = context->graph;
    struct value *a = transpose(graph, context->inputs[0], node_int(node, "transA", 0) != 0,
                                node_int(node, "transBatchA", 0) != 0, error);
    struct value *b = transpose(graph, context->inputs[1], node_int(node, "transB", 0) != 0,
                                node_int(node, "transBatchB", 0) != 0, error);
    struct value *product = a && b ? emit(graph, "MatMul", EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
    double alpha = (double)node_float(node, "alpha", 1);
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

static struct value *emit_activation(struct expand_context *context, struct value *x, const float *parameters,
                                     int count, struct error *error)
{
    static const struct {
        const char *name;
        int parameters;
    } known[] = {{"Relu", 0}, {"Tanh", 0}, {"Sigmoid", 0}, {"HardSwish", 0}, {"LeakyRelu", 1}, {"HardSigmoid", 2}};
    const char *name = node_string(context->node, "activation", "");
    if (name[0] == '\0')
        return x;
    if (strcmp(name, "Clip") == 0)
        return emit_clip(context->graph, x, parameters, count, error);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        int given = count < known[i].parameters ? count : known[i].parameters;
        struct emit_attribute attributes[2] = {EMIT_FLOAT("alpha", given > 0 ? parameters[0] : 0),
                                               EMIT_FLOAT("beta", given > 1 ? parameters[1] : 0)};
        return emit(context->graph, name, EMIT_INPUTS(x), attributes, given, error);
    }
    error_set(error, ERROR_UNSUPPORTED, "the activation '%.40s' is not supported", name);
    return NULL;
}

static int expand_conv(struct expand_context *context, struct error *error)
{
    int count;
    const float *parameters = node_floats(context->node, "activation_params", &count);
    struct value *residual = expansion_input(context, 3);
    struct value *y =
        expansion_conv(context, context->inputs[0], context->inputs[1], expansion_input(context, 2), error);
    if (y && residual)
        y = emit(context->graph, "Add", EMIT_INPUTS(y, residual), EMIT_NO_ATTRIBUTES, error);
    context->outputs[0] = y ? emit_activation(context, y, parameters, count, error) : NULL;
    return context->outputs[0] ? 0 : -1;
}

/* ---- FusedGemm: activation(Gemm(A, B, C)) ---- */

static int expand_gemm(struct expand_context *context, struct error *error)
{
    static const char *const names[] = {"activation_alpha", "activation_beta"};
    const struct node *node = context->node;
    float parameters[2];
    int count = 0;
    while (count < 2 && node_attribute(node, names[count])) {
        parameters[count] = node_float(node, names[count], 0);
        count++;
    }
    struct value *y =
        emit(context->graph, "Gemm", EMIT_INPUTS(context->inputs[0], context->inputs[1], expansion_input(context, 2)),
             EMIT_ATTRIBUTES(
                 EMIT_FLOAT("alpha", node_float(node, "alpha", 1)), EMIT_FLOAT("beta", node_float(node, "beta", 1)),
                 EMIT_INT("transA", node_int(node, "transA", 0)), EMIT_INT("transB", node_int(node, "transB", 0))),
             error);
    context->outputs[0] = y ? emit_activation(context, y, parameters, count, error) : NULL;
    return context->outputs[0] ? 0 : -1;
}

const struct operator operators_microsoft_product[] = {
    {.domain = "com.microsoft",
     .name = "FusedMatMul",
     .since = 1,
     .min_inputs = 2,
     .max_inputs = 2,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_FLOAT,
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_matmul},
    {.domain = "com.microsoft",
     .name = "FusedConv",
     .since = 1,
     .min_inputs = 2,
     .max_inputs = 4,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_HELD_AS_FLOAT,
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_conv},
    {.domain = "com.microsoft",
     .name = "FusedGemm",
     .since = 1,
     .min_inputs = 2,
     .max_inputs = 3,
     .min_outputs = 1,
     .max_outputs = 1,
     .types = TYPES_HELD_AS_FLOAT,
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_gemm},
    {0},
};
