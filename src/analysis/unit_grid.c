#include "analysis/unit_grid.h"

#include "op/emit.h"

bool unit_grid_is_spatial(const struct unit_grid *grid)
{
    return grid->layout == UNITS_MAP || grid->layout == UNITS_MAP_CHANNELS_LAST || grid->layout == UNITS_TOKENS;
}

void unit_grid_centre(const struct unit_grid *grid, int64_t unit[2])
{
    int64_t less = grid->of_transformer ? 1 : 0;
    unit[0] = (grid->height - less) / 2;
    unit[1] = (grid->width - less) / 2;
}

/* Every axis full, but one image. */
static void full_cells(const struct value *value, struct interval cells[SHAPE_MAX_RANK])
{
    for (int i = 0; i < value->shape.rank; i++)
        cells[i] = (struct interval){0, value->shape.dims[i] > 0 ? value->shape.dims[i] - 1 : 0};
}

/* The hull of a unit's first and last channel. */
static void view_cells(const struct unit_view *view, const struct value *value, int64_t unit,
                       struct interval cells[SHAPE_MAX_RANK])
{
    int64_t low = unit_view_at(view, 0, unit, 0), high = unit_view_at(view, 0, unit, view->channels - 1);
    for (int axis = value->shape.rank - 1; axis >= 0; axis--) {
        int64_t size = value->shape.dims[axis], a = low % size, b = high % size;
        cells[axis] = (struct interval){a < b ? a : b, a < b ? b : a};
        low /= size;
        high /= size;
    }
}

void unit_grid_cells(const struct unit_grid *grid, const struct value *value, const int64_t unit[2],
                     struct interval cells[SHAPE_MAX_RANK])
{
    if (grid->layout == UNITS_CELLS || grid->layout == UNITS_VECTOR) {
        view_cells(&grid->view, value, unit[0] * grid->width + unit[1], cells);
        return;
    }
    full_cells(value, cells);
    if (grid->layout == UNITS_MAP || grid->layout == UNITS_MAP_CHANNELS_LAST) {
        cells[0] = (struct interval){0, 0};
        for (int axis = 0; axis < 2; axis++)
            cells[grid->row_axis + axis] = (struct interval){unit[axis], unit[axis]};
    } else if (grid->row_axis >= 0) {
        int64_t token = grid->prefix + unit[0] * grid->width + unit[1];
        cells[1 - grid->row_axis] = (struct interval){0, 0};
        cells[grid->row_axis] = (struct interval){token, token};
    }
}

/* Elements between neighbours, or in front of the first, when all axes along which units lie have one cell. */
static int64_t cut_step(int64_t step, const struct shape *from, const struct shape *to)
{
    int64_t rest = step < 0 ? -step : step, size = 1, cut = 0;
    for (int axis = from->rank - 1; axis >= 0; axis--) {
        cut += rest % from->dims[axis] % to->dims[axis] * size;
        rest /= from->dims[axis];
        size *= to->dims[axis];
    }
    return step < 0 ? -cut : cut;
}

struct value *unit_grid_cut(struct graph *graph, const struct unit_grid *grid, struct value *value,
                            const int64_t unit[2], struct class_scores *scores, struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    struct value *cut = value;
    struct unit_view *view = &scores->view;
    bool tokens = grid->layout == UNITS_TOKENS;
    if (grid->row_axis < 0 || (!tokens && grid->layout != UNITS_MAP && grid->layout != UNITS_MAP_CHANNELS_LAST))
        return value;
    unit_grid_cells(grid, value, unit, cells);
    for (int axis = grid->row_axis; cut && axis < grid->row_axis + (tokens ? 1 : 2); axis++)
        cut = emit_slice(graph, cut, axis, cells[axis].low, cells[axis].high + 1, error);
    if (!cut)
        return NULL;
    int64_t first = unit_view_at(view, 0, unit[0] * grid->width + unit[1], 0);
    *view = (struct unit_view){.images = view->images,
                               .units = 1,
                               .channels = view->channels,
                               .first = cut_step(first, &value->shape, &cut->shape),
                               .image_step = cut_step(view->image_step, &value->shape, &cut->shape),
                               .unit_step = 1,
                               .channel_step = cut_step(view->channel_step, &value->shape, &cut->shape)};
    scores->objectness = cut_step(scores->objectness, &value->shape, &cut->shape);
    return cut;
}

static int map_grid(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid, struct error *error)
{
    const int64_t *dims = value->shape.dims;
    if (receptive_field_spatial_axis(sweep, value, &grid->row_axis, error))
        return -1;
    bool last = grid->row_axis == 1;
    int64_t units = last ? dims[1] * dims[2] : dims[2] * dims[3], channels = dims[last ? 3 : 1];
    grid->layout = last ? UNITS_MAP_CHANNELS_LAST : UNITS_MAP;
    grid->of_transformer = last && !shape_channels_last(&sweep->input->shape);
    grid->height = dims[grid->row_axis];
    grid->width = dims[grid->row_axis + 1];
    grid->view = (struct unit_view){.images = dims[0],
                                    .units = units,
                                    .channels = channels,
                                    .image_step = units * channels,
                                    .unit_step = last ? channels : 1,
                                    .channel_step = last ? 1 : units};
    return 0;
}

#define MOST_PREFIX_TOKENS 64

/* Tokens along `axis` (0 or 1); the other of the two is the batch. */
struct token_scan {
    struct field_sweep *sweep;
    const struct value *value;
    int axis, row; /* axis of the tokens; axis of the input's rows */
};

/* Whether a token reads a place of its own; where that begins. */
static int token_place(const struct token_scan *scan, int64_t token, bool *placed, int64_t place[2],
                       struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    struct reads reads;
    const int64_t *dims = scan->sweep->input->shape.dims;
    full_cells(scan->value, cells);
    cells[1 - scan->axis] = (struct interval){0, 0};
    cells[scan->axis] = (struct interval){token, token};
    if (field_sweep_reads(scan->sweep, scan->value, cells, &reads, error))
        return -1;
    const struct interval *rows = &reads.axes[scan->row], *columns = &reads.axes[scan->row + 1];
    *placed = reads.local && (rows->low > 0 || rows->high < dims[scan->row] - 1 || columns->low > 0 ||
                              columns->high < dims[scan->row + 1] - 1);
    place[0] = rows->low;
    place[1] = columns->low;
    return 0;
}

/* Prefix: tokens without a place. Width: the tokens until the row of places changes. */
static int scan_tokens(const struct token_scan *scan, struct unit_grid *grid, struct error *error)
{
    int64_t count = scan->value->shape.dims[scan->axis], prefix = 0, width = 1;
    int64_t place[2] = {0, 0}, next[2], last[2];
    bool placed = false;
    for (; prefix < count && prefix <= MOST_PREFIX_TOKENS; prefix++) {
        if (token_place(scan, prefix, &placed, place, error))
            return -1;
        if (placed)
            break;
    }
    for (int64_t column = place[1]; placed && prefix + width < count; width++, column = next[1]) {
        if (token_place(scan, prefix + width, &placed, next, error))
            return -1;
        if (next[0] != place[0])
            break;
        if (next[1] <= column) /* several anchors of one place */
            return 0;
    }
    if (prefix == count || prefix > MOST_PREFIX_TOKENS || (count - prefix) % width || width == count - prefix)
        return 0;
    if (token_place(scan, count - 1, &placed, last, error))
        return -1;
    if (!placed || last[0] <= place[0] || (width > 1 && last[1] <= place[1]))
        return 0;
    /* Every row begins below the one before: the rows of several maps one behind the other are no grid. */
    for (int64_t token = prefix + width; token < count; token += width, place[0] = next[0]) {
        if (token_place(scan, token, &placed, next, error))
            return -1;
        if (!placed || next[0] <= place[0])
            return 0;
    }
    grid->layout = UNITS_TOKENS;
    grid->of_transformer = true;
    grid->prefix = prefix;
    grid->width = width;
    grid->height = (count - prefix) / width;
    return 0;
}

static int token_grid(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid, struct error *error)
{
    const struct value *input = sweep->input;
    const int64_t *dims = value->shape.dims, batch = input->shape.dims[0];
    int axis = dims[0] != batch && dims[1] == batch ? 0 : 1;
    struct token_scan scan = {sweep, value, axis, shape_channels_last(&input->shape) ? 1 : 2};
    if (dims[1 - axis] != batch)
        return 0;
    *grid = (struct unit_grid){.layout = UNITS_CELLS, .height = 1, .width = dims[axis], .row_axis = axis};
    if (scan_tokens(&scan, grid, error))
        return -1;
    int64_t token_step = axis == 1 ? dims[2] : dims[1] * dims[2];
    grid->view = (struct unit_view){.images = batch,
                                    .units = grid->height * grid->width,
                                    .channels = dims[2],
                                    .first = grid->prefix * token_step,
                                    .image_step = axis == 1 ? dims[1] * dims[2] : dims[2],
                                    .unit_step = token_step,
                                    .channel_step = 1};
    return 0;
}

int unit_grid_find(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid, struct error *error)
{
    const struct value *input = sweep->input;
    const struct shape *shape = &value->shape;
    *grid = (struct unit_grid){.row_axis = -1};
    if (shape->rank < 2 || shape->rank > 4 || shape_count(shape) == 0 || input->shape.rank != 4)
        return 0;
    if (shape->rank == 3)
        return token_grid(sweep, value, grid, error);
    if (shape->dims[0] != input->shape.dims[0])
        return 0;
    if (shape->rank == 4)
        return map_grid(sweep, value, grid, error);
    grid->layout = UNITS_VECTOR;
    grid->height = grid->width = 1;
    grid->view = (struct unit_view){.images = shape->dims[0],
                                    .units = 1,
                                    .channels = shape->dims[1],
                                    .image_step = shape->dims[1],
                                    .unit_step = shape->dims[1],
                                    .channel_step = 1};
    return 0;
}

int unit_grid_of_value(const struct graph *graph, const struct value *value, const struct value *input,
                       struct unit_grid *grid, struct error *error)
{
    struct field_sweep sweep;
    int result = field_sweep_create(&sweep, graph, input, error) || unit_grid_find(&sweep, value, grid, error) ? -1 : 0;
    field_sweep_release(&sweep);
    return result;
}

int receptive_field_of_units(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid,
                             struct fovea_receptive_field *field, bool *varies, struct error *error)
{
    const int64_t size[2] = {grid->height, grid->width}, first[2] = {0, 0};
    int64_t beside[2];
    struct three_units units = {.axes = 2};
    for (int i = 0; i < 2; i++) {
        units.place[i] = size[i] / 2;
        beside[i] = size[i] / 2 > 0 ? size[i] / 2 - 1 : 0;
    }
    unit_grid_cells(grid, value, units.place, units.middle);
    unit_grid_cells(grid, value, first, units.first);
    unit_grid_cells(grid, value, beside, units.beside);
    return receptive_field_measure(sweep, value, &units, field, varies, error);
}
