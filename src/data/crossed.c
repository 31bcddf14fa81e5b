#include "data/crossed.h"

#include <math.h>

#define STEPS 4000
#define NORMAL_FROM 2000 /* degrees of freedom */
#define NORMAL_QUANTILE 1.959963984540054
#define HALF_PI 1.5707963267948966

/* t = sqrt(v) tan(u) turns the density into cos(u)^(v - 1), whose integral is followed to 0.95 of the half. */
double student_quantile(double degrees)
{
    double sums[STEPS + 1] = {0}, width = HALF_PI / STEPS, power = degrees - 1;
    int at = 0;
    if (!(degrees < NORMAL_FROM))
        return NORMAL_QUANTILE;
    for (int i = 0; i < STEPS; i++) {
        double left = pow(cos(width * i), power), middle = pow(cos(width * (i + 0.5)), power);
        double right = i + 1 < STEPS ? pow(cos(width * (i + 1)), power) : power > 0 ? 0 : 1;
        sums[i + 1] = sums[i] + (left + 4 * middle + right) / 6;
    }
    while (sums[at + 1] < 0.95 * sums[STEPS])
        at++;
    double part = (0.95 * sums[STEPS] - sums[at]) / (sums[at + 1] - sums[at]);
    return sqrt(degrees) * tan(width * (at + part));
}

/* ---- the table of differences ---- */

struct table {
    const float *const *first, *const *second;
    int seeds;
    int64_t samples, used;
    double mean, of_seeds[CROSSED_MOST_SEEDS];         /* means */
    double seed_squares, sample_squares, rest_squares; /* mean squares */
};

static double difference(const struct table *table, int seed, int64_t sample)
{
    return (double)table->first[seed][sample] - (double)table->second[seed][sample];
}

/* The mean over the seeds; NaN: the sample is left out. */
static double sample_mean(const struct table *table, int64_t sample)
{
    double sum = 0;
    for (int seed = 0; seed < table->seeds; seed++)
        sum += difference(table, seed, sample);
    return sum / table->seeds;
}

static void find_means(struct table *table)
{
    for (int64_t i = 0; i < table->samples; i++) {
        if (isnan(sample_mean(table, i)))
            continue;
        table->used++;
        for (int seed = 0; seed < table->seeds; seed++)
            table->of_seeds[seed] += difference(table, seed, i);
    }
    for (int seed = 0; seed < table->seeds; seed++) {
        table->of_seeds[seed] /= (double)table->used;
        table->mean += table->of_seeds[seed] / table->seeds;
    }
}

static void find_squares(struct table *table)
{
    double seeds = table->seeds, used = (double)table->used, rest = 0;
    for (int seed = 0; seed < table->seeds; seed++)
        table->seed_squares += used * pow(table->of_seeds[seed] - table->mean, 2);
    for (int64_t i = 0; i < table->samples; i++) {
        double mean = sample_mean(table, i);
        if (isnan(mean))
            continue;
        table->sample_squares += seeds * pow(mean - table->mean, 2);
        for (int seed = 0; seed < table->seeds; seed++)
            rest += pow(difference(table, seed, i) - mean - table->of_seeds[seed] + table->mean, 2);
    }
    table->sample_squares /= used - 1;
    if (table->seeds < 2)
        return;
    table->seed_squares /= seeds - 1;
    table->rest_squares = rest / ((seeds - 1) * (used - 1));
}

/* The variance of the mean, and its degrees of freedom. */
static double variance_of(const struct table *table, double *degrees)
{
    double seeds = table->seeds, used = (double)table->used, cells = seeds * used;
    double a = table->seed_squares / cells, b = table->sample_squares / cells, e = table->rest_squares / cells;
    double variance = a + b - e, least = fmax(a, b);
    *degrees = used - 1;
    if (table->seeds < 2)
        return b;
    if (variance > least)
        *degrees =
            variance * variance / (a * a / (seeds - 1) + b * b / (used - 1) + e * e / ((seeds - 1) * (used - 1)));
    else
        *degrees = a >= b ? seeds - 1 : used - 1;
    *degrees = fmax(*degrees, 1);
    return fmax(variance, least);
}

double crossed_mean(const float *const *first, const float *const *second, int seeds, int64_t samples,
                    double interval[2])
{
    struct table table = {.first = first, .second = second, .seeds = seeds, .samples = samples};
    double degrees;
    interval[0] = interval[1] = (double)NAN;
    find_means(&table);
    if (table.used < 2)
        return table.used > 0 ? table.mean : (double)NAN;
    find_squares(&table);
    double half = sqrt(variance_of(&table, &degrees));
    half *= half > 0 ? student_quantile(degrees) : 0;
    interval[0] = table.mean - half;
    interval[1] = table.mean + half;
    return table.mean;
}
