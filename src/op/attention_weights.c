/* The weights of attention, row by row: which keys a query sees, softcap, mask, softmax. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernel/attention_rows.h"
#include "kernel/kernels.h"
#include "op/attention.h"

/* Keys [0, limit) that query `row` may see before the mask is asked. */
int64_t attention_visible_keys(const struct attention *attention, int64_t batch, int64_t row)
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
    int64_t columns = recorded ? keys : attention_visible_keys(attention, batch, from + rows - 1);
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
        int64_t limit = attention_visible_keys(attention, batch, from + i);
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

bool attention_row_weights(const struct attention *attention, const struct kernels *kernels,
                           const struct attention_row *row, float *weights, float *derivative, float *sum)
{
    int64_t limit = int64_min(attention_visible_keys(attention, row->batch, row->query), row->columns);
    const struct tensor *mask = attention->mask;
    const int64_t *strides = attention->mask_strides;
    const float *added = NULL;
    float scale = attention->scale;
    if (attention->softcap > 0 || (mask && (mask->dtype == DTYPE_BOOL || strides[3] != 1))) {
        for (int64_t j = 0; j < row->columns; j++)
            weights[j] *= scale;
        if (attention->softcap > 0)
            apply_softcap(attention->softcap, weights, derivative, row->columns);
        if (mask)
            apply_mask(attention, row->batch, row->head, row->query, weights, limit);
        scale = 1;
    } else if (mask) {
        added = (const float *)mask->data + row->batch * strides[0] + row->head * strides[1] + row->query * strides[2];
    }
    *sum = kernels->attention->weights(weights, added, scale, limit, row->padded);
    return limit > 0 && !(mask && *sum == 0);
}
