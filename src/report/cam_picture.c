/* The picture of a class activation map. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "image/number_map.h"
#include "report/cam.h"
#include "report/figure.h"

#define PANEL_PIXELS 640 /* of the larger side of a panel in a file */
#define USUAL_INCHES 7.2
#define MOST_INCHES_HIGH 4.0 /* of a panel */

static const struct text_style alarm = {7.5, {190, 20, 20}, true};
#define HEAT 0.75 /* opacity of the map, but for its weakest part */
#define WEAK 0.2  /* of the largest: below, the map fades out */

/* Heat and content are told apart: the image is pale and gray under the map. */
static void make_pale(struct image *image)
{
    for (size_t i = 0; i < image_bytes(image); i += 3) {
        const uint8_t *p = image->pixels + i;
        double gray = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
        memset(image->pixels + i, (int)(48 + gray * 176 / 255), 3);
    }
}

static void mix(uint8_t *pixel, struct colour colour, double opacity)
{
    const uint8_t over[3] = {colour.red, colour.green, colour.blue};
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)(pixel[c] + (over[c] - pixel[c]) * opacity + 0.5);
}

/* The enlarged map's positive part over `image`, which has the same proportions. */
static void lay_over(struct image *image, const struct fovea_cam *cam, int colormap)
{
    float largest = 0;
    make_pale(image);
    for (int64_t i = 0; i < cam->height * cam->width; i++)
        largest = fmaxf(largest, cam->pixels[i]);
    for (int y = 0; largest > 0 && y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            int64_t row = (int64_t)y * cam->height / image->height, column = (int64_t)x * cam->width / image->width;
            double part = (double)(cam->pixels[row * cam->width + column] / largest);
            if (part > 0)
                mix(image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x), colormap_colour(colormap, part),
                    HEAT * fmin(1, part / WEAK));
        }
    }
}

void report_cam_montage_title(const struct fovea_cam *cam, bool several, char *out, size_t size)
{
    char model[96], layer[96], of_layer[200] = "Each image on the level of its best cell";
    if (!several)
        snprintf(of_layer, sizeof of_layer, "Layer %s%s", text_shorten(cam->layer, 44, layer, sizeof layer),
                 cam->layers > 1 ? " (extended: the inputs of all attentions up to it)" : "");
    snprintf(
        out, size,
        "Class activation maps: %s\n%s. Each map's positive part, from nothing (gray) over blue and red to yellow, "
        "its own maximum.",
        text_shorten(file_base_name(cam->model), 44, model, sizeof model), of_layer);
}

void report_cam_caption(const struct fovea_cam *cam, char *out, size_t size)
{
    char name[48] = "", doubt[64];
    if (cam->class_name)
        text_shorten(cam->class_name, 24, name, sizeof name);
    fovea_cam_doubt(cam, true, doubt, sizeof doubt);
    text_format(out, size, "%s%lld %s\nscore %.3g, gap %.1f %%%s%s",
                cam->class_name   ? ""
                : cam->of_classes ? "class "
                                  : "channel ",
                (long long)cam->class_index, name, cam->score, report_tidy(100 * cam->gap, 1), doubt[0] ? "\n" : "",
                doubt);
}

int report_cam_thumbnails(struct memory *memory, const struct fovea_cam *cam, int side, int colormap,
                          struct image *plain, struct image *overlay, struct error *error)
{
    const struct image picture = {
        .width = (int)cam->width, .height = (int)cam->height, .channels = 3, .pixels = (uint8_t *)cam->picture};
    int64_t longer = cam->width > cam->height ? cam->width : cam->height;
    int64_t width = cam->width * side / longer, height = cam->height * side / longer;
    *plain = *overlay = (struct image){0};
    if (image_resize(memory, &picture, width > 0 ? width : 1, height > 0 ? height : 1, INTERPOLATION_BICUBIC, plain,
                     error) ||
        image_copy(memory, plain, overlay, error))
        return -1;
    lay_over(overlay, cam, colormap);
    return 0;
}

static int write_title(struct text *text, const struct fovea_cam *cam, struct error *error)
{
    char model[96], name[96];
    text_print(text, "%s: %s of %s\n",
               cam->method == FOVEA_CAM_EXTENDED ? "Extended-CAM" : fovea_cam_method_name((int)cam->method),
               text_shorten(cam->name, 44, name, sizeof name),
               text_shorten(file_base_name(cam->model), 44, model, sizeof model));
    text_print(text, "%s %" PRId64, cam->of_classes ? "class" : "channel", cam->class_index);
    if (cam->class_name)
        text_print(text, " (%s)", text_shorten(cam->class_name, 44, name, sizeof name));
    text_print(text, ", score %.4g", cam->score);
    if (cam->probability >= 0)
        text_print(text, ", probability %.1f %%", 100 * cam->probability);
    return text_finish(text, error);
}

static void write_sums(struct text *text, const struct fovea_cam *cam)
{
    char parts[192];
    report_cam_parts(cam, parts, sizeof parts);
    if (cam->method == FOVEA_CAM_EXTENDED)
        text_print(text, "Cells sum to %.4g: %s", cam->sum, parts);
    else
        text_print(text, "By the gradient at this layer %s", parts);
    text_print(text, "; gap %.1f %%.\n", report_tidy(100 * cam->gap, 1));
}

static int write_notes(struct text *text, const struct fovea_cam *cam, struct error *error)
{
    char layer[96], rule[160];
    text_print(text, "Layer %s", text_shorten(cam->layer, 60, layer, sizeof layer));
    if (cam->layers > 1)
        text_print(text, " and the inputs of %d attention%s before", cam->layers - 1, cam->layers > 2 ? "s" : "");
    text_print(text, ", %" PRId64 " x %" PRId64 " cells; ", cam->cells[0], cam->cells[1]);
    fovea_cam_sigma_text(cam, rule, sizeof rule);
    if (cam->gaussian)
        text_print(text, "enlarged by Gaussians, sigma %.1f x %.1f px (y x x), %s.\n", cam->sigma[0], cam->sigma[1],
                   rule);
    else
        text_print(text, "enlarged bilinearly.\n");
    text_print(text,
               "Middle: the positive part over the image in gray. Right: the cells as they are, from %.3g to %.3g.\n",
               cam->smallest, cam->largest);
    if (cam->region)
        text_print(text, "Outlined: the region whose strongest class it is, over which the score is the mean.\n");
    write_sums(text, cam);
    if (cam->negative)
        text_print(text, "No cell is positive: nothing here speaks for the %s.", cam->of_classes ? "class" : "channel");
    else if (cam->flat)
        text_print(text, "The map is flat: the score does not depend on the place.");
    return text_finish(text, error);
}

/* The colours' range, the same on both sides of zero. */
static double reach_of(const struct fovea_cam *cam, const struct fovea_figure_options *options)
{
    double reach = fmax(fabs(cam->largest), fabs(cam->smallest));
    return options && options->highest > 0 ? options->highest : reach > 0 ? reach : 1;
}

/* The signed cells in colours, a pixel each. */
static int cells_image(struct memory *memory, const struct fovea_cam *cam, double reach, struct image *image,
                       struct error *error)
{
    int64_t cells = cam->cells[0] * cam->cells[1];
    float *values = memory_allocate(memory, (size_t)cells, sizeof *values, error);
    const struct number_map map = {values, cam->cells[0], cam->cells[1], -reach, reach, COLORMAP_DIVERGING};
    for (int64_t i = 0; values && i < cells; i++)
        values[i] = (float)cam->map[i];
    int result = values ? number_map_image(memory, &map, map.height, map.width, image, error) : -1;
    memory_release(memory, values);
    return result;
}

int report_cam_cells(struct memory *memory, const char *path, const struct fovea_cam *cam, struct error *error)
{
    struct image image = {0};
    int result =
        cells_image(memory, cam, reach_of(cam, NULL), &image, error) || image_write_png(memory, path, &image, error)
            ? -1
            : 0;
    image_release(memory, &image);
    return result;
}

/* ---- the figure ---- */

struct drawing {
    const struct fovea_cam *cam;
    const struct fovea_figure_options *options;
    const struct image *plain, *overlay, *cells;
    const char *title, *notes;
};

static bool in_region(const struct fovea_cam *cam, int64_t y, int64_t x)
{
    return y >= 0 && x >= 0 && y < cam->region_size[0] && x < cam->region_size[1] &&
           cam->region[y * cam->region_size[1] + x];
}

/* The border between units `from` and `to` of a line of them, where one of both sides is in the region. `down`: along
 * y. */
static void outline_runs(struct canvas *canvas, const struct fovea_cam *cam, struct box box, int64_t line, bool down,
                         const struct pen *pen)
{
    int64_t count = cam->region_size[down ? 0 : 1], begin = -1;
    double across = box.width / (double)cam->region_size[1], height = box.height / (double)cam->region_size[0];
    for (int64_t i = 0; i <= count; i++) {
        bool edge = i < count && (down ? in_region(cam, i, line - 1) != in_region(cam, i, line)
                                       : in_region(cam, line - 1, i) != in_region(cam, line, i));
        if (edge && begin < 0)
            begin = i;
        if (edge || begin < 0)
            continue;
        double at = (double)line * (down ? across : height), step = down ? height : across;
        double from = (double)begin * step, to = (double)i * step;
        if (down)
            canvas_line(canvas, box.x + at, box.y + from, box.x + at, box.y + to, pen);
        else
            canvas_line(canvas, box.x + from, box.y + at, box.x + to, box.y + at, pen);
        begin = -1;
    }
}

/* The units that the score is the mean of, outlined. */
static void outline_region(struct canvas *canvas, const struct fovea_cam *cam, struct box box)
{
    const struct pen pens[2] = {{{0, 0, 0}, 1.3, 0, 0.7}, {{255, 255, 255}, 0.6, 0, 1}};
    canvas_clip(canvas, box);
    for (int i = 0; cam->region && i < 2; i++) {
        for (int64_t y = 0; y <= cam->region_size[0]; y++)
            outline_runs(canvas, cam, box, y, false, &pens[i]);
        for (int64_t x = 0; x <= cam->region_size[1]; x++)
            outline_runs(canvas, cam, box, x, true, &pens[i]);
    }
    canvas_unclip(canvas);
}

/* The three panels beside each other, the colour bars behind the second and third. */
static double draw_panels(struct canvas *canvas, const struct drawing *drawing, double x, double y, double width)
{
    const struct fovea_cam *cam = drawing->cam;
    double reach = reach_of(cam, drawing->options);
    const char *quantity = cam->method == FOVEA_CAM_EXTENDED ? "part of the score" : "map before scaling";
    int colormap = figure_colormap(drawing->options, FOVEA_COLORMAP_EMBER);
    struct colour_bar heat = {{0, 0, FIGURE_BAR, 100}, colormap, 0, 1, "share of the maximum", false};
    struct colour_bar bar = {{0, 0, FIGURE_BAR, 100}, COLORMAP_DIVERGING, -reach, reach, quantity, false};
    double bars = 2 * (FIGURE_GAP / 2 + FIGURE_BAR) + plot_colour_bar_right(canvas, &heat, &figure_label) +
                  plot_colour_bar_right(canvas, &bar, &figure_label);
    struct box panel = {x, y, fmax(20, (width - bars - 2 * FIGURE_GAP) / 3), 0};
    panel.height = panel.width * (double)cam->height / (double)cam->width;
    double scale = fmin(1, 72 * MOST_INCHES_HIGH / panel.height);
    panel.width *= scale;
    panel.height *= scale;
    canvas_picture(canvas, panel, drawing->plain, true);
    outline_region(canvas, cam, panel);
    panel.x += panel.width + FIGURE_GAP;
    canvas_picture(canvas, panel, drawing->overlay, true);
    outline_region(canvas, cam, panel);
    heat.area = (struct box){panel.x + panel.width + FIGURE_GAP / 2, y, FIGURE_BAR, panel.height};
    plot_colour_bar(canvas, &heat, &figure_label);
    panel.x = heat.area.x + FIGURE_BAR + plot_colour_bar_right(canvas, &heat, &figure_label) + FIGURE_GAP;
    canvas_picture(canvas, panel, drawing->cells, false);
    bar.area = (struct box){panel.x + panel.width + FIGURE_GAP / 2, y, FIGURE_BAR, panel.height};
    plot_colour_bar(canvas, &bar, &figure_label);
    return y + panel.height;
}

static void draw(struct canvas *canvas, const void *user)
{
    const struct drawing *drawing = user;
    const struct fovea_figure_options *options = drawing->options;
    char doubt[256];
    double margin = figure_margin(options), width = figure_width(options, USUAL_INCHES), inner = width - 2 * margin;
    double y = figure_title(canvas, options, margin, margin, inner, drawing->title);
    fovea_cam_doubt(drawing->cam, false, doubt, sizeof doubt);
    if (doubt[0] && !options->bare)
        y += canvas_paragraph(canvas, margin, y - FIGURE_GAP / 2, inner, FIGURE_MOST_LINES, &alarm, doubt);
    /* Numbers at the ends of the colour bars reach beyond them. */
    double above = TEXT_CAPITAL * figure_label.size / 2;
    y = draw_panels(canvas, drawing, margin, y + above, inner) + above;
    y = figure_notes(canvas, options, margin, y, inner, drawing->notes);
    canvas_size(canvas, width, y + margin);
}

int report_cam_picture(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                       const struct fovea_cam *cam, struct error *error)
{
    struct image plain = {0}, overlay = {0}, cells = {0};
    struct text title, notes;
    int64_t longer = cam->width > cam->height ? cam->width : cam->height;
    int side = longer < PANEL_PIXELS / 2 ? PANEL_PIXELS / 2 : longer < PANEL_PIXELS ? (int)longer : PANEL_PIXELS;
    text_start(&title, memory);
    text_start(&notes, memory);
    int result = write_title(&title, cam, error) || write_notes(&notes, cam, error) ||
                         report_cam_thumbnails(memory, cam, side, figure_colormap(options, FOVEA_COLORMAP_EMBER),
                                               &plain, &overlay, error) ||
                         cells_image(memory, cam, reach_of(cam, options), &cells, error)
                     ? -1
                     : 0;
    const struct drawing drawing = {cam, options, &plain, &overlay, &cells, title.data, notes.data};
    result = result ? -1 : figure_write(memory, path, options, draw, &drawing, error);
    image_release(memory, &plain);
    image_release(memory, &overlay);
    image_release(memory, &cells);
    text_release(&title);
    text_release(&notes);
    return result;
}
