/* Elements in the typed lists of TensorProto, in raw_data and in sparse tensors. */
#include "onnx_fixture.h"

#include <math.h>

static const char *path, *model_path;

static struct error failure;

/* Reads `message` (freed) as a tensor file; *tensor is released by the caller. Returns whether it could be read. */
static bool read_message(struct context *context, struct message *message, struct tensor *tensor)
{
    failure = (struct error)ERROR_INITIALISER;
    *tensor = (struct tensor){0};
    write_bytes(path, message->bytes, message->length);
    free(message->bytes);
    *message = (struct message){0};
    int result = tensor_proto_read(context->memory, path, tensor, &failure);
    return result == 0;
}

/* A tensor of `count` elements; `packed` has the content of list `field`. */
static struct message make_tensor(enum dtype dtype, int64_t count, unsigned field, struct message *packed)
{
    struct message message = {0};
    put_int(&message, 1, count);
    put_int(&message, 2, (int64_t)dtype);
    put_message(&message, field, packed);
    return message;
}

static void check_list(enum dtype dtype, unsigned field, const int64_t *values, const double *expected, int count)
{
    struct context *context = make_context();
    struct message packed = {0};
    struct tensor tensor;
    for (int i = 0; i < count; i++)
        put_varint(&packed, (uint64_t)values[i]);
    struct message message = make_tensor(dtype, count, field, &packed);
    assert_true(read_message(context, &message, &tensor));
    assert_int_equal(tensor.dtype, dtype);
    assert_int_equal(shape_count(&tensor.shape), count);
    for (int i = 0; i < count; i++)
        assert_true(tensor_number(&tensor, i) == expected[i]);
    tensor_release(context->memory, &tensor);
    assert_int_equal(context_destroy(context), 0);
}

#define CHECK_LIST(dtype, field, ...)                                                                                  \
    check_list(dtype, field, (const int64_t[]){__VA_ARGS__}, (const double[]){__VA_ARGS__},                            \
               (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static void test_integer_lists(void **state)
{
    (void)state;
    CHECK_LIST(DTYPE_INT32, 5, 0, 1, -1, INT32_MAX, INT32_MIN);
    CHECK_LIST(DTYPE_INT16, 5, 0, -32768, 32767);
    CHECK_LIST(DTYPE_INT8, 5, 0, -128, 127, 5);
    CHECK_LIST(DTYPE_UINT16, 5, 0, 65535, 300);
    CHECK_LIST(DTYPE_UINT8, 5, 0, 255, 128);
    CHECK_LIST(DTYPE_BOOL, 5, 0, 1, 1, 0);
    CHECK_LIST(DTYPE_INT64, 7, 0, -1, (int64_t)1 << 40, -((int64_t)1 << 50));
    CHECK_LIST(DTYPE_UINT32, 11, 0, 4294967295, 7);
    CHECK_LIST(DTYPE_UINT64, 11, 0, (int64_t)1 << 52, 7);
}

static void test_half_lists(void **state)
{
    (void)state;
    static const int64_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555};
    static const double half_values[] = {1, -2, 0x1p-24, 65504, 0x1.554p-2};
    check_list(DTYPE_FLOAT16, 5, halves, half_values, 5);
    static const int64_t brains[] = {0x3f80, 0xc000, 0x3eab, 0x0001};
    static const double brain_values[] = {1, -2, 0x1.56p-2, 0x1p-133};
    check_list(DTYPE_BFLOAT16, 5, brains, brain_values, 4);
}

/* Floats of 8 bits by their code, one an entry; narrower elements by their bytes, the first in the lowest bits. */
static void test_small_lists(void **state)
{
    (void)state;
    static const int64_t codes[] = {0x38, 0xb8, 0x7e, 0x01};
    static const double e4m3[] = {1, -1, 448, 0x1p-9}, powers[] = {0x1p-71, 0x1p57, 0x1p-1, 0x1p-126};
    check_list(DTYPE_FLOAT8E4M3FN, 5, codes, e4m3, 4);
    check_list(DTYPE_FLOAT8E8M0, 5, codes, powers, 4);
    struct {
        enum dtype dtype;
        int64_t count;
        const char *bytes; /* 2 */
        double expected[8];
    } packed[] = {
        {DTYPE_INT4, 3, "\x8f\x07", {-1, -8, 7}},
        {DTYPE_UINT4, 4, "\x8f\x17", {15, 8, 7, 1}},
        {DTYPE_FLOAT4E2M1, 3, "\x8f\x05", {-6, -0.0, 3}},
        {DTYPE_INT2, 5, "\x1b\x02", {-1, -2, 1, 0, -2}},
        {DTYPE_UINT2, 8, "\x1b\xe4", {3, 2, 1, 0, 0, 1, 2, 3}},
    };
    struct context *context = make_context();
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        for (int raw = 0; raw < 2; raw++) {
            struct message list = {0};
            for (int k = 0; k < 2 && !raw; k++)
                put_varint(&list, (unsigned char)packed[i].bytes[k]);
            if (raw)
                put(&list, packed[i].bytes, 2);
            struct message message = make_tensor(packed[i].dtype, packed[i].count, raw ? 9 : 5, &list);
            struct tensor tensor;
            assert_true(read_message(context, &message, &tensor));
            for (int64_t k = 0; k < packed[i].count; k++)
                assert_true(tensor_number(&tensor, k) == packed[i].expected[k]);
            tensor_release(context->memory, &tensor);
        }
    }
    assert_int_equal(context_destroy(context), 0);
}

static void test_float_lists(void **state)
{
    (void)state;
    struct context *context = make_context();
    const float floats[3] = {1.5f, -0.0f, INFINITY};
    const double doubles[3] = {M_PI, -1e300, 0x1p-1074};
    struct message packed = {0};
    struct tensor tensor;
    put(&packed, floats, sizeof floats);
    struct message message = make_tensor(DTYPE_FLOAT, 3, 4, &packed);
    assert_true(read_message(context, &message, &tensor));
    assert_memory_equal(tensor.data, floats, sizeof floats);
    tensor_release(context->memory, &tensor);
    put(&packed, doubles, sizeof doubles);
    message = make_tensor(DTYPE_DOUBLE, 3, 10, &packed);
    assert_true(read_message(context, &message, &tensor));
    assert_memory_equal(tensor.data, doubles, sizeof doubles);
    tensor_release(context->memory, &tensor);

    /* One by one instead of packed, as old writers do. */
    put_int(&message, 1, 3);
    put_int(&message, 2, DTYPE_FLOAT);
    for (int i = 0; i < 3; i++) {
        put_varint(&message, 4 << 3 | 5);
        put(&message, &floats[i], sizeof floats[i]);
    }
    assert_true(read_message(context, &message, &tensor));
    assert_memory_equal(tensor.data, floats, sizeof floats);
    tensor_release(context->memory, &tensor);
    assert_int_equal(context_destroy(context), 0);
}

static void check_refused(struct context *context, struct message *message, const char *reason)
{
    struct tensor tensor;
    assert_false(read_message(context, message, &tensor));
    if (!strstr(failure.message, reason) || strchr(failure.message, '\n') || !strstr(failure.message, path))
        fail_msg("\"%s\" does not say \"%s\"", failure.message, reason);
    assert_int_equal(error_code(&failure), 2);
}

static void test_refused(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct message packed = {0};
    put(&packed, "12345678", 8);
    struct message message = make_tensor(DTYPE_FLOAT, 3, 4, &packed);
    check_refused(context, &message, "holds 2 elements, its shape says 3");
    put(&packed, "12345678", 8);
    message = make_tensor(DTYPE_FLOAT, 3, 9, &packed);
    check_refused(context, &message, "has 8 bytes of data, its shape and type need 12");
    put(&packed, "12345678", 8);
    message = make_tensor(DTYPE_INT4, 17, 9, &packed);
    check_refused(context, &message, "has 8 bytes of data, its shape and type need 9");
    put(&packed, "12345678", 8);
    message = make_tensor(DTYPE_UINT2, 28, 9, &packed);
    check_refused(context, &message, "has 8 bytes of data, its shape and type need 7");
    for (int i = 0; i < 3; i++)
        put_varint(&packed, 1);
    message = make_tensor(DTYPE_UINT4, 3, 5, &packed);
    check_refused(context, &message, "holds 3 bytes, its shape says 2");
    for (int i = 0; i < 3; i++)
        put_varint(&packed, 1);
    message = make_tensor(DTYPE_FLOAT8E5M2, 6, 5, &packed);
    check_refused(context, &message, "holds 3 elements, its shape says 6");
    put(&packed, "12345678", 8);
    message = make_tensor((enum dtype)77, 2, 9, &packed);
    check_refused(context, &message, "has no known element type (77)");
    put(&packed, "12345678", 8);
    message = make_tensor(DTYPE_FLOAT, -1, 9, &packed);
    check_refused(context, &message, "tensor ''");
    put(&packed, "12345678", 8);
    message = make_tensor(DTYPE_FLOAT, (int64_t)1 << 62, 9, &packed);
    check_refused(context, &message, "tensor ''");
    for (int i = 0; i < 9; i++)
        put_int(&message, 1, 1);
    put_int(&message, 2, DTYPE_FLOAT);
    check_refused(context, &message, "too many dimensions (limit 8)");
    assert_int_equal(context_destroy(context), 0);
}

/* ---- sparse initialisers ---- */

/* A model with the sparse initialiser "w" of shape 2x3, written to model_path. */
static void write_sparse_model(const int64_t *indices, int rank)
{
    struct message graph = {0}, sparse = {0}, values = {0}, places = {0};
    const float elements[2] = {1.5f, -2.0f};
    put_int(&values, 1, 2);
    put_int(&values, 2, DTYPE_FLOAT);
    put_text(&values, 8, "w");
    put_data(&values, 9, elements, sizeof elements);
    put_int(&places, 1, 2);
    if (rank == 2)
        put_int(&places, 1, 2);
    put_int(&places, 2, DTYPE_INT64);
    put_data(&places, 9, indices, (size_t)rank * 2 * sizeof *indices);
    put_message(&sparse, 1, &values);
    put_message(&sparse, 2, &places);
    put_int(&sparse, 3, 2);
    put_int(&sparse, 3, 3);
    put_message(&graph, 15, &sparse);
    struct message node = make_node("Relu", "w", NULL, "y"), output = make_value("y", 2);
    put_message(&graph, 1, &node);
    put_message(&graph, 12, &output);
    write_model(model_path, &graph);
}

static void check_sparse(const int64_t *indices, int rank, const float expected[6])
{
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    write_sparse_model(indices, rank);
    struct model *model = model_load(context, model_path, &error);
    assert_string_equal(error.message, "");
    const struct tensor *tensor = constant_data(graph_find_value(model->graph, "w")->constant, &error);
    assert_non_null(tensor);
    assert_int_equal(tensor->shape.dims[1], 3);
    assert_memory_equal(tensor->data, expected, 6 * sizeof *expected);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

static void test_sparse(void **state)
{
    (void)state;
    check_sparse((const int64_t[]){1, 5}, 1, (const float[]){0, 1.5f, 0, 0, 0, -2.0f});
    check_sparse((const int64_t[]){0, 2, 1, 0}, 2, (const float[]){0, 0, 1.5f, -2.0f, 0, 0});
    static const int64_t bad[][4] = {{0, 6}, {-1, 0}, {0, 3, 1, 0}, {2, 0, 1, 0}};
    for (int i = 0; i < 4; i++) {
        struct context *context = make_context();
        struct error error = ERROR_INITIALISER;
        write_sparse_model(bad[i], i < 2 ? 1 : 2);
        assert_null(model_load(context, model_path, &error));
        assert_non_null(strstr(error.message, "sparse tensor 'w': index"));
        assert_int_equal(context_destroy(context), 0);
    }
}

int main(void)
{
    path = temporary_path("tensor.pb");
    model_path = temporary_path("model.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_lists), cmocka_unit_test(test_half_lists), cmocka_unit_test(test_small_lists),
        cmocka_unit_test(test_float_lists),   cmocka_unit_test(test_refused),    cmocka_unit_test(test_sparse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
