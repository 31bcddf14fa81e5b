#include "op/class_scores.h"

#include <math.h>

struct class_scores class_scores_of_view(const struct unit_view *view, enum class_activation activation)
{
    return (struct class_scores){.view = *view, .activation = activation, .background = -1};
}

int64_t class_scores_count(const struct class_scores *scores)
{
    int64_t channels = scores->view.channels;
    return scores->binary ? 2 : channels - (scores->background > 0 && scores->background == channels - 1);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double channel_of(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                         int64_t class_index)
{
    return (double)elements[unit_view_at(&scores->view, image, unit, scores->binary ? 0 : class_index)];
}

static double object_of(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit)
{
    return (double)elements[unit_view_at(&scores->view, image, unit, 0) + scores->objectness];
}

double class_score(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                   int64_t class_index)
{
    double x = channel_of(scores, elements, image, unit, class_index);
    if (scores->objectness != 0) {
        double o = object_of(scores, elements, image, unit);
        return scores->activation == CLASS_SIGMOID ? sigmoid(x) * sigmoid(o) : x * o;
    }
    if (!scores->binary || class_index != 0)
        return x;
    return scores->activation == CLASS_PROBABILITIES ? 1 - x : -x;
}

void class_score_gradient(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                          int64_t class_index, double weight, float *gradient)
{
    int64_t at = unit_view_at(&scores->view, image, unit, scores->binary ? 0 : class_index);
    if (scores->objectness == 0) {
        gradient[at] += (float)(scores->binary && class_index == 0 ? -weight : weight);
        return;
    }
    double x = channel_of(scores, elements, image, unit, class_index), o = object_of(scores, elements, image, unit);
    double slope_x = o, slope_o = x;
    if (scores->activation == CLASS_SIGMOID) {
        double p = sigmoid(x), q = sigmoid(o);
        slope_x = p * (1 - p) * q;
        slope_o = p * q * (1 - q);
    }
    gradient[at] += (float)(weight * slope_x);
    gradient[unit_view_at(&scores->view, image, unit, 0) + scores->objectness] += (float)(weight * slope_o);
}

static double softmax_of(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                         int64_t channel)
{
    const struct unit_view *view = &scores->view;
    double sum = 0, own = (double)elements[unit_view_at(view, image, unit, channel)];
    for (int64_t k = 0; k < view->channels; k++)
        sum += exp((double)elements[unit_view_at(view, image, unit, k)] - own);
    return 1 / sum;
}

double class_probability(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                         int64_t class_index)
{
    if (scores->activation == CLASS_PLAIN)
        return -1;
    if (scores->activation == CLASS_SOFTMAX && !scores->binary)
        return softmax_of(scores, elements, image, unit, class_index);
    double score = class_score(scores, elements, image, unit, class_index);
    return scores->activation == CLASS_PROBABILITIES || scores->objectness != 0 ? score : sigmoid(score);
}

double class_strength(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                      int64_t class_index)
{
    return scores->background >= 0 && scores->activation == CLASS_SOFTMAX
               ? class_probability(scores, elements, image, unit, class_index)
               : class_score(scores, elements, image, unit, class_index);
}

int64_t class_predicted(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit)
{
    int64_t best = 0, count = class_scores_count(scores);
    double largest = -HUGE_VAL;
    for (int64_t k = 0; k < count; k++) {
        double score = class_score(scores, elements, image, unit, k);
        if (!isfinite(score))
            return -1;
        if (score > largest && k != scores->background) {
            largest = score;
            best = k;
        }
    }
    return best;
}
