/** @file Effective receptive fields. */
#ifndef FOVEA_ERF_H
#define FOVEA_ERF_H

#include "fovea/receptive_field.h"
#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_erf;

struct fovea_erf_options {
    struct fovea_samples samples;
    /** A value's name; "features" or NULL: what the head reads; "logits"; "before-resize": a map's logits before they
     * are enlarged; "output". With a class NULL is "logits", with a margin "before-resize". */
    const char *target;
    int64_t unit[2];          /**< y, x; -1: the centre */
    enum fovea_score score;   /**< FOVEA_SCORE_MEAN with a class is FOVEA_SCORE_CLASS */
    int64_t class_index;      /**< from 0, or FOVEA_CLASS_* */
    int64_t perturbed_pixels; /**< measure how the score moves when so many single pixels are changed; 0: do not */
    const char *compare;      /**< erf.json or erf.npy of an earlier field to compare with, or NULL */
    const struct fovea_erf *compare_with; /**< in place of a file; or NULL */
    uint64_t reserved[8];                 /**< zero */
};
FOVEA_API struct fovea_erf_options fovea_erf_options_default(void);

/** The dead-pixel test: one pixel's channels are raised by `step`, and the score moves by `change`, mean over images of
 * the absolute value. */
struct fovea_perturbation {
    int64_t points;
    int64_t (*at)[2];          /**< y, x */
    double *change, *expected; /**< [points]: measured; the field there */
    double step;               /**< in the units of the normalised image */
    double pearson, spearman;  /**< of `change` with the field there */
};
/** A Gaussian fitted by least squares to map / sum. */
struct fovea_gaussian {
    bool converged;
    double amplitude, centre[2], sigma[2]; /**< y, x in pixels */
    double r_squared;                      /**< below 0.8 the map is no Gaussian */
};
/** Mass by (y mod stride, x mod stride). */
struct fovea_phases {
    int64_t stride, largest[2], smallest[2]; /**< phases y, x */
    double ratio; /**< of the largest to the smallest; 1: even; HUGE_VAL: one holds nothing */
};

/** This field beside another, both divided by their sums. */
struct fovea_erf_comparison {
    const char *path;               /**< of the other's map; in memory: what it is, in words */
    const char *other;              /**< in words: what it is the field of; NULL: its erf.json is not there */
    bool unlike;                    /**< one of both is of classes, the other of a layer */
    float *difference;              /**< [height, width]: this minus the other */
    double overlap;                 /**< sum of the smaller of both: 1 when they are the same, 0 when disjoint */
    double correlation;             /**< Pearson's */
    double largest;                 /**< absolute difference, over the other's maximum */
    double sum_ratio;               /**< this over the other, before the division */
    struct fovea_gaussian gaussian; /**< of the other */
    double imbalance[2];            /**< of the other divided by its sum, as of this one: see below */
};

#define FOVEA_ERF_RADII 7
#define FOVEA_ERF_STRIDES 8
struct fovea_erf {
    int64_t height, width, images;
    float *map; /**< [height, width]: mean over images of ReLU(mean over channels of dY/dx) */
    const char *target;
    int64_t unit[2], target_size[2]; /**< of the map or grid of tokens that the unit is in */
    int64_t prefix_tokens;           /**< in front of the grid */
    enum fovea_score score;
    int64_t class_index; /**< as asked for */
    const char *reading; /**< in words: how classes are read from the target; of a mean NULL */
    bool best;           /**< of many rows the one where the class is strongest, image by image */
    bool of_classes;     /**< the target's channels are classes; else class_index is one of its channels */
    struct fovea_receptive_field field; /**< theoretical, of the target */
    int64_t box[4]; /**< y0, x0, y1, x1 of the unit's theoretical field, inclusive, unclipped; if local */
    double sum, min, max;
    int64_t argmax[2];
    double centre[2], centre_value; /**< where the unit looks at: the field's centre, or the map's */
    double centre_of_mass[2];
    double radii[FOVEA_ERF_RADII],
        mass_within[FOVEA_ERF_RADII]; /**< share of the sum within so many pixels of `centre` */
    double border_share;              /**< share of the outermost row and column on each side */
    struct fovea_gaussian gaussian;
    double imbalance[2]; /**< mean |first difference| and |second difference| of the map (L1, L2) */
    struct fovea_phases phases[FOVEA_ERF_STRIDES]; /**< of the strides on the way: the divisors of the total stride */
    int phase_count;
    const struct fovea_perturbation *perturbation; /**< or NULL */
    const struct fovea_erf_comparison *comparison; /**< or NULL */
    const struct fovea_left_out *files_left_out;   /**< of the images' folder */
    bool half_weights;                             /**< the model ran with weights in half precision */
    bool no_winograd;                              /**< 3x3 convolutions ran by all their products */
    void *storage;                                 /**< private */
    uint64_t reserved[8];
};
/** The mean over the images of one unit's input gradient, its positive part. A model whose target cannot be told is
 * refused with the names of values to take. */
FOVEA_API int fovea_erf(struct fovea_model *model, const struct fovea_erf_options *options, struct fovea_erf *erf,
                        struct fovea_error *error);
FOVEA_API void fovea_erf_free(struct fovea_erf *erf);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_erf_json(const struct fovea_model *model, const struct fovea_erf *erf, struct fovea_error *error);

/** In words, cut at `size` bytes. What the field is of, "class 3 over the mean of all (margin) of 'logits'"; names are
 * shortened to `most` bytes. */
FOVEA_API void fovea_erf_subject(const struct fovea_erf *erf, size_t most, char *out, size_t size);
/** " stride 2: 1.33, stride 4: 1690" */
FOVEA_API void fovea_erf_phases_text(const struct fovea_erf *erf, char *out, size_t size);
/** "sigma 12.3 x 12.1 px (y x x), R2 0.912" of a fit to a map of this size, or why there is none. */
FOVEA_API void fovea_gaussian_text(const struct fovea_gaussian *fit, int64_t height, int64_t width, const char *unit,
                                   char *out, size_t size);
/** So much of the field is in so few pixels that its picture looks black. */
FOVEA_API bool fovea_erf_is_peaked(const struct fovea_erf *erf);
/** Whether fovea_erf_write would find results that it must not replace: to be asked before long work. */
FOVEA_API int fovea_erf_claim(struct fovea_model *model, const char *folder, bool force, struct fovea_error *error);
/** Writes erf.npy, erf.json, the picture erf.png (or as fovea_set_figures says), with a comparison difference.npy and
 * its picture, and last manifest.json into `folder` (made if needed). Results that are there already are an error
 * unless `force`. `log_scale`: colours by the logarithm, whatever the figures' options say. */
FOVEA_API int fovea_erf_write(struct fovea_model *model, const struct fovea_erf *erf, const char *folder, bool force,
                              bool log_scale, struct fovea_error *error);

/** A field of a figure of several; `name` stands above it and in the key of the profiles. */
struct fovea_erf_panel {
    const char *name;
    const struct fovea_erf *erf;
    uint64_t reserved[4]; /**< zero */
};
#define FOVEA_MOST_PANELS 64
/** Fields, of several models or stages, in one picture `path` with the ending of each format (fovea_set_figures), each
 * as a share of its own maximum on one scale, with their profiles along x in one plot. A picture that is there already
 * is an error unless `force`. */
FOVEA_API int fovea_erf_figure(struct fovea *fovea, const struct fovea_erf_panel *panels, int count, const char *path,
                               bool force, struct fovea_error *error);

#define FOVEA_MOST_STAGES 32
/** The last map or tokens of every size on the way to the output, in order: targets for fovea_erf. */
struct fovea_stages {
    const char *names[FOVEA_MOST_STAGES];
    int64_t sizes[FOVEA_MOST_STAGES][2]; /**< units along y, x */
    int count;
    void *storage; /**< private */
    uint64_t reserved[8];
};
/** `samples` gives the sizes. */
FOVEA_API int fovea_stages(struct fovea_model *model, const struct fovea_samples *samples, struct fovea_stages *stages,
                           struct fovea_error *error);
FOVEA_API void fovea_stages_free(struct fovea_stages *stages);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_stages_json(const struct fovea_model *model, const struct fovea_stages *stages,
                                  struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
