#include <math.h>

#include "image/corruption_steps.h"

static int64_t plane_values(const struct planes *planes)
{
    return planes->channels * planes->height * planes->width;
}

void noise_gaussian(struct planes *planes, double sigma, struct random *random)
{
    for (int64_t i = 0; i < plane_values(planes); i++)
        planes->values[i] += (float)(sigma * random_normal(random));
}

/* Knuth's product of uniforms: exact, and quick for the small means that are asked for. */
static double draw_poisson(double mean, struct random *random)
{
    double limit = exp(-mean), product = random_uniform(random);
    int64_t count = 0;
    for (; product > limit; count++)
        product *= random_uniform(random);
    return (double)count;
}

void noise_shot(struct planes *planes, double photons, struct random *random)
{
    for (int64_t i = 0; i < plane_values(planes); i++)
        planes->values[i] = (float)(draw_poisson(photons * (double)planes->values[i], random) / photons);
}

void noise_impulse(struct planes *planes, double share, struct random *random)
{
    for (int64_t i = 0; i < plane_values(planes); i++) {
        double draw = random_uniform(random);
        if (draw < share)
            planes->values[i] = draw < share / 2 ? 0 : 1;
    }
}
