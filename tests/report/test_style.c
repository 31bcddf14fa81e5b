/* The page's own colours, of its style sheet: text is told from what is under it as WCAG 2.1 wants (AA). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/html.h"

/* Where each mode's colours begin. */
static const struct {
    const char *name, *start;
} modes[] = {{"light", ":root {"}, {"dark", "@media (prefers-color-scheme:dark)"}, {"print", "@media print"}};
#define MODES (sizeof modes / sizeof modes[0])

static unsigned colour_of(size_t mode, const char *name)
{
    char wanted[24], digits[8];
    const char *start = strstr(html_style, modes[mode].start),
               *end = start ? strchr(strstr(start, ":root"), '}') : NULL;
    assert_non_null(start);
    snprintf(wanted, sizeof wanted, "--%s: #", name);
    const char *found = strstr(start, wanted);
    if (!found || found > end)
        fail_msg("%s has no colour %s", modes[mode].name, name);
    found += strlen(wanted);
    size_t length = strspn(found, "0123456789abcdef");
    if (length == 3)
        snprintf(digits, sizeof digits, "%c%c%c%c%c%c", found[0], found[0], found[1], found[1], found[2], found[2]);
    else
        snprintf(digits, sizeof digits, "%.6s", found);
    assert_true(length == 3 || length == 6);
    return (unsigned)strtoul(digits, NULL, 16);
}

static double luminance(unsigned colour)
{
    static const double weights[] = {0.0722, 0.7152, 0.2126};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double part = (colour >> 8 * i & 255) / 255.0;
        sum += weights[i] * (part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(unsigned a, unsigned b)
{
    double first = luminance(a) + 0.05, second = luminance(b) + 0.05;
    return first > second ? first / second : second / first;
}

/* Over the page and over the cards of findings. */
static void assert_contrast(const char *const *names, size_t count, double least)
{
    static const char *const grounds[] = {"paper", "card"};
    for (size_t mode = 0; mode < MODES; mode++) {
        for (size_t i = 0; i < 2 * count; i++) {
            double found = contrast(colour_of(mode, names[i / 2]), colour_of(mode, grounds[i % 2]));
            if (found < least)
                fail_msg("%s: %s on %s has %.2f, not %.1f", modes[mode].name, names[i / 2], grounds[i % 2], found,
                         least);
        }
    }
}

static void contrast_is_computed_right(void **state)
{
    (void)state;
    assert_true(fabs(contrast(0x000000, 0xffffff) - 21) < 1e-9);
    assert_true(fabs(contrast(0x767676, 0xffffff) - 4.54) < 0.01);
    assert_true(fabs(contrast(0x2b7f8f, 0xfbfbf9) - 4.47) < 0.01);
}

static void text_can_be_read(void **state)
{
    static const char *const texts[] = {"ink", "soft", "deep", "water", "s0", "s1", "s2", "s3", "s4", "s5", "l1"};
    (void)state;
    assert_contrast(texts, sizeof texts / sizeof texts[0], 4.5);
}

static void lines_can_be_seen(void **state)
{
    static const char *const lines[] = {"l0", "l1", "l2", "s2"};
    (void)state;
    assert_contrast(lines, sizeof lines / sizeof lines[0], 3);
}

/* Nothing colours text but what was looked at. */
static void colours_are_those_of_the_sheet(void **state)
{
    (void)state;
    for (const char *at = html_style; (at = strstr(at, "color: ")) != NULL; at += 7) {
        bool background = at - html_style >= 11 && strncmp(at - 11, "background-", 11) == 0;
        bool border = at > html_style && at[-1] == '-' && !background;
        const char *value = at + 7;
        assert_true(border || background || strncmp(value, "var(--", 6) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contrast_is_computed_right),
        cmocka_unit_test(text_can_be_read),
        cmocka_unit_test(lines_can_be_seen),
        cmocka_unit_test(colours_are_those_of_the_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
