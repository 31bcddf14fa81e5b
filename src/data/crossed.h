/* The mean difference of two methods over seeds and samples, and how sure it is.
 *
 * d[s,i], the difference on sample i of runs with seed s, is taken as m + a[s] + b[i] + e[s,i]: two random effects and
 * a rest. The variance of the mean over S seeds and n samples is var(a)/S + var(b)/n + var(e)/(S n), estimated from the
 * mean squares of the two-way table without repetition (Searle, Casella, McCulloch: Variance Components, 1992, chapter
 * 4) as (MS_a + MS_b - MS_e) / (S n), at least MS_a / (S n) and MS_b / (S n). The interval is the mean plus and minus
 * its root times the 0.975 quantile of Student's t at Satterthwaite's degrees of freedom; where seeds matter these are
 * about S - 1, so that two seeds make it wide. With one seed it is the samples' alone. */
#ifndef FOVEA_DATA_CROSSED_H
#define FOVEA_DATA_CROSSED_H

#include <stdint.h>

#define CROSSED_MOST_SEEDS 100

/* first[seeds][samples] minus second[seeds][samples]; a sample that is NaN anywhere is left out. NaN without samples,
 * and no interval of a single sample. */
double crossed_mean(const float *const *first, const float *const *second, int seeds, int64_t samples,
                    double interval[2]);
/* The 0.975 quantile of Student's t, for one degree of freedom or more. */
double student_quantile(double degrees);

#endif
