#include <math.h>

#include "data/augment_steps.h"

#define CROP_TRIES 10

/* Fraction bits of the weights of a rotated pixel's neighbours. */
#define WEIGHT_BITS 10

/* ---- where the network looks ---- */

/* Evenly in [0, most]. */
static int64_t drawn_up_to(int64_t most, struct random *random)
{
    return most > 0 ? random_below(random, (uint32_t)most + 1) : 0;
}

static void ratio_limits(const struct fovea_augment *options, double limits[2])
{
    bool given = options->crop_ratio[0] > 0;
    limits[0] = given ? options->crop_ratio[0] : 3.0 / 4.0;
    limits[1] = given ? options->crop_ratio[1] : 4.0 / 3.0;
}

/* The largest central part whose ratio is within the limits. */
static struct image_window central_window(int64_t width, int64_t height, const double limits[2])
{
    double ratio = (double)width / (double)height;
    int64_t w = ratio > limits[1] ? llround((double)height * limits[1]) : width;
    int64_t h = ratio < limits[0] ? llround((double)width / limits[0]) : height;
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    return (struct image_window){(width - w) / 2, (height - h) / 2, w, h};
}

struct image_window window_of_resized_crop(const struct fovea_augment *options, int64_t width, int64_t height,
                                           struct random *random)
{
    double limits[2], least = options->crop_scale[0], most = options->crop_scale[1];
    ratio_limits(options, limits);
    for (int i = 0; i < CROP_TRIES; i++) {
        double area = (double)(width * height) * (least + (most - least) * random_uniform(random));
        double ratio = exp(log(limits[0]) + (log(limits[1]) - log(limits[0])) * random_uniform(random));
        int64_t w = llround(sqrt(area * ratio)), h = llround(sqrt(area / ratio));
        if (w >= 1 && h >= 1 && w <= width && h <= height) {
            int64_t top = drawn_up_to(height - h, random), left = drawn_up_to(width - w, random);
            return (struct image_window){left, top, w, h};
        }
    }
    return central_window(width, height, limits);
}

struct image_window window_of_padded_crop(const struct fovea_augment *options, const struct preprocess *preprocess,
                                          struct random *random)
{
    int64_t top = drawn_up_to(2 * options->padding, random), left = drawn_up_to(2 * options->padding, random);
    return (struct image_window){left - options->padding, top - options->padding, preprocess->crop_width,
                                 preprocess->crop_height};
}

/* Where `part` of `whole` begins; a part that is larger has the whole somewhere in it. */
static int64_t drawn_offset(int64_t whole, int64_t part, struct random *random)
{
    return part <= whole ? drawn_up_to(whole - part, random) : -drawn_up_to(part - whole, random);
}

struct image_window window_of_scale_jitter(const struct fovea_augment *options, const struct preprocess *preprocess,
                                           int64_t width, int64_t height, struct random *random)
{
    double least = options->scale_jitter[0], most = options->scale_jitter[1];
    double factor = least + (most - least) * random_uniform(random), down = factor, across = factor;
    if (preprocess->fit == FIT_SHORTER_SIDE && preprocess->resize > 0) {
        down *= (double)preprocess->resize / (double)(width < height ? width : height);
        across = down;
    } else if (preprocess->fit != FIT_SHORTER_SIDE) {
        const struct image image = {(int)width, (int)height, 1, NULL, 0};
        int64_t resized_height, resized_width;
        preprocess_resized_size(preprocess, &image, &resized_height, &resized_width);
        down *= (double)resized_height / (double)height;
        across *= (double)resized_width / (double)width;
    }
    int64_t w = llround((double)preprocess->crop_width / across), h = llround((double)preprocess->crop_height / down);
    w = w < 1 ? 1 : w;
    h = h < 1 ? 1 : h;
    int64_t top = drawn_offset(height, h, random), left = drawn_offset(width, w, random);
    return (struct image_window){left, top, w, h};
}

/* ---- taking it ---- */

void scene_release(struct scene *scene)
{
    image_release(scene->memory, &scene->image);
    index_image_release(scene->memory, &scene->mask);
}

/* The scene's pictures become these; the former are released. */
static void scene_replace(struct scene *scene, const struct image *image, const struct index_image *mask)
{
    scene_release(scene);
    scene->image = *image;
    scene->mask = *mask;
}

static int scene_cut(struct scene *scene, const struct image_window *window, struct error *error)
{
    struct image image;
    struct index_image mask = {0};
    if (image_cut(scene->memory, &scene->image, window, scene->fill, &image, error))
        return -1;
    if (scene->mask.values && index_image_cut(scene->memory, &scene->mask, window, scene->ignore, &mask, error)) {
        image_release(scene->memory, &image);
        return -1;
    }
    scene_replace(scene, &image, &mask);
    return 0;
}

static int scene_resize(struct scene *scene, int64_t width, int64_t height, enum interpolation interpolation,
                        struct error *error)
{
    struct image image;
    struct index_image mask = {0};
    if (scene->image.width == width && scene->image.height == height)
        return 0;
    if (image_resize(scene->memory, &scene->image, width, height, interpolation, &image, error))
        return -1;
    if (scene->mask.values && index_image_resize(scene->memory, &scene->mask, width, height, &mask, error)) {
        image_release(scene->memory, &image);
        return -1;
    }
    scene_replace(scene, &image, &mask);
    return 0;
}

int scene_place(struct scene *scene, const struct image_window *window, const struct preprocess *preprocess,
                struct error *error)
{
    return scene_cut(scene, window, error) || scene_resize(scene, preprocess->crop_width, preprocess->crop_height,
                                                           preprocess->interpolation, error)
               ? -1
               : 0;
}

int scene_place_plainly(struct scene *scene, const struct preprocess *preprocess, struct error *error)
{
    int64_t width, height;
    preprocess_resized_size(preprocess, &scene->image, &height, &width);
    if (scene_resize(scene, width, height, preprocess->interpolation, error))
        return -1;
    struct image_window window;
    return preprocess_window(preprocess, height, width, &window, error) ? -1 : scene_cut(scene, &window, error);
}

/* ---- flip and rotation ---- */

void scene_flip(struct scene *scene)
{
    struct image *image = &scene->image;
    int64_t width = image->width, channels = image->channels;
    for (int64_t y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + y * width * channels;
        for (int64_t i = 0; i < width / 2 * channels; i++) {
            uint8_t *other = row + (width - 1 - i / channels) * channels + i % channels, kept = row[i];
            row[i] = *other;
            *other = kept;
        }
        uint16_t *values = scene->mask.values ? scene->mask.values + y * width : NULL;
        for (int64_t x = 0; values && x < width / 2; x++) {
            uint16_t kept = values[x];
            values[x] = values[width - 1 - x];
            values[width - 1 - x] = kept;
        }
    }
}

/* The weighted mean of four neighbours, of which those outside have the fill's colour. `weights` of the upper left, the
 * upper right and the lower two. */
static void mix_corners(const struct scene *scene, int64_t top, int64_t left, const int weights[4], uint8_t *out)
{
    const struct image *image = &scene->image;
    const uint8_t *corners[4];
    for (int corner = 0; corner < 4; corner++) {
        int64_t row = top + corner / 2, column = left + corner % 2;
        bool inside = row >= 0 && column >= 0 && row < image->height && column < image->width;
        corners[corner] = inside ? image->pixels + (row * image->width + column) * image->channels : scene->fill;
    }
    for (int c = 0; c < image->channels; c++) {
        int sum = 1 << (2 * WEIGHT_BITS - 1);
        for (int corner = 0; corner < 4; corner++)
            sum += weights[corner] * corners[corner][c];
        out[c] = (uint8_t)(sum >> (2 * WEIGHT_BITS));
    }
}

static void rotated_pixel(const struct scene *scene, double y, double x, uint8_t *out)
{
    int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
    int lower = (int)((y - (double)top) * (1 << WEIGHT_BITS) + 0.5), upper = (1 << WEIGHT_BITS) - lower;
    int right = (int)((x - (double)left) * (1 << WEIGHT_BITS) + 0.5), before = (1 << WEIGHT_BITS) - right;
    const int weights[4] = {upper * before, upper * right, lower * before, lower * right};
    mix_corners(scene, top, left, weights, out);
}

static uint16_t rotated_index(const struct scene *scene, double y, double x)
{
    const struct index_image *mask = &scene->mask;
    int64_t row = (int64_t)floor(y + 0.5), column = (int64_t)floor(x + 0.5);
    bool inside = row >= 0 && column >= 0 && row < mask->height && column < mask->width;
    return inside ? mask->values[row * mask->width + column] : scene->ignore;
}

/* Every pixel shows what lies at the place it is turned back to. */
static void rotate_into(const struct scene *scene, double degrees, struct image *image, struct index_image *mask)
{
    double cosine = cos(degrees * M_PI / 180), sine = sin(degrees * M_PI / 180);
    double middle_y = (image->height - 1) / 2.0, middle_x = (image->width - 1) / 2.0;
    for (int64_t i = 0; i < (int64_t)image->height * image->width; i++) {
        double dy = (double)(i / image->width) - middle_y, dx = (double)(i % image->width) - middle_x;
        double y = middle_y + cosine * dy + sine * dx, x = middle_x - sine * dy + cosine * dx;
        rotated_pixel(scene, y, x, image->pixels + i * image->channels);
        if (mask->values)
            mask->values[i] = rotated_index(scene, y, x);
    }
}

int scene_rotate(struct scene *scene, double degrees, struct error *error)
{
    struct image image;
    struct index_image mask = {0};
    int64_t width = scene->image.width, height = scene->image.height;
    if (image_allocate(scene->memory, &image, width, height, scene->image.channels, error))
        return -1;
    if (scene->mask.values && index_image_allocate(scene->memory, &mask, width, height, error)) {
        image_release(scene->memory, &image);
        return -1;
    }
    rotate_into(scene, degrees, &image, &mask);
    scene_replace(scene, &image, &mask);
    return 0;
}
