/* Attributes by the operators' own tables. */
#include <stdio.h>
#include <string.h>

#include "analysis/check_rules.h"
#include "graph/operator.h"
#include "op/signature.h"

#define MOST_ATTRIBUTES 20 /* named */

/* Attributes that an operator does not have at its opset, each named once with how many nodes hold it. */
struct odd_attributes {
    struct odd_attribute {
        const struct node *first;
        const char *name;
        int nodes;
    } list[MOST_ATTRIBUTES];
    int count, more; /* more: nodes with others */
};

static void note_odd(struct odd_attributes *odd, const struct node *node, const char *name)
{
    for (int i = 0; i < odd->count; i++) {
        struct odd_attribute *known = &odd->list[i];
        if (known->first->definition == node->definition && known->first->opset == node->opset &&
            strcmp(known->name, name) == 0) {
            known->nodes++;
            return;
        }
    }
    if (odd->count == MOST_ATTRIBUTES)
        odd->more++;
    else
        odd->list[odd->count++] = (struct odd_attribute){node, name, 1};
}

bool check_attribute_elsewhere(const struct node *node)
{
    for (int i = 0; node->definition && i < node->attribute_count; i++) {
        const struct attribute_rule *rule = operator_attribute(node->definition, node->attributes[i].name);
        if (rule && !attribute_rule_holds(rule, node->opset))
            return true;
    }
    return false;
}

static int check_node(struct check *check, const struct node *node, struct odd_attributes *odd, struct error *error)
{
    struct error refusal = ERROR_INITIALISER;
    char label[NODE_LABEL_SIZE];
    for (int i = 0; node->definition && i < node->attribute_count; i++) {
        const char *name = node->attributes[i].name;
        const struct attribute_rule *rule = operator_attribute(node->definition, name);
        if (!rule || !attribute_rule_holds(rule, node->opset))
            note_odd(odd, node, name);
    }
    if (node_check_settings(node, &refusal) == 0)
        return 0;
    error_prefix(&refusal, "%s", node_label(node, label));
    return check_tell_refusal(check, FINDING_ATTRIBUTE, &refusal, "", error);
}

static int check_settings(struct check *check, const struct graph *graph, struct odd_attributes *odd,
                          struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        const struct graph *inner;
        if (check_node(check, node, odd, error))
            return -1;
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (check_settings(check, inner, odd, error))
                return -1;
        }
    }
    return 0;
}

static const char *other_opsets(const struct node *node, const struct attribute_rule *rule, char out[200])
{
    if (node->opset < rule->since)
        snprintf(out, 200,
                 "it came with opset %d: other runtimes refuse it here; set the file's opset to that or leave "
                 "it out",
                 rule->since);
    else if (signature_gains_inputs(node, rule->until + 1)) /* it became one of them */
        snprintf(out, 200,
                 "since opset %d it is an input: other runtimes refuse it as an attribute; make it a constant "
                 "input, or export with opset %d",
                 rule->until + 1, rule->until);
    else
        snprintf(out, 200, "it ended with opset %d: other runtimes refuse it; leave it out", rule->until);
    return out;
}

static int tell_odd(struct check *check, const struct odd_attribute *attribute, struct error *error)
{
    const struct node *node = attribute->first;
    const struct attribute_rule *rule = operator_attribute(node->definition, attribute->name);
    enum finding_code code = rule                   ? FINDING_ATTRIBUTE_OPSET
                             : node->domain[0] == 0 ? FINDING_UNKNOWN_ATTRIBUTE
                                                    : FINDING_VENDOR_ATTRIBUTE;
    char label[NODE_LABEL_SIZE], opsets[200];
    const char *advice = rule              ? other_opsets(node, rule, opsets)
                         : node->domain[0] ? "nothing here reads it"
                                           : "other runtimes refuse it, here nothing reads it; leave it out";
    return check_tell(check, code, error, "%s%s%s of opset %d has no attribute '%.100s': %s; %d node%s, first %s",
                      node->domain, node->domain[0] ? "." : "", node->op_type, node->opset, attribute->name, advice,
                      attribute->nodes, attribute->nodes == 1 ? "" : "s", node_label(node, label));
}

int check_attributes(struct check *check, struct error *error)
{
    struct odd_attributes odd = {0};
    if (check_settings(check, check->graph, &odd, error))
        return -1;
    for (int i = 0; i < odd.count; i++) {
        if (tell_odd(check, &odd.list[i], error))
            return -1;
    }
    return odd.more > 0 ? check_tell(check, FINDING_UNKNOWN_ATTRIBUTE, error,
                                     "%d more attributes that no operator has at this opset", odd.more)
                        : 0;
}
