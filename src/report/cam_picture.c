/* The picture of a class activation map. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "image/picture.h"
#include "report/cam.h"

enum { PANEL_SIDE = 320, MARGIN = 24, GAP = 28, BAR_WIDTH = 16, BAR_GAP = 12, FONT = 2, MOST_LINES = 14 };

static const struct colour paper = {255, 255, 255}, ink = {30, 30, 30}, faint = {110, 110, 110}, alarm = {190, 20, 20};
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

/* The enlarged map's positive part over `image`, which has the same proportions. */
static void lay_over(struct image *image, const struct fovea_cam *cam)
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
                draw_pixel(image, x, y, colormap_colour(COLORMAP_EMBER, part), HEAT * fmin(1, part / WEAK));
        }
    }
}

void report_cam_montage_title(const struct fovea_cam *cam, bool several, char *out, size_t size)
{
    char model[96], layer[96], of_layer[200] = "each image on the level of its best cell";
    if (!several)
        snprintf(of_layer, sizeof of_layer, "layer %s%s", text_shorten(cam->layer, 44, layer, sizeof layer),
                 cam->layers > 1 ? " (extended: the inputs of all attentions up to it)" : "");
    snprintf(
        out, size,
        "Class activation maps: %s, %s. Each map's positive part, from nothing (gray) over blue and red to yellow, "
        "its own maximum.",
        text_shorten(file_base_name(cam->model), 44, model, sizeof model), of_layer);
}

void report_cam_caption(const struct fovea_cam *cam, char *out, size_t size)
{
    char name[48] = "", doubt[64];
    if (cam->class_name)
        text_shorten(cam->class_name, 24, name, sizeof name);
    fovea_cam_doubt(cam, true, doubt, sizeof doubt);
    text_format(out, size, "%s%lld %s\nscore %.3g%s%s",
                cam->class_name   ? ""
                : cam->of_classes ? "class "
                                  : "channel ",
                (long long)cam->class_index, name, cam->score, doubt[0] ? "\n" : "", doubt);
}

int report_cam_thumbnails(struct memory *memory, const struct fovea_cam *cam, int side, struct image *plain,
                          struct image *overlay, struct error *error)
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
    lay_over(overlay, cam);
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
    write_sums(text, cam);
    if (cam->negative)
        text_print(text, "No cell is positive: nothing here speaks for the %s.", cam->of_classes ? "class" : "channel");
    else if (cam->flat)
        text_print(text, "The map is flat: the score does not depend on the place.");
    return text_finish(text, error);
}

/* Copies `from` into the picture. */
static void place(struct image *image, const struct image *from, int x, int y)
{
    for (int row = 0; row < from->height; row++)
        memcpy(image->pixels + ((size_t)(y + row) * (size_t)image->width + (size_t)x) * 3,
               from->pixels + (size_t)row * (size_t)from->width * 3, (size_t)from->width * 3);
}

struct layout {
    struct rectangle cells;
    struct colour_bar heat, bar;
    int overlay_x, doubt_y, panel_y, notes_y, text_width, width, height;
};

static struct layout plan(const struct image *panel, double reach, const char *quantity, const char *title,
                          const char *doubt, const char *notes)
{
    const struct label_style style = {ink, FONT};
    const struct rectangle bar = {.width = BAR_WIDTH, .height = panel->height};
    struct layout layout = {.heat = {bar, COLORMAP_EMBER, 0, 1, "share of the maximum"},
                            .bar = {bar, COLORMAP_DIVERGING, -reach, reach, quantity},
                            .overlay_x = MARGIN + panel->width + GAP};
    layout.heat.area.x = layout.overlay_x + panel->width + BAR_GAP;
    layout.cells =
        (struct rectangle){layout.heat.area.x + BAR_WIDTH + picture_colour_bar_right(&layout.heat, FONT) + GAP, 0,
                           panel->width, panel->height};
    layout.bar.area.x = layout.cells.x + panel->width + BAR_GAP;
    layout.width = layout.bar.area.x + BAR_WIDTH + picture_colour_bar_right(&layout.bar, FONT) + MARGIN;
    layout.text_width = layout.width - 2 * MARGIN;
    int title_lines = picture_text(NULL, 0, 0, layout.text_width, MOST_LINES, title, &style);
    int doubt_lines = doubt[0] ? picture_text(NULL, 0, 0, layout.text_width, MOST_LINES, doubt, &style) : 0;
    layout.doubt_y = MARGIN + title_lines * text_line_height(FONT) + 4;
    layout.panel_y = layout.doubt_y + doubt_lines * text_line_height(FONT) + 8;
    layout.cells.y = layout.bar.area.y = layout.heat.area.y = layout.panel_y;
    layout.notes_y = layout.panel_y + panel->height + 16;
    int note_lines = picture_text(NULL, 0, 0, layout.text_width, MOST_LINES, notes, &style);
    layout.height = layout.notes_y + note_lines * text_line_height(FONT) + MARGIN;
    return layout;
}

/* The colours' range, the same on both sides of zero. */
static double reach_of(const struct fovea_cam *cam)
{
    double reach = fmax(fabs(cam->largest), fabs(cam->smallest));
    return reach > 0 ? reach : 1;
}

static int draw_cells(struct memory *memory, struct image *image, struct rectangle area, const struct fovea_cam *cam,
                      struct error *error)
{
    int64_t cells = cam->cells[0] * cam->cells[1];
    float *values = memory_allocate(memory, (size_t)cells, sizeof *values, error);
    const struct number_map map = {.values = values,
                                   .height = cam->cells[0],
                                   .width = cam->cells[1],
                                   .low = -reach_of(cam),
                                   .high = reach_of(cam),
                                   .colormap = COLORMAP_DIVERGING};
    for (int64_t i = 0; values && i < cells; i++)
        values[i] = (float)cam->map[i];
    if (values)
        picture_map(image, area, &map);
    memory_release(memory, values);
    return values ? 0 : -1;
}

int report_cam_cells(struct memory *memory, const char *path, const struct fovea_cam *cam, struct error *error)
{
    const struct rectangle area = {.width = (int)cam->cells[1], .height = (int)cam->cells[0]};
    struct image image = {0};
    int result = picture_create(memory, &image, area.width, area.height, paper, error) ||
                         draw_cells(memory, &image, area, cam, error) || image_write_png(memory, path, &image, error)
                     ? -1
                     : 0;
    image_release(memory, &image);
    return result;
}

static int draw(struct memory *memory, struct image *image, const struct fovea_cam *cam, const struct image *plain,
                const struct image *overlay, const char *title, const char *notes, struct error *error)
{
    const struct label_style style = {ink, FONT}, small = {faint, FONT}, warning = {alarm, FONT};
    char doubt[256];
    double reach = reach_of(cam);
    const char *quantity = cam->method == FOVEA_CAM_EXTENDED ? "part of the score" : "map before scaling";
    fovea_cam_doubt(cam, false, doubt, sizeof doubt);
    struct layout layout = plan(plain, reach, quantity, title, doubt, notes);
    int result = picture_create(memory, image, layout.width, layout.height, paper, error);
    if (result == 0)
        result = draw_cells(memory, image, layout.cells, cam, error);
    if (result == 0) {
        picture_text(image, MARGIN, MARGIN, layout.text_width, MOST_LINES, title, &style);
        picture_text(image, MARGIN, layout.doubt_y, layout.text_width, MOST_LINES, doubt, &warning);
        place(image, plain, MARGIN, layout.panel_y);
        place(image, overlay, layout.overlay_x, layout.panel_y);
        picture_colour_bar(image, &layout.heat, &style);
        picture_colour_bar(image, &layout.bar, &style);
        picture_text(image, MARGIN, layout.notes_y, layout.text_width, MOST_LINES, notes, &small);
    }
    return result;
}

int report_cam_picture(struct memory *memory, const char *path, const struct fovea_cam *cam, struct error *error)
{
    struct image image = {0}, plain = {0}, overlay = {0};
    struct text title, notes;
    text_start(&title, memory);
    text_start(&notes, memory);
    int result = write_title(&title, cam, error) || write_notes(&notes, cam, error) ||
                         report_cam_thumbnails(memory, cam, PANEL_SIDE, &plain, &overlay, error) ||
                         draw(memory, &image, cam, &plain, &overlay, title.data, notes.data, error) ||
                         image_write_png(memory, path, &image, error)
                     ? -1
                     : 0;
    image_release(memory, &image);
    image_release(memory, &plain);
    image_release(memory, &overlay);
    text_release(&title);
    text_release(&notes);
    return result;
}
