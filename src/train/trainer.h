/* Steps of training: a batch goes in, gradients are accumulated and clipped, parameters and running statistics move. */
#ifndef FOVEA_TRAIN_TRAINER_H
#define FOVEA_TRAIN_TRAINER_H

#include "base/checkpoint.h"
#include "runtime/session.h"
#include "train/optimiser.h"
#include "train/training_graph.h"

struct trainer_options {
    struct optimiser_options optimiser;
    double clip;            /* largest L2 norm of all gradients together; 0: any */
    int accumulate;         /* batches per update, at least 1 */
    bool biased_statistics; /* running variance as ONNX has it; else unbiased, as PyTorch */
    bool keep_gradients;    /* trainer_gradient is asked after a step */
};

struct trainer;
/* `training` must outlive the trainer; the parameters' elements come from its model. */
struct trainer *trainer_create(struct training_graph *training, const struct trainer_options *options,
                               struct error *error);
void trainer_destroy(struct trainer *trainer);

/* The image input's buffer, to be filled before trainer_step. */
struct tensor *trainer_images(struct trainer *trainer);

struct trainer_result {
    double loss;
    double gradient_norm; /* of the update, before clipping; 0 where no update was due */
    const float *logits;  /* of the batch, before the update; valid until the next step */
    int64_t counted;      /* units that had a label */
    bool updated;
};
/* One batch; `rate` is the learning rate of the update. Where the loss is not finite nothing is updated and ERROR_INPUT
 * names the first node with a result that is not. After any other error some parameters may have moved. */
int trainer_step(struct trainer *trainer, const struct loss_labels *labels, double rate, struct trainer_result *result,
                 struct error *error);

/* The same step with its times: those of the graph's nodes, then those of the updates, whose node is NULL, in the order
 * of the parameters [node_count + parameters.count]. Updates of summed gradients have none. */
int trainer_profile(struct trainer *trainer, const struct loss_labels *labels, double rate, struct node_time *times,
                    struct error *error);

/* The gradient of the last update before clipping, with keep_gradients; NULL: it does not train. */
const float *trainer_gradient(const struct trainer *trainer, int index);
/* Where it stands between two steps: updates done, batches since. */
struct trainer_position {
    int64_t steps, pending;
};
struct trainer_position trainer_position(const struct trainer *trainer);
/* Goes through all that steps change: parameters, what the optimiser keeps, running statistics and, within an update,
 * sums of gradients. Where that is filled in, the position is given first. */
int trainer_walk(struct trainer *trainer, const struct checkpoint_walk *walk, struct error *error);
void trainer_go_to(struct trainer *trainer, struct trainer_position position);

/* Puts parameters and running statistics into the model that the training graph was made of. */
int trainer_store(const struct trainer *trainer, struct error *error);

#endif
