#include <string.h>

#include "api/api.h"
#include "base/sha256.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "structure/image_input.h"
#include "train/inference_form.h"

/* A file in training mode runs as it is written, but hardly as it was meant. */
static void note_training_mode(const struct model *model)
{
    struct training_nodes nodes = inference_form_missing(model);
    if (nodes.norms + nodes.dropouts > 0)
        context_note(
            model->context,
            "%s is in training mode: %d BatchNormalization take the statistics of the batch, %d Dropout leave out "
            "at random, so that what it computes depends on batch and --seed; 'tune' trains and writes the "
            "inference form",
            model->path, nodes.norms, nodes.dropouts);
}

struct fovea_model *fovea_model_load(struct fovea *fovea, const char *path, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = fovea->context->memory;
    struct fovea_model *model = memory_allocate(memory, 1, sizeof *model, &error);
    if (model) {
        model->fovea = fovea;
        model->context = fovea->context;
        model->model = model_load(fovea->context, path, &error);
    }
    if (!model || !model->model) {
        memory_release(memory, model);
        api_fail(&error, report);
        return NULL;
    }
    if (operators_resolve(model->model->graph, &error)) {
        fovea_model_free(model);
        api_fail(&error, report);
        return NULL;
    }
    note_training_mode(model->model);
    return model;
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
    return model_metadata(model->model, key);
}

int fovea_model_set_activation(struct fovea_model *model, const char *activation, struct fovea_error *report)
{
    static const char *const words[] = {"softmax", "sigmoid", "none"};
    struct error error = ERROR_INITIALISER;
    model->model->activation = NULL;
    for (size_t i = 0; activation && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(activation, words[i]) == 0)
            model->model->activation = words[i];
    }
    if (!activation || model->model->activation)
        return 0;
    error_set(&error, ERROR_INPUT, "there is no activation '%s' (softmax, sigmoid, none)", activation);
    return api_fail(&error, report);
}

bool api_half_type(enum dtype dtype)
{
    return dtype == DTYPE_FLOAT16 || dtype == DTYPE_BFLOAT16;
}

bool api_is_half(const struct graph *graph)
{
    for (size_t i = 0; i < graph->value_count; i++) {
        if (graph->values[i]->constant && api_half_type(graph->values[i]->dtype))
            return true;
    }
    return false;
}

bool fovea_model_is_half(const struct fovea_model *model)
{
    return api_is_half(model->model->graph);
}

int fovea_model_sha256(const struct fovea_model *model, char digest[65], struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    return sha256_file(model->model->path, digest, &error) ? api_fail(&error, report) : 0;
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
            error_prefix(error, "--shape");
            return NULL;
        }
    }
    return bindings;
}

bool fovea_model_input(const struct fovea_model *model, int index, struct fovea_shape *shape)
{
    const struct graph *graph = model->model->graph;
    for (int i = 0; i < graph->input_count; i++) {
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
        if (!input->constant && (rank == 4 || rank < 0))
            return input;
        if (!alone && image_input_lacks_batch(input))
            alone = input;
    }
    return alone;
}
