/* Exports in training mode as they are meant to be run: the file that training writes is in inference form, and so is
 * what evaluates it. */
#ifndef FOVEA_TRAIN_INFERENCE_FORM_H
#define FOVEA_TRAIN_INFERENCE_FORM_H

#include "graph/graph.h"

/* In the source graph, those of If, Loop and Scan among it: BatchNormalization takes its stored statistics and loses
 * its further outputs, Dropout loses its training_mode. Returns how many nodes were changed, or -1: ERROR_UNSUPPORTED
 * where something reads the further outputs, or where such a node stands in a function, which is saved as it is. */
int inference_form(struct model *model, struct error *error);

/* Nodes in training mode, those of inner graphs and functions among them, but for Dropout of ratio 0: what such a file
 * computes depends on the batch and on chance. */
struct training_nodes {
    int norms, dropouts;
};
struct training_nodes inference_form_missing(const struct model *model);

#endif
