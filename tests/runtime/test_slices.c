/* Segments of a batch that run a few images at a time: random networks give what they give when all of their values are
 * outputs, so that there is nothing to gain and nothing is cut. */
#include <math.h>

#include "base/random.h"
#include "graph_test.h"
#include "pass/passes.h"
#include "runtime/plan.h"

#define NETWORKS 60
#define MOST_STEPS 9
#define CHANNELS 8

struct maker {
    struct test *test;
    struct random random;
    struct value *values[64]; /* [N,C,H,W], all of one shape: the input and what steps make */
    int count;
};

static int below(struct maker *maker, uint32_t bound)
{
    return (int)random_below(&maker->random, bound);
}

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

static struct value *apply(struct maker *maker, const char *op_type, struct value *const *inputs, int input_count,
                           const struct emit_attribute *attributes, int count)
{
    struct test *test = maker->test;
    struct value *value = emit(test->graph, op_type, inputs, input_count, attributes, count, &test->error);
    if (!value)
        fail_msg("%s: %s", op_type, test->error.message);
    return value;
}

/* One of the last values, mostly the last. */
static struct value *recent(struct maker *maker)
{
    int back = below(maker, 3) == 0 ? below(maker, 4) : 0;
    return maker->values[back < maker->count ? maker->count - 1 - back : 0];
}

static struct value *reshape(struct maker *maker, struct value *x, int rank, const int64_t *dims)
{
    return apply(maker, "Reshape", EMIT_INPUTS(x, emit_int_list(maker->test->graph, dims, rank, NULL)),
                 EMIT_NO_ATTRIBUTES);
}

static struct value *transpose(struct maker *maker, struct value *x, const int64_t *order)
{
    return apply(maker, "Transpose", &x, 1, EMIT_ATTRIBUTES(EMIT_INTS("perm", order, x->shape.rank)));
}

/* ---- steps ---- */

static struct value *add_convolution(struct maker *maker)
{
    int64_t wide[4] = {1, 1, 1, 1}, none[4] = {0}, kernel = 1 + 2 * below(maker, 2);
    int64_t groups = below(maker, 2) ? CHANNELS : 1;
    struct value *w = WEIGHTS(maker, CHANNELS / groups * kernel * kernel, CHANNELS, CHANNELS / groups, kernel, kernel);
    return apply(maker, "Conv", EMIT_INPUTS(recent(maker), w, WEIGHTS(maker, 1, CHANNELS)),
                 EMIT_ATTRIBUTES(EMIT_INTS("pads", kernel == 3 ? wide : none, 4), EMIT_INT("group", groups)));
}

static struct value *add_activation(struct maker *maker)
{
    struct value *x = recent(maker);
    return apply(maker, below(maker, 2) ? "Relu" : "HardSwish", &x, 1, EMIT_NO_ATTRIBUTES);
}

static struct value *add_sum(struct maker *maker)
{
    return apply(maker, "Add", EMIT_INPUTS(recent(maker), recent(maker)), EMIT_NO_ATTRIBUTES);
}

/* By constants that are alike for all images, or for each its own. */
static struct value *add_scaling(struct maker *maker)
{
    struct value *x = recent(maker), *scale;
    switch (below(maker, 3)) {
    case 0:
        scale = WEIGHTS(maker, 1, CHANNELS, 1, 1);
        break;
    case 1:
        scale = WEIGHTS(maker, 1, 1, CHANNELS, 1, 1);
        break;
    default:
        scale = WEIGHTS(maker, 1, x->shape.dims[0], 1, 1, 1);
        break;
    }
    return apply(maker, "Mul", EMIT_INPUTS(scale, x), EMIT_NO_ATTRIBUTES);
}

static struct value *add_gate(struct maker *maker)
{
    struct value *x = recent(maker);
    struct value *mean = apply(maker, "GlobalAveragePool", &x, 1, EMIT_NO_ATTRIBUTES);
    struct value *gate = apply(maker, "Sigmoid", &mean, 1, EMIT_NO_ATTRIBUTES);
    return apply(maker, "Mul", EMIT_INPUTS(x, gate), EMIT_NO_ATTRIBUTES);
}

/* What all images share, made in between: no step behind it can run before all images were here. */
static struct value *add_batch_mean(struct maker *maker)
{
    struct test *test = maker->test;
    struct value *x = recent(maker), *axes = emit_int_list(test->graph, (int64_t[]){0}, 1, &test->error);
    struct value *mean = apply(maker, "ReduceMean", EMIT_INPUTS(x, axes), EMIT_NO_ATTRIBUTES);
    return apply(maker, "Sub", EMIT_INPUTS(x, mean), EMIT_NO_ATTRIBUTES);
}

static struct value *add_halves(struct maker *maker)
{
    struct test *test = maker->test;
    struct value *a = emit_slice(test->graph, recent(maker), 1, CHANNELS / 2, CHANNELS, &test->error);
    struct value *b = emit_slice(test->graph, recent(maker), 1, 0, CHANNELS / 2, &test->error);
    return apply(maker, "Concat", EMIT_INPUTS(a, b), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)));
}

static struct value *add_layer_norm(struct maker *maker)
{
    int64_t last[4] = {0, 2, 3, 1}, first[4] = {0, 3, 1, 2};
    struct value *x = transpose(maker, recent(maker), last);
    x = apply(maker, "LayerNormalization", EMIT_INPUTS(x, WEIGHTS(maker, 1, CHANNELS)),
              EMIT_ATTRIBUTES(EMIT_INT("axis", -1)));
    return transpose(maker, x, first);
}

/* Windows of tokens: axis 0 becomes images times windows. */
static struct value *add_windows(struct maker *maker)
{
    struct value *x = recent(maker);
    const int64_t *from = x->shape.dims, n = from[0], c = from[1], h = from[2] / 8, w = from[3] / 8;
    int64_t split[6] = {n, c, h, 8, w, 8}, apart[6] = {0, 2, 4, 3, 5, 1}, tokens[3] = {n * h * w, 64, c};
    int64_t windows[6] = {n, h, w, 8, 8, c}, together[6] = {0, 5, 1, 3, 2, 4};
    x = reshape(maker, transpose(maker, reshape(maker, x, 6, split), apart), 3, tokens);
    x = apply(maker, "MatMul", EMIT_INPUTS(x, WEIGHTS(maker, c, c, c)), EMIT_NO_ATTRIBUTES);
    if (below(maker, 2))
        x = apply(maker, "Attention", EMIT_INPUTS(x, x, x),
                  EMIT_ATTRIBUTES(EMIT_INT("q_num_heads", 2), EMIT_INT("kv_num_heads", 2)));
    return reshape(maker, transpose(maker, reshape(maker, x, 6, windows), together), 4, from);
}

static struct value *add_pool(struct maker *maker)
{
    struct value *x = recent(maker);
    int64_t kernel[2] = {3, 3}, pads[4] = {1, 1, 1, 1};
    return apply(maker, "MaxPool", &x, 1,
                 EMIT_ATTRIBUTES(EMIT_INTS("kernel_shape", kernel, 2), EMIT_INTS("pads", pads, 4)));
}

typedef struct value *step(struct maker *maker);
static step *const steps[] = {add_convolution, add_convolution, add_activation, add_sum,     add_sum,  add_scaling,
                              add_gate,        add_batch_mean,  add_halves,     add_windows, add_pool, add_layer_norm};
#define COUNT(list_) ((uint32_t)(sizeof(list_) / sizeof(list_)[0]))

/* ---- networks ---- */

static void start(struct test *test, int threads, enum cpu_level cpu)
{
    memset(test, 0, sizeof *test);
    struct context_options options = {.threads = threads, .cpu = cpu, .direct = true};
    test->context = context_create(&options, &test->error);
    assert_non_null(test->context);
    test->graph = graph_create(test->context, NULL, "test", &test->error);
    assert_non_null(test->graph);
}

static void make_network(struct test *test, uint64_t seed)
{
    static const int64_t batches[] = {1, 2, 5, 6}, sizes[] = {16, 128, 80, 72};
    struct maker maker = {.test = test, .random = {.seed = seed}};
    int form = below(&maker, 8) == 0 ? 0 : 1 + below(&maker, 3);
    struct value *x = formal(test->graph);
    x->dtype = DTYPE_FLOAT;
    x->shape = (struct shape){.rank = 4, .dims = {batches[form], CHANNELS, sizes[form], sizes[form]}};
    maker.values[maker.count++] = x;
    for (int count = 2 + below(&maker, MOST_STEPS); count > 0; count--) {
        x = steps[below(&maker, COUNT(steps))](&maker);
        maker.values[maker.count++] = x;
        if (count == 1 || below(&maker, 5) == 0)
            output(test->graph, x);
    }
}

/* The number of outputs that were the network's own is `*outputs`. */
static void prepare_network(struct test *test, uint64_t seed, bool all_values, bool fused)
{
    make_network(test, seed);
    for (size_t i = 0; all_values && i < test->graph->value_count; i++) {
        struct value *value = test->graph->values[i];
        if (!value->is_output && value->producer)
            output(test->graph, value);
    }
    if (fused && (pass_fuse_epilogue(test->graph, &test->error) || pass_fuse_linear(test->graph, &test->error)))
        fail_msg("network %d: %s", (int)seed, test->error.message);
    if (prepare(test))
        fail_msg("network %d: %s", (int)seed, test->error.message);
    tensor_randomise(session_input(test->session, 0), &(struct random){.seed = seed});
}

static int count_segments(struct test *test)
{
    struct plan plan;
    assert_int_equal(plan_create(&plan, test->graph, NULL, 0, &test->error), 0);
    int count = plan.slices.count;
    plan_release(&plan);
    return count;
}

static void run(struct test *test)
{
    for (int i = 0; i < 2; i++) /* the second time over what the first has left */
        assert_int_equal(session_run(test->session, &test->error), 0);
}

static void compare(const struct test *expected, const struct test *found, double tolerance, int seed)
{
    for (int k = 0; k < found->graph->output_count; k++) {
        const struct tensor *one = session_output(expected->session, k), *other = session_output(found->session, k);
        const float *a = one->data, *b = other->data;
        double largest = 0, difference = 0;
        assert_true(shape_equal(&one->shape, &other->shape));
        for (int64_t i = 0; i < shape_count(&one->shape); i++) {
            largest = fmax(largest, fabs((double)a[i]));
            difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        }
        if (!(difference <= tolerance * largest))
            fail_msg("network %d: output %d differs by %g of %g", seed, k, difference, largest);
    }
}

/* Plain C makes the same bits of an image alone and among others; fast kernels may go another way. */
static void test_random_networks(void **state)
{
    (void)state;
    int segments = 0;
    for (int seed = 1; seed <= NETWORKS; seed++) {
        bool plain = seed % 4 == 0, fused = seed % 2 == 1;
        enum cpu_level cpu = plain ? CPU_PORTABLE : cpu_detect();
        struct test whole, sliced, threaded;
        start(&whole, 1, cpu);
        start(&sliced, 1, cpu);
        start(&threaded, 2 + seed % 3 % 2, cpu);
        prepare_network(&whole, (uint64_t)seed, true, false);
        prepare_network(&sliced, (uint64_t)seed, false, fused);
        prepare_network(&threaded, (uint64_t)seed, false, fused);
        assert_int_equal(count_segments(&whole), 0);
        segments += count_segments(&sliced);
        run(&whole);
        run(&sliced);
        run(&threaded);
        compare(&whole, &sliced, plain && !fused ? 0 : 2e-5, seed);
        compare(&sliced, &threaded, 0, seed);
        end(&whole);
        end(&sliced);
        end(&threaded);
    }
    assert_true(segments > NETWORKS / 2);
}

/* ---- a chain of maps ---- */

#define IMAGES 8
#define SIDE 96

/* Six steps; the third one's result is also an output. */
static void make_chain(struct test *test)
{
    struct maker maker = {.test = test, .random = {.seed = 3}};
    struct value *x = formal(test->graph);
    x->dtype = DTYPE_FLOAT;
    x->shape = (struct shape){.rank = 4, .dims = {IMAGES, CHANNELS, SIDE, SIDE}};
    for (int i = 0; i < 6; i++) {
        struct value *w = WEIGHTS(&maker, 1, CHANNELS, CHANNELS, 1, 1); /* results grow from step to step */
        x = apply(&maker, "Conv", EMIT_INPUTS(x, w), EMIT_NO_ATTRIBUTES);
        if (i == 2)
            output(test->graph, x);
    }
    output(test->graph, apply(&maker, "GlobalAveragePool", &x, 1, EMIT_NO_ATTRIBUTES));
}

static void start_chain(struct test *test)
{
    start(test, 1, CPU_PORTABLE);
    make_chain(test);
    if (prepare(test))
        fail_msg("%s", test->error.message);
    tensor_randomise(session_input(test->session, 0), &(struct random){.seed = 5});
}

/* Input and first output for all images, and what is between two steps for those of a round. */
static void test_memory(void **state)
{
    (void)state;
    const size_t map = CHANNELS * SIDE * SIDE * sizeof(float);
    struct test test;
    struct plan plan;
    start_chain(&test);
    assert_int_equal(plan_create(&plan, test.graph, NULL, 0, &test.error), 0);
    assert_int_equal(plan.slices.count, 1);
    assert_true(plan.slices.segments[0].rounds > 1);
    const size_t part = IMAGES / (size_t)plan.slices.segments[0].rounds;
    assert_true(plan.arena_bytes < (2 * IMAGES + 2 * part + 1) * map);
    plan_release(&plan);
    end(&test);
}

struct taken {
    struct test *test;
    float means[IMAGES * CHANNELS];
    int count;
};

static void take(void *user, int index, const struct tensor *output)
{
    struct taken *taken = user;
    assert_int_equal(index, taken->count++);
    if (index == 1)
        memcpy(taken->means, output->data, sizeof taken->means);
    /* The input has been read: it may be changed, for all images. */
    struct tensor *input = session_input(taken->test->session, 0);
    memset(input->data, 0, tensor_bytes(input));
}

static void test_takes(void **state)
{
    (void)state;
    static const struct session_take list[] = {{0, 0}, {1, 0}};
    struct test plain, test;
    struct taken taken = {.test = &test};
    const struct session_taking taking = {list, 2, take, &taken};
    start_chain(&plain);
    assert_int_equal(session_run(plain.session, &plain.error), 0);
    start(&test, 1, CPU_PORTABLE);
    make_chain(&test);
    test.session = session_create_taking(test.graph, &taking, &test.error);
    assert_non_null(test.session);
    tensor_randomise(session_input(test.session, 0), &(struct random){.seed = 5});
    assert_int_equal(session_run(test.session, &test.error), 0);
    assert_int_equal(taken.count, 2);
    assert_memory_equal(taken.means, session_output(plain.session, 1)->data, sizeof taken.means);
    end(&plain);
    end(&test);
}

/* The first node, not the first image: in the last image the first step already overflows, in the first one the last.
 */
static void test_not_finite(void **state)
{
    (void)state;
    const struct node *node;
    struct test test;
    start_chain(&test);
    float *input = session_input(test.session, 0)->data;
    assert_int_equal(session_find_not_finite(test.session, &node, &test.error), 0);
    assert_null(node);
    input[0] = 1e37f;
    assert_int_equal(session_find_not_finite(test.session, &node, &test.error), 0);
    assert_non_null(node);
    assert_ptr_not_equal(node, test.graph->first);
    input[(IMAGES - 1) * CHANNELS * SIDE * SIDE] = INFINITY;
    assert_int_equal(session_find_not_finite(test.session, &node, &test.error), 0);
    assert_ptr_equal(node, test.graph->first);
    end(&test);
}

static void test_profile(void **state)
{
    (void)state;
    const int64_t maps = 2 * IMAGES * CHANNELS * SIDE * SIDE * 4, weight = CHANNELS * CHANNELS * 4;
    struct node_time times[7];
    struct test test;
    start_chain(&test);
    assert_int_equal(test.graph->node_count, 7);
    assert_int_equal(session_profile(test.session, times, &test.error), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(times[i].bytes, maps + weight);
        assert_true(times[i].milliseconds > 0);
    }
    assert_ptr_equal(times[6].node, test.graph->last);
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_networks), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_takes), cmocka_unit_test(test_not_finite),
                                       cmocka_unit_test(test_profile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
