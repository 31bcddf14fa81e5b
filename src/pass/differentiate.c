#include "pass/differentiate.h"

#include <string.h>

#include "base/text.h"
#include "graph/operator.h"
#include "op/emit.h"

/* Marks and gradients per value id of the graph as it was before differentiation. */
struct reverse {
    struct graph *graph;
    size_t value_count;
    bool *reached;            /* depends on one of the wrt values */
    struct value **gradients; /* accumulated so far, NULL: zero */
};

static bool is_reached(const struct reverse *reverse, const struct value *value)
{
    return value && (size_t)value->id < reverse->value_count && value->graph == reverse->graph &&
           reverse->reached[value->id];
}

static bool node_reached(const struct reverse *reverse, const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        if (is_reached(reverse, node->inputs[i]))
            return true;
    }
    return false;
}

/* Operators that move, choose or add elements: their gradients ask nothing of the elements' type. */
static bool moves_elements(const struct node *node)
{
    static const char *const names[] = {"Add", "Concat", "MaxPool", "Slice", "Transpose"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(node->op_type, names[i]) == 0)
            return true;
    }
    return node->operator&& node->operator->flags & OPERATOR_VIEW;
}

/* Floats do, the integers that an operator differentiated by straight-through makes, and these moved. */
static bool carries_gradient(const struct reverse *reverse, const struct node *node, const struct value *output)
{
    if (dtype_is_float(output->dtype) || (node->operator&& node->operator->flags & OPERATOR_STRAIGHT_THROUGH))
        return true;
    for (int i = 0; i < node->input_count; i++) {
        if (is_reached(reverse, node->inputs[i]) && node->inputs[i]->dtype == output->dtype)
            return moves_elements(node);
    }
    return false;
}

/* Forward sweep: what depends on the wrt values through floats. */
static void mark_reached(const struct reverse *reverse, struct value *const *wrt, int wrt_count)
{
    for (int i = 0; i < wrt_count; i++)
        reverse->reached[wrt[i]->id] = true;
    for (const struct node *node = reverse->graph->first; node; node = node->next) {
        if (!node_reached(reverse, node))
            continue;
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i] && carries_gradient(reverse, node, node->outputs[i]))
                reverse->reached[node->outputs[i]->id] = true;
        }
    }
}

static int accumulate(const struct reverse *reverse, const struct value *value, struct value *gradient,
                      struct error *error)
{
    struct value **slot = &reverse->gradients[value->id];
    if (*slot)
        gradient = emit(reverse->graph, "Add", EMIT_INPUTS(*slot, gradient), EMIT_NO_ATTRIBUTES, error);
    *slot = gradient;
    return gradient ? 0 : -1;
}

static bool has_gradient(const struct reverse *reverse, const struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        const struct value *output = node->outputs[i];
        if (output && (size_t)output->id < reverse->value_count && reverse->gradients[output->id])
            return true;
    }
    return false;
}

struct gradient_slots {
    struct value **outputs, **inputs;
    bool *wanted;
};

static int apply_rule(const struct reverse *reverse, struct node *node, int output_count, int input_count,
                      const struct gradient_slots *slots, struct error *error)
{
    for (int i = 0; i < output_count; i++)
        slots->outputs[i] = node->outputs[i] ? reverse->gradients[node->outputs[i]->id] : NULL;
    for (int i = 0; i < input_count; i++)
        slots->wanted[i] = is_reached(reverse, node->inputs[i]);
    struct gradient_context context = {.graph = reverse->graph,
                                       .node = node,
                                       .output_gradients = slots->outputs,
                                       .wanted = slots->wanted,
                                       .input_gradients = slots->inputs};
    char label[NODE_LABEL_SIZE];
    if (node->operator->gradient(&context, error))
        return error_prefix(error, "gradient of %s", node_label(node, label));
    for (int i = 0; i < input_count; i++) {
        if (!slots->wanted[i] || !slots->inputs[i])
            continue;
        if (!shape_equal(&slots->inputs[i]->shape, &node->inputs[i]->shape))
            return error_set(error, ERROR_INTERNAL, "gradient of %s: input %d has another shape than its gradient",
                             node_label(node, label), i);
        if (accumulate(reverse, node->inputs[i], slots->inputs[i], error))
            return -1;
    }
    return 0;
}

static int differentiate_node(const struct reverse *reverse, struct node *node, struct error *error)
{
    struct memory *memory = reverse->graph->context->memory;
    size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
    struct gradient_slots slots = {.outputs = memory_allocate(memory, outputs + 8, sizeof(struct value *), error),
                                   .inputs = memory_allocate(memory, inputs + 1, sizeof(struct value *), error),
                                   .wanted = memory_allocate(memory, inputs + 1, sizeof(bool), error)};
    int result = -1;
    if (slots.outputs && slots.inputs && slots.wanted)
        result = apply_rule(reverse, node, node->output_count, node->input_count, &slots, error);
    memory_release(memory, slots.outputs);
    memory_release(memory, slots.inputs);
    memory_release(memory, slots.wanted);
    return result;
}

/* Backward over structure alone: every node on a path from the seeds to the wrt values must have a rule. */
static int require_gradients(const struct reverse *reverse, const struct gradient_seed *seeds, int seed_count,
                             struct error *error)
{
    struct memory *memory = reverse->graph->context->memory;
    bool *needed = memory_allocate(memory, reverse->value_count + 1, sizeof *needed, error);
    if (!needed)
        return -1;
    for (int i = 0; i < seed_count; i++)
        needed[seeds[i].value->id] = true;
    struct text text;
    text_start(&text, memory);
    for (const struct node *node = reverse->graph->last; node; node = node->previous) {
        bool on_path = false;
        for (int i = 0; i < node->output_count; i++)
            on_path |= node->outputs[i] && needed[node->outputs[i]->id] && is_reached(reverse, node->outputs[i]);
        if (!on_path || !node_reached(reverse, node))
            continue;
        char label[NODE_LABEL_SIZE];
        if (!node->operator->gradient && text.length<1500)
            text_print(&text, "%s%s", text.length ? ", " : "", node_label(node, label));
        for (int i = 0; i < node->input_count; i++) {
            if (is_reached(reverse, node->inputs[i]))
                needed[node->inputs[i]->id] = true;
        }
    }
    int result = text_finish(&text, error);
    if (result == 0 && text.length > 0)
        result = error_set(error, ERROR_UNSUPPORTED, "no gradient goes through %s", text.data);
    text_release(&text);
    memory_release(memory, needed);
    return result;
}

static int run_reverse(const struct reverse *reverse, const struct gradient_seed *seeds, int seed_count,
                       struct value *const *wrt, int wrt_count, struct value **gradients, struct error *error)
{
    mark_reached(reverse, wrt, wrt_count);
    if (require_gradients(reverse, seeds, seed_count, error))
        return -1;
    struct node *last = reverse->graph->last;
    for (int i = 0; i < seed_count; i++) {
        if (accumulate(reverse, seeds[i].value, seeds[i].gradient, error))
            return -1;
    }
    for (struct node *node = last; node; node = node->previous) {
        if (has_gradient(reverse, node) && node_reached(reverse, node) && differentiate_node(reverse, node, error))
            return -1;
    }
    for (int i = 0; i < wrt_count; i++)
        gradients[i] = reverse->gradients[wrt[i]->id];
    return 0;
}

int differentiate(struct graph *graph, const struct gradient_seed *seeds, int seed_count, struct value *const *wrt,
                  int wrt_count, struct value **gradients, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct reverse reverse = {.graph = graph, .value_count = graph->value_count};
    reverse.reached = memory_allocate(memory, graph->value_count + 1, sizeof(bool), error);
    reverse.gradients = memory_allocate(memory, graph->value_count + 1, sizeof(struct value *), error);
    int result = -1;
    if (reverse.reached && reverse.gradients)
        result = run_reverse(&reverse, seeds, seed_count, wrt, wrt_count, gradients, error);
    memory_release(memory, reverse.reached);
    memory_release(memory, reverse.gradients);
    return result;
}
