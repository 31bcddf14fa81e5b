/* BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot on integers. */
#include <stdint.h>
#include <string.h>

#include "op/broadcast.h"
#include "op/families.h"
#include "op/unary.h"

enum bitwise { BITWISE_AND, BITWISE_OR, BITWISE_XOR, BITWISE_NOT, SHIFT_LEFT, SHIFT_RIGHT };

struct bitwise_call {
    enum bitwise function;
    enum dtype type;
};

#define TYPES_UNSIGNED                                                                                                 \
    (TYPE_BIT(DTYPE_UINT8) | TYPE_BIT(DTYPE_UINT16) | TYPE_BIT(DTYPE_UINT32) | TYPE_BIT(DTYPE_UINT64))

/* Shifts are of unsigned numbers, held without loss in the wider types; all bits may be shifted out. */
static inline uint64_t shift_left(uint64_t x, uint64_t count)
{
    return count < 64 ? x << count : 0;
}

static inline uint64_t shift_right(uint64_t x, uint64_t count)
{
    return count < 64 ? x >> count : 0;
}

#define EACH_BITWISE(expression)                                                                                       \
    for (int64_t i = 0; i < row->count; i++) {                                                                         \
        element x = a[i * row->stride[0]], y = b[i * row->stride[1]];                                                  \
        (void)y;                                                                                                       \
        out[i] = (element)(expression);                                                                                \
    }                                                                                                                  \
    break;

#define DEFINE_BITWISE(type)                                                                                           \
    static void bitwise_##type(const struct broadcast_row *row, enum bitwise function)                                 \
    {                                                                                                                  \
        typedef type element;                                                                                          \
        const type *a = row->in[0], *b = function == BITWISE_NOT ? a : row->in[1];                                     \
        type *out = row->out;                                                                                          \
        switch (function) {                                                                                            \
        case BITWISE_AND:                                                                                              \
            EACH_BITWISE(x &y)                                                                                         \
        case BITWISE_OR:                                                                                               \
            EACH_BITWISE(x | y)                                                                                        \
        case BITWISE_XOR:                                                                                              \
            EACH_BITWISE(x ^ y)                                                                                        \
        case BITWISE_NOT:                                                                                              \
            EACH_BITWISE(~x)                                                                                           \
        case SHIFT_LEFT:                                                                                               \
            EACH_BITWISE(shift_left((uint64_t)x, (uint64_t)y))                                                         \
        case SHIFT_RIGHT:                                                                                              \
            EACH_BITWISE(shift_right((uint64_t)x, (uint64_t)y))                                                        \
        }                                                                                                              \
    }
DEFINE_BITWISE(int32_t)
DEFINE_BITWISE(int64_t)
DEFINE_BITWISE(uint8_t)

static void run_bitwise(const struct broadcast_row *row, const void *argument)
{
    const struct bitwise_call *call = argument;
    if (call->type == DTYPE_INT32)
        bitwise_int32_t(row, call->function);
    else if (call->type == DTYPE_INT64)
        bitwise_int64_t(row, call->function);
    else
        bitwise_uint8_t(row, call->function);
}

static enum bitwise read_function(const struct node *node)
{
    static const char *const names[] = {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"};
    if (strcmp(node->op_type, "BitShift") == 0)
        return strcmp(node_string(node, "direction", ""), "LEFT") == 0 ? SHIFT_LEFT : SHIFT_RIGHT;
    int index = 0;
    while (strcmp(names[index], node->op_type) != 0)
        index++;
    return (enum bitwise)index;
}

static int infer_shift(struct infer_context *context, struct error *error)
{
    const char *direction = node_string(context->node, "direction", "");
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return error_set(error, ERROR_INPUT, "direction is neither LEFT nor RIGHT");
    return infer_broadcast_same(context, error);
}

static int compute_bitwise(struct compute_context *context, struct error *error)
{
    (void)error;
    struct bitwise_call call = {read_function(context->node), dtype_storage(context->inputs[0]->dtype)};
    compute_broadcast(context, run_bitwise, &call);
    return 0;
}

#define BITWISE(name_, since_, inputs_, types_, infer_)                                                                \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, .min_inputs = inputs_, .max_inputs = inputs_, .min_outputs = 1,  \
        .max_outputs = 1, .types = types_, .flags = OPERATOR_IN_PLACE | OPERATOR_POINTWISE, .infer = infer_,           \
        .compute = compute_bitwise, .field = field_pointwise                                                           \
    }

const struct operator operators_bitwise[] = {
    BITWISE("BitShift", 11, 2, TYPES_UNSIGNED, infer_shift),
    BITWISE("BitwiseAnd", 18, 2, TYPES_INTEGER, infer_broadcast_same),
    BITWISE("BitwiseOr", 18, 2, TYPES_INTEGER, infer_broadcast_same),
    BITWISE("BitwiseXor", 18, 2, TYPES_INTEGER, infer_broadcast_same),
    BITWISE("BitwiseNot", 18, 1, TYPES_INTEGER, infer_broadcast_same),
    {0},
};
