/* Profiles of effective receptive fields: the values along a line through the centre. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "report/erf_view.h"

/* Told apart with every kind of colour blindness (Okabe and Ito, 2008). */
static const struct colour colours[ERF_MOST_CURVES] = {{0, 114, 178},  {213, 94, 0},  {0, 158, 115}, {204, 121, 167},
                                                       {86, 180, 233}, {230, 159, 0}, {0, 0, 0},     {120, 120, 60}};

/* Pixel i of the line, its offset from the centre in *offset. */
static double value_at(const struct erf_curve *curve, int64_t i, double *offset)
{
    const struct fovea_erf *erf = curve->erf;
    int64_t y = (int64_t)floor(erf->centre[0]), x = (int64_t)floor(erf->centre[1]);
    y = y < 0 ? 0 : y >= erf->height ? erf->height - 1 : y;
    x = x < 0 ? 0 : x >= erf->width ? erf->width - 1 : x;
    *offset = (double)i - erf->centre[curve->down ? 0 : 1];
    return (double)(curve->down ? erf->map[i * erf->width + x] : erf->map[y * erf->width + i]);
}

static void draw_curve(struct canvas *canvas, const struct erf_profile *profile, int number, const struct plot *plot)
{
    const struct erf_curve *curve = &profile->curves[number];
    const struct pen pen = {colours[number], 0.9, 0, 1};
    struct memory *memory = canvas_memory(canvas);
    int64_t length = curve->down ? curve->erf->height : curve->erf->width;
    double(*points)[2] = memory_allocate(memory, (size_t)length, sizeof *points, canvas_error(canvas));
    int count = 0;
    for (int64_t i = 0; points && i < length; i++) {
        double offset, share = value_at(curve, i, &offset) / (curve->erf->max > 0 ? curve->erf->max : 1);
        if (fabs(offset) > profile->reach + 1)
            continue;
        points[count][0] = plot_x(plot, offset);
        points[count++][1] = plot_y(plot, profile->logarithmic ? fmax(-ERF_LOG_DECADES, log10(share)) : share);
    }
    canvas_clip(canvas, plot->area);
    if (points)
        canvas_path(canvas, (const double(*)[2])points, count, &pen);
    canvas_unclip(canvas);
    memory_release(memory, points);
}

/* A line and a name for each, in as many lines of text as they need; returns their height. */
static double draw_key(struct canvas *canvas, const struct erf_profile *profile, double x, double y, double width)
{
    const double line = TEXT_LINE * figure_label.size, dash = 12, gap = 10;
    double at = x, height = line;
    for (int i = 0; i < profile->count; i++) {
        const struct pen pen = {colours[i], 1.2, 0, 1};
        double needed = dash + 3 + canvas_text_width(canvas, &figure_label, profile->curves[i].name);
        if (at > x && at + needed > x + width) {
            at = x;
            height += line;
        }
        double base = y + height - line + figure_label.size;
        canvas_line(canvas, at, base - 0.3 * figure_label.size, at + dash, base - 0.3 * figure_label.size, &pen);
        canvas_text(canvas, at + dash + 3, base, TEXT_START, &figure_label, profile->curves[i].name);
        at += needed + gap;
    }
    return height + 2;
}

/* Numbers on the left: shares, or powers of ten. */
static void draw_scale(struct canvas *canvas, const struct erf_profile *profile, const struct plot *plot)
{
    static const char *const powers[ERF_LOG_DECADES + 1] = {"1", "0.1", "0.01", "0.001", "1e-4"};
    static const char *const shares[] = {"0", "0.5", "1"};
    const struct pen pen = {figure_ink, 0.6, 0, 1}, grid = {{205, 205, 205}, 0.4, 0, 1};
    int count = profile->logarithmic ? ERF_LOG_DECADES + 1 : 3;
    for (int i = 0; i < count; i++) {
        double y = plot_y(plot, profile->logarithmic ? -i : i / 2.0), left = plot->area.x;
        canvas_line(canvas, left, y, left + plot->area.width, y, &grid);
        canvas_line(canvas, left - 2.6, y, left, y, &pen);
        canvas_text(canvas, left - 5, y + TEXT_CAPITAL * figure_label.size / 2, TEXT_END, &figure_label,
                    profile->logarithmic ? powers[i] : shares[i]);
    }
}

double erf_profile_draw(struct canvas *canvas, const struct erf_profile *profile, double x, double y, double width,
                        double height)
{
    double key = draw_key(canvas, profile, x, y, width);
    struct plot plot = {{x, y + key, width, height},
                        -profile->reach,
                        profile->reach,
                        profile->logarithmic ? 0 : 1.02,
                        profile->logarithmic ? -ERF_LOG_DECADES : 0,
                        true};
    draw_scale(canvas, profile, &plot);
    for (int i = profile->count; i-- > 0;)
        draw_curve(canvas, profile, i, &plot);
    plot_axis_below(canvas, &plot, &figure_label);
    double below = y + key + height + plot_axes_below(&figure_label) + TEXT_LINE * figure_label.size;
    canvas_text(canvas, x + width / 2, below, TEXT_MIDDLE, &figure_label,
                "pixels from the centre; share of the maximum");
    return below - y;
}
