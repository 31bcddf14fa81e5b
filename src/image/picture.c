#include "image/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int picture_create(struct memory *memory, struct image *image, int64_t width, int64_t height, struct colour background,
                   struct error *error)
{
    if (image_allocate(memory, image, width, height, 3, error))
        return -1;
    draw_fill(image, (struct rectangle){0, 0, image->width, image->height}, background, 1);
    return 0;
}

struct plot plot_of_map(struct rectangle area, int64_t height, int64_t width)
{
    return plot_of_map_from(area, height, width, 0, 0);
}

struct plot plot_of_map_from(struct rectangle area, int64_t height, int64_t width, double top, double left)
{
    return (struct plot){area, left - 0.5, left + (double)width - 0.5, top - 0.5, top + (double)height - 0.5};
}

double plot_x(const struct plot *plot, double x)
{
    return plot->area.x + (x - plot->left) / (plot->right - plot->left) * plot->area.width;
}

double plot_y(const struct plot *plot, double y)
{
    return plot->area.y + (y - plot->top) / (plot->bottom - plot->top) * plot->area.height;
}

/* ---- the map ---- */

/* The map positions under one picture pixel: between two neighbours, or a range to average. */
struct span {
    int64_t from, to; /* inclusive */
    double part;      /* weight of `to` when not averaging */
    bool average;
};

static struct span span_of(int pixel, int pixels, int64_t size, bool smooth)
{
    double scale = (double)size / pixels, begin = pixel * scale, end = begin + scale;
    if (scale > 1) {
        int64_t from = (int64_t)begin, to = (int64_t)ceil(end) - 1;
        return (struct span){from, to < size ? to : size - 1, 0, true};
    }
    double centre = begin + scale / 2;
    if (!smooth)
        return (struct span){(int64_t)centre, (int64_t)centre, 0, false};
    double place = fmin(fmax(centre - 0.5, 0), (double)(size - 1));
    int64_t from = (int64_t)place;
    return (struct span){from, from + 1 < size ? from + 1 : from, place - (double)from, false};
}

static double span_value(const float *values, const struct span *span)
{
    if (!span->average)
        return (double)values[span->from] * (1 - span->part) + (double)values[span->to] * span->part;
    double sum = 0;
    for (int64_t i = span->from; i <= span->to; i++)
        sum += (double)values[i];
    return sum / (double)(span->to - span->from + 1);
}

static double map_value(const struct number_map *map, const struct span *across, const struct span *down)
{
    if (!down->average) {
        double upper = span_value(map->values + down->from * map->width, across);
        /* No lower row where its weight is 0: infinity times 0 would be NaN. */
        if (!(down->part > 0))
            return upper;
        return upper * (1 - down->part) + span_value(map->values + down->to * map->width, across) * down->part;
    }
    double sum = 0;
    for (int64_t y = down->from; y <= down->to; y++)
        sum += span_value(map->values + y * map->width, across);
    return sum / (double)(down->to - down->from + 1);
}

void picture_map(struct image *image, struct rectangle area, const struct number_map *map)
{
    double range = map->high - map->low;
    for (int y = 0; y < area.height; y++) {
        struct span down = span_of(y, area.height, map->height, map->smooth);
        for (int x = 0; x < area.width; x++) {
            struct span across = span_of(x, area.width, map->width, map->smooth);
            double value = map_value(map, &across, &down);
            double position = range > 0 ? (value - map->low) / range : isnan(value) ? value : 0;
            draw_pixel(image, area.x + x, area.y + y, colormap_colour(map->colormap, position), 1);
        }
    }
}

/* ---- text ---- */

int text_line_height(int scale)
{
    return (FONT_HEIGHT + 3) * scale;
}

/* Coordinates like "(12.5, 7)" stay together. */
static bool in_short_parentheses(const char *text, size_t at)
{
    enum { SHORT = 24 };
    size_t open = at, close = at;
    while (open > 0 && text[open - 1] != '(' && text[open - 1] != ')')
        open--;
    while (text[close] && text[close] != ')' && text[close] != '\n')
        close++;
    return open > 0 && text[open - 1] == '(' && text[close] == ')' && close - open < SHORT;
}

/* Whether what follows the space at `at` is too little for a line of its own. */
static bool leaves_widow(const char *text, size_t at)
{
    enum { LEAST = 6 };
    return strcspn(text + at + 1, "\n") < LEAST;
}

/* Bytes of the line that begins at `text`, and of line and break together in *step. */
static size_t line_length(const char *text, int scale, int width, size_t *step)
{
    size_t fits = text_fitting(text, scale, width), newline = strcspn(text, "\n");
    if (newline <= fits) {
        *step = newline + (text[newline] == '\n');
        return newline;
    }
    size_t length = fits > 0 ? fits : 1;
    *step = length;
    if (text[length] == 0)
        return length;
    for (int strict = 1; strict >= 0; strict--) {
        for (size_t i = length; i > (strict ? length / 2 : 0); i--) {
            if (text[i] == ' ' && !(strict && (in_short_parentheses(text, i) || leaves_widow(text, i)))) {
                *step = i + 1;
                return i;
            }
        }
    }
    return length;
}

/* The text's beginning with "..." behind it, as much as fits. */
static void ellipsise(const char *text, int scale, int width, char *out, size_t size)
{
    size_t length = text_fitting(text, scale, width - text_width(" ...", scale));
    size_t newline = strcspn(text, "\n");
    length = length < newline ? length : newline;
    snprintf(out, size, "%.*s...", (int)length, text);
}

int picture_text(struct image *image, int x, int y, int width, int most_lines, const char *text,
                 const struct label_style *style)
{
    char line[1024];
    int lines = 0;
    while (*text && lines < most_lines) {
        size_t step, length = line_length(text, style->scale, width, &step);
        if (lines == most_lines - 1 && text[step])
            ellipsise(text, style->scale, width, line, sizeof line);
        else
            snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (image)
            draw_text(image, x, y + lines * text_line_height(style->scale), line, style->scale, TEXT_RIGHT,
                      style->colour);
        text += step;
        lines++;
    }
    return lines;
}
