/* Pools: sizes in ceil mode, pads and their divisors, indices, norms, and what must be refused. */
#include "node_fixture.h"

static void start_line(struct fixture *fixture, const char *op_type, int opset, int64_t size, int64_t kernel,
                       int64_t stride, int outputs)
{
    fixture_start(fixture, "", op_type, opset, 1, outputs);
    fixture_count_up(fixture, 0, DIMS(1, 1, size));
    fixture_ints(fixture, "kernel_shape", &kernel, 1);
    fixture_ints(fixture, "strides", &stride, 1);
}

static void ceil_mode_adds_the_last_window(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, "MaxPool", 12, 6, 3, 2, 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(3, 5), 0);
    fixture_end(&fixture);
    start_line(&fixture, "MaxPool", 12, 6, 3, 2, 1);
    fixture_int(&fixture, "ceil_mode", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 3), FLOATS(3, 5, 6), 0);
    fixture_end(&fixture);
    /* A window that would start behind the input and its pads is dropped: 1 + ceil((3 + 1 - 2) / 3) = 2 without. */
    start_line(&fixture, "MaxPool", 12, 3, 2, 3, 1);
    fixture_int(&fixture, "ceil_mode", 1);
    fixture_ints(&fixture, "pads", INTS(0, 1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1), FLOATS(2), 0);
    fixture_end(&fixture);
}

static void indices_count_through_the_tensor(void **state)
{
    (void)state;
    struct fixture fixture;
    for (int order = 0; order < 2; order++) {
        fixture_start(&fixture, "", "MaxPool", 12, 1, 2);
        fixture_count_up(&fixture, 0, DIMS(1, 2, 2, 3));
        fixture_ints(&fixture, "kernel_shape", INTS(2, 2));
        fixture_int(&fixture, "storage_order", order);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2, 1, 2), FLOATS(5, 6, 11, 12), 0);
        if (order == 0)
            expect_output(&fixture, 1, DIMS(1, 2, 1, 2), FLOATS(4, 5, 10, 11), 0);
        else /* row 1 of column 1 is cell 1 * 2 + 1 */
            expect_output(&fixture, 1, DIMS(1, 2, 1, 2), FLOATS(3, 5, 9, 11), 0);
        assert_int_equal(fixture.outputs[1].dtype, DTYPE_INT64);
        fixture_end(&fixture);
    }
}

static void maximum_of_other_types(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_UINT8, DTYPE_INT8, DTYPE_DOUBLE, DTYPE_FLOAT16};
    struct fixture fixture;
    for (int i = 0; i < 4; i++) {
        fixture_start(&fixture, "", "MaxPool", 22, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(1, 1, 5), FLOATS(3, 1, 2, 7, 5));
        fixture_ints(&fixture, "kernel_shape", INTS(2));
        fixture_ints(&fixture, "dilations", INTS(2));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 3), FLOATS(3, 7, 5), 0);
        assert_int_equal(fixture.outputs[0].dtype, types[i]);
        fixture_end(&fixture);
    }
}

/* The divisor counts cells of the input, or of input and pads; the part of a last window behind the pads never counts.
 */
static void average_divisors(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE};
    struct fixture fixture;
    for (int i = 0; i < 4; i++) {
        fixture_start(&fixture, "", "AveragePool", 19, 1, 1);
        fixture_input(&fixture, 0, types[i / 2], DIMS(1, 1, 5), FLOATS(2, 4, 6, 8, 10));
        fixture_ints(&fixture, "kernel_shape", INTS(3));
        fixture_ints(&fixture, "strides", INTS(3));
        fixture_ints(&fixture, "pads", INTS(1, 1));
        fixture_int(&fixture, "ceil_mode", 1);
        fixture_int(&fixture, "count_include_pad", i % 2);
        fixture_run(&fixture); /* windows -1..1, 2..4, 5..7 of which the last begins behind the input: dropped */
        if (i % 2)
            expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(2, 8), 1e-6);
        else
            expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(3, 8), 1e-6);
        fixture_end(&fixture);

        fixture_start(&fixture, "", "AveragePool", 19, 1, 1);
        fixture_input(&fixture, 0, types[i / 2], DIMS(1, 1, 4), FLOATS(2, 4, 6, 8));
        fixture_ints(&fixture, "kernel_shape", INTS(3));
        fixture_ints(&fixture, "strides", INTS(2));
        fixture_int(&fixture, "ceil_mode", 1);
        fixture_int(&fixture, "count_include_pad", i % 2);
        fixture_run(&fixture); /* windows 0..2 and 2..4, whose last cell is behind everything */
        expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(4, 7), 1e-6);
        fixture_end(&fixture);
    }
}

static void norms(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "LpPool", 18, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 4), FLOATS(3, -4, 12, 5));
    fixture_ints(&fixture, "kernel_shape", INTS(2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 3), FLOATS(5, 12.649110640673518f, 13), 1e-5);
    fixture_end(&fixture);

    fixture_start(&fixture, "", "GlobalLpPool", 2, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 2), FLOATS(3, -4, 12, 5));
    fixture_int(&fixture, "p", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 1), FLOATS(7, 17), 1e-5);
    fixture_end(&fixture);
}

static void global_pools(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "GlobalAveragePool", 1, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2, 1, 3));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 1, 1), FLOATS(2, 5, 8, 11), 1e-6);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "GlobalMaxPool", 1, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 1, 1, 3), FLOATS(-3, -1, -2, 4, NAN, 5));
    fixture_run(&fixture);
    assert_true(tensor_number(&fixture.outputs[0], 0) == -1);
    assert_true(isnan(tensor_number(&fixture.outputs[0], 1)));
    fixture_end(&fixture);
    fixture_start(&fixture, "", "GlobalAveragePool", 1, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2, 0, 3));
    expect_refusal(&fixture);
}

static void abuse_is_refused(void **state)
{
    (void)state;
    static const char *const pools[] = {"MaxPool", "AveragePool", "LpPool"};
    static const struct {
        const char *name;
        int64_t values[4];
        int count;
    } bad[] = {{"kernel_shape", {0}, 1},
               {"kernel_shape", {-3}, 1},
               {"kernel_shape", {2, 2}, 2},
               {"kernel_shape", {9}, 1},
               {"kernel_shape", {INT64_MAX}, 1},
               {"strides", {0}, 1},
               {"strides", {-1}, 1},
               {"strides", {1, 1}, 2},
               {"strides", {INT64_MIN}, 1},
               {"dilations", {0}, 1},
               {"dilations", {INT64_MAX}, 1},
               {"pads", {1}, 1},
               {"pads", {-1, 0}, 2},
               {"pads", {2, 0}, 2},
               {"pads", {0, INT64_MAX}, 2}};
    struct fixture fixture;
    for (size_t pool = 0; pool < 3; pool++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            start_line(&fixture, pools[pool], 22, 6, 2, 1, 1);
            fixture_ints(&fixture, bad[i].name, bad[i].values, bad[i].count);
            expect_refusal(&fixture);
        }
        fixture_start(&fixture, "", pools[pool], 22, 1, 1); /* no kernel */
        fixture_count_up(&fixture, 0, DIMS(1, 1, 6));
        expect_refusal(&fixture);
    }
    start_line(&fixture, "MaxPool", 12, 6, 2, 1, 1);
    fixture_int(&fixture, "storage_order", 2);
    expect_refusal(&fixture);
    start_line(&fixture, "LpPool", 18, 6, 2, 1, 1);
    fixture_int(&fixture, "p", 0);
    expect_refusal(&fixture);
}

/* Same_lower puts the odd cell in front. */
static void same_pads(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, "MaxPool", 12, 4, 3, 2, 1);
    fixture_string(&fixture, "auto_pad", "SAME_LOWER");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(2, 4), 0);
    fixture_end(&fixture);
    start_line(&fixture, "MaxPool", 12, 4, 3, 2, 1);
    fixture_string(&fixture, "auto_pad", "SAME_UPPER");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(3, 4), 0);
    fixture_end(&fixture);
}

/* Ramps, more of them than are pooled at a time: a bin's mean is the value at its middle. */
static void regions_of_many_channels(void **state)
{
    (void)state;
    enum { CHANNELS = 37, HEIGHT = 6, WIDTH = 7 };
    struct fixture fixture;
    float maps[2 * CHANNELS * HEIGHT * WIDTH], expected[2 * CHANNELS * 4];
    for (int i = 0; i < 2 * CHANNELS * HEIGHT * WIDTH; i++)
        maps[i] = (float)(i % WIDTH + 10 * (i / WIDTH % HEIGHT) + 100 * (i / WIDTH / HEIGHT));
    for (int i = 0; i < 2 * CHANNELS * 4; i++) {
        int plane = (i / 4 + CHANNELS) % (2 * CHANNELS); /* the first region is of the second image */
        expected[i] = 1.5f + 2 * (float)(i % 2) + 10 * (1.5f + 2 * (float)(i / 2 % 2)) + 100 * (float)plane;
    }
    fixture_start(&fixture, "", "RoiAlign", 16, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, CHANNELS, HEIGHT, WIDTH), maps);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 4), FLOATS(1, 1, 5, 5, 1, 1, 5, 5));
    fixture_input(&fixture, 2, DTYPE_INT64, DIMS(2), FLOATS(1, 0));
    fixture_int(&fixture, "output_height", 2);
    fixture_int(&fixture, "output_width", 2);
    fixture_int(&fixture, "sampling_ratio", 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, CHANNELS, 2, 2), expected, 1e-3);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ceil_mode_adds_the_last_window),
        cmocka_unit_test(indices_count_through_the_tensor),
        cmocka_unit_test(maximum_of_other_types),
        cmocka_unit_test(average_divisors),
        cmocka_unit_test(norms),
        cmocka_unit_test(global_pools),
        cmocka_unit_test(abuse_is_refused),
        cmocka_unit_test(same_pads),
        cmocka_unit_test(regions_of_many_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
