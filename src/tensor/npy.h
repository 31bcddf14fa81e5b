/* NumPy's .npy format, versions 1 to 3, C order, little endian. */
#ifndef FOVEA_TENSOR_NPY_H
#define FOVEA_TENSOR_NPY_H

#include "base/context.h"
#include "tensor/tensor.h"

/* Reads a file into a new tensor (caller: tensor_release). Types: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1. Fortran order
 * is transposed. Truncated or hostile headers are ERROR_INPUT naming the file. */
int npy_read(struct memory *memory, const char *path, struct tensor *tensor, struct error *error);
/* Writes atomically, narrowed to the tensor's dtype (bfloat16, which numpy lacks, as float32). */
int npy_write(struct memory *memory, const char *path, const struct tensor *tensor, struct error *error);

#endif
