/* CumSum, CumProd: running sums and products along one axis. */
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

struct cumulative_settings {
    bool exclusive, reverse;
};

static const struct attribute_rule attributes[] = {
    {FLAG_ATTRIBUTE(struct cumulative_settings, exclusive, false)},
    {FLAG_ATTRIBUTE(struct cumulative_settings, reverse, false)},
    {0},
};

static int cumulative_axis(const struct operands *operands, int *axis, struct error *error)
{
    int64_t value;
    if (operand_read_int(operands, 1, &value, error))
        return -1;
    return shape_axis(value, operands->inputs[0]->shape.rank, axis, error);
}

static int infer_cumulative(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    int axis;
    if (input->shape.rank == 0 || shape_count(&context->inputs[1]->shape) != 1)
        return error_set(error, ERROR_INPUT, "the input is a scalar, or the axis is not one number");
    if (operand_known(&operands, 1) && cumulative_axis(&operands, &axis, error))
        return -1;
    return infer_output(context, 0, input->dtype, input->shape.rank, input->shape.dims, error);
}

/* from, to: [outer][size][inner] */
struct cumulative_job {
    const char *from;
    char *to;
    int64_t size, inner;
    enum dtype storage;
    bool product, exclusive, reverse;
};

/* One row of `inner` from the row before it; C type, type in which sums and products wrap without harm. */
#define ACCUMULATE(type, wrapping)                                                                                     \
    for (int64_t i = 0; i < job->inner; i++) {                                                                         \
        wrapping old = previous < 0 ? (wrapping)job->product : (wrapping)((const type *)job->to)[previous + i];        \
        wrapping new = added < 0 ? (wrapping)job->product : (wrapping)((const type *)job->from)[added + i];            \
        ((type *)job->to)[at + i] = (type)(job->product ? old * new : old + new);                                      \
    }

static void accumulate_row(const struct cumulative_job *job, int64_t at, int64_t previous, int64_t added)
{
    switch (job->storage) {
    case DTYPE_FLOAT:
        ACCUMULATE(float, float)
        break;
    case DTYPE_DOUBLE:
        ACCUMULATE(double, double)
        break;
    case DTYPE_INT32:
        ACCUMULATE(int32_t, uint32_t)
        break;
    case DTYPE_INT64:
        ACCUMULATE(int64_t, uint64_t)
        break;
    default:
        ACCUMULATE(uint8_t, uint32_t)
        break;
    }
}

static void accumulate_rows(void *argument, int64_t begin, int64_t end)
{
    const struct cumulative_job *job = argument;
    for (int64_t outer = begin; outer < end; outer++) {
        int64_t previous = -1;
        for (int64_t i = 0; i < job->size; i++) {
            int64_t row = job->reverse ? job->size - 1 - i : i;
            int64_t at = (outer * job->size + row) * job->inner;
            accumulate_row(job, at, previous, job->exclusive ? previous : at);
            previous = at;
        }
    }
}

static int compute_cumulative(struct compute_context *context, struct error *error)
{
    const struct cumulative_settings *settings = context->node->settings;
    struct operands operands = OPERANDS(context);
    const struct tensor *from = context->inputs[0];
    int axis;
    if (cumulative_axis(&operands, &axis, error))
        return -1;
    struct cumulative_job job = {.from = from->data,
                                 .to = context->outputs[0]->data,
                                 .size = from->shape.dims[axis],
                                 .inner = shape_product(&from->shape, axis + 1, from->shape.rank),
                                 .storage = dtype_storage(from->dtype),
                                 .product = strcmp(context->node->op_type, "CumProd") == 0,
                                 .exclusive = settings->exclusive,
                                 .reverse = settings->reverse};
    rows_run(context->pool, &(struct row_task){accumulate_rows, &job}, shape_product(&from->shape, 0, axis),
             job.size * job.inner);
    return 0;
}

/* The sum runs the other way. */
static int gradient_sum(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct cumulative_settings *settings = node->settings;
    if (!context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(
        context->graph, "CumSum", EMIT_INPUTS(context->output_gradients[0], node->inputs[1]),
        EMIT_ATTRIBUTES(EMIT_INT("exclusive", settings->exclusive), EMIT_INT("reverse", !settings->reverse)), error);
    return context->input_gradients[0] ? 0 : -1;
}

#define CUMULATIVE(name_, since_, gradient_)                                                                           \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(2, 2, 1, 1), .types = TYPES_NUMBER,                        \
        .traits = OPERATOR_OTHER, .roles = {ROLE_DATA, ROLE_CONTROL},                                                  \
        SETTINGS(struct cumulative_settings, attributes), .infer = infer_cumulative, .compute = compute_cumulative,    \
        .gradient = gradient_                                                                                          \
    }

const struct operator_definition operators_cumulative[] = {
    CUMULATIVE("CumSum", 11, gradient_sum),
    CUMULATIVE("CumProd", 26, NULL),
    {0},
};
