/* Numbers and pictures of maps against closed forms. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/gaussian_fit.h"
#include "analysis/imbalance.h"
#include "analysis/localisation.h"
#include "analysis/spread.h"

static void check_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g within %g", got, expected, tolerance);
}

#define HEIGHT 60
#define WIDTH 84

static void fill_gaussian(double *map, double yc, double xc, double sy, double sx, double noise)
{
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        double dy = (i / WIDTH - yc) / sy, dx = (i % WIDTH - xc) / sx;
        map[i] = 3 * exp(-(dy * dy + dx * dx) / 2) * (1 + noise * sin(1.7 * i) * cos(0.3 * i * i));
    }
}

static void test_fit_finds_a_gaussian(void **state)
{
    (void)state;
    static double map[HEIGHT * WIDTH];
    struct error error = ERROR_INITIALISER;
    struct memory *memory = memory_create(0);
    struct fovea_gaussian fit;
    fill_gaussian(map, 26.25, 47.5, 6.5, 9.25, 0);
    assert_int_equal(gaussian_fit(memory, map, HEIGHT, WIDTH, &fit, &error), 0);
    assert_true(fit.converged);
    check_near(fit.centre[0], 26.25, 1e-6);
    check_near(fit.centre[1], 47.5, 1e-6);
    check_near(fit.sigma[0], 6.5, 1e-6);
    check_near(fit.sigma[1], 9.25, 1e-6);
    check_near(fit.r_squared, 1, 1e-9);
    check_near(fit.amplitude, 1, 1e-3); /* nearly all of it lies inside the map */
    fill_gaussian(map, 26.25, 47.5, 6.5, 9.25, 0.3);
    assert_int_equal(gaussian_fit(memory, map, HEIGHT, WIDTH, &fit, &error), 0);
    assert_true(fit.converged && fit.r_squared < 0.999 && fit.r_squared > 0.8);
    check_near(fit.sigma[0], 6.5, 0.2);
    memset(map, 0, sizeof map);
    assert_int_equal(gaussian_fit(memory, map, HEIGHT, WIDTH, &fit, &error), 0);
    assert_false(fit.converged);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_spreading_keeps_sums(void **state)
{
    (void)state;
    static const double map[6] = {1, -2, 0.5, 4, 0, -0.25};
    static float out[HEIGHT * WIDTH];
    struct error error = ERROR_INITIALISER;
    struct memory *memory = memory_create(0);
    /* One cell lies outside the image, another far outside. */
    const struct spread_place place = {{2, 3}, {HEIGHT, WIDTH}, {20, -3}, {30, 500}};
    const double sigmas[3][2] = {{8, 12}, {0.05, 0.05}, {300, 300}};
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        assert_int_equal(spread_gaussian(memory, map, &place, sigmas[i], out, &error), 0);
        for (int pixel = 0; pixel < HEIGHT * WIDTH; pixel++)
            sum += (double)out[pixel];
        check_near(sum, 3.25, 1e-4);
    }
    /* A narrow Gaussian at (20, ...) leaves the rest of the image alone. */
    assert_int_equal(spread_gaussian(memory, map, &place, sigmas[1], out, &error), 0);
    check_near((double)out[20 * WIDTH], 1, 1e-6);
    check_near((double)out[50 * WIDTH], 4, 1e-6);
    check_near((double)out[20 * WIDTH + WIDTH - 1], -1.5, 1e-6);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_bilinear_is_exact_between_centres(void **state)
{
    (void)state;
    static const double map[4] = {0, 8, 16, 24};
    static const int64_t cells[2] = {2, 2}, pixels[2] = {8, 8};
    float out[64];
    spread_bilinear(map, cells, pixels, out);
    check_near((double)out[0], 0, 1e-6);
    check_near((double)out[63], 24, 1e-6);
    /* Pixel 2 lies at (2.5 * 2 / 8) - 0.5 = 0.125 between the cells. */
    check_near((double)out[2 * 8 + 2], 0.125 * 8 + 0.125 * 16, 1e-5);
}

static void test_checkerboard(void **state)
{
    (void)state;
    static double map[16 * 16];
    struct fovea_phases phase;
    for (int i = 0; i < 256; i++)
        map[i] = 1 + ((i / 16 % 2 == 0) && (i % 2 == 0) ? 2 : 0); /* every fourth pixel is 3, the others 1 */
    double imbalance[2];
    imbalance_measure(map, 16, 16, imbalance);
    /* Half of the lines hold 3,1,3,...: differences 2 and 4; the others none. */
    check_near(imbalance[0], 1, 1e-12);
    check_near(imbalance[1], 2, 1e-12);
    assert_true(phase_imbalance_measure(map, 16, 16, 2, &phase));
    check_near(phase.ratio, 3, 1e-12);
    assert_int_equal(phase.largest[0], 0);
    assert_int_equal(phase.largest[1], 0);
    assert_true(phase_imbalance_measure(map, 16, 16, 3, &phase));
    assert_true(phase.ratio < 1.5); /* the wrong period hardly shows */
    assert_false(phase_imbalance_measure(map, 16, 16, 1, &phase));
    assert_false(phase_imbalance_measure(map, 16, 16, 17, &phase));
}

static void test_localisation(void **state)
{
    (void)state;
    static const float pixels[6] = {-3, 1, 4, 2, 1, 0};
    static const uint8_t mask[6] = {1, 0, 255, 0, 1, 0};
    struct fovea_localisation measured;
    localisation_measure(pixels, mask, 6, &measured);
    check_near(measured.energy, 5.0 / 8, 1e-12);
    assert_true(measured.pointing);
    check_near(measured.iou, 1.0 / 4, 1e-12); /* region: 4 and 2 */
    localisation_measure((const float[]){-1, -2}, (const uint8_t[]){1, 1}, 2, &measured);
    assert_false(measured.pointing);
    check_near(measured.energy + measured.iou, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit_finds_a_gaussian),
                                       cmocka_unit_test(test_spreading_keeps_sums),
                                       cmocka_unit_test(test_bilinear_is_exact_between_centres),
                                       cmocka_unit_test(test_checkerboard), cmocka_unit_test(test_localisation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
