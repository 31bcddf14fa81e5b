/* BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot on integers. */
#include <stdint.h>
#include <string.h>

#include "op/broadcast.h"
#include "op/families.h"
#include "op/unary.h"

enum bitwise { BITWISE_AND, BITWISE_OR, BITWISE_XOR, BITWISE_NOT, SHIFT_LEFT, SHIFT_RIGHT };

static const char *const directions[] = {"LEFT", "RIGHT", NULL};

struct shift_settings {
    enum { DIRECTION_LEFT, DIRECTION_RIGHT } direction;
};
static const struct attribute_rule shift_attributes[] = {
    {WORD_ATTRIBUTE(struct shift_settings, direction, DIRECTION_LEFT, directions), .required = true},
    {0},
};

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
    const struct shift_settings *settings = node->settings;
    if (strcmp(node->op_type, "BitShift") == 0)
        return settings->direction == DIRECTION_LEFT ? SHIFT_LEFT : SHIFT_RIGHT;
    int index = 0;
    while (strcmp(names[index], node->op_type) != 0)
        index++;
    return (enum bitwise)index;
}

static int compute_bitwise(struct compute_context *context, struct error *error)
{
    (void)error;
    struct bitwise_call call = {read_function(context->node), dtype_storage(context->inputs[0]->dtype)};
    compute_broadcast(context, run_bitwise, &call);
    return 0;
}

#define BITWISE(name_, since_, inputs_, types_, trait_)                                                                \
    .domain = "", .name = name_, .since = since_, ARITY(inputs_, inputs_, 1, 1), .types = types_,                      \
    .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION | trait_, .roles = {ROLE_DATA},               \
    .infer = infer_broadcast_same, .compute = compute_bitwise, .field = field_pointwise

const struct operator_definition operators_bitwise[] = {
    {BITWISE("BitShift", 11, 2, TYPES_UNSIGNED, 0), SETTINGS(struct shift_settings, shift_attributes)},
    {BITWISE("BitwiseAnd", 18, 2, TYPES_INTEGER, OPERATOR_COMMUTES)},
    {BITWISE("BitwiseOr", 18, 2, TYPES_INTEGER, OPERATOR_COMMUTES)},
    {BITWISE("BitwiseXor", 18, 2, TYPES_INTEGER, OPERATOR_COMMUTES)},
    {BITWISE("BitwiseNot", 18, 1, TYPES_INTEGER, 0)},
    {0},
};
