#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "onnx/onnx.h"
#include "onnx/prescan.h"
#include "onnx/saver.h"

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOMAIN = 4,
    MODEL_VERSION = 5,
    MODEL_DOC_STRING = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14
};

/* What it is written to. */
struct target {
    const char *path; /* NULL: memory */
    bool keep_external;
    struct saved_model saved; /* in memory */
};

/* A model being written. */
struct model_output {
    const struct saver *saver;
    const struct model *model;
    struct output *out;
    struct field_list fields;
    bool graph_verbatim, graph_written;
    uint64_t graph_length;
    int metadata_read, metadata_written; /* entries of the file passed, entries of the model written */
};

/* ---- numbers and strings of ModelProto ---- */

/* Number or string `field` of the model, and whether it differs from the file. */
struct scalar {
    unsigned field;
    bool changed;
    const char *text; /* NULL: a number */
    int64_t number;
};

#define SCALAR_COUNT 6

static void list_scalars(const struct model *model, struct scalar scalars[SCALAR_COUNT])
{
    static const struct model_file none = {0};
    const struct model_file *file = model->file ? model->file : &none;
    const struct scalar list[SCALAR_COUNT] = {
        {MODEL_IR_VERSION, model->ir_version != file->ir_version, NULL, model->ir_version},
        {MODEL_PRODUCER_NAME, model->producer_name != file->producer_name, model->producer_name, 0},
        {MODEL_PRODUCER_VERSION, model->producer_version != file->producer_version, model->producer_version, 0},
        {MODEL_DOMAIN, model->domain != file->domain, model->domain, 0},
        {MODEL_VERSION, model->model_version != file->model_version, NULL, model->model_version},
        {MODEL_DOC_STRING, model->doc_string != file->doc_string, model->doc_string, 0},
    };
    memcpy(scalars, list, sizeof list);
}

static void put_scalar(struct output *out, const struct scalar *scalar)
{
    if (scalar->field == MODEL_IR_VERSION || scalar->field == MODEL_VERSION)
        output_int_field(out, scalar->field, scalar->number);
    else if (scalar->text)
        output_string_field(out, scalar->field, scalar->text);
}

/* ---- metadata ---- */

/* The file's entries are met in order: one that the model no longer has is left out, one with a new value is packed. */
static int write_metadata_field(struct model_output *to, const struct field *field, struct error *error)
{
    const struct model *model = to->model;
    const struct metadata *old = &model->file->metadata[to->metadata_read++];
    const struct metadata *now = &model->metadata[to->metadata_written];
    if (to->metadata_written >= model->metadata_count || now->key != old->key)
        return 0;
    to->metadata_written++;
    if (now->value == old->value)
        return output_copy(to->out, to->saver->wire, field->start, field->end, error);
    output_metadata(to->out, MODEL_METADATA, now);
    return 0;
}

/* ---- the model ---- */

static int write_graph(struct model_output *to, struct error *error)
{
    bool ignored = true;
    to->graph_written = true;
    output_header(to->out, MODEL_GRAPH, to->graph_length);
    return save_graph(to->saver, to->out, to->model->graph, &ignored, error);
}

static int write_field(struct model_output *to, const struct field *field, const struct scalar *scalars,
                       struct error *error)
{
    for (int i = 0; i < SCALAR_COUNT; i++) {
        if (field->number == scalars[i].field && scalars[i].changed)
            return 0; /* written behind the others */
    }
    if (field->number == MODEL_METADATA)
        return write_metadata_field(to, field, error);
    if (field->number == MODEL_GRAPH && !to->graph_verbatim)
        return to->graph_written ? 0 : write_graph(to, error);
    return output_copy(to->out, to->saver->wire, field->start, field->end, error);
}

static void put_opset(struct output *out, const struct opset_import *opset)
{
    struct output count = {0};
    output_string_field(&count, 1, opset->domain);
    output_int_field(&count, 2, opset->version);
    output_header(out, MODEL_OPSET, count.length);
    output_string_field(out, 1, opset->domain);
    output_int_field(out, 2, opset->version);
}

static int check_length(uint64_t length, struct error *error)
{
    return length > LIMIT_FILE_BYTES
               ? error_set(error, ERROR_LIMIT,
                           "the model with its data is larger than an ONNX file can be (limit %" PRIu64
                           " bytes); save it into the folder where its external data is",
                           LIMIT_FILE_BYTES)
               : 0;
}

static int write_model(struct model_output *to, struct output *out, struct error *error)
{
    const struct model *model = to->model;
    struct scalar scalars[SCALAR_COUNT];
    list_scalars(model, scalars);
    to->out = out;
    to->graph_written = false;
    to->metadata_read = to->metadata_written = 0;
    for (size_t i = 0; i < to->fields.count; i++) {
        if (write_field(to, &to->fields.fields[i], scalars, error))
            return -1;
    }
    for (int i = 0; i < SCALAR_COUNT; i++) {
        if (scalars[i].changed)
            put_scalar(to->out, &scalars[i]);
    }
    for (int i = 0; !model->file && i < model->graph->opset_count; i++)
        put_opset(to->out, &model->graph->opsets[i]);
    while (to->metadata_written < model->metadata_count)
        output_metadata(to->out, MODEL_METADATA, &model->metadata[to->metadata_written++]);
    if (!to->graph_verbatim && !to->graph_written && write_graph(to, error))
        return -1;
    return check_length(out->length, error);
}

static int measure_graph(struct model_output *to, struct error *error)
{
    struct output count = {0};
    to->graph_verbatim = true;
    if (save_graph(to->saver, &count, to->model->graph, &to->graph_verbatim, error))
        return -1;
    to->graph_length = count.length;
    return check_length(count.length, error);
}

static int write_file(struct model_output *to, const char *path, struct error *error)
{
    struct output out = {.writer = file_writer_open(to->saver->memory, path, error)};
    if (!out.writer)
        return -1;
    if (write_model(to, &out, error)) {
        file_writer_abandon(out.writer);
        return -1;
    }
    return file_writer_commit(out.writer, error);
}

static int write_memory(struct model_output *to, struct saved_model *saved, struct error *error)
{
    struct memory *memory = to->saver->memory;
    struct output count = {0};
    if (write_model(to, &count, error))
        return -1;
    struct output out = {.bytes = memory_allocate_uninitialised(memory, (size_t)count.length, 1, error)};
    if (!out.bytes)
        return -1;
    if (write_model(to, &out, error)) {
        memory_release(memory, out.bytes);
        return -1;
    }
    *saved = (struct saved_model){out.bytes, (size_t)out.length};
    return 0;
}

/* ---- external data ---- */

static int folder_status(const char *path, struct stat *status)
{
    char folder[4096];
    size_t length = (size_t)(file_base_name(path) - path);
    if (length + 2 > sizeof folder)
        return -1;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    return stat(folder, status);
}

static bool same_folder(const char *left, const char *right)
{
    struct stat a, b;
    return folder_status(left, &a) == 0 && folder_status(right, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Decides whether external data stays where it is (same folder) or goes into the file (another one). */
static int plan_external(struct saver *saver, const struct model *model, const struct target *target,
                         struct error *error)
{
    const struct graph *graph = model->graph;
    if (!model->file || model->file->external + model->file->external_elsewhere == 0)
        return 0;
    const char *folder = model_folder(model);
    saver->inline_external = target->path ? !folder || !same_folder(folder, target->path) : !target->keep_external;
    if (saver->inline_external && model->file->external_elsewhere > 0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "%u tensors with external data are in functions, sparse tensors or training parts; save the "
                         "model into its own folder",
                         model->file->external_elsewhere);
    for (size_t i = 0; target->path && !saver->inline_external && i < graph->constant_count; i++) {
        const struct payload *payload = &graph->constants[i]->payload;
        if (payload->place == PAYLOAD_EXTERNAL && strcmp(payload->location, file_base_name(target->path)) == 0)
            return error_set(error, ERROR_INPUT, "this file holds the model's external data; choose another name");
    }
    return 0;
}

static int save_to(struct saver *saver, const struct model *model, struct target *target, struct error *error)
{
    struct model_output to = {.saver = saver, .model = model, .fields.memory = saver->memory};
    if (saver->wire)
        saver->wire->source = saver->reader;
    int result = saver->wire ? field_list_read(&to.fields, saver->wire, 0, saver->reader->size, error) : 0;
    if (result == 0)
        result = measure_graph(&to, error);
    if (result == 0)
        result = target->path ? write_file(&to, target->path, error) : write_memory(&to, &target->saved, error);
    field_list_release(&to.fields);
    return result;
}

static int save(const struct model *model, struct target *target, struct error *error)
{
    struct measured_table measured = {0};
    struct saver saver = {
        .memory = model->context->memory, .measured = &measured, .reader = model->file ? model->file->reader : NULL};
    int result = plan_external(&saver, model, target, error);
    if (result == 0 && saver.reader && !(saver.wire = memory_allocate(saver.memory, 1, sizeof *saver.wire, error)))
        result = -1;
    if (result == 0)
        result = save_to(&saver, model, target, error);
    memory_release(saver.memory, saver.wire);
    memory_release(saver.memory, measured.entries);
    return result;
}

int model_save(const struct model *model, const char *path, struct error *error)
{
    struct target target = {.path = path};
    return save(model, &target, error) ? error_prefix(error, "cannot save %s", path) : 0;
}

int model_save_memory(const struct model *model, bool keep_external, struct saved_model *saved, struct error *error)
{
    struct target target = {.keep_external = keep_external};
    if (save(model, &target, error))
        return error_prefix(error, "cannot save %s", model->path);
    *saved = target.saved;
    return 0;
}
