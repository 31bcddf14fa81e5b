/* Effective receptive fields that are known in closed form: of networks without nonlinearities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/correlation.h"
#include "analysis/perturbation.h"
#include "network_fixture.h"

#define SIDE 33

struct fixture {
    struct context *context;
    struct graph *graph;
    struct model model;
    struct value *x;
    struct error error;
};

static void start(struct fixture *fixture, int64_t channels)
{
    *fixture = (struct fixture){.error = ERROR_INITIALISER};
    fixture->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &fixture->error);
    fixture->graph = graph_create(fixture->context, NULL, "test", &fixture->error);
    fixture->x = add_image(fixture->graph, channels, SIDE, SIDE, &fixture->error);
    fixture->model = (struct model){.context = fixture->context, .path = "test", .graph = fixture->graph};
}

static void finish(struct fixture *fixture)
{
    graph_destroy(fixture->graph);
    assert_int_equal(context_destroy(fixture->context), 0);
}

static struct value *convolution(struct fixture *fixture, struct value *x, struct value *w, int64_t stride,
                                 int64_t dilation)
{
    const int64_t strides[2] = {stride, stride}, dilations[2] = {dilation, dilation};
    const int64_t pads[4] = {dilation, dilation, dilation, dilation};
    return emit(fixture->graph, "Conv", EMIT_INPUTS(x, w),
                EMIT_ATTRIBUTES(EMIT_INTS("strides", strides, 2), EMIT_INTS("dilations", dilations, 2),
                                EMIT_INTS("pads", pads, 4)),
                &fixture->error);
}

static void set_output(struct fixture *fixture, struct value *y)
{
    assert_non_null(y);
    assert_int_equal(graph_add_output(fixture->graph, y, &fixture->error), 0);
}

/* The input gradient [channels, SIDE, SIDE] of a unit of the output, on random numbers. */
static struct probe opened(struct fixture *fixture, int64_t row, int64_t column, enum probe_source source,
                           struct probe_result *run)
{
    struct probe probe;
    struct random random = {.seed = 5};
    const struct probe_request request = {
        .target = "output", .place = FOVEA_PLACE_UNIT, .unit = {row, column}, .source = source};
    if (probe_create(&probe, &fixture->model, &request, &fixture->error))
        fail_msg("%s", fixture->error.message);
    float *image = probe_images(&probe)->data;
    for (int64_t i = 0; i < shape_count(&probe_images(&probe)->shape); i++)
        image[i] = (float)random_normal(&random);
    assert_int_equal(probe_run(&probe, run, &fixture->error), 0);
    return probe;
}

/* Two convolutions, the first strided, the second dilated: the field is the convolution of their kernels. */
static void field_is_the_convolution_of_the_kernels(void **state)
{
    (void)state;
    enum { MIDDLE = 4, OUT = 3, IN = 2, ROW = 8, COLUMN = 6, STRIDE = 2, DILATION = 2 };
    struct fixture fixture;
    start(&fixture, IN);
    const int64_t first[4] = {MIDDLE, IN, 3, 3}, second[4] = {OUT, MIDDLE, 3, 3};
    struct value *w = random_constant(fixture.graph, 4, first, 1, &fixture.error);
    struct value *v = random_constant(fixture.graph, 4, second, 2, &fixture.error);
    const float *a = w->constant->tensor.data, *b = v->constant->tensor.data;
    set_output(&fixture, convolution(&fixture, convolution(&fixture, fixture.x, w, STRIDE, 1), v, 1, DILATION));
    struct probe_result run;
    struct probe probe = opened(&fixture, ROW, COLUMN, PROBE_IMAGE, &run);
    static double expected[IN][SIDE][SIDE];
    for (int o = 0; o < OUT; o++)
        for (int m = 0; m < MIDDLE; m++)
            for (int c = 0; c < IN; c++)
                for (int i = 0; i < 81; i++) {
                    int ky = i / 27, kx = i / 9 % 3, jy = i / 3 % 3, jx = i % 3;
                    int row = STRIDE * (ROW + DILATION * (ky - 1)) + jy - 1;
                    int column = STRIDE * (COLUMN + DILATION * (kx - 1)) + jx - 1;
                    expected[c][row][column] += (double)b[((o * MIDDLE + m) * 3 + ky) * 3 + kx] *
                                                (double)a[((m * IN + c) * 3 + jy) * 3 + jx] / OUT;
                }
    double largest = 0, difference = 0;
    for (int i = 0; i < IN * SIDE * SIDE; i++) {
        double value = (&expected[0][0][0])[i];
        largest = fmax(largest, fabs(value));
        difference = fmax(difference, fabs((double)run.gradient[i] - value));
    }
    assert_true(largest > 0.1);
    if (!(difference <= 1e-6 * largest))
        fail_msg("differs by %g of the maximum", difference / largest);
    probe_destroy(&probe);
    finish(&fixture);
}

/* Parallel dilated convolutions of ones at rates r, 2r, 3r: the taps that fall into the map, the centre shared. */
static int aspp_cells(int64_t rate)
{
    struct fixture fixture;
    const struct shape kernel = {.rank = 4, .dims = {1, 1, 3, 3}};
    start(&fixture, 1);
    struct value *ones = emit_filled(fixture.graph, DTYPE_FLOAT, &kernel, 1, &fixture.error), *branches[3];
    for (int i = 0; i < 3; i++)
        branches[i] = convolution(&fixture, fixture.x, ones, 1, rate * (i + 1));
    set_output(&fixture,
               emit(fixture.graph, "Concat", branches, 3, EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), &fixture.error));
    struct probe_result run;
    struct probe probe = opened(&fixture, -1, -1, PROBE_IMAGE, &run);
    int cells = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        cells += run.gradient[i] != 0;
    assert_float_equal(run.gradient[SIDE / 2 * SIDE + SIDE / 2], 1, 1e-6);
    probe_destroy(&probe);
    finish(&fixture);
    return cells;
}

static void parallel_rates_cover_known_cells(void **state)
{
    (void)state;
    assert_int_equal(aspp_cells(5), 25);
    assert_int_equal(aspp_cells(6), 17);
    assert_int_equal(aspp_cells(9), 9);
    assert_int_equal(aspp_cells(17), 1);
}

static void single_pixels_move_a_linear_network_by_its_field(void **state)
{
    (void)state;
    enum { POINTS = 64 };
    struct fixture fixture;
    const int64_t dims[4] = {4, 2, 9, 9};
    const int64_t pads[4] = {4, 4, 4, 4};
    start(&fixture, 2);
    struct value *w = random_constant(fixture.graph, 4, dims, 3, &fixture.error);
    set_output(&fixture, emit(fixture.graph, "Conv", EMIT_INPUTS(fixture.x, w),
                              EMIT_ATTRIBUTES(EMIT_INTS("pads", pads, 4)), &fixture.error));
    struct probe_result run;
    struct probe probe = opened(&fixture, -1, -1, PROBE_IMAGE, &run);
    double field[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        field[i] = fabs((double)run.gradient[i] + (double)run.gradient[SIDE * SIDE + i]);
    probe_destroy(&probe);
    probe = opened(&fixture, -1, -1, PROBE_NO_GRADIENT, &run);
    float image[2 * SIDE * SIDE];
    memcpy(image, probe_images(&probe)->data, sizeof image);
    int64_t points[POINTS][2], count = perturbation_points(SIDE, SIDE, POINTS, 1, points);
    double changes[POINTS] = {0}, there[POINTS], spearman;
    assert_in_range(count, POINTS - 8, POINTS);
    assert_int_equal(
        perturbation_measure(&probe, image, -1, (const int64_t(*)[2])points, count, 2, changes, &fixture.error), 0);
    for (int64_t i = 0; i < count; i++) {
        there[i] = field[points[i][0] * SIDE + points[i][1]];
        assert_true(fabs(changes[i] - 2 * there[i]) <= 1e-5);
    }
    assert_float_equal(correlation_pearson(changes, there, count), 1, 1e-6);
    assert_int_equal(correlation_spearman(fixture.context->memory, there, there, count, &spearman, &fixture.error), 0);
    assert_float_equal(spearman, 1, 1e-12);
    probe_destroy(&probe);
    finish(&fixture);
}

static void ranks_and_overlaps(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    const double a[5] = {1, 2, 2, 8, 100}, b[5] = {5, 7, 7, 8, 9}, c[5] = {4, 3, 3, 2, 1}, half[5] = {0.5, 1, 1, 4, 50};
    double spearman;
    float difference[5];
    struct fovea_erf_comparison made = {.difference = difference};
    assert_int_equal(correlation_spearman(memory, a, b, 5, &spearman, NULL), 0);
    assert_float_equal(spearman, 1, 1e-12);
    assert_int_equal(correlation_spearman(memory, a, c, 5, &spearman, NULL), 0);
    assert_float_equal(spearman, -1, 1e-12);
    assert_float_equal(correlation_pearson((const double[]){1, 2, 3}, (const double[]){1, 3, 2}, 3), 0.5, 1e-12);
    maps_compare(half, a, 5, &made);
    assert_float_equal(made.overlap, 1, 1e-12);
    assert_float_equal(made.sum_ratio, 0.5, 1e-12);
    assert_float_equal(made.largest, 0, 1e-12);
    maps_compare((const double[]){1, 0, 3}, (const double[]){0, 2, 2}, 3, &made);
    assert_float_equal(made.overlap, 0.5, 1e-12);
    assert_float_equal(made.largest, 1, 1e-12);
    assert_float_equal(difference[1], -0.5f, 1e-7f);
    assert_int_equal(memory_destroy(memory), 0);
}

/* The mean over the channels of a LayerNormalization whose weights are equal is a constant. */
static void uniform_norms_are_refused_with_the_way_out(void **state)
{
    (void)state;
    struct fixture fixture;
    const int64_t order[4] = {0, 2, 3, 1}, kernel[4] = {6, 1, 1, 1};
    const struct shape scale = {.rank = 1, .dims = {6}};
    start(&fixture, 1);
    struct value *w = random_constant(fixture.graph, 4, kernel, 1, &fixture.error);
    struct value *y = emit(fixture.graph, "Conv", EMIT_INPUTS(fixture.x, w), EMIT_NO_ATTRIBUTES, &fixture.error);
    y = emit(fixture.graph, "Transpose", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 4)), &fixture.error);
    struct value *ones = emit_filled(fixture.graph, DTYPE_FLOAT, &scale, 1, &fixture.error);
    set_output(&fixture,
               emit(fixture.graph, "LayerNormalization", EMIT_INPUTS(y, ones), EMIT_NO_ATTRIBUTES, &fixture.error));
    struct probe probe;
    const struct probe_request request = {
        .target = "output", .place = FOVEA_PLACE_UNIT, .unit = {-1, -1}, .source = PROBE_IMAGE};
    assert_int_equal(probe_create(&probe, &fixture.model, &request, &fixture.error), -1);
    assert_int_equal(fixture.error.kind, ERROR_INPUT);
    assert_non_null(strstr(fixture.error.message, "weights are all equal"));
    assert_non_null(strstr(fixture.error.message, "`target` '"));
    probe_destroy(&probe);
    fixture.error = (struct error)ERROR_INITIALISER;
    const struct probe_request through = {
        .target = "output", .place = FOVEA_PLACE_UNIT, .unit = {-1, -1}, .source = PROBE_IMAGE, .through_norm = true};
    assert_int_equal(probe_create(&probe, &fixture.model, &through, &fixture.error), 0);
    struct probe_result run;
    double total = 0;
    float *image = probe_images(&probe)->data;
    for (int64_t i = 0; i < probe.channels * probe.height * probe.width; i++)
        image[i] = (float)(i % 7);
    assert_int_equal(probe_run(&probe, &run, &fixture.error), 0);
    for (int64_t i = 0; i < probe.channels * probe.height * probe.width; i++)
        total += fabs((double)run.gradient[i]);
    assert_true(total > 0.01);
    probe_destroy(&probe);
    finish(&fixture);
}

struct quantized_case {
    bool integer; /* ConvInteger */
    int64_t channels;
    struct value *weights; /* uint8, zero point 128 */
};

/* Input -> uint8 -> a convolution of 1 x 1 on integers, as QLinearConv or as ConvInteger by the input's own range ->
 * moved as integers -> float: the gradient is that of the weights as floats, as nothing saturates. */
static struct value *quantized_convolution(struct fixture *fixture, const struct quantized_case *made)
{
    struct graph *graph = fixture->graph;
    struct error *error = &fixture->error;
    const int64_t kernel[2] = {1, 1}, order[4] = {0, 1, 3, 2};
    struct value *one = emit_scalar(graph, DTYPE_FLOAT, 0.125, error), *parts[3] = {0}, *y;
    struct value *middle = emit_scalar(graph, DTYPE_UINT8, 128, error);
    if (made->integer) {
        emit_many(graph, "DynamicQuantizeLinear", EMIT_INPUTS(fixture->x), EMIT_NO_ATTRIBUTES, parts, 3, error);
        y = emit(graph, "ConvInteger", EMIT_INPUTS(parts[0], made->weights, parts[2], middle), EMIT_NO_ATTRIBUTES,
                 error);
    } else {
        y = emit(graph, "QuantizeLinear", EMIT_INPUTS(fixture->x, one, middle), EMIT_NO_ATTRIBUTES, error);
        y = emit(graph, "QLinearConv", EMIT_INPUTS(y, one, middle, made->weights, one, middle, one, middle),
                 EMIT_NO_ATTRIBUTES, error);
        y = emit(graph, "MaxPool", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INTS("kernel_shape", kernel, 2)), error);
    }
    for (int i = 0; i < 2; i++)
        y = emit(graph, "Transpose", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 4)), error);
    if (!made->integer)
        return emit(graph, "DequantizeLinear", EMIT_INPUTS(y, one, middle), EMIT_NO_ATTRIBUTES, error);
    y = emit(graph, "Cast", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INT("to", DTYPE_FLOAT)), error);
    y = emit(graph, "Mul", EMIT_INPUTS(y, parts[1]), EMIT_NO_ATTRIBUTES, error);
    return emit(graph, "Mul", EMIT_INPUTS(y, one), EMIT_NO_ATTRIBUTES, error);
}

static void gradients_go_straight_through_integers(void **state)
{
    (void)state;
    static const struct quantized_case cases[] = {{.integer = false, .channels = 3},
                                                  {.integer = true, .channels = 3},
                                                  {.integer = true, .channels = 300},
                                                  {.integer = true, .channels = 4200}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        struct quantized_case made = cases[i];
        const struct shape shape = {.rank = 4, .dims = {1, made.channels, 1, 1}};
        start(&fixture, made.channels);
        made.weights = emit_filled(fixture.graph, DTYPE_UINT8, &shape, 0, &fixture.error);
        uint8_t *weights = made.weights->constant->tensor.data;
        for (int64_t c = 0; c < made.channels; c++)
            weights[c] = (uint8_t)(126 + c % 7);
        set_output(&fixture, quantized_convolution(&fixture, &made));
        struct probe_result run;
        struct probe probe = opened(&fixture, 2, 5, PROBE_IMAGE, &run);
        for (int64_t k = 0; k < made.channels * SIDE * SIDE; k++) {
            bool there = k % (SIDE * SIDE) == 2 * SIDE + 5;
            double weight = 0.125 * (double)(k / (SIDE * SIDE) % 7 - 2);
            assert_float_equal(run.gradient[k], (there ? (float)weight : 0), 1e-6);
        }
        probe_destroy(&probe);
        finish(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_is_the_convolution_of_the_kernels),
        cmocka_unit_test(parallel_rates_cover_known_cells),
        cmocka_unit_test(single_pixels_move_a_linear_network_by_its_field),
        cmocka_unit_test(gradients_go_straight_through_integers),
        cmocka_unit_test(ranks_and_overlaps),
        cmocka_unit_test(uniform_norms_are_refused_with_the_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
