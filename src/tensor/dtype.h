/* ONNX element types, and the six among them that kernels compute in. */
#ifndef FOVEA_TENSOR_DTYPE_H
#define FOVEA_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values are the codes of TensorProto.DataType. */
enum dtype {
    DTYPE_UNDEFINED = 0,
    DTYPE_FLOAT = 1,
    DTYPE_UINT8 = 2,
    DTYPE_INT8 = 3,
    DTYPE_UINT16 = 4,
    DTYPE_INT16 = 5,
    DTYPE_INT32 = 6,
    DTYPE_INT64 = 7,
    DTYPE_STRING = 8,
    DTYPE_BOOL = 9,
    DTYPE_FLOAT16 = 10,
    DTYPE_DOUBLE = 11,
    DTYPE_UINT32 = 12,
    DTYPE_UINT64 = 13,
    DTYPE_COMPLEX64 = 14,
    DTYPE_COMPLEX128 = 15,
    DTYPE_BFLOAT16 = 16,
    DTYPE_FLOAT8E4M3FN = 17,
    DTYPE_FLOAT8E4M3FNUZ = 18,
    DTYPE_FLOAT8E5M2 = 19,
    DTYPE_FLOAT8E5M2FNUZ = 20,
    DTYPE_UINT4 = 21,
    DTYPE_INT4 = 22,
    DTYPE_FLOAT4E2M1 = 23,
    DTYPE_FLOAT8E8M0 = 24,
    DTYPE_UINT2 = 25,
    DTYPE_INT2 = 26,
    DTYPE_COUNT, /* of the codes that files hold */
    /* Containers hold no elements but tensors (tensor/sequence.h): flags beside their tensors' type, both for an
     * optional sequence. */
    DTYPE_SEQUENCE = 32,
    DTYPE_OPTIONAL = 64
};

static inline bool dtype_is_container(enum dtype dtype)
{
    return (dtype & (DTYPE_SEQUENCE | DTYPE_OPTIONAL)) != 0;
}
/* The type of a container's tensors; of a tensor its own. */
static inline enum dtype dtype_element(enum dtype dtype)
{
    return (enum dtype)(dtype & (DTYPE_SEQUENCE - 1));
}
/* A sequence, or an optional, of tensors of the type; an optional of a sequence. */
static inline enum dtype dtype_sequence_of(enum dtype element)
{
    return (enum dtype)(element | DTYPE_SEQUENCE);
}
static inline enum dtype dtype_optional_of(enum dtype held)
{
    return (enum dtype)(held | DTYPE_OPTIONAL);
}
/* What an item of a container is: of an optional sequence a sequence. */
static inline enum dtype dtype_held(enum dtype container)
{
    return container & DTYPE_OPTIONAL ? (enum dtype)(container ^ DTYPE_OPTIONAL) : dtype_element(container);
}

/* ONNX's lower-case name ("float32" is called "float" there): "float", "int64", "sequence of float", "optional float",
 * "optional sequence of float". */
const char *dtype_name(enum dtype dtype);
/* Bits of one element in a file; 0 for strings and undefined. */
unsigned dtype_bits(enum dtype dtype);
/* Bytes that `count` elements take in a file (those of 4 and 2 bits are packed in bytes); -1 on overflow. */
int dtype_file_bytes(enum dtype dtype, size_t count, size_t *bytes);
/* Floats that operators compute in: with half and bfloat16. */
bool dtype_is_float(enum dtype dtype);
/* float8 and float4, which only quantised numbers have (tensor/small_float.h). */
bool dtype_is_small_float(enum dtype dtype);
bool dtype_is_integer(enum dtype dtype); /* without bool */
bool dtype_is_signed(enum dtype dtype);  /* an integer that may be negative */

/* The type in which values of `dtype` are held and computed at run time: FLOAT, DOUBLE, INT32, INT64, UINT8 or BOOL.
 * All smaller floats widen to FLOAT, INT8/INT16/UINT16 and integers of 4 and 2 bits to INT32, UINT32/UINT64 to INT64
 * (UINT64 wraps). UNDEFINED for types that the runtime does not have (strings, complex). */
enum dtype dtype_storage(enum dtype dtype);
/* Bytes of one element of a storage type. */
size_t dtype_storage_size(enum dtype storage);

/* File bytes (little endian) of `dtype` to its storage type, and back (round to nearest even; integers wrap; finite
 * numbers saturate as float8 and float4). */
void dtype_widen(enum dtype dtype, const void *file, void *storage, size_t count);
void dtype_narrow(enum dtype dtype, const void *storage, void *file, size_t count);
/* Makes storage values representable in `dtype`: as dtype_narrow and dtype_widen do. */
void dtype_round(enum dtype dtype, void *storage, size_t count);

/* Towards zero. What the type cannot hold, NaN and infinities included, is its smallest number, as in numpy and ONNX
 * Runtime on x86-64 (the specification leaves it open, C too); narrower types take the low bits of that. */
int32_t number_to_int32(double number);
int64_t number_to_int64(double number);

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);
/* Whether all finite values stay finite in half precision: from 65520 on they would not. */
bool half_holds(const float *values, size_t count);
float bfloat16_to_float(uint16_t value);
uint16_t float_to_bfloat16(float value);

#endif
