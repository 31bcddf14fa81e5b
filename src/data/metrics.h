/* How good predictions are: counted as they come, in memory that depends on the number of classes alone. */
#ifndef FOVEA_DATA_METRICS_H
#define FOVEA_DATA_METRICS_H

#include "base/memory.h"
#include "fovea/data.h"

#define METRICS_MAX_CLASSES 65536
#define METRICS_MAX_CONFUSION 4096 /* classes; with more there is no confusion matrix */

struct metrics;

/* Labels that are `ignore` are not counted (-1 stands for none in loader batches too). */
struct metrics *metrics_create(struct memory *memory, int64_t classes, int64_t ignore, struct error *error);
/* The same without a confusion matrix. */
struct metrics *metrics_create_plain(struct memory *memory, int64_t classes, int64_t ignore, struct error *error);
void metrics_destroy(struct metrics *metrics);
void metrics_reset(struct metrics *metrics);
/* The class with the largest of `classes` logits that lie `step` apart, the first of equal ones, NaN never; -1: none.
 */
int64_t metrics_predict(const float *logits, int64_t step, int64_t classes);
/* logits[samples, classes, pixels], labels[samples, pixels]; `pixels` is height x width, 1 for whole images.
 * ERROR_INPUT for a label that is neither a class nor to be ignored; what came before it is counted. */
int metrics_add(struct metrics *metrics, const float *logits, const int64_t *labels, int64_t samples, int64_t pixels,
                struct error *error);
/* Of `pixels`, or of samples; NaN where nothing was counted. */
struct fovea_metrics metrics_summarise(const struct metrics *metrics, bool pixels);
/* What metrics are that nothing was counted for. */
struct fovea_metrics metrics_none(bool pixels);
/* Accuracy is the recall, correct / actual; without a name. */
struct fovea_class_metrics metrics_of_class(const struct metrics *metrics, int64_t class_number);
/* As they were counted elsewhere, of one class; the cells of the confusion matrix, NULL where there is none. */
void metrics_set_class(struct metrics *metrics, int64_t class_number, const struct fovea_class_metrics *counts);
int64_t *metrics_cells(struct metrics *metrics);
/* [classes, classes], rows by label, columns by prediction (samples without a prediction, all NaN, are in no column);
 * NULL for more than METRICS_MAX_CONFUSION classes. */
const int64_t *metrics_confusion(const struct metrics *metrics);

#endif
