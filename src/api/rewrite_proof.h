/* What a rewrite did to the function that a model computes. */
#ifndef FOVEA_API_REWRITE_PROOF_H
#define FOVEA_API_REWRITE_PROOF_H

#include "analysis/equivalence.h"
#include "api/api.h"
#include "structure/network.h"

struct rewrite_proof {
    struct snapshot *before;
    const struct model *after;
    const struct network *network;  /* its sizes are those that both run with */
    const struct image_set *images; /* or NULL: a random input */
    const char *guide;
    bool exact;
};

/* Both on the images, or where there are none on a random input, which is smaller than the network's where that takes
 * long and the graph can do with another size. What should change nothing is tried on a random input in any case: at
 * the outputs, and where these say nothing, directly behind what was changed. ERROR_INTERNAL when it does change
 * something. */
int rewrite_prove(const struct rewrite_proof *request, struct fovea_proof *proof, struct error *error);

#endif
