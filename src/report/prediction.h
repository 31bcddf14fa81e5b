/* The picture of what a model says of an image. */
#ifndef FOVEA_REPORT_PREDICTION_H
#define FOVEA_REPORT_PREDICTION_H

#include "fovea.h"
#include "report/figure.h"

/* The regions in colours over the image with a legend, or the classes with bars beside it. `path` has no ending. */
int report_prediction(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                      const struct fovea_prediction *prediction, struct error *error);

#endif
