/* Two models beside each other: what counts as the same node, and what is told of the rest. */
#include "../onnx/onnx_fixture.h"

#include <math.h>

#include "diff/model_diff.h"
#include "op/registry.h"

static const char *path_a, *path_b;

/* A node as "name Op inputs outputs [attribute=int]", names separated by commas. */
static struct message parse_node(const char *line)
{
    char name[64], op_type[64], inputs[256], outputs[64], attribute[64] = "";
    struct message node = {0};
    assert_true(sscanf(line, "%63s %63s %255s %63s %63s", name, op_type, inputs, outputs, attribute) >= 4);
    for (char *rest = inputs, *word; (word = strsep(&rest, ","));)
        put_text(&node, 1, word);
    for (char *rest = outputs, *word; (word = strsep(&rest, ","));)
        put_text(&node, 2, word);
    put_text(&node, 3, strcmp(name, "-") ? name : "");
    put_text(&node, 4, op_type);
    char *sign = strchr(attribute, '=');
    if (sign) {
        struct message entry = {0};
        *sign = 0;
        put_text(&entry, 1, attribute);
        put_int(&entry, 3, atoi(sign + 1));
        put_int(&entry, 20, ATTRIBUTE_INT);
        put_message(&node, 5, &entry);
    }
    return node;
}

/* 32 numbers made of `seed`. */
static void put_weight(struct message *graph, const char *name, int seed)
{
    struct message tensor = {0};
    float elements[32];
    for (int i = 0; i < 32; i++)
        elements[i] = (float)((i * 7 + seed * 13) % 31) / 8;
    put_int(&tensor, 1, 32);
    put_int(&tensor, 2, DTYPE_FLOAT);
    put_text(&tensor, 8, name);
    put_data(&tensor, 9, elements, sizeof elements);
    put_message(graph, 5, &tensor);
}

struct weight {
    const char *name;
    int seed;
};

/* Lists end with NULL. */
static struct message make_graph(const char *const *nodes, const struct weight *weights, const char *input,
                                 const char *output)
{
    struct message graph = {0};
    for (; *nodes; nodes++) {
        struct message node = parse_node(*nodes);
        put_message(&graph, 1, &node);
    }
    for (; weights && weights->name; weights++)
        put_weight(&graph, weights->name, weights->seed);
    if (input) {
        struct message value = make_value(input, 32);
        put_message(&graph, 11, &value);
    }
    struct message value = make_value(output, 32);
    put_message(&graph, 12, &value);
    return graph;
}

static struct context *context;
static struct model *models[2];
static struct graph_matching matching;
static struct change_list changes;
static struct error error;

static void compare_files(void)
{
    error = (struct error)ERROR_INITIALISER;
    context = make_context();
    models[0] = model_load(context, path_a, &error);
    models[1] = model_load(context, path_b, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(model_resolve(models[0], &error) || model_resolve(models[1], &error), 0);
    changes = (struct change_list){.arena = arena_create(context->memory, &error)};
    assert_int_equal(model_diff(models[0], models[1], &matching, &changes, &error), 0);
}

static void finish(void)
{
    graph_matching_release(&matching);
    arena_destroy(changes.arena);
    model_destroy(models[0]);
    model_destroy(models[1]);
    assert_int_equal(context_destroy(context), 0);
}

static int count(enum fovea_change_kind kind)
{
    int found = 0;
    for (size_t i = 0; i < changes.count; i++)
        found += changes.list[i].kind == kind;
    return found;
}

/* The only change of its kind. */
static const struct fovea_change *only(enum fovea_change_kind kind)
{
    const struct fovea_change *found = NULL;
    assert_int_equal(count(kind), 1);
    for (size_t i = 0; i < changes.count; i++)
        found = changes.list[i].kind == kind ? &changes.list[i] : found;
    return found;
}

static const char *const base_nodes[] = {"c1 Conv x,w1 a group=1", "r1 Relu a b", "c2 Conv b,w2 c group=1",
                                         "s1 Add c,b d",           "r2 Relu d e", "c3 Conv e,w3 f group=1",
                                         "s2 Add f,e g",           "r3 Relu g y", NULL};
static const struct weight base_weights[] = {{"w1", 1}, {"w2", 2}, {"w3", 3}, {NULL, 0}};

static void write_base(void)
{
    struct message graph = make_graph(base_nodes, base_weights, "x", "y");
    write_model(path_a, &graph);
}

/* Compares the base with these nodes. */
static void compare(const char *const *nodes, const struct weight *weights, const char *input, const char *output)
{
    struct message graph = make_graph(nodes, weights, input, output);
    write_base();
    write_model(path_b, &graph);
    compare_files();
}

static void test_same(void **state)
{
    (void)state;
    compare(base_nodes, base_weights, "x", "y");
    assert_int_equal(changes.count, 0);
    assert_int_equal(changes.paired, 8);
    finish();
}

static const char *const renamed_nodes[] = {
    "- Conv in,k1 1 group=1", "- Relu 1 2",  "- Conv 2,k2 3 group=1", "- Add 3,2 4", "- Relu 4 5",
    "- Conv 5,k3 6 group=1",  "- Add 6,5 7", "- Relu 7 out",          NULL};

static void test_renamed(void **state)
{
    static const struct weight weights[] = {{"k3", 3}, {"k2", 2}, {"k1", 1}, {NULL, 0}};
    (void)state;
    compare(renamed_nodes, weights, "in", "out");
    assert_int_equal(changes.paired, 8);
    assert_int_equal(count(FOVEA_CHANGE_NAME), 8 + 3);
    assert_int_equal(count(FOVEA_CHANGE_INPUT), 1);
    assert_int_equal(count(FOVEA_CHANGE_OUTPUT), 1);
    assert_int_equal(changes.count, 8 + 3 + 2);
    finish();
}

/* Renamed, and every weight trained on: only the structure is left. */
static void test_renamed_and_trained(void **state)
{
    static const struct weight weights[] = {{"k1", 11}, {"k2", 12}, {"k3", 14}, {NULL, 0}};
    (void)state;
    compare(renamed_nodes, weights, "in", "out");
    assert_int_equal(changes.paired, 8);
    assert_int_equal(count(FOVEA_CHANGE_WEIGHT_ELEMENTS), 3);
    assert_int_equal(count(FOVEA_CHANGE_NODE_MOVED), 0);
    finish();
}

static void test_inserted(void **state)
{
    static const char *const nodes[] = {"c1 Conv x,w1 a group=1",
                                        "r1 Relu a b",
                                        "c2 Conv b,w2 c group=1",
                                        "new Pad c p",
                                        "s1 Add p,b d",
                                        "r2 Relu d e",
                                        "c3 Conv e,w3 f group=1",
                                        "s2 Add f,e g",
                                        "r3 Relu g y",
                                        NULL};
    (void)state;
    compare(nodes, base_weights, "x", "y");
    const struct fovea_change *added = only(FOVEA_CHANGE_NODE_ADDED), *moved = only(FOVEA_CHANGE_NODE_MOVED);
    assert_string_equal(added->name, "new");
    assert_string_equal(added->op_type, "Pad");
    assert_string_equal(moved->name, "s1");
    assert_string_equal(moved->detail, "input 0");
    assert_string_equal(moved->before, "c");
    assert_string_equal(moved->after, "p");
    assert_true(moved->follows);
    assert_int_equal(changes.count, 2);
    finish();
}

/* One Add more among equal ones, running numbers for names, other weights. */
static void test_inserted_with_numbers(void **state)
{
    static const char *const before[] = {"Conv_0 Conv x,w1 0 group=1",
                                         "Relu_1 Relu 0 1",
                                         "Add_2 Add 1,1 2",
                                         "Relu_3 Relu 2 3",
                                         "Add_4 Add 3,3 4",
                                         "Relu_5 Relu 4 5",
                                         "Add_6 Add 5,5 6",
                                         "Relu_7 Relu 6 y",
                                         NULL};
    static const char *const after[] = {"Conv_0 Conv x,w1 0 group=1",
                                        "Relu_1 Relu 0 1",
                                        "Add_2 Add 1,1 2",
                                        "Relu_3 Relu 2 3",
                                        "Add_4 Add 3,0 4",
                                        "Add_5 Add 4,4 5",
                                        "Relu_6 Relu 5 6",
                                        "Add_7 Add 6,6 7",
                                        "Relu_8 Relu 7 y",
                                        NULL};
    static const struct weight first[] = {{"w1", 1}, {NULL, 0}}, second[] = {{"w1", 5}, {NULL, 0}};
    (void)state;
    struct message a = make_graph(before, first, "x", "y"), b = make_graph(after, second, "x", "y");
    write_model(path_a, &a);
    write_model(path_b, &b);
    compare_files();
    assert_string_equal(only(FOVEA_CHANGE_NODE_ADDED)->name, "Add_4");
    assert_int_equal(count(FOVEA_CHANGE_NODE_REMOVED), 0);
    assert_int_equal(count(FOVEA_CHANGE_NODE_MOVED), 2);
    finish();
}

static void test_attribute(void **state)
{
    static const char *const nodes[] = {"c1 Conv x,w1 a group=1", "r1 Relu a b", "c2 Conv b,w2 c group=2",
                                        "s1 Add c,b d",           "r2 Relu d e", "c3 Conv e,w3 f",
                                        "s2 Add f,e g",           "r3 Relu g y", NULL};
    (void)state;
    compare(nodes, base_weights, "x", "y");
    assert_int_equal(count(FOVEA_CHANGE_ATTRIBUTE), 2);
    assert_int_equal(changes.count, 2);
    assert_string_equal(changes.list[0].name, "c2");
    assert_string_equal(changes.list[0].detail, "group");
    assert_string_equal(changes.list[0].before, "1");
    assert_string_equal(changes.list[0].after, "2");
    assert_null(changes.list[1].after);
    finish();
}

static void test_weight(void **state)
{
    static const struct weight weights[] = {{"w1", 1}, {"w2", 9}, {"w3", 3}, {"spare", 4}, {NULL, 0}};
    (void)state;
    compare(base_nodes, weights, "x", "y");
    const struct fovea_change *changed = only(FOVEA_CHANGE_WEIGHT_ELEMENTS);
    double squares[2] = {0, 0}, distance = 0, largest = 0;
    for (int i = 0; i < 32; i++) {
        double a = (i * 7 + 2 * 13) % 31 / 8., b = (i * 7 + 9 * 13) % 31 / 8.;
        squares[0] += a * a;
        squares[1] += b * b;
        distance += (a - b) * (a - b);
        largest = fmax(largest, fabs(a - b));
    }
    assert_string_equal(changed->name, "w2");
    assert_float_equal(changed->norms[0], sqrt(squares[0]), 1e-9);
    assert_float_equal(changed->norms[1], sqrt(squares[1]), 1e-9);
    assert_float_equal(changed->relative, sqrt(distance / squares[0]), 1e-9);
    assert_float_equal(changed->largest, largest, 1e-9);
    assert_string_equal(only(FOVEA_CHANGE_WEIGHT_ADDED)->name, "spare");
    assert_int_equal(changes.count, 2);
    finish();
}

/* Files that are not sorted, too. */
static void test_order(void **state)
{
    static const char *const nodes[] = {"r3 Relu g y", "c3 Conv e,w3 f group=1", "s2 Add f,e g",
                                        "r2 Relu d e", "c2 Conv b,w2 c group=1", "s1 Add c,b d",
                                        "r1 Relu a b", "c1 Conv x,w1 a group=1", NULL};
    (void)state;
    compare(nodes, base_weights, "x", "y");
    assert_int_equal(changes.count, 0);
    finish();
}

static struct message branch(const char *attribute, const char *line)
{
    const char *const nodes[] = {line, NULL};
    struct message graph = make_graph(nodes, NULL, NULL, "z"), entry = {0};
    put_text(&entry, 1, attribute);
    put_message(&entry, 6, &graph);
    put_int(&entry, 20, ATTRIBUTE_GRAPH);
    return entry;
}

static void write_branches(const char *path, const char *line)
{
    struct message graph = {0}, node = make_node("If", "condition", NULL, "y"), attribute;
    put_text(&node, 3, "choice");
    attribute = branch("then_branch", "inner Softmax x z axis=1");
    put_message(&node, 5, &attribute);
    attribute = branch("else_branch", line);
    put_message(&node, 5, &attribute);
    put_message(&graph, 1, &node);
    const char *const inputs[] = {"condition", "x"};
    for (int i = 0; i < 2; i++) {
        struct message value = make_value(inputs[i], 32);
        put_message(&graph, 11, &value);
    }
    struct message value = make_value("y", 32);
    put_message(&graph, 12, &value);
    write_model(path, &graph);
}

static void test_inner_graph(void **state)
{
    (void)state;
    write_branches(path_a, "other Softmax x z axis=1");
    write_branches(path_b, "other Softmax x z axis=0");
    compare_files();
    const struct fovea_change *changed = only(FOVEA_CHANGE_ATTRIBUTE);
    assert_string_equal(changed->scope, "choice/else_branch");
    assert_string_equal(changed->name, "other");
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.paired, 3);
    finish();
}

/* The function holds a Constant beside the node. */
static void write_function(const char *path, const char *line, const char *name, int seed)
{
    struct message constant = make_node("Constant", NULL, NULL, "k"), entry = {0};
    put_text(&entry, 1, "value");
    put_weight(&entry, "", seed); /* field 5 of both */
    put_int(&entry, 20, ATTRIBUTE_TENSOR);
    put_message(&constant, 5, &entry);
    struct message model = {0}, opset = {0}, function = {0}, node = parse_node("call F x y"), graph = {0};
    put_text(&node, 7, "own");
    put_message(&graph, 1, &node);
    struct message value = make_value("x", 32);
    put_message(&graph, 11, &value);
    value = make_value("y", 32);
    put_message(&graph, 12, &value);
    put_text(&function, 1, name);
    put_text(&function, 4, "in");
    put_text(&function, 5, "out");
    node = parse_node(line);
    put_message(&function, 7, &node);
    put_message(&function, 7, &constant);
    put_int(&opset, 2, 17);
    put_data(&function, 9, opset.bytes, opset.length);
    put_text(&function, 10, "own");
    put_int(&model, 1, 8);
    put_message(&model, 8, &opset);
    put_entry(&model, 14, "author", name);
    put_message(&model, 25, &function);
    put_message(&model, 7, &graph);
    write_bytes(path, model.bytes, model.length);
    free(model.bytes);
}

static void test_functions(void **state)
{
    (void)state;
    write_function(path_a, "s Softmax in out axis=1", "F", 1);
    write_function(path_b, "s Softmax in out axis=0", "F", 1);
    compare_files();
    assert_string_equal(only(FOVEA_CHANGE_ATTRIBUTE)->scope, "own.F");
    assert_int_equal(changes.count, 1);
    finish();
    write_function(path_a, "s Softmax in out axis=1", "F", 1);
    write_function(path_b, "s Softmax in out axis=1", "F", 2);
    compare_files();
    assert_string_equal(only(FOVEA_CHANGE_WEIGHT_ELEMENTS)->scope, "own.F");
    assert_int_equal(changes.count, 1);
    finish();
    write_function(path_a, "s Softmax in out axis=1", "F", 1);
    write_function(path_b, "s Softmax in out axis=1", "G", 1);
    compare_files();
    assert_int_equal(count(FOVEA_CHANGE_FUNCTION), 2);
    assert_string_equal(only(FOVEA_CHANGE_METADATA)->after, "G");
    assert_int_equal(changes.count, 3);
    finish();
}

/* An edited clone: its first departure has to be found without reading weights. */
static void test_derived(void **state)
{
    (void)state;
    write_base();
    error = (struct error)ERROR_INITIALISER;
    context = make_context();
    models[0] = model_load(context, path_a, &error);
    assert_int_equal(model_resolve(models[0], &error), 0);
    struct graph *clone = graph_clone(models[0]->graph, &error);
    assert_non_null(clone);
    struct value *read = graph_find_value(clone, "c");
    struct node *made = graph_add_node(clone, "", "Relu", "new", 1, 1, &error);
    struct value *result = graph_add_value(clone, "new_result", &error);
    assert_int_equal(value_replace(read, result, &error), 0);
    assert_int_equal(node_set_input(made, 0, read, &error), 0);
    assert_int_equal(node_set_output(made, 0, result, &error), 0);
    struct graph_matching_options options = {.derived = true};
    assert_int_equal(graph_match(context->memory, models[0]->graph, clone, &options, &matching, &error), 0);
    assert_int_equal(matching.pair_count, 9);
    for (int i = 0; i < 8; i++)
        assert_string_equal(matching.pairs[i].b->name, matching.pairs[i].a->name);
    assert_null(matching.pairs[8].a);
    assert_string_equal(matching.pairs[8].b->name, "new");
    for (size_t i = 0; i < models[0]->graph->value_count; i++) {
        const struct value *value = models[0]->graph->values[i];
        assert_string_equal(graph_matching_partner(&matching, 0, value)->name, value->name);
    }
    graph_matching_release(&matching);
    graph_destroy(clone);
    model_destroy(models[0]);
    assert_int_equal(context_destroy(context), 0);
}

/* Whatever allocation fails, nothing is lost. */
static void test_no_memory(void **state)
{
    (void)state;
    write_base();
    static const struct weight weights[] = {{"k1", 1}, {"k2", 5}, {"k3", 3}, {NULL, 0}};
    struct message graph = make_graph(renamed_nodes, weights, "in", "out");
    write_model(path_b, &graph);
    compare_files();
    for (size_t n = 1, failed = 1; failed; n++) {
        struct error own = ERROR_INITIALISER;
        graph_matching_release(&matching);
        arena_destroy(changes.arena);
        changes = (struct change_list){.arena = arena_create(context->memory, &own)};
        memory_fail_after(context->memory, n);
        failed = model_diff(models[0], models[1], &matching, &changes, &own) != 0;
        memory_fail_after(context->memory, 0);
        assert_int_equal(own.kind, failed ? ERROR_MEMORY : ERROR_NONE);
    }
    finish();
}

int main(void)
{
    path_a = temporary_path("a.onnx");
    path_b = temporary_path("b.onnx");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),      cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_inserted),  cmocka_unit_test(test_renamed_and_trained),
        cmocka_unit_test(test_attribute), cmocka_unit_test(test_inserted_with_numbers),
        cmocka_unit_test(test_weight),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_derived),   cmocka_unit_test(test_inner_graph),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
