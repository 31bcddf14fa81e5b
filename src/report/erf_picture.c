/* The picture of an effective receptive field: title, map with axes, the unit's theoretical field and centre, a colour
 * bar, and the numbers in words. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/erf.h"
#include "report/map_figure.h"

#define LOG_DECADES 4
#define MAP_SIDE 384 /* pixels of a map without labels, at most */

static const struct colour box_colour = {255, 255, 255}, centre_colour = {255, 80, 80};
static const struct colour ellipse_colour = {255, 170, 60};

/* Whether the target's units lie over the image, so that one of them looks at a place. */
static bool has_place(const struct fovea_erf *erf)
{
    return erf->target_size[0] * erf->target_size[1] > 1;
}

/* What the two text blocks say; released by the caller. */
static int write_title(struct text *text, const struct report_run *run, const struct fovea_erf *erf, bool log_scale,
                       struct error *error)
{
    char model[96], subject[ERF_SUBJECT];
    fovea_erf_subject(erf, 40, subject, sizeof subject);
    text_print(text, "Effective receptive field: %s\n%s",
               text_shorten(file_base_name(run->model), 44, model, sizeof model), subject);
    text_print(text, "; mean over %" PRId64 " image%s", erf->images, erf->images == 1 ? "" : "s");
    if (log_scale)
        text_print(text, "; colours by the logarithm");
    return text_finish(text, error);
}

static void write_shape(struct text *text, const struct fovea_erf *erf)
{
    static const char *const marks[] = {
        "The field is ", "Dotted ellipses, 1 and 2 sigma: ", "Ellipses, 1 and 2 sigma of the fitted Gaussian: "};
    char words[ERF_SUBJECT];
    fovea_gaussian_text(&erf->gaussian, erf->height, erf->width, "px", words, sizeof words);
    text_print(text, "%s%s.\n", marks[report_fit_of(&erf->gaussian, erf->height, erf->width)], words);
    if (erf->phase_count > 0) {
        fovea_erf_phases_text(erf, words, sizeof words);
        text_print(text, "Largest over smallest phase:%s.\n", words);
    }
}

static void write_field(struct text *text, const struct fovea_erf *erf)
{
    const struct fovea_receptive_field *field = &erf->field;
    if (!field->local) {
        text_print(text, "Theoretical field: the whole input.\n");
        return;
    }
    text_print(text, "Dashed: theoretical field, %" PRId64 " x %" PRId64 " px, ", field->size[0], field->size[1]);
    if (field->varies)
        text_print(text, "which differs from unit to unit");
    else
        text_print(text, "stride %g x %g", field->stride[0], field->stride[1]);
    text_print(text, "; it covers (y %" PRId64 "..%" PRId64 ", x %" PRId64 "..%" PRId64 ")%s.\n", erf->box[0],
               erf->box[2], erf->box[1], erf->box[3],
               field->global ? ", and everything through attention, gates or statistics" : "");
}

static int write_notes(struct text *text, const struct fovea_erf *erf, bool log_scale, struct error *error)
{
    write_field(text, erf);
    if (has_place(erf))
        text_print(text, "Plus: where the unit is centred, (%.1f, %.1f). ", erf->centre[0], erf->centre[1]);
    text_print(text, "Centre of mass (%.1f, %.1f). Strongest pixel (%" PRId64 ", %" PRId64 ").\n",
               erf->centre_of_mass[0], erf->centre_of_mass[1], erf->argmax[0], erf->argmax[1]);
    text_print(text, "Share of the sum around the %s: within", has_place(erf) ? "plus" : "centre");
    for (int i = 0; i < FOVEA_ERF_RADII && (i == 0 || erf->mass_within[i - 1] < 0.9995); i++)
        text_print(text, "%s %g px %.0f %%", i ? "," : "", erf->radii[i], 100 * erf->mass_within[i]);
    text_print(text, "; on the border %.1f %%.\n", report_tidy(100 * erf->border_share, 1));
    write_shape(text, erf);
    if (erf->perturbation)
        text_print(text,
                   "%" PRId64 " single pixels changed: the score moves where the field says so with correlation %.2f, "
                   "of ranks %.2f.\n",
                   erf->perturbation->points, erf->perturbation->pearson, erf->perturbation->spearman);
    if (!log_scale && fovea_erf_is_peaked(erf)) {
        char words[ERF_SUBJECT];
        fovea_text_flags("Most of it is in few pixels: colours by the logarithm (`log_scale`) show the rest.", words,
                         sizeof words);
        text_print(text, "%s", words);
    }
    return text_finish(text, error);
}

/* Marks on the map; a box beyond the picture is cut at its edges. */
static void draw_marks(const void *user, struct image *image, const struct plot *plot)
{
    const struct fovea_erf *erf = user;
    const struct stroke dashed = {box_colour, 2, 6, 0.9}, solid = {centre_colour, 2, 0, 1};
    enum report_fit kind = report_fit_of(&erf->gaussian, erf->height, erf->width);
    const struct stroke ellipse = {ellipse_colour, 1.5, kind == REPORT_FIT_GAUSSIAN ? 0 : 3, 0.9};
    const double pixels_per_cell = (double)plot->area.width / (plot->right - plot->left);
    if (erf->field.local) {
        double top = (double)erf->box[0] - 0.5, left = (double)erf->box[1] - 0.5;
        double bottom = (double)erf->box[2] + 0.5, right = (double)erf->box[3] + 0.5;
        double low_y = plot_y(plot, top > plot->top ? top : plot->top) + 1;
        double high_y = plot_y(plot, bottom < plot->bottom ? bottom : plot->bottom) - 1;
        double low_x = plot_x(plot, left > plot->left ? left : plot->left) + 1;
        double high_x = plot_x(plot, right < plot->right ? right : plot->right) - 1;
        if (high_x > low_x && high_y > low_y)
            draw_rectangle(image, low_x, low_y, high_x - low_x, high_y - low_y, &dashed);
    }
    const struct fovea_gaussian *fit = &erf->gaussian;
    for (int i = 1; i <= 2 && kind != REPORT_FIT_NONE; i++)
        draw_ellipse(image, plot_x(plot, fit->centre[1]), plot_y(plot, fit->centre[0]),
                     i * fit->sigma[1] * pixels_per_cell, i * fit->sigma[0] * pixels_per_cell, 0, &ellipse);
    if (has_place(erf))
        draw_cross(image, plot_x(plot, erf->centre[1]), plot_y(plot, erf->centre[0]), 8, &solid);
}

/* log10 of the share of the maximum; a memory block for the caller. */
static float *log_values(struct memory *memory, const struct fovea_erf *erf, struct error *error)
{
    int64_t count = erf->height * erf->width;
    float *values = memory_allocate(memory, (size_t)count, sizeof *values, error);
    for (int64_t i = 0; values && i < count; i++)
        values[i] = (float)fmax(-LOG_DECADES, log10((double)erf->map[i] / erf->max));
    return values;
}

static int draw(struct memory *memory, const char *path, const struct fovea_erf *erf, bool log_scale, const char *title,
                const char *notes, struct error *error)
{
    struct map_figure figure = {.title = title,
                                .notes = notes,
                                .values = erf->map,
                                .height = erf->height,
                                .width = erf->width,
                                .high = erf->max > 0 ? erf->max : 1,
                                .colormap = COLORMAP_LAGOON,
                                .quantity = "mean positive gradient",
                                .marks = draw_marks,
                                .user = erf};
    float *values = log_scale && erf->max > 0 ? log_values(memory, erf, error) : NULL;
    if (log_scale && erf->max > 0) {
        if (!values)
            return -1;
        figure.values = values;
        figure.low = -LOG_DECADES;
        figure.high = 0;
        figure.quantity = "log10 of the share of the maximum";
    }
    int result = map_figure_write(memory, path, &figure, error);
    memory_release(memory, values);
    return result;
}

int report_erf_picture(struct memory *memory, const char *path, const struct report_run *run,
                       const struct fovea_erf *erf, bool log_scale, struct error *error)
{
    struct text title, notes;
    text_start(&title, memory);
    text_start(&notes, memory);
    int result = write_title(&title, run, erf, log_scale, error) || write_notes(&notes, erf, log_scale, error) ||
                         draw(memory, path, erf, log_scale, title.data, notes.data, error)
                     ? -1
                     : 0;
    text_release(&title);
    text_release(&notes);
    return result;
}

int report_erf_map(struct memory *memory, const char *path, const struct fovea_erf *erf, struct error *error)
{
    int64_t side = erf->height > erf->width ? erf->height : erf->width, most = side < MAP_SIDE ? side : MAP_SIDE;
    const struct rectangle area = {.width = (int)(erf->width * most / side),
                                   .height = (int)(erf->height * most / side)};
    const struct number_map map = {.values = erf->map,
                                   .height = erf->height,
                                   .width = erf->width,
                                   .high = erf->max > 0 ? erf->max : 1,
                                   .colormap = COLORMAP_LAGOON};
    struct image image = {0};
    if (picture_create(memory, &image, area.width, area.height, (struct colour){0, 0, 0}, error))
        return -1;
    picture_map(&image, area, &map);
    int result = image_write_png(memory, path, &image, error);
    image_release(memory, &image);
    return result;
}
