/* Everything that is wrong, or worth knowing, about a model file: all at once. */
#ifndef FOVEA_ANALYSIS_CHECK_H
#define FOVEA_ANALYSIS_CHECK_H

#include "fovea/check.h"
#include "graph/graph.h"
#include "pass/pipeline.h"

/* Texts and list live in `found->storage`, an arena that the caller made and destroys. -1 when memory ends: a bad model
 * is no error. */
int check_model(const struct model *model, const struct shape_binding *bindings, int binding_count,
                struct fovea_findings *found, struct error *error);
/* Entry `index` of the table of codes; NULL behind the last. */
const struct fovea_finding_kind *check_kind(int index);

#endif
