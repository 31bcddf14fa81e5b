#include <math.h>

#include "data/augment_steps.h"

static uint8_t to_byte(float value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5f);
}

/* out = fixed + factor (in - fixed) for all values. */
static void blend_with(struct image *image, float fixed, double factor)
{
    uint8_t table[256];
    size_t count = image_bytes(image);
    for (int value = 0; value < 256; value++)
        table[value] = to_byte(fixed + (float)factor * ((float)value - fixed));
    for (size_t i = 0; i < count; i++)
        image->pixels[i] = table[image->pixels[i]];
}

/* ITU-R 601 luma. */
static float gray_of(const uint8_t *pixel)
{
    return 0.299f * (float)pixel[0] + 0.587f * (float)pixel[1] + 0.114f * (float)pixel[2];
}

void jitter_brightness(struct image *image, double factor)
{
    blend_with(image, 0, factor);
}

void jitter_contrast(struct image *image, double factor)
{
    size_t count = image_bytes(image), pixels = count / (size_t)image->channels;
    double sum = 0;
    for (size_t i = 0; i < count; i += (size_t)image->channels)
        sum += image->channels == 3 ? (double)gray_of(image->pixels + i) : image->pixels[i];
    blend_with(image, roundf((float)(sum / (double)pixels)), factor);
}

void jitter_saturation(struct image *image, double factor)
{
    size_t count = image->channels == 3 ? image_bytes(image) : 0;
    float kept = (float)factor;
    for (size_t i = 0; i < count; i += 3) {
        uint8_t *pixel = image->pixels + i;
        float gray = (1 - kept) * gray_of(pixel);
        for (int c = 0; c < 3; c++)
            pixel[c] = to_byte(gray + kept * (float)pixel[c]);
    }
}

/* Where a colour lies on the circle of hues, in sixths from red; `range` is that of its channels. */
static float hue_of(const uint8_t *pixel, int range)
{
    int red = pixel[0], green = pixel[1], blue = pixel[2];
    if (red >= green && red >= blue)
        return (float)(green - blue) / (float)range;
    if (green >= blue)
        return 2 + (float)(blue - red) / (float)range;
    return 4 + (float)(red - green) / (float)range;
}

/* Value and saturation stay: the largest and the smallest channel keep their sizes, only which they are changes.
 * `turn` in sixths of the circle, 0 to 6. */
static void turn_hue(uint8_t *pixel, float turn)
{
    /* For each sixth, the channels with the largest, the middle and the smallest number. */
    static const uint8_t orders[6][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}, {2, 1, 0}, {2, 0, 1}, {0, 2, 1}};
    int most = pixel[0] > pixel[1] ? pixel[0] : pixel[1], least = pixel[0] < pixel[1] ? pixel[0] : pixel[1];
    most = pixel[2] > most ? pixel[2] : most;
    least = pixel[2] < least ? pixel[2] : least;
    if (most == least)
        return;
    float hue = hue_of(pixel, most - least) + turn;
    hue += hue < 0 ? 6.0f : 0;
    hue -= hue >= 6 ? 6.0f : 0;
    int sixth = (int)hue < 5 ? (int)hue : 5;
    float beyond = hue - (float)sixth, rising = sixth % 2 ? 1 - beyond : beyond;
    pixel[orders[sixth][0]] = (uint8_t)most;
    pixel[orders[sixth][1]] = to_byte((float)least + rising * (float)(most - least));
    pixel[orders[sixth][2]] = (uint8_t)least;
}

void jitter_hue(struct image *image, double turn)
{
    size_t count = image->channels == 3 ? image_bytes(image) : 0;
    float sixths = (float)(6 * (turn - floor(turn)));
    for (size_t i = 0; i < count; i += 3)
        turn_hue(image->pixels + i, sixths);
}

/* Evenly from -reach to reach. */
static double drawn_within(double reach, struct random *random)
{
    return reach * (2 * random_uniform(random) - 1);
}

static double factor_within(double reach, struct random *random)
{
    double least = reach < 1 ? 1 - reach : 0;
    return least + (1 + reach - least) * random_uniform(random);
}

void jitter_colour(struct image *image, const struct fovea_augment *options, struct random *random)
{
    int order[4] = {0, 1, 2, 3};
    double brightness = factor_within(options->brightness, random), contrast = factor_within(options->contrast, random);
    double saturation = factor_within(options->saturation, random), hue = drawn_within(options->hue, random);
    for (int i = 3; i > 0; i--) {
        int other = (int)random_below(random, (uint32_t)i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (int i = 0; i < 4; i++) {
        if (order[i] == 0 && options->brightness > 0)
            jitter_brightness(image, brightness);
        if (order[i] == 1 && options->contrast > 0)
            jitter_contrast(image, contrast);
        if (order[i] == 2 && options->saturation > 0)
            jitter_saturation(image, saturation);
        if (order[i] == 3 && options->hue > 0)
            jitter_hue(image, hue);
    }
}
