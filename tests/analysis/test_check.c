/* What is said about model files. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../onnx/written_graph.h"
#include "analysis/check.h"
#include "network_fixture.h"
#include "onnx/onnx.h"
#include "op/known.h"
#include "op/registry.h"
#include "pass/pipeline.h"

/* What is said of a model, each finding as "code: text" in a line. */
static int check_loaded(struct model *model, char *lines, size_t size)
{
    struct error error = ERROR_INITIALISER;
    struct fovea_findings findings = {.storage = arena_create(model->context->memory, &error)};
    operators_resolve(model->graph, &error);
    assert_int_equal(check_model(model, NULL, 0, &findings, &error), 0);
    size_t used = 0;
    lines[0] = 0;
    for (int i = 0; i < findings.count && used < size; i++)
        used += (size_t)snprintf(lines + used, size - used, "%s: %s\n", findings.list[i].code, findings.list[i].text);
    int problems = findings.problems;
    arena_destroy(findings.storage);
    return problems;
}

/* Of a structure fixture. */
static int check_fixture(const char *name, char *lines, size_t size)
{
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", name);
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    int problems = check_loaded(model, lines, size);
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

/* What is said of a written graph (written_graph.h), as above. */
static int check_written(const char *text, char *lines, size_t size)
{
    struct error error = ERROR_INITIALISER;
    struct context *context = make_context();
    const char *path = temporary_path("check.onnx");
    write_text_model(path, text);
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    int problems = check_loaded(model, lines, size);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    return problems;
}

/* Bodies of control flow in functions, that read what the function takes, makes and hands to an inner body. */
static void bodies_in_functions_read_what_is_around(void **state)
{
    (void)state;
    static const char *const sound[] = {
        "def f c b > y{Neg b > k; If c > y then_branch{Add b k > r; out r} else_branch{out k}}; in x; bool c; "
        ".f c x > z; out z",
        "def f n b > y{Neg b > k; Loop n _ b > y body{number i; bool go; in v; Add v b > t; Mul t k > w; Identity go > "
        "on; out on w}}; in x; int n 3; .f n x > z; out z",
        "def f b > y z{Neg b > k; Scan b b > y z body{in s v; Add s v > t; Mul t k > u; Add u b > w; out t w} "
        "num_scan_inputs=1}; in x; .f x > y z; out y",
        "def g c b > y{Loop _ c b > y body{number i; bool go; in v; If go > w then_branch{Add v b > r; out r} "
        "else_branch{out b}; Identity go > on; out on w}}; def f c b > y{Neg b > k; .g c k > y}; in x; bool c; .f c x "
        "> z; "
        "out z",
    };
    char lines[4096];
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        assert_int_equal(check_written(sound[i], lines, sizeof lines), 0);
        assert_string_equal(lines, "");
    }
}

static void outputs_that_always_come_have_names(void **state)
{
    (void)state;
    char lines[4096];
    assert_int_equal(check_written("in x; Dropout x > _ m; Where m x x > y; out y", lines, sizeof lines), 1);
    assert_non_null(strstr(lines, "output 0 has no name"));
    assert_int_equal(check_written("in x; Dropout x > d _; Relu d > y; out y", lines, sizeof lines), 0);
}

/* Attributes by the operators' own tables: those that an operator does not have, and those of a wrong type, in the
 * graph and in bodies of control flow and functions. */
static void attributes_are_checked(void **state)
{
    (void)state;
    char lines[4096];
    assert_int_equal(check_written("in x; Relu x > y slope=3; Relu y > z slope=4; out z", lines, sizeof lines), 0);
    assert_non_null(strstr(lines, "unknown-attribute: Relu of opset 17 has no attribute 'slope'"));
    assert_non_null(strstr(lines, "2 nodes, first"));
    assert_int_equal(check_written("in x; LeakyRelu x > y alpha=1; out y", lines, sizeof lines), 1);
    assert_non_null(strstr(lines, "attribute: "));
    assert_non_null(strstr(lines, "attribute alpha is not a number"));
    assert_int_equal(
        check_written("in x; ReduceMean x > y noop_with_empty_axes=0 keepdims=1; out y", lines, sizeof lines), 0);
    assert_non_null(strstr(lines, "ReduceMean of opset 17 has no attribute 'noop_with_empty_axes'"));
    assert_int_equal(check_written("def f b > y{Relu b > y slope=3}; in x; bool c; If c > y then_branch{.f x > r; out "
                                   "r} else_branch{LeakyRelu x > r alpha=1; out r}; out y",
                                   lines, sizeof lines),
                     1);
    assert_non_null(strstr(lines, "has no attribute 'slope'"));
    assert_non_null(strstr(lines, "attribute alpha is not a number"));
    assert_int_equal(check_written("in x; LeakyRelu x > y; out y", lines, sizeof lines), 0);
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
    struct fovea_findings findings = {.storage = arena_create(context->memory, &error)};
    assert_int_equal(check_model(&model, NULL, 0, &findings, &error), 0);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.problems, 0);
    assert_string_equal(findings.list[0].code, "weight-denormal");
    assert_non_null(strstr(findings.list[0].text, "2 weights hold 3 elements"));
    assert_non_null(strstr(findings.list[0].text, "first 'first'"));
    arena_destroy(findings.storage);
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
    struct fovea_findings findings = {.storage = arena_create(context->memory, &error)};
    assert_int_equal(check_model(&model, NULL, 0, &findings, &error), 0);
    assert_int_equal(findings.count, 4);
    assert_int_equal(findings.problems, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(findings.list[i].code, "weight-not-finite");
    assert_string_equal(findings.list[3].code, "constant-infinite");
    arena_destroy(findings.storage);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

/* A Resize with align_corners by `scale` in a file that `producer` wrote: what is said, and whether the graph that runs
 * spans the cells that are made. */
static bool check_resize(const char *producer, float scale, char *lines, size_t size)
{
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct model model = {.context = context, .path = "test", .graph = graph, .producer_name = producer};
    struct value *x = add_image(graph, 2, 4, 4, &error);
    struct value *scales = random_constant(graph, 1, (int64_t[]){4}, 0, &error);
    for (int i = 0; i < 4; i++)
        ((float *)scales->constant->tensor.data)[i] = i < 2 ? 1 : scale;
    struct value *y = emit(
        graph, "Resize", EMIT_INPUTS(x, NULL, scales),
        EMIT_ATTRIBUTES(EMIT_STRING("mode", "linear"), EMIT_STRING("coordinate_transformation_mode", "align_corners")),
        &error);
    assert_string_equal(error.message, "");
    assert_int_equal(graph_add_output(graph, y, &error), 0);
    check_loaded(&model, lines, size);
    struct graph *running = pipeline_run(&model, &(struct pipeline_request){0}, &error);
    const struct attribute *whole = node_attribute(running->first, "whole_lengths");
    bool result = whole && whole->i;
    graph_destroy(running);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
    return result;
}

static void exporters_that_differ_are_told(void **state)
{
    (void)state;
    char lines[4096];
    assert_false(check_resize("someone", 1.6f, lines, sizeof lines));
    assert_non_null(strstr(lines, "exporters-differ"));
    assert_non_null(strstr(lines, "spans 6.4 cells"));
    assert_non_null(strstr(lines, "the 6 that are made; computed as the reference has it"));
    assert_true(check_resize("pytorch", 1.6f, lines, sizeof lines));
    assert_non_null(strstr(lines, "computed as PyTorch"));
    assert_false(check_resize(NULL, 1.5f, lines, sizeof lines));
    assert_string_equal(lines, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(attributes_are_checked),
                                       cmocka_unit_test(denormal_weights_are_one_note),
                                       cmocka_unit_test(exporters_that_differ_are_told),
                                       cmocka_unit_test(functions_are_looked_into),
                                       cmocka_unit_test(bodies_in_functions_read_what_is_around),
                                       cmocka_unit_test(outputs_that_always_come_have_names),
                                       cmocka_unit_test(masks_may_be_infinite),
                                       cmocka_unit_test(weights_may_not_be_infinite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
