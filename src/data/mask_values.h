/* What the values of masks stand for. */
#ifndef FOVEA_DATA_MASK_VALUES_H
#define FOVEA_DATA_MASK_VALUES_H

#include "data/dataset.h"

/* Reads the options' mask_values: ERROR_INPUT for values out of range, twice, or ignored at the same time. */
int mask_values_open(struct dataset *dataset, struct error *error);
/* The class of a value, DATASET_IGNORED where it does not count, -1 where it is none; may be beyond the model's. */
int64_t mask_values_label(const struct dataset *dataset, uint16_t value);
/* Values become classes. */
void mask_values_apply(const struct dataset *dataset, struct index_image *mask);
/* ERROR_INPUT, with the way out, where a value that nobody said to ignore leaves class 0 alone, as 255 does in masks of
 * 0 and 255, or where no pixel counts. counts: pixels of each value from 0 to DATASET_MAX_LABEL. */
int mask_values_judge(const struct dataset *dataset, const int64_t *counts, struct error *error);

#endif
