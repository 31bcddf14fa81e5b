/* Chosen values of a network, and the gradients with respect to them, over images. */
#ifndef FOVEA_ANALYSIS_RECORDING_H
#define FOVEA_ANALYSIS_RECORDING_H

#include "analysis/image_set.h"

/* `values` and `gradients` of one batch, in the order asked for, valid during the call; only the first `images` rows of
 * axis 0 belong to images where the batch is larger. gradients[i] is NULL where the score does not depend on value i,
 * and `gradients` is NULL where none were asked for. */
struct recorded {
    int64_t images, batch;
    const struct tensor *const *values;
    const struct tensor *const *gradients;
};
typedef int recording_each(void *user, const struct recorded *recorded, struct error *error);

struct recording_request {
    const struct model *model;
    const struct image_set *images;
    const char *const *values; /* names of the graph with bound shapes (struct network) */
    int count;
    /* Also d(score)/d(value). The score of an image is the logit of its label, or else of the predicted class, minus
     * the mean of all logits: unlike a loss it does not vanish where the network is sure. Maps are scored over the
     * region of the class, detectors at their best cell. */
    bool gradients;
};
/* Whether a value of such a graph is found again by its name: parts of functions and of fused operators are not. */
bool recording_knows(const struct value *value);
int recording_run(const struct recording_request *request, recording_each *each, void *user, struct error *error);

#endif
