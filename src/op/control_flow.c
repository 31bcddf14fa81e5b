#include "op/control_flow.h"

#include <string.h>

#include "base/number.h"
#include "op/evaluate.h"
#include "op/infer.h"

/* A value of a running graph. */
struct slot {
    struct tensor tensor;
    bool owned;
    int readers; /* nodes' inputs and graph outputs that are still to read it */
};

struct run {
    struct graph *graph;
    const struct operands *outer;
    struct slot *slots; /* by value id */
    const struct tensor **inputs;
    struct tensor *outputs; /* of the node at hand */
};

static const struct tensor *find_outer(const struct operands *outer, const struct value *value, struct error *error)
{
    for (int i = 0; outer && i < outer->count; i++) {
        if (outer->node->inputs[i] == value && outer->inputs[i])
            return outer->inputs[i];
    }
    error_set(error, ERROR_INTERNAL, "the outer value '%s' is not at hand", value->name);
    return NULL;
}

static const struct tensor *find_tensor(const struct run *run, const struct value *value, struct error *error)
{
    if (value->constant)
        return constant_data(value->constant, error);
    return value->graph == run->graph ? &run->slots[value->id].tensor : find_outer(run->outer, value, error);
}

static void drop_reader(const struct run *run, const struct value *value)
{
    if (!value || value->graph != run->graph)
        return;
    struct slot *slot = &run->slots[value->id];
    if (--slot->readers <= 0 && slot->owned) {
        tensor_release(run->graph->context->memory, &slot->tensor);
        slot->owned = false;
    }
}

/* Whether this node is the last to read its input 0, which the run owns. */
static bool reads_last(const struct run *run, const struct node *node)
{
    const struct value *value = node->input_count > 0 ? node->inputs[0] : NULL;
    if (!value || value->constant || value->graph != run->graph)
        return false;
    const struct slot *slot = &run->slots[value->id];
    return slot->owned && slot->readers == 1;
}

static int run_node(const struct run *run, const struct node *node, struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        run->inputs[i] = value ? find_tensor(run, value, error) : NULL;
        if (value && !run->inputs[i])
            return -1;
    }
    struct context *context = run->graph->context;
    if (reads_last(run, node) ? evaluate_node_last(context, node, run->inputs, run->outputs, error)
                              : evaluate_node(context, node, run->inputs, run->outputs, error))
        return -1;
    for (int i = 0; i < node->output_count; i++) {
        if (!node->outputs[i])
            continue;
        struct slot *slot = &run->slots[node->outputs[i]->id];
        slot->tensor = run->outputs[i];
        slot->owned = true;
        slot->readers++;
        drop_reader(run, node->outputs[i]); /* that nobody reads */
    }
    for (int i = 0; i < node->input_count; i++)
        drop_reader(run, node->inputs[i]);
    return 0;
}

static void count_readers(const struct run *run)
{
    const struct graph *graph = run->graph;
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] && node->inputs[i]->graph == graph)
                run->slots[node->inputs[i]->id].readers++;
        }
    }
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i]->graph == graph)
            run->slots[graph->outputs[i]->id].readers++;
    }
}

/* A result that nobody else reads is handed over, others are copied. */
static int take_output(const struct run *run, const struct value *value, struct tensor *output, struct error *error)
{
    const struct tensor *tensor = find_tensor(run, value, error);
    if (!tensor)
        return -1;
    struct slot *slot = value->graph == run->graph ? &run->slots[value->id] : NULL;
    if (slot && slot->owned && !value->constant && slot->readers == 1) {
        *output = slot->tensor;
        slot->owned = false;
        return 0;
    }
    if (!tensor->data && shape_count(&tensor->shape) > 0)
        return error_set(error, ERROR_INPUT, "the graph's output '%s' has no elements", value->name);
    if (slot)
        slot->readers--;
    struct context *context = run->graph->context;
    if (work_spend(context->work, (int64_t)(tensor_bytes(tensor) / sizeof(float)), error))
        return -1;
    return tensor_copy(context->memory, tensor, output, error);
}

static void put_inputs(const struct run *run, const struct tensor *const *inputs, struct tensor *handed)
{
    const struct graph *graph = run->graph;
    for (int i = 0; i < graph->input_count; i++) {
        struct slot *slot = &run->slots[graph->inputs[i]->id];
        if (!inputs[i])
            continue;
        slot->tensor = *inputs[i];
        slot->owned = handed && inputs[i] == &handed[i];
        if (slot->owned)
            handed[i] = (struct tensor){0};
    }
}

static int run_graph(const struct run *run, const struct tensor *const *inputs, struct tensor *handed,
                     struct tensor *outputs, struct error *error)
{
    const struct graph *graph = run->graph;
    count_readers(run);
    put_inputs(run, inputs, handed);
    for (const struct node *node = graph->first; node; node = node->next) {
        if (run_node(run, node, error))
            return -1;
    }
    for (int i = 0; i < graph->output_count; i++) {
        if (take_output(run, graph->outputs[i], &outputs[i], error)) {
            while (i-- > 0)
                tensor_release(graph->context->memory, &outputs[i]);
            return -1;
        }
    }
    return 0;
}

/* What a round costs beside its nodes. */
#define OPERATIONS_PER_ROUND 1000

int control_flow_count_round(const struct graph *graph, struct error *error)
{
    if (++graph->context->rounds > LIMIT_ITERATIONS)
        return error_set(error, ERROR_LIMIT, "too many rounds in one run (limit %d)", LIMIT_ITERATIONS);
    return work_spend(graph->context->work, OPERATIONS_PER_ROUND, error);
}

int control_flow_run(struct graph *graph, const struct operands *outer, const struct tensor *const *inputs,
                     struct tensor *handed, struct tensor *outputs, struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t most = 0;
    for (const struct node *node = graph->first; node; node = node->next) {
        most = (size_t)node->input_count > most ? (size_t)node->input_count : most;
        most = (size_t)node->output_count > most ? (size_t)node->output_count : most;
    }
    struct run run = {.graph = graph, .outer = outer};
    run.slots = memory_allocate(memory, graph->value_count + 1, sizeof *run.slots, error);
    run.inputs = memory_allocate(memory, most + 1, sizeof(struct tensor *), error);
    run.outputs = memory_allocate(memory, most + 1, sizeof(struct tensor), error);
    int result = -1;
    if (run.slots && run.inputs && run.outputs)
        result = run_graph(&run, inputs, handed, outputs, error);
    for (size_t i = 0; run.slots && i < graph->value_count; i++) {
        if (run.slots[i].owned)
            tensor_release(memory, &run.slots[i].tensor);
    }
    memory_release(memory, run.slots);
    memory_release(memory, run.inputs);
    memory_release(memory, run.outputs);
    return result;
}

int control_flow_inputs(const struct node *node, struct error *error)
{
    const struct control_flow_settings *settings = node->settings;
    if (settings->captures < 0 || settings->captures > node->input_count)
        return error_set(error, ERROR_INPUT, "attribute captures is out of range");
    return node->input_count - (int)settings->captures;
}

void control_flow_infer(struct graph *graph)
{
    struct error ignored = ERROR_INITIALISER;
    for (struct node *node = graph->first; node; node = node->next) {
        if (infer_values(node, &ignored))
            return;
    }
}

bool control_flow_is_running(const struct infer_context *context)
{
    for (int i = 0; i < context->input_count; i++) {
        const struct tensor *input = context->inputs[i];
        if (input && !input->data && (input->shape.rank == SHAPE_UNKNOWN_RANK || shape_count(&input->shape) > 0))
            return false;
    }
    return true;
}

bool control_flow_is_random(const struct node *node)
{
    struct graph *graph;
    for (int i = 0; (graph = node_subgraph(node, i)) != NULL; i++) {
        for (const struct node *inner = graph->first; inner; inner = inner->next) {
            if (!inner->definition || inner->definition->traits & OPERATOR_RANDOM || control_flow_is_random(inner))
                return true;
        }
    }
    return false;
}

int control_flow_give(struct compute_context *context, int index, struct tensor *result, struct error *error)
{
    struct tensor *output = index < context->output_count ? context->outputs[index] : NULL;
    char text[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    int failed = 0;
    if (output && output->shape.rank == SHAPE_UNKNOWN_RANK) {
        *output = *result;
        return 0;
    }
    if (output && (output->dtype != result->dtype || !shape_equal(&output->shape, &result->shape)))
        failed = error_set(error, ERROR_INPUT, "output %d is %s %s, expected %s %s", index, dtype_name(result->dtype),
                           shape_text(&result->shape, text), dtype_name(output->dtype),
                           shape_text(&output->shape, expected));
    else if (output && tensor_bytes(result) > 0)
        memcpy(output->data, result->data, tensor_bytes(result));
    tensor_release(context->memory, result);
    return failed;
}

int control_flow_push(struct memory *memory, struct control_flow_stack *stack, const struct tensor *slice,
                      struct error *error)
{
    char text[SHAPE_TEXT_SIZE], first[SHAPE_TEXT_SIZE];
    size_t bytes = tensor_bytes(slice), needed;
    if (dtype_is_container(slice->dtype))
        return error_set(error, ERROR_INPUT, "a scan output is a tensor, not of type %s", dtype_name(slice->dtype));
    if (stack->count > 0 && (stack->slice.dtype != slice->dtype || !shape_equal(&stack->slice.shape, &slice->shape)))
        return error_set(error, ERROR_INPUT, "a scan output has the shape %s in round %lld, %s before",
                         shape_text(&slice->shape, text), (long long)stack->count,
                         shape_text(&stack->slice.shape, first));
    stack->slice = (struct tensor){.dtype = slice->dtype, .shape = slice->shape};
    if (checked_add(stack->bytes, bytes, &needed))
        return error_set(error, ERROR_LIMIT, "a scan output grows too large");
    if (needed > stack->capacity) {
        size_t capacity = needed > SIZE_MAX / 2 ? needed : needed * 2;
        char *data = memory_resize(memory, stack->data, capacity, 1, error);
        if (!data)
            return -1;
        stack->data = data;
        stack->capacity = capacity;
    }
    if (bytes > 0)
        memcpy(stack->data + stack->bytes, slice->data, bytes);
    stack->bytes = needed;
    stack->count++;
    return 0;
}

/* Type and shape of a slice that was never made: what the graph declares, free sizes being 0. */
static void declared_slice(const struct value *value, struct tensor *slice)
{
    *slice = (struct tensor){.dtype = value->dtype == DTYPE_UNDEFINED ? DTYPE_FLOAT : value->dtype};
    if (value->shape.rank != SHAPE_UNKNOWN_RANK) {
        slice->shape = value->shape;
        return;
    }
    for (int i = 0; i < value->declared_rank && i < SHAPE_MAX_RANK; i++)
        slice->shape.dims[slice->shape.rank++] = int64_max(value->declared[i].size, 0);
}

/* [rounds, outer, inner] to [outer, rounds, inner]. */
static void arrange(const struct control_flow_stack *stack, const struct tensor *result, int axis, bool reverse)
{
    size_t outer = (size_t)shape_product(&stack->slice.shape, 0, axis), rounds = (size_t)stack->count;
    size_t inner = outer > 0 && rounds > 0 ? stack->bytes / outer / rounds : 0;
    for (size_t round = 0; round < rounds && inner > 0; round++) {
        size_t from = reverse ? rounds - 1 - round : round;
        for (size_t i = 0; i < outer; i++)
            memcpy((char *)result->data + (i * rounds + round) * inner, stack->data + (from * outer + i) * inner,
                   inner);
    }
}

int control_flow_stacked(struct memory *memory, struct control_flow_stack *stack, const struct value *value,
                         int64_t given_axis, bool reverse, struct tensor *result, struct error *error)
{
    if (stack->count == 0)
        declared_slice(value, &stack->slice);
    int axis, rank = stack->slice.shape.rank + 1;
    int64_t dims[SHAPE_MAX_RANK + 1];
    if (shape_axis(given_axis, rank, &axis, error))
        return -1;
    for (int i = 0; i < rank; i++)
        dims[i] = i == axis ? stack->count : stack->slice.shape.dims[i - (i > axis)];
    *result = (struct tensor){.dtype = stack->slice.dtype};
    if (shape_set(&result->shape, rank, dims, error) || tensor_allocate(memory, result, error))
        return -1;
    arrange(stack, result, axis, reverse);
    memory_release(memory, stack->data);
    *stack = (struct control_flow_stack){0};
    return 0;
}
