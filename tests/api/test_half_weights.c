/* Products with weights in half precision: what they give is what the rounded weights give, and what half precision
 * does not hold stays float32. The models are made here: one product, of a matrix or a convolution, with random
 * weights. */
#include <math.h>

#include "../temporary.h"
#include "fovea.h"
#include "tensor/dtype.h"

enum { INPUTS = 64, OUTPUTS = 40, WEIGHTS = INPUTS * OUTPUTS, MOST = 65536 };

struct bytes {
    unsigned char data[MOST];
    size_t length;
};

static void put_number(struct bytes *to, size_t value)
{
    for (; value > 127; value >>= 7)
        to->data[to->length++] = (unsigned char)(value | 128);
    to->data[to->length++] = (unsigned char)value;
}

static void put_field(struct bytes *to, int field, size_t value)
{
    put_number(to, (size_t)field << 3);
    put_number(to, value);
}

static void put_bytes(struct bytes *to, int field, const void *data, size_t length)
{
    put_number(to, (size_t)field << 3 | 2);
    put_number(to, length);
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

static void put_text(struct bytes *to, int field, const char *text)
{
    put_bytes(to, field, text, strlen(text));
}

static void put_message(struct bytes *to, int field, const struct bytes *message)
{
    put_bytes(to, field, message->data, message->length);
}

/* A float value of the graph with these sizes. */
static void put_value(struct bytes *graph, int field, const char *name, const int *dims, int rank)
{
    static struct bytes shape, dimension, tensor, type, value;
    shape.length = tensor.length = type.length = value.length = 0;
    for (int i = 0; i < rank; i++) {
        dimension.length = 0;
        put_field(&dimension, 1, (size_t)dims[i]);
        put_message(&shape, 1, &dimension);
    }
    put_field(&tensor, 1, 1);
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &type);
    put_message(graph, field, &value);
}

/* y = x w: [rows, 64] x [64, 40], or a 1x1 convolution of `rows` cells. */
static void make_model(struct bytes *file, bool convolution, int rows, const float *weights)
{
    static struct bytes node, tensor, graph, opset;
    const int x[4] = {1, INPUTS, 1, rows}, w[4] = {OUTPUTS, INPUTS, 1, 1}, y[4] = {1, OUTPUTS, 1, rows};
    const int x_matrix[2] = {rows, INPUTS}, w_matrix[2] = {INPUTS, OUTPUTS}, y_matrix[2] = {rows, OUTPUTS};
    int rank = convolution ? 4 : 2;
    node.length = tensor.length = graph.length = opset.length = file->length = 0;
    put_text(&node, 1, "x");
    put_text(&node, 1, "w");
    put_text(&node, 2, "y");
    put_text(&node, 4, convolution ? "Conv" : "MatMul");
    for (int i = 0; i < rank; i++)
        put_field(&tensor, 1, (size_t)(convolution ? w : w_matrix)[i]);
    put_field(&tensor, 2, 1);
    put_text(&tensor, 8, "w");
    put_bytes(&tensor, 9, weights, WEIGHTS * sizeof *weights);
    put_message(&graph, 1, &node);
    put_text(&graph, 2, "product");
    put_message(&graph, 5, &tensor);
    put_value(&graph, 11, "x", convolution ? x : x_matrix, rank);
    put_value(&graph, 12, "y", convolution ? y : y_matrix, rank);
    put_field(&opset, 2, 17);
    put_field(file, 1, 8);
    put_message(file, 7, &graph);
    put_message(file, 8, &opset);
}

static int notes;

static void count_note(void *user, const char *text)
{
    (void)user;
    notes += strcmp(text, "weights in half precision") == 0;
}

/* The outputs of random inputs, for free(). */
static float *run(const struct bytes *file, bool half, int threads, size_t *bytes)
{
    struct fovea_error error = {0};
    struct fovea_options options = {.threads = threads, .half_weights = half, .note = count_note};
    struct fovea *fovea = fovea_open(&options, &error);
    struct fovea_model *model = fovea_model_load_memory(fovea, file->data, file->length, "product", &error);
    assert_string_equal(error.message, "");
    struct fovea_session *session = fovea_session_open(model, &(struct fovea_session_options){.noise = true}, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(fovea_session_run(session, &error), 0);
    struct fovea_tensor output = fovea_session_output(session, 0);
    float *copy = malloc(output.bytes);
    memcpy(copy, output.data, output.bytes);
    *bytes = output.bytes;
    fovea_session_free(session);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
    return copy;
}

/* In [-1, 1), some far smaller. */
static void fill(float weights[WEIGHTS])
{
    uint32_t state = 1;
    for (int i = 0; i < WEIGHTS; i++) {
        state = state * 1664525u + 1013904223u;
        weights[i] = ((float)(state >> 8) / 8388608.0f - 1) * (i % 5 ? 1 : 1e-5f);
    }
}

static void check_form(bool convolution, int rows)
{
    static struct bytes file, rounded_file;
    float weights[WEIGHTS], rounded[WEIGHTS];
    size_t bytes;
    fill(weights);
    for (int i = 0; i < WEIGHTS; i++)
        rounded[i] = half_to_float(float_to_half(weights[i]));
    make_model(&file, convolution, rows, weights);
    make_model(&rounded_file, convolution, rows, rounded);
    notes = 0;
    float *plain = run(&file, false, 1, &bytes), *expected = run(&rounded_file, false, 1, &bytes);
    assert_int_equal(notes, 0);
    for (int threads = 1; threads <= 3; threads++) {
        float *half = run(&file, true, threads, &bytes);
        assert_memory_equal(half, expected, bytes);
        assert_memory_not_equal(half, plain, bytes);
        assert_int_equal(notes, threads);
        free(half);
    }
    free(plain);
    free(expected);
}

static void test_rounded(void **state)
{
    (void)state;
    static const int rows[] = {1, 3, 4, 5, 23, 200};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_form(false, rows[i]);
        check_form(true, rows[i]);
    }
}

/* One number beyond half precision: nothing is rounded. */
static void test_beyond(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        static struct bytes file;
        float weights[WEIGHTS];
        size_t bytes;
        fill(weights);
        weights[WEIGHTS - 7] = -70000;
        make_model(&file, form % 2, form < 2 ? 2 : 50, weights);
        notes = 0;
        float *plain = run(&file, false, 1, &bytes), *half = run(&file, true, 2, &bytes);
        assert_memory_equal(plain, half, bytes);
        assert_int_equal(notes, 0);
        free(plain);
        free(half);
    }
}

/* Parameters are not trained so. */
static void test_training(void **state)
{
    (void)state;
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1, .half_weights = true}, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    struct fovea_tune_options options = fovea_tune_options_default();
    struct fovea_tune tune;
    options.data.path = "models/images";
    assert_int_equal(fovea_tune(model, &options, temporary_path("never.onnx"), true, NULL, &tune, &error), -1);
    assert_non_null(strstr(error.message, "leave out `half_weights`"));
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounded), cmocka_unit_test(test_beyond),
                                       cmocka_unit_test(test_training)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
