#include "guide/groups_law.h"

#include <math.h>

#define LEAST_FEATURES 4 /* of a group of a row: the law has m - 3 below its bar */

int64_t group_next_divisor(int64_t channels, int64_t after)
{
    for (int64_t divisor = after + 1; divisor <= channels; divisor++) {
        if (channels % divisor == 0)
            return divisor;
    }
    return 0;
}

/* Weights of any size give gain^2 = rho: what n_in features of E[x^2] = 1/2 make is divided by its deviation, and each
 * of them gets back what n_out outputs, half of them passed by the activation, return. Of maps, the groups' own means
 * carry a share kx g of the energy away, which the deviation then lacks; the backward projection takes kb g. Of rows,
 * m features alone make mean and deviation: (m - 2) / m of the gradient is left, E[1/deviation^2] = m / (m - 3). */
double group_law_gain(const struct group_law *law, const struct group_layer *layer, int64_t groups)
{
    const struct group_widths *widths = &layer->widths;
    double rho = widths->outputs / (widths->inputs * widths->shrink) * (layer->activation ? 1 : 2);
    double g = (double)groups / (double)layer->channels, m = 1 / g;
    if (layer->positions == 1)
        return sqrt(rho * (m - 2) / (m - 3));
    return sqrt(rho * (1 - law->kb * g) / (1 - law->kx * g));
}

bool group_law_allows(const struct group_law *law, const struct group_layer *layer, int64_t groups)
{
    int64_t features = layer->channels / groups;
    if (layer->channels % groups != 0)
        return false;
    return layer->positions == 1 ? features >= LEAST_FEATURES : (double)(features * layer->positions) >= law->minimum;
}

int64_t group_law_choose(const struct group_law *law, const struct group_layer *layer, int64_t otherwise)
{
    int64_t best = otherwise;
    double smallest = (double)INFINITY;
    for (int64_t groups = 1; groups; groups = group_next_divisor(layer->channels, groups)) {
        double size = fabs(log(group_law_gain(law, layer, groups)));
        if (group_law_allows(law, layer, groups) && size < smallest) {
            smallest = size;
            best = groups;
        }
    }
    return best;
}
