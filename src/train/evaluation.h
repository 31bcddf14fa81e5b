/* A model in inference over a data set. */
#ifndef FOVEA_TRAIN_EVALUATION_H
#define FOVEA_TRAIN_EVALUATION_H

#include "data/loader.h"
#include "data/metrics.h"
#include "graph/graph.h"
#include "pass/pipeline.h"

/* The logits of `model` as it is now. */
struct evaluator {
    struct graph *graph;
    struct session *session;
    int image_input;
    int64_t batch, classes, units; /* units: pixels of a map, 1 for a vector */
};
int evaluator_create(struct evaluator *evaluator, const struct model *model, const struct shape_binding *bindings,
                     int binding_count, struct error *error);
void evaluator_destroy(struct evaluator *evaluator);
/* Runs up to evaluator->batch images; logits [count, classes, units], valid until the next run. */
int evaluator_run(struct evaluator *evaluator, const float *images, int64_t count, const float **logits,
                  struct error *error);

/* Runs every batch of the loader. `metrics` is reset first. `correct` (or NULL): by sample of the split, the share of
 * its units that are predicted right, -1 for samples that were left out. `step` (or NULL) is called after each batch
 * with the number of samples that `metrics` hold. */
int evaluate(struct evaluator *evaluator, struct loader *loader, struct metrics *metrics, int64_t ignored,
             float *correct, int64_t samples, void (*step)(void *user, int64_t done), void *user, struct error *error);

#endif
