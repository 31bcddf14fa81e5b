#include "graph/settings.h"

#include <string.h>

#include "graph/operator.h"

/* The types that an attribute of each form may have. */
static bool has_form(const struct attribute *attribute, enum setting_form form)
{
    switch (form) {
    case SETTING_INT:
    case SETTING_FLAG:
        return attribute->type == ATTRIBUTE_INT;
    case SETTING_FLOAT:
        return attribute->type == ATTRIBUTE_FLOAT;
    case SETTING_TEXT:
    case SETTING_WORD:
        return attribute->type == ATTRIBUTE_STRING;
    case SETTING_INTS:
        return attribute->type == ATTRIBUTE_INTS;
    case SETTING_FLOATS:
        return attribute->type == ATTRIBUTE_FLOATS;
    case SETTING_TYPE:
        return attribute->type == ATTRIBUTE_TYPE_PROTO;
    case SETTING_TEXTS:
        return attribute->type == ATTRIBUTE_STRINGS;
    case SETTING_TENSOR:
        return attribute->type == ATTRIBUTE_TENSOR || attribute->type == ATTRIBUTE_SPARSE_TENSOR;
    case SETTING_GRAPH:
        return attribute->type == ATTRIBUTE_GRAPH && attribute->graph;
    case SETTING_NONE:
        break;
    }
    return true;
}

static int find_word(const struct attribute_rule *rule, const char *text)
{
    for (int i = 0; rule->words[i]; i++) {
        if (strcmp(rule->words[i], text) == 0)
            return i;
    }
    return -1;
}

/* The attribute that stands for one of a function's, whose value only a call knows; NULL: none. */
static const struct attribute *find_reference(const struct node *node)
{
    for (int i = 0; i < node->attribute_count; i++) {
        if (node->attributes[i].reference)
            return &node->attributes[i];
    }
    return NULL;
}

bool attribute_rule_holds(const struct attribute_rule *rule, int opset)
{
    return opset >= rule->since && (rule->until == 0 || opset <= rule->until);
}

static int check(const struct attribute_rule *rule, const struct node *node, struct error *error)
{
    const struct attribute *attribute = node_attribute(node, rule->name);
    static const char *const forms[] = {[SETTING_INT] = "an integer",
                                        [SETTING_FLAG] = "an integer",
                                        [SETTING_FLOAT] = "a number",
                                        [SETTING_TEXT] = "a text",
                                        [SETTING_WORD] = "a text",
                                        [SETTING_INTS] = "a list of integers",
                                        [SETTING_FLOATS] = "a list of numbers",
                                        [SETTING_TYPE] = "a type",
                                        [SETTING_TEXTS] = "a list of texts",
                                        [SETTING_TENSOR] = "a tensor",
                                        [SETTING_GRAPH] = "a graph"};
    if (!attribute)
        return rule->required && attribute_rule_holds(rule, node->opset)
                   ? error_set(error, ERROR_INPUT, "attribute %s is missing", rule->name)
                   : 0;
    if (!has_form(attribute, rule->form))
        return error_set(error, ERROR_INPUT, "attribute %s is not %s", rule->name, forms[rule->form]);
    if (rule->form == SETTING_WORD && find_word(rule, attribute->s.data) < 0)
        return error_set(error, ERROR_UNSUPPORTED, "attribute %s is '%.40s'", rule->name, attribute->s.data);
    return 0;
}

static void store_default(const struct attribute_rule *rule, void *field)
{
    if (rule->form == SETTING_INT)
        *(int64_t *)field = (int64_t)rule->number;
    else if (rule->form == SETTING_FLAG)
        *(bool *)field = rule->number != 0;
    else if (rule->form == SETTING_FLOAT)
        *(float *)field = (float)rule->number;
    else if (rule->form == SETTING_TEXT)
        *(const char **)field = rule->text;
    else if (rule->form == SETTING_WORD)
        *(int *)field = (int)rule->number;
}

static void store(const struct attribute_rule *rule, const struct attribute *attribute, void *field)
{
    switch (rule->form) {
    case SETTING_INT:
        *(int64_t *)field = attribute->i;
        break;
    case SETTING_FLAG:
        *(bool *)field = attribute->i != 0;
        break;
    case SETTING_FLOAT:
        *(float *)field = attribute->f;
        break;
    case SETTING_TEXT:
        *(const char **)field = attribute->s.data;
        break;
    case SETTING_WORD:
        *(int *)field = find_word(rule, attribute->s.data);
        break;
    case SETTING_INTS:
        *(struct ints *)field = (struct ints){attribute->ints, (int)attribute->count};
        break;
    case SETTING_FLOATS:
        *(struct floats *)field = (struct floats){attribute->floats, (int)attribute->count};
        break;
    case SETTING_TYPE:
        *(enum dtype *)field = attribute->dtype;
        break;
    case SETTING_TEXTS:
        *(struct texts *)field = (struct texts){attribute->strings, (int)attribute->count};
        break;
    case SETTING_TENSOR:
        *(struct constant **)field = attribute->tensor;
        break;
    case SETTING_GRAPH:
        *(struct graph **)field = attribute->graph;
        break;
    case SETTING_NONE:
        break;
    }
}

int node_read_settings(struct node *node, struct error *error)
{
    const struct operator_definition *entry = node->definition;
    node->settings = NULL;
    if (!entry || !entry->attributes || find_reference(node))
        return 0;
    /* A block of its own each time: an execution graph's node may share the source node's. */
    char *settings = arena_allocate(node->graph->arena, 1, entry->settings_size, error);
    if (!settings)
        return -1;
    memset(settings, 0, entry->settings_size);
    for (const struct attribute_rule *rule = entry->attributes; rule->name; rule++) {
        const struct attribute *attribute = node_attribute(node, rule->name);
        struct error ignored = {0};
        if (rule->form == SETTING_NONE)
            continue;
        if (attribute && check(rule, node, &ignored) == 0)
            store(rule, attribute, settings + rule->offset);
        else
            store_default(rule, settings + rule->offset);
        if (rule->given)
            *(bool *)(settings + rule->given) = attribute != NULL;
    }
    node->settings = settings;
    return 0;
}

int node_set_operator(struct node *node, const struct operator_definition *operator_entry, struct error *error)
{
    node->definition = operator_entry;
    return node_read_settings(node, error);
}

int node_check_settings(const struct node *node, struct error *error)
{
    const struct operator_definition *entry = node->definition;
    const struct attribute *reference = find_reference(node);
    if (reference)
        return error_set(error, ERROR_INPUT, "attribute '%s' refers to a function's attribute, but stands in none",
                         reference->name);
    if (entry && entry->attributes && !node->settings)
        return error_set(error, ERROR_INTERNAL, "its attributes were not read");
    for (const struct attribute_rule *rule = entry ? entry->attributes : NULL; rule && rule->name; rule++) {
        if (check(rule, node, error))
            return -1;
    }
    return 0;
}

const struct attribute_rule *operator_attribute(const struct operator_definition *operator_entry, const char *name)
{
    for (const struct attribute_rule *rule = operator_entry->attributes; rule && rule->name; rule++) {
        if (strcmp(rule->name, name) == 0)
            return rule;
    }
    return NULL;
}

int operator_picked(const struct operator_definition *entry, int output)
{
    bool said = false;
    for (int i = 0; i < OPERATOR_PICKS; i++)
        said = said || entry->picks[i] > 0;
    if (said)
        return output < OPERATOR_PICKS ? entry->picks[output] - 1 : -1;
    return output == 0 && entry->traits & OPERATOR_SELECTS && !(entry->traits & OPERATOR_FINDS) ? 0 : -1;
}

enum operand_role operator_role(const struct operator_definition *entry, int input)
{
    int last = input < OPERATOR_ROLES ? input : OPERATOR_ROLES - 1;
    while (last > 0 && entry->roles[last] == ROLE_UNSAID)
        last--;
    return (enum operand_role)entry->roles[last];
}
