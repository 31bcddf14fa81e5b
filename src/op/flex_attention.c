/* ai.onnx.preview FlexAttention (version 1): attention whose scores and probabilities pass through graphs of the file.
 * Made of Attention where there are none, else of matrix products, Softmax and copies of the graphs. */
#include <math.h>

#include "op/control_flow.h"
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

enum { QUERY, KEY, VALUE, OWN_INPUTS };

struct flex_settings {
    struct control_flow_settings control_flow;
    float scale;
    bool scale_given;
    int64_t softmax_precision; /* enum dtype; 0: as the inputs say */
    struct graph *score_mod, *prob_mod;
};

static const struct attribute_rule attributes[] = {
    CONTROL_FLOW_ATTRIBUTES,
    {FLOAT_ATTRIBUTE(struct flex_settings, scale, 1), .given = offsetof(struct flex_settings, scale_given)},
    {INT_ATTRIBUTE(struct flex_settings, softmax_precision, 0)},
    {GRAPH_ATTRIBUTE(struct flex_settings, score_mod)},
    {GRAPH_ATTRIBUTE(struct flex_settings, prob_mod)},
    {0},
};

static enum dtype precision_of(const struct flex_settings *settings, enum dtype dtype)
{
    return settings->softmax_precision ? (enum dtype)settings->softmax_precision
           : dtype == DTYPE_DOUBLE     ? DTYPE_DOUBLE
                                       : DTYPE_FLOAT;
}

static int check_graph(const struct graph *graph, const char *name, struct error *error)
{
    return graph && (graph->input_count != 1 || graph->output_count != 1)
               ? error_set(error, ERROR_INPUT, "attribute %s must be a graph with one input and one output", name)
               : 0;
}

static int check_settings(const struct node *node, struct error *error)
{
    const struct flex_settings *settings = node->settings;
    int64_t precision = settings->softmax_precision;
    int inputs = control_flow_inputs(node, error);
    if (inputs < 0)
        return -1;
    if (inputs != OWN_INPUTS)
        return error_set(error, ERROR_INPUT, "has %d inputs, the operator takes 3", inputs);
    if (precision != 0 && precision != DTYPE_FLOAT && precision != DTYPE_DOUBLE && precision != DTYPE_FLOAT16 &&
        precision != DTYPE_BFLOAT16)
        return error_set(error, ERROR_INPUT, "attribute softmax_precision is %lld", (long long)precision);
    return check_graph(settings->score_mod, "score_mod", error) || check_graph(settings->prob_mod, "prob_mod", error)
               ? -1
               : 0;
}

static int infer_flex(struct infer_context *context, struct error *error)
{
    const struct tensor *q = context->inputs[QUERY], *k = context->inputs[KEY], *v = context->inputs[VALUE];
    char texts[3][SHAPE_TEXT_SIZE];
    if (check_settings(context->node, error))
        return -1;
    if (k->dtype != q->dtype || v->dtype != q->dtype)
        return error_set(error, ERROR_INPUT, "query, key and value are %s, %s and %s", dtype_name(q->dtype),
                         dtype_name(k->dtype), dtype_name(v->dtype));
    const int64_t *a = q->shape.dims, *b = k->shape.dims, *c = v->shape.dims;
    if (q->shape.rank != 4 || k->shape.rank != 4 || v->shape.rank != 4 || a[0] != b[0] || a[0] != c[0] ||
        b[1] != c[1] || b[2] != c[2] || a[3] != b[3] || a[3] < 1 || b[1] < 1 || a[1] % b[1] != 0)
        return error_set(
            error, ERROR_INPUT, "query, key and value do not fit: %s, %s, %s as batch, heads, rows, columns",
            shape_text(&q->shape, texts[0]), shape_text(&k->shape, texts[1]), shape_text(&v->shape, texts[2]));
    const struct shape scores = {.rank = 4, .dims = {a[0], a[1], a[2], b[2]}};
    const int64_t dims[4] = {a[0], a[1], a[2], c[3]};
    return shape_check(&scores, error) ? -1 : infer_output(context, 0, q->dtype, 4, dims, error);
}

/* [batch, heads, rows, columns] with every head written `times` times. */
static struct value *repeat_heads(struct graph *graph, struct value *value, int64_t times, struct error *error)
{
    const int64_t *dims = value->shape.dims;
    const int64_t apart[5] = {dims[0], dims[1], 1, dims[2], dims[3]};
    const int64_t repeated[5] = {dims[0], dims[1], times, dims[2], dims[3]};
    const int64_t joined[4] = {dims[0], dims[1] * times, dims[2], dims[3]};
    if (times == 1)
        return value;
    struct value *shape = emit_int_list(graph, repeated, 5, error);
    struct value *split = emit_reshape(graph, value, 5, apart, error);
    struct value *all =
        shape && split ? emit(graph, "Expand", EMIT_INPUTS(split, shape), EMIT_NO_ATTRIBUTES, error) : NULL;
    return all ? emit_reshape(graph, all, 4, joined, error) : NULL;
}

/* Shapes inside are found as far as they are known now; the result's are those of what goes in. */
static struct value *emit_graph(struct expand_context *context, struct graph *inner, struct value *value,
                                struct error *error)
{
    struct graph *graph = context->graph;
    struct node *last = graph->last;
    struct value *result = NULL;
    struct error ignored = ERROR_INITIALISER;
    if (!inner || !value)
        return value;
    if (graph_copy_subgraph(graph, context->node, context->inputs, inner, &value, &result, error))
        return NULL;
    for (struct node *node = last ? last->next : graph->first; node; node = node->next) {
        if (infer_values(node, &ignored))
            break;
    }
    if (!result || (result->shape.rank != SHAPE_UNKNOWN_RANK && !shape_equal(&result->shape, &value->shape)) ||
        (result->dtype != DTYPE_UNDEFINED && result->dtype != value->dtype)) {
        error_set(error, ERROR_INPUT, "a graph of the node changes the type or the shape of what goes in");
        return NULL;
    }
    result->dtype = value->dtype;
    result->shape = value->shape;
    return result;
}

static struct value *emit_scores(struct expand_context *context, struct value *keys, double scale, struct error *error)
{
    static const int64_t order[4] = {0, 1, 3, 2};
    struct graph *graph = context->graph;
    struct value *columns =
        emit(graph, "Transpose", EMIT_INPUTS(keys), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 4)), error);
    struct value *factor = emit_number_like(graph, keys, scale, error);
    struct value *products =
        columns ? emit(graph, "MatMul", EMIT_INPUTS(context->inputs[QUERY], columns), EMIT_NO_ATTRIBUTES, error) : NULL;
    return products && factor ? emit(graph, "Mul", EMIT_INPUTS(products, factor), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static struct value *emit_parts(struct expand_context *context, double scale, struct error *error)
{
    const struct flex_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value *k = context->inputs[KEY], *v = context->inputs[VALUE];
    enum dtype dtype = k->dtype, precision = precision_of(settings, dtype);
    int64_t times = context->inputs[QUERY]->shape.dims[1] / k->shape.dims[1];
    k = repeat_heads(graph, k, times, error);
    v = repeat_heads(graph, v, times, error);
    if (!k || !v)
        return NULL;
    struct value *scores = emit_cast(graph, emit_scores(context, k, scale, error), precision, error);
    scores = emit_graph(context, settings->score_mod, scores, error);
    struct value *shares =
        scores ? emit(graph, "Softmax", EMIT_INPUTS(scores), EMIT_ATTRIBUTES(EMIT_INT("axis", -1)), error) : NULL;
    shares = emit_graph(context, settings->prob_mod, shares, error);
    v = emit_cast(graph, v, precision, error);
    struct value *y = shares && v ? emit(graph, "MatMul", EMIT_INPUTS(shares, v), EMIT_NO_ATTRIBUTES, error) : NULL;
    return emit_cast(graph, y, dtype, error);
}

static int expand_flex(struct expand_context *context, struct error *error)
{
    const struct flex_settings *settings = context->node->settings;
    const struct value *q = context->inputs[QUERY];
    double scale = settings->scale_given ? (double)settings->scale : 1 / sqrt((double)q->shape.dims[3]);
    bool plain = !settings->score_mod && !settings->prob_mod && dtype_storage(q->dtype) == DTYPE_FLOAT &&
                 precision_of(settings, q->dtype) == DTYPE_FLOAT;
    context->outputs[0] = plain
                              ? emit(context->graph, "Attention",
                                     EMIT_INPUTS(context->inputs[QUERY], context->inputs[KEY], context->inputs[VALUE]),
                                     EMIT_ATTRIBUTES(EMIT_FLOAT("scale", (float)scale)), error)
                              : emit_parts(context, scale, error);
    return context->outputs[0] ? 0 : -1;
}

const struct operator_definition operators_flex_attention[] = {
    {.domain = "ai.onnx.preview",
     .name = "FlexAttention",
     .since = 1,
     ARITY(3, -1, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_ATTENTION,
     .roles = {ROLE_KEY, ROLE_KEY, ROLE_DATA},
     SETTINGS(struct flex_settings, attributes),
     .infer = infer_flex,
     .compute = expansion_compute,
     .expand = expand_flex},
    {0},
};
