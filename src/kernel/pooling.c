#include "kernel/pooling.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

static int complete_axis(struct pooling *pooling, int axis, struct error *error)
{
    int64_t stride = pooling->stride[axis], kernel = pooling->kernel[axis], dilation = pooling->dilation[axis];
    int64_t extent, padded;
    if (stride <= 0 || kernel <= 0 || dilation <= 0 || pooling->input[axis] <= 0)
        return error_set(error, ERROR_INPUT, "a pool's sizes, strides and dilations must be positive");
    if (__builtin_mul_overflow(kernel - 1, dilation, &extent) ||
        __builtin_add_overflow(pooling->input[axis], pooling->pad_begin[axis], &padded) ||
        __builtin_add_overflow(padded, pooling->pad_end[axis], &padded) || padded <= extent)
        return error_set(error, ERROR_INPUT, "a pool's kernel is larger than its padded input");
    int64_t room = padded - extent - 1;
    int64_t output = room / stride + 1;
    if (pooling->ceil_mode && room % stride != 0 && output * stride < pooling->input[axis] + pooling->pad_begin[axis])
        output++;
    pooling->output[axis] = output;
    return 0;
}

int pooling_complete(struct pooling *pooling, struct error *error)
{
    for (int axis = 0; axis < 3; axis++) {
        if (complete_axis(pooling, axis, error))
            return -1;
    }
    const int64_t *input = pooling->input;
    int64_t plane;
    if (__builtin_mul_overflow(input[0], input[1], &plane) || __builtin_mul_overflow(plane, input[2], &plane) ||
        plane > INT32_MAX)
        return error_set(error, ERROR_LIMIT, "a pool's input plane has too many cells (limit 2147483647)");
    return 0;
}

static int64_t cells(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

struct pooling_job {
    const struct pooling *pooling;
    const struct kernels *kernels;
    const float *from;
    float *to;
    const int64_t *read_indices;
    int64_t *indices;
};

/* Taps [begin, end) of axis that fall inside the input at output place `place`; *start is the first tap's cell. */
struct taps {
    int64_t start, begin, end;
};

static struct taps taps_at(const struct pooling *pooling, int axis, int64_t place)
{
    int64_t dilation = pooling->dilation[axis], size = pooling->input[axis];
    struct taps taps = {.start = place * pooling->stride[axis] - pooling->pad_begin[axis]};
    taps.begin = taps.start < 0 ? (-taps.start + dilation - 1) / dilation : 0;
    taps.end = taps.start >= size ? 0 : (size - 1 - taps.start) / dilation + 1;
    taps.end = int64_min(taps.end, pooling->kernel[axis]);
    return taps;
}

/* Calls for every output cell of one plane, in order. */
typedef void pooling_visit(const struct pooling_job *job, int64_t plane, int64_t cell, const struct taps taps[3],
                           const int64_t place[3]);

static void visit_plane(const struct pooling_job *job, int64_t plane, pooling_visit *visit)
{
    const struct pooling *pooling = job->pooling;
    struct taps taps[3];
    int64_t cell = 0, place[3];
    for (place[0] = 0; place[0] < pooling->output[0]; place[0]++) {
        taps[0] = taps_at(pooling, 0, place[0]);
        for (place[1] = 0; place[1] < pooling->output[1]; place[1]++) {
            taps[1] = taps_at(pooling, 1, place[1]);
            for (place[2] = 0; place[2] < pooling->output[2]; place[2]++, cell++) {
                taps[2] = taps_at(pooling, 2, place[2]);
                visit(job, plane, cell, taps, place);
            }
        }
    }
}

/* Flat input index of the row of taps (kz, ky). */
static int64_t tap_row(const struct pooling *pooling, const struct taps taps[3], int64_t kz, int64_t ky)
{
    int64_t z = taps[0].start + kz * pooling->dilation[0], y = taps[1].start + ky * pooling->dilation[1];
    return (z * pooling->input[1] + y) * pooling->input[2] + taps[2].start;
}

/* Cells that an average divides by: those inside, or inside the padding too. */
static float average_count(const struct pooling *pooling, const struct taps taps[3], const int64_t place[3])
{
    int64_t count = 1;
    for (int axis = 0; axis < 3; axis++) {
        int64_t inside = taps[axis].end - taps[axis].begin;
        if (pooling->count_include_pad) {
            int64_t limit = pooling->input[axis] + pooling->pad_end[axis];
            int64_t start = place[axis] * pooling->stride[axis] - pooling->pad_begin[axis];
            inside = start >= limit ? 0 : (limit - 1 - start) / pooling->dilation[axis] + 1;
            inside = int64_min(inside, pooling->kernel[axis]);
        }
        count *= inside;
    }
    return (float)(count > 0 ? count : 1);
}

static void visit_average(const struct pooling_job *job, int64_t plane, int64_t cell, const struct taps taps[3],
                          const int64_t place[3])
{
    const struct pooling *pooling = job->pooling;
    const float *x = job->from + plane * cells(pooling->input);
    double total = 0;
    for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {
        for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {
            int64_t row = tap_row(pooling, taps, kz, ky);
            for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++)
                total += (double)x[row + kx * pooling->dilation[2]];
        }
    }
    job->to[plane * cells(pooling->output) + cell] = (float)total / average_count(pooling, taps, place);
}

static void visit_average_gradient(const struct pooling_job *job, int64_t plane, int64_t cell,
                                   const struct taps taps[3], const int64_t place[3])
{
    const struct pooling *pooling = job->pooling;
    float *dx = job->to + plane * cells(pooling->input);
    float share = job->from[plane * cells(pooling->output) + cell] / average_count(pooling, taps, place);
    for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {
        for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {
            int64_t row = tap_row(pooling, taps, kz, ky);
            for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++)
                dx[row + kx * pooling->dilation[2]] += share;
        }
    }
}

/* Output columns [begin, end) of one row whose tap `kx` lies inside the input row. */
static void tap_columns(const struct pooling *pooling, int64_t kx, int64_t *begin, int64_t *end)
{
    int64_t stride = pooling->stride[2], shift = kx * pooling->dilation[2] - pooling->pad_begin[2];
    int64_t last = pooling->input[2] - 1 - shift;
    int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0, limit = last < 0 ? 0 : last / stride + 1;
    *begin = first > *begin ? first : *begin;
    *end = limit < *end ? limit : *end;
}

/* Columns [begin, end) of one output row, every tap in turn over all of them. `index` holds end - begin places. */
static void max_columns(const struct pooling_job *job, const float *x, const int64_t place[2], int64_t begin,
                        int64_t end, float *best, int32_t *index)
{
    const struct pooling *pooling = job->pooling;
    const struct taps depth = taps_at(pooling, 0, place[0]), height = taps_at(pooling, 1, place[1]);
    for (int64_t i = 0; i < end - begin; i++) {
        best[i] = -INFINITY;
        index[i] = -1;
    }
    for (int64_t kz = depth.begin; kz < depth.end; kz++) {
        for (int64_t ky = height.begin; ky < height.end; ky++) {
            int64_t z = depth.start + kz * pooling->dilation[0], y = height.start + ky * pooling->dilation[1];
            int64_t row = (z * pooling->input[1] + y) * pooling->input[2] - pooling->pad_begin[2];
            for (int64_t kx = 0; kx < pooling->kernel[2]; kx++) {
                int64_t first = begin, last = end;
                tap_columns(pooling, kx, &first, &last);
                int64_t from = row + first * pooling->stride[2] + kx * pooling->dilation[2];
                if (last > first)
                    job->kernels->max_row(x + from, pooling->stride[2], last - first, (int32_t)from,
                                          best + first - begin, index + first - begin);
            }
        }
    }
}

static void max_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    enum { COLUMNS = 512 };
    const struct pooling_job *job = argument;
    const struct pooling *pooling = job->pooling;
    const float *x = job->from + (int64_t)plane * cells(pooling->input);
    int64_t out = (int64_t)plane * cells(pooling->output), width = pooling->output[2];
    int32_t index[COLUMNS];
    for (int64_t row = 0; row < pooling->output[0] * pooling->output[1]; row++) {
        const int64_t place[2] = {row / pooling->output[1], row % pooling->output[1]};
        for (int64_t begin = 0; begin < width; begin += COLUMNS) {
            int64_t end = int64_min(begin + COLUMNS, width), to = out + row * width + begin;
            max_columns(job, x, place, begin, end, job->to + to, index);
            for (int64_t i = 0; job->indices && i < end - begin; i++)
                job->indices[to + i] = index[i];
        }
    }
}

static void average_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    visit_plane(argument, (int64_t)plane, visit_average);
}

static void average_gradient_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    const struct pooling_job *job = argument;
    int64_t size = cells(job->pooling->input);
    memset(job->to + (int64_t)plane * size, 0, (size_t)size * sizeof *job->to);
    visit_plane(job, (int64_t)plane, visit_average_gradient);
}

static void max_gradient_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    const struct pooling_job *job = argument;
    int64_t size = cells(job->pooling->input), outputs = cells(job->pooling->output);
    float *dx = job->to + (int64_t)plane * size;
    memset(dx, 0, (size_t)size * sizeof *dx);
    for (int64_t i = 0; i < outputs; i++) {
        int64_t from = job->read_indices[(int64_t)plane * outputs + i];
        if (from >= 0 && from < size)
            dx[from] += job->from[(int64_t)plane * outputs + i];
    }
}

void pooling_max(const struct pooling *pooling, const struct kernels *kernels, struct thread_pool *pool, const float *x,
                 float *y, int64_t *indices)
{
    struct pooling_job job = {.pooling = pooling, .kernels = kernels, .from = x, .to = y, .indices = indices};
    thread_pool_run(pool, max_plane, &job, (size_t)pooling->planes);
}

void pooling_max_gradient(const struct pooling *pooling, struct thread_pool *pool, const float *dy,
                          const int64_t *indices, float *dx)
{
    struct pooling_job job = {.pooling = pooling, .from = dy, .to = dx, .read_indices = indices};
    thread_pool_run(pool, max_gradient_plane, &job, (size_t)pooling->planes);
}

void pooling_average(const struct pooling *pooling, const struct kernels *kernels, struct thread_pool *pool,
                     const float *x, float *y)
{
    (void)kernels;
    struct pooling_job job = {.pooling = pooling, .from = x, .to = y};
    thread_pool_run(pool, average_plane, &job, (size_t)pooling->planes);
}

void pooling_average_gradient(const struct pooling *pooling, struct thread_pool *pool, const float *dy, float *dx)
{
    struct pooling_job job = {.pooling = pooling, .from = dy, .to = dx};
    thread_pool_run(pool, average_gradient_plane, &job, (size_t)pooling->planes);
}
