/* GlobalAveragePool, GlobalMaxPool (ONNX 1, 22), GlobalLpPool (2, 22) and their gradients: pools whose window is the
 * map. */
#include <math.h>

#include "kernel/kernels.h"
#include "op/confine.h"
#include "op/families.h"
#include "op/pooling.h"

struct global_pool_settings {
    enum { GLOBAL_MAX, GLOBAL_LP } kind; /* of GlobalPoolGradient */
    int64_t p;
    struct ints input_shape; /* of GlobalAveragePoolGradient */
};

static const char *const kinds[] = {"max", "lp", NULL};

static const struct attribute_rule lp_attributes[] = {{INT_ATTRIBUTE(struct global_pool_settings, p, 2)}, {0}};
static const struct attribute_rule average_gradient_attributes[] = {
    {INTS_ATTRIBUTE(struct global_pool_settings, input_shape), .required = true},
    {0},
};
static const struct attribute_rule gradient_attributes[] = {
    {WORD_ATTRIBUTE(struct global_pool_settings, kind, GLOBAL_MAX, kinds), .required = true},
    {INT_ATTRIBUTE(struct global_pool_settings, p, 2)},
    {0},
};

static int infer_global(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[0]->shape;
    if (x->rank < 2)
        return error_set(error, ERROR_INPUT, "the input has %d axes, expected at least N x C", x->rank);
    if (shape_product(x, 1, x->rank) == 0)
        return error_set(error, ERROR_INPUT, "the input is empty");
    int64_t dims[SHAPE_MAX_RANK] = {x->dims[0], x->dims[1], 1, 1, 1, 1, 1, 1};
    return infer_output(context, 0, context->inputs[0]->dtype, x->rank, dims, error);
}

static int infer_global_lp(struct infer_context *context, struct error *error)
{
    const struct global_pool_settings *settings = context->node->settings;
    if (settings->p < 1)
        return error_set(error, ERROR_INPUT, "attribute p must be at least 1");
    return infer_global(context, error);
}

static int field_global(struct field_context *context, struct error *error)
{
    (void)error;
    context->global = true;
    context->none = true;
    field_full(context);
    context->reads[0] = context->cells[0];
    context->reads[1] = context->cells[1];
    return 0;
}

/* Planes of `cells` elements, each reduced to one number or spread from one. */
struct global_task {
    const struct kernels *kernels;
    const struct tensor *x;
    void *y;
    const float *dy, *y_values;
    float *dx;
    int64_t cells;
    double p;
};

static double plane_maximum(const struct tensor *x, int64_t base, int64_t cells)
{
    double best = tensor_number(x, base);
    for (int64_t i = 1; i < cells; i++) {
        double value = tensor_number(x, base + i);
        if (value > best || isnan(value))
            best = value;
    }
    return best;
}

static double plane_norm(const struct tensor *x, int64_t base, int64_t cells, double p)
{
    double sum = 0;
    for (int64_t i = 0; i < cells; i++)
        sum += pow(fabs(tensor_number(x, base + i)), p);
    return pow(sum, 1 / p);
}

static double plane_mean(const struct tensor *x, int64_t base, int64_t cells)
{
    double sum = 0;
    for (int64_t i = 0; i < cells; i++)
        sum += tensor_number(x, base + i);
    return sum / (double)cells;
}

static void store(const struct global_task *task, int64_t index, double value)
{
    if (dtype_storage(task->x->dtype) == DTYPE_FLOAT)
        ((float *)task->y)[index] = (float)value;
    else
        ((double *)task->y)[index] = value;
}

static void run_average(void *argument, int64_t begin, int64_t end)
{
    const struct global_task *task = argument;
    bool fast = dtype_storage(task->x->dtype) == DTYPE_FLOAT;
    for (int64_t i = begin; i < end; i++) {
        if (fast)
            ((float *)task->y)[i] =
                task->kernels->sum((const float *)task->x->data + i * task->cells, task->cells) / (float)task->cells;
        else
            store(task, i, plane_mean(task->x, i * task->cells, task->cells));
    }
}

static void run_maximum(void *argument, int64_t begin, int64_t end)
{
    const struct global_task *task = argument;
    for (int64_t i = begin; i < end; i++)
        store(task, i, plane_maximum(task->x, i * task->cells, task->cells));
}

static void run_norm(void *argument, int64_t begin, int64_t end)
{
    const struct global_task *task = argument;
    for (int64_t i = begin; i < end; i++)
        store(task, i, plane_norm(task->x, i * task->cells, task->cells, task->p));
}

static void run_global(struct compute_context *context, void (*run)(void *, int64_t, int64_t), double p)
{
    const struct tensor *x = context->inputs[0];
    struct global_task global = {.kernels = context->kernels, .x = x, .y = context->outputs[0]->data, .p = p};
    global.cells = shape_product(&x->shape, 2, x->shape.rank);
    struct row_task task = {run, &global};
    rows_run(context->pool, &task, x->shape.dims[0] * x->shape.dims[1], global.cells);
}

static int compute_average(struct compute_context *context, struct error *error)
{
    (void)error;
    run_global(context, run_average, 0);
    return 0;
}

static int compute_maximum(struct compute_context *context, struct error *error)
{
    (void)error;
    run_global(context, run_maximum, 0);
    return 0;
}

static int compute_norm(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct global_pool_settings *settings = context->node->settings;
    run_global(context, run_norm, (double)settings->p);
    return 0;
}

/* ---- gradients: GlobalPoolGradient(dy, x, y) in one of three kinds ---- */

static int emit_global_gradient(struct gradient_context *context, int kind, int64_t p, struct error *error)
{
    const struct node *node = context->node;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(context->graph, "GlobalPoolGradient",
                                       EMIT_INPUTS(context->output_gradients[0], node->inputs[0], node->outputs[0]),
                                       EMIT_ATTRIBUTES(EMIT_STRING("kind", kinds[kind]), EMIT_INT("p", p)), error);
    return context->input_gradients[0] ? 0 : -1;
}

/* The average's gradient needs no input: dy / cells, repeated. */
static int gradient_average(struct gradient_context *context, struct error *error)
{
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    const struct shape *x = &context->node->inputs[0]->shape;
    context->input_gradients[0] =
        emit(context->graph, "GlobalAveragePoolGradient", EMIT_INPUTS(context->output_gradients[0]),
             EMIT_ATTRIBUTES(EMIT_INTS("input_shape", x->dims, x->rank)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int gradient_maximum(struct gradient_context *context, struct error *error)
{
    return emit_global_gradient(context, GLOBAL_MAX, 2, error);
}

static int gradient_norm(struct gradient_context *context, struct error *error)
{
    const struct global_pool_settings *settings = context->node->settings;
    return emit_global_gradient(context, GLOBAL_LP, settings->p, error);
}

static int infer_average_gradient(struct infer_context *context, struct error *error)
{
    const struct global_pool_settings *settings = context->node->settings;
    struct shape x;
    const struct shape *dy = &context->inputs[0]->shape;
    if (shape_set(&x, settings->input_shape.count, settings->input_shape.values, error))
        return -1;
    if (x.rank < 2 || dy->rank != x.rank || dy->dims[0] != x.dims[0] || dy->dims[1] != x.dims[1] ||
        shape_product(dy, 2, dy->rank) != 1)
        return error_set(error, ERROR_INPUT, "the output gradient does not fit the pool");
    return infer_output(context, 0, context->inputs[0]->dtype, x.rank, x.dims, error);
}

static void fill(float *to, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = value;
}

static void run_average_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct global_task *task = argument;
    for (int64_t i = begin; i < end; i++)
        fill(task->dx + i * task->cells, task->cells, task->dy[i] / (float)task->cells);
}

static int compute_average_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct shape *x = &context->outputs[0]->shape;
    struct global_task global = {.dy = context->inputs[0]->data, .dx = context->outputs[0]->data};
    global.cells = shape_product(x, 2, x->rank);
    struct row_task task = {run_average_gradient, &global};
    rows_run(context->pool, &task, x->dims[0] * x->dims[1], global.cells);
    return 0;
}

static int infer_global_gradient(struct infer_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[1]->shape, *dy = &context->inputs[0]->shape;
    if (operand_types(context, 1, error) || operand_shaped_as(context, 2, 0, error))
        return -1;
    if (x->rank < 2 || dy->rank != x->rank || shape_product(dy, 2, dy->rank) != 1 || dy->dims[0] != x->dims[0] ||
        dy->dims[1] != x->dims[1])
        return error_set(error, ERROR_INPUT, "the output gradient does not fit the pool");
    return infer_output(context, 0, context->inputs[0]->dtype, x->rank, x->dims, error);
}

static void run_maximum_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct global_task *task = argument;
    for (int64_t i = begin; i < end; i++) {
        const float *x = (const float *)task->x->data + i * task->cells;
        int64_t best = 0;
        for (int64_t j = 1; j < task->cells; j++)
            best = x[j] > x[best] || (isnan(x[j]) && !isnan(x[best])) ? j : best;
        fill(task->dx + i * task->cells, task->cells, 0);
        task->dx[i * task->cells + best] = task->dy[i];
    }
}

static void run_norm_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct global_task *task = argument;
    for (int64_t i = begin; i < end; i++) {
        const float *x = (const float *)task->x->data + i * task->cells;
        float *dx = task->dx + i * task->cells;
        double y = (double)task->y_values[i];
        double scale = y == 0 ? 0 : (double)task->dy[i] * pow(y, 1 - task->p);
        for (int64_t j = 0; j < task->cells; j++) {
            double cell = (double)x[j];
            dx[j] = cell == 0 ? 0 : (float)(scale * copysign(pow(fabs(cell), task->p - 1), cell));
        }
    }
}

static int compute_global_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *x = context->inputs[1];
    const struct global_pool_settings *settings = context->node->settings;
    struct global_task global = {.x = x,
                                 .dy = context->inputs[0]->data,
                                 .y_values = context->inputs[2]->data,
                                 .dx = context->outputs[0]->data,
                                 .p = (double)settings->p};
    global.cells = shape_product(&x->shape, 2, x->shape.rank);
    struct row_task task = {settings->kind == GLOBAL_LP ? run_norm_gradient : run_maximum_gradient, &global};
    rows_run(context->pool, &task, x->shape.dims[0] * x->shape.dims[1], global.cells);
    return 0;
}

const struct operator_definition operators_pooling_global[] = {
    {.domain = "",
     .name = "GlobalAveragePool",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_POOLS | OPERATOR_GLOBAL_POOL | OPERATOR_REDUCES,
     .roles = {ROLE_DATA},
     .infer = infer_global,
     .compute = compute_average,
     .gradient = gradient_average,
     .field = field_global,
     .confine = confine_images},
    {.domain = "",
     .name = "GlobalMaxPool",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_POOLS | OPERATOR_GLOBAL_POOL | OPERATOR_REDUCES | OPERATOR_SELECTS,
     .roles = {ROLE_DATA},
     .infer = infer_global,
     .compute = compute_maximum,
     .gradient = gradient_maximum,
     .field = field_global,
     .confine = confine_images},
    {.domain = "",
     .name = "GlobalLpPool",
     .since = 2,
     ARITY(1, 1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_POOLS | OPERATOR_GLOBAL_POOL | OPERATOR_REDUCES,
     .roles = {ROLE_DATA},
     SETTINGS(struct global_pool_settings, lp_attributes),
     .infer = infer_global_lp,
     .compute = compute_norm,
     .gradient = gradient_norm,
     .field = field_global,
     .confine = confine_images},
    {.domain = DOMAIN_INTERNAL,
     .name = "GlobalAveragePoolGradient",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct global_pool_settings, average_gradient_attributes),
     .infer = infer_average_gradient,
     .compute = compute_average_gradient},
    {.domain = DOMAIN_INTERNAL,
     .name = "GlobalPoolGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct global_pool_settings, gradient_attributes),
     .infer = infer_global_gradient,
     .compute = compute_global_gradient},
    {0},
};
