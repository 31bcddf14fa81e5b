/* NonMaxSuppression (ONNX 10, 11): how many boxes stay depends on the elements. */
#include <math.h>
#include <stdlib.h>

#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/product.h"

struct non_max_suppression_settings {
    int64_t center_point_box; /* 1: boxes are centre and size */
};
static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct non_max_suppression_settings, center_point_box, 0)},
    {0},
};

enum { BOXES, SCORES, MOST, OVERLAP, SCORE };

static int infer_non_max_suppression(struct infer_context *context, struct error *error)
{
    const struct shape *boxes = &context->inputs[BOXES]->shape, *scores = &context->inputs[SCORES]->shape;
    const struct non_max_suppression_settings *settings = context->node->settings;
    static const char *const names[] = {"max_output_boxes_per_class", "iou_threshold", "score_threshold"};
    if (context->inputs[BOXES]->dtype != DTYPE_FLOAT || context->inputs[SCORES]->dtype != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT, "boxes and scores must be float");
    if (boxes->rank != 3 || boxes->dims[2] != 4 || scores->rank != 3 || scores->dims[0] != boxes->dims[0] ||
        scores->dims[2] != boxes->dims[1])
        return error_set(error, ERROR_INPUT, "boxes [N,B,4] and scores [N,C,B] do not fit together");
    for (int i = MOST; i <= SCORE; i++) {
        if (infer_has(context, i) && shape_count(&context->inputs[i]->shape) != 1)
            return error_set(error, ERROR_INPUT, "%s must be one number", names[i - MOST]);
    }
    if (infer_has(context, MOST) && !dtype_is_integer(context->inputs[MOST]->dtype))
        return error_set(error, ERROR_INPUT, "max_output_boxes_per_class must be an integer");
    if (settings->center_point_box != 0 && settings->center_point_box != 1)
        return error_set(error, ERROR_INPUT, "center_point_box must be 0 or 1");
    return infer_output(context, 0, DTYPE_INT64, SHAPE_UNKNOWN_RANK, NULL, error);
}

struct corners {
    float low[2], high[2];
};

struct candidate {
    int64_t box;
    float score;
};

struct suppression {
    const float *boxes, *scores;
    int64_t images, classes, count, most;
    float overlap, score;
    bool has_score, centres;
    struct candidate *candidates; /* [count] */
    struct candidate *kept;       /* [count] */
};

static struct corners corners_of(const struct suppression *work, const float *box)
{
    struct corners corners;
    for (int axis = 0; axis < 2; axis++) {
        float a = work->centres ? box[axis] - box[2 + axis] / 2 : box[axis];
        float b = work->centres ? box[axis] + box[2 + axis] / 2 : box[2 + axis];
        corners.low[axis] = fminf(a, b);
        corners.high[axis] = fmaxf(a, b);
    }
    return corners;
}

static float area(const struct corners *box)
{
    return (box->high[0] - box->low[0]) * (box->high[1] - box->low[1]);
}

static bool overlaps(const struct suppression *work, const float *first, const float *second)
{
    struct corners a = corners_of(work, first), b = corners_of(work, second), both;
    for (int axis = 0; axis < 2; axis++) {
        both.low[axis] = fmaxf(a.low[axis], b.low[axis]);
        both.high[axis] = fmaxf(fminf(a.high[axis], b.high[axis]), both.low[axis]);
    }
    float common = area(&both), joined = area(&a) + area(&b) - common;
    return joined > 0 && common / joined > work->overlap;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->box > y->box) - (x->box < y->box);
}

/* Fills `kept` with the boxes of one class, best first; returns how many. */
static int64_t select_boxes(const struct suppression *work, int64_t image, int64_t class)
{
    const float *boxes = work->boxes + image * work->count * 4;
    const float *scores = work->scores + (image * work->classes + class) * work->count;
    int64_t candidates = 0, kept = 0;
    for (int64_t i = 0; i < work->count; i++) {
        if (!isnan(scores[i]) && (!work->has_score || scores[i] > work->score))
            work->candidates[candidates++] = (struct candidate){i, scores[i]};
    }
    qsort(work->candidates, (size_t)candidates, sizeof *work->candidates, by_score);
    for (int64_t i = 0; i < candidates && kept < work->most; i++) {
        const float *box = boxes + work->candidates[i].box * 4;
        bool free = true;
        for (int64_t k = 0; free && k < kept; k++)
            free = !overlaps(work, box, boxes + work->kept[k].box * 4);
        if (free)
            work->kept[kept++] = work->candidates[i];
    }
    return kept;
}

/* Two walks: the first counts, the second writes. */
static int64_t walk_classes(const struct suppression *work, int64_t *out)
{
    int64_t found = 0;
    for (int64_t image = 0; image < work->images; image++) {
        for (int64_t class = 0; class < work->classes; class ++) {
            int64_t kept = select_boxes(work, image, class);
            for (int64_t k = 0; out && k < kept; k++) {
                int64_t *row = out + (found + k) * 3;
                row[0] = image;
                row[1] = class;
                row[2] = work->kept[k].box;
            }
            found += kept;
        }
    }
    return found;
}

static size_t scratch_non_max_suppression(const struct compute_context *context)
{
    return (size_t)context->inputs[BOXES]->shape.dims[1] * 2 * sizeof(struct candidate);
}

static int compute_non_max_suppression(struct compute_context *context, struct error *error)
{
    const struct shape *boxes = &context->inputs[BOXES]->shape;
    const struct non_max_suppression_settings *settings = context->node->settings;
    struct suppression work = {.boxes = context->inputs[BOXES]->data,
                               .scores = context->inputs[SCORES]->data,
                               .images = boxes->dims[0],
                               .classes = context->inputs[SCORES]->shape.dims[1],
                               .count = boxes->dims[1],
                               .has_score = operand_data(context, SCORE) != NULL,
                               .centres = settings->center_point_box != 0,
                               .candidates = context->scratch};
    work.kept = work.candidates + work.count;
    work.most = operand_data(context, MOST) ? tensor_int(context->inputs[MOST], 0) : 0;
    work.overlap = operand_data(context, OVERLAP) ? (float)tensor_number(context->inputs[OVERLAP], 0) : 0;
    work.score = work.has_score ? (float)tensor_number(context->inputs[SCORE], 0) : 0;
    const int64_t dims[2] = {walk_classes(&work, NULL), 3};
    if (compute_allocate(context, 0, 2, dims, error))
        return -1;
    walk_classes(&work, context->outputs[0]->data);
    return 0;
}

/* Every box of a class beside every other. */
static int64_t steps_non_max_suppression(const struct infer_context *context)
{
    const struct shape *scores = &context->inputs[SCORES]->shape;
    return macs_product(shape_count(scores), scores->dims[2]);
}

const struct operator operators_non_max_suppression[] = {
    {.domain = "",
     .name = "NonMaxSuppression",
     .since = 10,
     ARITY(2, 5, 1, 1),
     .types = TYPE_BIT(DTYPE_FLOAT),
     .flags = OPERATOR_SELECTS,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_CONTROL},
     SETTINGS(struct non_max_suppression_settings, attributes),
     .infer = infer_non_max_suppression,
     .compute = compute_non_max_suppression,
     .steps = steps_non_max_suppression,
     .scratch = scratch_non_max_suppression},
    {0},
};
