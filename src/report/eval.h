/* The results of an evaluation as JSON. */
#ifndef FOVEA_REPORT_EVAL_H
#define FOVEA_REPORT_EVAL_H

#include "report/erf.h"
#include "report/json.h"

/* NULL without memory. */
json_t *report_eval(const struct fovea_eval *eval, uint64_t seed);
int report_eval_json(struct memory *memory, const char *path, uint64_t seed, const struct fovea_eval *eval,
                     struct error *error);

#endif
