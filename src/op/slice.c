/* Slice, and SliceGradient that puts a gradient back into its place among zeros. */
#include "base/number.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/settings.h"
#include "op/strided.h"

static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct slice_settings, starts), .until = 9, .required = true},
    {INTS_ATTRIBUTE(struct slice_settings, ends), .until = 9, .required = true},
    {INTS_ATTRIBUTE(struct slice_settings, axes), .until = 9},
    {0},
};

struct slice_gradient_settings {
    struct ints starts, steps, shape; /* per axis of the whole */
};

static const struct attribute_rule gradient_attributes[] = {
    {INTS_ATTRIBUTE(struct slice_gradient_settings, starts), .required = true},
    {INTS_ATTRIBUTE(struct slice_gradient_settings, steps), .required = true},
    {INTS_ATTRIBUTE(struct slice_gradient_settings, shape), .required = true},
    {0},
};

/* Per axis of the input: output cell o reads input cell start + o * step. */
struct slice {
    int64_t starts[SHAPE_MAX_RANK], steps[SHAPE_MAX_RANK], sizes[SHAPE_MAX_RANK];
};

static void slice_axis(struct slice *slice, int axis, int64_t size, int64_t start, int64_t end, int64_t step)
{
    slice->starts[axis] = slice->sizes[axis] = 0;
    slice->steps[axis] = 1;
    if (size == 0)
        return;
    /* a longer step than the axis takes one element like any other such step */
    step = int64_clamp(step, -size - 1, size + 1);
    start = int64_clamp(start < 0 ? start + size : start, 0, step > 0 ? size : size - 1);
    end = int64_clamp(end < 0 ? end + size : end, step > 0 ? 0 : -1, size);
    int64_t span = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    slice->sizes[axis] = span > 0 ? (span + stride - 1) / stride : 0;
    slice->starts[axis] = slice->sizes[axis] > 0 ? start : 0;
    slice->steps[axis] = step;
}

static int slice_read(struct slice *slice, const struct operands *operands, struct error *error)
{
    const struct slice_settings *settings = operands->node->settings;
    const struct shape *shape = &operands->inputs[0]->shape;
    struct int_list starts, ends, axes, steps;
    bool marked[SHAPE_MAX_RANK] = {false};
    int has_starts = int_list_of(&starts, operands, settings->starts, 1, error);
    int has_ends = int_list_of(&ends, operands, settings->ends, 2, error);
    int has_axes = int_list_of(&axes, operands, settings->axes, 3, error);
    int has_steps = int_list_of(&steps, operands, (struct ints){0}, 4, error);
    if (has_starts < 0 || has_ends < 0 || has_axes < 0 || has_steps < 0)
        return -1;
    if (!has_starts || !has_ends)
        return error_set(error, ERROR_INPUT, "starts or ends are missing");
    if (ends.count != starts.count || (has_axes && axes.count != starts.count) ||
        (has_steps && steps.count != starts.count))
        return error_set(error, ERROR_INPUT, "starts, ends, axes and steps have different lengths");
    if (starts.count > shape->rank)
        return error_set(error, ERROR_INPUT, "more axes are cut than the input has");
    for (int i = 0; i < shape->rank; i++)
        slice_axis(slice, i, shape->dims[i], 0, shape->dims[i], 1);
    for (int64_t i = 0; i < starts.count; i++) {
        int axis;
        int64_t step = has_steps ? int_list_at(&steps, i) : 1;
        if (shape_axis(has_axes ? int_list_at(&axes, i) : i, shape->rank, &axis, error))
            return -1;
        if (marked[axis] || step == 0)
            return error_set(error, ERROR_INPUT, marked[axis] ? "an axis is given twice" : "a step is 0");
        marked[axis] = true;
        slice_axis(slice, axis, shape->dims[axis], int_list_at(&starts, i), int_list_at(&ends, i), step);
    }
    return 0;
}

static int infer_slice(struct infer_context *context, struct error *error)
{
    struct slice slice;
    const struct tensor *input = context->inputs[0];
    struct operands operands = OPERANDS(context);
    if (!operands_known(&operands, 1))
        return infer_output(context, 0, input->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (slice_read(&slice, &operands, error))
        return -1;
    return infer_output(context, 0, input->dtype, input->shape.rank, slice.sizes, error);
}

/* Between the part (dense) and its places in the whole. */
static void copy_slice(struct thread_pool *pool, const struct slice *slice, const struct tensor *whole,
                       const struct tensor *part, bool into_whole)
{
    int64_t whole_strides[SHAPE_MAX_RANK], part_strides[SHAPE_MAX_RANK], offset = 0;
    struct strided_copy copy = {.size = element_size(whole)};
    if (shape_count(&part->shape) == 0)
        return;
    shape_strides(&whole->shape, whole_strides);
    shape_strides(&part->shape, part_strides);
    for (int i = 0; i < whole->shape.rank; i++) {
        int64_t step = whole_strides[i] * slice->steps[i];
        offset += slice->starts[i] * whole_strides[i];
        strided_copy_axis(&copy, part->shape.dims[i], into_whole ? part_strides[i] : step,
                          into_whole ? step : part_strides[i]);
    }
    char *at = (char *)whole->data + (size_t)offset * copy.size;
    copy.from = into_whole ? part->data : at;
    copy.to = into_whole ? at : part->data;
    strided_copy_run(pool, &copy);
}

static int compute_slice(struct compute_context *context, struct error *error)
{
    struct slice slice;
    struct operands operands = OPERANDS(context);
    if (slice_read(&slice, &operands, error))
        return -1;
    copy_slice(context->pool, &slice, context->inputs[0], context->outputs[0], false);
    return 0;
}

static int gradient_slice(struct gradient_context *context, struct error *error)
{
    struct known_inputs known;
    struct slice slice;
    if (known_inputs_read(&known, context->node, error) || slice_read(&slice, &known.operands, error))
        return -1;
    const struct shape *shape = &context->node->inputs[0]->shape;
    context->input_gradients[0] = emit(context->graph, "SliceGradient", EMIT_INPUTS(context->output_gradients[0]),
                                       EMIT_ATTRIBUTES(EMIT_INTS("starts", slice.starts, shape->rank),
                                                       EMIT_INTS("steps", slice.steps, shape->rank),
                                                       EMIT_INTS("shape", shape->dims, shape->rank)),
                                       error);
    return context->input_gradients[0] ? 0 : -1;
}

static int field_slice(struct field_context *context, struct error *error)
{
    struct operands operands = {context->node, context->inputs, context->node->input_count};
    struct slice slice;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    if (!operands_known(&operands, 1)) {
        field_full(context);
        context->global = true;
        return 0;
    }
    if (slice_read(&slice, &operands, error))
        return -1;
    for (int i = 0; i < context->inputs[0]->shape.rank; i++) {
        int64_t low = slice.starts[i] + slice.steps[i] * context->cells[i].low;
        int64_t high = slice.starts[i] + slice.steps[i] * context->cells[i].high;
        context->reads[i] = low < high ? (struct interval){low, high} : (struct interval){high, low};
    }
    return 0;
}

/* Neighbours; of steps, all. */
static int confine_slice(struct confine_context *context, struct error *error)
{
    struct known_inputs known;
    struct slice slice;
    int rank = context->node->inputs[0]->shape.rank;
    if (known_inputs_read(&known, context->node, error) || slice_read(&slice, &known.operands, error))
        return -1;
    context->moves = true;
    for (int i = 0; i < rank; i++)
        context->moves &= slice.steps[i] == 1 || slice.sizes[i] == 1;
    /* A part keeps the node's lists: they are right for some of an axis of which they leave nothing out. */
    bool images = rank > 0 && slice.steps[0] == 1 && slice.sizes[0] == context->node->inputs[0]->shape.dims[0];
    if (!context->moves)
        confine_whole(context, images ? 1 : 0, rank);
    if (!context->moves && images)
        context->reads[0][0] = context->cells[0];
    for (int i = 0; i < rank && context->moves; i++)
        context->reads[0][i] =
            (struct interval){slice.starts[i] + context->cells[i].low, slice.starts[i] + context->cells[i].high};
    return 0;
}

static int read_gradient(const struct node *node, const struct shape *part, struct slice *slice, struct shape *whole,
                         struct error *error)
{
    const struct slice_gradient_settings *settings = node->settings;
    const int64_t *starts = settings->starts.values, *steps = settings->steps.values;
    if (shape_set(whole, settings->shape.count, settings->shape.values, error))
        return -1;
    bool fits =
        settings->starts.count == whole->rank && settings->steps.count == whole->rank && part->rank == whole->rank;
    for (int i = 0; fits && i < whole->rank; i++) {
        int64_t last, size = part->dims[i];
        slice->starts[i] = starts[i];
        slice->steps[i] = steps[i];
        fits = steps[i] != 0 && (size == 0 || (!__builtin_mul_overflow(size - 1, steps[i], &last) &&
                                               !__builtin_add_overflow(last, starts[i], &last) && last >= 0 &&
                                               last < whole->dims[i] && starts[i] >= 0 && starts[i] < whole->dims[i]));
    }
    return fits ? 0 : error_set(error, ERROR_INTERNAL, "the part is outside the whole");
}

static int infer_slice_gradient(struct infer_context *context, struct error *error)
{
    struct slice slice;
    struct shape whole;
    if (read_gradient(context->node, &context->inputs[0]->shape, &slice, &whole, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, whole.rank, whole.dims, error);
}

static int compute_slice_gradient(struct compute_context *context, struct error *error)
{
    struct slice slice;
    struct shape whole;
    if (read_gradient(context->node, &context->inputs[0]->shape, &slice, &whole, error))
        return -1;
    if (tensor_bytes(context->outputs[0]) > 0)
        memset(context->outputs[0]->data, 0, tensor_bytes(context->outputs[0]));
    copy_slice(context->pool, &slice, context->outputs[0], context->inputs[0], true);
    return 0;
}

/* Of the input's shape: the whole of it, in its order or backwards. */
static bool steps_forwards(const struct node *node)
{
    return node->input_count < 5 || identity_of_list(node, (struct ints){0}, 4, 1);
}

#define SLICE(since_, until_, min_, max_)                                                                              \
    {                                                                                                                  \
        .domain = "", .name = "Slice", .since = since_, .until = until_, ARITY(min_, max_, 1, 1), .types = TYPES_ALL,  \
        .traits = OPERATOR_MOVES | OPERATOR_EXACT_FIELD, .roles = {ROLE_DATA, ROLE_SHAPE},                             \
        SETTINGS(struct slice_settings, attributes), .infer = infer_slice, .compute = compute_slice,                   \
        .gradient = gradient_slice, .field = field_slice, .confine = confine_slice, .identity = steps_forwards         \
    }

const struct operator_definition operators_slice[] = {
    SLICE(1, 9, 1, 1),
    SLICE(10, 0, 3, 5),
    {.domain = DOMAIN_INTERNAL,
     .name = "SliceGradient",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA},
     SETTINGS(struct slice_gradient_settings, gradient_attributes),
     .infer = infer_slice_gradient,
     .compute = compute_slice_gradient},
    {0},
};
