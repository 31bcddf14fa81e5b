/* Groups of an outline that become one: layers with the same weights, plain layers in a row, rows of what is alike. */
#include <stdlib.h>
#include <string.h>

#include "structure/outline_groups.h"

#define MOST_SHARED 64  /* sets of layers with the same weights */
#define MOST_PERIOD 4   /* groups of what is repeated */
#define MOST_PLAIN 5    /* lines of plain layers in a row, joined at once */
#define MOST_CHAIN 4096 /* groups in a row */

static struct fovea_link *links_of(const struct outline_work *work, int group)
{
    return work->links.first[group] < 0 ? NULL : &work->links.list[work->links.first[group]];
}

static bool is_link_of(const struct outline_work *work, const struct fovea_link *link, int group)
{
    return link && link < work->links.list + work->links.link_count && link->from == group;
}

/* ---- the same weights ---- */

/* Whether a way leads from one of the groups marked 1 in `placed` to another; it marks what it meets. */
static bool reaches_itself(struct outline_work *work)
{
    for (int i = 0; i < work->links.count; i++) {
        int group = work->links.order[i];
        for (const struct fovea_link *link = links_of(work, group); is_link_of(work, link, group); link++) {
            if (work->placed[group] == 0)
                continue;
            if (work->placed[link->to] == 1)
                return true;
            work->placed[link->to] = 2;
        }
    }
    return false;
}

/* A group under its weights. */
struct sharer {
    uint64_t key;
    int group;
};

static int compare_sharers(const void *left, const void *right)
{
    const struct sharer *a = left, *b = right;
    return a->key != b->key ? (a->key > b->key) - (a->key < b->key) : (a->group > b->group) - (a->group < b->group);
}

/* Joins groups of the same weights, where none of them is in front of another; returns whether it did. */
static bool join_shared(struct outline_work *work, const struct sharer *list, int count)
{
    for (int i = 0; i < work->links.count; i++)
        work->placed[work->links.order[i]] = 0;
    for (int i = 0; i < count; i++)
        work->placed[list[i].group] = 1;
    if (reaches_itself(work))
        return false;
    for (int i = 1; i < count; i++)
        outline_join(work, list[0].group, list[i].group);
    work->groups[list[0].group].alike = count;
    return true;
}

static int list_sharers(const struct outline_work *work, struct sharer *list)
{
    int count = 0;
    for (int i = 0; i < work->links.count; i++) {
        const struct outline_group *group = &work->groups[work->links.order[i]];
        if (group->shared && !group->module)
            list[count++] = (struct sharer){group->shared, work->links.order[i]};
    }
    qsort(list, (size_t)count, sizeof *list, compare_sharers);
    return count;
}

static int join_all_shared(struct outline_work *work, struct error *error)
{
    struct sharer *list = memory_allocate(work->memory, (size_t)work->links.count + 1, sizeof *list, error);
    int count = list ? list_sharers(work, list) : 0, result = list ? 0 : -1, sets = 0;
    for (int at = 0, end; result == 0 && at < count && sets < MOST_SHARED; at = end) {
        for (end = at + 1; end < count && list[end].key == list[at].key;)
            end++;
        if (end - at < 2 || !join_shared(work, list + at, end - at))
            continue;
        sets++;
        result = outline_contract(work, error);
    }
    memory_release(work->memory, list);
    return result;
}

/* ---- rows ---- */

/* The only group behind `group`, of which it is the only one in front; -1: none. */
static int next_in_row(const struct outline_work *work, int group)
{
    int next = work->links.successors[group] == 1 ? work->links.successor[group] : -1;
    return next >= 0 && work->links.predecessors[next] == 1 ? next : -1;
}

static bool begins_row(const struct outline_work *work, int group)
{
    int before = work->links.predecessors[group] == 1 ? work->links.predecessor[group] : -1;
    return before < 0 || next_in_row(work, before) != group;
}

static bool is_plain(const struct outline_group *group)
{
    return !group->module && group->part_count == 1 && group->kind != FOVEA_BLOCK_INPUT &&
           group->kind != FOVEA_BLOCK_OUTPUT;
}

static int lines_of(const struct outline_group *group)
{
    return group->parts->ways[0].count + group->parts->ways[0].left_out;
}

/* Whether the group's first layer changes the size of the map or the way it is told: a new block begins. */
static bool is_smaller(const struct outline_group *group)
{
    const struct fovea_way *way = group->parts->ways;
    return way->count > 0 && strstr(way->lines[0], ", /") != NULL;
}

static int join_plain(struct outline_work *work, int group, struct error *error)
{
    struct outline_group *first = &work->groups[group];
    for (int next = next_in_row(work, group); next >= 0; next = next_in_row(work, next)) {
        struct outline_group *other = &work->groups[next];
        bool fits = is_plain(first) && is_plain(other) && first->alike == other->alike &&
                    lines_of(first) + lines_of(other) <= (is_smaller(other) ? MOST_PLAIN - 1 : MOST_PLAIN + 1);
        if (!fits) {
            first = other;
            group = next;
            continue;
        }
        if (outline_add_lines(work, first->parts->ways, other->parts->ways, error))
            return -1;
        if (first->kind == FOVEA_BLOCK_JOIN)
            first->kind = first->parts->kind = other->kind;
        outline_join(work, group, next);
    }
    return 0;
}

/* ---- what is alike ---- */

static bool same_way(const struct fovea_way *a, const struct fovea_way *b)
{
    if (a->count != b->count || a->left_out != b->left_out)
        return false;
    for (int i = 0; i < a->count; i++) {
        if (a->times[i] != b->times[i] || strcmp(a->lines[i], b->lines[i]) != 0)
            return false;
    }
    return true;
}

static bool same_part(const struct fovea_block_part *a, const struct fovea_block_part *b)
{
    if (a->kind != b->kind || a->way_count != b->way_count)
        return false;
    for (int i = 0; i < a->way_count; i++) {
        if (!same_way(&a->ways[i], &b->ways[i]))
            return false;
    }
    return true;
}

static bool is_alike(const struct outline_work *work, int one, int two)
{
    const struct outline_group *a = &work->groups[one], *b = &work->groups[two];
    return a->kind == b->kind && a->part_count == 1 && b->part_count == 1 && a->alike == b->alike &&
           a->repeats == b->repeats && same_part(a->parts, b->parts) && a->kind != FOVEA_BLOCK_INPUT &&
           a->kind != FOVEA_BLOCK_OUTPUT;
}

/* How often the `period` groups from `at` on follow one another. */
static int count_repeats(const struct outline_work *work, const int *chain, int length, int at, int period)
{
    int repeats = 1;
    for (;; repeats++) {
        for (int i = 0; i < period; i++) {
            int other = at + repeats * period + i;
            if (other >= length || !is_alike(work, chain[at + i], chain[other]))
                return repeats;
        }
    }
}

static int join_repeats(struct outline_work *work, const int *chain, int at, int period, int repeats,
                        struct error *error)
{
    struct outline_group *first = &work->groups[chain[at]];
    struct fovea_block_part *parts = arena_allocate(work->arena, (size_t)period, sizeof *parts, error);
    for (int i = 0; parts && i < period; i++)
        parts[i] = work->groups[chain[at + i]].parts[0];
    for (int i = 1; parts && i < period * repeats; i++)
        outline_join(work, chain[at], chain[at + i]);
    first->parts = parts;
    first->part_count = period;
    first->repeats = repeats;
    first->module = true;
    return parts ? 0 : -1;
}

static int find_repeats(struct outline_work *work, const int *chain, int length, struct error *error)
{
    for (int at = 0; at < length;) {
        int period = 1, repeats = 1;
        for (int tried = 1; tried <= MOST_PERIOD && at + tried < length; tried++) {
            int found = count_repeats(work, chain, length, at, tried);
            if (found > 1 && found * tried > repeats * period) {
                period = tried;
                repeats = found;
            }
        }
        if (repeats > 1 && join_repeats(work, chain, at, period, repeats, error))
            return -1;
        at += period * repeats;
    }
    return 0;
}

static int join_rows(struct outline_work *work, struct error *error)
{
    int *chain = memory_allocate(work->memory, (size_t)work->links.count + 1, sizeof *chain, error);
    int result = chain ? 0 : -1;
    for (int i = 0; result == 0 && i < work->links.count; i++) {
        int group = work->links.order[i], length = 0;
        if (!begins_row(work, group))
            continue;
        for (; group >= 0 && length < MOST_CHAIN; group = next_in_row(work, group))
            chain[length++] = group;
        result = find_repeats(work, chain, length, error);
    }
    memory_release(work->memory, chain);
    return result;
}

int outline_repeats(struct outline_work *work, struct error *error)
{
    if (join_all_shared(work, error))
        return -1;
    for (int i = 0; i < work->links.count; i++) {
        int group = work->links.order[i];
        if (begins_row(work, group) && join_plain(work, group, error))
            return -1;
    }
    return outline_contract(work, error) || join_rows(work, error) || outline_contract(work, error) ? -1 : 0;
}
