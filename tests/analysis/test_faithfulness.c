/* Drop, increase, insertion and deletion of a network whose scores are sums of pixels: every value by a formula. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/faithfulness.h"
#include "network_fixture.h"
#include "op/emit.h"

static void check_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 2e-6))
        fail_msg("%.9g, expected %.9g", got, expected);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* A model whose logits are the sum of the pixels and 0: the probability of class 0 is the sigmoid of the sum. */
struct sums {
    struct context *context;
    struct model model;
    struct probe probe;
    struct error error;
};

static void open_sums(struct sums *sums, int64_t height, int64_t width, const char *activation)
{
    const struct shape kernel = {.rank = 4, .dims = {2, 1, 1, 1}};
    const struct probe_request request = {.target = "logits",
                                          .kind = FOVEA_SCORE_CLASS,
                                          .place = FOVEA_PLACE_AUTO,
                                          .unit = {-1, -1},
                                          .source = PROBE_NO_GRADIENT};
    *sums = (struct sums){.error = ERROR_INITIALISER};
    sums->context = context_create(&(struct context_options){.threads = 1}, &sums->error);
    struct graph *graph = graph_create(sums->context, NULL, "test", &sums->error);
    struct value *x = add_image(graph, 1, height, width, &sums->error);
    struct value *w = emit_filled(graph, DTYPE_FLOAT, &kernel, 0, &sums->error);
    ((float *)w->constant->tensor.data)[0] = (float)(height * width);
    struct value *y = emit(graph, "Conv", EMIT_INPUTS(x, w), EMIT_NO_ATTRIBUTES, &sums->error);
    y = emit(graph, "GlobalAveragePool", EMIT_INPUTS(y), EMIT_NO_ATTRIBUTES, &sums->error);
    y = emit(graph, "Flatten", EMIT_INPUTS(y), EMIT_NO_ATTRIBUTES, &sums->error);
    assert_int_equal(graph_add_output(graph, y, &sums->error), 0);
    sums->model = (struct model){.context = sums->context, .path = "test", .graph = graph, .activation = activation};
    if (probe_create(&sums->probe, &sums->model, &request, &sums->error))
        fail_msg("%s", sums->error.message);
}

static void close_sums(struct sums *sums)
{
    probe_destroy(&sums->probe);
    graph_destroy(sums->model.graph);
    assert_int_equal(context_destroy(sums->context), 0);
}

/* 32 pixels: each step of the curves changes one. The map falls in pairs of equal values, of which the first goes
 * first. */
static void test_drop_and_deletion(void **state)
{
    enum { PIXELS = 32 };
    float image[PIXELS], map[PIXELS];
    double whole = 0, shown = 0, left, area = 0;
    struct fovea_faithfulness got;
    struct sums sums;
    (void)state;
    for (int i = 0; i < PIXELS; i++) {
        image[i] = (float)(i + 1) / 256;
        map[i] = 1 - (float)(i / 2) / 8;
        whole += (i + 1) / 256.0;
        shown += (i + 1) / 256.0 * fmax(1 - i / 2 / 8.0, 0);
    }
    open_sums(&sums, 8, 4, NULL);
    if (faithfulness_measure(&sums.probe, image, map, 0, &got, &sums.error))
        fail_msg("%s", sums.error.message);
    check_near(got.original, sigmoid(whole));
    check_near(got.masked, sigmoid(shown));
    check_near(got.drop, 1 - sigmoid(shown) / sigmoid(whole));
    assert_false(got.increase);
    left = whole;
    for (int i = 0; i <= PIXELS; i++) {
        check_near(got.deletion[i], sigmoid(left));
        area += sigmoid(left) * (i == 0 || i == PIXELS ? 0.5 : 1) / PIXELS;
        left -= (i + 1) / 256.0;
    }
    check_near(got.deletion_area, area);
    check_near(got.insertion[PIXELS], sigmoid(whole));
    close_sums(&sums);
}

/* Two pixels that are not zero: one shown by the map, one near the corner, hidden by it. Inserted are 8 pixels a step
 * into the image blurred by sigma 0.5: weights 1, e^-2, e^-8, the sum of those inside being 1. */
static void test_increase_and_insertion(void **state)
{
    enum { SIDE = 16, PIXELS = SIDE * SIDE };
    static float image[PIXELS], map[PIXELS];
    const double g[3] = {1, exp(-2), exp(-8)}, all = g[0] + 2 * g[1] + 2 * g[2];
    const double corner = g[1] / (g[0] + g[1] + g[2]) + g[0] / (g[1] + g[0] + g[1] + g[2]) + g[1] / all + g[2] / all;
    struct fovea_faithfulness got;
    struct sums sums;
    (void)state;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            bool near = (y < 4 && x < 4) || (y > 5 && y < 11 && x > 5 && x < 11);
            map[y * SIDE + x] = y == 8 && x == 8 ? 2 : near ? -1 : -0.5F;
            image[y * SIDE + x] = y == 8 && x == 8 ? 2 : y == 1 && x == 1 ? -3 : 0;
        }
    }
    open_sums(&sums, SIDE, SIDE, NULL);
    if (faithfulness_measure(&sums.probe, image, map, 0, &got, &sums.error))
        fail_msg("%s", sums.error.message);
    check_near(got.original, sigmoid(-1));
    check_near(got.masked, sigmoid(2));
    check_near(got.drop, 0);
    assert_true(got.increase);
    check_near(got.insertion[0], sigmoid(2 - 3 * corner * corner));
    check_near(got.insertion[1], sigmoid(2 + 2 * (1 - 1 / (all * all)) - 3 * corner * corner));
    check_near(got.insertion[FOVEA_CURVE_STEPS], sigmoid(-1));
    check_near(got.deletion[0], sigmoid(-1));
    check_near(got.deletion[1], sigmoid(-3));
    check_near(got.deletion[FOVEA_CURVE_STEPS], 0.5);
    close_sums(&sums);
}

/* A map without anything positive shows nothing. */
static void test_nothing_positive(void **state)
{
    float image[32], map[32];
    struct fovea_faithfulness got;
    struct sums sums;
    (void)state;
    for (int i = 0; i < 32; i++) {
        image[i] = 0.125F;
        map[i] = -1;
    }
    open_sums(&sums, 8, 4, NULL);
    assert_int_equal(faithfulness_measure(&sums.probe, image, map, 0, &got, &sums.error), 0);
    check_near(got.masked, 0.5);
    check_near(got.drop, 1 - 0.5 / sigmoid(4));
    for (int i = 0; i <= FOVEA_CURVE_STEPS; i++) /* the blurred image is the image */
        check_near(got.insertion[i], sigmoid(4));
    check_near(got.insertion_area, sigmoid(4));
    close_sums(&sums);
}

static void test_without_probabilities(void **state)
{
    const float image[32] = {1}, map[32] = {1};
    struct fovea_faithfulness got;
    struct sums sums;
    (void)state;
    open_sums(&sums, 8, 4, "none");
    assert_int_equal(faithfulness_measure(&sums.probe, image, map, 0, &got, &sums.error), -1);
    assert_int_equal(sums.error.kind, ERROR_UNSUPPORTED);
    close_sums(&sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop_and_deletion), cmocka_unit_test(test_increase_and_insertion),
        cmocka_unit_test(test_nothing_positive), cmocka_unit_test(test_without_probabilities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
