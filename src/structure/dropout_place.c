#include "structure/dropout_place.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "structure/normalization_role.h"

/* A pool that leaves one number per channel of a map; its input is the map. */
static bool is_global_pool(const struct node *node)
{
    if (!node_has(node, OPERATOR_POOLS | OPERATOR_REDUCES) || node->inputs[0]->shape.rank != 4)
        return false;
    const struct shape *map = &node->inputs[0]->shape;
    int64_t before = shape_count(map), after = shape_count(&node->outputs[0]->shape);
    int64_t channels[2] = {map->dims[0] * map->dims[1], map->dims[0] * map->dims[3]};
    return after < before && (after == channels[0] || after == channels[1]);
}

/* Nodes that change the form of their data only. */
static bool is_view(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_PERMUTES);
}

static double keep_of(const struct node *dropout)
{
    const struct dropout_settings *settings = dropout->settings;
    double ratio = 0.5;
    if (dropout->opset < 12)
        return 1 - (settings ? (double)settings->ratio : ratio);
    if (dropout->input_count < 2 || !dropout->inputs[1])
        return 1 - ratio;
    return match_number(dropout->inputs[1], &ratio) ? 1 - ratio : 0;
}

/* ---- branches ---- */

static int place_in(const struct path *path, const struct node *node)
{
    for (int i = 0; i < path->count; i++) {
        if (path->nodes[i] == node)
            return i;
    }
    return -1;
}

/* The last node of the path behind place `from` that is a normalisation, or with `weights` a weight; or -1. */
static int last_behind(const struct path *path, int from, bool weights)
{
    for (int i = path->count - 1; i > from; i--) {
        if (weights ? network_weights(path->nodes[i]) != NULL : network_is_batch_normalization(path->nodes[i]))
            return i;
    }
    return -1;
}

/* The branch's last weight, if no normalisation follows it. */
static struct node *right_place(const struct path *branch)
{
    int norm = last_behind(branch, -1, false), weight = last_behind(branch, -1, true);
    return norm >= 0 && weight > norm ? branch->nodes[weight] : NULL;
}

/* False: the block says nothing of this node. */
static bool place_in_block(const struct residual_block *block, struct dropout_site *site)
{
    int on_branch = place_in(&block->branch, site->dropout);
    if (block->tie || block->parallel || last_behind(&block->branch, -1, false) < 0)
        return false;
    site->target = right_place(&block->branch);
    if (place_in(&block->shortcut, site->dropout) >= 0) {
        site->place = DROPOUT_ON_SHORTCUT;
        return true;
    }
    site->place = last_behind(&block->branch, on_branch, false) >= 0  ? DROPOUT_BEFORE_NORM
                  : last_behind(&block->branch, on_branch, true) >= 0 ? DROPOUT_RIGHT
                                                                      : DROPOUT_AFTER_WEIGHT;
    return on_branch >= 0;
}

/* A layer of a concatenating network: normalisation, activation, weight, and then only concatenations. */
static bool is_dense_weight(const struct node *weight)
{
    const struct node *node = weight && network_weights(weight) ? weight->inputs[0]->producer : NULL;
    while (node && node_has(node, OPERATOR_ACTIVATION | OPERATOR_KEEPS))
        node = node->inputs[0]->producer;
    return node && network_is_batch_normalization(node);
}

/* The same whose normalisation was folded into the convolution with a bias in front of the activation, which itself
 * reads a normalised map. */
static bool is_folded_dense_weight(const struct node *weight)
{
    const struct node *node = weight && network_weights(weight) ? weight->inputs[0]->producer : NULL;
    bool activated = false;
    for (; node && node_has(node, OPERATOR_ACTIVATION | OPERATOR_KEEPS); node = node->inputs[0]->producer)
        activated = true;
    return activated && node_has(node, OPERATOR_CONVOLUTION) && node->input_count > 2 && is_dense_weight(node);
}

#define MOST_DROPOUTS 8 /* one behind another */

static bool all_concatenated(const struct value *value, int depth)
{
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *user = value->uses[i].node;
        bool dropout = depth < MOST_DROPOUTS && match_operator(user, "Dropout") && user->outputs[0];
        if (dropout ? !all_concatenated(user->outputs[0], depth + 1) : !match_operator(user, "Concat"))
            return false;
    }
    return value->use_count > 0 && value->shape.rank == 4;
}

static bool only_concatenated(const struct value *value)
{
    return all_concatenated(value, 0);
}

static bool place_in_dense(struct dropout_site *site)
{
    struct node *weight = site->dropout->inputs[0]->producer;
    const struct value *result = site->dropout->outputs[0];
    const struct node *user = result->use_count == 1 ? result->uses[0].node : NULL;
    if (user && is_dense_weight(user) && only_concatenated(user->outputs[0])) {
        site->place = DROPOUT_RIGHT;
        return true;
    }
    if (!is_dense_weight(weight) || !only_concatenated(site->dropout->outputs[0]))
        return false;
    site->place = DROPOUT_AFTER_WEIGHT;
    site->target = weight;
    return true;
}

/* ---- head ---- */

static bool place_in_head(struct dropout_site *site)
{
    struct node *node = site->dropout->inputs[0]->producer;
    while (node && is_view(node))
        node = node->inputs[0]->producer;
    if (node && is_global_pool(node)) {
        site->place = DROPOUT_AFTER_POOL;
        site->target = node;
        return true;
    }
    const struct value *value = site->dropout->outputs[0];
    while (value->use_count == 1 && is_view(value->uses[0].node))
        value = value->uses[0].node->outputs[0];
    site->place = DROPOUT_RIGHT;
    return value->use_count == 1 && is_global_pool(value->uses[0].node);
}

/* ---- the list ---- */

static void count_branches(const struct network *network, const struct residual_list *blocks, struct dropout_list *list)
{
    for (int i = 0; i < blocks->count; i++) {
        const struct residual_block *block = &blocks->blocks[i];
        bool covered = !block->tie && !block->parallel && last_behind(&block->branch, -1, false) >= 0;
        list->branches += covered;
        list->branches_with_place += covered && right_place(&block->branch);
        list->parallel += block->parallel;
    }
    for (const struct node *node = network->graph->first; node; node = node->next) {
        bool dense = is_dense_weight(node) && only_concatenated(node->outputs[0]);
        list->branches += dense;
        list->branches_with_place += dense;
        list->folded += is_folded_dense_weight(node) && only_concatenated(node->outputs[0]);
    }
}

static void place(const struct residual_list *blocks, struct dropout_site *site)
{
    for (int i = 0; i < blocks->count; i++) {
        if (place_in_block(&blocks->blocks[i], site))
            return;
    }
    site->target = NULL;
    if (place_in_dense(site) || place_in_head(site))
        return;
    site->place = DROPOUT_ELSEWHERE;
    site->target = NULL;
}

int dropout_list_find(const struct network *network, struct dropout_list *list, struct error *error)
{
    struct graph *graph = network->graph;
    struct residual_list blocks;
    if (residual_find(graph, &blocks, error))
        return -1;
    *list = (struct dropout_list){
        .sites = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *list->sites, error)};
    if (!list->sites)
        return -1;
    list->folded = normalization_count_folded(&blocks);
    count_branches(network, &blocks, list);
    for (struct node *node = graph->first; node; node = node->next) {
        if (!match_operator(node, "Dropout"))
            continue;
        struct dropout_site *site = &list->sites[list->count];
        *site = (struct dropout_site){.dropout = node, .keep = keep_of(node)};
        list->idle += site->keep == 1;
        if (site->keep == 1)
            continue;
        place(&blocks, site);
        list->count++;
    }
    return 0;
}
