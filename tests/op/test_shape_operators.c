/* The other operators that make, move and pick elements: what the ONNX cases leave out, and what is refused. */
#include "node_fixture.h"

/* Input `index` of one integer. */
static void integer_input(struct fixture *fixture, int index, int64_t value)
{
    fixture_input(fixture, index, DTYPE_INT64, SCALAR_DIMS, NULL);
    *(int64_t *)fixture->inputs[index].data = value;
}

static void expect_cast(enum dtype from, enum dtype to, int count, const float *elements, const float *expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "Cast", 13, 1, 1);
    fixture_input(&fixture, 0, from, DIMS(count), elements);
    fixture_int(&fixture, "to", to);
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[0].dtype, to);
    expect_output(&fixture, 0, DIMS(count), expected, 0);
    fixture_end(&fixture);
}

/* What numpy 1.24 and ONNX Runtime 1.2x give on x86-64 for infinities, NaN and numbers that do not fit. */
static void casts_truncate_and_wrap(void **state)
{
    (void)state;
    const float *odd = FLOATS(INFINITY, -INFINITY, NAN, 3e9f, 1e20f, -1e20f, 300, -256.5f);
    const float low = -0x1p31f, lowest = -0x1p63f;
    for (int from = 0; from < 2; from++) {
        enum dtype type = from ? DTYPE_DOUBLE : DTYPE_FLOAT;
        expect_cast(type, DTYPE_INT8, 8, odd, FLOATS(0, 0, 0, 0, 0, 0, 44, 0));
        expect_cast(type, DTYPE_UINT8, 8, odd, FLOATS(0, 0, 0, 0, 0, 0, 44, 0));
        expect_cast(type, DTYPE_INT16, 8, odd, FLOATS(0, 0, 0, 0, 0, 0, 300, -256));
        expect_cast(type, DTYPE_UINT16, 8, odd, FLOATS(0, 0, 0, 0, 0, 0, 300, 65280));
        expect_cast(type, DTYPE_INT32, 8, odd, FLOATS(low, low, low, low, low, low, 300, -256));
        expect_cast(type, DTYPE_UINT32, 8, odd, FLOATS(0, 0, 0, 3e9f, 0, 0, 300, 0x1p32f - 256));
        expect_cast(type, DTYPE_INT64, 8, odd, FLOATS(lowest, lowest, lowest, 3e9f, lowest, lowest, 300, -256));
    }
    expect_cast(DTYPE_DOUBLE, DTYPE_INT64, 2, FLOATS(-2.5f, 0x1p62f), FLOATS(-2, 0x1p62f));
    expect_cast(DTYPE_FLOAT, DTYPE_INT32, 3, FLOATS(1.9f, -0x1p31f, 2147483520), FLOATS(1, -0x1p31f, 2147483520));
    expect_cast(DTYPE_FLOAT, DTYPE_BOOL, 4, FLOATS(0, 0.25f, -3, -0.0f), FLOATS(0, 1, 1, 0));
    expect_cast(DTYPE_INT64, DTYPE_INT8, 3, FLOATS(127, 128, -129), FLOATS(127, -128, 127));
    expect_cast(DTYPE_INT32, DTYPE_UINT8, 3, FLOATS(255, 256, -1), FLOATS(255, 0, 255));
    expect_cast(DTYPE_FLOAT, DTYPE_FLOAT16, 3, FLOATS(1.0009765625f, 2049, 70000),
                FLOATS(1.0009765625f, 2048, INFINITY));
    expect_cast(DTYPE_FLOAT, DTYPE_BFLOAT16, 2, FLOATS(257, -1.5f), FLOATS(256, -1.5f));
    expect_cast(DTYPE_BOOL, DTYPE_DOUBLE, 2, FLOATS(1, 0), FLOATS(1, 0));
}

static void unsigned_numbers_keep_their_value(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Cast", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_UINT64, DIMS(1), NULL);
    *(uint64_t *)fixture.inputs[0].data = (uint64_t)1 << 63;
    fixture_int(&fixture, "to", DTYPE_FLOAT);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1), FLOATS(0x1p63f), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Cast", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1), FLOATS(1));
    fixture_int(&fixture, "to", DTYPE_STRING);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Cast", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1), FLOATS(1));
    fixture_int(&fixture, "to", INT64_MAX);
    expect_refusal(&fixture);
}

static void expands_and_tiles(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Expand", 13, 2, 1);
    fixture_input(&fixture, 0, DTYPE_UINT8, DIMS(2, 1), FLOATS(1, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(3), FLOATS(2, 1, 3));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 3), FLOATS(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Tile", 13, 2, 1);
    fixture_input(&fixture, 0, DTYPE_INT64, DIMS(2, 2), FLOATS(1, 2, 3, 4));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(2, 2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(4, 4), FLOATS(1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4), 0);
    fixture_end(&fixture);
}

static void refuse_sizes(const char *op_type, int count, int64_t first)
{
    struct fixture fixture;
    fixture_start(&fixture, "", op_type, 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(count), NULL);
    for (int i = 0; i < count; i++)
        ((int64_t *)fixture.inputs[1].data)[i] = i == 0 ? first : 1;
    expect_refusal(&fixture);
}

static void hostile_sizes_are_refused(void **state)
{
    (void)state;
    refuse_sizes("Tile", 2, INT64_MAX);
    refuse_sizes("Tile", 2, -1);
    refuse_sizes("Tile", 3, 1);
    refuse_sizes("Expand", 2, 3);
    refuse_sizes("Expand", 3, -1);
    refuse_sizes("Expand", 3, INT64_MAX);
    refuse_sizes("Expand", 9, 1);
    refuse_sizes("TopK", 1, 4);
    refuse_sizes("TopK", 1, -1);
    refuse_sizes("CumSum", 1, 2);
    refuse_sizes("CumSum", 2, 0);
}

static void run_range(enum dtype dtype, const float *bounds, int64_t count, const float *expected)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "Range", 11, 3, 1);
    for (int i = 0; i < 3; i++)
        fixture_input(&fixture, i, dtype, SCALAR_DIMS, &bounds[i]);
    fixture_run(&fixture);
    expect_output(&fixture, 0, 1, &count, expected, 1e-6);
    fixture_end(&fixture);
}

static void refuse_range(int64_t start, int64_t limit, int64_t delta)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "Range", 11, 3, 1);
    integer_input(&fixture, 0, start);
    integer_input(&fixture, 1, limit);
    integer_input(&fixture, 2, delta);
    expect_refusal(&fixture);
}

static void ranges(void **state)
{
    struct fixture fixture;
    (void)state;
    run_range(DTYPE_INT64, FLOATS(10, 3, -3), 3, FLOATS(10, 7, 4));
    run_range(DTYPE_INT32, FLOATS(1, 1, 1), 0, NULL);
    run_range(DTYPE_FLOAT, FLOATS(0, 1, 0.25f), 4, FLOATS(0, 0.25f, 0.5f, 0.75f));
    run_range(DTYPE_DOUBLE, FLOATS(1, 0, 1), 0, NULL);
    refuse_range(0, 10, 0);
    refuse_range(INT64_MIN, INT64_MAX, 1);
    refuse_range(0, INT64_MAX, 1);
    refuse_range(0, -1, INT64_MIN);
    fixture_start(&fixture, "", "Range", 11, 3, 1);
    for (int i = 0; i < 3; i++)
        fixture_input(&fixture, i, DTYPE_FLOAT, SCALAR_DIMS, FLOATS(NAN));
    expect_refusal(&fixture);
}

static void run_top_k(int largest, const float *values, const float *places)
{
    struct fixture fixture;
    fixture_start(&fixture, "", "TopK", 11, 2, 2);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(7), FLOATS(1, 3, NAN, 3, -0.0f, 0, -5));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1), FLOATS(4));
    fixture_int(&fixture, "largest", largest);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(4), values, 0);
    expect_output(&fixture, 1, DIMS(4), places, 0);
    fixture_end(&fixture);
}

static void top_k_takes_the_first_of_equals(void **state)
{
    struct fixture fixture;
    (void)state;
    run_top_k(1, FLOATS(NAN, 3, 3, 1), FLOATS(2, 1, 3, 0));
    run_top_k(0, FLOATS(-5, 0, 0, 1), FLOATS(6, 4, 5, 0));
    fixture_start(&fixture, "", "TopK", 7, 1, 2);
    fixture_input(&fixture, 0, DTYPE_INT64, DIMS(2, 3), FLOATS(1, 5, 3, 4, 2, 3));
    fixture_int(&fixture, "k", 1);
    fixture_int(&fixture, "axis", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 3), FLOATS(4, 5, 3), 0);
    expect_output(&fixture, 1, DIMS(1, 3), FLOATS(1, 0, 0), 0);
    fixture_end(&fixture);
}

static void sums_and_products_run_along(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "CumProd", 26, 2, 1);
    fixture_input(&fixture, 0, DTYPE_INT32, DIMS(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    integer_input(&fixture, 1, -1);
    fixture_int(&fixture, "exclusive", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 3), FLOATS(1, 1, 2, 1, 4, 20), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "CumSum", 14, 2, 1);
    fixture_input(&fixture, 0, DTYPE_DOUBLE, DIMS(2, 2, 2), FLOATS(1, 2, 3, 4, 5, 6, 7, 8));
    integer_input(&fixture, 1, 1);
    fixture_int(&fixture, "reverse", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 2), FLOATS(4, 6, 3, 4, 12, 14, 7, 8), 0);
    fixture_end(&fixture);
}

static void one_hot_leaves_out_what_is_outside(void **state)
{
    struct fixture fixture;
    (void)state;
    static const int opsets[] = {9, 11}; /* from 11 on, negative indices count from the end */
    for (int i = 0; i < 2; i++) {
        fixture_start(&fixture, "", "OneHot", opsets[i], 3, 1);
        fixture_input(&fixture, 0, DTYPE_INT64, DIMS(4), NULL);
        memcpy(fixture.inputs[0].data, (const int64_t[]){0, -1, INT64_MAX, INT64_MIN}, 4 * sizeof(int64_t));
        integer_input(&fixture, 1, 2);
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(-1, 7));
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(4, 2), FLOATS(7, -1, -1, i == 1 ? 7 : -1, -1, -1, -1, -1), 0);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "", "OneHot", 11, 3, 1);
    fixture_input(&fixture, 0, DTYPE_INT64, DIMS(4), NULL);
    integer_input(&fixture, 1, -2);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(0, 1));
    expect_refusal(&fixture);
}

static void diagonals_far_away(void **state)
{
    static const int64_t places[] = {INT64_MIN, INT64_MAX};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "Trilu", 14, 2, 1);
        fixture_count_up(&fixture, 0, DIMS(2, 2));
        integer_input(&fixture, 1, places[i]);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), i == 0 ? FLOATS(1, 2, 3, 4) : FLOATS(0, 0, 0, 0), 0);
        fixture_end(&fixture);
        fixture_start(&fixture, "", "EyeLike", 9, 1, 1);
        fixture_count_up(&fixture, 0, DIMS(2, 2));
        fixture_int(&fixture, "k", places[i]);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 2), FLOATS(0, 0, 0, 0), 0);
        fixture_end(&fixture);
    }
}

static void nothing_set_and_nothing_kept(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "NonZero", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_BOOL, DIMS(2, 2), FLOATS(0, 0, 0, 0));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 0), NULL, 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Compress", 11, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_input(&fixture, 1, DTYPE_BOOL, DIMS(1), FLOATS(0));
    fixture_int(&fixture, "axis", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0, 2), NULL, 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "Compress", 11, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_input(&fixture, 1, DTYPE_BOOL, DIMS(3), FLOATS(1, 1, 1));
    fixture_int(&fixture, "axis", 0);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Unique", 11, 1, 4);
    fixture_input(&fixture, 0, DTYPE_INT64, DIMS(0), NULL);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0), NULL, 0);
    fixture_end(&fixture);
}

static void refuse_blocks(const char *op_type, int64_t block)
{
    struct fixture fixture;
    fixture_start(&fixture, "", op_type, 13, 1, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 6, 3, 3));
    fixture_int(&fixture, "blocksize", block);
    expect_refusal(&fixture);
}

static void blocks_and_sequences_that_do_not_fit_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "DepthToSpace" : "SpaceToDepth";
        refuse_blocks(name, 0);
        refuse_blocks(name, -2);
        refuse_blocks(name, 2);
        refuse_blocks(name, INT64_MAX);
        refuse_blocks(name, INT32_MAX);
    }
    for (int64_t length = -1; length < 4; length += 4) {
        fixture_start(&fixture, "", "ReverseSequence", 10, 2, 1);
        fixture_count_up(&fixture, 0, DIMS(2, 1));
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1), FLOATS((float)length));
        expect_refusal(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(casts_truncate_and_wrap),
        cmocka_unit_test(unsigned_numbers_keep_their_value),
        cmocka_unit_test(expands_and_tiles),
        cmocka_unit_test(hostile_sizes_are_refused),
        cmocka_unit_test(ranges),
        cmocka_unit_test(top_k_takes_the_first_of_equals),
        cmocka_unit_test(sums_and_products_run_along),
        cmocka_unit_test(one_hot_leaves_out_what_is_outside),
        cmocka_unit_test(diagonals_far_away),
        cmocka_unit_test(nothing_set_and_nothing_kept),
        cmocka_unit_test(blocks_and_sequences_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
