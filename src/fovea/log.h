/** @file Findings in the forms that other programs read. */
#ifndef FOVEA_LOG_H
#define FOVEA_LOG_H

#include "fovea/gate.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Findings of audits and checks, of one model or several. It belongs to no context. */
struct fovea_log;
enum fovea_log_form {
    /** SARIF 2.1.0: guides and codes as rules, models as artifacts, nodes as logical locations. What is fine or not
     * applicable is left out; what stops is an error. */
    FOVEA_LOG_SARIF,
    /** JUnit's XML: a suite for a model, a case for a guide or code. What stops is a failure, what is not decidable or
     * not applicable is skipped. */
    FOVEA_LOG_JUNIT,
    FOVEA_LOG_GITHUB, /**< workflow commands: "::error file=resnet50.onnx,title=PADDING001::..." */
    FOVEA_LOG_FORMS
};
/** NULL without memory. */
FOVEA_API struct fovea_log *fovea_log_create(struct fovea_error *error);
FOVEA_API void fovea_log_free(struct fovea_log *log);
/** Adds findings as they are now, with what the gate says of them. */
FOVEA_API int fovea_log_audit(struct fovea_log *log, const struct fovea_audit *audit, const struct fovea_gate *gate,
                              struct fovea_error *error);
FOVEA_API int fovea_log_check(struct fovea_log *log, const struct fovea_model *model,
                              const struct fovea_findings *findings, const struct fovea_gate *gate,
                              struct fovea_error *error);
/** All that was added, for fovea_text_free. */
FOVEA_API char *fovea_log_text(const struct fovea_log *log, enum fovea_log_form form, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
