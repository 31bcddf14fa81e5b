#include "diff/graph_matching.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "diff/constant_contents.h"
#include "diff/graph_matcher.h"

const struct value *graph_matching_output(const struct graph_matching *matching, int side, const struct value *output)
{
    const struct graph *other = matching->graphs[1 - side];
    const struct value *partner = graph_matching_partner(matching, side, output);
    if (partner && partner->is_output)
        return partner;
    const struct value *named = graph_find_value(other, output->name);
    return named && named->graph == other && named->is_output ? named : NULL;
}

static void join_values(struct graph_matching *matching, struct value *a, struct value *b)
{
    if (matching->partners[0][a->id] || matching->partners[1][b->id])
        return;
    matching->partners[0][a->id] = b;
    matching->partners[1][b->id] = a;
}

/* ---- graph inputs ---- */

static bool is_fed(const struct graph_matching *matching, int side, const struct value *input)
{
    return !input->constant && !matching->partners[side][input->id];
}

/* By name, the rest in order; initialisers that are listed as inputs are weights. */
static void join_inputs(struct graph_matching *matching)
{
    const struct graph *a = matching->graphs[0], *b = matching->graphs[1];
    for (int i = 0; i < a->input_count; i++) {
        struct value *other = graph_find_value(b, a->inputs[i]->name);
        if (other && other->graph == b && other->is_input && is_fed(matching, 0, a->inputs[i]) &&
            is_fed(matching, 1, other))
            join_values(matching, a->inputs[i], other);
    }
    for (int i = 0, j = 0; i < a->input_count; i++) {
        if (!is_fed(matching, 0, a->inputs[i]))
            continue;
        while (j < b->input_count && !is_fed(matching, 1, b->inputs[j]))
            j++;
        if (j < b->input_count)
            join_values(matching, a->inputs[i], b->inputs[j]);
    }
}

/* ---- nodes ---- */

static int make_matcher(struct matcher *matcher, bool derived, struct error *error)
{
    for (int s = 0; s < 2; s++) {
        if (graph_side_create(&matcher->sides[s], matcher->arena, matcher->matching, s, derived, error))
            return -1;
    }
    for (int s = 0; s < 2; s++) {
        const struct graph_side *side = &matcher->sides[s];
        size_t nodes = (size_t)side->count, room = nodes > side->most_uses ? nodes : side->most_uses;
        matcher->keyed[s] = arena_allocate(matcher->arena, room + 1, sizeof *matcher->keyed[s], error);
        if (!matcher->keyed[s])
            return -1;
    }
    size_t nodes = (size_t)matcher->sides[0].count + 1;
    matcher->queue = arena_allocate(matcher->arena, nodes, sizeof *matcher->queue, error);
    matcher->queued = arena_allocate(matcher->arena, nodes, sizeof *matcher->queued, error);
    return matcher->queue && matcher->queued ? 0 : -1;
}

/* Nodes with everything in front and behind alike, then either alone. */
static void join_surroundings(struct matcher *matcher, enum closeness closeness, uint64_t *const scratch[2])
{
    struct graph_side *sides = matcher->sides;
    for (int s = 0; s < 2; s++) {
        graph_side_surroundings(&sides[s], matcher->matching, s, closeness);
        for (int n = 0; n < sides[s].count; n++)
            scratch[s][n] = hash_mix(sides[s].front[n], sides[s].back[n]) | 1;
    }
    matcher_join_keys(matcher, (const uint64_t *const[2]){scratch[0], scratch[1]}, TIE_IN_ORDER);
    matcher_join_keys(matcher, (const uint64_t *const[2]){sides[0].front, sides[1].front}, TIE_IN_ORDER);
    matcher_join_keys(matcher, (const uint64_t *const[2]){sides[0].back, sides[1].back}, TIE_BY_NAME);
}

/* The only ones with these very weights. */
static void join_weights(struct matcher *matcher, uint64_t *const scratch[2])
{
    for (int s = 0; s < 2; s++) {
        const struct graph_side *side = &matcher->sides[s];
        for (int n = 0; n < side->count; n++)
            scratch[s][n] = side->marked[n] ? side->labels[BY_CONTENTS][n] : 0;
    }
    matcher_join_keys(matcher, (const uint64_t *const[2]){scratch[0], scratch[1]}, TIE_BY_NAME);
}

static const char *name_of(const struct node *node, bool of_output)
{
    if (!of_output)
        return node->name;
    return node->output_count > 0 && node->outputs[0] ? node->outputs[0]->name : "";
}

static void join_names(struct matcher *matcher, bool of_output, uint64_t *const scratch[2])
{
    for (int s = 0; s < 2; s++) {
        const struct graph_side *side = &matcher->sides[s];
        for (int n = 0; n < side->count; n++) {
            const char *name = name_of(side->nodes[n], of_output);
            scratch[s][n] = name[0] ? hash_text(side->labels[BY_OPERATOR][n], name) : 0;
        }
    }
    matcher_join_keys(matcher, (const uint64_t *const[2]){scratch[0], scratch[1]}, TIE_NONE);
}

/* Names with running numbers ("Add_34") mean other nodes as soon as one is inserted: they are believed when most of the
 * pairs that were found without them agree. */
static bool names_agree(const struct matcher *matcher)
{
    int named = 0, equal = 0;
    for (int n = 0; n < matcher->sides[0].count; n++) {
        int other = matcher->sides[0].match[n];
        const char *name = matcher->sides[0].nodes[n]->name;
        if (other < 0 || !name[0])
            continue;
        named++;
        equal += strcmp(name, matcher->sides[1].nodes[other]->name) == 0;
    }
    return 2 * equal >= named;
}

static int join_nodes(struct matcher *matcher, bool derived, struct error *error)
{
    uint64_t *scratch[2];
    for (int s = 0; s < 2; s++) {
        scratch[s] = arena_allocate(matcher->arena, (size_t)matcher->sides[s].count + 1, sizeof *scratch[s], error);
        if (!scratch[s])
            return -1;
    }
    if (derived) {
        join_names(matcher, true, scratch);
        join_names(matcher, false, scratch);
    } else {
        join_surroundings(matcher, BY_CONTENTS, scratch);
        join_weights(matcher, scratch);
    }
    join_surroundings(matcher, BY_SHAPES, scratch);
    if (names_agree(matcher)) {
        join_names(matcher, false, scratch);
        join_names(matcher, true, scratch);
    }
    matcher_spread(matcher, BY_SHAPES);
    matcher_spread(matcher, BY_OPERATOR);
    if (matcher_join_order(matcher, error))
        return -1;
    matcher_spread(matcher, BY_OPERATOR);
    return 0;
}

/* ---- what follows for values ---- */

static void join_outputs(struct graph_matching *matching, const struct node *a, const struct node *b)
{
    for (int k = 0; k < a->output_count && k < b->output_count; k++) {
        if (a->outputs[k] && b->outputs[k])
            join_values(matching, a->outputs[k], b->outputs[k]);
    }
}

/* Constants in the same place of paired nodes. */
static void join_operands(struct graph_matching *matching, const struct node *a, const struct node *b)
{
    for (int i = 0; i < a->input_count && i < b->input_count; i++) {
        struct value *first = a->inputs[i], *second = b->inputs[i];
        if (first && second && first->graph == matching->graphs[0] && second->graph == matching->graphs[1] &&
            value_contents(first) && value_contents(second))
            join_values(matching, first, second);
    }
}

/* A Constant node's name is a running number as a rule: it counts only where the type agrees. */
static bool may_be_same(const struct value *a, const struct value *b)
{
    const struct constant *first = value_contents(a), *second = value_contents(b);
    if (!first || !second)
        return false;
    return (!a->producer && !b->producer) ||
           (first->tensor.dtype == second->tensor.dtype && shape_equal(&first->tensor.shape, &second->tensor.shape));
}

static void join_constant_names(struct graph_matching *matching)
{
    const struct graph *a = matching->graphs[0], *b = matching->graphs[1];
    for (size_t i = 0; i < a->value_count; i++) {
        struct value *other = value_contents(a->values[i]) ? graph_find_value(b, a->values[i]->name) : NULL;
        if (other && other->graph == b && may_be_same(a->values[i], other))
            join_values(matching, a->values[i], other);
    }
}

struct fingerprinted {
    uint64_t fingerprint;
    struct value *value;
};

static int order_of_fingerprints(const void *left, const void *right)
{
    const struct fingerprinted *a = left, *b = right;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return (a->value->id > b->value->id) - (a->value->id < b->value->id);
}

static int list_left_over(const struct graph_matching *matching, int side, struct fingerprinted *list)
{
    const struct graph *graph = matching->graphs[side];
    int count = 0;
    for (size_t i = 0; i < graph->value_count; i++) {
        struct value *value = graph->values[i];
        if (matching->fingerprints[side][i] && !matching->partners[side][i])
            list[count++] = (struct fingerprinted){matching->fingerprints[side][i], value};
    }
    qsort(list, (size_t)count, sizeof *list, order_of_fingerprints);
    return count;
}

/* Constants left over, with equal elements. */
static int join_constant_contents(struct graph_matching *matching, struct arena *arena, struct error *error)
{
    struct fingerprinted *lists[2];
    int counts[2];
    for (int s = 0; s < 2; s++) {
        lists[s] = arena_allocate(arena, matching->graphs[s]->value_count + 1, sizeof *lists[s], error);
        if (!lists[s])
            return -1;
        counts[s] = list_left_over(matching, s, lists[s]);
    }
    for (int a = 0, b = 0; a < counts[0] && b < counts[1];) {
        uint64_t first = lists[0][a].fingerprint, second = lists[1][b].fingerprint;
        if (first == second)
            join_values(matching, lists[0][a].value, lists[1][b].value);
        a += first <= second;
        b += second <= first;
    }
    return 0;
}

static int list_pairs(struct graph_matching *matching, const struct matcher *matcher, struct error *error)
{
    const struct graph_side *sides = matcher->sides;
    size_t most = (size_t)sides[0].count + (size_t)sides[1].count + 1;
    matching->pairs = memory_allocate(matching->memory, most, sizeof *matching->pairs, error);
    if (!matching->pairs)
        return -1;
    for (int n = 0; n < sides[0].count; n++) {
        int other = sides[0].match[n];
        matching->pairs[matching->pair_count++] =
            (struct node_pair){sides[0].nodes[n], other < 0 ? NULL : sides[1].nodes[other]};
    }
    for (int n = 0; n < sides[1].count; n++) {
        if (sides[1].match[n] < 0)
            matching->pairs[matching->pair_count++] = (struct node_pair){NULL, sides[1].nodes[n]};
    }
    return 0;
}

static int match(struct graph_matching *matching, struct matcher *matcher, bool derived, struct error *error)
{
    join_inputs(matching);
    if (make_matcher(matcher, derived, error) || join_nodes(matcher, derived, error) ||
        list_pairs(matching, matcher, error))
        return -1;
    for (int i = 0; i < matching->pair_count; i++) {
        const struct node_pair *pair = &matching->pairs[i];
        if (pair->a && pair->b) {
            join_outputs(matching, pair->a, pair->b);
            join_operands(matching, pair->a, pair->b);
        }
    }
    join_constant_names(matching);
    return join_constant_contents(matching, matcher->arena, error);
}

int graph_match(struct memory *memory, const struct graph *a, const struct graph *b,
                const struct graph_matching_options *options, struct graph_matching *matching, struct error *error)
{
    *matching = (struct graph_matching){.memory = memory, .graphs = {a, b}, .outer = options->outer};
    struct matcher matcher = {.matching = matching, .arena = arena_create(memory, error)};
    bool room = matcher.arena != NULL;
    for (int s = 0; s < 2 && room; s++) {
        size_t values = matching->graphs[s]->value_count + 1;
        matching->partners[s] = memory_allocate(memory, values, sizeof *matching->partners[s], error);
        matching->fingerprints[s] = memory_allocate(memory, values, sizeof *matching->fingerprints[s], error);
        room = matching->partners[s] && matching->fingerprints[s];
    }
    int result = room ? match(matching, &matcher, options->derived, error) : -1;
    arena_destroy(matcher.arena);
    return result;
}

void graph_matching_release(struct graph_matching *matching)
{
    for (int s = 0; s < 2; s++) {
        memory_release(matching->memory, matching->partners[s]);
        memory_release(matching->memory, matching->fingerprints[s]);
    }
    memory_release(matching->memory, matching->pairs);
    *matching = (struct graph_matching){0};
}
