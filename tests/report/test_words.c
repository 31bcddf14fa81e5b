/* What captions say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/erf.h"

static void assert_subject(struct memory *memory, const struct fovea_erf *erf, const char *expected)
{
    struct text text;
    text_start(&text, memory);
    report_erf_subject(&text, erf, 24);
    assert_string_equal(text.data, expected);
    text_release(&text);
}

static void subjects_always_have_a_name(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct fovea_erf erf = {
        .target = "logits", .of_classes = true, .target_size = {1, 1}, .class_index = FOVEA_CLASS_NONE};
    assert_subject(memory, &erf, "mean of the channels of 'logits'");
    erf.score = FOVEA_SCORE_MARGIN;
    erf.class_index = FOVEA_CLASS_PREDICTED;
    assert_subject(memory, &erf, "predicted class over the mean of all (margin) of 'logits'");
    erf.score = FOVEA_SCORE_CLASS;
    erf.class_index = 3;
    assert_subject(memory, &erf, "class 3 of 'logits'");
    erf = (struct fovea_erf){.target = "/encoder/layers/layer_11/Transpose_output_0",
                             .target_size = {14, 14},
                             .unit = {6, 7},
                             .prefix_tokens = 1,
                             .score = FOVEA_SCORE_CLASS,
                             .class_index = 3};
    assert_subject(memory, &erf,
                   "channel 3 at unit (6, 7) of '/encode...spose_output_0' (14 x 14 tokens behind the prefix)");
    assert_int_equal(memory_destroy(memory), 0);
}

static void fits_that_say_nothing_are_no_gaussians(void **state)
{
    (void)state;
    struct fovea_gaussian fit = {.converged = true, .sigma = {5, 6}, .r_squared = 0.9};
    assert_int_equal(report_fit_of(&fit, 28, 28), REPORT_FIT_GAUSSIAN);
    fit.r_squared = 0.6;
    assert_int_equal(report_fit_of(&fit, 28, 28), REPORT_FIT_ROUGH);
    assert_int_equal(report_fit_of(&fit, 28, 5), REPORT_FIT_NONE); /* wider than the map */
    fit.r_squared = 0.4;
    assert_int_equal(report_fit_of(&fit, 28, 28), REPORT_FIT_NONE);
    fit.r_squared = (double)NAN;
    assert_int_equal(report_fit_of(&fit, 28, 28), REPORT_FIT_NONE);
}

static void numbers_are_readable(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct fovea_erf erf = {.phases = {{.stride = 2, .ratio = 1.334}, {.stride = 16, .ratio = 1690.2}},
                            .phase_count = 2};
    struct text text;
    text_start(&text, memory);
    report_phases(&text, &erf);
    assert_string_equal(text.data, " stride 2: 1.33, stride 16: 1690");
    text_release(&text);
    assert_false(signbit(report_tidy(-0.04, 1)));
    assert_float_equal(report_tidy(-0.06, 1), -0.1, 1e-12);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_always_have_a_name),
        cmocka_unit_test(fits_that_say_nothing_are_no_gaussians),
        cmocka_unit_test(numbers_are_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
