#include "structure/dense_scores.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/box_selection.h"
#include "structure/head_activation.h"
#include "structure/level_join.h"

#define LONGEST 64 /* operators between picked and dense scores */
#define MOST_WAYS 4096

/* Moves elements from places that are known only when running: Gather, Compress. */
static bool gathers(const struct node *node)
{
    for (int i = 0; match_moved(node) && i < node->input_count; i++) {
        enum operand_role role = node_role(node, i);
        if ((role == ROLE_INDICES || role == ROLE_MASK) && node->inputs[i] && !node->inputs[i]->constant)
            return true;
    }
    return false;
}

/* The input that its elements are picked from, the largest or those at places that others give; -1: they are not. */
static int picked_input(const struct value *value)
{
    const struct node *node = value->producer;
    int input = node && node->definition ? operator_picked(node->definition, value->producer_output) : -1;
    return input >= 0 ? input : gathers(node) ? 0 : -1;
}

/* Types behind what is known only when running may be open. */
static bool is_data(const struct value *value)
{
    return value && !value->constant && (value->dtype == DTYPE_UNDEFINED || dtype_storage(value->dtype) == DTYPE_FLOAT);
}

/* One way back: values from the picked one on, each made of the next. */
struct way {
    struct value *values[LONGEST];
    int count, dense; /* the first value in front of all picks; 0: nothing is picked */
};

struct ways {
    struct arena *arena;
    struct way *list[MOST_WAYS];
    int count;
    bool too_many;
};

/* The operand that a value's elements come from; NULL: they are computed, or come from several (*several). */
static struct value *operand_of(const struct value *value, const struct node **join)
{
    struct node *node = value->producer;
    int input = makes_probabilities(node) ? 0 : picked_input(value);
    struct value *operand = input >= 0 ? node->inputs[input] : match_moved(node);
    *join = match_operator(node, "Concat") ? node : NULL;
    return is_data(operand) ? operand : NULL;
}

static int walk(struct ways *ways, struct way *way, struct value *value, struct error *error)
{
    const struct node *join = NULL;
    while (value && way->count < LONGEST) {
        way->values[way->count++] = value;
        way->dense = picked_input(value) >= 0 ? way->count : way->dense;
        value = operand_of(value, &join);
    }
    for (int i = 0; join && i < join->input_count && !ways->too_many; i++) {
        struct way *branch = arena_allocate(ways->arena, 1, sizeof *branch, error);
        if (!branch)
            return -1;
        *branch = *way;
        if (is_data(join->inputs[i]) && walk(ways, branch, join->inputs[i], error))
            return -1;
    }
    if (join)
        return 0;
    ways->too_many = ways->too_many || ways->count == MOST_WAYS;
    if (!ways->too_many)
        ways->list[ways->count++] = way;
    return 0;
}

static int place_in(const struct way *way, const struct value *value)
{
    for (int i = way->dense; i < way->count; i++) {
        if (way->values[i] == value)
            return i;
    }
    return -1;
}

/* The first value of known shape that all ways share in front of their picks; -1: none. A place in the first way. */
static int shared_place(const struct ways *ways)
{
    const struct way *first = ways->list[0];
    for (int i = first->dense; i < first->count; i++) {
        bool shared = first->values[i]->shape.rank >= 2;
        for (int k = 1; shared && k < ways->count; k++)
            shared = place_in(ways->list[k], first->values[i]) >= 0;
        if (shared)
            return i;
    }
    return -1;
}

static const struct node *activation_within(const struct way *way, int place)
{
    if (selection_applies_sigmoid(way->values[way->dense - 1]->producer))
        return way->values[way->dense - 1]->producer;
    for (int i = way->dense; i < place; i++) {
        if (makes_probabilities(way->values[i]->producer))
            return way->values[i]->producer;
    }
    return NULL;
}

/* ---- levels ---- */

/* The distinct dense values of all ways; 0: they do not go together. */
static int list_levels(const struct ways *ways, struct value **levels, int most)
{
    int count = 0;
    for (int i = 0; i < ways->count; i++) {
        const struct way *way = ways->list[i];
        struct value *level =
            way->dense < way->count ? match_back(way->values[way->dense], OPERATOR_VIEW | OPERATOR_KEEPS) : NULL;
        bool known = false;
        if (!level || level->shape.rank < 2)
            return 0;
        for (int k = 0; k < count; k++)
            known = known || levels[k] == level;
        if (known)
            continue;
        const struct shape *a = count > 0 ? &levels[0]->shape : &level->shape, *b = &level->shape;
        if (count == most || a->rank != b->rank || a->dims[a->rank - 1] != b->dims[b->rank - 1])
            return 0;
        levels[count++] = level;
    }
    return count;
}

static struct value *join_levels(struct graph *graph, struct value **levels, int count, struct error *error)
{
    char name[LEVEL_NAME_SIZE];
    struct value *known = level_join_known(graph, level_join_name(levels[0], count, name), count);
    bool same = known != NULL;
    for (int i = 0; same && i < count; i++)
        same = known->producer->inputs[i] == levels[i];
    return same ? known : level_join(graph, levels, count, levels[0]->shape.rank - 2, name, error);
}

int dense_scores_find(struct graph *graph, struct value *picked, struct value **dense, const struct node **activation,
                      struct error *error)
{
    struct ways ways = {.arena = graph->arena};
    struct value *levels[16];
    struct way *way = arena_allocate(graph->arena, 1, sizeof *way, error);
    *dense = NULL;
    *activation = NULL;
    if (!way || walk(&ways, way, picked, error))
        return -1;
    if (ways.too_many || ways.count == 0)
        return 0;
    for (int i = 0; i < ways.count; i++) {
        if (ways.list[i]->dense == 0)
            return 0;
    }
    int place = shared_place(&ways);
    if (place >= 0) {
        *dense = ways.list[0]->values[place];
        *activation = activation_within(ways.list[0], place);
        return 0;
    }
    int count = list_levels(&ways, levels, (int)(sizeof levels / sizeof levels[0]));
    *dense = count > 1 ? join_levels(graph, levels, count, error) : NULL;
    return count > 1 && !*dense ? -1 : 0;
}
