#include "train/sample_scores.h"

#include <math.h>
#include <string.h>

int sample_scores_open(struct sample_scores *scores, struct memory *memory, int64_t samples, int64_t classes,
                       bool masks, struct error *error)
{
    *scores = (struct sample_scores){.memory = memory, .samples = samples, .classes = classes};
    scores->list = memory_allocate(memory, (size_t)samples + 1, sizeof *scores->list, error);
    if (scores->list && masks)
        scores->counts =
            memory_allocate(memory, (size_t)samples + 1, 2 * (size_t)classes * sizeof *scores->counts, error);
    return scores->list && (scores->counts || !masks) ? 0 : -1;
}

void sample_scores_close(struct sample_scores *scores)
{
    memory_release(scores->memory, scores->list);
    memory_release(scores->memory, scores->counts);
    *scores = (struct sample_scores){0};
}

void sample_scores_reset(struct sample_scores *scores)
{
    for (int64_t i = 0; i < scores->samples; i++)
        scores->list[i] = -1;
    if (scores->counts)
        memset(scores->counts, 0, 2 * (size_t)(scores->samples * scores->classes) * sizeof *scores->counts);
}

void sample_scores_pixel(struct sample_scores *scores, int64_t sample, int64_t label, int64_t prediction)
{
    int32_t *own = scores->counts + 2 * sample * scores->classes;
    own[2 * label] += label == prediction;
    own[2 * label + 1]++;
    if (prediction >= 0 && prediction != label)
        own[2 * prediction + 1]++;
}

/* Adds a class's part to every image, and its IoU to the sum. False: it does not occur. */
static bool add_class(struct sample_scores *scores, int64_t class, double *sum)
{
    double both = 0, either = 0, counted = 0;
    for (int64_t i = 0; i < scores->samples; i++) {
        const int32_t *own = scores->counts + 2 * (i * scores->classes + class);
        both += own[0];
        either += own[1];
        counted += !isnan(scores->list[i]);
    }
    if (either == 0)
        return false;
    for (int64_t i = 0; i < scores->samples; i++) {
        const int32_t *own = scores->counts + 2 * (i * scores->classes + class);
        scores->list[i] += (float)(counted * (own[0] - both / either * own[1]) / either);
    }
    *sum += both / either;
    return true;
}

void sample_scores_finish(struct sample_scores *scores)
{
    double sum = 0;
    int64_t classes = 0;
    for (int64_t i = 0; i < scores->samples; i++)
        scores->list[i] = scores->list[i] < 0 ? NAN : scores->counts ? 0 : scores->list[i];
    if (!scores->counts)
        return;
    for (int64_t class = 0; class < scores->classes; class ++)
        classes += add_class(scores, class, &sum);
    for (int64_t i = 0; i < scores->samples; i++)
        scores->list[i] = (float)((sum + (double)scores->list[i]) / (double)classes);
}
