#include "graph/operator.h"
#include "op/control_flow.h"
#include "op/evaluate.h"
#include "op/infer.h"
#include "pass/foreign.h"
#include "pass/passes.h"

/* Larger results stay nodes: a folded broadcast can dwarf the model. */
#define FOLD_MAX_ELEMENTS ((int64_t)1 << 26)

/* Operations that folding may spend on a graph: so many, and on each element of its weights so many. */
#define FOLD_OPERATIONS ((int64_t)1 << 26)
#define FOLD_OPERATIONS_PER_WEIGHT 64

/* No value of a container type becomes a constant: what it holds is known by what made it (op/sequence_operand.h). */
static bool gives_containers(const struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && dtype_is_container(node->outputs[i]->dtype))
            return true;
    }
    return false;
}

static bool can_fold(const struct node *node)
{
    if (gives_containers(node) || node->definition->traits & OPERATOR_RANDOM || !node->definition->compute ||
        control_flow_is_random(node))
        return false;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (!value || value->constant)
            continue;
        if (!(node->definition->traits & OPERATOR_SHAPE_ONLY) || value->shape.rank == SHAPE_UNKNOWN_RANK)
            return false;
    }
    for (int i = 0; i < node->output_count; i++) {
        const struct value *value = node->outputs[i];
        if (value && value->shape.rank != SHAPE_UNKNOWN_RANK && shape_count(&value->shape) > FOLD_MAX_ELEMENTS)
            return false;
    }
    return true;
}

static int give_constants(struct graph *graph, const struct node *node, struct tensor *outputs, struct error *error)
{
    struct memory *memory = graph->context->memory;
    int result = 0;
    for (int i = 0; i < node->output_count; i++) {
        if (!node->outputs[i])
            continue;
        struct constant *constant = result == 0 ? constant_create(memory, &outputs[i], error) : NULL;
        if (!constant || graph_set_constant(graph, node->outputs[i], constant, error)) {
            if (!constant)
                tensor_release(memory, &outputs[i]);
            result = -1;
        }
    }
    return result;
}

struct fold_slots {
    const struct tensor **inputs;
    struct tensor *shapes, *outputs;
    struct constant **opened; /* those whose elements are read from the file for this node */
};

/* Elements that take less room in the file, as quantised ones do, are given back once their floats are known: a model's
 * are not all held twice. */
static void close_packed(const struct node *node, const struct fold_slots *slots)
{
    const size_t small = 1 << 16;
    for (int i = 0; i < node->input_count; i++) {
        struct constant *constant = slots->opened[i];
        if (constant && constant->tensor.data && tensor_bytes(&constant->tensor) > small &&
            dtype_storage(constant->tensor.dtype) != constant->tensor.dtype)
            constant_unload(constant);
    }
}

/* *folded becomes false where a result turns out to be a container. */
static int compute_constants(struct graph *graph, struct node *node, struct fold_slots *slots, bool *folded,
                             struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        struct value *value = node->inputs[i];
        if (!value)
            continue;
        if (value->constant && !(node->definition->traits & OPERATOR_SHAPE_ONLY)) {
            slots->opened[i] = value->constant->tensor.data ? NULL : value->constant;
            if (!(slots->inputs[i] = constant_data(value->constant, error)))
                return -1;
        } else {
            slots->shapes[i] = (struct tensor){.dtype = value->dtype, .shape = value->shape};
            slots->inputs[i] = &slots->shapes[i];
        }
    }
    if (evaluate_node(graph->context, node, slots->inputs, slots->outputs, error))
        return -1;
    close_packed(node, slots);
    for (int i = 0; i < node->output_count; i++)
        *folded = *folded && !dtype_is_container(slots->outputs[i].dtype);
    if (!*folded) {
        for (int i = 0; i < node->output_count; i++)
            tensor_release(graph->context->memory, &slots->outputs[i]);
        return 0;
    }
    return give_constants(graph, node, slots->outputs, error);
}

/* A view that keeps the shape (Identity in front of weights) shares the constant. */
static bool shares_constant(const struct node *node)
{
    return node->definition->traits & OPERATOR_VIEW && node->output_count == 1 && node->inputs[0]->constant &&
           shape_equal(&node->inputs[0]->shape, &node->outputs[0]->shape) &&
           node->inputs[0]->dtype == node->outputs[0]->dtype;
}

struct work *pass_folding_work(struct graph *graph)
{
    if (!graph->folding_set) {
        int64_t elements = 0;
        for (size_t i = 0; i < graph->value_count; i++) {
            const struct value *value = graph->values[i];
            elements += value->constant ? shape_count(&value->constant->tensor.shape) : 0;
        }
        graph->folding.left = FOLD_OPERATIONS + FOLD_OPERATIONS_PER_WEIGHT * elements;
        graph->folding_set = true;
    }
    return &graph->folding;
}

/* Computes the node's results within half of what folding may still spend, so that one long loop does not keep the
 * sizes behind it from being known. `folded` is false where that is too little: then the node runs later. */
static int compute_within_limits(struct graph *graph, struct node *node, struct fold_slots *slots, bool *folded,
                                 struct error *error)
{
    struct context *context = graph->context;
    struct work *folding = pass_folding_work(graph);
    struct work own = {.left = folding->left / 2};
    struct error refusal = ERROR_INITIALISER;
    folding->left -= own.left;
    context->work = &own;
    context->rounds = context->sequence_bytes = 0;
    int result = compute_constants(graph, node, slots, folded, &refusal);
    context->work = NULL;
    folding->left += own.left;
    *folded = *folded && result == 0;
    if (result == 0 || own.refused)
        return 0;
    return error_set(error, refusal.kind, "%s", refusal.message);
}

static int fold(struct graph *graph, struct node *node, struct error *error)
{
    struct memory *memory = graph->context->memory;
    int result = -1;
    bool folded = true;
    if (shares_constant(node)) {
        result = graph_set_constant(graph, node->outputs[0], constant_retain(node->inputs[0]->constant), error);
    } else {
        struct fold_slots slots = {
            .inputs = memory_allocate(memory, (size_t)node->input_count + 1, sizeof(struct tensor *), error),
            .shapes = memory_allocate(memory, (size_t)node->input_count + 1, sizeof(struct tensor), error),
            .outputs = memory_allocate(memory, (size_t)node->output_count + 1, sizeof(struct tensor), error),
            .opened = memory_allocate(memory, (size_t)node->input_count + 1, sizeof(struct constant *), error)};
        if (slots.inputs && slots.shapes && slots.outputs && slots.opened)
            result = compute_within_limits(graph, node, &slots, &folded, error);
        memory_release(memory, slots.inputs);
        memory_release(memory, slots.shapes);
        memory_release(memory, slots.outputs);
        memory_release(memory, slots.opened);
    }
    if (result == 0 && folded)
        graph_remove_node(graph, node);
    return result;
}

int pass_infer_and_fold_node(struct graph *graph, struct node *node, struct error *error)
{
    return infer_values(node, error) || (can_fold(node) && fold(graph, node, error)) ? -1 : 0;
}

int pass_infer_and_fold_step(struct graph *graph, struct node *node, struct node **next, struct error *error)
{
    *next = node->next;
    int done = pass_inline_if(node, next, error);
    if (done == 0)
        done = foreign_take(node, error);
    if (done == 0)
        done = pass_expand(node, next, error);
    if (done != 0)
        return done < 0 ? -1 : 0;
    foreign_spread(node);
    if (infer_values(node, error))
        return -1;
    foreign_trust(node);
    return can_fold(node) && fold(graph, node, error) ? -1 : 0;
}

/* A sequence where the file declares a tensor, or of other tensors than it declares, is what no reader expects. */
static int check_outputs(const struct graph *graph, struct error *error)
{
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *output = graph->outputs[i];
        enum dtype made = output->dtype, declared = output->origin ? output->origin->dtype : DTYPE_UNDEFINED;
        bool containers = dtype_is_container(made) && dtype_is_container(declared);
        if (made == DTYPE_UNDEFINED || declared == DTYPE_UNDEFINED ||
            (!dtype_is_container(made) && !dtype_is_container(declared)))
            continue;
        if (!containers ||
            dtype_element(made) != dtype_element(declared)) /* a Loop may turn an optional into a sequence */
            return error_set(error, ERROR_INPUT, "output '%s' is declared as %s, but is %s", output->name,
                             dtype_name(declared), dtype_name(made));
    }
    return 0;
}

int pass_infer_and_fold(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        struct error refusal = ERROR_INITIALISER;
        if (pass_infer_and_fold_step(graph, node, &next, &refusal) && foreign_take_refused(node, &refusal, error))
            return -1;
    }
    return check_outputs(graph, error);
}
