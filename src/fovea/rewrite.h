/** @file Follow the guidelines in a new file. */
#ifndef FOVEA_REWRITE_H
#define FOVEA_REWRITE_H

#include "fovea/audit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_rewrite_options {
    struct fovea_audit_options audit;
    const char *const *apply; /**< guides' names, "exact" or "all"; none: "exact" */
    int apply_count;
    const char *const *nodes; /**< only findings about these nodes; none: all */
    int node_count;
    bool fold;            /**< new constants are stored, not computed by a subgraph that tuning could change */
    bool retrain;         /**< allow what a trained network does not survive without training */
    bool force;           /**< replace the file if it is there */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_rewrite_options fovea_rewrite_options_default(void);
/** Names of the nodes, values and constants that rewrites add hold this behind the name of what they are made for:
 * "conv1/fovea/weight". */
#define FOVEA_ADDED_NAME "/fovea/"

struct fovea_edit {
    const char *guide, *code;
    bool applied;
    const char *text;   /**< what was done, or would be; or why it was not */
    const char **nodes; /**< changed or new, as they are called in the new file */
    int node_count;
};
/** The model before and after one guide, on the same inputs. */
struct fovea_proof {
    const char *guide;
    bool exact; /**< nothing may change: within `tolerance` of max |y| */
    double tolerance;
    int64_t inputs; /**< random ones, or images */
    bool random;
    int64_t size[2]; /**< y, x of a random input that is smaller than the model's, which takes long; 0: it is not */
    double largest, mean; /**< |y' - y|, over max |y| of the same output; infinite where `reshaped` */
    bool reshaped;        /**< an output has another shape than before, as of another number of detections */
    double agreement;     /**< share of equal predictions; -1: the outputs are no classes, or did not run */
    /** Of exact ones whose outputs tell nothing, as what is behind the changed nodes amplifies rounding, as they hold
     * no elements, or as they would take long. Each value behind changed nodes was compared, made of the old model's
     * values in front of them; all other nodes are the same. */
    bool by_layers;
    int changed_nodes;     /**< 0: the same computation once constants are folded */
    double layers_largest; /**< as `largest` of these values: what must be within `tolerance` */
    /** Of what is behind operators that fovea does not have; where outputs are, what is made in front of these
     * operators was compared in their place. */
    const char *behind;                     /**< the first of these; NULL: there are none */
    int outputs_left_out, changes_left_out; /**< of the model, of changed nodes: not compared */
    bool nothing_compared;                  /**< as all outputs are behind, and nothing is in front */
    bool without_outputs;                   /**< they did not run: `largest`, `mean` and `agreement` tell nothing */
};
struct fovea_rewrite {
    struct fovea_edit *changes;
    int change_count, applied;
    struct fovea_proof *proofs;
    int proof_count;
    const char *recipe;      /**< how to tune the result, in words; NULL: it need not be */
    bool half_weights;       /**< the model ran with weights in half precision */
    bool no_winograd;        /**< 3x3 convolutions ran by all their products */
    void *storage;           /**< private */
    const char *next_recipe; /**< guide whose recipe tuning starts from; NULL: nothing was changed */
    uint64_t reserved[7];
};
/** Writes the rewritten model to `path` (NULL: nothing is written, the changes are listed and proven; without changes a
 * copy). An exact rewrite that changes what the model computes is an error, and nothing is written. */
FOVEA_API int fovea_rewrite(struct fovea_model *model, const struct fovea_rewrite_options *options, const char *path,
                            struct fovea_rewrite *rewrite, struct fovea_error *error);
/** The same into a model of its own, in memory: no file is opened or written. It is freed as one that was loaded, and
 * may outlive `model`. */
FOVEA_API int fovea_rewrite_model(struct fovea_model *model, const struct fovea_rewrite_options *options,
                                  struct fovea_model **rewritten, struct fovea_rewrite *rewrite,
                                  struct fovea_error *error);
FOVEA_API void fovea_rewrite_free(struct fovea_rewrite *rewrite);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_rewrite_json(const struct fovea_model *model, const struct fovea_rewrite *rewrite,
                                   struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
