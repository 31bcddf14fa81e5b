#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "image/picture.h"

/* ---- round numbers ---- */

/* The smallest of 1, 2, 5 times a power of ten that is at least `step`. */
static double round_up_step(double step)
{
    double power = pow(10, floor(log10(step)));
    for (int i = 0; i < 3; i++) {
        static const double factors[] = {1, 2, 5};
        if (factors[i] * power >= step * (1 - 1e-9))
            return factors[i] * power;
    }
    return 10 * power;
}

int nice_ticks(double low, double high, int most, bool whole, double ticks[MAX_TICKS])
{
    most = most < 2 ? 2 : most > MAX_TICKS ? MAX_TICKS : most;
    if (!isfinite(low) || !isfinite(high) || !isfinite(high - low))
        return 0;
    ticks[0] = low;
    /* Below this the numbers could not be told apart, or the step is no normal number. */
    if (!(high - low > 1e-9 * fmax(fabs(low), fabs(high))) || high - low < 1e-300)
        return 1;
    double step = round_up_step((high - low) / most);
    step = whole && step < 1 ? 1 : step;
    for (int attempt = 0; attempt < 4; attempt++) {
        double first = ceil(low / step - 1e-6), last = floor(high / step + 1e-6);
        if (last - first + 1 <= most) {
            int count = last >= first ? (int)(last - first) + 1 : 0;
            for (int i = 0; i < count; i++)
                ticks[i] = (first + i) * step;
            return count;
        }
        step = round_up_step(step * 1.5);
    }
    return 1;
}

int tick_exponent(double largest)
{
    bool plain = !(largest > 0) || !isfinite(largest) || (largest >= 1e-3 && largest < 1e6);
    return plain ? 0 : (int)floor(log10(largest) + 1e-9);
}

const char *tick_text(double value, double step, double largest, char out[TICK_TEXT_SIZE])
{
    largest = fmax(fmax(fabs(largest), fabs(value)), fabs(step));
    if (!(fabs(value) > 1e-6 * fabs(step)))
        return memcpy(out, "0", 2);
    int of_largest = (int)floor(log10(largest) + 1e-9);
    int of_step = step > 0 ? (int)floor(log10(step) + 1e-9) : of_largest - 3;
    int exponent = tick_exponent(largest), decimals = exponent - of_step;
    decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
    int length = text_format(out, TICK_TEXT_SIZE, "%.*f", decimals, exponent ? value / pow(10, exponent) : value);
    if (exponent && length < TICK_TEXT_SIZE)
        snprintf(out + length, (size_t)(TICK_TEXT_SIZE - length), "e%d", exponent);
    return out;
}

/* ---- axes ---- */

struct tick_row {
    int count;
    double values[MAX_TICKS];
    char texts[MAX_TICKS][TICK_TEXT_SIZE];
    int widest; /* pixels */
};

static struct tick_row make_ticks(double low, double high, int most, bool whole, int scale)
{
    struct tick_row row = {0};
    row.count = nice_ticks(low, high, most, whole, row.values);
    double step = row.count > 1 ? row.values[1] - row.values[0] : 0;
    double largest = row.count > 0 ? fmax(fabs(row.values[0]), fabs(row.values[row.count - 1])) : 0;
    for (int i = 0; i < row.count; i++) {
        tick_text(row.values[i], step, largest, row.texts[i]);
        int width = text_width(row.texts[i], scale);
        row.widest = width > row.widest ? width : row.widest;
    }
    return row;
}

static int tick_length(int scale)
{
    return 3 * scale;
}

static int gap_behind_tick(int scale)
{
    return 3 * scale;
}

/* As many ticks as leave room between labels that take `label` pixels. */
static int ticks_that_fit(int length, int label)
{
    int most = length / label;
    return most < 8 ? most : 8;
}

static struct tick_row x_ticks(const struct plot *plot, int scale)
{
    int label = text_width("00000", scale) + 4 * scale;
    return make_ticks(plot->left, plot->right, ticks_that_fit(plot->area.width, label), true, scale);
}

static struct tick_row y_ticks(const struct plot *plot, int scale)
{
    return make_ticks(plot->top, plot->bottom, ticks_that_fit(plot->area.height, 2 * FONT_HEIGHT * scale), true, scale);
}

int picture_axes_left(const struct plot *plot, int scale)
{
    return scale + tick_length(scale) + gap_behind_tick(scale) + y_ticks(plot, scale).widest;
}

int picture_axes_below(int scale)
{
    return scale + tick_length(scale) + gap_behind_tick(scale) + FONT_ASCENT * scale;
}

/* The outline outside the area. */
static void draw_frame(struct image *image, struct rectangle area, int width, struct colour colour)
{
    struct rectangle across = {area.x - width, area.y - width, area.width + 2 * width, width};
    struct rectangle down = {area.x - width, area.y, width, area.height};
    draw_fill(image, across, colour, 1);
    draw_fill(image, down, colour, 1);
    across.y = area.y + area.height;
    down.x = area.x + area.width;
    draw_fill(image, across, colour, 1);
    draw_fill(image, down, colour, 1);
}

void picture_axes(struct image *image, const struct plot *plot, const struct label_style *style)
{
    const struct rectangle *area = &plot->area;
    int scale = style->scale, tick = tick_length(scale), gap = gap_behind_tick(scale);
    int below = area->y + area->height + scale, left = area->x - scale;
    struct tick_row row = x_ticks(plot, scale);
    draw_frame(image, *area, scale, style->colour);
    for (int i = 0; i < row.count; i++) {
        int x = (int)floor(plot_x(plot, row.values[i]) - scale / 2.0 + 0.5);
        draw_fill(image, (struct rectangle){x, below, scale, tick}, style->colour, 1);
        draw_text(image, x + scale / 2 - text_width(row.texts[i], scale) / 2, below + tick + gap, row.texts[i], scale,
                  TEXT_RIGHT, style->colour);
    }
    row = y_ticks(plot, scale);
    for (int i = 0; i < row.count; i++) {
        int y = (int)floor(plot_y(plot, row.values[i]) - scale / 2.0 + 0.5);
        draw_fill(image, (struct rectangle){left - tick, y, tick, scale}, style->colour, 1);
        draw_text(image, left - tick - gap - text_width(row.texts[i], scale), y - FONT_ASCENT / 2 * scale, row.texts[i],
                  scale, TEXT_RIGHT, style->colour);
    }
}

/* ---- colour bar ---- */

/* The ticks without their exponent, which stands behind the quantity's name. */
static struct tick_row bar_ticks(const struct colour_bar *bar, int scale, int *exponent)
{
    int most = ticks_that_fit(bar->area.height, 2 * FONT_HEIGHT * scale);
    *exponent = bar->quantity ? tick_exponent(fmax(fabs(bar->low), fabs(bar->high))) : 0;
    double unit = pow(10, *exponent);
    return make_ticks(bar->low / unit, bar->high / unit, most, false, scale);
}

static int gap_of_quantity(int scale)
{
    return 6 * scale;
}

int picture_colour_bar_right(const struct colour_bar *bar, int scale)
{
    int exponent, width = bar_ticks(bar, scale, &exponent).widest;
    width += bar->quantity ? gap_of_quantity(scale) + FONT_HEIGHT * scale : 0;
    return scale + tick_length(scale) + gap_behind_tick(scale) + width;
}

static void draw_quantity(struct image *image, const struct colour_bar *bar, int x, int exponent,
                          const struct label_style *style)
{
    char text[128];
    if (exponent)
        snprintf(text, sizeof text, "%s, 1e%d", bar->quantity, exponent);
    else
        snprintf(text, sizeof text, "%s", bar->quantity);
    int y = bar->area.y + (bar->area.height + text_width(text, style->scale)) / 2;
    draw_text(image, x, y, text, style->scale, TEXT_UP, style->colour);
}

void picture_colour_bar(struct image *image, const struct colour_bar *bar, const struct label_style *style)
{
    const struct rectangle *area = &bar->area;
    int scale = style->scale, right = area->x + area->width + scale, exponent;
    int labels = right + tick_length(scale) + gap_behind_tick(scale);
    for (int y = 0; y < area->height; y++) {
        double position = 1 - (y + 0.5) / area->height;
        draw_fill(image, (struct rectangle){area->x, area->y + y, area->width, 1},
                  colormap_colour(bar->colormap, position), 1);
    }
    draw_frame(image, *area, scale, style->colour);
    struct tick_row row = bar_ticks(bar, scale, &exponent);
    double unit = pow(10, exponent);
    struct plot plot = {*area, 0, 1, bar->high / unit, bar->low / unit};
    for (int i = 0; i < row.count; i++) {
        double place = bar->high > bar->low ? plot_y(&plot, row.values[i]) : area->y + area->height;
        int y = (int)floor(place - scale / 2.0 + 0.5);
        draw_fill(image, (struct rectangle){right, y, tick_length(scale), scale}, style->colour, 1);
        draw_text(image, labels, y - FONT_ASCENT / 2 * scale, row.texts[i], scale, TEXT_RIGHT, style->colour);
    }
    if (bar->quantity)
        draw_quantity(image, bar, labels + row.widest + gap_of_quantity(scale), exponent, style);
}
