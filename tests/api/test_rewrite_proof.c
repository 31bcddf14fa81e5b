/* Proofs of rewrites whose outputs tell nothing: told at the layers that were changed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../analysis/network_fixture.h"
#include "api/rewrite_proof.h"

enum { SIDE = 13, CHANNELS = 8, STAGES = 2 };

/* How a stage's convolution is written. */
enum writing { AS_IT_WAS, IN_TWO_SUMS, WRONG };
enum ending { VALUES, PLACES, NO_PLACES };

struct network_case {
    enum writing stages[STAGES];
    enum ending ending;
};

struct built {
    struct model model;
    struct error error;
};

static struct value *filter(struct built *built, struct value *x, enum writing writing, int half, uint64_t seed)
{
    const int64_t dims[4] = {CHANNELS, CHANNELS, 3, 3}, pads[4] = {1, 1, 1, 1};
    struct graph *graph = built->model.graph;
    struct value *weights = random_constant(graph, 4, dims, seed, &built->error);
    float *elements = weights->constant->tensor.data;
    for (int64_t i = 0; i < shape_count(&weights->shape); i++) {
        bool first = i / 9 % CHANNELS < CHANNELS / 2;
        elements[i] *= half >= 0 && first != (half == 0) ? 0 : writing == WRONG ? 1.001F : 1;
    }
    return emit(graph, "Conv", EMIT_INPUTS(x, weights), EMIT_ATTRIBUTES(EMIT_INTS("pads", pads, 4)), &built->error);
}

/* A convolution and what makes its rounding the whole result: sin(1e7 x). */
static struct value *add_stage(struct built *built, struct value *x, enum writing writing, int number)
{
    char name[32];
    struct graph *graph = built->model.graph;
    uint64_t seed = (uint64_t)number + 1;
    struct value *made =
        writing == IN_TWO_SUMS
            ? emit(graph, "Add", EMIT_INPUTS(filter(built, x, writing, 0, seed), filter(built, x, writing, 1, seed)),
                   EMIT_NO_ATTRIBUTES, &built->error)
            : filter(built, x, writing, -1, seed);
    snprintf(name, sizeof name, "map_%d", number);
    made = name_value(graph, made, name, &built->error);
    struct value *gain = emit_scalar(graph, DTYPE_FLOAT, 1e7, &built->error);
    made = emit(graph, "Mul", EMIT_INPUTS(made, gain), EMIT_NO_ATTRIBUTES, &built->error);
    made = emit(graph, "Sin", EMIT_INPUTS(made), EMIT_NO_ATTRIBUTES, &built->error);
    snprintf(name, sizeof name, "stage_%d", number);
    return name_value(graph, made, name, &built->error);
}

static void build(struct built *built, struct context *context, const struct network_case *network)
{
    *built = (struct built){.error = ERROR_INITIALISER};
    struct graph *graph = graph_create(context, NULL, "test", &built->error);
    built->model = (struct model){.context = context, .path = "test", .graph = graph};
    struct value *x = add_image(graph, CHANNELS, SIDE, SIDE, &built->error);
    for (int i = 0; i < STAGES; i++)
        x = add_stage(built, x, network->stages[i], i);
    if (network->ending != VALUES) {
        struct value *limit =
            emit_scalar(graph, DTYPE_FLOAT, network->ending == PLACES ? 0 : 2 /* of a sine */, &built->error);
        x = emit(graph, "Greater", EMIT_INPUTS(x, limit), EMIT_NO_ATTRIBUTES, &built->error);
        x = emit(graph, "NonZero", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, &built->error);
        x = name_value(graph, x, "places", &built->error);
    }
    assert_non_null(x);
    assert_int_equal(graph_add_output(graph, x, &built->error), 0);
}

/* The proof of `after` against the network as it was. Returns what rewrite_prove does, the error in *error. */
static int prove(const struct network_case *after, bool exact, struct fovea_proof *proof, struct error *error)
{
    struct context *context = context_create(&(struct context_options){.threads = 1}, error);
    struct network_case before = {.ending = after->ending};
    struct built built[2];
    struct network network;
    build(&built[0], context, &before);
    build(&built[1], context, after);
    assert_int_equal(network_create(&network, &built[1].model, NULL, 0, error), 0);
    struct snapshot *snapshot = snapshot_create(&built[0].model, error);
    assert_non_null(snapshot);
    const struct rewrite_proof request = {snapshot, &built[1].model, &network, NULL, "test", exact};
    int result = rewrite_prove(&request, proof, error);
    snapshot_destroy(snapshot);
    network_release(&network);
    graph_destroy(built[0].model.graph);
    graph_destroy(built[1].model.graph);
    assert_int_equal(context_destroy(context), 0);
    return result;
}

static void equal_outputs_are_enough(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct fovea_proof proof;
    const struct network_case same = {.ending = VALUES};
    assert_int_equal(prove(&same, true, &proof, &error), 0);
    assert_true(!proof.by_layers && proof.largest == 0);
}

/* Another order of summation in one stage, in both (the second reads what amplified the first one's rounding), and
 * where the output is a choice. */
static void amplified_rounding_is_no_change(void **state)
{
    (void)state;
    static const struct network_case cases[] = {{{IN_TWO_SUMS, AS_IT_WAS}, VALUES},
                                                {{AS_IT_WAS, IN_TWO_SUMS}, VALUES},
                                                {{IN_TWO_SUMS, IN_TWO_SUMS}, VALUES},
                                                {{IN_TWO_SUMS, IN_TWO_SUMS}, PLACES}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct fovea_proof proof;
        if (prove(&cases[i], true, &proof, &error))
            fail_msg("case %zu: %s", i, error.message);
        assert_true(proof.by_layers && proof.largest > .01 && proof.layers_largest <= proof.tolerance);
        if (!(proof.layers_largest > 0) || proof.reshaped != (cases[i].ending == PLACES))
            fail_msg("case %zu: %g, reshaped %d", i, proof.layers_largest, proof.reshaped);
        int changed = (cases[i].stages[0] == IN_TWO_SUMS) + (cases[i].stages[1] == IN_TWO_SUMS);
        assert_int_equal(proof.changed_nodes, 3 * changed);
    }
}

/* A weight that is off by a thousandth is found, also where there is no output to show it. */
static void changes_are_found(void **state)
{
    (void)state;
    static const struct network_case cases[] = {{{WRONG, AS_IT_WAS}, VALUES},
                                                {{IN_TWO_SUMS, WRONG}, VALUES},
                                                {{AS_IT_WAS, WRONG}, PLACES},
                                                {{AS_IT_WAS, WRONG}, NO_PLACES}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct fovea_proof proof;
        assert_int_equal(prove(&cases[i], true, &proof, &error), -1);
        assert_int_equal(error.kind, ERROR_INTERNAL);
        const char *map = cases[i].stages[0] == WRONG ? "map_0" : "map_1";
        if (!strstr(error.message, map))
            fail_msg("case %zu: %s", i, error.message);
    }
}

static void empty_outputs_tell_nothing(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct fovea_proof proof;
    const struct network_case kept = {{IN_TWO_SUMS, AS_IT_WAS}, NO_PLACES};
    assert_int_equal(prove(&kept, true, &proof, &error), 0);
    assert_true(proof.by_layers && proof.layers_largest > 0 && !proof.reshaped);
}

/* What moves the function is told, not judged. */
static void other_shapes_are_told(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct fovea_proof proof;
    const struct network_case moved = {{WRONG, AS_IT_WAS}, PLACES};
    assert_int_equal(prove(&moved, false, &proof, &error), 0);
    assert_true(proof.reshaped && isinf(proof.largest) && proof.agreement < 0);
}

/* Networks of 39 G multiply-accumulates: on a smaller input, or, where a constant forbids that, at the convolution. */
static void long_runs_are_avoided(void **state)
{
    (void)state;
    static const char *const networks[] = {"strided_heavy", "strided_heavy_image", "strided_heavy_fixed",
                                           "strided_empty"};
    static const char *const guide = "kernel-padding";
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    for (int i = 0; i < 4; i++) {
        char path[128];
        struct fovea_rewrite result;
        snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", networks[i]);
        struct fovea_model *model = fovea_model_load(fovea, path, &error);
        if (!model || fovea_rewrite(model, &(struct fovea_rewrite_options){.apply = &guide, .apply_count = 1}, NULL,
                                    &result, &error))
            fail_msg("%s: %s", networks[i], error.message);
        const struct fovea_proof *proof = &result.proofs[0];
        assert_true(proof->exact && proof->by_layers == (i > 1) && proof->without_outputs == (i == 2));
        assert_int_equal(proof->size[0], i < 2 ? 576 : 0);
        assert_int_equal(proof->size[1], i < 2 ? 576 : 0);
        assert_int_equal(proof->changed_nodes, i > 1);
        fovea_rewrite_free(&result);
        fovea_model_free(model);
    }
    assert_int_equal(fovea_close(fovea), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_outputs_are_enough), cmocka_unit_test(amplified_rounding_is_no_change),
        cmocka_unit_test(changes_are_found),        cmocka_unit_test(empty_outputs_tell_nothing),
        cmocka_unit_test(other_shapes_are_told),    cmocka_unit_test(long_runs_are_avoided)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
