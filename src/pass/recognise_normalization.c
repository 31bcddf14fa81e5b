#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/reduction.h"
#include "pass/passes.h"

struct normalization {
    struct value *x;
    struct value *scale, *bias; /* NULL: none */
    struct node *last;          /* the node whose result the operator gives */
    int axis;                   /* the first of the axes that are normalised, up to the last */
    float epsilon;
    bool centred;
};

/* sqrt(v), or 1 / sqrt(v) where `inverse`: v. */
static struct value *under_root(const struct value *value, bool inverse)
{
    const struct node *root = match_producer(value, "Sqrt");
    if (!inverse)
        return root ? root->inputs[0] : match_with_number(value, "Pow", 0.5);
    const struct node *reciprocal = match_producer(value, "Reciprocal"), *quotient = match_producer(value, "Div");
    if (reciprocal)
        return under_root(reciprocal->inputs[0], false);
    if (quotient && match_near(quotient->inputs[0], 1))
        return under_root(quotient->inputs[1], false);
    return match_with_number(value, "Pow", -0.5);
}

static bool same_difference(const struct value *a, const struct value *b)
{
    const struct node *x = match_producer(a, "Sub"), *y = match_producer(b, "Sub");
    return a == b || (x && y && x->inputs[0] == y->inputs[0] && x->inputs[1] == y->inputs[1]);
}

/* dividend / sqrt(mean(dividend^2) + epsilon) */
static bool match_parts(struct value *dividend, const struct value *under, struct normalization *found)
{
    const struct node *add = match_producer(under, "Add");
    double epsilon = 0;
    int other = -1;
    for (int i = 0; add && i < 2 && other < 0; i++)
        other = match_number(add->inputs[i], &epsilon) ? 1 - i : -1;
    struct value *square = other >= 0 ? reduction_mean(add->inputs[other], &found->axis) : NULL;
    struct value *centred = square ? match_squared(square) : NULL;
    if (!centred || !same_difference(centred, dividend))
        return false;
    int axis = -1;
    const struct node *difference = match_producer(dividend, "Sub");
    found->centred =
        difference && reduction_mean(difference->inputs[1], &axis) == difference->inputs[0] && axis == found->axis;
    found->x = found->centred ? difference->inputs[0] : dividend;
    found->epsilon = (float)epsilon;
    return true;
}

static bool match_quotient(struct node *node, struct normalization *found)
{
    *found = (struct normalization){.last = node};
    if (!node_has(node, OPERATOR_COMMUTES))
        return match_parts(node->inputs[0], under_root(node->inputs[1], false), found);
    for (int i = 0; i < 2; i++) {
        struct value *under = under_root(node->inputs[i], true);
        if (under && match_parts(node->inputs[1 - i], under, found))
            return true;
    }
    return false;
}

/* The constant that the one reader `op_type` combines with the result, if it has exactly the normalised axes. */
static struct value *take_constant(struct normalization *found, const char *op_type)
{
    struct value *result = found->last->outputs[0];
    struct node *user = pass_single_use(result) ? result->uses[0].node : NULL;
    if (!match_operator(user, op_type) || user->graph != result->graph)
        return NULL;
    struct value *constant = match_other(user, result);
    const struct shape *x = &found->x->shape;
    int axes = x->rank - found->axis;
    if (!constant || !constant->constant || constant->dtype != found->x->dtype ||
        shape_count(&constant->shape) != shape_product(x, found->axis, x->rank) || constant->shape.rank < axes ||
        memcmp(constant->shape.dims + constant->shape.rank - axes, x->dims + found->axis,
               (size_t)axes * sizeof *x->dims) != 0)
        return NULL;
    found->last = user;
    return constant;
}

static struct value *as_operand(struct graph *graph, const struct normalization *found, struct value *constant,
                                struct error *error)
{
    const struct shape *x = &found->x->shape;
    struct shape shape = {.rank = x->rank - found->axis};
    memcpy(shape.dims, x->dims + found->axis, (size_t)shape.rank * sizeof *shape.dims);
    if (!constant)
        return emit_filled(graph, found->x->dtype, &shape, 1, error);
    return shape_equal(&constant->shape, &shape) ? constant
                                                 : emit_reshape(graph, constant, shape.rank, shape.dims, error);
}

static int replace(struct normalization *found, struct error *error)
{
    struct graph *graph = found->last->graph;
    struct node *tail = graph->last;
    found->scale = take_constant(found, "Mul");
    if (found->scale && found->centred)
        found->bias = take_constant(found, "Add");
    struct value *scale = as_operand(graph, found, found->scale, error), *bias = NULL, *made = NULL;
    if (found->bias)
        bias = as_operand(graph, found, found->bias, error);
    if (!scale || (found->bias && !bias) || pass_fold_new(graph, tail, error))
        return -1;
    const struct emit_attribute attributes[2] = {EMIT_INT("axis", found->axis), EMIT_FLOAT("epsilon", found->epsilon)};
    if (found->centred)
        made = emit(graph, "LayerNormalization", EMIT_INPUTS(found->x, scale, bias), attributes, 2, error);
    else
        made = emit(graph, "RMSNormalization", EMIT_INPUTS(found->x, scale), attributes, 2, error);
    return made ? pass_replace(found->last, tail, made, error) : -1;
}

int pass_recognise_normalization(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        struct normalization found;
        next = node->next;
        if (!node_has(node, OPERATOR_MULTIPLIES) || dtype_storage(node->outputs[0]->dtype) != DTYPE_FLOAT ||
            !match_quotient(node, &found))
            continue;
        if (found.x->graph != graph || !shape_equal(&found.x->shape, &node->outputs[0]->shape))
            continue;
        if (replace(&found, error))
            return -1;
        /* What was taken over behind the quotient is gone. */
        next = found.last == node ? next : graph->first;
    }
    return 0;
}
