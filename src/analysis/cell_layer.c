#include "analysis/cell_layer.h"

#include "base/number.h"
#include "structure/network.h"

/* Places of a map's two spatial axes, from `row_axis` on, that are read. */
static int64_t places_read(const struct value *value, const struct reads *reads, int row_axis)
{
    int64_t places = 1;
    for (int axis = row_axis; axis < row_axis + 2; axis++) {
        int64_t last = value->shape.dims[axis] - 1;
        int64_t low = int64_max(reads->axes[axis].low, 0);
        int64_t high = int64_min(reads->axes[axis].high, last);
        places *= high >= low ? high - low + 1 : 0;
    }
    return places;
}

struct choice {
    struct value *const *candidates;
    const struct reads *reads;
    int count;
};

/* The last candidate that is a map of whose places more than `places` are read; of the size of `like`, or NULL: of any.
 */
static int last_map(struct field_sweep *sweep, const struct choice *choice, int64_t places, const struct value *like,
                    struct value **layer, struct error *error)
{
    *layer = NULL;
    for (int i = choice->count - 1; i >= 0 && !*layer; i--) {
        struct value *candidate = choice->candidates[i];
        struct unit_grid grid;
        if (!choice->reads[i].local)
            continue;
        if (unit_grid_find(sweep, candidate, &grid, error))
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
static int choose(struct field_sweep *sweep, const struct choice *choice, struct value **layer, struct error *error)
{
    struct value *own;
    if (last_map(sweep, choice, 0, NULL, &own, error))
        return -1;
    if (!own)
        return 0;
    if (last_map(sweep, choice, 1, own, layer, error))
        return -1;
    if (!*layer)
        *layer = network_weights(own->producer) && own->producer->inputs[0]->producer ? own->producer->inputs[0] : own;
    return 0;
}

/* The cells whose reads tell: of rows the element of a product that is the unit's class score, without the objectness
 * that other features may make. */
static int find_cells(struct graph *graph, const struct target *target, int64_t unit, const struct value **value,
                      struct interval cells[SHAPE_MAX_RANK], struct error *error)
{
    const int64_t place[2] = {unit / target->grid.width, unit % target->grid.width};
    struct element_tracer tracer;
    struct column column;
    *value = target->value;
    unit_grid_cells(&target->grid, target->value, place, cells);
    if (target->head.kind != HEAD_ROWS)
        return 0;
    struct element element = element_at(target->value, unit_view_at(&target->classes.view, 0, unit, 0));
    if (element_tracer_create(&tracer, graph, error) || column_trace(&tracer, element, &column, error))
        return -1;
    if (!column.source.value->producer || column.source.value->constant)
        return 0;
    *value = column.source.value;
    for (int i = 0; i < column.source.value->shape.rank; i++)
        cells[i] = (struct interval){column.source.index[i], column.source.index[i]};
    return 0;
}

int cell_layer_find(struct graph *graph, const struct value *image, const struct target *target, int64_t unit,
                    struct value **layer, struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    const struct value *value;
    struct value **candidates =
        arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof(struct value *), error);
    struct reads *reads = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *reads, error);
    int count = 0;
    *layer = NULL;
    if (!candidates || !reads || find_cells(graph, target, unit, &value, cells, error))
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        struct value *made = node->output_count > 0 ? node->outputs[0] : NULL;
        if (made && made->shape.rank == 4 && made->shape.dims[2] * made->shape.dims[3] > 1)
            candidates[count++] = made;
    }
    const struct choice choice = {candidates, reads, count};
    struct field_sweep sweep;
    int result = field_sweep_create_lawful(&sweep, graph, image, error) ||
                         field_sweep_reads_of(&sweep, value, cells, (const struct value *const *)candidates, count,
                                              reads, error) ||
                         choose(&sweep, &choice, layer, error)
                     ? -1
                     : 0;
    field_sweep_release(&sweep);
    return result;
}
