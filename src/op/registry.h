/* The operator table: every family file's entries behind one lookup. */
#ifndef FOVEA_OP_REGISTRY_H
#define FOVEA_OP_REGISTRY_H

#include "graph/operator.h"

/* The newest ONNX opset whose operators the table was written for. */
#define OPSET_NEWEST 28
/* The oldest; what is said of older files: their opset, and the two bounds. */
#define OPSET_OLDEST 7
#define OLD_OPSET_TEXT                                                                                                 \
    "the model is written for opset %d; fovea reads %d to %d. Convert it in Python: import onnx, "                     \
    "onnx.version_converter; onnx.save(onnx.version_converter.convert_version(onnx.load('model.onnx'), 13), "          \
    "'converted.onnx'); then compare the outputs, as it gets some old forms wrong"

/* The entry for `domain` ("" or "ai.onnx": ONNX), or NULL. */
const struct operator_definition *operator_find(const char *domain, const char *name, int opset);
/* Whether the table has the operator at any opset, and at which: from `since` to `until` (0: the newest). */
bool operator_opsets(const char *domain, const char *name, int *since, int *until);
/* For a node without an entry: "; known from opset 14 on" or the like where the table has its operator at others, else
 * nothing. */
enum { OPSETS_TEXT_SIZE = 48 };
const char *operator_opsets_text(const struct node *node, char out[OPSETS_TEXT_SIZE]);
/* An entry of this name in whatever domain and opset; or NULL. */
const struct operator_definition *operator_named(const char *name);
/* Walks the whole table: entry `index`, or NULL behind the last. */
const struct operator_definition *operator_at(int index);

/* What the node's operator is called: its type, but of PyTorch's ATen the function that its attribute names. */
const char *operator_called(const struct node *node);
/* Gives the node the entry of its domain and type at `opset`, NULL where there is none. -1 when memory ends. */
int operator_resolve(struct node *node, int opset, struct error *error);
/* Does so for the graph's nodes and those of its subgraphs, at their own opsets; files get no internal operators. */
int operators_resolve(struct graph *graph, struct error *error);
/* operators_resolve for the model's graph and its functions' bodies, whose own operator sets hold there. */
int model_resolve(struct model *model, struct error *error);

/* An operator that a graph asks for and fovea does not have. */
struct missing_operator {
    const struct node *first;
    int nodes;
};
typedef int missing_told(void *user, const struct missing_operator *missing, struct error *error);
/* Calls `tell` once for each operator that is missing in the graph, by name, then for those of its subgraphs; ends with
 * what it returns where that is not 0, or -1. */
int operators_missing(const struct graph *graph, missing_told *tell, void *user, struct error *error);

#endif
