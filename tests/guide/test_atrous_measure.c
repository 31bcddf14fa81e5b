/* Shares of the outer taps of dilated branches, on images of ones and twos where every response is counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../analysis/network_fixture.h"
#include "guide/atrous.h"
#include "guide_run.h"

#define SIDE 9
#define IMAGES 3

/* Image k: its first channel is 1 + k everywhere, its second twice that. */
static int read_images(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    (void)user, (void)error;
    for (int64_t i = 0; i < count * 2 * SIDE * SIDE; i++) {
        int64_t image = first + i / (2 * SIDE * SIDE), channel = i / (SIDE * SIDE) % 2;
        tensor_set_number(images, i, (double)((1 + image) * (1 + channel)));
    }
    return 0;
}

/* Two filters in two groups: central taps 2 and 1, upper left ones 1 and 3, the others 0; biases that do not count. */
static struct value *add_branch(struct graph *graph, struct value *x, int64_t rate, const char *name,
                                struct error *error)
{
    const struct shape kernel = {.rank = 4, .dims = {2, 1, 3, 3}}, two = {.rank = 1, .dims = {2}};
    const int64_t dilations[2] = {rate, rate}, pads[4] = {rate, rate, rate, rate};
    struct value *w = emit_filled(graph, DTYPE_FLOAT, &kernel, 0, error);
    struct value *b = emit_filled(graph, DTYPE_FLOAT, &two, 5, error);
    float *weights = w->constant->tensor.data;
    weights[4] = 2;
    weights[0] = 1;
    weights[9 + 4] = 1;
    weights[9] = 3;
    struct value *y = emit(
        graph, "Conv", EMIT_INPUTS(x, w, b),
        EMIT_ATTRIBUTES(EMIT_INTS("dilations", dilations, 2), EMIT_INTS("pads", pads, 4), EMIT_INT("group", 2)), error);
    return name_value(graph, y, name, error);
}

static struct model *make_model(struct guide_run *run, struct model *model)
{
    *run = (struct guide_run){.error = ERROR_INITIALISER};
    run->context = context_create(&(struct context_options){.threads = 1}, &run->error);
    struct graph *graph = graph_create(run->context, NULL, "test", &run->error);
    struct value *x = add_image(graph, 2, SIDE, SIDE, &run->error);
    struct value *parts[2] = {add_branch(graph, x, 2, "near", &run->error),
                              add_branch(graph, x, 4, "far", &run->error)};
    struct value *y = emit(graph, "Concat", parts, 2, EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), &run->error);
    assert_int_equal(graph_add_output(graph, y, &run->error), 0);
    *model = (struct model){.context = run->context, .path = "test", .graph = graph};
    return model;
}

static void close_model(struct guide_run *run)
{
    network_release(&run->network);
    arena_destroy(run->arena);
    graph_destroy(run->model->graph);
    assert_int_equal(context_destroy(run->context), 0);
}

/* At a place whose upper left neighbour is inside, (9 - r)^2 of 81, the outer tap gives 1 and 3 * 2; everywhere the
 * central one gives 2 and 1 * 2. All in the unit of the image, which falls out. */
static double expected_share(int64_t rate)
{
    double outer = (double)((SIDE - rate) * (SIDE - rate)) * (1 + 36), centre = SIDE * SIDE * (4 + 4);
    return outer / (outer + centre);
}

static void test_shares(void **state)
{
    struct guide_run run;
    struct model model;
    struct aspp_list list;
    double shares[ASPP_MOST_BRANCHES];
    int64_t count = 0;
    (void)state;
    run.model = NULL;
    struct model *made = make_model(&run, &model);
    run.model = made;
    run_understand(&run);
    run_give_images(&run, IMAGES);
    run.images.read = read_images;
    run.audit.guide = guide_find("atrous");
    CHECK(&run, run.audit.guide && aspp_find(&run.network, &list, &run.error) == 0 && list.count == 1);
    assert_int_equal(list.list[0].count, 2);
    CHECK(&run, atrous_measure(&run.audit, &list.list[0], NULL, shares, &count, &run.error) == 0);
    assert_int_equal(count, IMAGES);
    assert_int_equal(list.list[0].branches[0].rate[0], 2);
    for (int k = 0; k < 2; k++) {
        double expected = expected_share(list.list[0].branches[k].rate[0]);
        if (!(fabs(shares[k] - expected) <= 1e-6))
            fail_msg("branch %d: %.9g, expected %.9g", k, shares[k], expected);
    }
    run.audit.images = NULL; /* nothing to measure on */
    assert_int_equal(atrous_measure(&run.audit, &list.list[0], NULL, shares, &count, &run.error), 1);
    close_model(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
