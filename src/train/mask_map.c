#include "train/mask_map.h"

#include "op/emit.h"

bool mask_map_differs(const struct mask_size *masks, int64_t height, int64_t width)
{
    return masks->height > 0 && (height != masks->height || width != masks->width);
}

struct value *mask_map_emit(struct graph *graph, struct value *logits, int row_axis, const struct mask_size *masks,
                            struct error *error)
{
    struct shape shape = logits->shape;
    if (shape.rank < row_axis + 2 || !mask_map_differs(masks, shape.dims[row_axis], shape.dims[row_axis + 1]))
        return logits;
    shape.dims[row_axis] = masks->height;
    shape.dims[row_axis + 1] = masks->width;
    struct value *sizes = emit_int_list(graph, shape.dims, shape.rank, error);
    return sizes ? emit(graph, "Resize", EMIT_INPUTS(logits, NULL, NULL, sizes),
                        EMIT_ATTRIBUTES(EMIT_STRING("mode", "linear"),
                                        EMIT_STRING("coordinate_transformation_mode", "half_pixel")),
                        error)
                 : NULL;
}
