/** @file What a model says of images: classes, and regions of classes. */
#ifndef FOVEA_PREDICT_H
#define FOVEA_PREDICT_H

#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_predict_options {
    struct fovea_samples samples;
    int64_t top;          /**< classes told of an image at most; 0: 5 */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_predict_options fovea_predict_options_default(void);

enum fovea_prediction_kind {
    FOVEA_PREDICTION_CLASSES, /**< of the image */
    FOVEA_PREDICTION_REGIONS, /**< of each unit of a map over the image */
    FOVEA_PREDICTION_ROWS     /**< of a detector's rows: a class is as strong as its best row */
};
struct fovea_predicted_class {
    int64_t class_index;
    const char *name;   /**< or NULL */
    double score;       /**< of the image, or of the best row; of regions NAN */
    double probability; /**< likewise; NAN: scores have none */
    double share;       /**< of regions: of the units, those whose strongest class it is; else NAN */
};
/** An object that a detector finds. */
struct fovea_detection {
    int64_t class_index;
    const char *name; /**< or NULL */
    double probability;
    double box[4]; /**< y0, x0, y1, x1: pixels of the picture as the network sees it, within it */
};
/** Of one image. Everything is valid during the call that hands it over. */
struct fovea_prediction {
    const char *model, *name; /**< of the model's file; of the image in its folder or list */
    int64_t image;
    enum fovea_prediction_kind kind;
    const char *target, *reading; /**< the value that holds the scores; in words, how classes are read from it */
    const struct fovea_predicted_class *classes; /**< strongest, or of regions the largest, first */
    int count;
    int64_t grid[2];          /**< units of regions along y, x */
    const int64_t *strongest; /**< [grid]: class of each unit, -1: its scores are not finite; NULL: no regions */
    int64_t height, width;
    const uint8_t *picture; /**< [height, width, 3]: the image as the network sees it */
    /** Of a detector's rows, from FOVEA_DETECTION_LEAST on, strongest first. */
    const struct fovea_detection *detections;
    int detection_count;
    const char *boxes; /**< in words, how the boxes are read, or why they are not; NULL: there are no rows */
    bool boxes_told;   /**< they are read */
};
#define FOVEA_DETECTION_LEAST 0.3 /* probability of a detection that is told */
#define FOVEA_DETECTION_MOST 100
/** Called for every image, in order. Not 0: stop, fovea_predict then fails with `error`. */
typedef int fovea_predict_each(void *user, const struct fovea_prediction *prediction, struct fovea_error *error);
/** Runs the model on images as it is trained to be read: FOVEA_ERROR_INPUT where the file does not tell what its
 * outputs mean. */
FOVEA_API int fovea_predict(struct fovea_model *model, const struct fovea_predict_options *options,
                            fovea_predict_each *each, void *user, struct fovea_error *error);
/** A picture of a prediction, `path` with the ending of each format (fovea_set_figures): the regions in colours over
 * the image, or the classes with bars beside it. A picture that is there already is an error unless `force`. */
FOVEA_API int fovea_prediction_write(struct fovea *fovea, const struct fovea_prediction *prediction, const char *path,
                                     bool force, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
