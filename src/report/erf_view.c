#include "report/erf_view.h"

#include <math.h>

#define SEEN 5e-3       /* of the maximum: what is darker looks like nothing */
#define MOST_SHARE 0.55 /* of the map's side: a larger part is shown as the whole */
#define BEYOND 2.5      /* times the field that is seen: a larger theoretical one is not shown whole */
#define LEAST_SIDE 12   /* cells of a part */
#define BRIGHT 0.05     /* of the maximum, and */
#define FEW 0.02        /* of the cells: so little is peaked */

static const struct colour box_colour = {255, 255, 255}, centre_colour = {255, 80, 80};
static const struct colour ellipse_colour = {255, 170, 60};

bool erf_has_place(const struct fovea_erf *erf)
{
    return erf->target_size[0] * erf->target_size[1] > 1;
}

/* ---- the part ---- */

/* First and last row and column, y0, x0, y1, x1, of values above the threshold. */
static bool bounds_of(const struct fovea_erf *erf, double threshold, double bounds[4])
{
    bool any = false;
    for (int64_t i = 0; i < erf->height * erf->width; i++) {
        if (!((double)erf->map[i] > threshold))
            continue;
        double y = (double)(i / erf->width), x = (double)(i % erf->width);
        bounds[0] = any ? fmin(bounds[0], y) : y;
        bounds[1] = any ? fmin(bounds[1], x) : x;
        bounds[2] = any ? fmax(bounds[2], y) : y;
        bounds[3] = any ? fmax(bounds[3], x) : x;
        any = true;
    }
    return any;
}

/* The theoretical field's edges belong to the picture where they are near. */
static void add_box(const struct fovea_erf *erf, double bounds[4])
{
    const int64_t sizes[2] = {erf->height, erf->width};
    for (int axis = 0; axis < 2 && erf->field.local; axis++) {
        double low = fmax(0, (double)erf->box[axis]);
        double high = fmin((double)sizes[axis] - 1, (double)erf->box[2 + axis]);
        if (high - low < BEYOND * (bounds[2 + axis] - bounds[axis] + 1)) {
            bounds[axis] = fmin(bounds[axis], low);
            bounds[2 + axis] = fmax(bounds[2 + axis], high);
        }
    }
}

/* A part of the map's own proportions around the bounds. */
static struct map_window frame(const struct fovea_erf *erf, const double bounds[4])
{
    const struct map_window whole = {0, 0, erf->height, erf->width};
    double share =
        fmax((bounds[2] - bounds[0] + 1) / (double)erf->height, (bounds[3] - bounds[1] + 1) / (double)erf->width);
    double least = LEAST_SIDE / fmin((double)erf->height, (double)erf->width);
    share = fmax(1.2 * share, least);
    if (share > MOST_SHARE)
        return whole;
    struct map_window window = {.height = (int64_t)ceil(share * (double)erf->height),
                                .width = (int64_t)ceil(share * (double)erf->width)};
    double y = (bounds[0] + bounds[2] + 1 - (double)window.height) / 2;
    double x = (bounds[1] + bounds[3] + 1 - (double)window.width) / 2;
    window.y = (int64_t)fmin(fmax(0, floor(y)), (double)(erf->height - window.height));
    window.x = (int64_t)fmin(fmax(0, floor(x)), (double)(erf->width - window.width));
    return window;
}

struct map_window erf_window(const struct fovea_erf *erf, bool logarithmic)
{
    const struct map_window whole = {0, 0, erf->height, erf->width};
    double bounds[4] = {0};
    if (!(erf->max > 0) || !bounds_of(erf, erf->max * (logarithmic ? pow(10, -ERF_LOG_DECADES) : SEEN), bounds))
        return whole;
    add_box(erf, bounds);
    return frame(erf, bounds);
}

/* ---- the scale ---- */

static bool is_peaked(const struct fovea_erf *erf)
{
    struct map_window window = erf_window(erf, false);
    int64_t bright = 0;
    for (int64_t y = window.y; y < window.y + window.height; y++) {
        for (int64_t x = window.x; x < window.x + window.width; x++)
            bright += (double)erf->map[y * erf->width + x] > BRIGHT * erf->max;
    }
    return (double)bright < FEW * (double)(window.height * window.width);
}

bool erf_wants_log(const struct fovea_erf *erf, const struct fovea_figure_options *options)
{
    return erf->max > 0 && (options->scale == FOVEA_SCALE_LOG ||
                            (options->scale == FOVEA_SCALE_AUTO && !(options->highest > 0) && is_peaked(erf)));
}

float *erf_shares(struct memory *memory, const struct fovea_erf *erf, double unit, bool logarithmic,
                  struct error *error)
{
    int64_t count = erf->height * erf->width;
    float *values = memory_allocate(memory, (size_t)count, sizeof *values, error);
    for (int64_t i = 0; values && i < count; i++) {
        double share = (double)erf->map[i] / unit;
        values[i] = (float)(logarithmic ? fmax(-ERF_LOG_DECADES, log10(share)) : share);
    }
    return values;
}

/* ---- marks ---- */

void erf_marks(struct canvas *canvas, const struct plot *plot, const void *user)
{
    const struct fovea_erf *erf = user;
    const struct pen dashed = {box_colour, 1, 3, 0.9}, solid = {centre_colour, 1, 0, 1};
    enum report_fit kind = report_fit_of(&erf->gaussian, erf->height, erf->width);
    const struct pen ellipse = {ellipse_colour, 0.9, kind == REPORT_FIT_GAUSSIAN ? 0 : 1.5, 0.95};
    double per_cell = plot->area.width / (plot->right - plot->left), inside = 0.5;
    if (erf->field.local) {
        double top = fmax(plot_y(plot, (double)erf->box[0] - 0.5), plot->area.y + inside);
        double left = fmax(plot_x(plot, (double)erf->box[1] - 0.5), plot->area.x + inside);
        double bottom = fmin(plot_y(plot, (double)erf->box[2] + 0.5), plot->area.y + plot->area.height - inside);
        double right = fmin(plot_x(plot, (double)erf->box[3] + 0.5), plot->area.x + plot->area.width - inside);
        if (bottom > top && right > left)
            canvas_rectangle(canvas, (struct box){left, top, right - left, bottom - top}, &dashed);
    }
    const struct fovea_gaussian *fit = &erf->gaussian;
    for (int i = 1; i <= 2 && kind != REPORT_FIT_NONE; i++)
        canvas_ellipse(canvas, plot_x(plot, fit->centre[1]), plot_y(plot, fit->centre[0]), i * fit->sigma[1] * per_cell,
                       i * fit->sigma[0] * per_cell, &ellipse);
    if (erf_has_place(erf))
        canvas_cross(canvas, plot_x(plot, erf->centre[1]), plot_y(plot, erf->centre[0]), 4, &solid);
}
