/* The mean difference of two results that were measured on the same samples. */
#ifndef FOVEA_DATA_PAIRED_H
#define FOVEA_DATA_PAIRED_H

#include <stdint.h>

struct paired {
    int64_t count;
    double sum, squares;
};

void paired_add(struct paired *paired, double difference);
/* The mean and its 95 % interval by the normal approximation; NaN without samples, and no interval of one. */
double paired_mean(const struct paired *paired, double interval[2]);

#endif
