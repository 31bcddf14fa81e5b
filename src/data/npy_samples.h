/* Images that are ready tensors: a .npy file [N,C,H,W] or [N,H,W,C] with many, or one without the first axis. */
#ifndef FOVEA_DATA_NPY_SAMPLES_H
#define FOVEA_DATA_NPY_SAMPLES_H

#include "tensor/npy.h"

/* Looks at the header: how many samples the file holds, and the shape of one. ERROR_INPUT names the file. */
int npy_samples_open(struct memory *memory, const char *path, struct npy_file *file, int64_t *count,
                     struct shape *shape, struct error *error);
/* Sample `index` as floats, read from the file alone. */
int npy_samples_read(struct memory *memory, const struct npy_file *file, int64_t index, const struct shape *shape,
                     float *out, struct error *error);

#endif
