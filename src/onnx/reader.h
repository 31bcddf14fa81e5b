/* Where a model's bytes are: in an open file, or in memory. */
#ifndef FOVEA_ONNX_READER_H
#define FOVEA_ONNX_READER_H

#include "graph/graph.h"

/* Reads payloads of the model, from its own bytes or from external files beside it. Counted: the model, its copies and
 * their constants hold it. */
struct model_reader {
    struct payload_reader base; /* first: payload_reader pointers are these */
    int references;
    struct memory *memory;
    int file;                   /* -1: none */
    const unsigned char *bytes; /* [size] in memory; NULL: they are in the file */
    uint64_t size;
    char *folder; /* of external data, "" or ending in '/'; NULL: there must be none */
};

/* Takes over `file`, in every case; external data stand beside `path`. */
struct model_reader *model_reader_of_file(struct memory *memory, int file, uint64_t size, const char *path,
                                          struct error *error);
/* Takes over `bytes`, a block of `memory`, in every case; `folder` (copied) or NULL as above. */
struct model_reader *model_reader_of_memory(struct memory *memory, unsigned char *bytes, uint64_t size,
                                            const char *folder, struct error *error);
/* Copies bytes [offset, offset + length), which there must be. Any number of threads may. */
int model_reader_read(const struct model_reader *reader, uint64_t offset, void *bytes, uint64_t length,
                      struct error *error);

#endif
