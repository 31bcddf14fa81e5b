/* Round numbers along an axis, and their texts. */
#ifndef FOVEA_IMAGE_TICKS_H
#define FOVEA_IMAGE_TICKS_H

#include <stdbool.h>

#define MAX_TICKS 12
#define TICK_TEXT_SIZE 32
/* At most `most` (2 to MAX_TICKS) round numbers, 1, 2 or 5 times a power of ten apart, in [low, high], ascending; with
 * `whole` no fractions. Returns how many; 1 (`low`) where the range is empty, 0 where it is not finite. */
int nice_ticks(double low, double high, int most, bool whole, double ticks[MAX_TICKS]);
/* A tick's text, with as many digits as the distance `step` between ticks needs (0: there is only this one) and the
 * exponent of the `largest` magnitude among them: "0.25", "40", "0.5e-6". Returns `out`. */
const char *tick_text(double value, double step, double largest, char out[TICK_TEXT_SIZE]);
/* That exponent: 0 where numbers up to `largest` are written plainly. */
int tick_exponent(double largest);

#endif
