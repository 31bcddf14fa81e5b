/* ONNX files: load, save, tensors. */
#ifndef FOVEA_ONNX_ONNX_H
#define FOVEA_ONNX_ONNX_H

#include "graph/graph.h"

/* Loads a model: pre-scan against the limits of prescan.h, skeleton through protobuf-c, payloads stay in the file until
 * they are needed. Operators are not resolved (op/registry.h). Errors name the file and what is wrong at which node. */
struct model *model_load(struct context *context, const char *path, struct error *error);
void model_destroy(struct model *model);

/* Writes the model atomically: bytes of what is unchanged are copied, the rest is packed. An unedited model is saved
 * byte-identical. External data stays where it is when the target is in the same folder; else it is copied beside the
 * target. */
int model_save(const struct model *model, const char *path, struct error *error);

/* Value of a metadata_props key, or NULL. */
const char *model_metadata(const struct model *model, const char *key);

/* A TensorProto in a file of its own (.pb), as the ONNX test data has them. Caller: tensor_release. */
int tensor_proto_read(struct memory *memory, const char *path, struct tensor *tensor, struct error *error);

#endif
