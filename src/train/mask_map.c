#include "train/mask_map.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/receptive_field.h"
#include "op/emit.h"

bool mask_map_differs(const struct mask_size *masks, int64_t height, int64_t width)
{
    return masks->height > 0 && (height != masks->height || width != masks->width);
}

/* What of `size` pixels `units` in a row stand for, by what the first and the last read. */
static int part_of_axis(struct interval first, struct interval last, int64_t units, int64_t *size, int64_t *start,
                        struct error *error)
{
    double reach = (double)(last.low + last.high - first.low - first.high) / 2;
    double stride = units > 1 ? reach / (double)(units - 1) : 0, whole = round(stride);
    int64_t missing = *size - (int64_t)whole * units;
    bool apart = first.high < *size - 1 && last.low > 0; /* where nothing is padded no unit reaches from end to end */
    if (!apart || whole < 1 || fabs(stride - whole) > whole / 4 || missing < (int64_t)whole)
        return 0;
    double shift = (double)(first.low + first.high + last.low + last.high) / 4 - (double)(*size - 1) / 2;
    double before = floor((double)missing / 2 + shift + 0.5);
    if (before < -whole / 2 || before > (double)missing + whole / 2)
        return error_set(error, ERROR_INPUT,
                         "a map of %" PRId64 " units covers a part of the %" PRId64
                         " pixels of the image alone, and which one cannot be told: masks do not fit it",
                         units, *size);
    *start = before < 0 ? 0 : before > (double)missing ? missing : (int64_t)before;
    *size = (int64_t)whole * units;
    return 0;
}

int mask_map_part(const struct graph *graph, const struct value *logits, int row_axis, const struct value *image,
                  struct mask_size *masks, struct error *error)
{
    const struct shape *shape = &logits->shape;
    int rows = shape_channels_last(&image->shape) ? 1 : 2;
    struct interval cells[2][SHAPE_MAX_RANK];
    struct reads reads[2];
    if (shape->rank < row_axis + 2 || image->shape.rank != 4 || image->shape.dims[rows] != masks->height ||
        image->shape.dims[rows + 1] != masks->width ||
        !mask_map_differs(masks, shape->dims[row_axis], shape->dims[row_axis + 1]))
        return 0;
    for (int i = 0; i < 2; i++) {
        for (int axis = 0; axis < shape->rank; axis++) {
            int64_t end = shape->dims[axis] - 1, unit = i * end;
            bool placed = axis == row_axis || axis == row_axis + 1;
            cells[i][axis] = placed ? (struct interval){unit, unit} : (struct interval){0, axis == 0 ? 0 : end};
        }
        if (receptive_field_reads(graph, logits, cells[i], image, &reads[i], error))
            return -1;
        if (!reads[i].local)
            return 0;
    }
    const struct interval *first = &reads[0].axes[rows], *last = &reads[1].axes[rows];
    return part_of_axis(first[0], last[0], shape->dims[row_axis], &masks->height, &masks->top, error) ||
                   part_of_axis(first[1], last[1], shape->dims[row_axis + 1], &masks->width, &masks->left, error)
               ? -1
               : 0;
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
