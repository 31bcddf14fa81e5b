#include "analysis/target_stages.h"

#include <math.h>

#include "analysis/receptive_field.h"
#include "analysis/spatial_grid.h"
#include "graph/match.h"
#include "graph/operator.h"
#include "structure/network.h"

/* Whether the grid is the image divided by some stride, within a cell: windows, rows of windows and what shifts them
 * round have other proportions. */
static bool covers_image(const struct unit_grid *grid, const struct value *image)
{
    const int64_t *size = image->shape.dims + (shape_channels_last(&image->shape) ? 1 : 2);
    const int64_t cells[2] = {grid->height, grid->width};
    double smallest = 0, largest = (double)INFINITY;
    for (int axis = 0; axis < 2; axis++) {
        smallest = fmax(smallest, (double)size[axis] / (double)(cells[axis] + 1));
        if (cells[axis] > 1)
            largest = fmin(largest, (double)size[axis] / (double)(cells[axis] - 1));
    }
    return smallest < largest;
}

/* Whether a product has just made the last axis: that holds features then, not the columns of a map. */
static bool has_features_last(const struct value *value)
{
    const struct node *node = value->producer;
    while (node_has(node, OPERATOR_POINTWISE)) {
        const struct node *next = NULL;
        for (int i = 0; i < node->input_count && !next; i++)
            next = node->inputs[i] ? node->inputs[i]->producer : NULL;
        node = next;
    }
    return node_has(node, OPERATOR_MATRIX) && network_weights(node);
}

/* More cells than the image has at their stride: padded to whole windows. */
static int is_padded(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid, bool *padded,
                     struct error *error)
{
    const struct value *image = sweep->input;
    const int64_t *size = image->shape.dims + (shape_channels_last(&image->shape) ? 1 : 2);
    const int64_t cells[2] = {grid->height, grid->width};
    struct fovea_receptive_field field;
    bool varies[2] = {false, false};
    if (receptive_field_of_units(sweep, value, grid, &field, varies, error))
        return -1;
    *padded = false;
    for (int axis = 0; axis < 2; axis++)
        *padded |= !varies[axis] && (double)(cells[axis] - 1) * field.stride[axis] > (double)size[axis];
    return 0;
}

static int is_stage(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid, bool *stage,
                    struct error *error)
{
    bool padded = false;
    *stage = unit_grid_is_spatial(grid) && grid->view.units > 1 && covers_image(grid, sweep->input) &&
             !(grid->layout == UNITS_MAP && has_features_last(value));
    if (*stage && is_padded(sweep, value, grid, &padded, error))
        return -1;
    *stage = *stage && !padded;
    return 0;
}

/* The place of a size among those found so far, or behind them. */
static int stage_of(const struct unit_grid *grid, int64_t (*sizes)[2], int count)
{
    int stage = 0;
    while (stage < count && (sizes[stage][0] != grid->height || sizes[stage][1] != grid->width))
        stage++;
    return stage;
}

static int find_stages(struct graph *graph, struct field_sweep *sweep, struct value *list[TARGET_MOST_STAGES],
                       struct error *error)
{
    int count = 0;
    int64_t sizes[TARGET_MOST_STAGES][2];
    graph_clear_marks(graph);
    graph_mark_ancestors(graph, graph->outputs[0], 1);
    for (struct node *node = graph->first; node; node = node->next) {
        struct unit_grid grid;
        struct value *value = node->output_count > 0 ? node->outputs[0] : NULL;
        bool found;
        if (!node->mark || !value || match_operator(node, "Pad"))
            continue;
        if (spatial_grid_find(sweep, value, &grid, error) || is_stage(sweep, value, &grid, &found, error))
            return -1;
        int stage = stage_of(&grid, sizes, count);
        if (!found || stage == TARGET_MOST_STAGES)
            continue;
        count = stage == count ? count + 1 : count;
        list[stage] = value;
        sizes[stage][0] = grid.height;
        sizes[stage][1] = grid.width;
    }
    return count;
}

int target_stages(struct graph *graph, const struct value *image, struct value *list[TARGET_MOST_STAGES],
                  struct error *error)
{
    struct field_sweep sweep;
    int count = field_sweep_create_lawful(&sweep, graph, image, error) ? -1 : find_stages(graph, &sweep, list, error);
    field_sweep_release(&sweep);
    return count;
}
