#include "structure/detector_search.h"

#include <inttypes.h>

/* ---- rows of nothing but scores ---- */

static int alone(struct search *search, const struct score_columns *columns, struct error *error)
{
    enum column_kind kind = columns->list[0].kind;
    bool told = kind == COLUMN_SOFTMAX || search->request->names == columns->count ||
                (kind == COLUMN_PLAIN && detector_is_transformer(columns));
    if (told && search->count == 1)
        return detector_take(search, columns, 0, columns->count, -1, false, error);
    return detector_refuse(search->head,
                           "nothing tells boxes from classes among the %" PRId64 " columns of '%.150s': the names of "
                           "all classes do (--labels); or name the scores with --target and the map with --layer",
                           columns->count, columns->value->name);
}

static int of_one_kind(struct search *search, const struct score_columns *columns, struct error *error)
{
    bool yolo = false;
    if (search->count == 1 && columns->list[0].kind != COLUMN_SOFTMAX && search->request->names != columns->count &&
        detector_yolo_rows(search, columns, &yolo, error))
        return -1;
    return yolo ? 0 : alone(search, columns, error);
}

/* ---- all outputs ---- */

static int find_rows(struct search *search, struct error *error)
{
    int mixed = -1, whole = -1, mixed_count = 0, whole_count = 0;
    for (int i = 0; i < search->count; i++) {
        const struct score_columns *columns = &search->outputs[i];
        if (columns->count == 0)
            continue;
        bool is_mixed = !detector_is_whole(columns) && detector_has_scores(columns);
        *(is_mixed ? &mixed : &whole) = i;
        ++*(is_mixed ? &mixed_count : &whole_count);
    }
    if (mixed_count == 1)
        return detector_mixed_rows(search, mixed, error);
    if (mixed_count > 1)
        return detector_refuse(search->head, "%d outputs hold boxes and scores", mixed_count);
    if (whole_count == 0)
        return detector_refuse(search->head, "no output shows which of its numbers are scores of classes");
    const struct score_columns *columns = &search->outputs[whole];
    int boxes = detector_find_boxes(search, columns->rows);
    if (boxes == -2)
        return detector_refuse(search->head, "nothing tells which of two outputs are the boxes");
    if (boxes >= 0 && search->count > 1)
        return detector_outputs_beside_boxes(search, boxes, columns->rows, error);
    if (whole_count > 1)
        return detector_refuse(search->head, "%d outputs may be the classes, and no boxes are beside them",
                               whole_count);
    struct run runs[MOST_RUNS];
    if (columns->list[0].kind == COLUMN_SOFTMAX || detector_list_runs(columns, runs) == 1)
        return of_one_kind(search, columns, error);
    return detector_mixed_rows(search, whole, error);
}

int detector_head_find(const struct detector_request *request, struct detector_head *head, struct error *error)
{
    struct search search = {.request = request, .head = head};
    *head = (struct detector_head){.classes = {.background = -1}, .object = -1};
    if (request->graph->output_count > MOST_OUTPUTS)
        return detector_refuse(head, "there are %d outputs", request->graph->output_count);
    if (detector_join_levels(&search, error) || element_tracer_create(&search.tracer, request->graph, error))
        return -1;
    bool known = false;
    for (int i = 0; i < search.count; i++) {
        struct value *value = search.values[i];
        if (value->constant || value->shape.rank < 2)
            continue;
        if (score_columns_find(&search.tracer, value, request->images, &search.outputs[i], error))
            return -1;
        known = known || search.outputs[i].count > 0;
    }
    if (known && find_rows(&search, error))
        return -1;
    return head->scores ? 0 : detector_find_picked(&search, error);
}
