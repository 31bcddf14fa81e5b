/* What the parts of the reductions share: which axes a node reduces, and the loops over them. */
#ifndef FOVEA_OP_REDUCTION_H
#define FOVEA_OP_REDUCTION_H

#include "graph/operator.h"

enum reduction {
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_L1,
    REDUCE_L2,
    REDUCE_SUM_SQUARE,
    REDUCE_LOG_SUM,
    REDUCE_LOG_SUM_EXP
};

/* output[k] = the reduction of the input's elements at k along the marked axes; the output has the other axes in their
 * order. Over no elements: 0, 1 for products, the end of the type's range for Max and Min, NaN for the mean of floats.
 */
struct reduce_call {
    enum reduction reduction;
    const bool *reduced; /* per axis of the input */
    const struct tensor *input;
    struct tensor *output;
};
void reduce_run(const struct compute_context *context, const struct reduce_call *call);

/* The gradient of the node of this reduction; `reduced` as above. */
int reduction_gradient(struct gradient_context *context, enum reduction reduction, const bool *reduced,
                       struct error *error);

/* x of ReduceMean(x) over the last axes, from *axis on, kept as axes of size 1; NULL: another node makes the value. */
struct value *reduction_mean(const struct value *value, int *axis);

#endif
