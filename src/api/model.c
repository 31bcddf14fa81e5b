#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/entry.h"
#include "api/result_folder.h"
#include "base/file.h"
#include "base/suggest.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "structure/image_input.h"
#include "train/inference_form.h"

/* A file in training mode runs as it is written, but hardly as it was meant. */
static void note_training_mode(const struct model *model)
{
    struct training_nodes nodes = inference_form_missing(model);
    char norms[96] = "", dropouts[96] = "";
    if (nodes.norms + nodes.dropouts == 0)
        return;
    if (nodes.norms > 0)
        snprintf(norms, sizeof norms, "%d BatchNormalization%s the statistics of the batch", nodes.norms,
                 nodes.norms == 1 ? " takes" : "s take");
    if (nodes.dropouts > 0)
        snprintf(dropouts, sizeof dropouts, "%d Dropout%s out at random", nodes.dropouts,
                 nodes.dropouts == 1 ? " leaves" : "s leave");
    context_note(model->context,
                 "%s is in training mode: %s%s%s, so that what it computes depends on %s%s%s; `fovea_tune` trains and "
                 "writes the inference form",
                 model->path, norms, norms[0] && dropouts[0] ? ", " : "", dropouts, norms[0] ? "the batch" : "",
                 norms[0] && dropouts[0] ? " and " : "", dropouts[0] ? "`seed`" : "");
}

/* Operators of before opset 7 that mean something else since are not computed: whatever is asked of the file, that it
 * is old comes first. */
static void note_old_opset(const struct model *model)
{
    int opset = graph_opset(model->graph, "");
    bool missing = false;
    for (const struct node *node = model->graph->first; node && !missing; node = node->next)
        missing = !node->definition && node->domain[0] == 0;
    if (missing && opset > 0 && opset < OPSET_OLDEST)
        context_note(model->context, "%s: " OLD_OPSET_TEXT, model->path, opset, OPSET_OLDEST, OPSET_NEWEST);
}

struct fovea_model *api_model(struct fovea *fovea, struct model *loaded, struct error *error)
{
    struct memory *memory = fovea->context->memory;
    struct fovea_model *model = loaded ? memory_allocate(memory, 1, sizeof *model, error) : NULL;
    if (!model || model_resolve(loaded, error)) {
        model_destroy(loaded);
        memory_release(memory, model);
        return NULL;
    }
    *model = (struct fovea_model){.fovea = fovea, .context = fovea->context, .model = loaded};
    return model;
}

/* As its caller gets it. */
static struct fovea_model *open_model(struct fovea *fovea, struct model *loaded, struct error *error,
                                      struct fovea_error *report)
{
    struct fovea_model *model = api_model(fovea, loaded, error);
    if (!model) {
        api_fail(error, report);
        return NULL;
    }
    note_training_mode(model->model);
    note_old_opset(model->model);
    return model;
}

struct fovea_model *fovea_model_load(struct fovea *fovea, const char *path, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_fovea(&entry, fovea) || entry_argument(&entry, "path", path))
        return entry_null(&entry, report);
    return open_model(fovea, model_load(fovea->context, path, &entry.error), &entry.error, report);
}

struct fovea_model *fovea_model_load_memory(struct fovea *fovea, const void *bytes, size_t length, const char *name,
                                            struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_fovea(&entry, fovea))
        return entry_null(&entry, report);
    struct model *loaded = NULL;
    name = name && name[0] ? name : "the model in memory";
    unsigned char *copy = NULL;
    if (!bytes || length == 0)
        error_set(&entry.error, ERROR_INPUT, "%s: there are no bytes", name);
    else
        copy = memory_allocate_uninitialised(fovea->context->memory, length, 1, &entry.error);
    if (copy) {
        memcpy(copy, bytes, length);
        loaded = model_load_memory(fovea->context, copy, length, name, NULL, &entry.error);
    }
    return open_model(fovea, loaded, &entry.error, report);
}

int api_refuse_half(const struct fovea_model *model, struct error *error)
{
    return model->context->half_weights
               ? error_set(error, ERROR_INPUT, "parameters are trained in float32: leave out `half_weights`")
               : 0;
}

struct model *api_copy(const struct fovea_model *model, struct error *error)
{
    struct model *copy = model_copy(model->model, error);
    if (!copy || model_resolve(copy, error) == 0)
        return copy;
    model_destroy(copy);
    return NULL;
}

struct fovea_model *api_result(const struct fovea_model *from, struct saved_model *saved, const char *what,
                               struct error *error)
{
    struct context *context = from->context;
    size_t size = strlen(from->model->path) + strlen(what) + 4;
    char *name = memory_allocate(context->memory, size, 1, error);
    struct model *loaded = NULL;
    if (name) {
        snprintf(name, size, "%s (%s)", from->model->path, what);
        loaded = model_load_memory(context, saved->bytes, saved->length, name, model_folder(from->model), error);
        *saved = (struct saved_model){0};
    }
    memory_release(context->memory, name);
    struct fovea_model *result = api_model(from->fovea, loaded, error);
    if (result)
        result->model->activation = from->model->activation;
    return result;
}

int fovea_model_save(const struct fovea_model *model, const char *path, bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "path", path))
        return entry_refuse(&entry, report);
    if (result_claim_file(path, force, &entry.error) || model_save(model->model, path, &entry.error))
        return entry_refuse(&entry, report);
    return 0;
}

int fovea_model_save_memory(const struct fovea_model *model, void **bytes, size_t *length, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "bytes", bytes, sizeof *bytes) || entry_result(&entry, "length", length, sizeof *length) ||
        entry_model(&entry, model))
        return entry_refuse(&entry, report);
    struct saved_model saved = {0};
    int result = model_save_memory(model->model, false, &saved, &entry.error);
    *bytes = saved.bytes;
    *length = saved.length;
    return result ? entry_refuse(&entry, report) : 0;
}

void fovea_bytes_free(struct fovea *fovea, void *bytes)
{
    if (fovea)
        memory_release(fovea->context->memory, bytes);
}

void fovea_model_free(struct fovea_model *model)
{
    if (!model)
        return;
    model_destroy(model->model);
    memory_release(model->context->memory, model);
}

const char *fovea_model_metadata(const struct fovea_model *model, const char *key)
{
    return model && key ? model_metadata(model->model, key) : NULL;
}

int fovea_model_set_activation(struct fovea_model *model, const char *activation, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model))
        return entry_refuse(&entry, report);
    static const char *const words[] = {"softmax", "sigmoid", "none", NULL};
    char meant[SUGGESTION_TEXT];
    model->model->activation = NULL;
    for (size_t i = 0; activation && words[i]; i++) {
        if (strcmp(activation, words[i]) == 0)
            model->model->activation = words[i];
    }
    if (!activation || model->model->activation)
        return 0;
    error_set(&entry.error, ERROR_INPUT, "there is no activation '%s' (softmax, sigmoid, none)%s", activation,
              suggest_name(activation, suggest_word_at, words, meant));
    return entry_refuse(&entry, report);
}

bool api_half_type(enum dtype dtype)
{
    return dtype == DTYPE_FLOAT16 || dtype == DTYPE_BFLOAT16;
}

bool api_is_half(const struct graph *graph)
{
    if (graph->context->half_weights)
        return true;
    for (size_t i = 0; i < graph->value_count; i++) {
        if (graph->values[i]->constant && api_half_type(graph->values[i]->dtype))
            return true;
    }
    return false;
}

bool fovea_model_is_half(const struct fovea_model *model)
{
    return model && api_is_half(model->model->graph);
}

int fovea_model_sha256(const struct fovea_model *model, char digest[65], struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "digest", digest, 65) || entry_model(&entry, model))
        return entry_refuse(&entry, report);
    return model_sha256(model->model, digest, &entry.error) ? entry_refuse(&entry, report) : 0;
}

struct shape_binding *api_bindings(struct context *context, const struct fovea_shapes *shapes, int spare,
                                   struct error *error)
{
    struct shape_binding *bindings =
        memory_allocate(context->memory, (size_t)(shapes->count + spare + 1), sizeof *bindings, error);
    for (int i = 0; bindings && i < shapes->count; i++) {
        bindings[i].name = shapes->list[i].name;
        if (shape_set(&bindings[i].shape, shapes->list[i].rank, shapes->list[i].dims, error)) {
            memory_release(context->memory, bindings);
            error_prefix(error, "`shapes`");
            return NULL;
        }
    }
    return bindings;
}

bool fovea_model_input(const struct fovea_model *model, int index, struct fovea_shape *shape)
{
    const struct graph *graph = model ? model->model->graph : NULL;
    for (int i = 0; graph && shape && index >= 0 && i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        if (input->constant || index-- > 0)
            continue;
        if (input->declared_rank < 0 || input->declared_rank > FOVEA_MAX_RANK)
            return false;
        *shape = (struct fovea_shape){.name = input->name, .rank = input->declared_rank};
        for (int axis = 0; axis < input->declared_rank; axis++)
            shape->dims[axis] = input->declared[axis].size;
        return true;
    }
    return false;
}

const struct value *api_image_input(const struct graph *graph)
{
    const struct value *alone = NULL;
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        int rank = input->shape.rank >= 0 ? input->shape.rank : input->declared_rank;
        if (image_input_type(input) && (rank == 4 || rank < 0))
            return input;
        if (!alone && image_input_lacks_batch(input))
            alone = input;
    }
    return alone;
}
