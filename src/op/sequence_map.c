/* SequenceMap: a graph run on the items of one sequence or several side by side. */
#include "op/control_flow.h"
#include "op/families.h"
#include "op/known.h"
#include "op/sequence_operand.h"
#include "op/unroll.h"

struct sequence_map_settings {
    struct control_flow_settings control_flow;
    struct graph *body;
};

static const struct attribute_rule attributes[] = {
    CONTROL_FLOW_ATTRIBUTES,
    {GRAPH_ATTRIBUTE(struct sequence_map_settings, body), .required = true},
    {0},
};

static struct graph *body_of(const struct node *node)
{
    const struct sequence_map_settings *settings = node->settings;
    return settings->body;
}

/* The number of the node's inputs without captured ones; -1 and an error where they or the outputs do not fit the body.
 */
static int check_body(const struct node *node, struct error *error)
{
    const struct graph *body = body_of(node);
    int inputs = control_flow_inputs(node, error);
    if (inputs >= 0 && (body->input_count != inputs || body->output_count != node->output_count))
        return error_set(error, ERROR_INPUT, "the body has %d inputs and %d outputs, the node %d and %d",
                         body->input_count, body->output_count, inputs, node->output_count);
    for (int i = 0; i < inputs; i++) {
        if (!node->inputs[i])
            return error_set(error, ERROR_INPUT, "input %d is missing", i);
    }
    return inputs;
}

static bool is_mapped(enum dtype dtype)
{
    return dtype_is_container(dtype) && !(dtype & DTYPE_OPTIONAL);
}

/* Before running types are told, as far as the body tells them. */
static int infer_map(struct infer_context *context, struct error *error)
{
    struct graph *body = body_of(context->node);
    int inputs = check_body(context->node, error);
    if (inputs < 0 || sequence_check(context, 0, error))
        return -1;
    if (control_flow_is_running(context))
        return 0;
    for (int i = 0; i < inputs; i++) {
        const struct tensor *input = context->inputs[i];
        bool mapped = is_mapped(input->dtype);
        body->inputs[i]->dtype = mapped ? dtype_element(input->dtype) : input->dtype;
        body->inputs[i]->shape = mapped ? (struct shape){.rank = SHAPE_UNKNOWN_RANK} : input->shape;
    }
    control_flow_infer(body);
    for (int i = 0; i < context->output_count; i++) {
        enum dtype dtype = body->outputs[i]->dtype;
        if (infer_output(context, i, dtype == DTYPE_UNDEFINED ? dtype : dtype_sequence_of(dtype_element(dtype)),
                         SHAPE_UNKNOWN_RANK, NULL, error))
            return -1;
    }
    return 0;
}

/* ---- running ---- */

struct map_run {
    struct compute_context *context;
    struct graph *body;
    int inputs;
    int64_t length;
    struct tensor *items; /* by input of the body */
    const struct tensor **pointers;
    struct tensor *results;
};

/* Every sequence is as long as the first. */
static int check_lengths(struct map_run *run, struct error *error)
{
    run->length = sequence_length(run->context->inputs[0]);
    for (int i = 1; i < run->inputs; i++) {
        const struct tensor *input = run->context->inputs[i];
        if (is_mapped(input->dtype) && sequence_length(input) != run->length)
            return error_set(error, ERROR_INPUT, "input %d has %lld items, input 0 has %lld", i,
                             (long long)sequence_length(input), (long long)run->length);
    }
    return 0;
}

static int take_result(const struct map_run *run, int index, int64_t item, struct error *error)
{
    struct tensor *result = &run->results[index], *sequence = run->context->outputs[index];
    struct memory *memory = run->context->memory;
    int failed = 0;
    if (dtype_is_container(result->dtype) ||
        (sequence && item > 0 && sequence->dtype != dtype_sequence_of(result->dtype)))
        failed = error_set(error, ERROR_INPUT, "output %d of the body is %s, where all items are tensors of one type",
                           index, dtype_name(result->dtype));
    else if (sequence && item == 0)
        failed = sequence_create(memory, dtype_sequence_of(result->dtype), run->length, 0, sequence, error);
    if (!failed && sequence)
        failed = sequence_spend(run->context, (int64_t)tensor_bytes(result), error) ||
                 sequence_insert(memory, sequence, item, result, error);
    tensor_release(memory, result);
    return failed ? -1 : 0;
}

static int run_item(const struct map_run *run, int64_t item, struct error *error)
{
    struct compute_context *context = run->context;
    const struct operands outer = OPERANDS(context);
    for (int i = 0; i < run->inputs; i++) {
        run->pointers[i] = context->inputs[i];
        if (is_mapped(context->inputs[i]->dtype)) {
            run->items[i] = sequence_item(context->inputs[i], item);
            run->pointers[i] = &run->items[i];
        }
    }
    if (control_flow_count_round(run->body, error) ||
        control_flow_run(run->body, &outer, run->pointers, NULL, run->results, error))
        return -1;
    int failed = 0;
    for (int i = 0; i < run->body->output_count; i++) {
        if (failed)
            tensor_release(context->memory, &run->results[i]);
        else
            failed = take_result(run, i, item, error);
    }
    return failed;
}

/* Sequences of no items have the type that the body declares. */
static int give_empty(const struct map_run *run, struct error *error)
{
    for (int i = 0; i < run->context->output_count; i++) {
        enum dtype dtype = dtype_element(run->body->outputs[i]->dtype);
        if (run->context->outputs[i] &&
            sequence_create(run->context->memory, dtype_sequence_of(dtype == DTYPE_UNDEFINED ? DTYPE_FLOAT : dtype), 0,
                            0, run->context->outputs[i], error))
            return -1;
    }
    return 0;
}

static int run_items(struct map_run *run, struct error *error)
{
    if (check_lengths(run, error))
        return -1;
    for (int64_t item = 0; item < run->length; item++) {
        if (run_item(run, item, error))
            return error_prefix(error, "item %lld", (long long)item);
    }
    return run->length == 0 ? give_empty(run, error) : 0;
}

static int compute_map(struct compute_context *context, struct error *error)
{
    struct memory *memory = context->memory;
    struct map_run run = {
        .context = context, .body = body_of(context->node), .inputs = check_body(context->node, error)};
    if (run.inputs < 0)
        return -1;
    run.items = memory_allocate(memory, (size_t)run.inputs + 1, sizeof *run.items, error);
    run.pointers = memory_allocate(memory, (size_t)run.inputs + 1, sizeof *run.pointers, error);
    run.results = memory_allocate(memory, (size_t)run.body->output_count + 1, sizeof *run.results, error);
    int result = run.items && run.pointers && run.results ? run_items(&run, error) : -1;
    memory_release(memory, run.items);
    memory_release(memory, run.pointers);
    memory_release(memory, run.results);
    return result;
}

/* ---- unrolling ---- */

/* The length that all mapped sequences are known to have; -1: not known, or too many nodes would come of it. */
static int unrolled_length(const struct expand_context *context, int inputs)
{
    int length = -1;
    for (int i = 0; i < inputs; i++) {
        int count;
        if (!is_mapped(context->inputs[i]->dtype))
            continue;
        if (!sequence_maker(context->inputs[i], &count) || (length >= 0 && count != length))
            return -1;
        length = count;
    }
    return length > 0 && unroll_can(body_of(context->node), length) ? length : -1;
}

/* `results`: of round after round, all that the body gives. */
static int unroll(struct expand_context *context, int inputs, int length, struct value **formal, struct value **results,
                  struct error *error)
{
    const struct graph *body = body_of(context->node);
    struct value *items[KNOWN_MOST_ITEMS];
    int count;
    for (int item = 0; item < length; item++) {
        for (int i = 0; i < inputs; i++) {
            struct value *input = context->inputs[i];
            formal[i] = is_mapped(input->dtype) ? sequence_maker(input, &count)->inputs[item] : input;
        }
        if (graph_copy_subgraph(context->graph, NULL, NULL, body, formal, &results[item * body->output_count], error))
            return -1;
    }
    for (int i = 0; i < context->output_count; i++) {
        for (int item = 0; item < length; item++)
            items[item] = results[item * body->output_count + i];
        if (!(context->outputs[i] = emit_sequence(context->graph, items, length, DTYPE_FLOAT, error)))
            return -1;
    }
    return 1;
}

static int resolve_map(struct expand_context *context, struct error *error)
{
    struct memory *memory = context->graph->context->memory;
    size_t outputs = (size_t)body_of(context->node)->output_count;
    int inputs = check_body(context->node, error), length = inputs < 0 ? -1 : unrolled_length(context, inputs);
    if (inputs < 0 || length < 0)
        return inputs < 0 ? -1 : 0;
    struct value **formal = memory_allocate(memory, (size_t)inputs + 1, sizeof *formal, error);
    struct value **results = memory_allocate(memory, outputs * (size_t)length + 1, sizeof *results, error);
    int result = formal && results ? unroll(context, inputs, length, formal, results, error) : -1;
    memory_release(memory, formal);
    memory_release(memory, results);
    return result;
}

const struct operator_definition operators_sequence_map[] = {
    {.domain = "",
     .name = "SequenceMap",
     .since = 17,
     ARITY(1, -1, 1, -1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_OTHER | OPERATOR_CONTAINERS,
     .roles = {ROLE_DATA},
     SETTINGS(struct sequence_map_settings, attributes),
     .infer = infer_map,
     .compute = compute_map,
     .resolve_known = resolve_map},
    {0},
};
