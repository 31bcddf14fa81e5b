#include "train/unshare.h"

#include <stdio.h>
#include <string.h>

#include "graph/match.h"
#include "guide/guide.h"
#include "structure/network.h"
#include "train/slot.h"
#include "train/source_constant.h"

#define MOST_STEPS 12
#define LONGEST_BASE 160 /* of the names that new tensors get */

/* What a reader takes a tensor for: ORDER parameter_kind, and */
enum { PURPOSE_STATISTICS = PARAMETER_OTHER + 1, PURPOSE_NONE };

struct reader {
    struct use use;
    struct value *value; /* that it reads: the tensor, or an Identity of it */
    const char *name;    /* of what is read there */
    int purpose, group;
};

struct unsharing {
    struct model *model;
    struct arena *arena; /* of the readers */
    struct unshared *told;
    bool frozen;    /* statistics stay */
    bool named;     /* Identity nodes tell the names of equal tensors */
    bool untrained; /* no scale of a normalisation has learned */
    /* Of the tensor at hand: */
    struct value *root;
    bool uniform; /* it holds one number only */
    struct reader *readers;
    size_t count, capacity;
    int groups;
};

/* ---- what a network is like ---- */

/* 1: it holds one number only; 0; -1 on an error of reading. */
static int is_uniform(struct constant *constant, struct error *error)
{
    const struct tensor *tensor = constant_data(constant, error);
    int64_t count = tensor ? shape_count(&tensor->shape) : 0;
    for (int64_t i = 1; i < count; i++) {
        if (tensor_number(tensor, i) != tensor_number(tensor, 0))
            return 0;
    }
    return tensor ? 1 : -1;
}

static bool is_vector(const struct value *root)
{
    const struct tensor *tensor = root ? &source_constant(root)->tensor : NULL;
    return tensor && dtype_is_float(tensor->dtype) && shape_count(&tensor->shape) > 1;
}

/* Whether all scales of normalisations, of which there are some, hold one number each. */
static int look_at_scales(struct unsharing *unsharing, const struct graph *graph, int *scales, struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        struct graph *inner;
        for (int i = 0; i < node->input_count; i++) {
            const struct slot *slot = slot_of(node, i);
            bool scale = slot && (slot->kind == PARAMETER_SCALE || match_operator(node, "Mul"));
            const struct value *root = scale && node->inputs[i] ? source_constant_root(node->inputs[i]) : NULL;
            if (!is_vector(root))
                continue;
            int uniform = is_uniform(source_constant(root), error);
            if (uniform < 0)
                return -1;
            unsharing->untrained = unsharing->untrained && uniform;
            ++*scales;
        }
        unsharing->named =
            unsharing->named || (match_operator(node, "Identity") && node->inputs[0] && node->inputs[0]->constant);
        for (int i = 0; (inner = node_subgraph(node, i)); i++) {
            if (look_at_scales(unsharing, inner, scales, error))
                return -1;
        }
    }
    return 0;
}

/* ---- readers ---- */

static int purpose_of_slot(const struct unsharing *unsharing, const struct node *node, const struct slot *slot,
                           const struct value *value)
{
    if (slot->use == SLOT_STATISTICS)
        return unsharing->frozen ? PURPOSE_NONE : PURPOSE_STATISTICS;
    if (slot->use == SLOT_ELEMENTWISE) {
        const struct value *other = match_other(node, value);
        bool behind = other && other->producer && other->producer->mark & SLOT_BEHIND_WEIGHTS;
        return behind && !unsharing->root->producer && is_vector(unsharing->root) ? (int)slot->kind : PURPOSE_NONE;
    }
    return (int)slot->kind;
}

/* Through views: what their result is for. */
static int purpose_of(const struct unsharing *unsharing, const struct use *use, const struct value *value,
                      const char **name)
{
    struct use at = *use;
    const struct slot *slot = slot_of(at.node, at.input);
    for (int step = 0; slot && slot->use == SLOT_VIEW && step < MOST_STEPS; step++) {
        value = at.node->outputs[0];
        if (!value || value->use_count == 0)
            return PURPOSE_NONE;
        at = value->uses[0];
        slot = slot_of(at.node, at.input);
    }
    *name = slot ? slot->name : "value";
    if (!slot)
        return at.node->domain[0] ? PARAMETER_WEIGHT : PURPOSE_NONE;
    return slot->use == SLOT_VIEW ? PURPOSE_NONE : purpose_of_slot(unsharing, at.node, slot, value);
}

static int collect_readers(struct unsharing *unsharing, struct value *value, struct error *error)
{
    for (size_t i = 0; i < value->use_count; i++) {
        struct use *use = &value->uses[i];
        if (match_operator(use->node, "Identity") && use->node->outputs[0]) {
            if (collect_readers(unsharing, use->node->outputs[0], error))
                return -1;
            continue;
        }
        struct reader *readers = arena_grow(unsharing->arena, unsharing->readers, unsharing->count,
                                            &unsharing->capacity, sizeof *readers, error);
        if (!readers)
            return -1;
        unsharing->readers = readers;
        struct reader *reader = &readers[unsharing->count++];
        *reader = (struct reader){.use = *use, .value = value, .name = "value"};
        reader->purpose = purpose_of(unsharing, use, value, &reader->name);
    }
    return 0;
}

/* ---- who belongs together ---- */

/* The first weight that a node holds. */
static const struct value *weight_of(const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct slot *slot = slot_of(node, i);
        if (slot && slot->use == SLOT_TRAINED && slot->kind == PARAMETER_WEIGHT && node->inputs[i]) {
            const struct value *root = source_constant_root(node->inputs[i]);
            if (root)
                return root;
        }
    }
    return NULL;
}

/* *steps: nodes up to there. */
static const struct value *weight_in_front(const struct node *node, int *steps)
{
    for (*steps = 0; node && *steps < MOST_STEPS; ++*steps) {
        const struct value *weight = weight_of(node);
        if (weight)
            return weight;
        node = node->input_count > 0 && node->inputs[0] ? node->inputs[0]->producer : NULL;
    }
    return NULL;
}

static const struct value *weight_behind(const struct node *node)
{
    for (int step = 0; node && step < MOST_STEPS; step++) {
        const struct value *output = node->output_count > 0 ? node->outputs[0] : NULL;
        node = output && output->use_count > 0 ? output->uses[0].node : NULL;
        const struct value *weight = node ? weight_of(node) : NULL;
        if (weight)
            return weight;
    }
    return NULL;
}

/* Whether both nodes are uses of one module: of the same weight, right behind it, or between the same two. */
static bool same_module(const struct reader *a, const struct reader *b)
{
    const struct value *weight = weight_of(a->use.node);
    int steps[2];
    if (weight && a->purpose != PARAMETER_WEIGHT)
        return weight == weight_of(b->use.node);
    weight = weight_in_front(a->use.node, &steps[0]);
    if (!weight || weight != weight_in_front(b->use.node, &steps[1]))
        return false;
    const struct value *behind = weight_behind(a->use.node);
    return (steps[0] == 1 && steps[1] == 1) || (behind && behind == weight_behind(b->use.node));
}

static bool belong_together(const struct unsharing *unsharing, const struct reader *a, const struct reader *b)
{
    if (a->purpose != b->purpose || a->purpose == PURPOSE_STATISTICS)
        return false;
    if (a->purpose == PURPOSE_NONE)
        return true;
    if (a->value != b->value)
        return !unsharing->uniform && !unsharing->untrained;
    return !unsharing->uniform || unsharing->named || same_module(a, b);
}

static void group_readers(struct unsharing *unsharing)
{
    unsharing->groups = 0;
    for (size_t i = 0; i < unsharing->count; i++) {
        struct reader *reader = &unsharing->readers[i];
        size_t k = 0;
        while (k < i && !belong_together(unsharing, &unsharing->readers[k], reader))
            k++;
        reader->group = k < i ? unsharing->readers[k].group : unsharing->groups++;
    }
}

/* ---- tensors of their own ---- */

/* "NODE.WHAT", with a number behind it where that is taken. */
static struct value *add_named_value(struct graph *graph, const struct node *node, const char *what,
                                     struct error *error)
{
    char name[LONGEST_BASE + 64];
    for (int number = 1;; number++) {
        snprintf(name, sizeof name, number == 1 ? "%.*s.%s" : "%.*s.%s_%d", LONGEST_BASE, node_own_name(node), what,
                 number);
        if (!graph_find_value(graph, name))
            return graph_add_value(graph, name, error);
    }
}

/* Nodes that nothing reads any more, and what only they read. */
static void remove_unread(struct value *value)
{
    struct node *node = value->producer;
    if (!node || value->use_count > 0 || value->is_output)
        return;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output))
            return;
    }
    graph_remove_node(node->graph, node);
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i])
            remove_unread(node->inputs[i]);
    }
}

static int set_input(struct use use, struct value *value, struct error *error)
{
    struct value *old = use.node->inputs[use.input];
    if (old == value)
        return 0;
    if (node_set_input(use.node, use.input, value, error))
        return -1;
    remove_unread(old);
    return 0;
}

static int count_of_value(const struct unsharing *unsharing, const struct value *value, int group)
{
    int others = 0;
    for (size_t i = 0; i < unsharing->count; i++)
        others += unsharing->readers[i].value == value && unsharing->readers[i].group != group;
    return others;
}

/* An Identity's result that only this group reads may hold the elements itself, under its own name. */
static bool can_hold(const struct unsharing *unsharing, const struct reader *reader)
{
    const struct value *value = reader->value;
    if (value == unsharing->root || value->is_output || count_of_value(unsharing, value, reader->group) > 0)
        return false;
    for (size_t i = 0; i < value->use_count; i++) {
        if (match_operator(value->uses[i].node, "Identity"))
            return false;
    }
    return value->graph == unsharing->root->graph;
}

static struct value *place_for(struct unsharing *unsharing, const struct reader *reader, struct error *error)
{
    const struct tensor *elements = source_constant_read(unsharing->root, error);
    struct value *place = NULL;
    if (elements && can_hold(unsharing, reader)) {
        place = reader->value;
        struct node *identity = place->producer;
        struct value *from = identity->inputs[0];
        graph_remove_node(identity->graph, identity);
        remove_unread(from);
    } else if (elements) {
        place = add_named_value(unsharing->root->graph, reader->use.node, reader->name, error);
    }
    return place && source_constant_place(unsharing->model, place, elements, error) == 0 ? place : NULL;
}

/* The group that goes on with the tensor as it is: what does not train, else the first that reads it by its own name.
 */
static int keeping_group(const struct unsharing *unsharing)
{
    int keeping = -1;
    for (size_t i = 0; i < unsharing->count; i++) {
        const struct reader *reader = &unsharing->readers[i];
        if (reader->purpose == PURPOSE_NONE)
            return reader->group;
        if (keeping < 0 && reader->value == unsharing->root)
            keeping = reader->group;
    }
    return keeping < 0 ? 0 : keeping;
}

static int move_group(struct unsharing *unsharing, int group, struct error *error)
{
    struct value *place = NULL;
    for (size_t i = 0; i < unsharing->count; i++) {
        const struct reader *reader = &unsharing->readers[i];
        if (reader->group != group)
            continue;
        if (!place) {
            if (!(place = place_for(unsharing, reader, error)))
                return -1;
            unsharing->told->statistics += reader->purpose == PURPOSE_STATISTICS;
            unsharing->told->parameters += reader->purpose != PURPOSE_STATISTICS;
        }
        if (set_input(reader->use, place, error))
            return -1;
    }
    return 0;
}

/* Statistics are stored where they are read: an Identity between both goes. */
static int bare_statistics(struct unsharing *unsharing, int group, struct error *error)
{
    for (size_t i = 0; i < unsharing->count; i++) {
        const struct reader *reader = &unsharing->readers[i];
        if (reader->group == group && reader->purpose == PURPOSE_STATISTICS &&
            set_input(reader->use, unsharing->root, error))
            return -1;
    }
    return 0;
}

static void tell_shared(struct unsharing *unsharing)
{
    for (int group = 0; group < unsharing->groups; group++) {
        int members = 0;
        for (size_t i = 0; i < unsharing->count; i++)
            members += unsharing->readers[i].group == group && unsharing->readers[i].purpose < PURPOSE_STATISTICS;
        if (members < 2)
            continue;
        unsharing->told->shared++;
        unsharing->told->first = unsharing->told->first ? unsharing->told->first : unsharing->root->name;
    }
}

static int unshare_tensor(struct unsharing *unsharing, struct value *root, struct error *error)
{
    unsharing->root = root;
    unsharing->count = 0;
    if (collect_readers(unsharing, root, error))
        return -1;
    if (unsharing->count == 0 || !dtype_is_float(root->dtype) || slot_is_ours(root->name))
        return 0;
    int uniform = is_uniform(source_constant(root), error);
    if (uniform < 0)
        return -1;
    unsharing->uniform = uniform;
    group_readers(unsharing);
    tell_shared(unsharing);
    int keeping = root->is_output ? -1 : keeping_group(unsharing);
    for (int group = 0; group < unsharing->groups; group++) {
        bool keeps = group == keeping;
        if (keeps ? bare_statistics(unsharing, group, error) : move_group(unsharing, group, error))
            return -1;
    }
    return 0;
}

static int unshare_graph(struct unsharing *unsharing, struct graph *graph, struct error *error)
{
    size_t count = graph->value_count; /* new ones are behind */
    for (size_t i = 0; i < count; i++) {
        if (source_constant(graph->values[i]) && unshare_tensor(unsharing, graph->values[i], error))
            return -1;
    }
    for (struct node *node = graph->first; node; node = node->next) {
        struct graph *inner;
        for (int i = 0; (inner = node_subgraph(node, i)); i++) {
            if (unshare_graph(unsharing, inner, error))
                return -1;
        }
    }
    return 0;
}

/* ---- operands of BatchNormalization that are computed of constants ---- */

/* Whether training can follow the value back to numbers of the file. */
static bool has_source(struct value *value, int depth)
{
    if (source_constant(value))
        return dtype_is_float(source_constant(value)->tensor.dtype) &&
               shape_count(&source_constant(value)->tensor.shape) > 1;
    const struct node *node = value->producer;
    for (int i = 0; node && depth < MOST_STEPS && i < node->input_count; i++) {
        if (node->inputs[i] && has_source(node->inputs[i], depth + 1))
            return true;
    }
    return false;
}

static bool is_computed(const struct unsharing *unsharing, const struct node *node, int input)
{
    const struct slot *slot = slot_of(node, input);
    struct value *value = input < node->input_count ? node->inputs[input] : NULL;
    if (!slot || !value || !value->producer || source_constant(value))
        return false;
    return slot->use == SLOT_STATISTICS ? !unsharing->frozen : !has_source(value, 0);
}

static bool needs_storing(const struct unsharing *unsharing, const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        struct graph *inner;
        for (int i = 1; match_operator(node, "BatchNormalization") && i < node->input_count; i++) {
            if (is_computed(unsharing, node, i))
                return true;
        }
        for (int i = 0; (inner = node_subgraph(node, i)); i++) {
            if (needs_storing(unsharing, inner))
                return true;
        }
    }
    return false;
}

/* What the network holds there takes the place of what computes it. */
static int store_operand(struct unsharing *unsharing, struct node *source, int input, struct constant *constant,
                         struct error *error)
{
    const struct use use = {source, input};
    const struct tensor *elements = constant_data(constant, error);
    struct value *value = source->inputs[input], *place = value;
    if (!elements)
        return -1;
    if (value->use_count > 1 || value->is_output || value->graph != source->graph ||
        value->producer->output_count > 1) {
        place = add_named_value(source->graph, source, slot_of(source, input)->name, error);
    } else {
        struct node *node = value->producer;
        graph_remove_node(node->graph, node);
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i])
                remove_unread(node->inputs[i]);
        }
    }
    if (!place || source_constant_place(unsharing->model, place, elements, error))
        return -1;
    unsharing->told->computed++;
    return set_input(use, place, error);
}

static int store_computed(struct unsharing *unsharing, const struct network *network, struct error *error)
{
    for (const struct node *node = network->graph->first; node; node = node->next) {
        struct node *source = network_is_batch_normalization(node) ? network_source_node(node) : NULL;
        for (int i = 1; source && i < source->input_count; i++) {
            if (node->inputs[i]->constant && is_computed(unsharing, source, i) &&
                store_operand(unsharing, source, i, node->inputs[i]->constant, error))
                return -1;
        }
    }
    return 0;
}

static int unshare_model(struct unsharing *unsharing, const struct shape_binding *bindings, int binding_count,
                         struct error *error)
{
    struct model *model = unsharing->model;
    struct network network;
    int scales = 0;
    slots_mark(model->graph);
    if (look_at_scales(unsharing, model->graph, &scales, error))
        return -1;
    unsharing->untrained = unsharing->untrained && scales > 0;
    if (unshare_graph(unsharing, model->graph, error))
        return -1;
    if (!needs_storing(unsharing, model->graph))
        return 0;
    if (network_create(&network, model, bindings, binding_count, error))
        return -1;
    int result = store_computed(unsharing, &network, error);
    network_release(&network);
    return result;
}

int unshare(struct model *model, const struct shape_binding *bindings, int binding_count, bool frozen,
            struct unshared *told, struct error *error)
{
    struct unsharing unsharing = {.model = model,
                                  .arena = arena_create(model->context->memory, error),
                                  .told = told,
                                  .frozen = frozen,
                                  .untrained = true};
    *told = (struct unshared){0};
    int result = unsharing.arena ? unshare_model(&unsharing, bindings, binding_count, error) : -1;
    arena_destroy(unsharing.arena);
    return result;
}
