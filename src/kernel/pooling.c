#include "kernel/pooling.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "kernel/pool_row.h"

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

/* Most dilations are 1, and a division costs as much as a vector of a row. */
static int64_t quotient(int64_t a, int64_t dilation)
{
    return dilation == 1 ? a : a / dilation;
}

static struct taps taps_at(const struct pooling *pooling, int axis, int64_t place)
{
    int64_t dilation = pooling->dilation[axis], size = pooling->input[axis];
    struct taps taps = {.start = place * pooling->stride[axis] - pooling->pad_begin[axis]};
    taps.begin = taps.start < 0 ? quotient(-taps.start + dilation - 1, dilation) : 0;
    taps.end = taps.start >= size ? 0 : quotient(size - 1 - taps.start, dilation) + 1;
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

/* Cells along an axis that an average divides by: those inside, or inside the padding too. */
static int64_t axis_cells(const struct pooling *pooling, int axis, int64_t place)
{
    struct taps taps = taps_at(pooling, axis, place);
    int64_t inside = int64_max(taps.end - taps.begin, 0);
    if (pooling->count_include_pad) {
        int64_t limit = pooling->input[axis] + pooling->pad_end[axis];
        inside = taps.start >= limit ? 0 : quotient(limit - 1 - taps.start, pooling->dilation[axis]) + 1;
        inside = int64_min(inside, pooling->kernel[axis]);
    }
    return inside > 0 ? inside : 1;
}

static float average_count(const struct pooling *pooling, const int64_t place[3])
{
    return (float)(axis_cells(pooling, 0, place[0]) * axis_cells(pooling, 1, place[1]) *
                   axis_cells(pooling, 2, place[2]));
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
    job->to[plane * cells(pooling->output) + cell] = (float)total / average_count(pooling, place);
}

static void visit_average_gradient(const struct pooling_job *job, int64_t plane, int64_t cell,
                                   const struct taps taps[3], const int64_t place[3])
{
    const struct pooling *pooling = job->pooling;
    float *dx = job->to + plane * cells(pooling->input);
    float share = job->from[plane * cells(pooling->output) + cell] / average_count(pooling, place);
    for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {
        for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {
            int64_t row = tap_row(pooling, taps, kz, ky);
            for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++)
                dx[row + kx * pooling->dilation[2]] += share;
        }
    }
}

static void visit_maximum(const struct pooling_job *job, int64_t plane, int64_t cell, const struct taps taps[3],
                          const int64_t place[3])
{
    (void)place;
    const struct pooling *pooling = job->pooling;
    const float *x = job->from + plane * cells(pooling->input);
    float best = -INFINITY;
    int64_t index = -1;
    for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {
        for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {
            int64_t row = tap_row(pooling, taps, kz, ky);
            for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++) {
                float value = x[row + kx * pooling->dilation[2]];
                if (index < 0 || value > best || (isnan(value) && !isnan(best))) {
                    best = value;
                    index = row + kx * pooling->dilation[2];
                }
            }
        }
    }
    job->to[plane * cells(pooling->output) + cell] = best;
    if (job->indices)
        job->indices[plane * cells(pooling->output) + cell] = index;
}

/* ---- rows of windows (pool_row.h) ---- */

static int64_t extent_of(const struct pooling *pooling, int axis)
{
    return (pooling->kernel[axis] - 1) * pooling->dilation[axis] + 1;
}

/* Columns [begin, begin + row->columns) as far as the buffer holds what they read. */
static void set_columns(const struct pooling *pooling, int64_t begin, struct pool_row *row)
{
    int64_t stride = pooling->stride[2], extent = extent_of(pooling, 2), width = pooling->input[2];
    int64_t start = begin * stride - pooling->pad_begin[2];
    row->columns = int64_min((POOL_ROW_SPAN - extent) / stride + 1, pooling->output[2] - begin);
    row->span = (row->columns - 1) * stride + extent;
    row->before = int64_min(int64_max(-start, 0), row->span);
    row->inside = int64_max(int64_min(width, start + row->span) - int64_max(start, 0), 0);
    row->first = int64_max(start, 0);
    row->taps = pooling->kernel[2];
    row->dilation = pooling->dilation[2];
    row->stride = stride;
}

/* The rows of taps that output row `place` reads. */
static void set_rows(const struct pooling *pooling, const int64_t place[2], int64_t column, struct pool_row *row)
{
    const struct taps depth = taps_at(pooling, 0, place[0]), height = taps_at(pooling, 1, place[1]);
    int64_t z = depth.start + depth.begin * pooling->dilation[0];
    int64_t y = height.start + height.begin * pooling->dilation[1];
    row->depths = int64_max(depth.end - depth.begin, 0);
    row->heights = int64_max(height.end - height.begin, 0);
    row->height_step = pooling->dilation[1] * pooling->input[2];
    row->depth_step = pooling->dilation[0] * pooling->input[1] * pooling->input[2];
    row->first = (z * pooling->input[1] + y) * pooling->input[2] + column;
    row->row_cells = (float)(axis_cells(pooling, 0, place[0]) * axis_cells(pooling, 1, place[1]));
}

/* Called for each row of outputs, which begin at element `at` of the plane of outputs. */
typedef void row_visit(const struct pooling_job *job, int64_t plane, int64_t at, struct pool_row *row);

static void visit_rows(const struct pooling_job *job, int64_t plane, row_visit *visit)
{
    const struct pooling *pooling = job->pooling;
    float column_cells[POOL_ROW_SPAN];
    struct pool_row row = {.cells = column_cells};
    for (int64_t begin = 0; begin < pooling->output[2]; begin += row.columns) {
        set_columns(pooling, begin, &row);
        int64_t column = row.first;
        for (int64_t i = 0; i < row.columns; i++)
            column_cells[i] = (float)axis_cells(pooling, 2, begin + i);
        int64_t at = begin;
        for (int64_t z = 0; z < pooling->output[0]; z++) {
            for (int64_t y = 0; y < pooling->output[1]; y++, at += pooling->output[2]) {
                set_rows(pooling, (const int64_t[2]){z, y}, column, &row);
                visit(job, plane, at, &row);
            }
        }
    }
}

static void maximum_row(const struct pooling_job *job, int64_t plane, int64_t at, struct pool_row *row)
{
    int64_t to = plane * cells(job->pooling->output) + at;
    row->x = job->from + plane * cells(job->pooling->input);
    row->y = job->to + to;
    row->indices = job->indices ? job->indices + to : NULL;
    job->kernels->pool->maximum(row);
}

static void average_row(const struct pooling_job *job, int64_t plane, int64_t at, struct pool_row *row)
{
    row->x = job->from + plane * cells(job->pooling->input);
    row->y = job->to + plane * cells(job->pooling->output) + at;
    job->kernels->pool->average(row);
}

static void average_gradient_row(const struct pooling_job *job, int64_t plane, int64_t at, struct pool_row *row)
{
    job->kernels->pool->average_gradient(row, job->from + plane * cells(job->pooling->output) + at,
                                         job->to + plane * cells(job->pooling->input));
}

/* Windows wider than the buffer are visited one by one. */
static void run_plane(const struct pooling_job *job, size_t plane, row_visit *by_rows, pooling_visit *by_cells)
{
    if (extent_of(job->pooling, 2) <= POOL_ROW_SPAN)
        visit_rows(job, (int64_t)plane, by_rows);
    else
        visit_plane(job, (int64_t)plane, by_cells);
}

static void max_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    run_plane(argument, plane, maximum_row, visit_maximum);
}

static void average_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    run_plane(argument, plane, average_row, visit_average);
}

static void average_gradient_plane(void *argument, size_t plane, int thread)
{
    (void)thread;
    const struct pooling_job *job = argument;
    int64_t size = cells(job->pooling->input);
    memset(job->to + (int64_t)plane * size, 0, (size_t)size * sizeof *job->to);
    run_plane(job, plane, average_gradient_row, visit_average_gradient);
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
    struct pooling_job job = {.pooling = pooling, .kernels = kernels, .from = x, .to = y};
    thread_pool_run(pool, average_plane, &job, (size_t)pooling->planes);
}

void pooling_average_gradient(const struct pooling *pooling, const struct kernels *kernels, struct thread_pool *pool,
                              const float *dy, float *dx)
{
    struct pooling_job job = {.pooling = pooling, .kernels = kernels, .from = dy, .to = dx};
    thread_pool_run(pool, average_gradient_plane, &job, (size_t)pooling->planes);
}
