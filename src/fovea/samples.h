/** @file The images that an analysis reads. */
#ifndef FOVEA_SAMPLES_H
#define FOVEA_SAMPLES_H

#include "fovea/model.h"
#include "fovea/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The images of an analysis, read one after the other. */
struct fovea_samples {
    struct fovea_shapes shapes;
    const struct fovea_feed *feeds; /**< the images first; more for further inputs */
    int feed_count;
    const struct fovea_preprocess *preprocess;
    /** File with the classes' names (one a line, JSON, YOLO's data.yaml); NULL: the model's, if it has any. They
     * also tell which class a folder of images stands for, and a label in a list that is no number. */
    const char *labels;
    const char *const *class_names; /**< [class_count], in place of that file; or NULL */
    int64_t class_count;
    int64_t limit;        /**< images used at most; 0: all */
    int64_t batch;        /**< images at once where the model leaves it free; 0: chosen; results with 1 are exact */
    bool skip_broken;     /**< leave images out that cannot be read: "broken" among the files left out; else an error */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_samples fovea_samples_default(void);

/** Files that were given and not taken, of one kind: a format that is not read ("BMP"), "other", "without a mask", "not
 * in labels.csv", "broken". Lists of them end with a row without a kind. */
struct fovea_left_out {
    const char *kind;
    int64_t count;
    const char *first; /**< the first of them */
};

/** The number of the class called so, by the names in a file (NULL: the model's own): exactly, or as folders spell it.
 * An error where there is none, or several. */
FOVEA_API int fovea_class_find(struct fovea_model *model, const char *labels, const char *name, int64_t *class_index,
                               struct fovea_error *error);

/** Which class of an image is meant, besides numbers from 0. */
#define FOVEA_CLASS_NONE (-1)
#define FOVEA_CLASS_PREDICTED (-2)
#define FOVEA_CLASS_LABEL (-3) /**< of the image's folder or list */

/** What is made a scalar of the target's channels. */
enum fovea_score {
    FOVEA_SCORE_MEAN,  /**< their mean */
    FOVEA_SCORE_CLASS, /**< one of them */
    FOVEA_SCORE_MARGIN /**< one of them minus their mean */
};

/** Where the class's score is taken in a target of several units. */
enum fovea_place {
    FOVEA_PLACE_AUTO,   /**< vectors: their one unit; maps: the region; rows of cells, as of detectors: the best */
    FOVEA_PLACE_UNIT,   /**< `unit` */
    FOVEA_PLACE_REGION, /**< mean over the units whose largest channel is the class */
    FOVEA_PLACE_BEST    /**< the unit where the class is largest */
};

#ifdef __cplusplus
}
#endif

#endif
