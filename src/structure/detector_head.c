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
    detector_refuse(search->head,
                    "nothing tells boxes from classes among the %" PRId64 " columns of '%.150s': the names of "
                    "all classes do (`labels`); or name the scores with `target` and the map with `layer`",
                    columns->count, columns->value->name);
    search->head->way_out = true;
    return 0;
}

static int of_one_kind(struct search *search, const struct score_columns *columns, struct error *error)
{
    bool yolo = false;
    if (search->count == 1 && columns->list[0].kind != COLUMN_SOFTMAX && search->request->names != columns->count &&
        detector_yolo_rows(search, columns, &yolo, error))
        return -1;
    return yolo ? 0 : alone(search, columns, error);
}

/* ---- boxes in another output ---- */

/* `form`: the activation that detectors of the form of the boxes are made for; CLASS_PLAIN: not told. */
static int take_whole(struct search *search, const struct score_columns *scores, enum class_activation form,
                      struct error *error)
{
    if (scores->list[0].kind == COLUMN_PLAIN && form == CLASS_PLAIN && !search->request->option) {
        detector_refuse(search->head,
                        "'%s' holds scores beside boxes, but no activation: give `activation` softmax or sigmoid",
                        scores->value->name);
        search->head->way_out = true;
        return 0;
    }
    if (detector_take(search, scores, 0, scores->count, -1, true, error))
        return -1;
    if (form != CLASS_PLAIN)
        detector_by_form(search, form);
    detector_place_background(search, scores);
    return 0;
}

static bool is_box_width(const struct score_columns *columns)
{
    return columns->count == BOX_SIDES || (columns->count == BOX_DISTRIBUTION && columns->list[0].kind == COLUMN_PLAIN);
}

/* Four numbers, or distributions of them, for each of `rows`, which arithmetic makes (then nothing is found of them) or
 * a product of their own. */
static bool may_be_boxes(const struct search *search, int at, int64_t rows)
{
    const struct value *value = search->values[at];
    const struct score_columns *columns = &search->outputs[at];
    const struct shape *shape = &value->shape;
    if (columns->count > 0)
        return is_box_width(columns) && columns->rows == rows;
    if (!element_is_float(value->dtype) || shape->rank < 2 || shape_count(shape) % (rows * BOX_SIDES) != 0 ||
        shape_count(shape) / (rows * BOX_SIDES) != search->request->images)
        return false;
    return shape->dims[shape->rank - 1] == BOX_SIDES || shape->dims[shape->rank - 2] == BOX_SIDES;
}

/* Which of two outputs of four columns are the boxes, as kinds and the form say: DETR's are a sigmoid, anchors' are
 * not.
 */
static bool is_likelier_boxes(const struct score_columns *a, const struct score_columns *b)
{
    enum column_kind plain = detector_is_transformer(a) ? COLUMN_SIGMOID : COLUMN_PLAIN;
    return a->list[0].kind == plain && b->list[0].kind != plain;
}

/* The output of boxes for these rows; -1: none, -2: not told. */
static int find_boxes(const struct search *search, int64_t rows)
{
    int found = -1;
    for (int i = 0; i < search->count; i++) {
        if (!may_be_boxes(search, i, rows))
            continue;
        const struct score_columns *columns = &search->outputs[i];
        if (found < 0)
            found = i;
        else if (columns->count == 0 || search->outputs[found].count == 0)
            found = search->outputs[found].count == 0 && columns->count == 0 ? -2 : columns->count == 0 ? i : found;
        else if (is_likelier_boxes(columns, &search->outputs[found]))
            found = i;
        else if (!is_likelier_boxes(&search->outputs[found], columns))
            return -2;
    }
    return found;
}

/* What plain scores beside such boxes are trained for: a softmax by DETR, whose boxes are sigmoids, sigmoids where
 * boxes are distributions. */
static enum class_activation form_of(const struct search *search, const struct score_columns *boxes,
                                     const struct score_columns *scores)
{
    bool has = boxes->count > 0;
    if (has && boxes->count == BOX_DISTRIBUTION)
        return CLASS_SIGMOID;
    if (!has || !detector_is_transformer(scores) || boxes->list[0].kind != COLUMN_SIGMOID)
        return CLASS_PLAIN;
    return search->request->names == scores->count ? CLASS_SIGMOID : CLASS_SOFTMAX;
}

static int outputs_beside_boxes(struct search *search, int boxes, int64_t rows, struct error *error)
{
    int scores = -1, plain = -1, score_count = 0, plain_count = 0;
    for (int i = 0; i < search->count; i++) {
        const struct score_columns *columns = &search->outputs[i];
        if (i == boxes || columns->count == 0 || columns->rows != rows || !detector_is_whole(columns))
            continue;
        bool score = detector_is_score(columns->list[0].kind);
        *(score ? &scores : &plain) = i;
        ++*(score ? &score_count : &plain_count);
    }
    if (score_count == 1)
        return take_whole(search, &search->outputs[scores], CLASS_PLAIN, error);
    if (score_count == 0 && plain_count == 1)
        return take_whole(search, &search->outputs[plain],
                          form_of(search, &search->outputs[boxes], &search->outputs[plain]), error);
    return detector_refuse(search->head, "several outputs beside the boxes '%s' may be the classes",
                           search->values[boxes]->name);
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
    int boxes = find_boxes(search, columns->rows);
    if (boxes == -2)
        return detector_refuse(search->head, "nothing tells which of two outputs are the boxes");
    if (boxes >= 0 && search->count > 1)
        return outputs_beside_boxes(search, boxes, columns->rows, error);
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
    *head = (struct detector_head){.classes = {.background = -1}, .own = CLASS_PLAIN, .object = -1};
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
