#include "structure/outline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/operator.h"
#include "structure/outline_groups.h"

#define MOST_ENDS 6 /* inputs or outputs that stand alone */

/* ---- groups ---- */

int outline_root(const struct outline_work *work, int group)
{
    while (work->groups[group].parent != group)
        group = work->groups[group].parent;
    return group;
}

void outline_join(struct outline_work *work, int a, int b)
{
    work->groups[b].parent = a;
    work->groups[a].nodes += work->groups[b].nodes;
    work->groups[a].weighted += work->groups[b].weighted;
}

int outline_new_group(struct outline_work *work, enum fovea_block_kind kind)
{
    int group = work->group_count++;
    work->groups[group] = (struct outline_group){.parent = group, .kind = kind, .repeats = 1, .alike = 1};
    return group;
}

/* ---- their graph ---- */

static int compare_links(const void *left, const void *right)
{
    const struct fovea_link *a = left, *b = right;
    return a->from != b->from ? (a->from > b->from) - (a->from < b->from) : (a->to > b->to) - (a->to < b->to);
}

/* Of the groups of two nodes, where they differ. */
static void add_link(struct outline_work *work, int from, int to)
{
    struct outline_links *links = &work->links;
    if (from < 0 || to < 0)
        return;
    struct fovea_link link = {outline_root(work, from), outline_root(work, to)};
    if (link.from != link.to)
        links->list[links->link_count++] = link;
}

static void list_links(struct outline_work *work)
{
    struct outline_links *links = &work->links;
    int kept = 0;
    links->link_count = 0;
    for (int i = 0; i < work->count; i++) {
        const struct node *node = work->nodes[i];
        for (int k = 0; work->group[i] >= 0 && k < node->input_count; k++) {
            const struct value *input = node->inputs[k];
            if (input && !input->constant && input->producer && input->producer->graph == work->graph)
                add_link(work, work->group[input->producer->mark], work->group[i]);
        }
    }
    qsort(links->list, (size_t)links->link_count, sizeof *links->list, compare_links);
    for (int i = 0; i < links->link_count; i++) {
        if (i == 0 || compare_links(&links->list[kept - 1], &links->list[i]) != 0)
            links->list[kept++] = links->list[i];
    }
    links->link_count = kept;
}

/* Those that nothing is in front of any more, in turn. Groups have no cycles. */
static void sort_groups(struct outline_work *work)
{
    struct outline_links *links = &work->links;
    links->count = 0;
    for (int i = 0; i < work->group_count; i++) {
        links->first[i] = links->successor[i] = links->predecessor[i] = -1;
        links->successors[i] = links->predecessors[i] = 0;
    }
    for (int i = links->link_count - 1; i >= 0; i--) {
        struct fovea_link link = links->list[i];
        links->first[link.from] = i;
        links->successor[link.from] = link.to;
        links->predecessor[link.to] = link.from;
        links->successors[link.from]++;
        links->predecessors[link.to]++;
    }
    for (int i = 0; i < work->group_count; i++) {
        work->scratch[i] = links->predecessors[i];
        if (work->groups[i].parent == i && work->scratch[i] == 0)
            links->order[links->count++] = i;
    }
    for (int at = 0; at < links->count; at++) {
        int group = links->order[at];
        for (int k = links->first[group]; k >= 0 && k < links->link_count && links->list[k].from == group; k++) {
            if (--work->scratch[links->list[k].to] == 0)
                links->order[links->count++] = links->list[k].to;
        }
    }
}

int outline_contract(struct outline_work *work, struct error *error)
{
    list_links(work);
    sort_groups(work);
    return context_poll(work->graph->context, error);
}

/* ---- too many ---- */

static int joined_part(struct outline_work *work, int a, int b, struct error *error)
{
    struct outline_group *group = &work->groups[a];
    if (group->kind != FOVEA_BLOCK_JOINED) {
        group->parts = outline_new_part(work, FOVEA_BLOCK_JOINED, 1, error);
        group->part_count = 1;
        group->kind = FOVEA_BLOCK_JOINED;
        group->repeats = group->alike = 1;
    }
    outline_join(work, a, b);
    return group->parts ? 0 : -1;
}

/* Joins pairs: what a single group makes, or what is made for a single one, with it; `any`: neighbours in the order.
 * Pairs have no group in common, so that each stays without a cycle when the others are joined. */
static int join_pairs(struct outline_work *work, bool any, int *spare, struct error *error)
{
    const struct outline_links *links = &work->links;
    int joined = 0;
    for (int i = 0; i < links->count; i++)
        work->placed[links->order[i]] = 0;
    for (int i = 0; *spare > 0 && i < links->count; i++) {
        int group = links->order[i], other = links->predecessors[group] == 1 ? links->predecessor[group] : -1;
        if (other < 0 && links->successors[group] == 1)
            other = links->successor[group];
        if (any)
            other = i + 1 < links->count ? links->order[i + 1] : -1;
        if (other < 0 || work->placed[group] || work->placed[other])
            continue;
        work->placed[group] = work->placed[other] = 1;
        if (joined_part(work, other, group, error))
            return -1;
        ++joined;
        --*spare;
        if (any) /* one that is joined changes the order for the others */
            break;
    }
    return joined;
}

static int join_spare(struct outline_work *work, struct fovea_outline *outline, struct error *error)
{
    for (int spare = work->links.count - OUTLINE_MOST_BLOCKS; spare > 0;) {
        int joined = join_pairs(work, false, &spare, error);
        if (joined == 0)
            joined = join_pairs(work, true, &spare, error);
        if (joined <= 0)
            return joined;
        outline->joined += joined;
        if (outline_contract(work, error))
            return -1;
    }
    return 0;
}

/* ---- the result ---- */

static int fill_block(struct outline_work *work, int group, const int *sizes, struct fovea_block *block,
                      struct error *error)
{
    const struct outline_group *from = &work->groups[group];
    *block = (struct fovea_block){.kind = from->kind,
                                  .parts = from->parts,
                                  .part_count = from->part_count,
                                  .repeats = from->repeats,
                                  .alike = from->alike,
                                  .rank = SHAPE_UNKNOWN_RANK};
    block->layers = arena_allocate(work->arena, (size_t)sizes[group] + 1, sizeof *block->layers, error);
    return block->layers ? 0 : -1;
}

static void take_layers(struct outline_work *work, struct fovea_outline *outline)
{
    for (int i = 0; i < work->count; i++) {
        if (work->group[i] < 0)
            continue;
        struct fovea_block *block = &outline->blocks[work->placed[outline_root(work, work->group[i])]];
        const struct value *made = NULL;
        for (int k = 0; k < work->nodes[i]->output_count && !made; k++)
            made = work->nodes[i]->outputs[k];
        block->layers[block->layer_count++] = i;
        if (!made || made->shape.rank < 0 || shape_count(&made->shape) <= 1)
            continue;
        block->rank = made->shape.rank;
        memcpy(block->dims, made->shape.dims, sizeof made->shape.dims[0] * (size_t)block->rank);
    }
}

/* The inputs or outputs of the graph as one block each, many as one. */
static struct fovea_block *add_end(struct outline_work *work, struct fovea_outline *outline, bool input,
                                   const char *text, const struct value *value, struct error *error)
{
    struct fovea_block *block = &outline->blocks[outline->block_count++];
    *block = (struct fovea_block){.kind = input ? FOVEA_BLOCK_INPUT : FOVEA_BLOCK_OUTPUT,
                                  .part_count = 1,
                                  .repeats = 1,
                                  .alike = 1,
                                  .rank = SHAPE_UNKNOWN_RANK};
    block->parts = outline_new_part(work, block->kind, 1, error);
    if (!block->parts ||
        !(block->parts->ways->lines = arena_allocate(work->arena, 1, sizeof *block->parts->ways->lines, error)) ||
        !(block->parts->ways->times = arena_allocate(work->arena, 1, sizeof *block->parts->ways->times, error)) ||
        !(block->parts->ways->lines[0] = arena_copy_string(work->arena, text, strlen(text), error)))
        return NULL;
    block->parts->ways->count = block->parts->ways->times[0] = 1;
    if (value && value->shape.rank >= 0) {
        block->rank = value->shape.rank;
        memcpy(block->dims, value->shape.dims, sizeof value->shape.dims[0] * (size_t)block->rank);
    }
    return block;
}

static int count_ends(struct value *const *values, int count)
{
    int found = 0;
    for (int i = 0; i < count; i++)
        found += values[i]->constant == NULL;
    return found;
}

/* Block of each input, or of each output: in `places`. */
static int add_ends(struct outline_work *work, struct fovea_outline *outline, bool input, int *places,
                    struct error *error)
{
    struct value *const *values = input ? work->graph->inputs : work->graph->outputs;
    int count = input ? work->graph->input_count : work->graph->output_count, found = count_ends(values, count);
    char many[48];
    snprintf(many, sizeof many, "%d %s", found, input ? "inputs" : "outputs");
    for (int i = 0, added = 0; i < count; i++) {
        places[i] = -1;
        if (values[i]->constant)
            continue;
        bool alone = found <= MOST_ENDS;
        if ((alone || added == 0) &&
            !add_end(work, outline, input, alone ? values[i]->name : many, alone ? values[i] : NULL, error))
            return -1;
        added++;
        places[i] = outline->block_count - 1;
    }
    return 0;
}

static void add_result_link(struct fovea_outline *outline, int from, int to)
{
    for (int i = 0; i < outline->link_count; i++) {
        if (outline->links[i].from == from && outline->links[i].to == to)
            return;
    }
    outline->links[outline->link_count++] = (struct fovea_link){from, to};
}

/* Links of inputs and outputs with the blocks. */
static void link_ends(struct outline_work *work, struct fovea_outline *outline, const int *inputs, const int *outputs)
{
    for (int i = 0; i < work->graph->input_count; i++) {
        const struct value *value = work->graph->inputs[i];
        for (size_t k = 0; inputs[i] >= 0 && k < value->use_count; k++) {
            const struct node *node = value->uses[k].node;
            if (node->graph == work->graph && work->group[node->mark] >= 0)
                add_result_link(outline, inputs[i], work->placed[outline_root(work, work->group[node->mark])]);
        }
    }
    for (int i = 0; i < work->graph->output_count; i++) {
        const struct node *node = work->graph->outputs[i]->producer;
        if (outputs[i] >= 0 && node && work->group[node->mark] >= 0)
            add_result_link(outline, work->placed[outline_root(work, work->group[node->mark])], outputs[i]);
    }
}

static int describe(struct outline_work *work, struct fovea_outline *outline, struct error *error)
{
    const struct graph *graph = work->graph;
    const struct outline_links *links = &work->links;
    int ends = graph->input_count + graph->output_count;
    size_t most = (size_t)links->count + 2 * MOST_ENDS;
    int *places = memory_allocate(work->memory, (size_t)ends + 1, sizeof *places, error);
    outline->blocks = arena_allocate(work->arena, most + 1, sizeof *outline->blocks, error);
    outline->links = arena_allocate(work->arena, (size_t)links->link_count + 2 * MOST_ENDS * most + 1,
                                    sizeof *outline->links, error);
    int result = places && outline->blocks && outline->links ? add_ends(work, outline, true, places, error) : -1;
    memset(work->scratch, 0, (size_t)work->group_count * sizeof *work->scratch);
    for (int i = 0; i < work->count; i++) {
        if (work->group[i] >= 0)
            work->scratch[outline_root(work, work->group[i])]++;
    }
    for (int i = 0; result == 0 && i < links->count; i++) {
        work->placed[links->order[i]] = outline->block_count;
        result = fill_block(work, links->order[i], work->scratch, &outline->blocks[outline->block_count++], error);
    }
    if (result == 0)
        result = add_ends(work, outline, false, places + graph->input_count, error);
    if (result == 0) {
        for (int i = 0; i < links->link_count; i++)
            add_result_link(outline, work->placed[links->list[i].from], work->placed[links->list[i].to]);
        take_layers(work, outline);
        link_ends(work, outline, places, places + graph->input_count);
    }
    memory_release(work->memory, places);
    return result;
}

/* ---- all ---- */

static int make_room(struct outline_work *work, struct error *error)
{
    struct memory *memory = work->memory;
    size_t nodes = (size_t)work->graph->node_count + 2, edges = 1;
    for (const struct node *node = work->graph->first; node; node = node->next)
        edges += (size_t)node->input_count;
    struct outline_links *links = &work->links;
    work->groups = memory_allocate(memory, 2 * nodes, sizeof *work->groups, error);
    work->group = memory_allocate(memory, nodes, sizeof *work->group, error);
    work->sites = memory_allocate(memory, nodes, sizeof(*work->sites), error);
    work->gates = memory_allocate(memory, nodes, sizeof *work->gates, error);
    work->scratch = memory_allocate(memory, 2 * nodes, sizeof *work->scratch, error);
    work->placed = memory_allocate(memory, 2 * nodes, sizeof *work->placed, error);
    links->order = memory_allocate(memory, 2 * nodes, sizeof *links->order, error);
    links->list = memory_allocate(memory, edges, sizeof *links->list, error);
    links->successors = memory_allocate(memory, 2 * nodes, sizeof *links->successors, error);
    links->predecessors = memory_allocate(memory, 2 * nodes, sizeof *links->predecessors, error);
    links->successor = memory_allocate(memory, 2 * nodes, sizeof *links->successor, error);
    links->predecessor = memory_allocate(memory, 2 * nodes, sizeof *links->predecessor, error);
    links->first = memory_allocate(memory, 2 * nodes, sizeof *links->first, error);
    return work->groups && work->group && work->sites && work->gates && work->scratch && work->placed && links->order &&
                   links->list && links->successors && links->predecessors && links->successor && links->predecessor &&
                   links->first
               ? 0
               : -1;
}

static void release(struct outline_work *work)
{
    void *const blocks[] = {work->gates,
                            work->groups,
                            work->group,
                            (void *)work->sites,
                            work->scratch,
                            work->placed,
                            work->links.order,
                            work->links.list,
                            work->links.successors,
                            work->links.predecessors,
                            work->links.successor,
                            work->links.predecessor,
                            work->links.first};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        memory_release(work->memory, blocks[i]);
    dominators_release(&work->dominators);
}

static int number_nodes(struct outline_work *work, struct error *error)
{
    struct attention_list attentions;
    if (attention_find(work->graph, &attentions, error) || dominators_find(&work->dominators, work->graph, error))
        return -1;
    work->nodes = work->dominators.nodes;
    work->count = work->dominators.count;
    for (int i = 0; i < work->count; i++)
        work->group[i] = -1;
    for (int i = 0; i < attentions.count; i++)
        work->sites[attentions.sites[i].node->mark] = &attentions.sites[i];
    return 0;
}

int outline_find(struct graph *graph, struct arena *arena, struct fovea_outline *outline, struct error *error)
{
    struct outline_work work = {.graph = graph, .arena = arena, .memory = graph->context->memory};
    *outline = (struct fovea_outline){0};
    int result = make_room(&work, error) || number_nodes(&work, error) || outline_modules(&work, error) ||
                         outline_layers(&work, error) || outline_repeats(&work, error) ||
                         join_spare(&work, outline, error) || describe(&work, outline, error)
                     ? -1
                     : 0;
    release(&work);
    return result;
}
