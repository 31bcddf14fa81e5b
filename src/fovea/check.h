/** @file Everything that is wrong with a file at once. */
#ifndef FOVEA_CHECK_H
#define FOVEA_CHECK_H

#include "fovea/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fovea_severity { FOVEA_NOTE, FOVEA_PROBLEM };
struct fovea_finding {
    enum fovea_severity severity;
    const char *code; /**< stable, e.g. "unsupported-operator" */
    const char *text; /**< with node names in the file's own words */
};
struct fovea_findings {
    struct fovea_finding *list;
    int count, problems;
    void *storage; /**< private */
    uint64_t reserved[8];
};
/** Shapes, operators, attributes and data of the whole graph; `shapes` gives free inputs their sizes and may be empty.
 * A file with problems is no failure of the call. */
FOVEA_API int fovea_check(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_findings *findings,
                          struct fovea_error *error);
FOVEA_API void fovea_findings_free(struct fovea_findings *findings);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_findings_json(const struct fovea_model *model, const struct fovea_findings *findings,
                                    struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
