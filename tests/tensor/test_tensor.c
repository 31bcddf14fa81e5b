/* Element types, shapes and .npy files. */
#include <math.h>

#include "../temporary.h"
#include "base/file.h"
#include "base/random.h"
#include "tensor/compare.h"
#include "tensor/npy.h"

/* Every half and bfloat16 survives the way to float and back; values between round to nearest even. */
static void test_half(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float half = half_to_float((uint16_t)bits), brain = bfloat16_to_float((uint16_t)bits);
        if (!isnan(half))
            assert_int_equal(float_to_half(half), bits);
        if (!isnan(brain))
            assert_int_equal(float_to_bfloat16(brain), bits);
    }
    assert_int_equal(float_to_half(1.0f + 0x1p-11f), 0x3c00);            /* tie to even */
    assert_int_equal(float_to_half(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01); /* above the tie */
    assert_int_equal(float_to_half(65520.0f), 0x7c00);
    assert_int_equal(float_to_half(0x1p-25f), 0);
    assert_true(isnan(half_to_float(float_to_half(NAN))));
}

static void test_narrow(void **state)
{
    (void)state;
    const int32_t wide[4] = {-129, 127, 128, 300};
    int8_t narrow[4];
    int32_t back[4], rounded[4] = {-129, 127, 128, 300};
    dtype_narrow(DTYPE_INT8, wide, narrow, 4);
    dtype_widen(DTYPE_INT8, narrow, back, 4);
    dtype_round(DTYPE_INT8, rounded, 4);
    const int32_t expected[4] = {127, 127, -128, 44};
    assert_memory_equal(back, expected, sizeof expected);
    assert_memory_equal(rounded, expected, sizeof expected);
}

static void test_shapes(void **state)
{
    (void)state;
    struct shape shape, other;
    struct error error = ERROR_INITIALISER;
    const int64_t huge[3] = {1 << 30, 1 << 30, 1 << 30}, dims[3] = {2, 1, 4}, more[2] = {3, 1};
    assert_int_equal(shape_set(&shape, 3, huge, &error), -1);
    assert_int_equal(shape_set(&shape, 1, (int64_t[]){-1}, NULL), -1);
    assert_int_equal(shape_set(&shape, 3, dims, NULL), 0);
    assert_int_equal(shape_set(&other, 2, more, NULL), 0);
    assert_int_equal(shape_broadcast(&shape, &other, &other, NULL), 0);
    assert_int_equal(shape_count(&other), 24);
    assert_int_equal(shape_set(&other, 1, (int64_t[]){3}, NULL), 0);
    assert_int_equal(shape_broadcast(&shape, &other, &other, NULL), -1);
    int axis;
    assert_int_equal(shape_axis(-1, 3, &axis, NULL), 0);
    assert_int_equal(axis, 2);
    assert_int_equal(shape_axis(3, 3, &axis, NULL), -1);
}

static int read_bytes(struct memory *memory, const char *bytes, size_t length, struct tensor *tensor)
{
    const char *path = temporary_path("read.npy");
    assert_int_equal(file_write(memory, path, bytes, length, NULL), 0);
    return npy_read(memory, path, tensor, NULL);
}

static size_t make_npy(char *out, const char *header, const void *data, size_t bytes)
{
    size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)length;
    out[9] = (char)(length >> 8);
    memcpy(out + 10, header, length);
    memcpy(out + 10 + length, data, bytes);
    return 10 + length + bytes;
}

static void test_npy(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 24);
    const float data[6] = {1, 2, 3, 4, 5, 6};
    char file[512];
    struct tensor tensor;
    size_t length = make_npy(file, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", data, sizeof data);
    assert_int_equal(read_bytes(memory, file, length, &tensor), 0);
    const float expected[6] = {1, 3, 5, 2, 4, 6};
    assert_memory_equal(tensor.data, expected, sizeof expected);
    const char *path = temporary_path("written.npy");
    struct tensor again;
    assert_int_equal(npy_write(memory, path, &tensor, NULL), 0);
    assert_int_equal(npy_read(memory, path, &again, NULL), 0);
    assert_int_equal(tensor_compare(&again, &tensor, 0, 0).told.mismatches, 0);
    tensor_release(memory, &again);
    tensor_release(memory, &tensor);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(read_bytes(memory, file, cut, &tensor), -1);
    static const char *const hostile[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 6), }\n",
        "{'descr': '|O', 'fortran_order': False, 'shape': (6,), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,6), }\n",
        "{'shape': (6,), }\n",
        "\n"};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        assert_int_equal(read_bytes(memory, file, make_npy(file, hostile[i], data, sizeof data), &tensor), -1);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_compare(void **state)
{
    (void)state;
    float a[4] = {1, NAN, INFINITY, 4}, b[4] = {1.0005f, NAN, INFINITY, 5};
    const struct tensor x = {DTYPE_FLOAT, {2, {2, 2}}, a}, y = {DTYPE_FLOAT, {2, {2, 2}}, b};
    struct comparison comparison = tensor_compare(&x, &y, 1e-3, 0);
    char place[INDEX_TEXT_SIZE];
    assert_int_equal(comparison.told.mismatches, 1);
    assert_string_equal(index_text(&x.shape, comparison.first, place), "[1,1]");
    assert_true(comparison.told.largest == 1 && comparison.told.largest_relative == 0.2);
    assert_int_equal(tensor_compare(&x, &y, 1e-3, 1).told.mismatches, 0);
}

/* Every type, in a buffer with a guard behind it: in range, varied, rounded as the type is, and no byte too far. */
static void test_randomise(void **state)
{
    (void)state;
    enum { COUNT = 1000, GUARD = 64 };
    static unsigned char bytes[COUNT * 8 + GUARD];
    for (int type = 1; type < DTYPE_COUNT; type++) {
        enum dtype dtype = (enum dtype)type;
        if (dtype_storage(dtype) == DTYPE_UNDEFINED)
            continue;
        struct tensor tensor = {dtype, {1, {COUNT}}, bytes};
        struct random random = {.seed = 3};
        bool real = dtype_is_float(dtype) || dtype_is_small_float(dtype);
        bool is_signed = dtype == DTYPE_INT8 || dtype == DTYPE_INT4 || dtype == DTYPE_INT2;
        size_t length = tensor_bytes(&tensor);
        memset(bytes, 0xa5, sizeof bytes);
        tensor_randomise(&tensor, &random);
        for (size_t i = length; i < length + GUARD; i++)
            assert_int_equal(bytes[i], 0xa5);
        double low = (double)INFINITY, high = (double)-INFINITY;
        for (int i = 0; i < COUNT; i++) {
            double number = tensor_number(&tensor, i), kept = number;
            low = fmin(low, number);
            high = fmax(high, number);
            assert_true(isfinite(number) && (real || number == floor(number)));
            dtype_round(dtype, bytes + (size_t)i * (length / COUNT), 1);
            assert_true(tensor_number(&tensor, i) == kept);
        }
        double least = real ? -8 : is_signed ? -ldexp(1, (int)dtype_bits(dtype) - 1) : 0;
        double most = real                                            ? 8
                      : dtype_bits(dtype) <= 8 && dtype != DTYPE_BOOL ? least + ldexp(1, (int)dtype_bits(dtype)) - 1
                                                                      : 1;
        assert_true(low >= least && high <= most && high > low && high > most / 4);
    }
    tensor_randomise(&(struct tensor){DTYPE_FLOAT, {1, {COUNT}}, NULL}, &(struct random){0}); /* nobody reads it */
}

/* Elements that no storage type holds are no numbers, and are not looked for. */
static void test_types_without_numbers(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_STRING, DTYPE_COMPLEX64, DTYPE_UNDEFINED};
    for (int i = 0; i < 3; i++) {
        const struct tensor tensor = {types[i], {1, {2}}, NULL};
        assert_int_equal(dtype_storage(types[i]), DTYPE_UNDEFINED);
        assert_true(isnan(tensor_number(&tensor, 1)));
        assert_true(tensor_int(&tensor, 1) == INT64_MIN);
        tensor_set_number(&tensor, 1, 3);
    }
    const int64_t large[2] = {INT64_MAX, INT64_MIN};
    const struct tensor tensor = {DTYPE_INT64, {1, {2}}, (void *)large};
    assert_true(tensor_int(&tensor, 0) == INT64_MAX && tensor_int(&tensor, 1) == INT64_MIN);
    const float half[2] = {-2.5f, 0};
    const struct tensor number = {DTYPE_FLOAT, {1, {2}}, (void *)half};
    assert_true(tensor_int(&number, 0) == -2 && tensor_number(&number, 0) == -2.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_half),
                                       cmocka_unit_test(test_narrow),
                                       cmocka_unit_test(test_shapes),
                                       cmocka_unit_test(test_npy),
                                       cmocka_unit_test(test_compare),
                                       cmocka_unit_test(test_randomise),
                                       cmocka_unit_test(test_types_without_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
