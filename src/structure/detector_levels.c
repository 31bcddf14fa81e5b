#include "structure/detector_search.h"

#include "graph/match.h"
#include "op/emit.h"
#include "structure/level_join.h"

#define MOST_ANCHORS 15 /* of a place, whose numbers are channels of one map */

/* How the axes of an output of one level lie. */
enum layout {
    LAYOUT_NONE,
    LAYOUT_ROWS,        /* [N,A,C] */
    LAYOUT_FLAT,        /* [A,C] */
    LAYOUT_COLUMNS,     /* [N,C,A] */
    LAYOUT_MAP,         /* [N,C,H,W] */
    LAYOUT_MAP_LAST,    /* [N,H,W,C] */
    LAYOUT_ANCHORS,     /* [N,A,H,W,C] */
    LAYOUT_ANCHORS_MAP, /* [N,A,C,H,W] */
    LAYOUTS
};

/* Axes that count places, and that of the columns; how many levels at least, as two outputs of [N,A,C] look like it. */
static const struct axes {
    int rank, first_place, places, columns, least;
} axes_of[LAYOUTS] = {
    [LAYOUT_ROWS] = {3, 1, 1, 2, 2},       [LAYOUT_FLAT] = {2, 0, 1, 1, 2},     [LAYOUT_COLUMNS] = {3, 2, 1, 1, 3},
    [LAYOUT_MAP] = {4, 2, 2, 1, 2},        [LAYOUT_MAP_LAST] = {4, 1, 2, 3, 2}, [LAYOUT_ANCHORS] = {5, 2, 2, 4, 2},
    [LAYOUT_ANCHORS_MAP] = {5, 3, 2, 2, 2}};

/* Outputs that differ in their places only. */
struct group {
    struct value *levels[MOST_OUTPUTS];
    int count;
};

static bool is_place(enum layout layout, int axis)
{
    const struct axes *axes = &axes_of[layout];
    return axis >= axes->first_place && axis < axes->first_place + axes->places;
}

static int64_t places_of(enum layout layout, const struct value *value)
{
    const struct axes *axes = &axes_of[layout];
    return shape_product(&value->shape, axes->first_place, axes->first_place + axes->places);
}

/* Whether both are levels of one output: the same sizes but for those of places, which all differ. */
static bool go_together(enum layout layout, const struct value *a, const struct value *b)
{
    for (int axis = 0; axis < axes_of[layout].rank; axis++) {
        if (is_place(layout, axis) == (a->shape.dims[axis] == b->shape.dims[axis]))
            return false;
    }
    return true;
}

/* Adds the output to the group that it fits, or to a new one. Returns how many there are, or -1: it fits none. */
static int add_level(enum layout layout, struct value *value, struct group *groups, int count)
{
    if (!element_is_float(value->dtype) || value->constant || value->shape.rank != axes_of[layout].rank ||
        shape_count(&value->shape) == 0)
        return -1;
    int group = 0;
    for (; group < count; group++) {
        bool fits = true;
        for (int i = 0; fits && i < groups[group].count; i++)
            fits = go_together(layout, groups[group].levels[i], value);
        if (fits)
            break;
    }
    if (group == count)
        groups[count++].count = 0;
    groups[group].levels[groups[group].count++] = value;
    return count;
}

/* Every group with the same places, in the order of the first. */
static bool order_levels(enum layout layout, struct group *groups, int count)
{
    for (int g = 0; g < count; g++) {
        if (groups[g].count < axes_of[layout].least || groups[g].count != groups[0].count)
            return false;
        for (int i = 0; i < groups[0].count; i++) {
            int k = i;
            while (k < groups[g].count &&
                   places_of(layout, groups[g].levels[k]) != places_of(layout, groups[0].levels[i]))
                k++;
            if (k == groups[g].count)
                return false;
            struct value *level = groups[g].levels[k];
            groups[g].levels[k] = groups[g].levels[i];
            groups[g].levels[i] = level;
        }
    }
    return true;
}

bool detector_names_tell_anchors(int64_t names, int64_t channels)
{
    return names > 0 && channels != names && channels % (YOLO_COLUMNS + names) == 0;
}

/* A map whose channels the names divide into anchors is the one level of its kind. */
static bool is_one_level(const struct graph *graph, enum layout layout, int64_t names)
{
    const struct shape *shape = &graph->outputs[0]->shape;
    return layout == LAYOUT_MAP && graph->output_count == 1 && shape->rank == 4 &&
           detector_names_tell_anchors(names, shape->dims[1]);
}

/* The layout in which all outputs are levels; how many groups in *count. */
static enum layout find_layout(const struct graph *graph, int64_t names, struct group groups[MOST_OUTPUTS], int *count)
{
    for (enum layout layout = LAYOUT_ROWS; layout < LAYOUTS; layout++) {
        *count = 0;
        for (int i = 0; i < graph->output_count && *count >= 0; i++)
            *count = add_level(layout, graph->outputs[i], groups, *count);
        if (*count > 0 && (is_one_level(graph, layout, names) || order_levels(layout, groups, *count)))
            return layout;
    }
    return LAYOUT_NONE;
}

/* ---- anchors whose numbers are channels of a map ---- */

static int64_t channels_of(enum layout layout, const struct group *group)
{
    return group->levels[0]->shape.dims[axes_of[layout].columns];
}

/* How many anchors a place has if this group holds their boxes: 0: it does not. */
static int64_t anchors_of_boxes(enum layout layout, const struct group *groups, int count, int boxes)
{
    int64_t sides = channels_of(layout, &groups[boxes]), anchors = sides / BOX_SIDES;
    if (sides % BOX_SIDES != 0 || sides == BOX_DISTRIBUTION || anchors < 2 || anchors > MOST_ANCHORS)
        return 0;
    for (int g = 0; g < count; g++) {
        if (channels_of(layout, &groups[g]) % anchors != 0)
            return 0;
    }
    return anchors;
}

/* How many rows a place of a map has: by boxes beside the classes, or by how many names there are. 1 where nothing
 * tells. */
static int64_t count_anchors(const struct search *search, enum layout layout, const struct group *groups, int count)
{
    int64_t names = search->request->names, columns = YOLO_COLUMNS + names, found = 1;
    if (layout != LAYOUT_MAP && layout != LAYOUT_MAP_LAST)
        return 1;
    if (count == 1)
        return names > 0 && channels_of(layout, &groups[0]) % columns == 0 ? channels_of(layout, &groups[0]) / columns
                                                                           : 1;
    for (int g = 0; g < count; g++) {
        int64_t anchors = anchors_of_boxes(layout, groups, count, g);
        if (anchors > 0 && found > 1)
            return 1;
        found = anchors > 0 ? anchors : found;
    }
    return found;
}

/* Whether the traces of outputs say that their last axis counts places, or columns; false where they do not tell. */
static int is_confirmed(struct search *search, enum layout layout, bool *confirmed, struct error *error)
{
    const struct graph *graph = search->request->graph;
    struct element_tracer tracer;
    *confirmed = axes_of[layout].rank > 3;
    if (!*confirmed && element_tracer_create(&tracer, graph, error))
        return -1;
    for (int i = 0; i < graph->output_count && !*confirmed; i++) {
        struct score_columns columns;
        if (score_columns_find(&tracer, graph->outputs[i], search->request->images, &columns, error))
            return -1;
        bool last = columns.column_step == 1;
        if (columns.count > 0 && columns.rows > 1 && last == (layout == LAYOUT_COLUMNS))
            return 0;
        *confirmed = columns.count > 0;
    }
    return 0;
}

/* ---- joining ---- */

static struct value *shaped(struct graph *graph, struct value *value, const int64_t *dims, int rank,
                            struct error *error)
{
    struct value *list = value ? emit_int_list(graph, dims, rank, error) : NULL;
    return list ? emit(graph, "Reshape", EMIT_INPUTS(value, list), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static struct value *moved(struct graph *graph, struct value *value, const int64_t *order, struct error *error)
{
    return value ? emit(graph, "Transpose", EMIT_INPUTS(value),
                        EMIT_ATTRIBUTES(EMIT_INTS("perm", order, value->shape.rank)), error)
                 : NULL;
}

/* A level as [N,rows,C], [rows,C]; a map's anchors are the outer part of its channels. */
static struct value *rows_of(struct graph *graph, enum layout layout, struct value *level, int64_t anchors,
                             struct error *error)
{
    static const int64_t last[3] = {0, 2, 1}, inner[4] = {0, 3, 1, 2};
    static const int64_t middle[5] = {0, 1, 3, 4, 2};
    int64_t images = level->shape.dims[0], places = places_of(layout, level);
    int64_t columns = level->shape.dims[axes_of[layout].columns] / anchors;
    int64_t rows = shape_count(&level->shape) / images / columns;
    const int64_t split[4] = {images, anchors, columns, places};
    if (layout == LAYOUT_ROWS || layout == LAYOUT_FLAT)
        return level;
    if (layout == LAYOUT_COLUMNS)
        return moved(graph, level, last, error);
    if (layout == LAYOUT_MAP)
        level = moved(graph, shaped(graph, level, split, 4, error), inner, error);
    else if (layout == LAYOUT_ANCHORS_MAP)
        level = moved(graph, level, middle, error);
    return shaped(graph, level, (const int64_t[3]){images, rows, columns}, 3, error);
}

/* A group's levels one behind the other, under a name of their own: heads are asked for several times. */
static struct value *join_named(struct graph *graph, enum layout layout, const struct group *group, int64_t anchors,
                                struct error *error)
{
    struct value *parts[MOST_OUTPUTS];
    char name[LEVEL_NAME_SIZE];
    struct value *known = level_join_known(graph, level_join_name(group->levels[0], group->count, name), group->count);
    if (known)
        return known;
    for (int i = 0; i < group->count; i++) {
        parts[i] = rows_of(graph, layout, group->levels[i], anchors, error);
        if (!parts[i])
            return NULL;
    }
    return level_join(graph, parts, group->count, layout != LAYOUT_FLAT, name, error);
}

static struct value *sigmoid_of(struct graph *graph, struct value *logits, struct error *error)
{
    for (size_t i = 0; i < logits->use_count; i++) {
        if (match_operator(logits->uses[i].node, "Sigmoid"))
            return logits->uses[i].node->outputs[0];
    }
    return emit(graph, "Sigmoid", EMIT_INPUTS(logits), EMIT_NO_ATTRIBUTES, error);
}

/* Where all levels end in a sigmoid it is put behind the joined logits: these are the scores. */
static struct value *join(struct graph *graph, enum layout layout, const struct group *group, int64_t anchors,
                          struct error *error)
{
    struct group logits = *group;
    for (int i = 0; i < group->count; i++) {
        if (!match_producer(group->levels[i], "Sigmoid"))
            return join_named(graph, layout, group, anchors, error);
        logits.levels[i] = group->levels[i]->producer->inputs[0];
    }
    struct value *joined = join_named(graph, layout, &logits, anchors, error);
    return joined ? sigmoid_of(graph, joined, error) : NULL;
}

int detector_join_levels(struct search *search, struct error *error)
{
    struct graph *graph = search->request->graph;
    struct group groups[MOST_OUTPUTS];
    int count;
    bool confirmed = true;
    enum layout layout = find_layout(graph, search->request->names, groups, &count);
    if (layout != LAYOUT_NONE && is_confirmed(search, layout, &confirmed, error))
        return -1;
    layout = confirmed ? layout : LAYOUT_NONE;
    search->count = layout == LAYOUT_NONE ? graph->output_count : count;
    for (int i = 0; layout == LAYOUT_NONE && i < search->count; i++)
        search->values[i] = graph->outputs[i];
    if (layout == LAYOUT_NONE)
        return 0;
    int64_t anchors = count_anchors(search, layout, groups, count);
    for (int g = 0; g < count; g++) {
        search->values[g] = join(graph, layout, &groups[g], anchors, error);
        if (!search->values[g])
            return -1;
    }
    return 0;
}
