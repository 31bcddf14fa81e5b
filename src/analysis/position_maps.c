#include "analysis/position_maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* ---- position embeddings ---- */

/* Element (patch, channel) of a position embedding stands at first + patch * patch_step + channel * channel_step. */
struct vectors {
    const struct tensor *tensor;
    int64_t patches, channels, first, patch_step, channel_step;
};

static int read_vectors(const struct patch_embedding *embedding, struct vectors *vectors, struct error *error)
{
    const struct tensor *tensor = constant_data(embedding->position->constant, error);
    if (!tensor)
        return -1;
    int64_t patches = embedding->grid[0] * embedding->grid[1];
    int64_t channels = shape_count(&tensor->shape) / (patches + embedding->prefix);
    bool first = embedding->channels_first;
    *vectors = (struct vectors){
        tensor, patches, channels, embedding->prefix * channels, first ? 1 : channels, first ? patches : 1};
    return 0;
}

static double at(const struct vectors *vectors, int64_t patch, int64_t channel)
{
    return tensor_number(vectors->tensor,
                         vectors->first + patch * vectors->patch_step + channel * vectors->channel_step);
}

int position_similarity(const struct patch_embedding *embedding, double *map, struct error *error)
{
    struct vectors vectors;
    if (read_vectors(embedding, &vectors, error))
        return -1;
    int64_t centre = (embedding->grid[0] - 1) / 2 * embedding->grid[1] + (embedding->grid[1] - 1) / 2;
    for (int64_t patch = 0; patch < vectors.patches; patch++) {
        double ab = 0, aa = 0, bb = 0;
        for (int64_t c = 0; c < vectors.channels; c++) {
            double a = at(&vectors, centre, c), b = at(&vectors, patch, c);
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        map[patch] = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    }
    return 0;
}

/* ---- relative biases ---- */

bool position_window(const struct attention_site *site, int64_t window[2], int64_t *prefix)
{
    for (*prefix = 0; *prefix <= 1; ++*prefix) {
        int64_t side = (int64_t)llround(sqrt((double)(site->queries - *prefix)));
        if (side > 1 && side * side == site->queries - *prefix && site->queries == site->keys) {
            window[0] = window[1] = side;
            return true;
        }
    }
    return false;
}

/* Index of the offset from query to key in a map [(2h-1) (2w-1)]. */
static int64_t offset_index(const int64_t window[2], int64_t query, int64_t key)
{
    int64_t dy = key / window[1] - query / window[1], dx = key % window[1] - query % window[1];
    return (dy + window[0] - 1) * (2 * window[1] - 1) + dx + window[1] - 1;
}

static int64_t offset_count(const int64_t window[2])
{
    return (2 * window[0] - 1) * (2 * window[1] - 1);
}

/* Element of the bias for table `table` (heads, and what else leads), query and key counted without the prefix. */
static int64_t bias_at(const struct attention_site *site, int64_t prefix, int64_t table, int64_t query, int64_t key)
{
    return (table * site->queries + prefix + query) * site->keys + prefix + key;
}

int position_bias_map(const struct attention_site *site, const int64_t window[2], int64_t prefix, double *map,
                      struct error *error)
{
    const struct tensor *tensor = constant_data(site->bias->constant, error);
    if (!tensor)
        return -1;
    int64_t patches = window[0] * window[1], tables = shape_count(&tensor->shape) / (site->queries * site->keys);
    memset(map, 0, (size_t)offset_count(window) * sizeof *map);
    for (int64_t query = 0; query < patches; query++) {
        for (int64_t key = 0; key < patches; key++) {
            int64_t dy = query / window[1] - key / window[1], dx = query % window[1] - key % window[1];
            double pairs = (double)((window[0] - llabs(dy)) * (window[1] - llabs(dx)) * tables);
            for (int64_t table = 0; table < tables; table++)
                map[offset_index(window, query, key)] +=
                    tensor_number(tensor, bias_at(site, prefix, table, query, key)) / pairs;
        }
    }
    return 0;
}

/* ---- without order ---- */

static int shuffled(struct graph *graph, struct random *random, int64_t count, int64_t **order, struct error *error)
{
    *order = arena_allocate(graph->arena, (size_t)count, sizeof **order, error);
    if (!*order)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        int64_t j = random_below(random, (uint32_t)i + 1);
        (*order)[i] = (*order)[j];
        (*order)[j] = i;
    }
    return 0;
}

static int shuffle_embedding(const struct patch_embedding *embedding, struct random *random, struct error *error)
{
    struct vectors vectors;
    int64_t *order;
    struct tensor *to = node_own_constant(embedding->position_node, embedding->position_input, error);
    if (!to || read_vectors(embedding, &vectors, error) ||
        shuffled(embedding->position_node->graph, random, vectors.patches, &order, error))
        return -1;
    for (int64_t patch = 0; patch < vectors.patches; patch++) {
        for (int64_t c = 0; c < vectors.channels; c++)
            tensor_set_number(to, vectors.first + patch * vectors.patch_step + c * vectors.channel_step,
                              at(&vectors, order[patch], c));
    }
    return 0;
}

/* The number that each offset has, taken at one pair of it, and given to all pairs of another. */
static int shuffle_bias(const struct attention_site *site, const int64_t window[2], int64_t prefix,
                        struct random *random, struct error *error)
{
    int64_t patches = window[0] * window[1], *order, *pair_of;
    struct graph *graph = site->bias_node->graph;
    struct tensor *to = node_own_constant(site->bias_node, site->bias_input, error);
    const struct tensor *from = to ? constant_data(site->bias->constant, error) : NULL;
    pair_of = arena_allocate(graph->arena, (size_t)offset_count(window), sizeof *pair_of, error);
    if (!from || !pair_of || shuffled(graph, random, offset_count(window), &order, error))
        return -1;
    for (int64_t pair = 0; pair < patches * patches; pair++)
        pair_of[offset_index(window, pair / patches, pair % patches)] = pair;
    int64_t tables = shape_count(&from->shape) / (site->queries * site->keys);
    for (int64_t table = 0; table < tables; table++) {
        for (int64_t pair = 0; pair < patches * patches; pair++) {
            int64_t other = pair_of[order[offset_index(window, pair / patches, pair % patches)]];
            tensor_set_number(to, bias_at(site, prefix, table, pair / patches, pair % patches),
                              tensor_number(from, bias_at(site, prefix, table, other / patches, other % patches)));
        }
    }
    return 0;
}

int position_randomise(struct graph *graph, const struct value *image, uint64_t seed, int *changed, struct error *error)
{
    struct random random = {.seed = seed, .stream = 0x706f73};
    struct patch_embedding embedding;
    struct attention_list list;
    *changed = 0;
    patch_embedding_find(graph, image, &embedding);
    if (attention_find(graph, &list, error))
        return -1;
    if (embedding.position) {
        if (shuffle_embedding(&embedding, &random, error))
            return -1;
        ++*changed;
    }
    for (int i = 0; i < list.count; i++) {
        int64_t window[2], prefix;
        if (!list.sites[i].bias || !position_window(&list.sites[i], window, &prefix))
            continue;
        if (shuffle_bias(&list.sites[i], window, prefix, &random, error))
            return -1;
        ++*changed;
    }
    return 0;
}
