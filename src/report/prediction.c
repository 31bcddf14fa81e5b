#include "report/prediction.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define USUAL_INCHES 5.6
#define PICTURE_SHARE 0.62   /* of the width */
#define MOST_INCHES_HIGH 6.0 /* of the picture */
#define OPACITY 0.55         /* of a region */
#define BAR_HEIGHT 4.0       /* points */

/* Neighbours' hues are far apart, by the golden angle; numbers whose hues meet again differ in lightness. */
static struct colour class_colour(int64_t class_index)
{
    static const double chromas[3] = {0.72, 0.5, 0.45}, least[3] = {0.2, 0.08, 0.5};
    const double golden = 0.618033988749895, chroma = chromas[class_index % 3], low = least[class_index % 3];
    double hue = 6 * fmod(0.58 + (double)class_index * golden, 1), part = chroma * (1 - fabs(fmod(hue, 2) - 1));
    const double table[6][3] = {{chroma, part, 0}, {part, chroma, 0}, {0, chroma, part},
                                {0, part, chroma}, {part, 0, chroma}, {chroma, 0, part}};
    const double *rgb = table[(int)hue % 6];
    return (struct colour){(uint8_t)(255 * (rgb[0] + low)), (uint8_t)(255 * (rgb[1] + low)),
                           (uint8_t)(255 * (rgb[2] + low))};
}

/* What is named so is nothing: it has no colour. */
static bool is_background(const char *name)
{
    return name && (text_compare_caseless(name, "background", 10) == 0 ||
                    text_compare_caseless(name, "__background__", 14) == 0);
}

static const char *name_of(const struct fovea_prediction *prediction, int64_t class_index)
{
    for (int i = 0; i < prediction->count; i++) {
        if (prediction->classes[i].class_index == class_index)
            return prediction->classes[i].name;
    }
    return NULL;
}

static bool is_told(const struct fovea_prediction *prediction, int64_t class_index)
{
    for (int i = 0; i < prediction->count; i++) {
        if (prediction->classes[i].class_index == class_index)
            return true;
    }
    return false;
}

/* ---- the picture ---- */

static void colour_pixel(uint8_t *pixel, struct colour colour)
{
    const uint8_t over[3] = {colour.red, colour.green, colour.blue};
    double gray = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)(gray + (over[c] - gray) * OPACITY + 0.5);
}

/* The regions of the classes that the legend tells, over the image. */
static void lay_over(const struct fovea_prediction *prediction, struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        int64_t row = y * prediction->grid[0] / image->height;
        for (int x = 0; x < image->width; x++) {
            int64_t class_index =
                prediction->strongest[row * prediction->grid[1] + x * prediction->grid[1] / image->width];
            if (is_told(prediction, class_index) && !is_background(name_of(prediction, class_index)))
                colour_pixel(image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x),
                             class_colour(class_index));
        }
    }
}

struct drawing {
    const struct fovea_prediction *prediction;
    const struct fovea_figure_options *options;
    const struct image *image;
};

/* ---- boxes ---- */

#define CAPTION_CHARACTERS 24

static void draw_box(struct canvas *canvas, const struct fovea_detection *detection, struct box picture, double scale)
{
    const double *at = detection->box;
    const struct colour colour = class_colour(detection->class_index), dark = {0, 0, 0}, light = {255, 255, 255};
    const struct box box = {picture.x + at[1] * scale, picture.y + at[0] * scale, (at[3] - at[1]) * scale,
                            (at[2] - at[0]) * scale};
    const struct text_style style = {6.5, light, true};
    char name[64], caption[96];
    if (detection->name)
        text_shorten(detection->name, CAPTION_CHARACTERS, name, sizeof name);
    else
        text_format(name, sizeof name, "%" PRId64, detection->class_index);
    text_format(caption, sizeof caption, "%s %.0f %%", name, 100 * detection->probability);
    canvas_rectangle(canvas, box, &(struct pen){dark, 2.2, 0, 0.55});
    canvas_rectangle(canvas, box, &(struct pen){colour, 1.3, 0, 1});
    double height = TEXT_LINE * style.size, top = fmax(picture.y, box.y - height);
    double width = canvas_text_width(canvas, &style, caption) + 4;
    double left = fmax(picture.x, fmin(box.x, picture.x + picture.width - width));
    canvas_fill(canvas, (struct box){left, top, width, height}, dark, 0.72);
    canvas_text(canvas, left + 2, top + style.size, TEXT_START, &style, caption);
}

/* The weakest first, so that stronger ones lie on them. */
static void draw_boxes(struct canvas *canvas, const struct fovea_prediction *prediction, struct box picture,
                       double scale)
{
    canvas_clip(canvas, picture);
    for (int i = prediction->detection_count - 1; i >= 0; i--)
        draw_box(canvas, &prediction->detections[i], picture, scale);
    canvas_unclip(canvas);
}

/* ---- the legend ---- */

static void write_class(const struct fovea_predicted_class *class, char *out, size_t size)
{
    char name[64];
    if (class->name)
        text_format(out, size, "%s", text_shorten(class->name, 40, name, sizeof name));
    else
        text_format(out, size, "class %" PRId64, class->class_index);
}

/* What its bar is as long as, from 0 to 1; NAN: it has none. */
static double part_of(const struct fovea_predicted_class *class)
{
    return isfinite(class->share) ? class->share : class->probability;
}

static double draw_class(struct canvas *canvas, const struct fovea_predicted_class *class, struct box row, bool region)
{
    const struct colour plain = {0, 114, 178}, groove = {228, 228, 228};
    char name[96], number[32];
    double part = part_of(class), height = TEXT_LINE * figure_text.size;
    write_class(class, name, sizeof name);
    if (isfinite(part))
        text_format(number, sizeof number, "%.1f %%", 100 * part);
    else
        text_format(number, sizeof number, "%.3g", class->score);
    canvas_text(canvas, row.x + row.width, row.y + figure_text.size, TEXT_END, &figure_text, number);
    canvas_paragraph(canvas, row.x, row.y, row.width - canvas_text_width(canvas, &figure_text, number) - 4, 1,
                     &figure_text, name);
    struct box bar = {row.x, row.y + height, row.width, BAR_HEIGHT};
    canvas_fill(canvas, bar, groove, isfinite(part) ? 1 : 0);
    bar.width *= isfinite(part) ? part : 0;
    bool coloured = region && !is_background(class->name);
    canvas_fill(canvas, bar, coloured ? class_colour(class->class_index) : region ? figure_faint : plain, 1);
    return height + BAR_HEIGHT + 5;
}

static double draw_legend(struct canvas *canvas, const struct fovea_prediction *prediction, struct box row)
{
    for (int i = 0; i < prediction->count; i++)
        row.y += draw_class(canvas, &prediction->classes[i], row, prediction->kind == FOVEA_PREDICTION_REGIONS);
    return row.y;
}

static void draw(struct canvas *canvas, const void *user)
{
    const struct drawing *drawing = user;
    const struct fovea_prediction *prediction = drawing->prediction;
    double margin = figure_margin(drawing->options), width = figure_width(drawing->options, USUAL_INCHES);
    double inner = width - 2 * margin, side = PICTURE_SHARE * inner;
    char title[512], name[96], model[96];
    text_format(title, sizeof title, "%s\n%s; %s",
                text_shorten(prediction->name ? prediction->name : "", 60, name, sizeof name),
                text_shorten(file_base_name(prediction->model ? prediction->model : ""), 44, model, sizeof model),
                prediction->kind == FOVEA_PREDICTION_REGIONS ? "largest regions, shares of the area"
                : prediction->kind == FOVEA_PREDICTION_ROWS  ? "strongest classes, each in its best row"
                                                             : "strongest classes");
    double y = figure_title(canvas, drawing->options, margin, margin, inner, title);
    double scale = fmin(side / (double)prediction->width, 72 * MOST_INCHES_HIGH / (double)prediction->height);
    const struct box box = {margin, y, (double)prediction->width * scale, (double)prediction->height * scale};
    canvas_picture(canvas, box, drawing->image, true);
    draw_boxes(canvas, prediction, box, scale);
    const struct box row = {box.x + box.width + 2 * FIGURE_GAP, y, inner - box.width - 2 * FIGURE_GAP, 0};
    double bottom = draw_legend(canvas, prediction, row);
    if (prediction->boxes)
        bottom += canvas_paragraph(canvas, row.x, bottom, row.width, 6, &figure_text, prediction->boxes);
    canvas_size(canvas, width, fmax(bottom, y + box.height) + margin);
}

int report_prediction(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                      const struct fovea_prediction *prediction, struct error *error)
{
    const struct image given = {.width = (int)prediction->width,
                                .height = (int)prediction->height,
                                .channels = 3,
                                .pixels = (uint8_t *)(uintptr_t)prediction->picture};
    struct image image = {0};
    if (image_copy(memory, &given, &image, error))
        return -1;
    if (prediction->strongest)
        lay_over(prediction, &image);
    const struct drawing drawing = {prediction, options, &image};
    int result = figure_write(memory, path, options, draw, &drawing, error);
    image_release(memory, &image);
    return result;
}
