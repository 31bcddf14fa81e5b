#include "analysis/masked_score.h"

#include "base/number.h"

double probe_probability(const struct probe *probe, const struct probe_result *result, int64_t image)
{
    int64_t unit = result->units[image], class = result->classes[image];
    if (unit < 0 || class < 0)
        return -1;
    return class_probability(&probe->scores, result->target, image, unit, class);
}

static void mask_image(const struct probe *probe, const struct masked_image *from, const float *mask, float *to)
{
    int64_t plane = probe->height * probe->width;
    int64_t pixel_step = probe->channels_last ? probe->channels : 1, channel_step = probe->channels_last ? 1 : plane;
    for (int64_t c = 0; c < probe->channels; c++) {
        for (int64_t i = 0; i < plane; i++) {
            int64_t at = i * pixel_step + c * channel_step;
            float base = from->baseline ? from->baseline[at] : 0;
            to[at] = base + mask[i] * (from->image[at] - base);
        }
    }
}

int masked_scores(struct probe *forward, const struct masked_image *image, mask_fill *next, void *user, int64_t count,
                  double *scores, double *probabilities, struct error *error)
{
    struct memory *memory = forward->graph->context->memory;
    int64_t plane = forward->height * forward->width, image_size = plane * forward->channels;
    float *images = probe_images(forward)->data, *mask = memory_allocate(memory, (size_t)plane, sizeof *mask, error);
    int result = mask ? 0 : -1;
    for (int64_t i = 0; i < forward->batch; i++)
        probe_classes(forward)[i] = image->class_index;
    for (int64_t first = 0; result == 0 && first < count; first += forward->batch) {
        int64_t some = int64_min(count - first, forward->batch);
        struct probe_result run;
        for (int64_t i = 0; i < some; i++) {
            next(user, first + i, mask);
            mask_image(forward, image, mask, images + i * image_size);
        }
        result = probe_run(forward, &run, error);
        for (int64_t i = 0; result == 0 && i < some; i++) {
            scores[first + i] = (double)run.score[i];
            if (probabilities)
                probabilities[first + i] = probe_probability(forward, &run, i);
        }
    }
    memory_release(memory, mask);
    return result;
}
