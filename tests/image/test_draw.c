#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/picture.h"

static const struct colour white = {255, 255, 255}, black = {0, 0, 0};

static struct image canvas(struct memory *memory, int width, int height)
{
    struct image image;
    assert_int_equal(picture_create(memory, &image, width, height, white, NULL), 0);
    return image;
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g is not %.17g", got, expected);
}

static int red_at(const struct image *image, int x, int y)
{
    return image->pixels[3 * (y * image->width + x)];
}

/* How much ink there is, in black pixels. */
static double ink(const struct image *image)
{
    double sum = 0;
    for (int i = 0; i < image->width * image->height; i++)
        sum += (255 - image->pixels[3 * i]) / 255.0;
    return sum;
}

static void finish(struct memory *memory, struct image *image)
{
    image_release(memory, image);
    assert_int_equal(memory_destroy(memory), 0);
}

static void lines_cover_their_area(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 100, 100);
    struct stroke stroke = {black, 2, 0, 1};
    draw_line(&image, 11, 50, 89, 50, &stroke);
    assert_near(ink(&image), 80 * 2, 0.01);
    assert_int_equal(red_at(&image, 40, 49), 0);
    assert_int_equal(red_at(&image, 40, 50), 0);
    assert_int_equal(red_at(&image, 40, 51), 255);
    draw_fill(&image, (struct rectangle){0, 0, 100, 100}, white, 1);
    stroke.width = 3;
    draw_line(&image, 20, 20, 80, 65, &stroke);
    assert_near(ink(&image), 78 * 3, 8);
    draw_fill(&image, (struct rectangle){-50, -50, 2000, 2000}, white, 1);
    stroke = (struct stroke){black, 1, 5, 1};
    draw_line(&image, 10.5, 30.5, 90.5, 30.5, &stroke);
    assert_near(ink(&image), 40, 3);
    draw_fill(&image, (struct rectangle){10, 10, 20, 20}, black, 0.5);
    assert_int_equal(red_at(&image, 15, 15), 128);
    finish(memory, &image);
}

static void rectangles_have_their_outline(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 60, 60);
    struct stroke stroke = {black, 2, 0, 0.5};
    draw_rectangle(&image, 10, 20, 30, 20, &stroke);
    assert_near(ink(&image), (32 * 22 - 28 * 18) / 2.0, 1.5);
    assert_int_equal(red_at(&image, 9, 19), 128);
    assert_int_equal(red_at(&image, 40, 40), 128);
    assert_int_equal(red_at(&image, 41, 41), 255);
    assert_int_equal(red_at(&image, 20, 30), 255);
    finish(memory, &image);
}

static void ellipses_have_their_radius(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 100, 100);
    struct stroke stroke = {black, 2, 0, 1};
    draw_ellipse(&image, 50, 50, 30, 30, 0, &stroke);
    assert_near(ink(&image), 2 * M_PI * 30 * 2, 4);
    assert_near(red_at(&image, 80, 50), 0, 3);
    assert_int_equal(red_at(&image, 50, 50), 255);
    draw_fill(&image, (struct rectangle){0, 0, 100, 100}, white, 1);
    draw_ellipse(&image, 50, 50, 40, 10, M_PI / 2, &stroke); /* upright */
    assert_near(red_at(&image, 50, 10), 0, 3);
    assert_near(red_at(&image, 59, 50), 0, 3);
    assert_int_equal(red_at(&image, 80, 50), 255);
    finish(memory, &image);
}

/* A text broken at `width` looks as another with its breaks in place. */
static void assert_lines_equal(struct memory *memory, const char *text, int width, const char *broken)
{
    const struct label_style style = {black, 1};
    struct image a = canvas(memory, 200, 60), b = canvas(memory, 200, 60);
    picture_text(&a, 2, 2, width, 5, text, &style);
    picture_text(&b, 2, 2, 190, 5, broken, &style);
    assert_memory_equal(a.pixels, b.pixels, image_bytes(&a));
    image_release(memory, &a);
    image_release(memory, &b);
}

/* Shapes that cross every edge of a canvas of 20 x 10, moved by (x, y). */
static void draw_across_edges(struct image *image, int x, int y)
{
    static const double places[] = {-9, -2.5, 4, 12, 23.25};
    const int count = sizeof places / sizeof places[0];
    for (int i = 0; i < count * count; i++) {
        struct stroke stroke = {black, 1 + i % 3, 0, 0.3};
        double first = places[i % count], second = places[i / count];
        draw_line(image, x + first, y + 3, x + second, y + 8, &stroke);
        draw_rectangle(image, x + first, y + 1, 6, second, &stroke);
        draw_ellipse(image, x + first, y + second, 7, 4, 1, &stroke);
        draw_cross(image, x + first, y + second, 6, &stroke);
    }
    draw_fill(image, (struct rectangle){x - 4, y - 4, 8, 8}, black, 0.5);
    draw_fill(image, (struct rectangle){x + 15, y + 7, 9, 9}, black, 0.5);
    draw_text(image, x - 3, y - 2, "edge", 2, TEXT_RIGHT, black);
    draw_text(image, x + 14, y + 12, "edge", 1, TEXT_UP, black);
}

static void a_clipped_drawing_is_a_part_of_the_whole(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image part = canvas(memory, 20, 10), whole = canvas(memory, 100, 90);
    draw_across_edges(&part, 0, 0);
    draw_across_edges(&whole, 40, 40);
    for (int y = 0; y < 10; y++)
        assert_memory_equal(part.pixels + 3 * 20 * y, whole.pixels + 3 * (100 * (40 + y) + 40), 3 * 20);
    assert_true(ink(&part) > 20);
    image_release(memory, &part);
    finish(memory, &whole);
}

/* Coordinates beyond every image, and none at all: nothing outside of the pixels is written, as the sanitisers see. */
static void everything_is_clipped(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 20, 10);
    static const double far[] = {-1e300, -1e6, -5, 0, 5, 1e6, 1e300, HUGE_VAL, (double)NAN};
    const int count = sizeof far / sizeof far[0];
    for (int i = 0; i < count * count; i++) {
        struct stroke stroke = {black, 1 + i % 3, i % 2 * 3, 0.7};
        draw_line(&image, far[i % count], 3, far[i / count], 4, &stroke);
        draw_rectangle(&image, far[i % count], 1, far[i / count], far[i % count], &stroke);
        draw_ellipse(&image, far[i % count], 5, far[i / count], 4, 1, &stroke);
        draw_cross(&image, far[i % count], far[i / count], 6, &stroke);
    }
    draw_fill(&image, (struct rectangle){2000000000, 5, 2000000000, 5}, black, 1);
    draw_fill(&image, (struct rectangle){-2000000000, -5, 5, 2000000000}, black, 1);
    draw_text(&image, -30, -3, "clipped at every side", 3, TEXT_RIGHT, black);
    draw_text(&image, 15, 40, "clipped at every side", 3, TEXT_UP, black);
    float values[4] = {0, NAN, INFINITY, -INFINITY};
    struct number_map map = {values, 2, 2, 0, 1, COLORMAP_EMBER, true};
    picture_map(&image, (struct rectangle){-5, -5, 100, 30}, &map);
    struct plot plot = plot_of_map((struct rectangle){-5, -5, 100, 30}, 2, 2);
    picture_axes(&image, &plot, &(struct label_style){black, 2});
    const struct colour_bar bar = {{5, -5, 3, 50}, COLORMAP_GRAY, nan(""), HUGE_VAL, "quantity"};
    picture_colour_bar(&image, &bar, &(struct label_style){black, 1});
    finish(memory, &image);
}

static void every_character_has_a_shape_of_its_own(void **state)
{
    (void)state;
    for (char a = '!'; a <= '~'; a++) {
        const struct glyph *glyph = font_glyph(a);
        int set = 0, columns = 0;
        for (int row = 0; row < FONT_HEIGHT; row++) {
            set += glyph->rows[row] != 0;
            columns |= glyph->rows[row];
        }
        assert_true(set > 0 && glyph->width >= 1 && glyph->width <= 5);
        /* Nothing sticks out of the width; digits are all as wide, others have no empty column at the left. */
        assert_int_equal(columns & (31 >> glyph->width), 0);
        assert_true(a >= '0' && a <= '9' ? glyph->width == 5 : (columns & 16) != 0);
        for (char b = '!'; b < a; b++)
            assert_memory_not_equal(glyph->rows, font_glyph(b)->rows, FONT_HEIGHT);
    }
    assert_ptr_equal(font_glyph('\n'), font_glyph('?'));
    assert_ptr_equal(font_glyph((char)0xc3), font_glyph('?'));
}

static void text_is_as_wide_as_measured(void **state)
{
    (void)state;
    static const char text[] = "Unit (3, 3): jgpqy_|";
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 400, 60);
    double inks[2];
    for (int scale = 1; scale <= 3; scale += 2) {
        draw_fill(&image, (struct rectangle){0, 0, 400, 60}, white, 1);
        draw_text(&image, 10, 10, text, scale, TEXT_RIGHT, black);
        int left = 400, right = 0, top = 60, bottom = 0;
        for (int i = 0; i < 400 * 60; i++) {
            if (red_at(&image, i % 400, i / 400) == 255)
                continue;
            left = i % 400 < left ? i % 400 : left;
            right = i % 400 > right ? i % 400 : right;
            top = i / 400 < top ? i / 400 : top;
            bottom = i / 400 > bottom ? i / 400 : bottom;
        }
        assert_int_equal(left, 10);
        assert_int_equal(right - left + 1, text_width(text, scale));
        assert_int_equal(top, 10);
        assert_int_equal(bottom - top + 1, FONT_HEIGHT * scale);
        inks[scale / 2] = ink(&image);
    }
    assert_near(inks[1], 9 * inks[0], 0.01);
    assert_int_equal(text_fitting(text, 3, text_width(text, 3)), strlen(text));
    assert_int_equal(text_fitting(text, 3, text_width(text, 3) - 1), strlen(text) - 1);
    assert_int_equal(text_width("", 3), 0);
    finish(memory, &image);
}

static void lines_are_wrapped(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 300, 100);
    struct label_style style = {black, 1};
    int words = text_width("wrapped here", 1);
    assert_int_equal(picture_text(NULL, 0, 0, words, 9, "wrapped here and there", &style), 2);
    assert_int_equal(picture_text(NULL, 0, 0, words, 9, "wrapped here", &style), 1);
    assert_int_equal(picture_text(NULL, 0, 0, words, 9, "a\n\nb\n", &style), 3);
    assert_int_equal(picture_text(NULL, 0, 0, words, 9, "unbreakable_name_of_a_value_in_a_graph", &style), 4);
    assert_int_equal(picture_text(NULL, 0, 0, 1, 9, "narrow", &style), 6);
    assert_int_equal(picture_text(NULL, 0, 0, words, 9, "", &style), 0);
    /* Coordinates stay whole, and a last word does not stand alone: drawn over each other the lines are the same. */
    int line = text_width("at the place (1, 23).", 1);
    assert_lines_equal(memory, "at the place (1, 23).", line - 2, "at the place\n(1, 23).");
    assert_lines_equal(memory, "some words and an x.", text_width("some words and an x", 1), "some words\nand an x.");
    assert_int_equal(picture_text(&image, 0, 0, 100, 2, "a long text that does not fit into two lines at all", &style),
                     2);
    for (int y = 0; y < 100; y++) {
        for (int x = 100; x < 300; x++)
            assert_int_equal(red_at(&image, x, y), 255);
    }
    finish(memory, &image);
}

static void ticks_are_round(void **state)
{
    (void)state;
    double ticks[MAX_TICKS];
    char text[TICK_TEXT_SIZE];
    assert_int_equal(nice_ticks(-0.5, 27.5, 6, true, ticks), 6);
    assert_near(ticks[0], 0, 0);
    assert_near(ticks[5], 25, 0);
    assert_int_equal(nice_ticks(0, 3.2e-6, 8, false, ticks), 7);
    assert_near(ticks[6], 3e-6, 1e-18);
    assert_int_equal(nice_ticks(-0.5, 1.5, 8, true, ticks), 2);
    assert_int_equal(nice_ticks(5, 5, 8, false, ticks), 1);
    assert_int_equal(nice_ticks(0, HUGE_VAL, 8, false, ticks), 0);
    for (int i = 0; i < 4000; i++) {
        double low = sin(i) * pow(10, i % 40 - 20), high = low + fabs(cos(i)) * pow(10, i % 7 - 3) * fabs(low);
        int most = 2 + i % 11, count = nice_ticks(low, high, most, false, ticks);
        assert_true(count >= 0 && count <= most);
        for (int t = 0; t < count; t++)
            assert_true(ticks[t] >= low - 1e-6 * (high - low) && ticks[t] <= high + 1e-6 * (high - low));
    }
    assert_string_equal(tick_text(0.25, 0.05, 1, text), "0.25");
    assert_string_equal(tick_text(40, 20, 100, text), "40");
    assert_string_equal(tick_text(5e-7, 5e-7, 3e-6, text), "0.5e-6");
    assert_string_equal(tick_text(3e-6, 5e-7, 3e-6, text), "3.0e-6");
    assert_string_equal(tick_text(-2e7, 1e7, 3e7, text), "-2e7");
    assert_string_equal(tick_text(1e-22, 0.1, 1, text), "0");
    assert_int_equal(tick_exponent(3.2e-6), -6);
    assert_int_equal(tick_exponent(0.5), 0);
}

static void maps_are_drawn_in_place(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = canvas(memory, 40, 40);
    const float values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct number_map map = {values, 4, 4, 0, 15, COLORMAP_GRAY, false};
    picture_map(&image, (struct rectangle){8, 8, 16, 16}, &map);
    struct plot plot = plot_of_map((struct rectangle){8, 8, 16, 16}, 4, 4);
    for (int i = 0; i < 16; i++) {
        int x = (int)plot_x(&plot, i % 4), y = (int)plot_y(&plot, (double)(i / 4));
        assert_int_equal(red_at(&image, x, y), 17 * i);
        assert_int_equal(red_at(&image, x - 2, y + 1), 17 * i);
    }
    assert_int_equal(red_at(&image, 7, 8), 255);
    assert_int_equal(red_at(&image, 24, 23), 255);
    picture_map(&image, (struct rectangle){30, 30, 1, 1}, &map);
    assert_int_equal(red_at(&image, 30, 30), 128); /* the mean, 7.5 of 15 */
    picture_map(&image, (struct rectangle){30, 30, 2, 2}, &map);
    assert_int_equal(red_at(&image, 31, 30), 77); /* the mean of 2, 3, 6, 7 is 4.5, times 17 */
    finish(memory, &image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_cover_their_area),
        cmocka_unit_test(rectangles_have_their_outline),
        cmocka_unit_test(ellipses_have_their_radius),
        cmocka_unit_test(a_clipped_drawing_is_a_part_of_the_whole),
        cmocka_unit_test(everything_is_clipped),
        cmocka_unit_test(every_character_has_a_shape_of_its_own),
        cmocka_unit_test(text_is_as_wide_as_measured),
        cmocka_unit_test(lines_are_wrapped),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(maps_are_drawn_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
