/* Image corruptions at five severities: what a robust network should not mind. Kinds and most strengths are those of
 * ImageNet-C (Hendrycks and Dietterich, ICLR 2019); sizes in pixels hold for 224 px and scale with the longer side. */
#ifndef FOVEA_IMAGE_CORRUPTION_H
#define FOVEA_IMAGE_CORRUPTION_H

#include "fovea/eval.h"
#include "image/image.h"

enum corruption {
    CORRUPTION_GAUSSIAN_NOISE, /* + sigma N(0, 1) */
    CORRUPTION_SHOT_NOISE,     /* Poisson(photons x) / photons */
    CORRUPTION_IMPULSE_NOISE,  /* a share of the values becomes 0 or 1 */
    CORRUPTION_GAUSSIAN_BLUR,
    CORRUPTION_DEFOCUS_BLUR,  /* mean over a disk */
    CORRUPTION_MOTION_BLUR,   /* mean over a line of random direction */
    CORRUPTION_BRIGHTNESS,    /* + strength */
    CORRUPTION_CONTRAST_DOWN, /* mean + strength (x - mean) */
    CORRUPTION_CONTRAST_UP,
    CORRUPTION_SATURATION, /* gray + strength (x - gray), gray by ITU-R 601; nothing happens to gray images */
    CORRUPTION_GAMMA,      /* x^strength */
    CORRUPTION_HUE,        /* turned by degrees in YIQ; nothing happens to gray images */
    CORRUPTION_JPEG,       /* quality */
    CORRUPTION_PIXELATE,   /* blocks of pixels become their mean */
    CORRUPTION_SHIFT,      /* by a share of the side, direction random; the edge is repeated */
    CORRUPTION_ROTATION,   /* by degrees, sense random; bilinear, the edge is repeated */
    CORRUPTION_SCALE,      /* about the centre; bilinear, the edge is repeated */
    CORRUPTION_COUNT
};

/* The strength at severity 1 to 5, in the unit of the table above. */
double corruption_strength(enum corruption corruption, int severity);
/* Whether it moves what the image shows, so that a mask of it no longer fits. */
bool corruption_moves(enum corruption corruption);
/* Corrupts in place. What is random is a function of (seed, corruption, index), so that image `index` is corrupted
 * alike whatever else is done. Intermediate values are floats in 0..1, results rounded to 8 bits. */
int corruption_apply(struct memory *memory, struct image *image, enum corruption corruption, int severity,
                     uint64_t seed, uint64_t index, struct error *error);

#endif
