#include "guide/dropout_noise.h"

#include <math.h>

#include "analysis/recording.h"

#define RELU_VARIANCE (0.5 * (1 - 1 / M_PI)) /* of max(z, 0), z standard normal: mean 1 / sqrt(2 pi), square 1 / 2 */

double dropout_variance_ratio(double keep)
{
    return RELU_VARIANCE / (0.5 / keep - 0.5 / M_PI);
}

double dropout_variance_ratio_after_sum(double keep)
{
    return (RELU_VARIANCE + 0.5) / (RELU_VARIANCE + 0.5 / keep);
}

double dropout_head_noise(double positions)
{
    return M_PI / (positions + M_PI - 1);
}

/* Both sums over images and channels. */
struct head_noise {
    bool channels_last;
    double squares, squared_sums;
};

static int add_batch(void *user, const struct recorded *recorded, struct error *error)
{
    (void)error;
    struct head_noise *noise = user;
    const struct tensor *map = recorded->values[0];
    const int64_t *dims = map->shape.dims;
    int64_t channels = dims[noise->channels_last ? 3 : 1];
    int64_t positions = dims[noise->channels_last ? 1 : 2] * dims[noise->channels_last ? 2 : 3];
    int64_t channel_step = noise->channels_last ? 1 : positions, position_step = noise->channels_last ? channels : 1;
    for (int64_t row = 0; row < recorded->images * channels; row++) {
        int64_t first = row / channels * channels * positions + row % channels * channel_step;
        double sum = 0;
        for (int64_t i = 0; i < positions; i++) {
            double x = tensor_number(map, first + i * position_step);
            sum += x;
            noise->squares += x * x;
        }
        noise->squared_sums += sum * sum;
    }
    return 0;
}

int dropout_measure_head(const struct audit *audit, const struct node *pool, const struct image_set *images,
                         double *result, struct error *error)
{
    const struct shape *map = &pool->inputs[0]->shape;
    struct head_noise noise = {.channels_last = shape_count(&pool->outputs[0]->shape) != map->dims[0] * map->dims[1]};
    const char *name = pool->inputs[0]->name;
    struct recording_request request = {.model = audit->model, .images = images, .values = &name, .count = 1};
    if (recording_run(&request, add_batch, &noise, error))
        return -1;
    *result = noise.squared_sums > 0 ? noise.squares / noise.squared_sums : (double)NAN;
    return 0;
}
