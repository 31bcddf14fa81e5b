/* BitCast: known patterns of bits, there and back for every pair of one width, refusals. */
#include <stdint.h>

#include "node_fixture.h"

static void start_bitcast(struct fixture *fixture, enum dtype from, int64_t to, int rank, const int64_t *dims,
                          const float *elements)
{
    fixture_start(fixture, "", "BitCast", 26, 1, 1);
    assert_int_equal(node_set_int(fixture->node, "to", to, &fixture->error), 0);
    fixture_input(fixture, 0, from, rank, dims, elements);
}

static void bits_of_one_and_minus_zero(void **state)
{
    (void)state;
    struct fixture fixture;
    start_bitcast(&fixture, DTYPE_FLOAT, DTYPE_INT32, DIMS(2), FLOATS(1, -0.0f));
    fixture_run(&fixture);
    assert_int_equal(fixture.outputs[0].dtype, DTYPE_INT32);
    assert_int_equal(((int32_t *)fixture.outputs[0].data)[0], 0x3f800000);
    assert_int_equal(((int32_t *)fixture.outputs[0].data)[1], INT32_MIN);
    fixture_end(&fixture);
    start_bitcast(&fixture, DTYPE_INT8, DTYPE_UINT8, DIMS(1, 2), FLOATS(-1, 5));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2), FLOATS(255, 5), 0);
    fixture_end(&fixture);
    start_bitcast(&fixture, DTYPE_FLOAT16, DTYPE_UINT16, DIMS(2), FLOATS(1, -2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2), FLOATS(0x3c00, 0xc000), 0);
    fixture_end(&fixture);
}

/* More elements than are converted at once, the last block not full. */
static void long_tensors_come_whole(void **state)
{
    (void)state;
    struct fixture fixture;
    enum { COUNT = 1234 };
    start_bitcast(&fixture, DTYPE_INT64, DTYPE_DOUBLE, DIMS(COUNT), NULL);
    for (int64_t i = 0; i < COUNT; i++)
        ((int64_t *)fixture.inputs[0].data)[i] = (int64_t)(UINT64_C(0x3ff0000000000000) + (uint64_t)i * 7919);
    fixture_run(&fixture);
    assert_memory_equal(fixture.outputs[0].data, fixture.inputs[0].data, COUNT * sizeof(int64_t));
    assert_true(((double *)fixture.outputs[0].data)[0] == 1);
    fixture_end(&fixture);
}

static void other_widths_and_strings_are_refused(void **state)
{
    (void)state;
    static const int64_t types[] = {DTYPE_INT64, DTYPE_STRING, 0, -1, 1000};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct fixture fixture;
        start_bitcast(&fixture, DTYPE_FLOAT, types[i], DIMS(3), NULL);
        expect_refusal(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_of_one_and_minus_zero),
        cmocka_unit_test(long_tensors_come_whole),
        cmocka_unit_test(other_widths_and_strings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
