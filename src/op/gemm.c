/* Gemm (ONNX 7, 9, 11, 13): Y = alpha op(A) op(B) + beta C. */
#include "kernel/gemm.h"
#include "kernel/linear.h"

#include <string.h>

#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/product.h"

enum { A, B, C };

static const struct attribute_rule attributes[] = {
    GEMM_ATTRIBUTES,
    {FLOAT_ATTRIBUTE(struct gemm_settings, beta, 1)},
    {0},
};

static int gemm_read(const struct gemm_settings *settings, const struct shape *a, const struct shape *b,
                     struct gemm *gemm, struct error *error)
{
    char text_a[SHAPE_TEXT_SIZE], text_b[SHAPE_TEXT_SIZE];
    if (a->rank != 2 || b->rank != 2)
        return error_set(error, ERROR_INPUT, "the operands are %s and %s, expected matrices", shape_text(a, text_a),
                         shape_text(b, text_b));
    *gemm = (struct gemm){.transpose_a = settings->transA,
                          .transpose_b = settings->transB,
                          .lda = a->dims[1],
                          .ldb = b->dims[1],
                          .alpha = settings->alpha};
    gemm->m = a->dims[gemm->transpose_a];
    gemm->k = a->dims[!gemm->transpose_a];
    gemm->n = b->dims[!gemm->transpose_b];
    gemm->ldc = gemm->n;
    if (b->dims[gemm->transpose_b] != gemm->k)
        return error_set(error, ERROR_INPUT, "matrices of %s and %s do not fit", shape_text(a, text_a),
                         shape_text(b, text_b));
    return 0;
}

static int infer_gemm(struct infer_context *context, struct error *error)
{
    struct gemm gemm;
    if (operand_types(context, 1, error) ||
        gemm_read(context->node->settings, &context->inputs[A]->shape, &context->inputs[B]->shape, &gemm, error))
        return -1;
    int64_t dims[2] = {gemm.m, gemm.n};
    if (infer_output(context, 0, context->inputs[A]->dtype, 2, dims, error))
        return -1;
    if (infer_has(context, C)) {
        struct shape both;
        const struct shape *output = &context->outputs[0].shape, *c = &context->inputs[C]->shape;
        if (shape_broadcast(c, output, &both, error))
            return -1;
        if (!shape_equal(&both, output))
            return error_set(error, ERROR_INPUT, "C does not broadcast to the output");
    }
    return 0;
}

/* Broadcasts C to the output, before the product is added. */
static void spread(const struct tensor *c, struct tensor *y)
{
    size_t size = dtype_storage_size(dtype_storage(y->dtype));
    int64_t rows = y->shape.dims[0], columns = y->shape.dims[1];
    int64_t c_columns = c->shape.rank > 0 ? c->shape.dims[c->shape.rank - 1] : 1;
    int64_t c_rows = c->shape.rank > 1 ? c->shape.dims[0] : 1;
    for (int64_t i = 0; i < rows; i++) {
        const char *from = (const char *)c->data + (size_t)(c_rows == 1 ? 0 : i * c_columns) * size;
        char *to = (char *)y->data + (size_t)(i * columns) * size;
        if (c_columns == columns) {
            memcpy(to, from, (size_t)columns * size);
            continue;
        }
        for (int64_t j = 0; j < columns; j++)
            memcpy(to + (size_t)j * size, from, size);
    }
}

/* Whether this is a product with constant weights, and C at most one number per column. */
static bool gemm_linear(const struct compute_context *context, struct linear *linear)
{
    const struct gemm_settings *settings = context->node->settings;
    const struct tensor *a = context->inputs[A], *c = context->input_count > C ? context->inputs[C] : NULL;
    struct gemm gemm = {0};
    if (!operand_constant(context, B) || dtype_storage(a->dtype) != DTYPE_FLOAT || settings->transA ||
        settings->alpha != 1 || gemm_read(settings, &a->shape, &context->inputs[B]->shape, &gemm, NULL))
        return false;
    *linear = (struct linear){
        .rows = gemm.m, .columns = gemm.n, .depth = gemm.k, .transposed = gemm.transpose_b, .half = context->half};
    return !c || (settings->beta == 1 && c->shape.rank >= 1 && shape_count(&c->shape) == gemm.n &&
                  c->shape.dims[c->shape.rank - 1] == gemm.n);
}

static size_t packed_gemm(const struct compute_context *context)
{
    struct linear linear;
    return gemm_linear(context, &linear) ? linear_packed_bytes(&linear, context->kernels) : 0;
}

static size_t scratch_gemm(const struct compute_context *context)
{
    struct linear linear;
    return gemm_linear(context, &linear) ? linear_scratch(&linear, context->kernels, compute_threads(context)) : 0;
}

static size_t packed_form_gemm(const struct compute_context *context)
{
    struct linear linear;
    return gemm_linear(context, &linear) ? product_packed_form(context, &linear) : PACKED_OWN;
}

static void pack_gemm(const struct compute_context *context, void *packed)
{
    struct linear linear;
    if (gemm_linear(context, &linear))
        linear_pack(&linear, context->kernels, context->pool, context->inputs[B]->data, packed);
}

static void compute_packed(const struct compute_context *context)
{
    struct linear linear;
    const struct linear_weights weights = {.packed = context->packed};
    const struct linear_finish finish = {.bias = operand_data(context, C), .activation = UNARY_IDENTITY};
    if (gemm_linear(context, &linear))
        linear_run(&linear, context->kernels, context->pool, context->inputs[A]->data, &weights, &finish,
                   context->outputs[0]->data, context->scratch);
}

static int compute_gemm(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct gemm_settings *settings = context->node->settings;
    struct gemm gemm = {0};
    gemm_read(settings, &context->inputs[A]->shape, &context->inputs[B]->shape, &gemm, NULL);
    struct tensor *y = context->outputs[0];
    const void *a = context->inputs[A]->data, *b = context->inputs[B]->data;
    if (shape_count(&y->shape) == 0)
        return 0;
    if (context->packed) {
        compute_packed(context);
        return 0;
    }
    if (operand_data(context, C)) {
        gemm.beta = settings->beta;
        spread(context->inputs[C], y);
    }
    enum dtype storage = dtype_storage(y->dtype);
    if (storage == DTYPE_FLOAT) {
        gemm_run(&gemm, context->kernels, context->pool, a, b, y->data);
    } else {
        const int64_t zero = 0;
        product_plain(storage, &gemm, context->pool, 1, a, &zero, b, &zero, y->data, &zero);
    }
    return 0;
}

/* ---- gradient: two more Gemms ---- */

static struct value *emit_gemm(const struct gradient_context *context, struct value *a, bool transpose_a,
                               struct value *b, bool transpose_b, struct error *error)
{
    const struct gemm_settings *settings = context->node->settings;
    return emit(context->graph, "Gemm", EMIT_INPUTS(a, b),
                EMIT_ATTRIBUTES(EMIT_INT("transA", transpose_a), EMIT_INT("transB", transpose_b),
                                EMIT_FLOAT("alpha", settings->alpha)),
                error);
}

static struct value *emit_c_gradient(const struct gradient_context *context, struct value *dy, const struct value *c,
                                     struct error *error)
{
    const struct gemm_settings *settings = context->node->settings;
    struct value *dc = emit_unbroadcast(context->graph, dy, &c->shape, error);
    if (!dc || settings->beta == 1)
        return dc;
    struct value *factor = emit_scalar(context->graph, dy->dtype, (double)settings->beta, error);
    return factor ? emit(context->graph, "Mul", EMIT_INPUTS(dc, factor), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static int gradient_gemm(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct value *a = node->inputs[A], *b = node->inputs[B], *dy = context->output_gradients[0];
    struct value **gradients = context->input_gradients;
    const struct gemm_settings *settings = node->settings;
    bool transpose_a = settings->transA, transpose_b = settings->transB;
    if (!dy)
        return 0;
    if (context->wanted[A]) {
        gradients[A] = transpose_a ? emit_gemm(context, b, transpose_b, dy, true, error)
                                   : emit_gemm(context, dy, false, b, !transpose_b, error);
        if (!gradients[A])
            return -1;
    }
    if (context->wanted[B]) {
        gradients[B] = transpose_b ? emit_gemm(context, dy, true, a, transpose_a, error)
                                   : emit_gemm(context, a, !transpose_a, dy, false, error);
        if (!gradients[B])
            return -1;
    }
    if (node->input_count > C && node->inputs[C] && context->wanted[C]) {
        gradients[C] = emit_c_gradient(context, dy, node->inputs[C], error);
        if (!gradients[C])
            return -1;
    }
    return 0;
}

static int field_gemm(struct field_context *context, struct error *error)
{
    (void)error;
    if (context->input == C) {
        field_aligned(context);
        return 0;
    }
    const struct gemm_settings *settings = context->node->settings;
    bool transposed = context->input == A ? settings->transA : settings->transB;
    field_full(context);
    if (context->input == A)
        context->reads[transposed ? 1 : 0] = context->cells[0];
    else
        context->reads[transposed ? 0 : 1] = context->cells[1];
    return 0;
}

/* All columns of some rows. */
static int confine_gemm(struct confine_context *context, struct error *error)
{
    (void)error;
    const struct node *node = context->node;
    const struct gemm_settings *settings = node->settings;
    confine_whole(context, 1, 2);
    context->reads[A][settings->transA ? 1 : 0] = context->cells[0];
    if (node->input_count > C && node->inputs[C])
        confine_aligned(context, C);
    return 0;
}

static int64_t macs_gemm(const struct infer_context *context)
{
    struct gemm gemm;
    if (gemm_read(context->node->settings, &context->inputs[A]->shape, &context->inputs[B]->shape, &gemm, NULL))
        return 0;
    return macs_product(macs_product(gemm.m, gemm.n), gemm.k);
}

const struct operator_definition operators_gemm[] = {
    {.domain = "",
     .name = "Gemm",
     .since = 7,
     ARITY(2, 3, 1, 1),
     .types = TYPES_PRODUCT,
     .traits = OPERATOR_PRODUCT | OPERATOR_MATRIX | OPERATOR_EXACT_FIELD,
     .roles = {ROLE_WEIGHT, ROLE_WEIGHT, ROLE_SHIFT},
     SETTINGS(struct gemm_settings, attributes),
     .infer = infer_gemm,
     .compute = compute_gemm,
     .gradient = gradient_gemm,
     .field = field_gemm,
     .confine = confine_gemm,
     .macs = macs_gemm,
     .scratch = scratch_gemm,
     .packed_bytes = packed_gemm,
     .pack = pack_gemm,
     .packed_form = packed_form_gemm},
    {0},
};
