/* A model in its training form: parameters are inputs, BatchNormalization takes the batch's statistics, Dropout drops,
 * half precision is float32, the loss and its gradients stand behind the logits. The file's own graph stays in
 * inference form (train/inference_form.h), with tensors of its own for what trains (train/unshare.h). */
#ifndef FOVEA_TRAIN_TRAINING_GRAPH_H
#define FOVEA_TRAIN_TRAINING_GRAPH_H

#include "pass/pipeline.h"
#include "train/loss.h"
#include "train/mask_map.h"
#include "train/parameter.h"

struct training_request {
    const struct model *model;
    const struct shape_binding *bindings; /* the batch among them */
    int binding_count;
    struct loss_options loss;
    struct mask_size masks; /* that the loss compares with: a map of another size is enlarged to it */
    bool freeze_statistics; /* BatchNormalization as in inference; its scale and shift still train */
    /* 0: every result that the gradients read is kept; 1: cheap ones are computed again; more: all but what crosses
     * between so many parts of the network (pass_recompute). */
    int segments;
    bool any_output; /* whatever the first output means: time is measured, nothing learned */
    /* Called when it is known which parameters the scores depend on, and nothing is differentiated yet: freezes, sets
     * rates and decay. */
    int (*configure)(void *user, struct parameter_set *parameters, struct error *error);
    void *user;
};

/* A BatchNormalization that trains. */
struct training_norm {
    const struct node *node;       /* of the graph, until it is lowered */
    struct value *mean, *variance; /* constants of the source graph */
    int outputs[2];                /* of the graph: the batch's mean and (biased) variance */
    float momentum;                /* share of the batch in the running statistics */
    int64_t channels, count;       /* elements per channel */
    float *running[2];
};

struct training_graph {
    struct graph *graph;
    struct arena *arena;
    struct parameter_set parameters;
    struct training_norm *norms;
    int norm_count, dropouts;
    int norms_kept; /* BatchNormalizations whose statistics the file has no place for: they stay as in inference */
    int image_input, target_input, weight_input; /* of the graph's inputs; weight -1: none */
    int loss_output, logits_output;
    struct shape logits;      /* [N,K] or [N,K,H,W] as the loss reads them: enlarged to the masks */
    struct mask_size masks;   /* the part of them that the logits stand for */
    int64_t enlarged[2];      /* height and width of the map that was; zeros: none */
    int64_t classes;          /* that labels may be: two of one channel */
    bool unlike_file;         /* the file applies another activation than the loss trains */
    struct loss_options loss; /* as asked for; of one channel the cross-entropy of two classes is FOVEA_BINARY */
};

/* ERROR_UNSUPPORTED that names the nodes through which no gradient goes. Released by training_graph_destroy. */
int training_graph_create(struct training_graph *training, const struct training_request *request, struct error *error);
void training_graph_destroy(struct training_graph *training);

#endif
