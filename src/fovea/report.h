/** @file An audit as a page. */
#ifndef FOVEA_REPORT_H
#define FOVEA_REPORT_H

#include "fovea/audit.h"
#include "fovea/eval.h"
#include "fovea/rewrite.h"
#include "fovea/tune.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A folder with report.json (every number, in sections), report.html (a page that needs no other file and no network,
 * made of report.json and the pictures), the pictures, and last manifest.json. */
struct fovea_report_options {
    /** Those of the audit. With images: fields, class activation maps and curves are measured for the page, as the
     * audit planned. */
    struct fovea_samples samples;
    const char *baseline; /**< report.json of an earlier audit, or its folder, to stand beside; NULL: none */
    bool force;           /**< replace a report that is there */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_report_options fovea_report_options_default(void);
/** Whether fovea_report_write would be refused for what is in `folder` or `baseline`: to be asked before long work. */
FOVEA_API int fovea_report_claim(struct fovea_model *model, const struct fovea_report_options *options,
                                 const char *folder, struct fovea_error *error);
/** What cannot be measured of this model is a sentence of the page, no error. */
FOVEA_API int fovea_report_write(struct fovea_model *model, const struct fovea_audit *audit,
                                 const struct fovea_report_options *options, const char *folder,
                                 struct fovea_error *error);
/** Whether `folder` holds a report about this model's file, which the following add a section to. */
FOVEA_API int fovea_report_find(struct fovea_model *model, const char *folder, struct fovea_error *error);
/** `path`: of the new file; NULL: none was written. */
FOVEA_API int fovea_report_add_rewrite(struct fovea_model *model, const struct fovea_rewrite *rewrite, const char *path,
                                       const char *folder, struct fovea_error *error);
FOVEA_API int fovea_report_add_tune(struct fovea_model *model, const struct fovea_tune *tune, const char *path,
                                    const char *folder, struct fovea_error *error);
FOVEA_API int fovea_report_add_eval(struct fovea_model *model, const struct fovea_eval *eval, const char *folder,
                                    struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
