/* A model in inference over a data set. */
#ifndef FOVEA_TRAIN_EVALUATION_H
#define FOVEA_TRAIN_EVALUATION_H

#include "analysis/target.h"
#include "data/loader.h"
#include "data/metrics.h"
#include "graph/graph.h"
#include "pass/pipeline.h"
#include "train/mask_map.h"
#include "train/sample_scores.h"

/* The scores of `model` as it is now. Of a detector an image has one score per class, its best anchor's. */
struct evaluator {
    struct graph *graph;
    struct session *session;
    const struct model *model;
    const char *target;     /* NULL: the logits */
    struct mask_size masks; /* the part of them that the scores stand for */
    int64_t enlarged[2];    /* height and width of the map that was enlarged to the masks; zeros: none was */
    int image_input;
    int64_t batch, classes, units; /* units: pixels of a map, 1 for a vector and a detector */
    struct class_scores scores;    /* how they are read */
    struct head head;              /* what they mean; its values are of the graph before lowering */
    float *gathered;               /* [classes, units], of one sample */
};
/* `target`: the value that holds the classes' scores, as target_find names it; NULL: the logits. A map of another size
 * than `masks` (NULL: there are none) is enlarged to it, as mask_map_emit does. */
int evaluator_create(struct evaluator *evaluator, const struct model *model, const struct shape_binding *bindings,
                     int binding_count, const char *target, const struct mask_size *masks, struct error *error);
void evaluator_destroy(struct evaluator *evaluator);
/* Runs up to evaluator->batch images; logits, to be read through evaluator->scores, are valid until the next run. */
int evaluator_run(struct evaluator *evaluator, const float *images, int64_t count, const float **logits,
                  struct error *error);

/* ERROR_INPUT where a sample has another number of labels (the pixels of its mask, else 1) than the logits have units:
 * masks for a vector or for what is no map that could be enlarged to them. */
int evaluation_check_units(int64_t labels, int64_t units, struct error *error);

/* What is told of samples one by one. */
struct evaluated {
    float *correct;       /* by place in the split: the share of its counted units predicted right, -1: none counted */
    int64_t *predictions; /* [count, units] by place in the batch, -1: none; or NULL */
    double *confidence;   /* is added to: the mean probability of each sample's predictions; or NULL */
    struct sample_scores *samples; /* of masks: pixels are counted in; or NULL */
    bool not_finite;               /* such scores predict nothing and are wrong; else they are an error */
};
/* Runs a batch of any size and counts it in, but for batches without labels and masks. */
int evaluate_batch(struct evaluator *evaluator, const struct loader *loader, const struct loader_batch *batch,
                   struct metrics *metrics, int64_t ignored, const struct evaluated *out, struct error *error);
/* Runs every batch of the loader. `metrics` is reset first, and `samples` (or NULL), by sample of the split. `step` (or
 * NULL) is called after each batch with the number of samples that `metrics` hold; not 0: its error ends it. */
int evaluate(struct evaluator *evaluator, struct loader *loader, struct metrics *metrics, int64_t ignored,
             struct sample_scores *samples, int (*step)(void *user, int64_t done, struct error *error), void *user,
             struct error *error);

#endif
