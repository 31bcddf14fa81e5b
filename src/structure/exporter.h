/* Which program wrote a file, and what it is to be told so that the file shows what it hides. */
#ifndef FOVEA_STRUCTURE_EXPORTER_H
#define FOVEA_STRUCTURE_EXPORTER_H

#include "graph/graph.h"

struct exporter {
    const char *name;
    const char *unfolded;  /* what keeps BatchNormalization apart from the weights */
    const char *dropout;   /* what keeps Dropout, and BatchNormalization as it is in evaluation */
    const char *inference; /* what writes the inference form */
    const char *opset;     /* what writes a newer opset, whose number stands behind it */
};

/* By the producer, the graph's name and the domains of functions; of an unknown program neutral advice. */
const struct exporter *exporter_of(const struct model *model);

#endif
