/* Add, Sub, Mul, Div, and the variadic Sum, Mean, Max, Min, with numpy broadcasting. */
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
    X(DTYPE_UINT64, uint64_t, uint64_t, y == 0 ? 0 : x / y)                                                            \
    X(DTYPE_UINT8, uint8_t, uint32_t, (uint8_t)(y == 0 ? 0 : x / y))

/* a op b for one element type; numbers compare so that NaN goes through Max and Min. */
#define EACH(expression)                                                                                               \
    for (int64_t i = 0; i < row->count; i++) {                                                                         \
        element x = a[i * row->stride[0]], y = b[i * row->stride[1]];                                                  \
        out[i] = (element)(expression);                                                                                \
    }                                                                                                                  \
    break;

#define DEFINE_ROW(code, type, wide, quotient)                                                                         \
    static void row_##type(enum binary function, const struct broadcast_row *row)                                      \
    {                                                                                                                  \
        typedef type element;                                                                                          \
        const type *a = row->in[0], *b = row->in[1];                                                                   \
        type *out = row->out;                                                                                          \
        switch (function) {                                                                                            \
        case BINARY_ADD:                                                                                               \
            EACH((wide)x + (wide)y)                                                                                    \
        case BINARY_SUBTRACT:                                                                                          \
            EACH((wide)x - (wide)y)                                                                                    \
        case BINARY_MULTIPLY:                                                                                          \
            EACH((wide)x *(wide)y)                                                                                     \
        case BINARY_DIVIDE:                                                                                            \
            EACH(quotient)                                                                                             \
        case BINARY_MAXIMUM:                                                                                           \
            EACH(x > y || x != x ? x : y)                                                                              \
        default:                                                                                                       \
            EACH(x < y || x != x ? x : y)                                                                              \
        }                                                                                                              \
    }
NUMBER_TYPES(DEFINE_ROW)
#undef DEFINE_ROW

struct arithmetic {
    const struct kernels *kernels;
    enum binary function;
    enum dtype type;
};

static void run_row(const struct broadcast_row *row, const void *argument)
{
    const struct arithmetic *arithmetic = argument;
    switch (arithmetic->type) {
#define CALL_ROW(code, type, wide, quotient)                                                                           \
    case code:                                                                                                         \
        row_##type(arithmetic->function, row);                                                                         \
        break;
        NUMBER_TYPES(CALL_ROW)
#undef CALL_ROW
    default:
        arithmetic->kernels->binary[arithmetic->function](row->in[0], row->stride[0], row->in[1], row->stride[1],
                                                          row->out, row->count);
    }
}

/* out = a op b */
static void combine(const struct compute_context *context, enum binary function, const struct tensor *a,
                    const struct tensor *b, struct tensor *out)
{
    struct arithmetic arithmetic = {context->kernels, function, loop_type(out->dtype)};
    broadcast_run(
        context->pool,
        &(struct broadcast_call){.loop = run_row, .argument = &arithmetic, .operands = {a, b}, .count = 2, .out = out});
}

static int compute_binary(struct compute_context *context, struct error *error)
{
    (void)error;
    combine(context, read_function(context->node), context->inputs[0], context->inputs[1], context->outputs[0]);
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
    combine(context, function, first, context->inputs[1], out);
    for (int i = 2; i < context->input_count; i++)
        combine(context, function, out, context->inputs[i], out);
    if (strcmp(context->node->op_type, "Mean") == 0) {
        float count_float = (float)context->input_count;
        double count_double = (double)context->input_count;
        bool is_double = dtype_storage(out->dtype) == DTYPE_DOUBLE;
        struct tensor count = {.dtype = is_double ? DTYPE_DOUBLE : DTYPE_FLOAT,
                               .data = is_double ? (void *)&count_double : (void *)&count_float};
        combine(context, BINARY_DIVIDE, out, &count, out);
    }
    return 0;
}

static int gradient_add(struct gradient_context *context, struct error *error)
{
    for (int i = 0; i < context->node->input_count; i++) {
        if (context->wanted[i] && give_gradient(context, i, context->output_gradients[0], error))
            return -1;
    }
    return 0;
}

static int gradient_mean(struct gradient_context *context, struct error *error)
{
    struct value *count =
        emit_scalar(context->graph, context->node->outputs[0]->dtype, (double)context->node->input_count, error);
    struct value *share = emit_two(context->graph, "Div", context->output_gradients[0], count, error);
    for (int i = 0; share && i < context->node->input_count; i++) {
        if (context->wanted[i] && give_gradient(context, i, share, error))
            return -1;
    }
    return share ? 0 : -1;
}

static struct value *emit_negated(struct gradient_context *context, struct value *value, struct error *error)
{
    struct value *minus = value ? emit_scalar(context->graph, value->dtype, -1, error) : NULL;
    return emit_two(context->graph, "Mul", value, minus, error);
}

static int gradient_subtract(struct gradient_context *context, struct error *error)
{
    struct value *dy = context->output_gradients[0];
    if (context->wanted[0] && give_gradient(context, 0, dy, error))
        return -1;
    return context->wanted[1] ? give_gradient(context, 1, emit_negated(context, dy, error), error) : 0;
}

static int gradient_multiply(struct gradient_context *context, struct error *error)
{
    struct value *const *inputs = context->node->inputs;
    for (int i = 0; i < 2; i++) {
        if (context->wanted[i] &&
            give_gradient(context, i,
                          emit_two(context->graph, "Mul", context->output_gradients[0], inputs[1 - i], error), error))
            return -1;
    }
    return 0;
}

/* d(a/b) = dy/b, -dy y/b. */
static int gradient_divide(struct gradient_context *context, struct error *error)
{
    struct value *share =
        emit_two(context->graph, "Div", context->output_gradients[0], context->node->inputs[1], error);
    if (!share || (context->wanted[0] && give_gradient(context, 0, share, error)))
        return -1;
    if (!context->wanted[1])
        return 0;
    struct value *product = emit_two(context->graph, "Mul", share, context->node->outputs[0], error);
    return give_gradient(context, 1, emit_negated(context, product, error), error);
}

/* The whole gradient goes to the first input that holds the extreme value. */
static int gradient_extreme(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct value *rest = context->output_gradients[0];
    struct value *zero = emit_scalar(context->graph, rest->dtype, 0, error);
    for (int i = 0; i < node->input_count; i++) {
        struct value *holds = emit_two(context->graph, "Equal", node->inputs[i], node->outputs[0], error);
        if (context->wanted[i] &&
            give_gradient(context, i, emit_where(context->graph, holds, rest, zero, error), error))
            return -1;
        rest = i + 1 < node->input_count ? emit_where(context->graph, holds, zero, rest, error) : rest;
        if (!zero || !holds || !rest)
            return -1;
    }
    return 0;
}

#define ARITHMETIC(name_, since_, max_, types_, trait_, role_, compute_, gradient_)                                    \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(max_ < 0 ? 1 : 2, max_, 1, 1), .types = types_,            \
        .traits = OPERATOR_POINTWISE | (trait_) | (max_ == 2 ? OPERATOR_IN_PLACE : 0),                                 \
        .roles = {(role_) == ROLE_DIVISOR ? ROLE_FACTOR : (role_), role_}, .infer = infer_broadcast_same,              \
        .compute = compute_, .gradient = gradient_, .field = field_pointwise,                                          \
        .identity = max_ == 2 ? NULL : identity_of_one                                                                 \
    }

const struct operator_definition operators_arithmetic[] = {
    ARITHMETIC("Add", 7, 2, TYPES_NUMBER, OPERATOR_SUM | OPERATOR_COMMUTES, ROLE_TERM, compute_binary, gradient_add),
    ARITHMETIC("Sub", 7, 2, TYPES_NUMBER, OPERATOR_SUM, ROLE_TERM, compute_binary, gradient_subtract),
    ARITHMETIC("Mul", 7, 2, TYPES_NUMBER, OPERATOR_MULTIPLIES | OPERATOR_COMMUTES, ROLE_FACTOR, compute_binary,
               gradient_multiply),
    ARITHMETIC("Div", 7, 2, TYPES_NUMBER, OPERATOR_MULTIPLIES, ROLE_DIVISOR, compute_binary, gradient_divide),
    ARITHMETIC("Sum", 6, -1, TYPES_FLOAT, OPERATOR_SUM | OPERATOR_COMMUTES, ROLE_TERM, compute_variadic, gradient_add),
    ARITHMETIC("Mean", 6, -1, TYPES_FLOAT, OPERATOR_SUM | OPERATOR_COMMUTES, ROLE_TERM, compute_variadic,
               gradient_mean),
    ARITHMETIC("Max", 6, -1, TYPES_NUMBER, OPERATOR_FUNCTION | OPERATOR_COMMUTES, ROLE_CHOICE, compute_variadic,
               gradient_extreme),
    ARITHMETIC("Min", 6, -1, TYPES_NUMBER, OPERATOR_FUNCTION | OPERATOR_COMMUTES, ROLE_CHOICE, compute_variadic,
               gradient_extreme),
    {0},
};
