/* DFT and STFT: forms, lengths and axes, and what is refused. Values by hand. */
#include "node_fixture.h"

/* The signal 1 2 3 4 and the same times i have the spectrum 10, -2 + 2i, -2, -2 - 2i. */
static void spectra(void **state)
{
    struct fixture fixture;
    (void)state;
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE};
    for (int i = 0; i < 2; i++) {
        fixture_start(&fixture, "", "DFT", 17, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(1, 4, 1), FLOATS(1, 2, 3, 4));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 4, 2), FLOATS(10, 0, -2, 2, -2, 0, -2, -2), 1e-6);
        assert_int_equal(fixture.outputs[0].dtype, types[i]);
        fixture_end(&fixture);
        fixture_start(&fixture, "", "DFT", 20, 1, 1);
        fixture_input(&fixture, 0, types[i], DIMS(4, 2), FLOATS(0, 1, 0, 2, 0, 3, 0, 4));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(4, 2), FLOATS(0, 10, -2, -2, 0, -2, 2, -2), 1e-6);
        fixture_end(&fixture);
    }
}

/* Along the first axis, cut to two and filled up to four cells. */
static void lengths_and_axes(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture_start(&fixture, "", "DFT", 20, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(3, 2, 1), FLOATS(1, 5, 2, 7, 4, 9));
        fixture_input(&fixture, 1, DTYPE_INT64, SCALAR_DIMS, FLOATS(i == 0 ? 2 : 4));
        fixture_input(&fixture, 2, DTYPE_INT64, SCALAR_DIMS, FLOATS(-3));
        fixture_int(&fixture, "onesided", 1);
        fixture_run(&fixture);
        if (i == 0)
            expect_output(&fixture, 0, DIMS(2, 2, 2), FLOATS(3, 0, 12, 0, -1, 0, -2, 0), 1e-5);
        else
            expect_output(&fixture, 0, DIMS(3, 2, 2), FLOATS(7, 0, 21, 0, -3, -2, -4, -7, 3, 0, 7, 0), 1e-5);
        fixture_end(&fixture);
    }
}

static void back(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "DFT", 20, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(4, 2), FLOATS(10, 0, -2, 2, -2, 0, -2, -2));
    fixture_int(&fixture, "inverse", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(4, 2), FLOATS(1, 0, 2, 0, 3, 0, 4, 0), 1e-6);
    fixture_end(&fixture);
    /* Half of a real signal's spectrum: imaginary parts at both ends mean nothing. */
    fixture_start(&fixture, "", "DFT", 20, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(3, 2), FLOATS(10, 99, -2, 2, -2, 99));
    fixture_int(&fixture, "inverse", 1);
    fixture_int(&fixture, "onesided", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(4, 1), FLOATS(1, 2, 3, 4), 1e-6);
    fixture_end(&fixture);
    /* An odd length has no middle: 3, then i sqrt(3) and its mirror image. */
    fixture_start(&fixture, "", "DFT", 20, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 2), FLOATS(3, 0, 0, sqrtf(3)));
    fixture_input(&fixture, 1, DTYPE_INT32, SCALAR_DIMS, FLOATS(3));
    fixture_int(&fixture, "inverse", 1);
    fixture_int(&fixture, "onesided", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3, 1), FLOATS(1, 0, 2), 1e-6);
    fixture_end(&fixture);
}

static void refused_transforms(void **state)
{
    static const struct {
        int64_t parts, inverse, onesided;
        float length, axis;
    } cases[] = {{3, 0, 0, 4, 0}, {2, 0, 1, 4, 0},  {1, 1, 1, 4, 0},     {1, 0, 0, 0, 0},    {1, 0, 0, -1, 0},
                 {1, 0, 0, 4, 1}, {1, 0, 0, 4, -1}, {1, 0, 0, 4e18f, 0}, {1, 0, 0, 1e12f, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "DFT", 20, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, cases[i].parts), NULL);
        fixture_input(&fixture, 1, DTYPE_INT64, SCALAR_DIMS, &cases[i].length);
        fixture_input(&fixture, 2, DTYPE_INT64, SCALAR_DIMS, &cases[i].axis);
        fixture_int(&fixture, "inverse", cases[i].inverse);
        fixture_int(&fixture, "onesided", cases[i].onesided);
        expect_refusal(&fixture);
    }
}

static void start_frames(struct fixture *fixture, float step, const float *frame, int64_t window)
{
    fixture_start(fixture, "", "STFT", 17, 4, 1);
    fixture_input(fixture, 1, DTYPE_INT64, SCALAR_DIMS, &step);
    if (window > 0)
        fixture_input(fixture, 2, DTYPE_FLOAT, 1, &window, FLOATS(1, 0, 2, 0, 3, 0));
    if (frame)
        fixture_input(fixture, 3, DTYPE_INT64, SCALAR_DIMS, frame);
}

/* Frames (1 2) and (4 5) of 1 2 3 4 5; a window (1 0). */
static void frames(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int i = 0; i < 3; i++) {
        start_frames(&fixture, 3, i == 1 ? NULL : FLOATS(2), i == 1 ? 2 : 0);
        fixture_input(&fixture, 0, DTYPE_FLOAT, i == 2 ? 2 : 3, (const int64_t[]){1, 5, 1}, FLOATS(1, 2, 3, 4, 5));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 2, 2, 2),
                      i == 1 ? FLOATS(1, 0, 1, 0, 4, 0, 4, 0) : FLOATS(3, 0, -1, 0, 9, 0, -1, 0), 1e-6);
        fixture_end(&fixture);
    }
    start_frames(&fixture, 1, NULL, 0); /* the signal is the frame */
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 2), FLOATS(1, 2, 3, 4));
    fixture_int(&fixture, "onesided", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2, 2), FLOATS(4, 6, -2, -2), 1e-6);
    fixture_end(&fixture);
}

static void refused_frames(void **state)
{
    static const struct {
        float step, frame;
        int64_t window, parts;
    } cases[] = {{0, 2, 0, 1}, {-1, 2, 0, 1}, {1, 6, 0, 1}, {1, 0, 0, 1}, {1, 3, 2, 1}, {1, 2, 0, 2}, {1, 2, 0, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        start_frames(&fixture, cases[i].step, &cases[i].frame, cases[i].window);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 5, cases[i].parts), NULL);
        expect_refusal(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spectra), cmocka_unit_test(lengths_and_axes),
        cmocka_unit_test(back),    cmocka_unit_test(refused_transforms),
        cmocka_unit_test(frames),  cmocka_unit_test(refused_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
