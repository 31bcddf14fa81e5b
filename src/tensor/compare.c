#include "tensor/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static bool elements_match(double got, double expected, double rtol, double atol)
{
    if (isnan(got) || isnan(expected))
        return isnan(got) && isnan(expected);
    if (isinf(got) || isinf(expected))
        return got == expected;
    return fabs(got - expected) <= atol + rtol * fabs(expected);
}

double tensor_largest(const struct tensor *tensor)
{
    double largest = 0;
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
        double element = fabs(tensor_number(tensor, i));
        if (isfinite(element) && element > largest)
            largest = element;
    }
    return largest;
}

struct comparison tensor_compare(const struct tensor *got, const struct tensor *expected, double rtol, double atol)
{
    struct comparison result = {.first = -1};
    double scale = tensor_largest(expected);
    int64_t count = shape_count(&expected->shape);
    for (int64_t i = 0; i < count; i++) {
        double a = tensor_number(got, i), b = tensor_number(expected, i);
        if (isfinite(a) && isfinite(b))
            result.told.largest = fmax(result.told.largest, fabs(a - b));
        if (elements_match(a, b, rtol, atol))
            continue;
        if (result.told.mismatches++ == 0) {
            result.first = i;
            result.got = a;
            result.expected = b;
        }
    }
    result.told.largest_relative = scale > 0 ? result.told.largest / scale : result.told.largest;
    result.told.equal = result.told.mismatches == 0;
    return result;
}

const char *index_text(const struct shape *shape, int64_t index, char out[INDEX_TEXT_SIZE])
{
    int64_t strides[SHAPE_MAX_RANK];
    size_t length = (size_t)snprintf(out, INDEX_TEXT_SIZE, "[");
    shape_strides(shape, strides);
    for (int axis = 0; axis < shape->rank; axis++) {
        length += (size_t)snprintf(out + length, INDEX_TEXT_SIZE - length, "%s%" PRId64, axis ? "," : "",
                                   index / strides[axis] % (shape->dims[axis] > 0 ? shape->dims[axis] : 1));
    }
    snprintf(out + length, INDEX_TEXT_SIZE - length, "]");
    return out;
}
