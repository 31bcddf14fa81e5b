/* Transpose. */
#include <string.h>

#include "graph/match.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/settings.h"

static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct transpose_settings, perm)},
    {0},
};

bool transpose_exchanges(const struct node *node)
{
    const struct transpose_settings *settings = match_settings(node, "Transpose");
    const struct ints perm = settings ? settings->perm : (struct ints){0};
    int rank = perm.count;
    bool only = rank >= 2 && perm.values[rank - 1] == rank - 2 && perm.values[rank - 2] == rank - 1;
    for (int i = 0; only && i < rank - 2; i++)
        only = perm.values[i] == i;
    return only;
}

/* Attribute perm, or the axes reversed; checked to name each axis once. */
static int read_permutation(const struct node *node, int rank, int permutation[SHAPE_MAX_RANK], struct error *error)
{
    const struct ints perm = ((const struct transpose_settings *)node->settings)->perm;
    bool seen[SHAPE_MAX_RANK] = {false};
    if (perm.values && perm.count != rank)
        return error_set(error, ERROR_INPUT, "attribute perm has %d axes, the input %d", perm.count, rank);
    for (int i = 0; i < rank; i++) {
        int64_t axis = perm.values ? perm.values[i] : rank - 1 - i;
        if (axis < 0 || axis >= rank || seen[axis])
            return error_set(error, ERROR_INPUT, "attribute perm is not a permutation");
        seen[axis] = true;
        permutation[i] = (int)axis;
    }
    return 0;
}

static int infer_transpose(struct infer_context *context, struct error *error)
{
    const struct shape *from = &context->inputs[0]->shape;
    int permutation[SHAPE_MAX_RANK];
    int64_t dims[SHAPE_MAX_RANK];
    if (read_permutation(context->node, from->rank, permutation, error))
        return -1;
    for (int i = 0; i < from->rank; i++)
        dims[i] = from->dims[permutation[i]];
    return infer_output(context, 0, context->inputs[0]->dtype, from->rank, dims, error);
}

struct transpose_job {
    const char *from;
    char *to;
    int rank;                                              /* axes in front of the last one */
    int64_t dims[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK]; /* of the output's axes, strides in the input */
    int64_t width, stride;                                 /* of the last axis */
    size_t size;
};

static void transpose_rows(void *argument, int64_t begin, int64_t end)
{
    const struct transpose_job *job = argument;
    for (int64_t row = begin; row < end; row++) {
        int64_t offset = 0, rest = row;
        for (int axis = job->rank - 1; axis >= 0; axis--) {
            offset += rest % job->dims[axis] * job->strides[axis];
            rest /= job->dims[axis];
        }
        const char *from = job->from + (size_t)offset * job->size;
        char *to = job->to + (size_t)(row * job->width) * job->size;
        size_t step = (size_t)job->stride * job->size;
        if (job->stride == 1) {
            memcpy(to, from, (size_t)job->width * job->size);
        } else if (job->size == 4) {
            for (int64_t i = 0; i < job->width; i++)
                memcpy(to + (size_t)i * 4, from + (size_t)i * step, 4);
        } else {
            for (int64_t i = 0; i < job->width; i++)
                memcpy(to + (size_t)i * job->size, from + (size_t)i * step, job->size);
        }
    }
}

static int compute_transpose(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    int permutation[SHAPE_MAX_RANK], rank = from->shape.rank;
    int64_t strides[SHAPE_MAX_RANK], count = shape_count(&to->shape);
    if (read_permutation(context->node, rank, permutation, error))
        return -1;
    if (count == 0)
        return 0;
    shape_strides(&from->shape, strides);
    struct transpose_job job = {.from = from->data,
                                .to = to->data,
                                .rank = rank > 0 ? rank - 1 : 0,
                                .width = 1,
                                .stride = 1,
                                .size = dtype_storage_size(dtype_storage(from->dtype))};
    for (int i = 0; i < job.rank; i++) {
        job.dims[i] = to->shape.dims[i];
        job.strides[i] = strides[permutation[i]];
    }
    if (rank > 0) {
        job.width = to->shape.dims[rank - 1];
        job.stride = strides[permutation[rank - 1]];
    }
    rows_run(context->pool, &(struct row_task){transpose_rows, &job}, count / job.width, job.width);
    return 0;
}

static int gradient_transpose(struct gradient_context *context, struct error *error)
{
    int permutation[SHAPE_MAX_RANK], rank = context->node->inputs[0]->shape.rank;
    int64_t inverse[SHAPE_MAX_RANK];
    if (read_permutation(context->node, rank, permutation, error))
        return -1;
    for (int i = 0; i < rank; i++)
        inverse[permutation[i]] = i;
    context->input_gradients[0] = emit(context->graph, "Transpose", EMIT_INPUTS(context->output_gradients[0]),
                                       EMIT_ATTRIBUTES(EMIT_INTS("perm", inverse, rank)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int field_transpose(struct field_context *context, struct error *error)
{
    int permutation[SHAPE_MAX_RANK], rank = context->inputs[0]->shape.rank;
    if (read_permutation(context->node, rank, permutation, error))
        return -1;
    for (int i = 0; i < rank; i++)
        context->reads[permutation[i]] = context->cells[i];
    return 0;
}

static bool keeps_order(const struct node *node)
{
    const struct ints perm = ((const struct transpose_settings *)node->settings)->perm;
    for (int i = 0; i < perm.count; i++) {
        if (perm.values[i] != i)
            return false;
    }
    return perm.values || node->inputs[0]->shape.rank < 2;
}

static int confine_transpose(struct confine_context *context, struct error *error)
{
    int permutation[SHAPE_MAX_RANK], rank = context->node->inputs[0]->shape.rank;
    if (read_permutation(context->node, rank, permutation, error))
        return -1;
    for (int i = 0; i < rank; i++)
        context->reads[0][permutation[i]] = context->cells[i];
    return 0;
}

const struct operator_definition operators_transpose[] = {
    {.domain = "",
     .name = "Transpose",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_MOVES | OPERATOR_PERMUTES | OPERATOR_EXACT_FIELD,
     .roles = {ROLE_DATA},
     SETTINGS(struct transpose_settings, attributes),
     .infer = infer_transpose,
     .compute = compute_transpose,
     .gradient = gradient_transpose,
     .field = field_transpose,
     .confine = confine_transpose,
     .identity = keeps_order},
    {0},
};
