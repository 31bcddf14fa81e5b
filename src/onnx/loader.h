/* What the parts of loading share: the file, and one way to turn a TensorProto into a constant. */
#ifndef FOVEA_ONNX_LOADER_H
#define FOVEA_ONNX_LOADER_H

#include "onnx.pb-c.h"
#include "onnx/onnx.h"
#include "onnx/reader.h"

/* What saving needs of the file besides the spans in the graph: the fields of ModelProto as they were loaded. */
struct model_file {
    struct model_reader *reader;
    unsigned external;           /* constants of the graph that have their data in another file */
    unsigned external_elsewhere; /* tensors with such data in functions and other parts that saving only copies */
    int64_t ir_version, model_version;
    const char *producer_name, *producer_version, *domain, *doc_string;
    const struct metadata *metadata;
    int metadata_count;
};

/* A constant with one reference; elements in raw or external data stay in their file. Refuses sizes that do not fit. */
struct constant *load_tensor(struct arena *arena, const struct model_reader *reader, const Onnx__TensorProto *tensor,
                             struct error *error);

/* The elements of the TensorProto that stands in `bytes`. */
int load_tensor_bytes(struct memory *memory, const unsigned char *bytes, size_t length, struct tensor *tensor,
                      struct error *error);

/* A dense constant with one reference. */
struct constant *load_sparse_tensor(struct arena *arena, const struct model_reader *reader,
                                    const Onnx__SparseTensorProto *message, struct error *error);

/* Type of a tensor, a sequence or optional of tensors, or an optional sequence; UNDEFINED for all others. */
enum dtype load_type_code(const Onnx__TypeProto *type);
/* Fills `graph` (opsets set) from its message. */
int load_graph(struct graph *graph, const struct model_reader *reader, const Onnx__GraphProto *message,
               struct error *error);
/* Every value that a node of the graph reads must come from somewhere. */
int load_check_sources(const struct graph *graph, struct error *error);
int load_nodes(struct graph *graph, const struct model_reader *reader, Onnx__NodeProto *const *messages, size_t count,
               struct error *error);
int load_attribute(struct node *node, const struct model_reader *reader, const Onnx__AttributeProto *message,
                   struct error *error);
/* Model-local functions, into model->functions. */
int load_functions(struct model *model, const struct model_reader *reader, Onnx__FunctionProto *const *messages,
                   size_t count, struct error *error);
struct opset_import *load_opsets(struct arena *arena, Onnx__OperatorSetIdProto *const *messages, size_t count,
                                 struct error *error);
/* The value named so, made if it does not exist yet in `graph` or around it. */
struct value *load_value(struct graph *graph, const ProtobufCBinaryData *name, struct error *error);
/* The same in `graph` only: a subgraph may take a name of the graph around again. */
struct value *load_own_value(struct graph *graph, const ProtobufCBinaryData *name, struct error *error);
/* Bytes as a string in the arena. */
char *load_string(struct arena *arena, const ProtobufCBinaryData *bytes, struct error *error);

#endif
