#include "op/signature.h"

#include <stdio.h>
#include <string.h>

#define FLOATS "fhd"
#define FLOAT8 "eEwW"
#define INTEGERS "BcSsilIL"
#define NUMBERS FLOATS INTEGERS
/* All types of tensors that there were since opset 1, 13, ... */
#define ALL_1 NUMBERS "otzZ"
#define ALL_13 ALL_1 "b"
#define ALL_19 ALL_13 FLOAT8
#define ALL_21 ALL_19 "nN"
#define ALL_23 ALL_21 "q"
#define ALL_24 ALL_23 "x"
#define ALL_25 ALL_24 "mM"

static const struct operator_signature signatures[] = {
#include "op/signature_table.h"
};
static const int signature_count = (int)(sizeof signatures / sizeof signatures[0]);

#define OTHER '*' /* sequences and what else is no tensor */

static char type_letter(enum dtype dtype)
{
    static const char letters[DTYPE_COUNT + 1] = "?fBcSsiltohdILzZbeEwWNnqxMm";
    return dtype < DTYPE_COUNT ? letters[dtype] : OTHER;
}

/* One operand of a pattern. */
struct operand_rule {
    int parameter;
    bool optional, variadic, mixed;
};

/* Reads the rule that *pattern begins with and moves it on, but not over one that stands for any number. */
static bool next_rule(const char **pattern, struct operand_rule *rule)
{
    const char *mark = *pattern;
    if (*mark == 0)
        return false;
    *rule = (struct operand_rule){.parameter = *mark++ - 'A'};
    for (; *mark && strchr("?*~", *mark); mark++) {
        rule->optional |= *mark == '?';
        rule->variadic |= *mark != '?';
        rule->mixed |= *mark == '~';
    }
    *pattern = rule->variadic ? *pattern : mark;
    return true;
}

/* Row of the operator that holds at `opset`, or -1. */
static int find_row(const char *name, int opset)
{
    int found = -1;
    for (int i = 0; i < signature_count; i++) {
        if (signatures[i].since <= opset && strcmp(signatures[i].name, name) == 0)
            found = i;
    }
    return found;
}

const struct operator_signature *signature_find(const struct node *node)
{
    int row = node->domain[0] ? -1 : find_row(node->op_type, node->opset);
    return row < 0 ? NULL : &signatures[row];
}

/* Of a pattern's operands; most -1: any number. */
static void count_operands(const char *pattern, int *least, int *most)
{
    struct operand_rule rule;
    int place = 0;
    *least = 0;
    while (next_rule(&pattern, &rule)) {
        place++;
        *least = rule.optional ? *least : place;
        if (rule.variadic) {
            *most = -1;
            return;
        }
    }
    *most = place;
}

/* The first opset behind that of the node at which the operator takes `count` inputs; 0: none. */
static int opset_of_inputs(const struct node *node, int count)
{
    int row = node->domain[0] ? -1 : find_row(node->op_type, node->opset), least, most;
    for (int i = row + 1; row >= 0 && i < signature_count && strcmp(signatures[i].name, node->op_type) == 0; i++) {
        if (!signatures[i].inputs)
            return 0;
        count_operands(signatures[i].inputs, &least, &most);
        if (count >= least && (most < 0 || count <= most))
            return signatures[i].since;
    }
    return 0;
}

bool signature_gains_inputs(const struct node *node, int opset)
{
    int before = node->domain[0] ? -1 : find_row(node->op_type, opset - 1), row = find_row(node->op_type, opset);
    int least, most = 0, most_before = 0;
    if (before < 0 || row <= before || !signatures[row].inputs || !signatures[before].inputs)
        return false;
    count_operands(signatures[before].inputs, &least, &most_before);
    count_operands(signatures[row].inputs, &least, &most);
    return most > most_before;
}

/* Without the outer values that pass_capture hands to control flow behind its own inputs. */
static int input_count(const struct node *node)
{
    const struct attribute *captures = node_attribute(node, "captures");
    bool sound = captures && captures->type == ATTRIBUTE_INT && captures->i >= 0 && captures->i <= node->input_count;
    return node->input_count - (sound ? (int)captures->i : 0);
}

static int check_count(const struct node *node, const char *pattern, bool inputs, struct error *error)
{
    struct value *const *operands = inputs ? node->inputs : node->outputs;
    int count = inputs ? input_count(node) : node->output_count, least, most;
    const char *what = inputs ? "input" : "output", *does = inputs ? "takes" : "gives";
    count_operands(pattern, &least, &most);
    if (most >= 0 && count > most) {
        int opset = inputs ? opset_of_inputs(node, count) : 0;
        char later[64] = "";
        if (opset > 0)
            snprintf(later, sizeof later, " (so many since opset %d)", opset);
        return error_set(error, ERROR_INPUT, "has %d %ss; %s of opset %d %s at most %d%s", count, what, node->op_type,
                         node->opset, does, most, later);
    }
    struct operand_rule rule;
    for (int i = 0; i < least && next_rule(&pattern, &rule); i++) {
        if (!rule.optional && (i >= count || !operands[i]))
            return error_set(error, ERROR_INPUT, "lacks %s %d, which %s of opset %d always %s", what, i, node->op_type,
                             node->opset, does);
    }
    return 0;
}

int signature_check_arity(const struct node *node, struct error *error)
{
    const struct operator_signature *signature = signature_find(node);
    if (!signature || !signature->inputs)
        return 0;
    return check_count(node, signature->inputs, true, error) || check_count(node, signature->outputs, false, error) ? -1
                                                                                                                    : 0;
}

/* "float, double", of at most six types; else "other types". */
static const char *types_text(const char *letters, char out[128])
{
    size_t used = 0;
    if (strlen(letters) > 6)
        return "other types";
    out[0] = 0;
    for (int dtype = 1; dtype < DTYPE_COUNT; dtype++) {
        if (strchr(letters, type_letter((enum dtype)dtype)))
            used += (size_t)snprintf(out + used, 128 - used, "%s%s", used ? ", " : "", dtype_name((enum dtype)dtype));
    }
    return used ? out : "no tensor";
}

static int refuse_type(const struct node *node, int input, const char *letters, struct error *error)
{
    const struct value *value = node->inputs[input];
    char types[128];
    if (type_letter(value->dtype) == OTHER)
        return error_set(error, ERROR_INPUT, "input %d, '%s', is a %s, where %s takes a tensor", input, value->name,
                         dtype_name(value->dtype), node->op_type);
    for (int row = find_row(node->op_type, node->opset) + 1;
         row < signature_count && strcmp(signatures[row].name, node->op_type) == 0; row++) {
        struct operand_rule rule;
        const char *pattern = signatures[row].inputs ? signatures[row].inputs : "";
        bool there = true;
        for (int i = 0; i <= input && there; i++)
            there = next_rule(&pattern, &rule);
        if (there && strchr(signatures[row].types[rule.parameter], type_letter(value->dtype)))
            return error_set(error, ERROR_INPUT, "input %d, '%s', is %s, which %s takes there since opset %d only",
                             input, value->name, dtype_name(value->dtype), node->op_type, signatures[row].since);
    }
    return error_set(error, ERROR_INPUT, "input %d, '%s', is %s; %s of opset %d takes %s there", input, value->name,
                     dtype_name(value->dtype), node->op_type, node->opset, types_text(letters, types));
}

int signature_check_types(const struct node *node, struct error *error)
{
    const struct operator_signature *signature = signature_find(node);
    const char *pattern = signature && signature->inputs ? signature->inputs : "";
    int first[SIGNATURE_TYPES] = {-1, -1, -1, -1, -1, -1};
    struct operand_rule rule;
    for (int i = 0, count = input_count(node); i < count && next_rule(&pattern, &rule); i++) {
        const struct value *value = node->inputs[i];
        if (!value || value->dtype == DTYPE_UNDEFINED)
            continue;
        if (!strchr(signature->types[rule.parameter], type_letter(value->dtype)))
            return refuse_type(node, i, signature->types[rule.parameter], error);
        int *bound = &first[rule.parameter];
        if (*bound >= 0 && !rule.mixed && node->inputs[*bound]->dtype != value->dtype)
            return error_set(error, ERROR_INPUT,
                             "input %d, '%s', is %s, input %d, '%s', is %s, and %s takes both of one type: put a Cast "
                             "in front of one",
                             *bound, node->inputs[*bound]->name, dtype_name(node->inputs[*bound]->dtype), i,
                             value->name, dtype_name(value->dtype), node->op_type);
        *bound = *bound < 0 && !rule.mixed ? i : *bound;
    }
    return 0;
}
