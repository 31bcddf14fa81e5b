/* What the parts of `check` share: the list of findings, and the kinds of findings, which one table holds. */
#ifndef FOVEA_ANALYSIS_CHECK_RULES_H
#define FOVEA_ANALYSIS_CHECK_RULES_H

#include "analysis/check.h"

/* In the order in which they are told: problems first. */
enum finding_code {
    FINDING_OLD_OPSET,
    FINDING_OPSET_IMPORT,
    FINDING_IR_VERSION,
    FINDING_UNSUPPORTED_OPERATOR,
    FINDING_ENDED_OPERATOR,
    FINDING_FUNCTION,
    FINDING_CYCLE,
    FINDING_NAME,
    FINDING_NODE_NAMES,
    FINDING_ATTRIBUTE,
    FINDING_ATTRIBUTE_OPSET,
    FINDING_UNKNOWN_ATTRIBUTE,
    FINDING_OPERANDS,
    FINDING_TYPE,
    FINDING_SHAPE,
    FINDING_BOUND_SIZE,
    FINDING_DECLARED_TYPE,
    FINDING_NO_OUTPUTS,
    FINDING_UNSUPPORTED_TYPE,
    FINDING_UNREADABLE_WEIGHT,
    FINDING_WEIGHT_NOT_FINITE,
    FINDING_NEW_OPSET,
    FINDING_NEW_IR,
    FINDING_OLD_IR,
    FINDING_VENDOR_ATTRIBUTE,
    FINDING_DECLARED_SHAPE,
    FINDING_FREE_SIZE,
    FINDING_NOT_SEEN,
    FINDING_UNSTEADY,
    FINDING_EXPORTERS_DIFFER,
    FINDING_RUNTIMES_DIFFER,
    FINDING_HALF_RANGE,
    FINDING_CONSTANT_INFINITE,
    FINDING_WEIGHT_DENORMAL,
    FINDING_SPARSE_WEIGHT,
    FINDING_WEIGHTS_AS_INPUTS,
    FINDING_ORDER,
    FINDING_GRAPH_NAME,
    FINDING_OUTPUT_TWICE,
    FINDING_PASSED_THROUGH,
    FINDING_UNUSED_INPUT,
    FINDING_UNUSED_WEIGHT,
    FINDING_UNUSED_NODE,
    FINDING_COUNT
};

/* One run of check. `graph` is what runs: the model's, calls of its functions replaced by their bodies. */
struct check {
    const struct model *model;
    const struct graph *graph;
    const struct shape_binding *bindings;
    int binding_count;
    struct fovea_findings *found;
    size_t capacity;
    int told[FINDING_COUNT];
};

/* -1 when memory ends. */
int check_tell(struct check *check, enum finding_code code, struct error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What `refusal` says, and `rest` behind it, unless it is a fault of ours or the end of memory: that ends the check. */
int check_tell_refusal(struct check *check, enum finding_code code, const struct error *refusal, const char *rest,
                       struct error *error);
/* The list in the order of the table, and how many of a kind were too many to list. */
int check_finish(struct check *check, struct error *error);

/* The parts; -1 when memory ends. */
int check_file(struct check *check, struct error *error);       /* versions, operator sets */
int check_operators(struct check *check, struct error *error);  /* there, and of this opset */
int check_names(struct check *check, struct error *error);      /* names, inputs, outputs, order */
int check_attributes(struct check *check, struct error *error); /* against the operators' tables */
/* Whether check_attributes tells of an attribute that the node has at other opsets: it stands for an input then. */
bool check_attribute_elsewhere(const struct node *node);
int check_shapes(struct check *check, struct error *error);  /* node by node: operands, types, shapes */
int check_weights(struct check *check, struct error *error); /* elements */
int check_unused(struct check *check, struct error *error);

#endif
