/* What a file that is not ONNX is instead. */
#ifndef FOVEA_ONNX_FILE_KIND_H
#define FOVEA_ONNX_FILE_KIND_H

#include "onnx/reader.h"

/* "a Git LFS pointer, not the file it stands for: fetch that with git lfs pull": told by the bytes alone, for files
 * that could not be loaded as a model. `out`: room for what has to be put together. NULL: unknown. */
#define FILE_KIND_SIZE 320
const char *file_kind(const struct model_reader *reader, char out[FILE_KIND_SIZE]);

#endif
