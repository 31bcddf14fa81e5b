/* What a score is the sum of: the cells of a layer (activation times gradient) and the shares of what does not come
 * from these cells. */
#ifndef FOVEA_ANALYSIS_CONTRIBUTION_H
#define FOVEA_ANALYSIS_CONTRIBUTION_H

#include "analysis/unit_grid.h"
#include "pass/differentiate.h"

/* Each is the sum of summand times gradient over all nodes between the layer and the score. */
enum share {
    SHARE_TOKENS, /* prefix tokens of the stream that goes round the layer */
    SHARE_AROUND, /* the rest of what goes round the layer and depends on the image */
    SHARE_BIASES, /* constants: biases, what norms add */
    SHARES
};

struct contribution_request {
    struct gradient_seed seed;
    struct value *const *layers; /* from first to last, all of `grid` */
    int count;
    const struct unit_grid *grid;
    bool held; /* gates count as constants: pass/held.h */
    /* What reaches a layer's units goes no further, so that each layer gets what is read of it directly; prefix tokens
     * go on. */
    bool direct;
};

/* Appends nodes for the gradients (NULL: the layer does not count) and for shares, float [SHARES], sums over the batch.
 */
int contribution_append(struct graph *graph, const struct contribution_request *request, struct value **gradients,
                        struct value **shares, struct error *error);

#endif
