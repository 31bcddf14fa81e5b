/* What only a part is read of is made in parts (pass_confine): random networks give the same cells, and gradients, as
 * they do with nothing left out. */
#include <math.h>

#include "base/random.h"
#include "graph_test.h"
#include "op/emit.h"

#define NETWORKS 400
#define MOST_STEPS 7

struct maker {
    struct test *test;
    struct random random;
    struct value *value;
};

static int64_t below(struct maker *maker, uint32_t bound)
{
    return (int64_t)random_below(&maker->random, bound);
}

/* Numbers of about 1 over the square root of `fan`. */
static struct value *weights(struct maker *maker, int rank, const int64_t *dims, int64_t fan)
{
    struct test *test = maker->test;
    struct shape shape = {.rank = rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    struct value *value = emit_filled(test->graph, DTYPE_FLOAT, &shape, 0, &test->error);
    float *elements = value->constant->tensor.data;
    for (int64_t i = 0; i < shape_count(&shape); i++)
        elements[i] = (float)(random_normal(&maker->random) / sqrt((double)fan));
    return value;
}
#define WEIGHTS(maker_, fan_, ...)                                                                                     \
    weights(maker_, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}, fan_)

static void apply(struct maker *maker, const char *op_type, struct value *const *inputs, int input_count,
                  const struct emit_attribute *attributes, int count)
{
    struct test *test = maker->test;
    maker->value = emit(test->graph, op_type, inputs, input_count, attributes, count, &test->error);
    if (!maker->value)
        fail_msg("%s", test->error.message);
}

/* ---- steps on maps [N,C,H,W] ---- */

static void add_convolution(struct maker *maker)
{
    const int64_t *dims = maker->value->shape.dims, channels = dims[1];
    int64_t kernel[2] = {1 + below(maker, 3), 1 + below(maker, 4)}, stride[2], dilation[2], pads[4];
    int64_t groups = below(maker, 4) == 0 ? channels : 1, outputs = channels;
    bool same = below(maker, 4) == 0;
    for (int i = 0; i < 2; i++) {
        stride[i] = 1 + (below(maker, 3) == 0);
        dilation[i] = 1 + (below(maker, 3) == 0 ? below(maker, 4) : 0);
        pads[i] = below(maker, (uint32_t)((kernel[i] - 1) * dilation[i] + 1));
        pads[2 + i] = below(maker, (uint32_t)((kernel[i] - 1) * dilation[i] + 1));
        if ((kernel[i] - 1) * dilation[i] + 1 > dims[2 + i] + pads[i] + pads[2 + i])
            kernel[i] = 1;
    }
    struct value *inputs[3] = {maker->value, WEIGHTS(maker, channels, outputs, channels / groups, kernel[0], kernel[1]),
                               WEIGHTS(maker, 1, outputs)};
    apply(maker, "Conv", inputs, 3,
          EMIT_ATTRIBUTES(EMIT_INTS("strides", stride, 2), EMIT_INTS("dilations", dilation, 2),
                          EMIT_INT("group", groups),
                          same ? EMIT_STRING("auto_pad", "SAME_UPPER") : EMIT_INTS("pads", pads, 4)));
}

static void add_pool(struct maker *maker)
{
    const int64_t *dims = maker->value->shape.dims;
    int64_t kernel[2], stride[2], pads[4];
    for (int i = 0; i < 2; i++) {
        kernel[i] = 1 + below(maker, dims[2 + i] < 3 ? (uint32_t)dims[2 + i] : 3);
        stride[i] = 1 + below(maker, 2);
        pads[i] = below(maker, (uint32_t)kernel[i]);
        pads[2 + i] = below(maker, (uint32_t)kernel[i]);
    }
    int64_t ceiling = below(maker, 2), counted = below(maker, 2);
    const struct emit_attribute attributes[5] = {EMIT_INTS("kernel_shape", kernel, 2), EMIT_INTS("strides", stride, 2),
                                                 EMIT_INTS("pads", pads, 4), EMIT_INT("ceil_mode", ceiling),
                                                 EMIT_INT("count_include_pad", counted)};
    bool average = below(maker, 2);
    apply(maker, average ? "AveragePool" : "MaxPool", &maker->value, 1, attributes, average ? 5 : 4);
}

static void add_activation(struct maker *maker)
{
    static const char *const names[] = {"Relu", "Sigmoid", "Softplus", "Elu"};
    apply(maker, names[below(maker, 4)], &maker->value, 1, EMIT_NO_ATTRIBUTES);
}

static void add_normalization(struct maker *maker)
{
    int64_t channels = maker->value->shape.dims[1];
    struct value *x = maker->value, *scale = WEIGHTS(maker, 1, channels), *mean = WEIGHTS(maker, 4, channels);
    struct value *variance = emit_filled(maker->test->graph, DTYPE_FLOAT, &mean->shape, 0.7, &maker->test->error);
    apply(maker, "BatchNormalization", EMIT_INPUTS(x, scale, scale, mean, variance), EMIT_NO_ATTRIBUTES);
}

/* A branch of two steps that keep the size, added or joined and mixed again. */
static void add_branch(struct maker *maker)
{
    struct value *x = maker->value;
    int64_t channels = x->shape.dims[1], pads[4] = {1, 1, 1, 1}, far[4] = {4, 4, 4, 4}, apart[2] = {4, 4};
    bool wide = below(maker, 2);
    apply(maker, "Conv", EMIT_INPUTS(x, WEIGHTS(maker, 9 * channels, channels, channels, 3, 3)),
          EMIT_ATTRIBUTES(EMIT_INTS("pads", wide ? far : pads, 4),
                          wide ? EMIT_INTS("dilations", apart, 2) : EMIT_INT("group", 1)));
    if (below(maker, 2)) {
        apply(maker, "Add", EMIT_INPUTS(x, maker->value), EMIT_NO_ATTRIBUTES);
        return;
    }
    apply(maker, "Concat", EMIT_INPUTS(maker->value, x), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)));
    apply(maker, "Conv", EMIT_INPUTS(maker->value, WEIGHTS(maker, 2 * channels, channels, 2 * channels, 1, 1)),
          EMIT_NO_ATTRIBUTES);
}

/* The whole map's mean, as gates have it. */
static void add_gate(struct maker *maker)
{
    struct value *x = maker->value;
    apply(maker, "GlobalAveragePool", &x, 1, EMIT_NO_ATTRIBUTES);
    apply(maker, "Sigmoid", &maker->value, 1, EMIT_NO_ATTRIBUTES);
    apply(maker, "Mul", EMIT_INPUTS(x, maker->value), EMIT_NO_ATTRIBUTES);
}

static void add_resize(struct maker *maker)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const transforms[] = {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"};
    struct test *test = maker->test;
    const int64_t *dims = maker->value->shape.dims;
    int64_t sizes[4] = {dims[0], dims[1], 1 + below(maker, 24), 1 + below(maker, 24)};
    int64_t mode = below(maker, 3), antialias = mode > 0 ? below(maker, 2) : 0,
            outside = mode == 2 ? below(maker, 2) : 0;
    struct value *list = emit_int_list(test->graph, sizes, 4, &test->error);
    apply(maker, "Resize", EMIT_INPUTS(maker->value, NULL, NULL, list),
          EMIT_ATTRIBUTES(EMIT_STRING("mode", modes[mode]),
                          EMIT_STRING("coordinate_transformation_mode", transforms[below(maker, 4)]),
                          EMIT_INT("antialias", antialias), EMIT_INT("exclude_outside", outside)));
}

/* ---- steps on tokens [N,L,C] ---- */

static void to_tokens(struct maker *maker)
{
    const struct shape *shape = &maker->value->shape;
    int64_t dims[3] = {shape->dims[0], shape->dims[1], shape->dims[2] * shape->dims[3]}, order[3] = {0, 2, 1};
    struct value *list = emit_int_list(maker->test->graph, dims, 3, NULL);
    apply(maker, "Reshape", EMIT_INPUTS(maker->value, list), EMIT_NO_ATTRIBUTES);
    apply(maker, "Transpose", &maker->value, 1, EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 3)));
}

static void add_linear(struct maker *maker)
{
    int64_t width = maker->value->shape.dims[2];
    apply(maker, "MatMul", EMIT_INPUTS(maker->value, WEIGHTS(maker, width, width, width)), EMIT_NO_ATTRIBUTES);
    apply(maker, "Add", EMIT_INPUTS(WEIGHTS(maker, 1, width), maker->value), EMIT_NO_ATTRIBUTES);
}

/* As a matrix of all tokens, through Gemm. */
static void add_gemm(struct maker *maker)
{
    const struct shape shape = maker->value->shape;
    int64_t width = shape.dims[2], rows[2] = {shape.dims[0] * shape.dims[1], width};
    apply(maker, "Reshape", EMIT_INPUTS(maker->value, emit_int_list(maker->test->graph, rows, 2, NULL)),
          EMIT_NO_ATTRIBUTES);
    apply(maker, "Gemm", EMIT_INPUTS(maker->value, WEIGHTS(maker, width, width, width), WEIGHTS(maker, 1, width)),
          EMIT_ATTRIBUTES(EMIT_INT("transB", 1)));
    apply(maker, "Reshape", EMIT_INPUTS(maker->value, emit_int_list(maker->test->graph, shape.dims, 3, NULL)),
          EMIT_NO_ATTRIBUTES);
}

static void add_layer_norm(struct maker *maker)
{
    int64_t width = maker->value->shape.dims[2];
    apply(maker, "LayerNormalization", EMIT_INPUTS(maker->value, WEIGHTS(maker, 1, width)),
          EMIT_ATTRIBUTES(EMIT_INT("axis", -1)));
}

static void add_softmax(struct maker *maker)
{
    apply(maker, "Softmax", &maker->value, 1, EMIT_ATTRIBUTES(EMIT_INT("axis", below(maker, 2) ? -1 : 1)));
}

static void add_attention(struct maker *maker)
{
    struct value *x = maker->value;
    add_linear(maker);
    apply(maker, "Attention", EMIT_INPUTS(maker->value, x, x),
          EMIT_ATTRIBUTES(EMIT_INT("q_num_heads", 2), EMIT_INT("kv_num_heads", 2)));
    apply(maker, "Add", EMIT_INPUTS(x, maker->value), EMIT_NO_ATTRIBUTES);
}

typedef void step(struct maker *maker);
static step *const map_steps[] = {add_convolution, add_convolution, add_pool, add_activation, add_normalization,
                                  add_branch,      add_branch,      add_gate, add_resize,     add_resize};
static step *const token_steps[] = {add_linear, add_gemm, add_layer_norm, add_softmax, add_attention, add_activation};
#define COUNT(list_) ((uint32_t)(sizeof(list_) / sizeof(list_)[0]))

/* ---- a network, the cells of one unit of it, and their gradient ---- */

static void cut(struct maker *maker, int64_t axis)
{
    struct test *test = maker->test;
    int64_t at = below(maker, (uint32_t)maker->value->shape.dims[axis]);
    if (maker->value->shape.rank == 3 && below(maker, 2)) {
        struct value *index = emit_scalar(test->graph, DTYPE_INT64, (double)at, &test->error);
        apply(maker, "Gather", EMIT_INPUTS(maker->value, index), EMIT_ATTRIBUTES(EMIT_INT("axis", axis)));
    } else {
        maker->value = emit_slice(test->graph, maker->value, axis, at, at + 1, &test->error);
    }
}

static void make_network(struct test *test, uint64_t seed)
{
    struct maker maker = {.test = test, .random = {.seed = seed}};
    struct value *x = formal(test->graph);
    x->dtype = DTYPE_FLOAT;
    x->shape = (struct shape){.rank = 4, .dims = {1 + below(&maker, 2), 4, 9 + below(&maker, 9), 8 + below(&maker, 9)}};
    maker.value = x;
    for (int64_t steps = 1 + below(&maker, MOST_STEPS); steps > 0; steps--)
        map_steps[below(&maker, COUNT(map_steps))](&maker);
    if (below(&maker, 2)) {
        to_tokens(&maker);
        for (int64_t steps = 1 + below(&maker, MOST_STEPS); steps > 0; steps--)
            token_steps[below(&maker, COUNT(token_steps))](&maker);
        cut(&maker, 1);
    } else {
        cut(&maker, 2);
        cut(&maker, 3);
    }
    assert_int_equal(graph_set_outputs(test->graph, &maker.value, 1, &test->error), 0);
}

static void add_gradient(struct test *test)
{
    struct graph *graph = test->graph;
    struct value *outputs[2] = {graph->outputs[0]}, *x = graph->inputs[0];
    struct value *one = emit_filled(graph, DTYPE_FLOAT, &outputs[0]->shape, 1, &test->error);
    const struct gradient_seed seed = {outputs[0], one};
    if (differentiate(graph, &seed, 1, &x, 1, &outputs[1], &test->error))
        fail_msg("%s", test->error.message);
    assert_int_equal(graph_set_outputs(graph, outputs, outputs[1] ? 2 : 1, &test->error), 0);
}

static int64_t elements_made(const struct graph *graph)
{
    int64_t elements = 0;
    for (const struct node *node = graph->first; node; node = node->next)
        elements += shape_count(&node->outputs[0]->shape);
    return elements;
}

static int64_t run_network(struct test *test, uint64_t seed, bool confined)
{
    begin(test, 0);
    make_network(test, seed);
    if (confined && (pass_confine(test->graph, &test->error) || graph_verify(test->graph, &test->error)))
        fail_msg("network %d: %s", (int)seed, test->error.message);
    int64_t elements = elements_made(test->graph);
    add_gradient(test);
    if (prepare(test))
        fail_msg("network %d: %s", (int)seed, test->error.message);
    tensor_randomise(session_input(test->session, 0), &(struct random){.seed = seed});
    assert_int_equal(session_run(test->session, &test->error), 0);
    return elements;
}

static void compare(const struct tensor *expected, const struct tensor *found, uint64_t seed, const char *what)
{
    const float *a = expected->data, *b = found->data;
    double largest = 0, difference = 0;
    assert_true(shape_equal(&expected->shape, &found->shape));
    for (int64_t i = 0; i < shape_count(&expected->shape); i++) {
        largest = fmax(largest, fabs((double)a[i]));
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
    }
    if (!(difference <= 1e-5 * largest + 1e-12))
        fail_msg("network %d: %s differs by %g of %g", (int)seed, what, difference, largest);
}

static void test_random_networks(void **state)
{
    (void)state;
    int64_t all = 0, parts = 0;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        struct test whole, confined;
        all += run_network(&whole, seed, false);
        parts += run_network(&confined, seed, true);
        assert_int_equal(whole.graph->output_count, confined.graph->output_count);
        compare(session_output(whole.session, 0), session_output(confined.session, 0), seed, "result");
        if (whole.graph->output_count > 1)
            compare(session_output(whole.session, 1), session_output(confined.session, 1), seed, "gradient");
        end(&whole);
        end(&confined);
    }
    if (4 * parts > 3 * all)
        fail_msg("%d of %d elements are made", (int)parts, (int)all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
