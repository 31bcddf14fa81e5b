/* The picture of an effective receptive field: title, map with axes, the unit's theoretical field and centre, a colour
 * bar, the profile through the centre, and the numbers in words. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "image/number_map.h"
#include "report/erf_view.h"

#define MAP_SIDE 384 /* pixels of a map without labels, at most */
#define PROFILE_HEIGHT 62.0

/* What the two text blocks say; released by the caller. */
static int write_title(struct text *text, const struct report_run *run, const struct fovea_erf *erf,
                       struct error *error)
{
    char model[96], subject[ERF_SUBJECT];
    fovea_erf_subject(erf, 40, subject, sizeof subject);
    text_print(text, "Effective receptive field: %s\n%s",
               text_shorten(file_base_name(run->model), 44, model, sizeof model), subject);
    text_print(text, "; mean over %" PRId64 " image%s", erf->images, erf->images == 1 ? "" : "s");
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
    if (erf_has_place(erf))
        text_print(text, "Plus: where the unit is centred, (%.1f, %.1f). ", erf->centre[0], erf->centre[1]);
    text_print(text, "Centre of mass (%.1f, %.1f). Strongest pixel (%" PRId64 ", %" PRId64 ").\n",
               erf->centre_of_mass[0], erf->centre_of_mass[1], erf->argmax[0], erf->argmax[1]);
    text_print(text, "Share of the sum around the %s: within", erf_has_place(erf) ? "plus" : "centre");
    for (int i = 0; i < FOVEA_ERF_RADII && (i == 0 || erf->mass_within[i - 1] < 0.9995); i++)
        text_print(text, "%s %g px %.0f %%", i ? "," : "", erf->radii[i], 100 * erf->mass_within[i]);
    text_print(text, "; on the border %.1f %%.\n", report_tidy(100 * erf->border_share, 1));
    write_shape(text, erf);
    if (erf->perturbation)
        text_print(text,
                   "%" PRId64 " single pixels changed: the score moves where the field says so with correlation %.2f, "
                   "of ranks %.2f.\n",
                   erf->perturbation->points, erf->perturbation->pearson, erf->perturbation->spearman);
    if (log_scale)
        text_print(text, "Colours by the logarithm: what is below %g of the maximum looks like nothing.\n",
                   pow(10, -ERF_LOG_DECADES));
    return text_finish(text, error);
}

/* What the map and the profile below it show. */
struct shown {
    const struct fovea_erf *erf;
    bool logarithmic;
};

static void draw_marks(struct canvas *canvas, const struct plot *plot, const void *user)
{
    const struct shown *shown = user;
    erf_marks(canvas, plot, shown->erf);
}

static double draw_profile(struct canvas *canvas, const struct plot *map, double y, const void *user)
{
    const struct shown *shown = user;
    const struct fovea_erf *erf = shown->erf;
    char along[2][64];
    text_format(along[0], sizeof along[0], "along x, at y = %.0f", floor(erf->centre[0]));
    text_format(along[1], sizeof along[1], "along y, at x = %.0f", floor(erf->centre[1]));
    const struct erf_profile profile = {.curves = {{erf, false, along[0]}, {erf, true, along[1]}},
                                        .count = 2,
                                        .reach = fmax(map->right - map->left, map->bottom - map->top) / 2,
                                        .logarithmic = shown->logarithmic};
    return FIGURE_GAP +
           erf_profile_draw(canvas, &profile, map->area.x, y + FIGURE_GAP, map->area.width, PROFILE_HEIGHT);
}

/* The colours' highest value: as the options say, or the map's own. */
static double highest_of(const struct fovea_figure_options *options, const struct fovea_erf *erf)
{
    return options->highest > 0 ? options->highest : erf->max > 0 ? erf->max : 1;
}

static int draw(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                const struct shown *shown, const char *title, const char *notes, struct error *error)
{
    const struct fovea_erf *erf = shown->erf;
    double highest = highest_of(options, erf);
    struct map_figure figure = {.title = title,
                                .notes = notes,
                                .view = {.values = erf->map,
                                         .height = erf->height,
                                         .width = erf->width,
                                         .window = erf_window(erf, shown->logarithmic),
                                         .high = highest,
                                         .colormap = figure_colormap(options, FOVEA_COLORMAP_LAGOON),
                                         .marks = draw_marks,
                                         .user = shown},
                                .quantity = "mean positive gradient",
                                .below = draw_profile};
    float *values = shown->logarithmic ? erf_shares(memory, erf, highest, true, error) : NULL;
    if (shown->logarithmic) {
        if (!values)
            return -1;
        figure.view.values = values;
        figure.view.low = -ERF_LOG_DECADES;
        figure.view.high = 0;
        figure.powers = true;
        figure.quantity = options->highest > 0 ? "mean positive gradient, of the highest" : "share of the maximum";
    }
    int result = map_figure_write(memory, path, options, &figure, error);
    memory_release(memory, values);
    return result;
}

int report_erf_picture(struct memory *memory, const char *path, const struct report_run *run,
                       const struct fovea_erf *erf, bool log_scale, struct error *error)
{
    const struct shown shown = {erf, (log_scale && erf->max > 0) || erf_wants_log(erf, &run->figures)};
    struct text title, notes;
    text_start(&title, memory);
    text_start(&notes, memory);
    int result = write_title(&title, run, erf, error) || write_notes(&notes, erf, shown.logarithmic, error) ||
                         draw(memory, path, &run->figures, &shown, title.data, notes.data, error)
                     ? -1
                     : 0;
    text_release(&title);
    text_release(&notes);
    return result;
}

int report_erf_map(struct memory *memory, const char *path, const struct fovea_erf *erf, bool *logarithmic,
                   struct error *error)
{
    int64_t side = erf->height > erf->width ? erf->height : erf->width, most = side < MAP_SIDE ? side : MAP_SIDE;
    *logarithmic = erf_wants_log(erf, &(struct fovea_figure_options){0});
    float *shares = erf_shares(memory, erf, erf->max > 0 ? erf->max : 1, *logarithmic, error);
    const double lowest = *logarithmic ? -ERF_LOG_DECADES : 0;
    const struct number_map map = {
        shares, erf->height, erf->width, lowest, lowest + (*logarithmic ? ERF_LOG_DECADES : 1), FOVEA_COLORMAP_LAGOON};
    struct image image = {0};
    int result =
        !shares || number_map_image(memory, &map, erf->height * most / side, erf->width * most / side, &image, error) ||
                image_write_png(memory, path, &image, error)
            ? -1
            : 0;
    image_release(memory, &image);
    memory_release(memory, shares);
    return result;
}
