#include "train/store_operands.h"

#include "graph/match.h"
#include "structure/network.h"
#include "train/slot.h"
#include "train/source_edit.h"

#define MOST_STEPS 12
#define MOST_VISITS 10000

/* Whether training can follow the value back to numbers of the file. */
static bool has_source(struct value *value, int depth, int *visits)
{
    if (source_constant(value))
        return dtype_is_float(source_constant(value)->tensor.dtype) &&
               shape_count(&source_constant(value)->tensor.shape) > 1;
    const struct node *node = value->producer;
    for (int i = 0; node && depth < MOST_STEPS && i < node->input_count && ++*visits < MOST_VISITS; i++) {
        if (node->inputs[i] && has_source(node->inputs[i], depth + 1, visits))
            return true;
    }
    return false;
}

static bool is_computed(bool frozen, const struct node *node, int input)
{
    const struct slot *slot = slot_of(node, input);
    struct value *value = input < node->input_count ? node->inputs[input] : NULL;
    if (!slot || !value || !value->producer || source_constant(value))
        return false;
    return slot->use == SLOT_STATISTICS ? !frozen : !has_source(value, 0, &(int){0});
}

static bool needs_storing(bool frozen, const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        struct graph *inner;
        for (int i = 1; match_operator(node, "BatchNormalization") && i < node->input_count; i++) {
            if (is_computed(frozen, node, i))
                return true;
        }
        for (int i = 0; (inner = node_subgraph(node, i)); i++) {
            if (needs_storing(frozen, inner))
                return true;
        }
    }
    return false;
}

/* What the network holds there takes the place of what computes it. */
static int store_operand(const struct model *model, struct node *source, int input, struct constant *constant,
                         struct error *error)
{
    const struct use use = {source, input};
    const struct tensor *elements = constant_data(constant, error);
    struct value *value = source->inputs[input], *place = value;
    if (!elements)
        return -1;
    if (value->use_count > 1 || value->is_output || value->graph != source->graph ||
        value->producer->output_count > 1) {
        place = source_new_value(source->graph, source, slot_of(source, input)->name, error);
    } else {
        struct node *node = value->producer;
        graph_remove_node(node->graph, node);
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i])
                source_remove_unread(node->inputs[i]);
        }
    }
    if (!place || source_constant_place(model, place, elements, error))
        return -1;
    return source_set_input(use, place, error);
}

static int store_computed(const struct model *model, const struct network *network, bool frozen, struct error *error)
{
    int stored = 0;
    for (const struct node *node = network->graph->first; node; node = node->next) {
        struct node *source = network_is_batch_normalization(node) ? network_source_node(node) : NULL;
        for (int i = 1; source && i < source->input_count; i++) {
            if (!node->inputs[i]->constant || !is_computed(frozen, source, i))
                continue;
            if (store_operand(model, source, i, node->inputs[i]->constant, error))
                return -1;
            stored++;
        }
    }
    return stored;
}

int store_operands(struct model *model, const struct shape_binding *bindings, int binding_count, bool frozen,
                   struct error *error)
{
    struct network network;
    if (!needs_storing(frozen, model->graph))
        return 0;
    if (network_create(&network, model, bindings, binding_count, error))
        return -1;
    int stored = store_computed(model, &network, frozen, error);
    network_release(&network);
    return stored;
}
