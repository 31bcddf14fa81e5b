/* The elements of a reduction in the order of memory: either the last axis is reduced, then its elements go into lanes
 * that are folded in the end, or it is kept, then a tile of it is reduced at once. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"
#include "kernel/kernels.h"
#include "op/broadcast.h"
#include "op/operand.h"
#include "op/reduction.h"

enum { LANES = 32, TILE = 128 };

/* How elements are gathered; what happens to the total is up to finish(). */
enum gathering { GATHER_SUM, GATHER_ABSOLUTE, GATHER_SQUARE, GATHER_PRODUCT, GATHER_MAX, GATHER_MIN };

static const enum gathering gatherings[] = {
    [REDUCE_SUM] = GATHER_SUM,        [REDUCE_MEAN] = GATHER_SUM,          [REDUCE_MAX] = GATHER_MAX,
    [REDUCE_MIN] = GATHER_MIN,        [REDUCE_PROD] = GATHER_PRODUCT,      [REDUCE_L1] = GATHER_ABSOLUTE,
    [REDUCE_L2] = GATHER_SQUARE,      [REDUCE_SUM_SQUARE] = GATHER_SQUARE, [REDUCE_LOG_SUM] = GATHER_SUM,
    [REDUCE_LOG_SUM_EXP] = GATHER_MAX /* first; see gather_exponentials */
};

/* Axes of the input, the reduced or the kept ones, joined where they can be. */
struct axes_walk {
    int rank;
    int64_t dims[SHAPE_MAX_RANK], strides[SHAPE_MAX_RANK];
    int64_t count;
};

static void walk_axes(struct axes_walk *walk, const struct shape *shape, const bool *reduced, bool which)
{
    int64_t strides[SHAPE_MAX_RANK];
    shape_strides(shape, strides);
    *walk = (struct axes_walk){.count = 1};
    for (int i = 0; i < shape->rank; i++) {
        if (reduced[i] != which || shape->dims[i] == 1)
            continue;
        int64_t size = shape->dims[i];
        walk->count *= size;
        bool joins = walk->rank > 0 && walk->strides[walk->rank - 1] == strides[i] * size;
        if (!joins)
            walk->dims[walk->rank++] = 1;
        walk->dims[walk->rank - 1] *= size;
        walk->strides[walk->rank - 1] = strides[i];
    }
}

/* Takes the last axis out of the walk. */
static void walk_pop(struct axes_walk *walk, int64_t *size, int64_t *stride)
{
    *size = *stride = 1;
    if (walk->rank == 0)
        return;
    walk->rank--;
    *size = walk->dims[walk->rank];
    *stride = walk->strides[walk->rank];
    walk->count = 1;
    for (int i = 0; i < walk->rank; i++)
        walk->count *= walk->dims[i];
}

static int64_t walk_offset(const struct axes_walk *walk, int64_t index)
{
    int64_t offset = 0;
    for (int axis = walk->rank - 1; axis >= 0; axis--) {
        offset += index % walk->dims[axis] * walk->strides[axis];
        index /= walk->dims[axis];
    }
    return offset;
}

/* Totals of a tile: floats are gathered in double, integers in 64 bits that wrap. */
union totals {
    double real[TILE];
    int64_t whole[TILE];
    uint64_t natural[TILE];
};

/* `rows` rows of `width` elements; element j goes into total j. */
struct block {
    int64_t rows, stride, width;
};

/* type of elements, type and name of totals, type that sums and products are computed in */
#define REDUCED_TYPES(X)                                                                                               \
    X(DTYPE_FLOAT, float, double, real, double)                                                                        \
    X(DTYPE_DOUBLE, double, double, real, double)                                                                      \
    X(DTYPE_INT32, int32_t, int64_t, whole, uint64_t)                                                                  \
    X(DTYPE_INT64, int64_t, int64_t, whole, uint64_t)                                                                  \
    X(DTYPE_UINT64, uint64_t, uint64_t, natural, uint64_t)                                                             \
    X(DTYPE_UINT8, uint8_t, uint64_t, natural, uint64_t)

#define GATHER_EACH(expression)                                                                                        \
    for (int64_t row = 0; row < block->rows; row++, x += block->stride) {                                              \
        for (int64_t j = 0; j < block->width; j++) {                                                                   \
            total_type v = (total_type)x[j], t = totals[j];                                                            \
            totals[j] = (total_type)(expression);                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    break;

#define DEFINE_GATHER(code, type, total, name, wide)                                                                   \
    static void gather_##type(enum gathering gathering, const struct block *block, const type *x, total *totals)       \
    {                                                                                                                  \
        typedef total total_type;                                                                                      \
        switch (gathering) {                                                                                           \
        case GATHER_SUM:                                                                                               \
            GATHER_EACH((wide)t + (wide)v)                                                                             \
        case GATHER_ABSOLUTE:                                                                                          \
            GATHER_EACH((wide)t + (v > 0 ? (wide)v : 0 - (wide)v))                                                     \
        case GATHER_SQUARE:                                                                                            \
            GATHER_EACH((wide)t + (wide)v * (wide)v)                                                                   \
        case GATHER_PRODUCT:                                                                                           \
            GATHER_EACH((wide)t *(wide)v)                                                                              \
        case GATHER_MAX:                                                                                               \
            GATHER_EACH(v > t || v != v ? v : t)                                                                       \
        case GATHER_MIN:                                                                                               \
            GATHER_EACH(v < t || v != v ? v : t)                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void exponentials_##type(const struct block *block, const type *x, const double *shifts, double *totals)    \
    {                                                                                                                  \
        for (int64_t row = 0; row < block->rows; row++, x += block->stride) {                                          \
            for (int64_t j = 0; j < block->width; j++)                                                                 \
                totals[j] += exp((double)x[j] - shifts[j]);                                                            \
        }                                                                                                              \
    }                                                                                                                  \
    /* Total 0 becomes that of `count` lanes, each of which holds a part of the elements. */                           \
    static void fold_##type(enum gathering gathering, total *totals, int64_t count)                                    \
    {                                                                                                                  \
        for (int64_t j = 1; j < count; j++) {                                                                          \
            total t = totals[0], v = totals[j];                                                                        \
            if (gathering == GATHER_PRODUCT)                                                                           \
                totals[0] = (total)((wide)t * (wide)v);                                                                \
            else if (gathering == GATHER_MAX)                                                                          \
                totals[0] = v > t || v != v ? v : t;                                                                   \
            else if (gathering == GATHER_MIN)                                                                          \
                totals[0] = v < t || v != v ? v : t;                                                                   \
            else                                                                                                       \
                totals[0] = (total)((wide)t + (wide)v);                                                                \
        }                                                                                                              \
    }
REDUCED_TYPES(DEFINE_GATHER)

struct job {
    const struct kernels *kernels;
    const struct reduce_call *call;
    enum dtype type;
    struct axes_walk kept, reduced; /* without the axes below */
    int64_t width, tiles;           /* of the last kept axis, if it is the input's last */
    int64_t size, stride;           /* of the last reduced axis */
    int64_t count;                  /* elements that make one */
    bool lanes;                     /* the input's last axis is reduced */
};

static void gather(const struct job *job, enum gathering gathering, const struct block *block, const char *x,
                   union totals *totals)
{
    switch (job->type) {
#define CALL_GATHER(code, type, total, name, wide)                                                                     \
    case code:                                                                                                         \
        gather_##type(gathering, block, (const type *)x, totals->name);                                                \
        break;
        REDUCED_TYPES(CALL_GATHER)
    default:
        gather_uint8_t(gathering, block, (const uint8_t *)x, totals->natural);
    }
}

static void gather_exponentials(const struct job *job, const struct block *block, const char *x, const double *shifts,
                                double *totals)
{
    switch (job->type) {
#define CALL_EXPONENTIALS(code, type, total, name, wide)                                                               \
    case code:                                                                                                         \
        exponentials_##type(block, (const type *)x, shifts, totals);                                                   \
        break;
        REDUCED_TYPES(CALL_EXPONENTIALS)
    default:
        exponentials_uint8_t(block, (const uint8_t *)x, shifts, totals);
    }
}

static void fold(const struct job *job, enum gathering gathering, union totals *totals, int64_t count)
{
    switch (job->type) {
#define CALL_FOLD(code, type, total, name, wide)                                                                       \
    case code:                                                                                                         \
        fold_##type(gathering, totals->name, count);                                                                   \
        break;
        REDUCED_TYPES(CALL_FOLD)
    default:
        fold_uint8_t(gathering, totals->natural, count);
    }
}

/* What a total begins with: the ends of the range of a type for Max and Min, else the neutral number. */
static void begin_totals(enum gathering gathering, enum dtype dtype, int64_t count, union totals *totals)
{
    static const struct {
        enum dtype dtype;
        int64_t low;
        uint64_t high;
    } ranges[] = {
        {DTYPE_INT8, INT8_MIN, INT8_MAX},    {DTYPE_INT16, INT16_MIN, INT16_MAX}, {DTYPE_INT32, INT32_MIN, INT32_MAX},
        {DTYPE_INT64, INT64_MIN, INT64_MAX}, {DTYPE_UINT8, 0, UINT8_MAX},         {DTYPE_UINT16, 0, UINT16_MAX},
        {DTYPE_UINT32, 0, UINT32_MAX},       {DTYPE_UINT64, 0, UINT64_MAX},       {DTYPE_BOOL, 0, 1}};
    bool extreme = gathering == GATHER_MAX || gathering == GATHER_MIN;
    uint64_t start = gathering == GATHER_PRODUCT;
    for (size_t i = 0; extreme && i < sizeof ranges / sizeof ranges[0]; i++) {
        if (ranges[i].dtype == dtype)
            start = gathering == GATHER_MAX ? (uint64_t)ranges[i].low : ranges[i].high;
    }
    bool real = dtype_is_float(dtype);
    for (int64_t j = 0; j < count; j++) {
        if (real)
            totals->real[j] = extreme ? (double)(gathering == GATHER_MAX ? -INFINITY : INFINITY) : (double)start;
        else
            totals->natural[j] = start;
    }
}

/* One pass over all elements of a tile that begins at element `start`. `shifts` NULL: gather into totals; else the sums
 * of exponentials. */
static void pass(const struct job *job, enum gathering gathering, int64_t start, int64_t width, const double *shifts,
                 union totals *totals)
{
    int64_t element = (int64_t)dtype_storage_size(dtype_storage(job->call->input->dtype));
    const char *data = job->call->input->data;
    struct block blocks[2] = {{job->size, job->stride, width}, {0, 0, 0}};
    if (job->lanes) {
        blocks[0] = (struct block){job->size / LANES, LANES, LANES};
        blocks[1] = (struct block){1, 0, job->size % LANES};
    }
    for (int64_t index = 0; index < job->reduced.count; index++) {
        int64_t offset = start + walk_offset(&job->reduced, index);
        for (int i = 0; i < 2; i++) {
            if (blocks[i].rows > 0 && blocks[i].width > 0) {
                const char *x = data + offset * element;
                if (shifts)
                    gather_exponentials(job, &blocks[i], x, shifts, totals->real);
                else
                    gather(job, gathering, &blocks[i], x, totals);
            }
            offset += blocks[i].rows * blocks[i].stride;
        }
    }
}

static double real_total(const struct job *job, const union totals *totals, int64_t j)
{
    if (dtype_is_float(job->call->input->dtype))
        return totals->real[j];
    return job->type == DTYPE_UINT64 || job->type == DTYPE_UINT8 || job->type == DTYPE_BOOL ? (double)totals->natural[j]
                                                                                            : (double)totals->whole[j];
}

static void store_whole(struct tensor *tensor, int64_t index, int64_t value)
{
    switch (dtype_storage(tensor->dtype)) {
    case DTYPE_INT32:
        ((int32_t *)tensor->data)[index] = (int32_t)value;
        break;
    case DTYPE_INT64:
        ((int64_t *)tensor->data)[index] = value;
        break;
    default:
        ((uint8_t *)tensor->data)[index] = (uint8_t)value;
    }
}

/* Cut towards 0. */
static int64_t whole_mean(const struct job *job, const union totals *totals, int64_t j)
{
    return job->type == DTYPE_UINT64 ? (int64_t)(totals->natural[j] / (uint64_t)job->count)
                                     : totals->whole[j] / job->count;
}

/* `shifts` are read by LogSumExp only. */
static void finish(const struct job *job, const union totals *totals, int64_t j, const double *shifts, int64_t index)
{
    struct tensor *output = job->call->output;
    double total = real_total(job, totals, j);
    bool real = dtype_is_float(output->dtype);
    switch (job->call->reduction) {
    case REDUCE_L2:
        tensor_set_number(output, index, sqrt(total));
        break;
    case REDUCE_LOG_SUM:
        tensor_set_number(output, index, log(total));
        break;
    case REDUCE_LOG_SUM_EXP:
        tensor_set_number(output, index, log(totals->real[j]) + shifts[j]);
        break;
    case REDUCE_MEAN:
        if (real)
            tensor_set_number(output, index, total / (double)job->count);
        else
            store_whole(output, index, job->count > 0 ? whole_mean(job, totals, j) : 0);
        break;
    default:
        if (real)
            tensor_set_number(output, index, total);
        else
            store_whole(output, index, totals->whole[j]);
    }
}

/* The sum of a contiguous row of floats is left to the kernel. */
static bool sum_by_kernel(const struct job *job, int64_t start, union totals *totals)
{
    enum reduction reduction = job->call->reduction;
    if (!job->lanes || job->type != DTYPE_FLOAT || job->size < LANES / 2 ||
        (reduction != REDUCE_SUM && reduction != REDUCE_MEAN))
        return false;
    totals->real[0] = 0;
    for (int64_t index = 0; index < job->reduced.count; index++) {
        const float *x = (const float *)job->call->input->data + start + walk_offset(&job->reduced, index);
        totals->real[0] += (double)job->kernels->sum(x, job->size);
    }
    return true;
}

/* exp(x - shift) neither overflows nor vanishes; where the largest x is not finite there is nothing to shift by. */
static void sum_exponentials(const struct job *job, int64_t start, int64_t width, union totals *totals, double *shifts)
{
    int64_t count = job->lanes ? LANES : width;
    for (int64_t j = 0; j < count; j++) {
        double largest = real_total(job, totals, job->lanes ? 0 : j);
        shifts[j] = isfinite(largest) && job->count > 0 ? largest : 0;
    }
    for (int64_t j = 0; j < count; j++)
        totals->real[j] = 0;
    pass(job, GATHER_SUM, start, width, shifts, totals);
    for (int64_t j = 1; job->lanes && j < LANES; j++)
        totals->real[0] += totals->real[j];
}

static void reduce_tile(const struct job *job, int64_t index)
{
    enum gathering gathering = gatherings[job->call->reduction];
    int64_t row = index / job->tiles, first = index % job->tiles * TILE;
    int64_t width = int64_min(job->width - first, TILE);
    int64_t start = walk_offset(&job->kept, row) + first;
    int64_t lanes = int64_min(job->size, LANES); /* that are filled */
    union totals totals;
    double shifts[TILE] = {0};
    if (!sum_by_kernel(job, start, &totals)) {
        begin_totals(gathering, job->call->input->dtype, job->lanes && lanes > 0 ? lanes : width, &totals);
        pass(job, gathering, start, width, NULL, &totals);
        if (job->lanes)
            fold(job, gathering, &totals, lanes);
    }
    if (job->call->reduction == REDUCE_LOG_SUM_EXP)
        sum_exponentials(job, start, width, &totals, shifts);
    for (int64_t j = 0; j < width; j++)
        finish(job, &totals, j, shifts, row * job->width + first + j);
}

static void reduce_slice(void *argument, int64_t begin, int64_t end)
{
    for (int64_t index = begin; index < end; index++)
        reduce_tile(argument, index);
}

void reduce_run(const struct compute_context *context, const struct reduce_call *call)
{
    struct job job = {
        .kernels = context->kernels, .call = call, .type = loop_type(call->input->dtype), .width = 1, .tiles = 1};
    const struct shape *shape = &call->input->shape;
    int64_t unused;
    walk_axes(&job.kept, shape, call->reduced, false);
    walk_axes(&job.reduced, shape, call->reduced, true);
    job.count = job.reduced.count;
    if (job.kept.count == 0)
        return;
    job.lanes = job.reduced.rank > 0 && job.reduced.strides[job.reduced.rank - 1] == 1;
    if (!job.lanes && job.kept.rank > 0 && job.kept.strides[job.kept.rank - 1] == 1)
        walk_pop(&job.kept, &job.width, &unused);
    job.tiles = (job.width + TILE - 1) / TILE;
    walk_pop(&job.reduced, &job.size, &job.stride);
    rows_run(context->pool, &(struct row_task){reduce_slice, &job}, job.kept.count * job.tiles,
             job.count * int64_min(job.width, TILE) + 1);
}
