/* What the parts of saving share. Each save_* function writes the content of one message; called with an output that
 * only counts, it tells the length. */
#ifndef FOVEA_ONNX_SAVER_H
#define FOVEA_ONNX_SAVER_H

#include "onnx/loader.h"
#include "onnx/output.h"

/* Lengths of graphs already measured (a hash table by address), so that nested ones are measured once. */
struct measured {
    const struct graph *graph; /* NULL: free entry */
    uint64_t length;
    bool verbatim;
};

struct measured_table {
    struct measured *entries;
    size_t count, capacity; /* a power of two */
};

struct saver {
    struct memory *memory;
    const struct model_reader *reader; /* what the model comes from; NULL: none */
    struct wire_reader *wire;          /* over the same */
    struct measured_table *measured;
    bool inline_external; /* external data goes into the file: it is saved to another folder */
};

/* GraphProto. *verbatim becomes false when it differs from what stands in the file. */
int save_graph(const struct saver *saver, struct output *out, const struct graph *graph, bool *verbatim,
               struct error *error);
/* NodeProto of a node that is new or differs from its span. */
int save_node(const struct saver *saver, struct output *out, const struct node *node, struct error *error);
/* Whether the bytes of its span still say what the node is; -1 on an error. */
int save_node_is_verbatim(const struct saver *saver, const struct node *node, struct error *error);
/* TensorProto; `name` NULL: without one. */
int save_tensor(const struct saver *saver, struct output *out, const struct constant *constant, const char *name,
                struct error *error);
/* Whether the constant's data must move from its own file into the saved one. */
bool save_must_inline(const struct saver *saver, const struct constant *constant);
/* ValueInfoProto with the value's type, as far as it is known. */
int save_value_info(struct output *out, const struct value *value, struct error *error);
/* The value's name in the file: internal values get one of their own, in `made`. NULL: it cannot be written. */
#define SAVED_NAME_SIZE 128
const char *save_name(const struct value *value, char made[SAVED_NAME_SIZE], struct error *error);
/* A string field with it ("" for NULL). */
int save_value_name(struct output *out, unsigned field, const struct value *value, struct error *error);

#endif
