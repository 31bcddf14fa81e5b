/* Gather, and GatherGradient that adds the picked parts up where they came from. */
#include <inttypes.h>

#include "base/number.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/gather.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

struct gather_settings {
    int64_t axis;
    struct ints shape; /* of GatherGradient: of the data */
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct gather_settings, axis, 0)},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    {INT_ATTRIBUTE(struct gather_settings, axis, 0), .required = true},
    {INTS_ATTRIBUTE(struct gather_settings, shape), .required = true},
    {0},
};

static int gather_axis(const struct node *node, int rank, int *axis, struct error *error)
{
    const struct gather_settings *settings = node->settings;
    return shape_axis(settings->axis, rank, axis, error);
}

int gather_index(const struct tensor *indices, int64_t position, int64_t size, int64_t *index, struct error *error)
{
    int64_t value = tensor_int(indices, position);
    if (value < -size || value >= size)
        return error_set(error, ERROR_INPUT, "index %" PRId64 " is outside [%" PRId64 ", %" PRId64 ")", value, -size,
                         size);
    *index = value < 0 ? value + size : value;
    return 0;
}

int gather_check_indices(const struct tensor *indices, struct error *error)
{
    enum dtype storage = dtype_storage(indices->dtype);
    if (storage != DTYPE_INT32 && storage != DTYPE_INT64)
        return error_set(error, ERROR_INPUT, "the indices must be integers, not %s", dtype_name(indices->dtype));
    return 0;
}

/* data[outer][size][inner], out[outer][picks][inner] */
struct gather_job {
    const char *from;
    char *to;
    const int64_t *indices;
    int64_t size, picks, inner;
    size_t element;
};

static int infer_gather(struct infer_context *context, struct error *error)
{
    const struct tensor *data = context->inputs[0], *indices = context->inputs[1];
    int axis, rank = data->shape.rank - 1 + indices->shape.rank, at = 0;
    int64_t dims[2 * SHAPE_MAX_RANK];
    if (gather_check_indices(indices, error) || gather_axis(context->node, data->shape.rank, &axis, error))
        return -1;
    for (int i = 0; i < axis; i++)
        dims[at++] = data->shape.dims[i];
    for (int i = 0; i < indices->shape.rank; i++)
        dims[at++] = indices->shape.dims[i];
    for (int i = axis + 1; i < data->shape.rank; i++)
        dims[at++] = data->shape.dims[i];
    return infer_output(context, 0, data->dtype, rank, dims, error);
}

/* The indices, checked and without negative ones. */
static size_t index_bytes(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[1]->shape) * sizeof(int64_t);
}

static int prepare(struct compute_context *context, const struct shape *data, struct gather_job *job, int64_t *outer,
                   struct error *error)
{
    const struct tensor *indices = context->inputs[1];
    int64_t *checked = context->scratch;
    int axis;
    if (gather_axis(context->node, data->rank, &axis, error))
        return -1;
    *job = (struct gather_job){.indices = checked,
                               .size = data->dims[axis],
                               .picks = shape_count(&indices->shape),
                               .inner = shape_product(data, axis + 1, data->rank),
                               .element = element_size(context->inputs[0])};
    *outer = shape_product(data, 0, axis);
    for (int64_t i = 0; i < job->picks; i++) {
        if (gather_index(indices, i, job->size, &checked[i], error))
            return -1;
    }
    return 0;
}

static void gather_rows(void *argument, int64_t begin, int64_t end)
{
    const struct gather_job *job = argument;
    size_t bytes = (size_t)job->inner * job->element;
    for (int64_t row = begin; row < end; row++) {
        const char *from = job->from + (size_t)(row / job->picks * job->size + job->indices[row % job->picks]) * bytes;
        char *to = job->to + (size_t)row * bytes;
        if (job->inner == 1)
            move_element(to, from, job->element);
        else
            memcpy(to, from, bytes);
    }
}

static int compute_gather(struct compute_context *context, struct error *error)
{
    struct gather_job job;
    int64_t outer;
    if (prepare(context, &context->inputs[0]->shape, &job, &outer, error))
        return -1;
    job.from = context->inputs[0]->data;
    job.to = context->outputs[0]->data;
    if (outer * job.picks > 0 && job.inner > 0)
        rows_run(context->pool, &(struct row_task){gather_rows, &job}, outer * job.picks, job.inner);
    return 0;
}

struct value *emit_gather_gradient(struct graph *graph, struct value *gradient, struct value *indices, int axis,
                                   const struct shape *shape, struct error *error)
{
    return emit(graph, "GatherGradient", EMIT_INPUTS(gradient, indices),
                EMIT_ATTRIBUTES(EMIT_INT("axis", axis), EMIT_INTS("shape", shape->dims, shape->rank)), error);
}

static int gradient_gather(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct shape *shape = &node->inputs[0]->shape;
    int axis;
    if (!context->wanted[0])
        return 0;
    if (gather_axis(node, shape->rank, &axis, error))
        return -1;
    context->input_gradients[0] =
        emit_gather_gradient(context->graph, context->output_gradients[0], node->inputs[1], axis, shape, error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_gather_gradient(struct infer_context *context, struct error *error)
{
    const struct gather_settings *settings = context->node->settings;
    struct shape shape;
    int axis;
    if (shape_set(&shape, settings->shape.count, settings->shape.values, error) ||
        gather_check_indices(context->inputs[1], error) || gather_axis(context->node, shape.rank, &axis, error))
        return -1;
    int64_t count = shape_product(&shape, 0, axis) * shape_count(&context->inputs[1]->shape) *
                    shape_product(&shape, axis + 1, shape.rank);
    if (count != shape_count(&context->inputs[0]->shape))
        return error_set(error, ERROR_INTERNAL, "the gradient does not fit the indices");
    return infer_output(context, 0, context->inputs[0]->dtype, shape.rank, shape.dims, error);
}

#define ADD_ROW(type)                                                                                                  \
    for (int64_t i = 0; i < job->inner; i++)                                                                           \
    ((type *)to)[i] += ((const type *)from)[i]

/* One outer row a time: its parts may meet in one place. */
static void add_rows(void *argument, int64_t begin, int64_t end)
{
    const struct gather_job *job = argument;
    size_t bytes = (size_t)job->inner * job->element;
    for (int64_t row = begin; row < end; row++) {
        for (int64_t pick = 0; pick < job->picks; pick++) {
            char *to = job->to + (size_t)(row * job->size + job->indices[pick]) * bytes;
            const char *from = job->from + (size_t)(row * job->picks + pick) * bytes;
            if (job->element == sizeof(float))
                ADD_ROW(float);
            else
                ADD_ROW(double);
        }
    }
}

static int compute_gather_gradient(struct compute_context *context, struct error *error)
{
    struct gather_job job;
    struct tensor *to = context->outputs[0];
    int64_t outer;
    if (prepare(context, &to->shape, &job, &outer, error))
        return -1;
    job.from = context->inputs[0]->data;
    job.to = to->data;
    if (tensor_bytes(to) > 0)
        memset(to->data, 0, tensor_bytes(to));
    rows_run(context->pool, &(struct row_task){add_rows, &job}, outer, job.picks * job.inner);
    return 0;
}

/* Along the axis the picked cells, where the indices are a known list or one known number. */
static void field_picked(struct field_context *context, int axis)
{
    const struct tensor *indices = context->inputs[1];
    int64_t count = shape_count(&indices->shape), size = context->inputs[0]->shape.dims[axis];
    struct interval picked = {0, count - 1};
    struct interval *reads = &context->reads[axis];
    if (!indices->data || indices->shape.rank > 1 || count == 0) {
        *reads = interval_full(size);
        context->global = size > 1;
        return;
    }
    if (indices->shape.rank == 1) {
        picked.low = int64_max(context->cells[axis].low, 0);
        picked.high = context->cells[axis].high >= count ? count - 1 : context->cells[axis].high;
    }
    *reads = (struct interval){size, -1};
    for (int64_t i = picked.low; i <= picked.high; i++) {
        int64_t index = 0;
        if (gather_index(indices, i, size, &index, NULL))
            continue;
        reads->low = int64_min(index, reads->low);
        reads->high = int64_max(index, reads->high);
    }
    context->none = reads->low > reads->high;
}

static int field_gather(struct field_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    int axis;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    if (gather_axis(context->node, shape->rank, &axis, error))
        return -1;
    for (int i = 0; i < shape->rank; i++) {
        if (i != axis)
            context->reads[i] = context->cells[i < axis ? i : i + context->inputs[1]->shape.rank - 1];
    }
    field_picked(context, axis);
    return 0;
}

/* One known place. */
static int confine_gather(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct known_inputs known;
    const struct shape *from = &node->inputs[0]->shape;
    int64_t index = 0, size = 0;
    int axis;
    if (known_inputs_read(&known, node, error) || gather_axis(node, from->rank, &axis, error))
        return -1;
    const struct tensor *indices = known.pointers[1];
    size = from->dims[axis];
    context->moves = indices->data && shape_count(&indices->shape) == 1 && indices->shape.rank <= 1 &&
                     gather_index(indices, 0, size, &index, NULL) == 0;
    if (!context->moves) {
        confine_whole(context, 0, node->outputs[0]->shape.rank);
        return 0;
    }
    for (int i = 0; i < from->rank; i++)
        context->reads[0][i] =
            i == axis ? (struct interval){index, index} : context->cells[i < axis ? i : i + indices->shape.rank - 1];
    return 0;
}

const struct operator_definition operators_gather[] = {
    {.domain = "",
     .name = "Gather",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES | OPERATOR_EXACT_FIELD,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct gather_settings, attributes),
     .infer = infer_gather,
     .compute = compute_gather,
     .gradient = gradient_gather,
     .field = field_gather,
     .confine = confine_gather,
     .scratch = index_bytes},
    {.domain = DOMAIN_INTERNAL,
     .name = "GatherGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct gather_settings, gradient_attributes),
     .infer = infer_gather_gradient,
     .compute = compute_gather_gradient,
     .scratch = index_bytes},
    {0},
};
