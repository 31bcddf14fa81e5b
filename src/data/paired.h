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
/* The same by Student's t, for few samples. */
double paired_mean_of_few(const struct paired *paired, double interval[2]);
/* Wilson's 95 % interval of a share of `count` independent trials; NaN without any. */
void binomial_interval(double share, int64_t count, double interval[2]);

#endif
