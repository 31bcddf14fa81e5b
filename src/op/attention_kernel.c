#include <string.h>

#include "base/number.h"
#include "kernel/attention_rows.h"
#include "kernel/packed_product.h"
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

/* As many rows as keep their weights (128 KB, 64 KB packed) within the second-level cache, beside keys and values. */
int64_t attention_block(const struct attention *attention, const struct kernels *kernels)
{
    int64_t elements = kernels->product ? 1 << 14 : 1 << 15, most = kernels->product ? 64 : 128;
    int64_t rows = elements / (attention->keys > 0 ? attention->keys : 1) / 8 * 8;
    rows = int64_min(rows < 8 ? 8 : rows, most);
    int64_t blocks = (attention->queries + rows - 1) / rows;
    rows = blocks > 0 ? ((attention->queries + blocks - 1) / blocks + 7) / 8 * 8 : 0;
    return int64_min(rows, attention->queries);
}

int64_t attention_row_floats(const struct attention *attention)
{
    return int64_round_up(attention->keys, ATTENTION_PADDING);
}

struct attention_job {
    const struct attention *attention;
    const struct kernels *kernels;
    const float *q, *k, *v;
    float *y, *recorded, *scratch;
    enum attention_record stage;
    int64_t block, blocks; /* rows of a block, blocks of a head */
    int64_t thread_floats; /* of scratch */
    int threads;
};

/* The plain way, which can record the weights. */
static void run_block(void *argument, size_t index, int thread)
{
    const struct attention_job *job = argument;
    const struct attention *attention = job->attention;
    int64_t item = (int64_t)index, head = item / job->blocks % attention->query_heads;
    int64_t batch = item / job->blocks / attention->query_heads, from = item % job->blocks * job->block;
    int64_t rows = int64_min(attention->queries - from, job->block);
    float *p = job->scratch + thread * job->thread_floats;
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

/* What a thread holds: keys (transposed) and values of one head in panels, the weights of a block of queries. Items
 * come in order, so that a head is mostly packed once. */
struct tiles {
    int64_t head; /* of the keys that are packed; -1: none */
    struct packed_matrix keys, values;
    float *weights;
};

enum { TILES_FLOATS = (sizeof(struct tiles) / sizeof(float) + 15) / 16 * 16 };

static struct tiles *tiles_of(const struct attention_job *job, int thread)
{
    return (struct tiles *)(void *)(job->scratch + thread * job->thread_floats);
}

static void start_tiles(const struct attention_job *job)
{
    const struct attention *attention = job->attention;
    int64_t keys = packed_matrix_floats(job->kernels, attention->key_size, attention->keys);
    int64_t values = packed_matrix_floats(job->kernels, attention->keys, attention->value_size);
    for (int thread = 0; thread < job->threads; thread++) {
        struct tiles *tiles = tiles_of(job, thread);
        float *data = (float *)(void *)tiles + TILES_FLOATS;
        *tiles = (struct tiles){.head = -1,
                                .keys = {attention->key_size, attention->keys, data},
                                .values = {attention->keys, attention->value_size, data + keys},
                                .weights = data + keys + values};
    }
}

static void pack_head(const struct attention_job *job, struct tiles *tiles, int64_t batch, int64_t head)
{
    const struct attention *attention = job->attention;
    if (tiles->head == batch * attention->key_heads + head)
        return;
    tiles->head = batch * attention->key_heads + head;
    const float *k = job->k + batch * attention->k.batch + head * attention->k.head;
    const float *v = job->v + batch * attention->v.batch + head * attention->v.head;
    packed_matrix_set(&tiles->keys, job->kernels, &(struct product_source){k, true, attention->k.row, 1});
    packed_matrix_set(&tiles->values, job->kernels, &(struct product_source){v, false, attention->v.row, 1});
}

/* The weights' exponentials meet the values as they are; what comes out is divided by their sum. */
static void run_tiles(void *argument, size_t index, int thread)
{
    const struct attention_job *job = argument;
    const struct attention *attention = job->attention;
    struct tiles *tiles = tiles_of(job, thread);
    int64_t item = (int64_t)index, head = item / job->blocks % attention->query_heads;
    int64_t batch = item / job->blocks / attention->query_heads, from = item % job->blocks * job->block;
    int64_t rows = int64_min(attention->queries - from, job->block), stride = attention_row_floats(attention);
    int64_t columns = attention_visible_keys(attention, batch, from + rows - 1);
    float factors[ATTENTION_MOST_ROWS] = {0};
    float *y = job->y + batch * attention->y.batch + head * attention->y.head + from * attention->y.row;
    pack_head(job, tiles, batch, head / (attention->query_heads / attention->key_heads));
    packed_product_run(&(struct packed_product){.rows = rows,
                                                .depth = attention->key_size,
                                                .columns = columns,
                                                .x = job->q + batch * attention->q.batch + head * attention->q.head +
                                                     from * attention->q.row,
                                                .x_row = attention->q.row,
                                                .x_step = 1,
                                                .y = tiles->weights,
                                                .y_row = stride},
                       job->kernels, &tiles->keys);
    for (int64_t i = 0; i < rows; i++) {
        const struct attention_row row = {batch, head, from + i, columns, int64_round_up(columns, ATTENTION_PADDING)};
        float sum;
        if (attention_row_weights(attention, job->kernels, &row, tiles->weights + i * stride, NULL, &sum))
            factors[i] = 1 / sum;
    }
    packed_product_run(&(struct packed_product){.rows = rows,
                                                .depth = columns,
                                                .columns = attention->value_size,
                                                .x = tiles->weights,
                                                .x_row = stride,
                                                .x_step = 1,
                                                .y = y,
                                                .y_row = attention->y.row},
                       job->kernels, &tiles->values);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < attention->value_size; j++)
            y[i * attention->y.row + j] *= factors[i];
    }
}

static int64_t floats_of_thread(const struct attention *attention, const struct kernels *kernels, bool plain)
{
    int64_t block = attention_block(attention, kernels);
    if (plain || !kernels->product)
        return block * attention->keys;
    int64_t floats = TILES_FLOATS + block * attention_row_floats(attention);
    floats += packed_matrix_floats(kernels, attention->key_size, attention->keys);
    floats += packed_matrix_floats(kernels, attention->keys, attention->value_size);
    return memory_aligned_floats(floats);
}

size_t attention_scratch(const struct attention *attention, const struct kernels *kernels, int threads)
{
    int64_t floats = int64_max(floats_of_thread(attention, kernels, false), floats_of_thread(attention, kernels, true));
    return (size_t)threads * (size_t)floats * sizeof(float);
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
                                .threads = compute_threads(context),
                                .block = attention_block(attention, context->kernels)};
    bool plain = recorded || !context->kernels->product;
    if (job.block == 0 || attention->value_size == 0)
        return;
    job.blocks = (attention->queries + job.block - 1) / job.block;
    job.thread_floats = floats_of_thread(attention, context->kernels, plain);
    if (!plain)
        start_tiles(&job);
    thread_pool_run(context->pool, plain ? run_block : run_tiles, &job,
                    (size_t)(attention->batch * attention->query_heads * job.blocks));
}
