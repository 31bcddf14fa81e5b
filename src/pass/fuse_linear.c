#include "graph/match.h"
#include "op/emit.h"
#include "op/known.h"
#include "pass/fused_activation.h"

/* What follows a product with constant weights, as far as one Linear takes it: bias, activation, residual. */
struct linear_match {
    struct value *bias, *residual;
    struct fused_activation activation;
    struct node *last;
};

/* The reader of the match's result if it is an Add; its other operand. */
static struct node *next_addition(const struct linear_match *match, struct value **other)
{
    struct value *result = match->last->outputs[0];
    struct node *user = pass_sole_user(result);
    if (!match_operator(user, "Add"))
        return NULL;
    *other = match_other(user, result);
    return *other && *other != result && shape_equal(&user->outputs[0]->shape, &result->shape) ? user : NULL;
}

/* One number per column, as a vector or with axes of size 1 in front. */
static bool is_bias(const struct value *value, int64_t columns)
{
    int rank = value->shape.rank;
    return value->constant && rank >= 1 && value->shape.dims[rank - 1] == columns &&
           shape_count(&value->shape) == columns && value->dtype == DTYPE_FLOAT;
}

static int match_linear(struct node *product, struct linear_match *match, struct error *error)
{
    const struct shape *y = &product->outputs[0]->shape;
    struct value *other;
    *match = (struct linear_match){.last = product, .activation = {UNARY_IDENTITY, 0, 0}};
    struct node *user = next_addition(match, &other);
    if (user && is_bias(other, y->dims[y->rank - 1])) {
        match->bias = other;
        match->last = user;
    }
    user = pass_sole_user(match->last->outputs[0]);
    if (user && user->inputs[0] == match->last->outputs[0] && match_fused_activation(user, &match->activation, error))
        match->last = user;
    else
        match->activation = (struct fused_activation){UNARY_IDENTITY, 0, 0};
    user = next_addition(match, &other);
    if (user && shape_equal(&other->shape, y) && other->graph == product->graph && other->dtype == DTYPE_FLOAT) {
        match->residual = other;
        match->last = user;
    }
    return error->kind != ERROR_NONE ? -1 : 0;
}

static int replace(struct node *product, struct linear_match *match, struct error *error)
{
    struct graph *graph = product->graph;
    struct node *tail = graph->last;
    const int64_t columns = product->inputs[1]->shape.dims[1];
    struct value *bias = match->bias;
    if (bias && bias->shape.rank != 1)
        bias = emit_reshape(graph, bias, 1, &columns, error);
    if ((match->bias && !bias) || pass_fold_new(graph, tail, error))
        return -1;
    struct value *made =
        emit(graph, "Linear", EMIT_INPUTS(product->inputs[0], product->inputs[1], bias, match->residual),
             EMIT_NO_ATTRIBUTES, error);
    if (!made || set_fused_activation(made->producer, &match->activation, error))
        return -1;
    return pass_replace(match->last, tail, made, error);
}

int pass_fuse_linear(struct graph *graph, struct error *error)
{
    /* Backwards: of two products that one Add joins, the later one can have the other as its residual. */
    for (struct node *node = graph->last, *previous; node; node = previous) {
        struct linear_match match;
        previous = node->previous;
        if (!match_operator(node, "MatMul") || !node->inputs[1]->constant || node->inputs[1]->shape.rank != 2 ||
            node->inputs[0]->shape.rank < 2 || node->outputs[0]->dtype != DTYPE_FLOAT ||
            node->inputs[0]->graph != graph)
            continue;
        if (match_linear(node, &match, error) || (match.last != node && replace(node, &match, error)))
            return -1;
    }
    return 0;
}
