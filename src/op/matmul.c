/* MatMul (ONNX 1, 9, 13), and the internal MatrixProduct with transposed operands that its gradient uses. */
#include "kernel/gemm_large.h"
#include "kernel/linear.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/product.h"

/* Of MatrixProduct; MatMul has none of them. */
struct product_settings {
    bool transpose_a, transpose_b;
};

static const struct attribute_rule no_attributes[] = {{0}};
static const struct attribute_rule attributes[] = {
    {FLAG_ATTRIBUTE(struct product_settings, transpose_a, false)},
    {FLAG_ATTRIBUTE(struct product_settings, transpose_b, false)},
    {0},
};

/* One product: batch axes broadcast as numpy does, A [..., m, k], B [..., k, n]. Vectors count as a row A and a column
 * B. */
struct matrix_product {
    struct gemm gemm;
    struct shape a_batch, b_batch, batch; /* shapes without the last two axes */
    struct shape output;
    int64_t count;
};

static void split(const struct shape *shape, bool left, struct shape *batch, int64_t *rows, int64_t *columns)
{
    int last = shape->rank - 1;
    *batch = (struct shape){.rank = shape->rank < 2 ? 0 : shape->rank - 2};
    for (int i = 0; i < batch->rank; i++)
        batch->dims[i] = shape->dims[i];
    *rows = shape->rank == 1 ? (left ? 1 : shape->dims[0]) : shape->dims[last - 1];
    *columns = shape->rank == 1 ? (left ? shape->dims[0] : 1) : shape->dims[last];
}

static int product_read(const struct product_settings *settings, const struct shape *a, const struct shape *b,
                        struct matrix_product *product, struct error *error)
{
    char text_a[SHAPE_TEXT_SIZE], text_b[SHAPE_TEXT_SIZE];
    if (a->rank < 1 || b->rank < 1)
        return error_set(error, ERROR_INPUT, "a scalar is not a matrix");
    bool transpose_a = settings->transpose_a, transpose_b = settings->transpose_b;
    if ((transpose_a || transpose_b) && (a->rank < 2 || b->rank < 2))
        return error_set(error, ERROR_INPUT, "a vector cannot be transposed");
    int64_t rows_a, columns_a, rows_b, columns_b;
    split(a, true, &product->a_batch, &rows_a, &columns_a);
    split(b, false, &product->b_batch, &rows_b, &columns_b);
    int64_t m = transpose_a ? columns_a : rows_a, k = transpose_a ? rows_a : columns_a;
    int64_t n = transpose_b ? rows_b : columns_b, k_b = transpose_b ? columns_b : rows_b;
    if (k != k_b)
        return error_set(error, ERROR_INPUT, "matrices of %s and %s do not fit", shape_text(a, text_a),
                         shape_text(b, text_b));
    if (shape_broadcast(&product->a_batch, &product->b_batch, &product->batch, error) ||
        shape_check(&product->batch, error))
        return -1;
    product->gemm = (struct gemm){.transpose_a = transpose_a,
                                  .transpose_b = transpose_b,
                                  .m = m,
                                  .n = n,
                                  .k = k,
                                  .lda = columns_a,
                                  .ldb = columns_b,
                                  .ldc = n,
                                  .alpha = 1,
                                  .beta = 0};
    int64_t dims[SHAPE_MAX_RANK];
    int rank = product->batch.rank;
    for (int i = 0; i < rank; i++)
        dims[i] = product->batch.dims[i];
    if (a->rank > 1 && rank < SHAPE_MAX_RANK)
        dims[rank++] = m;
    if (b->rank > 1 && rank < SHAPE_MAX_RANK)
        dims[rank++] = n;
    if (shape_set(&product->output, rank, dims, error))
        return -1;
    product->count = shape_count(&product->batch);
    /* A stack of A against one B is one tall product. */
    if (product->b_batch.rank == 0 && !transpose_a && shape_count(&product->output) > 0) {
        product->gemm.m *= product->count;
        product->count = 1;
        product->a_batch.rank = product->batch.rank = 0;
    }
    return 0;
}

static int infer_matmul(struct infer_context *context, struct error *error)
{
    struct matrix_product product;
    if (operand_types(context, 1, error) ||
        product_read(context->node->settings, &context->inputs[0]->shape, &context->inputs[1]->shape, &product, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, product.output.rank, product.output.dims, error);
}

static struct matrix_product product_of(const struct compute_context *context)
{
    struct matrix_product product = {0};
    product_read(context->node->settings, &context->inputs[0]->shape, &context->inputs[1]->shape, &product, NULL);
    return product;
}

/* Element offset of each matrix of the output's batch in an operand whose batch is broadcast to it. */
static void fill_offsets(const struct shape *operand, const struct shape *batch, int64_t matrix, int64_t count,
                         int64_t *offsets)
{
    int64_t strides[SHAPE_MAX_RANK], at[SHAPE_MAX_RANK] = {0};
    shape_strides(operand, strides);
    for (int64_t index = 0; index < count; index++) {
        int64_t offset = 0;
        for (int i = 0; i < operand->rank; i++) {
            if (operand->dims[i] != 1)
                offset += at[batch->rank - operand->rank + i] * strides[i];
        }
        offsets[index] = offset * matrix;
        for (int i = batch->rank - 1; i >= 0 && ++at[i] == batch->dims[i]; i--)
            at[i] = 0;
    }
}

/* Whether this is a product with constant weights; `linear` is that of MatMul, for its gradient too, so that both read
 * the same packed weights. */
static bool matmul_linear(const struct compute_context *context, struct linear *linear)
{
    const struct product_settings *settings = context->node->settings;
    const struct shape *a = &context->inputs[0]->shape, *b = &context->inputs[1]->shape;
    if (!operand_constant(context, 1) || dtype_storage(context->inputs[0]->dtype) != DTYPE_FLOAT || a->rank < 1 ||
        b->rank != 2 || settings->transpose_a)
        return false;
    *linear = (struct linear){
        .rows = shape_product(a, 0, a->rank - 1), .columns = b->dims[1], .depth = b->dims[0], .half = context->half};
    return true;
}

/* Bytes for a product of two large matrices that change between runs; 0: it goes without. */
static size_t large_scratch(const struct compute_context *context, const struct matrix_product *product)
{
    bool large =
        product->count == 1 && !operand_constant(context, 1) && dtype_storage(context->inputs[0]->dtype) == DTYPE_FLOAT;
    return large ? gemm_large_scratch(&product->gemm, context->kernels) : 0;
}

/* Of a product with packed weights. */
static size_t packed_scratch(const struct compute_context *context)
{
    struct linear linear;
    const struct product_settings *settings = context->node->settings;
    if (!matmul_linear(context, &linear))
        return 0;
    return settings->transpose_b ? linear_backward_scratch(&linear, context->kernels, compute_threads(context))
                                 : linear_scratch(&linear, context->kernels, compute_threads(context));
}

static size_t scratch_matmul(const struct compute_context *context)
{
    struct matrix_product product = product_of(context);
    size_t large = large_scratch(context, &product), packed = packed_scratch(context);
    size_t offsets = 3 * (size_t)product.count * sizeof(int64_t);
    return large > 0 ? large : packed > offsets ? packed : offsets;
}

static size_t packed_matmul(const struct compute_context *context)
{
    struct linear linear;
    return matmul_linear(context, &linear) ? linear_packed_bytes(&linear, context->kernels) : 0;
}

static size_t packed_form_matmul(const struct compute_context *context)
{
    struct linear linear;
    return matmul_linear(context, &linear) ? product_packed_form(context, &linear) : PACKED_OWN;
}

static void pack_matmul(const struct compute_context *context, void *packed)
{
    struct linear linear;
    if (matmul_linear(context, &linear))
        linear_pack(&linear, context->kernels, context->pool, context->inputs[1]->data, packed);
}

static void compute_packed(const struct compute_context *context)
{
    struct linear linear;
    const struct linear_weights weights = {.packed = context->packed};
    const struct linear_finish finish = {.activation = UNARY_IDENTITY};
    const struct product_settings *settings = context->node->settings;
    if (!matmul_linear(context, &linear))
        return;
    if (settings->transpose_b)
        linear_run_backward(&linear, context->kernels, context->pool, context->inputs[0]->data, context->packed,
                            context->outputs[0]->data, context->scratch);
    else
        linear_run(&linear, context->kernels, context->pool, context->inputs[0]->data, &weights, &finish,
                   context->outputs[0]->data, context->scratch);
}

static int compute_matmul(struct compute_context *context, struct error *error)
{
    (void)error;
    struct matrix_product product = product_of(context);
    const struct gemm *gemm = &product.gemm;
    const void *a = context->inputs[0]->data, *b = context->inputs[1]->data;
    void *c = context->outputs[0]->data;
    enum dtype storage = dtype_storage(context->inputs[0]->dtype);
    if (shape_count(&product.output) == 0)
        return 0;
    if (context->packed) {
        compute_packed(context);
        return 0;
    }
    if (large_scratch(context, &product) > 0) {
        gemm_large_run(gemm, context->kernels, context->pool, a, b, c, context->scratch);
        return 0;
    }
    int64_t *offset_a = context->scratch, *offset_b = offset_a + product.count, *offset_c = offset_b + product.count;
    fill_offsets(&product.a_batch, &product.batch, gemm->m * gemm->k, product.count, offset_a);
    fill_offsets(&product.b_batch, &product.batch, gemm->k * gemm->n, product.count, offset_b);
    fill_offsets(&product.batch, &product.batch, gemm->m * gemm->n, product.count, offset_c);
    if (storage != DTYPE_FLOAT)
        product_plain(storage, gemm, context->pool, product.count, a, offset_a, b, offset_b, c, offset_c);
    else if (product.count == 1)
        gemm_run(gemm, context->kernels, context->pool, a, b, c);
    else
        gemm_batch(gemm, context->kernels, context->pool, product.count, a, offset_a, b, offset_b, c, offset_c);
    return 0;
}

/* ---- gradient ---- */

static struct value *reshape(struct graph *graph, struct value *value, const int64_t *dims, int rank,
                             struct error *error)
{
    struct value *shape = emit_int_list(graph, dims, rank, error);
    return shape ? emit(graph, "Reshape", EMIT_INPUTS(value, shape), EMIT_ATTRIBUTES(EMIT_INT("allowzero", 1)), error)
                 : NULL;
}

static struct value *multiply(struct graph *graph, struct value *a, struct value *b, bool transpose_a, bool transpose_b,
                              struct error *error)
{
    return emit(graph, "MatrixProduct", EMIT_INPUTS(a, b),
                EMIT_ATTRIBUTES(EMIT_INT("transpose_a", transpose_a), EMIT_INT("transpose_b", transpose_b)), error);
}

/* `value` as [rows, its last axis]; as it is when it has two axes already. */
static struct value *flatten(struct graph *graph, struct value *value, struct error *error)
{
    if (value->shape.rank == 2)
        return value;
    int last = value->shape.rank - 1;
    int64_t dims[2] = {shape_product(&value->shape, 0, last), value->shape.dims[last]};
    return reshape(graph, value, dims, 2, error);
}

/* The operands with two axes at least, and dy to match. */
struct matrices {
    struct value *a, *b, *dy;
};

static int as_matrices(struct gradient_context *context, struct matrices *matrices, struct error *error)
{
    struct value *a = context->node->inputs[0], *b = context->node->inputs[1], *dy = context->output_gradients[0];
    struct graph *graph = context->graph;
    int64_t dims[SHAPE_MAX_RANK];
    *matrices = (struct matrices){a, b, dy};
    if (a->shape.rank == 1) {
        dims[0] = 1;
        dims[1] = a->shape.dims[0];
        if (!(matrices->a = reshape(graph, a, dims, 2, error)))
            return -1;
    }
    if (b->shape.rank == 1) {
        dims[0] = b->shape.dims[0];
        dims[1] = 1;
        if (!(matrices->b = reshape(graph, b, dims, 2, error)))
            return -1;
    }
    if (a->shape.rank > 1 && b->shape.rank > 1)
        return 0;
    /* dy [batch..., m if A is a matrix, n if B is one] */
    int rank = dy->shape.rank, batch = rank - (a->shape.rank > 1) - (b->shape.rank > 1);
    if (batch + 2 > SHAPE_MAX_RANK)
        return error_set(error, ERROR_UNSUPPORTED, "the product has too many axes for its gradient");
    for (int i = 0; i < batch; i++)
        dims[i] = dy->shape.dims[i];
    dims[batch] = a->shape.rank > 1 ? dy->shape.dims[batch] : 1;
    dims[batch + 1] = b->shape.rank > 1 ? dy->shape.dims[rank - 1] : 1;
    matrices->dy = reshape(graph, dy, dims, batch + 2, error);
    return matrices->dy ? 0 : -1;
}

/* Sums the broadcast batch axes away and gives the operand's own shape. */
static struct value *shaped_as(struct graph *graph, struct value *gradient, const struct value *operand,
                               const struct value *matrix, struct error *error)
{
    struct value *sum = gradient ? emit_unbroadcast(graph, gradient, &matrix->shape, error) : NULL;
    if (!sum || shape_equal(&sum->shape, &operand->shape))
        return sum;
    return reshape(graph, sum, operand->shape.dims, operand->shape.rank, error);
}

static int gradient_matmul(struct gradient_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct node *node = context->node;
    struct matrices matrices;
    if (!context->output_gradients[0] || (!context->wanted[0] && !context->wanted[1]))
        return 0;
    if (as_matrices(context, &matrices, error))
        return -1;
    if (context->wanted[0]) {
        struct value *da = multiply(graph, matrices.dy, matrices.b, false, true, error);
        context->input_gradients[0] = shaped_as(graph, da, node->inputs[0], matrices.a, error);
        if (!context->input_gradients[0])
            return -1;
    }
    if (context->wanted[1]) {
        struct value *a = matrices.a, *dy = matrices.dy;
        if (matrices.b->shape.rank == 2) { /* one product over all rows instead of a sum of products */
            a = flatten(graph, a, error);
            dy = flatten(graph, dy, error);
        }
        struct value *db = a && dy ? multiply(graph, a, dy, true, false, error) : NULL;
        context->input_gradients[1] = shaped_as(graph, db, node->inputs[1], matrices.b, error);
        if (!context->input_gradients[1])
            return -1;
    }
    return 0;
}

/* A gives its row, B its column; both give the whole contracted axis. A product of two results, as in attention, mixes
 * by content: no local part. */
static int field_matmul(struct field_context *context, struct error *error)
{
    (void)error;
    const struct shape *own = &context->inputs[context->input]->shape;
    const struct shape *output = &context->outputs[0].shape;
    bool a_matrix = context->inputs[0]->shape.rank > 1, b_matrix = context->inputs[1]->shape.rank > 1;
    int batch = output->rank - a_matrix - b_matrix;
    field_full(context);
    context->global = context->none = !context->node->inputs[0]->constant && !context->node->inputs[1]->constant;
    for (int i = 0; i < own->rank - 2; i++) {
        int at = batch - (own->rank - 2) + i;
        if (at >= 0 && own->dims[i] == output->dims[at])
            context->reads[i] = context->cells[at];
    }
    if (context->input == 0 && a_matrix)
        context->reads[own->rank - 2] = context->cells[batch];
    if (context->input == 1 && b_matrix)
        context->reads[own->rank - 1] = context->cells[output->rank - 1];
    return 0;
}

/* All columns of some rows, of some matrices. */
static int confine_matmul(struct confine_context *context, struct error *error)
{
    (void)error;
    const struct node *node = context->node;
    int rank = node->outputs[0]->shape.rank, a = node->inputs[0]->shape.rank;
    if (a < 2 || node->inputs[1]->shape.rank < 2) {
        confine_whole(context, 0, rank);
        return 0;
    }
    confine_whole(context, rank - 1, rank);
    for (int input = 0; input < 2; input++) {
        const struct shape *own = &node->inputs[input]->shape;
        for (int i = 0; i < own->rank - 2; i++) {
            int at = rank - own->rank + i;
            if (own->dims[i] == node->outputs[0]->shape.dims[at])
                context->reads[input][i] = context->cells[at];
        }
    }
    context->reads[0][a - 2] = context->cells[rank - 2];
    return 0;
}

static int64_t macs_matmul(const struct infer_context *context)
{
    struct matrix_product product;
    if (product_read(context->node->settings, &context->inputs[0]->shape, &context->inputs[1]->shape, &product, NULL))
        return 0;
    return macs_product(shape_count(&product.output), product.gemm.k);
}

const struct operator_definition operators_matmul[] = {
    {.domain = "",
     .name = "MatMul",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_PRODUCT,
     .traits = OPERATOR_PRODUCT | OPERATOR_MATRIX | OPERATOR_EXACT_FIELD,
     .roles = {ROLE_WEIGHT},
     SETTINGS(struct product_settings, no_attributes),
     .infer = infer_matmul,
     .compute = compute_matmul,
     .gradient = gradient_matmul,
     .field = field_matmul,
     .confine = confine_matmul,
     .macs = macs_matmul,
     .scratch = scratch_matmul,
     .packed_bytes = packed_matmul,
     .pack = pack_matmul,
     .packed_form = packed_form_matmul},
    {.domain = DOMAIN_INTERNAL,
     .name = "MatrixProduct",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_PRODUCT,
     .traits = OPERATOR_PRODUCT,
     .roles = {ROLE_WEIGHT},
     SETTINGS(struct product_settings, attributes),
     .infer = infer_matmul,
     .compute = compute_matmul,
     .macs = macs_matmul,
     .scratch = scratch_matmul,
     .packed_bytes = packed_matmul,
     .pack = pack_matmul,
     .packed_form = packed_form_matmul},
    {0},
};
