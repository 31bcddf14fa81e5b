#include "structure/token_trace.h"

#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "op/spatial.h"
#include "structure/element_trace.h"
#include "structure/network.h"

/* A convolution of single cells. */
static bool is_pointwise(const struct node *node)
{
    const struct window_settings *settings = match_settings(node, "Conv");
    const struct value *weights = settings ? network_weights(node) : NULL;
    if (!weights || shape_product(&weights->shape, 2, weights->shape.rank) != 1)
        return false;
    for (int i = 0; i < settings->strides.count; i++) {
        if (settings->strides.values[i] != 1)
            return false;
    }
    for (int i = 0; i < settings->pads.count; i++) {
        if (settings->pads.values[i] != 0)
            return false;
    }
    return true;
}

/* Rows times a matrix. */
static bool is_dense(const struct node *node)
{
    const struct gemm_settings *gemm = match_settings(node, "Gemm");
    return node_has(node, OPERATOR_MATRIX) && network_weights(node) && !(gemm && gemm->transA) &&
           node->inputs[0]->shape.rank == node->outputs[0]->shape.rank;
}

static bool moves(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW | OPERATOR_MOVES | OPERATOR_PERMUTES | OPERATOR_KEEPS | OPERATOR_QUANTIZES);
}

static bool is_same_place(const struct node *node)
{
    return node_has(node, OPERATOR_NORMALIZES) || is_dense(node) || is_pointwise(node);
}

static bool makes_map(const struct node *node)
{
    return node_has(node, OPERATOR_CONVOLUTION | OPERATOR_POOLS | OPERATOR_RESAMPLES) &&
           node->outputs[0]->shape.rank == 4 && shape_product(&node->outputs[0]->shape, 2, 4) > 1;
}

/* Whether a token of the node's result is one of this operand. */
static bool passes_token(const struct node *node, int input)
{
    if (!node->inputs[input] || node->inputs[input]->constant)
        return false;
    if (moves(node))
        return node_role(node, input) == ROLE_DATA;
    return is_same_place(node) ? input == 0 : node_has(node, OPERATOR_POINTWISE);
}

/* Marks nodes whose tokens come from a map: node->mark 1. */
static void mark_ways(struct graph *graph)
{
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = makes_map(node);
        for (int i = 0; i < node->input_count && !node->mark; i++)
            node->mark = passes_token(node, i) && node->inputs[i]->producer && node->inputs[i]->producer->mark;
    }
}

/* The element of an operand at the same place, where the operand is broadcast as sums do it. */
static void same_place(const struct node *node, const struct element *from, struct value *operand, struct element *to)
{
    struct element found = {.value = operand};
    int offset = from->value->shape.rank - operand->shape.rank;
    for (int axis = 0; axis < operand->shape.rank; axis++)
        found.index[axis] = operand->shape.dims[axis] == 1 ? 0 : from->index[axis + offset];
    if (is_dense(node))
        found.index[operand->shape.rank - 1] = 0;
    else if (is_pointwise(node))
        found.index[1] = 0;
    *to = found;
}

/* One step back; 1, 0: the token is none of a map, or -1. */
static int step(struct element_tracer *tracer, struct element *element, struct error *error)
{
    const struct node *node = element->value->producer;
    for (int i = 0; i < node->input_count; i++) {
        struct value *operand = node->inputs[i];
        bool leads = passes_token(node, i) && operand->producer && operand->producer->mark;
        if (!leads)
            continue;
        if (!moves(node)) {
            same_place(node, element, operand, element);
            return 1;
        }
        struct element found;
        bool one;
        if (element_operand(tracer, element, i, &found, &one, error))
            return -1;
        if (one) {
            *element = found;
            return 1;
        }
    }
    return 0;
}

/* Back to the map. */
static int trace(struct element_tracer *tracer, struct element *element, struct error *error)
{
    int result = 1;
    while (result == 1 && element->value->producer &&
           !(makes_map(element->value->producer) && !is_pointwise(element->value->producer))) {
        const struct node *node = element->value->producer;
        bool last = is_pointwise(node) && !(node->inputs[0]->producer && node->inputs[0]->producer->mark);
        if (last)
            return 1;
        result = node->mark ? step(tracer, element, error) : 0;
    }
    return element->value->producer ? result : 0;
}

struct found {
    const struct value *map;
    int64_t first, last; /* tokens with a place */
    bool *taken;         /* by cell */
};

/* 1 where the token fits those before it. */
static int add_place(struct found *found, struct token_places *places, int64_t token, const struct element *element,
                     struct error *error)
{
    const struct shape *map = &element->value->shape;
    int64_t width = map->dims[3], cell = element->index[2] * width + element->index[3];
    if (!found->map) {
        struct arena *arena = element->value->graph->arena;
        found->map = element->value;
        found->first = token;
        found->taken = arena_allocate(arena, (size_t)(map->dims[2] * width), sizeof *found->taken, error);
        if (!found->taken)
            return -1;
    } else if (found->map != element->value || found->last != token - 1 || found->taken[cell]) {
        return 0;
    }
    found->taken[cell] = true;
    found->last = token;
    places->places[places->count][0] = element->index[2];
    places->places[places->count++][1] = element->index[3];
    return 1;
}

int token_trace_find(struct graph *graph, struct value *query, int axis, struct token_places *places,
                     struct error *error)
{
    struct found found = {.map = NULL};
    struct element_tracer tracer;
    int64_t queries = query->shape.dims[axis];
    *places = (struct token_places){.count = 0};
    if (queries < 2)
        return 0;
    places->places = arena_allocate(graph->arena, (size_t)queries, sizeof *places->places, error);
    if (!places->places || element_tracer_create(&tracer, graph, error))
        return -1;
    mark_ways(graph);
    for (int64_t token = 0; token < queries; token++) {
        struct element element = {.value = query};
        element.index[axis] = token;
        int traced = trace(&tracer, &element, error);
        int added = traced == 1 ? add_place(&found, places, token, &element, error) : traced;
        if (added < 0 || (traced == 1 && added == 0))
            return added;
    }
    if (places->count < 2)
        return 0;
    places->front = found.first;
    places->behind = queries - 1 - found.last;
    places->window = places->count < shape_product(&found.map->shape, 2, 4);
    return 1;
}
