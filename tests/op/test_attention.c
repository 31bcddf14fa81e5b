/* Attention, RotaryEmbedding and TensorScatter against plain double loops, and values that PyTorch computed. */
#include <stdlib.h>

#include "base/random.h"
#include "kernel/kernels.h"
#include "node_fixture.h"

/* The definition, one query at a time: operands as [batch, heads, rows, columns] in double. */
struct reference {
    int64_t batch, heads, key_heads, queries, keys, size, value_size;
    double scale, softcap;
    bool causal;
    int64_t offset;
    const double *mask; /* [batch, heads, queries, keys], or NULL */
};

static double weight(const struct reference *r, const float *q, const float *k, int64_t b, int64_t h, int64_t i,
                     int64_t j)
{
    double sum = 0;
    int64_t kh = h / (r->heads / r->key_heads);
    for (int64_t d = 0; d < r->size; d++)
        sum += (double)q[((b * r->heads + h) * r->queries + i) * r->size + d] *
               (double)k[((b * r->key_heads + kh) * r->keys + j) * r->size + d];
    sum *= r->scale;
    if (r->softcap > 0)
        sum = r->softcap * tanh(sum / r->softcap);
    if (r->mask)
        sum += r->mask[((b * r->heads + h) * r->queries + i) * r->keys + j];
    return r->causal && j > i + r->offset ? -HUGE_VAL : sum;
}

static void reference_row(const struct reference *r, const float *q, const float *k, const float *v, int64_t b,
                          int64_t h, int64_t i, double *y)
{
    double total = 0, most = -HUGE_VAL;
    int64_t kh = h / (r->heads / r->key_heads);
    memset(y, 0, (size_t)r->value_size * sizeof *y);
    for (int64_t j = 0; j < r->keys; j++)
        most = fmax(most, weight(r, q, k, b, h, i, j));
    for (int64_t j = 0; j < r->keys && most > -HUGE_VAL; j++) {
        double p = exp(weight(r, q, k, b, h, i, j) - most);
        total += p;
        for (int64_t d = 0; d < r->value_size; d++)
            y[d] += p * (double)v[((b * r->key_heads + kh) * r->keys + j) * r->value_size + d];
    }
    for (int64_t d = 0; d < r->value_size && total > 0; d++)
        y[d] /= total;
}

static void fill(struct tensor *tensor, uint64_t seed)
{
    struct random random = {.seed = seed};
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++)
        ((float *)tensor->data)[i] = (float)random_normal(&random);
}

static void start(struct fixture *fixture, const struct reference *r, int inputs, int outputs)
{
    fixture_start(fixture, "", "Attention", 24, inputs, outputs);
    fixture_input(fixture, 0, DTYPE_FLOAT, DIMS(r->batch, r->heads, r->queries, r->size), NULL);
    fixture_input(fixture, 1, DTYPE_FLOAT, DIMS(r->batch, r->key_heads, r->keys, r->size), NULL);
    fixture_input(fixture, 2, DTYPE_FLOAT, DIMS(r->batch, r->key_heads, r->keys, r->value_size), NULL);
    for (int i = 0; i < 3; i++)
        fill(&fixture->inputs[i], (uint64_t)i + 3);
    if (r->causal)
        fixture_int(fixture, "is_causal", 1);
    if (r->softcap > 0)
        fixture_float(fixture, "softcap", (float)r->softcap);
}

static void expect_reference(const struct fixture *fixture, const struct reference *r)
{
    double y[64];
    const float *got = fixture->outputs[0].data;
    const float *q = fixture->inputs[0].data, *k = fixture->inputs[1].data, *v = fixture->inputs[2].data;
    for (int64_t row = 0; row < r->batch * r->heads * r->queries; row++) {
        reference_row(r, q, k, v, row / r->queries / r->heads, row / r->queries % r->heads, row % r->queries, y);
        for (int64_t d = 0; d < r->value_size; d++) {
            if (!(fabs((double)got[row * r->value_size + d] - y[d]) < 2e-5))
                fail_msg("row %d [%d] is %g, expected %g", (int)row, (int)d, (double)got[row * r->value_size + d],
                         y[d]);
        }
    }
}

static void heads_and_blocks(void **state)
{
    (void)state;
    static const struct reference cases[] = {
        {2, 3, 3, 4, 6, 8, 8, 0, 0, false, 0, NULL},    {2, 9, 3, 4, 6, 8, 10, 0, 2, false, 0, NULL},
        {1, 4, 1, 7, 7, 16, 5, 0, 0, true, 0, NULL},    {1, 2, 2, 300, 500, 16, 24, 0, 0, false, 0, NULL},
        {1, 2, 1, 300, 300, 8, 8, 0, 3, true, 0, NULL}, {1, 1, 1, 9, 4, 8, 8, 0, 0, true, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reference r = cases[i];
        struct fixture fixture;
        r.scale = 1 / sqrt((double)r.size);
        start(&fixture, &r, 3, 1);
        fixture_run(&fixture);
        expect_reference(&fixture, &r);
        fixture_end(&fixture);
    }
}

/* Masks of every broadcast, of float and bool; a query that sees nothing gives zeros; a mask for fewer keys. */
static void masks(void **state)
{
    (void)state;
    static double full[2 * 3 * 5 * 7];
    static const int64_t shapes[][4] = {{2, 3, 5, 7}, {1, 3, 1, 7}, {2, 1, 5, 7}, {1, 1, 5, 7}, {1, 1, 5, 4}};
    for (int item = 0; item < 10; item++) {
        struct reference r = {2, 3, 3, 5, 7, 8, 8, 1 / sqrt(8.0), item % 3, item == 3, 0, full};
        struct fixture fixture;
        const int64_t *dims = shapes[item / 2];
        start(&fixture, &r, 4, 1);
        bool is_bool = item % 2;
        fixture_input(&fixture, 3, is_bool ? DTYPE_BOOL : DTYPE_FLOAT, 4, dims, NULL);
        struct random random = {.seed = 5, .stream = (uint64_t)item};
        struct tensor *mask = &fixture.inputs[3];
        for (int64_t i = 0; i < shape_count(&mask->shape); i++) {
            bool open = random_uniform(&random) > 0.4 && !(dims[2] > 1 && i / dims[3] % dims[2] == 2);
            if (is_bool)
                ((uint8_t *)mask->data)[i] = open;
            else
                ((float *)mask->data)[i] = open ? (float)random_normal(&random) : -INFINITY;
        }
        for (int64_t i = 0; i < 2 * 3 * 5 * 7; i++) {
            int64_t at[4] = {i / 105 % dims[0], i / 35 % 3 % dims[1], i / 7 % 5 % dims[2], i % 7};
            int64_t from = ((at[0] * dims[1] + at[1]) * dims[2] + at[2]) * dims[3] + at[3];
            if (at[3] >= dims[3])
                full[i] = -HUGE_VAL;
            else if (is_bool)
                full[i] = ((uint8_t *)mask->data)[from] ? 0 : -HUGE_VAL;
            else
                full[i] = (double)((float *)mask->data)[from];
        }
        fixture_run(&fixture);
        expect_reference(&fixture, &r);
        fixture_end(&fixture);
    }
}

/* torch.nn.functional.scaled_dot_product_attention of q = (1 0; 0 1), k = (1 2; 3 4), v = (1 2 3; 4 5 6). */
static void recorded_values(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Attention", 23, 3, 4);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2, 2), FLOATS(1, 0, 0, 1));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 2, 2), FLOATS(1, 2, 3, 4));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 1, 2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    fixture_int(&fixture, "qk_matmul_output_mode", 3);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2, 3),
                  FLOATS(3.4132891f, 4.4132891f, 5.4132891f, 3.4132891f, 4.4132891f, 5.4132891f), 1e-5);
    expect_output(&fixture, 1, DIMS(1, 1, 2, 2), FLOATS(1, 2, 3, 4), 0);
    expect_output(&fixture, 2, DIMS(1, 1, 2, 3), FLOATS(1, 2, 3, 4, 5, 6), 0);
    expect_output(&fixture, 3, DIMS(1, 1, 2, 2), FLOATS(0.1955703f, 0.8044297f, 0.1955703f, 0.8044297f), 1e-6);
    fixture_end(&fixture);
}

/* The stages that can be recorded, with a softcap of 1 and a mask: product 1, tanh 1, tanh 1 + 2. */
static void recorded_stages(void **state)
{
    (void)state;
    static const float expected[] = {1, 0.76159416f, 2.76159416f, 1, 1, 3, 3};
    for (int i = 0; i < 7; i++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "Attention", 24, 4, 4);
        for (int k = 0; k < 3; k++)
            fixture_input(&fixture, k, DTYPE_FLOAT, DIMS(1, 1, 1, 1), FLOATS(1));
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 1), FLOATS(2));
        fixture_int(&fixture, "qk_matmul_output_mode", i < 4 ? i : i - 4);
        if (i < 4)
            fixture_float(&fixture, "softcap", 1);
        fixture_run(&fixture);
        expect_output(&fixture, 3, DIMS(1, 1, 1, 1), &expected[i], 1e-6);
        fixture_end(&fixture);
    }
}

/* Packed heads with past keys equal the same attention over all keys at once; is_causal counts the past. */
static void past_keys(void **state)
{
    (void)state;
    enum { B = 2, H = 3, S = 4, P = 5, D = 6 };
    struct reference r = {B, H, H, S, P + S, D, D, 1 / sqrt((double)D), 0, true, P, NULL};
    struct fixture whole, split;
    start(&whole, &r, 3, 1);
    fixture_start(&split, "", "Attention", 24, 6, 3);
    for (int i = 0; i < 3; i++)
        fixture_input(&split, i, DTYPE_FLOAT, DIMS(B, S, H * D), NULL);
    for (int i = 4; i < 6; i++)
        fixture_input(&split, i, DTYPE_FLOAT, DIMS(B, H, P, D), NULL);
    fixture_int(&split, "q_num_heads", H);
    fixture_int(&split, "kv_num_heads", H);
    fixture_int(&split, "is_causal", 1);
    for (int64_t i = 0; i < B * H * (P + S) * D; i++) {
        int64_t d = i % D, row = i / D % (P + S), h = i / D / (P + S) % H, b = i / D / (P + S) / H;
        for (int k = 1; k < 3; k++) {
            float element = ((float *)whole.inputs[k].data)[i];
            if (row < P)
                ((float *)split.inputs[k + 3].data)[((b * H + h) * P + row) * D + d] = element;
            else
                ((float *)split.inputs[k].data)[(b * S + row - P) * H * D + h * D + d] = element;
        }
        if (row < S)
            ((float *)split.inputs[0].data)[(b * S + row) * H * D + h * D + d] =
                ((float *)whole.inputs[0].data)[((b * H + h) * S + row) * D + d];
    }
    fixture_run(&split);
    for (int64_t row = 0; row < B * H * S; row++) {
        double y[D];
        int64_t b = row / S / H, h = row / S % H, i = row % S;
        reference_row(&r, whole.inputs[0].data, whole.inputs[1].data, whole.inputs[2].data, b, h, i, y);
        for (int64_t d = 0; d < D; d++)
            assert_true(fabs(tensor_number(&split.outputs[0], (b * S + i) * H * D + h * D + d) - y[d]) < 2e-5);
    }
    expect_output(&split, 1, DIMS(B, H, P + S, D), whole.inputs[1].data, 0);
    expect_output(&split, 2, DIMS(B, H, P + S, D), whole.inputs[2].data, 0);
    fixture_end(&split);
    fixture_end(&whole);
}

static void refused_attention(void **state)
{
    (void)state;
    struct reference r = {1, 2, 2, 3, 3, 4, 4, 0, 0, false, 0, NULL};
    struct fixture fixture;
    start(&fixture, &r, 4, 1);
    fixture_count_up(&fixture, 3, DIMS(2, 3)); /* rows that do not fit */
    expect_refusal(&fixture);
    start(&fixture, &r, 5, 1);
    fixture_count_up(&fixture, 4, DIMS(1, 2, 3, 4)); /* no past value */
    expect_refusal(&fixture);
    r.heads = 3; /* not a multiple of the key heads */
    start(&fixture, &r, 3, 1);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Attention", 23, 3, 1); /* no number of heads */
    for (int i = 0; i < 3; i++)
        fixture_count_up(&fixture, i, DIMS(1, 2, 4));
    expect_refusal(&fixture);
}

/* A quarter turn of the first pair, none of the second; interleaved and in halves; the rest stays. */
static void rotations(void **state)
{
    (void)state;
    for (int interleaved = 0; interleaved < 2; interleaved++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "RotaryEmbedding", 23, 4, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 5), FLOATS(1, 2, 3, 4, 5));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 2), FLOATS(9, 9, 0, 1));
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2, 2), FLOATS(9, 9, 1, 0));
        fixture_input(&fixture, 3, DTYPE_INT64, DIMS(1, 1), FLOATS(1));
        fixture_int(&fixture, "rotary_embedding_dim", 4);
        fixture_int(&fixture, "interleaved", interleaved);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1, 5), interleaved ? FLOATS(-2, 1, 3, 4, 5) : FLOATS(-3, 2, 1, 4, 5), 0);
        fixture_end(&fixture);
    }
    struct fixture fixture;
    fixture_start(&fixture, "", "RotaryEmbedding", 23, 4, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 1, 1, 2));
    fixture_count_up(&fixture, 1, DIMS(2, 1));
    fixture_count_up(&fixture, 2, DIMS(2, 1));
    fixture_input(&fixture, 3, DTYPE_INT64, DIMS(1, 1), FLOATS(2)); /* behind the last position */
    expect_refusal(&fixture);
}

static void cache_rows(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "TensorScatter", 24, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3, 1));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 2, 1), FLOATS(10, 20, 30, 40));
    fixture_input(&fixture, 2, DTYPE_INT64, DIMS(2), FLOATS(1, 2));
    fixture_string(&fixture, "mode", "circular");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 3, 1), FLOATS(1, 10, 20, 40, 5, 30), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "TensorScatter", 24, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 3, 1));
    fixture_count_up(&fixture, 1, DIMS(1, 2, 1));
    fixture_input(&fixture, 2, DTYPE_INT64, DIMS(1), FLOATS(2)); /* runs over the end */
    expect_refusal(&fixture);
}

/* The same bits with any number of threads, however they come by blocks of heads. */
static void threads(void **state)
{
    (void)state;
    const struct reference r = {2, 3, 3, 150, 197, 64, 64, 0, 0, true, 0, NULL};
    const size_t bytes = 2 * 3 * 150 * 64 * sizeof(float);
    const int before = fixture_threads;
    void *first = malloc(bytes);
    for (fixture_threads = 1; fixture_threads <= 3; fixture_threads++) {
        struct fixture fixture;
        start(&fixture, &r, 3, 1);
        fixture_run(&fixture);
        if (fixture_threads == 1)
            memcpy(first, fixture.outputs[0].data, bytes);
        assert_memory_equal(first, fixture.outputs[0].data, bytes);
        fixture_end(&fixture);
    }
    fixture_threads = before;
    free(first);
}

static void run_gradient(struct fixture *fixture, int level, int thread_count)
{
    const struct reference r = {1, 4, 2, 150, 97, 24, 40, 0, 0, false, 0, NULL};
    const int level_before = fixture_level, threads_before = fixture_threads;
    fixture_level = level;
    fixture_threads = thread_count;
    fixture_start(fixture, DOMAIN_INTERNAL, "AttentionGradient", 1, 5, 4);
    fixture_input(fixture, 0, DTYPE_FLOAT, DIMS(1, r.queries, r.heads * r.size), NULL);
    fixture_input(fixture, 1, DTYPE_FLOAT, DIMS(1, r.keys, r.key_heads * r.size), NULL);
    fixture_input(fixture, 2, DTYPE_FLOAT, DIMS(1, r.keys, r.key_heads * r.value_size), NULL);
    fixture_input(fixture, 3, DTYPE_FLOAT, DIMS(r.heads, r.queries, r.keys), NULL);
    fixture_input(fixture, 4, DTYPE_FLOAT, DIMS(1, r.queries, r.heads * r.value_size), NULL);
    for (int i = 0; i < 5; i++)
        fill(&fixture->inputs[i], (uint64_t)i + 3);
    fixture_int(fixture, "q_num_heads", r.heads);
    fixture_int(fixture, "kv_num_heads", r.key_heads);
    fixture_int(fixture, "is_causal", 1);
    fixture_float(fixture, "softcap", 3);
    fixture_run(fixture);
    fixture_level = level_before;
    fixture_threads = threads_before;
}

/* Several blocks of queries and shared heads of keys: as plain C has it, and the same bits with any number of threads.
 */
static void gradients(void **state)
{
    (void)state;
    struct fixture plain, one, more;
    run_gradient(&plain, CPU_PORTABLE, 1);
    run_gradient(&one, fixture_level, 1);
    run_gradient(&more, fixture_level, 3);
    for (int i = 0; i < 4; i++) {
        const float *expected = plain.outputs[i].data, *got = one.outputs[i].data;
        assert_memory_equal(one.outputs[i].data, more.outputs[i].data, tensor_bytes(&one.outputs[i]));
        for (int64_t j = 0; j < shape_count(&one.outputs[i].shape); j++)
            assert_true(fabs((double)got[j] - (double)expected[j]) < 2e-5 * (1 + fabs((double)expected[j])));
    }
    fixture_end(&plain);
    fixture_end(&one);
    fixture_end(&more);
}

/* NaN of a query or key reaches the queries that see it, infinite products give NaN, and nobody else is touched. */
static void extremes(void **state)
{
    (void)state;
    const struct reference r = {1, 2, 2, 20, 33, 16, 8, 0, 0, false, 0, NULL};
    struct fixture fixture;
    start(&fixture, &r, 3, 1);
    float *q = fixture.inputs[0].data, *k = fixture.inputs[1].data;
    q[3 * 16] = NAN;
    q[7 * 16] = INFINITY;
    for (int j = 0; j < 33; j++)
        k[j * 16] = -1 - (float)j; /* the products of query 7 are all -infinity, without a mask */
    fixture_run(&fixture);
    const float *y = fixture.outputs[0].data;
    for (int i = 0; i < 2 * 20 * 8; i++)
        assert_int_equal(isnan(y[i]), i / 8 == 3 || i / 8 == 7);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_and_blocks), cmocka_unit_test(masks),      cmocka_unit_test(recorded_values),
        cmocka_unit_test(recorded_stages),  cmocka_unit_test(past_keys),  cmocka_unit_test(refused_attention),
        cmocka_unit_test(rotations),        cmocka_unit_test(cache_rows), cmocka_unit_test(threads),
        cmocka_unit_test(gradients),        cmocka_unit_test(extremes),
    };
    int failed = 0;
    for (fixture_level = CPU_PORTABLE; fixture_level <= (int)cpu_detect(); fixture_level++)
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
