/* Several effective receptive fields in one figure, on one scale. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "report/erf_view.h"

#define USUAL_INCHES 7.2
#define MOST_COLUMNS 4
#define PROFILE_HEIGHT 80.0
#define COMMON_LINES 2 /* of text above a panel */

struct drawing {
    const struct fovea_erf_panel *panels;
    int count;
    const struct fovea_figure_options *options;
    bool logarithmic;
    struct map_window window; /* that all show; without a size each shows its whole */
};

static bool same_size(const struct drawing *drawing)
{
    for (int i = 1; i < drawing->count; i++) {
        if (drawing->panels[i].erf->height != drawing->panels[0].erf->height ||
            drawing->panels[i].erf->width != drawing->panels[0].erf->width)
            return false;
    }
    return true;
}

/* The part that holds every field's. */
static struct map_window common_window(const struct drawing *drawing)
{
    struct map_window all = erf_window(drawing->panels[0].erf, drawing->logarithmic);
    for (int i = 1; i < drawing->count && same_size(drawing); i++) {
        struct map_window one = erf_window(drawing->panels[i].erf, drawing->logarithmic);
        int64_t bottom = all.y + all.height > one.y + one.height ? all.y + all.height : one.y + one.height;
        int64_t right = all.x + all.width > one.x + one.width ? all.x + all.width : one.x + one.width;
        all.y = one.y < all.y ? one.y : all.y;
        all.x = one.x < all.x ? one.x : all.x;
        all.height = bottom - all.y;
        all.width = right - all.x;
    }
    return same_size(drawing) ? all : (struct map_window){0};
}

/* What the colours' end stands for: each field's own maximum, or what is asked for. */
static double unit_of(const struct drawing *drawing, const struct fovea_erf *erf)
{
    return drawing->options->highest > 0 ? drawing->options->highest : erf->max > 0 ? erf->max : 1;
}

static void draw_map(struct canvas *canvas, const struct drawing *drawing, const struct fovea_erf *erf, struct box box)
{
    float *values =
        erf_shares(canvas_memory(canvas), erf, unit_of(drawing, erf), drawing->logarithmic, canvas_error(canvas));
    const struct map_view view = {.values = values,
                                  .height = erf->height,
                                  .width = erf->width,
                                  .window = drawing->window,
                                  .low = drawing->logarithmic ? -ERF_LOG_DECADES : 0,
                                  .high = drawing->logarithmic ? 0 : 1,
                                  .colormap = figure_colormap(drawing->options, FOVEA_COLORMAP_LAGOON),
                                  .marks = erf_marks,
                                  .user = erf};
    if (values) {
        struct plot plot = map_view_draw(canvas, &view, box);
        plot_axes(canvas, &plot, &figure_label);
    }
    memory_release(canvas_memory(canvas), values);
}

/* Name and target above; returns where the map begins. */
static double draw_name(struct canvas *canvas, const struct fovea_erf_panel *panel, struct box box)
{
    const struct text_style name = {figure_label.size, figure_ink, true};
    char target[512];
    snprintf(target, sizeof target, "%s", panel->erf->target ? panel->erf->target : "");
    canvas_paragraph(canvas, box.x, box.y, box.width, 1, &name, panel->name ? panel->name : "");
    canvas_paragraph(canvas, box.x, box.y + TEXT_LINE * name.size, box.width, 1, &figure_note, target);
    return box.y + COMMON_LINES * TEXT_LINE * name.size + 2;
}

static struct box fit_map(const struct drawing *drawing, const struct fovea_erf *erf, struct box cell)
{
    bool part = drawing->window.height > 0;
    double height = (double)(part ? drawing->window.height : erf->height);
    double width = (double)(part ? drawing->window.width : erf->width);
    double scale = fmin(cell.width / width, cell.height / height);
    return (struct box){cell.x, cell.y, width * scale, height * scale};
}

/* The maps in rows, the colour bar beside the first; returns where they end. */
static double draw_maps(struct canvas *canvas, const struct drawing *drawing, double x, double y, double width)
{
    int columns = drawing->count < MOST_COLUMNS ? drawing->count : drawing->count % 3 == 0 ? 3 : MOST_COLUMNS;
    bool given = drawing->options->highest > 0;
    struct colour_bar bar = {{0, 0, FIGURE_BAR, 100},
                             figure_colormap(drawing->options, FOVEA_COLORMAP_LAGOON),
                             drawing->logarithmic ? -ERF_LOG_DECADES : 0,
                             1,
                             given ? "share of the highest" : "share of each one's maximum",
                             drawing->logarithmic};
    bar.high = drawing->logarithmic ? 0 : 1;
    double left = canvas_text_width(canvas, &figure_label, "0000") + 5, bottom = y;
    double right = FIGURE_BAR + plot_colour_bar_right(canvas, &bar, &figure_label);
    double side = fmax(20, (width - right) / columns - left - FIGURE_GAP);
    for (int i = 0; i < drawing->count; i++) {
        const struct fovea_erf_panel *panel = &drawing->panels[i];
        if (i > 0 && i % columns == 0)
            y = bottom + FIGURE_GAP;
        struct box cell = {x + left + i % columns * (side + left + FIGURE_GAP), y, side, 1.4 * side};
        cell.y = draw_name(canvas, panel, cell);
        struct box map = fit_map(drawing, panel->erf, cell);
        draw_map(canvas, drawing, panel->erf, map);
        bottom = fmax(bottom, map.y + map.height + plot_axes_below(&figure_label));
        if (i == 0)
            bar.area = (struct box){x + width - right, map.y, FIGURE_BAR, map.height};
    }
    plot_colour_bar(canvas, &bar, &figure_label);
    return bottom;
}

static double draw_profile(struct canvas *canvas, const struct drawing *drawing, double x, double y, double width)
{
    struct erf_profile profile = {.logarithmic = drawing->logarithmic};
    double left = canvas_text_width(canvas, &figure_label, "0.0001") + 5;
    for (int i = 0; i < drawing->count && i < ERF_MOST_CURVES; i++) {
        const struct fovea_erf_panel *panel = &drawing->panels[i];
        int64_t shown = drawing->window.width > 0 ? drawing->window.width : panel->erf->width;
        profile.curves[profile.count++] = (struct erf_curve){panel->erf, false, panel->name ? panel->name : ""};
        profile.reach = fmax(profile.reach, (double)shown / 2);
    }
    return y + FIGURE_GAP + erf_profile_draw(canvas, &profile, x + left, y + FIGURE_GAP, width - left, PROFILE_HEIGHT);
}

static void draw(struct canvas *canvas, const void *user)
{
    const struct drawing *drawing = user;
    const struct fovea_figure_options *options = drawing->options;
    double margin = figure_margin(options), width = figure_width(options, USUAL_INCHES), inner = width - 2 * margin;
    double y = figure_title(canvas, options, margin, margin, inner, "Effective receptive fields");
    y = draw_maps(canvas, drawing, margin, y, inner);
    y = draw_profile(canvas, drawing, margin, y, inner);
    y = figure_notes(canvas, options, margin, y, inner,
                     "Below: along x through each field's centre. Dashed: the unit's theoretical field; ellipses: the "
                     "Gaussian at 1 and 2 sigma, dotted where the field is none; plus: where the unit is centred.");
    canvas_size(canvas, width, y + margin);
}

int report_erf_panels(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                      const struct fovea_erf_panel *panels, int count, struct error *error)
{
    struct drawing drawing = {panels, count, options, false, {0}};
    for (int i = 0; i < count; i++)
        drawing.logarithmic = drawing.logarithmic || erf_wants_log(panels[i].erf, options);
    drawing.window = common_window(&drawing);
    return figure_write(memory, path, options, draw, &drawing, error);
}
