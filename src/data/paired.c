#include "data/paired.h"

#include <math.h>

void paired_add(struct paired *paired, double difference)
{
    paired->count++;
    paired->sum += difference;
    paired->squares += difference * difference;
}

double paired_mean(const struct paired *paired, double interval[2])
{
    double count = (double)paired->count, mean = paired->count > 0 ? paired->sum / count : (double)NAN;
    double variance = paired->count > 1 ? fmax(0, paired->squares / count - mean * mean) / (count - 1) : (double)NAN;
    double half = 1.96 * sqrt(variance);
    interval[0] = mean - half;
    interval[1] = mean + half;
    return mean;
}
