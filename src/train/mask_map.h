/* Maps of logits brought to the size of masks. */
#ifndef FOVEA_TRAIN_MASK_MAP_H
#define FOVEA_TRAIN_MASK_MAP_H

#include "graph/graph.h"

/* Height and width of masks, or of the part of them that scores stand for, with what lies above and left of it; zeros:
 * labels belong to whole images. */
struct mask_size {
    int64_t height, width, top, left;
};

/* Whether a map of the size is not the masks'. */
bool mask_map_differs(const struct mask_size *masks, int64_t height, int64_t width);
/* Where a map covers the middle of the image alone, as of a U-Net that pads nothing: makes *masks that part, which is
 * compared as its authors do (arXiv 1505.04597). Told by what the first and the last unit read: their distance gives a
 * unit's pixels, and of the image one unit or more is left over. ERROR_INPUT where the place of the part cannot be
 * told. */
int mask_map_part(const struct graph *graph, const struct value *logits, int row_axis, const struct value *image,
                  struct mask_size *masks, struct error *error);
/* Appends the bilinear Resize (half pixels, which is align_corners false) from the size of `logits` to the masks', as
 * the authors of SegFormer do before loss and evaluation (arXiv 2105.15203). `row_axis`: of [.., H, W, ..]. What is no
 * map of another size than the masks is returned as it is. NULL and an error where it fails. */
struct value *mask_map_emit(struct graph *graph, struct value *logits, int row_axis, const struct mask_size *masks,
                            struct error *error);

#endif
