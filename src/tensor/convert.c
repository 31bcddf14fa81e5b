/* Between file elements and storage elements. */
#include <string.h>

#include "tensor/dtype.h"

/* file type of elements, C type in the file, C type in storage, conversions both ways */
#define CONVERSIONS(X)                                                                                                 \
    X(DTYPE_INT8, int8_t, int32_t, (int32_t)from, (int8_t)from)                                                        \
    X(DTYPE_UINT16, uint16_t, int32_t, (int32_t)from, (uint16_t)from)                                                  \
    X(DTYPE_INT16, int16_t, int32_t, (int32_t)from, (int16_t)from)                                                     \
    X(DTYPE_UINT32, uint32_t, int64_t, (int64_t)from, (uint32_t)from)                                                  \
    X(DTYPE_UINT64, uint64_t, int64_t, (int64_t)from, (uint64_t)from)                                                  \
    X(DTYPE_FLOAT16, uint16_t, float, half_to_float(from), float_to_half(from))                                        \
    X(DTYPE_BFLOAT16, uint16_t, float, bfloat16_to_float(from), float_to_bfloat16(from))                               \
    X(DTYPE_BOOL, uint8_t, uint8_t, from != 0, from != 0)

void dtype_widen(enum dtype dtype, const void *file, void *storage, size_t count)
{
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
