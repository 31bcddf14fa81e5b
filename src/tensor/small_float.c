#include "tensor/small_float.h"

#include <math.h>
#include <string.h>

/* Codes without the sign: exponent and `mantissa` bits of fraction; least_exponent is that of the subnormals. */
struct format {
    int bits, mantissa, least_exponent;
    uint8_t most, infinity, nan;
    bool one_zero; /* the code of -0 is NaN */
};

static const struct format *format_of(enum dtype dtype)
{
    static const struct format e4m3fn = {8, 3, -6, 0x7e, 0x7f, 0x7f, false};
    static const struct format e4m3fnuz = {8, 3, -7, 0x7f, 0x80, 0x80, true};
    static const struct format e5m2 = {8, 2, -14, 0x7b, 0x7c, 0x7e, false};
    static const struct format e5m2fnuz = {8, 2, -15, 0x7f, 0x80, 0x80, true};
    static const struct format e2m1 = {4, 1, 0, 0x7, 0x7, 0x8, false};
    switch (dtype) {
    case DTYPE_FLOAT8E4M3FN:
        return &e4m3fn;
    case DTYPE_FLOAT8E4M3FNUZ:
        return &e4m3fnuz;
    case DTYPE_FLOAT8E5M2:
        return &e5m2;
    case DTYPE_FLOAT8E5M2FNUZ:
        return &e5m2fnuz;
    default:
        return &e2m1;
    }
}

enum { DOUBLE_FRACTION = 52, DOUBLE_BIAS = 1023, POWER_BIAS = 127, POWER_NAN = 255 };

static uint8_t encode_power(double number, const struct small_float_rule *rule)
{
    int exponent, most = POWER_NAN - 1;
    if (isnan(number))
        return POWER_NAN;
    if (isinf(number) || number == 0)
        return rule->overflow ? POWER_NAN : (uint8_t)(number == 0 ? 0 : most);
    double fraction = frexp(fabs(number), &exponent); /* in [0.5, 1) */
    int code = exponent - 1 + POWER_BIAS;
    bool below = code < 0;
    if (rule->power == POWER_UP ? fraction > 0.5 : rule->power == POWER_NEAREST && fraction >= 0.75)
        code++;
    if (rule->overflow && (below || code > most))
        return POWER_NAN;
    return (uint8_t)(code < 0 ? 0 : code > most ? most : code);
}

/* The code of a finite magnitude, which may be beyond the largest: of its double's bits, rounded to the format's
 * fraction; a carry goes into the exponent. */
static uint64_t round_magnitude(const struct format *format, uint64_t bits)
{
    const uint64_t hidden = (uint64_t)1 << DOUBLE_FRACTION;
    int exponent = (int)(bits >> DOUBLE_FRACTION) - DOUBLE_BIAS, drop = DOUBLE_FRACTION - format->mantissa;
    uint64_t significand = (bits & (hidden - 1)) | hidden, above = 0;
    if (exponent < format->least_exponent)
        drop += format->least_exponent - exponent;
    else
        above = (uint64_t)(exponent - format->least_exponent) << format->mantissa;
    if (drop > DOUBLE_FRACTION + 1)
        return 0; /* less than half of the least number */
    uint64_t odd = significand >> drop & 1;
    return above + ((significand + ((uint64_t)1 << (drop - 1)) - 1 + odd) >> drop);
}

uint8_t small_float_encode(enum dtype dtype, double number, const struct small_float_rule *rule)
{
    if (dtype == DTYPE_FLOAT8E8M0)
        return encode_power(number, rule);
    const struct format *format = format_of(dtype);
    uint64_t bits, sign_bit = (uint64_t)1 << 63;
    memcpy(&bits, &number, sizeof bits);
    uint8_t sign = (uint8_t)(bits & sign_bit ? 1u << (format->bits - 1) : 0);
    if (isnan(number))
        return (uint8_t)(format->nan | sign);
    uint64_t code = isinf(number) ? (uint64_t)format->most + 1 : round_magnitude(format, bits & ~sign_bit);
    if (code > format->most)
        code = rule->overflow ? format->infinity : format->most;
    return code == 0 && format->one_zero ? 0 : (uint8_t)code | sign;
}

float small_float_decode(enum dtype dtype, uint8_t code)
{
    if (dtype == DTYPE_FLOAT8E8M0)
        return code == POWER_NAN ? (float)NAN : ldexpf(1, code - POWER_BIAS);
    const struct format *format = format_of(dtype);
    uint8_t sign = (uint8_t)(1u << (format->bits - 1)), magnitude = code & (uint8_t)(sign - 1);
    float value;
    if (format->one_zero ? code == format->nan : magnitude > format->most)
        value = magnitude == format->infinity && format->infinity != format->nan ? (float)INFINITY : (float)NAN;
    else if (magnitude >> format->mantissa == 0)
        value = ldexpf(magnitude, format->least_exponent - format->mantissa);
    else
        value = ldexpf((float)((magnitude & ((1 << format->mantissa) - 1)) | 1 << format->mantissa),
                       (magnitude >> format->mantissa) - 1 + format->least_exponent - format->mantissa);
    return code & sign && !(format->one_zero && isnan(value)) ? -value : value;
}

double small_float_largest(enum dtype dtype)
{
    return (double)small_float_decode(dtype, dtype == DTYPE_FLOAT8E8M0 ? POWER_NAN - 1 : format_of(dtype)->most);
}
