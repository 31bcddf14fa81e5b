/* Linear, an internal operator: activation(x w + bias) + residual, x [..., K], w [K, N]; what a product with constant
 * weights and the nodes behind it become. */
#include "base/number.h"
#include "kernel/gemm.h"
#include "op/families.h"
#include "op/operand.h"

enum { LINEAR_X, LINEAR_W, LINEAR_BIAS, LINEAR_RESIDUAL };

struct linear_settings {
    int64_t activation; /* enum unary */
    float alpha, beta;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct linear_settings, activation, UNARY_IDENTITY)},
    {FLOAT_ATTRIBUTE(struct linear_settings, alpha, 0)},
    {FLOAT_ATTRIBUTE(struct linear_settings, beta, 0)},
    {0},
};

/* Rows whose results stay in the second-level cache until the activation has them. */
#define BLOCK_ELEMENTS ((int64_t)1 << 18)
#define FEWEST_ROWS 128

static int infer_linear(struct infer_context *context, struct error *error)
{
    const struct linear_settings *settings = context->node->settings;
    const struct shape *x = &context->inputs[LINEAR_X]->shape, *w = &context->inputs[LINEAR_W]->shape;
    struct shape y = *x;
    if (x->rank < 1 || w->rank != 2 || x->dims[x->rank - 1] != w->dims[0] || settings->activation < 0 ||
        settings->activation >= UNARY_COUNT)
        return error_set(error, ERROR_INTERNAL, "x [..., K] and w [K, N] do not fit together");
    y.dims[y.rank - 1] = w->dims[1];
    if (operand_vector(context, LINEAR_BIAS, w->dims[1], error))
        return -1;
    if (infer_has(context, LINEAR_RESIDUAL) && !shape_equal(&context->inputs[LINEAR_RESIDUAL]->shape, &y))
        return error_set(error, ERROR_INTERNAL, "the residual has another shape");
    return infer_output(context, 0, context->inputs[LINEAR_X]->dtype, y.rank, y.dims, error);
}

struct linear_rows {
    const struct kernels *kernels;
    enum unary activation;
    float alpha, beta;
    const float *bias, *residual;
    float *y;
    int64_t columns;
};

static void finish_rows(void *argument, int64_t begin, int64_t end)
{
    const struct linear_rows *rows = argument;
    int64_t columns = rows->columns;
    for (int64_t row = begin; row < end; row++) {
        float *y = rows->y + row * columns;
        if (rows->bias)
            rows->kernels->binary[BINARY_ADD](y, 1, rows->bias, 1, y, columns);
        if (rows->activation != UNARY_IDENTITY)
            rows->kernels->unary[rows->activation](y, y, columns, rows->alpha, rows->beta);
        if (rows->residual)
            rows->kernels->binary[BINARY_ADD](y, 1, rows->residual + row * columns, 1, y, columns);
    }
}

static int compute_linear(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct linear_settings *settings = context->node->settings;
    const struct shape *w = &context->inputs[LINEAR_W]->shape;
    int64_t depth = w->dims[0], columns = w->dims[1];
    const float *x = context->inputs[LINEAR_X]->data;
    struct linear_rows rows = {.kernels = context->kernels,
                               .activation = (enum unary)settings->activation,
                               .alpha = settings->alpha,
                               .beta = settings->beta,
                               .bias = operand_data(context, LINEAR_BIAS),
                               .residual = operand_data(context, LINEAR_RESIDUAL),
                               .y = context->outputs[0]->data,
                               .columns = columns};
    int64_t total = columns > 0 ? shape_count(&context->outputs[0]->shape) / columns : 0;
    int64_t block = columns > 0 ? BLOCK_ELEMENTS / columns : 0;
    block = int64_max(block, FEWEST_ROWS);
    block *= compute_threads(context);
    for (int64_t first = 0; first < total; first += block) {
        int64_t count = int64_min(total - first, block);
        const struct gemm gemm = {
            .m = count, .n = columns, .k = depth, .lda = depth, .ldb = columns, .ldc = columns, .alpha = 1};
        struct row_task task = {finish_rows, &rows};
        gemm_run(&gemm, context->kernels, context->pool, x + first * depth, context->inputs[LINEAR_W]->data, rows.y);
        rows_run(context->pool, &task, count, columns * 4);
        rows.y += count * columns;
        rows.residual = rows.residual ? rows.residual + count * columns : NULL;
    }
    return 0;
}

static int64_t macs_linear(const struct infer_context *context)
{
    return macs_product(shape_count(&context->outputs[0].shape), context->inputs[LINEAR_W]->shape.dims[0]);
}

const struct operator_definition operators_linear[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "Linear",
     .since = 1,
     ARITY(2, 4, 1, 1),
     .types = TYPE_BIT(DTYPE_FLOAT),
     .traits = OPERATOR_PRODUCT,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_TERM},
     SETTINGS(struct linear_settings, attributes),
     .infer = infer_linear,
     .compute = compute_linear,
     .macs = macs_linear},
    {0},
};
