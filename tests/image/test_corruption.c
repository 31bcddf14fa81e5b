/* Corruptions against their definitions on small pictures, and their repetition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image/corruption.h"

#define SIDE 32

struct picture {
    struct memory *memory;
    struct image image;
};

static struct picture make_picture(int channels, uint8_t (*value)(int y, int x, int c))
{
    struct error error = ERROR_INITIALISER;
    struct picture picture = {.memory = memory_create(0)};
    assert_int_equal(image_allocate(picture.memory, &picture.image, SIDE, SIDE, channels, &error), 0);
    for (int i = 0; i < SIDE * SIDE * channels; i++)
        picture.image.pixels[i] = value(i / channels / SIDE, i / channels % SIDE, i % channels);
    return picture;
}

static void release(struct picture *picture)
{
    image_release(picture->memory, &picture->image);
    assert_int_equal(memory_destroy(picture->memory), 0);
}

static void corrupt(struct picture *picture, enum corruption corruption, int severity, uint64_t index)
{
    struct error error = ERROR_INITIALISER;
    assert_int_equal(corruption_apply(picture->memory, &picture->image, corruption, severity, 1, index, &error), 0);
}

static uint8_t gray(int y, int x, int c)
{
    (void)y;
    (void)x;
    (void)c;
    return 102; /* 0.4 */
}

static uint8_t ramp(int y, int x, int c)
{
    return (uint8_t)(40 + 5 * x + c * 10 + (y & 1));
}

static uint8_t point(int y, int x, int c)
{
    (void)c;
    return y == SIDE / 2 && x == SIDE / 2 ? 255 : 0;
}

static double mean_of(const struct picture *picture, double *deviation)
{
    int count = SIDE * SIDE * picture->image.channels;
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++)
        sum += picture->image.pixels[i] / 255.0 / count;
    for (int i = 0; i < count; i++)
        squares += pow(picture->image.pixels[i] / 255.0 - sum, 2) / count;
    *deviation = sqrt(squares);
    return sum;
}

static void check_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.6g, expected %.6g within %g", got, expected, tolerance);
}

static void test_noise_has_its_moments(void **state)
{
    (void)state;
    const struct {
        enum corruption corruption;
        double mean, deviation;
    } expected[] = {
        {CORRUPTION_GAUSSIAN_NOISE, 0.4, 0.12},
        {CORRUPTION_SHOT_NOISE, 0.4, 0.1265}, /* sqrt(0.4 / 25) */
        {CORRUPTION_IMPULSE_NOISE, 0.4 * 0.94 + 0.03, 0.1216},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct picture picture = make_picture(3, gray);
        double deviation;
        corrupt(&picture, expected[i].corruption, 2, 5);
        check_near(mean_of(&picture, &deviation), expected[i].mean, 0.01);
        check_near(deviation, expected[i].deviation, 0.01);
        release(&picture);
    }
}

static void test_colours_follow_their_formulas(void **state)
{
    (void)state;
    struct picture picture = make_picture(3, ramp), before = make_picture(3, ramp);
    corrupt(&picture, CORRUPTION_BRIGHTNESS, 2, 0);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        assert_int_equal(picture.image.pixels[i], fmin(before.image.pixels[i] + 51, 255));
    release(&picture);
    picture = make_picture(3, ramp);
    corrupt(&picture, CORRUPTION_GAMMA, 4, 0);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        check_near(picture.image.pixels[i], 255 * pow(before.image.pixels[i] / 255.0, 2.2), 0.51);
    release(&picture);
    picture = make_picture(1, ramp);
    corrupt(&picture, CORRUPTION_CONTRAST_DOWN, 3, 0);
    for (int i = 0; i < SIDE * SIDE; i++) {
        int value = ramp(i / SIDE, i % SIDE, 0);
        check_near(picture.image.pixels[i], 118 + 0.2 * (value - 118), 0.51); /* the ramp's mean is 118 */
    }
    release(&picture);
    picture = make_picture(3, ramp);
    corrupt(&picture, CORRUPTION_HUE, 5, 0); /* half a turn, luma stays */
    for (int i = 0; i < SIDE * SIDE; i++) {
        const uint8_t *a = before.image.pixels + 3 * i, *b = picture.image.pixels + 3 * i;
        check_near(0.299 * b[0] + 0.587 * b[1] + 0.114 * b[2], 0.299 * a[0] + 0.587 * a[1] + 0.114 * a[2], 1);
    }
    release(&picture);
    picture = make_picture(1, ramp);
    corrupt(&picture, CORRUPTION_SATURATION, 5, 0); /* nothing to do */
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(picture.image.pixels[i], ramp(i / SIDE, i % SIDE, 0));
    release(&picture);
    release(&before);
}

/* A point keeps its sum and spreads evenly to all sides. */
static void test_blurs_spread_a_point(void **state)
{
    (void)state;
    const enum corruption blurs[] = {CORRUPTION_GAUSSIAN_BLUR, CORRUPTION_DEFOCUS_BLUR, CORRUPTION_MOTION_BLUR};
    for (size_t i = 0; i < 3; i++) {
        struct picture picture = make_picture(1, point);
        corrupt(&picture, blurs[i], 5, 3);
        double sum = 0, y_moment = 0, x_moment = 0;
        for (int k = 0; k < SIDE * SIDE; k++) {
            sum += picture.image.pixels[k];
            y_moment += picture.image.pixels[k] * (k / SIDE - SIDE / 2.0);
            x_moment += picture.image.pixels[k] * (k % SIDE - SIDE / 2.0);
        }
        check_near(sum, 255, 12); /* rounding of many small values */
        check_near(y_moment / sum, 0, 0.1);
        check_near(x_moment / sum, 0, 0.1);
        assert_true(picture.image.pixels[SIDE / 2 * SIDE + SIDE / 2] < 200);
        release(&picture);
    }
}

static void test_geometry(void **state)
{
    (void)state;
    struct picture picture = make_picture(1, ramp);
    corrupt(&picture, CORRUPTION_SCALE, 5, 0); /* half the size: the middle row shows columns at twice the distance */
    const uint8_t *row = picture.image.pixels + 15 * SIDE;
    check_near(row[20], 40 + 5 * (15.5 + 2 * 4.5), 1);
    check_near(row[31], 40 + 5 * 31, 1.1); /* the edge is repeated */
    release(&picture);
    picture = make_picture(1, ramp);
    corrupt(&picture, CORRUPTION_PIXELATE, 1, 0);
    for (int y = 0; y < SIDE; y += 2) {
        for (int x = 0; x < SIDE; x += 2)
            check_near(picture.image.pixels[y * SIDE + x], 40 + 5 * x + 2.5 + 0.5, 0.51);
    }
    release(&picture);
    picture = make_picture(3, gray);
    for (int corruption = CORRUPTION_SHIFT; corruption <= CORRUPTION_SCALE; corruption++)
        corrupt(&picture, (enum corruption)corruption, 3, 8); /* a flat picture stays what it is */
    corrupt(&picture, CORRUPTION_JPEG, 5, 0);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        check_near(picture.image.pixels[i], 102, 2);
    release(&picture);
}

static void test_repetition(void **state)
{
    (void)state;
    for (int corruption = 0; fovea_corruption_name(corruption); corruption++) {
        for (int severity = 1; severity <= FOVEA_SEVERITIES; severity++) {
            struct picture a = make_picture(3, ramp), b = make_picture(3, ramp), c = make_picture(3, ramp);
            corrupt(&a, (enum corruption)corruption, severity, 4);
            corrupt(&b, (enum corruption)corruption, severity, 4);
            corrupt(&c, (enum corruption)corruption, severity, 6);
            assert_memory_equal(a.image.pixels, b.image.pixels, image_bytes(&a.image));
            bool noise = corruption <= CORRUPTION_IMPULSE_NOISE || corruption == CORRUPTION_SHIFT;
            assert_true(!noise || memcmp(a.image.pixels, c.image.pixels, image_bytes(&a.image)) != 0);
            release(&a);
            release(&b);
            release(&c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_noise_has_its_moments),
                                       cmocka_unit_test(test_colours_follow_their_formulas),
                                       cmocka_unit_test(test_blurs_spread_a_point), cmocka_unit_test(test_geometry),
                                       cmocka_unit_test(test_repetition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
