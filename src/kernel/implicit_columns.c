#include "kernel/implicit_columns.h"

#include "base/number.h"

struct implicit_columns implicit_columns(const struct implicit_gemm *gemm, bool share)
{
    const struct implicit_axis *axis = &gemm->axes[1];
    int64_t step = axis->offset_step, taps = axis->taps;
    struct implicit_columns columns = {.period = int64_max(taps, 1)};
    if (share && gemm->axes[0].grid == 1) {
        columns.period = axis->source_stride / int64_greatest_divisor(axis->source_stride, step < 0 ? -step : step);
        columns.shift = columns.period * step / axis->source_stride;
    }
    int64_t farthest = taps > 0 ? (taps - 1) / columns.period * columns.shift : 0;
    columns.lowest = int64_min(farthest, 0);
    columns.halo = int64_max(farthest, -farthest);
    columns.planes = gemm->axes[0].taps * int64_min(columns.period, taps) * gemm->axes[2].taps;
    return columns;
}

static int64_t plane_length(const struct implicit_gemm *gemm, const struct implicit_columns *columns, int64_t width)
{
    return width + columns->halo * gemm->axes[2].grid;
}

int64_t implicit_columns_pitch(const struct implicit_gemm *gemm, const struct implicit_columns *columns, int64_t width)
{
    return ((plane_length(gemm, columns, width) + 15) / 16 | 1) * 16;
}

/* Cells [*begin, *end) of `length` lie inside the source when the first reads cell `from`. */
static void clip(const struct implicit_axis *axis, int64_t from, int64_t length, int64_t *begin, int64_t *end)
{
    int64_t stride = axis->source_stride;
    *begin = from >= 0 ? 0 : (-from + stride - 1) / stride;
    *end = from >= axis->source ? 0 : (axis->source - from + stride - 1) / stride;
    *begin = int64_min(*begin, length);
    *end = int64_max(int64_min(*end, length), *begin);
}

static bool inside(int64_t index, int64_t size)
{
    return index >= 0 && index < size;
}

/* What the tap (tz, ty, tx) reads for `length` cells from place x of the grid's row `row` on, which may lie above or
 * below the grid where it is one image high. */
static struct tile_segment find_segment(const struct implicit_axis *axes, int64_t row, int64_t x, int64_t length,
                                        const int64_t tap[3])
{
    int64_t z = axes[0].grid == 1 ? 0 : row / axes[1].grid, place[3], begin, end;
    int64_t grid[3] = {z, row - z * axes[1].grid, x};
    for (int i = 0; i < 3; i++)
        place[i] = grid[i] * axes[i].source_stride + axes[i].offset + tap[i] * axes[i].offset_step;
    if (!inside(place[0], axes[0].source) || !inside(place[1], axes[1].source))
        return (struct tile_segment){.length = (int32_t)length};
    clip(&axes[2], place[2], length, &begin, &end);
    return (struct tile_segment){.offset = (place[0] * axes[1].source + place[1]) * axes[2].source + place[2],
                                 .length = (int32_t)length,
                                 .begin = (int32_t)begin,
                                 .end = (int32_t)end};
}

/* Appends the segments of one plane, whose first float is `place`; returns how many. */
static int64_t find_plane(const struct implicit_gemm *gemm, const struct implicit_columns *columns, int64_t begin,
                          int64_t end, const int64_t tap[3], int64_t place, struct tile_segment *segments)
{
    int64_t width = gemm->axes[2].grid, count = 0;
    int64_t left = plane_length(gemm, columns, end - begin), length;
    int64_t row = begin / width + columns->lowest, x = begin % width;
    for (; left > 0; left -= length, row++, x = 0) {
        length = int64_min(width - x, left);
        segments[count] = find_segment(gemm->axes, row, x, length, tap);
        segments[count++].column = (int32_t)place;
        place += length;
    }
    return count;
}

void implicit_columns_gather(const struct implicit_gemm *gemm, const struct implicit_columns *columns,
                             const struct tile_kernel *kernel, const float *source, int64_t channels, int64_t begin,
                             int64_t end, int64_t pitch, struct tile_segment *segments, float *out)
{
    const struct implicit_axis *axes = gemm->axes;
    int64_t across = axes[2].taps, down = int64_min(columns->period, axes[1].taps), count = 0;
    for (int64_t plane = 0; plane < columns->planes; plane++) {
        const int64_t tap[3] = {plane / across / down, plane / across % down, plane % across};
        count += find_plane(gemm, columns, begin, end, tap, plane * pitch, segments + count);
    }
    struct tile_gather gather = {.source = source,
                                 .channels = channels,
                                 .plane = axes[0].source * axes[1].source * axes[2].source,
                                 .stride = axes[2].source_stride,
                                 .segments = segments,
                                 .segment_count = count,
                                 .depth_step = columns->planes * pitch,
                                 .out = out};
    kernel->gather(&gather);
}

void implicit_columns_offsets(const struct implicit_gemm *gemm, const struct implicit_columns *columns,
                              int64_t channels, int64_t pitch, int32_t *offsets)
{
    const struct implicit_axis *axes = gemm->axes;
    int64_t down = int64_min(columns->period, axes[1].taps), taps = implicit_gemm_taps(gemm);
    for (int64_t t = 0; t < taps; t++) {
        int64_t x = t % axes[2].taps, y = t / axes[2].taps % axes[1].taps, z = t / axes[2].taps / axes[1].taps;
        int64_t plane = (z * down + y % columns->period) * axes[2].taps + x;
        int64_t row = y / columns->period * columns->shift - columns->lowest;
        offsets[t] = (int32_t)(plane * pitch + row * axes[2].grid);
    }
    for (int64_t k = taps; k < channels * taps; k++)
        offsets[k] = offsets[k - taps] + (int32_t)(columns->planes * pitch);
}

int64_t implicit_gemm_segments(const struct implicit_gemm *gemm, int64_t width)
{
    struct implicit_columns columns = implicit_columns(gemm, false);
    int64_t length = plane_length(gemm, &columns, width);
    return columns.planes * int64_min(length, (length - 1) / gemm->axes[2].grid + 2);
}

void implicit_gemm_gather(const struct implicit_gemm *gemm, const struct tile_kernel *kernel, const float *source,
                          int64_t begin, int64_t end, struct tile_segment *segments, float *out)
{
    struct implicit_columns columns = implicit_columns(gemm, false);
    implicit_columns_gather(gemm, &columns, kernel, source, gemm->channels, begin, end, end - begin, segments, out);
}
