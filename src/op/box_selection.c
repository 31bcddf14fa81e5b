#include "op/box_selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

#define MOST_RESULTS (1 << 20)

static int check_shapes(const struct shape *boxes, const struct shape *scores, const struct shape *anchors,
                        struct error *error)
{
    bool fits = (boxes->rank == 3 || boxes->rank == 4) && boxes->dims[boxes->rank - 1] == 4 &&
                (scores->rank == 3 || (scores->rank == 4 && scores->dims[3] == 1)) &&
                scores->dims[0] == boxes->dims[0] && scores->dims[1] == boxes->dims[1] &&
                (boxes->rank == 3 || boxes->dims[2] == 1 || boxes->dims[2] == scores->dims[2]);
    if (!fits)
        return error_set(error, ERROR_INPUT, "boxes [N,B,4] or [N,B,1 or C,4] and scores [N,B,C] do not fit together");
    if (anchors && (anchors->rank != 3 || anchors->dims[2] != 4 || anchors->dims[1] != boxes->dims[1] ||
                    (anchors->dims[0] != 1 && anchors->dims[0] != boxes->dims[0])))
        return error_set(error, ERROR_INPUT, "anchors must be [1 or N,B,4]");
    return 0;
}

int selection_read(const struct selection_settings *settings, const struct shape *boxes, const struct shape *scores,
                   const struct shape *anchors, struct selection *selection, struct error *error)
{
    if (check_shapes(boxes, scores, anchors, error))
        return -1;
    *selection = (struct selection){
        .rules = {.settings = settings, .score = settings->score, .background = settings->background},
        .images = boxes->dims[0],
        .boxes = boxes->dims[1],
        .classes = scores->dims[2],
        .box_classes = boxes->rank == 4 ? boxes->dims[2] : 1,
        .own_anchors = anchors && anchors->dims[0] > 1};
    if (settings->most < 1 || settings->most > MOST_RESULTS)
        return error_set(error, ERROR_INPUT, "the number of boxes to keep must be 1 to %d", MOST_RESULTS);
    if (settings->classes > 0 && settings->classes != selection->classes)
        return error_set(error, ERROR_INPUT, "the number of classes is %lld, the scores have %lld",
                         (long long)settings->classes, (long long)selection->classes);
    if (settings->shared_given && settings->shared != (selection->box_classes == 1) && selection->classes != 1)
        return error_set(error, ERROR_INPUT, "shareLocation does not fit the boxes");
    if (!isfinite(settings->overlap) || !isfinite(settings->score))
        return error_set(error, ERROR_INPUT, "a threshold is not a number");
    return 0;
}

int64_t selection_results(const struct selection *selection)
{
    return int64_min(selection->rules.settings->most, selection->boxes * selection->classes);
}

size_t selection_bytes(const struct selection *selection)
{
    return (size_t)(selection->boxes * selection->classes) * sizeof *selection->places +
           (size_t)selection->classes * sizeof *selection->seen +
           (size_t)selection_results(selection) * sizeof *selection->kept;
}

void selection_place_scratch(struct selection *selection, void *scratch)
{
    selection->places = scratch;
    selection->seen = (int64_t *)(selection->places + selection->boxes * selection->classes);
    selection->kept = (float(*)[4])(selection->seen + selection->classes);
}

int64_t selection_steps(const struct selection *selection)
{
    int64_t all = selection->boxes * selection->classes, bound = selection->rules.candidates;
    int64_t looked_at = bound > 0 ? int64_min(all, bound) : all;
    return macs_product(selection->images, macs_product(looked_at, 1 + selection_results(selection)) + all);
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Of equal scores the earlier box comes first, then the lower class. */
static int by_score(const void *a, const void *b)
{
    const struct selection_place *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->box != y->box ? compare(x->box, y->box) : compare(x->class, y->class);
}

/* The other way round. */
static int by_score_and_class(const void *a, const void *b)
{
    const struct selection_place *x = a, *y = b;
    return x->score == y->score && x->class != y->class ? compare(x->class, y->class) : by_score(a, b);
}

static int64_t list_places(const struct selection *selection, int64_t image)
{
    const struct selection_rules *rules = &selection->rules;
    int64_t all = selection->boxes * selection->classes, count = 0;
    const float *scores = selection->scores + image * all;
    for (int64_t i = 0; i < all; i++) {
        struct selection_place place = {i / selection->classes, i % selection->classes, scores[i]};
        bool beyond = rules->inclusive ? place.score >= rules->score : place.score > rules->score;
        if (beyond && place.class != rules->background)
            selection->places[count++] = place;
    }
    qsort(selection->places, (size_t)count, sizeof *selection->places,
          rules->class_by_class ? by_score_and_class : by_score);
    return rules->candidates > 0 ? int64_min(count, rules->candidates) : count;
}

/* Anchors move boxes: corner by corner, or centre and size (Faster R-CNN). */
static void decode(const float *anchor, bool centres, float box[4])
{
    for (int i = 0; i < 4; i++) {
        if (!centres)
            box[i] += anchor[i];
        else
            box[i] = i < 2 ? box[i] * anchor[2 + i] + anchor[i] : expf(box[i]) * anchor[i];
    }
}

void selection_corners(const struct selection *selection, int64_t image, const struct selection_place *place,
                       float corners[4])
{
    bool centres = selection->rules.settings->centres;
    int64_t row = image * selection->boxes + place->box;
    int64_t own = selection->box_classes > 1 ? place->class : 0;
    float box[4];
    memcpy(box, selection->corners + (row * selection->box_classes + own) * 4, sizeof box);
    if (selection->anchors)
        decode(selection->anchors + (selection->own_anchors ? row : place->box) * 4, centres, box);
    for (int axis = 0; axis < 2; axis++) {
        corners[axis] = centres ? box[axis] - box[2 + axis] / 2 : box[axis];
        corners[2 + axis] = centres ? box[axis] + box[2 + axis] / 2 : box[2 + axis];
    }
}

/* Both in order. */
static bool overlaps(const struct selection_rules *rules, const float a[4], const float b[4])
{
    float common = 1, areas[2] = {1, 1};
    bool apart = a[0] > b[2] || b[0] > a[2] || a[1] > b[3] || b[1] > a[3];
    for (int axis = 0; axis < 2; axis++) {
        float side = apart ? 0 : fminf(a[2 + axis], b[2 + axis]) - fmaxf(a[axis], b[axis]);
        common *= fmaxf(side + rules->pixel_of_common, 0);
        areas[0] *= a[2 + axis] - a[axis] + rules->pixel_of_area;
        areas[1] *= b[2 + axis] - b[axis] + rules->pixel_of_area;
    }
    float joined = areas[0] + areas[1] - common;
    if (!(common > 0) || !(joined > 0))
        return false;
    return rules->inclusive ? common / joined >= rules->settings->overlap : common / joined > rules->settings->overlap;
}

static void order(float corners[4])
{
    for (int axis = 0; axis < 2; axis++) {
        float low = fminf(corners[axis], corners[2 + axis]);
        corners[2 + axis] = fmaxf(corners[axis], corners[2 + axis]);
        corners[axis] = low;
    }
}

static bool is_free(const struct selection *selection, int64_t count, int64_t class, const float box[4])
{
    for (int64_t k = 0; k < count; k++) {
        if ((selection->rules.settings->agnostic || selection->places[k].class == class) &&
            overlaps(&selection->rules, selection->kept[k], box))
            return false;
    }
    return true;
}

int64_t selection_run(struct selection *selection, int64_t image)
{
    const struct selection_settings *settings = selection->rules.settings;
    int64_t listed = list_places(selection, image), results = selection_results(selection), count = 0;
    memset(selection->seen, 0, (size_t)selection->classes * sizeof *selection->seen);
    for (int64_t i = 0; i < listed && count < results; i++) {
        struct selection_place place = selection->places[i];
        float *box = selection->kept[count];
        if (settings->top > 0 && selection->seen[place.class]++ >= settings->top)
            continue;
        selection_corners(selection, image, &place, box);
        order(box);
        if (is_free(selection, count, place.class, box))
            selection->places[count++] = place; /* in front of what is still to come */
    }
    return count;
}
