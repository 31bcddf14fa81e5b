/* The images that an analysis walks through, batch by batch, and the other inputs' files: what struct fovea_samples
 * names, opened. */
#ifndef FOVEA_API_STOCK_H
#define FOVEA_API_STOCK_H

#include "analysis/image_set.h"
#include "api/images.h"
#include "api/session.h"

struct stock {
    struct fovea_model *model;
    const char *path;          /* that the caller named */
    const struct value *input; /* of the source graph, that takes the images */
    struct images images;
    const char *labels;       /* the file of their names; NULL: the model's own */
    struct class_names names; /* of the model's classes; count 0: not known */
    struct shape shape;       /* of one image, with a leading 1 */
    int64_t count;            /* images to be used */
    struct fed_list fed;
    struct shape_binding *bindings; /* of the images, their batch chosen, and of the other inputs */
    int binding_count;
    float *pixels; /* of one image, for inputs of bytes */
    char *name;    /* [DATASET_NAME_SIZE] */
};

/* Opens the first feed as images, the others as single tensors, and chooses a batch. Released by stock_release in every
 * case. */
int stock_open(struct stock *stock, struct fovea_model *model, const struct fovea_samples *samples,
               struct error *error);
/* The same of a split of labelled data, which stay the caller's: `path` is what they are called. There are no further
 * inputs then. */
int stock_take(struct stock *stock, struct fovea_model *model, const struct fovea_samples *samples, const char *path,
               struct dataset *dataset, enum fovea_split split, struct error *error);
void stock_release(struct stock *stock);
/* Puts the other inputs' elements into a session for `graph` and checks that `images`, its image input, takes what the
 * stock holds. Zeroes `images`. */
int stock_begin(const struct stock *stock, const struct graph *graph, struct session *session, struct tensor *images,
                struct error *error);
/* Images first .. first + count - 1 into the first places of `images`. */
int stock_read(struct stock *stock, int64_t first, int64_t count, struct tensor *images, struct error *error);
/* Whether the images are pictures, not tensors. */
bool stock_has_pictures(const struct stock *stock);
/* How pictures are prepared; NULL: the images are tensors. */
const struct preprocess *stock_preprocess(const struct stock *stock);
/* The picture `folder`/NAME.png, or with the image's own ending, cut as the image is: mask[height * width] is 1 where
 * it is not black; `folder` NULL: of a picture in memory, where its mask is not 0. *found: whether there is one. */
int stock_mask(const struct stock *stock, int64_t index, const char *folder, int64_t height, int64_t width,
               uint8_t *mask, bool *found, struct error *error);
/* Whether stock_mask would find one. */
bool stock_has_mask(const struct stock *stock, int64_t index, const char *folder);
/* The class meant for each of `count` images from `first` on, for probe_classes: a number, FOVEA_CLASS_PREDICTED (the
 * `rank`-th prediction from 0), or FOVEA_CLASS_LABEL, which is an error for an image without one. */
int stock_classes(const struct stock *stock, int64_t class_index, int64_t rank, int64_t first, int64_t count,
                  int64_t *classes, struct error *error);
/* Once it is known how many classes the model has: names that are not as many are an error, or forgotten where they are
 * the model's. */
int stock_check_names(struct stock *stock, int64_t classes, struct error *error);
/* The error that made labels unknown, with the model's path; `classes`: of the model. To be asked where labels are
 * needed. */
int stock_check_labels(const struct stock *stock, int64_t classes, struct error *error);
/* -1: not known. */
int64_t stock_label(const struct stock *stock, int64_t index);
/* NULL: not known. */
const char *stock_class_name(const struct stock *stock, int64_t class_index);
/* Valid as long as the stock, which it reads from. */
struct image_set stock_image_set(struct stock *stock);
/* Name of an image as it is in its folder or list, with a number behind it of one in a file of many. Valid until the
 * next call. */
const char *stock_name(const struct stock *stock, int64_t index);

#endif
