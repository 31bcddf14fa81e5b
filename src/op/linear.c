/* Linear, an internal operator: activation(x w + bias) + residual, x [..., K], w [K, N]; what a product with constant
 * weights and the nodes behind it become. */
#include "kernel/linear.h"
#include "op/confine.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/product.h"

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

static struct linear linear_of(const struct compute_context *context)
{
    const struct shape *x = &context->inputs[LINEAR_X]->shape, *w = &context->inputs[LINEAR_W]->shape;
    return (struct linear){
        .rows = shape_product(x, 0, x->rank - 1), .columns = w->dims[1], .depth = w->dims[0], .half = context->half};
}

static size_t packed_linear(const struct compute_context *context)
{
    const struct linear linear = linear_of(context);
    return operand_constant(context, LINEAR_W) ? linear_packed_bytes(&linear, context->kernels) : 0;
}

static size_t scratch_linear(const struct compute_context *context)
{
    const struct linear linear = linear_of(context);
    return linear_scratch(&linear, context->kernels, compute_threads(context));
}

static size_t packed_form_linear(const struct compute_context *context)
{
    const struct linear linear = linear_of(context);
    return product_packed_form(context, &linear);
}

static void pack_linear(const struct compute_context *context, void *packed)
{
    const struct linear linear = linear_of(context);
    linear_pack(&linear, context->kernels, context->pool, context->inputs[LINEAR_W]->data, packed);
}

static int compute_linear(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct linear_settings *settings = context->node->settings;
    const struct linear linear = linear_of(context);
    const struct linear_weights weights = {context->inputs[LINEAR_W]->data, context->packed};
    const struct linear_finish finish = {.bias = operand_data(context, LINEAR_BIAS),
                                         .residual = operand_data(context, LINEAR_RESIDUAL),
                                         .activation = (enum unary)settings->activation,
                                         .alpha = settings->alpha,
                                         .beta = settings->beta};
    linear_run(&linear, context->kernels, context->pool, context->inputs[LINEAR_X]->data, &weights, &finish,
               context->outputs[0]->data, context->scratch);
    return 0;
}

static int confine_linear(struct confine_context *context, struct error *error)
{
    (void)error;
    const struct node *node = context->node;
    confine_rows(context, node->inputs[LINEAR_X]->shape.rank - 1);
    if (node->input_count > LINEAR_RESIDUAL && node->inputs[LINEAR_RESIDUAL])
        confine_aligned(context, LINEAR_RESIDUAL);
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
     .confine = confine_linear,
     .macs = macs_linear,
     .scratch = scratch_linear,
     .packed_bytes = packed_linear,
     .pack = pack_linear,
     .packed_form = packed_form_linear},
    {0},
};
