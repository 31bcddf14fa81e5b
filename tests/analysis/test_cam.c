/* Class activation maps: each method's formula on numbers whose maps PyTorch computed in float64, and the sums that a
 * head of ReLU, global pool and product promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/cam.h"
#include "analysis/masked_score.h"
#include "analysis/probe.h"
#include "analysis/score_cam.h"
#include "analysis/spread.h"
#include "base/random.h"
#include "network_fixture.h"
#include "op/emit.h"

static void check_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g within %g", got, expected, tolerance);
}

/* Three channels of 2 x 2 cells. */
static const float activation[12] = {0.8f,  0.17f, 0.09f,  -0.61f, 0.05f, -1.37f,
                                     0.34f, 1.01f, -1.44f, 0.98f,  0.52f, 1.24f};
static const float slopes[12] = {-0.86f, 0.3f, 0.42f, -0.08f, 0.93f, 0.82f, 0.5f, -0.16f, -0.68f, -1.06f, 0.75f, 0.24f};

static void test_formulas(void **state)
{
    (void)state;
    static const struct {
        enum fovea_cam_method method;
        double map[4];
    } expected[] = {
        {FOVEA_CAM_EXTENDED, {0.3377, -2.1112, 0.5978, 0.1848}},
        {FOVEA_CAM_GRAD, {0.252125, -0.908925, 0.0752, 0.328775}},
        {FOVEA_CAM_GRAD_PLUS_PLUS, {-0.19101127, -1.11781668, 0.59298451, 1.36144806}},
        {FOVEA_CAM_XGRAD, {-3.45495299, 49.06031983, -11.96854667, -34.62772017}},
        {FOVEA_CAM_LAYER, {0.0465, -1.0724, 0.5978, 0.2976}},
    };
    const struct unit_view view = {.images = 1, .units = 4, .channels = 3, .unit_step = 1, .channel_step = 4};
    const struct cam_layer layer = {view, activation, slopes, 0};
    struct error error = ERROR_INITIALISER;
    double weights[3], map[4];
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(cam_map(expected[i].method, &layer, weights, map, &error), 0);
        for (int cell = 0; cell < 4; cell++)
            check_near(map[cell], expected[i].map[cell], 2e-5 * fmax(1, fabs(expected[i].map[cell])));
    }
    assert_int_equal(cam_map(FOVEA_CAM_PLAIN, &layer, weights, map, &error),
                     -1); /* the gradient is not the same everywhere */
    assert_int_equal(error.kind, ERROR_INPUT);
    struct fovea_cam cam = {.score = 2};
    const float shares[SHARES] = {0.25f, 0.5f, -0.75f};
    double flat[4] = {-1, -1, -1, -1};
    double absolute = cam_add_up(&layer, 1, 0, shares, 1, &cam);
    cam_measure(flat, 4, absolute, &cam);
    assert_true(cam.flat && cam.negative);
    check_near(cam.gap, (2 - -0.9909) / (0.3377 + 2.1112 + 0.5978 + 0.1848), 1e-5); /* the shares are 0 together */
    check_near(cam.share, 3.2314 / (3.2314 + 0.25 + 0.5 + 0.75 + 2.9909), 1e-5);
    cam.biases += 1;
    cam_measure(flat, 4, absolute, &cam);
    check_near(cam.gap, (2 - -0.9909 - 1) / (0.3377 + 2.1112 + 0.5978 + 0.1848), 1e-5);
    cam.score = cam.contributions + cam.class_token + cam.around + cam.biases + 1e-7;
    cam_measure(flat, 4, absolute, &cam);
    check_near(cam.gap, 0, 1e-300); /* rounding */
    cam_spread_residual(map, 4, 3);
    check_near(map[0] + map[1] + map[2] + map[3], 3, 1e-9);
}

#define CHANNELS 5
#define CLASSES 4
#define SIDE 12

/* Convolution, ReLU, global pool, product with a bias; *bias gets the product's. */
static struct graph *make_network(struct context *context, const float **bias, struct error *error)
{
    const int64_t kernel[4] = {CHANNELS, 3, 3, 3}, dense[2] = {CHANNELS, CLASSES};
    const int64_t classes[1] = {CLASSES};
    struct graph *graph = graph_create(context, NULL, "test", error);
    struct value *x = add_image(graph, 3, SIDE, SIDE, error);
    struct value *w = random_constant(graph, 4, kernel, 1, error), *d = random_constant(graph, 2, dense, 2, error);
    struct value *b = random_constant(graph, 1, classes, 3, error);
    struct value *y = emit(graph, "Conv", EMIT_INPUTS(x, w), EMIT_NO_ATTRIBUTES, error);
    y = emit(graph, "Relu", EMIT_INPUTS(y), EMIT_NO_ATTRIBUTES, error);
    y = emit(graph, "GlobalAveragePool", EMIT_INPUTS(y), EMIT_NO_ATTRIBUTES, error);
    y = emit(graph, "Flatten", EMIT_INPUTS(y), EMIT_NO_ATTRIBUTES, error);
    y = emit(graph, "Gemm", EMIT_INPUTS(y, d, b), EMIT_NO_ATTRIBUTES, error);
    assert_int_equal(graph_add_output(graph, y, error), 0);
    *bias = b->constant->tensor.data;
    return graph;
}

/* The predictions by rank are a permutation in falling order. */
static void check_ranks(struct probe *probe, struct error *error)
{
    struct probe_result run;
    double last = HUGE_VAL;
    for (int64_t rank = 0; rank < CLASSES; rank++) {
        probe_classes(probe)[0] = -1 - rank;
        assert_int_equal(probe_run(probe, &run, error), 0);
        assert_true((double)run.score[0] <= last);
        last = (double)run.score[0];
    }
    probe_classes(probe)[0] = CLASSES;
    assert_int_equal(probe_run(probe, &run, error), -1);
}

static void test_sums_of_a_known_head(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    const float *bias;
    struct model model = {.context = context, .path = "test", .graph = make_network(context, &bias, &error)};
    struct probe probe;
    struct probe_result run;
    struct random random = {.seed = 9};
    const struct probe_request request = {
        .target = "logits", .kind = FOVEA_SCORE_CLASS, .place = FOVEA_PLACE_UNIT, .source = PROBE_ACTIVATION};
    assert_int_equal(probe_create(&probe, &model, &request, &error), 0);
    float *image = probe_images(&probe)->data;
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image[i] = (float)(2 * random_uniform(&random) - 1);
    const int64_t cells = (SIDE - 2) * (SIDE - 2);
    assert_int_equal(probe.source_grid.view.units, cells);
    for (int64_t class = 0; class < CLASSES; class ++) {
        double weights[CHANNELS], map[(SIDE - 2) * (SIDE - 2)], sum = 0, magnitude = 0, plain = 0;
        probe_classes(&probe)[0] = class;
        assert_int_equal(probe_run(&probe, &run, &error), 0);
        assert_int_equal(run.classes[0], class);
        const struct cam_layer layer = {probe.source_grid.view, run.activation, run.gradient, 0};
        double y = (double)run.score[0], b = (double)bias[class];
        assert_int_equal(cam_map(FOVEA_CAM_EXTENDED, &layer, weights, map, &error), 0);
        for (int64_t i = 0; i < cells; i++) {
            sum += map[i];
            magnitude += fabs(map[i]);
        }
        check_near(sum + b, y, 1e-5 * fmax(fabs(y), magnitude));
        assert_int_equal(cam_map(FOVEA_CAM_PLAIN, &layer, weights, map, &error), 0);
        for (int64_t i = 0; i < cells; i++)
            plain += map[i];
        check_near(plain, (double)cells * (y - b), 1e-5 * (double)cells * fmax(fabs(y), magnitude));
        check_near(probe_probability(&probe, &run, 0) > 0, 1, 0);
    }
    check_ranks(&probe, &error);
    probe_destroy(&probe);
    graph_destroy(model.graph);
    assert_int_equal(context_destroy(context), 0);
}

/* The score of the image seen through a channel, enlarged and then scaled to 0..1. */
static double masked_score(struct probe *forward, const float *image, const float *cells, struct error *error)
{
    const int64_t grid[2] = {SIDE - 2, SIDE - 2}, pixels[2] = {SIDE, SIDE};
    double raw[(SIDE - 2) * (SIDE - 2)];
    float mask[SIDE * SIDE], low = HUGE_VALF, high = -HUGE_VALF, *masked = probe_images(forward)->data;
    struct probe_result run;
    for (int i = 0; i < (SIDE - 2) * (SIDE - 2); i++)
        raw[i] = (double)cells[i];
    spread_bilinear(raw, grid, pixels, mask);
    for (int i = 0; i < SIDE * SIDE; i++) {
        low = fminf(low, mask[i]);
        high = fmaxf(high, mask[i]);
    }
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        masked[i] = image[i] * (mask[i % (SIDE * SIDE)] - low) / (high - low);
    probe_classes(forward)[0] = 1;
    assert_int_equal(probe_run(forward, &run, error), 0);
    return (double)run.score[0];
}

static void test_score_cam_weights(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    const float *bias;
    struct model model = {.context = context, .path = "test", .graph = make_network(context, &bias, &error)};
    struct probe probe, forward;
    struct probe_result run;
    struct random random = {.seed = 11};
    struct probe_request request = {
        .target = "logits", .kind = FOVEA_SCORE_CLASS, .place = FOVEA_PLACE_UNIT, .source = PROBE_ACTIVATION};
    const int64_t grid[2] = {SIDE - 2, SIDE - 2};
    double weights[CHANNELS], expected[CHANNELS], sum = 0;
    float image[3 * SIDE * SIDE];
    assert_int_equal(probe_create(&probe, &model, &request, &error), 0);
    request.source = PROBE_NO_GRADIENT;
    assert_int_equal(probe_create(&forward, &model, &request, &error), 0);
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image[i] = (float)(4 * random_uniform(&random) - 2);
    memcpy(probe_images(&probe)->data, image, sizeof image);
    assert_int_equal(probe_run(&probe, &run, &error), 0);
    const struct cam_layer layer = {probe.source_grid.view, run.activation, run.gradient, 0};
    assert_int_equal(
        score_cam_weights(&forward, &(struct masked_image){image, NULL, 1}, &layer, grid, 0, weights, &error), 0);
    for (int k = 0; k < CHANNELS; k++) {
        expected[k] = exp(masked_score(&forward, image, run.activation + k * layer.view.units, &error));
        sum += expected[k];
    }
    for (int k = 0; k < CHANNELS; k++)
        check_near(weights[k], expected[k] / sum, 1e-6);
    probe_destroy(&probe);
    probe_destroy(&forward);
    graph_destroy(model.graph);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formulas), cmocka_unit_test(test_sums_of_a_known_head),
                                       cmocka_unit_test(test_score_cam_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
