/** @file Class activation maps. */
#ifndef FOVEA_CAM_H
#define FOVEA_CAM_H

#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sets of methods are sums of 1 << method. */
enum fovea_cam_method {
    FOVEA_CAM_EXTENDED, /**< Kim et al., arXiv 2001.05153; the default */
    FOVEA_CAM_PLAIN,
    FOVEA_CAM_GRAD,
    FOVEA_CAM_GRAD_PLUS_PLUS,
    FOVEA_CAM_XGRAD,
    FOVEA_CAM_LAYER,
    FOVEA_CAM_SCORE,
    FOVEA_CAM_METHODS
};
/** "extended", "cam", "gradcam", "gradcam++", "xgradcam", "layercam", "scorecam"; NULL for others. */
FOVEA_API const char *fovea_cam_method_name(int method);

enum fovea_upsampling {
    FOVEA_UPSAMPLE_AUTO, /**< Extended-CAM: Gaussian; others: bilinear */
    FOVEA_UPSAMPLE_GAUSSIAN,
    FOVEA_UPSAMPLE_BILINEAR
};

/** Where the Gaussians' sigma comes from. */
enum fovea_sigma {
    FOVEA_SIGMA_GIVEN,
    FOVEA_SIGMA_FIELD, /**< the Gaussian fitted to the layer's effective receptive field */
    FOVEA_SIGMA_STRIDE /**< half the stride: that field is no Gaussian, or was not measured */
};
/** A method that this model does not allow is left out; `reason` in a line. */
typedef void fovea_cam_skip(void *user, enum fovea_cam_method method, const char *reason);

struct fovea_cam_options {
    struct fovea_samples samples;
    const char *target;  /**< value that holds the score; NULL: the logits */
    const char *layer;   /**< value that the map belongs to; NULL: the last map or tokens that the score depends on */
    int64_t class_index; /**< from 0, FOVEA_CLASS_PREDICTED or FOVEA_CLASS_LABEL */
    int64_t rank;        /**< of FOVEA_CLASS_PREDICTED: 0 the strongest class, 1 the second, ... */
    int64_t ranks;       /**< how many will be asked for: refused at once where there are fewer classes */
    enum fovea_place place;
    int64_t unit[2];  /**< y, x for FOVEA_PLACE_UNIT; -1: the centre */
    unsigned methods; /**< set; 0: Extended-CAM */
    enum fovea_upsampling upsampling;
    double sigma;           /**< of the Gaussians, in pixels; 0: of the layer's effective receptive field */
    int64_t fit_images;     /**< over which that field is measured, at most; 0: 256; below 0: none, half the stride */
    bool residual;          /**< Extended-CAM: what is missing to the score is spread evenly over the cells */
    int64_t score_channels; /**< Score-CAM: channels run at most; 0: all */
    bool metrics;           /**< measure faithfulness: 67 more runs per map */
    bool sanity;            /**< compare each map with that of the same network with its weights shuffled */
    const char *masks;    /**< folder with a picture of the object per image, NAME.png: not black inside; NULL: masks of
                             pictures in memory */
    fovea_cam_skip *skip; /**< is told of methods that are left out; NULL: they are an error, as is nothing left */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_cam_options fovea_cam_options_default(void);

/** What the class's probability does when the image is seen through a map. */
#define FOVEA_CURVE_STEPS 32
struct fovea_faithfulness {
    double original, masked; /**< for the image, and under max(map, 0) / max(map) */
    double drop;   /**< max(0, original - masked) / original: rewards maps that hide nothing, never read it alone */
    bool increase; /**< masked > original */
    /** The strongest pixels put into a blurred image, or taken out to zeros, from none (0) to all; areas below. */
    double insertion[FOVEA_CURVE_STEPS + 1], deletion[FOVEA_CURVE_STEPS + 1], insertion_area, deletion_area;
};

/** Whether the enlarged map lies where the object is. */
struct fovea_localisation {
    double energy; /**< share of the positive mass inside the mask */
    bool pointing; /**< the strongest pixel is inside */
    double iou;    /**< of the pixels from half the strongest one on, with the mask */
};

/** One map. Everything is valid during the call that hands it over. */
struct fovea_cam {
    const char *model, *name; /**< of the model's file; of the image in its folder or list */
    int64_t image;
    enum fovea_cam_method method;
    const char *target, *layer;
    int layers; /**< Extended-CAM of class tokens sums the inputs of so many attentions, `layer` the last; else 1 */
    int64_t class_index, unit[2]; /**< unit -1: several */
    const char *class_name;       /**< or NULL */
    int64_t label;                /**< of the image; -1: not known */
    double score, probability;    /**< -1: several units are scored, or scores have none */
    bool of_classes;              /**< else `class_index` is a channel of a target that holds no classes' scores */
    const char *reading;          /**< in words: how classes are read from the target; that it holds none */
    int64_t cells[2];
    const double *map; /**< [cells]: signed, in the score's units */
    int64_t height, width;
    const float *pixels;    /**< [height, width]: the map enlarged; Gaussians keep its sum */
    const uint8_t *picture; /**< [height, width, 3]: the image as the network sees it */
    double sum, largest, smallest;
    /** What the score is the sum of, by the gradient that the method goes by: activation times gradient over the
     * layer's cells, over prefix tokens (the class token's own share), over what goes round the layer, and biases.
     * Extended-CAM holds gates, attention weights and statistics of norms constant: nothing is left. Others go by the
     * gradient as it is. */
    double contributions, class_token, around, biases;
    double gap;    /**< what is left of the score, as a share of sum |A dy/dA| per cell: beyond .1 it explains little */
    double share;  /**< of the magnitudes of all these parts, what the cells hold: below .5 most is not in the map */
    bool flat;     /**< one number everywhere */
    bool negative; /**< nothing speaks for the class */
    bool absent;   /**< the score is the mean over the class's region, and no place is taken for the class */
    bool gaussian; /**< enlarged by Gaussians of `sigma`, else bilinearly */
    double sigma[2]; /**< y, x */
    enum fovea_sigma sigma_rule;
    double fit;         /**< R squared of the Gaussian fitted to the layer's effective field; NAN: none was made */
    int64_t fit_images; /**< over which that field was measured */
    const struct fovea_faithfulness *faithfulness; /**< with `metrics`, else NULL */
    const struct fovea_localisation *localisation; /**< where there is a mask for the image, else NULL */
    /** With `sanity`: rank correlation of the map with that of shuffled weights (Adebayo et al., arXiv 1810.03292);
     * near 1 the method shows the image, not the network. NAN: not measured (Score-CAM is not). */
    double sanity;
    const struct fovea_left_out *files_left_out; /**< of the images' folder, the same for all maps */
    bool half_weights;                           /**< the model ran with weights in half precision */
    bool no_winograd;                            /**< 3x3 convolutions ran by all their products */
    /** [region_size], of a score that is the mean over a region: 1 for each unit of the target whose strongest class it
     * is; else NULL. */
    const uint8_t *region;
    int64_t region_size[2];
};
/** Called for every image and method, images in order. Not 0: stop, fovea_cam then fails with `error`. */
typedef int fovea_cam_each(void *user, const struct fovea_cam *cam, struct fovea_error *error);
FOVEA_API int fovea_cam(struct fovea_model *model, const struct fovea_cam_options *options, fovea_cam_each *each,
                        void *user, struct fovea_error *error);

/** One map as JSON, for fovea_text_free. */
FOVEA_API char *fovea_cam_json(const struct fovea_cam *cam, struct fovea_error *error);

/** In words, cut at `size` bytes. What makes a map no explanation of the score: its parts do not add up to it, or most
 * of it is not in the map. "" where there is nothing to be said. `brief`: in a few words. */
FOVEA_API void fovea_cam_doubt(const struct fovea_cam *cam, bool brief, char *out, size_t size);
/** Which rule gave sigma, and the fit's R squared. */
FOVEA_API void fovea_cam_sigma_text(const struct fovea_cam *cam, char *out, size_t size);

/** A folder of maps: for each NAME.npy (the signed map, float32), NAME_pixels.npy (enlarged) and the picture
 * NAME.png (or as fovea_set_figures says); at the end cam.json, the picture montage.png and last manifest.json. Results
 * that are there already are an error unless `force`. `folder` NULL: nothing is written, fovea_cam_folder_json tells
 * all. */
struct fovea_cam_folder;
FOVEA_API struct fovea_cam_folder *fovea_cam_folder_open(struct fovea_model *model, const char *folder, bool force,
                                                         struct fovea_error *error);
FOVEA_API int fovea_cam_folder_add(struct fovea_cam_folder *folder, const struct fovea_cam *cam,
                                   struct fovea_error *error);
/** To be told of methods that were left out; as fovea_cam_skip. */
FOVEA_API void fovea_cam_folder_skip(struct fovea_cam_folder *folder, enum fovea_cam_method method, const char *reason);
/** Of all maps so far, as cam.json has them, for fovea_text_free. */
FOVEA_API char *fovea_cam_folder_json(const struct fovea_cam_folder *folder, struct fovea_error *error);
/** Writes what belongs to all maps. The folder is freed in every case. */
FOVEA_API int fovea_cam_folder_close(struct fovea_cam_folder *folder, struct fovea_error *error);
/** Gives up: nothing more is written. NULL is allowed. */
FOVEA_API void fovea_cam_folder_abandon(struct fovea_cam_folder *folder);

#ifdef __cplusplus
}
#endif

#endif
