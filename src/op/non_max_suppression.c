/* NonMaxSuppression (ONNX 10, 11): how many boxes stay depends on the elements. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

struct candidate {
    int64_t box;
    float score;
};

/* The kept boxes of one class, number by number, so that one box is held against several at once. */
struct kept_boxes {
    float *low[2], *high[2], *area; /* [count] */
    int64_t count;
};

struct suppression {
    const float *boxes, *scores;
    int64_t images, classes, count, most;
    float overlap, score;
    bool has_score, centres;
    struct candidate *candidates; /* [count] */
    struct kept_boxes kept;
    bool *stays; /* [images, classes, count] */
};

/* Writes a box behind the kept ones, which do not count it yet. */
static void place_corners(struct suppression *work, const float *box)
{
    struct kept_boxes *kept = &work->kept;
    int64_t end = kept->count;
    for (int axis = 0; axis < 2; axis++) {
        float a = work->centres ? box[axis] - box[2 + axis] / 2 : box[axis];
        float b = work->centres ? box[axis] + box[2 + axis] / 2 : box[2 + axis];
        kept->low[axis][end] = fminf(a, b);
        kept->high[axis][end] = fmaxf(a, b);
    }
    kept->area[end] = (kept->high[0][end] - kept->low[0][end]) * (kept->high[1][end] - kept->low[1][end]);
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

/* How many of the kept boxes from..until overlap the one behind the last: without a branch, for vectors. */
static int overlaps(const struct kept_boxes *kept, float overlap, int64_t from, int64_t until)
{
    const float *top = kept->low[0], *left = kept->low[1], *bottom = kept->high[0], *right = kept->high[1];
    const float *areas = kept->area;
    float box[4] = {top[kept->count], left[kept->count], bottom[kept->count], right[kept->count]};
    float area = areas[kept->count];
    int found = 0;
    for (int64_t k = from; k < until; k++) {
        float height = larger(smaller(box[2], bottom[k]) - larger(box[0], top[k]), 0);
        float width = larger(smaller(box[3], right[k]) - larger(box[1], left[k]), 0);
        float common = height * width, joined = area + areas[k] - common;
        found += (joined > 0) & (common / joined > overlap);
    }
    return found;
}

static bool is_free(const struct suppression *work)
{
    enum { AT_ONCE = 64 };
    const struct kept_boxes *kept = &work->kept;
    for (int64_t from = 0; from < kept->count; from += AT_ONCE) {
        if (overlaps(kept, work->overlap, from, kept->count - from > AT_ONCE ? from + AT_ONCE : kept->count))
            return false;
    }
    return true;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->box > y->box) - (x->box < y->box);
}

/* Lists the boxes of one class, of all or of those that stay, best first; returns how many. */
static int64_t list_candidates(const struct suppression *work, const float *scores, const bool *stays)
{
    int64_t candidates = 0;
    for (int64_t i = 0; i < work->count; i++) {
        if (stays ? stays[i] : !isnan(scores[i]) && (!work->has_score || scores[i] > work->score))
            work->candidates[candidates++] = (struct candidate){i, scores[i]};
    }
    qsort(work->candidates, (size_t)candidates, sizeof *work->candidates, by_score);
    return candidates;
}

/* Marks the boxes of one class that stay; returns how many. */
static int64_t select_boxes(struct suppression *work, const float *boxes, const float *scores, bool *stays)
{
    int64_t candidates = list_candidates(work, scores, NULL);
    work->kept.count = 0;
    memset(stays, 0, (size_t)work->count);
    for (int64_t i = 0; i < candidates && work->kept.count < work->most; i++) {
        int64_t box = work->candidates[i].box;
        place_corners(work, boxes + box * 4);
        stays[box] = is_free(work);
        work->kept.count += stays[box];
    }
    return work->kept.count;
}

/* Without `out` marks what stays, with it writes that; returns how many. */
static int64_t walk_classes(struct suppression *work, int64_t *out)
{
    int64_t found = 0;
    for (int64_t i = 0; i < work->images * work->classes; i++) {
        const float *scores = work->scores + i * work->count;
        bool *stays = work->stays + i * work->count;
        int64_t image = i / work->classes;
        int64_t kept = out ? list_candidates(work, scores, stays)
                           : select_boxes(work, work->boxes + image * work->count * 4, scores, stays);
        for (int64_t k = 0; out && k < kept; k++)
            memcpy(out + (found + k) * 3, (int64_t[]){image, i % work->classes, work->candidates[k].box},
                   3 * sizeof *out);
        found += kept;
    }
    return found;
}

static size_t scratch_non_max_suppression(const struct compute_context *context)
{
    return (size_t)context->inputs[BOXES]->shape.dims[1] * (sizeof(struct candidate) + 5 * sizeof(float)) +
           (size_t)shape_count(&context->inputs[SCORES]->shape) * sizeof(bool);
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
    float *numbers = (float *)(work.candidates + work.count);
    float **lists[5] = {&work.kept.low[0], &work.kept.low[1], &work.kept.high[0], &work.kept.high[1], &work.kept.area};
    for (int i = 0; i < 5; i++)
        *lists[i] = numbers + i * work.count;
    work.stays = (bool *)(numbers + 5 * work.count);
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

const struct operator_definition operators_non_max_suppression[] = {
    {.domain = "",
     .name = "NonMaxSuppression",
     .since = 10,
     ARITY(2, 5, 1, 1),
     .types = TYPE_BIT(DTYPE_FLOAT),
     .traits = OPERATOR_SELECTS | OPERATOR_FINDS,
     .roles = {ROLE_DATA, ROLE_DATA, ROLE_CONTROL},
     SETTINGS(struct non_max_suppression_settings, attributes),
     .infer = infer_non_max_suppression,
     .compute = compute_non_max_suppression,
     .steps = steps_non_max_suppression,
     .scratch = scratch_non_max_suppression},
    {0},
};
