/* MaxPool (ONNX 1, 8, 10, 11, 12, 22), AveragePool (1, 7, 10, 11, 19, 22), LpPool (2, 11, 18, 22) and their gradients.
 */
#include "op/pooling.h"

#include <string.h>

#include "op/confine.h"
#include "op/families.h"

static const struct attribute_rule max_attributes[] = {
    WINDOW_ATTRIBUTES(true, 10),
    {FLAG_ATTRIBUTE(struct pool_settings, ceil_mode, false), .since = 10},
    {INT_ATTRIBUTE(struct pool_settings, storage_order, 0), .since = 8},
    {0},
};
static const struct attribute_rule average_attributes[] = {
    WINDOW_ATTRIBUTES(true, 19),
    {FLAG_ATTRIBUTE(struct pool_settings, ceil_mode, false), .since = 10},
    {FLAG_ATTRIBUTE(struct pool_settings, count_include_pad, false), .since = 7},
    {0},
};
static const struct attribute_rule lp_attributes[] = {
    WINDOW_ATTRIBUTES(true, 18),
    {FLAG_ATTRIBUTE(struct pool_settings, ceil_mode, false), .since = 18},
    {INT_ATTRIBUTE(struct pool_settings, p, 2)},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    WINDOW_ATTRIBUTES(true, 0),
    {FLAG_ATTRIBUTE(struct pool_settings, ceil_mode, false)},
    {FLAG_ATTRIBUTE(struct pool_settings, count_include_pad, false)},
    {INT_ATTRIBUTE(struct pool_settings, storage_order, 0)},
    {INT_ATTRIBUTE(struct pool_settings, p, 2)},
    {INTS_ATTRIBUTE(struct pool_settings, input_shape), .required = true},
    {0},
};

int pooling_read(const struct pool_settings *settings, const struct shape *shape, struct spatial *spatial,
                 struct pooling *pooling, struct error *error)
{
    if (spatial_read(&settings->window, shape, NULL, spatial, error))
        return -1;
    spatial->ceil_mode = settings->ceil_mode;
    if (spatial_slide(spatial, error))
        return -1;
    *pooling = (struct pooling){.planes = shape->dims[0] * shape->dims[1],
                                .ceil_mode = spatial->ceil_mode && spatial->auto_pad == AUTO_PAD_NOTSET,
                                .count_include_pad = settings->count_include_pad};
    for (int i = 0; i < SPATIAL_AXES; i++) {
        int64_t extent = spatial_extent(spatial, i);
        if (spatial->pad_begin[i] >= extent || spatial->pad_end[i] >= extent)
            return error_set(error, ERROR_INPUT, "the pads along spatial axis %d are not smaller than the kernel",
                             i - (SPATIAL_AXES - spatial->axes));
        pooling->input[i] = spatial->input[i];
        pooling->kernel[i] = spatial->kernel[i];
        pooling->stride[i] = spatial->stride[i];
        pooling->dilation[i] = spatial->dilation[i];
        pooling->pad_begin[i] = spatial->pad_begin[i];
        pooling->pad_end[i] = spatial->pad_end[i];
    }
    if (pooling_complete(pooling, error))
        return -1;
    if (memcmp(pooling->output, spatial->output, sizeof pooling->output) != 0)
        return error_set(error, ERROR_INTERNAL, "shape rule and kernel disagree on the size of a pool's output");
    return 0;
}

int pooling_infer(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[0]->shape;
    struct spatial spatial;
    struct pooling pooling;
    if (pooling_read(context->node->settings, x, &spatial, &pooling, error))
        return -1;
    int64_t dims[SHAPE_MAX_RANK] = {x->dims[0], x->dims[1]};
    spatial_tail(&spatial, spatial.output, dims + 2);
    if (operand_output(context->node, 1) && infer_output(context, 1, DTYPE_INT64, x->rank, dims, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, x->rank, dims, error);
}

int pooling_field(struct field_context *context, struct error *error)
{
    struct spatial spatial;
    struct pooling pooling;
    if (pooling_read(context->node->settings, &context->inputs[0]->shape, &spatial, &pooling, error))
        return -1;
    context->reads[0] = context->cells[0];
    context->reads[1] = context->cells[1];
    spatial_reads(&spatial, context->cells, context->reads);
    return 0;
}

/* Where ceil_mode adds windows that hang over, an average counts pads of the whole that the part does not have. */
static int confine_pool(struct confine_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct pool_settings *settings = node->settings;
    const struct shape *x = &node->inputs[0]->shape;
    struct spatial spatial;
    struct pooling pooling;
    if (pooling_read(settings, x, &spatial, &pooling, error))
        return -1;
    if (pooling.ceil_mode && pooling.count_include_pad) {
        confine_whole(context, 0, x->rank);
        return 0;
    }
    context->reads[0][1] = context->cells[1];
    return confine_slide(context, &spatial, error);
}

struct value *emit_pooling_gradient(const struct gradient_context *context, const char *op_type,
                                    struct value *const *inputs, int input_count, struct error *error)
{
    const struct pool_settings *settings = context->node->settings;
    const struct shape *x = &context->node->inputs[0]->shape;
    struct spatial spatial;
    struct pooling pooling;
    if (pooling_read(settings, x, &spatial, &pooling, error))
        return NULL;
    struct spatial_lists lists;
    struct emit_attribute attributes[SPATIAL_ATTRIBUTES + 5];
    int count = SPATIAL_ATTRIBUTES;
    spatial_attributes(&spatial, &lists, attributes);
    attributes[count++] = EMIT_INT("ceil_mode", pooling.ceil_mode);
    attributes[count++] = EMIT_INT("count_include_pad", pooling.count_include_pad);
    attributes[count++] = EMIT_INT("storage_order", settings->storage_order);
    attributes[count++] = EMIT_INT("p", settings->p);
    attributes[count++] = EMIT_INTS("input_shape", x->dims, x->rank);
    return emit(context->graph, op_type, inputs, input_count, attributes, count, error);
}

int pooling_read_gradient(const struct pool_settings *settings, const struct shape *dy, struct shape *x,
                          struct pooling *pooling, struct error *error)
{
    struct spatial spatial;
    if (shape_set(x, settings->input_shape.count, settings->input_shape.values, error) ||
        pooling_read(settings, x, &spatial, pooling, error))
        return -1;
    int64_t dims[SHAPE_MAX_RANK] = {x->dims[0], x->dims[1]};
    spatial_tail(&spatial, spatial.output, dims + 2);
    struct shape output;
    if (shape_set(&output, x->rank, dims, error))
        return -1;
    return shape_equal(dy, &output) ? 0 : error_set(error, ERROR_INPUT, "the output gradient does not fit the pool");
}

static int infer_pool_gradient(struct infer_context *context, struct error *error)
{
    struct shape x;
    struct pooling pooling;
    if (pooling_read_gradient(context->node->settings, &context->inputs[0]->shape, &x, &pooling, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, x.rank, x.dims, error);
}

static struct pooling gradient_geometry(const struct compute_context *context)
{
    struct shape x;
    struct pooling pooling = {0};
    pooling_read_gradient(context->node->settings, &context->inputs[0]->shape, &x, &pooling, NULL);
    return pooling;
}

static struct pooling pool_geometry(const struct compute_context *context)
{
    struct spatial spatial;
    struct pooling pooling = {0};
    pooling_read(context->node->settings, &context->inputs[0]->shape, &spatial, &pooling, NULL);
    return pooling;
}

/* ---- MaxPool ---- */

static int infer_max_pool(struct infer_context *context, struct error *error)
{
    const struct pool_settings *settings = context->node->settings;
    int64_t order = settings->storage_order;
    if (order != 0 && order != 1)
        return error_set(error, ERROR_INPUT, "attribute storage_order is %lld, expected 0 or 1", (long long)order);
    return pooling_infer(context, error);
}

/* Indices of ONNX count through the whole tensor, inside a plane in row-major or (storage_order 1) column-major order.
 */
struct index_task {
    const struct pooling *pooling;
    bool column_major, to_plane;
    const int64_t *from;
    int64_t *to;
    int64_t input_cells, output_cells;
};

static int64_t to_column_major(const int64_t sizes[3], int64_t cell)
{
    int64_t w = cell % sizes[2], h = cell / sizes[2] % sizes[1], d = cell / (sizes[1] * sizes[2]);
    return (w * sizes[1] + h) * sizes[0] + d;
}

static int64_t to_row_major(const int64_t sizes[3], int64_t cell)
{
    int64_t d = cell % sizes[0], h = cell / sizes[0] % sizes[1], w = cell / (sizes[0] * sizes[1]);
    return (d * sizes[1] + h) * sizes[2] + w;
}

static int64_t column_major_index(const struct index_task *task, int64_t index, int64_t base)
{
    if (!task->to_plane)
        return index < 0 ? -1 : base + to_column_major(task->pooling->input, index);
    bool inside = index >= base && index < base + task->input_cells;
    return inside ? to_row_major(task->pooling->input, index - base) : -1;
}

static void convert_indices(void *argument, int64_t begin, int64_t end)
{
    const struct index_task *task = argument;
    for (int64_t plane = begin; plane < end; plane++) {
        const int64_t *from = task->from + plane * task->output_cells;
        int64_t *to = task->to + plane * task->output_cells, base = plane * task->input_cells;
        for (int64_t i = 0; task->column_major && i < task->output_cells; i++)
            to[i] = column_major_index(task, from[i], base);
        if (task->column_major)
            continue;
        for (int64_t i = 0; task->to_plane && i < task->output_cells; i++)
            to[i] = from[i] >= base && from[i] < base + task->input_cells ? from[i] - base : -1;
        for (int64_t i = 0; !task->to_plane && i < task->output_cells; i++)
            to[i] = from[i] < 0 ? -1 : base + from[i];
    }
}

static void run_index_task(const struct compute_context *context, const struct pooling *pooling, bool to_plane,
                           const int64_t *from, int64_t *to)
{
    const struct pool_settings *settings = context->node->settings;
    struct index_task indices = {
        .pooling = pooling, .column_major = settings->storage_order == 1, .to_plane = to_plane, .from = from, .to = to};
    indices.input_cells = pooling->input[0] * pooling->input[1] * pooling->input[2];
    indices.output_cells = pooling->output[0] * pooling->output[1] * pooling->output[2];
    struct row_task task = {convert_indices, &indices};
    rows_run(context->pool, &task, pooling->planes, indices.output_cells);
}

static int compute_max_pool(struct compute_context *context, struct error *error)
{
    (void)error;
    struct pooling pooling = pool_geometry(context);
    const struct tensor *x = context->inputs[0];
    struct tensor *y = context->outputs[0];
    int64_t *indices = operand_result(context, 1);
    if (dtype_storage(x->dtype) == DTYPE_FLOAT)
        pooling_max(&pooling, context->kernels, context->pool, x->data, y->data, indices);
    else
        pooling_plain(&pooling, POOLING_MAX, 0, context->pool, x, y, indices);
    if (indices)
        run_index_task(context, &pooling, false, indices, indices);
    return 0;
}

/* The Indices output of a MaxPool node, added if the file leaves it out. */
static struct value *max_pool_indices(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    if (operand_output(node, 1))
        return node->outputs[1];
    return operand_add_output(context->graph, node, 1, error);
}

static int gradient_max_pool(struct gradient_context *context, struct error *error)
{
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    struct value *indices = max_pool_indices(context, error);
    if (!indices)
        return -1;
    context->input_gradients[0] =
        emit_pooling_gradient(context, "MaxPoolGradient", EMIT_INPUTS(context->output_gradients[0], indices), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_max_pool_gradient(struct infer_context *context, struct error *error)
{
    if (context->inputs[1]->dtype != DTYPE_INT64)
        return error_set(error, ERROR_INPUT, "the indices must be int64");
    return operand_shaped_as(context, 1, 0, error) ? -1 : infer_pool_gradient(context, error);
}

static size_t scratch_max_pool_gradient(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[1]->shape) * sizeof(int64_t);
}

static int compute_max_pool_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct pooling pooling = gradient_geometry(context);
    run_index_task(context, &pooling, true, context->inputs[1]->data, context->scratch);
    pooling_max_gradient(&pooling, context->pool, context->inputs[0]->data, context->scratch,
                         context->outputs[0]->data);
    return 0;
}

/* ---- AveragePool ---- */

static int compute_average_pool(struct compute_context *context, struct error *error)
{
    (void)error;
    struct pooling pooling = pool_geometry(context);
    const struct tensor *x = context->inputs[0];
    struct tensor *y = context->outputs[0];
    if (dtype_storage(x->dtype) == DTYPE_FLOAT)
        pooling_average(&pooling, context->kernels, context->pool, x->data, y->data);
    else
        pooling_plain(&pooling, POOLING_AVERAGE, 0, context->pool, x, y, NULL);
    return 0;
}

static int gradient_average_pool(struct gradient_context *context, struct error *error)
{
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit_pooling_gradient(context, "AveragePoolGradient", EMIT_INPUTS(context->output_gradients[0]), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int compute_average_pool_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    struct pooling pooling = gradient_geometry(context);
    pooling_average_gradient(&pooling, context->kernels, context->pool, context->inputs[0]->data,
                             context->outputs[0]->data);
    return 0;
}

/* ---- LpPool ---- */

static int infer_lp_pool(struct infer_context *context, struct error *error)
{
    const struct pool_settings *settings = context->node->settings;
    if (settings->p < 1)
        return error_set(error, ERROR_INPUT, "attribute p must be at least 1");
    return pooling_infer(context, error);
}

static int compute_lp_pool(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct pool_settings *settings = context->node->settings;
    struct pooling pooling = pool_geometry(context);
    pooling_plain(&pooling, POOLING_LP, (double)settings->p, context->pool, context->inputs[0], context->outputs[0],
                  NULL);
    return 0;
}

static int gradient_lp_pool(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] = emit_pooling_gradient(
        context, "LpPoolGradient", EMIT_INPUTS(context->output_gradients[0], node->inputs[0], node->outputs[0]), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_lp_pool_gradient(struct infer_context *context, struct error *error)
{
    if (operand_types(context, 1, error) || operand_shaped_as(context, 2, 0, error) ||
        infer_pool_gradient(context, error))
        return -1;
    if (!shape_equal(&context->outputs[0].shape, &context->inputs[1]->shape))
        return error_set(error, ERROR_INPUT, "attribute input_shape is not the input's");
    return 0;
}

static int compute_lp_pool_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct pool_settings *settings = context->node->settings;
    struct pooling pooling = gradient_geometry(context);
    pooling_lp_gradient(&pooling, (double)settings->p, context->pool, context->inputs[1]->data,
                        context->inputs[2]->data, context->inputs[0]->data, context->outputs[0]->data);
    return 0;
}

/* The cells of every window. */
static int64_t steps_pool(const struct infer_context *context)
{
    struct spatial spatial;
    struct pooling pooling;
    if (pooling_read(context->node->settings, &context->inputs[0]->shape, &spatial, &pooling, NULL))
        return 0;
    int64_t windows = shape_count(&context->outputs[0].shape);
    return macs_product(windows, macs_product(pooling.kernel[0], macs_product(pooling.kernel[1], pooling.kernel[2])));
}

const struct operator_definition operators_pooling[] = {
    {.domain = "",
     .name = "MaxPool",
     .since = 1,
     ARITY(1, 1, 1, 2),
     .types = TYPES_FLOAT | TYPE_BIT(DTYPE_INT8) | TYPE_BIT(DTYPE_UINT8),
     .traits = OPERATOR_POOLS | OPERATOR_SELECTS,
     .gate = GATE_NONE,
     .roles = {ROLE_DATA},
     SETTINGS(struct pool_settings, max_attributes),
     .infer = infer_max_pool,
     .compute = compute_max_pool,
     .steps = steps_pool,
     .gradient = gradient_max_pool,
     .field = pooling_field,
     .confine = confine_pool},
    {.domain = "",
     .name = "AveragePool",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_POOLS,
     .roles = {ROLE_DATA},
     SETTINGS(struct pool_settings, average_attributes),
     .infer = pooling_infer,
     .compute = compute_average_pool,
     .steps = steps_pool,
     .gradient = gradient_average_pool,
     .field = pooling_field,
     .confine = confine_pool},
    {.domain = "",
     .name = "LpPool",
     .since = 2,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_POOLS,
     .roles = {ROLE_DATA},
     SETTINGS(struct pool_settings, lp_attributes),
     .infer = infer_lp_pool,
     .compute = compute_lp_pool,
     .steps = steps_pool,
     .gradient = gradient_lp_pool,
     .field = pooling_field},
    {.domain = DOMAIN_INTERNAL,
     .name = "MaxPoolGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct pool_settings, gradient_attributes),
     .infer = infer_max_pool_gradient,
     .compute = compute_max_pool_gradient,
     .scratch = scratch_max_pool_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "AveragePoolGradient",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct pool_settings, gradient_attributes),
     .infer = infer_pool_gradient,
     .compute = compute_average_pool_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "LpPoolGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct pool_settings, gradient_attributes),
     .infer = infer_lp_pool_gradient,
     .compute = compute_lp_pool_gradient},
    {0},
};
