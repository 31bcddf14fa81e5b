#include "structure/normalization_role.h"

#include "graph/match.h"
#include "graph/operator.h"

/* A branch that ends in a weight, its last normalisation in front of it. */
static bool is_preactivation(const struct residual_block *block)
{
    for (int i = block->branch.count - 1; i >= 0; i--) {
        if (network_is_batch_normalization(block->branch.nodes[i]))
            return false;
        if (network_weights(block->branch.nodes[i]))
            return true;
    }
    return false;
}

/* x * gate(x), as SiLU and HardSwish are exported: x. */
static struct value *self_gated(const struct node *node)
{
    if (!match_operator(node, "Mul"))
        return NULL;
    for (int i = 0; i < 2; i++) {
        struct node *gate = node->inputs[i]->producer;
        if (gate && network_is_activation(gate) && gate->inputs[0] == node->inputs[1 - i])
            return node->inputs[1 - i];
    }
    return NULL;
}

/* The BatchNormalization whose result reaches `value` through activations and, where `pools`, pools only; or NULL. */
static struct node *normalization_behind(const struct value *value, bool pools)
{
    struct node *node = value->producer;
    while (node && !network_is_batch_normalization(node)) {
        struct value *gated = self_gated(node);
        if (!gated && !node_has(node, OPERATOR_KEEPS | OPERATOR_ACTIVATION) &&
            !(pools && node_has(node, OPERATOR_POOLS)))
            return NULL;
        node = (gated ? gated : node->inputs[0])->producer;
    }
    return node;
}

static struct node *last_normalization(const struct path *path)
{
    for (int i = path->count - 1; i >= 0; i--) {
        if (network_is_batch_normalization(path->nodes[i]))
            return path->nodes[i];
    }
    return NULL;
}

/* Roles stand in node->mark while they are found; a role once given stays. */
static void give_role(struct node *node, enum normalization_role role)
{
    if (node && node->mark == NORMALIZATION_OTHER)
        node->mark = (int)role;
}

static void read_blocks(const struct residual_list *list, struct normalization_roles *roles)
{
    for (int i = 0; i < list->count; i++) {
        const struct residual_block *block = &list->blocks[i];
        if (!block->tie && !block->parallel)
            give_role(last_normalization(&block->branch), NORMALIZATION_LAST);
        roles->ties += block->tie && !block->parallel;
        roles->parallel += block->parallel;
    }
    for (int i = 0; i < list->count; i++) {
        const struct residual_block *block = &list->blocks[i];
        if (block->shortcut.weights == 0)
            continue;
        for (int k = 0; k < block->shortcut.count; k++) {
            if (network_is_batch_normalization(block->shortcut.nodes[k]))
                give_role(block->shortcut.nodes[k], NORMALIZATION_DOWN);
        }
        if (is_preactivation(block))
            give_role(normalization_behind(block->entry, false), NORMALIZATION_DOWN);
    }
    for (int i = 0; i < list->count; i++) {
        if (!list->blocks[i].parallel)
            give_role(normalization_behind(list->blocks[i].entry, true), NORMALIZATION_STEM);
    }
}

/* Activations but those that make gates of a map. */
static bool activates(const struct node *node)
{
    return node_has(node, OPERATOR_ACTIVATION) && !node_has(node, OPERATOR_GATE);
}

/* The first part of a GELU taken apart: erf(x / sqrt(2)). */
static bool begins_gelu(const struct node *node)
{
    const struct value *scaled = node->outputs[0];
    return node_has(node, OPERATOR_MULTIPLIES) && node->inputs[1]->constant && scaled->use_count == 1 &&
           match_operator(scaled->uses[0].node, "Erf");
}

/* A convolution with a bias that makes a map, activated at once; gates of pooled maps have one position. */
static bool activates_at_once(const struct node *node)
{
    const struct value *result = node->outputs[0];
    if (!node_has(node, OPERATOR_CONVOLUTION) || !network_weights(node) || node->input_count < 3 || !node->inputs[2] ||
        shape_product(&result->shape, 2, result->shape.rank) == 1)
        return false;
    for (size_t i = 0; i < result->use_count; i++) {
        const struct node *user = result->uses[i].node;
        if (activates(user) || self_gated(user) || begins_gelu(user))
            return true;
    }
    return false;
}

/* Of transformers: their depthwise convolutions have no normalisation. */
static bool multiplies_tokens(const struct path *path)
{
    for (int i = 0; i < path->count; i++) {
        const struct node *node = path->nodes[i];
        if (network_weights(node) && node_has(node, OPERATOR_MATRIX) && node->outputs[0]->shape.rank > 2)
            return true;
    }
    return false;
}

/* A normalisation by the image's own statistics, or the means of the rows that one in parts subtracts. */
static bool normalises_otherwise(const struct node *node)
{
    const struct shape *from = &node->inputs[0]->shape, *to = &node->outputs[0]->shape;
    if (node_has(node, OPERATOR_NORMALIZES))
        return !network_is_batch_normalization(node);
    return node_has(node, OPERATOR_REDUCES) && from->rank == to->rank && from->rank > 0 &&
           to->dims[to->rank - 1] == 1 && from->dims[from->rank - 1] > 1 &&
           shape_count(from) == shape_count(to) * from->dims[from->rank - 1];
}

/* Whether the branch has no BatchNormalization that could have been folded: transformers' and those of other
 * normalisations. */
static bool has_other_normalization(const struct path *branch)
{
    for (int i = 0; i < branch->count; i++) {
        if (normalises_otherwise(branch->nodes[i]))
            return true;
    }
    return multiplies_tokens(branch);
}

int normalization_count_folded(const struct residual_list *blocks)
{
    int count = 0;
    for (int i = 0; i < blocks->count; i++) {
        const struct path *branch = &blocks->blocks[i].branch;
        bool other = has_other_normalization(branch);
        for (int k = branch->count - 1; k >= 0 && !other && !network_is_batch_normalization(branch->nodes[k]); k--)
            count += activates_at_once(branch->nodes[k]) && !network_weights_computed(branch->nodes[k]);
    }
    return count;
}

int normalization_roles_find(const struct network *network, struct normalization_roles *roles, struct error *error)
{
    struct graph *graph = network->graph;
    struct residual_list list;
    struct node *final = NULL;
    if (residual_find(graph, &list, error))
        return -1;
    *roles = (struct normalization_roles){
        .entries = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *roles->entries, error),
        .blocks = list.count};
    if (!roles->entries)
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = NORMALIZATION_OTHER;
        final = network_is_batch_normalization(node) ? node : final;
    }
    read_blocks(&list, roles);
    roles->folded = normalization_count_folded(&list);
    if (list.count > 0)
        give_role(final, NORMALIZATION_STEM);
    for (struct node *node = graph->first; node; node = node->next) {
        if (!network_is_batch_normalization(node))
            continue;
        enum normalization_role role = (enum normalization_role)node->mark;
        roles->entries[roles->count++] = (struct normalization_entry){node, role};
        roles->counts[role]++;
    }
    return 0;
}
