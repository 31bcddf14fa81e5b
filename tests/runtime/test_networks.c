/* Exported networks, run and compared with recorded outputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "onnx/onnx.h"
#include "op/registry.h"
#include "pass/pipeline.h"
#include "runtime/session.h"

/* Largest difference relative to the largest expected element. */
static double compare(const struct tensor *got, const struct tensor *expected)
{
    assert_true(shape_equal(&got->shape, &expected->shape));
    double largest = 0, difference = 0;
    for (int64_t i = 0; i < shape_count(&got->shape); i++) {
        double a = tensor_number(got, i), b = tensor_number(expected, i);
        assert_true(isfinite(a));
        largest = fmax(largest, fabs(b));
        difference = fmax(difference, fabs(a - b));
    }
    return difference / largest;
}

static void run_network(const char *name, int threads, enum cpu_level cpu, bool no_fusion)
{
    struct error error = ERROR_INITIALISER;
    char path[512];
    struct context *context = context_create(&(struct context_options){.threads = threads, .cpu = cpu}, &error);
    assert_non_null(context);
    struct tensor input, expected;
    snprintf(path, sizeof path, "tests/fixtures/%s/test_data_set_0/input_0.pb", name);
    assert_int_equal(tensor_proto_read(context->memory, path, &input, &error), 0);
    snprintf(path, sizeof path, "tests/fixtures/%s/test_data_set_0/output_0.pb", name);
    assert_int_equal(tensor_proto_read(context->memory, path, &expected, &error), 0);
    snprintf(path, sizeof path, "tests/fixtures/%s/model.onnx", name);
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    operators_resolve(model->graph, &error);
    struct shape_binding binding = {.name = "", .shape = input.shape};
    struct pipeline_request request = {.bindings = &binding, .binding_count = 1, .no_fusion = no_fusion};
    struct graph *graph = pipeline_run(model, &request, &error);
    assert_string_equal(error.message, "");
    struct session *session = session_create(graph, &error);
    assert_string_equal(error.message, "");
    for (int run = 0; run < 2; run++) {
        memcpy(session_input(session, 0)->data, input.data, tensor_bytes(&input));
        assert_int_equal(session_run(session, &error), 0);
        double difference = compare(session_output(session, 0), &expected);
        if (!(difference < 5e-5))
            fail_msg("%s: differs by %g of the maximum", name, difference);
    }
    session_destroy(session);
    graph_destroy(graph);
    model_destroy(model);
    tensor_release(context->memory, &input);
    tensor_release(context->memory, &expected);
    assert_int_equal(context_destroy(context), 0);
}

static const char *const networks[] = {"resnet18",         "resnet18_bn",      "resnet18_opset9",
                                       "resnet18_opset11", "resnet18_opset13", "resnet18_odd",
                                       "mobilenet_v2",     "squeezenet",       "vgg"};

static void test_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        run_network(networks[i], 1, CPU_AVX512, false);
        run_network(networks[i], 2, CPU_AVX512, false);
        run_network(networks[i], 1, CPU_AVX512, true);
    }
}

static void test_portable_kernels(void **state)
{
    (void)state;
    run_network("resnet18", 2, CPU_PORTABLE, false);
    run_network("resnet18", 1, CPU_AVX2, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_networks), cmocka_unit_test(test_portable_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
