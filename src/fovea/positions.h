/** @file What a transformer has learned of positions. */
#ifndef FOVEA_POSITIONS_H
#define FOVEA_POSITIONS_H

#include "fovea/erf.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A learned relative bias of one attention. */
struct fovea_relative_bias {
    const char *name; /**< of the node that attends */
    int64_t heads, window[2], prefix_tokens;
    int64_t size[2];                /**< 2 h - 1, 2 w - 1 */
    double *map;                    /**< [size]: bias by offset, mean over heads; offset (0, 0) in the middle */
    struct fovea_gaussian gaussian; /**< of the map above its smallest number, in patches */
};
/** How far the logits move when the patches of an image change places. */
struct fovea_order_awareness {
    double change;    /**< mean over images of |y(shuffled) - y| / |y| */
    double agreement; /**< share of the images that keep their prediction */
};
struct fovea_positions {
    int64_t patch[2], grid[2], prefix_tokens; /**< of the patch embedding; 0: there is none */
    const char *embedding;                    /**< name of the absolute position embedding; NULL: none */
    double *similarity;                       /**< [grid]: cosine similarity of the central patch's position with all */
    struct fovea_gaussian gaussian;           /**< of the similarity above its smallest number, in patches */
    struct fovea_relative_bias *biases;
    int bias_count;
    struct fovea_order_awareness order[2]; /**< as it is; with positions at random */
    struct fovea_erf erf[2];               /**< likewise; [1].comparison is with [0] */
    bool half_weights;                     /**< the model ran with weights in half precision */
    bool no_winograd;                      /**< 3x3 convolutions ran by all their products */
    void *storage;                         /**< private */
    uint64_t reserved[8];
};
/** The ERF and the order-awareness of a transformer as it is, and with every patch given another's position vector and
 * every offset another's relative bias by chance. An error for models without either. `options->compare` is not
 * read. */
FOVEA_API int fovea_positions(struct fovea_model *model, const struct fovea_erf_options *options,
                              struct fovea_positions *positions, struct fovea_error *error);
FOVEA_API void fovea_positions_free(struct fovea_positions *positions);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_positions_json(const struct fovea_model *model, const struct fovea_positions *positions,
                                     struct fovea_error *error);
/** positions.json, similarity.npy and .png, biasN.npy and .png, and the two fields in folders original and randomised;
 * last manifest.json. Results that are there already are an error unless `force`. */
FOVEA_API int fovea_positions_write(struct fovea_model *model, const struct fovea_positions *positions,
                                    const char *folder, bool force, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
