/* Over the whole table: a sequence or optional where an operator takes a tensor is refused in one line, and so is a
 * tensor where it takes a sequence. */
#include "node_fixture.h"

#include "graph/graph.h"
#include "tensor/sequence.h"

/* Attributes that the entry demands, so that types are what is refused. */
static void give_required(struct fixture *fixture, const struct operator_definition *entry, int opset)
{
    struct tensor one = {.dtype = DTYPE_FLOAT, .shape = {.rank = 0}};
    for (const struct attribute_rule *rule = entry->attributes; rule && rule->name; rule++) {
        if (!rule->required || !attribute_rule_holds(rule, opset))
            continue;
        if (rule->form == SETTING_INT || rule->form == SETTING_FLAG) {
            fixture_int(fixture, rule->name, 1);
        } else if (rule->form == SETTING_FLOAT) {
            fixture_float(fixture, rule->name, 1);
        } else if (rule->form == SETTING_INTS) {
            fixture_ints(fixture, rule->name, INTS(1));
        } else if (rule->form == SETTING_FLOATS) {
            static const float number = 1;
            struct attribute *attribute = node_add_attribute(fixture->node, rule->name, &fixture->error);
            attribute->type = ATTRIBUTE_FLOATS;
            attribute->floats = &number;
            attribute->count = 1;
            assert_int_equal(node_read_settings(fixture->node, &fixture->error), 0);
        } else if (rule->form == SETTING_WORD) {
            fixture_string(fixture, rule->name, rule->words[0]);
        } else if (rule->form == SETTING_TEXT) {
            fixture_string(fixture, rule->name, "");
        } else if (rule->form == SETTING_TENSOR) {
            assert_int_equal(tensor_allocate(fixture->context->memory, &one, &fixture->error), 0);
            struct constant *constant = constant_create(fixture->context->memory, &one, &fixture->error);
            assert_int_equal(node_set_tensor(fixture->node, rule->name, constant, &fixture->error), 0);
            struct value holder = {0};
            assert_int_equal(graph_set_constant(fixture->graph, &holder, constant_retain(constant), &fixture->error),
                             0);
        } else {
            fail_msg("%s: attribute %s", entry->name, rule->name);
        }
    }
}

static void give(struct fixture *fixture, int input, enum dtype dtype)
{
    if (!dtype_is_container(dtype)) {
        fixture_input(fixture, input, dtype, DIMS(1, 1, 1, 1), NULL);
        return;
    }
    struct tensor *tensor = &fixture->inputs[input];
    assert_int_equal(sequence_create(fixture->context->memory, dtype, 0, 0, tensor, &fixture->error), 0);
    struct value *value = graph_add_value(fixture->graph, NULL, &fixture->error);
    value->dtype = dtype;
    assert_int_equal(node_set_input(fixture->node, input, value, &fixture->error), 0);
    fixture->pointers[input] = tensor;
}

static enum dtype first_type(uint32_t types)
{
    for (int code = 1; code < DTYPE_COUNT; code++) {
        if (types & TYPE_BIT(code))
            return (enum dtype)code;
    }
    return DTYPE_FLOAT;
}

/* The node with `container` at input `at` and tensors at all others; both what runs and what is told before refuse. */
static void refuse(const struct operator_definition *entry, int at, enum dtype container)
{
    struct fixture fixture;
    int inputs = entry->min_inputs > at ? entry->min_inputs : at + 1;
    int outputs = entry->min_outputs > 0 ? entry->min_outputs : 1;
    fixture_start(&fixture, entry->domain, entry->name, entry->since, inputs, outputs);
    give_required(&fixture, entry, entry->since);
    for (int i = 0; i < inputs; i++)
        give(&fixture, i, i == at ? container : first_type(entry->types));
    if (fixture_evaluate(&fixture) == 0 || !strstr(fixture.error.message, "where the operator takes a tensor") ||
        strchr(fixture.error.message, '\n'))
        fail_msg("%s-%d, input %d: %s", entry->name, entry->since, at, fixture.error.message);
    fixture.error = (struct error)ERROR_INITIALISER;
    assert_int_equal(infer_values(fixture.node, &fixture.error), -1);
    assert_non_null(strstr(fixture.error.message, "where the operator takes a tensor"));
    fixture_end(&fixture);
}

static void test_containers_refused(void **state)
{
    const struct operator_definition *entry;
    (void)state;
    int asked = 0;
    for (int i = 0; (entry = operator_at(i)) != NULL; i++) {
        int inputs = entry->max_inputs < 0 || entry->max_inputs > FIXTURE_INPUTS ? FIXTURE_INPUTS : entry->max_inputs;
        if (entry->traits & OPERATOR_CONTAINERS || entry->min_inputs > FIXTURE_INPUTS ||
            entry->min_outputs > FIXTURE_OUTPUTS)
            continue;
        for (int k = 0; k < inputs; k++, asked++) {
            refuse(entry, k, dtype_sequence_of(DTYPE_FLOAT));
            refuse(entry, k, dtype_optional_of(first_type(entry->types)));
        }
    }
    assert_true(asked > 400);
}

/* Those that take containers say of each input what it is to be. */
static void check_refused(const char *name, const enum dtype *inputs, int count, const char *message)
{
    struct fixture fixture;
    fixture_start(&fixture, "", name, 18, count, 1);
    give_required(&fixture, fixture.node->definition, 18);
    for (int i = 0; i < count; i++)
        give(&fixture, i, inputs[i]);
    if (fixture_evaluate(&fixture) == 0 || !strstr(fixture.error.message, message))
        fail_msg("%s: %s", name, fixture.error.message);
    fixture_end(&fixture);
}
#define CHECK_REFUSED(name_, message_, ...)                                                                            \
    check_refused(name_, (const enum dtype[]){__VA_ARGS__},                                                            \
                  (int)(sizeof((const enum dtype[]){__VA_ARGS__}) / sizeof(enum dtype)), message_)

static void test_tensors_refused(void **state)
{
    (void)state;
    static const char *const takers[] = {"SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength",
                                         "ConcatFromSequence"};
    const enum dtype floats = dtype_sequence_of(DTYPE_FLOAT), maybe = dtype_optional_of(floats);
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        const enum dtype tensors[] = {DTYPE_FLOAT, DTYPE_FLOAT}, optionals[] = {maybe, DTYPE_FLOAT};
        int count = i < 3 ? 2 : 1;
        check_refused(takers[i], tensors, count, "input 0 has type float, where the operator takes a sequence");
        check_refused(takers[i], optionals, count,
                      "input 0 has type optional sequence of float, where the operator takes a sequence");
    }
    CHECK_REFUSED("SplitToSequence", "where the operator takes a tensor", floats);
    CHECK_REFUSED("SplitToSequence", "must be one int32 or int64", DTYPE_FLOAT, floats);
    CHECK_REFUSED("SequenceConstruct", "takes tensors of float", DTYPE_FLOAT, DTYPE_INT64);
    CHECK_REFUSED("SequenceConstruct", "input 0 has type sequence of float", floats);
    CHECK_REFUSED("SequenceInsert", "takes tensors of float", floats, DTYPE_DOUBLE);
    CHECK_REFUSED("SequenceInsert", "takes tensors of float", floats, floats);
    CHECK_REFUSED("SequenceInsert", "the position, must be one", floats, DTYPE_FLOAT, floats);
    CHECK_REFUSED("SequenceInsert", "the position, must be one", floats, DTYPE_FLOAT, DTYPE_FLOAT);
    CHECK_REFUSED("SequenceAt", "position 0 is outside [0, 0)", floats, DTYPE_INT64);
    CHECK_REFUSED("SequenceErase", "position -1 is outside [0, 0)", floats);
    CHECK_REFUSED("ConcatFromSequence", "the sequence is empty", floats);
    CHECK_REFUSED("Optional", "holds an optional", maybe);
    CHECK_REFUSED("OptionalGetElement", "the optional holds nothing", maybe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_containers_refused),
                                       cmocka_unit_test(test_tensors_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
