#include <math.h>

#include "data/augment_steps.h"

static uint8_t to_byte(float value)
{
    return (uint8_t)(fminf(fmaxf(value, 0), 255) + 0.5f);
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
    for (size_t i = 0; i < count; i += 3) {
        float gray = gray_of(image->pixels + i);
        for (size_t c = i; c < i + 3; c++)
            image->pixels[c] = to_byte(gray + (float)factor * ((float)image->pixels[c] - gray));
    }
}

/* Value and saturation stay: the largest and the smallest channel keep their sizes, only which they are changes. */
static void turn_hue(uint8_t *pixel, float turn)
{
    float red = (float)pixel[0], green = (float)pixel[1], blue = (float)pixel[2];
    float most = fmaxf(red, fmaxf(green, blue)), least = fminf(red, fminf(green, blue)), range = most - least;
    if (!(range > 0))
        return;
    float hue; /* in sixths of the circle */
    if (pixel[0] >= pixel[1] && pixel[0] >= pixel[2])
        hue = (green - blue) / range;
    else if (pixel[1] >= pixel[2])
        hue = 2 + (blue - red) / range;
    else
        hue = 4 + (red - green) / range;
    hue += 6 * turn;
    /* Channel n of red, green, blue is `most` minus the part of the range that its distance from n's own hue takes. */
    static const float own[3] = {0, 2, 4};
    for (int c = 0; c < 3; c++) {
        float distance = hue - own[c] - 6 * roundf((hue - own[c]) / 6);
        float away = fminf(fmaxf(fabsf(distance) - 1, 0), 1);
        pixel[c] = to_byte(most - range * away);
    }
}

void jitter_hue(struct image *image, double turn)
{
    size_t count = image->channels == 3 ? image_bytes(image) : 0;
    for (size_t i = 0; i < count; i += 3)
        turn_hue(image->pixels + i, (float)turn);
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

void jitter_colour(struct image *image, const struct augment_options *options, struct random *random)
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
