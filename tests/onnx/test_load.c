/* Loading: real files, and files made to hurt. */
#include "onnx_fixture.h"
#include <dirent.h>

/* Loads bytes from a file; the error is left in *error, nothing leaks. Returns whether it loaded. */
static bool load_bytes(const void *bytes, size_t length, struct error *error)
{
    struct context *context = make_context();
    *error = (struct error)ERROR_INITIALISER;
    const char *path = temporary_path("model.onnx");
    write_bytes(path, bytes, length);
    struct model *model = model_load(context, path, error);
    bool loaded = model != NULL;
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    return loaded;
}

static void test_shipped_model(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct model *model = model_load(context, "models/fashion_mnist.onnx", &error);
    assert_string_equal(error.message, "");
    assert_int_equal(model->graph->input_count, 1);
    assert_string_equal(model->graph->inputs[0]->name, "image");
    assert_int_equal(model->graph->inputs[0]->declared_rank, 4);
    assert_int_equal(model->graph->inputs[0]->declared[0].size, -1);
    assert_string_equal(model->graph->inputs[0]->declared[0].name, "N");
    assert_int_equal(graph_opset(model->graph, ""), 17);
    assert_non_null(model_metadata(model, "fovea.preprocess"));
    int64_t parameters = 0;
    for (size_t i = 0; i < model->graph->value_count; i++) {
        struct constant *constant = model->graph->values[i]->constant;
        if (constant) {
            assert_non_null(constant_data(constant, &error));
            parameters += shape_count(&constant->tensor.shape);
        }
    }
    assert_true(parameters >= 174778); /* trained parameters; running statistics come on top */
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

static void test_fixtures(void **state)
{
    (void)state;
    struct context *context = make_context();
    DIR *folder = opendir("tests/fixtures");
    assert_non_null(folder);
    int loaded = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        struct error error = ERROR_INITIALISER;
        snprintf(path, sizeof path, "tests/fixtures/%s/model.onnx", entry->d_name);
        if (entry->d_name[0] == '.' || !file_exists(path))
            continue;
        struct model *model = model_load(context, path, &error);
        assert_string_equal(error.message, "");
        struct graph *clone = graph_clone(model->graph, &error);
        assert_non_null(clone);
        assert_int_equal(graph_sort(clone, &error), 0);
        assert_int_equal(graph_verify(clone, &error), 0);
        graph_destroy(clone);
        model_destroy(model);
        loaded++;
    }
    closedir(folder);
    assert_true(loaded >= 18);
    assert_int_equal(context_destroy(context), 0);
}

/* Bytes of a model whose graph nests `depth` subgraphs, built from the inside out. */
static unsigned char *nested(size_t depth, size_t *length)
{
    size_t room = depth * 20 + 64, start = room;
    unsigned char *bytes = calloc(room, 1);
    assert_non_null(bytes);
    static const unsigned char tags[3] = {0x32, 0x2a, 0x0a}; /* attribute.g, node.attribute, graph.node */
    for (size_t level = 0; level <= depth * 3; level++) {
        size_t content = room - start;
        unsigned char header[12];
        int used = 0;
        header[used++] = level == depth * 3 ? 0x3a : tags[level % 3];
        for (; content >= 0x80; content >>= 7)
            header[used++] = (unsigned char)(content | 0x80);
        header[used++] = (unsigned char)content;
        start -= (size_t)used;
        memcpy(bytes + start, header, (size_t)used);
    }
    memmove(bytes, bytes + start, room - start);
    *length = room - start;
    return bytes;
}

static void test_nested_subgraphs(void **state)
{
    (void)state;
    size_t length;
    unsigned char *bytes = nested(100000, &length);
    struct error error;
    assert_false(load_bytes(bytes, length, &error));
    free(bytes);
    assert_non_null(strstr(error.message, "too many nested messages (limit 64)"));
    assert_int_equal(error_code(&error), 2);
}

static void test_empty_nodes(void **state)
{
    (void)state;
    const size_t nodes = 1048576;
    unsigned char *bytes = calloc(nodes * 2 + 8, 1);
    assert_non_null(bytes);
    size_t content = nodes * 2, used = 0;
    bytes[used++] = 0x3a;
    for (; content >= 0x80; content >>= 7)
        bytes[used++] = (unsigned char)(content | 0x80);
    bytes[used++] = (unsigned char)content;
    for (size_t i = 0; i < nodes; i++)
        bytes[used + i * 2] = 0x0a;
    struct error error;
    assert_false(load_bytes(bytes, used + nodes * 2, &error));
    free(bytes);
    assert_non_null(strstr(error.message, "too many nodes (limit 1000000)"));
}

static void test_not_a_model(void **state)
{
    (void)state;
    struct error error;
    assert_false(load_bytes("", 0, &error));
    assert_non_null(strstr(error.message, "is no ONNX model but empty"));
    assert_false(load_bytes("\x0b", 1, &error));
    assert_non_null(strstr(error.message, "not an ONNX model"));
    assert_false(load_bytes("\x89PNG\r\n\x1a\n", 8, &error));
    assert_int_equal(error_code(&error), 2);
}

/* Either a model, or an error with a message and exit code 2. */
static void check_damaged(const unsigned char *bytes, size_t length)
{
    struct error error;
    if (!load_bytes(bytes, length, &error)) {
        assert_string_not_equal(error.message, "");
        assert_int_equal(error_code(&error), 2);
    }
}

/* Cut anywhere or with any byte changed, a small real model gives an error or a model, never a fault or a leak. */
static void test_damage(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    size_t length;
    unsigned char *bytes =
        file_read(context->memory, "tests/fixtures/receptive_field/resnet18.onnx", 1 << 24, &length, &error);
    assert_non_null(bytes);
    for (size_t end = 0; end < length; end += 1 + end / 64)
        check_damaged(bytes, end);
    for (size_t at = 0; at < length; at += 1 + at / 64) {
        for (unsigned flip = 1; flip <= 0x80; flip *= 8) {
            bytes[at] ^= (unsigned char)flip;
            check_damaged(bytes, length);
            bytes[at] ^= (unsigned char)flip;
        }
    }
    memory_release(context->memory, bytes);
    assert_int_equal(context_destroy(context), 0);
}

/* Every allocation fails once: each failure is reported, nothing leaks. */
static void test_failing_allocations(void **state)
{
    (void)state;
    for (size_t n = 1; n < 100000; n += 1 + n / 8) {
        struct context *context = make_context();
        struct error error = ERROR_INITIALISER;
        memory_fail_after(context->memory, n);
        struct model *model = model_load(context, "models/fashion_mnist.onnx", &error);
        memory_fail_after(context->memory, 0);
        bool loaded = model != NULL;
        assert_true(loaded || error.kind != ERROR_NONE);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
        if (loaded)
            return;
    }
    fail_msg("the model never loaded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_model),       cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_nested_subgraphs),    cmocka_unit_test(test_empty_nodes),
        cmocka_unit_test(test_not_a_model),         cmocka_unit_test(test_damage),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
