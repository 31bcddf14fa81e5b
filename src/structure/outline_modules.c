/* Blocks of an outline that structure knows: residual blocks, layers that each read all in front, ways that join. */
#include <string.h>

#include "graph/operator.h"
#include "structure/outline_groups.h"
#include "structure/residual.h"

#define MOST_WAYS 8
#define MOST_WEIGHTS 24      /* of ways that join */
#define MOST_GATE 4          /* layers of a gate */
#define MOST_STEPS (1 << 11) /* nodes between the parting and the join */

/* ---- what lies between ---- */

enum { BELOW = 1, ABOVE = 2 };

/* Marks in scratch, from node `from` (not among them; -1: the inputs) to `to`: nodes that lie on a way between, `to`
 * included. Returns how many, 0 where they are too many. */
static int mark_between(struct outline_work *work, int from, int to)
{
    int found = 0;
    if (to - from > MOST_STEPS)
        return 0;
    memset(work->scratch + from + 1, 0, (size_t)(to - from) * sizeof *work->scratch);
    work->scratch[to] = ABOVE;
    for (int i = to; i > from; i--) {
        const struct node *node = work->nodes[i];
        for (int k = 0; work->scratch[i] & ABOVE && k < node->input_count; k++) {
            const struct value *input = node->inputs[k];
            if (input && !input->constant && input->producer && input->producer->graph == work->graph &&
                input->producer->mark > from)
                work->scratch[input->producer->mark] |= ABOVE;
        }
    }
    for (int i = from + 1; i <= to; i++) {
        const struct node *node = work->nodes[i];
        for (int k = 0; work->scratch[i] & ABOVE && k < node->input_count; k++) {
            const struct value *input = node->inputs[k];
            bool computed = input && !input->constant;
            int place =
                computed && input->producer && input->producer->graph == work->graph ? input->producer->mark : -1;
            if (computed && (place == from || (place > from && work->scratch[place] & BELOW)))
                work->scratch[i] |= BELOW;
        }
        found += work->scratch[i] == (BELOW | ABOVE);
    }
    return found;
}

static bool is_between(const struct outline_work *work, int place)
{
    return work->scratch[place] == (BELOW | ABOVE);
}

/* Whether no block has any of the nodes marked, but for whole ones of ways that join. */
static bool is_free(struct outline_work *work, int from, int to)
{
    for (int i = from + 1; i <= to; i++) {
        if (is_between(work, i) && work->group[i] >= 0)
            work->placed[outline_root(work, work->group[i])] = 0;
    }
    for (int i = from + 1; i <= to; i++) {
        if (is_between(work, i) && work->group[i] >= 0)
            work->placed[outline_root(work, work->group[i])]++;
    }
    for (int i = from + 1; i <= to; i++) {
        int group = is_between(work, i) && work->group[i] >= 0 ? outline_root(work, work->group[i]) : -1;
        if (group >= 0 &&
            (work->groups[group].kind != FOVEA_BLOCK_BRANCHES || work->placed[group] != work->groups[group].nodes))
            return false;
    }
    return true;
}

/* Takes the nodes that are marked. */
static int take(struct outline_work *work, int from, int to, enum fovea_block_kind kind)
{
    int group = outline_new_group(work, kind);
    work->groups[group].module = true;
    for (int i = from + 1; i <= to; i++) {
        if (!is_between(work, i))
            continue;
        if (work->group[i] >= 0)
            outline_join(work, group, outline_root(work, work->group[i]));
        work->group[i] = group;
        work->groups[group].nodes++;
        work->groups[group].weighted += outline_is_weighted(work->nodes[i]);
    }
    return group;
}

/* ---- gates ---- */

/* The factor of one cell that a map is multiplied by (squeeze and excitation); NULL: none. */
static const struct value *gate_of(const struct outline_work *work, const struct node *node)
{
    if (!node_has(node, OPERATOR_MULTIPLIES) || node->input_count != 2)
        return NULL;
    for (int i = 0; i < 2; i++) {
        const struct value *gate = node->inputs[i], *map = node->inputs[1 - i];
        bool made = gate && map && !map->constant && gate->producer && gate->producer->graph == work->graph;
        if (made && outline_cells(gate) == 1 && outline_cells(map) > 1)
            return gate;
    }
    return NULL;
}

/* A gate's layers are told in the line of what they gate. */
static void mark_gate(struct outline_work *work, const struct node *node)
{
    const struct value *gate = gate_of(work, node);
    const struct value *map = gate ? node->inputs[node->inputs[0] == gate] : NULL;
    const struct node *entry = map && map->producer && map->producer->graph == work->graph
                                   ? dominators_common(&work->dominators, gate->producer, map->producer)
                                   : NULL;
    int to = entry ? gate->producer->mark : -1, weights = 0;
    if (!entry || to <= entry->mark || mark_between(work, entry->mark, to) == 0)
        return;
    for (int i = entry->mark + 1; i <= to; i++)
        weights += is_between(work, i) && outline_is_weighted(work->nodes[i]);
    if (weights == 0 || weights > MOST_GATE)
        return;
    for (int i = entry->mark + 1; i <= to; i++)
        work->gates[i] = is_between(work, i) ? -1 : work->gates[i];
    work->gates[node->mark] = weights;
}

/* ---- residual blocks ---- */

static bool is_on(const struct path *path, const struct node *node)
{
    for (int i = 0; i < path->count; i++) {
        if (path->nodes[i] == node)
            return true;
    }
    return false;
}

static int tell_residual(struct outline_work *work, int group, int from, const struct residual_block *block,
                         struct error *error)
{
    struct fovea_block_part *part = outline_new_part(work, FOVEA_BLOCK_RESIDUAL, 2, error);
    for (int i = from + 1; part && i < block->sum->mark; i++) {
        struct node *node = work->nodes[i];
        if (!is_between(work, i) || !outline_is_told(work, node))
            continue;
        if (outline_add_line(work, &part->ways[is_on(&block->shortcut, node)], node, true, error))
            return -1;
    }
    work->groups[group].parts = part;
    work->groups[group].part_count = 1;
    return part ? 0 : -1;
}

static int take_residual(struct outline_work *work, const struct residual_block *block, struct error *error)
{
    int from =
        block->entry->producer && block->entry->producer->graph == work->graph ? block->entry->producer->mark : -1;
    int to = block->sum->mark;
    if (mark_between(work, from, to) == 0 || !is_free(work, from, to))
        return 0;
    return tell_residual(work, take(work, from, to, FOVEA_BLOCK_RESIDUAL), from, block, error);
}

/* ---- joins ---- */

static bool is_join(const struct node *node)
{
    bool joins = node_has(node, OPERATOR_MOVES) && node->definition->max_inputs < 0;
    return (joins || node_has(node, OPERATOR_SUM)) && node->input_count > 1 && node->output_count > 0 &&
           node->outputs[0] && node->outputs[0]->shape.rank == 4;
}

/* Whether `node` joins all that `before` does, in the same order, and more. */
static bool continues(const struct node *before, const struct node *node)
{
    if (node->input_count <= before->input_count)
        return false;
    for (int i = 0; i < before->input_count; i++) {
        if (node->inputs[i] != before->inputs[i])
            return false;
    }
    return true;
}

/* The last of the joins that each take what the one in front of it takes, and one more; *layers: how many. */
static struct node *last_of_dense(const struct outline_work *work, struct node *first, int *layers)
{
    const struct value *entry = first->inputs[0];
    struct node *last = first;
    *layers = 1;
    for (size_t i = 0; entry && !entry->constant && i < entry->use_count; i++) {
        struct node *node = entry->uses[i].node;
        if (node->graph != work->graph || node->mark <= last->mark || !is_join(node) || !continues(last, node))
            continue;
        last = node;
        ++*layers;
    }
    return last;
}

static int take_dense(struct outline_work *work, struct node *first, struct error *error)
{
    int layers, last = last_of_dense(work, first, &layers)->mark;
    const struct node *made = first->inputs[0] ? first->inputs[0]->producer : NULL;
    int from = made && made->graph == work->graph ? made->mark : -1;
    if (layers < 3 || work->group[last] >= 0 || mark_between(work, from, last) == 0 || !is_free(work, from, last))
        return 0;
    int group = take(work, from, last, FOVEA_BLOCK_DENSE);
    work->groups[group].repeats = work->nodes[last]->input_count - 1;
    struct fovea_block_part *part = outline_new_part(work, FOVEA_BLOCK_DENSE, 1, error);
    bool first_layer = true;
    for (int i = from + 1; part && first_layer && i <= last; i++) {
        first_layer = work->nodes[i] != first;
        if (is_between(work, i) && outline_is_weighted(work->nodes[i]) &&
            outline_add_line(work, part->ways, work->nodes[i], true, error))
            return -1;
    }
    work->groups[group].parts = part;
    work->groups[group].part_count = 1;
    return part ? 0 : -1;
}

/* ---- ways that part and join ---- */

/* Maps that grow on the way belong to a decoder, but for those that were one cell. */
static bool is_way(const struct outline_work *work, int from, int to)
{
    int weights = 0;
    for (int i = from + 1; i <= to; i++) {
        const struct node *node = work->nodes[i];
        if (!is_between(work, i))
            continue;
        int64_t before = node->input_count > 0 ? outline_cells(node->inputs[0]) : 0;
        int64_t behind = node->output_count > 0 ? outline_cells(node->outputs[0]) : 0;
        if (before > 1 && behind >= 2 * before)
            return false;
        weights += outline_is_weighted(node);
    }
    return weights > 0 && weights <= MOST_WEIGHTS;
}

/* Adds what leads to `node` to way `way`: nodes that no way in front of it has. */
static void mark_way(struct outline_work *work, int from, int node, int way)
{
    if (node <= from || !is_between(work, node) || work->placed[node] != 0)
        return;
    work->placed[node] = way;
    for (int i = node; i > from; i--) {
        if (work->placed[i] != way)
            continue;
        for (int k = 0; k < work->nodes[i]->input_count; k++) {
            const struct value *input = work->nodes[i]->inputs[k];
            int place = input && !input->constant && input->producer && input->producer->graph == work->graph
                            ? input->producer->mark
                            : -1;
            if (place > from && is_between(work, place) && work->placed[place] == 0)
                work->placed[place] = way;
        }
    }
}

static int tell_ways(struct outline_work *work, int group, int from, const struct node *join, struct error *error)
{
    struct fovea_block_part *part = outline_new_part(work, FOVEA_BLOCK_BRANCHES, join->input_count, error);
    int to = join->mark;
    memset(work->placed + from + 1, 0, (size_t)(to - from) * sizeof *work->placed);
    for (int way = 0; part && way < join->input_count; way++) {
        const struct value *input = join->inputs[way];
        if (input && input->producer && input->producer->graph == work->graph)
            mark_way(work, from, input->producer->mark, way + 1);
    }
    for (int i = from + 1; part && i < to; i++) {
        if (work->placed[i] > 0 && outline_is_told(work, work->nodes[i]) &&
            outline_add_line(work, &part->ways[work->placed[i] - 1], work->nodes[i], true, error))
            return -1;
    }
    work->groups[group].parts = part;
    work->groups[group].part_count = 1;
    return part ? 0 : -1;
}

static int take_ways(struct outline_work *work, struct node *join, struct error *error)
{
    const struct node *entry = NULL;
    if (join->input_count > MOST_WAYS || work->group[join->mark] >= 0)
        return 0;
    for (int i = 0; i < join->input_count; i++) {
        const struct value *input = join->inputs[i];
        if (!input || input->constant || !input->producer || input->producer->graph != work->graph)
            return 0;
        entry = i ? dominators_common(&work->dominators, entry, input->producer) : input->producer;
    }
    int from = entry ? entry->mark : -1, to = join->mark;
    if (!entry || mark_between(work, from, to) == 0 || !is_way(work, from, to) || !is_free(work, from, to))
        return 0;
    return tell_ways(work, take(work, from, to, FOVEA_BLOCK_BRANCHES), from, join, error);
}

int outline_modules(struct outline_work *work, struct error *error)
{
    struct residual_list list;
    if (residual_find(work->graph, &list, error))
        return -1;
    for (int i = 0; i < work->count; i++)
        mark_gate(work, work->nodes[i]);
    for (int i = 0; i < list.count; i++) {
        if (take_residual(work, &list.blocks[i], error))
            return -1;
    }
    for (int i = 0; i < work->count; i++) {
        struct node *node = work->nodes[i];
        if (work->group[i] < 0 && is_join(node) && (take_dense(work, node, error) || take_ways(work, node, error)))
            return -1;
    }
    return 0;
}
