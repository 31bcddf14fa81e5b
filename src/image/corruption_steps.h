/* The single corruptions, on planes of floats in 0..1; private to the corruption files. */
#ifndef FOVEA_IMAGE_CORRUPTION_STEPS_H
#define FOVEA_IMAGE_CORRUPTION_STEPS_H

#include "base/random.h"
#include "image/corruption.h"

/* [channels, height, width] and as much room again. */
struct planes {
    int64_t channels, height, width;
    float *values, *work;
};

void noise_gaussian(struct planes *planes, double sigma, struct random *random);
void noise_shot(struct planes *planes, double photons, struct random *random);
void noise_impulse(struct planes *planes, double share, struct random *random);
void blur_gaussian(struct planes *planes, double sigma);
void blur_disk(struct planes *planes, double radius);
/* Along a line of `length` pixels at `angle` (radians). */
void blur_line(struct planes *planes, double length, double angle);
void colour_brightness(struct planes *planes, double added);
void colour_contrast(struct planes *planes, double factor);
void colour_saturation(struct planes *planes, double factor);
void colour_gamma(struct planes *planes, double exponent);
void colour_hue(struct planes *planes, double degrees);
/* Blocks of size x size, the last ones smaller. */
void geometry_pixelate(struct planes *planes, int64_t size);
/* Every pixel shows what lies at centre + matrix (pixel - centre) - shift, bilinearly. */
struct warp {
    double matrix[2][2], shift[2]; /* y, x */
};
void geometry_warp(struct planes *planes, const struct warp *warp);

#endif
