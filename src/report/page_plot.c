#include "report/page_plot.h"

#include <math.h>

#include "image/ticks.h"

/* In the units of the view box. */
enum { WIDTH = 420, HEIGHT = 250, LEFT = 60, RIGHT = 14, TOP = 12, BOTTOM = 42, TICKS = 6 };

struct axes {
    double low[2], high[2]; /* x (its logarithm where that is asked for), y */
    bool logarithmic;
};

void plot_series_add(struct plot_series *series, double x, double y, double low, double high)
{
    if (series->count == PLOT_POINTS || !isfinite(x) || !isfinite(y))
        return;
    bool band = isfinite(low) && isfinite(high);
    series->x[series->count] = x;
    series->y[series->count] = y;
    series->low[series->count] = band ? fmin(low, y) : (double)NAN;
    series->high[series->count++] = band ? fmax(high, y) : (double)NAN;
    series->has_band = series->has_band || band;
}

/* Of the band, the curve itself where there is none. */
static double low_of(const struct plot_series *series, size_t i)
{
    return isfinite(series->low[i]) ? series->low[i] : series->y[i];
}

static double high_of(const struct plot_series *series, size_t i)
{
    return isfinite(series->high[i]) ? series->high[i] : series->y[i];
}

static double along(const struct axes *axes, double x)
{
    return axes->logarithmic ? log10(x) : x;
}

static double at_x(const struct axes *axes, double x)
{
    double part = (along(axes, x) - axes->low[0]) / (axes->high[0] - axes->low[0]);
    return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct axes *axes, double y)
{
    double part = (y - axes->low[1]) / (axes->high[1] - axes->low[1]);
    return HEIGHT - BOTTOM - fmin(1.02, fmax(-0.02, part)) * (HEIGHT - TOP - BOTTOM);
}

static void reach(struct axes *axes, int axis, double low, double high)
{
    axes->low[axis] = fmin(axes->low[axis], low);
    axes->high[axis] = fmax(axes->high[axis], high);
}

/* An empty range is opened, so that nothing is divided by zero. */
static void open_range(struct axes *axes, int axis)
{
    double width = axes->high[axis] - axes->low[axis];
    double around = fmax(fabs(axes->low[axis]), 1e-12);
    if (!(width > 1e-9 * around)) {
        axes->low[axis] -= 0.5 * around;
        axes->high[axis] += 0.5 * around;
    }
}

/* As much of 0 to 1 as shows how the curves differ, and a little around it. */
static void open_shares(struct axes *axes)
{
    const double least = 0.01;
    double width = fmax(axes->high[1] - axes->low[1], least), around = 0.06 * width;
    double more = fmax(0, width - (axes->high[1] - axes->low[1])) / 2;
    axes->low[1] = fmax(0, axes->low[1] - around - more);
    axes->high[1] = fmin(1, axes->high[1] + around + more);
}

static struct axes find_axes(const struct page_plot *plot)
{
    struct axes axes = {{HUGE_VAL, HUGE_VAL}, {-HUGE_VAL, -HUGE_VAL}, plot->logarithmic};
    for (int s = 0; s < plot->count; s++) {
        for (size_t i = 0; i < plot->series[s].count; i++)
            axes.logarithmic = axes.logarithmic && plot->series[s].x[i] > 0;
    }
    for (int s = 0; s < plot->count; s++) {
        const struct plot_series *series = &plot->series[s];
        for (size_t i = 0; i < series->count; i++) {
            reach(&axes, 0, along(&axes, series->x[i]), along(&axes, series->x[i]));
            reach(&axes, 1, low_of(series, i), high_of(series, i));
        }
    }
    if (plot->shares)
        open_shares(&axes);
    if (isfinite(plot->present) && (!axes.logarithmic || plot->present > 0))
        reach(&axes, 0, along(&axes, plot->present), along(&axes, plot->present));
    open_range(&axes, 0);
    open_range(&axes, 1);
    return axes;
}

/* ---- drawing ---- */

static void write_tick(struct page *page, double x)
{
    page_html(page, "<line class=tick x1=%.1f x2=%.1f y1=%d y2=%d />", x, x, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 4);
    page_html(page, "<text class=middle x=%.1f y=%d>", x, HEIGHT - BOTTOM + 17);
}

/* 1, 2 and 5 times the powers of ten; over many decades the powers alone. */
static void write_logarithmic_ticks(struct page *page, const struct axes *axes)
{
    static const double steps[] = {1, 2, 5};
    double decades = axes->high[0] - axes->low[0];
    int every = decades > 8 ? 3 : 1, first = (int)floor(fmax(-300, axes->low[0]));
    for (int power = first; power <= fmin(300, axes->high[0]); power += every) {
        for (int i = 0; i < (decades > 2.5 ? 1 : 3); i++) {
            double x = steps[i] * pow(10, power);
            if (log10(x) < axes->low[0] - 1e-9 || log10(x) > axes->high[0] + 1e-9)
                continue;
            write_tick(page, at_x(axes, x));
            page_html(page, "%.4g</text>", x);
        }
    }
}

static void write_ticks(struct page *page, const struct axes *axes, bool whole)
{
    double ticks[MAX_TICKS], largest = fmax(fabs(axes->low[0]), fabs(axes->high[0]));
    char text[TICK_TEXT_SIZE];
    int count = axes->logarithmic ? 0 : nice_ticks(axes->low[0], axes->high[0], TICKS, whole, ticks);
    for (int i = 0; i < count; i++) {
        write_tick(page, at_x(axes, ticks[i]));
        page_html(page, "%s</text>", tick_text(ticks[i], count > 1 ? ticks[1] - ticks[0] : 0, largest, text));
    }
    if (axes->logarithmic)
        write_logarithmic_ticks(page, axes);
}

static void write_grid(struct page *page, const struct axes *axes, bool shares, bool whole)
{
    double ticks[MAX_TICKS], largest = fmax(fabs(axes->low[1]), fabs(axes->high[1]));
    char text[TICK_TEXT_SIZE];
    int count = nice_ticks(axes->low[1], axes->high[1], TICKS, false, ticks);
    for (int i = 0; i < count; i++) {
        double y = at_y(axes, ticks[i]), step = count > 1 ? ticks[1] - ticks[0] : 0;
        page_html(page, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f />", LEFT, WIDTH - RIGHT, y, y);
        page_html(page, "<text class=end x=%d y=%.1f>%s%s</text>", LEFT - 6, y + 4,
                  shares ? tick_text(100 * ticks[i], 100 * step, 100, text) : tick_text(ticks[i], step, largest, text),
                  shares ? "%" : "");
    }
    write_ticks(page, axes, whole);
}

static void write_band(struct page *page, const struct axes *axes, const struct plot_series *series)
{
    if (!series->has_band)
        return;
    page_html(page, "<polygon class=band points=\"");
    for (size_t i = 0; i < series->count; i++)
        page_html(page, "%.1f,%.1f ", at_x(axes, series->x[i]), at_y(axes, high_of(series, i)));
    for (size_t i = series->count; i-- > 0;)
        page_html(page, "%.1f,%.1f ", at_x(axes, series->x[i]), at_y(axes, low_of(series, i)));
    page_html(page, "\"/>");
}

static void write_series(struct page *page, const struct axes *axes, const struct plot_series *series, int number)
{
    write_band(page, axes, series);
    page_html(page, "<polyline class=\"line line%d\" points=\"", number);
    for (size_t i = 0; i < series->count; i++)
        page_html(page, "%.1f,%.1f ", at_x(axes, series->x[i]), at_y(axes, series->y[i]));
    page_html(page, "\"/>");
    for (size_t i = 0; i < series->count && series->count <= 24; i++)
        page_html(page, "<circle class=\"dot dot%d\" cx=%.1f cy=%.1f r=2.6 />", number, at_x(axes, series->x[i]),
                  at_y(axes, series->y[i]));
}

static void write_present(struct page *page, const struct page_plot *plot, const struct axes *axes)
{
    if (!isfinite(plot->present) || (axes->logarithmic && plot->present <= 0))
        return;
    double x = at_x(axes, plot->present);
    bool right = x < (LEFT + WIDTH) / 2.0;
    page_html(page, "<line class=present x1=%.1f x2=%.1f y1=%d y2=%d />", x, x, TOP, HEIGHT - BOTTOM);
    page_html(page, "<text class=\"mark%s\" x=%.1f y=%d>", right ? "" : " end", x + (right ? 5 : -5), TOP + 10);
    page_text(page, plot->mark ? plot->mark : "now", 24);
    page_html(page, "</text>");
}

static void write_numbers(struct page *page, const struct page_plot *plot)
{
    page_html(page, "<details><summary>numbers</summary>");
    page_table_start(page, "The curve's points", plot->count > 1 ? "curve|#x|#y|#low|#high" : "#x|#y|#low|#high");
    for (int s = 0; s < plot->count; s++) {
        const struct plot_series *series = &plot->series[s];
        for (size_t i = 0; i < series->count; i++) {
            page_html(page, "<tr>");
            if (plot->count > 1)
                page_tagged(page, "td", series->name, PAGE_NAME);
            page_html(page, "<td class=n>%.4g</td><td class=n>%.4g</td><td class=n>", series->x[i], series->y[i]);
            page_number(page, series->low[i]);
            page_html(page, "</td><td class=n>");
            page_number(page, series->high[i]);
            page_html(page, "</td></tr>\n");
        }
    }
    page_table_end(page);
    page_html(page, "</details>");
}

static bool has_band(const struct page_plot *plot)
{
    for (int s = 0; s < plot->count; s++) {
        if (plot->series[s].has_band)
            return true;
    }
    return false;
}

static void write_caption(struct page *page, const struct page_plot *plot)
{
    page_html(page, "<figcaption><b>");
    page_text(page, plot->title, PAGE_NAME);
    page_html(page, "</b>");
    for (int s = 0; s < plot->count && plot->count > 1; s++) {
        page_html(page,
                  " <span class=key><svg viewBox=\"0 0 24 8\" aria-hidden=true><line class=\"line line%d\" x1=1 "
                  "x2=23 y1=4 y2=4 /></svg> ",
                  s);
        page_text(page, plot->series[s].name, PAGE_NAME);
        page_html(page, "</span>");
    }
    if (plot->band && has_band(plot)) {
        page_html(page, " <small>band: ");
        page_text(page, plot->band, PAGE_NAME);
        page_html(page, "</small>");
    }
    page_html(page, "</figcaption>");
}

void page_plot(struct page *page, const struct page_plot *plot)
{
    size_t points = 0;
    for (int s = 0; s < plot->count; s++)
        points += plot->series[s].count;
    if (points == 0)
        return;
    struct axes axes = find_axes(plot);
    page_html(page, "<figure class=plot>");
    write_caption(page, plot);
    page_html(page, "<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"", WIDTH, HEIGHT);
    page_text(page, plot->title, PAGE_NAME);
    page_html(page, ": ");
    page_text(page, plot->y_name, PAGE_NAME);
    page_html(page, " over ");
    page_text(page, plot->x_name, PAGE_NAME);
    page_html(page, "; the numbers follow as a table\">");
    write_grid(page, &axes, plot->shares, plot->whole);
    page_html(page, "<line class=axis x1=%d x2=%d y1=%d y2=%d />", LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM,
              HEIGHT - BOTTOM);
    for (int s = plot->count; s-- > 0;)
        write_series(page, &axes, &plot->series[s], s);
    write_present(page, plot, &axes);
    page_html(page, "<text class=\"middle name\" x=%d y=%d>", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
    page_text(page, plot->x_name, 48);
    page_html(page, "</text><text class=\"middle name\" transform=\"translate(12 %d) rotate(-90)\">",
              (TOP + HEIGHT - BOTTOM) / 2);
    page_text(page, plot->y_name, 40);
    page_html(page, "</text></svg>");
    write_numbers(page, plot);
    page_html(page, "</figure>\n");
}
