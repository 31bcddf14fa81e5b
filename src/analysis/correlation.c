#include "analysis/correlation.h"

#include <math.h>
#include <stdlib.h>

static double mean_of(const double *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    return count > 0 ? sum / (double)count : 0;
}

double correlation_pearson(const double *a, const double *b, int64_t count)
{
    double mean_a = mean_of(a, count), mean_b = mean_of(b, count), ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < count; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

struct ranked {
    double value;
    int64_t place;
};

static int compare_ranked(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return (x > y) - (x < y);
}

static void rank(const double *values, int64_t count, struct ranked *work, double *ranks)
{
    for (int64_t i = 0; i < count; i++)
        work[i] = (struct ranked){values[i], i};
    qsort(work, (size_t)count, sizeof *work, compare_ranked);
    for (int64_t first = 0, last; first < count; first = last) {
        for (last = first + 1; last < count && work[last].value == work[first].value; last++)
            ;
        for (int64_t i = first; i < last; i++)
            ranks[work[i].place] = (double)(first + last - 1) / 2;
    }
}

int correlation_spearman(struct memory *memory, const double *a, const double *b, int64_t count, double *correlation,
                         struct error *error)
{
    *correlation = 0;
    if (count <= 0)
        return 0;
    double *ranks = memory_allocate(memory, 2 * (size_t)count, sizeof *ranks, error);
    struct ranked *work = memory_allocate(memory, (size_t)count, sizeof *work, error);
    if (ranks && work) {
        rank(a, count, work, ranks);
        rank(b, count, work, ranks + count);
        *correlation = correlation_pearson(ranks, ranks + count, count);
    }
    int result = ranks && work ? 0 : -1;
    memory_release(memory, ranks);
    memory_release(memory, work);
    return result;
}

void maps_compare(const double *first, const double *second, int64_t count, struct fovea_erf_comparison *comparison)
{
    double sums[2] = {mean_of(first, count) * (double)count, mean_of(second, count) * (double)count};
    double scale[2] = {sums[0] > 0 ? 1 / sums[0] : 1, sums[1] > 0 ? 1 / sums[1] : 1};
    double largest = 0, largest_second = 0;
    comparison->correlation = correlation_pearson(first, second, count);
    comparison->sum_ratio = sums[1] > 0 ? sums[0] / sums[1] : 0;
    comparison->overlap = 0;
    for (int64_t i = 0; i < count; i++) {
        double a = first[i] * scale[0], b = second[i] * scale[1];
        comparison->overlap += fmin(a, b);
        largest = fmax(largest, fabs(a - b));
        largest_second = fmax(largest_second, b);
        comparison->difference[i] = (float)(a - b);
    }
    comparison->largest = largest_second > 0 ? largest / largest_second : 0;
}
