#include "analysis/faithfulness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A pixel and its map. */
struct ranked_pixel {
    float value;
    int64_t pixel;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked_pixel *x = a, *y = b;
    return x->value != y->value ? (x->value < y->value) - (x->value > y->value)
                                : (x->pixel > y->pixel) - (x->pixel < y->pixel);
}

/* What the masks are made of. */
struct mask_source {
    const float *pixels;
    const struct ranked_pixel *ranked;
    int64_t count;
    float largest;
    bool remove; /* the strongest pixels, instead of showing them */
};

/* Mask 0 shows everything, mask 1 the map's positive part. */
static void fill_soft_mask(void *user, int64_t index, float *mask)
{
    const struct mask_source *source = user;
    for (int64_t i = 0; i < source->count; i++)
        mask[i] = index == 0 ? 1 : source->largest > 0 ? fmaxf(source->pixels[i], 0) / source->largest : 0;
}

static void fill_step_mask(void *user, int64_t index, float *mask)
{
    const struct mask_source *source = user;
    int64_t changed = source->count * index / FOVEA_CURVE_STEPS;
    for (int64_t i = 0; i < source->count; i++)
        mask[source->ranked[i].pixel] = (i < changed) != source->remove ? 1 : 0;
}

/* A Gaussian along one axis, its weights renormalised at the edges. */
static void blur_axis(const float *from, float *to, int64_t length, int64_t step, int64_t lines, int64_t line_step,
                      double sigma)
{
    int64_t reach = (int64_t)ceil(3 * sigma);
    for (int64_t line = 0; line < lines; line++) {
        for (int64_t i = 0; i < length; i++) {
            double sum = 0, weights = 0;
            for (int64_t k = i - reach < 0 ? 0 : i - reach; k <= i + reach && k < length; k++) {
                double distance = (double)(k - i) / sigma, weight = exp(-distance * distance / 2);
                sum += weight * (double)from[line * line_step + k * step];
                weights += weight;
            }
            to[line * line_step + i * step] = (float)(sum / weights);
        }
    }
}

static void blur_image(const struct probe *probe, const float *image, float *work, float *blurred)
{
    int64_t height = probe->height, width = probe->width, plane = height * width;
    int64_t pixel_step = probe->channels_last ? probe->channels : 1, channel_step = probe->channels_last ? 1 : plane;
    double sigma = fmax(5.0 * (double)(height > width ? height : width) / 224, 0.5);
    for (int64_t c = 0; c < probe->channels; c++) {
        int64_t at = c * channel_step;
        blur_axis(image + at, work + at, width, pixel_step, height, width * pixel_step, sigma);
        blur_axis(work + at, blurred + at, height, width * pixel_step, width, pixel_step, sigma);
    }
}

static double area_under(const double curve[FOVEA_CURVE_STEPS + 1])
{
    double sum = 0;
    for (int i = 0; i < FOVEA_CURVE_STEPS; i++)
        sum += (curve[i] + curve[i + 1]) / 2;
    return sum / FOVEA_CURVE_STEPS;
}

/* Room for the ranking and the two blurred images. */
struct faithfulness_work {
    struct ranked_pixel *ranked;
    float *blurred, *half;
};

static int measure(struct probe *forward, struct masked_image *image, const float *pixels,
                   const struct faithfulness_work *work, struct fovea_faithfulness *result, struct error *error)
{
    struct mask_source source = {pixels, work->ranked, forward->height * forward->width, 0, false};
    double scores[FOVEA_CURVE_STEPS + 1], soft[2];
    for (int64_t i = 0; i < source.count; i++) {
        work->ranked[i] = (struct ranked_pixel){pixels[i], i};
        source.largest = fmaxf(source.largest, pixels[i]);
    }
    qsort(work->ranked, (size_t)source.count, sizeof *work->ranked, by_value);
    if (masked_scores(forward, image, fill_soft_mask, &source, 2, scores, soft, error))
        return -1;
    source.remove = true;
    if (masked_scores(forward, image, fill_step_mask, &source, FOVEA_CURVE_STEPS + 1, scores, result->deletion, error))
        return -1;
    source.remove = false;
    blur_image(forward, image->image, work->half, work->blurred);
    image->baseline = work->blurred;
    if (masked_scores(forward, image, fill_step_mask, &source, FOVEA_CURVE_STEPS + 1, scores, result->insertion, error))
        return -1;
    result->original = soft[0];
    result->masked = soft[1];
    return 0;
}

int faithfulness_measure(struct probe *forward, const float *image, const float *pixels, int64_t class_index,
                         struct fovea_faithfulness *faithfulness, struct error *error)
{
    struct memory *memory = forward->graph->context->memory;
    size_t plane = (size_t)(forward->height * forward->width), count = plane * (size_t)forward->channels;
    struct masked_image masked = {image, NULL, class_index};
    const struct faithfulness_work work = {memory_allocate(memory, plane, sizeof(struct ranked_pixel), error),
                                           memory_allocate(memory, count, sizeof(float), error),
                                           memory_allocate(memory, count, sizeof(float), error)};
    *faithfulness = (struct fovea_faithfulness){0};
    int result =
        work.ranked && work.blurred && work.half ? measure(forward, &masked, pixels, &work, faithfulness, error) : -1;
    memory_release(memory, work.ranked);
    memory_release(memory, work.blurred);
    memory_release(memory, work.half);
    if (result)
        return -1;
    if (faithfulness->original < 0)
        return error_set(
            error, ERROR_UNSUPPORTED,
            "faithfulness is measured by the probability of one score per image: a region has none, scores "
            "that are no logits (`activation` none) have none");
    faithfulness->drop = faithfulness->original > 0
                             ? fmax(0, faithfulness->original - faithfulness->masked) / faithfulness->original
                             : 0;
    faithfulness->increase = faithfulness->masked > faithfulness->original;
    faithfulness->insertion_area = area_under(faithfulness->insertion);
    faithfulness->deletion_area = area_under(faithfulness->deletion);
    return 0;
}
