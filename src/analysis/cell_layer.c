#include "analysis/cell_layer.h"

/* Places of a map's two spatial axes, from `row_axis` on, that are read. */
static int64_t places_read(const struct value *value, const struct reads *reads, int row_axis)
{
    int64_t places = 1;
    for (int axis = row_axis; axis < row_axis + 2; axis++) {
        int64_t last = value->shape.dims[axis] - 1;
        int64_t low = reads->axes[axis].low > 0 ? reads->axes[axis].low : 0;
        int64_t high = reads->axes[axis].high < last ? reads->axes[axis].high : last;
        places *= high >= low ? high - low + 1 : 0;
    }
    return places;
}

static bool is_product(const struct node *node)
{
    return node && node->input_count > 1 && node->inputs[1] && node->inputs[1]->constant &&
           node->operator&& node->operator->macs;
}

struct choice {
    struct value *const *candidates;
    const struct reads *reads;
    int count;
};

/* The last candidate that is a map of whose places more than `places` are read; of the size of `like`, or NULL: of any.
 */
static int last_map(struct graph *graph, const struct value *image, const struct choice *choice, int64_t places,
                    const struct value *like, struct value **layer, struct error *error)
{
    *layer = NULL;
    for (int i = choice->count - 1; i >= 0 && !*layer; i--) {
        struct value *candidate = choice->candidates[i];
        struct unit_grid grid;
        if (!choice->reads[i].local)
            continue;
        if (unit_grid_of_value(graph, candidate, image, &grid, error))
            return -1;
        bool map = grid.layout == UNITS_MAP || grid.layout == UNITS_MAP_CHANNELS_LAST;
        for (int axis = 0; map && like && axis < 2; axis++)
            map = candidate->shape.dims[grid.row_axis + axis] == like->shape.dims[grid.row_axis + axis];
        if (map && places_read(candidate, &choice->reads[i], grid.row_axis) > places)
            *layer = candidate;
    }
    return 0;
}

/* The unit's own map: the last of which it reads a place; of its maps of that size the last of which it reads several;
 * else what the product that makes it reads. */
static int choose(struct graph *graph, const struct value *image, const struct choice *choice, struct value **layer,
                  struct error *error)
{
    struct value *own;
    if (last_map(graph, image, choice, 0, NULL, &own, error))
        return -1;
    if (!own)
        return 0;
    if (last_map(graph, image, choice, 1, own, layer, error))
        return -1;
    if (!*layer)
        *layer = is_product(own->producer) && own->producer->inputs[0]->producer ? own->producer->inputs[0] : own;
    return 0;
}

int cell_layer_find(struct graph *graph, const struct value *image, const struct value *target,
                    const struct unit_grid *grid, const int64_t unit[2], struct value **layer, struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    struct value **candidates =
        arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof(struct value *), error);
    struct reads *reads = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *reads, error);
    int count = 0;
    *layer = NULL;
    if (!candidates || !reads)
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        struct value *value = node->output_count > 0 ? node->outputs[0] : NULL;
        if (value && value->shape.rank == 4 && value->shape.dims[2] * value->shape.dims[3] > 1)
            candidates[count++] = value;
    }
    unit_grid_cells(grid, target, unit, cells);
    if (receptive_field_reads_of(graph, target, cells, (const struct value *const *)candidates, count, reads, error))
        return -1;
    const struct choice choice = {candidates, reads, count};
    return choose(graph, image, &choice, layer, error);
}
