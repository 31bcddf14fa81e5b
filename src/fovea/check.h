/** @file Everything that is wrong with a file at once. */
#ifndef FOVEA_CHECK_H
#define FOVEA_CHECK_H

#include "fovea/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fovea_severity { FOVEA_NOTE, FOVEA_PROBLEM };
/** What a code stands for. A problem: fovea or other runtimes refuse the file or compute something else. */
struct fovea_finding_kind {
    enum fovea_severity severity;
    const char *code, *meaning;
};
/** Entry `index` of the table of all codes, in the order of findings; NULL behind the last. */
FOVEA_API const struct fovea_finding_kind *fovea_finding_kind_at(int index);

struct fovea_finding {
    enum fovea_severity severity;
    const char *code; /**< stable, e.g. "unsupported-operator" */
    const char *text; /**< with node names in the file's own words */
};
struct fovea_findings {
    struct fovea_finding *list; /**< problems first, those of a code together */
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
