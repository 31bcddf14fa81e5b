/** @file What differs between two models. */
#ifndef FOVEA_DIFF_H
#define FOVEA_DIFF_H

#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fovea_change_kind {
    FOVEA_CHANGE_MODEL,    /**< IR version, producer, texts */
    FOVEA_CHANGE_OPSET,    /**< version of a domain */
    FOVEA_CHANGE_METADATA, /**< entry of metadata_props */
    FOVEA_CHANGE_INPUT,    /**< of a graph: type, shape or name; added or removed */
    FOVEA_CHANGE_OUTPUT,
    FOVEA_CHANGE_FUNCTION, /**< added or removed; what differs inside is told like that of the graph */
    FOVEA_CHANGE_NODE_REMOVED,
    FOVEA_CHANGE_NODE_ADDED,
    FOVEA_CHANGE_ATTRIBUTE,
    FOVEA_CHANGE_NODE_MOVED,     /**< a node reads another value */
    FOVEA_CHANGE_SHAPE,          /**< declared type or sizes of an inner value */
    FOVEA_CHANGE_WEIGHT_REMOVED, /**< initialisers and tensors of Constant nodes */
    FOVEA_CHANGE_WEIGHT_ADDED,
    FOVEA_CHANGE_WEIGHT_TYPE, /**< element type or shape; an initialiser became a Constant node or the reverse */
    FOVEA_CHANGE_WEIGHT_ELEMENTS,
    FOVEA_CHANGE_NAME, /**< of a node, its result, a weight */
    FOVEA_CHANGE_KINDS
};
/** "model", "opset", "metadata", "input", ..., "node-removed", ..., "name"; NULL for others. */
FOVEA_API const char *fovea_change_name(int kind);
/** What a list of such changes is headed: "nodes removed"; NULL for others. */
FOVEA_API const char *fovea_change_title(int kind);

struct fovea_change {
    enum fovea_change_kind kind;
    const char *scope;   /**< "" the model's graph; else the node and attribute of an inner graph, or a function */
    const char *name;    /**< of the node (where it has none, of its result), value, weight or entry in the first */
    const char *other;   /**< in the second model, where that is another name; else NULL */
    const char *op_type; /**< of nodes, else NULL */
    const char *detail;  /**< the attribute, "input 0", what a lone node reads and makes, a weight's type; or NULL */
    const char *before, *after; /**< in the first and in the second; NULL: absent, or too long for a text */
    bool follows;               /**< of moves: only lone nodes lie between what was read and what is read now */
    int64_t elements;           /**< of weights */
    int64_t differing;          /**< FOVEA_CHANGE_WEIGHT_ELEMENTS: how many; -1: of a type not computed with. Below: */
    double norms[2], largest;   /**< Euclidean; |a - b|; both over finite elements */
    double relative;            /**< |a - b| / |a| as norms; HUGE_VAL where a is zero */
};

/** The same value of both models after runs on the same inputs. */
struct fovea_value_difference {
    const char *name, *other;   /**< of the value in either model */
    const char *node, *op_type; /**< what makes it in the first model */
    int ranks[2];               /**< in either model */
    int64_t dims[2][FOVEA_MAX_RANK];
    bool same_shape, departs; /**< departs: another shape, or largest > atol + rtol * scale */
    /** Only nodes that one model alone has read it: equality is not expected, as of a convolution in front of a
     * BatchNormalization that the other model has folded into it. */
    bool between;
    double scale;         /**< largest element of the first model's, absolute */
    double largest, mean; /**< absolute difference; HUGE_VAL where only one is finite */
    double relative;      /**< largest / scale */
    double agreement;     /**< outputs [N,K,...]: share of units with the same largest channel; -1: no classes */
};

struct fovea_diff_options {
    bool run;                     /**< compare all values that both have, on inputs */
    struct fovea_samples samples; /**< without feeds: random inputs, of the context's seed. Free batches are 1 then */
    double atol, rtol;            /**< rtol, default 1e-5: of the value's largest element */
    uint64_t reserved[8];         /**< zero */
};
FOVEA_API struct fovea_diff_options fovea_diff_options_default(void);
struct fovea_diff {
    const char *paths[2];
    int64_t nodes[2], paired; /**< Constants not counted; paired: also those of inner graphs and functions */
    struct fovea_change *changes;
    int64_t change_count, counts[FOVEA_CHANGE_KINDS];
    /** With `run`: */
    bool ran;
    int64_t samples;
    struct fovea_value_difference *values, *outputs; /**< values in the first model's order */
    int64_t value_count, output_count;
    int64_t departing, between;                 /**< values that depart: where equality is expected; the others */
    const struct fovea_value_difference *first; /**< the first value counted in `departing`; NULL: none */
    const char
        *behind; /**< operator that fovea does not have, in front of what was not compared; NULL: everything was */
    int64_t values_left_out, outputs_left_out; /**< behind such, in the first model */
    bool same;                                 /**< nothing above differs */
    bool half_weights;                         /**< the model ran with weights in half precision */
    bool no_winograd;                          /**< 3x3 convolutions ran by all their products */
    void *storage;                             /**< private */
    uint64_t reserved[8];
};
/** Two models of one context. Nodes are recognised by what surrounds them, by weights, names and order, so that renamed
 * and inserted nodes do not make others look different. */
FOVEA_API int fovea_diff(struct fovea_model *a, struct fovea_model *b, const struct fovea_diff_options *options,
                         struct fovea_diff *diff, struct fovea_error *error);
FOVEA_API void fovea_diff_free(struct fovea_diff *diff);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_diff_json(const struct fovea_diff *diff, struct fovea_error *error);
/** A folder with both models side by side: diff.html (a page that needs no other file), diff.json, with images the
 * effective receptive fields of what the heads read (over FOVEA_DIFF_FIELD_IMAGES at most), last manifest.json. `diff`
 * is of these models and options. A result that is there already is an error unless `force`. */
#define FOVEA_DIFF_FIELD_IMAGES 8
FOVEA_API int fovea_diff_write(struct fovea_model *a, struct fovea_model *b, const struct fovea_diff_options *options,
                               const struct fovea_diff *diff, const char *folder, bool force,
                               struct fovea_error *error);
/** Whether fovea_diff_write would be refused for what is in `folder`: to be asked before long work. */
FOVEA_API int fovea_diff_claim(struct fovea_model *a, const char *folder, bool force, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
