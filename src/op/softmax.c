/* Softmax, LogSoftmax, Hardmax (ONNX 1, 11: the axes from `axis` on count as one row; 13: one axis) and their
 * gradients. */
#include "op/softmax.h"

#include <math.h>

#include "kernel/kernels.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

struct softmax_settings {
    int64_t axis;
    bool axis_given;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct softmax_settings, axis, -1), .given = offsetof(struct softmax_settings, axis_given)},
    {0},
};

static bool is_coerced(const struct node *node)
{
    return node->opset < 13;
}

int64_t softmax_axis(const struct node *node)
{
    const struct softmax_settings *settings = node->settings;
    return is_coerced(node) && !settings->axis_given ? 1 : settings->axis;
}

struct gradient_settings {
    struct ints rows; /* outer, count, inner */
};

static const struct attribute_rule gradient_attributes[] = {
    {INTS_ATTRIBUTE(struct gradient_settings, rows), .required = true},
    {0},
};

/* The input as [outer, count, inner] with rows along the middle. */
struct row_view {
    int64_t outer, count, inner;
};

static int read_view(const struct node *node, const struct shape *x, struct row_view *view, struct error *error)
{
    bool coerced = is_coerced(node);
    int64_t given = softmax_axis(node);
    int axis;
    if (x->rank == 0 && !coerced) {
        *view = (struct row_view){1, 1, 1};
        return 0;
    }
    if (coerced && given == x->rank) /* rows of one element */
        axis = x->rank;
    else if (shape_axis(given, x->rank, &axis, error))
        return -1;
    view->outer = shape_product(x, 0, axis);
    view->count = coerced ? shape_product(x, axis, x->rank) : x->dims[axis];
    view->inner = coerced ? 1 : shape_product(x, axis + 1, x->rank);
    return 0;
}

static int infer_softmax(struct infer_context *context, struct error *error)
{
    struct row_view view;
    return read_view(context->node, &context->inputs[0]->shape, &view, error) ? -1 : infer_same(context, error);
}

/* Columns of a strided row are done this many at a time, so that their maxima and sums stay on the stack. */
#define TILE 256

struct softmax_task {
    const struct kernels *kernels;
    struct row_view view;
    bool log;
    const void *x, *dy;
    const struct tensor *tensor;
    void *y;
};

static void softmax_tile(const struct softmax_task *task, int64_t outer, int64_t from, int64_t columns)
{
    int64_t inner = task->view.inner, count = task->view.count;
    const float *x = (const float *)task->x + outer * count * inner + from;
    float *y = (float *)task->y + outer * count * inner + from;
    float maximum[TILE], sum[TILE], row[TILE];
    for (int64_t j = 0; j < columns; j++) {
        maximum[j] = x[j];
        sum[j] = 0;
    }
    for (int64_t i = 1; i < count; i++) {
        for (int64_t j = 0; j < columns; j++)
            maximum[j] = x[i * inner + j] > maximum[j] ? x[i * inner + j] : maximum[j];
    }
    for (int64_t i = 0; i < count; i++) {
        float *exponentials = task->log ? row : y + i * inner;
        for (int64_t j = 0; j < columns; j++)
            exponentials[j] = x[i * inner + j] - maximum[j];
        task->kernels->unary[UNARY_EXP](exponentials, exponentials, columns, 0, 0);
        for (int64_t j = 0; j < columns; j++)
            sum[j] += exponentials[j];
    }
    for (int64_t j = 0; j < columns; j++)
        sum[j] = task->log ? maximum[j] + logf(sum[j]) : 1 / sum[j];
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < columns; j++)
            y[i * inner + j] = task->log ? x[i * inner + j] - sum[j] : y[i * inner + j] * sum[j];
    }
}

static void run_softmax_rows(void *argument, int64_t begin, int64_t end)
{
    const struct softmax_task *task = argument;
    int64_t count = task->view.count;
    for (int64_t i = begin; i < end; i++)
        task->kernels->softmax_row((const float *)task->x + i * count, (float *)task->y + i * count, count, task->log);
}

static int64_t tiles(const struct row_view *view)
{
    return (view->inner + TILE - 1) / TILE;
}

static void run_softmax_tiles(void *argument, int64_t begin, int64_t end)
{
    const struct softmax_task *task = argument;
    int64_t per_row = tiles(&task->view);
    for (int64_t i = begin; i < end; i++) {
        int64_t from = i % per_row * TILE, left = task->view.inner - from;
        softmax_tile(task, i / per_row, from, left < TILE ? left : TILE);
    }
}

static void run_softmax_double(void *argument, int64_t begin, int64_t end)
{
    const struct softmax_task *task = argument;
    int64_t count = task->view.count, inner = task->view.inner;
    for (int64_t row = begin; row < end; row++) {
        int64_t base = row / inner * count * inner + row % inner;
        const double *x = (const double *)task->x + base;
        double *y = (double *)task->y + base, maximum = x[0], sum = 0;
        for (int64_t i = 1; i < count; i++)
            maximum = x[i * inner] > maximum ? x[i * inner] : maximum;
        for (int64_t i = 0; i < count; i++)
            sum += exp(x[i * inner] - maximum);
        for (int64_t i = 0; i < count; i++)
            y[i * inner] = task->log ? x[i * inner] - maximum - log(sum) : exp(x[i * inner] - maximum) / sum;
    }
}

static int run_softmax(struct compute_context *context, bool log)
{
    const struct tensor *x = context->inputs[0];
    struct softmax_task softmax = {
        .kernels = context->kernels, .log = log, .x = x->data, .y = context->outputs[0]->data};
    read_view(context->node, &x->shape, &softmax.view, NULL);
    const struct row_view *view = &softmax.view;
    if (view->outer * view->count * view->inner == 0)
        return 0;
    struct row_task task = {run_softmax_rows, &softmax};
    int64_t rows = view->outer, elements = view->count;
    if (dtype_storage(x->dtype) == DTYPE_DOUBLE) {
        task.run = run_softmax_double;
        rows = view->outer * view->inner;
    } else if (view->inner > 1) {
        task.run = run_softmax_tiles;
        rows = view->outer * tiles(view);
        elements = view->count * TILE;
    }
    rows_run(context->pool, &task, rows, elements * 4);
    return 0;
}

static int compute_softmax(struct compute_context *context, struct error *error)
{
    (void)error;
    return run_softmax(context, false);
}

static int compute_log_softmax(struct compute_context *context, struct error *error)
{
    (void)error;
    return run_softmax(context, true);
}

/* 1 at the first maximum of each row, 0 elsewhere. */
static int compute_hardmax(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *x = context->inputs[0];
    struct tensor *y = context->outputs[0];
    struct row_view view = {0};
    read_view(context->node, &x->shape, &view, NULL);
    bool is_double = dtype_storage(x->dtype) == DTYPE_DOUBLE;
    for (int64_t row = 0; view.count > 0 && row < view.outer * view.inner; row++) {
        int64_t base = row / view.inner * view.count * view.inner + row % view.inner, best = 0;
        for (int64_t i = 1; i < view.count; i++) {
            if (tensor_number(x, base + i * view.inner) > tensor_number(x, base + best * view.inner))
                best = i;
        }
        for (int64_t i = 0; i < view.count; i++) {
            int64_t at = base + i * view.inner;
            if (is_double)
                ((double *)y->data)[at] = i == best;
            else
                ((float *)y->data)[at] = i == best;
        }
    }
    return 0;
}

/* ---- gradients from y: dx = y (dy - sum y dy); log: dx = dy - exp(y) sum dy ---- */

static int emit_gradient(struct gradient_context *context, const char *op_type, struct error *error)
{
    struct node *node = context->node;
    struct value *dy = context->output_gradients[0], *y = node->outputs[0];
    if (!dy || !context->wanted[0])
        return 0;
    struct row_view view;
    if (read_view(node, &node->inputs[0]->shape, &view, error))
        return -1;
    int64_t rows[3] = {view.outer, view.count, view.inner};
    context->input_gradients[0] =
        emit(context->graph, op_type, EMIT_INPUTS(dy, y), EMIT_ATTRIBUTES(EMIT_INTS("rows", rows, 3)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int gradient_softmax(struct gradient_context *context, struct error *error)
{
    return emit_gradient(context, "SoftmaxGradient", error);
}

static int gradient_log_softmax(struct gradient_context *context, struct error *error)
{
    return emit_gradient(context, "LogSoftmaxGradient", error);
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    const struct gradient_settings *settings = context->node->settings;
    struct shape view;
    if (operand_types(context, 1, error) || operand_shaped_as(context, 1, 0, error))
        return -1;
    if (settings->rows.count != 3 || shape_set(&view, 3, settings->rows.values, error) ||
        shape_count(&view) != shape_count(&context->inputs[0]->shape))
        return error_set(error, ERROR_INPUT, "attribute rows does not fit the input");
    return infer_same(context, error);
}

static void gradient_tile(const struct softmax_task *task, int64_t outer, int64_t from, int64_t columns)
{
    int64_t inner = task->view.inner, count = task->view.count, base = outer * count * inner + from;
    const float *y = (const float *)task->x + base, *dy = (const float *)task->dy + base;
    float *dx = (float *)task->y + base, sum[TILE] = {0};
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < columns; j++)
            sum[j] += task->log ? dy[i * inner + j] : y[i * inner + j] * dy[i * inner + j];
    }
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < columns; j++) {
            int64_t at = i * inner + j;
            dx[at] = task->log ? dy[at] - expf(y[at]) * sum[j] : y[at] * (dy[at] - sum[j]);
        }
    }
}

static void gradient_row(const struct softmax_task *task, int64_t row)
{
    int64_t count = task->view.count;
    const float *y = (const float *)task->x + row * count, *dy = (const float *)task->dy + row * count;
    float *dx = (float *)task->y + row * count;
    float sum = task->log ? task->kernels->sum(dy, count) : task->kernels->dot(y, dy, count);
    for (int64_t i = 0; i < count; i++)
        dx[i] = task->log ? dy[i] - expf(y[i]) * sum : y[i] * (dy[i] - sum);
}

static void run_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct softmax_task *task = argument;
    int64_t per_row = tiles(&task->view);
    for (int64_t i = begin; i < end; i++) {
        int64_t from = i % per_row * TILE, left = task->view.inner - from;
        if (task->view.inner == 1)
            gradient_row(task, i);
        else
            gradient_tile(task, i / per_row, from, left < TILE ? left : TILE);
    }
}

static int compute_either_gradient(struct compute_context *context, bool log)
{
    const struct gradient_settings *settings = context->node->settings;
    const int64_t *rows = settings->rows.values;
    struct softmax_task softmax = {.kernels = context->kernels,
                                   .view = {rows[0], rows[1], rows[2]},
                                   .log = log,
                                   .x = context->inputs[1]->data,
                                   .dy = context->inputs[0]->data,
                                   .y = context->outputs[0]->data};
    if (shape_count(&context->outputs[0]->shape) == 0)
        return 0;
    struct row_task task = {run_gradient, &softmax};
    rows_run(context->pool, &task, rows[0] * tiles(&softmax.view), rows[1] * (rows[2] == 1 ? 1 : TILE));
    return 0;
}

static int compute_softmax_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    return compute_either_gradient(context, false);
}

static int compute_log_softmax_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    return compute_either_gradient(context, true);
}

/* The row's axes are read wholly. Along spatial axes that is global, with a local part of its own cell. */
static int field_softmax(struct field_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[0]->shape;
    bool coerced = is_coerced(context->node);
    int64_t given = softmax_axis(context->node);
    int axis = 0;
    for (int i = 0; i < x->rank; i++)
        context->reads[i] = context->cells[i];
    if (x->rank == 0)
        return 0;
    if (coerced && given == x->rank)
        return 0;
    if (shape_axis(given, x->rank, &axis, error))
        return -1;
    for (int i = axis; i <= (coerced ? x->rank - 1 : axis); i++) {
        if (i >= 2)
            context->global = context->global || x->dims[i] > 1;
        else
            context->reads[i] = interval_full(x->dims[i]);
    }
    return 0;
}

static int confine_softmax(struct confine_context *context, struct error *error)
{
    int rank = context->node->inputs[0]->shape.rank, axis = 0;
    int64_t given = softmax_axis(context->node);
    if (given >= rank || rank == 0) /* rows of one element */
        axis = rank;
    else if (shape_axis(given, rank, &axis, error))
        return -1;
    confine_rows(context, axis);
    return 0;
}

#define SOFTMAX(name_, traits_, gate_, compute_, gradient_)                                                            \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 1, ARITY(1, 1, 1, 1), .types = TYPES_FLOAT, .traits = traits_,           \
        .gate = gate_, .roles = {ROLE_DATA}, SETTINGS(struct softmax_settings, attributes), .infer = infer_softmax,    \
        .compute = compute_, .gradient = gradient_, .field = field_softmax, .confine = confine_softmax                 \
    }
#define GRADIENT(name_, compute_)                                                                                      \
    {                                                                                                                  \
        .domain = DOMAIN_INTERNAL, .name = name_, .since = 1, ARITY(2, 2, 1, 1), .types = TYPES_HELD_AS_FLOAT,         \
        .traits = OPERATOR_OTHER, .roles = {ROLE_DATA}, SETTINGS(struct gradient_settings, gradient_attributes),       \
        .infer = infer_gradient, .compute = compute_                                                                   \
    }

const struct operator_definition operators_softmax[] = {
    SOFTMAX("Softmax", OPERATOR_SOFTMAX | OPERATOR_EXACT_FIELD, GATE_SHARE, compute_softmax, gradient_softmax),
    SOFTMAX("LogSoftmax", OPERATOR_SOFTMAX | OPERATOR_EXACT_FIELD, GATE_FUNCTION, compute_log_softmax,
            gradient_log_softmax),
    SOFTMAX("Hardmax", OPERATOR_OTHER, GATE_SHARE, compute_hardmax, NULL),
    GRADIENT("SoftmaxGradient", compute_softmax_gradient),
    GRADIENT("LogSoftmaxGradient", compute_log_softmax_gradient),
    {0},
};
