/* The boxes of a detector: which of its outputs holds them, how they are written, which are objects. */
#ifndef FOVEA_API_DETECTIONS_H
#define FOVEA_API_DETECTIONS_H

#include "analysis/box_form.h"
#include "api/api.h"
#include "fovea/predict.h"
#include "structure/detector_places.h"

struct detections {
    struct fovea_model *model;
    struct detector_places places;
    struct fovea_session *session; /* of all outputs */
    double size[2];                /* of the image, y, x */
    struct fovea_detection *list;  /* [FOVEA_DETECTION_MOST] */
    int count;
    struct box_form form;
    char words[256];
};

/* Released by detections_close in every case. What cannot be read is no error. */
int detections_open(struct detections *found, struct fovea_model *model, const struct shape_binding *bindings,
                    int binding_count, struct error *error);
void detections_close(struct detections *found);
/* Of one image, `pixels` as the network's input holds them; `elements` of the scores, image `place` of them, which
 * `scores` reads. Fills list, count, words; form.kind BOX_UNTOLD: the boxes are not read. */
int detections_find(struct detections *found, const float *pixels, int64_t count, const struct class_scores *scores,
                    const float *elements, int64_t place, struct error *error);

#endif
