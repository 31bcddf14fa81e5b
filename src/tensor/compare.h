/* Two tensors compared element by element, as numpy.allclose does. */
#ifndef FOVEA_TENSOR_COMPARE_H
#define FOVEA_TENSOR_COMPARE_H

#include "fovea/tensor.h"
#include "tensor/tensor.h"

struct comparison {
    struct fovea_comparison told; /* but its text */
    int64_t first;                /* index of the first mismatch, -1: none */
    double got, expected;         /* its elements */
};

/* Largest finite magnitude among the elements. */
double tensor_largest(const struct tensor *tensor);
/* Both tensors have the same shape; infinities match their equals, NaN matches NaN. */
struct comparison tensor_compare(const struct tensor *got, const struct tensor *expected, double rtol, double atol);
/* The element's index as "[0,3,1]". Returns out. */
#define INDEX_TEXT_SIZE 192
const char *index_text(const struct shape *shape, int64_t index, char out[INDEX_TEXT_SIZE]);

#endif
