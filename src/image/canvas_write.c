/* A drawing played to the surfaces of files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cairo-pdf.h>
#include <cairo-svg.h>

#include "base/file.h"
#include "base/text.h"
#include "image/canvas_surface.h"

#define POINTS_PER_INCH 72.0
#define MOST_POINTS 14400.0 /* a side of a page of PDF */

/* Text of the same shape at every size. */
static void set_fonts(cairo_t *cairo)
{
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cairo, options);
    cairo_font_options_destroy(options);
}

/* Draws on the surface, which is taken over. */
static int play(struct canvas *canvas, cairo_surface_t *surface, canvas_draw *draw, const void *user)
{
    const struct box page = {0, 0, canvas->width, canvas->height};
    canvas->cairo = cairo_create(surface);
    set_fonts(canvas->cairo);
    if (canvas->dots)
        cairo_scale(canvas->cairo, cairo_image_surface_get_width(surface) / canvas->width,
                    cairo_image_surface_get_height(surface) / canvas->height);
    if (canvas->width > 0)
        canvas_fill(canvas, page, (struct colour){255, 255, 255}, 1);
    draw(canvas, user);
    int result = canvas_failed(canvas) ? -1 : 0;
    cairo_destroy(canvas->cairo);
    canvas->cairo = NULL;
    cairo_surface_finish(surface);
    if (canvas_check(canvas->memory, cairo_surface_status(surface), canvas->error))
        result = -1;
    cairo_surface_destroy(surface);
    return result;
}

/* Learns the figure's size by drawing it where nothing is kept. */
static int measure(struct canvas *canvas, canvas_draw *draw, const void *user)
{
    const cairo_rectangle_t nothing = {0, 0, 0, 0};
    if (play(canvas, cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &nothing), draw, user))
        return -1;
    if (!(canvas->width > 0) || !(canvas->height > 0) || canvas->width > MOST_POINTS || canvas->height > MOST_POINTS)
        return error_set(canvas->error, ERROR_LIMIT, "a figure of %.0f x %.0f points; sides go up to %.0f",
                         canvas->width, canvas->height, MOST_POINTS);
    return 0;
}

/* ---- pixels ---- */

static int make_image(struct canvas *canvas, double dpi, canvas_draw *draw, const void *user, struct image *image)
{
    int64_t width = (int64_t)ceil(canvas->width * dpi / POINTS_PER_INCH - 1e-9);
    int64_t height = (int64_t)ceil(canvas->height * dpi / POINTS_PER_INCH - 1e-9);
    if (image_allocate(canvas->memory, image, width, height, 3, canvas->error))
        return -1;
    size_t count = (size_t)width * (size_t)height;
    uint32_t *pixels = memory_allocate(canvas->memory, count, sizeof *pixels, canvas->error);
    canvas->dots = true;
    int result = pixels ? play(canvas,
                               cairo_image_surface_create_for_data((unsigned char *)pixels, CAIRO_FORMAT_RGB24,
                                                                   image->width, image->height, 4 * image->width),
                               draw, user)
                        : -1;
    canvas->dots = false;
    for (size_t i = 0; result == 0 && i < count; i++) {
        image->pixels[3 * i] = (uint8_t)(pixels[i] >> 16);
        image->pixels[3 * i + 1] = (uint8_t)(pixels[i] >> 8);
        image->pixels[3 * i + 2] = (uint8_t)pixels[i];
    }
    memory_release(canvas->memory, pixels);
    if (result)
        image_release(canvas->memory, image);
    return result;
}

static int write_png(struct canvas *canvas, const char *path, double dpi, canvas_draw *draw, const void *user)
{
    struct image image = {0};
    int result = make_image(canvas, dpi, draw, user, &image) ||
                         image_write_png_at(canvas->memory, path, &image, dpi, canvas->error)
                     ? -1
                     : 0;
    image_release(canvas->memory, &image);
    return result;
}

/* ---- vectors ---- */

static cairo_status_t collect(void *user, const unsigned char *bytes, unsigned length)
{
    text_append(user, (const char *)bytes, length);
    return CAIRO_STATUS_SUCCESS; /* the text keeps a failure */
}

/* Cairo numbers surfaces and images through all drawings of a process: "surface17", "#image18". Here they count from 1
 * in each file. */
struct numbers {
    long known[512];
    int count;
};

static int number_of(struct numbers *numbers, long id)
{
    const int most = sizeof numbers->known / sizeof numbers->known[0];
    int place = 0;
    while (place < numbers->count && numbers->known[place] != id)
        place++;
    if (place == numbers->count && place < most)
        numbers->known[numbers->count++] = id;
    return place + 1;
}

/* Bytes of the word whose number is to be changed that stands at `text`; 0: none does. */
static size_t counted_word(const char *text)
{
    static const char *const words[] = {"surface", "image"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(text, words[i], length) == 0 && text[length] >= '0' && text[length] <= '9')
            return length;
    }
    return 0;
}

static void renumber(const struct text *from, struct text *to)
{
    struct numbers numbers = {.count = 0};
    const char *done = from->data;
    for (const char *at = strpbrk(done, "#\""); at; at = strpbrk(at, "#\"")) {
        size_t word = counted_word(++at);
        char *end;
        if (word == 0)
            continue;
        text_append(to, done, (size_t)(at - done) + word);
        text_print(to, "%d", number_of(&numbers, strtol(at + word, &end, 10)));
        done = at = end;
    }
    text_append(to, done, strlen(done));
}

static int write_svg(struct canvas *canvas, const char *path, canvas_draw *draw, const void *user)
{
    struct text raw, text;
    text_start(&raw, canvas->memory);
    text_start(&text, canvas->memory);
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(collect, &raw, canvas->width, canvas->height);
    int result = play(canvas, surface, draw, user) || text_finish(&raw, canvas->error) ? -1 : 0;
    if (result == 0) {
        renumber(&raw, &text);
        result =
            text_finish(&text, canvas->error) || file_write(canvas->memory, path, text.data, text.length, canvas->error)
                ? -1
                : 0;
    }
    text_release(&raw);
    text_release(&text);
    return result;
}

static int write_pdf(struct canvas *canvas, const char *path, canvas_draw *draw, const void *user)
{
    struct text text;
    text_start(&text, canvas->memory);
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(collect, &text, canvas->width, canvas->height);
    /* A date that does not change: files are the same whenever they are made. */
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
    int result = play(canvas, surface, draw, user) || text_finish(&text, canvas->error) ||
                         file_write(canvas->memory, path, text.data, text.length, canvas->error)
                     ? -1
                     : 0;
    text_release(&text);
    return result;
}

/* ---- all ---- */

/* Cairo does not survive that small blocks of memory fail. That there is room for them is made sure of before. */
static int check_room(struct memory *memory, struct error *error)
{
    const size_t room = (size_t)32 << 20;
    void *block = memory_allocate_uninitialised(memory, room, 1, error);
    memory_release(memory, block);
    return block ? 0 : -1;
}

static int open_canvas(struct canvas *canvas, struct memory *memory, canvas_draw *draw, const void *user,
                       struct error *error)
{
    *canvas = (struct canvas){.memory = memory, .error = error};
    if (check_room(memory, error) == 0)
        canvas->fonts = font_set_open(memory, error);
    return canvas->fonts ? measure(canvas, draw, user) : -1;
}

int canvas_image(struct memory *memory, double dpi, canvas_draw *draw, const void *user, struct image *image,
                 struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct canvas canvas;
    *image = (struct image){0};
    int result = open_canvas(&canvas, memory, draw, user, &own) || make_image(&canvas, dpi, draw, user, image) ? -1 : 0;
    font_set_close(canvas.fonts);
    return result ? error_set(error, own.kind, "%s", own.message) : 0;
}

static int write_format(struct canvas *canvas, const char *path, enum fovea_figure_format format, double dpi,
                        canvas_draw *draw, const void *user)
{
    switch (format) {
    case FOVEA_FIGURE_SVG:
        return write_svg(canvas, path, draw, user);
    case FOVEA_FIGURE_PDF:
        return write_pdf(canvas, path, draw, user);
    default:
        return write_png(canvas, path, dpi, draw, user);
    }
}

const char *canvas_ending(int format)
{
    static const char *const endings[FOVEA_FIGURE_FORMATS] = {"png", "svg", "pdf"};
    return format >= 0 && format < FOVEA_FIGURE_FORMATS ? endings[format] : NULL;
}

int canvas_write(struct memory *memory, const char *path, unsigned formats, double dpi, canvas_draw *draw,
                 const void *user, struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct canvas canvas;
    struct text file;
    int result = open_canvas(&canvas, memory, draw, user, &own);
    for (int format = 0; result == 0 && format < FOVEA_FIGURE_FORMATS; format++) {
        if (!(formats >> format & 1))
            continue;
        text_start(&file, memory);
        text_print(&file, "%s.%s", path, canvas_ending(format));
        result = text_finish(&file, &own) ||
                         write_format(&canvas, file.data, (enum fovea_figure_format)format, dpi, draw, user)
                     ? -1
                     : 0;
        text_release(&file);
    }
    font_set_close(canvas.fonts);
    return result ? error_set(error, own.kind, "%s", own.message) : 0;
}
