#include "data/augment.h"

#include <math.h>

#include "data/augment_steps.h"

/* Numbers that one step may draw for one sample in one epoch. */
#define DRAWS_PER_STEP 4096
#define STEPS 8

struct random augment_random(const struct augment_key *key, enum augment_step step)
{
    return (struct random){
        .seed = key->seed, .stream = key->sample, .counter = (key->epoch * STEPS + (uint64_t)step) * DRAWS_PER_STEP};
}

static int check_range(const char *what, const double range[2], double most, struct error *error)
{
    bool unset = !(range[0] < 0 || range[0] > 0 || range[1] < 0 || range[1] > 0);
    if (unset || (range[0] > 0 && range[0] <= range[1] && range[1] <= most))
        return 0;
    return error_set(error, ERROR_INPUT, "the %s %g to %g is not a range within 0 to %g", what, range[0], range[1],
                     most);
}

static int check_number(const char *what, double number, double most, struct error *error)
{
    if (number >= 0 && number <= most)
        return 0;
    return error_set(error, ERROR_INPUT, "the %s %g is not between 0 and %g", what, number, most);
}

int augment_check(const struct fovea_augment *options, struct error *error)
{
    int places = (options->crop_scale[1] > 0) + (options->padding > 0) + (options->scale_jitter[1] > 0);
    if (places > 1)
        return error_set(error, ERROR_INPUT, "random resized crop, padded crop and scale jitter exclude each other");
    if (check_range("crop scale", options->crop_scale, 1, error) ||
        check_range("crop ratio", options->crop_ratio, 100, error) ||
        check_range("scale jitter", options->scale_jitter, 100, error) ||
        check_number("padding", (double)options->padding, IMAGE_MAX_SIDE / 4, error) ||
        check_number("flip probability", options->flip, 1, error) ||
        check_number("rotation", options->rotation, 180, error) ||
        check_number("brightness", options->brightness, 10, error) ||
        check_number("contrast", options->contrast, 10, error) ||
        check_number("saturation", options->saturation, 10, error) || check_number("hue", options->hue, 0.5, error) ||
        check_number("mixup", options->mixup, 1000, error))
        return -1;
    return 0;
}

/* The pixel that normalises to about 0. */
static void mean_colour(const struct preprocess *preprocess, uint8_t fill[3])
{
    for (int c = 0; c < 3; c++) {
        int from = preprocess->channels == CHANNELS_BGR ? 2 - c : c;
        fill[c] = (uint8_t)lroundf(fminf(fmaxf(preprocess->mean[from] * preprocess->scale, 0), 255));
    }
}

/* Copies in the network's channels. */
static int scene_start(struct scene *scene, const struct preprocess *preprocess, const struct image *image,
                       const struct index_image *mask, struct error *error)
{
    int channels = preprocess_channel_count(preprocess);
    if (preprocess->fit == FIT_LETTERBOX)
        preprocess_fill(preprocess, scene->fill);
    else
        mean_colour(preprocess, scene->fill);
    if (image_convert(scene->memory, image, channels, &scene->image, error))
        return -1;
    const struct image_window all = {0, 0, image->width, image->height};
    return mask && mask->values ? index_image_cut(scene->memory, mask, &all, 0, &scene->mask, error) : 0;
}

static int place(struct scene *scene, const struct fovea_augment *options, const struct preprocess *preprocess,
                 struct random random, struct error *error)
{
    int64_t width = scene->image.width, height = scene->image.height;
    struct image_window window;
    if (options->crop_scale[1] > 0)
        window = window_of_resized_crop(options, width, height, &random);
    else if (options->scale_jitter[1] > 0)
        window = window_of_scale_jitter(options, preprocess, width, height, &random);
    else if (scene_place_plainly(scene, preprocess, error))
        return -1;
    else if (options->padding > 0)
        window = window_of_padded_crop(options, preprocess, &random);
    else
        return 0;
    return scene_place(scene, &window, preprocess, error);
}

static int change(struct scene *scene, const struct fovea_augment *options, const struct preprocess *preprocess,
                  const struct augment_key *key, struct error *error)
{
    struct random flip = augment_random(key, STEP_FLIP), rotate = augment_random(key, STEP_ROTATE);
    struct random colour = augment_random(key, STEP_COLOUR);
    if (place(scene, options, preprocess, augment_random(key, STEP_PLACE), error))
        return -1;
    if (random_uniform(&flip) < options->flip)
        scene_flip(scene);
    if (options->rotation > 0 && scene_rotate(scene, options->rotation * (2 * random_uniform(&rotate) - 1), error))
        return -1;
    jitter_colour(&scene->image, options, &colour);
    return 0;
}

int augment_image(struct memory *memory, const struct fovea_augment *options, const struct preprocess *preprocess,
                  const struct augment_key *key, const struct image *image, const struct index_image *mask,
                  uint16_t ignore, struct image *out, struct index_image *out_mask, struct error *error)
{
    struct scene scene = {.memory = memory, .ignore = ignore};
    *out = (struct image){0};
    if (out_mask)
        *out_mask = (struct index_image){0};
    int result = scene_start(&scene, preprocess, image, out_mask ? mask : NULL, error);
    if (result == 0)
        result =
            options ? change(&scene, options, preprocess, key, error) : scene_place_plainly(&scene, preprocess, error);
    if (result) {
        scene_release(&scene);
        return -1;
    }
    *out = scene.image;
    if (out_mask)
        *out_mask = scene.mask;
    return 0;
}

/* ---- mixup ---- */

/* i and partner add up to the same number, modulo the count. */
int64_t mixup_partner(uint64_t seed, uint64_t epoch, uint64_t batch, int64_t count, int64_t i)
{
    struct augment_key key = {seed, epoch, ~batch}; /* apart from the samples' streams */
    struct random random = augment_random(&key, STEP_MIXUP);
    int64_t sum = random_below(&random, (uint32_t)count);
    return (sum - i + count) % count;
}

/* Gamma(alpha, 1) by Marsaglia and Tsang (2000); below 1 by way of alpha + 1. The logarithm, as small alphas give
 * numbers below what a double holds. */
static double log_gamma_sample(double alpha, struct random *random)
{
    double boost = alpha < 1 ? log(1 - random_uniform(random)) / alpha : 0;
    double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double normal = random_normal(random), v = 1 + c * normal;
        v = v * v * v;
        if (v > 0 && log(1 - random_uniform(random)) < normal * normal / 2 + d - d * v + d * log(v))
            return log(d * v) + boost;
    }
}

float mixup_weight(const struct fovea_augment *options, const struct augment_key *key)
{
    struct random random = augment_random(key, STEP_MIXUP);
    if (!(options->mixup > 0))
        return 1;
    double own = log_gamma_sample(options->mixup, &random);
    double other = log_gamma_sample(options->mixup, &random);
    return (float)(1 / (1 + exp(other - own)));
}

void mixup_batch(float *samples, int64_t count, int64_t values, const float *weights, uint64_t seed, uint64_t epoch,
                 uint64_t batch)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t partner = mixup_partner(seed, epoch, batch, count, i);
        float *own = samples + i * values, *other = samples + partner * values;
        for (int64_t k = 0; partner > i && k < values; k++) {
            float x = own[k], y = other[k];
            own[k] = weights[i] * x + (1 - weights[i]) * y;
            other[k] = weights[partner] * y + (1 - weights[partner]) * x;
        }
    }
}
