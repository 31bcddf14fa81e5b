/* NumPy's .npy format, versions 1 to 3, C order, little endian. */
#ifndef FOVEA_TENSOR_NPY_H
#define FOVEA_TENSOR_NPY_H

#include "base/context.h"
#include "tensor/tensor.h"

/* Reads a file into a new tensor (caller: tensor_release). Types: f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1. Fortran order
 * is transposed. Truncated or hostile headers are ERROR_INPUT naming the file. */
int npy_read(struct memory *memory, const char *path, struct tensor *tensor, struct error *error);
/* Writes atomically, narrowed to the tensor's dtype; of those that numpy lacks, bfloat16, float8 and float4 become
 * float32, integers of 4 and 2 bits int8. */
int npy_write(struct memory *memory, const char *path, const struct tensor *tensor, struct error *error);

/* A file whose elements are read in parts, in constant memory whatever its size. Needs no release. */
struct npy_file {
    const char *path; /* the caller's */
    enum dtype dtype;
    struct shape shape;
    bool fortran;
    size_t start; /* of the elements in the file */
};

/* Reads the header, and checks that the file is as long as it says. */
int npy_open(struct memory *memory, const char *path, struct npy_file *file, struct error *error);
/* `count` elements from `first` on, in the order of the file and in the storage type of its dtype. */
int npy_read_elements(struct memory *memory, const struct npy_file *file, int64_t first, int64_t count, void *elements,
                      struct error *error);

#endif
