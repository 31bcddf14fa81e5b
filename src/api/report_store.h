/* A report's folder: report.json is what is stored, everything else is made of it. */
#ifndef FOVEA_API_REPORT_STORE_H
#define FOVEA_API_REPORT_STORE_H

#include "api/result_folder.h"
#include "base/document.h"

/* The document at `path`, report.json or a folder that holds one; NULL and ERROR_INPUT where there is none. */
json_t *report_load(struct memory *memory, const char *path, struct error *error);
/* Writes report.json, report.html and last manifest.json, and finishes the folder. `pictures`: the folder that they are
 * in; NULL: they were written with the report. */
int report_store(const struct result_folder *folder, const json_t *report, const char *pictures, struct error *error);
/* Sets a section of the report at `path` and makes the page anew; takes over `section`. */
int report_add(struct fovea_model *model, const char *path, const char *name, json_t *section, struct error *error);

/* What a report measures on images, as the audit planned it. */
struct report_measuring {
    struct fovea_model *model;
    const struct fovea_samples *samples;
    const struct fovea_audit *audit;
    const struct result_folder *folder; /* that pictures go into */
    struct progress_whole *progress;
};
/* The sections. Objects with a "refused" sentence where the model or the images do not allow it; empty ones where
 * nothing is planned; NULL and an error where something else fails. */
json_t *report_measure_erf(const struct report_measuring *measuring, struct error *error);
json_t *report_measure_cam(const struct report_measuring *measuring, struct error *error);
json_t *report_measure_curves(const struct report_measuring *measuring, struct error *error);
/* The layers of the model and what the file says of itself: "model" and "layers" of the report. */
int report_measure_layers(struct fovea_model *model, const struct fovea_samples *samples,
                          const struct fovea_audit *audit, json_t **report, struct error *error);

#endif
