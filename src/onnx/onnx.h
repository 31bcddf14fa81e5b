/* ONNX files: load, save, tensors. */
#ifndef FOVEA_ONNX_ONNX_H
#define FOVEA_ONNX_ONNX_H

#include "graph/graph.h"

/* Loads a model: pre-scan against the limits of prescan.h, skeleton through protobuf-c, payloads stay in the file until
 * they are needed. Operators are not resolved (op/registry.h). Errors name the file and what is wrong at which node. */
struct model *model_load(struct context *context, const char *path, struct error *error);
/* The same of `bytes`, a block of the context's memory that is taken over in every case. `name`: what messages call it;
 * `folder`: of external data, "" or ending in '/'; NULL: a model that has such is refused. */
struct model *model_load_memory(struct context *context, unsigned char *bytes, size_t length, const char *name,
                                const char *folder, struct error *error);
/* A second model of the bytes that `model` was loaded from, whatever its graph became since; no file is opened. */
struct model *model_copy(const struct model *model, struct error *error);
void model_destroy(struct model *model);
/* Of the bytes that it was loaded from, in hexadecimal digits and a NUL. */
int model_sha256(const struct model *model, char digest[65], struct error *error);
/* Where its external data are, as model_load_memory takes it. */
const char *model_folder(const struct model *model);

/* Writes the source graph atomically: bytes of what is unchanged are copied from the file, the rest is packed. An
 * unedited model is saved byte-identical, unknown fields and all.
 * - Nodes: new ones and those with `changed` are packed, in the graph's order; a changed node keeps the fields that the
 *   graph does not hold (doc_string, metadata_props, unknown ones).
 * - Initialisers: replaced ones (graph_set_constant; elements changed in place are not noticed) and new ones that
 *   something reads are packed as raw_data in their own type; those that lost their last reader are dropped.
 * - Inputs and outputs: as the graph lists them; packed anew when new or when value->changed is set.
 * - value_info: dropped for values that are gone or stand behind an edited node or a reshaped initialiser.
 * - Functions, training information, operator sets: as in the file.
 * - External data stays where it is when the target is in the folder of the model; else it goes into the file itself,
 *   which must then stay below 2 GiB. */
int model_save(const struct model *model, const char *path, struct error *error);
/* The same into a block of the context's memory, which the caller releases; untouched on failure. External data stay
 * where they are with `keep_external`, for model_load_memory with the model's folder; else they go into the bytes. */
struct saved_model {
    unsigned char *bytes;
    size_t length;
};
int model_save_memory(const struct model *model, bool keep_external, struct saved_model *saved, struct error *error);

/* Value of a metadata_props key, or NULL. */
const char *model_metadata(const struct model *model, const char *key);
/* Adds or changes an entry. */
int model_set_metadata(struct model *model, const char *key, const char *value, struct error *error);

/* A TensorProto in a file of its own (.pb), as the ONNX test data has them. Caller: tensor_release. */
int tensor_proto_read(struct memory *memory, const char *path, struct tensor *tensor, struct error *error);
/* Likewise a SequenceProto or OptionalProto, into a container of type `dtype` (tensor/sequence.h), which its elements
 * must fit. */
#define CONTAINER_MOST_BYTES ((size_t)1 << 31)
int container_proto_read(struct memory *memory, const char *path, enum dtype dtype, struct tensor *container,
                         struct error *error);

#endif
