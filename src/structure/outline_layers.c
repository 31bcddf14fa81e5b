/* Layers of an outline that no module has: each that has weights, attends or pools begins a group, and what follows it
 * alone belongs to it; what several of them make is a group of its own. */
#include "graph/operator.h"
#include "structure/outline_groups.h"

/* Every other node becomes a group of its own. */
static void begin_groups(struct outline_work *work)
{
    for (int i = 0; i < work->count; i++) {
        const struct node *node = work->nodes[i];
        bool computed = false;
        for (int k = 0; k < node->output_count; k++)
            computed = computed || (node->outputs[k] && !node->outputs[k]->constant);
        if (!computed || work->group[i] >= 0)
            continue;
        bool anchor = outline_is_anchor(work, node);
        work->group[i] = outline_new_group(work, anchor ? FOVEA_BLOCK_LAYERS : FOVEA_BLOCK_JOIN);
        work->groups[work->group[i]].nodes = 1;
        work->groups[work->group[i]].weighted = outline_is_weighted(node);
    }
}

/* How many groups that are no joins lie on the longest way to each, itself included: in scratch. Joins of one depth
 * that touch can become one without a cycle, as between two depths lies another group. */
static void find_depths(struct outline_work *work)
{
    const struct outline_links *links = &work->links;
    for (int i = 0; i < links->count; i++)
        work->scratch[links->order[i]] = 0;
    for (int i = 0; i < links->count; i++) {
        int group = links->order[i];
        work->scratch[group] += work->groups[group].kind != FOVEA_BLOCK_JOIN;
        for (int k = links->first[group]; k < links->link_count && links->list[k].from == group; k++) {
            int to = links->list[k].to;
            if (work->scratch[to] < work->scratch[group])
                work->scratch[to] = work->scratch[group];
        }
    }
}

static void join_joins(struct outline_work *work)
{
    find_depths(work);
    for (int i = 0; i < work->links.link_count; i++) {
        struct fovea_link link = work->links.list[i];
        bool both = work->groups[link.from].kind == FOVEA_BLOCK_JOIN && work->groups[link.to].kind == FOVEA_BLOCK_JOIN;
        int from = outline_root(work, link.from), to = outline_root(work, link.to);
        if (both && from != to && work->scratch[link.from] == work->scratch[link.to])
            outline_join(work, from, to);
    }
}

/* What a single group makes follows it. */
static void join_followers(struct outline_work *work)
{
    const struct outline_links *links = &work->links;
    for (int i = 0; i < links->count; i++) {
        int group = links->order[i], before = links->predecessor[group];
        if (work->groups[group].kind == FOVEA_BLOCK_JOIN && links->predecessors[group] == 1)
            outline_join(work, outline_root(work, before), group);
    }
}

/* Equal for groups of the same layers with the same weights. */
static void add_shared(struct outline_group *group, const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (input && input->constant && node_role(node, i) == ROLE_WEIGHT)
            group->shared = (group->shared ^ (uint64_t)(input->id + 1)) * UINT64_C(0x9e3779b97f4a7c15);
    }
}

/* The line of a node, where it is told in `pass`: of joins first what selects, then what only joins. */
static int tell_node(struct outline_work *work, struct outline_group *group, int place, int pass, struct error *error)
{
    const struct node *node = work->nodes[place];
    bool join = group->kind == FOVEA_BLOCK_JOIN;
    bool told = !join       ? pass == 0 && outline_is_told(work, node)
                : pass == 0 ? outline_selects(work, node)
                            : outline_joins(work, node);
    return told ? outline_add_line(work, group->parts->ways, node, !join, error) : 0;
}

/* The lines of the groups that are no modules. */
static int tell_groups(struct outline_work *work, struct error *error)
{
    for (int i = 0; i < 2 * work->count; i++) {
        int place = i % work->count, pass = i / work->count;
        int root = work->group[place] >= 0 ? outline_root(work, work->group[place]) : -1;
        struct outline_group *group = root >= 0 ? &work->groups[root] : NULL;
        if (!group || group->module)
            continue;
        if (pass == 0)
            add_shared(group, work->nodes[place]);
        if (!group->parts && !(group->parts = outline_new_part(work, group->kind, 1, error)))
            return -1;
        group->part_count = 1;
        if (tell_node(work, group, place, pass, error))
            return -1;
    }
    return 0;
}

int outline_layers(struct outline_work *work, struct error *error)
{
    begin_groups(work);
    if (outline_contract(work, error))
        return -1;
    join_joins(work);
    if (outline_contract(work, error))
        return -1;
    join_followers(work);
    return tell_groups(work, error) || outline_contract(work, error) ? -1 : 0;
}
