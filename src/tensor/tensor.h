/* Shapes, and tensors in row-major order. */
#ifndef FOVEA_TENSOR_TENSOR_H
#define FOVEA_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "fovea/tensor.h"
#include "tensor/dtype.h"

#define SHAPE_MAX_RANK 8
#define SHAPE_MAX_ELEMENTS ((int64_t)1 << 40)

struct shape {
    int rank;
    int64_t dims[SHAPE_MAX_RANK]; /* all >= 0 */
};

/* A view or an owner of elements in their storage type (dtype_storage). `data` may be NULL where only type and shape
 * are known. `rank` -1 means that the shape is not known either (data-dependent sizes). */
struct tensor {
    enum dtype dtype; /* as the model says, e.g. FLOAT16 held as float */
    struct shape shape;
    void *data;
};

#define SHAPE_UNKNOWN_RANK (-1)

/* Number of elements; shapes are checked when made, so this cannot overflow. Empty product is 1. */
int64_t shape_count(const struct shape *shape);
/* Product of dims[from..to). */
int64_t shape_product(const struct shape *shape, int from, int to);
/* 0, or -1 with an error when the rank or a dimension is out of range or the count exceeds SHAPE_MAX_ELEMENTS. */
int shape_set(struct shape *shape, int rank, const int64_t *dims, struct error *error);
int shape_check(const struct shape *shape, struct error *error);
bool shape_equal(const struct shape *a, const struct shape *b);
/* Row-major strides in elements. */
void shape_strides(const struct shape *shape, int64_t strides[SHAPE_MAX_RANK]);
/* Whether an image input [N, a, b, c] has its channels last: 1, 3 or 4 there, and not in front. */
bool shape_channels_last(const struct shape *shape);
/* "1x3x224x224", "scalar", "?" into out. Returns out. */
#define SHAPE_TEXT_SIZE 168
const char *shape_text(const struct shape *shape, char out[SHAPE_TEXT_SIZE]);
/* Numpy broadcasting of two shapes; -1 with an error when they do not fit. */
int shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out, struct error *error);
/* Maps a possibly negative axis to [0, rank) or fails. `rank` of the allowed range is exclusive. */
int shape_axis(int64_t axis, int rank, int *out, struct error *error);

/* Bytes of the data in its storage type. */
size_t tensor_bytes(const struct tensor *tensor);
/* Allocates the data for dtype and shape. The caller releases with tensor_release. */
int tensor_allocate(struct memory *memory, struct tensor *tensor, struct error *error);
void tensor_release(struct memory *memory, struct tensor *tensor);
/* The caller's tensor as a view. ERROR_INPUT where its type, shape, data and bytes do not fit each other. */
int tensor_view(const struct fovea_tensor *given, struct tensor *tensor, struct error *error);
/* Copies with new memory. */
int tensor_copy(struct memory *memory, const struct tensor *from, struct tensor *to, struct error *error);

/* Element as int64 or double whatever the storage type (for axes, shapes, scalars). Of a type that is not computed with
 * (text, complex numbers) it is INT64_MIN and NaN, and nothing is written. */
int64_t tensor_int(const struct tensor *tensor, int64_t index);
double tensor_number(const struct tensor *tensor, int64_t index);
/* Writes element `index` in the storage type; integers lose their fraction, half types are not rounded. */
void tensor_set_number(const struct tensor *tensor, int64_t index, double value);

struct random;
/* Random elements that a model may be given, by type: standard normal floats, bytes of the whole range, 0 and 1 for
 * bool and for wider integers, which may be sizes or places. Nothing where there is no data. */
void tensor_randomise(const struct tensor *tensor, struct random *random);

#endif
