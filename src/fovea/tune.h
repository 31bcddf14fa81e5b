/** @file Train a model on images. */
#ifndef FOVEA_TUNE_H
#define FOVEA_TUNE_H

#include "fovea/data.h"
#include "fovea/model.h"
#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Random changes of the training images; zeros: none of the kind. At most one of random resized crop, padded crop and
 * scale jitter. In this order: */
struct fovea_augment {
    double crop_scale[2];   /**< random resized crop: the smallest and largest share of the image's area */
    double crop_ratio[2];   /**< and of width to height, drawn evenly in the logarithm; zeros: 3/4 to 4/3 */
    int64_t padding;        /**< a random crop of the evaluation's image, with as many pixels more on each side */
    double scale_jitter[2]; /**< the image scaled by this beyond the preprocess's resize, and a random crop of it */
    double flip;            /**< probability of a horizontal flip */
    double rotation;        /**< degrees at most, either way, about the centre; bilinear */
    double brightness, contrast, saturation; /**< factors 1 - x to 1 + x */
    double hue;                              /**< at most this part of the colour circle, 0 to 0.5 */
    double mixup;                            /**< alpha of the Beta(alpha, alpha) that weights pairs of images */
    uint64_t reserved[8];                    /**< zero */
};
FOVEA_API struct fovea_augment fovea_augment_default(void);
enum fovea_optimiser {
    FOVEA_SGD,  /**< v = m v + (g + d w); w -= lr v, or with Nesterov lr (g + d w + m v): PyTorch's form */
    FOVEA_ADAMW /**< Loshchilov and Hutter 2019: w -= lr (m' / (sqrt(v') + eps) + d w) with corrected moments */
};
enum fovea_schedule {
    FOVEA_SCHEDULE_CONSTANT,
    FOVEA_SCHEDULE_COSINE,    /**< (1 + cos(pi t)) / 2 */
    FOVEA_SCHEDULE_STEP,      /**< a tenth after each third */
    FOVEA_SCHEDULE_POLYNOMIAL /**< (1 - t) ^ 0.9 */
};
enum fovea_loss {
    FOVEA_CROSS_ENTROPY, /**< softmax over the classes of [N,K] or [N,K,H,W] */
    FOVEA_BINARY,        /**< sigmoid of every logit */
    FOVEA_SQUARES,       /**< mean of squares over all elements */
    /** What makes probabilities of the file's scores decides, as everywhere: binary for sigmoids, squares for scores
     * that are no logits, else cross-entropy. */
    FOVEA_LOSS_OF_FILE
};
enum fovea_frozen { FOVEA_STATISTICS_AUTO, FOVEA_STATISTICS_FROZEN, FOVEA_STATISTICS_TRAINED };
/** Parameters by what they are: scales of BatchNormalization by their role, weights, shifts, LayerNormalization's. */
enum fovea_decay_class {
    FOVEA_DECAY_LAST,
    FOVEA_DECAY_DOWN,
    FOVEA_DECAY_STEM,
    FOVEA_DECAY_OTHER,
    FOVEA_DECAY_WEIGHTS,
    FOVEA_DECAY_BETA,
    FOVEA_DECAY_LAYERNORM,
    FOVEA_DECAY_CLASSES
};
/** "last", "down", "stem", "other", "weights", "beta", "layernorm"; NULL for others. */
FOVEA_API const char *fovea_decay_class_name(int index);

/** What training starts from after a guide's rewrite: derived from what the rewrite leaves to be learned. */
struct fovea_recipe_setting {
    const char *field, *value, *why; /**< of struct fovea_tune_options: "rate", "0.01"; "statistics", "frozen" */
};
struct fovea_recipe {
    const char *guide, *reason;
    const char *then;                            /**< what to do with the result; NULL: nothing */
    const struct fovea_recipe_setting *settings; /**< ended by a row without a field */
    uint64_t reserved[8];
};
/** False behind the last. */
FOVEA_API bool fovea_recipe_at(int index, struct fovea_recipe *recipe);
/** By the guide's name; -1 and an error that says what there is. */
FOVEA_API int fovea_recipe_find(const char *guide, struct fovea_recipe *recipe, struct fovea_error *error);

/** How often the classes occur in the data, and what they weigh. */
struct fovea_class_counts {
    int64_t classes;
    bool pixels;                          /**< of masks; else samples are counted */
    const char **names;                   /**< [classes], each may be NULL */
    const int64_t *training, *validation; /**< [classes] */
    const double *weights;                /**< [classes] of the loss; NULL: all weigh alike */
};

struct fovea_tune_options {
    struct fovea_data data;
    struct fovea_augment augment;
    struct fovea_shapes shapes;
    const struct fovea_preprocess *preprocess; /**< NULL: the model's own */
    int64_t epochs, batch;                     /**< 1 at least, default 10; images per step, 0: 32 */
    int64_t samples;                           /**< of an epoch at most; 0: all training samples */
    int accumulate;                            /**< steps per update; 0: 1 */
    enum fovea_optimiser optimiser;
    double rate;            /**< 0: 0.01 for SGD, 1e-3 for AdamW */
    double decay, momentum; /**< default 1e-4, 0.9 */
    bool nesterov;
    enum fovea_schedule schedule; /**< default: cosine */
    double warmup_epochs;         /**< of a rate that rises from 0; may be a part of one */
    double clip;                  /**< largest norm of the gradient; 0: it is not clipped */
    enum fovea_loss loss;         /**< default: of the file */
    double smoothing;             /**< of labels, 0 to 1: the share that is spread over all classes */
    double dice;                  /**< weight of the Dice loss beside the loss, of masks */
    /** Weights of the classes in the loss, which is divided by their sum over the labels, as in PyTorch's
     * cross_entropy: a file of numbers in the classes' order; "balanced": n / (K n_c) for n_c of the n training samples
     * (masks: pixels), with K the classes that occur; NULL: none. */
    const char *class_weights;
    const double *class_weight_list; /**< [class_weight_count] in place of that file, or NULL */
    int64_t class_weight_count;
    enum fovea_frozen statistics; /**< AUTO: frozen below 16 images per step */
    const char *const *freeze;    /**< patterns of parameter names, with * and ?; "!PATTERN" unfreezes, in order */
    int freeze_count;
    const char *const *rates; /**< "PATTERN=FACTOR" of the learning rate */
    int rate_count;
    const char *recipe; /**< guide whose recipe chooses the parameters where `freeze` and `rates` do not, by the record
                         * in the metadata; its settings are the caller's to put in here; or NULL */
    const char *const *reinitialise; /**< patterns */
    int reinitialise_count;
    int64_t new_classes;               /**< a new classifier for so many classes; 0: the model's own */
    float decays[FOVEA_DECAY_CLASSES]; /**< factor of the decay by class; NAN: by the model's policy */
    const char *teacher;               /**< model whose probabilities are learned too, or NULL */
    double teacher_weight;             /**< of that part of the loss, 0 to 1; default 0.5 */
    const char *control;               /**< a model trained likewise for comparison, or NULL */
    /** Both as models of the same context in place of paths, or NULL; they are not changed. */
    const struct fovea_model *teacher_model, *control_model;
    int seeds; /**< runs of each, with the seed, the seed + 1, ...; 0: one. The data are split by the first */
    /** Checkpoints: of a run that was cut off `resume` goes on with one and ends with the same bytes. Of NAME.onnx it
     * is NAME.onnx.checkpoint, replaced as a whole behind every epoch and within one after so many steps and when so
     * many seconds went by since; gone when the run is over. Both 0: there are none. Older ones stay beside it as
     * NAME.onnx.checkpoint.1, ..., `keep` in all, where the file system has hard links; 0: one. */
    int keep;
    int64_t checkpoint_steps;
    double checkpoint_seconds; /**< default 60 */
    /** Goes on from the checkpoint, where there is one, else from the beginning, with a note. The model, the data and
     * all options that change the result must be those that it was made with: an error names what is not. Threads and
     * memory may differ; of another instruction set or version the last digits do, with a note. Without it a checkpoint
     * that is there is an error, unless `force` says that it is to go. */
    bool resume;
    uint64_t reserved[5]; /**< zero */
};
FOVEA_API struct fovea_tune_options fovea_tune_options_default(void);

/** A part of the weights that does not train whatever is frozen. */
struct fovea_tune_still {
    const char *name, *why;
    int64_t elements;
};
/** Parameters that train, of one class of decay. */
struct fovea_tune_decay {
    int parameters;
    int64_t elements;
    double factor; /**< of the run's weight decay, of the class's first parameter */
};
struct fovea_tune_plan {
    const char *model;
    int64_t training, validation, classes;
    struct fovea_class_counts counts;
    /** Height and width: of the part of masks that scores stand for, and of all of them; of logits that are enlarged to
     * that part, zeros: none. */
    int64_t masks[2], whole_masks[2], enlarged[2];
    const char *loss;           /**< "cross-entropy", "binary", "squares"; a single output takes binary for the first */
    bool unlike_file;           /**< the file applies another activation to its scores than that loss trains */
    int64_t left_out;           /**< files that cannot be read, with `skip_broken` */
    const char *first_left_out; /**< what is wrong with the first of them; NULL: there is none */
    const struct fovea_left_out *files_left_out; /**< of all kinds, those above among them */
    int parameters, trained;                     /**< tensors, those among them that cannot train */
    int64_t elements, trained_elements, updates;
    const struct fovea_tune_still *still; /**< what cannot train */
    int still_count;
    int64_t still_elements;
    int unshared_statistics, unshared_parameters; /**< that shared a tensor with others and got their own */
    int stored;                                   /**< operands of BatchNormalization that were computed of constants */
    int shared;                                   /**< parameters that several nodes read on purpose */
    const char *first_shared;                     /**< or NULL */
    int inference_nodes; /**< BatchNormalization and Dropout of an export in training mode, put into inference form */
    int norms, dropouts;
    int norms_kept; /**< BatchNormalizations whose statistics stay, as the file has no place of their own for them */
    bool statistics_frozen, policy_of_metadata;
    const char *chosen;     /**< which parameters the recipe chose, in words; NULL: it chose none */
    const char *pending;    /**< guide whose rewrite was applied and not trained since, by the metadata; or NULL */
    const char *corrective; /**< guide whose rewrite moved the function, for which a teacher is wrong; or NULL */
    int folded;             /**< convolutions with a bias, of a model without any normalisation */
    size_t memory;          /**< bytes, for the whole run */
    int segments; /**< parts whose results are computed twice per step to stay below max_memory; 1: cheap ones only */
    double kept_by_decay; /**< of a weight that nothing but decay moves, the one that decays most */
    double decay_sum;     /**< of rate x decay over all updates, with SGD / (1 - momentum) */
    int halves;           /**< parameters of half precision: trained in float32, rounded when they are written */
    int64_t batch, batches, epochs; /**< images of a step, steps of an epoch, epochs */
    int frozen;                     /**< parameters that could train and are to stay as they are */
    int64_t frozen_elements;
    int64_t new_classes; /**< of a new classifier; 0: the model keeps its own */
    struct fovea_tune_decay decays[FOVEA_DECAY_CLASSES];
};
struct fovea_tune_epoch {
    const char *model;
    bool control;
    uint64_t seed;
    int64_t epoch, epochs;
    double loss, rate, gradient_norm, seconds, images_per_second;
    int64_t left_out; /**< samples that turned out not to be readable, with `skip_broken` */
    bool evaluated, best;
    struct fovea_metrics validation;
};
/** Where a run went on. */
struct fovea_tune_resumed {
    const char *checkpoint; /**< its path */
    bool control;
    uint64_t seed;
    int64_t epoch, epochs, batch; /**< of the run with that seed: batches that the epoch had been trained on */
    const char *cpu, *version;    /**< that it was written with */
};
struct fovea_tune;
struct fovea_tune_calls {
    void (*plan)(void *user, const struct fovea_tune_plan *plan);
    /** Of a run that goes on also for the epochs from before, behind `resumed`. */
    void (*epoch)(void *user, const struct fovea_tune_epoch *epoch);
    void *user;
    void (*resumed)(void *user, const struct fovea_tune_resumed *resumed); /**< behind the first plan; or NULL */
    /** Asked after every step and batch: true ends the call with FOVEA_CANCELLED, once a checkpoint is written. What
     * the progress callback cancels ends at once, with the checkpoint that is there. Or NULL. */
    bool (*stop)(void *user);
    /** All is done, and the checkpoint still there: what is made of the result may be written. Not 0: it stays. Or
     * NULL.
     */
    int (*finished)(void *user, const struct fovea_tune *tune);
    uint64_t reserved[5]; /**< zero */
};
/** One model trained with one seed. */
struct fovea_tune_run {
    const char *model;
    bool control;
    uint64_t seed;
    int64_t best_epoch;
    struct fovea_metrics best;
};
struct fovea_tune {
    struct fovea_tune_plan plan;     /**< of the model */
    struct fovea_tune_epoch *epochs; /**< of the model, then of the control */
    int epoch_count;
    struct fovea_tune_run *runs; /**< of the model, then of the control, by their seeds */
    int run_count, seeds;
    /** Of the last run's last epoch; of the epoch that is written; of the control's best. NAN: not evaluated, no
     * control
     */
    struct fovea_metrics last, best, control;
    int64_t best_epoch;
    uint64_t best_seed;
    struct fovea_class_table classes; /**< of the best epoch */
    /** Of the runs' best epochs, model minus control, the mean over seeds of top 1 (masks: of the mean IoU), paired by
     * seed and sample; with its 95 % interval over seeds and validation samples (two random effects and a rest, their
     * variances from the mean squares, Student's t), of one seed over the samples alone. NAN: there is no control. */
    double difference, interval[2];
    void *storage;                            /**< private */
    const struct fovea_tune_resumed *resumed; /**< NULL: it ran from the beginning */
    uint64_t reserved[7];
};
/** Trains a copy of the model and writes it to `path`, in inference form: the best epoch by validation (top 1, or mean
 * IoU with masks) of all its runs, because a file is wanted to be good; and beside it NAME.last.onnx with that run's
 * last. Which seed is written does not touch the comparison, which is of all runs. Where the loss stops being finite
 * the run ends with an error that names the node; what was written stays, and its checkpoint. */
FOVEA_API int fovea_tune(struct fovea_model *model, const struct fovea_tune_options *options, const char *path,
                         bool force, const struct fovea_tune_calls *calls, struct fovea_tune *tune,
                         struct fovea_error *error);
/** The same into a model of its own, in memory, the best epoch alone: no file is written, no checkpoint either. It is
 * freed as one that was loaded, and may outlive `model`. */
FOVEA_API int fovea_tune_model(struct fovea_model *model, const struct fovea_tune_options *options,
                               const struct fovea_tune_calls *calls, struct fovea_model **tuned,
                               struct fovea_tune *tune, struct fovea_error *error);
FOVEA_API void fovea_tune_free(struct fovea_tune *tune);

/** What a run would do and take. */
struct fovea_tune_rehearsal {
    struct fovea_tune_plan plan;
    int runs;                            /**< of the model and of the control, with all seeds */
    int64_t steps;                       /**< that were timed */
    double step_seconds;                 /**< of a step: data, teacher and update */
    double validation_seconds;           /**< after an epoch; 0: there is none */
    double epoch_seconds, total_seconds; /**< of an epoch with its validation; of all epochs of all runs */
    void *storage;                       /**< private */
    uint64_t reserved[8];
};
/** The plan of a run, and how long it takes by a few of its steps on its data (at most some ten seconds, or two steps
 * where one takes longer). Nothing is written and the model stays as it is; what stops a run at its start stops this,
 * too. Of `calls` the plan alone is called. */
FOVEA_API int fovea_tune_rehearse(struct fovea_model *model, const struct fovea_tune_options *options,
                                  const struct fovea_tune_calls *calls, struct fovea_tune_rehearsal *rehearsal,
                                  struct fovea_error *error);
FOVEA_API void fovea_tune_rehearsal_free(struct fovea_tune_rehearsal *rehearsal);
FOVEA_API char *fovea_tune_rehearsal_json(const struct fovea_tune_rehearsal *rehearsal, struct fovea_error *error);
/** As JSON, for fovea_text_free; of an epoch in one line. */
FOVEA_API char *fovea_tune_json(const struct fovea_tune *tune, struct fovea_error *error);
FOVEA_API char *fovea_tune_epoch_json(const struct fovea_tune_epoch *epoch, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
