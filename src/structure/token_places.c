#include "structure/token_places.h"

#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "structure/network.h"
#include "structure/token_trace.h"

#define MOST_STEPS 32

static bool is_view(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW | OPERATOR_PERMUTES);
}

/* The operand that a step within a token is made of: norms whole or in parts, biases, scales, shares of a product. */
static struct value *token_operand(const struct node *node)
{
    struct value *first = node->inputs[0];
    if (node_has(node, OPERATOR_NORMALIZES))
        return first;
    if (!node_has(node, OPERATOR_SUM | OPERATOR_MULTIPLIES))
        return match_moved(node);
    bool residual =
        node_has(node, OPERATOR_SUM) && node_has(node, OPERATOR_COMMUTES) && match_beside_constant(node) < 0;
    return residual ? NULL : first->constant ? node->inputs[1] : first;
}

/* The operand of the product that makes queries of tokens; NULL: there is none. */
static struct value *product_operand(struct value *query)
{
    struct value *value = query;
    for (int step = 0; step < MOST_STEPS && value && value->producer; step++) {
        const struct node *node = value->producer;
        if (node_has(node, OPERATOR_MATRIX) && network_weights(node))
            return node->inputs[0];
        value = is_view(node) ? node->inputs[0] : token_operand(node);
    }
    return NULL;
}

/* ---- windows ---- */

/* Values from the tokens back to the map they were cut from, each made of the next. */
struct path {
    struct value *values[MOST_STEPS];
    int count;
};

/* Follows views and norms back to the last value of four axes in front of one of more. */
static bool find_partition(struct value *tokens, struct path *path)
{
    struct value *value = tokens;
    bool split = false;
    path->count = 0;
    while (value && path->count < MOST_STEPS) {
        path->values[path->count++] = value;
        split = split || value->shape.rank > 4;
        if (split && value->shape.rank == 4)
            return true;
        const struct node *node = value->producer;
        value = !node ? NULL : is_view(node) ? node->inputs[0] : split ? NULL : token_operand(node);
    }
    return false;
}

/* ids [count] in the order of `shape` become those of its transpose. */
static int transpose_ids(const struct node *node, const struct shape *shape, int64_t *ids, int64_t *spare)
{
    const struct ints perm = ((const struct transpose_settings *)node->settings)->perm;
    int64_t strides[SHAPE_MAX_RANK], index[SHAPE_MAX_RANK] = {0};
    int rank = shape->rank;
    int64_t count = shape_count(shape);
    if (perm.count != rank)
        return 0;
    shape_strides(shape, strides);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = 0;
        for (int axis = 0; axis < rank; axis++)
            from += index[axis] * strides[perm.values[axis]];
        spare[i] = ids[from];
        for (int axis = rank - 1; axis >= 0 && ++index[axis] == shape->dims[perm.values[axis]]; axis--)
            index[axis] = 0;
    }
    memcpy(ids, spare, (size_t)count * sizeof *ids);
    return 1;
}

/* Cells of the map at the end of the path, in the order of the tokens at its start. */
static bool trace(const struct path *path, int64_t *ids, int64_t *spare)
{
    int64_t count = shape_count(&path->values[path->count - 1]->shape);
    for (int64_t i = 0; i < count; i++)
        ids[i] = i;
    for (int i = path->count - 2; i >= 0; i--) {
        const struct node *node = path->values[i]->producer;
        bool turns = match_operator(node, "Transpose");
        if (shape_count(&path->values[i]->shape) != count ||
            (turns && !transpose_ids(node, &path->values[i + 1]->shape, ids, spare)))
            return false;
    }
    return true;
}

/* Places of the first window's tokens. `map`: [N,H,W,C] or [N,C,H,W], told by where neighbouring channels stand. */
static bool read_window(const struct shape *map, const int64_t *ids, int64_t channels, struct token_places *places)
{
    int64_t step = ids[1] - ids[0];
    bool last = step == 1;
    int64_t height = map->dims[last ? 1 : 2], width = map->dims[last ? 2 : 3];
    if (channels != map->dims[last ? 3 : 1] || (!last && step != height * width))
        return false;
    for (int64_t token = 0; token < places->count; token++) {
        int64_t cell = last ? ids[token * channels] / channels : ids[token * channels];
        if (cell >= height * width)
            return false;
        places->places[token][0] = cell / width;
        places->places[token][1] = cell % width;
    }
    return true;
}

static int find_window(struct value *tokens, const struct attention_site *site, struct token_places *places,
                       struct error *error)
{
    struct path path;
    if (site->queries < 1 || tokens->shape.rank < 2 || !find_partition(tokens, &path))
        return 0;
    const struct shape *map = &path.values[path.count - 1]->shape;
    struct arena *arena = site->node->graph->arena;
    struct memory *memory = arena_memory(arena);
    size_t count = (size_t)shape_count(map);
    int64_t channels = tokens->shape.dims[tokens->shape.rank - 1];
    if (channels < 2 || count % (size_t)(site->queries * channels) != 0)
        return 0;
    *places = (struct token_places){.count = site->queries, .window = true};
    places->places = arena_allocate(arena, (size_t)places->count, sizeof *places->places, error);
    int64_t *ids = memory_allocate(memory, count, sizeof *ids, error);
    int64_t *spare = memory_allocate(memory, count, sizeof *spare, error);
    int result = -1;
    if (places->places && ids && spare)
        result = trace(&path, ids, spare) && read_window(map, ids, channels, places);
    memory_release(memory, ids);
    memory_release(memory, spare);
    return result;
}

/* ---- all patches ---- */

static int find_patches(const struct patch_embedding *embedding, const struct attention_site *site,
                        struct token_places *places, struct error *error)
{
    const int64_t *grid = embedding->grid;
    int64_t patches = grid[0] * grid[1];
    bool alone = site->queries == patches;
    *places = (struct token_places){
        .front = alone ? 0 : embedding->joined[0], .behind = alone ? 0 : embedding->joined[1], .count = patches};
    if (!embedding->projection || patches < 1 || places->front + places->behind + patches != site->queries)
        return 0;
    places->places = arena_allocate(site->node->graph->arena, (size_t)patches, sizeof *places->places, error);
    for (int64_t i = 0; places->places && i < patches; i++) {
        places->places[i][0] = i / grid[1];
        places->places[i][1] = i % grid[1];
    }
    return places->places ? 1 : -1;
}

int token_places_find(const struct patch_embedding *embedding, const struct attention_site *site,
                      struct token_places *places, struct error *error)
{
    struct value *tokens = site->query ? product_operand(site->query) : NULL;
    int found = tokens ? find_window(tokens, site, places, error) : 0;
    found = found ? found : find_patches(embedding, site, places, error);
    if (found == 0 && site->query && site->query_axis >= 0 && /* not of a query whose shape is unknown */
        site->query->shape.dims[site->query_axis] == site->queries)
        found = token_trace_find(site->node->graph, site->query, site->query_axis, places, error);
    if (found == 0)
        *places = (struct token_places){.count = 0};
    return found;
}

bool token_places_equal(const struct token_places *a, const struct token_places *b)
{
    return a->front == b->front && a->behind == b->behind && a->count == b->count &&
           memcmp(a->places, b->places, (size_t)a->count * sizeof *a->places) == 0;
}
