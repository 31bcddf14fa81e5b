#include "kernel/im2col.h"

#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"

/* A run of output cells in one row: its place and length. */
struct run {
    int64_t z, y, x, length;
};

/* The run that starts at cell `index` of the window, at most `limit` long. */
static struct run run_at(const struct window *window, int64_t index, int64_t limit)
{
    int64_t width = window->end[2] - window->begin[2], height = window->end[1] - window->begin[1];
    struct run run = {.x = index % width, .y = index / width % height, .z = index / width / height};
    run.length = int64_min(width - run.x, limit);
    run.x += window->begin[2];
    run.y += window->begin[1];
    run.z += window->begin[0];
    return run;
}

/* Part [*first, *last) of a run whose tap lies inside the input; `*start` is the input column of the run's first cell.
 */
static void inside(const struct convolution *convolution, const struct run *run, int64_t kx, int64_t *start,
                   int64_t *first, int64_t *last)
{
    int64_t stride = convolution->stride[2], width = convolution->input[2];
    *start = run->x * stride - convolution->pad_begin[2] + kx * convolution->dilation[2];
    *first = *start < 0 ? (-*start + stride - 1) / stride : 0;
    *last = *start >= width ? 0 : (width - 1 - *start) / stride + 1;
    *first = int64_min(*first, run->length);
    *last = int64_max(int64_min(*last, run->length), *first);
}

/* One tap of one channel: which input plane row a run reads, or -1. */
struct tap {
    int64_t channel, z, y, x;
};

static int64_t row_offset(const struct convolution *convolution, const struct tap *tap, const struct run *run)
{
    int64_t z = run->z * convolution->stride[0] - convolution->pad_begin[0] + tap->z * convolution->dilation[0];
    int64_t y = run->y * convolution->stride[1] - convolution->pad_begin[1] + tap->y * convolution->dilation[1];
    if (z < 0 || z >= convolution->input[0] || y < 0 || y >= convolution->input[1])
        return -1;
    return ((tap->channel * convolution->input[0] + z) * convolution->input[1] + y) * convolution->input[2];
}

static struct tap tap_at(const struct convolution *convolution, int64_t row)
{
    const int64_t *kernel = convolution->kernel;
    return (struct tap){.x = row % kernel[2],
                        .y = row / kernel[2] % kernel[1],
                        .z = row / (kernel[2] * kernel[1]) % kernel[0],
                        .channel = row / (kernel[2] * kernel[1] * kernel[0])};
}

static void gather_run(const struct convolution *convolution, const float *x, const struct tap *tap,
                       const struct run *run, float *to)
{
    int64_t offset = row_offset(convolution, tap, run);
    if (offset < 0) {
        memset(to, 0, (size_t)run->length * sizeof *to);
        return;
    }
    int64_t start, first, last, stride = convolution->stride[2];
    inside(convolution, run, tap->x, &start, &first, &last);
    const float *from = x + offset + start;
    for (int64_t i = 0; i < first; i++)
        to[i] = 0;
    if (stride == 1 && last > first) {
        memcpy(to + first, from + first, (size_t)(last - first) * sizeof *to);
    } else {
        for (int64_t i = first; i < last; i++)
            to[i] = from[i * stride];
    }
    for (int64_t i = last; i < run->length; i++)
        to[i] = 0;
}

void im2col_gather(const struct convolution *convolution, const float *x, int64_t channels,
                   const struct column_range *range, float *columns)
{
    int64_t rows = channels * convolution_tap_count(convolution), width = range->end - range->begin;
    for (int64_t row = 0; row < rows; row++) {
        struct tap tap = tap_at(convolution, row);
        for (int64_t column = 0; column < width;) {
            struct run run = run_at(range->window, range->begin + column, width - column);
            gather_run(convolution, x, &tap, &run, columns + row * width + column);
            column += run.length;
        }
    }
}

void im2col_scatter(const struct convolution *convolution, const float *columns, int64_t channels,
                    const struct column_range *range, float *dx)
{
    int64_t rows = channels * convolution_tap_count(convolution), width = range->end - range->begin;
    int64_t stride = convolution->stride[2];
    for (int64_t row = 0; row < rows; row++) {
        struct tap tap = tap_at(convolution, row);
        for (int64_t column = 0; column < width;) {
            struct run run = run_at(range->window, range->begin + column, width - column);
            const float *from = columns + row * width + column;
            int64_t offset = row_offset(convolution, &tap, &run);
            column += run.length;
            if (offset < 0)
                continue;
            int64_t start, first, last;
            inside(convolution, &run, tap.x, &start, &first, &last);
            float *to = dx + offset + start;
            for (int64_t i = first; i < last; i++)
                to[i * stride] += from[i];
        }
    }
}

/* Start of a run in one output plane. */
static int64_t output_offset(const struct convolution *convolution, const struct run *run)
{
    return (run->z * convolution->output[1] + run->y) * convolution->output[2] + run->x;
}

void im2col_put(const struct convolution *convolution, const float *rows, int64_t channels,
                const struct column_range *range, float *planes)
{
    int64_t width = range->end - range->begin;
    int64_t plane = convolution_plane(convolution->output);
    for (int64_t column = 0; column < width;) {
        struct run run = run_at(range->window, range->begin + column, width - column);
        float *to = planes + output_offset(convolution, &run);
        for (int64_t c = 0; c < channels; c++)
            memcpy(to + c * plane, rows + c * width + column, (size_t)run.length * sizeof *to);
        column += run.length;
    }
}

void im2col_take(const struct convolution *convolution, const float *planes, int64_t channels,
                 const struct column_range *range, float *rows)
{
    int64_t width = range->end - range->begin;
    int64_t plane = convolution_plane(convolution->output);
    for (int64_t column = 0; column < width;) {
        struct run run = run_at(range->window, range->begin + column, width - column);
        const float *from = planes + output_offset(convolution, &run);
        for (int64_t c = 0; c < channels; c++)
            memcpy(rows + c * width + column, from + c * plane, (size_t)run.length * sizeof *rows);
        column += run.length;
    }
}
