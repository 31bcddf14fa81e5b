/* Maps of logits brought to the size of masks. */
#ifndef FOVEA_TRAIN_MASK_MAP_H
#define FOVEA_TRAIN_MASK_MAP_H

#include "graph/graph.h"

/* Height and width of masks; zeros: labels belong to whole images. */
struct mask_size {
    int64_t height, width;
};

/* Whether a map of the size is not the masks'. */
bool mask_map_differs(const struct mask_size *masks, int64_t height, int64_t width);
/* Appends the bilinear Resize (half pixels, which is align_corners false) from the size of `logits` to the masks', as
 * the authors of SegFormer do before loss and evaluation (arXiv 2105.15203). `row_axis`: of [.., H, W, ..]. What is no
 * map of another size than the masks is returned as it is. NULL and an error where it fails. */
struct value *mask_map_emit(struct graph *graph, struct value *logits, int row_axis, const struct mask_size *masks,
                            struct error *error);

#endif
