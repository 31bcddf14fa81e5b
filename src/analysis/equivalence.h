/* How far a changed model is from what it was, on the same inputs. */
#ifndef FOVEA_ANALYSIS_EQUIVALENCE_H
#define FOVEA_ANALYSIS_EQUIVALENCE_H

#include "analysis/image_set.h"

struct equivalence_result {
    int64_t inputs;
    bool random;
    double largest, mean; /* |y' - y| over the largest |y|, over all outputs and inputs */
    double agreement;     /* share of units of the first output predicted alike; -1: it holds no classes */
};

/* A model as it is now, ready to run, Dropout as in inference, pairs of QuantizeLinear and
 * DequantizeLinear as if they did not round; later edits of its graph do not reach it. */
struct snapshot;
struct snapshot *snapshot_create(const struct model *model, const struct shape_binding *bindings, int binding_count,
                                 struct error *error);
void snapshot_destroy(struct snapshot *snapshot);

/* Runs both on the images, or, where there are none (NULL), on one random input made of `seed`. ERROR_INPUT when their
 * inputs or outputs differ in number or shape. */
int equivalence_measure(struct snapshot *before, struct snapshot *after, const struct image_set *images, uint64_t seed,
                        struct equivalence_result *result, struct error *error);

/* The first node of `after`, an edited copy of `before`, whose result differs from that of the same node there by more
 * than `tolerance` of its largest element, on a random input; its label in `out`, "" where there is none. Nothing is
 * fused, every value is kept: takes the memory of all of them. */
#define EQUIVALENCE_NAME 256
int equivalence_first_departure(const struct model *before, const struct model *after,
                                const struct shape_binding *bindings, int binding_count, double tolerance,
                                uint64_t seed, char out[EQUIVALENCE_NAME], struct error *error);

#endif
