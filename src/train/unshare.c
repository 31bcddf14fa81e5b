#include "train/unshare.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "train/slot.h"
#include "train/source_edit.h"
#include "train/store_operands.h"

#define MOST_STEPS 32

/* What a reader takes a tensor for: ORDER parameter_kind, and */
enum { PURPOSE_STATISTICS = PARAMETER_OTHER + 1, PURPOSE_NONE };

struct reader {
    struct use use;
    struct value *value; /* that it reads: the tensor, or an Identity of it */
    const char *name;    /* of what is read there */
    struct node *sink;   /* the first node that more than constants go into; NULL: none was found */
    int purpose, group;
};

struct unsharing {
    struct model *model;
    struct arena *arena; /* of the readers */
    struct unshared *told;
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
            bool scale = slot && (slot->kind == PARAMETER_SCALE || node_role(node, i) == ROLE_FACTOR);
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
    bool literal = unsharing->root->producer != NULL;
    if (slot->use == SLOT_STATISTICS)
        return PURPOSE_STATISTICS;
    if (slot->use == SLOT_ELEMENTWISE) {
        const struct value *other = match_other(node, value);
        bool behind = other && other->producer && other->producer->mark & SLOT_BEHIND_WEIGHTS;
        return behind && !literal && is_vector(unsharing->root) ? (int)slot->kind : PURPOSE_NONE;
    }
    /* A normalisation without parameters has ones and zeros in Constant nodes. */
    return literal && unsharing->uniform && slot->kind != PARAMETER_WEIGHT ? PURPOSE_NONE : (int)slot->kind;
}

/* Through views and what is computed of constants alone: what their result is for. */
static void find_purpose(const struct unsharing *unsharing, struct reader *reader)
{
    struct use at = reader->use;
    const struct value *value = reader->value;
    const struct slot *slot = slot_of(at.node, at.input);
    for (int step = 0; (slot && slot->use == SLOT_VIEW) || at.node->mark & SLOT_OF_CONSTANTS; step++) {
        value = at.node->output_count > 0 ? at.node->outputs[0] : NULL;
        if (!value || value->use_count == 0 || step == MOST_STEPS)
            return;
        at = value->uses[0];
        slot = slot_of(at.node, at.input);
    }
    reader->sink = at.node;
    reader->name = slot ? slot->name : reader->name;
    if (slot)
        reader->purpose = purpose_of_slot(unsharing, at.node, slot, value);
    else if (at.node->domain[0])
        reader->purpose = PARAMETER_WEIGHT;
}

/* Those behind Identities too. */
static int collect_readers(struct unsharing *unsharing, struct value *value, int depth, struct error *error)
{
    if (depth > MOST_STEPS)
        return error_set(error, ERROR_LIMIT, "more than %d Identity nodes one behind another in front of '%s'",
                         MOST_STEPS, value->name);
    for (size_t i = 0; i < value->use_count; i++) {
        struct use *use = &value->uses[i];
        if (node_has(use->node, OPERATOR_SHAPE_ONLY))
            continue;
        if (match_operator(use->node, "Identity") && use->node->outputs[0]) {
            if (collect_readers(unsharing, use->node->outputs[0], depth + 1, error))
                return -1;
            continue;
        }
        struct reader *readers = arena_grow(unsharing->arena, unsharing->readers, unsharing->count,
                                            &unsharing->capacity, sizeof *readers, error);
        if (!readers)
            return -1;
        unsharing->readers = readers;
        struct reader *reader = &readers[unsharing->count++];
        *reader = (struct reader){.use = *use, .value = value, .name = "value", .purpose = PURPOSE_NONE};
        find_purpose(unsharing, reader);
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
    bool same_name = a->value == b->value;
    if (a->purpose == PURPOSE_STATISTICS || b->purpose == PURPOSE_STATISTICS)
        return false;
    if (a->purpose == PURPOSE_NONE && b->purpose == PURPOSE_NONE)
        return true;
    if (!unsharing->uniform && (same_name || !unsharing->untrained))
        return a->purpose == b->purpose || a->purpose == PURPOSE_NONE || b->purpose == PURPOSE_NONE;
    if (a->purpose != b->purpose)
        return false;
    return a->sink == b->sink || (same_name && unsharing->uniform && (unsharing->named || same_module(a, b)));
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
        source_remove_unread(from);
    } else if (elements) {
        place = source_new_value(unsharing->root->graph, reader->use.node, reader->name, error);
    }
    return place && source_constant_place(unsharing->model, place, elements, error) == 0 ? place : NULL;
}

/* The group that goes on with the tensor as it is: the first that trains and reads it by its own name, else what does
 * not train, else statistics. */
static int keeping_group(const struct unsharing *unsharing)
{
    int best = 0, rank = 0;
    for (size_t i = 0; i < unsharing->count; i++) {
        const struct reader *reader = &unsharing->readers[i];
        int own = reader->purpose == PURPOSE_NONE         ? 2
                  : reader->value != unsharing->root      ? 0
                  : reader->purpose == PURPOSE_STATISTICS ? 1
                                                          : 3;
        best = own > rank ? reader->group : best;
        rank = own > rank ? own : rank;
    }
    return best;
}

/* Does the whole group when its first reader comes. */
static int move_group(struct unsharing *unsharing, size_t first, struct error *error)
{
    const struct reader *readers = unsharing->readers;
    int group = readers[first].group;
    for (size_t i = 0; i < first; i++) {
        if (readers[i].group == group)
            return 0;
    }
    struct value *place = place_for(unsharing, &readers[first], error);
    if (!place)
        return -1;
    unsharing->told->statistics += readers[first].purpose == PURPOSE_STATISTICS;
    unsharing->told->parameters += readers[first].purpose < PURPOSE_STATISTICS;
    for (size_t i = first; i < unsharing->count; i++) {
        if (readers[i].group == group && source_set_input(readers[i].use, place, error))
            return -1;
    }
    return 0;
}

/* Statistics are stored where they are read: an Identity between both goes. */
static int bare_statistics(const struct unsharing *unsharing, const struct reader *reader, struct error *error)
{
    return reader->purpose == PURPOSE_STATISTICS ? source_set_input(reader->use, unsharing->root, error) : 0;
}

static void tell_shared(struct unsharing *unsharing)
{
    for (int group = 0; group < unsharing->groups; group++) {
        const struct node *first = NULL;
        bool several = false;
        for (size_t i = 0; i < unsharing->count; i++) {
            const struct reader *reader = &unsharing->readers[i];
            if (reader->group != group || reader->purpose >= PURPOSE_STATISTICS)
                continue;
            several = several || (first && reader->sink != first);
            first = reader->sink;
        }
        unsharing->told->shared += several;
        if (several && !unsharing->told->first)
            unsharing->told->first = unsharing->root->name;
    }
}

static int unshare_tensor(struct unsharing *unsharing, struct value *root, struct error *error)
{
    if (!dtype_is_float(source_constant(root)->tensor.dtype) || slot_is_ours(root->name) || root->use_count == 0)
        return 0;
    int uniform = is_uniform(source_constant(root), error);
    unsharing->root = root;
    unsharing->uniform = uniform;
    unsharing->count = 0;
    if (uniform < 0 || collect_readers(unsharing, root, 0, error))
        return -1;
    group_readers(unsharing);
    tell_shared(unsharing);
    int keeping = root->is_output ? -1 : keeping_group(unsharing);
    for (size_t i = 0; i < unsharing->count; i++) {
        const struct reader *reader = &unsharing->readers[i];
        bool stays = root->is_output && reader->purpose == PURPOSE_NONE;
        if (reader->group == keeping ? bare_statistics(unsharing, reader, error)
                                     : !stays && move_group(unsharing, i, error))
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

/* ---- all of a model ---- */

static int unshare_model(struct unsharing *unsharing, struct error *error)
{
    struct graph *graph = unsharing->model->graph;
    int scales = 0;
    slots_mark(graph, NULL);
    if (look_at_scales(unsharing, graph, &scales, error))
        return -1;
    unsharing->untrained = unsharing->untrained && scales > 0;
    return unshare_graph(unsharing, graph, error);
}

int unshare(struct model *model, const struct shape_binding *bindings, int binding_count, bool frozen,
            struct unshared *told, struct error *error)
{
    struct unsharing unsharing = {
        .model = model, .arena = arena_create(model->context->memory, error), .told = told, .untrained = true};
    *told = (struct unshared){0};
    int result = unsharing.arena ? unshare_model(&unsharing, error) : -1;
    arena_destroy(unsharing.arena);
    if (result == 0)
        told->computed = store_operands(model, bindings, binding_count, frozen, error);
    return result || told->computed < 0 ? -1 : 0;
}
