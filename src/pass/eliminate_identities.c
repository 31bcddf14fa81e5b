#include "graph/operator.h"
#include "pass/passes.h"

/* Whether the first output is the first input, where both have the same shape and type. */
static bool is_identity(const struct node *node)
{
    operator_identity *identity = node->definition ? node->definition->identity : NULL;
    return identity ? identity(node) : node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS);
}

static bool others_unused(const struct node *node)
{
    for (int i = 1; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output))
            return false;
    }
    return true;
}

int pass_eliminate_identities(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        next = node->next;
        const struct value *from = node->input_count > 0 ? node->inputs[0] : NULL;
        const struct value *to = node->output_count > 0 ? node->outputs[0] : NULL;
        if (!from || !to || to->is_output || from->dtype != to->dtype || from->graph != graph || from->shape.rank < 0 ||
            !shape_equal(&from->shape, &to->shape))
            continue;
        if (is_identity(node) && others_unused(node) && pass_replace(node, graph->last, node->inputs[0], error))
            return -1;
    }
    return 0;
}
