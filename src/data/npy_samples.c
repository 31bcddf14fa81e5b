#include "data/npy_samples.h"

#include <string.h>

#include "data/dataset.h"

int npy_samples_open(struct memory *memory, const char *path, struct npy_file *file, int64_t *count,
                     struct shape *shape, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    if (npy_open(memory, path, file, error))
        return -1;
    int rank = file->shape.rank;
    if ((rank != 3 && rank != 4) || shape_count(&file->shape) == 0)
        return error_set(error, ERROR_INPUT, "%s: the shape %s is not that of images (NxCxHxW or CxHxW)", path,
                         shape_text(&file->shape, text));
    *count = rank == 4 ? file->shape.dims[0] : 1;
    if (*count > DATASET_MAX_SAMPLES)
        return error_set(error, ERROR_LIMIT, "%s: there are too many samples (limit %d)", path, DATASET_MAX_SAMPLES);
    if (file->fortran && *count > 1)
        return error_set(error, ERROR_INPUT,
                         "%s: its samples are interleaved (Fortran order); save numpy.ascontiguousarray of it", path);
    return shape_set(shape, 3, file->shape.dims + rank - 3, error);
}

static void copy_floats(const struct tensor *tensor, float *out)
{
    int64_t count = shape_count(&tensor->shape);
    if (dtype_storage(tensor->dtype) == DTYPE_FLOAT) {
        memcpy(out, tensor->data, (size_t)count * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)tensor_number(tensor, i);
}

int npy_samples_read(struct memory *memory, const struct npy_file *file, int64_t index, const struct shape *shape,
                     float *out, struct error *error)
{
    struct tensor sample = {.dtype = file->dtype, .shape = *shape};
    int64_t elements = shape_count(shape);
    int result;
    if (file->fortran) {
        result = npy_read(memory, file->path, &sample, error);
    } else if (dtype_storage(file->dtype) == DTYPE_FLOAT) {
        return npy_read_elements(memory, file, index * elements, elements, out, error);
    } else {
        result = tensor_allocate(memory, &sample, error) ||
                         npy_read_elements(memory, file, index * elements, elements, sample.data, error)
                     ? -1
                     : 0;
    }
    if (result == 0)
        copy_floats(&sample, out);
    tensor_release(memory, &sample);
    return result;
}
