/* Which numbers of a detector's outputs are the classes' scores. */
#ifndef FOVEA_STRUCTURE_DETECTOR_HEAD_H
#define FOVEA_STRUCTURE_DETECTOR_HEAD_H

#include "op/class_scores.h"
#include "structure/score_columns.h"

#define DETECTOR_WHY_SIZE 400
#define YOLO_COLUMNS 5 /* of an anchor beside its classes: a box and whether there is an object */

struct detector_request {
    struct graph *graph;
    int64_t images;     /* of a batch */
    int64_t names;      /* classes that the file names; 0: none */
    const char *option; /* "softmax", "sigmoid" or "none", as the caller says; NULL: not said */
};

/* Rows of scores: anchors of a detector, or places of a sequence. */
struct detector_head {
    struct value *scores; /* NULL: it cannot be told, and `why` says it */
    struct class_scores classes;
    bool boxes;                /* beside the classes stand boxes */
    enum class_activation own; /* by which the graph itself makes probabilities; CLASS_PLAIN: it makes none */
    bool by_form;              /* without one: detectors of this form are made for the activation */
    int64_t columns;           /* of the rows, 0: nothing beside the classes */
    struct value *features;    /* the map of which a product makes the last row's scores; NULL: none */
    int64_t first, object;     /* columns of class 0 and of the objectness, -1: none */
    char why[DETECTOR_WHY_SIZE];
    bool way_out; /* `why` says the way out, too */
};

/* Follows the graph's outputs back: boxes are what arithmetic makes of a product, or the four numbers beside the
 * scores; scores what only a sigmoid or softmax stands in front of; an objectness the column between boxes and classes
 * that comes from the boxes' own product (YOLOv3, v5, v7) or from one of its own beside the boxes' (YOLOX). Errors are
 * of memory only. */
int detector_head_find(const struct detector_request *request, struct detector_head *head, struct error *error);
/* Whether the number of names (0: not known) says that a map's channels are the numbers of several anchors. */
bool detector_names_tell_anchors(int64_t names, int64_t channels);

#endif
