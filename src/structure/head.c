#include "structure/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "onnx/onnx.h"
#include "structure/head_activation.h"
#include "structure/model_names.h"

/* `own`: what the file itself makes probabilities by, CLASS_PLAIN: it makes none; `name`: of that. */
static int check_option(const struct model *model, enum class_activation own, const char *name, struct error *error)
{
    const char *option = model->activation;
    return own != CLASS_PLAIN && option && activation_of_word(option) != own
               ? error_set(error, ERROR_INPUT, "`activation` %s: the file itself applies %s to its scores", option,
                           name)
               : 0;
}

/* `node`: of the graph, that applies it; NULL: none. */
static int tell_activation(const struct model *model, const struct node *node, struct head *head, struct error *error)
{
    const char *option = model->activation, *trained = model_metadata(model, HEAD_LOSS_KEY);
    enum class_activation own = activation_of_node(node);
    if (check_option(model, own, node ? node->op_type : "", error))
        return -1;
    head->told = node      ? HEAD_TOLD_BY_FILE
                 : option  ? HEAD_TOLD_BY_OPTION
                 : trained ? HEAD_TOLD_BY_TRAINING
                           : HEAD_TOLD_BY_DEFAULT;
    head->classes.activation = node      ? own
                               : option  ? activation_of_word(option)
                               : trained ? activation_of_word(trained)
                                         : CLASS_SOFTMAX;
    return 0;
}

struct class_scores head_classes(const struct head *head, const struct unit_view *view)
{
    struct class_scores classes = head->classes;
    if (head->kind == HEAD_ROWS)
        return classes;
    classes.view = *view;
    classes.binary = view->channels == 1 && classes.activation != CLASS_PLAIN;
    if (classes.binary && classes.activation == CLASS_SOFTMAX)
        classes.activation = CLASS_SIGMOID;
    return classes;
}

/* ---- the form ---- */

/* The caller's, else the file's own. */
static int64_t count_names(const struct model *model)
{
    if (model->named_classes > 0)
        return model->named_classes;
    struct class_names names;
    struct error ignored = ERROR_INITIALISER;
    int64_t count = model_class_names(model, &names, &ignored) == 0 ? names.count : 0;
    class_names_release(&names);
    return count;
}

/* The map of whose places the last two axes of [N,H,W] count; NULL in *map: they do not. */
static int find_plain_map(struct graph *graph, struct value *value, struct value **map, struct error *error)
{
    const int64_t *dims = value->shape.dims;
    struct element_tracer tracer;
    struct element ends[3] = {element_at(value, 0), element_at(value, (dims[1] - 1) * dims[2]),
                              element_at(value, dims[2] - 1)};
    *map = NULL;
    if (element_tracer_create(&tracer, graph, error))
        return -1;
    for (int i = 0; i < 3; i++) {
        if (element_origin(&tracer, &ends[i], error))
            return -1;
    }
    /* Behind an operator that leaves places alone it is the operator's operand that tells. */
    struct value *made = ends[0].value;
    if (made != ends[1].value || made != ends[2].value || made->shape.rank != 4)
        return 0;
    int rows = 0, columns = 0;
    for (int axis = 0; axis < 4; axis++) {
        rows += ends[0].index[axis] != ends[1].index[axis] ? axis : 0;
        columns += ends[0].index[axis] != ends[2].index[axis] ? axis : 0;
    }
    bool plain = (rows == 2 && columns == 3) || (rows == 1 && columns == 2 && made->shape.dims[3] == 1);
    *map = plain ? made : NULL;
    return 0;
}

static bool is_vector(const struct value *value, int64_t images)
{
    return (value->shape.rank == 2 || value->shape.rank == 1) && value->shape.dims[0] == images;
}

/* A vector with more axes of one: what it was made of. */
static struct value *without_axes_of_one(struct value *value, int64_t images)
{
    struct value *flat = match_back(value, OPERATOR_VIEW | OPERATOR_KEEPS);
    int wide = 0;
    if (value->shape.rank != 3 || flat->shape.rank != 2 || !is_vector(flat, images))
        return value;
    for (int axis = 1; axis < value->shape.rank; axis++)
        wide += value->shape.dims[axis] > 1;
    return wide < 2 && value->shape.dims[0] == images ? flat : value;
}

/* Whether an output may hold rows: not a vector, not a map. */
static bool may_be_rows(const struct value *output, int64_t images)
{
    const struct shape *shape = &output->shape;
    if (output->constant || !element_is_float(output->dtype) || shape->rank < 1 || shape_count(shape) == 0)
        return false;
    bool thin = shape->rank == 4 && (shape->dims[1] == 1 || shape->dims[2] == 1) && shape->dims[3] > 1;
    return shape->rank == 3 || shape->rank == 5 || thin || (shape->rank < 3 && !is_vector(output, images));
}

static int find_rows(const struct model *model, struct graph *graph, int64_t images, struct head *head,
                     struct error *error)
{
    const struct detector_request request = {
        .graph = graph, .images = images, .names = count_names(model), .option = model->activation};
    struct detector_head found;
    if (detector_head_find(&request, &found, error))
        return -1;
    if (!found.scores) {
        snprintf(head->why, sizeof head->why, "%s", found.why);
        head->way_out = found.way_out;
        return 0;
    }
    head->kind = HEAD_ROWS;
    head->scores = found.scores;
    head->classes = found.classes;
    if (check_option(model, found.own, found.own == CLASS_SIGMOID ? "Sigmoid" : "Softmax", error))
        return -1;
    head->told = found.own != CLASS_PLAIN ? HEAD_TOLD_BY_FILE
                 : model->activation      ? HEAD_TOLD_BY_OPTION
                 : found.by_form          ? HEAD_TOLD_BY_FORM
                                          : HEAD_TOLD_BY_DEFAULT;
    head->boxes = found.boxes;
    head->columns = found.columns;
    head->first = found.first;
    head->object = found.object;
    head->features = found.features;
    return 0;
}

/* Maps of several sizes are a detector's or a backbone's levels. */
static bool has_levels(const struct graph *graph, const struct value *map)
{
    for (int i = 0; i < graph->output_count; i++) {
        const struct shape *shape = &graph->outputs[i]->shape;
        if (shape->rank == 4 && dtype_storage(graph->outputs[i]->dtype) == DTYPE_FLOAT &&
            (shape->dims[2] != map->shape.dims[2] || shape->dims[3] != map->shape.dims[3]))
            return true;
    }
    return false;
}

/* Whether a sigmoid only weighs what it is made of (SiLU) or another map: no score. */
static bool is_gate(const struct node *activation)
{
    const struct value *made = activation->outputs[0];
    for (size_t i = 0; i < made->use_count; i++) {
        if (match_operator(made->uses[i].node, "Mul"))
            return true;
    }
    return false;
}

/* The first map that a convolution makes for a sigmoid or softmax further on: an example of what can be a target. */
static const struct value *map_of_scores(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        const struct value *map = node->outputs[0];
        const struct node *activation = NULL;
        if (map && node_has(node, OPERATOR_CONVOLUTION) && map->shape.rank == 4 && shape_product(&map->shape, 2, 4) > 1)
            activation = activation_behind(map);
        if (activation && !is_gate(activation))
            return map;
    }
    return NULL;
}

#define DETECTOR_STRIDE 32 /* from which on a map of classes is hardly one of a segmentation network */

/* Whether a coarse map of logits, by its number of channels, may be three or five anchors of YOLO (v2, v3). */
static bool may_be_anchors(const struct model *model, const struct value *image, const struct value *map)
{
    int64_t channels = map->shape.dims[1];
    bool countable = channels % 3 == 0 ? channels / 3 > YOLO_COLUMNS : channels % 5 == 0 && channels / 5 > YOLO_COLUMNS;
    bool coarse = image->shape.dims[2] >= DETECTOR_STRIDE * map->shape.dims[2] && map->shape.dims[2] > 1;
    return countable && coarse && node_has(map->producer, OPERATOR_CONVOLUTION) && count_names(model) != channels;
}

/* Says what else the first map may be: the offsets beside a map of scores (CenterNet), or anchors. */
static bool doubt_map(const struct model *model, const struct graph *graph, const struct value *image,
                      struct value *first, struct head *head)
{
    const struct node *own, *other = NULL;
    (void)activation_walk_back(graph->outputs[0], &own);
    for (int i = 1; i < graph->output_count && !own && first->shape.rank == 4; i++) {
        const struct value *beside = activation_walk_back(graph->outputs[i], &other);
        if (!other || beside == first || beside->shape.rank != 4)
            continue;
        head->way_out = false;
        snprintf(head->why, sizeof head->why, "its first output '%.150s' has no softmax or sigmoid, '%.150s' has one",
                 graph->outputs[0]->name, graph->outputs[i]->name);
        return true;
    }
    if (own || first->shape.rank != 4 || graph->output_count > 1 || !may_be_anchors(model, image, first))
        return false;
    head->way_out = true;
    snprintf(head->why, sizeof head->why,
             "'%.250s' may be a map of %" PRId64 " classes or the anchors of a detector; as a `target` it is the map",
             first->name, first->shape.dims[1]);
    return true;
}

static int find_form(const struct model *model, struct graph *graph, const struct value *image, struct value *first,
                     struct head *head, struct error *error)
{
    int64_t images = image->shape.dims[0];
    bool rows = false, unknown = false;
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *output = graph->outputs[i];
        unknown = unknown || (output->shape.rank == SHAPE_UNKNOWN_RANK && (i == 0 || !output->behind));
        rows = rows || may_be_rows(graph->outputs[i], images);
    }
    if (unknown || dtype_is_integer(first->dtype)) /* detections, or how many of them are given */
        return find_rows(model, graph, images, head, error);
    if (is_vector(first, images)) {
        head->kind = HEAD_VECTOR;
        return 0;
    }
    if (first->shape.rank == 3 && shape_count(&first->shape) > 0 && find_plain_map(graph, first, &head->map, error))
        return -1;
    bool map = first->shape.rank == 4 || head->map;
    bool only = graph->output_count == 1 && map && !(first->shape.rank == 4 && rows);
    if (rows && !only && find_rows(model, graph, images, head, error))
        return -1;
    if (head->kind != HEAD_UNTOLD || !map)
        return 0;
    bool levels = first->shape.rank == 4 && graph->output_count > 1 && has_levels(graph, first);
    bool anchors = first->shape.rank == 4 && graph->output_count == 1 &&
                   detector_names_tell_anchors(count_names(model), first->shape.dims[1]);
    if ((levels || anchors) && !rows && find_rows(model, graph, images, head, error))
        return -1;
    if (head->kind == HEAD_UNTOLD && levels && !head->why[0])
        snprintf(head->why, sizeof head->why, "its outputs are maps of several sizes");
    if (head->kind == HEAD_UNTOLD && !levels && !doubt_map(model, graph, image, first, head))
        head->kind = HEAD_MAP;
    return 0;
}

int head_find(const struct model *model, struct graph *graph, const struct value *image, struct head *head,
              struct error *error)
{
    const struct node *activation;
    *head = (struct head){.classes = {.background = -1}, .object = -1};
    struct value *first = activation_walk_back(graph->outputs[0], &activation);
    first = without_axes_of_one(first, image->shape.dims[0]);
    if (find_form(model, graph, image, first, head, error))
        return -1;
    if (head->kind == HEAD_ROWS)
        return 0;
    head->scores = first;
    head->instead = head->kind == HEAD_UNTOLD ? map_of_scores(graph) : NULL;
    if (head->kind == HEAD_UNTOLD && !head->why[0])
        snprintf(head->why, sizeof head->why, "'%s' is no vector, no map and no rows of scores", first->name);
    return tell_activation(model, activation, head, error);
}

int head_of_value(const struct model *model, struct value *value, struct head *head, struct error *error)
{
    const struct node *before = NULL;
    *head = (struct head){.scores = value, .classes = {.background = -1}, .object = -1};
    head->kind = value->shape.rank == 4 ? HEAD_MAP : HEAD_VECTOR;
    (void)activation_walk_back(value, &before);
    const struct node *behind = before ? NULL : activation_behind(value);
    if (tell_activation(model, before ? before : behind, head, error))
        return -1;
    if (before) /* it is behind the activation already */
        head->classes.activation = CLASS_PROBABILITIES;
    return 0;
}

int head_check(const struct head *head, struct error *error)
{
    if (head->kind != HEAD_UNTOLD)
        return 0;
    if (head->way_out)
        return error_set(error, ERROR_INPUT, "what the output means cannot be told: %s", head->why);
    return error_set(error, ERROR_INPUT,
                     "what the output means cannot be told: %s; name the scores with `target`%s%s%s and the map with "
                     "`layer`",
                     head->why, head->instead ? " (such as '" : "", head->instead ? head->instead->name : "",
                     head->instead ? "')" : "");
}

const char *head_words(const struct head *head, const struct class_scores *classes, char out[HEAD_WORDS_SIZE])
{
    static const char *const by[] = {" (the file's own)", " as it was trained", " (`activation`)",
                                     ": the file does not say, `activation` does",
                                     " as detectors of this form: the file does not say, `activation` does"};
    static const char *const names[] = {"softmax", "sigmoid"};
    int length = 0;
    if (head->kind == HEAD_ROWS && head->boxes && head->columns > classes->view.channels)
        length =
            snprintf(out, HEAD_WORDS_SIZE, "%" PRId64 " rows of %" PRId64 " numbers, classes in %" PRId64 "-%" PRId64,
                     classes->view.units, head->columns, head->first, head->first + classes->view.channels - 1);
    else if (head->kind == HEAD_ROWS)
        length = snprintf(out, HEAD_WORDS_SIZE, "%" PRId64 " rows of %" PRId64 " classes", classes->view.units,
                          class_scores_count(classes));
    else if (head->kind == HEAD_MAP && classes->view.units > 1 && !classes->binary)
        length = snprintf(out, HEAD_WORDS_SIZE, "a map of %" PRId64 " classes", class_scores_count(classes));
    if (head->object >= 0)
        length += snprintf(out + length, HEAD_WORDS_SIZE - (size_t)length, ", objectness in %" PRId64, head->object);
    if (classes->background >= 0)
        length += snprintf(out + length, HEAD_WORDS_SIZE - (size_t)length, ", %" PRId64 " is the background",
                           classes->background);
    if (classes->binary)
        length += snprintf(out + length, HEAD_WORDS_SIZE - (size_t)length, "one output is two classes");
    const char *comma = length > 0 ? "; " : "";
    if (classes->activation == CLASS_PLAIN)
        snprintf(out + length, HEAD_WORDS_SIZE - (size_t)length, "%sscores are no logits%s", comma, by[head->told]);
    else if (classes->activation == CLASS_PROBABILITIES)
        snprintf(out + length, HEAD_WORDS_SIZE - (size_t)length, "%sscores are probabilities", comma);
    else
        snprintf(out + length, HEAD_WORDS_SIZE - (size_t)length, "%sprobabilities by %s%s", comma,
                 names[classes->activation == CLASS_SIGMOID], by[head->told]);
    return out;
}
