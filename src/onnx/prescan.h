/* Walks a model file without recursion before protobuf-c sees any of it: checks structure and limits, and makes the
 * skeleton, a copy of the file in which every tensor's raw bytes are replaced by where they stand. */
#ifndef FOVEA_ONNX_PRESCAN_H
#define FOVEA_ONNX_PRESCAN_H

#include "base/memory.h"
#include "onnx/wire.h"

/* Named limits; each is reported as "too many X (limit N)". */
#define LIMIT_FILE_BYTES ((uint64_t)2 << 30)
#define LIMIT_DEPTH 64
#define LIMIT_NODES 1000000u
#define LIMIT_INITIALISERS 1000000u
#define LIMIT_ATTRIBUTES 4000000u
#define LIMIT_MESSAGES 16000000u
#define LIMIT_STRING_BYTES ((uint64_t)16 << 20)
#define LIMIT_SKELETON_BYTES ((uint64_t)1 << 30)

/* What stands in the skeleton in the place of raw_data: 16 bytes. */
struct payload_record {
    uint64_t offset, length;
};

enum scan_root { SCAN_MODEL, SCAN_TENSOR };

/* Graphs, nodes, attributes and tensors say in the skeleton where their content stands in the file, in fields of this
 * number and the next (onnx.proto); a file that has such fields is refused. */
#define SOURCE_FIELD 500000001u

/* A whole file's skeleton, to be released by the caller; *external is the number of tensors that say that their data is
 * in another file. Errors say at which byte. */
unsigned char *prescan(struct memory *memory, struct wire_reader *reader, enum scan_root root, size_t *length,
                       unsigned *external, struct error *error);

#endif
