/* Everything that is wrong, or worth knowing, about a model file: all at once. */
#ifndef FOVEA_ANALYSIS_CHECK_H
#define FOVEA_ANALYSIS_CHECK_H

#include "graph/graph.h"
#include "pass/pipeline.h"

enum finding_severity { FINDING_NOTE, FINDING_PROBLEM };

struct finding {
    enum finding_severity severity;
    const char *code; /* stable, static */
    const char *text;
};

struct finding_list {
    struct arena *arena; /* of the texts and the list */
    struct finding *list;
    size_t count, capacity;
    int problems;
};

/* Texts live in `findings->arena`, which the caller made and destroys. -1 when memory ends: a bad model is no error. */
int check_model(const struct model *model, const struct shape_binding *bindings, int binding_count,
                struct finding_list *findings, struct error *error);

#endif
