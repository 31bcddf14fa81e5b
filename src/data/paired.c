#include "data/paired.h"

#include <math.h>

#include "data/crossed.h"

void paired_add(struct paired *paired, double difference)
{
    paired->count++;
    paired->sum += difference;
    paired->squares += difference * difference;
}

static double mean_of(const struct paired *paired, double quantile, double interval[2])
{
    double count = (double)paired->count, mean = paired->count > 0 ? paired->sum / count : (double)NAN;
    double variance = paired->count > 1 ? fmax(0, paired->squares / count - mean * mean) / (count - 1) : (double)NAN;
    double half = quantile * sqrt(variance);
    interval[0] = mean - half;
    interval[1] = mean + half;
    return mean;
}

double paired_mean(const struct paired *paired, double interval[2])
{
    return mean_of(paired, 1.96, interval);
}

double paired_mean_of_few(const struct paired *paired, double interval[2])
{
    return mean_of(paired, paired->count > 1 ? student_quantile((double)paired->count - 1) : 0, interval);
}

void binomial_interval(double share, int64_t count, double interval[2])
{
    const double z = 1.959963985;
    double n = count > 0 ? (double)count : (double)NAN, shrink = 1 / (1 + z * z / n);
    double centre = (share + z * z / (2 * n)) * shrink;
    double half = z * shrink * sqrt(fmax(0, share * (1 - share)) / n + z * z / (4 * n * n));
    interval[0] = fmax(0, centre - half);
    interval[1] = fmin(1, centre + half);
    if (!isfinite(centre))
        interval[0] = interval[1] = (double)NAN;
}
