#include "kernel/depthwise_layout.h"

#include <string.h>

#include "base/number.h"

struct depthwise_axis depthwise_output_axis(const struct convolution *convolution, int axis,
                                            const struct window *window)
{
    int64_t stride = convolution->stride[axis];
    return (struct depthwise_axis){.origin = window->begin[axis] * stride - convolution->pad_begin[axis],
                                   .stride = stride,
                                   .reach = (convolution->kernel[axis] - 1) * convolution->dilation[axis] + 1,
                                   .targets = window->end[axis] - window->begin[axis],
                                   .end = convolution->input[axis]};
}

static int64_t floor_division(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* To what is read. */
static void cut(struct depthwise_axis *axis)
{
    int64_t last = axis->origin + (axis->targets - 1) * axis->stride + axis->reach;
    axis->begin = int64_max(axis->begin, axis->origin);
    axis->end = int64_min(axis->end, last);
    if (axis->end < axis->begin)
        axis->begin = axis->end = axis->origin;
}

/* Source rows that `targets` target rows read. */
static int64_t rows_read(const struct depthwise_axis *rows, int64_t targets)
{
    return (targets - 1) * rows->stride + rows->reach;
}

static int64_t band_rows(const struct depthwise_layout *layout, int64_t most)
{
    int64_t fit = DEPTHWISE_CACHE_FLOATS / layout->row - layout->rows.reach;
    fit = fit < 0 ? 1 : fit / layout->rows.stride + 1;
    fit = int64_min(fit, most);
    fit = fit > DEPTHWISE_ROWS ? fit - fit % DEPTHWISE_ROWS : DEPTHWISE_ROWS;
    return int64_min(fit, layout->rows.targets);
}

struct depthwise_layout depthwise_layout(struct depthwise_axis rows, struct depthwise_axis columns, int vector,
                                         int64_t most)
{
    struct depthwise_layout layout = {.rows = rows, .columns = columns};
    struct depthwise_axis *axis = &layout.columns;
    cut(&layout.rows);
    cut(axis);
    int64_t count = axis->end - axis->begin, first = axis->origin - axis->begin;
    int64_t lead = int64_max(0, -floor_division(first, axis->stride));
    int64_t places = floor_division(first + axis->reach - 1, axis->stride) + axis->targets;
    int64_t trail = int64_max(0, places - count / axis->stride);
    layout.lead = int64_round_up(lead, vector);
    layout.part = int64_round_up((count + axis->stride - 1) / axis->stride + int64_max(lead, trail), vector);
    layout.row = layout.part * axis->stride;
    layout.band = band_rows(&layout, most);
    layout.plane = layout.lead + rows_read(&layout.rows, layout.band) * layout.row;
    return layout;
}

static int64_t slack(int vector)
{
    return 2 * (int64_t)vector;
}

int64_t depthwise_scratch_floats(const struct depthwise_axis *rows, const struct depthwise_axis *columns, int vector,
                                 int64_t together)
{
    int64_t places = columns->targets + (columns->reach - 1) / columns->stride + 2;
    int64_t row = (int64_round_up(places, vector) + vector) * columns->stride;
    int64_t band = rows_read(rows, int64_min(DEPTHWISE_ROWS, rows->targets)) * row,
            lead = int64_round_up(columns->reach, vector);
    return memory_aligned_floats(int64_max(together * (lead + band), lead + DEPTHWISE_CACHE_FLOATS) + slack(vector));
}

int64_t depthwise_square(const struct convolution *convolution)
{
    int64_t side = convolution->kernel[1];
    bool square = side == convolution->kernel[2] && convolution->dilation[1] == 1;
    return square && (side == 3 || side == 5 || side == 7) ? side : 0;
}

int32_t depthwise_offset(const struct depthwise_layout *layout, int64_t row, int64_t column)
{
    const struct depthwise_axis *axis = &layout->columns;
    int64_t place = axis->origin - axis->begin + column, index = floor_division(place, axis->stride);
    return (int32_t)(layout->lead + row * layout->row + (place - index * axis->stride) * layout->part + index);
}

void depthwise_offsets(const struct depthwise_layout *layout, const struct convolution *convolution, int32_t *offsets)
{
    for (int64_t y = 0; y < convolution->kernel[1]; y++) {
        for (int64_t x = 0; x < convolution->kernel[2]; x++)
            *offsets++ = depthwise_offset(layout, y * convolution->dilation[1], x * convolution->dilation[2]);
    }
}

int64_t depthwise_spread_floats(const struct depthwise_layout *layout, int vector, int64_t planes)
{
    return memory_aligned_floats(planes * layout->plane + slack(vector));
}

void depthwise_clear(const struct depthwise_layout *layout, int vector, int64_t planes, float *to)
{
    memset(to, 0, (size_t)depthwise_spread_floats(layout, vector, planes) * sizeof *to);
}

void depthwise_spread_band(const struct depthwise_layout *layout, const struct depthwise_kernel *kernel,
                           const float *source, int64_t plane, int64_t width, int64_t planes, int64_t first, float *to)
{
    const struct depthwise_axis *rows = &layout->rows, *columns = &layout->columns;
    int64_t top = rows->origin + first * rows->stride, count = int64_min(layout->band, rows->targets - first);
    int64_t begin = int64_max(top, rows->begin), end = int64_min(top + rows_read(rows, count), rows->end);
    struct depthwise_spread spread = {.from = source + begin * width + columns->begin,
                                      .planes = planes,
                                      .from_plane = plane,
                                      .from_row = width,
                                      .rows = end - begin,
                                      .stride = columns->stride,
                                      .count = columns->end - columns->begin,
                                      .to = to + layout->lead + (begin - top) * layout->row,
                                      .to_plane = layout->plane,
                                      .to_row = layout->row,
                                      .phase = layout->part};
    if (spread.rows > 0 && spread.count > 0)
        kernel->spread(&spread);
}
