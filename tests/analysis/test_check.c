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
    assert_non_null(strstr(lines, "lacks output 0, which Dropout of opset 17 always gives"));
    assert_int_equal(check_written("in x; Dropout x > d _; Relu d > y; out y", lines, sizeof lines), 0);
}

/* Attributes by the operators' own tables: those that an operator does not have, and those of a wrong type, in the
 * graph and in bodies of control flow and functions. */
static void attributes_are_checked(void **state)
{
    (void)state;
    char lines[4096];
    assert_int_equal(check_written("in x; Relu x > y slope=3; Relu y > z slope=4; out z", lines, sizeof lines), 1);
    assert_non_null(strstr(lines, "unknown-attribute: Relu of opset 17 has no attribute 'slope'"));
    assert_non_null(strstr(lines, "2 nodes, first"));
    assert_int_equal(check_written("in x; LeakyRelu x > y alpha=1; out y", lines, sizeof lines), 1);
    assert_non_null(strstr(lines, "attribute: "));
    assert_non_null(strstr(lines, "attribute alpha is not a number"));
    assert_int_equal(
        check_written("in x; ReduceMean x > y noop_with_empty_axes=0 keepdims=1; out y", lines, sizeof lines), 1);
    assert_non_null(strstr(lines, "ReduceMean of opset 17 has no attribute 'noop_with_empty_axes'"));
    assert_int_equal(check_written("def f b > y{Relu b > y slope=3}; in x; bool c; If c > y then_branch{.f x > r; out "
                                   "r} else_branch{LeakyRelu x > r alpha=1; out r}; out y",
                                   lines, sizeof lines),
                     2);
    assert_non_null(strstr(lines, "has no attribute 'slope'"));
    assert_non_null(strstr(lines, "attribute alpha is not a number"));
    assert_int_equal(check_written("in x; LeakyRelu x > y; out y", lines, sizeof lines), 0);
    assert_string_equal(lines, "");
}

/* Each graph gives exactly one finding, of this code, which holds this text. */
static const struct {
    const char *graph, *finding;
} single[] = {
    /* attributes of other opsets, by the operators' tables */
    {"in x; LeakyRelu x > y alpha=1; out y", "attribute: LeakyRelu that makes 'y': attribute alpha is not a number"},
    {"in x; Clip x > y max=6.0; out y",
     "attribute-opset: Clip of opset 17 has no attribute 'max': since opset 11 it is an "
     "input: other runtimes refuse it as an attribute; make it a constant input, or "
     "export with opset 10; 1 node, first Clip"},
    {"in x; Dropout x > y ratio=0.5; out y",
     "attribute-opset: Dropout of opset 17 has no attribute 'ratio': since opset 12"},
    {"in x; Upsample x > y; out y", "ended-operator"},
    {"in x; ReduceMean x > y noop_with_empty_axes=0 keepdims=1; Add x y > z; out z", "it came with opset 18"},
    {"in x; Relu x > y slope=3; out y", "unknown-attribute: Relu of opset 17 has no attribute 'slope': other runtimes"},
    {"in x; Shape x > p; Concat p p > w axis=0; Pad x w > y mode=\"mirror\"; out y",
     "attribute: Pad that makes 'y': attribute mode is 'mirror'"},
    {"in x; Concat x x > y; out y", "attribute: Concat that makes 'y': attribute axis is missing"},
    /* operands by opset */
    {"in x; Relu x x > y; out y", "operands: Relu that makes 'y': has 2 inputs; Relu of opset 17 takes at most 1"},
    {"opset 12; in x; int a 0; ReduceSum x a > r; Add x r > y; out y",
     "operands: ReduceSum that makes 'r': has 2 inputs; ReduceSum "
     "of opset 12 takes at most 1 (so many since opset 13)"},
    {"in x; Add x > y; out y", "operands: Add that makes 'y': lacks input 1, which Add of opset 17 always takes"},
    {"in x; Relu x > y z; out y", "operands: Relu that makes 'y': has 2 outputs; Relu of opset 17 gives at most 1"},
    {"in x; bool c; If c > y then_branch{Relu x x > r; out r} else_branch{out x}; out y",
     "operands: Relu that makes 'r': has 2 inputs"},
    /* types by opset */
    {"in x w:double; Add x w > y; out y",
     "type: Add that makes 'y': input 0, 'x', is float, input 1, 'w', is double, and Add takes both of one type"},
    {"in x:int8; Sigmoid x > y; out y:int8",
     "type: Sigmoid that makes 'y': input 0, 'x', is int8; Sigmoid of opset 17 takes"},
    {"opset 13; in x:int8; Add x x > y; out y:int8",
     "type: Add that makes 'y': input 0, 'x', is int8, which Add takes there since opset 14 only"},
    {"bool x; Add x x > y; out y",
     "type: Add that makes 'y': input 0, 'x', is bool; Add of opset 17 takes other types"},
    /* what the file declares */
    {"in x; Relu x > y; out y:int64",
     "declared-type: 'y' is computed as float, which is not what the file declares, int64"},
    {"in x; Relu x > y; Neg y > z; info y:double; out z", "declared-type: 'y' is computed as float"},
    {"in x; Unsqueeze x a > y; int a 0; Neg y > z; info y; out z", "declared-shape: 'y' is computed as 1x4"},
    /* names, order, outputs */
    {"in x; Relu x > y; Neg y > z; out z z", "output-twice: output 'z' is listed twice"},
    {"in x; Neg y > z; Relu x > y; out z", "order: 1 node stands in front of what it reads: fovea sorts them"},
    {"in x w; Relu x > y; out y", "unused-input: 1 input that nobody reads, first 'w'"},
    {"in x; Relu x > y; out y x", "passed-through: output 'x' is an input"},
    {"in x; bool c; Relu x > t; If c > y then_branch{Neg t > t; out t} else_branch{out t}; out y",
     "name: Neg that makes 't'"},
    {"", "no-outputs: the model has no outputs"},
    /* operators and operator sets */
    {"opset 13; in x; Upsample x x > y; out y", "ended-operator: Upsample that makes 'y': Upsample ended with opset 9"},
    {"opset 99; in x; Relu x > y; out y", "new-opset: the model is written for opset 99"},
    {"opset 6; in x; Add x x > y; Mul y y > z; out z", "old-opset: the model is written for opset 6; fovea reads 7 to"},
    /* what is worth knowing */
    {"in x; true t; Dropout x _ t > y; out y", "unsteady: Dropout that makes 'y' drops elements at random, as in"},
    {"in x; bool t; Dropout x _ t > y; out y", "at random where its input 2 says so"},
    {"in x; RandomNormalLike x > r; Add x r > y; out y",
     "unsteady: RandomNormalLike that makes 'r' draws random numbers"},
    {"in x; Shape x > p; Concat p p > w axis=0; Pad x w > y mode=\"reflect\"; ReduceMean y > m; Add x m > z; out z",
     "runtimes-differ: Pad that makes 'y' reflects 4 cells at axis 0, which has 4"},
    {"in x; Shape x > s; int one 1; Sub s one > p; Concat p p > w axis=0; Pad x w > y mode=\"reflect\"; ReduceMean y > "
     "m; Add x m > z; out z",
     ""},
    {"in x; DynamicQuantizeLinear x > q s z; DequantizeLinear q s z > y; out y",
     "runtimes-differ: DynamicQuantizeLinear that makes 'q' rounds to steps"},
    {"in x; init w; DynamicQuantizeLinear w > q s z; DequantizeLinear q s z > v; Add x v > y; out y", ""},
    {"opset 6; in x; Relu x > y; out y", ""}, /* means the same at opset 7 */
    {"in x; Clip x > y; out y", ""},
};

static void findings_are_single(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        char lines[4096], *end;
        check_written(single[i].graph, lines, sizeof lines);
        end = strchr(lines, '\n');
        if (!strstr(lines, single[i].finding) || (end && end[1]) || !single[i].finding[0] != !lines[0])
            fail_msg("%s gave \"%s\", expected \"%s\"", single[i].graph, lines, single[i].finding);
    }
}

/* Remarks read inputs and attributes, which may not be there. */
static void what_lacks_operands_is_told(void **state)
{
    (void)state;
    char lines[4096];
    assert_true(check_written("in x; Shape x > p; Pad _ p > y mode=\"reflect\"; out y", lines, sizeof lines) > 0);
    assert_non_null(strstr(lines, "operands: Pad that makes 'y': lacks input 0"));
    assert_true(check_written("in x; NonZero x > i; SequenceMap i > y; out y", lines, sizeof lines) > 0);
    assert_non_null(strstr(lines, "attribute body is missing"));
}

static void denormal_weights_are_one_note(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct model model = {.context = context, .path = "test", .ir_version = 8, .graph = graph};
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
    struct model model = {.context = context, .path = "test", .ir_version = 8, .graph = graph};
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
    struct model model = {
        .context = context, .path = "test", .ir_version = 8, .graph = graph, .producer_name = producer};
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
                                       cmocka_unit_test(findings_are_single),
                                       cmocka_unit_test(what_lacks_operands_is_told),
                                       cmocka_unit_test(denormal_weights_are_one_note),
                                       cmocka_unit_test(exporters_that_differ_are_told),
                                       cmocka_unit_test(functions_are_looked_into),
                                       cmocka_unit_test(bodies_in_functions_read_what_is_around),
                                       cmocka_unit_test(outputs_that_always_come_have_names),
                                       cmocka_unit_test(masks_may_be_infinite),
                                       cmocka_unit_test(weights_may_not_be_infinite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
