#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernel/kernels.h"
#include "op/attention.h"
#include "op/operand.h"

struct attention_strides attention_strides(bool packed, int64_t heads, int64_t rows, int64_t columns)
{
    struct attention_strides strides = {.batch = heads * rows * columns, .head = rows * columns, .row = columns};
    if (packed) {
        strides.head = columns;
        strides.row = heads * columns;
    }
    return strides;
}

/* As many rows as keep their weights within the second-level cache. */
int64_t attention_block(const struct attention *attention)
{
    const int64_t elements = 1 << 16;
    int64_t rows = elements / (attention->keys > 0 ? attention->keys : 1) / 8 * 8;
    rows = rows < 8 ? 8 : rows > 128 ? 128 : rows;
    return int64_min(rows, attention->queries);
}

/* Keys [0, limit) that query `row` may see before the mask is asked. */
static int64_t visible_keys(const struct attention *attention, int64_t batch, int64_t row)
{
    int64_t limit = attention->keys, offset = attention->past;
    if (attention->valid) {
        limit = int64_min(attention->valid[batch], limit);
        if (attention->past == 0)
            offset = attention->valid[batch] - attention->queries;
    }
    if (attention->mask && attention->mask_keys < limit)
        limit = attention->mask_keys;
    if (attention->causal && row + offset + 1 < limit)
        limit = row + offset + 1;
    return limit > 0 ? limit : 0;
}

static void apply_softcap(float softcap, float *weights, float *derivative, int64_t count)
{
    for (int64_t j = 0; j < count; j++) {
        float t = tanhf(weights[j] / softcap);
        weights[j] = softcap * t;
        if (derivative)
            derivative[j] = 1 - t * t;
    }
}

/* Adds the mask's row to `weights`. */
static void apply_mask(const struct attention *attention, int64_t batch, int64_t head, int64_t row, float *weights,
                       int64_t count)
{
    const int64_t *strides = attention->mask_strides;
    int64_t base = batch * strides[0] + head * strides[1] + row * strides[2];
    if (attention->mask->dtype == DTYPE_BOOL) {
        const uint8_t *mask = (const uint8_t *)attention->mask->data + base;
        for (int64_t j = 0; j < count; j++)
            weights[j] = mask[j * strides[3]] ? weights[j] : -INFINITY;
    } else {
        const float *mask = (const float *)attention->mask->data + base;
        for (int64_t j = 0; j < count; j++)
            weights[j] += mask[j * strides[3]];
    }
}

static bool all_masked(const float *weights, int64_t count)
{
    for (int64_t j = 0; j < count; j++) {
        if (weights[j] != -INFINITY)
            return false;
    }
    return true;
}

static void record(float *recorded, bool wanted, const float *weights, int64_t count)
{
    if (recorded && wanted)
        memcpy(recorded, weights, (size_t)count * sizeof *weights);
}

int64_t attention_weights(const struct attention *attention, const struct kernels *kernels, int64_t batch, int64_t head,
                          int64_t from, int64_t rows, const float *q, const float *k, float *p, float *derivative,
                          float *recorded, enum attention_record stage)
{
    int64_t keys = attention->keys, group = attention->query_heads / attention->key_heads;
    int64_t columns = recorded ? keys : visible_keys(attention, batch, from + rows - 1);
    if (columns == 0)
        return 0;
    q += batch * attention->q.batch + head * attention->q.head + from * attention->q.row;
    k += batch * attention->k.batch + head / group * attention->k.head;
    kernels->gemm(false, true, rows, columns, attention->key_size, attention->scale, q, attention->q.row, k,
                  attention->k.row, 0, p, keys);
    for (int64_t i = 0; i < rows; i++) {
        float *weights = p + i * keys;
        float *kept = recorded
                          ? recorded + ((batch * attention->query_heads + head) * attention->queries + from + i) * keys
                          : NULL;
        int64_t limit = visible_keys(attention, batch, from + i);
        limit = limit < columns ? limit : columns;
        record(kept, stage == RECORD_PRODUCT, weights, columns);
        if (attention->softcap > 0)
            apply_softcap(attention->softcap, weights, derivative ? derivative + i * keys : NULL, columns);
        record(kept, stage == RECORD_SOFTCAP, weights, columns);
        if (attention->mask)
            apply_mask(attention, batch, head, from + i, weights, limit);
        for (int64_t j = limit; j < columns; j++)
            weights[j] = -INFINITY;
        record(kept, stage == RECORD_MASKED, weights, columns);
        if (limit == 0 || (attention->mask && all_masked(weights, limit))) {
            limit = 0;
        } else {
            kernels->softmax_row(weights, weights, limit, false);
        }
        memset(weights + limit, 0, (size_t)(columns - limit) * sizeof *weights);
        record(kept, stage == RECORD_SOFTMAX, weights, columns);
    }
    return columns;
}

struct attention_job {
    const struct attention *attention;
    const struct kernels *kernels;
    const float *q, *k, *v;
    float *y, *recorded, *scratch;
    enum attention_record stage;
    int64_t block, blocks; /* rows of a block, blocks of a head */
};

static void run_block(void *argument, size_t index, int thread)
{
    const struct attention_job *job = argument;
    const struct attention *attention = job->attention;
    int64_t item = (int64_t)index, head = item / job->blocks % attention->query_heads;
    int64_t batch = item / job->blocks / attention->query_heads, from = item % job->blocks * job->block;
    int64_t rows = int64_min(attention->queries - from, job->block);
    float *p = job->scratch + (int64_t)thread * job->block * attention->keys;
    int64_t columns = attention_weights(attention, job->kernels, batch, head, from, rows, job->q, job->k, p, NULL,
                                        job->recorded, job->stage);
    const float *v = job->v + batch * attention->v.batch +
                     head / (attention->query_heads / attention->key_heads) * attention->v.head;
    float *y = job->y + batch * attention->y.batch + head * attention->y.head + from * attention->y.row;
    if (columns > 0) {
        job->kernels->gemm(false, false, rows, attention->value_size, columns, 1, p, attention->keys, v,
                           attention->v.row, 0, y, attention->y.row);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        memset(y + i * attention->y.row, 0, (size_t)attention->value_size * sizeof *y);
}

size_t attention_scratch(const struct attention *attention, int threads)
{
    return (size_t)threads * (size_t)attention_block(attention) * (size_t)attention->keys * sizeof(float);
}

void attention_forward(const struct attention *attention, const struct compute_context *context, const float *q,
                       const float *k, const float *v, float *y, float *recorded, enum attention_record stage,
                       void *scratch)
{
    struct attention_job job = {.attention = attention,
                                .kernels = context->kernels,
                                .q = q,
                                .k = k,
                                .v = v,
                                .y = y,
                                .recorded = recorded,
                                .scratch = scratch,
                                .stage = stage,
                                .block = attention_block(attention)};
    if (job.block == 0 || attention->value_size == 0)
        return;
    job.blocks = (attention->queries + job.block - 1) / job.block;
    thread_pool_run(context->pool, run_block, &job, (size_t)(attention->batch * attention->query_heads * job.blocks));
}
