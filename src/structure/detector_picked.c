#include "structure/detector_search.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "structure/dense_scores.h"

/* What may hold picked scores: an output, or the columns that are joined to one. */
struct picked {
    struct value *list[4 * MOST_OUTPUTS];
    int count;
};

static void add_picked(struct picked *picked, struct value *value)
{
    for (int i = 0; i < picked->count; i++) {
        if (picked->list[i] == value)
            return;
    }
    bool floats = value->dtype == DTYPE_UNDEFINED || element_is_float(value->dtype);
    if (picked->count < 4 * MOST_OUTPUTS && floats && !value->constant)
        picked->list[picked->count++] = value;
}

/* The last axis of joined detections, whose sizes are known or not, counts their columns. */
static bool joins_columns(const struct node *node)
{
    const struct concat_settings *settings = match_settings(node, "Concat");
    if (!settings)
        return false;
    int64_t axis = settings->axis;
    int rank = node->outputs[0]->declared_rank > 0 ? node->outputs[0]->declared_rank : node->outputs[0]->shape.rank;
    return axis == -1 || (rank > 0 && axis == rank - 1) || (rank < 0 && axis == 1);
}

/* Detections in front of what fills them up to a fixed number and writes them image by image. */
static struct value *behind_filling(struct value *value)
{
    for (;;) {
        struct value *from =
            match_producer(value, "ScatterND") ? value->producer->inputs[2] : match_moved(value->producer);
        if (!from || from->constant)
            return value;
        value = from;
    }
}

static void list_picked(struct search *search, struct picked *picked)
{
    for (int i = 0; i < search->request->graph->output_count; i++) {
        struct value *output = search->request->graph->outputs[i];
        const struct node *node = behind_filling(output)->producer;
        add_picked(picked, output);
        for (int k = 0; joins_columns(node) && k < node->input_count; k++)
            add_picked(picked, node->inputs[k]);
    }
}

/* Rows and columns of a value, or of what it was before it was made flat: one column may be several there. */
static int find_behind_views(struct search *search, struct value *value, struct score_columns *columns,
                             struct error *error)
{
    *columns = (struct score_columns){0};
    for (;;) {
        struct score_columns found;
        if (score_columns_find(&search->tracer, value, search->request->images, &found, error))
            return -1;
        if (columns->count == 0 || (found.count > columns->count && value->shape.rank < 4))
            *columns = found;
        if (columns->count > 1 || !node_has(value->producer, OPERATOR_VIEW))
            return 0;
        value = value->producer->inputs[0];
    }
}

/* Takes the one dense value among them that holds scores. */
int detector_find_picked(struct search *search, struct error *error)
{
    struct picked picked = {.count = 0};
    struct score_columns columns, found = {0};
    const struct node *activation, *of_found = NULL;
    bool unknown = false;
    list_picked(search, &picked);
    for (int i = 0; i < picked.count; i++) {
        struct value *dense;
        unknown = unknown || picked.list[i]->shape.rank == SHAPE_UNKNOWN_RANK;
        if (dense_scores_find(search->request->graph, picked.list[i], &dense, &activation, error))
            return -1;
        if (dense && find_behind_views(search, dense, &columns, error))
            return -1;
        if (!dense || columns.count == 0 || columns.value == found.value || !detector_is_whole(&columns) ||
            (columns.list[0].kind == COLUMN_PLAIN && !activation))
            continue;
        if (found.value)
            return detector_refuse(search->head, "the best of '%s' and of '%s' are picked", found.value->name,
                                   columns.value->name);
        found = columns;
        of_found = activation;
    }
    if (!found.value)
        return unknown ? detector_refuse(search->head,
                                         "its detections are as many as are found when it runs, and the scores "
                                         "that they are picked from are not found or belong to regions that it "
                                         "proposes itself")
                       : 0;
    search->activation = of_found;
    if (detector_take(search, &found, 0, found.count, -1, true, error))
        return -1;
    detector_place_background(search, &found);
    return 0;
}
