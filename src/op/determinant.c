/* Det (ONNX 11, 22) of square matrices [..., M, M], by elimination in double precision, and its gradient: dy times the
 * matrix of cofactors, which exists for singular matrices too. */
#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

static int infer_determinant(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[0]->shape;
    if (x->rank < 2 || x->dims[x->rank - 1] != x->dims[x->rank - 2])
        return error_set(error, ERROR_INPUT, "the input must be square matrices [..., M, M]");
    return infer_output(context, 0, context->inputs[0]->dtype, x->rank - 2, x->dims, error);
}

/* Destroys `a`. */
static double determinant(double *a, int64_t size)
{
    double product = 1;
    for (int64_t k = 0; k < size; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < size; i++)
            pivot = fabs(a[i * size + k]) > fabs(a[pivot * size + k]) ? i : pivot;
        if (a[pivot * size + k] == 0)
            return 0;
        for (int64_t j = k; pivot != k && j < size; j++) {
            double swapped = a[k * size + j];
            a[k * size + j] = a[pivot * size + j];
            a[pivot * size + j] = swapped;
        }
        product *= pivot != k ? -a[k * size + k] : a[k * size + k];
        for (int64_t i = k + 1; i < size; i++) {
            double factor = a[i * size + k] / a[k * size + k];
            for (int64_t j = k + 1; j < size; j++)
                a[i * size + j] -= factor * a[k * size + j];
        }
    }
    return product;
}

static int64_t matrix_size(const struct shape *shape)
{
    return shape->dims[shape->rank - 1];
}

static size_t scratch_determinant(const struct compute_context *context)
{
    int64_t size = matrix_size(&context->inputs[context->input_count - 1]->shape);
    return (size_t)(size * size) * sizeof(double);
}

static int compute_determinant(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *x = context->inputs[0];
    struct tensor *y = context->outputs[0];
    double *a = context->scratch;
    int64_t size = matrix_size(&x->shape), cells = size * size;
    for (int64_t matrix = 0; matrix < shape_count(&y->shape); matrix++) {
        for (int64_t i = 0; i < cells; i++)
            a[i] = tensor_number(x, matrix * cells + i);
        tensor_set_number(y, matrix, determinant(a, size));
    }
    return 0;
}

static int gradient_determinant(struct gradient_context *context, struct error *error)
{
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit(context->graph, "DetGradient", EMIT_INPUTS(context->output_gradients[0], context->node->inputs[0]),
             EMIT_NO_ATTRIBUTES, error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_determinant_gradient(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[1]->shape;
    return infer_output(context, 0, context->inputs[1]->dtype, x->rank, x->dims, error);
}

/* The minor without row `row` and column `column`, with its sign. */
static double cofactor(const struct tensor *x, int64_t matrix, int64_t size, int64_t row, int64_t column, double *minor)
{
    double *to = minor;
    for (int64_t i = 0; i < size; i++) {
        for (int64_t j = 0; j < size; j++) {
            if (i != row && j != column)
                *to++ = tensor_number(x, (matrix * size + i) * size + j);
        }
    }
    double value = determinant(minor, size - 1);
    return (row + column) % 2 ? -value : value;
}

static int compute_determinant_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *dy = context->inputs[0], *x = context->inputs[1];
    int64_t size = matrix_size(&x->shape);
    for (int64_t i = 0; i < shape_count(&x->shape); i++) {
        int64_t matrix = i / (size * size), row = i / size % size, column = i % size;
        double value = cofactor(x, matrix, size, row, column, context->scratch);
        tensor_set_number(context->outputs[0], i, value * tensor_number(dy, matrix));
    }
    return 0;
}

static int64_t steps_determinant(const struct infer_context *context)
{
    const struct shape *shape = &context->inputs[0]->shape;
    return macs_product(shape_count(shape), shape->dims[shape->rank - 1]);
}

const struct operator_definition operators_determinant[] = {
    {.domain = "",
     .name = "Det",
     .since = 11,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     .infer = infer_determinant,
     .compute = compute_determinant,
     .steps = steps_determinant,
     .gradient = gradient_determinant,
     .scratch = scratch_determinant},
    {.domain = DOMAIN_INTERNAL,
     .name = "DetGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     .infer = infer_determinant_gradient,
     .compute = compute_determinant_gradient,
     .scratch = scratch_determinant},
    {0},
};
