/* External data: files named by a model, opened only beneath the model's folder. */
#ifndef FOVEA_ONNX_EXTERNAL_DATA_H
#define FOVEA_ONNX_EXTERNAL_DATA_H

#include "graph/graph.h"
#include "onnx.pb-c.h"

/* Reads the entries location, offset, length (checksum is ignored); other keys, doubles and signs are refused. A length
 * that is not given is `bytes`. */
int external_data_parse(struct arena *arena, const Onnx__TensorProto *tensor, size_t bytes, struct payload *payload,
                        struct error *error);
/* Opens, checks (a regular file with one name, no link on the way, large enough) and reads the payload. */
int external_data_read(const char *folder, const struct payload *payload, void *bytes, struct error *error);

#endif
