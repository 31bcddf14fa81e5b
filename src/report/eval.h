/* The results of an evaluation as JSON. */
#ifndef FOVEA_REPORT_EVAL_H
#define FOVEA_REPORT_EVAL_H

#include "report/erf.h"
#include "report/json.h"

/* `run`: with or without the model's SHA-256. NULL without memory. */
json_t *report_eval(const struct fovea_eval *eval, const struct report_run *run);
int report_eval_json(struct memory *memory, const char *path, const struct report_run *run,
                     const struct fovea_eval *eval, struct error *error);

#endif
