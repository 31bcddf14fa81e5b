/* UnitScore, an internal operator: the scalar per image that an analysis differentiates, and its gradient. */
#include "op/unit_score.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"

#define VIEW_NUMBERS 7
#define READING_NUMBERS (VIEW_NUMBERS + 4)

struct unit_score_settings {
    struct ints reading; /* the view's numbers, then activation, binary, objectness, background */
    int64_t kind, place, unit;
};

static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct unit_score_settings, reading), .required = true},
    {INT_ATTRIBUTE(struct unit_score_settings, kind, FOVEA_SCORE_MEAN)},
    {INT_ATTRIBUTE(struct unit_score_settings, place, FOVEA_PLACE_UNIT)},
    {INT_ATTRIBUTE(struct unit_score_settings, unit, 0)},
    {0},
};

bool unit_score_of_node(const struct node *node, struct unit_score *score)
{
    const struct unit_score_settings *settings = node->settings;
    if (strcmp(node->op_type, "UnitScore") != 0 || strcmp(node->domain, DOMAIN_INTERNAL) != 0 ||
        settings->reading.count != READING_NUMBERS)
        return false;
    const int64_t *n = settings->reading.values;
    *score = (struct unit_score){.classes = {.view = {n[0], n[1], n[2], n[3], n[4], n[5], n[6]},
                                             .activation = (enum class_activation)n[7],
                                             .binary = n[8] != 0,
                                             .objectness = n[9],
                                             .background = n[10]},
                                 .kind = (enum fovea_score)settings->kind,
                                 .place = (enum fovea_place)settings->place,
                                 .unit = settings->unit};
    return true;
}

int emit_unit_score(struct graph *graph, struct value *value, const struct unit_score *score, struct value *classes,
                    struct unit_score_outputs *outputs, struct error *error)
{
    const struct class_scores *read = &score->classes;
    const struct unit_view *view = &read->view;
    const int64_t numbers[READING_NUMBERS] = {view->images,     view->units,      view->channels,     view->first,
                                              view->image_step, view->unit_step,  view->channel_step, read->activation,
                                              read->binary,     read->objectness, read->background};
    struct value *made[4];
    if (emit_many(graph, "UnitScore", EMIT_INPUTS(value, classes),
                  EMIT_ATTRIBUTES(EMIT_INTS("reading", numbers, READING_NUMBERS), EMIT_INT("kind", score->kind),
                                  EMIT_INT("place", score->place), EMIT_INT("unit", score->unit)),
                  made, 4, error))
        return -1;
    *outputs = (struct unit_score_outputs){made[0], made[1], made[2], made[3]};
    return 0;
}

/* Every element that the view names lies within the value. */
static bool reading_fits(const struct class_scores *classes, const struct shape *shape)
{
    const struct unit_view *view = &classes->view;
    const int64_t counts[3] = {view->images, view->units, view->channels};
    const int64_t steps[3] = {view->image_step, view->unit_step, view->channel_step};
    int64_t last = view->first;
    for (int i = 0; i < 3; i++) {
        int64_t reach;
        if (counts[i] < 1 || steps[i] < 0 || __builtin_mul_overflow(counts[i] - 1, steps[i], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return false;
    }
    int64_t object = classes->objectness;
    return view->first >= 0 && last < shape_count(shape) && view->first + object >= 0 &&
           last - (view->channels - 1) * view->channel_step + object < shape_count(shape);
}

static int infer_unit_score(struct infer_context *context, struct error *error)
{
    struct unit_score score;
    const struct tensor *value = context->inputs[0];
    if (!unit_score_of_node(context->node, &score) || !reading_fits(&score.classes, &value->shape) || score.unit < 0 ||
        score.unit >= score.classes.view.units)
        return error_set(error, ERROR_INTERNAL, "the view does not fit the value");
    const int64_t images = score.classes.view.images;
    const struct shape *classes = &context->inputs[1]->shape;
    if (classes->rank != 1 || classes->dims[0] != images || context->inputs[1]->dtype != DTYPE_INT64)
        return error_set(error, ERROR_INTERNAL, "classes must be int64 [images]");
    return infer_output(context, 0, value->dtype, value->shape.rank, value->shape.dims, error) ||
                   infer_output(context, 1, DTYPE_FLOAT, 1, &images, error) ||
                   infer_output(context, 2, DTYPE_INT64, 1, &images, error) ||
                   infer_output(context, 3, DTYPE_INT64, 1, &images, error)
               ? -1
               : 0;
}

/* One image on its way. */
struct scored_image {
    const struct unit_score *score;
    const float *elements;
    int64_t image;
};

static double score_at(const struct scored_image *at, int64_t unit, int64_t class)
{
    return class_score(&at->score->classes, at->elements, at->image, unit, class);
}

static int64_t best_unit(const struct scored_image *at, int64_t class)
{
    const struct class_scores *classes = &at->score->classes;
    int64_t best = 0;
    double strongest = -HUGE_VAL;
    for (int64_t unit = 0; unit < classes->view.units; unit++) {
        double strength = class_strength(classes, at->elements, at->image, unit, class);
        if (strength > strongest) {
            best = unit;
            strongest = strength;
        }
    }
    return best;
}

/* Sum of a class's scores over the units. */
static double class_sum(const struct scored_image *at, int64_t class)
{
    double sum = 0;
    for (int64_t unit = 0; unit < at->score->classes.view.units; unit++)
        sum += score_at(at, unit, class);
    return sum;
}

/* What classes are ranked by. */
static double rank_strength(const struct scored_image *at, int64_t class)
{
    const struct unit_score *score = at->score;
    if (score->place == FOVEA_PLACE_REGION)
        return class_sum(at, class);
    int64_t unit = score->place == FOVEA_PLACE_UNIT ? score->unit : best_unit(at, class);
    return class_strength(&score->classes, at->elements, at->image, unit, class);
}

/* The n-th strongest class, equal ones by their number. */
static int64_t predicted_class(const struct scored_image *at, int64_t rank)
{
    int64_t class = -1;
    double last = HUGE_VAL;
    for (int64_t n = 0; n <= rank; n++) {
        int64_t best = -1;
        double strongest = -HUGE_VAL;
        for (int64_t c = 0; c < class_scores_count(&at->score->classes); c++) {
            double strength = rank_strength(at, c);
            bool left = strength < last || (strength == last && c > class);
            if (left && c != at->score->classes.background && (best < 0 || strength > strongest)) {
                best = c;
                strongest = strength;
            }
        }
        if (best < 0)
            return class < 0 ? 0 : class; /* numbers that are none, or fewer classes */
        class = best;
        last = strongest;
    }
    return class;
}

/* Adds the mean of a unit's channels, `weight` strong, and its gradient. */
static double score_channels(const struct scored_image *at, int64_t unit, double weight, float *seed)
{
    const struct unit_view *view = &at->score->classes.view;
    double sum = 0;
    for (int64_t c = 0; c < view->channels; c++) {
        int64_t place = unit_view_at(view, at->image, unit, c);
        sum += (double)at->elements[place];
        seed[place] += (float)(weight / (double)view->channels);
    }
    return weight * sum / (double)view->channels;
}

/* Adds the score of one unit, `weight` strong, and its gradient. */
static double score_unit(const struct scored_image *at, int64_t unit, int64_t class, double weight, float *seed)
{
    const struct class_scores *classes = &at->score->classes;
    int64_t count = class_scores_count(classes);
    double mean = 0;
    if (at->score->kind == FOVEA_SCORE_MEAN)
        return score_channels(at, unit, weight, seed);
    for (int64_t c = 0; at->score->kind == FOVEA_SCORE_MARGIN && c < count; c++) {
        mean += score_at(at, unit, c) / (double)count;
        class_score_gradient(classes, at->elements, at->image, unit, c, -weight / (double)count, seed);
    }
    class_score_gradient(classes, at->elements, at->image, unit, class, weight, seed);
    return weight * (score_at(at, unit, class) - mean);
}

/* Units whose strongest class it is, each 1 / their number. */
static double score_region(const struct scored_image *at, int64_t class, float *seed)
{
    const struct class_scores *classes = &at->score->classes;
    int64_t inside = 0, units = classes->view.units;
    double sum = 0;
    for (int64_t unit = 0; unit < units; unit++)
        inside += class_predicted(classes, at->elements, at->image, unit) == class;
    for (int64_t unit = 0; inside > 0 && unit < units; unit++) {
        if (class_predicted(classes, at->elements, at->image, unit) == class)
            sum += score_unit(at, unit, class, 1 / (double)inside, seed);
    }
    return sum;
}

static double score_image(const struct scored_image *at, int64_t class, int64_t *unit, float *seed)
{
    const struct unit_score *score = at->score;
    *unit = -1;
    if (score->place == FOVEA_PLACE_REGION)
        return score_region(at, class, seed);
    *unit = score->place == FOVEA_PLACE_BEST ? best_unit(at, class) : score->unit;
    return score_unit(at, *unit, class, 1, seed);
}

static int compute_unit_score(struct compute_context *context, struct error *error)
{
    struct unit_score score;
    unit_score_of_node(context->node, &score);
    const int64_t *wanted = context->inputs[1]->data;
    float *seed = context->outputs[0]->data, *scores = context->outputs[1]->data;
    int64_t *classes = context->outputs[2]->data, *units = context->outputs[3]->data;
    memset(seed, 0, tensor_bytes(context->outputs[0]));
    for (int64_t image = 0; image < score.classes.view.images; image++) {
        struct scored_image at = {&score, context->inputs[0]->data, image};
        int64_t class = score.kind == FOVEA_SCORE_MEAN ? -1
                        : wanted[image] < 0            ? predicted_class(&at, -1 - wanted[image])
                                                       : wanted[image];
        if (class >= class_scores_count(&score.classes))
            return error_set(error, ERROR_INPUT, "there are %" PRId64 " classes, there is no class %" PRId64,
                             class_scores_count(&score.classes), class);
        classes[image] = class;
        scores[image] = (float)score_image(&at, class, &units[image], seed);
    }
    return 0;
}

const struct operator_definition operators_unit_score[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "UnitScore",
     .since = 1,
     ARITY(2, 2, 4, 4),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct unit_score_settings, attributes),
     .infer = infer_unit_score,
     .compute = compute_unit_score},
    {0},
};
