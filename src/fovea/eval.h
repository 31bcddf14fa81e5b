/** @file Accuracy, and what changes of the images do to it. */
#ifndef FOVEA_EVAL_H
#define FOVEA_EVAL_H

#include "fovea/data.h"
#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "gaussian-noise", ...: the 17 image corruptions; NULL behind the last. Sets of them are sums of 1 << number. */
FOVEA_API const char *fovea_corruption_name(int corruption);
#define FOVEA_SEVERITIES 5

struct fovea_eval_options {
    struct fovea_samples samples;
    /** Labelled samples in place of the feeds, or NULL. Of `samples` shapes, preprocess, batch, and limit (evenly
     * spaced then) count with them; `no_labels` does not. */
    const struct fovea_data *data;
    enum fovea_split split; /**< of the data */
    const char *target;     /**< value that holds the classes' scores; NULL: the logits */
    uint32_t corruptions;   /**< set; 0: none. They change 8-bit images of the network's size, before normalisation */
    unsigned severities;    /**< set of 1 << severity, 1 to 5; 0: all */
    const double *scales;   /**< factors of the normalised image, which nothing clips */
    int scale_count;
    bool no_labels;       /**< as if none were known */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_eval_options fovea_eval_options_default(void);

/** Shares of 1. A target of many units (pixels, cells) counts each of them; labels belong to one unit only. */
struct fovea_eval_score {
    double top1,
        top5; /**< of the labelled images, of masks of their pixels; -1: there are none, top5: or up to 5 classes */
    double agreement;  /**< of the units predicted as for the unchanged image; -1: with masks */
    double confidence; /**< mean probability of the predicted class; NAN where scores have none */
    double mean_iou;   /**< -1: without masks */
    /** 95 % of top 1 where there are labels, of masks of the mean IoU, else of the agreement: Wilson's of the binomial
     * distribution where an image has one prediction, else Student's t over the images (masks: linearised image by
     * image). NAN: not known, as of one image, of agreement with the same images, or of very many masks. */
    double interval[2];
};
struct fovea_eval_row {
    const char *change; /**< "none", a corruption's name, "scale" */
    int severity;       /**< 1 to 5; 0: none */
    double strength;    /**< of the corruption, or the factor */
    bool no_effect;     /**< the corruption left every image as it was, as a change of hue leaves gray ones */
    struct fovea_eval_score scores[2];
    /** Of the second model over the first: top 1 where there are labels (masks: mean IoU, linearised image by image),
     * else agreement; paired by image, with a 95 % interval of the mean's normal approximation. */
    double difference, interval[2];
};
/** What is told of labelled data besides, for the unchanged images. */
struct fovea_eval_data {
    const char *path;  /**< NULL: there are no data, and nothing else is set */
    const char *split; /**< "train", "validation", "test", or "all" where the data have no splits */
    bool masks;
    int64_t left_out;     /**< broken files */
    const char **broken;  /**< [broken_count] their names, the first of them */
    int64_t broken_count; /**< at most 100 */
    /** Height and width, by model: of the part of masks that its scores stand for, and of all of them, which differ
     * where a network pads nothing; of scores that are enlarged to that part, zeros: none. */
    int64_t size[2][2], whole[2][2], enlarged[2][2];
    bool moves_left_out;   /**< of all corruptions those that move the image, which masks do not follow */
    int64_t only_right[2]; /**< samples (masks: pixels) that one model alone predicts right; -1: not comparable */
    struct fovea_metrics metrics[2];
    struct fovea_class_table classes[2];
};
struct fovea_eval {
    int models;
    const char *paths[2];
    const char *readings[2]; /**< in words: how classes are read */
    int64_t images, labelled, units, classes;
    bool labels_of_folders;
    struct fovea_eval_data data;
    double same_prediction;      /**< of the two models for unchanged images; -1 with one model, or units that differ */
    struct fovea_eval_row *rows; /**< the unchanged images first */
    int row_count;
    const struct fovea_left_out *files_left_out;
    bool half_weights; /**< the model ran with weights in half precision */
    bool no_winograd;  /**< 3x3 convolutions ran by all their products */
    void *storage;     /**< private */
    uint64_t reserved[8];
};
/** `other`: of the same fovea, for the same images, or NULL. Its images are prepared as its own metadata says where the
 * options leave that open. With data, errors name the first broken file or label that is no class, and how many more
 * there are, before anything runs. */
FOVEA_API int fovea_eval(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
                         struct fovea_eval *eval, struct fovea_error *error);
FOVEA_API void fovea_eval_free(struct fovea_eval *eval);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_eval_json(const struct fovea_model *model, const struct fovea_eval *eval,
                                struct fovea_error *error);
/** Whether fovea_eval_write or fovea_tune would refuse to write `path`: to be asked before long work. */
FOVEA_API int fovea_output_claim(const char *path, bool force, struct fovea_error *error);
/** Whether a folder of results could not be made there, or not be written to. */
FOVEA_API int fovea_folder_claim(const char *path, struct fovea_error *error);
/** The results as JSON, atomically; a file that is there is an error unless `force`. */
FOVEA_API int fovea_eval_write(struct fovea_model *model, const struct fovea_eval *eval, const char *path, bool force,
                               struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
