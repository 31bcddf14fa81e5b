/* AttentionGradient(Q, K, V, mask, dY, -, valid) -> dQ, dK, dV, dMask [batch, heads, queries, keys]: the weights are
 * computed again, a block of queries at a time. With P the weights behind the softmax, dP = dY V^T,
 * dS = P (dP - sum(P dP)): dQ = scale dS K, dK = scale dS^T Q, dV = P^T dY, dMask = dS. */
#include <string.h>

#include "base/number.h"
#include "kernel/kernels.h"
#include "op/attention_gradient.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/settings.h"

enum { QUERY, KEY, VALUE, MASK, OUTPUT_GRADIENT, UNUSED, VALID, INPUTS };

static const struct attribute_rule attributes[] = {ATTENTION_ATTRIBUTES, {0}};

/* Reads the forward's geometry: its inputs stand at the same places, but for dY in that of the past keys. */
static int read_forward(const struct node *node, const struct tensor *const *inputs, int count,
                        struct attention *attention, struct error *error)
{
    const struct tensor *forward[INPUTS] = {NULL};
    for (int i = 0; i < count && i < INPUTS; i++)
        forward[i] = i == OUTPUT_GRADIENT || i == UNUSED ? NULL : inputs[i];
    return attention_read(node, forward, INPUTS, attention, error);
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    struct attention attention;
    if (read_forward(context->node, context->inputs, context->input_count, &attention, error))
        return -1;
    const struct tensor *dy = context->inputs[OUTPUT_GRADIENT];
    if (!dy || dtype_storage(dy->dtype) != DTYPE_FLOAT ||
        shape_count(&dy->shape) != attention.batch * attention.query_heads * attention.queries * attention.value_size)
        return error_set(error, ERROR_INPUT, "the gradient of the output does not fit");
    for (int i = QUERY; i <= VALUE; i++) {
        const struct tensor *input = context->inputs[i];
        if (dtype_storage(input->dtype) != DTYPE_FLOAT)
            return error_set(error, ERROR_INPUT, "input %d is %s, expected a float type", i, dtype_name(input->dtype));
        if (infer_output(context, i, input->dtype, input->shape.rank, input->shape.dims, error))
            return -1;
    }
    const struct tensor *mask = context->input_count > MASK ? context->inputs[MASK] : NULL;
    int64_t weights[4] = {attention.batch, attention.query_heads, attention.queries, attention.keys};
    return infer_output(context, 3, mask ? mask->dtype : DTYPE_FLOAT, 4, weights, error);
}

/* The weights of one block of rows, their gradient, and the slope of the softcap. */
struct gradient_block {
    float *p, *dp, *derivative;
    int64_t from, rows, columns;
};

/* dP becomes dS; the mask's gradient and the slope of the softcap are taken on the way. */
static void weights_gradient(const struct attention_gradient_job *job, const struct gradient_block *block,
                             int64_t batch, int64_t head)
{
    const struct attention *attention = job->attention;
    int64_t keys = attention->keys, columns = block->columns;
    for (int64_t i = 0; i < block->rows; i++) {
        const float *p = block->p + i * keys;
        float *dp = block->dp + i * keys;
        float sum = job->kernels->dot(p, dp, columns);
        for (int64_t j = 0; j < columns; j++)
            dp[j] = p[j] * (dp[j] - sum);
        if (job->mask) {
            int64_t row = (batch * attention->query_heads + head) * attention->queries + block->from + i;
            memcpy(job->mask + row * keys, dp, (size_t)columns * sizeof *dp);
        }
        for (int64_t j = 0; attention->softcap > 0 && j < columns; j++)
            dp[j] *= block->derivative[i * keys + j];
    }
}

static void gradient_of_block(const struct attention_gradient_job *job, struct gradient_block *block, int64_t batch,
                              int64_t head)
{
    const struct attention *attention = job->attention;
    const struct kernels *kernels = job->kernels;
    int64_t keys = attention->keys, key_head = head / (attention->query_heads / attention->key_heads);
    const float *q = job->q + batch * attention->q.batch + head * attention->q.head + block->from * attention->q.row;
    const float *dy = job->dy + batch * attention->y.batch + head * attention->y.head + block->from * attention->y.row;
    int64_t at_k = batch * attention->k.batch + key_head * attention->k.head;
    int64_t at_v = batch * attention->v.batch + key_head * attention->v.head;
    block->columns = attention_weights(attention, kernels, batch, head, block->from, block->rows, job->q, job->k,
                                       block->p, block->derivative, NULL, RECORD_SOFTMAX);
    int64_t columns = block->columns;
    if (columns == 0)
        return;
    kernels->gemm(false, true, block->rows, columns, attention->value_size, 1, dy, attention->y.row, job->v + at_v,
                  attention->v.row, 0, block->dp, keys);
    weights_gradient(job, block, batch, head);
    if (job->dv)
        kernels->gemm(true, false, columns, attention->value_size, block->rows, 1, block->p, keys, dy, attention->y.row,
                      1, job->dv + at_v, attention->v.row);
    if (job->dk)
        kernels->gemm(true, false, columns, attention->key_size, block->rows, attention->scale, block->dp, keys, q,
                      attention->q.row, 1, job->dk + at_k, attention->k.row);
    if (job->dq)
        kernels->gemm(false, false, block->rows, attention->key_size, columns, attention->scale, block->dp, keys,
                      job->k + at_k, attention->k.row, 0, job->dq + (q - job->q), attention->q.row);
}

/* All queries that share one head of keys: their gradients add up. The plain way. */
static void run_key_head(void *argument, size_t index, int thread)
{
    const struct attention_gradient_job *job = argument;
    const struct attention *attention = job->attention;
    int64_t group = attention->query_heads / attention->key_heads;
    int64_t batch = (int64_t)index / attention->key_heads, first = (int64_t)index % attention->key_heads * group;
    int64_t size = job->block * attention->keys;
    struct gradient_block block = {.p = job->scratch + thread * job->thread_floats};
    block.dp = block.p + size;
    block.derivative = block.dp + size;
    for (int64_t head = first; head < first + group; head++) {
        for (block.from = 0; block.from < attention->queries; block.from += job->block) {
            int64_t left = attention->queries - block.from;
            block.rows = int64_min(left, job->block);
            gradient_of_block(job, &block, batch, head);
        }
    }
}

static int64_t floats_of_thread(const struct attention *attention, const struct kernels *kernels)
{
    return kernels->product ? attention_gradient_tile_floats(attention, kernels)
                            : 3 * attention_block(attention, kernels) * attention->keys;
}

static size_t scratch_gradient(const struct compute_context *context)
{
    struct attention attention;
    if (read_forward(context->node, context->inputs, context->input_count, &attention, NULL))
        return 0;
    int64_t floats = floats_of_thread(&attention, context->kernels);
    return (size_t)compute_threads(context) * (size_t)floats * sizeof(float);
}

static void clear(const struct compute_context *context, int output)
{
    if (operand_result(context, output))
        memset(operand_result(context, output), 0, tensor_bytes(context->outputs[output]));
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    struct attention attention;
    if (read_forward(context->node, context->inputs, context->input_count, &attention, error))
        return -1;
    struct attention_gradient_job job = {.attention = &attention,
                                         .kernels = context->kernels,
                                         .q = operand_data(context, QUERY),
                                         .k = operand_data(context, KEY),
                                         .v = operand_data(context, VALUE),
                                         .dy = operand_data(context, OUTPUT_GRADIENT),
                                         .dq = operand_result(context, 0),
                                         .dk = operand_result(context, 1),
                                         .dv = operand_result(context, 2),
                                         .mask = operand_result(context, 3),
                                         .scratch = context->scratch,
                                         .thread_floats = floats_of_thread(&attention, context->kernels),
                                         .block = attention_block(&attention, context->kernels)};
    for (int i = 0; i < 4; i++)
        clear(context, i);
    if (job.block > 0)
        thread_pool_run(context->pool, context->kernels->product ? attention_gradient_tiles : run_key_head, &job,
                        (size_t)(attention.batch * attention.key_heads));
    return 0;
}

const struct operator_definition operators_attention_gradient[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "AttentionGradient",
     .since = 1,
     ARITY(3, 7, 1, 4),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_DATA, ROLE_MASK, ROLE_DATA, ROLE_DATA, ROLE_MASK},
     SETTINGS(struct attention_settings, attributes),
     .infer = infer_gradient,
     .compute = compute_gradient,
     .scratch = scratch_gradient},
    {0},
};
