/* What exporters write out is recognised: each formula becomes its one operator and gives the same numbers as with
 * fusion off; what only looks like it stays as it is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/registry.h"
#include "pass/pipeline.h"
#include "runtime/session.h"

/* A graph under construction: every step returns NULL after the first failure. */
struct build {
    struct graph *graph;
    struct error *error;
};

#define CONSTANT_SEED 11

static struct value *number(struct build *build, double value)
{
    return emit_scalar(build->graph, DTYPE_FLOAT, value, build->error);
}

/* A constant of random numbers around `mean`. */
static struct value *constant(struct build *build, double mean, int rank, const int64_t *dims)
{
    struct shape shape = {.rank = rank};
    struct random random = {.seed = CONSTANT_SEED};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    struct value *value = emit_filled(build->graph, DTYPE_FLOAT, &shape, 0, build->error);
    float *elements = value->constant->tensor.data;
    for (int64_t i = 0; i < shape_count(&shape); i++)
        elements[i] = (float)(mean + random_uniform(&random) - 0.5);
    return value;
}
#define CONSTANT(build_, mean_, ...)                                                                                   \
    constant((build_), (mean_), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static struct value *unary(struct build *build, const char *op_type, struct value *x)
{
    return x ? emit(build->graph, op_type, EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, build->error) : NULL;
}

static struct value *binary(struct build *build, const char *op_type, struct value *a, struct value *b)
{
    return a && b ? emit(build->graph, op_type, EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, build->error) : NULL;
}

static struct value *transpose(struct build *build, struct value *x, int rank, const int64_t *perm)
{
    return x ? emit(build->graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", perm, rank)),
                    build->error)
             : NULL;
}

static struct value *reshape(struct build *build, struct value *x, int rank, const int64_t *dims)
{
    return x ? emit_reshape(build->graph, x, rank, dims, build->error) : NULL;
}

static struct value *mean(struct build *build, struct value *x, int64_t axis)
{
    struct value *axes = emit_int_list(build->graph, &axis, 1, build->error);
    return x && axes ? emit(build->graph, "ReduceMean", EMIT_INPUTS(x, axes), EMIT_NO_ATTRIBUTES, build->error) : NULL;
}

static struct value *softmax(struct build *build, struct value *x, int64_t axis)
{
    return x ? emit(build->graph, "Softmax", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), build->error)
             : NULL;
}

/* ---- activations of x [2, 6, 8] ---- */

static struct value *gelu_divided(struct build *b, struct value *x)
{
    struct value *erf = unary(b, "Erf", binary(b, "Div", x, number(b, sqrt(2))));
    return binary(b, "Mul", binary(b, "Mul", x, binary(b, "Add", erf, number(b, 1))), number(b, 0.5));
}

static struct value *gelu_halved_first(struct build *b, struct value *x)
{
    struct value *erf = unary(b, "Erf", binary(b, "Mul", number(b, 0.70710678), x));
    return binary(b, "Mul", binary(b, "Add", number(b, 1), erf), binary(b, "Mul", number(b, 0.5), x));
}

static struct value *tanh_form(struct build *b, struct value *x, struct value *cube)
{
    struct value *cubic = binary(b, "Add", x, binary(b, "Mul", cube, number(b, 0.044715)));
    struct value *tanh = unary(b, "Tanh", binary(b, "Mul", cubic, number(b, 0.7978845608)));
    return binary(b, "Mul", binary(b, "Mul", x, number(b, 0.5)), binary(b, "Add", tanh, number(b, 1)));
}

static struct value *gelu_tanh_power(struct build *b, struct value *x)
{
    return tanh_form(b, x, binary(b, "Pow", x, number(b, 3)));
}

static struct value *gelu_tanh_products(struct build *b, struct value *x)
{
    return tanh_form(b, x, binary(b, "Mul", binary(b, "Mul", x, x), x));
}

static struct value *gelu_of_another_factor(struct build *b, struct value *x)
{
    struct value *erf = unary(b, "Erf", binary(b, "Div", x, number(b, 1.5)));
    return binary(b, "Mul", binary(b, "Mul", x, binary(b, "Add", erf, number(b, 1))), number(b, 0.5));
}

static struct value *quick_gelu(struct build *b, struct value *x)
{
    return binary(b, "Mul", unary(b, "Sigmoid", binary(b, "Mul", x, number(b, 1.702))), x);
}

static struct value *hard_swish_clipped(struct build *b, struct value *x)
{
    struct value *shifted = binary(b, "Add", x, number(b, 3)), *low = number(b, 0), *high = number(b, 6);
    struct value *clipped = emit(b->graph, "Clip", EMIT_INPUTS(shifted, low, high), EMIT_NO_ATTRIBUTES, b->error);
    return binary(b, "Div", binary(b, "Mul", x, clipped), number(b, 6));
}

static struct value *hard_swish(struct build *b, struct value *x)
{
    struct value *gate = emit(b->graph, "HardSigmoid", EMIT_INPUTS(x),
                              EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", 1.0f / 6), EMIT_FLOAT("beta", 0.5f)), b->error);
    return gate ? binary(b, "Mul", x, gate) : NULL;
}

static struct value *other_hard_sigmoid(struct build *b, struct value *x)
{
    return binary(b, "Mul", x, unary(b, "HardSigmoid", x)); /* alpha is 0.2 */
}

/* ---- normalisations of x [2, 6, 8] ---- */

static struct value *layer_norm_root(struct build *b, struct value *x, int64_t axis)
{
    struct value *d = binary(b, "Sub", x, mean(b, x, axis));
    struct value *variance = mean(b, binary(b, "Pow", d, number(b, 2)), axis);
    return binary(b, "Div", d, unary(b, "Sqrt", binary(b, "Add", variance, number(b, 1e-5))));
}

static struct value *layer_norm(struct build *b, struct value *x)
{
    struct value *y = binary(b, "Mul", layer_norm_root(b, x, -1), CONSTANT(b, 1, 8));
    return binary(b, "Add", y, CONSTANT(b, 0, 8));
}

static struct value *layer_norm_plain(struct build *b, struct value *x)
{
    return unary(b, "Relu", layer_norm_root(b, x, 2));
}

static struct value *layer_norm_reciprocal(struct build *b, struct value *x)
{
    struct value *m = mean(b, x, -1), *d = binary(b, "Sub", x, m), *e = binary(b, "Sub", x, m);
    struct value *root = unary(b, "Sqrt", binary(b, "Add", number(b, 1e-6), mean(b, binary(b, "Mul", d, d), -1)));
    struct value *y = binary(b, "Mul", e, unary(b, "Reciprocal", root));
    return binary(b, "Add", binary(b, "Mul", CONSTANT(b, 1, 1, 1, 8), y), CONSTANT(b, 0, 8));
}

/* x f + (bias - m f), f = scale / sqrt(variance + epsilon), in TensorFlow's order; m is the mean of `of`. */
static struct value *shifted(struct build *b, struct value *x, struct value *of, bool affine)
{
    struct value *m = mean(b, of, -1), *d = binary(b, "Sub", x, m);
    struct value *root = unary(b, "Sqrt", binary(b, "Add", mean(b, binary(b, "Mul", d, d), -1), number(b, 1e-6)));
    struct value *factor = unary(b, "Reciprocal", root);
    factor = affine ? binary(b, "Mul", factor, CONSTANT(b, 1, 8)) : factor;
    struct value *moved = binary(b, "Mul", m, factor);
    moved = affine ? binary(b, "Sub", CONSTANT(b, 0, 8), moved) : unary(b, "Neg", moved);
    return binary(b, "Add", binary(b, "Mul", x, factor), moved);
}

static struct value *layer_norm_shifted(struct build *b, struct value *x)
{
    return shifted(b, x, x, true);
}

static struct value *layer_norm_shifted_plain(struct build *b, struct value *x)
{
    return unary(b, "Relu", shifted(b, x, x, false));
}

static struct value *shifted_by_another_mean(struct build *b, struct value *x)
{
    return shifted(b, x, unary(b, "Relu", x), true);
}

/* Reduced over all axes but the channels of [1, C, ...]. */
static struct value *channels_reduced(struct build *b, const char *op_type, struct value *x)
{
    const int64_t axes[3] = {0, 2, 3};
    struct value *list = emit_int_list(b->graph, axes, 3, b->error);
    return x && list ? emit(b->graph, op_type, EMIT_INPUTS(x, list), EMIT_NO_ATTRIBUTES, b->error) : NULL;
}

/* Rows as channels of one image, normalised by the statistics that are computed of `of`. */
static struct value *batch_statistics(struct build *b, struct value *x, bool of_itself)
{
    const int64_t rows[4] = {1, 12, 8, 1}, channels[1] = {12}, back[3] = {2, 6, 8};
    const struct shape shape = {.rank = 1, .dims = {channels[0]}};
    struct value *one = emit_filled(b->graph, DTYPE_FLOAT, &shape, 1, b->error);
    struct value *zero = emit_filled(b->graph, DTYPE_FLOAT, &shape, 0, b->error), *y = reshape(b, x, 4, rows);
    struct value *m = channels_reduced(b, "ReduceMean", of_itself ? y : unary(b, "Relu", y));
    struct value *squares = channels_reduced(b, "ReduceSumSquare", binary(b, "Sub", y, m));
    struct value *variance = reshape(b, binary(b, "Div", squares, number(b, 8)), 1, channels);
    m = reshape(b, m, 1, channels);
    if (!one || !zero || !m || !variance)
        return NULL;
    y = emit(b->graph, "BatchNormalization", EMIT_INPUTS(y, one, zero, m, variance),
             EMIT_ATTRIBUTES(EMIT_FLOAT("epsilon", 1e-3f)), b->error);
    return reshape(b, y, 3, back);
}

static struct value *layer_norm_of_batch_statistics(struct build *b, struct value *x)
{
    return batch_statistics(b, x, true);
}

static struct value *batch_statistics_of_another(struct build *b, struct value *x)
{
    return batch_statistics(b, x, false);
}

static struct value *middle_axis_norm(struct build *b, struct value *x)
{
    return layer_norm_root(b, x, 1);
}

static struct value *rms_norm(struct build *b, struct value *x)
{
    struct value *sum = binary(b, "Add", mean(b, binary(b, "Mul", x, x), -1), number(b, 1e-5));
    return binary(b, "Mul", CONSTANT(b, 1, 8), binary(b, "Mul", x, binary(b, "Pow", sum, number(b, -0.5))));
}

static struct value *group_norm_instances(struct build *b, struct value *x)
{
    const int64_t split[3] = {2, 3, 16}, joined[3] = {2, 6, 8}, groups[1] = {3};
    struct shape shape = {.rank = 1, .dims = {groups[0]}};
    struct value *one = emit_filled(b->graph, DTYPE_FLOAT, &shape, 1, b->error);
    struct value *zero = emit_filled(b->graph, DTYPE_FLOAT, &shape, 0, b->error), *parts = reshape(b, x, 3, split);
    struct value *y =
        emit(b->graph, "InstanceNormalization", EMIT_INPUTS(parts, one, zero), EMIT_NO_ATTRIBUTES, b->error);
    y = binary(b, "Mul", reshape(b, y, 3, joined), CONSTANT(b, 1, 6, 1));
    return binary(b, "Add", y, CONSTANT(b, 0, 6, 1));
}

static struct value *group_norm_written_out(struct build *b, struct value *x)
{
    const int64_t split[3] = {2, 2, 24}, joined[3] = {2, 6, 8};
    struct value *y = layer_norm_root(b, reshape(b, x, 3, split), 2);
    y = binary(b, "Mul", reshape(b, y, 3, joined), CONSTANT(b, 1, 6, 1));
    return binary(b, "Add", y, CONSTANT(b, 0, 6, 1));
}

/* ---- attention of x [2, 6, 8]: 2 batches, 6 tokens, 2 heads of 4 ---- */

static struct value *head(struct build *b, struct value *x, double shift)
{
    const int64_t split[4] = {2, 6, 2, 4}, perm[4] = {0, 2, 1, 3};
    struct value *projected = binary(b, "MatMul", x, CONSTANT(b, shift, 8, 8));
    return transpose(b, reshape(b, projected, 4, split), 4, perm);
}

static struct value *exchanged(struct build *b, struct value *x)
{
    const int64_t perm[4] = {0, 1, 3, 2};
    return transpose(b, x, 4, perm);
}

static struct value *attention_divided(struct build *b, struct value *x)
{
    struct value *scores = binary(b, "MatMul", head(b, x, 0), exchanged(b, head(b, x, 0.1)));
    return binary(b, "MatMul", softmax(b, binary(b, "Div", scores, number(b, 2)), -1), head(b, x, 0.2));
}

static struct value *attention_biased(struct build *b, struct value *x)
{
    struct value *q = binary(b, "Mul", head(b, x, 0), number(b, 0.7)), *k = exchanged(b, head(b, x, 0.1));
    struct value *scores = binary(b, "MatMul", q, binary(b, "Mul", k, number(b, 0.7)));
    scores = binary(b, "Add", CONSTANT(b, 0, 1, 2, 6, 6), scores);
    return binary(b, "MatMul", softmax(b, scores, 3), head(b, x, 0.2));
}

/* What all keys have in common: one number, and one for each query. */
static struct value *attention_biased_alike(struct build *b, struct value *x)
{
    struct value *scores = binary(b, "MatMul", head(b, x, 0), exchanged(b, head(b, x, 0.1)));
    scores = binary(b, "Add", binary(b, "Add", scores, number(b, 0.5)), CONSTANT(b, 0, 6, 1));
    return binary(b, "MatMul", softmax(b, scores, 3), head(b, x, 0.2));
}

/* A bias per head, then one per window with the batch split in two: as Swin's shifted windows. */
static struct value *attention_windowed(struct build *b, struct value *x)
{
    const int64_t split[5] = {1, 2, 2, 6, 6}, joined[4] = {2, 2, 6, 6};
    struct value *scores = binary(b, "MatMul", head(b, x, 0), exchanged(b, head(b, x, 0.1)));
    scores = reshape(b, binary(b, "Add", scores, CONSTANT(b, 0, 2, 6, 6)), 5, split);
    scores = reshape(b, binary(b, "Add", scores, CONSTANT(b, 0.5, 1, 2, 1, 6, 6)), 4, joined);
    return binary(b, "MatMul", softmax(b, scores, -1), head(b, x, 0.2));
}

static struct value *attention_of_three_axes(struct build *b, struct value *x)
{
    const int64_t perm[3] = {0, 2, 1};
    struct value *k = transpose(b, binary(b, "MatMul", x, CONSTANT(b, 0.1, 8, 8)), 3, perm);
    struct value *scores = binary(b, "MatMul", binary(b, "Mul", x, number(b, 0.3)), k);
    return binary(b, "MatMul", softmax(b, scores, -1), x);
}

/* Keys times queries, turned: what an Einsum of keys and queries comes to. */
static struct value *attention_of_keys(struct build *b, struct value *x)
{
    struct value *q = exchanged(b, binary(b, "Mul", head(b, x, 0), number(b, 0.7)));
    struct value *scores = exchanged(b, binary(b, "MatMul", head(b, x, 0.1), q));
    scores = binary(b, "Add", scores, CONSTANT(b, 0, 1, 2, 6, 6));
    return binary(b, "MatMul", softmax(b, scores, 3), head(b, x, 0.2));
}

/* Its queries come with their columns in front. */
static struct value *attention_of_turned_queries(struct build *b, struct value *x)
{
    const int64_t split[4] = {2, 6, 2, 4}, perm[4] = {0, 2, 3, 1};
    struct value *q = reshape(b, binary(b, "MatMul", x, CONSTANT(b, 0, 8, 8)), 4, split);
    struct value *scores = exchanged(b, binary(b, "MatMul", head(b, x, 0.1), transpose(b, q, 4, perm)));
    scores = binary(b, "Add", scores, CONSTANT(b, 0, 2, 6, 6));
    return binary(b, "MatMul", softmax(b, scores, 3), head(b, x, 0.2));
}

static struct value *biased_before_the_turn(struct build *b, struct value *x)
{
    struct value *scores = binary(b, "MatMul", head(b, x, 0.1), exchanged(b, head(b, x, 0)));
    scores = exchanged(b, binary(b, "Add", scores, CONSTANT(b, 0, 2, 6, 6)));
    return binary(b, "MatMul", softmax(b, scores, 3), head(b, x, 0.2));
}

static struct value *attention_over_queries(struct build *b, struct value *x)
{
    struct value *scores = binary(b, "MatMul", head(b, x, 0), exchanged(b, head(b, x, 0.1)));
    return binary(b, "MatMul", softmax(b, scores, 2), head(b, x, 0.2)); /* the wrong axis */
}

static struct value *scaled_after_the_bias(struct build *b, struct value *x)
{
    struct value *scores = binary(b, "MatMul", head(b, x, 0), exchanged(b, head(b, x, 0.1)));
    scores = binary(b, "Mul", binary(b, "Add", scores, CONSTANT(b, 0, 2, 6, 6)), number(b, 0.5));
    return binary(b, "MatMul", softmax(b, scores, -1), head(b, x, 0.2));
}

/* ---- others ---- */

static struct value *slice(struct build *b, struct value *x, int64_t begin, int64_t end)
{
    const int64_t axis = 1;
    struct value *starts = emit_int_list(b->graph, &begin, 1, b->error);
    struct value *ends = emit_int_list(b->graph, &end, 1, b->error),
                 *axes = emit_int_list(b->graph, &axis, 1, b->error);
    return emit(b->graph, "Slice", EMIT_INPUTS(x, starts, ends, axes), EMIT_NO_ATTRIBUTES, b->error);
}

static struct value *joined(struct build *b, struct value *first, struct value *second)
{
    return first && second
               ? emit(b->graph, "Concat", EMIT_INPUTS(first, second), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), b->error)
               : NULL;
}

static struct value *rolled(struct build *b, struct value *x)
{
    return joined(b, slice(b, x, 2, INT64_MAX), slice(b, x, 0, 2));
}

static struct value *rolled_with_a_gap(struct build *b, struct value *x)
{
    return joined(b, slice(b, x, 3, INT64_MAX), slice(b, x, 0, 2));
}

static struct value *linear(struct build *b, struct value *x)
{
    struct value *y = binary(b, "Add", CONSTANT(b, 0, 5), binary(b, "MatMul", x, CONSTANT(b, 0, 8, 5)));
    return binary(b, "Add", unary(b, "Relu", y), binary(b, "MatMul", x, CONSTANT(b, 0.1, 8, 5)));
}

static struct value *views(struct build *b, struct value *x)
{
    const int64_t flat[2] = {12, 8}, back[3] = {2, 6, 8}, perm[3] = {0, 2, 1};
    struct value *y = reshape(b, reshape(b, x, 2, flat), 3, back);
    return unary(b, "Relu", transpose(b, transpose(b, unary(b, "Identity", y), 3, perm), 3, perm));
}

static const struct recognition {
    const char *name;
    struct value *(*make)(struct build *build, struct value *x);
    const char *op_type; /* must be there; with "!" in front: must not */
    int most_nodes;      /* of the lowered graph */
} recognitions[] = {
    {"gelu, divided", gelu_divided, "Gelu", 1},
    {"gelu, halved first", gelu_halved_first, "Gelu", 1},
    {"gelu by tanh and power", gelu_tanh_power, "Gelu", 1},
    {"gelu by tanh and products", gelu_tanh_products, "Gelu", 1},
    {"gelu of another factor", gelu_of_another_factor, "!Gelu", 9},
    {"quick gelu", quick_gelu, "Swish", 1},
    {"hard swish by clip", hard_swish_clipped, "HardSwish", 1},
    {"hard swish", hard_swish, "HardSwish", 1},
    {"another hard sigmoid", other_hard_sigmoid, "!HardSwish", 2},
    {"layer norm", layer_norm, "LayerNormalization", 1},
    {"layer norm without scale", layer_norm_plain, "LayerNormalization", 2},
    {"layer norm by reciprocal", layer_norm_reciprocal, "LayerNormalization", 1},
    {"norm over a middle axis", middle_axis_norm, "!LayerNormalization", 9},
    {"rms norm", rms_norm, "RMSNormalization", 1},
    {"group norm by instances", group_norm_instances, "GroupNormalization", 1},
    {"group norm written out", group_norm_written_out, "GroupNormalization", 1},
    {"layer norm shifted", layer_norm_shifted, "LayerNormalization", 1},
    {"layer norm shifted, plain", layer_norm_shifted_plain, "LayerNormalization", 2},
    {"batch statistics", layer_norm_of_batch_statistics, "LayerNormalization", 4},
    {"batch statistics of another", batch_statistics_of_another, "!LayerNormalization", 10},
    {"shifted by another mean", shifted_by_another_mean, "!LayerNormalization", 13},
    {"attention, divided", attention_divided, "Attention", 10},
    {"attention with bias", attention_biased, "Attention", 10},
    {"attention biased alike", attention_biased_alike, "Attention", 10},
    {"attention in windows", attention_windowed, "Attention", 10},
    {"attention of three axes", attention_of_three_axes, "Attention", 6},
    {"attention of keys", attention_of_keys, "Attention", 11},
    {"attention of turned queries", attention_of_turned_queries, "Attention", 11},
    {"biased before the turn", biased_before_the_turn, "!Attention", 17},
    {"softmax over queries", attention_over_queries, "!Attention", 14},
    {"scaled after the bias", scaled_after_the_bias, "!Attention", 16},
    {"roll", rolled, "Roll", 1},
    {"roll with a gap", rolled_with_a_gap, "!Roll", 3},
    {"linear", linear, "Linear", 2},
    {"views", views, "!Reshape", 1},
};

/* Runs the graph; its result in out, the number of nodes and whether `op_type` is among them. */
static int run_once(const struct model *model, bool no_fusion, const char *op_type, float *out, int *nodes, bool *found)
{
    struct error error = ERROR_INITIALISER;
    struct pipeline_request request = {.no_fusion = no_fusion};
    struct graph *graph = pipeline_run(model, &request, &error);
    struct session *session = graph ? session_create(graph, &error) : NULL;
    if (!session)
        fail_msg("%s", error.message);
    struct random random = {.seed = 5};
    float *x = session_input(session, 0)->data;
    for (int i = 0; i < 96; i++)
        x[i] = (float)(4 * random_uniform(&random) - 2);
    assert_int_equal(session_run(session, &error), 0);
    const struct tensor *result = session_output(session, 0);
    int count = (int)shape_count(&result->shape);
    memcpy(out, result->data, tensor_bytes(result));
    *nodes = graph->node_count;
    *found = false;
    for (const struct node *node = graph->first; node; node = node->next)
        *found |= strcmp(node->op_type, op_type) == 0;
    session_destroy(session);
    graph_destroy(graph);
    return count;
}

static void check_recognition(const struct recognition *recognition)
{
    static const struct dimension declared[3] = {{2, NULL}, {6, NULL}, {8, NULL}};
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct model model = {.context = context, .path = "test", .graph = graph};
    struct value *x = graph_add_value(graph, "x", &error);
    const int64_t dims[3] = {2, 6, 8};
    x->dtype = DTYPE_FLOAT;
    x->declared = declared;
    x->declared_rank = 3;
    assert_int_equal(shape_set(&x->shape, 3, dims, &error), 0);
    assert_int_equal(graph_add_input(graph, x, &error), 0);
    struct build build = {graph, &error};
    struct value *y = recognition->make(&build, x);
    if (!y || graph_add_output(graph, y, &error))
        fail_msg("%s: %s", recognition->name, error.message);
    float plain[512], fused[512];
    double largest = 0, difference = 0;
    int plain_nodes, nodes;
    bool there, wanted = recognition->op_type[0] != '!';
    int count = run_once(&model, true, "", plain, &plain_nodes, &there);
    assert_int_equal(run_once(&model, false, recognition->op_type + !wanted, fused, &nodes, &there), count);
    for (int i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)plain[i]));
        difference = fmax(difference, fabs((double)(plain[i] - fused[i])));
    }
    if (there != wanted || nodes > recognition->most_nodes || !(difference <= 1e-5 * largest) || largest == 0)
        fail_msg("%s: %s is %s, %d nodes of %d, differs by %g of %g", recognition->name, recognition->op_type,
                 there ? "there" : "not there", nodes, plain_nodes, difference, largest);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

static void test_recognitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recognitions / sizeof recognitions[0]; i++)
        check_recognition(&recognitions[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recognitions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
