/* The Gaussian attention bias in numbers (Kim et al., BMVC 2023, arXiv 2305.04722). */
#ifndef FOVEA_GUIDE_GAUSSIAN_FORM_H
#define FOVEA_GUIDE_GAUSSIAN_FORM_H

#include "structure/token_places.h"

/* B[n,m] = amplitude^2 exp(-(dy^2 + dx^2) / (2 sigma^2)), distances in patches. */
struct gaussian_bias {
    double amplitude, sigma;
};

/* distances: [count, count] of the tokens with a place, squared. */
void gaussian_distances(const struct token_places *places, double *distances);
/* table: [tokens, tokens]. Columns of tokens without a place hold the log of the row's mean exp(B), or 0 where
 * `zero_columns`; their rows hold 0. */
void gaussian_table(const struct token_places *places, const struct gaussian_bias *bias, bool zero_columns,
                    double *table);
/* Whether `tensor` [.., tokens, tokens] is such a bias, the same for all heads: within 2e-3 of its largest element, and
 * whatever the rows and columns of tokens without a place hold; hidden keys (below -50) do not count. */
bool gaussian_fits(const struct token_places *places, const struct tensor *tensor, struct gaussian_bias *bias);

#endif
