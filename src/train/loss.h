/* Losses: nodes of the training graph behind the logits, and the targets that the loop gives them. Every loss reads a
 * dense target of the logits' shape that holds class weights, smoothing, mixing, ignored pixels and the mean over the
 * batch already, so that one sum is all that is left to the graph. */
#ifndef FOVEA_TRAIN_LOSS_H
#define FOVEA_TRAIN_LOSS_H

#include "fovea/tune.h"
#include "graph/graph.h"

struct loss_options {
    enum fovea_loss kind;
    float smoothing;            /* of labels: (1 - s) y + s / K */
    const float *class_weights; /* [K], or NULL: a unit counts by its label's, as in PyTorch's weighted mean */
    int64_t ignored;            /* label of units that do not count; below 0: none but labels out of range fail */
    float dice; /* weight of the Dice loss over classes beside cross-entropy, of a batch among the update's; 0: none */
};

/* Appends the loss of `logits` to the graph. *target: a new graph input of the logits' shape; for FOVEA_BINARY,
 * FOVEA_SQUARES and the Dice loss *weight, another one. *loss: a scalar [1]. */
struct loss_values {
    struct value *target, *weight, *loss;
};
int loss_emit(struct graph *graph, struct value *logits, const struct loss_options *options, struct loss_values *values,
              struct error *error);

/* In files and words: "cross-entropy", "binary", "squares". */
const char *loss_name(enum fovea_loss kind);

/* Labels of a batch: units are pixels for maps, else one an image. */
struct loss_labels {
    int64_t images, classes, units; /* classes: channels of the logits; of a single one labels are 0 and 1 */
    const int64_t *labels;          /* [images * units] */
    const int64_t *second;          /* of mixed images, or NULL */
    const float *share;             /* [images]: of `labels` where there is `second` */
    const float *teacher;           /* probabilities of the logits' shape, or NULL */
    float teacher_weight;           /* 0..1: of the teacher's probabilities */
};
/* Fills target (and weight) for the loss; `scale` divides everything further, for accumulated batches. ERROR_INPUT for
 * a label out of range, naming it. *counted: units that count. */
int loss_fill(const struct loss_options *options, const struct loss_labels *labels, float scale, float *target,
              float *weight, int64_t *counted, struct error *error);

#endif
