/* Two tensors compared element by element, as numpy.allclose does. */
#ifndef FOVEA_TENSOR_COMPARE_H
#define FOVEA_TENSOR_COMPARE_H

#include "tensor/tensor.h"

struct comparison {
    int64_t mismatches;      /* elements with |a - b| > atol + rtol |b|, or NaN on one side only */
    double largest;          /* largest |a - b| among finite pairs */
    double largest_relative; /* `largest` over the largest |b| */
    int64_t first;           /* index of the first mismatch, -1: none */
    double got, expected;    /* its elements */
};

/* Largest finite magnitude among the elements. */
double tensor_largest(const struct tensor *tensor);
/* Both tensors have the same shape; infinities match their equals, NaN matches NaN. */
struct comparison tensor_compare(const struct tensor *got, const struct tensor *expected, double rtol, double atol);
/* The element's index as "[0,3,1]". Returns out. */
#define INDEX_TEXT_SIZE 192
const char *index_text(const struct shape *shape, int64_t index, char out[INDEX_TEXT_SIZE]);

#endif
