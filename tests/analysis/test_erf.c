/* Input gradients of exported networks against those that PyTorch computed in float64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/probe.h"
#include "base/file.h"
#include "base/random.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "tensor/npy.h"

static void check_gradient(const char *network, const char *reference, int64_t class_index, bool name_target)
{
    struct error error = ERROR_INITIALISER;
    char path[512];
    struct context *context = context_create(&(struct context_options){.threads = 2, .cpu = CPU_AVX512}, &error);
    struct tensor input, expected;
    snprintf(path, sizeof path, "tests/fixtures/%s/test_data_set_0/input_0.pb", network);
    assert_int_equal(tensor_proto_read(context->memory, path, &input, &error), 0);
    snprintf(path, sizeof path, "tests/fixtures/%s/%s", network, reference);
    assert_int_equal(npy_read(context->memory, path, &expected, &error), 0);
    snprintf(path, sizeof path, "tests/fixtures/%s/erf_target.txt", network);
    size_t length;
    char *target = file_read(context->memory, path, 4096, &length, &error);
    assert_non_null(target);
    target[strcspn(target, "\n")] = 0;
    snprintf(path, sizeof path, "tests/fixtures/%s/model.onnx", network);
    struct model *model = model_load(context, path, &error);
    operators_resolve(model->graph, &error);
    struct probe probe;
    struct probe_result result;
    struct probe_request request = {.place = FOVEA_PLACE_UNIT,
                                    .unit = {-1, -1},
                                    .kind = class_index < 0 ? FOVEA_SCORE_MEAN : FOVEA_SCORE_CLASS,
                                    .target = class_index >= 0 ? "logits"
                                              : name_target    ? target
                                                               : NULL};
    assert_int_equal(probe_create(&probe, model, &request, &error), 0);
    if (class_index < 0)
        assert_string_equal(probe.target, target); /* found without its name, too */
    memcpy(probe_images(&probe)->data, input.data, tensor_bytes(&input));
    probe_classes(&probe)[0] = class_index;
    assert_int_equal(probe_run(&probe, &result, &error), 0);
    const float *gradient = result.gradient;
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < shape_count(&expected.shape); i++) {
        double reference_value = tensor_number(&expected, i);
        largest = fmax(largest, fabs(reference_value));
        difference = fmax(difference, fabs((double)gradient[i] - reference_value));
    }
    if (!(difference <= 1e-4 * largest) || largest == 0)
        fail_msg("%s %s: differs by %g of the maximum", network, reference, difference / largest);
    probe_destroy(&probe);
    model_destroy(model);
    memory_release(context->memory, target);
    tensor_release(context->memory, &input);
    tensor_release(context->memory, &expected);
    assert_int_equal(context_destroy(context), 0);
}

static const char *const networks[] = {"resnet18", "resnet18_odd", "mobilenet_v2", "squeezenet"};

static void test_feature_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        check_gradient(networks[i], "erf_feature.npy", -1, false);
        check_gradient(networks[i], "erf_feature.npy", -1, true);
    }
}

static void test_logit_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        check_gradient(networks[i], "erf_class_3.npy", 3, false);
}

/* The gradient at a unit in the corner, or the sums over its channels, of a random image. */
static void run_corner(struct model *model, bool pixel_sums, struct probe *probe, struct probe_result *result)
{
    struct error error = ERROR_INITIALISER;
    const struct probe_request request = {.place = FOVEA_PLACE_UNIT, .unit = {0, 1}, .pixel_sums = pixel_sums};
    assert_int_equal(probe_create(probe, model, &request, &error), 0);
    tensor_randomise(probe_images(probe), &(struct random){.seed = 5});
    assert_int_equal(probe_run(probe, result, &error), 0);
    assert_null(result->target); /* nothing of it is there but the unit */
}

static void test_pixel_sums(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct context *context = context_create(&(struct context_options){.threads = 2, .cpu = CPU_AVX512}, &error);
        char path[512];
        struct probe all, sums;
        struct probe_result gradient, summed;
        snprintf(path, sizeof path, "tests/fixtures/%s/model.onnx", networks[i]);
        struct model *model = model_load(context, path, &error);
        operators_resolve(model->graph, &error);
        run_corner(model, false, &all, &gradient);
        run_corner(model, true, &sums, &summed);
        assert_true(sums.summed && !all.summed);
        int64_t plane = all.height * all.width;
        double largest = 0, difference = 0;
        for (int64_t at = 0; at < plane; at++) {
            double sum = 0;
            for (int64_t channel = 0; channel < all.channels; channel++)
                sum += (double)gradient.gradient[channel * plane + at];
            largest = fmax(largest, fabs(sum));
            difference = fmax(difference, fabs(sum - (double)summed.gradient[at]));
        }
        if (!(difference <= 1e-5 * largest) || largest == 0)
            fail_msg("%s: sums differ by %g of %g", networks[i], difference, largest);
        probe_destroy(&all);
        probe_destroy(&sums);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_feature_gradients), cmocka_unit_test(test_logit_gradients),
                                       cmocka_unit_test(test_pixel_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
