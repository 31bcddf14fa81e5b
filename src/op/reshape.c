/* Operators that give the same elements another shape: Identity, Reshape, Flatten, Squeeze, Unsqueeze. */
#include <string.h>

#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/settings.h"
#include "op/unary.h"

static const struct attribute_rule reshape_attributes[] = {
    {FLAG_ATTRIBUTE(struct reshape_settings, allowzero, false), .since = 14},
    {0},
};

struct flatten_settings {
    int64_t axis;
};

static const struct attribute_rule flatten_attributes[] = {
    {INT_ATTRIBUTE(struct flatten_settings, axis, 1)},
    {0},
};

struct squeeze_settings {
    struct ints axes;
};

static const struct attribute_rule squeeze_attributes[] = {
    {INTS_ATTRIBUTE(struct squeeze_settings, axes), .until = 12},
    {0},
};
static const struct attribute_rule unsqueeze_attributes[] = {
    {INTS_ATTRIBUTE(struct squeeze_settings, axes), .until = 12, .required = true},
    {0},
};

static int compute_view(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    if (!to->data && compute_allocate(context, 0, from->shape.rank, from->shape.dims, error))
        return -1;
    if (from->data != to->data && tensor_bytes(from) > 0)
        memcpy(to->data, from->data, tensor_bytes(from));
    return 0;
}

static int gradient_view(struct gradient_context *context, struct error *error)
{
    const struct shape *shape = &context->node->inputs[0]->shape;
    struct value *dims = emit_int_list(context->graph, shape->dims, shape->rank, error);
    if (!dims)
        return -1;
    context->input_gradients[0] = emit(context->graph, "Reshape", EMIT_INPUTS(context->output_gradients[0], dims),
                                       EMIT_ATTRIBUTES(EMIT_INT("allowzero", 1)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int gradient_identity(struct gradient_context *context, struct error *error)
{
    (void)error;
    context->input_gradients[0] = context->output_gradients[0];
    return 0;
}

/* A run of axes of one shape that holds the same elements as a run of the other. */
struct axis_group {
    int from_begin, from_end, to_begin, to_end;
};

/* The next shortest runs with the same product; zero sizes and axes of 1 at the end join the last one. */
static struct axis_group next_group(const struct shape *from, const struct shape *to, const struct axis_group *last)
{
    struct axis_group group = {last->from_end, last->from_end, last->to_end, last->to_end};
    int64_t product_from = 1, product_to = 1;
    do {
        if (group.from_end < from->rank && (product_from <= product_to || group.to_end == to->rank))
            product_from *= from->dims[group.from_end++];
        else if (group.to_end < to->rank)
            product_to *= to->dims[group.to_end++];
    } while (product_from != product_to && (group.from_end < from->rank || group.to_end < to->rank));
    while (group.to_end < to->rank && to->dims[group.to_end] == 1)
        group.to_end++;
    return group;
}

/* The cells of a group are taken as the stretch from the first to the last of them; it covers whole rows of all axes
 * behind the first one along which it is longer than one cell. */
static void read_group(struct field_context *context, const struct axis_group *group)
{
    const struct shape *from = &context->inputs[0]->shape, *to = &context->outputs[0].shape;
    int64_t low = 0, high = 0;
    bool split = false;
    if (group->from_end - group->from_begin == 1 && group->to_end - group->to_begin == 1) {
        context->reads[group->from_begin] = context->cells[group->to_begin]; /* also beyond the edges */
        return;
    }
    for (int axis = group->to_begin; axis < group->to_end; axis++) {
        low = low * to->dims[axis] + context->cells[axis].low;
        high = high * to->dims[axis] + context->cells[axis].high;
    }
    for (int axis = group->from_begin; axis < group->from_end; axis++) {
        int64_t stride = shape_product(from, axis + 1, group->from_end), size = from->dims[axis];
        struct interval *reads = &context->reads[axis];
        if (stride == 0 || size == 0) {
            *reads = (struct interval){0, 0};
            continue;
        }
        *reads = split ? (struct interval){0, size - 1} : (struct interval){low / stride % size, high / stride % size};
        split = split || low / stride != high / stride;
    }
}

/* Axes come and go, are merged and cut: runs of axes with the same product correspond. */
static int field_view(struct field_context *context, struct error *error)
{
    (void)error;
    const struct shape *from = &context->inputs[0]->shape, *to = &context->outputs[0].shape;
    struct axis_group group = {0};
    while (group.from_end < from->rank) {
        group = next_group(from, to, &group);
        read_group(context, &group);
    }
    return 0;
}

static int64_t box_cells(const struct interval *box, int rank)
{
    int64_t cells = 1;
    for (int i = 0; i < rank; i++)
        cells *= box[i].high - box[i].low + 1;
    return cells;
}

/* Where the cells of the one shape are a box of the other: no element more is read than is made. */
static int confine_view(struct confine_context *context, struct error *error)
{
    const struct shape *from = &context->node->inputs[0]->shape, *to = &context->node->outputs[0]->shape;
    const struct tensor input = {.shape = *from}, output = {.shape = *to};
    const struct tensor *const inputs[1] = {&input};
    struct interval reads[SHAPE_MAX_RANK];
    struct field_context field = {
        .node = context->node, .inputs = inputs, .outputs = &output, .cells = context->cells, .reads = reads};
    if (field_view(&field, error))
        return -1;
    if (box_cells(reads, from->rank) != box_cells(context->cells, to->rank)) {
        confine_whole(context, 0, to->rank);
        return 0;
    }
    context->moves = true;
    for (int i = 0; i < from->rank; i++)
        context->reads[0][i] = reads[i];
    return 0;
}

static int infer_reshape(struct infer_context *context, struct error *error)
{
    const struct reshape_settings *settings = context->node->settings;
    const struct shape *from = &context->inputs[0]->shape;
    const struct tensor *list;
    int64_t rank, dims[SHAPE_MAX_RANK], known = 1, free_axis = -1;
    if (!infer_has(context, 1))
        return error_set(error, ERROR_INPUT, "input 1 (the new shape) is missing");
    if (infer_ints(context, 1, &list, &rank, error))
        return -1;
    if (rank > SHAPE_MAX_RANK)
        return error_set(error, ERROR_LIMIT, "the new shape has too many dimensions (limit %d)", SHAPE_MAX_RANK);
    for (int64_t i = 0; i < rank; i++) {
        dims[i] = tensor_int(list, i);
        if (dims[i] == 0 && !settings->allowzero) {
            if (i >= from->rank)
                return error_set(error, ERROR_INPUT, "the new shape keeps dimension %d, which the input does not have",
                                 (int)i);
            dims[i] = from->dims[i];
        }
        if (dims[i] < -1 || (dims[i] == -1 && free_axis >= 0))
            return error_set(error, ERROR_INPUT, "the new shape has a negative dimension or more than one -1");
        if (dims[i] == -1)
            free_axis = i;
        else if (__builtin_mul_overflow(known, dims[i], &known))
            return error_set(error, ERROR_INPUT, "the new shape is too large");
    }
    int64_t count = shape_count(from);
    if (free_axis >= 0) {
        if (known == 0 || count % known != 0)
            return error_set(error, ERROR_INPUT, "the new shape does not divide the input's elements");
        dims[free_axis] = count / known;
        known = count;
    }
    if (known != count)
        return error_set(error, ERROR_INPUT, "the new shape has another number of elements than the input");
    return infer_output(context, 0, context->inputs[0]->dtype, (int)rank, dims, error);
}

static int infer_flatten(struct infer_context *context, struct error *error)
{
    const struct flatten_settings *settings = context->node->settings;
    const struct shape *from = &context->inputs[0]->shape;
    int64_t axis = settings->axis;
    if (axis < -from->rank || axis > from->rank)
        return error_set(error, ERROR_INPUT, "axis is outside the input's dimensions");
    int at = (int)(axis < 0 ? axis + from->rank : axis);
    int64_t dims[2] = {shape_product(from, 0, at), shape_product(from, at, from->rank)};
    return infer_output(context, 0, context->inputs[0]->dtype, 2, dims, error);
}

/* Axes from the attribute (opset < 13) or input 1, marked in `marked` (of `rank` entries). Returns their number, 0 when
 * none are given, -1 on errors. */
static int64_t read_axes(const struct infer_context *context, int rank, bool *marked, struct error *error)
{
    const struct squeeze_settings *settings = context->node->settings;
    const struct tensor *list = NULL;
    int64_t given = settings->axes.count;
    if (!settings->axes.values && infer_has(context, 1) && infer_ints(context, 1, &list, &given, error))
        return -1;
    for (int64_t i = 0; i < given; i++) {
        int axis;
        if (shape_axis(list ? tensor_int(list, i) : settings->axes.values[i], rank, &axis, error))
            return -1;
        if (marked[axis])
            return error_set(error, ERROR_INPUT, "an axis is given twice");
        marked[axis] = true;
    }
    return given;
}

static int infer_squeeze(struct infer_context *context, struct error *error)
{
    const struct shape *from = &context->inputs[0]->shape;
    bool marked[SHAPE_MAX_RANK] = {false};
    int64_t given = read_axes(context, from->rank, marked, error), dims[SHAPE_MAX_RANK];
    int rank = 0;
    if (given < 0)
        return -1;
    for (int i = 0; i < from->rank; i++) {
        if (marked[i] && from->dims[i] != 1)
            return error_set(error, ERROR_INPUT, "axis %d has size %d and cannot be squeezed", i, (int)from->dims[i]);
        if (given > 0 ? !marked[i] : from->dims[i] != 1)
            dims[rank++] = from->dims[i];
    }
    return infer_output(context, 0, context->inputs[0]->dtype, rank, dims, error);
}

static int infer_unsqueeze(struct infer_context *context, struct error *error)
{
    const struct squeeze_settings *settings = context->node->settings;
    const struct shape *from = &context->inputs[0]->shape;
    bool marked[2 * SHAPE_MAX_RANK] = {false};
    int count = settings->axes.count;
    int64_t given = count > 0 ? count : infer_has(context, 1) ? shape_count(&context->inputs[1]->shape) : 0;
    if (given < 0 || given > SHAPE_MAX_RANK - from->rank)
        return error_set(error, ERROR_LIMIT, "the result has too many dimensions (limit %d)", SHAPE_MAX_RANK);
    int rank = from->rank + (int)given, axis = 0;
    int64_t dims[SHAPE_MAX_RANK];
    if (read_axes(context, rank, marked, error) < 0)
        return -1;
    for (int i = 0; i < rank; i++)
        given -= marked[i];
    if (given != 0)
        return error_set(error, ERROR_INPUT, "the axes repeat themselves");
    for (int i = 0; i < rank; i++)
        dims[i] = marked[i] ? 1 : from->dims[axis++];
    return infer_output(context, 0, context->inputs[0]->dtype, rank, dims, error);
}

/* At the end its traits and settings. */
#define VIEW(name_, since_, max_inputs_, infer_, gradient_, field_, ...)                                               \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(1, max_inputs_, 1, 1), .types = TYPES_MOVED,               \
        .roles = {ROLE_DATA, ROLE_SHAPE}, .infer = infer_, .compute = compute_view, .gradient = gradient_,             \
        .field = field_, .confine = confine_view, __VA_ARGS__                                                          \
    }

const struct operator_definition operators_reshape[] = {
    VIEW("Identity", 1, 1, infer_same, gradient_identity, field_pointwise,
         .traits = OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_CONTAINERS),
    VIEW("Reshape", 5, 2, infer_reshape, gradient_view, field_view, .traits = OPERATOR_VIEW,
         SETTINGS(struct reshape_settings, reshape_attributes)),
    VIEW("Flatten", 1, 1, infer_flatten, gradient_view, field_view, .traits = OPERATOR_VIEW,
         SETTINGS(struct flatten_settings, flatten_attributes)),
    VIEW("Squeeze", 1, 2, infer_squeeze, gradient_view, field_view, .traits = OPERATOR_VIEW,
         SETTINGS(struct squeeze_settings, squeeze_attributes)),
    VIEW("Unsqueeze", 1, 2, infer_unsqueeze, gradient_view, field_view, .traits = OPERATOR_VIEW,
         SETTINGS(struct squeeze_settings, unsqueeze_attributes)),
    {0},
};
