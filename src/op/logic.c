/* And, Or, Xor, Not on bools. */
#include <string.h>

#include "op/broadcast.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/unary.h"

static void run_and(const struct broadcast_row *row, const void *argument)
{
    (void)argument;
    const uint8_t *a = row->in[0], *b = row->in[1];
    for (int64_t i = 0; i < row->count; i++)
        ((uint8_t *)row->out)[i] = a[i * row->stride[0]] & b[i * row->stride[1]];
}

static void run_or(const struct broadcast_row *row, const void *argument)
{
    (void)argument;
    const uint8_t *a = row->in[0], *b = row->in[1];
    for (int64_t i = 0; i < row->count; i++)
        ((uint8_t *)row->out)[i] = a[i * row->stride[0]] | b[i * row->stride[1]];
}

static void run_xor(const struct broadcast_row *row, const void *argument)
{
    (void)argument;
    const uint8_t *a = row->in[0], *b = row->in[1];
    for (int64_t i = 0; i < row->count; i++)
        ((uint8_t *)row->out)[i] = a[i * row->stride[0]] ^ b[i * row->stride[1]];
}

static void run_not(const struct broadcast_row *row, const void *argument)
{
    (void)argument;
    const uint8_t *a = row->in[0];
    for (int64_t i = 0; i < row->count; i++)
        ((uint8_t *)row->out)[i] = !a[i * row->stride[0]];
}

static int compute_logic(struct compute_context *context, struct error *error)
{
    (void)error;
    static const struct {
        const char *op_type;
        broadcast_loop *loop;
    } loops[] = {{"And", run_and}, {"Or", run_or}, {"Xor", run_xor}, {"Not", run_not}};
    int index = 0;
    while (strcmp(loops[index].op_type, context->node->op_type) != 0)
        index++;
    compute_broadcast(context, loops[index].loop, NULL);
    return 0;
}

#define LOGIC(name_, since_, inputs_)                                                                                  \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(inputs_, inputs_, 1, 1), .types = TYPE_BIT(DTYPE_BOOL),    \
        .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION | (inputs_ == 2 ? OPERATOR_COMMUTES : 0), \
        .roles = {ROLE_DATA}, .infer = infer_broadcast_same, .compute = compute_logic, .field = field_pointwise        \
    }

const struct operator_definition operators_logic[] = {
    LOGIC("And", 7, 2), LOGIC("Or", 7, 2), LOGIC("Xor", 7, 2), LOGIC("Not", 1, 1), {0},
};
