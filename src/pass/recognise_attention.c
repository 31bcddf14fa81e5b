/* softmax(scale Q K^T + bias) V. Q, K, V and the weights have any number of batch axes in front, of which the operator
 * sees two. */
#include <string.h>

#include "graph/match.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/settings.h"
#include "op/softmax.h"
#include "pass/passes.h"

#define MOST_BIASES 4

struct attention_match {
    struct value *q, *k, *v; /* q and k as [..., tokens, size], or transposed */
    bool q_transposed, k_transposed;
    bool exchanged; /* the product is of keys and queries, and its result transposed */
    double scale;
    struct value *biases[MOST_BIASES];
    struct shape bias_shape[MOST_BIASES]; /* of the weights where the bias is added */
    int bias_count;
};

/* Takes numbers off a factor of the product of queries and keys. */
static struct value *take_scale(struct value *value, double *scale)
{
    struct match_product product;
    if (!match_product(value, &product) || product.count != 1)
        return value;
    *scale *= product.number;
    return product.factors[0];
}

/* The operand of a Transpose that exchanges the last two axes and nothing else; NULL: another node. */
static struct value *exchanged_operand(const struct value *value)
{
    struct node *node = match_producer(value, "Transpose");
    return transpose_exchanges(node) ? node->inputs[0] : NULL;
}

/* Walks from the softmax's input back to the product of queries and keys, over biases, views and scales. A view between
 * two biases changes the number of batch axes only; biases of exchanged queries and keys are none that fit. */
static struct node *walk_scores(struct value *value, struct attention_match *match)
{
    for (int steps = 0; steps < 4 * MOST_BIASES; steps++) {
        struct node *product = match_producer(value, "MatMul"), *add = match_producer(value, "Add");
        struct node *view = match_producer(value, "Reshape");
        struct value *unscaled, *exchanged = exchanged_operand(value);
        if (product)
            return product;
        if (add && match->exchanged)
            return NULL;
        if (exchanged) {
            match->exchanged = !match->exchanged;
            value = exchanged;
        } else if (add) {
            int own = match_producer(add->inputs[1], "MatMul") || add->inputs[0]->constant ||
                              shape_count(&add->inputs[0]->shape) < shape_count(&value->shape)
                          ? 1
                          : 0;
            if (match->bias_count == MOST_BIASES || !shape_equal(&add->inputs[own]->shape, &value->shape))
                return NULL;
            match->bias_shape[match->bias_count] = value->shape;
            match->biases[match->bias_count++] = add->inputs[1 - own];
            value = add->inputs[own];
            if (match->scale != 1)
                return NULL; /* the bias would be scaled too */
        } else if (view && view->inputs[0]->shape.rank >= 2 && value->shape.rank >= 2 &&
                   memcmp(view->inputs[0]->shape.dims + view->inputs[0]->shape.rank - 2,
                          value->shape.dims + value->shape.rank - 2, 2 * sizeof(int64_t)) == 0) {
            value = view->inputs[0];
        } else if ((unscaled = take_scale(value, &match->scale)) != value) {
            value = unscaled;
        } else {
            return NULL;
        }
    }
    return NULL;
}

/* The factor as it was before its last two axes were exchanged, if a node did so; the product has queries as rows and
 * keys as columns, or the other way round. */
static struct value *take_rows(struct value *value, bool columns, bool *transposed)
{
    struct value *before = columns ? exchanged_operand(value) : NULL;
    *transposed = columns && !before;
    return before ? before : value;
}

static bool match_attention(const struct node *node, struct attention_match *match)
{
    const struct node *softmax = match_producer(node->inputs[0], "Softmax");
    *match = (struct attention_match){.v = node->inputs[1], .scale = 1};
    int rank = node->inputs[0]->shape.rank;
    if (!softmax || rank < 3 || match->v->shape.rank != rank || node->inputs[0]->is_output ||
        node->inputs[0]->use_count != 1)
        return false;
    int64_t axis = softmax_axis(softmax);
    if (axis != -1 && axis != rank - 1)
        return false;
    const struct node *scores = walk_scores(softmax->inputs[0], match);
    if (!scores || scores->inputs[0]->shape.rank != rank || scores->inputs[1]->shape.rank != rank ||
        scores->outputs[0]->shape.rank != rank)
        return false;
    struct value *q = take_scale(scores->inputs[match->exchanged], &match->scale);
    struct value *k = take_scale(scores->inputs[!match->exchanged], &match->scale);
    match->q = take_rows(q, match->exchanged, &match->q_transposed);
    match->k = take_rows(k, !match->exchanged, &match->k_transposed);
    /* Batch axes must be equal: the operator broadcasts none. */
    size_t bytes = (size_t)(rank - 2) * sizeof(int64_t);
    const int64_t *batch = match->q->shape.dims;
    return match->q->shape.rank == rank && match->k->shape.rank == rank &&
           memcmp(batch, match->k->shape.dims, bytes) == 0 && memcmp(batch, match->v->shape.dims, bytes) == 0 &&
           match->q->graph == node->graph && match->k->graph == node->graph && match->v->graph == node->graph &&
           dtype_storage(match->q->dtype) == DTYPE_FLOAT;
}

/* The operator's four axes: the last two and the one before stay, all in front become one. */
static void four_axes(const struct shape *shape, int64_t dims[4])
{
    int rank = shape->rank;
    dims[0] = shape_product(shape, 0, rank - 3);
    memcpy(dims + 1, shape->dims + rank - 3, 3 * sizeof *dims);
}

static struct value *as_four_axes(struct graph *graph, struct value *value, struct error *error)
{
    int64_t dims[4];
    four_axes(&value->shape, dims);
    return value->shape.rank == 4 ? value : emit_reshape(graph, value, 4, dims, error);
}

/* Queries or keys as [batch, heads, tokens, size]. */
static struct value *emit_rows(struct graph *graph, struct value *value, bool transposed, struct error *error)
{
    int rank = value->shape.rank;
    int64_t perm[SHAPE_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    if (transposed)
        value = emit(graph, "Transpose", EMIT_INPUTS(value), EMIT_ATTRIBUTES(EMIT_INTS("perm", perm, rank)), error);
    return value ? as_four_axes(graph, value, error) : NULL;
}

/* A bias as an operand that broadcasts to the weights [batch, heads, queries, keys]. Where it is added to another split
 * of the batch axes (the windows of Swin), it is expanded to that split first. */
static struct value *emit_bias(struct graph *graph, struct value *bias, const struct shape *at, const int64_t dims[4],
                               struct error *error)
{
    struct shape full = *at;
    int64_t own[4] = {1, 1, 1, 1};
    int rank = bias->shape.rank;
    if (at->rank <= 4 && rank <= 4) {
        bool same = at->rank == 4 ? memcmp(at->dims, dims, 4 * sizeof *dims) == 0 : true;
        for (int i = 0; i < rank; i++)
            own[4 - rank + i] = bias->shape.dims[i];
        if (same)
            return rank == 4 ? bias : emit_reshape(graph, bias, 4, own, error);
    }
    /* Queries and keys stay as they are in the bias; the batch axes are written out. */
    for (int i = 0; i < 2; i++) {
        int from = rank - 2 + i;
        full.dims[at->rank - 2 + i] = from >= 0 ? bias->shape.dims[from] : 1;
    }
    struct value *shape = emit_int_list(graph, full.dims, full.rank, error);
    struct value *expanded = shape ? emit(graph, "Expand", EMIT_INPUTS(bias, shape), EMIT_NO_ATTRIBUTES, error) : NULL;
    const int64_t split[4] = {dims[0], dims[1], full.dims[at->rank - 2], full.dims[at->rank - 1]};
    return expanded ? emit_reshape(graph, expanded, 4, split, error) : NULL;
}

/* What all keys of a query have in common is written out: the operator takes a mask of fewer keys to hide the rest. */
static struct value *emit_full_keys(struct graph *graph, struct value *bias, int64_t keys, struct error *error)
{
    int64_t dims[4];
    if (!bias || bias->shape.dims[3] == keys)
        return bias;
    memcpy(dims, bias->shape.dims, sizeof dims);
    dims[3] = keys;
    struct value *shape = emit_int_list(graph, dims, 4, error);
    return shape ? emit(graph, "Expand", EMIT_INPUTS(bias, shape), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static struct value *emit_biases(struct graph *graph, const struct attention_match *match, struct error *error)
{
    struct node *tail = graph->last;
    struct value *sum = NULL;
    int64_t dims[4];
    struct shape weights = match->q->shape;
    if (match->q_transposed)
        weights.dims[weights.rank - 2] = weights.dims[weights.rank - 1];
    weights.dims[weights.rank - 1] = match->v->shape.dims[weights.rank - 2];
    four_axes(&weights, dims);
    for (int i = 0; i < match->bias_count; i++) {
        struct value *bias = emit_bias(graph, match->biases[i], &match->bias_shape[i], dims, error);
        sum = !bias ? NULL : sum ? emit(graph, "Add", EMIT_INPUTS(sum, bias), EMIT_NO_ATTRIBUTES, error) : bias;
        if (!sum)
            return NULL;
    }
    sum = emit_full_keys(graph, sum, dims[3], error);
    if (!sum)
        return NULL;
    return pass_fold_new(graph, tail, error) ? NULL : sum;
}

static int replace(struct node *node, const struct attention_match *match, struct error *error)
{
    struct graph *graph = node->graph;
    struct node *tail = graph->last;
    struct value *bias = match->bias_count > 0 ? emit_biases(graph, match, error) : NULL;
    if (match->bias_count > 0 && !bias)
        return -1;
    struct value *q = emit_rows(graph, match->q, match->q_transposed, error);
    struct value *k = emit_rows(graph, match->k, match->k_transposed, error);
    struct value *v = as_four_axes(graph, match->v, error);
    if (!q || !k || !v)
        return -1;
    struct value *made = emit(graph, "Attention", EMIT_INPUTS(q, k, v, bias),
                              EMIT_ATTRIBUTES(EMIT_FLOAT("scale", (float)match->scale)), error);
    const struct shape *wanted = &node->outputs[0]->shape;
    if (made && wanted->rank != 4)
        made = emit_reshape(graph, made, wanted->rank, wanted->dims, error);
    return made ? pass_replace(node, tail, made, error) : -1;
}

int pass_recognise_attention(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        struct attention_match match;
        next = node->next;
        if (match_operator(node, "MatMul") && match_attention(node, &match) && replace(node, &match, error))
            return -1;
    }
    return 0;
}
