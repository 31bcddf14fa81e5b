/* Scan (ONNX 8: with a batch axis in front of everything; 9 to 25): one round for each slice of the scanned inputs. */
#include <string.h>

#include "op/control_flow.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"

struct scan_settings {
    struct control_flow_settings control_flow;
    struct graph *body;
    int64_t num_scan_inputs;
    struct ints scan_input_axes, scan_output_axes;
    struct ints directions, scan_input_directions, scan_output_directions; /* 1: from the end */
};

static const struct attribute_rule attributes[] = {
    CONTROL_FLOW_ATTRIBUTES,
    {GRAPH_ATTRIBUTE(struct scan_settings, body), .required = true},
    {INT_ATTRIBUTE(struct scan_settings, num_scan_inputs, 0), .required = true},
    {INTS_ATTRIBUTE(struct scan_settings, directions), .until = 8},
    {INTS_ATTRIBUTE(struct scan_settings, scan_input_axes), .since = 9},
    {INTS_ATTRIBUTE(struct scan_settings, scan_output_axes), .since = 9},
    {INTS_ATTRIBUTE(struct scan_settings, scan_input_directions), .since = 9},
    {INTS_ATTRIBUTE(struct scan_settings, scan_output_directions), .since = 9},
    {0},
};

/* body(states..., slices...) -> states..., scanned... */
struct scan {
    struct graph *body;
    int first;          /* input of the node with the first state */
    int states, sliced; /* inputs that are handed on, inputs that are cut into slices */
    int scanned;        /* outputs that are stacked */
    bool batched;       /* opset 8 */
    int64_t batches, rounds;
};

/* The `index`-th entry of a list, 0 where there is none. */
static int64_t list_at(struct ints list, int index)
{
    return index < list.count ? list.values[index] : 0;
}

static int read_counts(const struct node *node, struct scan *scan, struct error *error)
{
    const struct scan_settings *settings = node->settings;
    int inputs = control_flow_inputs(node, error);
    int64_t sliced = settings->num_scan_inputs;
    *scan = (struct scan){.body = settings->body, .batched = node->opset < 9, .batches = 1};
    scan->first = scan->batched;
    if (inputs < 0)
        return -1;
    if (sliced < 1 || sliced > inputs - scan->first)
        return error_set(error, ERROR_INPUT, "attribute num_scan_inputs is %lld of %d inputs", (long long)sliced,
                         inputs);
    scan->sliced = (int)sliced;
    scan->states = inputs - scan->first - scan->sliced;
    scan->scanned = scan->body->output_count - scan->states;
    if (scan->body->input_count != scan->states + scan->sliced || scan->scanned < 0 ||
        node->output_count > scan->body->output_count)
        return error_set(error, ERROR_INPUT, "the body has %d inputs and %d outputs, the node has %d states",
                         scan->body->input_count, scan->body->output_count, scan->states);
    return 0;
}

/* Axis along which input `index` of the sliced ones is cut, in the node's input. */
static int read_axis(const struct node *node, const struct scan *scan, const struct shape *shape, int index, int *axis,
                     struct error *error)
{
    const struct scan_settings *settings = node->settings;
    int64_t given = scan->batched ? 1 : list_at(settings->scan_input_axes, index);
    return shape_axis(given, shape->rank, axis, error);
}

static int read_scan(const struct node *node, const struct tensor *const *inputs, struct scan *scan,
                     struct error *error)
{
    if (read_counts(node, scan, error))
        return -1;
    if (scan->batched && inputs[0])
        return error_set(error, ERROR_UNSUPPORTED, "sequences of several lengths are not supported");
    for (int i = 0; i < scan->states + scan->sliced; i++) {
        const struct tensor *input = inputs[scan->first + i];
        if (!input)
            return error_set(error, ERROR_INPUT, "input %d is missing", scan->first + i);
        if (dtype_is_container(input->dtype))
            return error_set(error, ERROR_INPUT, "input %d has type %s, where a tensor is carried or scanned",
                             scan->first + i, dtype_name(input->dtype));
        if (scan->batched && (input->shape.rank < 1 || (i > 0 && input->shape.dims[0] != scan->batches)))
            return error_set(error, ERROR_INPUT, "the inputs differ in their batches");
        scan->batches = scan->batched ? input->shape.dims[0] : 1;
        int axis, index = i - scan->states;
        if (index < 0)
            continue;
        if (read_axis(node, scan, &input->shape, index, &axis, error))
            return -1;
        if (index > 0 && input->shape.dims[axis] != scan->rounds)
            return error_set(error, ERROR_INPUT, "the scanned inputs differ in length");
        scan->rounds = input->shape.dims[axis];
    }
    return 0;
}

static struct shape without_axis(const struct shape *shape, int axis)
{
    struct shape slice = {.rank = shape->rank - 1};
    for (int i = 0; i < slice.rank; i++)
        slice.dims[i] = shape->dims[i + (i >= axis)];
    return slice;
}

/* Sizes are known where the states keep their shape and the body's results have one. */
static int infer_outputs(struct infer_context *context, const struct scan *scan, struct error *error)
{
    const struct scan_settings *settings = context->node->settings;
    for (int i = 0; i < scan->states + scan->sliced; i++) {
        const struct tensor *input = context->inputs[scan->first + i];
        struct value *formal = scan->body->inputs[i];
        int axis;
        formal->dtype = input->dtype;
        formal->shape = input->shape;
        if (i < scan->states)
            continue;
        if (read_axis(context->node, scan, &input->shape, i - scan->states, &axis, error))
            return -1;
        formal->shape = without_axis(&input->shape, axis);
    }
    control_flow_infer(scan->body);
    bool steady = true;
    for (int i = 0; i < scan->states; i++)
        steady = steady && shape_equal(&scan->body->outputs[i]->shape, &scan->body->inputs[i]->shape);
    for (int i = 0; i < context->output_count; i++) {
        const struct value *result = scan->body->outputs[i];
        int64_t dims[SHAPE_MAX_RANK + 1];
        int axis, rank = result->shape.rank;
        bool stacked = i >= scan->states;
        if (!steady || rank == SHAPE_UNKNOWN_RANK || (stacked && rank == SHAPE_MAX_RANK)) {
            if (infer_output(context, i, result->dtype, SHAPE_UNKNOWN_RANK, NULL, error))
                return -1;
            continue;
        }
        if (shape_axis(stacked ? list_at(settings->scan_output_axes, i - scan->states) : 0, rank + 1, &axis, error))
            return -1;
        for (int k = 0; k < rank + 1; k++)
            dims[k] = k == axis ? scan->rounds : result->shape.dims[k - (k > axis)];
        if (infer_output(context, i, result->dtype, stacked ? rank + 1 : rank, stacked ? dims : result->shape.dims,
                         error))
            return -1;
    }
    return 0;
}

static int infer_scan(struct infer_context *context, struct error *error)
{
    struct scan scan;
    if (read_scan(context->node, context->inputs, &scan, error))
        return -1;
    if (control_flow_is_running(context))
        return 0;
    if (!scan.batched)
        return infer_outputs(context, &scan, error);
    for (int i = 0; i < context->output_count; i++) {
        if (infer_output(context, i, scan.body->outputs[i]->dtype, SHAPE_UNKNOWN_RANK, NULL, error))
            return -1;
    }
    return 0;
}

/* A scan at work. */
struct scan_run {
    struct scan scan;
    const struct scan_settings *settings;
    struct memory *memory;
    struct operands outer;
    struct tensor *values;              /* inputs of the body: states, slices; owned */
    struct tensor *results;             /* of one round */
    struct control_flow_stack *stacks;  /* of one batch: scanned outputs */
    struct control_flow_stack *batches; /* opset 8: all outputs of every batch */
    const struct tensor **inputs;
};

/* The input as one batch sees it. */
static struct tensor batch_view(const struct scan_run *run, int input, int64_t batch)
{
    struct tensor view = *run->outer.inputs[run->scan.first + input];
    if (run->scan.batched) {
        size_t bytes = tensor_bytes(&view) / (size_t)(view.shape.dims[0] > 0 ? view.shape.dims[0] : 1);
        view.shape = without_axis(&view.shape, 0);
        view.data = (char *)view.data + (size_t)batch * bytes;
    }
    return view;
}

static int cut_slice(const struct scan_run *run, const struct tensor *input, int index, int64_t round,
                     struct tensor *slice, struct error *error)
{
    int axis;
    int64_t given = run->scan.batched ? 0 : list_at(run->settings->scan_input_axes, index);
    if (shape_axis(given, input->shape.rank, &axis, error))
        return -1;
    *slice = (struct tensor){.dtype = input->dtype, .shape = without_axis(&input->shape, axis)};
    if (tensor_allocate(run->memory, slice, error))
        return -1;
    const struct scan_settings *settings = run->settings;
    if (list_at(run->scan.batched ? settings->directions : settings->scan_input_directions, index) != 0)
        round = run->scan.rounds - 1 - round;
    size_t outer = (size_t)shape_product(&input->shape, 0, axis);
    size_t inner = outer > 0 ? tensor_bytes(slice) / outer : 0;
    for (size_t i = 0; i < outer && inner > 0; i++)
        memcpy((char *)slice->data + i * inner,
               (const char *)input->data + (i * (size_t)run->scan.rounds + (size_t)round) * inner, inner);
    return 0;
}

static int run_round(struct scan_run *run, int64_t batch, int64_t round, struct error *error)
{
    const struct scan *scan = &run->scan;
    for (int i = 0; i < scan->sliced; i++) {
        struct tensor input = batch_view(run, scan->states + i, batch), *slice = &run->values[scan->states + i];
        tensor_release(run->memory, slice);
        if (cut_slice(run, &input, i, round, slice, error))
            return -1;
    }
    for (int i = 0; i < scan->states + scan->sliced; i++)
        run->inputs[i] = &run->values[i];
    if (control_flow_run(scan->body, &run->outer, run->inputs, NULL, run->results, error))
        return -1;
    for (int i = 0; i < scan->states; i++) {
        tensor_release(run->memory, &run->values[i]);
        run->values[i] = run->results[i];
    }
    int result = 0;
    for (int i = 0; i < scan->scanned; i++) {
        struct tensor *slice = &run->results[scan->states + i];
        if (result == 0)
            result = control_flow_push(run->memory, &run->stacks[i], slice, error);
        tensor_release(run->memory, slice);
    }
    return result;
}

/* The final states and stacked outputs of one batch go to the node's outputs, or on the stack of batches. */
static int finish_batch(struct scan_run *run, struct compute_context *context, struct error *error)
{
    const struct scan *scan = &run->scan;
    for (int i = 0; i < scan->states + scan->scanned; i++) {
        struct tensor value = {0};
        int index = i - scan->states;
        if (index < 0) {
            value = run->values[i];
            run->values[i] = (struct tensor){0};
        } else if (control_flow_stacked(run->memory, &run->stacks[index], scan->body->outputs[i],
                                        scan->batched ? 0 : list_at(run->settings->scan_output_axes, index),
                                        !scan->batched && list_at(run->settings->scan_output_directions, index) != 0,
                                        &value, error)) {
            return -1;
        }
        int result = 0;
        if (scan->batched) {
            result = control_flow_push(run->memory, &run->batches[i], &value, error);
            tensor_release(run->memory, &value);
        } else if (i < context->output_count && context->outputs[i]) {
            result = control_flow_give(context, i, &value, error);
        } else {
            tensor_release(run->memory, &value);
        }
        if (result)
            return -1;
    }
    return 0;
}

static int run_scan(struct scan_run *run, struct compute_context *context, struct error *error)
{
    const struct scan *scan = &run->scan;
    for (int64_t batch = 0; batch < scan->batches; batch++) {
        for (int i = 0; i < scan->states; i++) {
            struct tensor start = batch_view(run, i, batch);
            tensor_release(run->memory, &run->values[i]);
            if (tensor_copy(run->memory, &start, &run->values[i], error))
                return -1;
        }
        for (int64_t round = 0; round < scan->rounds; round++) {
            if (control_flow_count_round(scan->body, error) || run_round(run, batch, round, error))
                return error_prefix(error, "round %lld", (long long)round);
        }
        if (finish_batch(run, context, error))
            return -1;
    }
    for (int i = 0; scan->batched && i < context->output_count; i++) {
        struct tensor value;
        if (control_flow_stacked(run->memory, &run->batches[i], scan->body->outputs[i], 0, false, &value, error) ||
            control_flow_give(context, i, &value, error))
            return -1;
    }
    return 0;
}

static int compute_scan(struct compute_context *context, struct error *error)
{
    struct scan_run run = {.settings = context->node->settings, .memory = context->memory, .outer = OPERANDS(context)};
    if (read_scan(context->node, context->inputs, &run.scan, error))
        return -1;
    size_t inputs = (size_t)run.scan.body->input_count, outputs = (size_t)run.scan.body->output_count;
    run.values = memory_allocate(run.memory, inputs + 1, sizeof *run.values, error);
    run.results = memory_allocate(run.memory, outputs + 1, sizeof *run.results, error);
    run.stacks = memory_allocate(run.memory, outputs + 1, sizeof *run.stacks, error);
    run.batches = memory_allocate(run.memory, outputs + 1, sizeof *run.batches, error);
    run.inputs = memory_allocate(run.memory, inputs + 1, sizeof *run.inputs, error);
    int result = -1;
    if (run.values && run.results && run.stacks && run.batches && run.inputs)
        result = run_scan(&run, context, error);
    for (size_t i = 0; run.values && i < inputs; i++)
        tensor_release(run.memory, &run.values[i]);
    for (size_t i = 0; i < outputs; i++) {
        memory_release(run.memory, run.stacks ? run.stacks[i].data : NULL);
        memory_release(run.memory, run.batches ? run.batches[i].data : NULL);
    }
    memory_release(run.memory, run.values);
    memory_release(run.memory, run.results);
    memory_release(run.memory, run.stacks);
    memory_release(run.memory, run.batches);
    memory_release(run.memory, run.inputs);
    return result;
}

const struct operator_definition operators_scan[] = {
    {.domain = "",
     .name = "Scan",
     .since = 8,
     ARITY(0, -1, 0, -1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_OTHER | OPERATOR_CONTAINERS, /* those that the body captures */
     .roles = {ROLE_DATA},
     SETTINGS(struct scan_settings, attributes),
     .infer = infer_scan,
     .compute = compute_scan},
    {0},
};
