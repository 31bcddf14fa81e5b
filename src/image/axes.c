#include "image/axes.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "image/ticks.h"

#define FRAME 0.6 /* points of the frame's line */
#define TICK 2.6  /* points of a tick */
#define GAP 2.4   /* points between tick and number */

struct plot plot_of_map(struct box area, int64_t height, int64_t width, double top, double left)
{
    return (struct plot){area, left - 0.5, left + (double)width - 0.5, top - 0.5, top + (double)height - 0.5, true};
}

double plot_x(const struct plot *plot, double x)
{
    return plot->area.x + (x - plot->left) / (plot->right - plot->left) * plot->area.width;
}

double plot_y(const struct plot *plot, double y)
{
    return plot->area.y + (y - plot->top) / (plot->bottom - plot->top) * plot->area.height;
}

/* ---- axes ---- */

struct tick_row {
    int count;
    double values[MAX_TICKS];
    char texts[MAX_TICKS][TICK_TEXT_SIZE];
};

static struct tick_row make_ticks(double low, double high, int most, bool whole)
{
    struct tick_row row = {.count = nice_ticks(fmin(low, high), fmax(low, high), most, whole, row.values)};
    double step = row.count > 1 ? row.values[1] - row.values[0] : 0;
    double largest = row.count > 0 ? fmax(fabs(row.values[0]), fabs(row.values[row.count - 1])) : 0;
    for (int i = 0; i < row.count; i++)
        tick_text(row.values[i], step, largest, row.texts[i]);
    return row;
}

static double widest(struct canvas *canvas, const struct tick_row *row, const struct text_style *style)
{
    double width = 0;
    for (int i = 0; i < row->count; i++)
        width = fmax(width, canvas_text_width(canvas, style, row->texts[i]));
    return width;
}

/* As many ticks as leave room between labels that take `label`. */
static int ticks_that_fit(double length, double label)
{
    return (int)fmin(8, length / label);
}

static struct tick_row x_ticks(const struct plot *plot, const struct text_style *style)
{
    const double label = 4 * style->size; /* of four digits and a gap */
    return make_ticks(plot->left, plot->right, ticks_that_fit(plot->area.width, label), plot->whole);
}

static struct tick_row y_ticks(const struct plot *plot, const struct text_style *style)
{
    return make_ticks(plot->top, plot->bottom, ticks_that_fit(plot->area.height, 2 * style->size), plot->whole);
}

double plot_axes_left(struct canvas *canvas, const struct plot *plot, const struct text_style *style)
{
    struct tick_row row = y_ticks(plot, style);
    return TICK + GAP + widest(canvas, &row, style);
}

double plot_axes_below(const struct text_style *style)
{
    return TICK + GAP + TEXT_CAPITAL * style->size;
}

static double half_capital(const struct text_style *style)
{
    return TEXT_CAPITAL * style->size / 2;
}

void plot_axis_below(struct canvas *canvas, const struct plot *plot, const struct text_style *style)
{
    const struct pen pen = {style->colour, FRAME, 0, 1};
    double bottom = plot->area.y + plot->area.height;
    struct tick_row row = x_ticks(plot, style);
    canvas_rectangle(canvas, plot->area, &pen);
    for (int i = 0; i < row.count; i++) {
        double x = plot_x(plot, row.values[i]);
        canvas_line(canvas, x, bottom, x, bottom + TICK, &pen);
        canvas_text(canvas, x, bottom + plot_axes_below(style), TEXT_MIDDLE, style, row.texts[i]);
    }
}

void plot_axes(struct canvas *canvas, const struct plot *plot, const struct text_style *style)
{
    const struct pen pen = {style->colour, FRAME, 0, 1};
    double left = plot->area.x;
    struct tick_row row = y_ticks(plot, style);
    plot_axis_below(canvas, plot, style);
    for (int i = 0; i < row.count; i++) {
        double y = plot_y(plot, row.values[i]);
        canvas_line(canvas, left - TICK, y, left, y, &pen);
        canvas_text(canvas, left - TICK - GAP, y + half_capital(style), TEXT_END, style, row.texts[i]);
    }
}

/* ---- colour bar ---- */

static void write_power(double exponent, char out[TICK_TEXT_SIZE])
{
    if (exponent >= -3 && exponent <= 3)
        text_format(out, TICK_TEXT_SIZE, "%g", pow(10, exponent));
    else
        snprintf(out, TICK_TEXT_SIZE, "1e%d", (int)exponent);
}

/* The ticks without their exponent, which stands behind the quantity's name. */
static struct tick_row bar_ticks(const struct colour_bar *bar, const struct text_style *style, int *exponent)
{
    int most = ticks_that_fit(bar->area.height, 2 * style->size);
    *exponent = bar->quantity && !bar->powers ? tick_exponent(fmax(fabs(bar->low), fabs(bar->high))) : 0;
    double unit = pow(10, *exponent);
    struct tick_row row = make_ticks(bar->low / unit, bar->high / unit, most, bar->powers);
    for (int i = 0; i < row.count && bar->powers; i++)
        write_power(row.values[i], row.texts[i]);
    return row;
}

double plot_colour_bar_right(struct canvas *canvas, const struct colour_bar *bar, const struct text_style *style)
{
    int exponent;
    struct tick_row row = bar_ticks(bar, style, &exponent);
    return TICK + GAP + widest(canvas, &row, style) + (bar->quantity ? TEXT_LINE * style->size : 0);
}

void plot_colour_bar(struct canvas *canvas, const struct colour_bar *bar, const struct text_style *style)
{
    const struct pen pen = {style->colour, FRAME, 0, 1};
    const struct box *area = &bar->area;
    double right = area->x + area->width, labels = right + TICK + GAP;
    int exponent;
    struct tick_row row = bar_ticks(bar, style, &exponent);
    double unit = pow(10, exponent);
    struct plot plot = {*area, 0, 1, bar->high / unit, bar->low / unit, false};
    canvas_gradient(canvas, *area, bar->colormap);
    canvas_rectangle(canvas, *area, &pen);
    for (int i = 0; i < row.count; i++) {
        double y = bar->high > bar->low ? plot_y(&plot, row.values[i]) : area->y + area->height;
        canvas_line(canvas, right, y, right + TICK, y, &pen);
        canvas_text(canvas, labels, y + half_capital(style), TEXT_START, style, row.texts[i]);
    }
    if (bar->quantity) {
        char text[160];
        snprintf(text, sizeof text, exponent ? "%s, 1e%d" : "%s", bar->quantity, exponent);
        canvas_text_up(canvas, labels + widest(canvas, &row, style) + TEXT_LINE * style->size,
                       area->y + area->height / 2, TEXT_MIDDLE, style, text);
    }
}
