/* The gradient of attention on packed products. Keys and values of a head stay in the second-level cache in panels,
 * transposed for Q K^T and dY V^T, keys as they are for dQ; a block of queries stands beside them with its weights,
 * and is packed itself for dK and dV. */
#include <string.h>

#include "base/number.h"
#include "kernel/attention_rows.h"
#include "kernel/packed_product.h"
#include "op/attention_gradient.h"

struct tiles {
    struct packed_matrix keys_across, values_across, keys, queries, outputs;
    float *p, *dp, *derivative;
};

/* Places the parts behind each other from `data` on, which may be NULL; returns how many floats they take. */
static int64_t lay_out(const struct attention *attention, const struct kernels *kernels, float *data,
                       struct tiles *tiles)
{
    int64_t block = attention_block(attention, kernels), weights = block * attention_row_floats(attention), floats = 0;
    *tiles = (struct tiles){.keys_across = {attention->key_size, attention->keys, NULL},
                            .values_across = {attention->value_size, attention->keys, NULL},
                            .keys = {attention->keys, attention->key_size, NULL},
                            .queries = {block, attention->key_size, NULL},
                            .outputs = {block, attention->value_size, NULL}};
    struct packed_matrix *const matrices[] = {&tiles->keys_across, &tiles->values_across, &tiles->keys, &tiles->queries,
                                              &tiles->outputs};
    for (int i = 0; i < 5; i++) {
        matrices[i]->data = data ? data + floats : NULL;
        floats += packed_matrix_floats(kernels, matrices[i]->depth, matrices[i]->columns);
    }
    tiles->p = data ? data + floats : NULL;
    tiles->dp = data ? tiles->p + weights : NULL;
    tiles->derivative = data ? tiles->dp + weights : NULL;
    return memory_aligned_floats(floats + 3 * weights);
}

int64_t attention_gradient_tile_floats(const struct attention *attention, const struct kernels *kernels)
{
    struct tiles tiles;
    return lay_out(attention, kernels, NULL, &tiles);
}

/* A block of queries of one head. */
struct block {
    const struct attention_gradient_job *job;
    struct tiles *tiles;
    int64_t batch, head, from, rows, columns, padded, stride;
};

/* P and, from dP, dS. */
static void weights_of_row(const struct block *block, int64_t i)
{
    const struct attention *attention = block->job->attention;
    const struct attention_row row = {block->batch, block->head, block->from + i, block->columns, block->padded};
    float *p = block->tiles->p + i * block->stride, *dp = block->tiles->dp + i * block->stride, sum;
    float *derivative = attention->softcap > 0 ? block->tiles->derivative + i * block->stride : NULL;
    bool sees = attention_row_weights(attention, block->job->kernels, &row, p, derivative, &sum);
    float factor = sees ? 1 / sum : 0;
    memset(dp + block->columns, 0, (size_t)(block->padded - block->columns) * sizeof *dp);
    block->job->kernels->attention->gradient(p, factor, dp, block->padded);
    if (block->job->mask) {
        int64_t at = (block->batch * attention->query_heads + block->head) * attention->queries + block->from + i;
        memcpy(block->job->mask + at * attention->keys, dp, (size_t)block->columns * sizeof *dp);
    }
    for (int64_t j = 0; derivative && j < block->columns; j++)
        dp[j] *= derivative[j];
}

/* Adds x^T w to y, where x are the block's weights or their gradient. */
static void add_to_keys(const struct block *block, const float *x, const struct packed_matrix *matrix, float *y,
                        int64_t y_row)
{
    packed_product_run(&(struct packed_product){.rows = block->columns,
                                                .depth = block->rows,
                                                .columns = matrix->columns,
                                                .x = x,
                                                .x_row = 1,
                                                .x_step = block->stride,
                                                .adds = true,
                                                .y = y,
                                                .y_row = y_row},
                       block->job->kernels, matrix);
}

static void multiply(const struct block *block, const float *x, int64_t x_row, int64_t depth, int64_t columns,
                     const struct packed_matrix *matrix, float *y, int64_t y_row)
{
    packed_product_run(&(struct packed_product){.rows = block->rows,
                                                .depth = depth,
                                                .columns = columns,
                                                .x = x,
                                                .x_row = x_row,
                                                .x_step = 1,
                                                .y = y,
                                                .y_row = y_row},
                       block->job->kernels, matrix);
}

static void run_block(const struct block *block, int64_t at_k, int64_t at_v)
{
    const struct attention_gradient_job *job = block->job;
    const struct attention *attention = job->attention;
    const struct kernels *kernels = job->kernels;
    struct tiles *tiles = block->tiles;
    int64_t at_q = block->batch * attention->q.batch + block->head * attention->q.head + block->from * attention->q.row;
    int64_t at_y = block->batch * attention->y.batch + block->head * attention->y.head + block->from * attention->y.row;
    const float *q = job->q + at_q, *dy = job->dy + at_y;
    multiply(block, q, attention->q.row, attention->key_size, block->columns, &tiles->keys_across, tiles->p,
             block->stride);
    multiply(block, dy, attention->y.row, attention->value_size, block->columns, &tiles->values_across, tiles->dp,
             block->stride);
    for (int64_t i = 0; i < block->rows; i++)
        weights_of_row(block, i);
    tiles->queries.depth = tiles->outputs.depth = block->rows;
    if (job->dv) {
        packed_matrix_set(&tiles->outputs, kernels, &(struct product_source){dy, false, attention->y.row, 1});
        add_to_keys(block, tiles->p, &tiles->outputs, job->dv + at_v, attention->v.row);
    }
    if (job->dk) {
        packed_matrix_set(&tiles->queries, kernels,
                          &(struct product_source){q, false, attention->q.row, attention->scale});
        add_to_keys(block, tiles->dp, &tiles->queries, job->dk + at_k, attention->k.row);
    }
    if (job->dq)
        multiply(block, tiles->dp, block->stride, block->columns, attention->key_size, &tiles->keys, job->dq + at_q,
                 attention->q.row);
}

void attention_gradient_tiles(void *argument, size_t index, int thread)
{
    const struct attention_gradient_job *job = argument;
    const struct attention *attention = job->attention;
    int64_t group = attention->query_heads / attention->key_heads;
    int64_t batch = (int64_t)index / attention->key_heads, key_head = (int64_t)index % attention->key_heads;
    int64_t at_k = batch * attention->k.batch + key_head * attention->k.head;
    int64_t at_v = batch * attention->v.batch + key_head * attention->v.head;
    const struct product_source k = {job->k + at_k, true, attention->k.row, 1};
    const struct product_source v = {job->v + at_v, true, attention->v.row, 1};
    const struct product_source keys = {job->k + at_k, false, attention->k.row, attention->scale};
    struct tiles tiles;
    lay_out(attention, job->kernels, job->scratch + thread * job->thread_floats, &tiles);
    packed_matrix_set(&tiles.keys_across, job->kernels, &k);
    packed_matrix_set(&tiles.values_across, job->kernels, &v);
    packed_matrix_set(&tiles.keys, job->kernels, &keys);
    struct block block = {.job = job, .tiles = &tiles, .batch = batch, .stride = attention_row_floats(attention)};
    for (block.head = key_head * group; block.head < (key_head + 1) * group; block.head++) {
        for (block.from = 0; block.from < attention->queries; block.from += job->block) {
            int64_t left = attention->queries - block.from;
            block.rows = int64_min(left, job->block);
            block.columns = attention_visible_keys(attention, batch, block.from + block.rows - 1);
            block.padded = int64_round_up(block.columns, ATTENTION_PADDING);
            if (block.columns > 0)
                run_block(&block, at_k, at_v);
        }
    }
}
