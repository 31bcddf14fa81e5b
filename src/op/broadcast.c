#include "op/broadcast.h"

#include "op/emit.h"
#include "op/infer.h"
#include "op/operand.h"

struct plan {
    const struct broadcast_call *call;
    int rank;                                            /* of the collapsed outer axes */
    int64_t dims[SHAPE_MAX_RANK];                        /* of all collapsed axes, the inner one last */
    int64_t strides[BROADCAST_OPERANDS][SHAPE_MAX_RANK]; /* in elements */
    int64_t rows, width;                                 /* product of the outer axes; the inner axis */
    int64_t inner[BROADCAST_OPERANDS];                   /* strides of the inner axis */
    int64_t sizes[BROADCAST_OPERANDS], out_size;         /* bytes of an element */
};

/* Strides of an operand aligned with the output at the last axes; 0 where it is broadcast. */
static void aligned_strides(const struct shape *operand, const struct shape *out, int64_t strides[SHAPE_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = 1; i <= out->rank; i++) {
        int axis = out->rank - i;
        int64_t size = i <= operand->rank ? operand->dims[operand->rank - i] : 1;
        strides[axis] = size == 1 ? 0 : stride;
        stride *= size;
    }
}

/* Whether all operands walk on evenly from the last collapsed axis into this one. */
static bool axis_joins(const struct plan *plan, int64_t aligned[][SHAPE_MAX_RANK], int axis, int64_t size)
{
    for (int i = 0; i < plan->call->count; i++) {
        if (plan->rank == 0 || plan->strides[i][plan->rank - 1] != aligned[i][axis] * size)
            return false;
    }
    return true;
}

/* Axes are collapsed where they can be; sizes of 1 vanish. */
static void make_plan(struct plan *plan, const struct broadcast_call *call)
{
    const struct shape *out = &call->out->shape;
    int64_t aligned[BROADCAST_OPERANDS][SHAPE_MAX_RANK];
    *plan = (struct plan){.call = call, .rows = 1, .width = 1};
    plan->out_size = (int64_t)dtype_storage_size(dtype_storage(call->out->dtype));
    for (int i = 0; i < call->count; i++) {
        aligned_strides(&call->operands[i]->shape, out, aligned[i]);
        plan->sizes[i] = (int64_t)dtype_storage_size(dtype_storage(call->operands[i]->dtype));
        plan->inner[i] = 1;
    }
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t size = out->dims[axis];
        if (size == 1)
            continue;
        if (axis_joins(plan, aligned, axis, size)) {
            plan->dims[plan->rank - 1] *= size;
        } else {
            plan->dims[plan->rank++] = size;
        }
        for (int i = 0; i < call->count; i++)
            plan->strides[i][plan->rank - 1] = aligned[i][axis];
    }
    if (plan->rank > 0) {
        plan->rank--;
        plan->width = plan->dims[plan->rank];
        for (int i = 0; i < call->count; i++)
            plan->inner[i] = plan->strides[i][plan->rank];
    }
    for (int axis = 0; axis < plan->rank; axis++)
        plan->rows *= plan->dims[axis];
}

/* Elements [begin, end) of one row. */
static void run_row(const struct plan *plan, int64_t index, int64_t begin, int64_t end)
{
    const struct broadcast_call *call = plan->call;
    struct broadcast_row row = {.out = (char *)call->out->data + (index * plan->width + begin) * plan->out_size,
                                .count = end - begin};
    int64_t offsets[BROADCAST_OPERANDS] = {0};
    for (int axis = plan->rank - 1; axis >= 0; axis--) {
        int64_t place = index % plan->dims[axis];
        index /= plan->dims[axis];
        for (int i = 0; i < call->count; i++)
            offsets[i] += place * plan->strides[i][axis];
    }
    for (int i = 0; i < call->count; i++) {
        row.in[i] = (const char *)call->operands[i]->data + (offsets[i] + begin * plan->inner[i]) * plan->sizes[i];
        row.stride[i] = plan->inner[i];
    }
    call->loop(&row, call->argument);
}

static void run_rows(void *argument, int64_t begin, int64_t end)
{
    const struct plan *plan = argument;
    for (int64_t index = begin; index < end; index++)
        run_row(plan, index, 0, plan->width);
}

static void run_part(void *argument, int64_t begin, int64_t end)
{
    run_row(argument, 0, begin, end);
}

void broadcast_run(struct thread_pool *pool, const struct broadcast_call *call)
{
    struct plan plan;
    make_plan(&plan, call);
    if (plan.width == 0)
        return;
    if (plan.rows == 1)
        rows_run(pool, &(struct row_task){run_part, &plan}, plan.width, 1);
    else
        rows_run(pool, &(struct row_task){run_rows, &plan}, plan.rows, plan.width);
}

/* The broadcast shape of all inputs, which must be there and of one type. */
static int same_types(const struct infer_context *context, struct error *error)
{
    for (int i = 0; i < context->input_count; i++) {
        if (!context->inputs[i])
            return error_set(error, ERROR_INPUT, "input %d is missing", i);
    }
    return operand_types(context, 1, error);
}

int infer_broadcast_same(struct infer_context *context, struct error *error)
{
    return same_types(context, error) ? -1 : infer_broadcast(context, error);
}

int infer_broadcast_bool(struct infer_context *context, struct error *error)
{
    if (infer_broadcast_same(context, error))
        return -1;
    context->outputs[0].dtype = DTYPE_BOOL;
    return 0;
}

void compute_broadcast(const struct compute_context *context, broadcast_loop *loop, const void *argument)
{
    struct broadcast_call call = {
        .loop = loop, .argument = argument, .count = context->input_count, .out = context->outputs[0]};
    for (int i = 0; i < call.count; i++)
        call.operands[i] = context->inputs[i];
    broadcast_run(context->pool, &call);
}

int give_gradient(struct gradient_context *context, int index, struct value *gradient, struct error *error)
{
    if (gradient)
        gradient = emit_unbroadcast(context->graph, gradient, &context->node->inputs[index]->shape, error);
    context->input_gradients[index] = gradient;
    return gradient ? 0 : -1;
}

struct value *emit_one(struct graph *graph, const char *op_type, struct value *a, struct error *error)
{
    return a ? emit(graph, op_type, EMIT_INPUTS(a), EMIT_NO_ATTRIBUTES, error) : NULL;
}

struct value *emit_two(struct graph *graph, const char *op_type, struct value *a, struct value *b, struct error *error)
{
    return a && b ? emit(graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
}

struct value *emit_where(struct graph *graph, struct value *condition, struct value *a, struct value *b,
                         struct error *error)
{
    return condition && a && b ? emit(graph, "Where", EMIT_INPUTS(condition, a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
}

enum dtype loop_type(enum dtype dtype)
{
    return dtype == DTYPE_UINT64 ? DTYPE_UINT64 : dtype_storage(dtype);
}
