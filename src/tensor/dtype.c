#include "tensor/dtype.h"

#include <string.h>

/* By container: a tensor, a sequence, an optional, an optional sequence. */
#define NAMES(name)                                                                                                    \
    {                                                                                                                  \
        name, "sequence of " name, "optional " name, "optional sequence of " name                                      \
    }
enum kind { OTHER, FLOAT, SMALL_FLOAT, SIGNED, UNSIGNED };
static const struct {
    const char *names[4];
    unsigned bits;
    enum dtype storage;
    enum kind kind;
} table[DTYPE_COUNT] = {
    [DTYPE_UNDEFINED] = {NAMES("undefined"), 0, DTYPE_UNDEFINED, OTHER},
    [DTYPE_FLOAT] = {NAMES("float"), 32, DTYPE_FLOAT, FLOAT},
    [DTYPE_UINT8] = {NAMES("uint8"), 8, DTYPE_UINT8, UNSIGNED},
    [DTYPE_INT8] = {NAMES("int8"), 8, DTYPE_INT32, SIGNED},
    [DTYPE_UINT16] = {NAMES("uint16"), 16, DTYPE_INT32, UNSIGNED},
    [DTYPE_INT16] = {NAMES("int16"), 16, DTYPE_INT32, SIGNED},
    [DTYPE_INT32] = {NAMES("int32"), 32, DTYPE_INT32, SIGNED},
    [DTYPE_INT64] = {NAMES("int64"), 64, DTYPE_INT64, SIGNED},
    [DTYPE_STRING] = {NAMES("string"), 0, DTYPE_UNDEFINED, OTHER},
    [DTYPE_BOOL] = {NAMES("bool"), 8, DTYPE_BOOL, OTHER},
    [DTYPE_FLOAT16] = {NAMES("float16"), 16, DTYPE_FLOAT, FLOAT},
    [DTYPE_DOUBLE] = {NAMES("double"), 64, DTYPE_DOUBLE, FLOAT},
    [DTYPE_UINT32] = {NAMES("uint32"), 32, DTYPE_INT64, UNSIGNED},
    [DTYPE_UINT64] = {NAMES("uint64"), 64, DTYPE_INT64, UNSIGNED},
    [DTYPE_COMPLEX64] = {NAMES("complex64"), 64, DTYPE_UNDEFINED, OTHER},
    [DTYPE_COMPLEX128] = {NAMES("complex128"), 128, DTYPE_UNDEFINED, OTHER},
    [DTYPE_BFLOAT16] = {NAMES("bfloat16"), 16, DTYPE_FLOAT, FLOAT},
    [DTYPE_FLOAT8E4M3FN] = {NAMES("float8e4m3fn"), 8, DTYPE_FLOAT, SMALL_FLOAT},
    [DTYPE_FLOAT8E4M3FNUZ] = {NAMES("float8e4m3fnuz"), 8, DTYPE_FLOAT, SMALL_FLOAT},
    [DTYPE_FLOAT8E5M2] = {NAMES("float8e5m2"), 8, DTYPE_FLOAT, SMALL_FLOAT},
    [DTYPE_FLOAT8E5M2FNUZ] = {NAMES("float8e5m2fnuz"), 8, DTYPE_FLOAT, SMALL_FLOAT},
    [DTYPE_UINT4] = {NAMES("uint4"), 4, DTYPE_INT32, UNSIGNED},
    [DTYPE_INT4] = {NAMES("int4"), 4, DTYPE_INT32, SIGNED},
    [DTYPE_FLOAT4E2M1] = {NAMES("float4e2m1"), 4, DTYPE_FLOAT, SMALL_FLOAT},
    [DTYPE_FLOAT8E8M0] = {NAMES("float8e8m0"), 8, DTYPE_FLOAT, SMALL_FLOAT},
    [DTYPE_UINT2] = {NAMES("uint2"), 2, DTYPE_INT32, UNSIGNED},
    [DTYPE_INT2] = {NAMES("int2"), 2, DTYPE_INT32, SIGNED},
};

static enum dtype known(enum dtype dtype)
{
    return (unsigned)dtype < DTYPE_COUNT ? dtype : DTYPE_UNDEFINED;
}

const char *dtype_name(enum dtype dtype)
{
    unsigned container = (unsigned)dtype / DTYPE_SEQUENCE;
    return container < 4 ? table[known(dtype_element(dtype))].names[container] : table[DTYPE_UNDEFINED].names[0];
}

unsigned dtype_bits(enum dtype dtype)
{
    return table[known(dtype)].bits;
}

enum dtype dtype_storage(enum dtype dtype)
{
    return table[known(dtype)].storage;
}

int dtype_file_bytes(enum dtype dtype, size_t count, size_t *bytes)
{
    size_t bits = dtype_bits(dtype);
    if (bits >= 8)
        return __builtin_mul_overflow(count, bits / 8, bytes) ? -1 : 0;
    size_t per_byte = bits ? 8 / bits : 1;
    *bytes = bits ? count / per_byte + (count % per_byte != 0) : 0;
    return 0;
}

static enum kind kind_of(enum dtype dtype)
{
    return table[known(dtype)].kind;
}

bool dtype_is_float(enum dtype dtype)
{
    return kind_of(dtype) == FLOAT;
}

bool dtype_is_small_float(enum dtype dtype)
{
    return kind_of(dtype) == SMALL_FLOAT;
}

bool dtype_is_integer(enum dtype dtype)
{
    return kind_of(dtype) == SIGNED || kind_of(dtype) == UNSIGNED;
}

bool dtype_is_signed(enum dtype dtype)
{
    return kind_of(dtype) == SIGNED;
}

size_t dtype_storage_size(enum dtype storage)
{
    return dtype_bits(storage) / 8;
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu;
    if (exponent == 0) {
        float magnitude = (float)fraction * 5.9604644775390625e-8f; /* 2^-24 */
        return bits_float(float_bits(magnitude) | sign);
    }
    uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
    return bits_float(sign | (wide << 23) | (fraction << 13));
}

uint16_t float_to_half(float value)
{
    uint32_t bits = float_bits(value);
    uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u) /* rounds to infinity from 65520 on */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* below 2^-14: adding 0.5 leaves the subnormal in the low bits, rounded */
        float shifted = bits_float(magnitude) + 0.5f;
        return (uint16_t)(sign | (uint16_t)(float_bits(shifted) - 0x3f000000u));
    }
    uint32_t odd = (magnitude >> 13) & 1u;
    return (uint16_t)(sign | (uint16_t)((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

bool half_holds(const float *values, size_t count)
{
    uint32_t beyond = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t magnitude = float_bits(values[i]) & 0x7fffffffu;
        beyond |= magnitude >= 0x477ff000u && magnitude < 0x7f800000u;
    }
    return !beyond;
}

float bfloat16_to_float(uint16_t value)
{
    return bits_float((uint32_t)value << 16);
}

uint16_t float_to_bfloat16(float value)
{
    uint32_t bits = float_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

int32_t number_to_int32(double number)
{
    return number > -0x1p31 - 1 && number < 0x1p31 ? (int32_t)number : INT32_MIN;
}

int64_t number_to_int64(double number)
{
    return number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN;
}
