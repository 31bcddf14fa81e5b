/* Normalisation of rows: what InstanceNormalization, GroupNormalization, LayerNormalization and RMSNormalization share.
 * Row r of `count` contiguous elements becomes y = (x - mean) / sqrt(variance + epsilon) * scale + bias. */
#ifndef FOVEA_OP_NORMALIZATION_H
#define FOVEA_OP_NORMALIZATION_H

#include "op/emit.h"
#include "op/operand.h"

/* Element i of row r takes parameter (r % row_period) * (count / block) + i / block. */
struct normalization {
    int64_t rows, count;
    int64_t row_period; /* rows after which the parameters repeat; divides rows */
    int64_t block;      /* neighbours that share a parameter; divides count */
    bool centred;       /* false: the mean is not taken off, and the variance is the mean square */
    double epsilon;
    bool held; /* gradients: sqrt(variance + epsilon) counts as constant */
};

int64_t normalization_parameters(const struct normalization *normalization);
/* Runs the forward on context's input 0 to output 0 with scale at input 1 and the optional bias at input 2; `means` and
 * `inverses` (or NULL) get mean and 1 / sqrt(variance + epsilon) of each row. */
void normalization_run(struct compute_context *context, const struct normalization *normalization, float *means,
                       float *inverses);
/* Gradients of inputs 0 to 2 of a node with those inputs, as far as they are wanted, by the internal operator
 * NormalizationGradient. */
int normalization_gradient(struct gradient_context *context, const struct normalization *normalization,
                           struct error *error);

#endif
