#include "image/corruption.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "image/corruption_steps.h"
#include "image/jpeg_encode.h"

static const struct {
    const char *name;
    double strengths[FOVEA_SEVERITIES];
} corruptions[CORRUPTION_COUNT] = {
    [CORRUPTION_GAUSSIAN_NOISE] = {"gaussian-noise", {0.08, 0.12, 0.18, 0.26, 0.38}},
    [CORRUPTION_SHOT_NOISE] = {"shot-noise", {60, 25, 12, 5, 3}},
    [CORRUPTION_IMPULSE_NOISE] = {"impulse-noise", {0.03, 0.06, 0.09, 0.17, 0.27}},
    [CORRUPTION_GAUSSIAN_BLUR] = {"gaussian-blur", {1, 2, 3, 4, 6}},
    [CORRUPTION_DEFOCUS_BLUR] = {"defocus-blur", {3, 4, 6, 8, 10}},
    [CORRUPTION_MOTION_BLUR] = {"motion-blur", {6, 10, 14, 18, 24}},
    [CORRUPTION_BRIGHTNESS] = {"brightness", {0.1, 0.2, 0.3, 0.4, 0.5}},
    [CORRUPTION_CONTRAST_DOWN] = {"contrast-down", {0.4, 0.3, 0.2, 0.1, 0.05}},
    [CORRUPTION_CONTRAST_UP] = {"contrast-up", {1.5, 2, 3, 4, 6}},
    [CORRUPTION_SATURATION] = {"saturation", {0.5, 0.2, 2, 4, 8}},
    [CORRUPTION_GAMMA] = {"gamma", {0.7, 0.5, 1.5, 2.2, 3.3}},
    [CORRUPTION_HUE] = {"hue", {18, 36, 72, 108, 180}},
    [CORRUPTION_JPEG] = {"jpeg", {25, 18, 15, 10, 7}},
    [CORRUPTION_PIXELATE] = {"pixelate", {2, 3, 4, 6, 8}},
    [CORRUPTION_SHIFT] = {"shift", {0.04, 0.08, 0.12, 0.18, 0.25}},
    [CORRUPTION_ROTATION] = {"rotation", {5, 10, 15, 22, 30}},
    [CORRUPTION_SCALE] = {"scale", {0.9, 0.8, 0.7, 0.6, 0.5}},
};

const char *fovea_corruption_name(int corruption)
{
    return corruption >= 0 && corruption < CORRUPTION_COUNT ? corruptions[corruption].name : NULL;
}

double corruption_strength(enum corruption corruption, int severity)
{
    return corruptions[corruption].strengths[severity - 1];
}

bool corruption_moves(enum corruption corruption)
{
    return corruption == CORRUPTION_SHIFT || corruption == CORRUPTION_ROTATION || corruption == CORRUPTION_SCALE;
}

static void shift(struct planes *planes, double share, struct random *random)
{
    double angle = 2 * M_PI * random_uniform(random);
    const struct warp warp = {
        {{1, 0}, {0, 1}}, {share * (double)planes->height * sin(angle), share * (double)planes->width * cos(angle)}};
    geometry_warp(planes, &warp);
}

static void rotate(struct planes *planes, double degrees, struct random *random)
{
    double angle = degrees * M_PI / 180 * (random_uniform(random) < 0.5 ? -1 : 1);
    const struct warp warp = {{{cos(angle), sin(angle)}, {-sin(angle), cos(angle)}}, {0, 0}};
    geometry_warp(planes, &warp);
}

static void resize(struct planes *planes, double factor)
{
    const struct warp warp = {{{1 / factor, 0}, {0, 1 / factor}}, {0, 0}};
    geometry_warp(planes, &warp);
}

/* All but JPEG. */
static void corrupt_planes(struct planes *planes, enum corruption corruption, double strength, struct random *random)
{
    int64_t longer = int64_max(planes->height, planes->width);
    double pixels = strength * (double)longer / 224;
    switch (corruption) {
    case CORRUPTION_GAUSSIAN_NOISE:
        noise_gaussian(planes, strength, random);
        break;
    case CORRUPTION_SHOT_NOISE:
        noise_shot(planes, strength, random);
        break;
    case CORRUPTION_IMPULSE_NOISE:
        noise_impulse(planes, strength, random);
        break;
    case CORRUPTION_GAUSSIAN_BLUR:
        blur_gaussian(planes, pixels);
        break;
    case CORRUPTION_DEFOCUS_BLUR:
        blur_disk(planes, pixels);
        break;
    case CORRUPTION_MOTION_BLUR:
        blur_line(planes, pixels, M_PI * random_uniform(random));
        break;
    case CORRUPTION_BRIGHTNESS:
        colour_brightness(planes, strength);
        break;
    case CORRUPTION_CONTRAST_DOWN:
    case CORRUPTION_CONTRAST_UP:
        colour_contrast(planes, strength);
        break;
    case CORRUPTION_SATURATION:
        colour_saturation(planes, strength);
        break;
    case CORRUPTION_GAMMA:
        colour_gamma(planes, strength);
        break;
    case CORRUPTION_HUE:
        colour_hue(planes, strength);
        break;
    case CORRUPTION_PIXELATE:
        geometry_pixelate(planes, (int64_t)fmax(2, round(pixels)));
        break;
    case CORRUPTION_SHIFT:
        shift(planes, strength, random);
        break;
    case CORRUPTION_ROTATION:
        rotate(planes, strength, random);
        break;
    default:
        resize(planes, strength);
        break;
    }
}

static void read_planes(const struct image *image, struct planes *planes)
{
    int64_t count = planes->height * planes->width;
    for (int64_t i = 0; i < count * planes->channels; i++)
        planes->values[i % planes->channels * count + i / planes->channels] = (float)image->pixels[i] / 255.0f;
}

static void write_planes(const struct planes *planes, struct image *image)
{
    int64_t count = planes->height * planes->width;
    for (int64_t i = 0; i < count * planes->channels; i++) {
        float value = planes->values[i % planes->channels * count + i / planes->channels];
        image->pixels[i] = (uint8_t)(fminf(fmaxf(value, 0), 1) * 255.0f + 0.5f);
    }
}

int corruption_apply(struct memory *memory, struct image *image, enum corruption corruption, int severity,
                     uint64_t seed, uint64_t index, struct error *error)
{
    double strength = corruption_strength(corruption, severity);
    struct random random = {.seed = seed, .stream = index * CORRUPTION_COUNT + (uint64_t)corruption};
    struct planes planes = {.channels = image->channels, .height = image->height, .width = image->width};
    size_t count = (size_t)(planes.channels * planes.height * planes.width);
    if (corruption == CORRUPTION_JPEG)
        return image_recode_jpeg(memory, image, (int)strength, error);
    planes.values = memory_allocate(memory, 2 * count, sizeof *planes.values, error);
    if (!planes.values)
        return -1;
    planes.work = planes.values + count;
    read_planes(image, &planes);
    corrupt_planes(&planes, corruption, strength, &random);
    write_planes(&planes, image);
    memory_release(memory, planes.values);
    return 0;
}
