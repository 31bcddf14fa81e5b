/* What captions say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/erf.h"

static void assert_subject(const struct fovea_erf *erf, const char *expected)
{
    char text[ERF_SUBJECT];
    fovea_erf_subject(erf, 24, text, sizeof text);
    assert_string_equal(text, expected);
}

static void subjects_always_have_a_name(void **state)
{
    (void)state;
    struct fovea_erf erf = {
        .target = "logits", .of_classes = true, .target_size = {1, 1}, .class_index = FOVEA_CLASS_NONE};
    assert_subject(&erf, "mean of the channels of 'logits'");
    erf.score = FOVEA_SCORE_MARGIN;
    erf.class_index = FOVEA_CLASS_PREDICTED;
    assert_subject(&erf, "predicted class over the mean of all (margin) of 'logits'");
    erf.score = FOVEA_SCORE_CLASS;
    erf.class_index = 3;
    assert_subject(&erf, "class 3 of 'logits'");
    erf = (struct fovea_erf){.target = "/encoder/layers/layer_11/Transpose_output_0",
                             .target_size = {14, 14},
                             .unit = {6, 7},
                             .prefix_tokens = 1,
                             .score = FOVEA_SCORE_CLASS,
                             .class_index = 3};
    assert_subject(&erf, "channel 3 at unit (6, 7) of '/encode...spose_output_0' (14 x 14 tokens behind the prefix)");
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
    struct fovea_erf erf = {.phases = {{.stride = 2, .ratio = 1.334}, {.stride = 16, .ratio = 1690.2}},
                            .phase_count = 2};
    char text[ERF_SUBJECT], little[12];
    fovea_erf_phases_text(&erf, text, sizeof text);
    assert_string_equal(text, " stride 2: 1.33, stride 16: 1690");
    fovea_erf_phases_text(&erf, little, sizeof little);
    assert_string_equal(little, " stride 2: "); /* cut, not written beyond */
    assert_false(signbit(report_tidy(-0.04, 1)));
    assert_float_equal(report_tidy(-0.06, 1), -0.1, 1e-12);
}

/* Fields in backquotes become flags; what else stands in backquotes stays. */
static void assert_flags(const char *text, const char *expected)
{
    char out[200], little[8];
    size_t length = strlen(expected), cut = length < 7 ? length : 7;
    assert_int_equal(fovea_text_flags(text, out, sizeof out), length);
    assert_string_equal(out, expected);
    assert_int_equal(fovea_text_flags(text, little, sizeof little), length);
    assert_memory_equal(little, expected, cut);
    assert_int_equal(little[cut], 0);
}

static void fields_become_flags(void **state)
{
    (void)state;
    assert_flags("", "");
    assert_flags("out of memory (`max_memory`)", "out of memory (--max-memory)");
    assert_flags("`shapes` names 'x'; `settings` a.b=c", "--shape names 'x'; --set a.b=c");
    assert_flags("`eval.no_labels` takes them", "eval --no-labels takes them");
    assert_flags("`data.loader_threads` `augment.flip` `tune.augment.hue`", "--loaders --flip --colour");
    assert_flags("`a.preprocess.stretch`; `feeds.name`", "--resize; -i NAME=FILE");
    assert_flags("(`fovea_inspect` lists them)", "(fovea inspect lists them)");
    assert_flags("'a`b', `C` and ``, `open", "'a`b', `C` and ``, `open");
    assert_flags("`two words` `task`", "`two words` --task");
}

static void commands_are_typed_as_they_stand(void **state)
{
    (void)state;
    const struct fovea_command_option options[] = {
        {"settings", "groups.mode=formula"}, {"retrain", NULL}, {"input_size", "65x65"}, {"feeds", "it's"}};
    const struct fovea_command command = {"model 1.onnx", "groups", options, 4};
    const char expected[] =
        "fovea rewrite 'model 1.onnx' -o NEW.onnx --apply groups --set groups.mode=formula --retrain "
        "--input-size 65x65 --images 'it'\\''s'";
    char out[256];
    assert_int_equal(fovea_command_text(&command, out, sizeof out), strlen(expected));
    assert_string_equal(out, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_always_have_a_name),
        cmocka_unit_test(fields_become_flags),
        cmocka_unit_test(commands_are_typed_as_they_stand),
        cmocka_unit_test(fits_that_say_nothing_are_no_gaussians),
        cmocka_unit_test(numbers_are_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
