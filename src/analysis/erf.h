/* Effective receptive fields: the input gradient of one unit (Kim et al., arXiv 2108.13576). Y = channel mean of the
 * target at one unit (or one logit); G = mean over the input channels of dY/dx; ReLU(G) per image; mean over images. */
#ifndef FOVEA_ANALYSIS_ERF_H
#define FOVEA_ANALYSIS_ERF_H

#include "analysis/receptive_field.h"
#include "graph/graph.h"
#include "pass/pipeline.h"

struct erf_request {
    const struct shape_binding *bindings;
    int binding_count;
    const char *target;  /* value name; "output": the first output; NULL: the last spatial map */
    int64_t unit[2];     /* y, x; -1: the centre [H / 2, W / 2] */
    int64_t class_index; /* >= 0: this logit of the first output instead of a unit */
};

/* A model prepared for one target: the graph with its gradient, and the session that runs it. */
struct erf {
    struct graph *graph;
    struct session *session;
    const char *target; /* name of the value differentiated */
    struct shape target_shape;
    int target_axis;                        /* first spatial axis of the target: 2, or 1 where channels are last */
    int64_t unit[2];                        /* as resolved */
    int64_t class_index;                    /* -1: a unit */
    int64_t channels, height, width, batch; /* of the image input, or of the first float tensor behind one of bytes */
    bool channels_last;                     /* it is [N,H,W,C] */
    int input_index;                        /* of the image input in the graph */
    const char *input;                      /* its name */
    struct receptive_field field;           /* theoretical, of the target */
    struct reads unit_reads;                /* what the unit reads of the input, when it is a unit */
};

/* ERROR_INPUT when the target is not found, not a map, or its gradient cannot reach the input. */
int erf_create(struct erf *erf, const struct model *model, const struct erf_request *request, struct error *error);
void erf_destroy(struct erf *erf);
/* The image input, to be filled before erf_run. */
struct tensor *erf_input(struct erf *erf);
/* Runs the batch. The gradient [N, C, H, W] stays valid until the next run. */
int erf_run(struct erf *erf, const float **gradient, struct error *error);
/* Adds ReLU(channel mean) of the first `images` images of the last run to map[height * width]. */
void erf_accumulate(const struct erf *erf, const float *gradient, int64_t images, double *map);

/* Numbers about a map [height, width]. Distances are between pixel centres, in pixels. */
#define ERF_RADII 7
struct erf_metrics {
    double sum, min, max;
    int64_t argmax[2];
    double centre_value; /* at the pixel next to `centre` */
    double centre_of_mass[2];
    double radii[ERF_RADII], mass_within[ERF_RADII]; /* share of the sum within so many pixels of `centre` */
    double border_share;                             /* share of the outermost rows and columns */
};
void erf_measure(const double *map, int64_t height, int64_t width, const double centre[2], struct erf_metrics *metrics);

#endif
