/* Labelled samples of struct fovea_data, opened: what training and evaluation share. */
#ifndef FOVEA_API_DATA_H
#define FOVEA_API_DATA_H

#include "api/api.h"
#include "data/dataset.h"
#include "data/metrics.h"

#define DATA_USUAL_SHARE 0.1

/* What messages call the data: their path, or what they are. */
const char *data_path(const struct fovea_data *data);
bool data_has_masks(const struct fovea_data *data);
/* Label that does not count, -1: none; of masks, as they are read, DATASET_IGNORED. */
int64_t data_ignored(const struct fovea_data *data);
/* 0: batches are made on the thread of the call. */
int data_threads(const struct fovea_data *data);
/* The names of the classes: of the file, else with `own` the model's; none are no error. The caller releases them in
 * every case. */
int data_names(const struct fovea_model *model, const char *path, bool own, struct class_names *names,
               struct error *error);
/* Of what `samples` name, else the model's; `*source` is what they are called, NULL: the model's own. */
int data_sample_names(const struct fovea_model *model, const struct fovea_samples *samples, struct class_names *names,
                      const char **source, struct error *error);
/* ERROR_INPUT where names of a file are not as many as the model's classes. Those of its metadata are forgotten then,
 * with a note. */
int data_check_names(const struct fovea_model *model, const char *path, struct class_names *names, int64_t classes,
                     struct error *error);
/* `names`: of the file that `data` names, else with `own_names` the model's, else none; the caller releases them in
 * every case. `share`: of the training samples, to validate. */
struct dataset *data_open(struct fovea_model *model, const struct fovea_data *data, bool own_names, double share,
                          struct class_names *names, struct error *error);

/* Notes what is left out of the data, and how many images were not turned by their EXIF orientation so far. */
void data_note(struct context *context, const struct dataset *dataset, const char *path);

/* What was left out of the data, `broken` files that cannot be read too, copied into the arena. */
const struct fovea_left_out *data_left_out(struct arena *arena, const struct dataset *dataset, int64_t broken,
                                           const char *first_broken, struct error *error);

/* The dataset's name of a class, else that in `names`; NULL: neither has one. */
const char *data_class_name(const struct dataset *dataset, const struct class_names *names, int64_t class);

/* Adds the way out to the error of a check where labels are the reason. */
void data_refuse_labels(const struct fovea_data *data, const struct dataset_report *report, struct error *error);

/* What `metrics` tell of each of `count` classes, in `arena`; over what the table holds of so many classes already.
 * Their names are those of data_class_name. */
int data_keep_classes(struct arena *arena, const struct dataset *dataset, const struct class_names *names,
                      const struct metrics *metrics, int64_t count, struct fovea_class_table *table,
                      struct error *error);

#endif
