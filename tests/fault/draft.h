/* Models of one node, drawn by chance and written as files: hostile ones out of the operator table, and cases of the
 * gradient check with something spoilt. */
#ifndef FOVEA_TESTS_FAULT_DRAFT_H
#define FOVEA_TESTS_FAULT_DRAFT_H

#include "../gradient/cases.h"
#include "base/random.h"

#define DRAFT_INPUTS 9
#define DRAFT_OUTPUTS 6
#define DRAFT_ATTRIBUTES 24
#define DRAFT_LIST 12
#define DRAFT_BODIES 3
#define DRAFT_NODE "abused" /* the node's name; its inputs are x0, x1, ..., its outputs y0, y1, ... */

struct draft_attribute {
    const char *name;
    enum attribute_type type; /* INT, FLOAT, STRING, INTS, FLOATS, STRINGS, TENSOR (of the ints), TYPE_PROTO or GRAPH */
    int64_t i;
    float f;
    const char *s;
    int64_t ints[DRAFT_LIST];
    float floats[DRAFT_LIST];
    const char *texts[DRAFT_LIST];
    int count;
    int body; /* of GRAPH: which of the bodies */
};

/* What a body holds: one node between inputs b0, b1, ... and outputs; some of its inputs come from around it. */
struct draft_body {
    const char *domain, *op_type;
    int inputs, outputs; /* of the body; outputs are what the node makes first, then its inputs */
    int reads;           /* inputs of the node */
};

struct draft {
    const char *domain, *op_type;
    int opset;
    struct case_input inputs[DRAFT_INPUTS];
    enum { DRAFT_TENSOR, DRAFT_SEQUENCE, DRAFT_OPTIONAL } kinds[DRAFT_INPUTS];
    int input_count;
    bool named[DRAFT_OUTPUTS];
    int output_count;
    struct draft_attribute attributes[DRAFT_ATTRIBUTES];
    int attribute_count;
    struct draft_body bodies[DRAFT_BODIES];
    int body_count;
};

/* A node of `definition` with shapes, types, constants and attributes of its table, all by chance. */
void draft_operator(struct draft *draft, struct random *random, const struct operator_definition *definition);
/* The case with one or two things spoilt. */
void draft_case(struct draft *draft, struct random *random, const struct gradient_case *item);

/* Elements for a tensor, by its type: tame or hostile numbers. */
void draft_fill(struct random *random, const struct tensor *tensor);

/* The model's file; `free` its bytes. */
struct draft_file {
    unsigned char *bytes;
    size_t length;
};
struct draft_file draft_write(const struct draft *draft, struct random *random);

#endif
