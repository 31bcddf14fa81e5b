/* The differences between two models as JSON. */
#ifndef FOVEA_REPORT_DIFF_H
#define FOVEA_REPORT_DIFF_H

#include "report/json.h"

/* NULL without memory. */
json_t *report_diff(const struct fovea_diff *diff);

#endif
