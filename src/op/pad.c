/* Pad: axes grow by a constant, by their mirror image, by their edge or around the other end; negative pads crop.
 * PadGradient adds a gradient up where the cells were read. */
#include <stdio.h>

#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/settings.h"
#include "op/strided.h"

static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};

static const struct attribute_rule attributes[] = {
    {WORD_ATTRIBUTE(struct pad_settings, mode, PAD_CONSTANT, modes)},
    {INTS_ATTRIBUTE(struct pad_settings, pads), .until = 10, .required = true},
    {FLOAT_ATTRIBUTE(struct pad_settings, value, 0), .until = 10},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    {WORD_ATTRIBUTE(struct pad_settings, mode, PAD_CONSTANT, modes)},
    {INTS_ATTRIBUTE(struct pad_settings, pads), .required = true},
    {INTS_ATTRIBUTE(struct pad_settings, shape), .required = true},
    {0},
};

struct pad {
    enum pad_mode mode;
    int64_t begins[SHAPE_MAX_RANK], ends[SHAPE_MAX_RANK];
};

static int pad_read(struct pad *pad, const struct operands *operands, int rank, struct error *error)
{
    const struct pad_settings *settings = operands->node->settings;
    struct int_list pads, axes;
    bool marked[SHAPE_MAX_RANK] = {false};
    *pad = (struct pad){.mode = settings->mode};
    int has_pads = int_list_of(&pads, operands, settings->pads, 1, error);
    int has_axes = int_list_of(&axes, operands, (struct ints){0}, 3, error);
    if (has_pads < 0 || has_axes < 0)
        return -1;
    if (!has_pads)
        return error_set(error, ERROR_INPUT, "the pads are missing");
    int64_t count = has_axes ? axes.count : rank;
    if (count > rank || pads.count != 2 * count)
        return error_set(error, ERROR_INPUT, "there are %lld pads, the axes need 2 each", (long long)pads.count);
    for (int64_t i = 0; i < count; i++) {
        int axis;
        if (shape_axis(has_axes ? int_list_at(&axes, i) : i, rank, &axis, error))
            return -1;
        if (marked[axis])
            return error_set(error, ERROR_INPUT, "an axis is given twice");
        marked[axis] = true;
        pad->begins[axis] = int_list_at(&pads, i);
        pad->ends[axis] = int_list_at(&pads, count + i);
    }
    return 0;
}

/* The padded shape; refuses what would be negative, too large, or taken from nothing. */
static int padded_shape(const struct pad *pad, const struct shape *from, int64_t dims[SHAPE_MAX_RANK],
                        struct error *error)
{
    for (int i = 0; i < from->rank; i++) {
        if (pad->begins[i] < -SHAPE_MAX_ELEMENTS || pad->begins[i] > SHAPE_MAX_ELEMENTS ||
            pad->ends[i] < -SHAPE_MAX_ELEMENTS || pad->ends[i] > SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_LIMIT, "a pad is too large");
        dims[i] = from->dims[i] + pad->begins[i] + pad->ends[i];
        if (dims[i] < 0)
            return error_set(error, ERROR_INPUT, "axis %d of size %lld is cropped by more than it has", i,
                             (long long)from->dims[i]);
        if (pad->mode != PAD_CONSTANT && from->dims[i] == 0 && dims[i] > 0)
            return error_set(error, ERROR_INPUT, "axis %d is empty: nothing to pad with", i);
    }
    return 0;
}

static int64_t modulo(int64_t value, int64_t size)
{
    int64_t rest = value % size;
    return rest < 0 ? rest + size : rest;
}

/* Cell of the input that cell `at` (counted from the input's first) holds; -1: the constant. */
static int64_t source(enum pad_mode mode, int64_t at, int64_t size)
{
    if (at >= 0 && at < size)
        return at;
    switch (mode) {
    case PAD_REFLECT: {
        int64_t place = size > 1 ? modulo(at, 2 * (size - 1)) : 0;
        return place < size ? place : 2 * (size - 1) - place;
    }
    case PAD_EDGE:
        return at < 0 ? 0 : size - 1;
    case PAD_WRAP:
        return modulo(at, size);
    default:
        return -1;
    }
}

static int infer_pad(struct infer_context *context, struct error *error)
{
    const struct tensor *input = context->inputs[0];
    struct operands operands = OPERANDS(context);
    const struct tensor *constant = operand_at(&operands, 2);
    struct pad pad;
    int64_t dims[SHAPE_MAX_RANK];
    if (constant &&
        (dtype_storage(constant->dtype) != dtype_storage(input->dtype) || shape_count(&constant->shape) != 1))
        return error_set(error, ERROR_INPUT, "input 2 must be one value of the type of input 0");
    if (!operand_known(&operands, 1) || !operand_known(&operands, 3))
        return infer_output(context, 0, input->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (pad_read(&pad, &operands, input->shape.rank, error) || padded_shape(&pad, &input->shape, dims, error))
        return -1;
    return infer_output(context, 0, input->dtype, input->shape.rank, dims, error);
}

/* Per axis of the larger tensor, for each cell its source in the smaller one; and how both lie. */
struct pad_job {
    int rank;
    const int64_t *maps[SHAPE_MAX_RANK];
    int64_t dims[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK]; /* dims padded, strides unpadded */
    int64_t inner_from, inner_to; /* cells of the last axis that are read straight, from `inner_from` to before */
    const char *from, *value;
    char *to;
    size_t size;
    int64_t block; /* rows that may meet when gradients are added */
};

static size_t map_bytes(const struct shape *padded)
{
    size_t cells = 0;
    for (int i = 0; i < padded->rank; i++)
        cells += (size_t)padded->dims[i];
    return cells * sizeof(int64_t);
}

/* A scalar is handled as one axis of size 1. */
static void prepare(struct pad_job *job, const struct pad *pad, const struct shape *from, const struct shape *padded,
                    int64_t *maps)
{
    *job = (struct pad_job){.rank = padded->rank};
    shape_strides(from, job->strides);
    for (int i = 0; i < padded->rank; i++) {
        job->maps[i] = maps;
        job->dims[i] = padded->dims[i];
        for (int64_t k = 0; k < padded->dims[i]; k++)
            *maps++ = source(pad->mode, k - pad->begins[i], from->dims[i]);
    }
    int last = padded->rank - 1;
    int64_t low = pad->begins[last], high = from->dims[last] + low, size = padded->dims[last];
    job->inner_from = low < 0 ? 0 : low < size ? low : size;
    job->inner_to = high < job->inner_from ? job->inner_from : high < size ? high : size;
}

/* Offset of row `index` (all axes but the last) in the unpadded tensor; -1 when it lies in a constant margin. */
static int64_t row_source(const struct pad_job *job, const int64_t *index)
{
    int64_t offset = 0;
    for (int i = 0; i < job->rank - 1; i++) {
        int64_t cell = job->maps[i][index[i]];
        if (cell < 0)
            return -1;
        offset += cell * job->strides[i];
    }
    return offset;
}

static void pad_margin(const struct pad_job *job, const char *row, char *to, int64_t begin, int64_t end)
{
    const int64_t *map = job->maps[job->rank - 1];
    for (int64_t i = begin; i < end; i++)
        move_element(to + (size_t)i * job->size, map[i] < 0 ? job->value : row + (size_t)map[i] * job->size, job->size);
}

static void pad_rows(void *argument, int64_t begin, int64_t end)
{
    const struct pad_job *job = argument;
    int outer = job->rank - 1;
    int64_t index[SHAPE_MAX_RANK], width = job->dims[outer];
    odometer_set(index, job->dims, outer, begin);
    for (int64_t i = begin; i < end; i++, odometer_next(index, job->dims, outer)) {
        char *to = job->to + (size_t)(i * width) * job->size;
        int64_t offset = row_source(job, index), straight = job->inner_to - job->inner_from;
        if (offset < 0) {
            fill_elements(to, job->value, width, job->size);
            continue;
        }
        const char *row = job->from + (size_t)offset * job->size;
        pad_margin(job, row, to, 0, job->inner_from);
        if (straight > 0)
            memcpy(to + (size_t)job->inner_from * job->size,
                   row + (size_t)job->maps[outer][job->inner_from] * job->size, (size_t)straight * job->size);
        pad_margin(job, row, to, job->inner_to, width);
    }
}

/* Attribute value (opset 2) in the storage type. */
static void store_value(double number, enum dtype storage, char value[8])
{
    float narrow = (float)number;
    if (storage == DTYPE_FLOAT)
        memcpy(value, &narrow, sizeof narrow);
    else if (storage == DTYPE_DOUBLE)
        memcpy(value, &number, sizeof number);
}

static int compute_pad(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    const struct pad_settings *settings = context->node->settings;
    struct operands operands = OPERANDS(context);
    const struct tensor *constant = operand_at(&operands, 2);
    struct pad pad;
    struct pad_job job;
    char value[8] = {0};
    if (pad_read(&pad, &operands, from->shape.rank, error))
        return -1;
    size_t size = element_size(from);
    if (constant)
        memcpy(value, constant->data, size);
    else
        store_value((double)settings->value, dtype_storage(from->dtype), value);
    if (to->shape.rank == 0)
        memcpy(to->data, from->data, size);
    if (to->shape.rank == 0 || shape_count(&to->shape) == 0)
        return 0;
    prepare(&job, &pad, &from->shape, &to->shape, context->scratch);
    job.from = from->data;
    job.to = to->data;
    job.value = value;
    job.size = size;
    int64_t width = job.dims[job.rank - 1];
    rows_run(context->pool, &(struct row_task){pad_rows, &job}, shape_count(&to->shape) / width, width);
    return 0;
}

static size_t scratch_pad(const struct compute_context *context)
{
    return map_bytes(&context->outputs[0]->shape);
}

/* The sum of what is not read from the input: the gradient of the constant. */
static struct value *emit_constant_gradient(struct gradient_context *context, struct value *input_gradient,
                                            struct error *error)
{
    const struct emit_attribute keep = EMIT_INT("keepdims", 0);
    struct value *all =
        emit(context->graph, "ReduceSum", EMIT_INPUTS(context->output_gradients[0]), EMIT_ATTRIBUTES(keep), error);
    struct value *read = emit(context->graph, "ReduceSum", EMIT_INPUTS(input_gradient), EMIT_ATTRIBUTES(keep), error);
    if (!all || !read)
        return NULL;
    struct value *rest = emit(context->graph, "Sub", EMIT_INPUTS(all, read), EMIT_NO_ATTRIBUTES, error);
    const struct shape *shape = &context->node->inputs[2]->shape;
    return rest ? emit_reshape(context->graph, rest, shape->rank, shape->dims, error) : NULL;
}

static struct value *emit_pad_gradient(struct gradient_context *context, const struct pad *pad, struct error *error)
{
    const struct shape *shape = &context->node->inputs[0]->shape;
    int64_t pads[2 * SHAPE_MAX_RANK];
    int64_t sign = pad->mode == PAD_CONSTANT ? -1 : 1; /* cropping undoes padding and the other way round */
    for (int i = 0; i < shape->rank; i++) {
        pads[i] = sign * pad->begins[i];
        pads[shape->rank + i] = sign * pad->ends[i];
    }
    if (pad->mode == PAD_CONSTANT) {
        struct value *list = emit_int_list(context->graph, pads, 2 * shape->rank, error);
        return list ? emit(context->graph, "Pad", EMIT_INPUTS(context->output_gradients[0], list), EMIT_NO_ATTRIBUTES,
                           error)
                    : NULL;
    }
    return emit(context->graph, "PadGradient", EMIT_INPUTS(context->output_gradients[0]),
                EMIT_ATTRIBUTES(EMIT_INTS("pads", pads, 2 * shape->rank), EMIT_INTS("shape", shape->dims, shape->rank),
                                EMIT_STRING("mode", modes[pad->mode])),
                error);
}

static int gradient_pad(struct gradient_context *context, struct error *error)
{
    struct known_inputs known;
    struct pad pad;
    if (known_inputs_read(&known, context->node, error) ||
        pad_read(&pad, &known.operands, context->node->inputs[0]->shape.rank, error))
        return -1;
    struct value *gradient = emit_pad_gradient(context, &pad, error);
    if (!gradient)
        return -1;
    if (context->wanted[0])
        context->input_gradients[0] = gradient;
    if (context->node->input_count > 2 && context->wanted[2] && pad.mode == PAD_CONSTANT) {
        context->input_gradients[2] = emit_constant_gradient(context, gradient, error);
        return context->input_gradients[2] ? 0 : -1;
    }
    return 0;
}

static int field_pad(struct field_context *context, struct error *error)
{
    struct operands operands = {context->node, context->inputs, context->node->input_count};
    const struct shape *shape = &context->inputs[0]->shape;
    struct pad pad;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    if (!operand_known(&operands, 1) || !operand_known(&operands, 3)) {
        field_full(context);
        context->global = true;
        return 0;
    }
    if (pad_read(&pad, &operands, shape->rank, error))
        return -1;
    for (int i = 0; i < shape->rank; i++)
        context->reads[i] =
            (struct interval){context->cells[i].low - pad.begins[i], context->cells[i].high - pad.begins[i]};
    return 0;
}

static int infer_pad_gradient(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    struct shape shape;
    struct pad pad;
    const struct pad_settings *settings = context->node->settings;
    struct shape padded = context->inputs[0]->shape;
    if (shape_set(&shape, settings->shape.count, settings->shape.values, error) ||
        pad_read(&pad, &operands, shape.rank, error))
        return -1;
    padded.rank = shape.rank;
    if (padded_shape(&pad, &shape, padded.dims, error))
        return -1;
    if (!shape_equal(&padded, &context->inputs[0]->shape))
        return error_set(error, ERROR_INTERNAL, "the gradient does not have the padded shape");
    return infer_output(context, 0, context->inputs[0]->dtype, shape.rank, shape.dims, error);
}

#define ADD_CELLS(type)                                                                                                \
    for (int64_t k = 0; k < width; k++)                                                                                \
    ((type *)to)[map[k]] += ((const type *)from)[k]

static void add_blocks(void *argument, int64_t begin, int64_t end)
{
    const struct pad_job *job = argument;
    int outer = job->rank - 1;
    int64_t index[SHAPE_MAX_RANK], width = job->dims[outer];
    const int64_t *map = job->maps[outer];
    odometer_set(index, job->dims, outer, begin * job->block);
    for (int64_t i = begin * job->block; i < end * job->block; i++, odometer_next(index, job->dims, outer)) {
        char *to = job->to + (size_t)row_source(job, index) * job->size;
        const char *from = job->from + (size_t)(i * width) * job->size;
        if (job->size == sizeof(float))
            ADD_CELLS(float);
        else
            ADD_CELLS(double);
    }
}

static int compute_pad_gradient(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    struct operands operands = OPERANDS(context);
    struct pad pad;
    struct pad_job job;
    if (pad_read(&pad, &operands, to->shape.rank, error))
        return -1;
    if (tensor_bytes(to) > 0)
        memset(to->data, 0, tensor_bytes(to));
    if (to->shape.rank == 0)
        memcpy(to->data, from->data, element_size(to));
    if (to->shape.rank == 0 || shape_count(&from->shape) == 0)
        return 0;
    prepare(&job, &pad, &to->shape, &from->shape, context->scratch);
    job.from = from->data;
    job.to = to->data;
    job.size = element_size(to);
    int lead = 0;
    while (lead < job.rank - 1 && pad.begins[lead] == 0 && pad.ends[lead] == 0)
        lead++;
    int64_t blocks = shape_product(&from->shape, 0, lead), width = job.dims[job.rank - 1];
    job.block = shape_count(&from->shape) / width / blocks;
    rows_run(context->pool, &(struct row_task){add_blocks, &job}, blocks, job.block * width);
    return 0;
}

static size_t scratch_pad_gradient(const struct compute_context *context)
{
    return map_bytes(&context->inputs[0]->shape);
}

static bool pads_nothing(const struct node *node)
{
    return identity_of_list(node, ((const struct pad_settings *)node->settings)->pads, 1, 0);
}

/* A reflection of the reflection: numpy and the specification's reference go on, others refuse or read anything. */
static bool remark_pad(const struct node *node, struct operator_remark *remark)
{
    struct known_inputs known;
    struct pad pad;
    const struct shape *from = &node->inputs[0]->shape;
    const struct pad_settings *settings = node->settings;
    if (settings->mode != PAD_REFLECT || from->rank < 0 || known_inputs_read(&known, node, NULL) ||
        !operand_known(&known.operands, 1) || !operand_known(&known.operands, 3) ||
        pad_read(&pad, &known.operands, from->rank, NULL))
        return false;
    for (int i = 0; i < from->rank; i++) {
        int64_t most = pad.begins[i] > pad.ends[i] ? pad.begins[i] : pad.ends[i];
        if (most <= 0 || most < from->dims[i])
            continue;
        snprintf(remark->text, sizeof remark->text,
                 "reflects %lld cells at axis %d, which has %lld: computed as numpy does, by reflecting again; other "
                 "runtimes refuse it or read beyond the map",
                 (long long)most, i, (long long)from->dims[i]);
        return true;
    }
    return false;
}

/* Axis 0 alone, where it gets no pads. */
static int confine_pad(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct known_inputs known;
    struct pad pad;
    int rank = node->inputs[0]->shape.rank;
    if (known_inputs_read(&known, node, error))
        return -1;
    bool readable = operand_known(&known.operands, 1) && operand_known(&known.operands, 3);
    if (readable && pad_read(&pad, &known.operands, rank, error))
        return -1;
    if (!readable || rank == 0 || pad.begins[0] != 0 || pad.ends[0] != 0)
        confine_whole(context, 0, rank);
    else
        confine_rows(context, 1);
    return 0;
}

#define PAD(since_, until_, min_, max_)                                                                                \
    {                                                                                                                  \
        .domain = "", .name = "Pad", .since = since_, .until = until_, ARITY(min_, max_, 1, 1), .types = TYPES_MOVED,  \
        .traits = OPERATOR_MOVES, .roles = {ROLE_DATA, ROLE_SHAPE, ROLE_CONTROL, ROLE_SHAPE},                          \
        SETTINGS(struct pad_settings, attributes), .infer = infer_pad, .compute = compute_pad,                         \
        .gradient = gradient_pad, .field = field_pad, .remarks = remark_pad, .identity = pads_nothing,                 \
        .confine = confine_pad, .scratch = scratch_pad                                                                 \
    }

const struct operator_definition operators_pad[] = {
    PAD(2, 10, 1, 1),
    PAD(11, 0, 2, 4),
    {.domain = DOMAIN_INTERNAL,
     .name = "PadGradient",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct pad_settings, gradient_attributes),
     .infer = infer_pad_gradient,
     .compute = compute_pad_gradient,
     .scratch = scratch_pad_gradient},
    {0},
};
