#include "op/expansion.h"

#include "op/control_flow.h"
#include "op/registry.h"

/* Elements of an input that are worth copying for a shape rule: those that can hold shapes, axes or limits. */
#define SMALL 4096

/* A graph of its own with the node's parts; its inputs are the node's, its outputs those that are wanted. */
struct parts {
    struct graph *graph;
    struct value **inputs, **outputs;
};

static struct value *add_input(struct graph *graph, const struct tensor *input, bool with_data, struct error *error)
{
    struct memory *memory = graph->context->memory;
    if (with_data && input->data && shape_count(&input->shape) <= SMALL) {
        struct tensor copy;
        if (tensor_copy(memory, input, &copy, error))
            return NULL;
        struct constant *constant = constant_create(memory, &copy, error);
        if (!constant) {
            tensor_release(memory, &copy);
            return NULL;
        }
        return graph_add_constant(graph, constant, error);
    }
    struct value *value = graph_add_value(graph, NULL, error);
    if (!value || graph_add_input(graph, value, error))
        return NULL;
    value->dtype = input->dtype;
    value->shape = input->shape;
    return value;
}

static int fill_parts(struct parts *parts, const struct node *node, const struct tensor *const *inputs, bool with_data,
                      struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        bool known = with_data || node_role(node, i) == ROLE_SHAPE;
        if (inputs[i] && !(parts->inputs[i] = add_input(parts->graph, inputs[i], known, error)))
            return -1;
    }
    struct expand_context context = {.graph = parts->graph,
                                     .node = node,
                                     .inputs = parts->inputs,
                                     .input_count = node->input_count,
                                     .output_count = node->output_count,
                                     .outputs = parts->outputs};
    if (node->definition->expand(&context, error))
        return -1;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && !parts->outputs[i])
            return error_set(error, ERROR_INTERNAL, "output %d was not made", i);
        if (node->outputs[i] && graph_add_output(parts->graph, parts->outputs[i], error))
            return -1;
    }
    return 0;
}

static void release_parts(struct parts *parts, struct memory *memory)
{
    graph_destroy(parts->graph);
    memory_release(memory, parts->inputs);
    memory_release(memory, parts->outputs);
}

static int make_parts(struct parts *parts, const struct node *node, const struct tensor *const *inputs, bool with_data,
                      struct error *error)
{
    struct memory *memory = node->graph->context->memory;
    *parts = (struct parts){.graph = graph_create(node->graph->context, NULL, "", error)};
    parts->inputs = memory_allocate(memory, (size_t)node->input_count + 1, sizeof(struct value *), error);
    parts->outputs = memory_allocate(memory, (size_t)node->output_count + 1, sizeof(struct value *), error);
    if (parts->graph && parts->inputs && parts->outputs && fill_parts(parts, node, inputs, with_data, error) == 0)
        return 0;
    release_parts(parts, memory);
    return -1;
}

int expansion_infer(struct infer_context *context, struct error *error)
{
    struct parts parts;
    if (make_parts(&parts, context->node, context->inputs, true, error))
        return -1;
    for (int i = 0; i < context->output_count; i++) {
        if (parts.outputs[i]) {
            context->outputs[i].dtype = parts.outputs[i]->dtype;
            context->outputs[i].shape = parts.outputs[i]->shape;
        }
    }
    release_parts(&parts, context->node->graph->context->memory);
    return 0;
}

static int run_parts(const struct parts *parts, struct compute_context *context, struct error *error)
{
    const struct graph *graph = parts->graph;
    size_t outputs = (size_t)graph->output_count;
    const struct tensor **inputs =
        memory_allocate(context->memory, (size_t)graph->input_count + 1, sizeof *inputs, error);
    struct tensor *results = memory_allocate(context->memory, outputs + 1, sizeof *results, error);
    int count = 0, result = inputs && results ? 0 : -1;
    for (int i = 0; result == 0 && i < context->input_count; i++) {
        if (context->inputs[i] && !parts->inputs[i]->constant)
            inputs[count++] = context->inputs[i];
    }
    if (result == 0)
        result = control_flow_run(parts->graph, NULL, inputs, NULL, results, error);
    for (int i = 0, k = 0; result == 0 && i < context->output_count; i++) {
        if (context->node->outputs[i] && control_flow_give(context, i, &results[k++], error)) {
            while (k < graph->output_count)
                tensor_release(context->memory, &results[k++]);
            result = -1;
        }
    }
    memory_release(context->memory, inputs);
    memory_release(context->memory, results);
    return result;
}

int expansion_compute(struct compute_context *context, struct error *error)
{
    struct parts parts;
    if (make_parts(&parts, context->node, context->inputs, false, error))
        return -1;
    int result = run_parts(&parts, context, error);
    release_parts(&parts, context->memory);
    return result;
}

struct value *expansion_input(const struct expand_context *context, int input)
{
    return input < context->input_count ? context->inputs[input] : NULL;
}

bool expansion_wants(const struct expand_context *context, int index)
{
    return index < context->node->output_count && context->node->outputs[index] != NULL;
}

struct value *emit_number_like(struct graph *graph, const struct value *like, double number, struct error *error)
{
    return emit_scalar(graph, like->dtype, number, error);
}

static struct emit_attribute emitted(const struct attribute *from)
{
    struct emit_attribute to = {.name = from->name, .type = from->type};
    if (from->type == ATTRIBUTE_INT)
        to.i = from->i;
    else if (from->type == ATTRIBUTE_FLOAT)
        to.f = from->f;
    else if (from->type == ATTRIBUTE_STRING)
        to.s = from->s.data;
    else
        to.ints = from->ints, to.count = (int)from->count;
    return to;
}

int expansion_attributes(const struct expand_context *context, const char *op_type, struct emit_attribute *attributes)
{
    const struct attribute_rule *rule = operator_find("", op_type, OPSET_NEWEST)->attributes;
    int count = 0;
    for (; rule && rule->name && count < EXPANSION_ATTRIBUTES; rule++) {
        const struct attribute *from = node_attribute(context->node, rule->name);
        if (from && !from->reference && rule->form != SETTING_NONE)
            attributes[count++] = emitted(from);
    }
    return count;
}

struct value *expansion_conv(struct expand_context *context, struct value *x, struct value *weights, struct value *bias,
                             struct error *error)
{
    struct emit_attribute attributes[EXPANSION_ATTRIBUTES];
    int count = expansion_attributes(context, "Conv", attributes);
    return emit(context->graph, "Conv", EMIT_INPUTS(x, weights, bias), attributes, count, error);
}
