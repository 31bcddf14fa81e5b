#include "analysis/target.h"

#include <string.h>

#include "analysis/spatial_grid.h"
#include "pass/foreign.h"

static int find_features(struct graph *graph, struct field_sweep *sweep, struct target *target, struct error *error)
{
    struct unit_grid grid = {.layout = UNITS_NONE};
    const struct head *head = &target->head;
    target->value = head->features;
    if (head->features && spatial_grid_find(sweep, head->features, &grid, error))
        return -1;
    struct value *scores = head->map ? head->map : head->scores;
    if (!unit_grid_is_spatial(&grid) && target_features(graph, sweep, scores, &target->value, error))
        return -1;
    return target->value
               ? 0
               : error_set(
                     error, ERROR_INPUT,
                     "the model has no spatial map; name a value with `target` or a class with `erf.class_index`");
}

#define MOST_STEPS_BACK 64

static const struct value *computed_input(const struct node *node)
{
    for (int i = 0; node && i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (input && input->producer && !input->constant)
            return input;
    }
    return NULL;
}

/* What is computed and lies over the image, in front of what is not; NULL: nothing was found. */
static const struct value *spatial_cut(struct field_sweep *sweep, const struct graph *graph)
{
    const struct value *value = foreign_cut(graph);
    for (int step = 0; value && step < MOST_STEPS_BACK; step++, value = computed_input(value->producer)) {
        struct error ignored = ERROR_INITIALISER;
        struct unit_grid grid;
        bool named = value->origin && graph_find_value(graph, value->name) == value;
        if (named && dtype_storage(value->dtype) == DTYPE_FLOAT && value->shape.rank != SHAPE_UNKNOWN_RANK &&
            unit_grid_find(sweep, value, &grid, &ignored) == 0 && grid.layout != UNITS_NONE)
            return value;
    }
    return NULL;
}

static int require_computed(struct field_sweep *sweep, const struct value *value, struct error *error)
{
    return value->behind ? foreign_refuse_value(value, spatial_cut(sweep, value->graph), "target", error) : 0;
}

/* The scores where the outputs are computed; where they are not a value has to be named. */
static int require_scores(struct field_sweep *sweep, const struct graph *graph, const char *name, struct error *error)
{
    bool of_outputs = !name || strcmp(name, "features") == 0 || strcmp(name, "logits") == 0 ||
                      strcmp(name, "before-resize") == 0 || strcmp(name, "output") == 0;
    return of_outputs ? require_computed(sweep, graph->outputs[0], error) : 0;
}

static int find_value(const struct model *model, struct graph *graph, struct field_sweep *sweep, const char *name,
                      struct target *target, struct error *error)
{
    bool logits = name && strcmp(name, "logits") == 0, before = name && strcmp(name, "before-resize") == 0;
    struct head *head = &target->head;
    char meant[SUGGESTION_TEXT];
    if (!name || strcmp(name, "features") == 0)
        return find_features(graph, sweep, target, error);
    if ((logits || before) && head_check(head, error))
        return -1;
    target->of_classes = logits || before;
    target->value = logits   ? head->scores
                    : before ? (head->kind == HEAD_MAP ? target_unresized(head->scores) : head->scores)
                    : strcmp(name, "output") == 0 ? graph->outputs[0]
                                                  : graph_find_value(graph, name);
    if (!target->value)
        return error_set(error, ERROR_INPUT, "the model has no value '%s' (`fovea_inspect` lists them)%s", name,
                         graph_suggest_value(graph, name, meant));
    if (require_computed(sweep, target->value, error))
        return -1;
    if (target->value->shape.rank == SHAPE_UNKNOWN_RANK)
        return error_set(
            error, ERROR_INPUT,
            "'%s' is as large as is found when the network runs; a target's size is known beforehand%s%s%s",
            target->value->name, head->instead ? ", as that of '" : "", head->instead ? head->instead->name : "",
            head->instead ? "'" : "");
    if (target->of_classes || (head->kind != HEAD_UNTOLD && target->value == head->scores)) {
        target->of_classes = true;
        return 0;
    }
    struct head own;
    if (head_of_value(model, target->value, &own, error))
        return -1;
    target->of_classes = head->kind != HEAD_UNTOLD && head->kind != HEAD_ROWS &&
                         (target->value == graph->outputs[0] || target->value == target_unresized(head->scores));
    own.boxes = head->boxes;
    *head = own;
    return 0;
}

/* Rows, and maps without an axis of channels, lie as the head says. */
static int find_grid(struct field_sweep *sweep, struct target *target, struct error *error)
{
    const struct value *value = target->value;
    const struct head *head = &target->head;
    bool own = target->of_classes && value == head->scores;
    if (own && head->kind == HEAD_ROWS) {
        target->grid = (struct unit_grid){.layout = UNITS_CELLS, .height = 1, .row_axis = -1};
        target->grid.view = head->classes.view;
        target->grid.width = head->classes.view.units;
        return 0;
    }
    if (own && head->kind == HEAD_MAP && value->shape.rank == 3) {
        const int64_t *dims = value->shape.dims, units = dims[1] * dims[2];
        target->grid = (struct unit_grid){.layout = UNITS_MAP, .height = dims[1], .width = dims[2], .row_axis = 1};
        target->grid.view = (struct unit_view){dims[0], units, 1, 0, units, 1, units};
        return 0;
    }
    if (own && value->shape.rank == 1) {
        target->grid = (struct unit_grid){.layout = UNITS_VECTOR, .height = 1, .width = 1, .row_axis = -1};
        target->grid.view = (struct unit_view){value->shape.dims[0], 1, 1, 0, 1, 1, 1};
        return 0;
    }
    return unit_grid_find(sweep, value, &target->grid, error);
}

static int find_target(const struct model *model, struct graph *graph, struct field_sweep *sweep, const char *name,
                       struct target *target, struct error *error)
{
    if (require_scores(sweep, graph, name, error) || head_find(model, graph, sweep->input, &target->head, error) ||
        find_value(model, graph, sweep, name, target, error))
        return -1;
    if (require_computed(sweep, target->value, error))
        return -1;
    if (target->value->constant || (!target->value->producer && target->value != sweep->input))
        return error_set(error, ERROR_INPUT, "'%s' does not depend on the input", target->value->name);
    return find_grid(sweep, target, error);
}

int target_find(const struct model *model, struct graph *graph, const struct value *image, const char *name,
                struct target *target, struct error *error)
{
    struct field_sweep sweep;
    *target = (struct target){0};
    int result =
        field_sweep_create_lawful(&sweep, graph, image, error) || find_target(model, graph, &sweep, name, target, error)
            ? -1
            : 0;
    field_sweep_release(&sweep);
    if (result)
        return error && error->kind == ERROR_LIMIT
                   ? error_set(error, ERROR_LIMIT,
                               "what values read of the image takes more than %lld steps to follow; name another value "
                               "with `target`",
                               (long long)FIELD_MOST_VISITS)
                   : -1;
    target->classes = name && strcmp(name, "features") != 0 ? head_classes(&target->head, &target->grid.view)
                                                            : class_scores_of_view(&target->grid.view, CLASS_PLAIN);
    return 0;
}

int target_seek(const struct model *model, struct graph *graph, const struct value *image, const char *name,
                struct target *target, struct error *error)
{
    struct error untold = ERROR_INITIALISER;
    if (target_find(model, graph, image, name, target, &untold) == 0)
        return 1;
    bool of_model = untold.kind == ERROR_INPUT || untold.kind == ERROR_UNSUPPORTED;
    return of_model ? 0 : error_set(error, untold.kind, "%s", untold.message);
}
