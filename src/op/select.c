/* Where: the elements of one tensor or of another. */
#include "op/broadcast.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/unary.h"

static int infer_where(struct infer_context *context, struct error *error)
{
    if (context->inputs[1]->dtype != context->inputs[2]->dtype)
        return error_set(error, ERROR_INPUT, "input 1 is %s, input 2 is %s", dtype_name(context->inputs[1]->dtype),
                         dtype_name(context->inputs[2]->dtype));
    if (infer_broadcast(context, error))
        return -1;
    context->outputs[0].dtype = context->inputs[1]->dtype;
    return 0;
}

/* Elements are only moved: by their sizes. */
#define DEFINE_SELECT(type)                                                                                            \
    static void select_##type(const struct broadcast_row *row, const void *argument)                                   \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        const uint8_t *condition = row->in[0];                                                                         \
        const type *a = row->in[1], *b = row->in[2];                                                                   \
        type *out = row->out;                                                                                          \
        for (int64_t i = 0; i < row->count; i++) {                                                                     \
            type x = a[i * row->stride[1]], y = b[i * row->stride[2]];                                                 \
            out[i] = condition[i * row->stride[0]] ? x : y;                                                            \
        }                                                                                                              \
    }
DEFINE_SELECT(uint8_t)
DEFINE_SELECT(uint32_t)
DEFINE_SELECT(uint64_t)

static int compute_where(struct compute_context *context, struct error *error)
{
    (void)error;
    size_t size = dtype_storage_size(dtype_storage(context->outputs[0]->dtype));
    compute_broadcast(context, size == 1 ? select_uint8_t : size == 4 ? select_uint32_t : select_uint64_t, NULL);
    return 0;
}

static int gradient_where(struct gradient_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *condition = context->node->inputs[0], *dy = context->output_gradients[0];
    struct value *zero = emit_scalar(graph, dy->dtype, 0, error);
    if (!zero)
        return -1;
    if (context->wanted[1] && give_gradient(context, 1, emit_where(graph, condition, dy, zero, error), error))
        return -1;
    return context->wanted[2] ? give_gradient(context, 2, emit_where(graph, condition, zero, dy, error), error) : 0;
}

const struct operator_definition operators_select[] = {
    {.domain = "",
     .name = "Where",
     .since = 9,
     ARITY(3, 3, 1, 1),
     .types = TYPE_BIT(DTYPE_BOOL),
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_SELECTS,
     .roles = {ROLE_MASK, ROLE_CHOICE},
     .infer = infer_where,
     .compute = compute_where,
     .gradient = gradient_where,
     .field = field_pointwise},
    {0},
};
