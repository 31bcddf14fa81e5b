#include <string.h>

#include "op/emit.h"
#include "pass/passes.h"

/* The operand of Mul that is sigmoid(other operand), or -1. */
static int sigmoid_operand(const struct node *multiply)
{
    for (int i = 0; i < 2; i++) {
        const struct node *sigmoid = pass_sole_producer(multiply->inputs[i], "Sigmoid");
        if (sigmoid && sigmoid->inputs[0] == multiply->inputs[1 - i])
            return i;
    }
    return -1;
}

int pass_recognise_activation(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        next = node->next;
        if (node->domain[0] != 0 || strcmp(node->op_type, "Mul") != 0 || sigmoid_operand(node) < 0)
            continue;
        struct value *x = node->inputs[1 - sigmoid_operand(node)];
        struct value *swish = emit(graph, "Swish", EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, error);
        if (!swish)
            return -1;
        struct node *made = swish->producer;
        struct node *sigmoid = node->inputs[sigmoid_operand(node)]->producer;
        struct value *output = node->outputs[0];
        graph_move_node(graph, made, node);
        made->origin = node->origin;
        graph_remove_node(graph, node);
        graph_remove_node(graph, sigmoid);
        if (node_set_output(made, 0, output, error))
            return -1;
    }
    return 0;
}
