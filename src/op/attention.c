/* Attention (ONNX 23, 24) and the internal AttentionGradient. Where versions of the text differ, the corrected one is
 * followed (onnx 7867, 7913, 8068): the softcap comes before the mask, is_causal counts the keys in front of the
 * queries, a query that sees no key gives zeros. */
#include "op/attention.h"

#include <math.h>
#include <string.h>

#include "kernel/kernels.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/settings.h"

enum { QUERY, KEY, VALUE, MASK, PAST_KEY, PAST_VALUE, VALID, ATTENTION_INPUTS };

static const struct attribute_rule attributes[] = {
    ATTENTION_ATTRIBUTES,
    {INT_ATTRIBUTE(struct attention_settings, qk_matmul_output_mode, 0)},
    {IGNORED_ATTRIBUTE("softmax_precision")},
    {0},
};

static const struct tensor *input_at(const struct tensor *const *inputs, int count, int index)
{
    return index < count ? inputs[index] : NULL;
}

/* Shape [batch, heads, rows, columns] of an operand that may be packed as [batch, rows, heads * columns]. */
static int unpack(const struct shape *shape, int64_t heads, const char *attribute, int64_t unpacked[4],
                  struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    if (shape->rank == 4) {
        memcpy(unpacked, shape->dims, 4 * sizeof *unpacked);
    } else if (shape->rank == 3) {
        if (heads < 1 || shape->dims[2] % heads != 0)
            return error_set(error, ERROR_INPUT, "attribute %s is %lld for a width of %lld", attribute,
                             (long long)heads, (long long)shape->dims[2]);
        unpacked[0] = shape->dims[0];
        unpacked[1] = heads;
        unpacked[2] = shape->dims[1];
        unpacked[3] = shape->dims[2] / heads;
    } else {
        return error_set(error, ERROR_INPUT, "query, key and value need 3 or 4 axes, not %s", shape_text(shape, text));
    }
    return unpacked[1] > 0 && unpacked[3] > 0 ? 0 : error_set(error, ERROR_INPUT, "a head has no elements");
}

static int read_past(const struct tensor *const *inputs, int count, const int64_t k[4], const int64_t v[4],
                     struct attention *attention, struct error *error)
{
    const struct tensor *key = input_at(inputs, count, PAST_KEY), *value = input_at(inputs, count, PAST_VALUE);
    if (!key && !value)
        return 0;
    if (!key || !value || key->shape.rank != 4 || value->shape.rank != 4)
        return error_set(error, ERROR_INPUT, "past key and past value come together, with 4 axes each");
    const int64_t *a = key->shape.dims, *b = value->shape.dims;
    if (a[0] != k[0] || a[1] != k[1] || a[3] != k[3] || b[0] != v[0] || b[1] != v[1] || b[3] != v[3] || a[2] != b[2])
        return error_set(error, ERROR_INPUT, "past key and past value do not fit key and value");
    attention->past = a[2];
    attention->keys += a[2];
    attention->k = attention_strides(false, k[1], attention->keys, k[3]);
    attention->v = attention_strides(false, v[1], attention->keys, v[3]);
    return 0;
}

static int read_mask(const struct node *node, const struct tensor *mask, struct attention *attention,
                     struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    if (!mask)
        return 0;
    if (mask->dtype != DTYPE_BOOL && dtype_storage(mask->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT, "the mask is %s, expected bool or float", dtype_name(mask->dtype));
    int64_t target[4] = {attention->batch, attention->query_heads, attention->queries, attention->keys};
    int64_t strides[SHAPE_MAX_RANK];
    int rank = mask->shape.rank;
    shape_strides(&mask->shape, strides);
    attention->mask = mask;
    attention->mask_keys = attention->keys;
    for (int i = 0; i < rank; i++) {
        int axis = 4 - rank + i;
        int64_t size = mask->shape.dims[i];
        bool last = axis == 3, shorter = last && node->domain[0] == '\0' && node->opset >= 24 && size < target[3];
        if (axis < 0 || (size != target[axis] && size != 1 && !shorter))
            return error_set(error, ERROR_INPUT, "the mask %s does not fit %lldx%lldx%lldx%lld weights",
                             shape_text(&mask->shape, text), (long long)target[0], (long long)target[1],
                             (long long)target[2], (long long)target[3]);
        if (shorter)
            attention->mask_keys = size;
        attention->mask_strides[axis] = size == target[axis] || shorter ? strides[i] : 0;
    }
    return 0;
}

static int read_valid(const struct tensor *valid, struct attention *attention, struct error *error)
{
    if (!valid)
        return 0;
    if (valid->dtype != DTYPE_INT64 || valid->shape.rank != 1 || valid->shape.dims[0] != attention->batch)
        return error_set(error, ERROR_INPUT, "the numbers of valid keys must be int64, one for each batch");
    attention->valid = valid->data;
    return 0;
}

int attention_read(const struct node *node, const struct tensor *const *inputs, int input_count,
                   struct attention *attention, struct error *error)
{
    int64_t q[4], k[4], v[4];
    const struct attention_settings *settings = node->settings;
    const struct shape *query = &inputs[QUERY]->shape;
    int64_t key_heads = settings->kv_num_heads;
    if (query->rank != inputs[KEY]->shape.rank || query->rank != inputs[VALUE]->shape.rank)
        return error_set(error, ERROR_INPUT, "query, key and value have different numbers of axes");
    if (unpack(query, settings->q_num_heads, "q_num_heads", q, error) ||
        unpack(&inputs[KEY]->shape, key_heads, "kv_num_heads", k, error) ||
        unpack(&inputs[VALUE]->shape, key_heads, "kv_num_heads", v, error))
        return -1;
    if (q[0] != k[0] || q[0] != v[0] || k[1] != v[1] || k[2] != v[2] || q[3] != k[3] || q[1] % k[1] != 0)
        return error_set(error, ERROR_INPUT,
                         "query, key and value do not fit: %lldx%lldx%lldx%lld, %lldx%lldx%lldx%lld, "
                         "%lldx%lldx%lldx%lld as batch, heads, rows and columns",
                         (long long)q[0], (long long)q[1], (long long)q[2], (long long)q[3], (long long)k[0],
                         (long long)k[1], (long long)k[2], (long long)k[3], (long long)v[0], (long long)v[1],
                         (long long)v[2], (long long)v[3]);
    bool packed = query->rank == 3;
    *attention = (struct attention){.batch = q[0],
                                    .query_heads = q[1],
                                    .key_heads = k[1],
                                    .queries = q[2],
                                    .keys = k[2],
                                    .key_size = q[3],
                                    .value_size = v[3],
                                    .softcap = settings->softcap,
                                    .causal = settings->is_causal,
                                    .q = attention_strides(packed, q[1], q[2], q[3]),
                                    .k = attention_strides(packed, k[1], k[2], k[3]),
                                    .v = attention_strides(packed, v[1], v[2], v[3]),
                                    .y = attention_strides(packed, q[1], q[2], v[3])};
    attention->scale = settings->scale_given ? settings->scale : (float)(1 / sqrt((double)q[3]));
    const struct shape weights = {.rank = 4, .dims = {q[0], q[1], q[2], k[2]}};
    if (!(attention->softcap >= 0))
        return error_set(error, ERROR_INPUT, "attribute softcap is negative");
    if (shape_check(&weights, error))
        return -1;
    return read_past(inputs, input_count, k, v, attention, error) ||
                   read_mask(node, input_at(inputs, input_count, MASK), attention, error) ||
                   read_valid(input_at(inputs, input_count, VALID), attention, error)
               ? -1
               : 0;
}

static int infer_attention(struct infer_context *context, struct error *error)
{
    const struct attention_settings *settings = context->node->settings;
    struct attention attention;
    const struct tensor *q = context->inputs[QUERY], *k = context->inputs[KEY], *v = context->inputs[VALUE];
    for (int i = 0; i < context->input_count; i++) {
        if (i != MASK && i != VALID && context->inputs[i] && dtype_storage(context->inputs[i]->dtype) != DTYPE_FLOAT)
            return error_set(error, ERROR_INPUT, "input %d is %s, expected a float type", i,
                             dtype_name(context->inputs[i]->dtype));
    }
    if (attention_read(context->node, context->inputs, context->input_count, &attention, error))
        return -1;
    int64_t mode = settings->qk_matmul_output_mode;
    if (mode < 0 || mode > 3)
        return error_set(error, ERROR_INPUT, "attribute qk_matmul_output_mode is %lld", (long long)mode);
    int64_t y[4] = {attention.batch, attention.query_heads, attention.queries, attention.value_size};
    if (q->shape.rank == 3) {
        y[1] = attention.queries;
        y[2] = attention.query_heads * attention.value_size;
    }
    int64_t key[4] = {attention.batch, attention.key_heads, attention.keys, attention.key_size};
    int64_t value[4] = {attention.batch, attention.key_heads, attention.keys, attention.value_size};
    int64_t weights[4] = {attention.batch, attention.query_heads, attention.queries, attention.keys};
    return infer_output(context, 0, q->dtype, q->shape.rank, y, error) ||
                   infer_output(context, 1, k->dtype, 4, key, error) ||
                   infer_output(context, 2, v->dtype, 4, value, error) ||
                   infer_output(context, 3, q->dtype, 4, weights, error)
               ? -1
               : 0;
}

/* Elements of keys and values with their past in front, where no output takes them. */
static size_t joined_elements(const struct compute_context *context, const struct attention *attention)
{
    if (attention->past == 0)
        return 0;
    size_t rows = (size_t)(attention->batch * attention->key_heads * attention->keys), columns = 0;
    columns += operand_output(context->node, 1) ? 0 : (size_t)attention->key_size;
    columns += operand_output(context->node, 2) ? 0 : (size_t)attention->value_size;
    return rows * columns;
}

static size_t aligned_scratch(const struct compute_context *context, const struct attention *attention)
{
    return memory_aligned(attention_scratch(attention, context->kernels, compute_threads(context)));
}

static size_t scratch_of(const struct compute_context *context)
{
    struct attention attention;
    if (attention_read(context->node, context->inputs, context->input_count, &attention, NULL))
        return 0;
    return aligned_scratch(context, &attention) + joined_elements(context, &attention) * sizeof(float);
}

/* The past rows, then the new ones, as [batch, heads, keys, columns]. */
static void join(const struct attention *attention, const float *past, const struct tensor *tensor, int64_t columns,
                 float *joined)
{
    bool packed = tensor->shape.rank == 3;
    int64_t added = attention->keys - attention->past;
    struct attention_strides strides = attention_strides(packed, attention->key_heads, added, columns);
    size_t past_bytes = (size_t)(attention->past * columns) * sizeof(float);
    for (int64_t i = 0; i < attention->batch * attention->key_heads; i++) {
        const float *from = (const float *)tensor->data + i / attention->key_heads * strides.batch +
                            i % attention->key_heads * strides.head;
        if (past_bytes > 0)
            memcpy(joined, past + i * attention->past * columns, past_bytes);
        joined += attention->past * columns;
        for (int64_t row = 0; row < added; row++, joined += columns)
            memcpy(joined, from + row * strides.row, (size_t)columns * sizeof(float));
    }
}

/* Key or value as the kernel reads it; fills the output that shows it. */
static const float *prepare(const struct compute_context *context, const struct attention *attention, int input,
                            float **scratch)
{
    const struct tensor *tensor = context->inputs[input];
    int64_t columns = input == KEY ? attention->key_size : attention->value_size;
    float *joined = operand_result(context, input);
    if (!joined && attention->past == 0)
        return tensor->data;
    if (!joined) {
        joined = *scratch;
        *scratch += attention->batch * attention->key_heads * attention->keys * columns;
    }
    join(attention, operand_data(context, input + PAST_KEY - KEY), tensor, columns, joined);
    return attention->past > 0 ? joined : tensor->data;
}

/* Mode 1 is the softcap's stage and 2 the mask's; without a softcap both give the mask's, as files recorded before the
 * modes changed places have it. */
static enum attention_record record_stage(const struct node *node, const struct attention *attention)
{
    const struct attention_settings *settings = node->settings;
    int64_t mode = settings->qk_matmul_output_mode;
    if (mode == 1)
        return attention->softcap > 0 ? RECORD_SOFTCAP : RECORD_MASKED;
    return mode == 0 ? RECORD_PRODUCT : mode == 2 ? RECORD_MASKED : RECORD_SOFTMAX;
}

static int check_valid(const struct attention *attention, struct error *error)
{
    for (int64_t i = 0; attention->valid && i < attention->batch; i++) {
        if (attention->valid[i] < 0 || attention->valid[i] > attention->keys)
            return error_set(error, ERROR_INPUT, "batch %lld has %lld valid keys of %lld", (long long)i,
                             (long long)attention->valid[i], (long long)attention->keys);
    }
    return 0;
}

static int compute_attention(struct compute_context *context, struct error *error)
{
    struct attention attention;
    if (attention_read(context->node, context->inputs, context->input_count, &attention, error) ||
        check_valid(&attention, error))
        return -1;
    float *scratch = (float *)((char *)context->scratch + aligned_scratch(context, &attention));
    const float *k = prepare(context, &attention, KEY, &scratch), *v = prepare(context, &attention, VALUE, &scratch);
    attention_forward(&attention, context, operand_data(context, QUERY), k, v, operand_result(context, 0),
                      operand_result(context, 3), record_stage(context->node, &attention), context->scratch);
    return 0;
}

static int64_t macs_attention(const struct infer_context *context)
{
    struct attention attention;
    if (attention_read(context->node, context->inputs, context->input_count, &attention, NULL))
        return 0;
    return macs_product(macs_product(attention.batch * attention.query_heads, attention.queries * attention.keys),
                        attention.key_size + attention.value_size);
}

static struct value *node_input(const struct node *node, int index)
{
    return index < node->input_count ? node->inputs[index] : NULL;
}

/* Some of the batch, where all that differs along it is aligned with the queries; some of the queries, where these are
 * alike: no mask, no order, nothing recorded. */
static int confine_attention(struct confine_context *context, struct error *error)
{
    (void)error;
    const struct node *node = context->node;
    const struct attention_settings *settings = node->settings;
    int rank = node->inputs[QUERY]->shape.rank, rows = rank - 2;
    bool alike = !settings->is_causal;
    for (int i = MASK; i < node->input_count; i++)
        alike = alike && !node->inputs[i];
    const struct value *mask = node_input(node, MASK);
    bool alone = !node_input(node, PAST_KEY) && !node_input(node, VALID);
    confine_whole(context, alone ? 1 : 0, alike ? rows : rank);
    confine_whole(context, rows + 1, rank);
    for (int i = QUERY; i <= VALUE && alone; i++)
        context->reads[i][0] = context->cells[0];
    if (alone && mask && mask->shape.rank == 4 && mask->shape.dims[0] > 1)
        context->reads[MASK][0] = context->cells[0];
    if (alike)
        context->reads[QUERY][rows] = context->cells[rows];
    return 0;
}

static int gradient_attention(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct attention_settings *settings = node->settings;
    struct value *q = node->inputs[QUERY], *mask = node_input(node, MASK), *dy = context->output_gradients[0];
    for (int i = 1; i < node->output_count; i++) {
        if (context->output_gradients[i])
            return error_set(error, ERROR_UNSUPPORTED, "output %d has no gradient", i);
    }
    if (!dy)
        return 0;
    if (node_input(node, PAST_KEY))
        return error_set(error, ERROR_UNSUPPORTED, "there is no gradient with past keys");
    bool mask_wanted = mask && context->wanted[MASK];
    const struct shape *key = &node->inputs[KEY]->shape;
    int64_t keys = key->dims[key->rank - 2];
    if (mask && mask->shape.rank > 0 && mask->shape.dims[mask->shape.rank - 1] != keys)
        return error_set(error, ERROR_UNSUPPORTED, "there is no gradient with a mask for some of the keys");
    struct value *gradients[4] = {NULL};
    struct emit_attribute emitted[5] = {EMIT_INT("q_num_heads", settings->q_num_heads),
                                        EMIT_INT("kv_num_heads", settings->kv_num_heads),
                                        EMIT_INT("is_causal", settings->is_causal),
                                        EMIT_FLOAT("softcap", settings->softcap), EMIT_FLOAT("scale", settings->scale)};
    if (emit_many(context->graph, "AttentionGradient",
                  EMIT_INPUTS(q, node->inputs[KEY], node->inputs[VALUE], mask, dy, NULL, node_input(node, VALID)),
                  emitted, settings->scale_given ? 5 : 4, gradients, mask_wanted ? 4 : 3, error))
        return -1;
    for (int i = QUERY; i <= VALUE; i++)
        context->input_gradients[i] = context->wanted[i] ? gradients[i] : NULL;
    if (mask_wanted)
        context->input_gradients[MASK] = emit_unbroadcast(context->graph, gradients[3], &mask->shape, error);
    return mask_wanted && !context->input_gradients[MASK] ? -1 : 0;
}

#define ATTENTION(since_, until_, inputs_)                                                                             \
    {                                                                                                                  \
        .domain = "", .name = "Attention", .since = since_, .until = until_, ARITY(3, inputs_, 1, 4),                  \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_ATTENTION,                                                    \
        .roles = {ROLE_KEY, ROLE_KEY, ROLE_DATA, ROLE_MASK, ROLE_KEY, ROLE_DATA, ROLE_MASK}, .gate = GATE_NONE,        \
        SETTINGS(struct attention_settings, attributes), .infer = infer_attention, .compute = compute_attention,       \
        .gradient = gradient_attention, .confine = confine_attention, .macs = macs_attention, .scratch = scratch_of    \
    }

const struct operator_definition operators_attention[] = {
    ATTENTION(23, 23, 6),
    ATTENTION(24, 0, 7),
    {0},
};
