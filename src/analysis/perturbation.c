#include "analysis/perturbation.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/random.h"

#define POINT_STREAM 0x70657274 /* apart from other uses of the seed */

int64_t perturbation_points(int64_t height, int64_t width, int64_t count, uint64_t seed, int64_t (*points)[2])
{
    struct random random = {.seed = seed, .stream = POINT_STREAM};
    double cell = sqrt((double)(height * width) / (double)count);
    int64_t rows = (int64_t)fmax(1, floor((double)height / cell)), columns = count / rows, made = 0;
    rows = rows < height ? rows : height;
    columns = columns < width ? columns : width;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < columns && made < count; c++, made++) {
            int64_t top = r * height / rows, left = c * width / columns;
            int64_t bottom = (r + 1) * height / rows, right = (c + 1) * width / columns;
            points[made][0] = top + random_below(&random, (uint32_t)(bottom - top));
            points[made][1] = left + random_below(&random, (uint32_t)(right - left));
        }
    }
    return made;
}

static void raise_pixel(const struct probe *probe, const int64_t point[2], double step, float *image)
{
    int64_t plane = probe->height * probe->width, at = point[0] * probe->width + point[1];
    for (int64_t c = 0; c < probe->channels; c++)
        image[probe->channels_last ? at * probe->channels + c : c * plane + at] += (float)step;
}

int perturbation_measure(struct probe *forward, const float *image, int64_t class_index, const int64_t (*points)[2],
                         int64_t count, double step, double *changes, struct error *error)
{
    int64_t elements = forward->channels * forward->height * forward->width;
    float *images = probe_images(forward)->data;
    struct probe_result run;
    for (int64_t i = 0; i < forward->batch; i++) {
        memcpy(images + i * elements, image, (size_t)elements * sizeof *images);
        probe_classes(forward)[i] = class_index;
    }
    if (probe_run(forward, &run, error))
        return -1;
    double before = (double)run.score[0];
    int64_t meant = run.classes[0]; /* the prediction for the image, whatever a pixel makes of it */
    for (int64_t first = 0; first < count; first += forward->batch) {
        int64_t some = int64_min(count - first, forward->batch);
        for (int64_t i = 0; i < some; i++) {
            memcpy(images + i * elements, image, (size_t)elements * sizeof *images);
            raise_pixel(forward, points[first + i], step, images + i * elements);
            probe_classes(forward)[i] = meant < 0 ? class_index : meant;
        }
        if (probe_run(forward, &run, error))
            return -1;
        for (int64_t i = 0; i < some; i++)
            changes[first + i] += fabs((double)run.score[i] - before);
    }
    return 0;
}
