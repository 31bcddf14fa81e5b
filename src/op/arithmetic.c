/* Add, Sub, Mul, Div, and the variadic Sum, Mean, Max, Min, with numpy broadcasting. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "kernel/kernels.h"
#include "op/broadcast.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/unary.h"

static enum binary read_function(const struct node *node)
{
    static const struct {
        const char *op_type;
        enum binary function;
    } functions[] = {{"Add", BINARY_ADD},      {"Sum", BINARY_ADD},      {"Mean", BINARY_ADD},
                     {"Sub", BINARY_SUBTRACT}, {"Mul", BINARY_MULTIPLY}, {"Div", BINARY_DIVIDE},
                     {"Max", BINARY_MAXIMUM},  {"Min", BINARY_MINIMUM}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].op_type, node->op_type) == 0)
            return functions[i].function;
    }
    return BINARY_ADD;
}

/* Integer division that cannot fault: x / 0 is 0, and the one overflow wraps. */
#define SAFE_DIVIDE(x, y) ((y) == 0 ? 0 : (y) == -1 ? SAFE_NEGATE(x) : (x) / (y))
#define SAFE_NEGATE(x) ((x) < 0 && -((x) + 1) == INT64_MAX ? (x) : -(x))

/* type of elements, type to compute sums and products in (unsigned, so that they wrap), quotient */
#define NUMBER_TYPES(X)                                                                                                \
    X(DTYPE_DOUBLE, double, double, x / y)                                                                             \
    X(DTYPE_INT32, int32_t, uint32_t, (int32_t)SAFE_DIVIDE((int64_t)x, (int64_t)y))                                    \
    X(DTYPE_INT64, int64_t, uint64_t, SAFE_DIVIDE(x, y))                                                               \
    X(DTYPE_UINT8, uint8_t, uint32_t, (uint8_t)(y == 0 ? 0 : x / y))

struct row {
    const void *a, *b;
    void *out;
    int64_t inner_a, inner_b, width;
};

#define DEFINE_ROW(code, type, wide, quotient)                                                                         \
    static void row_##type(enum binary function, const struct row *row)                                                \
    {                                                                                                                  \
        const type *a = row->a, *b = row->b;                                                                           \
        type *out = row->out;                                                                                          \
        for (int64_t i = 0; i < row->width; i++) {                                                                     \
            type x = a[i * row->inner_a], y = b[i * row->inner_b];                                                     \
            switch (function) {                                                                                        \
            case BINARY_ADD:                                                                                           \
                out[i] = (type)((wide)x + (wide)y);                                                                    \
                break;                                                                                                 \
            case BINARY_SUBTRACT:                                                                                      \
                out[i] = (type)((wide)x - (wide)y);                                                                    \
                break;                                                                                                 \
            case BINARY_MULTIPLY:                                                                                      \
                out[i] = (type)((wide)x * (wide)y);                                                                    \
                break;                                                                                                 \
            case BINARY_DIVIDE:                                                                                        \
                out[i] = (type)(quotient);                                                                             \
                break;                                                                                                 \
            case BINARY_MAXIMUM:                                                                                       \
                out[i] = x > y || x != x ? x : y;                                                                      \
                break;                                                                                                 \
            default:                                                                                                   \
                out[i] = x < y || x != x ? x : y;                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
NUMBER_TYPES(DEFINE_ROW)
#undef DEFINE_ROW

struct arithmetic_job {
    const struct kernels *kernels;
    enum binary function;
    enum dtype storage;
    struct broadcast broadcast;
    const char *a, *b;
    char *out;
};

static void run_rows(void *argument, int64_t begin, int64_t end)
{
    const struct arithmetic_job *job = argument;
    const struct broadcast *broadcast = &job->broadcast;
    int64_t size = (int64_t)dtype_storage_size(job->storage);
    for (int64_t index = begin; index < end; index++) {
        int64_t offset_a, offset_b;
        broadcast_row(broadcast, index, &offset_a, &offset_b);
        struct row row = {
            job->a + offset_a * size, job->b + offset_b * size, job->out + index * broadcast->width * size,
            broadcast->inner_a,       broadcast->inner_b,       broadcast->width};
        switch (job->storage) {
#define CALL_ROW(code, type, wide, quotient)                                                                           \
    case code:                                                                                                         \
        row_##type(job->function, &row);                                                                               \
        break;
            NUMBER_TYPES(CALL_ROW)
#undef CALL_ROW
        default:
            job->kernels->binary[job->function](row.a, row.inner_a, row.b, row.inner_b, row.out, row.width);
        }
    }
}

/* out = a op b. A single long row is cut into slices for the pool by giving it rows of its own. */
static void combine(const struct compute_context *context, enum binary function, const void *a,
                    const struct shape *shape_a, const void *b, const struct shape *shape_b, struct tensor *out)
{
    struct arithmetic_job job = {.kernels = context->kernels,
                                 .function = function,
                                 .storage = dtype_storage(out->dtype),
                                 .a = a,
                                 .b = b,
                                 .out = out->data};
    broadcast_plan(&job.broadcast, shape_a, shape_b, &out->shape);
    struct broadcast *plan = &job.broadcast;
    if (shape_count(&out->shape) == 0)
        return;
    const int64_t slice = 1 << 14;
    if (plan->rows == 1 && plan->width % slice == 0 && plan->width > slice) {
        plan->rank = 1;
        plan->dims[0] = plan->rows = plan->width / slice;
        plan->stride_a[0] = plan->inner_a * slice;
        plan->stride_b[0] = plan->inner_b * slice;
        plan->width = slice;
    }
    rows_run(context->pool, &(struct row_task){run_rows, &job}, plan->rows, plan->width);
}

static int infer_arithmetic(struct infer_context *context, struct error *error)
{
    return operand_types(context, 1, error) ? -1 : infer_broadcast(context, error);
}

static int compute_binary(struct compute_context *context, struct error *error)
{
    (void)error;
    combine(context, read_function(context->node), operand_data(context, 0), &context->inputs[0]->shape,
            operand_data(context, 1), &context->inputs[1]->shape, context->outputs[0]);
    return 0;
}

static int compute_variadic(struct compute_context *context, struct error *error)
{
    (void)error;
    struct tensor *out = context->outputs[0];
    enum binary function = read_function(context->node);
    const struct tensor *first = context->inputs[0];
    if (context->input_count == 1) {
        if (tensor_bytes(out) > 0 && out->data != first->data)
            memmove(out->data, first->data, tensor_bytes(out));
        return 0;
    }
    combine(context, function, first->data, &first->shape, context->inputs[1]->data, &context->inputs[1]->shape, out);
    for (int i = 2; i < context->input_count; i++)
        combine(context, function, out->data, &out->shape, context->inputs[i]->data, &context->inputs[i]->shape, out);
    if (strcmp(context->node->op_type, "Mean") == 0) {
        const struct shape scalar = {.rank = 0};
        float count_float = (float)context->input_count;
        double count_double = (double)context->input_count;
        const void *count = dtype_storage(out->dtype) == DTYPE_DOUBLE ? (const void *)&count_double : &count_float;
        combine(context, BINARY_DIVIDE, out->data, &out->shape, count, &scalar, out);
    }
    return 0;
}

/* Hands `gradient` to input `index`, summed over what was broadcast. */
static int give(struct gradient_context *context, int index, struct value *gradient, struct error *error)
{
    if (gradient)
        gradient = emit_unbroadcast(context->graph, gradient, &context->node->inputs[index]->shape, error);
    context->input_gradients[index] = gradient;
    return gradient ? 0 : -1;
}

static struct value *emit_two(struct gradient_context *context, const char *op_type, struct value *a, struct value *b,
                              struct error *error)
{
    return a && b ? emit(context->graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static int gradient_add(struct gradient_context *context, struct error *error)
{
    for (int i = 0; i < context->node->input_count; i++) {
        if (context->wanted[i] && give(context, i, context->output_gradients[0], error))
            return -1;
    }
    return 0;
}

static int gradient_mean(struct gradient_context *context, struct error *error)
{
    struct value *count =
        emit_scalar(context->graph, context->node->outputs[0]->dtype, (double)context->node->input_count, error);
    struct value *share = emit_two(context, "Div", context->output_gradients[0], count, error);
    for (int i = 0; share && i < context->node->input_count; i++) {
        if (context->wanted[i] && give(context, i, share, error))
            return -1;
    }
    return share ? 0 : -1;
}

static struct value *emit_negated(struct gradient_context *context, struct value *value, struct error *error)
{
    struct value *minus = value ? emit_scalar(context->graph, value->dtype, -1, error) : NULL;
    return emit_two(context, "Mul", value, minus, error);
}

static int gradient_subtract(struct gradient_context *context, struct error *error)
{
    struct value *dy = context->output_gradients[0];
    if (context->wanted[0] && give(context, 0, dy, error))
        return -1;
    return context->wanted[1] ? give(context, 1, emit_negated(context, dy, error), error) : 0;
}

static int gradient_multiply(struct gradient_context *context, struct error *error)
{
    struct value *const *inputs = context->node->inputs;
    for (int i = 0; i < 2; i++) {
        if (context->wanted[i] &&
            give(context, i, emit_two(context, "Mul", context->output_gradients[0], inputs[1 - i], error), error))
            return -1;
    }
    return 0;
}

/* d(a/b) = dy/b, -dy y/b. */
static int gradient_divide(struct gradient_context *context, struct error *error)
{
    struct value *share = emit_two(context, "Div", context->output_gradients[0], context->node->inputs[1], error);
    if (!share || (context->wanted[0] && give(context, 0, share, error)))
        return -1;
    if (!context->wanted[1])
        return 0;
    struct value *product = emit_two(context, "Mul", share, context->node->outputs[0], error);
    return give(context, 1, emit_negated(context, product, error), error);
}

#define ARITHMETIC(name_, since_, max_, compute_, gradient_)                                                           \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, .min_inputs = max_ < 0 ? 1 : 2, .max_inputs = max_,              \
        .min_outputs = 1, .max_outputs = 1, .types = TYPES_NUMBER, .flags = OPERATOR_POINTWISE,                        \
        .infer = infer_arithmetic, .compute = compute_, .gradient = gradient_, .field = field_pointwise                \
    }

const struct operator operators_arithmetic[] = {
    ARITHMETIC("Add", 7, 2, compute_binary, gradient_add),
    ARITHMETIC("Sub", 7, 2, compute_binary, gradient_subtract),
    ARITHMETIC("Mul", 7, 2, compute_binary, gradient_multiply),
    ARITHMETIC("Div", 7, 2, compute_binary, gradient_divide),
    ARITHMETIC("Sum", 6, -1, compute_variadic, gradient_add),
    ARITHMETIC("Mean", 6, -1, compute_variadic, gradient_mean),
    ARITHMETIC("Max", 6, -1, compute_variadic, NULL),
    ARITHMETIC("Min", 6, -1, compute_variadic, NULL),
    {0},
};
