/* What a run gave as JSON. */
#ifndef FOVEA_REPORT_RUN_RECORD_H
#define FOVEA_REPORT_RUN_RECORD_H

#include "report/json.h"

/* An entry of "outputs", "comparisons" or "predictions", and the document of all three, which it takes over; NULL
 * without memory. `summary`: NULL where the result is no tensor of numbers. */
json_t *report_run_output(const char *name, const struct fovea_tensor *tensor, int64_t length, const char *file,
                          const struct fovea_tensor_summary *summary);
json_t *report_run_comparison(const char *output, const struct fovea_comparison *comparison);
json_t *report_run_prediction(const struct fovea_prediction *prediction, const char *picture);
json_t *report_run_record(const char *path, bool half_weights, bool no_winograd, json_t *outputs, json_t *comparisons,
                          json_t *predictions);

#endif
