/* How the scores of classes are read from a value: one reading for what differentiates them, counts them and prints
 * them. */
#ifndef FOVEA_OP_CLASS_SCORES_H
#define FOVEA_OP_CLASS_SCORES_H

#include <stdbool.h>
#include <stdint.h>

/* A value seen as a grid of units with channels: element (image, unit, channel) lies at
 * first + image * image_step + unit * unit_step + channel * channel_step. */
struct unit_view {
    int64_t images, units, channels;
    int64_t first, image_step, unit_step, channel_step;
};

static inline int64_t unit_view_at(const struct unit_view *view, int64_t image, int64_t unit, int64_t channel)
{
    return view->first + image * view->image_step + unit * view->unit_step + channel * view->channel_step;
}

/* What makes probabilities of the scores. */
enum class_activation {
    CLASS_SOFTMAX,
    CLASS_SIGMOID,
    CLASS_PROBABILITIES, /* they are probabilities already */
    CLASS_PLAIN          /* nothing: they are no logits */
};

struct class_scores {
    struct unit_view view; /* channels: one per class, also of the background */
    enum class_activation activation;
    bool binary;        /* one channel is two classes: class 1 scores x, class 0 scores -x (1 - x of probabilities) */
    int64_t objectness; /* from a unit's first channel to the element whose probability multiplies each class's; 0:
                           none. The score is the product then. */
    int64_t background; /* channel that is no class but takes part in the softmax; -1: none */
};

/* Of channels that are classes by themselves. */
struct class_scores class_scores_of_view(const struct unit_view *view, enum class_activation activation);
/* Classes are numbered from 0: as the channels, a background in front included, one behind not. */
int64_t class_scores_count(const struct class_scores *scores);
double class_score(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                   int64_t class_index);
/* Adds weight * d(score)/d(element) to every element that the score is made of. */
void class_score_gradient(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                          int64_t class_index, double weight, float *gradient);
/* -1: scores without one (CLASS_PLAIN). */
double class_probability(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                         int64_t class_index);
/* By what units are compared with each other: the score, or the probability where a background takes part. */
double class_strength(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit,
                      int64_t class_index);
/* The strongest class of a unit that is no background, the first of equal ones; -1 where a score is not finite. */
int64_t class_predicted(const struct class_scores *scores, const float *elements, int64_t image, int64_t unit);

#endif
