/* Attributes as an operator's settings: what is read, what is a default, and what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "graph/operator.h"

struct settings {
    int64_t axis;
    bool flag, axis_given;
    float rate;
    const char *text;
    int mode;
    struct ints sizes;
};

static const char *const modes[] = {"first", "second", NULL};
static const struct attribute_rule rules[] = {
    {INT_ATTRIBUTE(struct settings, axis, -1), .given = offsetof(struct settings, axis_given)},
    {FLAG_ATTRIBUTE(struct settings, flag, 1)},
    {FLOAT_ATTRIBUTE(struct settings, rate, 0.5)},
    {TEXT_ATTRIBUTE(struct settings, text, "none")},
    {WORD_ATTRIBUTE(struct settings, mode, 1, modes)},
    {INTS_ATTRIBUTE(struct settings, sizes), .required = true, .since = 11, .until = 12},
    {IGNORED_ATTRIBUTE("ignored")},
    {0},
};
static const struct operator_definition definition = {
    .domain = "", .name = "Test", .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT}, SETTINGS(struct settings, rules)};

struct fixture {
    struct error error;
    struct context *context;
    struct node *node;
};

static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){.error = ERROR_INITIALISER};
    fixture->context = context_create(&(struct context_options){.threads = 1}, &fixture->error);
    struct graph *graph = graph_create(fixture->context, NULL, "test", &fixture->error);
    fixture->node = graph_add_node(graph, "", "Test", "n", 0, 0, &fixture->error);
    assert_non_null(fixture->node);
    fixture->node->opset = 10;
}

static void end(struct fixture *fixture)
{
    graph_destroy(fixture->node->graph);
    assert_int_equal(context_destroy(fixture->context), 0);
}

static const struct settings *settings_of(const struct fixture *fixture)
{
    return fixture->node->settings;
}

static void expect_problem(struct fixture *fixture, enum error_kind kind, const char *text)
{
    struct error error = ERROR_INITIALISER;
    assert_int_equal(node_check_settings(fixture->node, &error), -1);
    assert_int_equal(error.kind, kind);
    assert_non_null(strstr(error.message, text));
}

static void test_defaults(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    assert_int_equal(node_check_settings(fixture.node, &fixture.error), 0); /* not known yet */
    assert_int_equal(node_set_operator(fixture.node, &definition, &fixture.error), 0);
    const struct settings *settings = settings_of(&fixture);
    assert_true(settings->axis == -1 && settings->flag && !settings->axis_given && settings->rate == 0.5f);
    assert_string_equal(settings->text, "none");
    assert_true(settings->mode == 1 && !settings->sizes.values && settings->sizes.count == 0);
    assert_int_equal(node_check_settings(fixture.node, &fixture.error), 0);
    end(&fixture);
}

/* Setting an attribute reads the settings anew, into a block of their own. */
static void test_given(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error *error = &fixture.error;
    const int64_t sizes[2] = {3, 5};
    start(&fixture);
    struct node *node = fixture.node;
    assert_int_equal(node_set_operator(node, &definition, error), 0);
    const struct settings *before = settings_of(&fixture);
    assert_int_equal(node_set_int(node, "axis", 2, error) || node_set_int(node, "flag", 0, error), 0);
    assert_int_equal(node_set_float(node, "rate", 2, error) || node_set_string(node, "text", "some", error), 0);
    assert_int_equal(node_set_string(node, "mode", "first", error) || node_set_ints(node, "sizes", sizes, 2, error), 0);
    const struct settings *settings = settings_of(&fixture);
    assert_true(before->axis == -1 && before != settings);
    assert_true(settings->axis == 2 && settings->axis_given && !settings->flag && settings->rate == 2);
    assert_string_equal(settings->text, "some");
    assert_true(settings->mode == 0 && settings->sizes.count == 2 && settings->sizes.values[1] == 5);
    assert_int_equal(node_check_settings(node, error), 0);
    end(&fixture);
}

/* What breaks a rule leaves the default and is told. */
static void test_problems(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error *error = &fixture.error;
    start(&fixture);
    struct node *node = fixture.node;
    assert_int_equal(node_set_operator(node, &definition, error), 0);
    assert_int_equal(node_set_float(node, "axis", 3, error), 0);
    assert_int_equal(settings_of(&fixture)->axis, -1);
    expect_problem(&fixture, ERROR_INPUT, "attribute axis is not an integer");
    assert_int_equal(node_set_int(node, "axis", 3, error) || node_set_string(node, "mode", "third", error), 0);
    assert_int_equal(settings_of(&fixture)->mode, 1);
    expect_problem(&fixture, ERROR_UNSUPPORTED, "attribute mode is 'third'");
    assert_int_equal(node_set_string(node, "mode", "second", error), 0);
    assert_int_equal(node_check_settings(node, error), 0);
    node->opset = 11;
    expect_problem(&fixture, ERROR_INPUT, "attribute sizes is missing");
    node->opset = 13;
    assert_int_equal(node_check_settings(node, error), 0);
    end(&fixture);
}

/* An attribute that stands for a function's: what it is only a call knows. */
static void test_references(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    assert_int_equal(node_set_int(fixture.node, "axis", 2, &fixture.error), 0);
    assert_int_equal(node_set_operator(fixture.node, &definition, &fixture.error), 0);
    assert_non_null(settings_of(&fixture));
    fixture.node->attributes[0].reference = "outer";
    assert_int_equal(node_read_settings(fixture.node, &fixture.error), 0);
    assert_null(settings_of(&fixture));
    expect_problem(&fixture, ERROR_INPUT, "attribute 'axis' refers to a function's attribute");
    end(&fixture);
}

static void test_rules(void **state)
{
    (void)state;
    assert_ptr_equal(operator_attribute(&definition, "rate"), &rules[2]);
    assert_ptr_equal(operator_attribute(&definition, "ignored"), &rules[6]);
    assert_null(operator_attribute(&definition, "rat"));
    static const bool holds[] = {false, true, true, false};
    for (int opset = 10; opset <= 13; opset++) {
        assert_int_equal(attribute_rule_holds(&rules[5], opset), holds[opset - 10]);
        assert_true(attribute_rule_holds(&rules[0], opset));
    }
    static const enum operand_role roles[] = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_SHIFT};
    for (int i = 0; i < 4; i++)
        assert_int_equal(operator_role(&definition, i), roles[i]);
    assert_int_equal(operator_role(&definition, 100), ROLE_SHIFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_given),
                                       cmocka_unit_test(test_problems), cmocka_unit_test(test_references),
                                       cmocka_unit_test(test_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
