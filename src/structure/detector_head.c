#include "structure/detector_head.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "structure/dense_scores.h"

#define BOX_SIDES 4
#define MOST_OUTPUTS 16
#define MOST_RUNS 64
#define DEEPEST 48 /* operators between a box and the product it is made of */

/* Neighbouring columns of one kind and product. */
struct run {
    enum column_kind kind;
    const struct value *source;
    int64_t begin, end;
};

struct search {
    const struct detector_request *request;
    struct element_tracer tracer;
    struct detector_head *head;
    struct score_columns outputs[MOST_OUTPUTS];
    int count;
    const struct node *activation; /* between plain scores and what picks the best; NULL: none */
};

static int refuse(struct detector_head *head, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(struct detector_head *head, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(head->why, sizeof head->why, format, arguments);
    va_end(arguments);
    head->scores = NULL;
    return 0;
}

static bool is_score(enum column_kind kind)
{
    return kind == COLUMN_SIGMOID || kind == COLUMN_SOFTMAX || kind == COLUMN_JOINT;
}

static int list_runs(const struct score_columns *columns, struct run *runs)
{
    int count = 0;
    for (int64_t c = 0; c < columns->count; c++) {
        const struct column *column = &columns->list[c];
        bool made = column->kind == COLUMN_PLAIN || is_score(column->kind);
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

/* Whether an element is arithmetic over elements of `product`. */
static int is_made_by(struct element_tracer *tracer, struct element element, const struct value *product, int depth,
                      bool *made, struct error *error)
{
    if (*made || depth == DEEPEST)
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
            (one && is_made_by(tracer, operand, product, depth + 1, made, error)))
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
        if (columns->list[c].kind == COLUMN_COMPUTED && is_made_by(&search->tracer, element, product, 0, made, error))
            return -1;
    }
    return 0;
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

/* Takes columns begin..end - 1 for the classes; `object`: the objectness, -1: none. */
static int take(struct search *search, const struct score_columns *columns, int64_t begin, int64_t end, int64_t object,
                bool boxes, struct error *error)
{
    struct detector_head *head = search->head;
    enum column_kind kind = columns->list[begin].kind;
    const char *option = search->activation ? search->activation->op_type : search->request->option;
    struct unit_view *view = &head->classes.view;
    head->scores = columns->value;
    head->boxes = boxes;
    head->columns = columns->count;
    head->first = begin;
    head->object = object;
    head->activation_of_file = is_score(kind) || search->activation;
    head->activation_of_option = !head->activation_of_file && option;
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
    head->classes.activation = is_score(kind)                                 ? CLASS_PROBABILITIES
                               : option && strcasecmp(option, "sigmoid") == 0 ? CLASS_SIGMOID
                               : option && strcasecmp(option, "none") == 0    ? CLASS_PLAIN
                                                                              : CLASS_SOFTMAX;
    if (kind != COLUMN_JOINT && is_score(kind) && object < 0 && !is_part_of_softmax(columns, begin, end)) {
        const struct value *before = head->scores;
        if (unwrap(search, columns, begin, end, view, &head->scores, error))
            return -1;
        if (head->scores != before)
            head->classes.activation = kind == COLUMN_SIGMOID ? CLASS_SIGMOID : CLASS_SOFTMAX;
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
        if (!is_score(runs[i].kind))
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
        return take(search, columns, 0, scores->end, -1, true, error);
    if (scores->kind == COLUMN_SIGMOID && !shared &&
        computes(search, columns, 0, BOX_SIDES, scores->source, &shared, error))
        return -1;
    if (scores->begin % BOX_SIDES != 0 &&
        !(scores->begin == BOX_SIDES + 1 && columns->list[BOX_SIDES].kind == COLUMN_CONSTANT))
        return refuse(search->head, "in front of the %" PRId64 " columns of scores stand %" PRId64 ", no boxes", count,
                      scores->begin);
    if (shared && count > 1 && search->request->names != count) {
        if (names_differ(search, count - 1))
            return refuse(search->head, "%" PRId64 " columns behind the boxes do not fit %" PRId64 " names", count,
                          search->request->names);
        object = scores->begin;
    }
    return take(search, columns, scores->begin + (object >= 0), scores->end, object, true, error);
}

/* YOLOX: the objectness has a product of its own, on the features of the boxes. */
static int two_runs(struct search *search, const struct score_columns *columns, const struct run *scores,
                    struct error *error)
{
    const struct run *object = &scores[0], *classes = &scores[1];
    bool beside = is_beside_boxes(columns, object, classes);
    bool narrow = object->begin == BOX_SIDES && object->end == BOX_SIDES + 1 && classes->begin == object->end &&
                  object->kind == COLUMN_SIGMOID && classes->kind == COLUMN_SIGMOID;
    if (narrow && !beside && decoded_beside(search, columns, object, &beside, error))
        return -1;
    if (!narrow || !beside)
        return refuse(search->head, "columns %" PRId64 " and %" PRId64 " come from two classifiers", object->begin,
                      classes->begin);
    return take(search, columns, classes->begin, classes->end, object->begin, true, error);
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
    return refuse(search->head, "%d groups of columns of '%s' may be classes", found, columns->value->name);
}

/* ---- rows without a sigmoid or softmax ---- */

/* Boxes, objectness and classes of one product, or of three. */
static int plain_rows(struct search *search, const struct score_columns *columns, const struct run *runs, int count,
                      struct error *error)
{
    int64_t names = search->request->names;
    bool yolox = count == 3 && runs[0].end == BOX_SIDES && runs[1].end == BOX_SIDES + 1 &&
                 is_beside_boxes(columns, &runs[1], &runs[2]);
    bool joined = count == 1 && names > 0 && columns->count == BOX_SIDES + 1 + names;
    if (!yolox && !joined)
        return refuse(search->head, "nothing tells boxes from classes among the %" PRId64 " columns of '%s'",
                      columns->count, columns->value->name);
    if (take(search, columns, BOX_SIDES + 1, columns->count, BOX_SIDES, true, error))
        return -1;
    search->head->classes.activation = CLASS_SIGMOID;
    search->head->activation_of_file = true; /* the form's own */
    return 0;
}

/* ---- boxes in another output ---- */

static bool is_whole(const struct score_columns *columns)
{
    for (int64_t c = 0; c < columns->count; c++) {
        if (columns->list[c].kind != columns->list[0].kind)
            return false;
    }
    return is_score(columns->list[0].kind) || columns->list[0].kind == COLUMN_PLAIN;
}

static bool is_transformer(const struct score_columns *columns)
{
    return columns->list[0].source.value->shape.rank == 3;
}

/* A softmax of a detector has a class for no object: behind the others for a transformer's queries (DETR), in front of
 * them for anchors (SSD). */
static void place_background(struct search *search, const struct score_columns *columns)
{
    struct class_scores *classes = &search->head->classes;
    if (classes->activation != CLASS_SOFTMAX || search->request->names == columns->count)
        return;
    classes->background = is_transformer(columns) ? columns->count - 1 : 0;
}

/* Takes a whole output of scores. */
static int take_whole(struct search *search, const struct score_columns *scores, bool detr, struct error *error)
{
    if (scores->list[0].kind == COLUMN_PLAIN && !detr && !search->request->option)
        return refuse(search->head,
                      "'%s' holds scores beside boxes, but no activation: give --activation softmax or sigmoid",
                      scores->value->name);
    if (take(search, scores, 0, scores->count, -1, true, error))
        return -1;
    search->head->activation_of_file = search->head->activation_of_file || (detr && !search->request->option);
    place_background(search, scores);
    return 0;
}

/* Four numbers for each of `rows`, which arithmetic makes (then nothing is found of them) or a product of their own. */
static bool may_be_boxes(const struct search *search, int at, int64_t rows)
{
    const struct value *value = search->request->graph->outputs[at];
    const struct score_columns *columns = &search->outputs[at];
    const struct shape *shape = &value->shape;
    if (columns->count > 0)
        return columns->count == BOX_SIDES && columns->rows == rows;
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
    enum column_kind plain = is_transformer(a) ? COLUMN_SIGMOID : COLUMN_PLAIN;
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

static int outputs_beside_boxes(struct search *search, int boxes, int64_t rows, struct error *error)
{
    int scores = -1, plain = -1, score_count = 0, plain_count = 0;
    for (int i = 0; i < search->count; i++) {
        const struct score_columns *columns = &search->outputs[i];
        if (i == boxes || columns->count == 0 || columns->rows != rows || !is_whole(columns))
            continue;
        bool score = is_score(columns->list[0].kind);
        *(score ? &scores : &plain) = i;
        ++*(score ? &score_count : &plain_count);
    }
    bool detr = score_count == 0 && plain_count == 1 && is_transformer(&search->outputs[plain]) &&
                search->outputs[boxes].count > 0 && search->outputs[boxes].list[0].kind == COLUMN_SIGMOID;
    if (score_count == 1)
        return take_whole(search, &search->outputs[scores], false, error);
    if (score_count == 0 && plain_count == 1)
        return take_whole(search, &search->outputs[plain], detr, error);
    return refuse(search->head, "several outputs beside the boxes '%s' may be the classes",
                  search->request->graph->outputs[boxes]->name);
}

/* ---- rows of nothing but scores ---- */

static int alone(struct search *search, const struct score_columns *columns, struct error *error)
{
    enum column_kind kind = columns->list[0].kind;
    bool told = kind == COLUMN_SOFTMAX || search->request->names == columns->count ||
                (kind == COLUMN_PLAIN && is_transformer(columns));
    if (told && search->count == 1)
        return take(search, columns, 0, columns->count, -1, false, error);
    return refuse(search->head, "nothing tells boxes from classes among the %" PRId64 " columns of '%s'",
                  columns->count, columns->value->name);
}

/* ---- all outputs ---- */

static bool has_scores(const struct score_columns *columns)
{
    for (int64_t c = 0; c < columns->count; c++) {
        if (is_score(columns->list[c].kind))
            return true;
    }
    return false;
}

/* An output that holds classes and more, or a plain one of several products. */
static int mixed_rows(struct search *search, int at, struct error *error)
{
    struct run runs[MOST_RUNS];
    const struct score_columns *columns = &search->outputs[at];
    int count = list_runs(columns, runs);
    if (count < 0)
        return refuse(search->head, "the columns of '%s' come from too many places", columns->value->name);
    return has_scores(columns) ? rows_with_boxes(search, columns, runs, count, error)
                               : plain_rows(search, columns, runs, count, error);
}

static int find_rows(struct search *search, struct error *error)
{
    int mixed = -1, whole = -1, mixed_count = 0, whole_count = 0;
    for (int i = 0; i < search->count; i++) {
        const struct score_columns *columns = &search->outputs[i];
        if (columns->count == 0)
            continue;
        bool is_mixed = !is_whole(columns) && has_scores(columns);
        *(is_mixed ? &mixed : &whole) = i;
        ++*(is_mixed ? &mixed_count : &whole_count);
    }
    if (mixed_count == 1)
        return mixed_rows(search, mixed, error);
    if (mixed_count > 1)
        return refuse(search->head, "%d outputs hold boxes and scores", mixed_count);
    if (whole_count == 0)
        return refuse(search->head, "no output shows which of its numbers are scores of classes");
    const struct score_columns *columns = &search->outputs[whole];
    int boxes = find_boxes(search, columns->rows);
    if (boxes == -2)
        return refuse(search->head, "nothing tells which of two outputs are the boxes");
    if (boxes >= 0 && search->count > 1)
        return outputs_beside_boxes(search, boxes, columns->rows, error);
    if (whole_count > 1)
        return refuse(search->head, "%d outputs may be the classes, and no boxes are beside them", whole_count);
    struct run runs[MOST_RUNS];
    bool one_product = list_runs(columns, runs) == 1;
    return columns->list[0].kind != COLUMN_PLAIN ||
                   (one_product && columns->count != search->request->names + BOX_SIDES + 1)
               ? alone(search, columns, error)
               : mixed_rows(search, whole, error);
}

/* ---- the best, picked inside of the graph ---- */

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

/* The last axis of a joined output, whose sizes are known or not, counts its columns. */
static bool joins_columns(const struct node *node)
{
    if (!node || node->domain[0] != 0 || strcmp(node->op_type, "Concat") != 0)
        return false;
    int64_t axis = node_int(node, "axis", 0);
    int rank = node->outputs[0]->declared_rank > 0 ? node->outputs[0]->declared_rank : node->outputs[0]->shape.rank;
    return axis == -1 || (rank > 0 && axis == rank - 1);
}

static void list_picked(struct search *search, struct picked *picked)
{
    for (int i = 0; i < search->request->graph->output_count; i++) {
        struct value *output = search->request->graph->outputs[i];
        const struct node *node = output->producer;
        add_picked(picked, output);
        for (int k = 0; joins_columns(node) && k < node->input_count; k++)
            add_picked(picked, node->inputs[k]);
    }
}

/* Rows and columns of a value, or of what it was before it was made flat. */
static int find_behind_views(struct search *search, struct value *value, struct score_columns *columns,
                             struct error *error)
{
    static const char *const views[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
    for (bool view = true; view;) {
        if (score_columns_find(&search->tracer, value, search->request->images, columns, error))
            return -1;
        const struct node *node = value->producer;
        view = false;
        for (size_t i = 0; columns->count == 0 && node && i < sizeof views / sizeof views[0]; i++)
            view = view || strcmp(node->op_type, views[i]) == 0;
        value = view ? node->inputs[0] : value;
    }
    return 0;
}

/* Takes the one dense value among them that holds scores. */
static int find_dense(struct search *search, struct error *error)
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
        if (!dense || columns.count == 0 || columns.value == found.value || !is_whole(&columns) ||
            (columns.list[0].kind == COLUMN_PLAIN && !activation))
            continue;
        if (found.value)
            return refuse(search->head, "the best of '%s' and of '%s' are picked", found.value->name,
                          columns.value->name);
        found = columns;
        of_found = activation;
    }
    if (!found.value)
        return unknown ? refuse(search->head, "its detections are as many as are found when it runs, and the scores "
                                              "that they are picked from are not found or belong to regions that it "
                                              "proposes itself")
                       : 0;
    search->activation = of_found;
    if (take(search, &found, 0, found.count, -1, true, error))
        return -1;
    place_background(search, &found);
    return 0;
}

int detector_head_find(const struct detector_request *request, struct detector_head *head, struct error *error)
{
    struct search search = {.request = request, .head = head};
    *head = (struct detector_head){.classes = {.background = -1}, .object = -1};
    if (request->graph->output_count > MOST_OUTPUTS)
        return refuse(head, "there are %d outputs", request->graph->output_count);
    if (element_tracer_create(&search.tracer, request->graph, error))
        return -1;
    bool has_unknown = false;
    for (; search.count < request->graph->output_count; search.count++) {
        struct value *value = request->graph->outputs[search.count];
        has_unknown = has_unknown || value->shape.rank == SHAPE_UNKNOWN_RANK;
        if (value->constant || value->shape.rank < 2)
            continue;
        if (score_columns_find(&search.tracer, value, request->images, &search.outputs[search.count], error))
            return -1;
    }
    if (!has_unknown && find_rows(&search, error))
        return -1;
    return head->scores ? 0 : find_dense(&search, error);
}
