#include "pass/differentiate.h"

#include <string.h>

#include "base/text.h"
#include "graph/operator.h"
#include "op/emit.h"
#include "pass/held.h"

/* Marks and gradients per value id of the graph as it was before differentiation. */
struct reverse {
    struct graph *graph;
    const struct differentiation *request;
    size_t value_count;
    bool *reached;            /* depends on one of the wrt values */
    struct value **gradients; /* accumulated so far, NULL: zero */
};

static bool is_reached(const struct reverse *reverse, const struct value *value)
{
    return value && (size_t)value->id < reverse->value_count && value->graph == reverse->graph &&
           reverse->reached[value->id];
}

/* How much of the gradient goes through an input; 0: none. */
static double input_factor(const struct reverse *reverse, const struct node *node, int input)
{
    if (!is_reached(reverse, node->inputs[input]))
        return 0;
    const bool reached[2] = {is_reached(reverse, node->inputs[0]),
                             node->input_count > 1 && is_reached(reverse, node->inputs[1])};
    return reverse->request->held ? held_factor(node, input, reached) : 1;
}

static bool node_reached(const struct reverse *reverse, const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        if (input_factor(reverse, node, i) > 0)
            return true;
    }
    return false;
}

/* Operators that move, choose or add elements: their gradients ask nothing of the elements' type. */
static bool moves_elements(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW | OPERATOR_MOVES | OPERATOR_SELECTS | OPERATOR_SUM) ||
           node_role(node, 0) == ROLE_CHOICE;
}

/* Floats do, containers of them, the integers that an operator differentiated by straight-through makes, and these
 * moved. */
static bool carries_gradient(const struct reverse *reverse, const struct node *node, const struct value *output)
{
    if (dtype_is_float(dtype_element(output->dtype)) || node_has(node, OPERATOR_STRAIGHT_THROUGH))
        return true;
    for (int i = 0; i < node->input_count; i++) {
        if (is_reached(reverse, node->inputs[i]) && node->inputs[i]->dtype == output->dtype)
            return moves_elements(node);
    }
    return false;
}

/* Forward sweep: what depends on the wrt values through floats. */
static void mark_reached(const struct reverse *reverse)
{
    for (int i = 0; i < reverse->request->wrt_count; i++)
        reverse->reached[reverse->request->wrt[i]->id] = true;
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
    double *factors; /* 0: does not depend on the wrt values, or counts as constant */
};

/* Asks for the gradients that go on and for those of summands. */
static struct gradient_context start_rule(const struct reverse *reverse, struct node *node,
                                          const struct gradient_slots *slots)
{
    for (int i = 0; i < node->output_count; i++)
        slots->outputs[i] = node->outputs[i] ? reverse->gradients[node->outputs[i]->id] : NULL;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        bool summand = reverse->request->summand && input && !is_reached(reverse, input) &&
                       dtype_is_float(input->dtype) && held_is_summand(node, i);
        slots->factors[i] = input_factor(reverse, node, i);
        slots->wanted[i] = slots->factors[i] > 0 || summand;
    }
    return (struct gradient_context){.graph = reverse->graph,
                                     .node = node,
                                     .output_gradients = slots->outputs,
                                     .wanted = slots->wanted,
                                     .input_gradients = slots->inputs,
                                     .held = reverse->request->held};
}

static int take_gradient(const struct reverse *reverse, struct value *input, struct value *gradient, double factor,
                         struct error *error)
{
    const struct differentiation *request = reverse->request;
    if (factor <= 0)
        return request->summand(request->user, input, gradient, error);
    if (factor < 1) {
        struct value *scalar = emit_scalar(reverse->graph, gradient->dtype, factor, error);
        gradient =
            scalar ? emit(reverse->graph, "Mul", EMIT_INPUTS(gradient, scalar), EMIT_NO_ATTRIBUTES, error) : NULL;
    }
    return gradient ? accumulate(reverse, input, gradient, error) : -1;
}

/* What a function of its input holds at zero is a summand of the result. */
static int add_start(const struct reverse *reverse, const struct node *node, struct value *gradient,
                     struct error *error)
{
    const struct differentiation *request = reverse->request;
    double start = held_start(node);
    if (!request->summand || start == 0)
        return 0;
    struct value *scalar = emit_scalar(reverse->graph, gradient->dtype, start, error);
    return scalar ? request->summand(request->user, scalar, gradient, error) : -1;
}

/* Nodes behind `last`, made for `node`, are called as it is in messages. */
static void name_parts(const struct node *node, const struct graph *graph, const struct node *last)
{
    for (struct node *part = last ? last->next : graph->first; part; part = part->next) {
        if (!part->name[0])
            part->name = node->name;
    }
}

static int apply_rule(const struct reverse *reverse, struct node *node, const struct gradient_slots *slots,
                      struct error *error)
{
    struct gradient_context context = start_rule(reverse, node, slots);
    char label[NODE_LABEL_SIZE];
    const struct node *last = reverse->graph->last;
    int held = context.held ? held_gradient(&context, error) : 0;
    if (held < 0 || (held == 0 && node->definition->gradient(&context, error)))
        return error_prefix(error, "gradient of %s", node_label(node, label));
    name_parts(node, reverse->graph, last);
    if (held > 0 && add_start(reverse, node, slots->outputs[0], error))
        return -1;
    for (int i = 0; i < node->input_count; i++) {
        if (!slots->wanted[i] || !slots->inputs[i])
            continue;
        if (!shape_equal(&slots->inputs[i]->shape, &node->inputs[i]->shape))
            return error_set(error, ERROR_INTERNAL, "gradient of %s: input %d has another shape than its gradient",
                             node_label(node, label), i);
        if (take_gradient(reverse, node->inputs[i], slots->inputs[i], slots->factors[i], error))
            return -1;
    }
    return 0;
}

static int differentiate_node(const struct reverse *reverse, struct node *node, struct error *error)
{
    struct memory *memory = reverse->graph->context->memory;
    size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
    struct gradient_slots slots = {.outputs = memory_allocate(memory, outputs + 1, sizeof(struct value *), error),
                                   .inputs = memory_allocate(memory, inputs + 1, sizeof(struct value *), error),
                                   .wanted = memory_allocate(memory, inputs + 1, sizeof(bool), error),
                                   .factors = memory_allocate(memory, inputs + 1, sizeof(double), error)};
    int result = -1;
    if (slots.outputs && slots.inputs && slots.wanted && slots.factors)
        result = apply_rule(reverse, node, &slots, error);
    memory_release(memory, slots.outputs);
    memory_release(memory, slots.inputs);
    memory_release(memory, slots.wanted);
    memory_release(memory, slots.factors);
    return result;
}

/* Backward over structure alone: every node on a path from the seeds to the wrt values must have a rule. */
static int require_gradients(const struct reverse *reverse, struct error *error)
{
    const struct differentiation *request = reverse->request;
    struct memory *memory = reverse->graph->context->memory;
    bool *needed = memory_allocate(memory, reverse->value_count + 1, sizeof *needed, error);
    if (!needed)
        return -1;
    for (int i = 0; i < request->seed_count; i++)
        needed[request->seeds[i].value->id] = true;
    struct text text;
    text_start(&text, memory);
    for (const struct node *node = reverse->graph->last; node; node = node->previous) {
        bool on_path = false;
        for (int i = 0; i < node->output_count; i++)
            on_path |= node->outputs[i] && needed[node->outputs[i]->id] && is_reached(reverse, node->outputs[i]);
        if (!on_path || !node_reached(reverse, node))
            continue;
        char label[NODE_LABEL_SIZE];
        if (!node->definition->gradient && text.length < 1500)
            text_print(&text, "%s%s", text.length ? ", " : "", node_label(node, label));
        for (int i = 0; i < node->input_count; i++) {
            if (input_factor(reverse, node, i) > 0)
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

/* The gradient of a wrt value is complete when the node that makes it is reached from behind. */
static int mask_outputs(const struct reverse *reverse, const struct node *node, struct error *error)
{
    const struct differentiation *request = reverse->request;
    for (int i = 0; request->masks && i < request->wrt_count; i++) {
        const struct value *value = request->wrt[i];
        struct value **slot = &reverse->gradients[value->id];
        if (value->producer != node || !request->masks[i] || !*slot)
            continue;
        request->gradients[i] = *slot;
        *slot = emit(reverse->graph, "Mul", EMIT_INPUTS(*slot, request->masks[i]), EMIT_NO_ATTRIBUTES, error);
        if (!*slot)
            return -1;
    }
    return 0;
}

static int run_reverse(const struct reverse *reverse, struct error *error)
{
    const struct differentiation *request = reverse->request;
    mark_reached(reverse);
    if (require_gradients(reverse, error))
        return -1;
    struct node *last = reverse->graph->last;
    for (int i = 0; i < request->seed_count; i++) {
        if (accumulate(reverse, request->seeds[i].value, request->seeds[i].gradient, error))
            return -1;
    }
    for (struct node *node = last; node; node = node->previous) {
        if (mask_outputs(reverse, node, error) ||
            (has_gradient(reverse, node) && node_reached(reverse, node) && differentiate_node(reverse, node, error)))
            return -1;
    }
    for (int i = 0; i < request->wrt_count; i++) {
        if (!request->gradients[i])
            request->gradients[i] = reverse->gradients[request->wrt[i]->id];
    }
    return 0;
}

int differentiate_as(struct graph *graph, const struct differentiation *request, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct reverse reverse = {.graph = graph, .request = request, .value_count = graph->value_count};
    reverse.reached = memory_allocate(memory, graph->value_count + 1, sizeof(bool), error);
    reverse.gradients = memory_allocate(memory, graph->value_count + 1, sizeof(struct value *), error);
    for (int i = 0; i < request->wrt_count; i++)
        request->gradients[i] = NULL;
    int result = reverse.reached && reverse.gradients ? run_reverse(&reverse, error) : -1;
    memory_release(memory, reverse.reached);
    memory_release(memory, reverse.gradients);
    return result;
}

int differentiate(struct graph *graph, const struct gradient_seed *seeds, int seed_count, struct value *const *wrt,
                  int wrt_count, struct value **gradients, struct error *error)
{
    const struct differentiation request = {
        .seeds = seeds, .seed_count = seed_count, .wrt = wrt, .wrt_count = wrt_count, .gradients = gradients};
    return differentiate_as(graph, &request, error);
}
