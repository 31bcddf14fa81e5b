#include "graph/match.h"
#include "op/emit.h"
#include "op/expansion.h"
#include "op/loop.h"
#include "op/sequence_operand.h"
#include "op/settings.h"
#include "op/unroll.h"

/* Whether a value of the body is true in every round as long as the condition handed in is. */
static bool is_always_true(const struct graph *body, const struct value *value)
{
    struct error ignored = ERROR_INITIALISER;
    while (!value->constant && value->producer && value->producer->input_count == 1 && value->producer->inputs[0] &&
           (match_operator(value->producer, "Identity") || match_operator(value->producer, "Cast")))
        value = value->producer->inputs[0];
    if (value == body->inputs[1])
        return true;
    const struct constant_settings *settings = match_settings(value->producer, "Constant");
    struct constant *constant = value->constant ? value->constant : settings ? settings->value : NULL;
    const struct tensor *data = constant ? constant_data(constant, &ignored) : NULL;
    return data && shape_count(&data->shape) == 1 && tensor_int(data, 0) != 0;
}

static bool handles_containers(const struct expand_context *context)
{
    for (int i = 0; i < context->input_count; i++) {
        if (context->inputs[i] && dtype_is_container(context->inputs[i]->dtype))
            return true;
    }
    return false;
}

/* The one number of input `input`; -1: it is omitted or not known. */
static int64_t known_number(const struct expand_context *context, int input)
{
    struct error ignored = ERROR_INITIALISER;
    const struct value *value = context->inputs[input];
    const struct tensor *data = value && value->constant ? constant_data(value->constant, &ignored) : NULL;
    return data && shape_count(&data->shape) == 1 ? tensor_int(data, 0) : -1;
}

/* How often the loop runs where that is known and not too often; 0: it stays. */
static int known_rounds(const struct expand_context *context, const struct loop *loop)
{
    int formal = control_flow_inputs(context->node, NULL);
    if (formal < 2 || !handles_containers(context) || (context->inputs[1] && known_number(context, 1) != 1) ||
        !is_always_true(loop->body, loop->body->outputs[0]))
        return 0;
    int64_t rounds = known_number(context, 0);
    return rounds > 0 && rounds <= KNOWN_MOST_ITEMS && unroll_can(loop->body, rounds) ? (int)rounds : 0;
}

/* What one output gave round by round, along a new axis in front. */
static struct value *stack(struct expand_context *context, struct value *const *results, int step, int rounds,
                           struct error *error)
{
    struct value *slices[KNOWN_MOST_ITEMS];
    const int64_t axis = 0;
    struct value *axes = emit_int_list(context->graph, &axis, 1, error);
    for (int round = 0; round < rounds && axes; round++) {
        slices[round] =
            emit(context->graph, "Unsqueeze", EMIT_INPUTS(results[round * step], axes), EMIT_NO_ATTRIBUTES, error);
        if (!slices[round])
            return NULL;
    }
    return axes ? emit(context->graph, "Concat", slices, rounds, EMIT_ATTRIBUTES(EMIT_INT("axis", 0)), error) : NULL;
}

/* `formal`: what the body gets; `results`: of round after round, all that it gives. */
static int unroll(struct expand_context *context, const struct loop *loop, int rounds, struct value **formal,
                  struct value **results, struct error *error)
{
    const struct graph *body = loop->body;
    int step = body->output_count;
    formal[1] = emit_scalar(context->graph, DTYPE_BOOL, 1, error);
    for (int i = 0; i < loop->carried; i++)
        formal[2 + i] = context->inputs[2 + i];
    for (int round = 0; round < rounds; round++) {
        struct value **given = &results[round * step];
        formal[0] = emit_scalar(context->graph, DTYPE_INT64, round, error);
        if (!formal[0] || !formal[1] || graph_copy_subgraph(context->graph, NULL, NULL, body, formal, given, error))
            return -1;
        for (int i = 0; i < loop->carried; i++)
            formal[2 + i] = given[1 + i];
    }
    for (int i = 0; i < context->output_count; i++) {
        if (!expansion_wants(context, i))
            continue;
        context->outputs[i] = i < loop->carried ? formal[2 + i] : stack(context, &results[1 + i], step, rounds, error);
        if (!context->outputs[i])
            return -1;
    }
    return 1;
}

int loop_resolve_known(struct expand_context *context, struct error *error)
{
    struct memory *memory = context->graph->context->memory;
    struct loop loop;
    if (loop_read(context->node, &loop, error))
        return -1;
    int rounds = known_rounds(context, &loop);
    if (rounds == 0)
        return 0;
    size_t given = (size_t)rounds * (size_t)loop.body->output_count;
    struct value **formal = memory_allocate(memory, (size_t)loop.body->input_count + 1, sizeof *formal, error);
    struct value **results = memory_allocate(memory, given + 1, sizeof *results, error);
    int result = formal && results ? unroll(context, &loop, rounds, formal, results, error) : -1;
    memory_release(memory, formal);
    memory_release(memory, results);
    return result;
}
