#include "structure/detector_search.h"

/* `form`: the activation that detectors of the form of the boxes are made for; CLASS_PLAIN: not told. */
static int take_whole(struct search *search, const struct score_columns *scores, enum class_activation form,
                      struct error *error)
{
    if (scores->list[0].kind == COLUMN_PLAIN && form == CLASS_PLAIN && !search->request->option)
        return detector_refuse(
            search->head, "'%s' holds scores beside boxes, but no activation: give --activation softmax or sigmoid",
            scores->value->name);
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
int detector_find_boxes(const struct search *search, int64_t rows)
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

int detector_outputs_beside_boxes(struct search *search, int boxes, int64_t rows, struct error *error)
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
