/* Random changes of training samples. Everything is a function of (seed, epoch, sample), whatever else is done. */
#ifndef FOVEA_DATA_AUGMENT_H
#define FOVEA_DATA_AUGMENT_H

#include "base/random.h"
#include "data/preprocess.h"
#include "fovea/tune.h"
#include "image/index_image.h"

/* Which numbers are drawn. */
struct augment_key {
    uint64_t seed, epoch, sample;
};

/* ERROR_INPUT for values out of their ranges and for what excludes each other. */
int augment_check(const struct fovea_augment *options, struct error *error);

/* The network's part of the image at the preprocess's crop size (which must be set) and in its channels, ready for
 * preprocess_normalise; with `mask` (or NULL) the same part of it, nearest pixels. What lies outside the image becomes
 * the preprocess's mean colour and `ignore`. Without `options` the evaluation's central crop. The caller releases both
 * results. */
int augment_image(struct memory *memory, const struct fovea_augment *options, const struct preprocess *preprocess,
                  const struct augment_key *key, const struct image *image, const struct index_image *mask,
                  uint16_t ignore, struct image *out, struct index_image *out_mask, struct error *error);

/* Pairs the samples of a batch: partner[i] of `count`, where partner[partner[i]] is i, drawn by (seed, epoch, batch);
 * a sample may be its own. */
int64_t mixup_partner(uint64_t seed, uint64_t epoch, uint64_t batch, int64_t count, int64_t i);
/* How much of the sample itself stays, drawn from Beta(alpha, alpha). */
float mixup_weight(const struct fovea_augment *options, const struct augment_key *key);
/* Mixes samples[count][values] with their partners in place: x_i = weights[i] x_i + (1 - weights[i]) x_partner(i). */
void mixup_batch(float *samples, int64_t count, int64_t values, const float *weights, uint64_t seed, uint64_t epoch,
                 uint64_t batch);

#endif
