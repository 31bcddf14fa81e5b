/* Updates of parameters from their gradients. */
#ifndef FOVEA_TRAIN_OPTIMISER_H
#define FOVEA_TRAIN_OPTIMISER_H

#include "base/memory.h"
#include "base/thread_pool.h"
#include "fovea/tune.h"

struct optimiser_options {
    enum fovea_optimiser kind;
    double rate, decay; /* learning rate, weight decay */
    double momentum;    /* SGD */
    bool nesterov;
    double beta1, beta2, epsilon; /* AdamW */
};

/* One parameter's update. `slots` are zero before the first step: SGD uses the first, AdamW both; `step` counts from 1.
 * rate and decay are of this parameter and step. */
struct optimiser_update {
    float *elements;
    const float *gradient;
    float *slots[2];
    int64_t count, step;
    double rate, decay, gradient_scale; /* the gradient is multiplied by this first: clipping */
};
void optimiser_apply(const struct optimiser_options *options, const struct optimiser_update *update,
                     struct thread_pool *pool);
/* What becomes of a weight that nothing but decay moves: {1, 0} before the first step. In a long run it goes to
 * exp(-sum of rate x decay), for SGD with momentum m exp(-sum of rate x decay / (1 - m)), Nesterov's too. */
struct decayed {
    double weight, velocity;
};
void optimiser_decay(const struct optimiser_options *options, double rate, double decay, int64_t step,
                     struct decayed *decayed);
/* By how much momentum multiplies the rate in the long run. */
double optimiser_gain(const struct optimiser_options *options);
/* How many slots a parameter has. */
int optimiser_slots(const struct optimiser_options *options);

#endif
