/* NonZero and Compress: what is set, and what is kept by a condition. Their sizes depend on elements. */
#include "op/emit.h"
#include "op/families.h"
#include "op/gather.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

static int64_t count_set(const struct tensor *tensor)
{
    int64_t count = 0, elements = shape_count(&tensor->shape);
    for (int64_t i = 0; i < elements; i++)
        count += tensor_number(tensor, i) != 0.0;
    return count;
}

static int infer_nonzero(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    if (!operand_known(&operands, 0))
        return infer_output(context, 0, DTYPE_INT64, SHAPE_UNKNOWN_RANK, NULL, error);
    const int64_t dims[2] = {input->shape.rank, count_set(input)};
    return infer_output(context, 0, DTYPE_INT64, 2, dims, error);
}

static int compute_nonzero(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *from = context->inputs[0];
    const struct shape *shape = &from->shape;
    int64_t *out = context->outputs[0]->data, count = context->outputs[0]->shape.dims[1], found = 0;
    int64_t index[SHAPE_MAX_RANK] = {0}, elements = shape_count(shape);
    for (int64_t i = 0; i < elements && found < count; i++, odometer_next(index, shape->dims, shape->rank)) {
        if (tensor_number(from, i) == 0.0)
            continue;
        for (int axis = 0; axis < shape->rank; axis++)
            out[axis * count + found] = index[axis];
        found++;
    }
    return 0;
}

struct compress_settings {
    int64_t axis;
    bool axis_given;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct compress_settings, axis, 0), .given = offsetof(struct compress_settings, axis_given)},
    {0},
};

/* The data as outer x size x inner along the axis; without one, flat. */
struct compress {
    int axis; /* -1: none */
    int64_t outer, size, inner;
};

static int read_compress(struct compress *compress, const struct node *node, const struct shape *shape,
                         struct error *error)
{
    const struct compress_settings *settings = node->settings;
    *compress = (struct compress){.axis = -1, .outer = 1, .size = shape_count(shape), .inner = 1};
    if (!settings->axis_given)
        return 0;
    if (shape_axis(settings->axis, shape->rank, &compress->axis, error))
        return -1;
    compress->outer = shape_product(shape, 0, compress->axis);
    compress->size = shape->dims[compress->axis];
    compress->inner = shape_product(shape, compress->axis + 1, shape->rank);
    return 0;
}

static int infer_compress(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0], *condition = context->inputs[1];
    struct shape shape = input->shape;
    struct compress compress;
    if (read_compress(&compress, context->node, &shape, error))
        return -1;
    if (condition->dtype != DTYPE_BOOL || condition->shape.rank != 1 || condition->shape.dims[0] > compress.size)
        return error_set(error, ERROR_INPUT, "the condition is no list of at most %lld booleans",
                         (long long)compress.size);
    if (!operand_known(&operands, 1))
        return infer_output(context, 0, input->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    int64_t kept = count_set(condition);
    if (compress.axis < 0)
        return infer_output(context, 0, input->dtype, 1, &kept, error);
    shape.dims[compress.axis] = kept;
    return infer_output(context, 0, input->dtype, shape.rank, shape.dims, error);
}

static int compute_compress(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0], *condition = context->inputs[1];
    const uint8_t *set = condition->data;
    struct compress compress;
    if (read_compress(&compress, context->node, &from->shape, error))
        return -1;
    size_t bytes = (size_t)compress.inner * element_size(from);
    char *to = context->outputs[0]->data;
    for (int64_t outer = 0; bytes > 0 && outer < compress.outer; outer++) {
        for (int64_t i = 0; i < condition->shape.dims[0]; i++) {
            if (!set[i])
                continue;
            memcpy(to, (const char *)from->data + (size_t)(outer * compress.size + i) * bytes, bytes);
            to += bytes;
        }
    }
    return 0;
}

/* The places that the condition keeps, as a constant list. */
static struct value *emit_kept(struct graph *graph, const struct tensor *condition, struct error *error)
{
    struct memory *memory = graph->context->memory;
    const uint8_t *set = condition->data;
    int64_t count = 0, length = condition->shape.dims[0];
    struct value *kept = NULL;
    int64_t *places = memory_allocate(memory, (size_t)length + 1, sizeof *places, error);
    if (!places)
        return NULL;
    for (int64_t i = 0; i < length; i++) {
        if (set[i])
            places[count++] = i;
    }
    if (count > INT32_MAX)
        error_set(error, ERROR_LIMIT, "the condition is too long to be differentiated");
    else
        kept = emit_int_list(graph, places, (int)count, error);
    memory_release(memory, places);
    return kept;
}

static int gradient_compress(struct gradient_context *context, struct error *error)
{
    const struct shape *shape = &context->node->inputs[0]->shape;
    struct known_inputs known;
    struct compress compress;
    if (known_inputs_read(&known, context->node, error) || read_compress(&compress, context->node, shape, error))
        return -1;
    if (!operand_known(&known.operands, 1))
        return error_set(error, ERROR_UNSUPPORTED, "the condition is only known when the model runs");
    struct value *kept = emit_kept(context->graph, known.operands.inputs[1], error);
    const struct shape flat = {.rank = 1, .dims = {compress.size}};
    struct value *gradient =
        kept ? emit_gather_gradient(context->graph, context->output_gradients[0], kept,
                                    compress.axis < 0 ? 0 : compress.axis, compress.axis < 0 ? &flat : shape, error)
             : NULL;
    if (gradient && compress.axis < 0)
        gradient = emit_reshape(context->graph, gradient, shape->rank, shape->dims, error);
    context->input_gradients[0] = gradient;
    return gradient ? 0 : -1;
}

const struct operator_definition operators_nonzero[] = {
    {.domain = "",
     .name = "NonZero",
     .since = 9,
     ARITY(1, 1, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_SELECTS | OPERATOR_FINDS,
     .roles = {ROLE_DATA},
     .infer = infer_nonzero,
     .compute = compute_nonzero},
    {.domain = "",
     .name = "Compress",
     .since = 9,
     ARITY(2, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA, ROLE_MASK},
     SETTINGS(struct compress_settings, attributes),
     .infer = infer_compress,
     .compute = compute_compress,
     .gradient = gradient_compress},
    {0},
};
