/* External data: read where it is harmless, refused wherever it points out of the model's folder or is not what the
 * model says; saving beside it and elsewhere. */
#include "onnx_fixture.h"

static const char *model_path, *weights_path;
static const float elements[4] = {1.5f, -2.0f, 0.25f, 1e30f};

static int prepare(void **state)
{
    (void)state;
    model_path = temporary_path("model.onnx");
    weights_path = temporary_path("weights.bin");
    if (mkdir(temporary_path("sub"), 0700) || mkdir(temporary_path("other"), 0700))
        return -1;
    char bytes[24] = "offset: ";
    memcpy(bytes + 8, elements, sizeof elements);
    write_bytes(weights_path, bytes, sizeof bytes);
    write_bytes(temporary_path("sub/weights.bin"), bytes, sizeof bytes);
    return 0;
}

/* Four floats "w" at offset 8; NULL entries are left out. */
static struct message make_tensor(const char *location, const char *offset, const char *length)
{
    struct message tensor = {0};
    put_int(&tensor, 1, 4);
    put_int(&tensor, 2, DTYPE_FLOAT);
    put_text(&tensor, 8, "w");
    if (location)
        put_entry(&tensor, 13, "location", location);
    if (offset)
        put_entry(&tensor, 13, "offset", offset);
    if (length)
        put_entry(&tensor, 13, "length", length);
    put_int(&tensor, 14, 1);
    return tensor;
}

/* y = Relu(w); frees `tensor`. */
static void write_external_model(struct message *tensor)
{
    struct message graph = {0}, node = make_node("Relu", "w", NULL, "y"), output = make_value("y", 4);
    put_message(&graph, 1, &node);
    put_message(&graph, 5, tensor);
    put_message(&graph, 12, &output);
    write_model(model_path, &graph);
}

/* Loads the model and w's data. */
static struct error load(struct message tensor)
{
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    write_external_model(&tensor);
    struct model *model = model_load(context, model_path, &error);
    if (model) {
        const struct tensor *data = constant_data(graph_find_value(model->graph, "w")->constant, &error);
        assert_true((data != NULL) == (error.kind == ERROR_NONE));
        if (data)
            assert_memory_equal(data->data, elements, sizeof elements);
    }
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    return error;
}

static void check_refused(struct message tensor, const char *reason)
{
    struct error error = load(tensor);
    if (!strstr(error.message, reason) || strchr(error.message, '\n'))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
    assert_int_equal(error_code(&error), 2);
}

static void test_good(void **state)
{
    (void)state;
    assert_string_equal(load(make_tensor("weights.bin", "8", "16")).message, "");
    assert_string_equal(load(make_tensor("weights.bin", "8", NULL)).message, "");
    assert_string_equal(load(make_tensor("sub/weights.bin", "8", "16")).message, "");
}

static void test_locations(void **state)
{
    (void)state;
    char around[96];
    snprintf(around, sizeof around, "..%s", weights_path + strlen("/tmp"));
    const char *const outside[] = {around, "sub/../weights.bin", "..",  weights_path, "/etc/passwd",
                                   "",     "sub//weights.bin",   "sub/"};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        check_refused(make_tensor(outside[i], "8", "16"), "is not a plain path inside the model's folder");
    check_refused(make_tensor(NULL, "8", "16"), "no location");
    check_refused(make_tensor("missing.bin", "8", "16"), "'missing.bin' cannot be opened");
    struct message tensor = make_tensor("weights.bin", "8", "16");
    put_entry(&tensor, 13, "location", "sub/weights.bin");
    check_refused(tensor, "unknown or repeated key");
    tensor = make_tensor("weights.bin", "8", "16");
    put_entry(&tensor, 13, "basepath", "/etc");
    check_refused(tensor, "unknown or repeated key");
}

static void test_not_plain_files(void **state)
{
    (void)state;
    assert_int_equal(symlink("weights.bin", temporary_path("link.bin")), 0);
    assert_int_equal(symlink("sub", temporary_path("linked")), 0);
    assert_int_equal(mkfifo(temporary_path("fifo.bin"), 0600), 0);
    check_refused(make_tensor("link.bin", "8", "16"), "links are not followed");
    check_refused(make_tensor("linked/weights.bin", "8", "16"), "cannot be opened");
    check_refused(make_tensor("sub", "8", "16"), "is not a regular file");
    check_refused(make_tensor("fifo.bin", "8", "16"), "is not a regular file");
    assert_int_equal(link(weights_path, temporary_path("hard.bin")), 0);
    check_refused(make_tensor("hard.bin", "8", "16"), "more than one name (hard links)");
    assert_int_equal(unlink(temporary_path("hard.bin")), 0);
}

static void test_sizes(void **state)
{
    (void)state;
    check_refused(make_tensor("weights.bin", "9", "16"), "is shorter than the model says");
    check_refused(make_tensor("weights.bin", "18446744073709551615", "16"), "");
    check_refused(make_tensor("weights.bin", "9223372036854775807", "16"), "is shorter than the model says");
    check_refused(make_tensor("weights.bin", "18446744073709551601", "16"), "");
    check_refused(make_tensor("weights.bin", "99999999999999999999999", "16"), "not a decimal number");
    check_refused(make_tensor("weights.bin", "-8", "16"), "not a decimal number");
    check_refused(make_tensor("weights.bin", "8", "0x10"), "not a decimal number");
    check_refused(make_tensor("weights.bin", "8", ""), "is empty");
    check_refused(make_tensor("weights.bin", "8", "12"), "has 12 bytes of data, its shape and type need 16");
    check_refused(make_tensor("weights.bin", "8", "18446744073709551600"), "bytes of data");
}

/* ---- saving ---- */

static struct model *load_saved(struct context *context, const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct model *model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
    const struct tensor *data = constant_data(graph_find_value(model->graph, "w")->constant, &error);
    assert_string_equal(error.message, "");
    assert_memory_equal(data->data, elements, sizeof elements);
    return model;
}

static void test_save(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct message tensor = make_tensor("weights.bin", "8", "16");
    write_external_model(&tensor);
    struct model *model = model_load(context, model_path, &error);
    assert_non_null(model);

    /* In the same folder, however it is named, the reference stays. */
    assert_int_equal(model_save(model, temporary_path("other/../same.onnx"), &error), 0);
    struct model *same = load_saved(context, temporary_path("same.onnx"));
    assert_int_equal(graph_find_value(same->graph, "w")->constant->payload.place, PAYLOAD_EXTERNAL);
    model_destroy(same);

    /* Elsewhere the data comes along, and the rest is as before. */
    assert_int_equal(model_save(model, temporary_path("other/moved.onnx"), &error), 0);
    struct model *moved = load_saved(context, temporary_path("other/moved.onnx"));
    assert_int_equal(graph_find_value(moved->graph, "w")->constant->payload.place, PAYLOAD_MODEL_FILE);
    assert_string_equal(moved->graph->first->op_type, "Relu");
    model_destroy(moved);

    assert_int_equal(model_save(model, weights_path, &error), -1);
    assert_non_null(strstr(error.message, "holds the model's external data"));
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
}

/* A Constant node's tensor outside of the file, in a branch of an If. */
static void test_save_attribute(void **state)
{
    (void)state;
    struct context *context = make_context();
    struct error error = ERROR_INITIALISER;
    struct message graph = {0}, branch = {0}, value = {0}, attribute = {0}, tensor = {0};
    tensor = make_tensor("weights.bin", "8", "16");
    put_text(&value, 1, "value");
    put_message(&value, 5, &tensor);
    put_int(&value, 20, ATTRIBUTE_TENSOR);
    struct message node = make_node("Constant", NULL, NULL, "y"), output = make_value("y", 4);
    put_message(&node, 5, &value);
    put_message(&branch, 1, &node);
    put_message(&branch, 12, &output);
    put_text(&attribute, 1, "then_branch");
    put_message(&attribute, 6, &branch);
    put_int(&attribute, 20, ATTRIBUTE_GRAPH);
    put_int(&attribute, 1000, 7);
    node = make_node("If", "x", NULL, "z");
    put_message(&node, 5, &attribute);
    put_text(&node, 6, "documentation");
    struct message input = make_value("x", 1);
    put_message(&graph, 11, &input);
    put_message(&graph, 1, &node);
    output = make_value("z", 4);
    put_message(&graph, 12, &output);
    write_model(model_path, &graph);

    struct model *model = model_load(context, model_path, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(model_save(model, temporary_path("other/branch.onnx"), &error), 0);
    model_destroy(model);
    model = model_load(context, temporary_path("other/branch.onnx"), &error);
    assert_string_equal(error.message, "");
    const struct attribute *then_branch = node_attribute(model->graph->first, "then_branch");
    const struct attribute *moved = node_attribute(then_branch->graph->first, "value");
    assert_int_equal(moved->tensor->payload.place, PAYLOAD_MODEL_FILE);
    assert_memory_equal(constant_data(moved->tensor, &error)->data, elements, sizeof elements);
    model_destroy(model);
    size_t length;
    unsigned char *bytes = read_bytes(temporary_path("other/branch.onnx"), &length);
    assert_non_null(memmem(bytes, length, "documentation", 13));
    assert_non_null(memmem(bytes, length, "\xc0\x3e\x07", 3)); /* the unknown field 1000 */
    free(bytes);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_locations), cmocka_unit_test(test_not_plain_files),
        cmocka_unit_test(test_sizes), cmocka_unit_test(test_save),      cmocka_unit_test(test_save_attribute),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
