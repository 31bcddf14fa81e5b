/* A model prepared for one question: a scalar per image made of one value of the network, and its gradient with respect
 * to the image or to another value. Effective receptive fields, class activation maps and perturbation tests are loops
 * over probes. */
#ifndef FOVEA_ANALYSIS_PROBE_H
#define FOVEA_ANALYSIS_PROBE_H

#include "analysis/contribution.h"
#include "analysis/receptive_field.h"
#include "analysis/target.h"
#include "analysis/unit_grid.h"
#include "pass/pipeline.h"
#include "structure/head.h"

/* Where the gradient ends. */
enum probe_source {
    PROBE_IMAGE,      /* the image input, or the first float tensor behind one of bytes */
    PROBE_ACTIVATION, /* the value `source`, NULL: the last of target_layers */
    PROBE_NO_GRADIENT /* forward only */
};

struct probe_request {
    const struct shape_binding *bindings;
    int binding_count;
    const char *target; /* as target_find takes it */
    enum fovea_score kind;
    enum fovea_place place;
    int64_t unit[2]; /* y, x for FOVEA_PLACE_UNIT; -1: the centre */
    enum probe_source source;
    const char *source_name; /* PROBE_ACTIVATION: a value, or NULL */
    bool pixel_sums;         /* PROBE_IMAGE: of the gradient the sum over channels is asked for (erf_accumulate) */
    bool contributions;      /* PROBE_ACTIVATION: what the score is the sum of, too */
    bool no_fusion;          /* the graph as it is in the file, for references */
    bool through_norm; /* FOVEA_SCORE_MEAN of a normalisation whose scale is uniform: its input's; else that is refused
                        */
    /* Called in front of everything else, on the graph with bound shapes: may change it. NULL: nothing is changed. */
    int (*edit)(void *user, struct graph *graph, const struct value *image, struct error *error);
    void *user;
};

struct probe {
    struct graph *graph;
    struct session *session;
    const char *path;   /* of the model's file, for errors of a run */
    const char *target; /* name of the value scored */
    bool of_classes;    /* it holds the classes' scores */
    struct unit_grid target_grid;
    bool is_cut;                /* nothing of it is made but the chosen unit */
    struct class_scores scores; /* how its classes are read */
    struct head head;           /* what the target means; its values are of the probe's graph before lowering */
    enum fovea_place place;     /* as resolved */
    int64_t unit[2];            /* as resolved */
    int64_t channels, height, width, batch; /* of the image */
    bool channels_last;                     /* the image is [N,H,W,C] */
    bool summed;                            /* the gradient is one sum per pixel: [N,1,H,W] */
    int image_index;                        /* of the graph input that takes the images */
    const char *image;                      /* its name */
    struct fovea_receptive_field field;     /* theoretical, of a target that has units over the image */
    struct reads unit_reads;                /* what the chosen unit reads of the image */
    const char *source;                     /* name of the value that the gradient belongs to */
    struct unit_grid source_grid;           /* of PROBE_ACTIVATION */
    struct fovea_receptive_field source_field;
    bool source_varies[2]; /* its size or stride, along y, x */
    int layers; /* whose contributions are summed, all of source_grid: 1, or all attention inputs up to `source` */
    enum probe_source source_kind;
    int classes_index; /* of the graph input */
};

/* ERROR_INPUT when the target or source is not found, has no such unit, or the one does not depend on the other. */
int probe_create(struct probe *probe, const struct model *model, const struct probe_request *request,
                 struct error *error);
void probe_destroy(struct probe *probe);

/* Order of the graph's outputs. */
enum probe_output {
    PROBE_OUTPUT_SCORE,
    PROBE_OUTPUT_CLASSES,
    PROBE_OUTPUT_UNITS,
    PROBE_OUTPUT_TARGET,
    PROBE_OUTPUT_GRADIENT,   /* not of PROBE_NO_GRADIENT */
    PROBE_OUTPUT_ACTIVATION, /* of PROBE_ACTIVATION */
    PROBE_OUTPUT_COUNT,
    PROBE_OUTPUT_SHARES = PROBE_OUTPUT_COUNT, /* of contributions */
    PROBE_OUTPUT_HELD_SHARES,
    PROBE_OUTPUT_LAYERS /* gradient and activation of every layer */
};

/* To be filled before probe_run: the images; the class of every image, -1 (as it is at first): the predicted one, -2:
 * the second. */
struct tensor *probe_images(struct probe *probe);
int64_t *probe_classes(struct probe *probe);

/* The score is the sum of activation times gradient over the units of all layers, over the prefix tokens of the first,
 * and of the shares: with gates held constant (pass/held.h), and if every operator on the way conserves. */
struct probe_contributions {
    int layers;
    const float *activation[TARGET_MOST_LAYERS], *gradient[TARGET_MOST_LAYERS];
    const float *shares; /* [SHARES], sums over the batch */
};

/* Valid until the next run. */
struct probe_result {
    const float *score;      /* [batch] */
    const int64_t *classes;  /* [batch], -1 where none is scored */
    const int64_t *units;    /* [batch], -1: several; NULL where the probe is cut */
    const float *target;     /* the target's elements, to be read through target_grid.view; NULL as `units` */
    const float *gradient;   /* of the image or of the activation; NULL without; sums where the probe is `summed` */
    const float *activation; /* its elements, of PROBE_ACTIVATION; else NULL */
    const float *shares;     /* with contributions: [SHARES] by the gradient as it is, sums over the batch */
    struct probe_contributions held; /* with contributions */
};
int probe_run(struct probe *probe, struct probe_result *result, struct error *error);

#endif
