#include <math.h>
#include <string.h>

#include "image/image.h"

/* Weights are fixed point with this many fraction bits: 255 times the sum of their magnitudes stays below 2^31. */
#define WEIGHT_BITS 22

/* For each output position along one axis: the input positions it reads and their weights. */
struct taps {
    int most; /* taps at most, the row length of `weights` */
    int *first, *count;
    int32_t *weights; /* [outputs, most] */
};

static double filter_support(enum interpolation interpolation)
{
    return interpolation == INTERPOLATION_BICUBIC ? 2 : 1;
}

static double filter_value(enum interpolation interpolation, double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (interpolation == INTERPOLATION_BILINEAR)
        return x < 1 ? 1 - x : 0;
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

static void taps_release(struct memory *memory, struct taps *taps)
{
    memory_release(memory, taps->first);
    memory_release(memory, taps->count);
    memory_release(memory, taps->weights);
}

/* Weights of output position `out`; `values` is scratch of `most` numbers. */
static void taps_of_position(struct taps *taps, int out, int inputs, double scale, enum interpolation interpolation,
                             double *values)
{
    double stretch = scale > 1 ? scale : 1, support = filter_support(interpolation) * stretch;
    double centre = (out + 0.5) * scale, sum = 0;
    int first = centre - support + 0.5 > 0 ? (int)(centre - support + 0.5) : 0;
    int end = centre + support + 0.5 < inputs ? (int)(centre + support + 0.5) : inputs;
    for (int i = first; i < end; i++) {
        values[i - first] = filter_value(interpolation, (i - centre + 0.5) / stretch);
        sum += values[i - first];
    }
    taps->first[out] = first;
    taps->count[out] = end - first;
    int32_t *weights = taps->weights + (size_t)out * (size_t)taps->most;
    for (int i = 0; i < end - first; i++)
        weights[i] = (int32_t)lround(values[i] / sum * (1 << WEIGHT_BITS));
}

static int taps_make(struct memory *memory, struct taps *taps, int inputs, int outputs,
                     enum interpolation interpolation, struct error *error)
{
    double scale = (double)inputs / outputs;
    int reach = (int)ceil(filter_support(interpolation) * (scale > 1 ? scale : 1));
    *taps = (struct taps){.most = 2 * reach + 1};
    taps->first = memory_allocate(memory, (size_t)outputs, sizeof *taps->first, error);
    taps->count = memory_allocate(memory, (size_t)outputs, sizeof *taps->count, error);
    taps->weights = memory_allocate(memory, (size_t)outputs, (size_t)taps->most * sizeof *taps->weights, error);
    double *values = memory_allocate(memory, (size_t)taps->most, sizeof *values, error);
    bool made = taps->first && taps->count && taps->weights && values;
    for (int out = 0; made && out < outputs; out++)
        taps_of_position(taps, out, inputs, scale, interpolation, values);
    memory_release(memory, values);
    if (!made)
        taps_release(memory, taps);
    return made ? 0 : -1;
}

static uint8_t to_byte(int32_t sum)
{
    int32_t value = sum >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void resize_row(const struct taps *taps, const uint8_t *in, uint8_t *out, int outputs, int channels)
{
    for (int x = 0; x < outputs; x++) {
        const int32_t *weights = taps->weights + (size_t)x * (size_t)taps->most;
        const uint8_t *from = in + taps->first[x] * channels;
        for (int c = 0; c < channels; c++) {
            int32_t sum = 1 << (WEIGHT_BITS - 1);
            for (int i = 0; i < taps->count[x]; i++)
                sum += weights[i] * from[i * channels + c];
            out[x * channels + c] = to_byte(sum);
        }
    }
}

static int resize_horizontally(struct memory *memory, const struct image *from, int width,
                               enum interpolation interpolation, struct image *to, struct error *error)
{
    struct taps taps;
    if (taps_make(memory, &taps, from->width, width, interpolation, error))
        return -1;
    int result = image_allocate(memory, to, width, from->height, from->channels, error);
    size_t in_bytes = (size_t)(from->width * from->channels), out_bytes = (size_t)(width * from->channels);
    for (int y = 0; result == 0 && y < from->height; y++)
        resize_row(&taps, from->pixels + (size_t)y * in_bytes, to->pixels + (size_t)y * out_bytes, width,
                   from->channels);
    taps_release(memory, &taps);
    return result;
}

/* Sums whole rows into `sums`, which vectorises for any number of channels. */
static void sum_rows(const struct taps *taps, const struct image *from, int y, int32_t *sums, uint8_t *out)
{
    size_t row_bytes = (size_t)(from->width * from->channels);
    const int32_t *weights = taps->weights + (size_t)y * (size_t)taps->most;
    for (size_t i = 0; i < row_bytes; i++)
        sums[i] = 1 << (WEIGHT_BITS - 1);
    for (int tap = 0; tap < taps->count[y]; tap++) {
        const uint8_t *row = from->pixels + (size_t)(taps->first[y] + tap) * row_bytes;
        for (size_t i = 0; i < row_bytes; i++)
            sums[i] += weights[tap] * row[i];
    }
    for (size_t i = 0; i < row_bytes; i++)
        out[i] = to_byte(sums[i]);
}

static int resize_vertically(struct memory *memory, const struct image *from, int height,
                             enum interpolation interpolation, struct image *to, struct error *error)
{
    struct taps taps;
    if (taps_make(memory, &taps, from->height, height, interpolation, error))
        return -1;
    size_t row_bytes = (size_t)(from->width * from->channels);
    int32_t *sums = memory_allocate(memory, row_bytes, sizeof *sums, error);
    int result = sums ? image_allocate(memory, to, from->width, height, from->channels, error) : -1;
    for (int y = 0; result == 0 && y < height; y++)
        sum_rows(&taps, from, y, sums, to->pixels + (size_t)y * row_bytes);
    memory_release(memory, sums);
    taps_release(memory, &taps);
    return result;
}

int image_resize(struct memory *memory, const struct image *from, int64_t width, int64_t height,
                 enum interpolation interpolation, struct image *to, struct error *error)
{
    *to = (struct image){0};
    if (width == from->width && height == from->height)
        return image_copy(memory, from, to, error);
    if (image_check_size(width, height, error))
        return -1;
    if (width == from->width)
        return resize_vertically(memory, from, (int)height, interpolation, to, error);
    if (height == from->height)
        return resize_horizontally(memory, from, (int)width, interpolation, to, error);
    struct image between;
    if (resize_horizontally(memory, from, (int)width, interpolation, &between, error))
        return -1;
    int result = resize_vertically(memory, &between, (int)height, interpolation, to, error);
    image_release(memory, &between);
    return result;
}
