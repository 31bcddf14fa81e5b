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

/* ---- x f + (bias - mean(x) f), f = scale / sqrt(variance + epsilon), as TensorFlow writes it ---- */

/* The operand beside `value` in a product of two. */
static struct value *factor_beside(const struct value *product, const struct value *value)
{
    const struct node *node = match_producer(product, "Mul");
    return node ? match_other(node, value) : NULL;
}

/* mean of `bias - mean f`, or of `-mean f` where there is no bias; NULL: it is none. */
static struct value *mean_of_shift(const struct value *shift, const struct value *factor, struct value **bias)
{
    const struct node *difference = match_producer(shift, "Sub"), *negative = match_producer(shift, "Neg");
    *bias = difference ? difference->inputs[0] : NULL;
    if (difference)
        return factor_beside(difference->inputs[1], factor);
    if (negative)
        return factor_beside(negative->inputs[0], factor);
    const struct value *negated = factor_beside(shift, factor);
    const struct node *inner = negated ? match_producer(negated, "Neg") : NULL;
    return inner ? inner->inputs[0] : NULL;
}

/* f = 1 / sqrt(mean((x - mean)^2) + epsilon), or that times a scale. */
static bool match_factor(struct value *factor, const struct value *mean, struct normalization *found)
{
    const struct node *product = under_root(factor, true) ? NULL : match_producer(factor, "Mul");
    for (int i = 0; i < (product ? 2 : 1); i++) {
        const struct value *under = under_root(product ? product->inputs[i] : factor, true);
        const struct node *add = under ? match_producer(under, "Add") : NULL;
        double epsilon = 0;
        int other = add && match_number(add->inputs[0], &epsilon)   ? 1
                    : add && match_number(add->inputs[1], &epsilon) ? 0
                                                                    : -1;
        struct value *square = other >= 0 ? reduction_mean(add->inputs[other], &found->axis) : NULL;
        const struct value *centred = square ? match_squared(square) : NULL;
        const struct node *difference = centred ? match_producer(centred, "Sub") : NULL;
        if (!difference || difference->inputs[0] != found->x || difference->inputs[1] != mean)
            continue;
        found->epsilon = (float)epsilon;
        found->scale = product ? product->inputs[1 - i] : NULL;
        return true;
    }
    return false;
}

/* Whether the constant has one number for each normalised place. */
static bool fits_axes(const struct value *constant, const struct normalization *found)
{
    const struct shape *x = &found->x->shape;
    int axes = x->rank - found->axis;
    return constant->constant && constant->dtype == found->x->dtype && constant->shape.rank >= axes &&
           shape_count(&constant->shape) == shape_product(x, found->axis, x->rank) &&
           memcmp(constant->shape.dims + constant->shape.rank - axes, x->dims + found->axis,
                  (size_t)axes * sizeof *x->dims) == 0;
}

static bool match_shifted(struct node *node, struct normalization *found)
{
    for (int i = 0; i < 4; i++) {
        const struct node *product = match_producer(node->inputs[i / 2], "Mul");
        int axis = -1;
        if (!product)
            continue;
        *found = (struct normalization){.x = product->inputs[i % 2], .last = node, .centred = true, .axis = -1};
        struct value *factor = product->inputs[1 - i % 2];
        struct value *mean = mean_of_shift(node->inputs[1 - i / 2], factor, &found->bias);
        if (mean && reduction_mean(mean, &axis) == found->x && match_factor(factor, mean, found) &&
            axis == found->axis && (!found->scale || fits_axes(found->scale, found)) &&
            (!found->bias || fits_axes(found->bias, found)))
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
    if (!constant || !fits_axes(constant, found))
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

static void take_affine(struct normalization *found)
{
    found->scale = take_constant(found, "Mul");
    if (found->scale && found->centred)
        found->bias = take_constant(found, "Add");
}

static int replace(struct normalization *found, struct error *error)
{
    struct graph *graph = found->last->graph;
    struct node *tail = graph->last;
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
        if (pass_recognise_batch_statistics(node, error))
            return -1;
        bool quotient = node_has(node, OPERATOR_MULTIPLIES), sum = match_operator(node, "Add");
        if ((!quotient && !sum) || dtype_storage(node->outputs[0]->dtype) != DTYPE_FLOAT ||
            !(quotient ? match_quotient(node, &found) : match_shifted(node, &found)))
            continue;
        if (found.x->graph != graph || !shape_equal(&found.x->shape, &node->outputs[0]->shape))
            continue;
        if (quotient)
            take_affine(&found);
        if (replace(&found, error))
            return -1;
        /* What was taken over behind the quotient is gone. */
        next = found.last == node ? next : graph->first;
    }
    return 0;
}
