/** @file Layers, parameters, receptive fields. */
#ifndef FOVEA_INSPECT_H
#define FOVEA_INSPECT_H

#include "fovea/model.h"
#include "fovea/receptive_field.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How far a layer is seen through operators that fovea does not have, or nodes that it refuses. */
enum fovea_sight {
    FOVEA_SIGHT_WHOLE,
    FOVEA_SIGHT_TOLD,   /**< behind one: it has the shape that follows from what the file says there */
    FOVEA_SIGHT_NONE,   /**< behind one: its shape, MACs and field are not known */
    FOVEA_SIGHT_FOREIGN /**< it is one */
};

struct fovea_layer {
    const char *name, *op_type, *output; /**< `output`: name of the first result */
    int rank;                            /**< of the first result; -1: known only when it runs */
    int64_t dims[FOVEA_MAX_RANK];
    int64_t parameters; /**< elements of the weights that this node is the first to read; running statistics are none */
    int64_t macs;       /**< multiply-accumulates of convolutions and matrix products */
    struct fovea_receptive_field field; /**< none of what is not wholly seen */
    enum fovea_sight sight;
    const char
        *behind; /**< "grid_sampler 'custom'": the operator; of a foreign one why; NULL where it is wholly seen */
};

/** A value whose type and shape nothing but the file says. */
struct fovea_told {
    const char *name, *behind;
};

/** An input or output of the graph; `rank` -1: not declared, sizes -1: free. */
struct fovea_value {
    const char *name, *type;
    int rank;
    int64_t dims[FOVEA_MAX_RANK];
};

/** What a block of the outline is. */
enum fovea_block_kind {
    FOVEA_BLOCK_INPUT,
    FOVEA_BLOCK_LAYERS,   /**< in a row */
    FOVEA_BLOCK_RESIDUAL, /**< a branch and a shortcut, added */
    FOVEA_BLOCK_DENSE,    /**< each layer reads all in front of it */
    FOVEA_BLOCK_BRANCHES, /**< ways that part and join again */
    FOVEA_BLOCK_JOIN,     /**< layers without weights: sums, joins, pools, selections */
    FOVEA_BLOCK_JOINED,   /**< neighbours of several kinds, as there were too many */
    FOVEA_BLOCK_OUTPUT,
    FOVEA_BLOCK_KINDS
};
/** "input", "layers", "residual", "dense", "branches", "join", "joined", "output"; NULL for others. */
FOVEA_API const char *fovea_block_name(int kind);

/** One of the ways through a block, in lines: "3×3 conv, 64, /2", "attention, 12 heads, 197 tokens". None: the input as
 * it is. */
struct fovea_way {
    const char **lines;
    int *times;          /**< of each line: so many layers like it */
    int count, left_out; /**< `left_out`: layers that are not told */
};
struct fovea_block_part {
    enum fovea_block_kind kind;
    struct fovea_way *ways; /**< of a residual block: the branch, the shortcut */
    int way_count;
};
struct fovea_block {
    enum fovea_block_kind kind; /**< of the first part */
    struct fovea_block_part *parts;
    int part_count;
    int repeats;              /**< so many times the parts, one after the other, or each reading all in front */
    int alike;                /**< so many times beside each other, with the same weights */
    bool head;                /**< makes the scores that the model is read by */
    int *layers, layer_count; /**< places in the list of layers, of all repeats */
    int64_t parameters, macs; /**< of all repeats */
    int rank;                 /**< of what leaves it; -1: not known */
    int64_t dims[FOVEA_MAX_RANK];
};
/** What one block makes and another reads: their places. */
struct fovea_link {
    int from, to;
};
/** The network as few blocks, in topological order: inputs first, outputs last. */
struct fovea_outline {
    struct fovea_block *blocks;
    int block_count;
    struct fovea_link *links;
    int link_count;
    int joined; /**< blocks that were joined with neighbours as there were too many; 0: none */
};

struct fovea_layers {
    const char *path, *producer, *opsets; /**< producer with its version */
    int64_t ir_version;
    struct fovea_value *inputs, *outputs;
    int input_count, output_count;
    struct fovea_layer *list;
    int count;
    int fields_left_out;        /**< layers whose field would take too long to follow; theirs has no axes */
    struct fovea_unseen unseen; /**< what the sums lack */
    struct fovea_told *told;    /**< results of foreign layers whose shapes are taken from the file */
    int told_count;
    int64_t parameters, macs;              /**< of what is seen */
    size_t weight_bytes, activation_bytes; /**< as stored at run time; of the planned arena */
    void *storage;                         /**< private: what the pointers point to */
    struct fovea_outline *outline;         /**< NULL: there are no layers */
    uint64_t reserved[7];
};
/** The graph as the file has it, bound to `shapes`, which may be empty where no size is free. Operators that fovea does
 * not have are no error: what is behind them is not seen, but where the file says their results' shapes. */
FOVEA_API int fovea_inspect(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_layers *layers,
                            struct fovea_error *error);
FOVEA_API void fovea_layers_free(struct fovea_layers *layers);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_layers_json(const struct fovea_layers *layers, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
