#include "structure/detector_places.h"

#include <math.h>

#include "graph/match.h"
#include "graph/operator.h"

int detector_places_open(struct detector_places *places, const struct model *model,
                         const struct shape_binding *bindings, int binding_count, struct error *error)
{
    *places = (struct detector_places){0};
    if (network_create(&places->network, model, bindings, binding_count, error))
        return -1;
    struct graph *graph = places->network.graph;
    for (const struct node *node = graph->first; node; node = node->next)
        places->regions = places->regions || match_operator(node, "RoiAlign");
    if (!places->network.image || graph->output_count == 0)
        return 0;
    if (head_find(model, graph, places->network.image, &places->head, error) ||
        element_tracer_create(&places->tracer, graph, error))
        return -1;
    places->told = places->head.kind == HEAD_ROWS;
    return 0;
}

void detector_places_close(struct detector_places *places)
{
    network_release(&places->network);
}

static int trace_row(struct detector_places *places, int64_t row, struct column *column, struct error *error)
{
    int64_t flat = unit_view_at(&places->head.classes.view, 0, row, 0);
    return column_trace(&places->tracer, element_at(places->head.scores, flat), column, error);
}

int detector_place(struct detector_places *places, int64_t row, double at[2], struct error *error)
{
    struct column column;
    at[0] = at[1] = (double)NAN;
    if (trace_row(places, row, &column, error))
        return -1;
    const struct value *map = column.source.value;
    for (int axis = 0; map && map->shape.rank == 4 && axis < 2; axis++)
        at[axis] = ((double)column.source.index[2 + axis] + 0.5) / (double)map->shape.dims[2 + axis];
    return 0;
}

int detector_is_query_boxes(struct detector_places *places, int output, bool *is, struct error *error)
{
    struct column column;
    *is = false;
    if (!places->told || output >= places->network.graph->output_count)
        return 0;
    if (trace_row(places, 0, &column, error))
        return -1;
    const struct value *boxes = match_back(places->network.graph->outputs[output], OPERATOR_VIEW | OPERATOR_KEEPS);
    *is = column.source.value && column.source.value->shape.rank == 3 && node_has(boxes->producer, OPERATOR_GATE);
    return 0;
}
