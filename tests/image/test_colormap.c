#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/colormap.h"

struct lab {
    double lightness, a, b;
};

static double linear(uint8_t value)
{
    double v = value / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double lab_root(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

/* CIE 1976 L*a*b* of an sRGB colour, white D65. */
static struct lab lab_of(struct colour colour)
{
    double r = linear(colour.red), g = linear(colour.green), b = linear(colour.blue);
    double x = lab_root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    double y = lab_root(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    double z = lab_root((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    return (struct lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static struct lab lab_at(int colormap, int i)
{
    return lab_of(colormap_colour(colormap, i / 255.0));
}

static void lightness_rises(void **state)
{
    (void)state;
    static const int rising[] = {FOVEA_COLORMAP_LAGOON, FOVEA_COLORMAP_EMBER, FOVEA_COLORMAP_VIRIDIS,
                                 FOVEA_COLORMAP_CIVIDIS, FOVEA_COLORMAP_GRAY};
    for (int m = 0; m < 5; m++) {
        for (int i = 8; i < 256; i++) {
            /* 8 bits a channel round neighbours to the same colour or a hair apart. */
            assert_true(lab_at(rising[m], i).lightness > lab_at(rising[m], i - 1).lightness - 0.1);
            assert_true(lab_at(rising[m], i).lightness > lab_at(rising[m], i - 8).lightness + 0.5);
        }
        assert_true(lab_at(rising[m], 0).lightness < 15);
        assert_true(lab_at(rising[m], 255).lightness > 90);
    }
}

static void diverging_is_lightest_in_the_middle(void **state)
{
    (void)state;
    for (int i = 8; i < 128; i++) {
        assert_true(lab_at(COLORMAP_DIVERGING, i).lightness > lab_at(COLORMAP_DIVERGING, i - 8).lightness + 0.5);
        double left = lab_at(COLORMAP_DIVERGING, i).lightness, right = lab_at(COLORMAP_DIVERGING, 255 - i).lightness;
        assert_true(fabs(left - right) < 8);
    }
    struct lab middle = lab_of(colormap_colour(COLORMAP_DIVERGING, 0.5));
    assert_true(hypot(middle.a, middle.b) < 1);
}

/* Equal steps of the number look about equally far apart. */
static void steps_are_even(void **state)
{
    (void)state;
    for (int m = 0; m < COLORMAP_COUNT; m++) {
        /* Gray is plain sRGB; viridis and cividis are even by another measure, CAM02-UCS. */
        if (m == FOVEA_COLORMAP_GRAY || m == FOVEA_COLORMAP_VIRIDIS || m == FOVEA_COLORMAP_CIVIDIS)
            continue;
        double least = 1e9, most = 0;
        for (int i = 0; i + 16 < 256; i += 8) {
            struct lab from = lab_at(m, i), to = lab_at(m, i + 16);
            double step = hypot(to.lightness - from.lightness, hypot(to.a - from.a, to.b - from.b));
            /* At the crest of the diverging map, the way there and back is cut short. */
            if (m == COLORMAP_DIVERGING && i < 128 && i + 16 > 127)
                continue;
            least = step < least ? step : least;
            most = step > most ? step : most;
        }
        if (most > 1.6 * least)
            fail_msg("colormap %d: steps from %g to %g", m, least, most);
    }
}

static void ends(void **state)
{
    (void)state;
    for (int m = 0; m < COLORMAP_COUNT; m++) {
        struct colour low = colormap_colour(m, 0), below = colormap_colour(m, -HUGE_VAL);
        struct colour high = colormap_colour(m, 1), above = colormap_colour(m, 1e300);
        assert_memory_equal(&low, &below, sizeof low);
        assert_memory_equal(&high, &above, sizeof high);
        struct colour none = colormap_colour(m, nan(""));
        assert_int_equal(none.red, 128);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lightness_rises),
        cmocka_unit_test(diverging_is_lightest_in_the_middle),
        cmocka_unit_test(steps_are_even),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
