#include "api/detections.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "base/text.h"

#define MOST_ROWS 4096 /* whose places are looked up */
#define MOST_CANDIDATES 512
#define OVERLAP 0.5 /* intersection over union: of the same object */

static struct memory *memory_of(const struct detections *found)
{
    return found->model->context->memory;
}

/* The shapes of one image, where the file leaves the number of images free. */
static int open_session(struct detections *found, struct shape_binding *bindings, int count, struct error *error)
{
    struct fovea_shape *shapes = memory_allocate(memory_of(found), (size_t)count + 1, sizeof *shapes, error);
    struct fovea_error refused = {0};
    for (int i = 0; shapes && i < count; i++) {
        const struct value *input =
            bindings[i].name ? graph_find_value(found->model->model->graph, bindings[i].name) : NULL;
        if (input && input->declared_rank == 4 && input->declared[0].size < 0 && bindings[i].shape.rank == 4)
            bindings[i].shape.dims[0] = 1;
        shapes[i] = (struct fovea_shape){.name = bindings[i].name, .rank = bindings[i].shape.rank};
        memcpy(shapes[i].dims, bindings[i].shape.dims, sizeof shapes[i].dims[0] * (size_t)shapes[i].rank);
    }
    struct fovea_session_options options = {.shapes = {shapes, count}};
    found->session = shapes ? fovea_session_open(found->model, &options, &refused) : NULL;
    memory_release(memory_of(found), shapes);
    if (shapes && !found->session)
        text_format(found->words, sizeof found->words, "its outputs are not computed: %s", refused.message);
    return shapes ? 0 : -1;
}

int detections_open(struct detections *found, struct fovea_model *model, const struct shape_binding *bindings,
                    int binding_count, struct error *error)
{
    *found = (struct detections){.model = model};
    struct shape_binding *own = memory_allocate(memory_of(found), (size_t)binding_count + 1, sizeof *own, error);
    if (own && binding_count > 0)
        memcpy(own, bindings, (size_t)binding_count * sizeof *own);
    int result = !own || open_session(found, own, binding_count, error) ||
                         detector_places_open(&found->places, model->model, own, binding_count, error)
                     ? -1
                     : 0;
    memory_release(memory_of(found), own);
    found->list = memory_allocate(memory_of(found), FOVEA_DETECTION_MOST, sizeof *found->list, error);
    for (int axis = 0; axis < 2; axis++)
        found->size[axis] = (double)found->places.network.size[axis];
    return result || !found->list ? -1 : 0;
}

void detections_close(struct detections *found)
{
    if (!found->model)
        return;
    fovea_session_free(found->session);
    memory_release(memory_of(found), found->list);
    detector_places_close(&found->places);
}

/* ---- outputs ---- */

static bool is_float(const struct fovea_tensor *tensor)
{
    return tensor->type && tensor->data && strcmp(tensor->type, "float") == 0;
}

static int64_t elements_of(const struct fovea_tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        count *= tensor->dims[i];
    return count;
}

/* Boxes [D,4], scores [D] and classes [D] that the graph picks itself, one output of each kind. */
struct picked {
    const float *boxes, *scores;
    const int64_t *classes;
    int64_t count;
};

static bool read_picked(const struct detections *found, struct picked *picked)
{
    int boxes = 0, scores = 0, classes = 0;
    int64_t counts[3] = {0};
    *picked = (struct picked){0};
    for (int i = 0; i < fovea_session_output_count(found->session); i++) {
        struct fovea_tensor tensor = fovea_session_output(found->session, i);
        if (is_float(&tensor) && tensor.rank == 2 && tensor.dims[1] == 4) {
            picked->boxes = tensor.data;
            counts[0] = tensor.dims[0];
            boxes++;
        } else if (is_float(&tensor) && tensor.rank == 1) {
            picked->scores = tensor.data;
            counts[1] = tensor.dims[0];
            scores++;
        } else if (tensor.type && tensor.rank == 1 && strcmp(tensor.type, "int64") == 0) {
            picked->classes = tensor.data;
            counts[2] = tensor.dims[0];
            classes++;
        }
    }
    picked->count = counts[0];
    return boxes == 1 && scores == 1 && classes == 1 && counts[0] == counts[1] && counts[0] == counts[2];
}

/* Boxes of every row: an output of their own, or the first numbers of the rows. */
struct dense {
    const float *boxes;
    int64_t row_step, column_step;
    int output;
    bool own; /* an output of nothing else */
};

/* Rows and columns are the last two axes, in either order. */
static bool fits(const struct fovea_tensor *tensor, int64_t rows, int64_t columns, struct dense *dense)
{
    if (!is_float(tensor) || tensor->rank < 2 || rows == columns || elements_of(tensor) != rows * columns)
        return false;
    int64_t before = tensor->dims[tensor->rank - 2], last = tensor->dims[tensor->rank - 1];
    if ((before != rows || last != columns) && (before != columns || last != rows))
        return false;
    dense->boxes = tensor->data;
    dense->row_step = last == columns ? columns : 1;
    dense->column_step = last == columns ? 1 : rows;
    return true;
}

static bool read_dense(const struct detections *found, struct dense *dense)
{
    const struct head *head = &found->places.head;
    int64_t rows = head->classes.view.units;
    int own = 0, mixed = 0;
    struct dense last = {0};
    for (int i = 0; i < fovea_session_output_count(found->session); i++) {
        struct fovea_tensor tensor = fovea_session_output(found->session, i);
        if (fits(&tensor, rows, 4, &last)) {
            *dense = last;
            dense->output = i;
            dense->own = true;
            own++;
        } else if (own == 0 && head->first >= 4 && fits(&tensor, rows, head->columns, &last)) {
            *dense = last;
            dense->output = i;
            mixed++;
        }
    }
    return own == 1 || (own == 0 && mixed == 1);
}

/* ---- objects ---- */

static const double *box_of(const struct fovea_detection *detection)
{
    return detection->box;
}

static double overlap(const double *a, const double *b)
{
    double height = fmin(a[2], b[2]) - fmax(a[0], b[0]), width = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    double both = height > 0 && width > 0 ? height * width : 0;
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

static int compare_strength(const void *left, const void *right)
{
    const struct fovea_detection *a = left, *b = right;
    return (a->probability < b->probability) - (a->probability > b->probability);
}

/* Takes candidates, strongest first; with `once` none that lies on a stronger one of its class. */
static void take(struct detections *found, struct fovea_detection *candidates, int count, bool once)
{
    qsort(candidates, (size_t)count, sizeof *candidates, compare_strength);
    found->count = 0;
    for (int i = 0; i < count && found->count < FOVEA_DETECTION_MOST; i++) {
        bool again = false;
        for (int k = 0; once && k < found->count; k++)
            again = again || (found->list[k].class_index == candidates[i].class_index &&
                              overlap(box_of(&found->list[k]), box_of(&candidates[i])) > OVERLAP);
        if (!again)
            found->list[found->count++] = candidates[i];
    }
}

static void say(struct detections *found, const char *which)
{
    if (found->form.kind == BOX_UNTOLD)
        text_format(found->words, sizeof found->words, "boxes are not drawn: %s", found->form.why);
    else
        text_format(found->words, sizeof found->words, "boxes%s: %s", which, box_form_words(&found->form));
}

/* ---- picked by the graph ---- */

/* The row whose probability is the detection's; -1: none, or the class is not one of the rows'. */
static int64_t row_of(const struct class_scores *scores, const float *elements, int64_t place, int64_t class_index,
                      double probability)
{
    int64_t best = -1;
    double nearest = 1e-4;
    for (int64_t row = 0; row < scores->view.units && class_index >= 0 && class_index < class_scores_count(scores);
         row++) {
        double distance = fabs(class_probability(scores, elements, place, row, class_index) - probability);
        best = distance < nearest ? row : best;
        nearest = fmin(nearest, distance);
    }
    return best;
}

static int find_picked(struct detections *found, const struct picked *picked, const struct class_scores *scores,
                       const float *elements, int64_t place, struct error *error)
{
    size_t count = (size_t)picked->count + 1;
    double(*places)[2] = memory_allocate(memory_of(found), count, sizeof *places, error);
    struct fovea_detection *list = memory_allocate(memory_of(found), count, sizeof *list, error);
    int result = places && list ? 0 : -1, kept = 0;
    bool placed = scores && found->places.told && scores->view.units == found->places.head.classes.view.units;
    for (int64_t i = 0; result == 0 && i < picked->count; i++) {
        int64_t row = placed && i < MOST_CANDIDATES
                          ? row_of(scores, elements, place, picked->classes[i], (double)picked->scores[i])
                          : -1;
        places[i][0] = places[i][1] = (double)NAN;
        if (row >= 0)
            result = detector_place(&found->places, row, places[i], error);
    }
    if (result == 0)
        found->form = box_form_of_detections(picked->boxes, (const double(*)[2])places, picked->count, found->size,
                                             found->places.regions);
    for (int64_t i = 0; result == 0 && found->form.kind != BOX_UNTOLD && i < picked->count; i++) {
        list[kept] =
            (struct fovea_detection){.class_index = picked->classes[i], .probability = (double)picked->scores[i]};
        kept += picked->classes[i] >= 0 && (double)picked->scores[i] >= FOVEA_DETECTION_LEAST &&
                box_read(&found->form, picked->boxes + 4 * i, 1, found->size, list[kept].box);
    }
    if (result == 0)
        take(found, list, kept, false);
    memory_release(memory_of(found), places);
    memory_release(memory_of(found), list);
    say(found, " as the graph picks them");
    return result;
}

/* ---- of every row ---- */

static int tell_form(struct detections *found, const struct dense *dense, int64_t rows, bool *queries,
                     struct error *error)
{
    int64_t step = rows / MOST_ROWS + 1, count = (rows + step - 1) / step;
    if (detector_is_query_boxes(&found->places, dense->output, queries, error))
        return -1;
    if (*queries && dense->own) {
        found->form = (struct box_form){.kind = BOX_CENTRES, .shares = true};
        return 0;
    }
    double(*places)[2] = memory_allocate(memory_of(found), (size_t)count, sizeof *places, error);
    int result = places ? 0 : -1;
    for (int64_t i = 0; result == 0 && i < count; i++)
        result = detector_place(&found->places, i * step, places[i], error);
    if (result == 0)
        found->form = box_form_of_rows(dense->boxes, dense->row_step * step, dense->column_step,
                                       (const double(*)[2])places, count, found->size);
    memory_release(memory_of(found), places);
    return result;
}

static int find_dense(struct detections *found, const struct dense *dense, const struct class_scores *scores,
                      const float *elements, int64_t place, struct error *error)
{
    int64_t rows = scores->view.units;
    bool queries;
    int kept = 0;
    if (tell_form(found, dense, rows, &queries, error))
        return -1;
    struct fovea_detection *list = memory_allocate(memory_of(found), (size_t)rows + 1, sizeof *list, error);
    for (int64_t row = 0; list && found->form.kind != BOX_UNTOLD && row < rows; row++) {
        int64_t best = class_predicted(scores, elements, place, row);
        double probability = best >= 0 ? class_probability(scores, elements, place, row, best) : -1;
        list[kept] = (struct fovea_detection){.class_index = best, .probability = probability};
        kept += probability >= FOVEA_DETECTION_LEAST && box_read(&found->form, dense->boxes + row * dense->row_step,
                                                                 dense->column_step, found->size, list[kept].box);
    }
    if (list)
        take(found, list, kept, !queries);
    memory_release(memory_of(found), list);
    say(found, queries ? " of queries" : ", those that overlap left out");
    return list ? 0 : -1;
}

/* ---- one image ---- */

static bool put_pixels(struct detections *found, const float *pixels, int64_t count)
{
    int inputs = fovea_session_input_count(found->session);
    struct fovea_tensor input = fovea_session_input(found->session, 0);
    if (inputs != 1 || !is_float(&input) || elements_of(&input) != count)
        return false;
    memcpy(input.data, pixels, (size_t)count * sizeof *pixels);
    return true;
}

int detections_find(struct detections *found, const float *pixels, int64_t count, const struct class_scores *scores,
                    const float *elements, int64_t place, struct error *error)
{
    struct fovea_error refused = {0};
    struct picked picked;
    struct dense dense = {0};
    found->count = 0;
    found->form = (struct box_form){.why = "no output tells where they stand"};
    if (!found->session)
        return 0;
    if (!put_pixels(found, pixels, count))
        found->form.why = "the model takes more than one image of floats at once";
    else if (fovea_session_run(found->session, &refused))
        return error_set(error, ERROR_INPUT, "%s", refused.message);
    else if (read_picked(found, &picked))
        return find_picked(found, &picked, scores, elements, place, error);
    else if (found->places.told && scores && read_dense(found, &dense))
        return find_dense(found, &dense, scores, elements, place, error);
    say(found, "");
    return 0;
}
