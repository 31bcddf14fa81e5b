#include <math.h>
#include <string.h>

#include "api/tune_work.h"

struct fovea_metrics tune_metrics(const struct arm_epoch *epoch)
{
    const struct metrics_summary *summary = &epoch->validation;
    if (!epoch->evaluated)
        return (struct fovea_metrics){0, NAN, NAN, NAN, NAN, NAN};
    return (struct fovea_metrics){summary->counted,       summary->top1,     summary->top5,
                                  summary->mean_accuracy, summary->mean_iou, summary->mean_dice};
}

int tune_keep_classes(struct tune_work *work, const struct metrics *metrics, int64_t count, struct error *error)
{
    struct fovea_tune *result = work->result;
    struct arena *arena = result->storage;
    size_t cells = (size_t)count * (size_t)count;
    const int64_t *confusion = metrics_confusion(metrics);
    if (!result->classes) {
        result->classes = arena_allocate(arena, (size_t)count, sizeof *result->classes, error);
        result->confusion = confusion ? arena_allocate(arena, cells, sizeof *confusion, error) : NULL;
        if (!result->classes || (confusion && !result->confusion))
            return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        struct metrics_class of = metrics_of_class(metrics, i);
        const char *name = dataset_class_name(work->dataset, i);
        if (name && !(name = arena_copy_string(arena, name, strlen(name), error)))
            return -1;
        result->classes[i] =
            (struct fovea_class_metrics){name, of.actual, of.predicted, of.correct, of.accuracy, of.iou, of.dice};
    }
    result->class_count = count;
    if (confusion)
        memcpy((int64_t *)(uintptr_t)result->confusion, confusion, cells * sizeof *confusion);
    return 0;
}

void tune_compare(struct tune_work *work)
{
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < work->validation_count; i++) {
        if (work->correct[0][i] < 0 || work->correct[1][i] < 0)
            continue;
        double difference = (double)work->correct[0][i] - (double)work->correct[1][i];
        sum += difference;
        squares += difference * difference;
        count++;
    }
    double mean = count > 0 ? sum / (double)count : (double)NAN;
    double variance = count > 1 ? (squares / (double)count - mean * mean) / (double)(count - 1) : 0;
    double half = 1.96 * sqrt(fmax(0, variance));
    work->result->difference = mean;
    work->result->interval[0] = mean - half;
    work->result->interval[1] = mean + half;
}
