/* A detector's best rows are made at maps of several levels: which map each image is shown on. */
#ifndef FOVEA_API_CAM_LEVELS_H
#define FOVEA_API_CAM_LEVELS_H

#include "pass/pipeline.h"

struct cam_levels {
    const char **names; /* [count] of the maps, in the order in which images meet them; "": none is found for a row */
    int count;
    int *of_image; /* [images] place in `names` */
    struct arena *arena;
};

/* `units`: [images] the row that is scored, as indices of the target's units. Released by cam_levels_release in every
 * case. */
int cam_levels_find(struct cam_levels *levels, const struct model *model, const struct shape_binding *bindings,
                    int binding_count, const char *target, const int64_t *units, int64_t images, struct error *error);
void cam_levels_release(struct cam_levels *levels);

#endif
