/* How alike two rows of numbers are. */
#ifndef FOVEA_ANALYSIS_CORRELATION_H
#define FOVEA_ANALYSIS_CORRELATION_H

#include "base/memory.h"
#include "fovea/erf.h"

/* Pearson's coefficient; 0 where one of the rows is constant. */
double correlation_pearson(const double *a, const double *b, int64_t count);
/* Spearman's: Pearson's of the ranks, equal numbers sharing their mean rank. -1 without memory. */
int correlation_spearman(struct memory *memory, const double *a, const double *b, int64_t count, double *correlation,
                         struct error *error);

/* Fills overlap, correlation, largest and sum_ratio, and comparison->difference[count]: first minus second, both
 * divided by their sums. Sums of 0 leave a map as it is. */
void maps_compare(const double *first, const double *second, int64_t count, struct fovea_erf_comparison *comparison);

#endif
