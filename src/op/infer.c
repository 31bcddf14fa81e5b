#include "op/infer.h"

#include <stdio.h>
#include <string.h>

/* Refuses a number of inputs or outputs that is not `least` to `most` (-1: any number). */
static int check_number(int count, int least, int most, const char *what, const char *does, struct error *error)
{
    char to[24] = "";
    if (count >= least && (most < 0 || count <= most))
        return 0;
    if (most > least)
        snprintf(to, sizeof to, " to %d", most);
    return error_set(error, ERROR_INPUT, "has %d %s%s, the operator %s %s%d%s", count, what, count == 1 ? "" : "s",
                     does, most < 0 ? "at least " : "", least, to);
}

static int check_arity(const struct node *node, const struct tensor *const *inputs, struct error *error)
{
    const struct operator_definition *definition = node->definition;
    if (check_number(node->input_count, definition->min_inputs, definition->max_inputs, "input", "takes", error) ||
        check_number(node->output_count, definition->min_outputs, definition->max_outputs, "output", "gives", error))
        return -1;
    for (int i = 0; i < definition->min_inputs; i++) {
        if (!inputs[i])
            return error_set(error, ERROR_INPUT, "input %d is missing", i);
    }
    /* Passes leave out what nobody reads of operators that they alone make. */
    for (int i = 0; i < definition->min_outputs && strcmp(node->domain, DOMAIN_INTERNAL) != 0; i++) {
        if (!node->outputs[i])
            return error_set(error, ERROR_INPUT, "output %d has no name, and the operator always gives it", i);
    }
    return 0;
}

/* Whether a value of the type can be held: a tensor or, by an operator that takes containers, one of tensors. */
static bool is_held(const struct node *node, enum dtype dtype)
{
    return (!dtype_is_container(dtype) || node->definition->traits & OPERATOR_CONTAINERS) &&
           dtype_storage(dtype_element(dtype)) != DTYPE_UNDEFINED;
}

static int check_type(const struct node *node, int input, enum dtype dtype, struct error *error)
{
    const struct operator_definition *definition = node->definition;
    if (dtype_is_container(dtype) && !(definition->traits & OPERATOR_CONTAINERS))
        return error_set(error, ERROR_INPUT, "input %d is %s %s, where the operator takes a tensor", input,
                         dtype & DTYPE_OPTIONAL ? "an" : "a", dtype_name(dtype));
    if (input == 0 && !(definition->types & TYPE_BIT(dtype_element(dtype))))
        return error_set(error, ERROR_UNSUPPORTED, "input 0 has type %s, which the operator is not written for",
                         dtype_name(dtype));
    if (!is_held(node, dtype))
        return error_set(error, ERROR_UNSUPPORTED, "input %d has type %s, which cannot be computed with", input,
                         dtype_name(dtype));
    return 0;
}

static int check_types(const struct node *node, const struct tensor *const *inputs, struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        if (inputs[i] && check_type(node, i, inputs[i]->dtype, error))
            return -1;
    }
    return 0;
}

static int check_outputs(const struct node *node, const struct tensor *outputs, struct error *error)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && !is_held(node, outputs[i].dtype) &&
            (outputs[i].dtype != DTYPE_UNDEFINED || outputs[i].shape.rank != SHAPE_UNKNOWN_RANK))
            return error_set(error, ERROR_UNSUPPORTED, "output %d has type %s, which cannot be computed with", i,
                             dtype_name(outputs[i].dtype));
    }
    return 0;
}

int infer_node(const struct node *node, const struct tensor *const *inputs, struct tensor *outputs,
               struct memory *memory, struct error *error)
{
    struct infer_context context = {.node = node,
                                    .input_count = node->input_count,
                                    .output_count = node->output_count,
                                    .inputs = inputs,
                                    .outputs = outputs,
                                    .memory = memory};
    for (int i = 0; i < node->output_count; i++)
        outputs[i] = (struct tensor){.shape.rank = SHAPE_UNKNOWN_RANK};
    char label[NODE_LABEL_SIZE];
    if (!node->definition) {
        error_set(error, ERROR_UNSUPPORTED, "the operator is not one that fovea has");
        return error_prefix(error, "%s", node_label(node, label));
    }
    if (node_check_settings(node, error) || check_arity(node, inputs, error) || check_types(node, inputs, error) ||
        node->definition->infer(&context, error) || check_outputs(node, outputs, error))
        return error_prefix(error, "%s", node_label(node, label));
    return 0;
}

int infer_tensor(const struct value *value, struct tensor *tensor, struct error *error)
{
    enum { SMALL = 4096 };
    *tensor = (struct tensor){.dtype = value->dtype, .shape = value->shape};
    if (value->constant && shape_count(&value->shape) <= SMALL) {
        const struct tensor *data = constant_data(value->constant, error);
        if (!data)
            return -1;
        tensor->data = data->data;
    }
    return 0;
}

struct infer_slots {
    const struct tensor **inputs;
    struct tensor *tensors, *outputs;
};

/* Containers say their type before running, and nothing else. */
static int check_containers(const struct node *node, bool *any, struct error *error)
{
    char label[NODE_LABEL_SIZE];
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (!value || !dtype_is_container(value->dtype))
            continue;
        *any = true;
        if (node->definition && check_type(node, i, value->dtype, error))
            return error_prefix(error, "%s", node_label(node, label));
    }
    return 0;
}

static int fill_and_infer(struct node *node, struct infer_slots *slots, struct error *error)
{
    bool containers = false;
    if (check_containers(node, &containers, error))
        return -1;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (!value)
            continue;
        if (value->shape.rank == SHAPE_UNKNOWN_RANK && !dtype_is_container(value->dtype))
            return 0; /* data-dependent: inferred when the node runs */
        if (infer_tensor(value, &slots->tensors[i], error))
            return -1;
        slots->inputs[i] = &slots->tensors[i];
    }
    struct error refusal = ERROR_INITIALISER;
    if (infer_node(node, slots->inputs, slots->outputs, node->graph->context->memory, &refusal)) {
        if (refusal.kind == ERROR_DATA_DEPENDENT)
            return 0;
        if (error && error->kind == ERROR_NONE)
            *error = refusal;
        return -1;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i]) {
            node->outputs[i]->dtype = slots->outputs[i].dtype;
            node->outputs[i]->shape = containers ? (struct shape){.rank = SHAPE_UNKNOWN_RANK} : slots->outputs[i].shape;
        }
    }
    return 0;
}

int infer_values(struct node *node, struct error *error)
{
    struct memory *memory = node->graph->context->memory;
    struct infer_slots slots = {
        .inputs = memory_allocate(memory, (size_t)node->input_count + 1, sizeof(struct tensor *), error),
        .tensors = memory_allocate(memory, (size_t)node->input_count + 1, sizeof(struct tensor), error),
        .outputs = memory_allocate(memory, (size_t)node->output_count + 1, sizeof(struct tensor), error)};
    int result = -1;
    if (slots.inputs && slots.tensors && slots.outputs)
        result = fill_and_infer(node, &slots, error);
    memory_release(memory, slots.inputs);
    memory_release(memory, slots.tensors);
    memory_release(memory, slots.outputs);
    return result;
}

int infer_output(struct infer_context *context, int index, enum dtype dtype, int rank, const int64_t *dims,
                 struct error *error)
{
    if (index >= context->output_count || !context->node->outputs[index])
        return 0;
    context->outputs[index].dtype = dtype;
    if (rank == SHAPE_UNKNOWN_RANK) {
        context->outputs[index].shape.rank = rank;
        return 0;
    }
    return shape_set(&context->outputs[index].shape, rank, dims, error);
}

int infer_same(struct infer_context *context, struct error *error)
{
    const struct tensor *input = context->inputs[0];
    for (int i = 0; i < context->output_count; i++) {
        if (infer_output(context, i, input->dtype, input->shape.rank, input->shape.dims, error))
            return -1;
    }
    return 0;
}

int infer_broadcast(struct infer_context *context, struct error *error)
{
    struct shape shape = context->inputs[0]->shape;
    for (int i = 1; i < context->input_count; i++) {
        if (context->inputs[i] && shape_broadcast(&shape, &context->inputs[i]->shape, &shape, error))
            return -1;
    }
    return infer_output(context, 0, context->inputs[0]->dtype, shape.rank, shape.dims, error);
}

int infer_ints(const struct infer_context *context, int input, const struct tensor **tensor, int64_t *count,
               struct error *error)
{
    const struct tensor *ints = context->inputs[input];
    enum dtype storage = dtype_storage(ints->dtype);
    if (storage != DTYPE_INT64 && storage != DTYPE_INT32)
        return error_set(error, ERROR_INPUT, "input %d must hold integers, not %s", input, dtype_name(ints->dtype));
    if (ints->shape.rank > 1)
        return error_set(error, ERROR_INPUT, "input %d must be a list of integers", input);
    if (!ints->data && shape_count(&ints->shape) > 0)
        return error_set(error, ERROR_DATA_DEPENDENT, "input %d is only known when the model runs", input);
    *tensor = ints;
    *count = shape_count(&ints->shape);
    return 0;
}

bool infer_has(const struct infer_context *context, int input)
{
    return input < context->input_count && context->inputs[input] != NULL;
}
