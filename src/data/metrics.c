#include "data/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define TOP 5 /* guesses; among so many classes they tell nothing */

struct metrics {
    struct memory *memory;
    int64_t classes, ignore;
    int64_t counted, in_top1, in_top5;
    int64_t *actual, *predicted, *correct; /* [classes] */
    int64_t *confusion;                    /* [classes, classes] or NULL */
};

static struct metrics *create(struct memory *memory, int64_t classes, int64_t ignore, bool confusion,
                              struct error *error)
{
    if (classes < 1 || classes > METRICS_MAX_CLASSES) {
        error_set(error, ERROR_INPUT, "%" PRId64 " classes are not between 1 and %d", classes, METRICS_MAX_CLASSES);
        return NULL;
    }
    struct metrics *metrics = memory_allocate(memory, 1, sizeof *metrics, error);
    if (!metrics)
        return NULL;
    size_t count = (size_t)classes;
    *metrics = (struct metrics){.memory = memory, .classes = classes, .ignore = ignore};
    metrics->actual = memory_allocate(memory, 3 * count, sizeof *metrics->actual, error);
    if (metrics->actual && confusion)
        metrics->confusion = memory_allocate(memory, count * count, sizeof *metrics->confusion, error);
    if (!metrics->actual || (confusion && !metrics->confusion)) {
        metrics_destroy(metrics);
        return NULL;
    }
    metrics->predicted = metrics->actual + classes;
    metrics->correct = metrics->predicted + classes;
    return metrics;
}

struct metrics *metrics_create(struct memory *memory, int64_t classes, int64_t ignore, struct error *error)
{
    return create(memory, classes, ignore, classes <= METRICS_MAX_CONFUSION, error);
}

struct metrics *metrics_create_plain(struct memory *memory, int64_t classes, int64_t ignore, struct error *error)
{
    return create(memory, classes, ignore, false, error);
}

void metrics_destroy(struct metrics *metrics)
{
    if (!metrics)
        return;
    memory_release(metrics->memory, metrics->actual);
    memory_release(metrics->memory, metrics->confusion);
    memory_release(metrics->memory, metrics);
}

void metrics_reset(struct metrics *metrics)
{
    size_t count = (size_t)metrics->classes;
    metrics->counted = metrics->in_top1 = metrics->in_top5 = 0;
    memset(metrics->actual, 0, 3 * count * sizeof *metrics->actual);
    if (metrics->confusion)
        memset(metrics->confusion, 0, count * count * sizeof *metrics->confusion);
}

int64_t metrics_predict(const float *logits, int64_t step, int64_t classes)
{
    float best = -INFINITY;
    int64_t prediction = -1;
    for (int64_t k = 0; k < classes; k++) {
        float logit = logits[k * step];
        if (logit > best || (prediction < 0 && logit >= best)) {
            best = logit;
            prediction = k;
        }
    }
    return prediction;
}

/* Logits of one sample or pixel, `step` apart. */
static void add_one(struct metrics *metrics, const float *logits, int64_t step, int64_t label)
{
    float own = logits[label * step];
    int64_t prediction = metrics_predict(logits, step, metrics->classes), before = 0;
    for (int64_t k = 0; k < metrics->classes; k++)
        before += logits[k * step] > own || (k < label && logits[k * step] >= own);
    metrics->counted++;
    metrics->actual[label]++;
    metrics->in_top1 += prediction == label;
    metrics->in_top5 += !isnan(own) && before < TOP;
    metrics->correct[label] += prediction == label;
    if (prediction < 0)
        return;
    metrics->predicted[prediction]++;
    if (metrics->confusion)
        metrics->confusion[label * metrics->classes + prediction]++;
}

int metrics_add(struct metrics *metrics, const float *logits, const int64_t *labels, int64_t samples, int64_t pixels,
                struct error *error)
{
    for (int64_t i = 0; i < samples * pixels; i++) {
        const float *own = logits + i / pixels * metrics->classes * pixels + i % pixels;
        if (labels[i] == metrics->ignore)
            continue;
        if (labels[i] < 0 || labels[i] >= metrics->classes)
            return error_set(error, ERROR_INPUT, "label %" PRId64 " is not among the %" PRId64 " classes", labels[i],
                             metrics->classes);
        add_one(metrics, own, pixels, labels[i]);
    }
    return 0;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

struct fovea_class_metrics metrics_of_class(const struct metrics *metrics, int64_t class_number)
{
    int64_t actual = metrics->actual[class_number], predicted = metrics->predicted[class_number];
    int64_t correct = metrics->correct[class_number];
    return (struct fovea_class_metrics){.actual = actual,
                                        .predicted = predicted,
                                        .correct = correct,
                                        .accuracy = share(correct, actual),
                                        .iou = share(correct, actual + predicted - correct),
                                        .dice = share(2 * correct, actual + predicted)};
}

struct fovea_metrics metrics_none(bool pixels)
{
    const double none = (double)NAN;
    return (struct fovea_metrics){
        .pixels = pixels, .top1 = none, .top5 = none, .mean_accuracy = none, .mean_iou = none, .mean_dice = none};
}

struct fovea_metrics metrics_summarise(const struct metrics *metrics, bool pixels)
{
    int64_t labelled = 0, occurring = 0;
    double accuracy = 0, iou = 0, dice = 0;
    struct fovea_metrics summary = metrics_none(pixels);
    summary.counted = metrics->counted;
    summary.top1 = share(metrics->in_top1, metrics->counted);
    if (metrics->classes > TOP)
        summary.top5 = share(metrics->in_top5, metrics->counted);
    for (int64_t k = 0; k < metrics->classes; k++) {
        struct fovea_class_metrics of_class = metrics_of_class(metrics, k);
        if (of_class.actual > 0) {
            labelled++;
            accuracy += of_class.accuracy;
        }
        if (of_class.actual + of_class.predicted > 0) {
            occurring++;
            iou += of_class.iou;
            dice += of_class.dice;
        }
    }
    if (labelled > 0)
        summary.mean_accuracy = accuracy / (double)labelled;
    if (occurring > 0 && pixels) {
        summary.mean_iou = iou / (double)occurring;
        summary.mean_dice = dice / (double)occurring;
    }
    return summary;
}

void metrics_set_class(struct metrics *metrics, int64_t class_number, const struct fovea_class_metrics *counts)
{
    metrics->actual[class_number] = counts->actual;
    metrics->predicted[class_number] = counts->predicted;
    metrics->correct[class_number] = counts->correct;
}

int64_t *metrics_cells(struct metrics *metrics)
{
    return metrics->confusion;
}

const int64_t *metrics_confusion(const struct metrics *metrics)
{
    return metrics->confusion;
}
