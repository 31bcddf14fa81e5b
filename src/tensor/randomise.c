#include "base/random.h"
#include "tensor/tensor.h"

/* The range of the integers of a type: [lowest, lowest + bound). */
static uint32_t integer_range(enum dtype dtype, double *lowest)
{
    unsigned bits = dtype_bits(dtype);
    bool bytes = bits <= 8 && dtype != DTYPE_BOOL;
    *lowest = bytes && dtype_is_signed(dtype) ? -(double)(1u << (bits - 1)) : 0;
    return bytes ? 1u << bits : 2;
}

void tensor_randomise(const struct tensor *tensor, struct random *random)
{
    double lowest;
    int64_t count = shape_count(&tensor->shape);
    bool floats = dtype_is_float(tensor->dtype) || dtype_is_small_float(tensor->dtype);
    uint32_t bound = integer_range(tensor->dtype, &lowest);
    if (!tensor->data)
        return;
    for (int64_t i = 0; i < count; i++)
        tensor_set_number(tensor, i, floats ? random_normal(random) : lowest + (double)random_below(random, bound));
    dtype_round(tensor->dtype, tensor->data, (size_t)count);
}
