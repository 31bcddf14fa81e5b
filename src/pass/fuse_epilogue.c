#include "graph/match.h"
#include "op/emit.h"
#include "op/registry.h"
#include "pass/fused_activation.h"

/* What follows a convolution, as far as one epilogue takes it. */
struct epilogue_match {
    struct node *addition, *activation_node;
    struct value *residual;
    struct fused_activation activation;
};

/* The other operand must be ready where the convolution's result is: the fused node takes the addition's place. */
static struct value *match_residual(const struct node *addition, const struct value *convolved)
{
    if (!match_operator(addition, "Add"))
        return NULL;
    struct value *other = addition->inputs[addition->inputs[0] == convolved];
    bool fits = other != convolved && shape_equal(&other->shape, &convolved->shape) && other->dtype == convolved->dtype;
    return fits ? other : NULL;
}

static struct value *match_epilogue(const struct node *conv, struct epilogue_match *match, struct error *error)
{
    struct value *last = conv->outputs[0];
    struct node *user = pass_sole_user(last);
    if (user && (match->residual = match_residual(user, last)) != NULL) {
        match->addition = user;
        last = user->outputs[0];
        user = pass_sole_user(last);
    }
    if (user && user->inputs[0] == last && match_fused_activation(user, &match->activation, error)) {
        match->activation_node = user;
        last = user->outputs[0];
    } else {
        match->activation = (struct fused_activation){UNARY_IDENTITY, 0, 0};
    }
    return last;
}

static int fuse(struct node *conv, const struct epilogue_match *match, struct value *last, struct error *error)
{
    struct graph *graph = conv->graph;
    struct node *fused = graph_add_node(graph, DOMAIN_INTERNAL, "FusedConv", conv->name, 4, 1, error);
    if (!fused)
        return -1;
    struct node *final = match->activation_node ? match->activation_node : match->addition;
    fused->origin = conv->origin;
    fused->attributes = conv->attributes;
    fused->attribute_count = conv->attribute_count;
    if (operator_resolve(fused, 1, error))
        return -1;
    struct value *operands[4] = {conv->inputs[0], conv->inputs[1], conv->input_count > 2 ? conv->inputs[2] : NULL,
                                 match->residual};
    graph_move_node(graph, fused, final);
    graph_remove_node(graph, final);
    if (match->addition && match->addition != final)
        graph_remove_node(graph, match->addition);
    graph_remove_node(graph, conv);
    for (int i = 0; i < 4; i++) {
        if (operands[i] && node_set_input(fused, i, operands[i], error))
            return -1;
    }
    if (set_fused_activation(fused, &match->activation, error))
        return -1;
    return node_set_output(fused, 0, last, error);
}

int pass_fuse_epilogue(struct graph *graph, struct error *error)
{
    /* Backwards: of two convolutions that one Add joins, the later one can have the other as its residual. */
    for (struct node *node = graph->last, *previous; node; node = previous) {
        previous = node->previous;
        if (!match_operator(node, "Conv") || dtype_storage(node->outputs[0]->dtype) != DTYPE_FLOAT)
            continue;
        struct epilogue_match match = {0};
        struct value *last = match_epilogue(node, &match, error);
        if (error->kind != ERROR_NONE || (last != node->outputs[0] && fuse(node, &match, last, error)))
            return -1;
    }
    return 0;
}
