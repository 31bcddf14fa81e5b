/* Loop (ONNX 1 to 25): while the condition holds, at most M rounds; carried values go from round to round, scan outputs
 * are stacked. */
#include "op/loop.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"

static const struct attribute_rule attributes[] = {
    CONTROL_FLOW_ATTRIBUTES,
    {GRAPH_ATTRIBUTE(struct loop_settings, body), .required = true},
    {0},
};

int loop_read(const struct node *node, struct loop *loop, struct error *error)
{
    const struct loop_settings *settings = node->settings;
    int inputs = control_flow_inputs(node, error);
    if (inputs < 0)
        return -1;
    loop->body = settings->body;
    loop->carried = inputs > 2 ? inputs - 2 : 0;
    loop->scanned = loop->body->output_count - 1 - loop->carried;
    if (loop->body->input_count != 2 + loop->carried || loop->scanned < 0 ||
        node->output_count > loop->carried + loop->scanned)
        return error_set(error, ERROR_INPUT, "the body has %d inputs and %d outputs, the node carries %d values",
                         loop->body->input_count, loop->body->output_count, loop->carried);
    for (int i = 0; i < loop->carried; i++) {
        if (!node->inputs[2 + i])
            return error_set(error, ERROR_INPUT, "carried value %d has no start", i);
    }
    return 0;
}

static int check_scalar(const struct infer_context *context, int index, enum dtype dtype, struct error *error)
{
    if (index >= control_flow_inputs(context->node, NULL) || !infer_has(context, index))
        return 0;
    const struct tensor *tensor = context->inputs[index];
    if (tensor->dtype != dtype || shape_count(&tensor->shape) != 1)
        return error_set(error, ERROR_INPUT, "input %d must be one %s", index, dtype_name(dtype));
    return 0;
}

/* A carried optional may come out of the rounds as a sequence: then only the run tells. */
static enum dtype carried_type(const struct infer_context *context, const struct loop *loop, int index)
{
    enum dtype start = context->inputs[2 + index]->dtype, given = loop->body->outputs[1 + index]->dtype;
    return dtype_is_container(start) && given != start && given != DTYPE_UNDEFINED ? DTYPE_UNDEFINED : start;
}

/* Sizes depend on the number of rounds and may change from round to round: only types are told. */
static int infer_loop(struct infer_context *context, struct error *error)
{
    struct loop loop;
    if (loop_read(context->node, &loop, error) || check_scalar(context, 0, DTYPE_INT64, error) ||
        check_scalar(context, 1, DTYPE_BOOL, error))
        return -1;
    if (control_flow_is_running(context))
        return 0;
    const struct shape scalar = {.rank = 0};
    for (int i = 0; i < loop.body->input_count; i++) {
        struct value *input = loop.body->inputs[i];
        input->dtype = i == 0 ? DTYPE_INT64 : i == 1 ? DTYPE_BOOL : context->inputs[i]->dtype;
        if (i < 2)
            input->shape = scalar;
    }
    control_flow_infer(loop.body);
    for (int i = 0; i < context->output_count; i++) {
        enum dtype dtype = i < loop.carried ? carried_type(context, &loop, i) : loop.body->outputs[1 + i]->dtype;
        if (infer_output(context, i, dtype, SHAPE_UNKNOWN_RANK, NULL, error))
            return -1;
    }
    return 0;
}

/* A loop at work. */
struct loop_run {
    struct loop loop;
    struct memory *memory;
    struct operands outer;
    int64_t round;
    uint8_t condition;
    struct tensor *carried; /* by input of the body, own from the first round on; each round takes them over */
    struct tensor *results; /* of one round */
    struct control_flow_stack *stacks;
    const struct tensor **inputs;
};

static int run_round(struct loop_run *run, struct error *error)
{
    const struct loop *loop = &run->loop;
    const struct tensor round = {.dtype = DTYPE_INT64, .data = &run->round};
    const struct tensor condition = {.dtype = DTYPE_BOOL, .data = &run->condition};
    run->inputs[0] = &round;
    run->inputs[1] = &condition;
    for (int i = 0; i < loop->carried; i++)
        run->inputs[2 + i] = run->round == 0 ? run->outer.inputs[2 + i] : &run->carried[2 + i];
    if (control_flow_run(loop->body, &run->outer, run->inputs, run->carried, run->results, error))
        return -1;
    int result = 0;
    if (run->results[0].dtype != DTYPE_BOOL || shape_count(&run->results[0].shape) != 1)
        result = error_set(error, ERROR_INPUT, "the body's condition must be one bool");
    else
        run->condition = tensor_int(&run->results[0], 0) != 0;
    tensor_release(run->memory, &run->results[0]);
    for (int i = 0; i < loop->carried; i++)
        run->carried[2 + i] = run->results[1 + i];
    for (int i = 0; i < loop->scanned; i++) {
        struct tensor *slice = &run->results[1 + loop->carried + i];
        if (result == 0)
            result = control_flow_push(run->memory, &run->stacks[i], slice, error);
        tensor_release(run->memory, slice);
    }
    return result;
}

static int give_results(struct loop_run *run, struct compute_context *context, struct error *error)
{
    const struct loop *loop = &run->loop;
    for (int i = 0; i < loop->carried; i++) {
        struct tensor final = run->carried[2 + i];
        run->carried[2 + i] = (struct tensor){0};
        if (run->round == 0 && tensor_copy(run->memory, run->outer.inputs[2 + i], &final, error))
            return -1;
        if (i >= context->output_count || !context->outputs[i])
            tensor_release(run->memory, &final);
        else if (control_flow_give(context, i, &final, error))
            return -1;
    }
    for (int i = 0; i < loop->scanned; i++) {
        int output = loop->carried + i;
        struct tensor stacked;
        if (output >= context->output_count || !context->outputs[output])
            continue;
        if (control_flow_stacked(run->memory, &run->stacks[i], loop->body->outputs[1 + output], 0, false, &stacked,
                                 error) ||
            control_flow_give(context, output, &stacked, error))
            return -1;
    }
    return 0;
}

static int run_loop(struct loop_run *run, struct compute_context *context, int64_t most, struct error *error)
{
    for (; run->condition && run->round < most; run->round++) {
        if (control_flow_count_round(run->loop.body, error) || run_round(run, error))
            return error_prefix(error, "round %lld", (long long)run->round);
    }
    return give_results(run, context, error);
}

static int compute_loop(struct compute_context *context, struct error *error)
{
    struct loop_run run = {.memory = context->memory, .outer = OPERANDS(context), .condition = 1};
    if (loop_read(context->node, &run.loop, error))
        return -1;
    int formal = control_flow_inputs(context->node, NULL);
    const struct tensor *rounds = formal > 0 ? context->inputs[0] : NULL;
    const struct tensor *condition = formal > 1 ? context->inputs[1] : NULL;
    if (condition)
        run.condition = tensor_int(condition, 0) != 0;
    size_t carried = (size_t)run.loop.carried, scanned = (size_t)run.loop.scanned;
    run.carried = memory_allocate(run.memory, carried + 2, sizeof *run.carried, error);
    run.results = memory_allocate(run.memory, carried + scanned + 1, sizeof *run.results, error);
    run.stacks = memory_allocate(run.memory, scanned + 1, sizeof *run.stacks, error);
    run.inputs = memory_allocate(run.memory, carried + 2, sizeof *run.inputs, error);
    int result = -1;
    if (run.carried && run.results && run.stacks && run.inputs)
        result = run_loop(&run, context, rounds ? tensor_int(rounds, 0) : INT64_MAX, error);
    for (size_t i = 0; run.carried && i < carried; i++)
        tensor_release(run.memory, &run.carried[2 + i]);
    for (size_t i = 0; run.stacks && i < scanned; i++)
        memory_release(run.memory, run.stacks[i].data);
    memory_release(run.memory, run.carried);
    memory_release(run.memory, run.results);
    memory_release(run.memory, run.stacks);
    memory_release(run.memory, run.inputs);
    return result;
}

const struct operator_definition operators_loop[] = {
    {.domain = "",
     .name = "Loop",
     .since = 1,
     ARITY(0, -1, 0, -1),
     .types = TYPE_BIT(DTYPE_INT64),
     .traits = OPERATOR_OTHER | OPERATOR_CONTAINERS,
     .roles = {ROLE_CONTROL, ROLE_CONTROL, ROLE_DATA},
     SETTINGS(struct loop_settings, attributes),
     .infer = infer_loop,
     .compute = compute_loop,
     .resolve_known = loop_resolve_known},
    {0},
};
