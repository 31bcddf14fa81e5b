#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "onnx/file_kind.h"
#include "onnx/loader.h"
#include "onnx/prescan.h"

/* Where messages are unpacked; the error is of memory alone. */
struct message_memory {
    struct memory *memory;
    struct error *error;
};

static void *allocate_message(void *data, size_t size)
{
    const struct message_memory *to = data;
    return memory_allocate(to->memory, size, 1, to->error);
}

static void release_message(void *data, void *block)
{
    const struct message_memory *to = data;
    memory_release(to->memory, block);
}

static int open_regular(const char *path, uint64_t *size, struct error *error)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return error_set(error, ERROR_INPUT, "cannot be opened: %s", strerror(errno));
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(file);
        return error_set(error, ERROR_INPUT, "is %s",
                         S_ISDIR(status.st_mode) ? "a folder, not a model file" : "not a regular file");
    }
    *size = (uint64_t)status.st_size;
    return file;
}

/* Pre-scans the bytes and unpacks its skeleton; the message is freed with protobuf_c_message_free_unpacked. */
static ProtobufCMessage *unpack(const struct model_reader *source, enum scan_root root,
                                const ProtobufCMessageDescriptor *descriptor, ProtobufCAllocator *allocator,
                                unsigned *external, struct error *error)
{
    size_t length;
    struct memory *memory = source->memory;
    struct wire_reader *reader = memory_allocate(memory, 1, sizeof *reader, error);
    if (!reader)
        return NULL;
    reader->source = source;
    unsigned char *skeleton = prescan(memory, reader, root, &length, external, error);
    ProtobufCMessage *message = NULL;
    if (skeleton) {
        message = protobuf_c_message_unpack(descriptor, allocator, length, skeleton);
        if (!message)
            error_set(error, ERROR_INPUT, "not an ONNX file: a field has another type than the format says");
    }
    memory_release(memory, skeleton);
    memory_release(memory, reader);
    return message;
}

static int load_metadata(struct model *model, const Onnx__ModelProto *message, struct error *error)
{
    size_t count = message->n_metadata_props;
    model->metadata = arena_allocate(model->arena, count + 1, sizeof *model->metadata, error);
    for (size_t i = 0; model->metadata && i < count; i++) {
        model->metadata[i].key = load_string(model->arena, &message->metadata_props[i]->key, error);
        model->metadata[i].value = load_string(model->arena, &message->metadata_props[i]->value, error);
        if (!model->metadata[i].key || !model->metadata[i].value)
            return -1;
    }
    model->metadata_count = (int)count;
    return model->metadata ? 0 : -1;
}

static int fill_model(struct model *model, const struct model_reader *reader, const Onnx__ModelProto *message,
                      struct error *error)
{
    if (!message->graph || message->n_opset_import == 0)
        return error_set(error, ERROR_INPUT, "not an ONNX model: it has no %s",
                         message->graph ? "operator set" : "graph");
    char *name = load_string(model->arena, &message->graph->name, error);
    model->graph = name ? graph_create(model->context, NULL, name, error) : NULL;
    if (!model->graph)
        return -1;
    model->ir_version = message->ir_version;
    model->model_version = message->model_version;
    model->producer_name = load_string(model->arena, &message->producer_name, error);
    model->producer_version = load_string(model->arena, &message->producer_version, error);
    model->domain = load_string(model->arena, &message->domain, error);
    model->doc_string = load_string(model->arena, &message->doc_string, error);
    if (!model->producer_name || !model->producer_version || !model->domain || !model->doc_string)
        return -1;
    struct graph *graph = model->graph;
    graph->opsets = load_opsets(graph->arena, message->opset_import, message->n_opset_import, error);
    graph->opset_count = (int)message->n_opset_import;
    if (!graph->opsets || load_metadata(model, message, error) || load_graph(graph, reader, message->graph, error))
        return -1;
    return load_functions(model, reader, message->functions, message->n_functions, error);
}

/* Keeps the bytes and remembers what was loaded, for saving. */
static int keep_file(struct model *model, struct model_reader *reader, unsigned external, struct error *error)
{
    struct model_file *file = arena_allocate(model->arena, 1, sizeof *file, error);
    struct metadata *metadata =
        arena_allocate(model->arena, (size_t)model->metadata_count + 1, sizeof *metadata, error);
    if (!file || !metadata)
        return -1;
    memcpy(metadata, model->metadata, (size_t)model->metadata_count * sizeof *metadata);
    unsigned in_graph = 0;
    for (size_t i = 0; i < model->graph->constant_count; i++)
        in_graph += model->graph->constants[i]->payload.place == PAYLOAD_EXTERNAL;
    *file = (struct model_file){.reader = reader,
                                .external = in_graph,
                                .external_elsewhere = external > in_graph ? external - in_graph : 0,
                                .ir_version = model->ir_version,
                                .model_version = model->model_version,
                                .producer_name = model->producer_name,
                                .producer_version = model->producer_version,
                                .domain = model->domain,
                                .doc_string = model->doc_string,
                                .metadata = metadata,
                                .metadata_count = model->metadata_count};
    reader->base.retain(&reader->base);
    model->file = file;
    return 0;
}

/* What the loader's own checks let through is a fault of ours: better here than in a kernel. */
static int verify_model(const struct model *model, struct error *error)
{
    for (int i = 0; i < model->function_count; i++) {
        if (graph_verify_links(model->functions[i].body, error))
            return error_prefix(error, "function '%s'", model->functions[i].name);
    }
    return graph_verify_links(model->graph, error);
}

/* `path`: what it is called. */
static struct model *load_bytes(struct context *context, struct model_reader *reader, const char *path,
                                struct error *error)
{
    struct message_memory messages = {context->memory, error};
    ProtobufCAllocator allocator = {allocate_message, release_message, &messages};
    unsigned external = 0;
    ProtobufCMessage *message =
        unpack(reader, SCAN_MODEL, &onnx__model_proto__descriptor, &allocator, &external, error);
    struct arena *arena = message ? arena_create(context->memory, error) : NULL;
    struct model *model = arena ? arena_allocate(arena, 1, sizeof *model, error) : NULL;
    if (model) {
        model->context = context;
        model->arena = arena;
        model->path = arena_copy_string(arena, path, strlen(path), error);
        if (!model->path || fill_model(model, reader, (const Onnx__ModelProto *)message, error) ||
            verify_model(model, error) || keep_file(model, reader, external, error)) {
            model_destroy(model);
            model = NULL;
        }
    } else {
        arena_destroy(arena);
    }
    if (message)
        protobuf_c_message_free_unpacked(message, &allocator);
    return model;
}

/* Gives the reader back, which may be NULL after an error. */
static struct model *load_with(struct context *context, struct model_reader *reader, const char *path,
                               struct error *error)
{
    struct error refusal = ERROR_INITIALISER;
    struct model *model = reader ? load_bytes(context, reader, path, &refusal) : NULL;
    if (!model) {
        char text[FILE_KIND_SIZE];
        const char *kind = refusal.kind == ERROR_INPUT ? file_kind(reader, text) : NULL;
        if (kind)
            error_set(error, ERROR_INPUT, "is no ONNX model but %s", kind);
        else if (refusal.kind != ERROR_NONE)
            error_set(error, refusal.kind, "%s", refusal.message);
        error_prefix(error, "%s", path);
    }
    if (reader)
        reader->base.release(&reader->base);
    return model;
}

struct model *model_load(struct context *context, const char *path, struct error *error)
{
    uint64_t size;
    int file = open_regular(path, &size, error);
    return load_with(context, file >= 0 ? model_reader_of_file(context->memory, file, size, path, error) : NULL, path,
                     error);
}

struct model *model_load_memory(struct context *context, unsigned char *bytes, size_t length, const char *name,
                                const char *folder, struct error *error)
{
    return load_with(context, model_reader_of_memory(context->memory, bytes, length, folder, error), name, error);
}

struct model *model_copy(const struct model *model, struct error *error)
{
    struct model_reader *reader = model->file->reader;
    reader->base.retain(&reader->base);
    struct model *copy = load_with(model->context, reader, model->path, error);
    if (copy)
        copy->activation = model->activation;
    return copy;
}

int model_sha256(const struct model *model, char digest[65], struct error *error)
{
    const struct model_reader *reader = model->file->reader;
    struct sha256 hash;
    unsigned char buffer[16384];
    sha256_start(&hash);
    for (uint64_t done = 0; done < reader->size;) {
        uint64_t left = reader->size - done, step = left < sizeof buffer ? left : sizeof buffer;
        if (model_reader_read(reader, done, buffer, step, error))
            return error_prefix(error, "%s", model->path);
        sha256_add(&hash, buffer, (size_t)step);
        done += step;
    }
    sha256_finish(&hash, digest);
    return 0;
}

const char *model_folder(const struct model *model)
{
    return model->file->reader->folder;
}

void model_destroy(struct model *model)
{
    if (!model)
        return;
    for (int i = 0; i < model->function_count; i++)
        graph_destroy(model->functions[i].body);
    graph_destroy(model->graph);
    if (model->file)
        model->file->reader->base.release(&model->file->reader->base);
    arena_destroy(model->arena);
}

/* Gives the reader back. */
static int read_tensor(struct memory *memory, struct model_reader *reader, struct tensor *tensor, struct error *error)
{
    struct message_memory messages = {memory, error};
    ProtobufCAllocator allocator = {allocate_message, release_message, &messages};
    unsigned external = 0;
    ProtobufCMessage *message =
        unpack(reader, SCAN_TENSOR, &onnx__tensor_proto__descriptor, &allocator, &external, error);
    struct arena *arena = message ? arena_create(memory, error) : NULL;
    struct constant *constant = arena ? load_tensor(arena, reader, (const Onnx__TensorProto *)message, error) : NULL;
    const struct tensor *data = constant ? constant_data(constant, error) : NULL;
    int result = data ? tensor_copy(memory, data, tensor, error) : -1;
    constant_release(constant);
    arena_destroy(arena);
    if (message)
        protobuf_c_message_free_unpacked(message, &allocator);
    reader->base.release(&reader->base);
    return result;
}

int load_tensor_bytes(struct memory *memory, const unsigned char *bytes, size_t length, struct tensor *tensor,
                      struct error *error)
{
    unsigned char *copy = memory_allocate(memory, length, 1, error);
    if (!copy)
        return -1;
    memcpy(copy, bytes, length);
    struct model_reader *reader = model_reader_of_memory(memory, copy, length, NULL, error);
    return reader ? read_tensor(memory, reader, tensor, error) : -1;
}

int tensor_proto_read(struct memory *memory, const char *path, struct tensor *tensor, struct error *error)
{
    uint64_t size;
    int file = open_regular(path, &size, error);
    struct model_reader *reader = file >= 0 ? model_reader_of_file(memory, file, size, path, error) : NULL;
    if (!reader || read_tensor(memory, reader, tensor, error))
        return error_prefix(error, "%s", path);
    return 0;
}
