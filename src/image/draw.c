#include "image/draw.h"

#include <math.h>
#include <string.h>

static uint8_t mix(uint8_t under, uint8_t over, double coverage)
{
    return (uint8_t)(under + (over - under) * coverage + 0.5);
}

void draw_pixel(struct image *image, int x, int y, struct colour colour, double coverage)
{
    if (x < 0 || y < 0 || x >= image->width || y >= image->height || !(coverage > 0))
        return;
    coverage = coverage > 1 ? 1 : coverage;
    uint8_t *pixel = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    pixel[0] = mix(pixel[0], colour.red, coverage);
    pixel[1] = mix(pixel[1], colour.green, coverage);
    pixel[2] = mix(pixel[2], colour.blue, coverage);
}

/* [*begin, *end): the pixels of 0 .. limit that reach into from .. to. */
static void clip(double from, double to, int limit, int *begin, int *end)
{
    *begin = from > 0 ? (from < limit ? (int)floor(from) : limit) : 0;
    *end = to < limit ? (to > 0 ? (int)ceil(to) : 0) : limit;
}

void draw_fill(struct image *image, struct rectangle area, struct colour colour, double opacity)
{
    int x0, x1, y0, y1;
    clip(area.x, (double)area.x + area.width, image->width, &x0, &x1);
    clip(area.y, (double)area.y + area.height, image->height, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++)
            draw_pixel(image, x, y, colour, opacity);
    }
}

/* How much of a pixel is covered whose centre is `distance` from a line's centre. */
static double covered(double distance, double width)
{
    double coverage = width / 2 + 0.5 - fabs(distance);
    return coverage < 0 ? 0 : coverage > 1 ? 1 : coverage < width ? coverage : width;
}

static bool in_gap(double along, double dash)
{
    return dash > 0 && fmod(along, 2 * dash) >= dash;
}

void draw_line(struct image *image, double x0, double y0, double x1, double y1, const struct stroke *stroke)
{
    double length = hypot(x1 - x0, y1 - y0), reach = stroke->width / 2 + 1;
    if (!isfinite(length))
        return;
    double dx = length > 0 ? (x1 - x0) / length : 1, dy = length > 0 ? (y1 - y0) / length : 0;
    int left, right, top, bottom;
    clip(fmin(x0, x1) - reach, fmax(x0, x1) + reach, image->width, &left, &right);
    clip(fmin(y0, y1) - reach, fmax(y0, y1) + reach, image->height, &top, &bottom);
    for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++) {
            double px = x + 0.5 - x0, py = y + 0.5 - y0;
            double along = px * dx + py * dy, across = px * dy - py * dx;
            double beyond = along < 0 ? -along : along > length ? along - length : 0;
            double coverage = covered(across, stroke->width) * fmax(0, fmin(1, stroke->width / 2 + 0.5 - beyond));
            if (coverage > 0 && !in_gap(fmax(along, 0), stroke->dash))
                draw_pixel(image, x, y, stroke->colour, coverage * stroke->opacity);
        }
    }
}

void draw_rectangle(struct image *image, double x, double y, double width, double height, const struct stroke *stroke)
{
    /* The vertical sides stop where the horizontal ones begin, so that no pixel is mixed twice. */
    draw_line(image, x, y, x + width, y, stroke);
    draw_line(image, x, y + height, x + width, y + height, stroke);
    draw_line(image, x, y + stroke->width, x, y + height - stroke->width, stroke);
    draw_line(image, x + width, y + stroke->width, x + width, y + height - stroke->width, stroke);
}

void draw_ellipse(struct image *image, double x, double y, double a, double b, double angle,
                  const struct stroke *stroke)
{
    if (!(a > 0) || !(b > 0) || !isfinite(a + b + x + y + angle))
        return;
    double reach = fmax(a, b) + stroke->width / 2 + 1, cosine = cos(angle), sine = sin(angle);
    int left, right, top, bottom;
    clip(x - reach, x + reach, image->width, &left, &right);
    clip(y - reach, y + reach, image->height, &top, &bottom);
    for (int row = top; row < bottom; row++) {
        for (int column = left; column < right; column++) {
            double px = column + 0.5 - x, py = row + 0.5 - y;
            double u = (px * cosine + py * sine) / a, v = (py * cosine - px * sine) / b;
            double radius = hypot(u, v), slope = hypot(u / a, v / b);
            /* First-order distance to the curve radius = 1. */
            double distance = slope > 0 ? (radius - 1) * radius / slope : -fmin(a, b);
            double coverage = covered(distance, stroke->width);
            if (coverage > 0 && !in_gap((atan2(v, u) + M_PI) * (a + b) / 2, stroke->dash))
                draw_pixel(image, column, row, stroke->colour, coverage * stroke->opacity);
        }
    }
}

void draw_cross(struct image *image, double x, double y, double arm, const struct stroke *stroke)
{
    draw_line(image, x - arm, y, x + arm, y, stroke);
    draw_line(image, x, y - arm, x, y - stroke->width, stroke);
    draw_line(image, x, y + stroke->width, x, y + arm, stroke);
}

/* One font pixel as a square; `column` and `row` count from the text's origin. */
static void draw_dot(struct image *image, int x, int y, int column, int row, int scale, enum text_direction direction,
                     struct colour colour)
{
    struct rectangle dot = {x + column * scale, y + row * scale, scale, scale};
    if (direction == TEXT_UP)
        dot = (struct rectangle){x + row * scale, y - (column + 1) * scale, scale, scale};
    draw_fill(image, dot, colour, 1);
}

void draw_text(struct image *image, int x, int y, const char *text, int scale, enum text_direction direction,
               struct colour colour)
{
    int from = 0;
    size_t length = text_fitting(text, scale, 2 * IMAGE_MAX_SIDE);
    for (size_t i = 0; i < length; i++) {
        const struct glyph *glyph = font_glyph(text[i]);
        for (int row = 0; row < FONT_HEIGHT; row++) {
            for (int column = 0; column < glyph->width; column++) {
                if (glyph->rows[row] >> (4 - column) & 1)
                    draw_dot(image, x, y, from + column, row, scale, direction, colour);
            }
        }
        from += glyph->width + 1;
    }
}

size_t text_fitting(const char *text, int scale, int width)
{
    int64_t columns = width / scale, used = 0;
    size_t i = 0;
    for (; text[i]; i++) {
        used += font_glyph(text[i])->width;
        if (used > columns)
            break;
        used++;
    }
    return i;
}

int text_width(const char *text, int scale)
{
    int64_t columns = 0;
    for (size_t i = 0; text[i] && columns < 2 * IMAGE_MAX_SIDE; i++)
        columns += font_glyph(text[i])->width + 1;
    return columns > 0 ? (int)(columns - 1) * scale : 0;
}
