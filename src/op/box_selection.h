/* Non-maximum suppression with a fixed number of results, as TensorRT's and mmdeploy's plugins have it: what is asked,
 * and the boxes of one image that stay. box_plugins.c holds the operators. */
#ifndef FOVEA_OP_BOX_SELECTION_H
#define FOVEA_OP_BOX_SELECTION_H

#include "op/operand.h"

/* Attributes of all of these operators; each has its own of them. */
struct selection_settings {
    int64_t most;       /* results of an image */
    int64_t top;        /* candidates of a class; 0: all */
    int64_t background; /* as in the rules; -1: none */
    int64_t classes;    /* what the file says there are; 0: nothing */
    bool centres, sigmoid, agnostic, shared, shared_given, normalised, clips, caffe, gives_places;
    float overlap, score;
};

/* One way to select. */
struct selection_rules {
    bool inclusive;      /* a score or overlap that equals its threshold counts as beyond it */
    bool class_by_class; /* of equal scores the lower class comes first; otherwise the earlier box */
    int64_t candidates;  /* at most so many of an image are looked at, all classes together; 0: no bound */
    float pixel_of_common, pixel_of_area; /* added to sides */
    int64_t background;                   /* class that is left out */
    float score;                          /* threshold of the scores as they come */
    const struct selection_settings *settings;
};

struct selection_place {
    int64_t box, class;
    float score;
};

struct selection {
    struct selection_rules rules;
    int64_t images, boxes, classes, box_classes; /* box_classes: 1, or a box for each class */
    const float *corners, *scores, *anchors;     /* anchors NULL: none */
    bool own_anchors;                            /* of each image */
    struct selection_place *places;              /* [boxes * classes]: candidates, then what stays in front */
    float (*kept)[4];                            /* [results of an image] */
    int64_t *seen;                               /* [classes]: candidates so far */
};

/* Shapes of boxes [N,B,4] or [N,B,1 or C,4], scores [N,B,C] or [N,B,C,1], anchors [1 or N,B,4] or none, and the
 * settings: ERROR_INPUT where they do not fit together. */
int selection_read(const struct selection_settings *settings, const struct shape *boxes, const struct shape *scores,
                   const struct shape *anchors, struct selection *selection, struct error *error);
/* Whether the node is such an operator that puts the scores through a sigmoid itself. */
bool selection_applies_sigmoid(const struct node *node);
/* Results of an image, at most. */
int64_t selection_results(const struct selection *selection);
/* Bytes of places, kept and seen, and where these are. */
size_t selection_bytes(const struct selection *selection);
void selection_place_scratch(struct selection *selection, void *scratch);
/* Steps for all images. */
int64_t selection_steps(const struct selection *selection);
/* Selects of one image; returns how many stay: selection->places[0 ..], best first. */
int64_t selection_run(struct selection *selection, int64_t image);
/* The four corner numbers of the box that a class has. */
void selection_corners(const struct selection *selection, int64_t image, const struct selection_place *place,
                       float corners[4]);

#endif
