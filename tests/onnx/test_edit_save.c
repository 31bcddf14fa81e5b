/* Edited models: what was changed is saved, everything else stays as it was. */
#include "onnx_fixture.h"

static const char *source_path, *saved_path;

static struct context *context;
static struct model *model;
static struct error error;

static void start(const char *path)
{
    error = (struct error)ERROR_INITIALISER;
    context = make_context();
    model = model_load(context, path, &error);
    assert_string_equal(error.message, "");
}

/* Saves, closes and loads what was saved. */
static void save_and_reload(void)
{
    if (model_save(model, saved_path, &error))
        fail_msg("%s", error.message);
    model_destroy(model);
    model = model_load(context, saved_path, &error);
    assert_string_equal(error.message, "");
}

static void finish(void)
{
    model_destroy(model);
    assert_int_equal(context_destroy(context), 0);
    unlink(saved_path);
}

static bool saved_holds(const char *text)
{
    size_t length;
    unsigned char *bytes = read_bytes(saved_path, &length);
    bool found = memmem(bytes, length, text, strlen(text)) != NULL;
    free(bytes);
    return found;
}

static struct node *find_node(const char *op_type)
{
    for (struct node *node = model->graph->first; node; node = node->next) {
        if (strcmp(node->op_type, op_type) == 0)
            return node;
    }
    fail_msg("no %s", op_type);
    return NULL;
}

static struct value *find_value(const char *name)
{
    struct value *value = graph_find_value(model->graph, name);
    assert_non_null(value);
    return value;
}

static void put_float_initialiser(struct message *graph, const char *name, enum dtype dtype, const void *bytes,
                                  size_t length)
{
    struct message tensor = {0};
    put_int(&tensor, 1, 2);
    put_int(&tensor, 2, (int64_t)dtype);
    put_text(&tensor, 8, name);
    put_data(&tensor, 9, bytes, length);
    put_text(&tensor, 12, "doc of tensor");
    put_message(graph, 5, &tensor);
}

/* x -> Add(, w) -> a -> LeakyRelu -> b -> Mul(, h) -> y; "spare" is read by nothing; value_info for a and b; documents
 * and unknown fields in many places. */
static void write_source(void)
{
    const float w[2] = {1, 2}, spare[2] = {3, 4};
    const uint16_t h[2] = {0x3c00, 0x4000};
    struct message graph = {0}, node = make_node("Add", "x", "w", "a"), attribute = {0};
    put_text(&node, 6, "doc of Add");
    put_message(&graph, 1, &node);
    put_text(&graph, 2, "the graph");
    node = make_node("LeakyRelu", "a", NULL, "b");
    put_text(&node, 3, "leaky");
    put_text(&attribute, 1, "alpha");
    put_varint(&attribute, 2 << 3 | 5);
    put(&attribute, &(float){0.5f}, 4);
    put_int(&attribute, 20, ATTRIBUTE_FLOAT);
    put_text(&attribute, 13, "doc of alpha");
    put_message(&node, 5, &attribute);
    put_text(&node, 6, "doc of LeakyRelu");
    put_entry(&node, 9, "key", "node metadata");
    put_text(&node, 2000, "unknown of LeakyRelu");
    put_message(&graph, 1, &node);
    node = make_node("Mul", "b", "h", "y");
    put_message(&graph, 1, &node);
    put_float_initialiser(&graph, "w", DTYPE_FLOAT, w, sizeof w);
    put_float_initialiser(&graph, "spare", DTYPE_FLOAT, spare, sizeof spare);
    put_float_initialiser(&graph, "h", DTYPE_FLOAT16, h, sizeof h);
    static const struct {
        unsigned field;
        const char *name;
    } values[] = {{11, "x"}, {13, "a"}, {13, "b"}, {12, "y"}};
    for (int i = 0; i < 4; i++) {
        struct message value = make_value(values[i].name, 2);
        put_text(&value, 3, "doc of value");
        put_message(&graph, values[i].field, &value);
    }
    put_text(&graph, 2001, "unknown of graph");
    struct message file = {0}, opset = {0};
    put_int(&file, 1, 8);
    put_text(&file, 2, "a producer");
    put_message(&file, 7, &graph);
    put_int(&opset, 2, 17);
    put_message(&file, 8, &opset);
    put_entry(&file, 14, "first", "1");
    put_entry(&file, 14, "second", "2");
    put_text(&file, 2002, "unknown of model");
    write_bytes(source_path, file.bytes, file.length);
    free(file.bytes);
}

static void check_untouched(void)
{
    static const char *const kept[] = {"a producer",       "the graph", "doc of Add",       "doc of LeakyRelu",
                                       "node metadata",    "spare",     "unknown of graph", "unknown of LeakyRelu",
                                       "unknown of model", "x",         "doc of value"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (!saved_holds(kept[i]))
            fail_msg("'%s' was lost", kept[i]);
    }
    assert_int_equal(model->graph->input_count, 1);
    assert_int_equal(model->graph->output_count, 1);
    assert_int_equal(model->graph->outputs[0]->declared[0].size, 2);
    assert_int_equal(graph_opset(model->graph, ""), 17);
}

static void test_attributes(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    static const int64_t ints[3] = {INT64_MIN, -1, 7};
    struct node *node = find_node("LeakyRelu");
    assert_int_equal(node_set_ints(node, "some", ints, 3, &error), 0);
    assert_int_equal(node_set_int(node, "one", -5, &error), 0);
    assert_int_equal(node_set_string(node, "text", "words", &error), 0);
    save_and_reload();
    check_untouched();
    node = find_node("LeakyRelu");
    const struct attribute *some = node_attribute(node, "some"), *one = node_attribute(node, "one");
    const struct attribute *text = node_attribute(node, "text"), *alpha = node_attribute(node, "alpha");
    assert_true(some->type == ATTRIBUTE_INTS && some->count == 3);
    assert_memory_equal(some->ints, ints, sizeof ints);
    assert_true(one->type == ATTRIBUTE_INT && one->i == -5);
    assert_int_equal(text->type, ATTRIBUTE_STRING);
    assert_string_equal(text->s.data, "words");
    assert_true(alpha->type == ATTRIBUTE_FLOAT && alpha->f == 0.5f);
    assert_true(saved_holds("doc of alpha")); /* an attribute that was not set keeps its bytes */
    assert_int_equal(node_set_float(node, "alpha", 0.25f, &error), 0);
    save_and_reload();
    check_untouched();
    assert_float_equal(node_attribute(find_node("LeakyRelu"), "alpha")->f, 0.25f, 0);
    finish();
}

/* Beside the entry that stands in the file. */
static void test_node_metadata(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    assert_int_equal(node_add_metadata(find_node("LeakyRelu"), "new key", "new entry", &error), 0);
    save_and_reload();
    check_untouched();
    assert_true(saved_holds("new key"));
    assert_true(saved_holds("new entry"));
    finish();
}

/* A node between two old ones, with a new initialiser in float16 and an internal value. */
static void test_new_node(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    struct graph *graph = model->graph;
    struct tensor tensor = {.dtype = DTYPE_FLOAT16, .shape = {1, {2}}};
    assert_int_equal(tensor_allocate(context->memory, &tensor, &error), 0);
    ((float *)tensor.data)[0] = 0.5f;
    ((float *)tensor.data)[1] = -2.0f;
    struct value *constant = graph_add_constant(graph, constant_create(context->memory, &tensor, &error), &error);
    struct value *between = graph_add_value(graph, NULL, &error);
    struct node *node = graph_add_node(graph, "", "Mul", "new", 2, 1, &error), *after = find_node("LeakyRelu");
    assert_int_equal(node_set_input(node, 0, find_value("a"), &error), 0);
    assert_int_equal(node_set_input(node, 1, constant, &error), 0);
    assert_int_equal(node_set_output(node, 0, between, &error), 0);
    assert_int_equal(node_set_input(after, 0, between, &error), 0);
    graph_move_node(graph, node, after);
    save_and_reload();
    check_untouched();
    graph = model->graph;
    assert_int_equal(graph->node_count, 4);
    node = graph->first->next;
    assert_string_equal(node->name, "new");
    assert_string_equal(node->inputs[0]->name, "a");
    assert_ptr_equal(node->next->inputs[0], node->outputs[0]);
    assert_string_equal(node->next->op_type, "LeakyRelu");
    assert_int_equal(node->inputs[1]->dtype, DTYPE_FLOAT16);
    assert_int_equal(node->inputs[1]->constant->payload.length, 4);
    const struct tensor *data = constant_data(node->inputs[1]->constant, &error);
    assert_float_equal(((const float *)data->data)[0], 0.5f, 0);
    assert_float_equal(((const float *)data->data)[1], -2.0f, 0);
    assert_int_equal(graph_verify(graph, &error), 0);
    finish();
}

static void test_initialisers(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    struct tensor tensor = {.dtype = DTYPE_FLOAT, .shape = {1, {2}}};
    assert_int_equal(tensor_allocate(context->memory, &tensor, &error), 0);
    ((float *)tensor.data)[0] = 10;
    ((float *)tensor.data)[1] = 20;
    struct constant *constant = constant_create(context->memory, &tensor, &error);
    assert_int_equal(graph_set_constant(model->graph, find_value("w"), constant, &error), 0);
    save_and_reload();
    check_untouched();
    const struct tensor *data = constant_data(find_value("w")->constant, &error);
    assert_float_equal(((const float *)data->data)[1], 20, 0);
    data = constant_data(find_value("h")->constant, &error);
    assert_int_equal(data->dtype, DTYPE_FLOAT16);
    assert_float_equal(((const float *)data->data)[1], 2, 0);

    /* Without its last reader an initialiser goes; "spare", which never had one, stays. */
    struct node *add = find_node("Add");
    assert_int_equal(value_replace(find_value("a"), find_value("x"), &error), 0);
    graph_remove_node(model->graph, add);
    save_and_reload();
    assert_null(graph_find_value(model->graph, "w"));
    assert_non_null(find_value("spare")->constant);
    assert_int_equal(model->graph->node_count, 2);
    assert_string_equal(model->graph->first->inputs[0]->name, "x");
    finish();
}

/* Types of values behind an edit are dropped, those in front of it are kept. */
static void test_value_info(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    assert_true(find_value("a")->producer != NULL);
    assert_int_equal(node_set_float(find_node("LeakyRelu"), "alpha", 1, &error), 0);
    save_and_reload();
    struct message a = make_value("a", 2), b = make_value("b", 2);
    size_t length;
    unsigned char *bytes = read_bytes(saved_path, &length);
    assert_non_null(memmem(bytes, length, a.bytes, a.length));
    assert_null(memmem(bytes, length, b.bytes, b.length));
    free(bytes);
    free(a.bytes);
    free(b.bytes);
    finish();
}

/* Types of sequences and optionals are written as they were read. */
static void test_container_types(void **state)
{
    (void)state;
    static const char *const types[] = {"sequence of float", "optional float", "optional sequence of float", "float"};
    start("tests/fixtures/sequences/given.onnx");
    for (int i = 0; i < 4; i++) {
        assert_string_equal(dtype_name(model->graph->inputs[i]->dtype), types[i]);
        model->graph->inputs[i]->changed = true;
    }
    save_and_reload();
    for (int i = 0; i < 4; i++)
        assert_string_equal(dtype_name(model->graph->inputs[i]->dtype), types[i]);
    assert_int_equal(model->graph->inputs[3]->declared[0].size, 3);
    finish();
}

static void test_metadata(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    assert_int_equal(model_set_metadata(model, "first", "one", &error), 0);
    assert_int_equal(model_set_metadata(model, "third", "3", &error), 0);
    model->producer_name = "fovea";
    model->ir_version = 9;
    save_and_reload();
    assert_int_equal(model->metadata_count, 3);
    assert_string_equal(model_metadata(model, "first"), "one");
    assert_string_equal(model_metadata(model, "second"), "2");
    assert_string_equal(model_metadata(model, "third"), "3");
    assert_string_equal(model->producer_name, "fovea");
    assert_int_equal(model->ir_version, 9);
    assert_string_equal(find_node("LeakyRelu")->name, "leaky");
    assert_true(saved_holds("doc of tensor"));

    model->metadata++; /* without "first" */
    model->metadata_count--;
    save_and_reload();
    assert_int_equal(model->metadata_count, 2);
    assert_null(model_metadata(model, "first"));
    assert_string_equal(model_metadata(model, "second"), "2");
    finish();
}

/* Moved nodes are saved in their new order; edits taken back give the first file again. */
static void test_order(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    struct graph *graph = model->graph;
    graph_move_node(graph, graph->last, graph->first);
    save_and_reload();
    graph = model->graph;
    assert_string_equal(graph->first->op_type, "Mul");
    assert_string_equal(graph->last->op_type, "LeakyRelu");
    graph_move_node(graph, graph->first, NULL);
    save_and_reload();
    size_t length, saved_length;
    unsigned char *bytes = read_bytes(source_path, &length), *saved = read_bytes(saved_path, &saved_length);
    assert_int_equal(length, saved_length);
    free(bytes);
    free(saved);
    finish();
}

static void test_inputs_and_outputs(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    struct graph *graph = model->graph;
    struct value *outputs[] = {find_value("b"), find_value("y")};
    find_value("b")->dtype = DTYPE_FLOAT;
    assert_int_equal(graph_set_outputs(graph, outputs, 2, &error), 0);
    struct value *input = graph_add_value(graph, "scale", &error);
    struct dimension *dimensions = arena_allocate(graph->arena, 2, sizeof *dimensions, &error);
    dimensions[0] = (struct dimension){-1, "N"};
    dimensions[1] = (struct dimension){7, NULL};
    input->dtype = DTYPE_INT64;
    input->declared = dimensions;
    input->declared_rank = 2;
    assert_int_equal(graph_add_input(graph, input, &error), 0);
    struct dimension wider = {3, NULL};
    struct value *x = find_value("x");
    x->declared = &wider;
    x->changed = true;
    save_and_reload();
    graph = model->graph;
    assert_int_equal(graph->output_count, 2);
    assert_string_equal(graph->outputs[0]->name, "b");
    assert_string_equal(graph->outputs[1]->name, "y");
    assert_int_equal(graph->input_count, 2);
    assert_int_equal(graph->inputs[0]->declared[0].size, 3);
    assert_int_equal(graph->inputs[0]->dtype, DTYPE_FLOAT);
    assert_int_equal(graph->inputs[1]->dtype, DTYPE_INT64);
    assert_int_equal(graph->inputs[1]->declared_rank, 2);
    assert_string_equal(graph->inputs[1]->declared[0].name, "N");
    assert_int_equal(graph->inputs[1]->declared[1].size, 7);
    finish();
}

/* An edit inside of branches inside of a branch. */
static void test_subgraphs(void **state)
{
    (void)state;
    struct message graph = {0}, inner = {0}, node, value;
    node = make_node("Relu", "x", NULL, "r");
    put_message(&inner, 1, &node);
    value = make_value("r", 1);
    put_message(&inner, 12, &value);
    for (int level = 0; level < 8; level++) {
        struct message around = {0}, attribute = {0};
        put_text(&attribute, 1, "then_branch");
        put_message(&attribute, 6, &inner);
        put_int(&attribute, 20, ATTRIBUTE_GRAPH);
        node = make_node("If", "x", NULL, level == 7 ? "out" : "r");
        put_message(&node, 5, &attribute);
        put_text(&node, 6, "doc of If");
        put_message(&around, 1, &node);
        if (level < 7)
            value = make_value("r", 1);
        else
            value = make_value("out", 1);
        put_message(&around, 12, &value);
        inner = around;
    }
    graph = inner;
    value = make_value("x", 1);
    put_message(&graph, 11, &value);
    write_model(source_path, &graph);
    start(source_path);
    struct node *deepest = model->graph->first;
    while (strcmp(deepest->op_type, "If") == 0)
        deepest = node_attribute(deepest, "then_branch")->graph->first;
    assert_int_equal(node_set_int(deepest, "mark", 11, &error), 0);
    save_and_reload();
    int level = 0;
    for (deepest = model->graph->first; strcmp(deepest->op_type, "If") == 0; level++)
        deepest = node_attribute(deepest, "then_branch")->graph->first;
    assert_int_equal(level, 8);
    assert_int_equal(node_attribute(deepest, "mark")->i, 11);
    assert_ptr_equal(deepest->inputs[0], find_value("x"));
    finish();
}

/* A model that comes from no file. */
static void test_built_model(void **state)
{
    (void)state;
    error = (struct error)ERROR_INITIALISER;
    context = make_context();
    struct graph *graph = graph_create(context, NULL, "built", &error);
    static const struct opset_import opset = {"", 17};
    graph->opsets = &opset;
    graph->opset_count = 1;
    struct value *x = graph_add_value(graph, "x", &error), *y = graph_add_value(graph, "y", &error);
    struct node *node = graph_add_node(graph, "", "Relu", "", 1, 1, &error);
    x->dtype = y->dtype = DTYPE_FLOAT;
    assert_int_equal(node_set_input(node, 0, x, &error), 0);
    assert_int_equal(node_set_output(node, 0, y, &error), 0);
    assert_int_equal(graph_add_input(graph, x, &error), 0);
    assert_int_equal(graph_add_output(graph, y, &error), 0);
    struct metadata metadata = {"key", "text"};
    struct model built = {
        .context = context, .path = "", .ir_version = 8, .metadata = &metadata, .metadata_count = 1, .graph = graph};
    assert_int_equal(model_save(&built, saved_path, &error), 0);
    model = model_load(context, saved_path, &error);
    assert_string_equal(error.message, "");
    assert_string_equal(model->graph->name, "built");
    assert_string_equal(model->graph->first->op_type, "Relu");
    assert_string_equal(model_metadata(model, "key"), "text");
    graph_destroy(graph);
    finish();
}

static void check_save_fails(const char *path, const char *reason)
{
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(model_save(model, path, &error), -1);
    if (!strstr(error.message, reason) || !strstr(error.message, path) || strchr(error.message, '\n'))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
}

static void test_refused(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    check_save_fails("/tmp/no such folder/model.onnx", "cannot be written");
    check_save_fails("/tmp", "is a folder");
    struct node *node = graph_add_node(model->graph, "fovea.internal", "FusedConv", "", 0, 1, &error);
    assert_int_equal(node_set_output(node, 0, graph_add_value(model->graph, NULL, &error), &error), 0);
    check_save_fails(saved_path, "cannot be saved");
    assert_false(file_exists(saved_path));
    finish();
}

/* Every allocation fails once: each failure is reported, nothing leaks, no file is left. */
static void test_failing_allocations(void **state)
{
    (void)state;
    write_source();
    start(source_path);
    assert_int_equal(node_set_int(find_node("LeakyRelu"), "mark", 1, &error), 0);
    size_t before = memory_in_use(context->memory);
    for (size_t n = 1;; n++) {
        assert_true(n < 10000);
        error = (struct error)ERROR_INITIALISER;
        memory_fail_after(context->memory, n);
        int result = model_save(model, saved_path, &error);
        memory_fail_after(context->memory, 0);
        assert_int_equal(memory_in_use(context->memory), before);
        if (result == 0)
            break;
        assert_int_equal(error.kind, ERROR_MEMORY);
        assert_false(file_exists(saved_path));
    }
    finish();
}

/* Any byte of the file changed: what still loads can be edited and saved, or says why not, and is no worse then. */
static void test_damage(void **state)
{
    (void)state;
    const char *damaged_path = temporary_path("damaged.onnx");
    write_source();
    size_t length;
    unsigned char *bytes = read_bytes(source_path, &length);
    context = make_context();
    int saved = 0;
    for (size_t at = 0; at < length; at++) {
        for (unsigned flip = 1; flip <= 0x80; flip *= 4) {
            bytes[at] ^= (unsigned char)flip;
            write_bytes(damaged_path, bytes, length);
            bytes[at] ^= (unsigned char)flip;
            error = (struct error)ERROR_INITIALISER;
            model = model_load(context, damaged_path, &error);
            for (struct node *node = model ? model->graph->first : NULL; node; node = node->next)
                assert_int_equal(node_set_int(node, "mark", 1, &error), 0);
            if (model && model_save(model, "/dev/null", &error) == 0)
                saved++;
            else
                assert_int_equal(error_code(&error), 2);
            model_destroy(model);
        }
    }
    assert_true(saved > 500);
    free(bytes);
    model = NULL;
    finish();
}

int main(void)
{
    source_path = temporary_path("source.onnx");
    saved_path = temporary_path("saved.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_node_metadata),
        cmocka_unit_test(test_new_node),
        cmocka_unit_test(test_initialisers),
        cmocka_unit_test(test_value_info),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_container_types),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_inputs_and_outputs),
        cmocka_unit_test(test_subgraphs),
        cmocka_unit_test(test_built_model),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
