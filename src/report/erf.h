/* The effective receptive field as files: JSON, a labelled picture, the folder's manifest. */
#ifndef FOVEA_REPORT_ERF_H
#define FOVEA_REPORT_ERF_H

#include "base/document.h"
#include "base/memory.h"
#include "base/text.h"
#include "fovea.h"

/* What a result was made with. */
struct report_run {
    const char *model, *model_sha256;
    const char *cpu;
    int threads;
    bool half_weights, no_winograd;
    uint64_t seed;
    const char *command; /* NULL: not told */
    struct fovea_figure_options figures;
};
/* Writes a document, which is taken over. */
int report_write(struct memory *memory, const char *path, json_t *document, struct error *error);
/* Appends the files that a figure is in: "erf.png", "erf.svg". */
void report_pictures(const struct report_run *run, const char *name, json_t **files);
/* The manifest of a folder of results: when and how it was made, versions, model, seed, threads, instruction set,
 * definitions; written last. */
int report_manifest(struct memory *memory, const char *path, const struct report_run *run, const char *verb,
                    const char *definition, json_t *files, struct error *error);

#define ERF_SUBJECT 512 /* bytes of the texts of fovea/erf.h */
/* The same of an erf.json, with its model and images; nothing where the file is not there or something else.
 * *of_classes: whether that is the field of a class; left alone where the file does not say. */
int report_erf_other(struct memory *memory, const char *path, struct text *text, bool *of_classes, struct error *error);
/* Whether a fit to a map of this size says anything, and whether the map is a Gaussian. */
enum report_fit { REPORT_FIT_NONE, REPORT_FIT_ROUGH, REPORT_FIT_GAUSSIAN };
enum report_fit report_fit_of(const struct fovea_gaussian *fit, int64_t height, int64_t width);
/* Rounded, without the sign of a zero: no "-0.0". */
double report_tidy(double value, int decimals);

int report_erf_json(struct memory *memory, const char *path, const struct report_run *run, const struct fovea_erf *erf,
                    struct error *error);
/* Pictures' paths have no ending: each format has its own. */
/* A colour map of the field with axes in pixels, the unit's theoretical field, a colour bar, the profile through the
 * centre, and the numbers. `log_scale`: whatever the figures' options say. */
int report_erf_picture(struct memory *memory, const char *path, const struct report_run *run,
                       const struct fovea_erf *erf, bool log_scale, struct error *error);
/* Several on one scale, each a share of its own maximum unless the options give a highest value, with one profile. */
int report_erf_panels(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                      const struct fovea_erf_panel *panels, int count, struct error *error);
/* A PNG of the map alone: one pixel for one of the map, fewer where it is large; from black, 0, to its maximum.
 * *logarithmic: whether by the logarithm, of the last ERF_LOG_DECADES decades, as most would be black otherwise. */
#define ERF_LOG_DECADES 4
int report_erf_map(struct memory *memory, const char *path, const struct fovea_erf *erf, bool *logarithmic,
                   struct error *error);
/* The difference from another field, in colours from blue (less) to red (more). */
int report_erf_difference(struct memory *memory, const char *path, const struct report_run *run,
                          const struct fovea_erf *erf, struct error *error);
/* Versions, model, seed, threads, instruction set, definitions used; written last. */
int report_erf_manifest(struct memory *memory, const char *path, const struct report_run *run,
                        const struct fovea_erf *erf, struct error *error);

#endif
