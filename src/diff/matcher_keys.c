#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "diff/graph_matcher.h"

static int order_of_keys(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int order_of_indices(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    return a->index != b->index ? (a->index > b->index) - (a->index < b->index) : (a->key > b->key) - (a->key < b->key);
}

static void sort_keys(struct keyed *list, int count)
{
    qsort(list, (size_t)count, sizeof *list, order_of_keys);
}

/* How many at the list's beginning have the first one's key. */
static int class_size(const struct keyed *list, int count)
{
    int size = 1;
    while (size < count && list[size].key == list[0].key)
        size++;
    return size;
}

/* Removes what has a partner by now. */
static int keep_unmatched(const struct graph_side *side, struct keyed *list, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (side->match[list[i].index] < 0)
            list[kept++] = list[i];
    }
    return kept;
}

/* Joins nodes of one key whose names occur once on each side. */
static void join_names(struct matcher *matcher, struct keyed *const lists[2], const int counts[2])
{
    for (int a = 0, b = 0; a < counts[0] && b < counts[1];) {
        uint64_t first = lists[0][a].name, second = lists[1][b].name;
        int as = 1, bs = 1;
        while (a + as < counts[0] && lists[0][a + as].name == first)
            as++;
        while (b + bs < counts[1] && lists[1][b + bs].name == second)
            bs++;
        if (first == second && as == 1 && bs == 1)
            matcher_join(matcher, lists[0][a].index, lists[1][b].index);
        a += first <= second ? as : 0;
        b += second <= first ? bs : 0;
    }
}

static void join_class(struct matcher *matcher, struct keyed *const lists[2], const int sizes[2], enum tie tie)
{
    int counts[2] = {sizes[0], sizes[1]};
    if (counts[0] > 1 || counts[1] > 1) {
        if (tie == TIE_NONE)
            return;
        join_names(matcher, lists, counts);
        for (int s = 0; s < 2; s++) {
            counts[s] = keep_unmatched(&matcher->sides[s], lists[s], counts[s]);
            qsort(lists[s], (size_t)counts[s], sizeof *lists[s], order_of_indices);
        }
        if (counts[0] != counts[1] || (counts[0] > 1 && tie == TIE_BY_NAME))
            return;
    }
    for (int i = 0; i < counts[0]; i++)
        matcher_join(matcher, lists[0][i].index, lists[1][i].index);
}

/* Joins equal keys of two lists, which are sorted here. */
static void join_lists(struct matcher *matcher, struct keyed *const lists[2], const int counts[2], enum tie tie)
{
    sort_keys(lists[0], counts[0]);
    sort_keys(lists[1], counts[1]);
    for (int a = 0, b = 0; a < counts[0] && b < counts[1];) {
        struct keyed *heads[2] = {lists[0] + a, lists[1] + b};
        uint64_t first = heads[0]->key, second = heads[1]->key;
        int sizes[2] = {class_size(heads[0], counts[0] - a), class_size(heads[1], counts[1] - b)};
        if (first == second)
            join_class(matcher, heads, sizes, tie);
        a += first <= second ? sizes[0] : 0;
        b += second <= first ? sizes[1] : 0;
    }
}

void matcher_join_keys(struct matcher *matcher, const uint64_t *const keys[2], enum tie tie)
{
    int counts[2] = {0, 0};
    for (int s = 0; s < 2; s++) {
        const struct graph_side *side = &matcher->sides[s];
        for (int n = 0; n < side->count; n++) {
            if (side->match[n] < 0 && keys[s][n] != 0)
                matcher->keyed[s][counts[s]++] = (struct keyed){keys[s][n], hash_text(1, side->nodes[n]->name), n};
        }
    }
    join_lists(matcher, matcher->keyed, counts, tie);
}

/* ---- from pairs to their neighbours ---- */

static bool may_join(const struct matcher *matcher, int a, int b, enum closeness closeness)
{
    const struct graph_side *sides = matcher->sides;
    return a >= 0 && b >= 0 && sides[0].match[a] < 0 && sides[1].match[b] < 0 &&
           sides[0].labels[closeness][a] == sides[1].labels[closeness][b];
}

static void enqueue(struct matcher *matcher, int node)
{
    if (matcher->queued[node])
        return;
    matcher->queued[node] = true;
    matcher->queue[matcher->queue_length++] = node;
}

static void spread_to_inputs(struct matcher *matcher, const struct node *a, const struct node *b,
                             enum closeness closeness)
{
    for (int i = 0; i < a->input_count && i < b->input_count; i++) {
        int first = graph_side_producer(&matcher->sides[0], a->inputs[i]);
        int second = graph_side_producer(&matcher->sides[1], b->inputs[i]);
        if (!may_join(matcher, first, second, closeness) ||
            a->inputs[i]->producer_output != b->inputs[i]->producer_output)
            continue;
        matcher_join(matcher, first, second);
        enqueue(matcher, first);
    }
}

/* Unmatched readers of `value`, each once, keyed by what they are and where they read it. */
static int list_users(const struct matcher *matcher, int s, const struct value *value, enum closeness closeness)
{
    const struct graph_side *side = &matcher->sides[s];
    struct keyed *list = matcher->keyed[s];
    int count = 0, kept = 0;
    for (size_t u = 0; u < value->use_count; u++) {
        int user = graph_side_user(side, &value->uses[u]);
        if (user >= 0 && side->match[user] < 0)
            list[count++] = (struct keyed){hash_mix(side->labels[closeness][user], (uint64_t)value->uses[u].input),
                                           hash_text(1, side->nodes[user]->name), user};
    }
    qsort(list, (size_t)count, sizeof *list, order_of_indices);
    for (int i = 0; i < count; i++) {
        if (i == 0 || list[i].index != list[kept - 1].index)
            list[kept++] = list[i];
    }
    return kept;
}

static void spread_to_users(struct matcher *matcher, const struct value *a, const struct value *b,
                            enum closeness closeness)
{
    const int counts[2] = {list_users(matcher, 0, a, closeness), list_users(matcher, 1, b, closeness)};
    if (counts[0] == 0 || counts[1] == 0)
        return;
    join_lists(matcher, matcher->keyed, counts, TIE_BY_NAME);
    for (size_t u = 0; u < a->use_count; u++) {
        int user = graph_side_user(&matcher->sides[0], &a->uses[u]);
        if (user >= 0 && matcher->sides[0].match[user] >= 0)
            enqueue(matcher, user);
    }
}

void matcher_spread(struct matcher *matcher, enum closeness closeness)
{
    const struct graph_side *sides = matcher->sides;
    memset(matcher->queued, 0, (size_t)sides[0].count * sizeof *matcher->queued);
    matcher->queue_length = 0;
    for (int n = 0; n < sides[0].count; n++) {
        if (sides[0].match[n] >= 0)
            enqueue(matcher, n);
    }
    const struct graph *first = sides[0].graph;
    for (int i = 0; i < first->input_count; i++) {
        const struct value *partner = matcher->matching->partners[0][first->inputs[i]->id];
        if (partner)
            spread_to_users(matcher, first->inputs[i], partner, closeness);
    }
    for (int i = 0; i < matcher->queue_length; i++) {
        const struct node *a = sides[0].nodes[matcher->queue[i]];
        const struct node *b = sides[1].nodes[sides[0].match[matcher->queue[i]]];
        spread_to_inputs(matcher, a, b, closeness);
        for (int k = 0; k < a->output_count && k < b->output_count; k++) {
            if (a->outputs[k] && b->outputs[k])
                spread_to_users(matcher, a->outputs[k], b->outputs[k], closeness);
        }
    }
}
