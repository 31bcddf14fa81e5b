#include "image/ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* The smallest of 1, 2, 5 times a power of ten that is at least `step`. */
static double round_up_step(double step)
{
    double power = pow(10, floor(log10(step)));
    for (int i = 0; i < 3; i++) {
        static const double factors[] = {1, 2, 5};
        if (factors[i] * power >= step * (1 - 1e-9))
            return factors[i] * power;
    }
    return 10 * power;
}

int nice_ticks(double low, double high, int most, bool whole, double ticks[MAX_TICKS])
{
    most = most < 2 ? 2 : most > MAX_TICKS ? MAX_TICKS : most;
    if (!isfinite(low) || !isfinite(high) || !isfinite(high - low))
        return 0;
    ticks[0] = low;
    /* Below this the numbers could not be told apart, or the step is no normal number. */
    if (!(high - low > 1e-9 * fmax(fabs(low), fabs(high))) || high - low < 1e-300)
        return 1;
    double step = round_up_step((high - low) / most);
    step = whole && step < 1 ? 1 : step;
    for (int attempt = 0; attempt < 4; attempt++) {
        double first = ceil(low / step - 1e-6), last = floor(high / step + 1e-6);
        if (last - first + 1 <= most) {
            int count = last >= first ? (int)(last - first) + 1 : 0;
            for (int i = 0; i < count; i++)
                ticks[i] = (first + i) * step;
            return count;
        }
        step = round_up_step(step * 1.5);
    }
    return 1;
}

int tick_exponent(double largest)
{
    bool plain = !(largest > 0) || !isfinite(largest) || (largest >= 1e-3 && largest < 1e6);
    return plain ? 0 : (int)floor(log10(largest) + 1e-9);
}

const char *tick_text(double value, double step, double largest, char out[TICK_TEXT_SIZE])
{
    largest = fmax(fmax(fabs(largest), fabs(value)), fabs(step));
    if (!(fabs(value) > 1e-6 * fabs(step)))
        return memcpy(out, "0", 2);
    int of_largest = (int)floor(log10(largest) + 1e-9);
    int of_step = step > 0 ? (int)floor(log10(step) + 1e-9) : of_largest - 3;
    int exponent = tick_exponent(largest), decimals = exponent - of_step;
    decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
    int length = text_format(out, TICK_TEXT_SIZE, "%.*f", decimals, exponent ? value / pow(10, exponent) : value);
    if (exponent && length < TICK_TEXT_SIZE)
        snprintf(out + length, (size_t)(TICK_TEXT_SIZE - length), "e%d", exponent);
    return out;
}
