/* com.microsoft: Attention (one packed projection), QAttention and MultiHeadAttention, made of ONNX's Attention. What
 * decoders with caches of fixed size need is refused. */
#include <string.h>

#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/quantize_emit.h"

struct heads_settings {
    int64_t num_heads;
    float mask_filter_value, scale; /* scale 0: 1 / sqrt(columns of a head) */
    bool unidirectional, do_rotary;
    struct ints qkv_hidden_sizes;
};

#define HEADS_ATTRIBUTES                                                                                               \
    {INT_ATTRIBUTE(struct heads_settings, num_heads, 0), .required = true},                                            \
        {FLOAT_ATTRIBUTE(struct heads_settings, mask_filter_value, -10000)},                                           \
        {FLOAT_ATTRIBUTE(struct heads_settings, scale, 0)},                                                            \
    {                                                                                                                  \
        FLAG_ATTRIBUTE(struct heads_settings, unidirectional, 0)                                                       \
    }

static const struct attribute_rule multi_head_attributes[] = {HEADS_ATTRIBUTES, {0}};
static const struct attribute_rule attention_attributes[] = {
    HEADS_ATTRIBUTES,
    {FLAG_ATTRIBUTE(struct heads_settings, do_rotary, 0)},
    {INTS_ATTRIBUTE(struct heads_settings, qkv_hidden_sizes)},
    {IGNORED_ATTRIBUTE("past_present_share_buffer")},
    {IGNORED_ATTRIBUTE("rotary_embedding_dim")},
    {0},
};

/* ---- masks ---- */

/* Places 0 .. keys - 1 against one number for each batch: [batch, keys]. */
static struct value *emit_places(struct graph *graph, const char *compare, int64_t keys, struct value *numbers,
                                 struct error *error)
{
    static const int64_t last = 1;
    const struct shape shape = {.rank = 1, .dims = {keys}};
    struct value *ones = emit_filled(graph, DTYPE_INT32, &shape, 1, error);
    struct value *axis = emit_scalar(graph, DTYPE_INT64, 0, error);
    struct value *places =
        ones && axis ? emit(graph, "CumSum", EMIT_INPUTS(ones, axis), EMIT_ATTRIBUTES(EMIT_INT("exclusive", 1)), error)
                     : NULL;
    return emit_two(graph, compare, places, emit_axes_added(graph, numbers, &last, 1, error), error);
}

/* true where a key may be seen, as [batch, 1 or queries, keys]; the forms of ONNX Runtime's mask_index. */
static struct value *emit_visible(struct graph *graph, struct value *mask, int64_t batch, int64_t keys,
                                  struct error *error)
{
    static const int64_t middle = 1;
    char text[SHAPE_TEXT_SIZE];
    const struct shape *shape = &mask->shape;
    struct value *visible = NULL;
    if (mask->dtype != DTYPE_INT32) {
        error_set(error, ERROR_INPUT, "the mask must be int32, not %s", dtype_name(mask->dtype));
        return NULL;
    }
    if (shape->rank == 1 && shape->dims[0] == batch) {
        visible = emit_places(graph, "Less", keys, mask, error);
    } else if (shape->rank == 1 && shape->dims[0] == 2 * batch) {
        struct value *ends = emit_slice(graph, mask, 0, 0, batch, error);
        struct value *starts = emit_slice(graph, mask, 0, batch, 2 * batch, error);
        if (ends && starts)
            visible = emit_two(graph, "And", emit_places(graph, "Less", keys, ends, error),
                               emit_places(graph, "GreaterOrEqual", keys, starts, error), error);
    } else if ((shape->rank == 2 || shape->rank == 3) && shape->dims[0] == batch &&
               shape->dims[shape->rank - 1] == keys) {
        visible = emit_cast(graph, mask, DTYPE_BOOL, error);
        if (visible && shape->rank == 3)
            return visible;
    } else {
        error_set(error, ERROR_UNSUPPORTED, "a mask of %s is not supported", shape_text(shape, text));
    }
    return emit_axes_added(graph, visible, &middle, 1, error);
}

/* What is added to the weights [batch, heads, queries, keys]: the filter value where the mask hides a key, and the
 * bias. */
static int emit_added(struct expand_context *context, struct value *mask, struct value *bias, const struct value *like,
                      int64_t batch, int64_t keys, struct value **added, struct error *error)
{
    static const int64_t middle = 1;
    const struct heads_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    *added = bias;
    if (!mask)
        return 0;
    struct value *visible = emit_visible(graph, mask, batch, keys, error);
    visible = emit_axes_added(graph, visible, &middle, 1, error);
    struct value *zero = emit_number_like(graph, like, 0, error);
    struct value *filter = emit_number_like(graph, like, (double)settings->mask_filter_value, error);
    if (!visible || !zero || !filter)
        return -1;
    struct value *hidden = emit(graph, "Where", EMIT_INPUTS(visible, zero, filter), EMIT_NO_ATTRIBUTES, error);
    *added = bias ? emit_two(graph, "Add", hidden, bias, error) : hidden;
    return *added ? 0 : -1;
}

/* ---- the attention itself ---- */

struct heads {
    struct value *q, *k, *v; /* [batch, rows, heads * columns] */
    struct value *mask, *bias, *past_key, *past_value;
};

/* results: Y, present key, present value (as far as wanted). */
static int emit_attention(struct expand_context *context, const struct heads *heads, struct value *results[3],
                          int result_count, struct error *error)
{
    const struct heads_settings *settings = context->node->settings;
    struct value *added;
    int64_t past = heads->past_key && heads->past_key->shape.rank == 4 ? heads->past_key->shape.dims[2] : 0;
    if (heads->q->shape.rank != 3 || heads->k->shape.rank != 3)
        return error_set(error, ERROR_INPUT, "query, key and value must have 3 axes");
    const struct value *bias = heads->bias;
    if (bias && (bias->shape.rank < 1 || bias->shape.dims[bias->shape.rank - 1] != past + heads->k->shape.dims[1]))
        return error_set(error, ERROR_INPUT, "the attention bias must have a column for each key");
    if (emit_added(context, heads->mask, heads->bias, heads->q, heads->q->shape.dims[0], past + heads->k->shape.dims[1],
                   &added, error))
        return -1;
    struct emit_attribute attributes[4] = {
        EMIT_INT("q_num_heads", settings->num_heads), EMIT_INT("kv_num_heads", settings->num_heads),
        EMIT_INT("is_causal", settings->unidirectional), EMIT_FLOAT("scale", settings->scale)};
    return emit_many(context->graph, "Attention",
                     EMIT_INPUTS(heads->q, heads->k, heads->v, added, heads->past_key, heads->past_value), attributes,
                     settings->scale > 0 ? 4 : 3, results, result_count, error);
}

static int refuse_inputs(const struct expand_context *context, int first, struct error *error)
{
    for (int i = first; i < context->input_count; i++) {
        if (context->inputs[i])
            return error_set(error, ERROR_UNSUPPORTED, "input %d is not supported", i);
    }
    return 0;
}

/* ---- MultiHeadAttention ---- */

enum { QUERY, KEY, VALUE, BIAS, PADDING, ADDED, PAST_KEY, PAST_VALUE };

/* Part `index` of a packed [batch, rows, heads, parts, columns] as [batch, rows, heads * columns]. */
static struct value *unpack(struct graph *graph, struct value *packed, int64_t index, struct error *error)
{
    const int64_t *dims = packed->shape.dims;
    const int64_t joined[3] = {dims[0], dims[1], dims[2] * dims[4]};
    struct value *part = emit_slice(graph, packed, 3, index, index + 1, error);
    return part ? emit_reshape(graph, part, 3, joined, error) : NULL;
}

/* [batch, heads, rows, columns] as [batch, rows, heads * columns]. */
static struct value *join_heads(struct graph *graph, struct value *value, struct error *error)
{
    static const int64_t order[4] = {0, 2, 1, 3};
    const int64_t *dims = value->shape.dims;
    const int64_t joined[3] = {dims[0], dims[2], dims[1] * dims[3]};
    struct value *turned =
        emit(graph, "Transpose", EMIT_INPUTS(value), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 4)), error);
    return turned ? emit_reshape(graph, turned, 3, joined, error) : NULL;
}

/* Query, key and value from the forms that they come in; `projected` of them get the bias. */
static int read_operands(struct expand_context *context, struct heads *heads, int *projected, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *q = context->inputs[QUERY], *k = expansion_input(context, KEY), *v = expansion_input(context, VALUE);
    *projected = 3;
    if (q->shape.rank == 5 && q->shape.dims[3] == 3 && !k && !v) {
        heads->q = unpack(graph, q, 0, error);
        heads->k = unpack(graph, q, 1, error);
        heads->v = unpack(graph, q, 2, error);
    } else if (k && k->shape.rank == 5 && k->shape.dims[3] == 2 && !v) {
        heads->q = q;
        heads->k = unpack(graph, k, 0, error);
        heads->v = unpack(graph, k, 1, error);
    } else if (k && v && k->shape.rank == 4 && v->shape.rank == 4) { /* projected before */
        *projected = 1;
        heads->q = q;
        heads->k = join_heads(graph, k, error);
        heads->v = join_heads(graph, v, error);
    } else if (k && v && q->shape.rank == 3 && k->shape.rank == 3 && v->shape.rank == 3) {
        heads->q = q;
        heads->k = k;
        heads->v = v;
    } else {
        return error_set(error, ERROR_UNSUPPORTED, "query, key and value do not come in a form that is supported");
    }
    return heads->q && heads->k && heads->v ? 0 : -1;
}

static int add_bias(struct expand_context *context, struct heads *heads, int projected, struct error *error)
{
    struct value *bias = expansion_input(context, BIAS), **operands[3] = {&heads->q, &heads->k, &heads->v};
    int64_t at = 0;
    for (int i = 0; bias && i < projected; i++) {
        struct value *operand = *operands[i];
        if (operand->shape.rank != 3)
            return error_set(error, ERROR_INPUT, "query, key and value must have 3 axes");
        struct value *part = emit_slice(context->graph, bias, 0, at, at + operand->shape.dims[2], error);
        *operands[i] = emit_two(context->graph, "Add", operand, part, error);
        if (!*operands[i])
            return -1;
        at += operand->shape.dims[2];
    }
    return 0;
}

static int expand_multi_head(struct expand_context *context, struct error *error)
{
    struct heads heads = {.mask = expansion_input(context, PADDING),
                          .bias = expansion_input(context, ADDED),
                          .past_key = expansion_input(context, PAST_KEY),
                          .past_value = expansion_input(context, PAST_VALUE)};
    int projected, count = expansion_wants(context, 2) ? 3 : expansion_wants(context, 1) ? 2 : 1;
    struct value *results[3] = {NULL};
    if (refuse_inputs(context, PAST_VALUE + 1, error) || read_operands(context, &heads, &projected, error) ||
        add_bias(context, &heads, projected, error) || emit_attention(context, &heads, results, count, error))
        return -1;
    for (int i = 0; i < count; i++)
        context->outputs[i] = results[i];
    return 0;
}

/* ---- Attention ---- */

enum { INPUT, WEIGHTS, PROJECTION_BIAS, MASK_INDEX, PAST, ATTENTION_BIAS };

/* Widths of query, key and value in the projection. */
static int read_widths(const struct ints *given, const struct value *weights, int64_t widths[3], struct error *error)
{
    if (weights->shape.rank != 2 || (given->values && given->count != 3))
        return error_set(error, ERROR_INPUT, "the weights must be a matrix, qkv_hidden_sizes three numbers");
    int64_t left = weights->shape.dims[1];
    for (int i = 0; i < 3; i++) {
        widths[i] = given->values ? given->values[i] : weights->shape.dims[1] / 3;
        if (widths[i] < 1 || widths[i] > left)
            return error_set(error, ERROR_INPUT, "the weights have %lld columns, query, key and value need others",
                             (long long)weights->shape.dims[1]);
        left -= widths[i];
    }
    return left == 0 ? 0 : error_set(error, ERROR_INPUT, "query, key and value do not take all columns");
}

static int project(struct expand_context *context, struct heads *heads, struct error *error)
{
    const struct heads_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value **operands[3] = {&heads->q, &heads->k, &heads->v};
    int64_t widths[3], at = 0;
    if (read_widths(&settings->qkv_hidden_sizes, context->inputs[WEIGHTS], widths, error))
        return -1;
    struct value *all = emit_two(graph, "MatMul", context->inputs[INPUT], context->inputs[WEIGHTS], error);
    if (all && expansion_input(context, PROJECTION_BIAS))
        all = emit_two(graph, "Add", all, context->inputs[PROJECTION_BIAS], error);
    for (int i = 0; all && i < 3; i++) {
        *operands[i] = emit_slice(graph, all, all->shape.rank - 1, at, at + widths[i], error);
        if (!*operands[i])
            return -1;
        at += widths[i];
    }
    return all ? 0 : -1;
}

/* Keys and values of the past stand one behind the other along axis 0. */
static int split_past(struct expand_context *context, struct heads *heads, struct error *error)
{
    struct value *past = expansion_input(context, PAST), **parts[2] = {&heads->past_key, &heads->past_value};
    for (int i = 0; past && i < 2; i++) {
        *parts[i] = emit_row(context->graph, past, 0, i, error);
        if (!*parts[i])
            return -1;
    }
    return 0;
}

static int expand_attention(struct expand_context *context, struct error *error)
{
    static const int64_t first = 0;
    struct graph *graph = context->graph;
    const struct heads_settings *settings = context->node->settings;
    struct heads heads = {.mask = expansion_input(context, MASK_INDEX),
                          .bias = expansion_input(context, ATTENTION_BIAS)};
    struct value *results[3] = {NULL};
    if (settings->do_rotary)
        return error_set(error, ERROR_UNSUPPORTED, "attribute do_rotary is not supported");
    bool present = expansion_wants(context, 1);
    if (refuse_inputs(context, ATTENTION_BIAS + 1, error) || project(context, &heads, error) ||
        split_past(context, &heads, error) || emit_attention(context, &heads, results, present ? 3 : 1, error))
        return -1;
    context->outputs[0] = results[0];
    if (!present)
        return 0;
    struct value *key = emit_axes_added(graph, results[1], &first, 1, error);
    struct value *value = emit_axes_added(graph, results[2], &first, 1, error);
    context->outputs[1] =
        key && value ? emit(graph, "Concat", EMIT_INPUTS(key, value), EMIT_ATTRIBUTES(EMIT_INT("axis", 0)), error)
                     : NULL;
    return context->outputs[1] ? 0 : -1;
}

/* ---- QAttention: Attention of a quantised input and quantised weights ---- */

static int expand_quantized(struct expand_context *context, struct error *error)
{
    const struct quantized input = {context->inputs[0], context->inputs[3], expansion_input(context, 6)};
    const struct quantized weights = {context->inputs[1], context->inputs[4], expansion_input(context, 7)};
    if (!input.scale || !weights.scale || weights.value->shape.rank != 2 || shape_count(&input.scale->shape) != 1)
        return error_set(error, ERROR_INPUT, "the input has one scale, the weights [K,N] one or one for each column");
    struct value *x = emit_dequantized(context->graph, &input, 0, error);
    struct value *w = x ? emit_dequantized(context->graph, &weights, 1, error) : NULL;
    struct value *inputs[5] = {x, w, context->inputs[2], expansion_input(context, 5), expansion_input(context, 8)};
    struct expand_context plain = *context;
    plain.inputs = inputs;
    plain.input_count = 5;
    return w ? expand_attention(&plain, error) : -1;
}

const struct operator_definition operators_microsoft_attention[] = {
    {.domain = "com.microsoft",
     .name = "MultiHeadAttention",
     .since = 1,
     ARITY(1, 10, 1, 3),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_ATTENTION,
     .roles = {ROLE_KEY, ROLE_KEY, ROLE_DATA, ROLE_SHIFT, ROLE_MASK, ROLE_MASK, ROLE_KEY, ROLE_DATA, ROLE_CONTROL,
               ROLE_INDICES},
     SETTINGS(struct heads_settings, multi_head_attributes),
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_multi_head},
    {.domain = "com.microsoft",
     .name = "Attention",
     .since = 1,
     ARITY(2, 7, 1, 2),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_ATTENTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_MASK, ROLE_DATA, ROLE_MASK, ROLE_CONTROL},
     SETTINGS(struct heads_settings, attention_attributes),
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_attention},
    {.domain = "com.microsoft",
     .name = "QAttention",
     .since = 1,
     ARITY(5, 9, 1, 2),
     .types = TYPES_BYTE,
     .traits = OPERATOR_ATTENTION | OPERATOR_STRAIGHT_THROUGH,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_SHIFT, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_MASK, ROLE_QUANTUM, ROLE_QUANTUM,
               ROLE_DATA},
     SETTINGS(struct heads_settings, attention_attributes),
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_quantized},
    {0},
};
