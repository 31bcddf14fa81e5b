/* ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceSumSquare over any axes. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel/kernels.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"

enum reduction { REDUCE_SUM, REDUCE_MEAN, REDUCE_MAX, REDUCE_MIN, REDUCE_SUM_SQUARE };

static enum reduction read_reduction(const struct node *node)
{
    static const char *const names[] = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare"};
    int index = 0;
    while (strcmp(names[index], node->op_type) != 0)
        index++;
    return (enum reduction)index;
}

/* Marks the reduced axes. `list` is input 1 if it is there. */
static int read_axes(const struct node *node, const struct tensor *list, int rank, bool reduced[SHAPE_MAX_RANK],
                     struct error *error)
{
    int count;
    const int64_t *axes = node_ints(node, "axes", &count);
    int64_t given = axes ? count : list ? shape_count(&list->shape) : 0;
    bool all = given == 0 && node_int(node, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < rank; i++)
        reduced[i] = all;
    for (int64_t i = 0; i < given; i++) {
        int axis;
        if (shape_axis(axes ? axes[i] : tensor_int(list, i), rank, &axis, error))
            return -1;
        reduced[axis] = true;
    }
    return 0;
}

static int infer_reduction(struct infer_context *context, struct error *error)
{
    const struct shape *from = &context->inputs[0]->shape;
    const struct tensor *list = NULL;
    int64_t count, dims[SHAPE_MAX_RANK];
    bool reduced[SHAPE_MAX_RANK], keep = node_int(context->node, "keepdims", 1) != 0;
    int rank = 0;
    if (infer_has(context, 1) && infer_ints(context, 1, &list, &count, error))
        return -1;
    if (read_axes(context->node, list, from->rank, reduced, error))
        return -1;
    for (int i = 0; i < from->rank; i++) {
        if (!reduced[i] || keep)
            dims[rank++] = reduced[i] ? 1 : from->dims[i];
    }
    return infer_output(context, 0, context->inputs[0]->dtype, rank, dims, error);
}

/* Walks the input as kept x reduced: offsets of either set of axes, row-major. */
struct axes_walk {
    int rank;
    int64_t dims[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK];
    int64_t count;
};

static void walk_axes(struct axes_walk *walk, const struct shape *shape, const bool *reduced, bool which)
{
    int64_t strides[SHAPE_MAX_RANK];
    shape_strides(shape, strides);
    *walk = (struct axes_walk){.count = 1};
    for (int i = 0; i < shape->rank; i++) {
        if (reduced[i] != which || shape->dims[i] == 1)
            continue;
        int64_t size = shape->dims[i];
        walk->count *= size;
        bool joins = walk->rank > 0 && walk->strides[walk->rank - 1] == strides[i] * size;
        if (!joins)
            walk->dims[walk->rank++] = 1;
        walk->dims[walk->rank - 1] *= size;
        walk->strides[walk->rank - 1] = strides[i];
    }
}

static int64_t walk_offset(const struct axes_walk *walk, int64_t index)
{
    int64_t offset = 0;
    for (int axis = walk->rank - 1; axis >= 0; axis--) {
        offset += index % walk->dims[axis] * walk->strides[axis];
        index /= walk->dims[axis];
    }
    return offset;
}

struct reduction_job {
    const struct kernels *kernels;
    enum reduction reduction;
    const struct tensor *input;
    struct tensor *output;
    struct axes_walk kept, reduced;
};

/* One result in double (exact for int32, and for int64 up to 2^53). */
static double reduce_numbers(const struct reduction_job *job, int64_t start)
{
    double total = job->reduction == REDUCE_MAX ? -INFINITY : job->reduction == REDUCE_MIN ? INFINITY : 0;
    for (int64_t i = 0; i < job->reduced.count; i++) {
        double x = tensor_number(job->input, start + walk_offset(&job->reduced, i));
        if (job->reduction == REDUCE_MAX)
            total = x > total || isnan(x) ? x : total;
        else if (job->reduction == REDUCE_MIN)
            total = x < total || isnan(x) ? x : total;
        else
            total += job->reduction == REDUCE_SUM_SQUARE ? x * x : x;
    }
    return job->reduction == REDUCE_MEAN ? total / (double)job->reduced.count : total;
}

static void store_number(struct tensor *tensor, int64_t index, double number)
{
    switch (dtype_storage(tensor->dtype)) {
    case DTYPE_FLOAT:
        ((float *)tensor->data)[index] = (float)number;
        break;
    case DTYPE_DOUBLE:
        ((double *)tensor->data)[index] = number;
        break;
    case DTYPE_INT32:
        ((int32_t *)tensor->data)[index] = (int32_t)number;
        break;
    case DTYPE_INT64:
        ((int64_t *)tensor->data)[index] = (int64_t)number;
        break;
    default:
        ((uint8_t *)tensor->data)[index] = (uint8_t)number;
    }
}

static void reduce_slice(void *argument, int64_t begin, int64_t end)
{
    const struct reduction_job *job = argument;
    bool contiguous = job->reduced.rank == 1 && job->reduced.strides[0] == 1;
    bool sums = job->reduction == REDUCE_SUM || job->reduction == REDUCE_MEAN;
    for (int64_t index = begin; index < end; index++) {
        int64_t start = walk_offset(&job->kept, index);
        if (contiguous && sums && dtype_storage(job->input->dtype) == DTYPE_FLOAT) {
            float total = job->kernels->sum((const float *)job->input->data + start, job->reduced.count);
            store_number(job->output, index,
                         job->reduction == REDUCE_MEAN ? (double)total / (double)job->reduced.count : (double)total);
        } else {
            store_number(job->output, index, reduce_numbers(job, start));
        }
    }
}

static int compute_reduction(struct compute_context *context, struct error *error)
{
    const struct tensor *list = context->input_count > 1 ? context->inputs[1] : NULL;
    bool reduced[SHAPE_MAX_RANK];
    const struct shape *shape = &context->inputs[0]->shape;
    if (read_axes(context->node, list, shape->rank, reduced, error))
        return -1;
    struct reduction_job job = {.kernels = context->kernels,
                                .reduction = read_reduction(context->node),
                                .input = context->inputs[0],
                                .output = context->outputs[0]};
    walk_axes(&job.kept, shape, reduced, false);
    walk_axes(&job.reduced, shape, reduced, true);
    if (job.kept.count > 0)
        rows_run(context->pool, &(struct row_task){reduce_slice, &job}, job.kept.count,
                 job.reduced.count > 0 ? job.reduced.count : 1);
    return 0;
}

/* dx = dy spread over the reduced axes (over their number for means): Mul by a constant of the input's shape. */
static int gradient_reduction(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    struct value *dy = context->output_gradients[0];
    struct constant *list_constant = node->input_count > 1 && node->inputs[1] ? node->inputs[1]->constant : NULL;
    const struct tensor *list = list_constant ? constant_data(list_constant, error) : NULL;
    bool reduced[SHAPE_MAX_RANK];
    int64_t dims[SHAPE_MAX_RANK];
    if ((list_constant && !list) || read_axes(node, list, from->rank, reduced, error))
        return -1;
    for (int i = 0; i < from->rank; i++)
        dims[i] = reduced[i] ? 1 : from->dims[i];
    struct value *kept = emit_int_list(context->graph, dims, from->rank, error);
    struct value *aligned =
        kept ? emit(context->graph, "Reshape", EMIT_INPUTS(dy, kept), EMIT_NO_ATTRIBUTES, error) : NULL;
    double scale = read_reduction(node) == REDUCE_MEAN && shape_count(from) > 0
                       ? (double)shape_count(to) / (double)shape_count(from)
                       : 1.0;
    struct value *spread = aligned ? emit_filled(context->graph, dy->dtype, from, scale, error) : NULL;
    context->input_gradients[0] =
        spread ? emit(context->graph, "Mul", EMIT_INPUTS(aligned, spread), EMIT_NO_ATTRIBUTES, error) : NULL;
    return context->input_gradients[0] ? 0 : -1;
}

/* Along reduced axes everything is read: through a statistic, as a pool to one cell does. */
static int field_reduction(struct field_context *context, struct error *error)
{
    bool reduced[SHAPE_MAX_RANK];
    const struct shape *from = &context->inputs[0]->shape;
    const struct tensor *list = context->node->input_count > 1 ? context->inputs[1] : NULL;
    int axis = 0;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    if (read_axes(context->node, list, from->rank, reduced, error))
        return -1;
    bool keep = node_int(context->node, "keepdims", 1) != 0;
    for (int i = 0; i < from->rank; i++) {
        context->reads[i] = reduced[i] ? interval_full(from->dims[i]) : context->cells[axis];
        axis += !reduced[i] || keep;
        if (reduced[i] && i >= 2 && from->dims[i] > 1)
            context->global = context->none = true;
    }
    return 0;
}

#define REDUCTION(name_, gradient_)                                                                                    \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 1, .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1, \
        .types = TYPES_NUMBER, .infer = infer_reduction, .compute = compute_reduction, .gradient = gradient_,          \
        .field = field_reduction                                                                                       \
    }

const struct operator operators_reduction[] = {
    REDUCTION("ReduceSum", gradient_reduction),
    REDUCTION("ReduceMean", gradient_reduction),
    REDUCTION("ReduceMax", NULL),
    REDUCTION("ReduceMin", NULL),
    REDUCTION("ReduceSumSquare", NULL),
    {0},
};
