/* Images for one graph input: which size and layout the input wants, and how they are prepared. */
#ifndef FOVEA_API_IMAGES_H
#define FOVEA_API_IMAGES_H

#include "api/api.h"
#include "data/dataset.h"
#include "data/preprocess.h"

/* What messages and notes call a feed: its path, or the picture's name, or what it is. */
const char *feed_name(const struct fovea_feed *feed);
/* ERROR_INPUT where it is none, or more than one, of a path, a tensor, images and a source, or where images are none.
 */
int feed_check(const struct fovea_feed *feed, struct error *error);
/* The tensor of a feed, checked; the caller releases it. */
int feed_copy(struct memory *memory, const struct fovea_feed *feed, struct tensor *tensor, struct error *error);

/* What an input gets its images from. */
struct images {
    struct context *context;
    struct memory *memory;
    const char *path; /* of what is owned, or what it is called */
    struct dataset *dataset;
    enum fovea_split split; /* of it */
    bool owned;             /* the dataset is closed with the images; its labels are optional */
    bool looked_at;         /* before any is used */
    bool pictures;          /* prepared by `preprocess`; else ready tensors */
    struct preprocess preprocess;
    enum image_layout layout;
    struct shape shape; /* of one image, with a leading 1 */
    bool no_batch;      /* the input takes one, without it */
    int64_t count;
};

/* Opens the images of `feed` (one file, a folder, a list, arrays, a TensorProto; memory) for `input`, of which
 * `samples` (its shapes, preprocess, limit, skip_broken) takes the first ones. Several are decoded beforehand, so that
 * broken ones are counted, or left out. The size of pictures comes from `shapes`, else from the model, else from the
 * preprocessing's crop, else from the first one. `names` (or NULL): of classes, for folders named after them.
 * ERROR_INPUT that asks for `preprocess` where nothing says how to prepare them. Released by images_close in every
 * case. */
int images_open(struct images *images, struct fovea_model *model, const struct value *input,
                const struct fovea_samples *samples, const struct fovea_feed *feed, const struct class_names *names,
                struct error *error);
/* The same of a split of a dataset, which stays the caller's. */
int images_take(struct images *images, struct fovea_model *model, const struct value *input,
                const struct fovea_shapes *shapes, struct dataset *dataset, enum fovea_split split,
                const struct fovea_preprocess *flags, struct error *error);
void images_close(struct images *images);
/* The input's shape for a batch. */
struct shape images_shape(const struct images *images, int64_t batch);
/* Fills shape_count(&images->shape) floats. Errors name the file. */
int images_read(const struct images *images, int64_t index, float *out, struct error *error);
/* How images become `input`: as images_open prepares them. */
int images_prepare(struct fovea_model *model, const struct value *input, const struct fovea_shapes *shapes,
                   const struct fovea_preprocess *flags, struct preprocess *preprocess, bool *channels_last,
                   struct error *error);
/* The batch that `shapes` or the model fixes, else `wanted`. */
int64_t images_batch(const struct value *input, const struct fovea_shapes *shapes, int64_t wanted);
/* Leaves the batch of inputs and outputs free: a copy of a file with a fixed one can be trained with another. */
int images_free_batch(struct graph *graph, struct error *error);
/* The shape of `batch` images for `input`: as prepared, or `ready` tensors [C,H,W] or [H,W,C] (NULL: none). */
int images_bind(const struct value *input, const struct preprocess *preprocess, bool channels_last,
                const struct shape *ready, int64_t batch, struct shape_binding *binding, struct error *error);
/* All of them as one tensor of the input's layout; the caller releases it. */
int images_read_all(struct fovea_model *model, const struct value *input, const struct fovea_shapes *shapes,
                    const struct fovea_feed *feed, const struct fovea_preprocess *flags, struct tensor *tensor,
                    struct error *error);

#endif
