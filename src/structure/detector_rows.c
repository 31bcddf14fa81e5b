#include "structure/detector_search.h"

#include <inttypes.h>

#define DEEPEST 48 /* operators between a box and the product it is made of */
#define MOST_VISITS 10000

/* Whether an element is arithmetic over elements of `product`. */
static int is_made_by(struct element_tracer *tracer, struct element element, const struct value *product, int depth,
                      int *visits, bool *made, struct error *error)
{
    if (*made || depth == DEEPEST || ++*visits > MOST_VISITS)
        return 0;
    if (element_origin(tracer, &element, error))
        return -1;
    const struct node *node = element.value->producer;
    *made = element.value == product;
    for (int i = 0; !*made && node && !element.value->constant && i < node->input_count; i++) {
        struct element operand;
        bool one;
        if (!node->inputs[i] || node->inputs[i]->constant)
            continue;
        if (element_operand(tracer, &element, i, &operand, &one, error) ||
            (one && is_made_by(tracer, operand, product, depth + 1, visits, made, error)))
            return -1;
    }
    return 0;
}

/* Whether one of the columns that are neither scores nor plain is made by `product`. */
static int computes(struct search *search, const struct score_columns *columns, int64_t begin, int64_t end,
                    const struct value *product, bool *made, struct error *error)
{
    *made = false;
    for (int64_t c = begin; c < end && !*made; c++) {
        struct element element = element_at(columns->value, c * columns->column_step);
        if (columns->list[c].kind == COLUMN_COMPUTED &&
            is_made_by(&search->tracer, element, product, 0, &(int){0}, made, error))
            return -1;
    }
    return 0;
}

static bool names_differ(const struct search *search, int64_t classes)
{
    return search->request->names > 0 && search->request->names != classes;
}

/* ---- boxes and classes in one row ---- */

/* Runs of scores that are no by-product: what the key points' product also gives (how visible each is) is one. */
static int list_score_runs(struct search *search, const struct score_columns *columns, const struct run *runs,
                           int count, struct run *scores, struct error *error)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        bool key_points = false;
        if (!detector_is_score(runs[i].kind))
            continue;
        if (runs[i].kind == COLUMN_SIGMOID &&
            computes(search, columns, BOX_SIDES, columns->count, runs[i].source, &key_points, error))
            return -1;
        if (!key_points)
            scores[found++] = runs[i];
    }
    return found;
}

/* Whether the products of an objectness and of the boxes in front of it read the same features, the classes' others. */
static bool is_beside_boxes(const struct score_columns *columns, const struct run *object, const struct run *classes)
{
    const struct value *box = columns->list[0].source.value;
    return columns->list[0].kind == COLUMN_PLAIN && box->producer->inputs[0] == object->source->producer->inputs[0] &&
           classes->source->producer->inputs[0] != object->source->producer->inputs[0];
}

/* Of an objectness whose boxes are decoded: whether its product reads what theirs does. */
static int decoded_beside(struct search *search, const struct score_columns *columns, const struct run *object,
                          bool *beside, struct error *error)
{
    *beside = false;
    const struct value *features = object->source->producer->inputs[0];
    for (size_t i = 0; i < features->use_count && !*beside; i++) {
        const struct node *reader = features->uses[i].node;
        if (reader != object->source->producer && reader->output_count > 0 && reader->outputs[0] &&
            computes(search, columns, 0, BOX_SIDES, reader->outputs[0], beside, error))
            return -1;
    }
    return 0;
}

static int one_run(struct search *search, const struct score_columns *columns, const struct run *scores,
                   struct error *error)
{
    bool shared = columns->list[0].kind == COLUMN_PLAIN && columns->list[0].source.value == scores->source;
    int64_t count = scores->end - scores->begin, object = -1;
    if (scores->begin == 0)
        return detector_take(search, columns, 0, scores->end, -1, true, error);
    if (scores->kind == COLUMN_SIGMOID && !shared &&
        computes(search, columns, 0, BOX_SIDES, scores->source, &shared, error))
        return -1;
    if (scores->begin % BOX_SIDES != 0 &&
        !(scores->begin == BOX_SIDES + 1 && columns->list[BOX_SIDES].kind == COLUMN_CONSTANT))
        return detector_refuse(search->head,
                               "in front of the %" PRId64 " columns of scores stand %" PRId64 ", no boxes", count,
                               scores->begin);
    if (shared && count > 1 && search->request->names != count) {
        if (names_differ(search, count - 1))
            return detector_refuse(search->head, "%" PRId64 " columns behind the boxes do not fit %" PRId64 " names",
                                   count, search->request->names);
        object = scores->begin;
    }
    return detector_take(search, columns, scores->begin + (object >= 0), scores->end, object, true, error);
}

/* YOLOX: the objectness has a product of its own, on the features of the boxes. A transformer's boxes may be sigmoids,
 * too. */
static int two_runs(struct search *search, const struct score_columns *columns, const struct run *scores,
                    struct error *error)
{
    const struct run *object = &scores[0], *classes = &scores[1];
    bool beside = is_beside_boxes(columns, object, classes);
    bool narrow = object->begin == BOX_SIDES && object->end == BOX_SIDES + 1 && classes->begin == object->end &&
                  object->kind == COLUMN_SIGMOID && classes->kind == COLUMN_SIGMOID;
    if (object->begin == 0 && object->end == BOX_SIDES && detector_is_transformer(columns))
        return detector_take(search, columns, classes->begin, classes->end, -1, true, error);
    if (narrow && !beside && decoded_beside(search, columns, object, &beside, error))
        return -1;
    if (!narrow || !beside)
        return detector_refuse(search->head, "columns %" PRId64 " and %" PRId64 " come from two classifiers",
                               object->begin, classes->begin);
    return detector_take(search, columns, classes->begin, classes->end, object->begin, true, error);
}

/* Rows that hold their boxes themselves. */
static int rows_with_boxes(struct search *search, const struct score_columns *columns, const struct run *runs,
                           int count, struct error *error)
{
    struct run scores[MOST_RUNS];
    int found = list_score_runs(search, columns, runs, count, scores, error);
    if (found < 0)
        return -1;
    if (found == 1)
        return one_run(search, columns, &scores[0], error);
    if (found == 2)
        return two_runs(search, columns, scores, error);
    return detector_refuse(search->head, "%d groups of columns of '%s' may be classes", found, columns->value->name);
}

/* ---- rows without a sigmoid or softmax ---- */

/* Whether another row reads the place of the first: anchors of one product, by YOLO's layout. */
static int has_anchors(struct search *search, const struct score_columns *columns, bool *anchors, struct error *error)
{
    const struct column *first = &columns->list[0];
    struct column other;
    *anchors = false;
    for (int64_t row = 1; row < columns->rows && !*anchors; row++) {
        if (score_columns_trace(&search->tracer, columns, row, 0, &other, error))
            return -1;
        *anchors = other.source.value == first->source.value && element_same_place(&other.source, &first->source);
    }
    return 0;
}

int detector_yolo_rows(struct search *search, const struct score_columns *columns, bool *found, struct error *error)
{
    int64_t names = search->request->names;
    *found = false;
    if (columns->count <= YOLO_COLUMNS || (names > 0 && columns->count != YOLO_COLUMNS + names))
        return 0;
    *found = names > 0;
    if (!*found && has_anchors(search, columns, found, error))
        return -1;
    if (!*found)
        return 0;
    if (detector_take(search, columns, YOLO_COLUMNS, columns->count, BOX_SIDES, true, error))
        return -1;
    detector_by_form(search, CLASS_SIGMOID);
    return 0;
}

/* Boxes, objectness and classes of three products, or distributions of boxes and classes of two. */
static int plain_rows(struct search *search, const struct score_columns *columns, const struct run *runs, int count,
                      struct error *error)
{
    bool yolox = count == 3 && runs[0].end == BOX_SIDES && runs[1].end == BOX_SIDES + 1 &&
                 is_beside_boxes(columns, &runs[1], &runs[2]);
    bool distributed = count == 2 && runs[0].end == BOX_DISTRIBUTION;
    if (!yolox && !distributed)
        return detector_refuse(search->head, "nothing tells boxes from classes among the %" PRId64 " columns of '%s'",
                               columns->count, columns->value->name);
    if (detector_take(search, columns, distributed ? BOX_DISTRIBUTION : BOX_SIDES + 1, columns->count,
                      distributed ? -1 : BOX_SIDES, true, error))
        return -1;
    detector_by_form(search, CLASS_SIGMOID);
    return 0;
}

/* An output that holds classes and more, or a plain one of several products. */
int detector_mixed_rows(struct search *search, int at, struct error *error)
{
    struct run runs[MOST_RUNS];
    const struct score_columns *columns = &search->outputs[at];
    int count = detector_list_runs(columns, runs);
    if (count < 0)
        return detector_refuse(search->head, "the columns of '%s' come from too many places", columns->value->name);
    return detector_has_scores(columns) ? rows_with_boxes(search, columns, runs, count, error)
                                        : plain_rows(search, columns, runs, count, error);
}
