/* Floats and integers of 8, 4 and 2 bits: their codes, how they round, how they are packed. */
#include <math.h>
#include <string.h>

#include "../temporary.h"
#include "tensor/npy.h"
#include "tensor/small_float.h"

static uint8_t encode(enum dtype dtype, double number, bool overflow, enum power_rounding power)
{
    const struct small_float_rule rule = {overflow, power};
    return small_float_encode(dtype, number, &rule);
}

/* Every code of a number survives the way to float and back, and codes of one sign lie in the order of numbers. */
static void test_codes(void **state)
{
    (void)state;
    static const struct {
        enum dtype dtype;
        int codes, numbers;
        double least, most;
    } types[] = {
        {DTYPE_FLOAT8E4M3FN, 256, 254, 0x1p-9, 448},     {DTYPE_FLOAT8E4M3FNUZ, 256, 255, 0x1p-10, 240},
        {DTYPE_FLOAT8E5M2, 256, 248, 0x1p-16, 57344},    {DTYPE_FLOAT8E5M2FNUZ, 256, 255, 0x1p-17, 57344},
        {DTYPE_FLOAT8E8M0, 256, 255, 0x1p-127, 0x1p127}, {DTYPE_FLOAT4E2M1, 16, 16, 0.5, 6},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        int numbers = 0, half = types[i].dtype == DTYPE_FLOAT8E8M0 ? 256 : types[i].codes / 2;
        double least = (double)INFINITY, most = 0;
        for (int code = 0; code < types[i].codes; code++) {
            float number = small_float_decode(types[i].dtype, (uint8_t)code);
            if (!isnan(number))
                assert_int_equal(encode(types[i].dtype, (double)number, isinf(number), POWER_UP), code);
            if (!isfinite(number))
                continue;
            numbers++;
            least = number > 0 ? fmin(least, (double)number) : least;
            most = fmax(most, (double)number);
            float before = code % half ? small_float_decode(types[i].dtype, (uint8_t)(code - 1)) : NAN;
            assert_true(isnan(before) || fabsf(number) > fabsf(before));
        }
        assert_int_equal(numbers, types[i].numbers);
        assert_true(least == types[i].least && most == types[i].most);
    }
}

/* What Cast says of numbers between and beyond those of the type. */
static void test_rounding(void **state)
{
    (void)state;
    static const struct {
        enum dtype dtype;
        double number;
        uint8_t saturated, overflowed;
    } cases[] = {
        {DTYPE_FLOAT8E4M3FN, 1.0625, 0x38, 0x38},
        {DTYPE_FLOAT8E4M3FN, 1.1875, 0x3a, 0x3a},
        {DTYPE_FLOAT8E4M3FN, 464, 0x7e, 0x7e},
        {DTYPE_FLOAT8E4M3FN, 465, 0x7e, 0x7f},
        {DTYPE_FLOAT8E4M3FN, -(double)INFINITY, 0xfe, 0xff},
        {DTYPE_FLOAT8E4M3FN, 0x1p-10, 0, 0},
        {DTYPE_FLOAT8E4M3FN, 0x1.8p-10, 1, 1},
        {DTYPE_FLOAT8E4M3FN, 1e-300, 0, 0},
        {DTYPE_FLOAT8E4M3FN, -0.0, 0x80, 0x80},
        {DTYPE_FLOAT8E4M3FNUZ, -0.0, 0, 0},
        {DTYPE_FLOAT8E4M3FNUZ, -1e-9, 0, 0},
        {DTYPE_FLOAT8E4M3FNUZ, 1000, 0x7f, 0x80},
        {DTYPE_FLOAT8E4M3FNUZ, (double)NAN, 0x80, 0x80},
        {DTYPE_FLOAT8E5M2, 61440, 0x7b, 0x7c},
        {DTYPE_FLOAT8E5M2, 61439, 0x7b, 0x7b},
        {DTYPE_FLOAT8E5M2, -1e30, 0xfb, 0xfc},
        {DTYPE_FLOAT8E5M2FNUZ, (double)INFINITY, 0x7f, 0x80},
        {DTYPE_FLOAT4E2M1, 2.5, 4, 4},
        {DTYPE_FLOAT4E2M1, 0.25, 0, 0},
        {DTYPE_FLOAT4E2M1, -1e9, 0xf, 0xf},
        /* a rounding to float first would end on the tie */
        {DTYPE_FLOAT8E4M3FN, 1.0625 + 0x1p-40, 0x39, 0x39},
        {DTYPE_FLOAT8E8M0, 0, 0, 0xff},
        {DTYPE_FLOAT8E8M0, (double)INFINITY, 0xfe, 0xff},
        {DTYPE_FLOAT8E8M0, 1e300, 0xfe, 0xff},
        {DTYPE_FLOAT8E8M0, 1e-300, 0, 0xff},
        {DTYPE_FLOAT8E8M0, (double)NAN, 0xff, 0xff},
        {DTYPE_FLOAT8E8M0, -4, 129, 129},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(encode(cases[i].dtype, cases[i].number, false, POWER_UP), cases[i].saturated);
        assert_int_equal(encode(cases[i].dtype, cases[i].number, true, POWER_UP), cases[i].overflowed);
    }
    assert_int_equal(encode(DTYPE_FLOAT8E8M0, 1.01, false, POWER_UP), 128);
    assert_int_equal(encode(DTYPE_FLOAT8E8M0, 1.99, false, POWER_DOWN), 127);
    assert_int_equal(encode(DTYPE_FLOAT8E8M0, 1.49, false, POWER_NEAREST), 127);
    assert_int_equal(encode(DTYPE_FLOAT8E8M0, 1.5, false, POWER_NEAREST), 128);
}

/* Packed, unpacked and rounded in place alike; bytes behind the last stay. */
static void test_packing(void **state)
{
    (void)state;
    static const struct {
        enum dtype dtype;
        int32_t numbers[5], wrapped[5];
        unsigned char bytes[4]; /* the last one is not theirs */
    } cases[] = {
        {DTYPE_INT4, {1, -8, 7, 8, -9}, {1, -8, 7, -8, 7}, {0x81, 0x87, 0x07, 0xa5}},
        {DTYPE_UINT4, {1, 15, 16, -1, 8}, {1, 15, 0, 15, 8}, {0xf1, 0xf0, 0x08, 0xa5}},
        {DTYPE_INT2, {1, -2, -1, 0, 2}, {1, -2, -1, 0, -2}, {0x39, 0x02, 0xa5, 0xa5}},
        {DTYPE_UINT2, {1, 3, 2, 0, 5}, {1, 3, 2, 0, 1}, {0x2d, 0x01, 0xa5, 0xa5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[4] = {0xa5, 0xa5, 0xa5, 0xa5};
        int32_t numbers[5], back[5];
        size_t length;
        memcpy(numbers, cases[i].numbers, sizeof numbers);
        dtype_narrow(cases[i].dtype, numbers, bytes, 5);
        assert_memory_equal(bytes, cases[i].bytes, 4);
        dtype_widen(cases[i].dtype, bytes, back, 5);
        assert_memory_equal(back, cases[i].wrapped, sizeof back);
        dtype_round(cases[i].dtype, numbers, 5);
        assert_memory_equal(numbers, cases[i].wrapped, sizeof numbers);
        assert_int_equal(dtype_file_bytes(cases[i].dtype, 5, &length), 0);
        assert_int_equal(length, dtype_bits(cases[i].dtype) == 4 ? 3 : 2);
    }
    float numbers[3] = {-2.4f, 5.1f, 0.6f}, back[3];
    unsigned char bytes[2];
    dtype_narrow(DTYPE_FLOAT4E2M1, numbers, bytes, 3);
    dtype_widen(DTYPE_FLOAT4E2M1, bytes, back, 3);
    dtype_round(DTYPE_FLOAT4E2M1, numbers, 3);
    assert_true(back[0] == -2 && back[1] == 6 && back[2] == 0.5f && bytes[0] == 0x7c && bytes[1] == 1);
    assert_memory_equal(back, numbers, sizeof back);
}

/* Infinities of float8e5m2 are kept by what moves and saves elements. */
static void test_infinity(void **state)
{
    (void)state;
    float number[2] = {-INFINITY, 1e9f};
    unsigned char bytes[2];
    dtype_round(DTYPE_FLOAT8E5M2, number, 2);
    dtype_narrow(DTYPE_FLOAT8E5M2, number, bytes, 2);
    assert_true(isinf(number[0]) && number[1] == 57344 && bytes[0] == 0xfc);
}

/* numpy has none of these types: the numbers stand in a type that it has. */
static void test_npy(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct memory *memory = memory_create(1 << 20);
    const char *path = temporary_path("small.npy");
    float reals[3] = {448, -0.5f, 0x1p-9f};
    int32_t integers[3] = {-8, 7, 0};
    const struct tensor written[2] = {{DTYPE_FLOAT8E4M3FN, {1, {3}}, reals}, {DTYPE_INT4, {1, {3}}, integers}};
    for (int i = 0; i < 2; i++) {
        struct tensor read;
        assert_int_equal(npy_write(memory, path, &written[i], &error), 0);
        assert_int_equal(npy_read(memory, path, &read, &error), 0);
        assert_int_equal(read.dtype, i ? DTYPE_INT8 : DTYPE_FLOAT);
        assert_memory_equal(read.data, written[i].data, 12);
        tensor_release(memory, &read);
    }
    memory_destroy(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_rounding),
                                       cmocka_unit_test(test_packing), cmocka_unit_test(test_infinity),
                                       cmocka_unit_test(test_npy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
