#include "analysis/target.h"

#include <math.h>
#include <string.h>

#include "analysis/receptive_field.h"
#include "structure/dominators.h"

static bool is_operator(const struct node *node, const char *const *names)
{
    for (int i = 0; node && names[i]; i++) {
        if (strcmp(node->op_type, names[i]) == 0)
            return true;
    }
    return false;
}

static const char *const view_operators[] = {"Identity",  "Reshape", "Flatten", "Squeeze",
                                             "Unsqueeze", "Dropout", "Cast",    NULL};
static const char *const resize_operators[] = {"Resize", "Upsample", "Transpose", NULL};
static const char *const product_operators[] = {"Conv", "ConvTranspose", "MatMul", "Gemm", "FusedConv", NULL};

/* The producer's data input behind any number of operators that only pass elements on. */
static struct value *behind(struct value *value, const char *const *operators)
{
    while (is_operator(value->producer, operators) && value->producer->inputs[0])
        value = value->producer->inputs[0];
    return value;
}

struct value *target_logits(const struct graph *graph)
{
    return head_walk_back(graph->outputs[0]);
}

/* A map before the resizes behind which it stands; else the value itself. */
static struct value *unresized(struct value *value)
{
    struct value *cursor = value, *next;
    if (value->shape.rank != 4)
        return value;
    while ((next = behind(behind(cursor, view_operators), resize_operators)) != cursor)
        cursor = next;
    return cursor->producer && cursor->shape.rank == 4 ? cursor : value;
}

struct value *target_unresized_logits(const struct graph *graph)
{
    return unresized(target_logits(graph));
}

/* Marks the nodes that `value` is made by. */
static void mark_ancestors(struct graph *graph, const struct value *value, int mark)
{
    for (struct node *node = graph->first; node; node = node->next)
        node->mark &= ~mark;
    if (value->producer)
        value->producer->mark |= mark;
    for (struct node *node = value->producer; node; node = node->previous) {
        for (int i = 0; (node->mark & mark) && i < node->input_count; i++) {
            if (node->inputs[i] && node->inputs[i]->producer)
                node->inputs[i]->producer->mark |= mark;
        }
    }
}

static void clear_marks(struct graph *graph)
{
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = 0;
}

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

/* The grid of a value whose units see places of their own: what is behind a global pool has none. */
static int spatial_grid(struct field_sweep *sweep, const struct value *value, struct unit_grid *grid,
                        struct error *error)
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

/* The last map or tokens made by nodes that have all bits of `mark`; with so many channels unless 0. */
static int last_spatial(struct graph *graph, struct field_sweep *sweep, int mark, int64_t channels,
                        struct value **value, struct error *error)
{
    *value = NULL;
    for (struct node *node = graph->last; node; node = node->previous) {
        for (int i = 0; (node->mark & mark) == mark && i < node->output_count; i++) {
            struct unit_grid grid;
            if (!node->outputs[i])
                continue;
            if (spatial_grid(sweep, node->outputs[i], &grid, error))
                return -1;
            if (unit_grid_is_spatial(&grid) && grid.view.units > 1 &&
                (channels == 0 || grid.view.channels == channels)) {
                *value = node->outputs[i];
                return 0;
            }
        }
    }
    return 0;
}

/* The data input of the product that makes dense logits. */
static struct value *classifier_input(struct value *logits)
{
    static const char *const add[] = {"Add", NULL};
    struct node *node = logits->producer;
    if (is_operator(node, add) && node->inputs[1]->constant)
        node = node->inputs[0]->producer;
    if (!is_operator(node, product_operators) || !node->inputs[1]->constant)
        return NULL;
    struct value *features = behind(node->inputs[0], view_operators);
    return features->producer && features->shape.rank == 4 ? features : NULL;
}

/* Marks what `scores` is made of: what the model's own output is made by too, as it may be the features itself. */
static void mark_sources(struct graph *graph, struct value *scores)
{
    clear_marks(graph);
    mark_ancestors(graph, scores == target_logits(graph) ? graph->outputs[0] : scores, 1);
    if (scores->producer && scores != target_logits(graph))
        scores->producer->mark = 0;
}

/* The last map or tokens that every way from the inputs to `scores` passes: none of a branch, a gate or one of several
 * streams. */
static int last_passed(struct graph *graph, struct field_sweep *sweep, struct value *scores, struct value **value,
                       struct error *error)
{
    struct dominators dominators;
    if (dominators_find(&dominators, graph, error))
        return -1;
    int place = scores->producer ? scores->producer->mark : -1;
    mark_sources(graph, scores);
    for (; place >= 0; place = dominators.immediate[place])
        dominators.nodes[place]->mark |= 2;
    dominators_release(&dominators);
    return last_spatial(graph, sweep, 1 | 2, 0, value, error);
}

/* The features that `scores` are made of: of a map, the input of its last product; else the last map or last tokens on
 * the way to them, of a vector's the last that every way passes, if there are any. *value NULL: there are none. */
static int features_of(struct graph *graph, struct field_sweep *sweep, struct value *scores, struct value **value,
                       struct error *error)
{
    struct value *logits = unresized(scores);
    struct unit_grid grid;
    *value = NULL;
    if (scores->constant)
        return 0;
    if (spatial_grid(sweep, logits, &grid, error))
        return -1;
    if (logits->shape.rank == 4 && unit_grid_is_spatial(&grid) && grid.view.units > 1) {
        *value = classifier_input(logits);
        *value = *value ? *value : logits;
        return 0;
    }
    if (scores->shape.rank <= 2 && last_passed(graph, sweep, scores, value, error))
        return -1;
    mark_sources(graph, scores);
    if (!*value && last_spatial(graph, sweep, 1, 0, value, error))
        return -1;
    /* A map whose channels are moved in front for the pool is meant as it was made. */
    static const char *const transpose[] = {"Transpose", NULL};
    struct value *made = *value ? behind(*value, transpose) : NULL;
    if (made && made->producer && made != *value) {
        if (spatial_grid(sweep, made, &grid, error))
            return -1;
        *value = unit_grid_is_spatial(&grid) ? made : *value;
    }
    return 0;
}

/* Whether `logits` read none of the tokens behind the prefix but through attention. */
static int reads_prefix_only(const struct graph *graph, const struct value *logits, const struct value *tokens,
                             const struct unit_grid *grid, bool *only, struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    struct reads reads;
    for (int i = 0; i < logits->shape.rank; i++)
        cells[i] = (struct interval){0, logits->shape.dims[i] - 1};
    struct field_sweep sweep;
    int result =
        field_sweep_create(&sweep, graph, tokens, error) || field_sweep_reads(&sweep, logits, cells, &reads, error) ? -1
                                                                                                                    : 0;
    field_sweep_release(&sweep);
    if (result)
        return -1;
    *only = reads.local && !reads.global && reads.axes[grid->row_axis].high < grid->prefix;
    return 0;
}

/* The last attention: a Softmax between two products of results, or an operator of its own. Its query, key and value.
 */
static bool attention_operands(const struct node *node, const struct value *operands[3])
{
    static const char *const fused[] = {"Attention", "MultiHeadAttention", NULL};
    static const char *const softmax[] = {"Softmax", NULL}, *const product[] = {"MatMul", "Einsum", NULL};
    static const char *const between[] = {"Add", "Mul", "Div", "Where", "Cast", "Reshape", "Identity", NULL};
    if (is_operator(node, fused)) {
        for (int i = 0; i < 3; i++)
            operands[i] = i < node->input_count && node->inputs[i] && !node->inputs[i]->constant ? node->inputs[i]
                                                                                                 : node->inputs[0];
        return true;
    }
    if (!is_operator(node, softmax))
        return false;
    const struct node *scores = node->inputs[0]->producer, *mix = NULL;
    while (is_operator(scores, between))
        scores = scores->inputs[scores->inputs[0]->producer ? 0 : 1]->producer;
    for (const struct value *value = node->outputs[0]; value && value->use_count > 0;) {
        const struct node *use = value->uses[0].node;
        mix = is_operator(use, product) ? use : NULL;
        value = !mix && is_operator(use, view_operators) ? use->outputs[0] : NULL;
    }
    if (!is_operator(scores, product) || !mix || scores->inputs[0]->constant || scores->inputs[1]->constant)
        return false;
    operands[0] = scores->inputs[0];
    operands[1] = scores->inputs[1];
    operands[2] = mix->inputs[1];
    return true;
}

/* What an attention makes its queries, keys and values of; NULL in *value: there is none. Changes marks. */
static int attention_input(struct graph *graph, struct field_sweep *sweep, const struct node *attention,
                           int64_t channels, struct value **value, struct error *error)
{
    const struct value *operands[3];
    attention_operands(attention, operands);
    clear_marks(graph);
    for (int i = 0; i < 3; i++)
        mark_ancestors(graph, operands[i], 1 << i);
    return last_spatial(graph, sweep, 7, channels, value, error);
}

/* The last attentions that scores are made of, from the last to the first. */
static int last_attentions(struct graph *graph, struct value *scores, struct node *attentions[TARGET_MOST_LAYERS])
{
    const struct value *operands[3];
    int count = 0;
    mark_sources(graph, scores);
    for (struct node *node = graph->last; node && count < TARGET_MOST_LAYERS; node = node->previous) {
        if ((node->mark & 1) && attention_operands(node, operands))
            attentions[count++] = node;
    }
    return count;
}

/* Whether `scores` are made of prefix tokens only, of features that are tokens. */
static int is_of_prefix(struct graph *graph, struct field_sweep *sweep, const struct value *scores,
                        const struct value *features, int64_t *channels, bool *of_prefix, struct error *error)
{
    struct unit_grid grid;
    *of_prefix = false;
    if (!features)
        return 0;
    if (unit_grid_find(sweep, features, &grid, error))
        return -1;
    *channels = grid.view.channels;
    return grid.layout == UNITS_TOKENS && grid.prefix > 0 &&
                   reads_prefix_only(graph, scores, features, &grid, of_prefix, error)
               ? -1
               : 0;
}

/* From the last to the first. */
static int activation_layers(struct graph *graph, struct field_sweep *sweep, struct value *scores,
                             struct value *list[TARGET_MOST_LAYERS], struct error *error)
{
    struct node *attentions[TARGET_MOST_LAYERS];
    int64_t channels;
    bool of_prefix;
    int count = 0;
    if (features_of(graph, sweep, scores, &list[0], error) ||
        is_of_prefix(graph, sweep, scores, list[0], &channels, &of_prefix, error))
        return -1;
    int found = of_prefix ? last_attentions(graph, scores, attentions) : 0;
    for (int i = 0; i < found; i++) {
        struct value *input;
        if (attention_input(graph, sweep, attentions[i], channels, &input, error))
            return -1;
        if (input && (count == 0 || (input != list[count - 1] && shape_equal(&input->shape, &list[0]->shape))))
            list[count++] = input;
    }
    return count > 0 ? count : list[0] != NULL;
}

int target_layers(struct graph *graph, const struct value *image, struct value *scores,
                  struct value *list[TARGET_MOST_LAYERS], struct error *error)
{
    struct field_sweep sweep;
    int count = field_sweep_create_lawful(&sweep, graph, image, error)
                    ? -1
                    : activation_layers(graph, &sweep, scores, list, error);
    field_sweep_release(&sweep);
    for (int i = 0; i < count / 2; i++) {
        struct value *other = list[count - 1 - i];
        list[count - 1 - i] = list[i];
        list[i] = other;
    }
    return count;
}

/* ---- by name ---- */

static int find_features(struct graph *graph, struct field_sweep *sweep, struct target *target, struct error *error)
{
    struct unit_grid grid = {.layout = UNITS_NONE};
    const struct head *head = &target->head;
    target->value = head->features;
    if (head->features && spatial_grid(sweep, head->features, &grid, error))
        return -1;
    struct value *scores = head->map ? head->map : head->scores;
    if (!unit_grid_is_spatial(&grid) && features_of(graph, sweep, scores, &target->value, error))
        return -1;
    return target->value
               ? 0
               : error_set(error, ERROR_INPUT,
                           "the model has no spatial map; name a value with --target or a class with --class");
}

static int find_value(const struct model *model, struct graph *graph, struct field_sweep *sweep, const char *name,
                      struct target *target, struct error *error)
{
    bool logits = name && strcmp(name, "logits") == 0, before = name && strcmp(name, "before-resize") == 0;
    struct head *head = &target->head;
    if (!name || strcmp(name, "features") == 0)
        return find_features(graph, sweep, target, error);
    if ((logits || before) && head_check(head, error))
        return -1;
    target->of_classes = logits || before;
    target->value = logits                        ? head->scores
                    : before                      ? (head->kind == HEAD_MAP ? unresized(head->scores) : head->scores)
                    : strcmp(name, "output") == 0 ? graph->outputs[0]
                                                  : graph_find_value(graph, name);
    if (!target->value)
        return error_set(error, ERROR_INPUT, "the model has no value '%s' (fovea inspect lists them)", name);
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
                         (target->value == graph->outputs[0] || target->value == unresized(head->scores));
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
    if (head_find(model, graph, sweep->input, &target->head, error) ||
        find_value(model, graph, sweep, name, target, error))
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
                               "with --target",
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

/* ---- stages ---- */

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
    static const char *const products[] = {"MatMul", "Gemm", NULL};
    const struct node *node = value->producer;
    while (node && node->operator&& node->operator->flags & OPERATOR_POINTWISE) {
        const struct node *next = NULL;
        for (int i = 0; i < node->input_count && !next; i++)
            next = node->inputs[i] ? node->inputs[i]->producer : NULL;
        node = next;
    }
    return is_operator(node, products) && node->inputs[1] && node->inputs[1]->constant;
}

/* More cells than the image has at their stride: padded to whole windows. */
static int is_padded(struct field_sweep *sweep, const struct value *value, const struct unit_grid *grid, bool *padded,
                     struct error *error)
{
    const struct value *image = sweep->input;
    const int64_t *size = image->shape.dims + (shape_channels_last(&image->shape) ? 1 : 2);
    const int64_t cells[2] = {grid->height, grid->width};
    struct receptive_field field;
    if (receptive_field_of_units(sweep, value, grid, &field, error))
        return -1;
    *padded = false;
    for (int axis = 0; axis < 2; axis++)
        *padded |= !field.varies[axis] && (double)(cells[axis] - 1) * field.stride[axis] > (double)size[axis];
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
    static const char *const pad[] = {"Pad", NULL};
    int count = 0;
    int64_t sizes[TARGET_MOST_STAGES][2];
    clear_marks(graph);
    mark_ancestors(graph, graph->outputs[0], 1);
    for (struct node *node = graph->first; node; node = node->next) {
        struct unit_grid grid;
        struct value *value = node->output_count > 0 ? node->outputs[0] : NULL;
        bool found;
        if (!node->mark || !value || is_operator(node, pad))
            continue;
        if (spatial_grid(sweep, value, &grid, error) || is_stage(sweep, value, &grid, &found, error))
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
