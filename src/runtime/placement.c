#include "runtime/placement.h"

#include <stdbool.h>
#include <stdlib.h>

enum { NONE = -1, SIZE_CLASSES = 64 };

/* A placed block in a list. */
struct entry {
    int block, next;
};

/* The placed blocks by when they live: a binary tree over the steps, where a block stands in the lists of the few
 * largest ranges of steps that it fills. */
struct lives {
    int steps;   /* leaves, a power of two; node 1 is the root, the children of i are 2i and 2i+1 */
    int *head;   /* per node: its first entry */
    bool *below; /* per node: whether it or a node below it has entries */
    struct entry *entries;
    int count, capacity;
};

struct placement {
    struct memory *memory;
    struct block *blocks;
    int count;
    struct lives lives;
    int *seen;       /* per block: the last block that met it */
    int *neighbours; /* heap, by offset: blocks that live beside the one to be placed */
    int neighbour_count;
    int64_t visits;
};

/* ---- the tree ---- */

static int list_block(struct placement *placement, int node, int block, struct error *error)
{
    struct lives *lives = &placement->lives;
    if (lives->count == lives->capacity) {
        int capacity = 2 * lives->capacity + 64;
        struct entry *entries =
            memory_resize(placement->memory, lives->entries, (size_t)capacity, sizeof *entries, error);
        if (!entries)
            return -1;
        lives->entries = entries;
        lives->capacity = capacity;
    }
    lives->entries[lives->count] = (struct entry){block, lives->head[node]};
    lives->head[node] = lives->count++;
    for (; node >= 1 && !lives->below[node]; node /= 2)
        lives->below[node] = true;
    return 0;
}

static int insert(struct placement *placement, int block, struct error *error)
{
    int low = placement->blocks[block].first + placement->lives.steps;
    int high = placement->blocks[block].last + placement->lives.steps;
    for (; low <= high; low /= 2, high /= 2) {
        if (low % 2 == 1 && list_block(placement, low++, block, error))
            return -1;
        if (high % 2 == 0 && list_block(placement, high--, block, error))
            return -1;
    }
    return 0;
}

static bool is_below(const struct placement *placement, int a, int b)
{
    const struct block *left = &placement->blocks[a], *right = &placement->blocks[b];
    return left->offset != right->offset ? left->offset < right->offset : a < b;
}

static void heap_push(struct placement *placement, int block)
{
    int *heap = placement->neighbours, at = placement->neighbour_count++;
    for (; at > 0 && is_below(placement, block, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = block;
}

static int heap_pop(struct placement *placement)
{
    int *heap = placement->neighbours, top = heap[0], at = 0, last = heap[--placement->neighbour_count];
    for (int child; (child = 2 * at + 1) < placement->neighbour_count; at = child) {
        child += child + 1 < placement->neighbour_count && is_below(placement, heap[child + 1], heap[child]);
        if (!is_below(placement, heap[child], last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

/* Pushes the placed blocks that live while `block` does; `node` stands for the steps [begin, end). */
static void collect(struct placement *placement, int block, int node, int begin, int end)
{
    const struct lives *lives = &placement->lives;
    if (!lives->below[node] || placement->blocks[block].last < begin || placement->blocks[block].first >= end)
        return;
    for (int i = lives->head[node]; i != NONE; i = lives->entries[i].next) {
        int other = lives->entries[i].block;
        placement->visits++;
        if (placement->seen[other] != block)
            heap_push(placement, other);
        placement->seen[other] = block;
    }
    if (end - begin > 1) {
        collect(placement, block, 2 * node, begin, (begin + end) / 2);
        collect(placement, block, 2 * node + 1, (begin + end) / 2, end);
    }
}

/* ---- placing ---- */

static int place(struct placement *placement, int index, struct error *error)
{
    struct block *block = &placement->blocks[index];
    placement->neighbour_count = 0;
    collect(placement, index, 1, 0, placement->lives.steps);
    block->offset = 0;
    while (placement->neighbour_count > 0) {
        const struct block *other = &placement->blocks[heap_pop(placement)];
        placement->visits++;
        if (other->offset + other->bytes <= block->offset)
            continue;
        if (other->offset >= block->offset + block->bytes)
            break;
        block->offset = other->offset + other->bytes;
    }
    return insert(placement, index, error);
}

static int compare_births(const void *a, const void *b)
{
    const struct block *left = a, *right = b;
    return left->first != right->first ? (left->first < right->first ? -1 : 1) : left->value - right->value;
}

static int size_class(size_t bytes)
{
    int class = 0;
    while (class < SIZE_CLASSES - 1 && (size_t)1 << class < bytes)
        class ++;
    return class;
}

/* The blocks from `index` on, in the order of their births, above `top`: each takes the place of a dead one of its
 * size, rounded up to a power of two. `dying`: per step the blocks that die with it; `next`: per block. */
static void place_by_birth(struct placement *placement, int index, size_t top, int *dying, int *next)
{
    int free[SIZE_CLASSES], died = 0;
    struct block *blocks = placement->blocks;
    for (int i = 0; i < SIZE_CLASSES; i++)
        free[i] = NONE;
    qsort(blocks + index, (size_t)(placement->count - index), sizeof *blocks, compare_births);
    for (int i = index; i < placement->count; i++) {
        int class = size_class(blocks[i].bytes);
        for (; died < blocks[i].first; died++) {
            for (int dead = dying[died], following; dead != NONE; dead = following) {
                int of = size_class(blocks[dead].bytes);
                following = next[dead];
                next[dead] = free[of];
                free[of] = dead;
            }
        }
        if (free[class] != NONE) {
            blocks[i].offset = blocks[free[class]].offset;
            free[class] = next[free[class]];
        } else {
            blocks[i].offset = top;
            top += (size_t)1 << class;
        }
        next[i] = dying[blocks[i].last];
        dying[blocks[i].last] = i;
    }
}

static int place_rest(struct placement *placement, int index, size_t top, struct error *error)
{
    struct memory *memory = placement->memory;
    int steps = placement->lives.steps;
    int *dying = memory_allocate_uninitialised(memory, (size_t)steps, sizeof *dying, error);
    int *next = memory_allocate_uninitialised(memory, (size_t)placement->count, sizeof *next, error);
    for (int i = 0; dying && i < steps; i++)
        dying[i] = NONE;
    if (dying && next)
        place_by_birth(placement, index, top, dying, next);
    int result = dying && next ? 0 : -1;
    memory_release(memory, dying);
    memory_release(memory, next);
    return result;
}

static int compare_sizes(const void *a, const void *b)
{
    const struct block *left = a, *right = b;
    if (left->bytes != right->bytes)
        return left->bytes < right->bytes ? 1 : -1;
    return compare_births(a, b);
}

static size_t end_of(const struct block *block)
{
    return block->offset + block->bytes;
}

static int place_all(struct placement *placement, int64_t visits, size_t *arena_bytes, struct error *error)
{
    struct block *blocks = placement->blocks;
    int placed = 0;
    *arena_bytes = 0;
    qsort(blocks, (size_t)placement->count, sizeof *blocks, compare_sizes);
    for (; placed < placement->count && placement->visits < visits; placed++) {
        if (place(placement, placed, error))
            return -1;
        *arena_bytes = end_of(&blocks[placed]) > *arena_bytes ? end_of(&blocks[placed]) : *arena_bytes;
    }
    if (placed < placement->count && place_rest(placement, placed, *arena_bytes, error))
        return -1;
    for (; placed < placement->count; placed++)
        *arena_bytes = end_of(&blocks[placed]) > *arena_bytes ? end_of(&blocks[placed]) : *arena_bytes;
    return 0;
}

int64_t placement_find(struct memory *memory, struct block *blocks, int count, int64_t visits, size_t *arena_bytes,
                       struct error *error)
{
    struct placement placement = {.memory = memory, .blocks = blocks, .count = count, .lives.steps = 1};
    struct lives *lives = &placement.lives;
    for (int i = 0; i < count; i++) {
        while (lives->steps <= blocks[i].last)
            lives->steps *= 2;
    }
    size_t nodes = 2 * (size_t)lives->steps, places = (size_t)count + 1;
    lives->head = memory_allocate_uninitialised(memory, nodes, sizeof *lives->head, error);
    lives->below = memory_allocate(memory, nodes, sizeof *lives->below, error);
    placement.seen = memory_allocate_uninitialised(memory, places, sizeof *placement.seen, error);
    placement.neighbours = memory_allocate_uninitialised(memory, places, sizeof *placement.neighbours, error);
    int result = -1;
    if (lives->head && lives->below && placement.seen && placement.neighbours) {
        for (size_t i = 0; i < nodes; i++)
            lives->head[i] = NONE;
        for (size_t i = 0; i < places; i++)
            placement.seen[i] = NONE;
        result = place_all(&placement, visits, arena_bytes, error);
    }
    memory_release(memory, lives->head);
    memory_release(memory, lives->below);
    memory_release(memory, lives->entries);
    memory_release(memory, placement.seen);
    memory_release(memory, placement.neighbours);
    return result ? -1 : placement.visits;
}
