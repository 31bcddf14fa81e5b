/* A folder of results: it appears when it is whole, nothing in it is replaced unless that is asked for, and its
 * manifest comes last. */
#ifndef FOVEA_API_RESULT_FOLDER_H
#define FOVEA_API_RESULT_FOLDER_H

#include "api/api.h"
#include "base/folder_writer.h"
#include "report/erf.h"

struct result_folder {
    struct memory *memory;
    struct arena *arena; /* of the paths */
    const char *path;
    struct folder_writer *writer;
    bool force;
    char digest[65];
    struct report_run run; /* what the results are made with */
};

/* Without the model's SHA-256. */
struct report_run result_run(const struct fovea_model *model);
/* Makes nothing yet; a folder that has a manifest is an error unless `force`. Closed in every case; what was not
 * finished before goes. */
int result_folder_open(struct result_folder *folder, const struct fovea_model *model, const char *path, bool force,
                       struct error *error);
/* Once the manifest is written: the files get their places. */
int result_folder_finish(const struct result_folder *folder, struct error *error);
void result_folder_close(struct result_folder *folder);
/* Whether results could be written to `path`, or to what of it is there. */
int result_check_folder(const char *path, struct error *error);
/* Path that a file in it is to be written to, which is not yet its place, valid until the folder is closed; NULL and an
 * error where it exists already, unless `force`. */
const char *result_file(const struct result_folder *folder, const char *name, struct error *error);
/* Whether result_file would refuse `name` in the folder at `path`, without making anything. */
int result_claim(struct memory *memory, const char *path, const char *name, bool force, struct error *error);
/* The same of a figure, `name` without an ending, whose files are those of all formats asked for. */
const char *result_figure(const struct result_folder *folder, const char *name, struct error *error);
int result_claim_figure(struct memory *memory, const char *path, const char *name,
                        const struct fovea_figure_options *options, bool force, struct error *error);
/* "PREFIX_NAME" made of a layer's or a photograph's name, safe in a file name, that no PNG of the folder is called yet;
 * valid as a path of result_file. */
const char *result_stem(const struct result_folder *folder, const char *prefix, const char *name, struct error *error);
/* Whether the files of a figure could be written to `path`, without an ending, itself. */
int result_claim_picture(const char *path, const struct fovea_figure_options *options, bool force, struct error *error);
/* Whether a file could be written to `path` itself: ERROR_INPUT where one is there, unless `force`, where a folder is,
 * or where its own folder is not. */
int result_claim_file(const char *path, bool force, struct error *error);
/* A float32 array [height, width] as .npy. */
int result_write_floats(const struct result_folder *folder, const char *name, const float *values, int64_t height,
                        int64_t width, struct error *error);
int result_write_doubles(const struct result_folder *folder, const char *name, const double *values, int64_t height,
                         int64_t width, struct error *error);

#endif
