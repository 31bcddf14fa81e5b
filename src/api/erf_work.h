/* What the files behind fovea_erf share. */
#ifndef FOVEA_API_ERF_WORK_H
#define FOVEA_API_ERF_WORK_H

#include "api/stock.h"

/* Reads the other field and compares; the result lives in the field's own memory. */
int erf_compare(struct memory *memory, struct fovea_erf *result, const char *path, struct error *error);
/* The same with a field at hand. */
int erf_compare_field(struct memory *memory, struct fovea_erf *result, const struct fovea_erf *other,
                      struct error *error);
/* The same with a map [height, width] at hand. */
int erf_compare_map(struct memory *memory, struct fovea_erf *result, const double *other, const char *path,
                    struct error *error);
/* fovea_erf with positions as they are or at random. */
int erf_make(struct fovea_model *model, const struct fovea_erf_options *options, bool random_positions,
             struct fovea_erf *result, struct error *error);
/* For probe_request.edit; `user`: the seed, uint64_t. */
int erf_randomise_positions(void *user, struct graph *graph, const struct value *image, struct error *error);

#endif
