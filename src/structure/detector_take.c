#include "structure/detector_search.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "structure/head_activation.h"

int detector_refuse(struct detector_head *head, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_format_list(head->why, sizeof head->why, format, arguments);
    va_end(arguments);
    head->scores = NULL;
    head->way_out = false;
    return 0;
}

int detector_list_runs(const struct score_columns *columns, struct run *runs)
{
    int count = 0;
    for (int64_t c = 0; c < columns->count; c++) {
        const struct column *column = &columns->list[c];
        bool made = column->kind == COLUMN_PLAIN || detector_is_score(column->kind);
        const struct value *source = made ? column->source.value : NULL;
        struct run *last = count > 0 ? &runs[count - 1] : NULL;
        if (last && last->kind == column->kind && last->source == source)
            last->end = c + 1;
        else if (count == MOST_RUNS)
            return -1;
        else
            runs[count++] = (struct run){column->kind, source, c, c + 1};
    }
    return count;
}

bool detector_is_whole(const struct score_columns *columns)
{
    for (int64_t c = 0; c < columns->count; c++) {
        if (columns->list[c].kind != columns->list[0].kind)
            return false;
    }
    return detector_is_score(columns->list[0].kind) || columns->list[0].kind == COLUMN_PLAIN;
}

bool detector_has_scores(const struct score_columns *columns)
{
    for (int64_t c = 0; c < columns->count; c++) {
        if (detector_is_score(columns->list[c].kind))
            return true;
    }
    return false;
}

/* ---- what is found ---- */

/* Scores in front of their sigmoid or softmax, where one value holds them all at even distances; else as they stand. */
static int unwrap(struct search *search, const struct score_columns *columns, int64_t begin, int64_t end,
                  struct unit_view *view, struct value **value, struct error *error)
{
    struct value *logits = columns->list[begin].logit.value;
    int64_t first = element_flat(&columns->list[begin].logit), column_step = 0, row_step = 0;
    struct column traced;
    for (int64_t c = begin; c < end; c++) {
        const struct element *at = &columns->list[c].logit;
        column_step = c == begin + 1 ? element_flat(at) - first : column_step;
        if (at->value != logits || element_flat(at) != first + (c - begin) * column_step)
            return 0;
    }
    for (int64_t row = 1; row < columns->rows; row++) {
        if (score_columns_trace(&search->tracer, columns, row, begin, &traced, error))
            return -1;
        row_step = row == 1 ? element_flat(&traced.logit) - first : row_step;
        if (traced.logit.value != logits || element_flat(&traced.logit) != first + row * row_step)
            return 0;
    }
    if (row_step < 0 || column_step < 0)
        return 0;
    *value = logits;
    *view = (struct unit_view){.images = columns->images,
                               .units = columns->rows,
                               .channels = end - begin,
                               .first = first,
                               .image_step = shape_count(&logits->shape) / columns->images,
                               .unit_step = row_step,
                               .channel_step = column_step};
    return 0;
}

/* Whether the softmax of the columns has others besides: their logits alone do not tell its sum. */
static bool is_part_of_softmax(const struct score_columns *columns, int64_t begin, int64_t end)
{
    const struct element *first = &columns->list[begin].logit, *second = &columns->list[end - 1].logit;
    if (columns->list[begin].kind != COLUMN_SOFTMAX)
        return false;
    for (int axis = 0; axis < first->value->shape.rank; axis++) {
        if (first->index[axis] != second->index[axis])
            return first->value->shape.dims[axis] != end - begin;
    }
    return true; /* one column: a softmax of one is none */
}

int detector_take(struct search *search, const struct score_columns *columns, int64_t begin, int64_t end,
                  int64_t object, bool boxes, struct error *error)
{
    struct detector_head *head = search->head;
    enum column_kind kind = columns->list[begin].kind;
    struct unit_view *view = &head->classes.view;
    head->scores = columns->value;
    head->boxes = boxes;
    head->columns = columns->count;
    head->first = begin;
    head->object = object;
    head->own = kind == COLUMN_SOFTMAX    ? CLASS_SOFTMAX
                : detector_is_score(kind) ? CLASS_SIGMOID
                                          : activation_of_node(search->activation);
    struct column last;
    if (score_columns_trace(&search->tracer, columns, columns->rows - 1, begin, &last, error))
        return -1;
    struct value *features = last.source.value->producer ? last.source.value->producer->inputs[0] : NULL;
    head->features = features && features->shape.rank == 4 && features->producer ? features : NULL;
    *view = (struct unit_view){.images = columns->images,
                               .units = columns->rows,
                               .channels = end - begin,
                               .first = begin * columns->column_step,
                               .image_step = columns->image_step,
                               .unit_step = columns->row_step,
                               .channel_step = columns->column_step};
    head->classes.background = -1;
    head->classes.objectness = object < 0 ? 0 : (object - begin) * columns->column_step;
    head->classes.activation = detector_is_score(kind)   ? CLASS_PROBABILITIES
                               : search->activation      ? head->own
                               : search->request->option ? activation_of_word(search->request->option)
                                                         : CLASS_SOFTMAX;
    if (kind != COLUMN_JOINT && detector_is_score(kind) && object < 0 && !is_part_of_softmax(columns, begin, end)) {
        const struct value *before = head->scores;
        if (unwrap(search, columns, begin, end, view, &head->scores, error))
            return -1;
        if (head->scores != before)
            head->classes.activation = kind == COLUMN_SIGMOID ? CLASS_SIGMOID : CLASS_SOFTMAX;
    }
    return 0;
}

void detector_by_form(struct search *search, enum class_activation activation)
{
    if (search->head->own != CLASS_PLAIN || search->request->option)
        return;
    search->head->by_form = true;
    search->head->classes.activation = activation;
}

void detector_place_background(struct search *search, const struct score_columns *columns)
{
    struct class_scores *classes = &search->head->classes;
    if (classes->activation != CLASS_SOFTMAX || search->request->names == columns->count)
        return;
    classes->background = detector_is_transformer(columns) ? columns->count - 1 : 0;
}
