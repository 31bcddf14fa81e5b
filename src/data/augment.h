/* Random changes of training samples. Everything is a function of (seed, epoch, sample), whatever else is done. */
#ifndef FOVEA_DATA_AUGMENT_H
#define FOVEA_DATA_AUGMENT_H

#include "base/random.h"
#include "data/preprocess.h"
#include "image/index_image.h"

/* Zeros: nothing of the kind. At most one of random resized crop, padded crop and scale jitter. In this order: */
struct augment_options {
    double crop_scale[2];   /* random resized crop: the smallest and largest share of the image's area */
    double crop_ratio[2];   /* and of width to height, drawn evenly in the logarithm; zeros: 3/4 to 4/3 */
    int64_t padding;        /* a random crop of the evaluation's image, with as many pixels more on each side */
    double scale_jitter[2]; /* the image scaled by this beyond the preprocess's resize, and a random crop of it */
    double flip;            /* probability of a horizontal flip */
    double rotation;        /* degrees at most, either way, about the centre; bilinear */
    double brightness, contrast, saturation; /* factors 1 - x to 1 + x */
    double hue;                              /* at most this part of the colour circle, 0 to 0.5 */
    double mixup_alpha;                      /* of the Beta(alpha, alpha) that weights pairs; see mixup_batch */
};

/* Which numbers are drawn. */
struct augment_key {
    uint64_t seed, epoch, sample;
};

/* ERROR_INPUT for values out of their ranges and for what excludes each other. */
int augment_check(const struct augment_options *options, struct error *error);

/* The network's part of the image at the preprocess's crop size (which must be set) and in its channels, ready for
 * preprocess_normalise; with `mask` (or NULL) the same part of it, nearest pixels. What lies outside the image becomes
 * the preprocess's mean colour and `ignore`. Without `options` the evaluation's central crop. The caller releases both
 * results. */
int augment_image(struct memory *memory, const struct augment_options *options, const struct preprocess *preprocess,
                  const struct augment_key *key, const struct image *image, const struct index_image *mask,
                  uint16_t ignore, struct image *out, struct index_image *out_mask, struct error *error);

/* Pairs the samples of a batch: partner[i] of `count`, where partner[partner[i]] is i, drawn by (seed, epoch, batch);
 * a sample may be its own. */
int64_t mixup_partner(uint64_t seed, uint64_t epoch, uint64_t batch, int64_t count, int64_t i);
/* How much of the sample itself stays, drawn from Beta(alpha, alpha). */
float mixup_weight(const struct augment_options *options, const struct augment_key *key);
/* Mixes samples[count][values] with their partners in place: x_i = weights[i] x_i + (1 - weights[i]) x_partner(i). */
void mixup_batch(float *samples, int64_t count, int64_t values, const float *weights, uint64_t seed, uint64_t epoch,
                 uint64_t batch);

#endif
