#include "op/remark.h"

#include <stdio.h>

/* Numbers of the network's own, not of its weights. */
static bool rounds_to_steps(const struct node *node)
{
    const struct value *x = node->input_count > 0 ? node->inputs[0] : NULL;
    return node_has(node, OPERATOR_QUANTIZES) && x && !x->constant && dtype_is_float(x->dtype);
}

/* Whether the attributes and inputs are there that the operator's own remarks read. */
static bool is_whole(const struct node *node)
{
    int inputs = 0;
    while (inputs < node->input_count && node->inputs[inputs])
        inputs++;
    return inputs >= node->definition->min_inputs && node_check_settings(node, NULL) == 0;
}

bool node_remark(const struct node *node, struct operator_remark *remark)
{
    const struct operator_definition *entry = node->definition;
    *remark = (struct operator_remark){0};
    if (!entry || !is_whole(node))
        return false;
    if (entry->remarks)
        return entry->remarks(node, remark);
    if (rounds_to_steps(node)) {
        snprintf(remark->text, sizeof remark->text,
                 "rounds to steps: where another runtime sums in another order, an element on the edge of two may come "
                 "out one step away, and what is made of it differs");
        return true;
    }
    if (!(entry->traits & OPERATOR_RANDOM))
        return false;
    remark->unsteady = true;
    snprintf(remark->text, sizeof remark->text, "draws random numbers, which every runtime draws by its own rule");
    return true;
}

const struct node *graph_unsteady(const struct graph *graph, struct operator_remark *remark, int *count)
{
    const struct node *first = NULL;
    for (const struct node *node = graph->first; node; node = node->next) {
        struct operator_remark own;
        const struct graph *inner;
        if (node_remark(node, &own) && own.unsteady) {
            *remark = first ? *remark : own;
            first = first ? first : node;
            ++*count;
        }
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            const struct node *inside = graph_unsteady(inner, &own, count);
            if (inside && !first) {
                *remark = own;
                first = inside;
            }
        }
    }
    return first;
}
