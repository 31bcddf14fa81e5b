/* How Scatter and its relatives put updates into a tensor. */
#ifndef FOVEA_OP_SCATTER_H
#define FOVEA_OP_SCATTER_H

#include "graph/operator.h"

enum scatter_reduction { SCATTER_NONE, SCATTER_ADD, SCATTER_MUL, SCATTER_MAX, SCATTER_MIN };

/* Of GatherElements, GatherND and what scatters by the same indices. */
struct scatter_settings {
    int64_t axis;       /* of those with an index for each element */
    int64_t batch_dims; /* of those with tuples */
    enum scatter_reduction reduction;
    struct ints shape; /* of GatherNDGradient: of the data */
};
/* What attribute reduction may say (opset 16 and 18). */
extern const char *const scatter_reductions[];

/* to[i] = to[i] reduced with from[i], for `count` elements of a storage type; integers wrap. */
void scatter_combine(void *to, const void *from, int64_t count, enum dtype storage, enum scatter_reduction reduction);
/* Copies input 0 to output 0, then combines run i of the updates (input 2) at element offsets[i]. */
void scatter_runs(const struct compute_context *context, const int64_t *offsets, int64_t runs, int64_t run,
                  enum scatter_reduction reduction);

/* Gradients of data and updates, where `pick` ("GatherElements", "GatherND") is the scattering's inverse and bears its
 * attribute axis (NULL: none). Other reductions than none and add are refused. */
int scatter_gradient(struct gradient_context *context, const char *scatter, const char *pick, const char *axis,
                     struct error *error);

#endif
