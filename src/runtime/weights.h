/* Constants that nodes read in a packed form: loaded, packed once, and given back where nobody reads them plain. */
#ifndef FOVEA_RUNTIME_WEIGHTS_H
#define FOVEA_RUNTIME_WEIGHTS_H

#include "graph/graph.h"
#include "graph/operator.h"
#include "op/evaluate.h"

/* One node, ready to run. */
struct step {
    struct node *node;
    struct compute_context compute;
    const struct tensor **inputs;
    struct tensor **outputs;
    struct tensor *evaluated;     /* dynamic steps: outputs of the last run, owned; NULL: a planned step */
    struct packed_weights packed; /* dynamic steps: what their last run left */
    size_t packed_bytes;          /* of the weights, which stand in compute.packed */
    size_t packed_form;           /* as operator_definition has it */
    bool narrow;                  /* an output is a narrow integer and has to wrap */
};

/* Whether `node` may pack its weights: they are constant, and its operator has a packed form of them. */
bool weights_packing(const struct node *node);
/* Whether every reader of the constant may pack it: its elements need not be there before weights_load. */
bool weights_are_only_packed(const struct value *value);
/* Packs what steps want packed into *packed (one block, to be released by the caller) and sets the data of the constant
 * tensors (by value id) that some step reads plain. Constants that a file holds and only packing reads are not kept. */
int weights_load(const struct graph *graph, struct step *steps, int count, struct tensor *tensors, void **packed,
                 struct error *error);

#endif
