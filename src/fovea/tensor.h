/** @file Tensors and pictures, their files and comparisons. */
#ifndef FOVEA_TENSOR_H
#define FOVEA_TENSOR_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Elements as they are held at run time: float, double, int32_t, int64_t or uint8_t (all smaller floats widen to
 * float, narrow integers, those of 4 and 2 bits too, to int32_t or int64_t, bool to uint8_t). */
struct fovea_tensor {
    const char *type; /**< ONNX's name: "float", "float16", "int64", ... */
    int rank;
    int64_t dims[FOVEA_MAX_RANK];
    void *data;
    size_t bytes;
    uint64_t reserved[8];
};
/** An 8-bit picture of the caller's, as cameras and decoders give it: rows from the top, red green blue. */
struct fovea_image {
    const uint8_t *pixels;
    int64_t height, width;
    int64_t stride;   /**< bytes from row to row, at least 3 width; 0: 3 width */
    const char *name; /**< what results and messages call it; NULL: its number */
    /** A number for every pixel, or NULL: of segmentation the class, of cam 0 outside the object. */
    const uint8_t *mask;
    int64_t mask_stride;  /**< bytes from row to row, at least the width; 0: the width */
    uint64_t reserved[8]; /**< zero */
};
/** A .npy file, or a .pb file with one TensorProto. Freed by fovea_tensor_free. */
FOVEA_API int fovea_tensor_read(struct fovea *fovea, const char *path, struct fovea_tensor *tensor,
                                struct fovea_error *error);
FOVEA_API void fovea_tensor_free(struct fovea *fovea, struct fovea_tensor *tensor);
/** Writes a .npy file, atomically. Types that numpy lacks: bfloat16, float8 and float4 become float32, integers of 4
 * and 2 bits int8. */
FOVEA_API int fovea_tensor_write(struct fovea *fovea, const char *path, const struct fovea_tensor *tensor,
                                 struct fovea_error *error);

/** Writes a file atomically: all of it, or nothing. */
FOVEA_API int fovea_write_file(const char *path, const void *bytes, size_t length, struct fovea_error *error);

struct fovea_comparison {
    bool equal;
    int64_t mismatches;               /**< elements with |got - expected| > atol + rtol |expected| */
    double largest, largest_relative; /**< absolute, and over the largest |expected| */
    char text[512];                   /**< where and by how much, or what does not fit */
    uint64_t reserved[8];
};
/** In place of `atol`, a share of the largest expected element: 2e-5, what float32 leaves of a deep network, or 2e-3
 * where one of both tensors is half precision; 2e-3 in every case. */
#define FOVEA_ATOL_FLOAT (-1.0)
#define FOVEA_ATOL_HALF (-2.0)
FOVEA_API void fovea_tensor_compare(const struct fovea_tensor *got, const struct fovea_tensor *expected, double rtol,
                                    double atol, struct fovea_comparison *comparison);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_comparison_json(const struct fovea_comparison *comparison, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
