/* Floating-point numbers of 8 and 4 bits (OCP 8-bit formats and their "fnuz" variants, OCP microscaling formats). */
#ifndef FOVEA_TENSOR_SMALL_FLOAT_H
#define FOVEA_TENSOR_SMALL_FLOAT_H

#include "tensor/dtype.h"

/* How Cast takes what a type cannot hold; zeros are its defaults, and what dtype_narrow and dtype_round do. */
struct small_float_rule {
    bool overflow; /* too large becomes infinity, or NaN where there is none; else the largest number */
    enum power_rounding { POWER_UP, POWER_DOWN, POWER_NEAREST } power; /* between the powers of two of float8e8m0 */
};

/* Nearest, ties to even. float4e2m1, which has neither, takes infinities as its largest number and NaN as -0;
 * float8e8m0, which has no sign, takes the magnitude, and 0 as its least power. */
uint8_t small_float_encode(enum dtype dtype, double number, const struct small_float_rule *rule);
float small_float_decode(enum dtype dtype, uint8_t code);
/* The largest finite number. */
double small_float_largest(enum dtype dtype);

#endif
