/* Elements of any type as numbers that compare as they do. */
#ifndef FOVEA_OP_ORDERED_KEY_H
#define FOVEA_OP_ORDERED_KEY_H

#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

/* a < b exactly if key(a) < key(b); -0 equals 0; no numbers (NaN) are the largest and equal each other. */
static inline uint64_t ordered_key(const struct tensor *tensor, int64_t index)
{
    enum dtype storage = dtype_storage(tensor->dtype);
    if (tensor->dtype == DTYPE_UINT64)
        return (uint64_t)tensor_int(tensor, index);
    if (storage != DTYPE_FLOAT && storage != DTYPE_DOUBLE)
        return (uint64_t)tensor_int(tensor, index) ^ (uint64_t)1 << 63;
    double number = tensor_number(tensor, index) + 0.0; /* makes 0 of -0 */
    uint64_t bits;
    if (isnan(number))
        return UINT64_MAX;
    memcpy(&bits, &number, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

#endif
