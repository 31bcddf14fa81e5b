#include "analysis/spatial_grid.h"

static bool may_be_spatial(const struct value *value)
{
    const struct shape *shape = &value->shape;
    return dtype_storage(value->dtype) == DTYPE_FLOAT && !value->constant && shape_count(shape) > 0 &&
           ((shape->rank == 4 && (shape->dims[1] * shape->dims[2] > 1 || shape->dims[2] * shape->dims[3] > 1)) ||
            shape->rank == 3);
}

/* What one unit of a grid reads of the image. */
static int unit_reads(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid,
                      const int64_t unit[2], struct reads *reads, struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    unit_grid_cells(grid, value, unit, cells);
    return field_sweep_reads(sweep, value, cells, reads, error);
}

/* Whether moving along both axes of a map moves through the image: the sides of a detector's boxes beside its anchors
 * do not. */
static int has_places(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid, bool *places,
                      struct error *error)
{
    const struct value *image = sweep->input;
    const int64_t size[2] = {grid->height, grid->width}, first[2] = {0, 0};
    int row = shape_channels_last(&image->shape) ? 1 : 2;
    struct reads here, there;
    *places = true;
    if (unit_reads(sweep, value, grid, first, &here, error))
        return -1;
    for (int axis = 0; axis < 2; axis++) {
        int64_t unit[2] = {0, 0};
        if (size[axis] < 2)
            continue;
        unit[axis] = size[axis] - 1;
        if (unit_reads(sweep, value, grid, unit, &there, error))
            return -1;
        const struct interval *a = &here.axes[row + axis], *b = &there.axes[row + axis];
        bool whole = a->low <= 0 && a->high >= image->shape.dims[row + axis] - 1;
        *places = *places && (!here.local || !there.local || whole || a->low != b->low || a->high != b->high);
    }
    return 0;
}

int spatial_grid_find(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid, struct error *error)
{
    struct reads reads;
    int64_t centre[2];
    bool places = true;
    *grid = (struct unit_grid){.layout = UNITS_NONE};
    if (!may_be_spatial(value))
        return 0;
    if (unit_grid_find(sweep, value, grid, error))
        return -1;
    if (!unit_grid_is_spatial(grid))
        return 0;
    unit_grid_centre(grid, centre);
    if (unit_reads(sweep, value, grid, centre, &reads, error) ||
        (grid->layout == UNITS_MAP && has_places(sweep, value, grid, &places, error)))
        return -1;
    grid->layout = reads.local && places ? grid->layout : UNITS_NONE;
    return 0;
}
