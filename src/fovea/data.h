/* Labelled samples to train on and to evaluate on, and what is measured on them. */
#ifndef FOVEA_DATA_H
#define FOVEA_DATA_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FOVEA_IGNORE_NONE (-2) /* of masks too */
/* Training data, as data/dataset.h reads them: class folders, lists, images with masks, IDX files, arrays. */
struct fovea_data {
    const char *path;
    const char *masks;  /* folder of index masks: segmentation; or NULL */
    const char *labels; /* file of labels beside an array; or NULL */
    const char *names;  /* file with the classes' names; NULL: the model's own */
    /* Of the training samples where there is no split of their own, drawn by the seed; 0: a tenth (eval: for the splits
     * train and validation only); below 0: none. */
    double validation_share;
    int64_t ignore;             /* label, or value of masks, that does not count; -1: none (masks: 255) */
    const int64_t *mask_values; /* of classes 0, 1, ... in masks; NULL: they are the classes' numbers */
    int mask_value_count;
    bool skip_broken;     /* leave files out that cannot be read */
    int loader_threads;   /* 0: two */
    uint64_t reserved[8]; /* zero */
};
FOVEA_API struct fovea_data fovea_data_default(void);
/* Of samples, or of the pixels of their masks; shares of 1. Samples are judged by top 1, pixels by the mean IoU. */
struct fovea_metrics {
    bool pixels;
    int64_t counted;
    double top1,
        top5; /* NAN: nothing counted, top5 of five classes and fewer too. Of pixels top1 is the pixel accuracy */
    double mean_accuracy;       /* of the classes that occur as labels */
    double mean_iou, mean_dice; /* of the classes that occur as labels or predictions; of pixels only, else NAN */
};
struct fovea_class_metrics {
    const char *name; /* NULL: not known */
    int64_t actual, predicted, correct;
    double accuracy, iou, dice; /* NAN: the class does not occur */
};
struct fovea_class_table {
    struct fovea_class_metrics *list;
    int64_t count;
    const int64_t *confusion; /* [count, count], rows by label, columns by prediction; NULL: too many classes */
};

#ifdef __cplusplus
}
#endif

#endif
