#include <math.h>
#include <unistd.h>

#include "../temporary.h"
#include "picture_fixture.h"

#include "image/axes.h"
#include "image/font_set.h"
#include "image/text_layout.h"

static const struct text_style style = {10, {0, 0, 0}, false};
static const struct pen pen = {{0, 0, 0}, 2, 0, 1};

/* What is darker than paper, in pixels. */
static double ink(const struct image *image)
{
    double sum = 0;
    for (size_t i = 0; i < image_bytes(image); i += 3)
        sum += (255 - image->pixels[i]) / 255.0;
    return sum;
}

static int red_at(const struct image *image, int x, int y)
{
    return image->pixels[3 * (y * image->width + x)];
}

static struct image play(struct memory *memory, double dpi, canvas_draw *draw, const void *user)
{
    struct error error = ERROR_INITIALISER;
    struct image image;
    if (canvas_image(memory, dpi, draw, user, &image, &error))
        fail_msg("%s", error.message);
    return image;
}

static void finish(struct memory *memory, struct image *image)
{
    image_release(memory, image);
    assert_int_equal(memory_destroy(memory), 0);
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%g is not %g", a, b);
}

/* ---- shapes ---- */

static void draw_shapes(struct canvas *canvas, const void *user)
{
    (void)user;
    canvas_fill(canvas, (struct box){10, 10, 20, 5}, (struct colour){0, 0, 0}, 1);
    canvas_line(canvas, 50, 10, 50, 40, &pen);
    canvas_rectangle(canvas, (struct box){60, 20, 30, 10}, &pen);
    canvas_ellipse(canvas, 120, 30, 15, 10, &pen);
    canvas_size(canvas, 150, 50);
}

static void shapes_cover_their_area(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = play(memory, 144, draw_shapes, NULL);
    assert_int_equal(image.width, 300);
    assert_int_equal(image.height, 100);
    double perimeter = M_PI * (3 * 25 - sqrt((3 * 15 + 10.0) * (15 + 3 * 10))); /* Ramanujan */
    assert_near(ink(&image), 4 * (20 * 5 + 2 * 30 + 2 * 80 + 2 * perimeter), 12);
    assert_int_equal(red_at(&image, 21, 21), 0);
    assert_int_equal(red_at(&image, 19, 19), 255);
    assert_int_equal(red_at(&image, 240, 60), 255); /* the ellipse's middle */
    finish(memory, &image);
}

/* Coordinates beyond every page, and none at all. */
static void draw_far(struct canvas *canvas, const void *user)
{
    static const double far[] = {-1e300, -1e6, -5, 0, 5, 1e6, 1e300, HUGE_VAL, (double)NAN};
    const int count = sizeof far / sizeof far[0];
    (void)user;
    for (int i = 0; i < count * count; i++) {
        const struct pen one = {{0, 0, 0}, 1 + i % 3, i % 2 * 3, 0.7};
        double a = far[i % count], b = far[i / count];
        canvas_line(canvas, a, 3, b, 4, &one);
        canvas_rectangle(canvas, (struct box){a, 1, b, a}, &one);
        canvas_ellipse(canvas, a, 5, b, 4, &one);
        canvas_cross(canvas, a, b, 6, &one);
        canvas_fill(canvas, (struct box){a, b, 5, 5}, one.colour, 0.1);
        canvas_text(canvas, a, b, TEXT_START, &style, "edge");
    }
    const struct colour_bar bar = {{5, -5, 3, 50}, FOVEA_COLORMAP_GRAY, (double)NAN, HUGE_VAL, "quantity", false};
    plot_colour_bar(canvas, &bar, &style);
    canvas_size(canvas, 20, 10);
}

static void everything_is_clipped(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = play(memory, 72, draw_far, NULL);
    assert_true(ink(&image) > 10);
    finish(memory, &image);
}

static void draw_pixels(struct canvas *canvas, const void *user)
{
    canvas_picture(canvas, (struct box){5, 5, 40, 20}, user, false);
    canvas_size(canvas, 50, 30);
}

static void pixels_stay_squares(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    uint8_t pixels[6] = {0, 0, 0, 200, 100, 50};
    const struct image two = {.width = 2, .height = 1, .channels = 3, .pixels = pixels};
    struct image image = play(memory, 72, draw_pixels, &two);
    for (int y = 0; y < 30; y++) {
        for (int x = 0; x < 50; x++) {
            bool inside = x >= 5 && x < 45 && y >= 5 && y < 25;
            assert_int_equal(red_at(&image, x, y), !inside ? 255 : x < 25 ? 0 : 200);
        }
    }
    finish(memory, &image);
}

static void draw_nothing(struct canvas *canvas, const void *user)
{
    const double *size = user;
    canvas_size(canvas, size[0], size[1]);
}

static void sizes_have_limits(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const double sizes[][2] = {{0, 5}, {1e9, 5}, {(double)NAN, 5}, {14000, 14000}};
    for (int i = 0; i < 4; i++) {
        struct error error = ERROR_INITIALISER;
        struct image image;
        assert_int_equal(canvas_image(memory, 300, draw_nothing, sizes[i], &image, &error), -1);
        assert_int_equal(error.kind, ERROR_LIMIT);
        assert_null(image.pixels);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* ---- text ---- */

static void draw_words(struct canvas *canvas, const void *user)
{
    double width = canvas_text_width(canvas, &style, user);
    canvas_text(canvas, 10, 20, TEXT_START, &style, user);
    canvas_text(canvas, 10 + width, 40, TEXT_END, &style, user);
    canvas_text(canvas, 10 + width / 2, 60, TEXT_MIDDLE, &style, user);
    canvas_size(canvas, width + 20, 70);
}

/* Columns between `top` and `bottom` that hold ink, first and last. */
static void extent(const struct image *image, int top, int bottom, int *left, int *right)
{
    *left = image->width;
    *right = -1;
    for (int y = top; y < bottom; y++) {
        for (int x = 0; x < image->width; x++) {
            if (red_at(image, x, y) > 200)
                continue;
            *left = x < *left ? x : *left;
            *right = x > *right ? x : *right;
        }
    }
}

/* Latin, Greek and Cyrillic, letters with marks, from right to left, what no font has, what is no UTF-8. */
static const char *const texts[] = {"Hill 123",
                                    "\xc3\xa9t\xc3\xa9 na\xc3\xafve e\xcc\x81",
                                    "\xce\xb1\xce\xb2 \xd0\xb6\xd0\xb4",
                                    "\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85 abc",
                                    "H\xf3\xb0\x80\x80H",
                                    "H\xff\xc3(H"};

static void text_is_as_wide_as_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct memory *memory = memory_create(0);
        struct image image = play(memory, 288, draw_words, texts[i]);
        int left[3], right[3];
        for (int line = 0; line < 3; line++) {
            extent(&image, 4 * (7 + 20 * line), 4 * (23 + 20 * line), &left[line], &right[line]);
            assert_true(right[line] > left[line]);
            assert_near(left[line], left[0], 1);
            assert_near(right[line], right[0], 1);
        }
        /* Within the side bearings of the first and last character. */
        assert_near(left[0], 40, 8);
        assert_near(right[0], image.width - 40, 8);
        finish(memory, &image);
    }
}

static void lines_know_their_characters(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct font_set *fonts = font_set_open(memory, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text_line line;
        int bytes = 0;
        double width = 0;
        assert_int_equal(text_line_shape(memory, fonts, false, texts[i], strlen(texts[i]), &line, NULL), 0);
        for (int run = 0; run < line.count; run++) {
            int clustered = 0, glyphs = 0;
            for (int c = 0; c < line.runs[run].cluster_count; c++) {
                clustered += line.runs[run].clusters[c].num_bytes;
                glyphs += line.runs[run].clusters[c].num_glyphs;
            }
            assert_int_equal(glyphs, line.runs[run].glyph_count);
            assert_int_equal(clustered, line.runs[run].font ? line.runs[run].length : 0);
            bytes += line.runs[run].length;
            width += line.runs[run].width;
        }
        assert_int_equal(bytes, strlen(line.text));
        assert_near(width, line.width, 1e-9);
        assert_int_equal(text_line_fitting(&line, line.width), strlen(line.text));
        assert_true(text_line_fitting(&line, line.width - 0.01) < strlen(line.text));
        assert_int_equal(text_line_fitting(&line, 0), 0);
        text_line_release(&line);
    }
    font_set_close(fonts);
    assert_int_equal(memory_destroy(memory), 0);
}

/* A private character, which no font has, and bytes that are no UTF-8. */
static void what_cannot_be_written_is_replaced(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct font_set *fonts = font_set_open(memory, NULL);
    struct text_line line;
    assert_null(font_set_find(fonts, false, 0xf0000));
    assert_non_null(font_set_find(fonts, false, 'A'));
    assert_non_null(font_set_find(fonts, true, 'A'));
    assert_int_equal(text_line_shape(memory, fonts, false, texts[4], strlen(texts[4]), &line, NULL), 0);
    assert_int_equal(line.count, 3);
    assert_null(line.runs[1].font);
    assert_near(line.runs[1].width, TEXT_BOX, 0);
    text_line_release(&line);
    assert_int_equal(text_line_shape(memory, fonts, false, texts[5], strlen(texts[5]), &line, NULL), 0);
    assert_string_equal(line.text, "H\xef\xbf\xbd\xef\xbf\xbd(H");
    text_line_release(&line);
    font_set_close(fonts);
    assert_int_equal(memory_destroy(memory), 0);
}

struct paragraph {
    const char *text;
    double width;
    int most;
    double *height;
};

static void draw_paragraph(struct canvas *canvas, const void *user)
{
    const struct paragraph *paragraph = user;
    *paragraph->height = canvas_paragraph(canvas, 5, 5, paragraph->width, paragraph->most, &style, paragraph->text) /
                         (TEXT_LINE * style.size);
    canvas_size(canvas, 300, 100);
}

static int lines_of(struct memory *memory, const char *text, double width, int most)
{
    double height;
    struct image image = play(memory, 72, draw_paragraph, &(struct paragraph){text, width, most, &height});
    for (int y = 0; y < 100 && width > style.size; y++) {
        for (int x = 8 + (int)width; x < 300; x++)
            assert_int_equal(red_at(&image, x, y), 255);
    }
    image_release(memory, &image);
    assert_near(height, floor(height + 0.5), 1e-9);
    return (int)(height + 0.5);
}

static void lines_are_wrapped(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    assert_int_equal(lines_of(memory, "wrapped here and there", 75, 9), 2);
    assert_int_equal(lines_of(memory, "wrapped here", 75, 9), 1);
    assert_int_equal(lines_of(memory, "a\n\nb\n", 75, 9), 3);
    assert_int_equal(lines_of(memory, "", 75, 9), 0);
    assert_int_equal(lines_of(memory, "narrow", 1, 9), 6);
    assert_int_equal(lines_of(memory, "unbreakable_name_of_a_value_in_a_graph", 75, 9), 3);
    assert_int_equal(lines_of(memory, "a long text that does not fit into two lines at all", 100, 2), 2);
    /* Coordinates stay whole, and numbers keep their unit. */
    assert_int_equal(lines_of(memory, "(1, 2) (3, 4)", 50, 9), 2);
    assert_int_equal(lines_of(memory, "a b c d e f 12 % g", 80, 9), 2);
    assert_int_equal(memory_destroy(memory), 0);
}

/* ---- files ---- */

static void draw_figure(struct canvas *canvas, const void *user)
{
    (void)user;
    uint8_t pixels[6] = {0, 0, 0, 200, 100, 50};
    const struct image two = {.width = 2, .height = 1, .channels = 3, .pixels = pixels};
    struct plot plot = plot_of_map((struct box){40, 20, 100, 50}, 1, 2, 0, 0);
    canvas_picture(canvas, plot.area, &two, false);
    plot_axes(canvas, &plot, &style);
    canvas_clip(canvas, plot.area);
    canvas_ellipse(canvas, 90, 45, 80, 20, &pen);
    canvas_unclip(canvas);
    plot_colour_bar(
        canvas, &(struct colour_bar){{150, 20, 8, 50}, FOVEA_COLORMAP_VIRIDIS, 0, 1e-6, "of \xce\xb1", false}, &style);
    canvas_paragraph(canvas, 10, 90, 180, 3, &style, "Findable words of a figure, \xe2\x82\xac");
    canvas_size(canvas, 220, 120);
}

static char *written(struct memory *memory, const char *path, const char *ending, size_t *length)
{
    char file[4096];
    snprintf(file, sizeof file, "%s.%s", path, ending);
    char *bytes = file_read(memory, file, 1 << 24, length, NULL);
    assert_non_null(bytes);
    unlink(file);
    return bytes;
}

static void bytes_repeat(void **state)
{
    (void)state;
    static const char *const starts[] = {"\x89PNG", "<?xml", "%PDF-"};
    struct memory *memory = memory_create(0);
    const char *path = temporary_path("figure");
    char *first[3] = {0};
    size_t lengths[3];
    for (int round = 0; round < 2; round++) {
        assert_int_equal(canvas_write(memory, path, 7, 100, draw_figure, NULL, NULL), 0);
        for (int format = 0; format < 3; format++) {
            size_t length;
            char *bytes = written(memory, path, canvas_ending(format), &length);
            assert_memory_equal(bytes, starts[format], strlen(starts[format]));
            if (round == 0) {
                first[format] = bytes;
                lengths[format] = length;
                sleep(format == 2); /* dates would differ */
                continue;
            }
            assert_int_equal(length, lengths[format]);
            assert_memory_equal(bytes, first[format], length);
            memory_release(memory, bytes);
            memory_release(memory, first[format]);
        }
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* Every allocation of ours fails once: an error, no file, nothing left. */
static void failing_allocations_are_errors(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    const char *path = temporary_path("failing");
    int result = -1, tries = 0;
    for (size_t n = 1; result != 0; n++, tries++) {
        struct error error = ERROR_INITIALISER;
        assert_true(n < 2000);
        memory_fail_after(memory, n);
        result = canvas_write(memory, path, 7, 50, draw_figure, NULL, &error);
        memory_fail_after(memory, 0);
        assert_int_equal(result == 0, error.kind == ERROR_NONE);
        assert_int_equal(memory_in_use(memory), 0);
    }
    assert_true(tries > 50);
    for (int format = 0; format < 3; format++) {
        size_t length;
        memory_release(memory, written(memory, path, canvas_ending(format), &length));
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    for (unsigned format = 0; format < 3; format++) {
        struct error error = ERROR_INITIALISER;
        assert_int_equal(canvas_write(memory, "/nonexistent/figure", 1u << format, 50, draw_figure, NULL, &error), -1);
        assert_non_null(strstr(error.message, "/nonexistent/figure."));
    }
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_cover_their_area),
        cmocka_unit_test(everything_is_clipped),
        cmocka_unit_test(pixels_stay_squares),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(text_is_as_wide_as_measured),
        cmocka_unit_test(lines_know_their_characters),
        cmocka_unit_test(what_cannot_be_written_is_replaced),
        cmocka_unit_test(lines_are_wrapped),
        cmocka_unit_test(bytes_repeat),
        cmocka_unit_test(failing_allocations_are_errors),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
