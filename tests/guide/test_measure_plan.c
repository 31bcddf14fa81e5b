/* How a budget is shared: by rank, the least that means something first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "guide/measure_plan.h"

#define READING (FOVEA_NOMINAL_RATE / 1000)
enum { ENTRIES = 4 };

struct fixture {
    struct memory *memory;
    struct arena *arena;
    struct measure_plan plan;
};

/* Entries of one nominal second an image: 3 images wanted of each but the last, which needs 4 of its 10. */
static void start(struct fixture *fixture, double budget)
{
    struct error error = ERROR_INITIALISER;
    fixture->memory = memory_create(0);
    fixture->arena = arena_create(fixture->memory, &error);
    measure_plan_start(&fixture->plan, fixture->arena, budget, 10);
    for (int i = 0; i < ENTRIES; i++) {
        const struct fovea_planned entry = {.what = "something",
                                            .macs = FOVEA_NOMINAL_RATE - READING,
                                            .wanted = i < ENTRIES - 1 ? 3 : 10,
                                            .least = i < ENTRIES - 1 ? 1 : 4};
        assert_int_equal(measure_plan_add(&fixture->plan, &entry, &error), 0);
    }
    measure_plan_share(&fixture->plan);
}

static void finish(struct fixture *fixture)
{
    arena_destroy(fixture->arena);
    assert_int_equal(memory_destroy(fixture->memory), 0);
}

static void budgets_are_shared_by_rank(void **state)
{
    (void)state;
    static const struct {
        double budget;
        int64_t images[ENTRIES];
    } cases[] = {{-1, {3, 3, 3, 10}},  {100, {3, 3, 3, 10}}, {0, {3, 3, 3, 10}},   {19.01, {3, 3, 3, 10}},
                 {.5, {0, 0, 0, 0}},   {1.01, {1, 0, 0, 0}}, {3.01, {1, 1, 1, 0}}, {4.01, {2, 1, 1, 0}},
                 {6.01, {3, 2, 1, 0}}, {7.01, {1, 1, 1, 4}}, {9.01, {3, 1, 1, 4}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        double seconds = 0;
        start(&fixture, cases[i].budget);
        const struct fovea_plan *plan = &fixture.plan.plan;
        assert_true(plan->full > 18.99 && plan->full < 19.01);
        for (int k = 0; k < ENTRIES; k++) {
            if (plan->list[k].images != cases[i].images[k])
                fail_msg("budget %g: entry %d takes %d images", cases[i].budget, k, (int)plan->list[k].images);
            seconds += (double)plan->list[k].images;
        }
        assert_true(plan->seconds > seconds - .01 && plan->seconds < seconds + .01);
        assert_true(plan->budget == 0 || plan->seconds <= plan->budget);
        finish(&fixture);
    }
}

/* Whatever the budget: it is kept, and nothing is measured on fewer images than mean something. */
static void every_budget_is_kept(void **state)
{
    (void)state;
    for (int step = 1; step < 100; step++) {
        struct fixture fixture;
        start(&fixture, .25 * step);
        const struct fovea_plan *plan = &fixture.plan.plan;
        assert_true(plan->seconds <= plan->budget);
        for (int k = 0; k < ENTRIES; k++) {
            assert_true(plan->list[k].images == 0 || plan->list[k].images >= plan->list[k].least);
            assert_true(plan->list[k].images <= plan->list[k].wanted);
        }
        finish(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(budgets_are_shared_by_rank),
                                       cmocka_unit_test(every_budget_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
