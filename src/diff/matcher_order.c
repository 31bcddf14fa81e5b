#include <string.h>

#include "diff/graph_matcher.h"

#define MOST_CELLS ((int64_t)1 << 22) /* of the table for one gap; larger gaps are walked through */
#define WINDOW 48                     /* how far such a walk looks ahead */

/* Unmatched nodes between two pairs that stand in the same order in both graphs. */
struct gap {
    int *nodes[2];
    int counts[2];
};

static bool same_input(const struct matcher *matcher, const struct value *a, const struct value *b)
{
    return a && b && matcher->matching->partners[0][a->id] == b && a->graph == matcher->sides[0].graph;
}

/* 0: another operator; else the more the likelier that they are the same node. */
static int likeness(const struct matcher *matcher, int a, int b)
{
    const struct graph_side *sides = matcher->sides;
    const struct node *first = sides[0].nodes[a], *second = sides[1].nodes[b];
    int score = 4;
    if (sides[0].labels[BY_OPERATOR][a] != sides[1].labels[BY_OPERATOR][b])
        return 0;
    score += sides[0].labels[BY_SHAPES][a] == sides[1].labels[BY_SHAPES][b] ? 4 : 0;
    score += sides[0].labels[BY_CONTENTS][a] == sides[1].labels[BY_CONTENTS][b] ? 4 : 0;
    score += first->name[0] && strcmp(first->name, second->name) == 0 ? 3 : 0;
    for (int i = 0; i < first->input_count && i < second->input_count; i++) {
        int from = graph_side_producer(&sides[0], first->inputs[i]);
        int to = graph_side_producer(&sides[1], second->inputs[i]);
        if ((from >= 0 && sides[0].match[from] >= 0 && sides[0].match[from] == to) ||
            same_input(matcher, first->inputs[i], second->inputs[i]))
            score += 3;
    }
    return score;
}

/* The assignment in order with the largest sum of likenesses; `choices` and `sums` are scratch. */
static void join_table(struct matcher *matcher, const struct gap *gap, unsigned char *choices, int *sums)
{
    enum { SKIP_A, SKIP_B, JOIN };
    int rows = gap->counts[0], columns = gap->counts[1];
    memset(sums, 0, ((size_t)columns + 1) * sizeof *sums);
    for (int i = rows - 1; i >= 0; i--) {
        int diagonal = 0; /* sums[i + 1][j + 1] */
        for (int j = columns - 1; j >= 0; j--) {
            int below = sums[j], right = sums[j + 1], like = likeness(matcher, gap->nodes[0][i], gap->nodes[1][j]);
            int joined = like > 0 ? like + diagonal : -1;
            int best = joined > below ? joined : below;
            unsigned char choice = joined > below ? JOIN : SKIP_A;
            if (right > best) {
                best = right;
                choice = SKIP_B;
            }
            choices[(int64_t)i * columns + j] = choice;
            diagonal = below;
            sums[j] = best;
        }
    }
    for (int i = 0, j = 0; i < rows && j < columns;) {
        unsigned char choice = choices[(int64_t)i * columns + j];
        if (choice == JOIN)
            matcher_join(matcher, gap->nodes[0][i], gap->nodes[1][j]);
        i += choice != SKIP_B;
        j += choice != SKIP_A;
    }
}

/* For gaps whose table would be too large: at a difference the nearest like nodes on both sides go on. */
static void join_walk(struct matcher *matcher, const struct gap *gap)
{
    for (int i = 0, j = 0; i < gap->counts[0] && j < gap->counts[1];) {
        bool found = false;
        for (int distance = 0; distance < WINDOW && !found; distance++) {
            for (int skip = 0; skip <= distance && !found; skip++) {
                int a = i + skip, b = j + distance - skip;
                if (a >= gap->counts[0] || b >= gap->counts[1] ||
                    likeness(matcher, gap->nodes[0][a], gap->nodes[1][b]) < 8)
                    continue;
                matcher_join(matcher, gap->nodes[0][a], gap->nodes[1][b]);
                found = true;
                i = a + 1;
                j = b + 1;
            }
        }
        i += !found;
        j += !found;
    }
}

static int join_gap(struct matcher *matcher, const struct gap *gap, struct error *error)
{
    int64_t cells = (int64_t)gap->counts[0] * gap->counts[1];
    struct memory *memory = arena_memory(matcher->arena);
    if (cells == 0)
        return 0;
    if (cells > MOST_CELLS) {
        join_walk(matcher, gap);
        return 0;
    }
    unsigned char *choices = memory_allocate_uninitialised(memory, (size_t)cells, 1, error);
    int *sums = memory_allocate(memory, (size_t)gap->counts[1] + 1, sizeof *sums, error);
    if (choices && sums)
        join_table(matcher, gap, choices, sums);
    memory_release(memory, choices);
    memory_release(memory, sums);
    return choices && sums ? 0 : -1;
}

/* The longest chain of pairs whose order is the same in both graphs: nodes of the first, `chain` takes all of them.
 * Returns its length. `tails` and `previous` are scratch of that size. */
static int longest_chain(const struct graph_side *side, int *chain, int *tails, int *previous)
{
    int length = 0;
    for (int n = 0; n < side->count; n++) {
        int low = 0, high = length;
        if (side->match[n] < 0)
            continue;
        while (low < high) {
            int middle = (low + high) / 2;
            if (side->match[tails[middle]] < side->match[n])
                low = middle + 1;
            else
                high = middle;
        }
        previous[n] = low > 0 ? tails[low - 1] : -1;
        tails[low] = n;
        length = low == length ? length + 1 : length;
    }
    for (int k = length - 1, n = length > 0 ? tails[length - 1] : -1; k >= 0; k--, n = previous[n])
        chain[k] = n;
    return length;
}

static int list_unmatched(const struct graph_side *side, int from, int to, int *list)
{
    int count = 0;
    for (int n = from; n < to; n++) {
        if (side->match[n] < 0)
            list[count++] = n;
    }
    return count;
}

int matcher_join_order(struct matcher *matcher, struct error *error)
{
    const struct graph_side *sides = matcher->sides;
    int *scratch[4];
    for (int i = 0; i < 4; i++) {
        size_t most = (size_t)(sides[0].count > sides[1].count ? sides[0].count : sides[1].count) + 1;
        if (!(scratch[i] = arena_allocate(matcher->arena, most, sizeof *scratch[i], error)))
            return -1;
    }
    int *chain = scratch[0];
    int length = longest_chain(&sides[0], chain, scratch[1], scratch[2]);
    struct gap gap = {.nodes = {scratch[1], scratch[2]}};
    for (int k = 0, from[2] = {0, 0}; k <= length; k++) {
        int to[2] = {k < length ? chain[k] : sides[0].count, k < length ? sides[0].match[chain[k]] : sides[1].count};
        for (int s = 0; s < 2; s++) {
            gap.counts[s] = list_unmatched(&sides[s], from[s], to[s], gap.nodes[s]);
            from[s] = to[s] + 1;
        }
        if (join_gap(matcher, &gap, error))
            return -1;
    }
    return 0;
}
