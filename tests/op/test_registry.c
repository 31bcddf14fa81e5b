/* Every entry of the operator table says all of its operator: a set of traits, what each input is, one rule for each
 * attribute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/left_out.h"
#include "op/registry.h"
#include "op/signature.h"

/* Inputs that the entry can have, as far as roles are counted. */
static int inputs_of(const struct operator_definition *entry)
{
    return entry->max_inputs < 0 || entry->max_inputs > OPERATOR_ROLES ? OPERATOR_ROLES : entry->max_inputs;
}

static void test_traits(void **state)
{
    const struct operator_definition *entry;
    (void)state;
    for (int i = 0; (entry = operator_at(i)) != NULL; i++) {
        uint64_t meaning = entry->traits & ~(uint64_t)(63 | OPERATOR_CONTAINERS);
        if (entry->traits == 0 || (meaning & OPERATOR_OTHER && meaning != OPERATOR_OTHER))
            fail_msg("%s of opset %d: traits %llx", entry->name, entry->since, (unsigned long long)entry->traits);
    }
}

/* Traits and callbacks that say one thing in two places agree. */
static void test_agreement(void **state)
{
    const struct operator_definition *entry;
    (void)state;
    for (int i = 0; (entry = operator_at(i)) != NULL; i++) {
        uint64_t traits = entry->traits;
        bool sound =
            (!(traits & OPERATOR_PERMUTES) || traits & OPERATOR_MOVES) &&
            (!(traits & OPERATOR_COMMUTES) || (entry->max_inputs != 1 && operator_role(entry, 1) == entry->roles[0])) &&
            (!(traits & OPERATOR_EXACT_FIELD) || entry->field) &&
            (!(traits & OPERATOR_GLOBAL_POOL) || traits & OPERATOR_POOLS) &&
            (!(traits & OPERATOR_MATRIX) || traits & OPERATOR_PRODUCT) &&
            (!(traits & OPERATOR_GATE) || traits & OPERATOR_ACTIVATION) &&
            (!(traits & OPERATOR_NORMALIZES_ROWS) || traits & OPERATOR_NORMALIZES) &&
            (!entry->start || entry->gradient) && entry->gate <= GATE_SHARE;
        if (!sound)
            fail_msg("%s of opset %d: traits %llx", entry->name, entry->since, (unsigned long long)traits);
    }
}

static void test_roles(void **state)
{
    const struct operator_definition *entry;
    (void)state;
    for (int i = 0; (entry = operator_at(i)) != NULL; i++) {
        int named = 0;
        while (named < OPERATOR_ROLES && entry->roles[named] != ROLE_UNSAID)
            named++;
        for (int k = named; k < OPERATOR_ROLES; k++) {
            if (entry->roles[k] != ROLE_UNSAID)
                fail_msg("%s of opset %d: input %d has no role, input %d has", entry->name, entry->since, named, k);
        }
        if (inputs_of(entry) > 0 && named == 0)
            fail_msg("%s of opset %d: no input has a role", entry->name, entry->since);
        for (int k = 0; k < inputs_of(entry); k++)
            assert_int_equal(operator_role(entry, k), entry->roles[k < named ? k : named - 1]);
    }
}

static void test_attributes(void **state)
{
    const struct operator_definition *entry;
    (void)state;
    for (int i = 0; (entry = operator_at(i)) != NULL; i++) {
        assert_true(!entry->attributes == (entry->settings_size == 0));
        for (const struct attribute_rule *rule = entry->attributes; rule && rule->name; rule++) {
            bool fits = rule->form == SETTING_NONE || rule->offset < entry->settings_size;
            if (!fits || operator_attribute(entry, rule->name) != rule ||
                (rule->form == SETTING_WORD && !rule->words) || (rule->until != 0 && rule->until < rule->since))
                fail_msg("%s of opset %d: rule of '%s'", entry->name, entry->since, rule->name);
        }
    }
    assert_null(operator_attribute(operator_find("", "Conv", 13), "kernel"));
    assert_non_null(operator_attribute(operator_find("", "Conv", 13), "kernel_shape"));
}

#define MOST_ATTRIBUTES 32

/* A line of the list of ONNX's operators. */
struct listed {
    char name[64];
    int since, count;
    char attributes[MOST_ATTRIBUTES][64];
};

static bool read_listed(const char *line, struct listed *listed)
{
    int used;
    *listed = (struct listed){.since = 0};
    if (line[0] == '#' || sscanf(line, "%63s %d%n", listed->name, &listed->since, &used) != 2)
        return false;
    while (listed->count < MOST_ATTRIBUTES && sscanf(line + used, "%63s", listed->attributes[listed->count]) == 1) {
        used += (int)strspn(line + used, " ");
        used += (int)strcspn(line + used, " \n");
        listed->count++;
    }
    assert_true(listed->count < MOST_ATTRIBUTES);
    return true;
}

static bool lists(const struct listed *listed, const char *name)
{
    for (int i = 0; i < listed->count; i++) {
        if (strcmp(listed->attributes[i], name) == 0)
            return true;
    }
    return false;
}

/* What passes tell a node beside what files can. */
static bool is_our_own(const struct listed *listed, const char *attribute)
{
    return strcmp(attribute, "captures") == 0 || strcmp(attribute, "stream") == 0 ||
           strcmp(attribute, "whole_lengths") == 0 || strcmp(attribute, "part") == 0 ||
           (strcmp(listed->name, "SpaceToDepth") == 0 && strcmp(attribute, "mode") == 0);
}

static void expect_attributes(const struct operator_definition *entry, const struct listed *listed, int opset)
{
    for (int i = 0; i < listed->count; i++) {
        const struct attribute_rule *rule = operator_attribute(entry, listed->attributes[i]);
        if (!rule || !attribute_rule_holds(rule, opset))
            fail_msg("%s of opset %d: '%s' is missing", listed->name, opset, listed->attributes[i]);
    }
    for (const struct attribute_rule *rule = entry->attributes; rule && rule->name; rule++) {
        if (attribute_rule_holds(rule, opset) && !lists(listed, rule->name) && !is_our_own(listed, rule->name))
            fail_msg("%s of opset %d has no '%s'", listed->name, opset, rule->name);
    }
}

static void expect_listed(const struct listed *listed, int until)
{
    bool left_out = operator_left_out_reason("", listed->name) != NULL;
    for (int opset = listed->since > OPSET_OLDEST ? listed->since : OPSET_OLDEST; opset <= until; opset++) {
        const struct operator_definition *entry = operator_find("", listed->name, opset);
        if ((entry != NULL) == left_out)
            fail_msg("%s of opset %d is %s", listed->name, opset, left_out ? "left out and in the table" : "missing");
        if (entry)
            expect_attributes(entry, listed, opset);
    }
}

/* Every operator of ONNX is in the table at every opset that has it, with the attributes that it has there, or is among
 * those left out. */
static void test_complete(void **state)
{
    char line[1024];
    int versions = 0;
    struct listed listed = {.since = 0}, next;
    FILE *file = fopen("tests/op/onnx_operators.txt", "r");
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (!read_listed(line, &next))
            continue;
        bool changed = strcmp(listed.name, next.name) == 0;
        if (versions++ > 0 && !lists(&listed, "ended"))
            expect_listed(&listed, changed ? next.since - 1 : OPSET_NEWEST);
        listed = next;
    }
    fclose(file);
    expect_listed(&listed, OPSET_NEWEST);
    assert_true(versions > 350);
    for (int i = 0; operator_left_out_at(i); i++)
        assert_true(operator_left_out_at(i)->reason[0] != '\0');
}

/* Every entry of ONNX's own domain has a signature at its opset that allows what the entry asks for, but for two that
 * vendors write under ONNX's name. */
static void test_signatures(void **state)
{
    const struct operator_definition *entry;
    (void)state;
    for (int i = 0; (entry = operator_at(i)) != NULL; i++) {
        struct value value = {.dtype = DTYPE_UNDEFINED}, *values[OPERATOR_ROLES];
        struct node node = {.domain = entry->domain,
                            .op_type = entry->name,
                            .opset = entry->since > OPSET_OLDEST ? entry->since : OPSET_OLDEST,
                            .inputs = values,
                            .outputs = values,
                            .input_count = entry->min_inputs,
                            .output_count = entry->min_outputs};
        struct error error = ERROR_INITIALISER;
        bool own = entry->domain[0] == 0 && strcmp(entry->name, "SimplifiedLayerNormalization") != 0 &&
                   !(strcmp(entry->name, "LayerNormalization") == 0 && entry->until == 16);
        for (int k = 0; k < OPERATOR_ROLES; k++)
            values[k] = &value;
        if (own && !signature_find(&node))
            fail_msg("%s of opset %d has no signature", entry->name, node.opset);
        node.opset = entry->until ? entry->until : OPSET_NEWEST;
        const struct operator_signature *signature = signature_find(&node);
        if (own && signature && signature->inputs && signature_check_types(&node, &error))
            fail_msg("%s of opset %d: %s", entry->name, node.opset, error.message);
    }
}

static void expect_opsets(const char *name, int since, int until)
{
    int from, to;
    assert_true(operator_opsets("ai.onnx", name, &from, &to));
    assert_int_equal(from, since);
    assert_int_equal(to, until);
}

/* Over all entries of a name. */
static void test_opsets(void **state)
{
    int since, until;
    (void)state;
    expect_opsets("HardSwish", 14, 0);
    expect_opsets("Upsample", 7, 9);
    expect_opsets("Resize", 10, 0);
    assert_false(operator_opsets("my", "Resize", &since, &until));
    assert_false(operator_opsets("", "Magic", &since, &until));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_opsets),     cmocka_unit_test(test_traits),
                                       cmocka_unit_test(test_agreement),  cmocka_unit_test(test_roles),
                                       cmocka_unit_test(test_attributes), cmocka_unit_test(test_complete),
                                       cmocka_unit_test(test_signatures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
