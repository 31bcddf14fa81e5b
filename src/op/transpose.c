/* Transpose. */
#include <string.h>

#include "base/number.h"
#include "graph/match.h"
#include "kernel/kernels.h"
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

/* The output's axes without those of one place, neighbours joined that are neighbours in the input as well. */
struct transpose_job {
    const struct kernels *kernels;
    const char *from;
    char *to;
    int rank;                                              /* axes in front of the last one */
    int64_t dims[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK]; /* strides in the input */
    int64_t width, stride;                                 /* of the last axis */
    size_t size;
    /* As matrices: rows along the last axis, columns along the input's last one, in bands. */
    int64_t columns, to_row, band, bands;
    int64_t to_strides[SHAPE_MAX_RANK];
};

/* How far the place `index` of the outer axes is from the first one. */
static int64_t offset_of(const struct transpose_job *job, const int64_t *strides, int64_t index)
{
    int64_t offset = 0;
    for (int axis = job->rank - 1; axis >= 0; axis--) {
        offset += index % job->dims[axis] * strides[axis];
        index /= job->dims[axis];
    }
    return offset;
}

/* Rows that are contiguous in the input too. */
static void copy_rows(void *argument, int64_t begin, int64_t end)
{
    const struct transpose_job *job = argument;
    int64_t place[SHAPE_MAX_RANK], rest = begin, offset = offset_of(job, job->strides, begin);
    size_t bytes = (size_t)job->width * job->size;
    for (int axis = job->rank - 1; axis >= 0; axis--) {
        place[axis] = rest % job->dims[axis];
        rest /= job->dims[axis];
    }
    for (int64_t row = begin; row < end; row++) {
        memcpy(job->to + (size_t)row * bytes, job->from + (size_t)offset * job->size, bytes);
        for (int axis = job->rank - 1; axis >= 0; axis--) {
            offset += job->strides[axis];
            if (++place[axis] < job->dims[axis])
                break;
            offset -= job->dims[axis] * job->strides[axis];
            place[axis] = 0;
        }
    }
}

static void gather_rows(void *argument, int64_t begin, int64_t end)
{
    const struct transpose_job *job = argument;
    for (int64_t row = begin; row < end; row++) {
        const char *from = job->from + (size_t)offset_of(job, job->strides, row) * job->size;
        char *to = job->to + (size_t)(row * job->width) * job->size;
        for (int64_t i = 0; i < job->width; i++)
            memcpy(to + (size_t)i * job->size, from + (size_t)(i * job->stride) * job->size, job->size);
    }
}

/* Bands of matrices of elements of four bytes, whichever they are. */
static void transpose_bands(void *argument, int64_t begin, int64_t end)
{
    const struct transpose_job *job = argument;
    for (int64_t item = begin; item < end; item++) {
        int64_t matrix = item / job->bands, first = item % job->bands * job->band;
        int64_t left = job->columns - first;
        const float *from = (const float *)(const void *)job->from + offset_of(job, job->strides, matrix) + first;
        float *to = (float *)(void *)job->to + offset_of(job, job->to_strides, matrix) + first * job->to_row;
        job->kernels->transpose(from, job->stride, to, job->to_row, job->width, int64_min(left, job->band));
    }
}

static void join_axes(const struct shape *to, const int64_t *strides, const int *permutation, struct transpose_job *job)
{
    for (int i = 0; i < to->rank; i++) {
        int64_t dim = to->dims[i], stride = strides[permutation[i]];
        if (dim == 1)
            continue;
        if (job->rank > 0 && job->strides[job->rank - 1] == dim * stride) {
            job->dims[job->rank - 1] *= dim;
            job->strides[job->rank - 1] = stride;
        } else {
            job->dims[job->rank] = dim;
            job->strides[job->rank++] = stride;
        }
    }
    job->width = job->stride = 1;
    if (job->rank > 0) {
        job->width = job->dims[--job->rank];
        job->stride = job->strides[job->rank];
    }
}

/* The axis that is contiguous in the input becomes the columns. */
static void make_matrices(struct transpose_job *job)
{
    const int64_t elements = 1 << 14; /* of a band, whose rows are read to the ends of lines */
    int64_t step = job->width;
    int contiguous = 0, kept = 0;
    for (int axis = job->rank - 1; axis >= 0; axis--) {
        job->to_strides[axis] = step;
        step *= job->dims[axis];
        contiguous = job->strides[axis] == 1 ? axis : contiguous;
    }
    job->columns = job->dims[contiguous];
    job->to_row = job->to_strides[contiguous];
    for (int axis = 0; axis < job->rank; axis++) {
        if (axis == contiguous)
            continue;
        job->dims[kept] = job->dims[axis];
        job->strides[kept] = job->strides[axis];
        job->to_strides[kept++] = job->to_strides[axis];
    }
    job->rank = kept;
    job->band = int64_max(elements / job->width / 16 * 16, 16);
    job->bands = (job->columns + job->band - 1) / job->band;
}

static int compute_transpose(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    int permutation[SHAPE_MAX_RANK];
    int64_t strides[SHAPE_MAX_RANK], count = shape_count(&to->shape);
    if (read_permutation(context->node, from->shape.rank, permutation, error))
        return -1;
    if (count == 0)
        return 0;
    shape_strides(&from->shape, strides);
    struct transpose_job job = {.kernels = context->kernels,
                                .from = from->data,
                                .to = to->data,
                                .size = dtype_storage_size(dtype_storage(from->dtype))};
    join_axes(&to->shape, strides, permutation, &job);
    if (job.stride == 1) {
        rows_run(context->pool, &(struct row_task){copy_rows, &job}, count / job.width, job.width);
    } else if (job.size == sizeof(float)) {
        make_matrices(&job);
        int64_t matrices = count / job.width / job.columns;
        rows_run(context->pool, &(struct row_task){transpose_bands, &job}, matrices * job.bands,
                 job.width * int64_min(job.band, job.columns));
    } else {
        rows_run(context->pool, &(struct row_task){gather_rows, &job}, count / job.width, job.width);
    }
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
