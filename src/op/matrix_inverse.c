/* com.microsoft Inverse of square matrices [..., M, M], by elimination in double precision; its gradient is
 * -Y^T dY Y^T. A singular matrix gives infinities and what follows from them. */
#include <math.h>

#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

static int infer_inverse(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[0]->shape;
    if (x->rank < 2 || x->dims[x->rank - 1] != x->dims[x->rank - 2])
        return error_set(error, ERROR_INPUT, "the input must be square matrices [..., M, M]");
    return infer_same(context, error);
}

static int64_t pivot_of(const double *rows, int64_t size, int64_t column)
{
    int64_t pivot = column;
    for (int64_t i = column + 1; i < size; i++)
        pivot = fabs(rows[i * 2 * size + column]) > fabs(rows[pivot * 2 * size + column]) ? i : pivot;
    return pivot;
}

/* rows[size][2 size]: the matrix and beside it the identity, which becomes the inverse. */
static void invert(double *rows, int64_t size)
{
    for (int64_t k = 0; k < size; k++) {
        int64_t pivot = pivot_of(rows, size, k);
        double *own = rows + k * 2 * size, *other = rows + pivot * 2 * size, factor = 1 / other[k];
        for (int64_t j = 0; j < 2 * size; j++) {
            double swapped = own[j];
            own[j] = other[j] * factor;
            other[j] = pivot != k ? swapped : other[j];
        }
        for (int64_t i = 0; i < size; i++) {
            double *row = rows + i * 2 * size, scale = row[k];
            for (int64_t j = 0; i != k && j < 2 * size; j++)
                row[j] -= scale * own[j];
        }
    }
}

static int64_t matrix_size(const struct shape *shape)
{
    return shape->dims[shape->rank - 1];
}

static size_t scratch_inverse(const struct compute_context *context)
{
    int64_t size = matrix_size(&context->inputs[0]->shape);
    return (size_t)(2 * size * size) * sizeof(double);
}

static int compute_inverse(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *x = context->inputs[0];
    int64_t size = matrix_size(&x->shape), cells = size * size, count = cells ? shape_count(&x->shape) / cells : 0;
    double *rows = context->scratch;
    for (int64_t matrix = 0; matrix < count; matrix++) {
        for (int64_t i = 0; i < cells; i++) {
            rows[i / size * 2 * size + i % size] = tensor_number(x, matrix * cells + i);
            rows[i / size * 2 * size + size + i % size] = i / size == i % size;
        }
        invert(rows, size);
        for (int64_t i = 0; i < cells; i++)
            tensor_set_number(context->outputs[0], matrix * cells + i, rows[i / size * 2 * size + size + i % size]);
    }
    return 0;
}

static int gradient_inverse(struct gradient_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *dy = context->output_gradients[0], *y = context->node->outputs[0];
    int64_t order[SHAPE_MAX_RANK];
    int rank = y->shape.rank;
    if (!dy || !context->wanted[0])
        return 0;
    for (int i = 0; i < rank; i++)
        order[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    struct value *turned = emit_permuted(graph, y, order, rank, error);
    struct value *dx = emit_two(graph, "MatMul", emit_two(graph, "MatMul", turned, dy, error), turned, error);
    return give_gradient(context, 0, emit_one(graph, "Neg", dx, error), error);
}

static int64_t steps_inverse(const struct infer_context *context)
{
    const struct shape *shape = &context->inputs[0]->shape;
    return macs_product(shape_count(shape), 2 * shape->dims[shape->rank - 1]);
}

const struct operator_definition operators_matrix_inverse[] = {
    {.domain = "com.microsoft",
     .name = "Inverse",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     .infer = infer_inverse,
     .compute = compute_inverse,
     .gradient = gradient_inverse,
     .steps = steps_inverse,
     .scratch = scratch_inverse},
    {0},
};
