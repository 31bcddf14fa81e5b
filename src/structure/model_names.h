/* What a model's file calls its classes. */
#ifndef FOVEA_STRUCTURE_MODEL_NAMES_H
#define FOVEA_STRUCTURE_MODEL_NAMES_H

#include "data/labels.h"
#include "graph/graph.h"

/* From the metadata: "fovea.labels", else what other exporters write ("names" of Ultralytics, "labels", "classes",
 * "class_names", "id2label"), in any form of class_names_parse or in a line with commas. None are no error. The caller
 * releases them in every case. */
int model_class_names(const struct model *model, struct class_names *names, struct error *error);

#endif
