#include "analysis/recording.h"

#include <string.h>

#include "analysis/target.h"
#include "base/number.h"
#include "op/emit.h"
#include "pass/differentiate.h"
#include "runtime/session.h"
#include "structure/image_input.h"

struct recording {
    const struct recording_request *request;
    struct memory *memory;
    struct value **values; /* those asked for, then the score's target */
    struct unit_grid grid;
    struct class_scores scores;
    int classes_index; /* of a graph input of ours; -1: no gradients */
    int *places;       /* by gradient: of the graph's output, -1: none */
    int image_index;
};

bool recording_knows(const struct value *value)
{
    return graph_find_value(value->graph, value->name) == value;
}

static int select_values(void *user, struct graph *graph, struct error *error)
{
    struct recording *recording = user;
    const struct recording_request *request = recording->request;
    int kept = request->count;
    const struct value *image = image_input(graph, &recording->image_index);
    if (!image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    for (int i = 0; i < request->count; i++) {
        recording->values[i] = graph_find_value(graph, request->values[i]);
        if (!recording->values[i])
            return error_set(error, ERROR_INTERNAL, "no value '%s' to record", request->values[i]);
    }
    if (request->gradients) {
        struct target target;
        if (target_find(request->model, graph, image, "logits", &target, error))
            return -1;
        recording->values[kept++] = target.value;
        recording->grid = target.grid;
        recording->scores = target.classes;
        if (recording->grid.layout == UNITS_NONE)
            return error_set(error, ERROR_INPUT, "'%s' holds no scores of classes", target.value->name);
    }
    return graph_set_outputs(graph, recording->values, kept, error);
}

static struct value *add_classes(struct recording *recording, struct graph *graph, struct error *error)
{
    const int64_t dims[1] = {recording->grid.view.images};
    struct value *classes = graph_add_value(graph, NULL, error);
    if (!classes || shape_set(&classes->shape, 1, dims, error) || graph_add_input(graph, classes, error))
        return NULL;
    classes->dtype = DTYPE_INT64;
    recording->classes_index = graph->input_count - 1;
    return classes;
}

static int append_gradients(void *user, struct graph *graph, struct error *error)
{
    struct recording *recording = user;
    int count = recording->request->count, kept = count;
    struct value *target = recording->values[count];
    bool spatial = unit_grid_is_spatial(&recording->grid);
    struct unit_score score = {.classes = recording->scores,
                               .kind = FOVEA_SCORE_MARGIN,
                               .place = spatial                                 ? FOVEA_PLACE_REGION
                                        : recording->grid.layout == UNITS_CELLS ? FOVEA_PLACE_BEST
                                                                                : FOVEA_PLACE_UNIT};
    struct unit_score_outputs made;
    struct value *classes = add_classes(recording, graph, error);
    struct value **gradients = memory_allocate(recording->memory, (size_t)count + 1, sizeof(struct value *), error);
    struct value **outputs = memory_allocate(recording->memory, 2 * (size_t)count + 1, sizeof(struct value *), error);
    int result = -1;
    if (classes && gradients && outputs && emit_unit_score(graph, target, &score, classes, &made, error) == 0) {
        struct gradient_seed seed = {target, made.seed};
        result = differentiate(graph, &seed, 1, recording->values, count, gradients, error);
    }
    for (int i = 0; result == 0 && i < count; i++) {
        outputs[i] = recording->values[i];
        recording->places[i] = gradients[i] ? kept : -1;
        if (gradients[i])
            outputs[kept++] = gradients[i];
    }
    result = result == 0 ? graph_set_outputs(graph, outputs, kept, error) : -1;
    memory_release(recording->memory, gradients);
    memory_release(recording->memory, outputs);
    return result;
}

static void set_classes(const struct recording *recording, struct session *session, int64_t first, int64_t count)
{
    const struct image_set *images = recording->request->images;
    if (recording->classes_index < 0)
        return;
    int64_t *classes = session_input(session, recording->classes_index)->data;
    for (int64_t i = 0; i < recording->grid.view.images; i++)
        classes[i] = i < count ? images->label(images->user, first + i) : -1;
}

static int hand_out(const struct recording *recording, const struct session *session, struct recorded *recorded,
                    const struct tensor **tensors, recording_each *each, void *user, struct error *error)
{
    int count = recording->request->count;
    for (int i = 0; i < count; i++) {
        tensors[i] = session_output(session, i);
        tensors[count + i] = recording->places[i] >= 0 ? session_output(session, recording->places[i]) : NULL;
    }
    recorded->values = tensors;
    recorded->gradients = recording->request->gradients ? tensors + count : NULL;
    return each(user, recorded, error);
}

static int run_images(struct recording *recording, struct session *session, const struct graph *graph,
                      const struct tensor **tensors, recording_each *each, void *user, struct error *error)
{
    const struct image_set *images = recording->request->images;
    struct tensor *input = session_input(session, recording->image_index);
    if (images->begin(images->user, graph, session, input, error))
        return -1;
    int64_t batch = input->shape.dims[0];
    for (int64_t first = 0; first < images->count; first += batch) {
        struct recorded recorded = {.images = int64_min(images->count - first, batch), .batch = batch};
        if (images->read(images->user, first, recorded.images, input, error))
            return -1;
        set_classes(recording, session, first, recorded.images);
        if (session_run(session, error) || hand_out(recording, session, &recorded, tensors, each, user, error))
            return -1;
        progress_step(&graph->context->progress, "measuring", (size_t)(first + recorded.images), (size_t)images->count);
    }
    return 0;
}

int recording_run(const struct recording_request *request, recording_each *each, void *user, struct error *error)
{
    struct memory *memory = request->model->context->memory;
    size_t count = (size_t)request->count;
    struct recording recording = {.request = request, .memory = memory, .classes_index = -1};
    struct pipeline_request pipeline = {.bindings = request->images->bindings,
                                        .binding_count = request->images->binding_count,
                                        .select = select_values,
                                        .differentiate = request->gradients ? append_gradients : NULL,
                                        .user = &recording};
    const struct tensor **tensors = memory_allocate(memory, 2 * count + 1, sizeof(struct tensor *), error);
    recording.values = memory_allocate(memory, count + 1, sizeof(struct value *), error);
    recording.places = memory_allocate(memory, count + 1, sizeof *recording.places, error);
    for (size_t i = 0; recording.places && i < count; i++)
        recording.places[i] = -1;
    struct graph *graph =
        tensors && recording.values && recording.places ? pipeline_run(request->model, &pipeline, error) : NULL;
    struct session *session = graph ? session_create(graph, error) : NULL;
    int result = session ? run_images(&recording, session, graph, tensors, each, user, error) : -1;
    session_destroy(session);
    graph_destroy(graph);
    memory_release(memory, recording.places);
    memory_release(memory, recording.values);
    memory_release(memory, tensors);
    return result;
}
