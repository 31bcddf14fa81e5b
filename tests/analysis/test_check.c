/* What is said about model files. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "analysis/check.h"
#include "network_fixture.h"
#include "onnx/onnx.h"
#include "op/known.h"
#include "op/registry.h"

/* What is said of a structure fixture, each finding as "code: text" in a line. */
static int check_fixture(const char *name, char *lines, size_t size)
{
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", name);
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    operators_resolve(model->graph, &error);
    struct finding_list findings = {.arena = arena_create(context->memory, &error)};
    assert_int_equal(check_model(model, NULL, 0, &findings, &error), 0);
    size_t used = 0;
    lines[0] = 0;
    for (size_t i = 0; i < findings.count && used < size; i++)
        used += (size_t)snprintf(lines + used, size - used, "%s: %s\n", findings.list[i].code, findings.list[i].text);
    int problems = findings.problems;
    arena_destroy(findings.arena);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    return problems;
}

static void functions_are_looked_into(void **state)
{
    (void)state;
    char lines[4096];
    assert_int_equal(check_fixture("odd_functions", lines, sizeof lines), 0);
    assert_string_equal(lines, "");
}

static void denormal_weights_are_one_note(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct model model = {.context = context, .path = "test", .graph = graph};
    struct value *y = add_image(graph, 2, 3, 3, &error);
    const char *const names[3] = {"clean", "first", "second"};
    for (int i = 0; i < 3; i++) {
        struct value *w = random_constant(graph, 4, (int64_t[]){1, 2, 1, 1}, (uint64_t)i, &error);
        w->name = names[i];
        for (int k = 0; k < i; k++)
            ((float *)w->constant->tensor.data)[k] = 1e-40f;
        y = emit(graph, "Add", EMIT_INPUTS(y, w), NULL, 0, &error);
    }
    assert_int_equal(graph_add_output(graph, y, &error), 0);
    struct finding_list findings = {.arena = arena_create(context->memory, &error)};
    assert_int_equal(check_model(&model, NULL, 0, &findings, &error), 0);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.problems, 0);
    assert_string_equal(findings.list[0].code, "weight-denormal");
    assert_non_null(strstr(findings.list[0].text, "2 weights hold 3 elements"));
    assert_non_null(strstr(findings.list[0].text, "first 'first'"));
    arena_destroy(findings.arena);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

static void masks_may_be_infinite(void **state)
{
    (void)state;
    char lines[4096];
    assert_int_equal(check_fixture("vit_causal_mask", lines, sizeof lines), 0);
    assert_non_null(strstr(lines, "constant-infinite: 'mask' holds 136 infinite elements"));
}

/* Behind a Reshape and a product, as a bias, and not a number anywhere. */
static void weights_may_not_be_infinite(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct model model = {.context = context, .path = "test", .graph = graph};
    const float odd[4] = {-INFINITY, INFINITY, NAN, -INFINITY};
    struct value *x = add_image(graph, 2, 3, 3, &error), *constants[4];
    const int64_t shape[4][4] = {{6}, {2}, {2}, {2}};
    for (int i = 0; i < 4; i++) {
        constants[i] = random_constant(graph, 1, shape[i], (uint64_t)i, &error);
        ((float *)constants[i]->constant->tensor.data)[1] = odd[i];
    }
    struct value *w = emit_reshape(graph, constants[0], 2, (int64_t[]){3, 2}, &error);
    struct value *y = emit(graph, "MatMul", EMIT_INPUTS(x, w), NULL, 0, &error);
    y = emit(graph, "Add", EMIT_INPUTS(constants[1], y), NULL, 0, &error);
    y = emit(graph, "Mul", EMIT_INPUTS(y, constants[2]), NULL, 0, &error);
    y = emit(graph, "Max", EMIT_INPUTS(y, constants[3]), NULL, 0, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(graph_add_output(graph, y, &error), 0);
    struct finding_list findings = {.arena = arena_create(context->memory, &error)};
    assert_int_equal(check_model(&model, NULL, 0, &findings, &error), 0);
    assert_int_equal(findings.count, 4);
    assert_int_equal(findings.problems, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(findings.list[i].code, "weight-not-finite");
    assert_string_equal(findings.list[3].code, "constant-infinite");
    arena_destroy(findings.arena);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denormal_weights_are_one_note), cmocka_unit_test(functions_are_looked_into),
        cmocka_unit_test(masks_may_be_infinite), cmocka_unit_test(weights_may_not_be_infinite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
