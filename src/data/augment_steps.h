/* The single steps of augmentation; private to its files. */
#ifndef FOVEA_DATA_AUGMENT_STEPS_H
#define FOVEA_DATA_AUGMENT_STEPS_H

#include "data/augment.h"

/* Steps draw from streams of their own, so that one does not depend on whether another is done. */
enum augment_step { STEP_PLACE, STEP_FLIP, STEP_ROTATE, STEP_COLOUR, STEP_MIXUP };
struct random augment_random(const struct augment_key *key, enum augment_step step);

/* An image, its mask (values NULL: none) and what stands for places outside. */
struct scene {
    struct memory *memory;
    struct image image;
    struct index_image mask;
    uint8_t fill[3];
    uint16_t ignore;
};
void scene_release(struct scene *scene);

/* Windows of an image of this size that become the network's input. */
struct image_window window_of_resized_crop(const struct fovea_augment *options, int64_t width, int64_t height,
                                           struct random *random);
struct image_window window_of_padded_crop(const struct fovea_augment *options, const struct preprocess *preprocess,
                                          struct random *random);
struct image_window window_of_scale_jitter(const struct fovea_augment *options, const struct preprocess *preprocess,
                                           int64_t width, int64_t height, struct random *random);

/* Cuts a window and resizes it. */
int scene_place(struct scene *scene, const struct image_window *window, const struct preprocess *preprocess,
                struct error *error);
/* The evaluation's part. */
int scene_place_plainly(struct scene *scene, const struct preprocess *preprocess, struct error *error);
void scene_flip(struct scene *scene);
int scene_rotate(struct scene *scene, double degrees, struct error *error);

/* Colour factors in place; results are rounded to 8 bits after each. */
void jitter_brightness(struct image *image, double factor);
void jitter_contrast(struct image *image, double factor); /* about the mean of the gray image */
void jitter_saturation(struct image *image,
                       double factor);             /* about each pixel's gray; nothing happens to gray images */
void jitter_hue(struct image *image, double turn); /* turns of the circle in HSV; as above */
/* All four with factors drawn from the options, in a random order. */
void jitter_colour(struct image *image, const struct fovea_augment *options, struct random *random);

#endif
