/* How alike two rows of numbers are. */
#ifndef FOVEA_ANALYSIS_CORRELATION_H
#define FOVEA_ANALYSIS_CORRELATION_H

#include <stdint.h>

#include "base/memory.h"

/* Pearson's coefficient; 0 where one of the rows is constant. */
double correlation_pearson(const double *a, const double *b, int64_t count);
/* Spearman's: Pearson's of the ranks, equal numbers sharing their mean rank. -1 without memory. */
int correlation_spearman(struct memory *memory, const double *a, const double *b, int64_t count, double *correlation,
                         struct error *error);

/* Two maps, each divided by its sum. */
struct map_comparison {
    double overlap;     /* sum of the smaller of both: 1 when they are the same, 0 when disjoint */
    double correlation; /* Pearson's */
    double largest;     /* absolute difference, over the second map's largest value */
    double sum_ratio;   /* first over second, before the division */
};
/* difference[count]: first minus second, both divided by their sums. Sums of 0 leave a map as it is. */
void maps_compare(const double *first, const double *second, int64_t count, float *difference,
                  struct map_comparison *comparison);

#endif
