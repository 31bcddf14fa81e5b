/* An unedited model is saved byte for byte as it was, whatever it holds. */
#include "onnx_fixture.h"

#include "../test_data.h"

static const char *source_path, *saved_path;

static int models;

static void check_round_trip(const char *path)
{
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    assert_non_null(model);
    assert_int_equal(model_save(model, saved_path, &error), 0);
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    size_t before_length, after_length;
    unsigned char *before = read_bytes(path, &before_length), *after = read_bytes(saved_path, &after_length);
    if (before_length != after_length || memcmp(before, after, before_length) != 0)
        fail_msg("%s: %zu bytes became %zu, or other ones", path, before_length, after_length);
    free(before);
    free(after);
    models++;
}

static int visit(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    if (kind == FTW_F && strcmp(path + place->base, "model.onnx") == 0)
        check_round_trip(path);
    return 0;
}

static void test_own_models(void **state)
{
    (void)state;
    models = 0;
    check_round_trip("models/fashion_mnist.onnx");
    assert_int_equal(nftw("tests/fixtures", visit, 16, FTW_PHYS), 0);
    assert_true(models >= 18);
}

static void test_all_models(void **state)
{
    (void)state;
    if (test_data_missing(ONNX_CASES))
        skip();
    models = 0;
    assert_int_equal(nftw(ONNX_CASES, visit, 16, FTW_PHYS), 0);
    assert_true(models >= 1000);
}

/* The message with `extra` behind its content, and behind that of the first message on `path` (0 ends it), and so on.
 */
static struct message inject(const unsigned char *bytes, size_t length, const unsigned *path,
                             const struct message *extra)
{
    struct message result = {0};
    bool found = false;
    for (size_t at = 0; at < length;) {
        size_t start = at;
        uint64_t numbers[2] = {0};
        for (int i = 0; i < 2; i++) {
            unsigned shift = 0;
            do
                numbers[i] |= (uint64_t)(bytes[at] & 0x7f) << shift, shift += 7;
            while (bytes[at++] & 0x80);
            if (i == 0 && (numbers[0] & 7) == 5)
                at += 4;
            if (i == 0 && (numbers[0] & 7) == 1)
                at += 8;
            if (i == 0 && ((numbers[0] & 7) == 5 || (numbers[0] & 7) == 1))
                break;
        }
        if ((numbers[0] & 7) != 2) {
            put(&result, bytes + start, at - start);
            continue;
        }
        if (!found && path[0] && numbers[0] >> 3 == path[0]) {
            struct message child = inject(bytes + at, numbers[1], path + 1, extra);
            put_message(&result, path[0], &child);
            found = true;
        } else {
            put(&result, bytes + start, at - start + numbers[1]);
        }
        at += numbers[1];
    }
    put(&result, extra->bytes, extra->length);
    return result;
}

static void test_unknown_fields(void **state)
{
    (void)state;
    /* model and below it: graph, node, attribute; initialiser; input and its type */
    static const unsigned paths[][4] = {{7, 1, 5, 0}, {7, 5, 0}, {7, 11, 2, 0}, {8, 0}, {14, 0}};
    struct message extra = {0};
    put_int(&extra, 1000, -3);
    put_text(&extra, 536870911, "unknown \xff text");
    put_varint(&extra, 777 << 3 | 5);
    put(&extra, "1234", 4);
    put_varint(&extra, 778 << 3 | 1);
    put(&extra, "12345678", 8);
    static const char *const sources[] = {"models/fashion_mnist.onnx", "tests/fixtures/resnet18/model.onnx"};
    for (size_t i = 0; i < 2; i++) {
        size_t length;
        unsigned char *bytes = read_bytes(sources[i], &length);
        for (size_t k = 0; k < sizeof paths / sizeof paths[0]; k++) {
            struct message model = inject(bytes, length, paths[k], &extra);
            assert_true(model.length > length);
            write_bytes(source_path, model.bytes, model.length);
            free(model.bytes);
            check_round_trip(source_path);
        }
        free(bytes);
    }
    free(extra.bytes);
}

/* Two graph fields (protobuf merges them), and lengths written in more bytes than they need. */
static void test_odd_encodings(void **state)
{
    (void)state;
    struct message model = {0}, graph = {0}, value = make_value("x", 3), node = make_node("Relu", "x", NULL, "y");
    put_int(&model, 1, 8);
    put_message(&graph, 11, &value);
    put_message(&graph, 1, &node);
    put_message(&model, 7, &graph);
    put_data(&model, 8, "\x10\x91\x00", 3); /* opset 17 in two bytes */
    node = make_node("Sigmoid", "y", NULL, "z");
    put_varint(&graph, 1 << 3 | 2);
    put(&graph, &(unsigned char){(unsigned char)(node.length | 0x80)}, 1);
    put(&graph, "\x80\x00", 2);
    put(&graph, node.bytes, node.length);
    free(node.bytes);
    value = make_value("z", 3);
    put_message(&graph, 12, &value);
    put_message(&model, 7, &graph);
    write_bytes(source_path, model.bytes, model.length);
    free(model.bytes);
    check_round_trip(source_path);

    /* Edited, both parts stand in one graph. */
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct model *loaded = model_load(context, source_path, &error);
    assert_non_null(loaded);
    assert_int_equal(loaded->graph->node_count, 2);
    assert_int_equal(node_set_int(loaded->graph->last, "mark", 5, &error), 0);
    assert_int_equal(model_save(loaded, saved_path, &error), 0);
    model_destroy(loaded);
    loaded = model_load(context, saved_path, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(loaded->graph->node_count, 2);
    assert_int_equal(node_attribute(loaded->graph->last, "mark")->i, 5);
    assert_string_equal(loaded->graph->outputs[0]->name, "z");
    model_destroy(loaded);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    source_path = temporary_path("source.onnx");
    saved_path = temporary_path("saved.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_models),
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_odd_encodings),
        cmocka_unit_test(test_all_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
