/** @file Models, the sizes of their inputs, and how images become tensors. */
#ifndef FOVEA_MODEL_H
#define FOVEA_MODEL_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_model;
FOVEA_API struct fovea_model *fovea_model_load(struct fovea *fovea, const char *path, struct fovea_error *error);
/** Of a file's bytes, which are copied: the caller's need not outlive the call. `name`: what messages call it, and what
 * stands for its path in results; NULL: "the model in memory". A model that has data in other files is refused. */
FOVEA_API struct fovea_model *fovea_model_load_memory(struct fovea *fovea, const void *bytes, size_t length,
                                                      const char *name, struct fovea_error *error);
FOVEA_API void fovea_model_free(struct fovea_model *model);
/** Writes the model's file, atomically: byte by byte as it was loaded, or as a rewrite or training made it. Data in
 * other files stay there where `path` is in their folder, else they go into the file. A file that is there is an error
 * unless `force`. */
FOVEA_API int fovea_model_save(const struct fovea_model *model, const char *path, bool force,
                               struct fovea_error *error);
/** The same into memory, data of other files too; freed by fovea_bytes_free, before fovea_close. */
FOVEA_API int fovea_model_save_memory(const struct fovea_model *model, void **bytes, size_t *length,
                                      struct fovea_error *error);
/** NULL is allowed. */
FOVEA_API void fovea_bytes_free(struct fovea *fovea, void *bytes);
/** Value of a metadata_props key, or NULL. */
FOVEA_API const char *fovea_model_metadata(const struct fovea_model *model, const char *key);
/** What makes probabilities of its scores where the file applies nothing itself: "softmax", "sigmoid" or "none"; NULL
 * (to begin with): as it was trained, where the metadata tell, else softmax. A file that does something else is an
 * error of what is asked next. */
FOVEA_API int fovea_model_set_activation(struct fovea_model *model, const char *activation, struct fovea_error *error);
/** Whether it holds weights in half precision: float16 or bfloat16 in the file, or `half_weights` of the options. */
FOVEA_API bool fovea_model_is_half(const struct fovea_model *model);
/** SHA-256 of the bytes that it was loaded from, or would be saved as, in hexadecimal digits and a NUL. */
FOVEA_API int fovea_model_sha256(const struct fovea_model *model, char digest[65], struct fovea_error *error);

/** Sizes for a graph input; name NULL or "": the only one. */
struct fovea_shape {
    const char *name;
    int rank;
    int64_t dims[FOVEA_MAX_RANK];
};
struct fovea_shapes {
    const struct fovea_shape *list;
    int count;
};

/** The `index`-th input that is not an initialiser, as declared: free sizes are -1. False behind the last, or when its
 * rank is not declared. */
FOVEA_API bool fovea_model_input(const struct fovea_model *model, int index, struct fovea_shape *shape);

/** How images become tensors. Start from fovea_preprocess_default; what is unset comes from `preset`, or from the
 * model's metadata (key fovea.preprocess) when there is no preset. */
struct fovea_preprocess {
    const char *preset; /**< "imagenet", "inception", "clip", "raw", or NULL */
    bool has_mean, has_std;
    float mean[3], std[3];
    int64_t resize, crop; /**< pixels: shorter side after resizing, side of the centre crop; 0: unset */
    int64_t stretch[2];   /**< instead: height and width that images get, whatever their shape; 0: unset */
    bool letterbox;       /**< instead: all of the image inside of the input's size, the rest in one colour */
    bool has_fill;        /**< the colour is `fill` (red, green, blue), not 114 as YOLO has it */
    uint8_t fill[3];
    const char *channels;      /**< "rgb", "bgr", "gray", or NULL */
    const char *interpolation; /**< "bilinear", "bicubic", or NULL */
    const char *exif;     /**< orientation: "apply" turns images by it, "stored" takes pixels as they are; or NULL */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_preprocess fovea_preprocess_default(void);
/** "imagenet", ...: the `index`-th preset; NULL behind the last. */
FOVEA_API const char *fovea_preset_name(int index);

/** What of a model is not seen, as fovea does not have the operator that it is made by, or refuses a node (a type, a
 * mode). A node behind such a one is seen where the file says the shapes of its results. */
struct fovea_unseen {
    const char *behind; /**< the first that is not computed, "grid_sampler 'custom'"; NULL: everything is */
    const char *why;    /**< that is not computed; NULL: fovea has no such operator */
    int nodes;          /**< of the graph, when constants are folded */
    int foreign;        /**< that are not computed */
    int unseen;         /**< behind these, of sizes that are not known */
};

#ifdef __cplusplus
}
#endif

#endif
