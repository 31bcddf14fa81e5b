/** @file Labelled samples to train on and to evaluate on, and what is measured on them. */
#ifndef FOVEA_DATA_H
#define FOVEA_DATA_H

#include "fovea/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** USUAL: the test split if there is one, else validation, else all samples; of one sample: of training. */
enum fovea_split { FOVEA_SPLIT_USUAL, FOVEA_SPLIT_TRAIN, FOVEA_SPLIT_VALIDATION, FOVEA_SPLIT_TEST, FOVEA_SPLITS };

/** One sample: a picture, prepared as a file's would be, or what the model takes, [C,H,W] or [H,W,C]. All of a source
 * are of one kind, tensors of one shape. */
struct fovea_sample {
    struct fovea_image image;          /**< with a mask where the source has masks */
    const struct fovea_tensor *tensor; /**< in place of it, or NULL */
    int64_t label;                     /**< -1: none */
    enum fovea_split split;
    uint64_t reserved[8];
};
/** Fills in sample `index`, which is empty before but for a label of -1. What it points to stays the caller's and valid
 * until the next call. Not 0: it cannot be had, as the message that it may set says; with the code FOVEA_CANCELLED all
 * of the call ends. */
typedef int fovea_sample_call(void *user, int64_t index, struct fovea_sample *sample, struct fovea_error *error);
/** Samples out of memory. Each is asked for once at the start (label, split, sizes) and then whenever it is used, in
 * any order; it should be the same each time. There is one call at a time: on the thread that called fovea, or with
 * `threads` on any of its own, where samples are then made while others are used. */
struct fovea_sample_source {
    int64_t count, classes;         /**< classes 0: as many as the labels have, or the model */
    const char *const *class_names; /**< [classes], or NULL */
    bool masks;                     /**< segmentation: samples are pictures with masks */
    bool threads;
    fovea_sample_call *sample;
    void *user;
    uint64_t reserved[8]; /**< zero */
};

#define FOVEA_IGNORE_NONE (-2) /**< of masks too */
/** Training data: a folder per class, lists, images with masks, IDX files, arrays. */
struct fovea_data {
    const char *path;
    const char *masks;  /**< folder of index masks: segmentation; or NULL */
    const char *labels; /**< file of labels beside an array; or NULL */
    const char *names;  /**< file with the classes' names; NULL: the model's own */
    /** Of the training samples where there is no split of their own, drawn by the seed; 0: a tenth (eval: for the
     * splits train and validation only); below 0: none. */
    double validation_share;
    int64_t ignore;             /**< label, or value of masks, that does not count; -1: none (masks: 255) */
    const int64_t *mask_values; /**< of classes 0, 1, ... in masks; NULL: they are the classes' numbers */
    int mask_value_count;
    bool skip_broken;                         /**< leave files out that cannot be read */
    int loader_threads;                       /**< 0: two */
    const struct fovea_sample_source *source; /**< in place of `path`, `masks` and `labels`; or NULL */
    uint64_t reserved[8];                     /**< zero */
};
FOVEA_API struct fovea_data fovea_data_default(void);

/** Of samples, or of the pixels of their masks; shares of 1. Samples are judged by top 1, pixels by the mean IoU. */
struct fovea_metrics {
    bool pixels;
    int64_t counted;
    double top1,
        top5; /**< NAN: nothing counted, top5 of five classes and fewer too. Of pixels top1 is the pixel accuracy */
    double mean_accuracy;       /**< of the classes that occur as labels */
    double mean_iou, mean_dice; /**< of the classes that occur as labels or predictions; of pixels only, else NAN */
};
struct fovea_class_metrics {
    const char *name; /**< NULL: not known */
    int64_t actual, predicted, correct;
    double accuracy, iou, dice; /**< NAN: the class does not occur */
};
struct fovea_class_table {
    struct fovea_class_metrics *list;
    int64_t count;
    const int64_t *confusion; /**< [count, count], rows by label, columns by prediction; NULL: too many classes */
};

#ifdef __cplusplus
}
#endif

#endif
