/* Between file elements and storage elements. */
#include <math.h>
#include <string.h>

#include "tensor/small_float.h"

/* Infinities that a tensor holds stay, where the type has them. */
static uint8_t encode(enum dtype dtype, float value)
{
    const struct small_float_rule rule = {.overflow = isinf(value)};
    return small_float_encode(dtype, (double)value, &rule);
}

/* file type of elements, C type in the file, C type in storage, conversions both ways */
#define CONVERSIONS(X)                                                                                                 \
    X(DTYPE_INT8, int8_t, int32_t, (int32_t)from, (int8_t)from)                                                        \
    X(DTYPE_UINT16, uint16_t, int32_t, (int32_t)from, (uint16_t)from)                                                  \
    X(DTYPE_INT16, int16_t, int32_t, (int32_t)from, (int16_t)from)                                                     \
    X(DTYPE_UINT32, uint32_t, int64_t, (int64_t)from, (uint32_t)from)                                                  \
    X(DTYPE_UINT64, uint64_t, int64_t, (int64_t)from, (uint64_t)from)                                                  \
    X(DTYPE_FLOAT16, uint16_t, float, half_to_float(from), float_to_half(from))                                        \
    X(DTYPE_BFLOAT16, uint16_t, float, bfloat16_to_float(from), float_to_bfloat16(from))                               \
    X(DTYPE_BOOL, uint8_t, uint8_t, from != 0, from != 0)                                                              \
    SMALL_FLOAT(X, DTYPE_FLOAT8E4M3FN)                                                                                 \
    SMALL_FLOAT(X, DTYPE_FLOAT8E4M3FNUZ)                                                                               \
    SMALL_FLOAT(X, DTYPE_FLOAT8E5M2)                                                                                   \
    SMALL_FLOAT(X, DTYPE_FLOAT8E5M2FNUZ)                                                                               \
    SMALL_FLOAT(X, DTYPE_FLOAT8E8M0)
#define SMALL_FLOAT(X, dtype) X(dtype, uint8_t, float, small_float_decode(dtype, from), encode(dtype, from))

/* ---- several elements in a byte, the first in the lowest bits ---- */

static bool is_packed(enum dtype dtype)
{
    return dtype_bits(dtype) > 0 && dtype_bits(dtype) < 8;
}

/* The low bits of an integer as the type has them. */
static int32_t wrap(enum dtype dtype, uint32_t bits)
{
    uint32_t sign = 1u << (dtype_bits(dtype) - 1), low = bits & (2 * sign - 1);
    return dtype_is_signed(dtype) ? (int32_t)(low ^ sign) - (int32_t)sign : (int32_t)low;
}

static void widen_packed(enum dtype dtype, const unsigned char *file, void *storage, size_t count)
{
    unsigned bits = dtype_bits(dtype), per_byte = 8 / bits, mask = (1u << bits) - 1;
    for (size_t i = 0; i < count; i++) {
        unsigned code = (unsigned)file[i / per_byte] >> (i % per_byte * bits) & mask;
        if (dtype == DTYPE_FLOAT4E2M1)
            ((float *)storage)[i] = small_float_decode(dtype, (uint8_t)code);
        else
            ((int32_t *)storage)[i] = wrap(dtype, code);
    }
}

static void narrow_packed(enum dtype dtype, const void *storage, unsigned char *file, size_t count)
{
    unsigned bits = dtype_bits(dtype), per_byte = 8 / bits, mask = (1u << bits) - 1;
    for (size_t i = 0; i < count; i++) {
        unsigned code = dtype == DTYPE_FLOAT4E2M1 ? encode(dtype, ((const float *)storage)[i])
                                                  : (uint32_t)((const int32_t *)storage)[i] & mask;
        unsigned char before = i % per_byte ? file[i / per_byte] : 0;
        file[i / per_byte] = (unsigned char)(before | code << (i % per_byte * bits));
    }
}

static void round_packed(enum dtype dtype, void *storage, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float *real = (float *)storage + i;
        int32_t *integer = (int32_t *)storage + i;
        if (dtype == DTYPE_FLOAT4E2M1)
            *real = small_float_decode(dtype, encode(dtype, *real));
        else
            *integer = wrap(dtype, (uint32_t)*integer);
    }
}

/* ---- all types ---- */

void dtype_widen(enum dtype dtype, const void *file, void *storage, size_t count)
{
    if (is_packed(dtype)) {
        widen_packed(dtype, file, storage, count);
        return;
    }
    switch (dtype) {
#define WIDEN(code, file_type, storage_type, widen, narrow)                                                            \
    case code:                                                                                                         \
        for (size_t i = 0; i < count; i++) {                                                                           \
            file_type from;                                                                                            \
            memcpy(&from, (const char *)file + i * sizeof from, sizeof from);                                          \
            ((storage_type *)storage)[i] = widen;                                                                      \
        }                                                                                                              \
        break;
        CONVERSIONS(WIDEN)
#undef WIDEN
    default:
        if (count > 0)
            memcpy(storage, file, count * dtype_storage_size(dtype));
    }
}

void dtype_narrow(enum dtype dtype, const void *storage, void *file, size_t count)
{
    if (is_packed(dtype)) {
        narrow_packed(dtype, storage, file, count);
        return;
    }
    switch (dtype) {
#define NARROW(code, file_type, storage_type, widen, narrow)                                                           \
    case code:                                                                                                         \
        for (size_t i = 0; i < count; i++) {                                                                           \
            storage_type from = ((const storage_type *)storage)[i];                                                    \
            file_type to = (file_type)(narrow);                                                                        \
            memcpy((char *)file + i * sizeof to, &to, sizeof to);                                                      \
        }                                                                                                              \
        break;
        CONVERSIONS(NARROW)
#undef NARROW
    default:
        if (count > 0)
            memcpy(file, storage, count * dtype_storage_size(dtype));
    }
}

void dtype_round(enum dtype dtype, void *storage, size_t count)
{
    if (dtype == DTYPE_UINT64 || dtype_storage(dtype) == dtype)
        return;
    if (is_packed(dtype)) {
        round_packed(dtype, storage, count);
        return;
    }
    switch (dtype) {
#define ROUND(code, file_type, storage_type, widen, narrow)                                                            \
    case code:                                                                                                         \
        for (size_t i = 0; i < count; i++) {                                                                           \
            storage_type *element = (storage_type *)storage + i;                                                       \
            file_type rounded;                                                                                         \
            {                                                                                                          \
                storage_type from = *element;                                                                          \
                rounded = (file_type)(narrow);                                                                         \
            }                                                                                                          \
            file_type from = rounded;                                                                                  \
            *element = widen;                                                                                          \
        }                                                                                                              \
        break;
        CONVERSIONS(ROUND)
#undef ROUND
    default:
        break;
    }
}
