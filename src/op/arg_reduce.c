/* ArgMax and ArgMin: where along an axis the extreme element stands. */
#include <stdint.h>
#include <string.h>

#include "op/broadcast.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"

struct arg_settings {
    int64_t axis;
    bool keepdims, select_last_index;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct arg_settings, axis, 0)},
    {FLAG_ATTRIBUTE(struct arg_settings, keepdims, true)},
    {FLAG_ATTRIBUTE(struct arg_settings, select_last_index, false), .since = 12},
    {0},
};

static int infer_arg(struct infer_context *context, struct error *error)
{
    const struct arg_settings *settings = context->node->settings;
    const struct shape *from = &context->inputs[0]->shape;
    int64_t dims[SHAPE_MAX_RANK];
    int axis, rank = 0;
    if (shape_axis(settings->axis, from->rank, &axis, error))
        return -1;
    if (from->dims[axis] == 0)
        return error_set(error, ERROR_INPUT, "axis %d has no elements to choose from", axis);
    for (int i = 0; i < from->rank; i++) {
        if (i != axis || settings->keepdims)
            dims[rank++] = i == axis ? 1 : from->dims[i];
    }
    return infer_output(context, 0, DTYPE_INT64, rank, dims, error);
}

/* from: [outer][size][inner], to: [outer][inner] */
struct arg_job {
    const void *from;
    int64_t *to;
    int64_t size, inner;
    enum dtype type;
    bool smallest, last; /* of equal elements the last */
};

#define ARG_TYPES(X)                                                                                                   \
    X(DTYPE_FLOAT, float)                                                                                              \
    X(DTYPE_DOUBLE, double)                                                                                            \
    X(DTYPE_INT32, int32_t)                                                                                            \
    X(DTYPE_INT64, int64_t)                                                                                            \
    X(DTYPE_UINT64, uint64_t)                                                                                          \
    X(DTYPE_UINT8, uint8_t)

/* NaN counts as more extreme than any number, as in numpy. */
#define DEFINE_ARG(code, type)                                                                                         \
    static void arg_##type(const struct arg_job *job, int64_t outer)                                                   \
    {                                                                                                                  \
        const type *from = (const type *)job->from + outer * job->size * job->inner;                                   \
        int64_t *to = job->to + outer * job->inner;                                                                    \
        memset(to, 0, (size_t)job->inner * sizeof *to);                                                                \
        for (int64_t row = 1; row < job->size; row++) {                                                                \
            for (int64_t i = 0; i < job->inner; i++) {                                                                 \
                type x = from[row * job->inner + i], best = from[to[i] * job->inner + i];                              \
                bool better = job->smallest ? x < best : x > best;                                                     \
                bool equal = x == best || (x != x && best != best);                                                    \
                if ((better && best == best) || (x != x && best == best) || (equal && job->last))                      \
                    to[i] = row;                                                                                       \
            }                                                                                                          \
        }                                                                                                              \
    }
ARG_TYPES(DEFINE_ARG)

static void arg_rows(void *argument, int64_t begin, int64_t end)
{
    const struct arg_job *job = argument;
    for (int64_t outer = begin; outer < end; outer++) {
        switch (job->type) {
#define CALL_ARG(code, type)                                                                                           \
    case code:                                                                                                         \
        arg_##type(job, outer);                                                                                        \
        break;
            ARG_TYPES(CALL_ARG)
        default:
            break;
        }
    }
}

static int compute_arg(struct compute_context *context, struct error *error)
{
    const struct arg_settings *settings = context->node->settings;
    const struct tensor *from = context->inputs[0];
    int axis;
    if (shape_axis(settings->axis, from->shape.rank, &axis, error))
        return -1;
    struct arg_job job = {.from = from->data,
                          .to = context->outputs[0]->data,
                          .size = from->shape.dims[axis],
                          .inner = shape_product(&from->shape, axis + 1, from->shape.rank),
                          .type = loop_type(from->dtype),
                          .smallest = strcmp(context->node->op_type, "ArgMin") == 0,
                          .last = settings->select_last_index};
    if (shape_count(&from->shape) > 0)
        rows_run(context->pool, &(struct row_task){arg_rows, &job}, shape_product(&from->shape, 0, axis),
                 job.size * job.inner);
    return 0;
}

/* The whole of the axis; the other axes at their own places. */
static int field_arg(struct field_context *context, struct error *error)
{
    const struct arg_settings *settings = context->node->settings;
    const struct shape *from = &context->inputs[0]->shape;
    int axis, at = 0;
    if (shape_axis(settings->axis, from->rank, &axis, error))
        return -1;
    for (int i = 0; i < from->rank; i++) {
        context->reads[i] = i == axis ? interval_full(from->dims[i]) : context->cells[at];
        at += i != axis || settings->keepdims;
    }
    return 0;
}

#define ARG(name_)                                                                                                     \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 1, ARITY(1, 1, 1, 1), .types = TYPES_NUMBER,                             \
        .traits = OPERATOR_SELECTS | OPERATOR_FINDS, .roles = {ROLE_DATA}, SETTINGS(struct arg_settings, attributes),  \
        .infer = infer_arg, .compute = compute_arg, .field = field_arg                                                 \
    }

const struct operator_definition operators_arg_reduce[] = {ARG("ArgMax"), ARG("ArgMin"), {0}};
