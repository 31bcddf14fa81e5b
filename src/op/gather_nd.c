/* GatherND and ScatterND: an index is a tuple that names an element or a part of the data. */
#include "op/emit.h"
#include "op/families.h"
#include "op/gather.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/scatter.h"
#include "op/strided.h"

static const struct attribute_rule gather_attributes[] = {
    {INT_ATTRIBUTE(struct scatter_settings, batch_dims, 0), .since = 12},
    {0},
};
static const struct attribute_rule scatter_attributes[] = {
    {WORD_ATTRIBUTE(struct scatter_settings, reduction, SCATTER_NONE, scatter_reductions), .since = 16},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    {INT_ATTRIBUTE(struct scatter_settings, batch_dims, 0), .required = true},
    {INTS_ATTRIBUTE(struct scatter_settings, shape), .required = true},
    {0},
};

/* How tuples of `length` indices lie in data whose first `batch` axes they share. */
struct tuples {
    int batch, length;
    int64_t count, run; /* tuples; elements of what one names */
};

static int read_tuples(struct tuples *tuples, const struct node *node, const struct shape *data,
                       const struct tensor *indices, struct error *error)
{
    const struct scatter_settings *settings = node->settings;
    const struct shape *shape = &indices->shape;
    int64_t batch = settings->batch_dims, length = shape->rank > 0 ? shape->dims[shape->rank - 1] : 0;
    if (gather_check_indices(indices, error))
        return -1;
    bool fits = shape->rank > 0 && batch >= 0 && batch < shape->rank && batch < data->rank && length >= 1 &&
                length <= data->rank - batch;
    for (int i = 0; fits && i < batch; i++)
        fits = shape->dims[i] == data->dims[i];
    if (!fits) {
        char text[SHAPE_TEXT_SIZE], other[SHAPE_TEXT_SIZE];
        return error_set(error, ERROR_INPUT, "indices of shape %s do not fit data of shape %s", shape_text(shape, text),
                         shape_text(data, other));
    }
    *tuples = (struct tuples){.batch = (int)batch, .length = (int)length};
    tuples->count = shape_product(shape, 0, shape->rank - 1);
    tuples->run = shape_product(data, tuples->batch + tuples->length, data->rank);
    return 0;
}

/* The shape of what is gathered: the tuples' axes, then the data's axes behind the tuple. */
static int gathered_shape(const struct tuples *tuples, const struct shape *data, const struct shape *indices,
                          struct shape *shape, struct error *error)
{
    int64_t dims[2 * SHAPE_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < indices->rank - 1; i++)
        dims[rank++] = indices->dims[i];
    for (int i = tuples->batch + tuples->length; i < data->rank; i++)
        dims[rank++] = data->dims[i];
    return shape_set(shape, rank, dims, error);
}

static size_t offset_bytes(const struct compute_context *context)
{
    const struct shape *indices = &context->inputs[1]->shape;
    return (size_t)shape_product(indices, 0, indices->rank - 1) * sizeof(int64_t);
}

/* For each tuple the first element it names, into the scratch. */
static int tuple_offsets(const struct compute_context *context, const struct tuples *tuples, const struct shape *data,
                         struct error *error)
{
    int64_t *offsets = context->scratch, strides[SHAPE_MAX_RANK];
    int64_t batches = shape_product(data, 0, tuples->batch);
    int64_t batch_stride = shape_product(data, tuples->batch, data->rank);
    shape_strides(data, strides);
    for (int64_t i = 0; i < tuples->count; i++) {
        offsets[i] = i / (tuples->count / batches) * batch_stride;
        for (int k = 0; k < tuples->length; k++) {
            int64_t index;
            int axis = tuples->batch + k;
            if (gather_index(context->inputs[1], i * tuples->length + k, data->dims[axis], &index, error))
                return -1;
            offsets[i] += index * strides[axis];
        }
    }
    return 0;
}

static int infer_gather_nd(struct infer_context *context, struct error *error)
{
    const struct tensor *data = context->inputs[0], *indices = context->inputs[1];
    struct tuples tuples;
    struct shape shape;
    if (read_tuples(&tuples, context->node, &data->shape, indices, error) ||
        gathered_shape(&tuples, &data->shape, &indices->shape, &shape, error))
        return -1;
    return infer_output(context, 0, data->dtype, shape.rank, shape.dims, error);
}

static int compute_gather_nd(struct compute_context *context, struct error *error)
{
    const struct tensor *data = context->inputs[0];
    struct tuples tuples;
    if (read_tuples(&tuples, context->node, &data->shape, context->inputs[1], error) ||
        tuple_offsets(context, &tuples, &data->shape, error))
        return -1;
    const int64_t *offsets = context->scratch;
    size_t size = element_size(data), bytes = (size_t)tuples.run * size;
    for (int64_t i = 0; bytes > 0 && i < tuples.count; i++)
        memcpy((char *)context->outputs[0]->data + (size_t)i * bytes,
               (const char *)data->data + (size_t)offsets[i] * size, bytes);
    return 0;
}

static int gradient_gather_nd(struct gradient_context *context, struct error *error)
{
    const struct scatter_settings *settings = context->node->settings;
    const struct shape *shape = &context->node->inputs[0]->shape;
    if (!context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(
        context->graph, "GatherNDGradient", EMIT_INPUTS(context->output_gradients[0], context->node->inputs[1]),
        EMIT_ATTRIBUTES(EMIT_INT("batch_dims", settings->batch_dims), EMIT_INTS("shape", shape->dims, shape->rank)),
        error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_gather_nd_gradient(struct infer_context *context, struct error *error)
{
    const struct scatter_settings *settings = context->node->settings;
    struct shape data, shape;
    struct tuples tuples;
    if (shape_set(&data, settings->shape.count, settings->shape.values, error) ||
        read_tuples(&tuples, context->node, &data, context->inputs[1], error) ||
        gathered_shape(&tuples, &data, &context->inputs[1]->shape, &shape, error))
        return -1;
    if (!shape_equal(&shape, &context->inputs[0]->shape))
        return error_set(error, ERROR_INTERNAL, "the gradient does not fit the indices");
    return infer_output(context, 0, context->inputs[0]->dtype, data.rank, data.dims, error);
}

static int compute_gather_nd_gradient(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *to = context->outputs[0];
    struct tuples tuples;
    if (read_tuples(&tuples, context->node, &to->shape, context->inputs[1], error) ||
        tuple_offsets(context, &tuples, &to->shape, error))
        return -1;
    const int64_t *offsets = context->scratch;
    size_t size = element_size(to), bytes = (size_t)tuples.run * size;
    if (tensor_bytes(to) > 0)
        memset(to->data, 0, tensor_bytes(to));
    for (int64_t i = 0; bytes > 0 && i < tuples.count; i++)
        scatter_combine((char *)to->data + (size_t)offsets[i] * size, (const char *)from->data + (size_t)i * bytes,
                        tuples.run, dtype_storage(to->dtype), SCATTER_ADD);
    return 0;
}

static int infer_scatter_nd(struct infer_context *context, struct error *error)
{
    const struct tensor *data = context->inputs[0], *indices = context->inputs[1], *updates = context->inputs[2];
    struct tuples tuples;
    struct shape shape;
    if (read_tuples(&tuples, context->node, &data->shape, indices, error) ||
        gathered_shape(&tuples, &data->shape, &indices->shape, &shape, error))
        return -1;
    if (!shape_equal(&shape, &updates->shape) || dtype_storage(updates->dtype) != dtype_storage(data->dtype))
        return error_set(error, ERROR_INPUT, "the updates do not have the shape of what the indices name, or its type");
    return infer_output(context, 0, data->dtype, data->shape.rank, data->shape.dims, error);
}

static int compute_scatter_nd(struct compute_context *context, struct error *error)
{
    const struct scatter_settings *settings = context->node->settings;
    const struct shape *data = &context->inputs[0]->shape;
    struct tuples tuples;
    if (read_tuples(&tuples, context->node, data, context->inputs[1], error) ||
        tuple_offsets(context, &tuples, data, error))
        return -1;
    scatter_runs(context, context->scratch, tuples.count, tuples.run, settings->reduction);
    return 0;
}

static int gradient_scatter_nd(struct gradient_context *context, struct error *error)
{
    return scatter_gradient(context, "ScatterND", "GatherND", NULL, error);
}

#define TUPLES(name_, inputs_, attributes_, infer_, compute_, gradient_)                                               \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 11, ARITY(inputs_, inputs_, 1, 1), .types = TYPES_ALL,                   \
        .traits = OPERATOR_MOVES, .roles = {(inputs_) == 3 ? ROLE_CHOICE : ROLE_DATA, ROLE_INDICES, ROLE_CHOICE},      \
        SETTINGS(struct scatter_settings, attributes_), .infer = infer_, .compute = compute_, .gradient = gradient_,   \
        .scratch = offset_bytes                                                                                        \
    }

const struct operator_definition operators_gather_nd[] = {
    TUPLES("GatherND", 2, gather_attributes, infer_gather_nd, compute_gather_nd, gradient_gather_nd),
    TUPLES("ScatterND", 3, scatter_attributes, infer_scatter_nd, compute_scatter_nd, gradient_scatter_nd),
    {.domain = DOMAIN_INTERNAL,
     .name = "GatherNDGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct scatter_settings, gradient_attributes),
     .infer = infer_gather_nd_gradient,
     .compute = compute_gather_nd_gradient,
     .scratch = offset_bytes},
    {0},
};
