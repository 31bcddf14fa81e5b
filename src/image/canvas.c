#include <math.h>

#include "image/canvas_surface.h"

void canvas_size(struct canvas *canvas, double width, double height)
{
    canvas->width = width;
    canvas->height = height;
}

struct memory *canvas_memory(struct canvas *canvas)
{
    return canvas->memory;
}

struct error *canvas_error(struct canvas *canvas)
{
    return canvas->error;
}

int canvas_check(struct memory *memory, cairo_status_t status, struct error *error)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return 0;
    if (status == CAIRO_STATUS_NO_MEMORY)
        memory_note_failure(memory);
    return error_set(error, status == CAIRO_STATUS_NO_MEMORY ? ERROR_MEMORY : ERROR_LIMIT,
                     "the picture cannot be drawn: %s", cairo_status_to_string(status));
}

bool canvas_failed(struct canvas *canvas)
{
    canvas->failed = canvas->failed || canvas->error->kind != ERROR_NONE ||
                     canvas_check(canvas->memory, cairo_status(canvas->cairo), canvas->error) != 0;
    return canvas->failed;
}

void canvas_set_colour(struct canvas *canvas, struct colour colour, double opacity)
{
    cairo_set_source_rgba(canvas->cairo, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0, opacity);
}

/* Cairo takes numbers of 24 bits before the point; what is beyond is not seen anyway. */
static double near(double place)
{
    const double far = 1e5;
    return fmin(fmax(place, -far), far);
}

static bool is_visible(struct canvas *canvas, double a, double b, double c, double d)
{
    return isfinite(a) && isfinite(b) && isfinite(c) && isfinite(d) && !canvas_failed(canvas);
}

static void stroke(struct canvas *canvas, const struct pen *pen)
{
    canvas_set_colour(canvas, pen->colour, pen->opacity);
    cairo_set_line_width(canvas->cairo, pen->width);
    cairo_set_dash(canvas->cairo, &pen->dash, pen->dash > 0, 0);
    cairo_stroke(canvas->cairo);
}

static void trace(struct canvas *canvas, struct box box)
{
    double left = near(box.x), top = near(box.y);
    cairo_rectangle(canvas->cairo, left, top, near(box.x + box.width) - left, near(box.y + box.height) - top);
}

void canvas_fill(struct canvas *canvas, struct box box, struct colour colour, double opacity)
{
    if (!is_visible(canvas, box.x, box.y, box.width, box.height))
        return;
    trace(canvas, box);
    canvas_set_colour(canvas, colour, opacity);
    cairo_fill(canvas->cairo);
}

void canvas_rectangle(struct canvas *canvas, struct box box, const struct pen *pen)
{
    if (!is_visible(canvas, box.x, box.y, box.width, box.height))
        return;
    trace(canvas, box);
    stroke(canvas, pen);
}

void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1, const struct pen *pen)
{
    const double ends[2][2] = {{x0, y0}, {x1, y1}};
    canvas_path(canvas, ends, 2, pen);
}

void canvas_path(struct canvas *canvas, const double (*points)[2], int count, const struct pen *pen)
{
    if (canvas_failed(canvas))
        return;
    for (int i = 0; i < count; i++) {
        if (isfinite(points[i][0]) && isfinite(points[i][1]))
            cairo_line_to(canvas->cairo, near(points[i][0]), near(points[i][1]));
    }
    cairo_set_line_join(canvas->cairo, CAIRO_LINE_JOIN_ROUND);
    stroke(canvas, pen);
}

void canvas_ellipse(struct canvas *canvas, double x, double y, double a, double b, const struct pen *pen)
{
    const double far = 1e5;
    if (!is_visible(canvas, x, y, a, b) || !(a > 0) || !(b > 0) || fabs(x) + fabs(y) + a + b > far)
        return;
    cairo_save(canvas->cairo);
    cairo_translate(canvas->cairo, x, y);
    cairo_scale(canvas->cairo, a, b);
    cairo_new_path(canvas->cairo);
    cairo_arc(canvas->cairo, 0, 0, 1, 0, 2 * M_PI);
    cairo_restore(canvas->cairo);
    stroke(canvas, pen);
}

void canvas_cross(struct canvas *canvas, double x, double y, double arm, const struct pen *pen)
{
    if (!is_visible(canvas, x, y, arm, 0))
        return;
    cairo_move_to(canvas->cairo, near(x - arm), near(y));
    cairo_line_to(canvas->cairo, near(x + arm), near(y));
    cairo_move_to(canvas->cairo, near(x), near(y - arm));
    cairo_line_to(canvas->cairo, near(x), near(y + arm));
    stroke(canvas, pen);
}

void canvas_clip(struct canvas *canvas, struct box box)
{
    if (canvas_failed(canvas))
        return;
    cairo_save(canvas->cairo);
    trace(canvas, box);
    cairo_clip(canvas->cairo);
}

void canvas_unclip(struct canvas *canvas)
{
    if (!canvas_failed(canvas))
        cairo_restore(canvas->cairo);
}

void canvas_gradient(struct canvas *canvas, struct box box, int colormap)
{
    enum { STOPS = 64 };
    if (!is_visible(canvas, box.x, box.y, box.width, box.height))
        return;
    cairo_pattern_t *pattern = cairo_pattern_create_linear(0, box.y + box.height, 0, box.y);
    for (int i = 0; i <= STOPS; i++) {
        struct colour colour = colormap_colour(colormap, (double)i / STOPS);
        cairo_pattern_add_color_stop_rgb(pattern, (double)i / STOPS, colour.red / 255.0, colour.green / 255.0,
                                         colour.blue / 255.0);
    }
    cairo_set_source(canvas->cairo, pattern);
    cairo_pattern_destroy(pattern);
    trace(canvas, box);
    cairo_fill(canvas->cairo);
}

/* ---- pictures ---- */

/* The pixels as cairo has them: 32 bits each, rows without gaps. */
static uint32_t *pixels_of(struct canvas *canvas, const struct image *image)
{
    size_t count = (size_t)image->width * (size_t)image->height;
    uint32_t *pixels = memory_allocate_uninitialised(canvas->memory, count, sizeof *pixels, canvas->error);
    for (size_t i = 0; pixels && i < count; i++) {
        const uint8_t *p = image->pixels + 3 * i;
        pixels[i] = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    }
    return pixels;
}

static void paint(struct canvas *canvas, struct box box, const struct image *image, bool smooth,
                  cairo_surface_t *surface)
{
    double across = box.width / image->width, down = box.height / image->height;
    double pixel = across, ignored = 0; /* of the image, in dots of the surface */
    cairo_user_to_device_distance(canvas->cairo, &pixel, &ignored);
    cairo_save(canvas->cairo);
    trace(canvas, box);
    cairo_clip(canvas->cairo);
    cairo_translate(canvas->cairo, box.x, box.y);
    cairo_scale(canvas->cairo, across, down);
    cairo_set_source_surface(canvas->cairo, surface, 0, 0);
    bool reduced = canvas->dots && pixel < 1;
    cairo_pattern_set_filter(cairo_get_source(canvas->cairo),
                             smooth || reduced ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
    cairo_pattern_set_extend(cairo_get_source(canvas->cairo), CAIRO_EXTEND_PAD);
    cairo_paint(canvas->cairo);
    cairo_restore(canvas->cairo);
}

void canvas_picture(struct canvas *canvas, struct box box, const struct image *image, bool smooth)
{
    if (!is_visible(canvas, box.x, box.y, box.width, box.height) || !(box.width > 0) || !(box.height > 0))
        return;
    uint32_t *pixels = pixels_of(canvas, image);
    if (!pixels)
        return;
    cairo_surface_t *surface = cairo_image_surface_create_for_data((unsigned char *)pixels, CAIRO_FORMAT_RGB24,
                                                                   image->width, image->height, 4 * image->width);
    if (canvas_check(canvas->memory, cairo_surface_status(surface), canvas->error) == 0)
        paint(canvas, box, image, smooth, surface);
    /* A file that is still to be written keeps a copy of its own from here on. */
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    memory_release(canvas->memory, pixels);
}
