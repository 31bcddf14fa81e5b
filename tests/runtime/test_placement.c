/* Blocks in an arena: those that live at the same time are disjoint, the arena is not much larger than it must be, and
 * the work grows little faster than their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "runtime/placement.h"

enum { MOST = 1 << 15 };

static struct block blocks[MOST];

static uint32_t draw(uint64_t index, uint32_t below)
{
    struct random random = {.seed = 7, .counter = index};
    return random_below(&random, below);
}

/* A chain: each block lives while the next is made, every tenth for long. */
static void chain(int count)
{
    for (int i = 0; i < count; i++) {
        int last = i % 10 == 0 ? i + 50 : i + 1;
        blocks[i] = (struct block){64 * (size_t)(1 + draw((uint64_t)i, 100)), i, last < count ? last : count - 1, i, 0};
    }
}

/* Results that all live to the end, as those that a Concat reads. */
static void fan(int count)
{
    for (int i = 0; i < count; i++)
        blocks[i] = (struct block){64 * (size_t)(1 + draw((uint64_t)i, 1000)), i, count - 1, i, 0};
}

static size_t most_at_once(int count)
{
    size_t most = 0;
    static size_t sum[MOST + 1];
    for (int i = 0; i <= count; i++)
        sum[i] = 0;
    for (int i = 0; i < count; i++) {
        for (int step = blocks[i].first; step <= blocks[i].last; step++)
            sum[step] += blocks[i].bytes;
    }
    for (int i = 0; i <= count; i++)
        most = sum[i] > most ? sum[i] : most;
    return most;
}

static void expect_disjoint(int count, size_t arena)
{
    for (int i = 0; i < count; i++) {
        const struct block *a = &blocks[i];
        assert_true(a->offset + a->bytes <= arena);
        for (int k = 0; k < i; k++) {
            const struct block *b = &blocks[k];
            bool meet = a->first <= b->last && b->first <= a->last;
            assert_false(meet && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes);
        }
    }
}

static int64_t place(int count, int64_t visits, size_t *arena)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = memory_create((size_t)1 << 30);
    int64_t taken = placement_find(memory, blocks, count, visits, arena, &error);
    assert_true(taken >= 0);
    assert_int_equal(memory_destroy(memory), 0);
    return taken;
}

static void blocks_are_disjoint_and_close(void **state)
{
    (void)state;
    void (*const kinds[])(int) = {chain, fan};
    for (int kind = 0; kind < 2; kind++) {
        for (int hurried = 0; hurried < 2; hurried++) {
            size_t arena, least;
            kinds[kind](1000);
            least = most_at_once(1000);
            place(1000, hurried ? 2000 : PLACEMENT_MOST_VISITS, &arena);
            expect_disjoint(1000, arena);
            assert_true(arena >= least && arena <= least * (hurried ? 4 : 2));
        }
    }
}

static void work_is_bounded(void **state)
{
    (void)state;
    size_t arena;
    chain(MOST / 2);
    int64_t half = place(MOST / 2, PLACEMENT_MOST_VISITS, &arena);
    chain(MOST);
    assert_true(place(MOST, PLACEMENT_MOST_VISITS, &arena) < 3 * half);
    fan(MOST);
    assert_true(place(MOST, 1 << 20, &arena) < (1 << 20) + 2 * MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_disjoint_and_close),
        cmocka_unit_test(work_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
