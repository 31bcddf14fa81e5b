#include "analysis/probe.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/target.h"
#include "analysis/uniform_norm.h"
#include "op/convolution.h"
#include "op/emit.h"
#include "pass/differentiate.h"
#include "runtime/session.h"
#include "structure/image_input.h"

/* What the pipeline's two calls hand to each other. */
struct probe_build {
    struct probe *probe;
    const struct model *model;
    const struct probe_request *request;
    struct target found;
    struct value *image, *target, *source;
    struct value *scored;                     /* of the target: all of it, or the unit's cells; `scores` is of it */
    struct class_scores scores;               /* how its classes are read */
    struct value *layers[TARGET_MOST_LAYERS]; /* whose contributions are asked for; the last is `source` */
};

/* The target, or where that is made of the logits (before a resize, behind a softmax) these. */
static struct value *scores_of(const struct probe_build *build, const struct graph *graph)
{
    const struct head *head = &build->found.head;
    bool made_of = build->probe->of_classes && head->kind != HEAD_ROWS;
    return made_of && head->map ? head->map : made_of ? target_logits(graph) : build->target;
}

static int find_source(struct probe_build *build, struct graph *graph, struct error *error)
{
    const char *name = build->request->source_name;
    if (build->request->source == PROBE_IMAGE)
        build->source = build->image;
    if (build->request->source != PROBE_ACTIVATION)
        return 0;
    if (name) {
        struct target named;
        if (target_find(build->model, graph, build->image, name, &named, error))
            return -1;
        build->source = build->layers[0] = named.value;
        build->probe->layers = 1;
        return 0;
    }
    build->probe->layers = target_layers(graph, build->image, scores_of(build, graph), build->layers, error);
    if (build->probe->layers < 0)
        return -1;
    build->source = build->probe->layers > 0 ? build->layers[build->probe->layers - 1] : NULL;
    return build->source ? 0 : error_set(error, ERROR_INPUT, "the model has no spatial map; name a value with `layer`");
}

static int locate_unit(struct probe_build *build, struct error *error)
{
    struct probe *probe = build->probe;
    const struct unit_grid *grid = &probe->target_grid;
    const int64_t *wanted = build->request->unit;
    unit_grid_centre(grid, probe->unit);
    for (int axis = 0; axis < 2; axis++)
        probe->unit[axis] = wanted[axis] < 0 ? probe->unit[axis] : wanted[axis];
    if (probe->unit[0] < grid->height && probe->unit[1] < grid->width)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "'%s' has %" PRId64 " x %" PRId64 " units, there is no unit %" PRId64 ",%" PRId64, probe->target,
                     grid->height, grid->width, probe->unit[0], probe->unit[1]);
}

static enum fovea_place choose_place(const struct probe_request *request, const struct unit_grid *grid, bool detector)
{
    bool rows = grid->layout == UNITS_CELLS && request->kind != FOVEA_SCORE_MEAN && request->unit[0] < 0;
    if (request->place != FOVEA_PLACE_AUTO)
        return rows && request->place == FOVEA_PLACE_UNIT ? FOVEA_PLACE_BEST : request->place;
    if (grid->view.units == 1)
        return FOVEA_PLACE_UNIT;
    return unit_grid_is_spatial(grid) && !detector ? FOVEA_PLACE_REGION : FOVEA_PLACE_BEST;
}

static void describe_image(struct probe *probe, const struct graph *graph, const struct value *image, int index)
{
    const int64_t *dims = image->shape.dims;
    probe->image_index = index;
    probe->image = graph->inputs[index]->name;
    probe->channels_last = shape_channels_last(&image->shape);
    probe->batch = dims[0];
    probe->channels = dims[probe->channels_last ? 3 : 1];
    probe->height = dims[probe->channels_last ? 1 : 2];
    probe->width = dims[probe->channels_last ? 2 : 3];
}

/* The mean over a normalisation's channels must not be a constant: what it normalises has the same units. */
static int check_norm(struct probe_build *build, struct error *error)
{
    struct value *norm = build->request->kind == FOVEA_SCORE_MEAN ? uniform_norm_input(build->target) : NULL;
    if (!norm)
        return 0;
    if (build->request->through_norm) {
        build->target = norm;
        return 0;
    }
    return error_set(error, ERROR_INPUT,
                     "'%s' is a LayerNormalization whose weights are all equal: the mean over its channels is constant "
                     "and its field zero; look at its input, `target` '%s'",
                     build->target->name, norm->name);
}

static int describe_target(struct probe_build *build, struct field_sweep *sweep, struct error *error)
{
    struct probe *probe = build->probe;
    struct unit_grid *grid = &probe->target_grid;
    struct interval cells[SHAPE_MAX_RANK];
    probe->target = build->target->name;
    if (dtype_storage(build->target->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT, "'%s' holds %s, no floats that could be differentiated", probe->target,
                         dtype_name(build->target->dtype));
    *grid = build->found.grid;
    probe->scores = build->found.classes;
    if (grid->layout == UNITS_NONE)
        return error_set(error, ERROR_INPUT,
                         "'%s' is no map [N,C,H,W], no tokens [N,L,C] and no vector [N,K] over the images; choose "
                         "another `target`",
                         probe->target);
    if (check_norm(build, error) || locate_unit(build, error))
        return -1;
    probe->place = choose_place(build->request, grid, build->found.head.boxes);
    if (probe->place != FOVEA_PLACE_UNIT || !unit_grid_is_spatial(grid))
        return 0;
    unit_grid_cells(grid, build->target, probe->unit, cells);
    return receptive_field_of_units(sweep, build->target, grid, &probe->field, NULL, error) ||
                   field_sweep_reads(sweep, build->target, cells, &probe->unit_reads, error)
               ? -1
               : 0;
}

static int describe_source(struct probe_build *build, struct field_sweep *sweep, struct error *error)
{
    struct probe *probe = build->probe;
    probe->source_kind = build->request->source;
    probe->source = build->source ? build->source->name : NULL;
    if (probe->source_kind != PROBE_ACTIVATION)
        return 0;
    if (unit_grid_find(sweep, build->source, &probe->source_grid, error))
        return -1;
    if (!unit_grid_is_spatial(&probe->source_grid))
        return error_set(error, ERROR_INPUT, "'%s' is no map and no tokens over the image; choose another `layer`",
                         probe->source);
    return receptive_field_of_units(sweep, build->source, &probe->source_grid, &probe->source_field,
                                    probe->source_varies, error);
}

static int describe_places(struct probe_build *build, const struct graph *graph, struct error *error)
{
    struct field_sweep sweep;
    int result = field_sweep_create(&sweep, graph, build->image, error) || describe_target(build, &sweep, error) ||
                         describe_source(build, &sweep, error)
                     ? -1
                     : 0;
    field_sweep_release(&sweep);
    return result;
}

/* Where one unit's gradient is all that is asked for, nothing else of the target need be made. */
static int cut_target(struct probe_build *build, struct graph *graph, struct error *error)
{
    const struct probe *probe = build->probe;
    build->scored = build->target;
    build->scores = probe->scores;
    if (probe->source_kind == PROBE_IMAGE && probe->place == FOVEA_PLACE_UNIT)
        build->scored = unit_grid_cut(graph, &probe->target_grid, build->target, probe->unit, &build->scores, error);
    build->probe->is_cut = build->scored != build->target;
    return build->scored ? 0 : -1;
}

/* Finds the values while the graph is still as in the file, and keeps them: outputs survive lowering. */
static int select_values(void *user, struct graph *graph, struct error *error)
{
    struct probe_build *build = user;
    int index;
    build->image = image_input(graph, &index);
    if (!build->image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    describe_image(build->probe, graph, build->image, index);
    if (build->request->edit && build->request->edit(build->request->user, graph, build->image, error))
        return -1;
    if (target_find(build->model, graph, build->image, build->request->target, &build->found, error))
        return -1;
    build->target = build->found.value;
    build->probe->of_classes = build->found.of_classes;
    build->probe->head = build->found.head;
    if (find_source(build, graph, error) || describe_places(build, graph, error) || cut_target(build, graph, error))
        return -1;
    struct value *kept[2 + TARGET_MOST_LAYERS] = {build->scored, build->image};
    int count = build->source == build->image && build->image->producer ? 2 : 1,
        layers = build->request->source == PROBE_ACTIVATION ? build->probe->layers : 0;
    for (int i = build->request->contributions ? 0 : layers - 1; i >= 0 && i < layers; i++) {
        if (build->layers[i] != build->target)
            kept[count++] = build->layers[i];
    }
    return graph_set_outputs(graph, kept, count, error);
}

/* A graph input of our own, which no file feeds: the classes, int64 [images]. */
static struct value *add_classes(struct graph *graph, int64_t images, struct error *error)
{
    struct value *value = graph_add_value(graph, NULL, error);
    if (!value || shape_set(&value->shape, 1, &images, error) || graph_add_input(graph, value, error))
        return NULL;
    value->dtype = DTYPE_INT64;
    return value;
}

/* Zeros of the layer's shape. */
static struct value *no_gradient(struct graph *graph, struct value *layer, struct error *error)
{
    struct value *zero = emit_scalar(graph, layer->dtype, 0, error);
    return zero ? emit(graph, "Mul", EMIT_INPUTS(layer, zero), EMIT_NO_ATTRIBUTES, error) : NULL;
}

/* A score that is an objectness times a class is a product of two results: each has half of it (pass/held.h). */
static struct value *held_seed(const struct probe *probe, struct graph *graph, struct value *seed, struct error *error)
{
    if (probe->scores.objectness == 0 || probe->scores.activation != CLASS_PROBABILITIES)
        return seed;
    struct value *half = emit_scalar(graph, seed->dtype, 0.5, error);
    return half ? emit(graph, "Mul", EMIT_INPUTS(seed, half), EMIT_NO_ATTRIBUTES, error) : NULL;
}

/* With gates held constant: gradient and activation of every layer, and the shares. */
static int append_held(struct probe_build *build, struct graph *graph, const struct contribution_request *plain,
                       struct value **outputs, struct error *error)
{
    struct value *gradients[TARGET_MOST_LAYERS];
    struct contribution_request request = *plain;
    request.layers = build->layers;
    request.count = build->probe->layers;
    request.held = true;
    request.direct = request.count > 1;
    request.seed.gradient = held_seed(build->probe, graph, plain->seed.gradient, error);
    if (!request.seed.gradient ||
        contribution_append(graph, &request, gradients, &outputs[PROBE_OUTPUT_HELD_SHARES], error))
        return -1;
    for (int i = 0; i < request.count; i++) {
        struct value *layer = build->layers[i];
        outputs[PROBE_OUTPUT_LAYERS + 2 * i] = gradients[i] ? gradients[i] : no_gradient(graph, layer, error);
        outputs[PROBE_OUTPUT_LAYERS + 2 * i + 1] = layer;
        if (!outputs[PROBE_OUTPUT_LAYERS + 2 * i])
            return -1;
    }
    return 0;
}

static int append_gradient(struct probe_build *build, struct graph *graph, struct value *seed, struct value **outputs,
                           struct error *error)
{
    const struct contribution_request request = {{build->scored, seed},      &build->source, 1,
                                                 &build->probe->source_grid, false,          false};
    struct value **gradient = &outputs[PROBE_OUTPUT_GRADIENT];
    bool shares = build->request->contributions;
    if (!build->source)
        return 0;
    if (shares ? contribution_append(graph, &request, gradient, &outputs[PROBE_OUTPUT_SHARES], error)
               : differentiate(graph, &request.seed, 1, &build->source, 1, gradient, error))
        return -1;
    if (!*gradient)
        return error_set(error, ERROR_INPUT, "'%s' does not depend on '%s'", build->target->name, build->source->name);
    if (build->request->pixel_sums && build->source == build->image) {
        int summed = emit_pixel_sum(graph, gradient, error);
        build->probe->summed = summed > 0;
        return summed < 0 ? -1 : 0;
    }
    return shares ? append_held(build, graph, &request, outputs, error) : 0;
}

static int append_score(void *user, struct graph *graph, struct error *error)
{
    struct probe_build *build = user;
    struct probe *probe = build->probe;
    const struct unit_view *view = &probe->target_grid.view;
    struct unit_score score = {.classes = build->scores,
                               .kind = build->request->kind,
                               .place = probe->place,
                               .unit = probe->is_cut ? 0 : probe->unit[0] * probe->target_grid.width + probe->unit[1]};
    struct unit_score_outputs made;
    struct value *outputs[PROBE_OUTPUT_LAYERS + 2 * TARGET_MOST_LAYERS] = {NULL};
    struct value *classes = add_classes(graph, view->images, error);
    probe->classes_index = graph->input_count - 1;
    if (!classes || emit_unit_score(graph, build->scored, &score, classes, &made, error) ||
        append_gradient(build, graph, made.seed, outputs, error))
        return -1;
    outputs[PROBE_OUTPUT_SCORE] = made.score;
    outputs[PROBE_OUTPUT_CLASSES] = made.classes;
    outputs[PROBE_OUTPUT_UNITS] = made.units;
    outputs[PROBE_OUTPUT_TARGET] = build->scored;
    outputs[PROBE_OUTPUT_ACTIVATION] = build->source;
    int count = probe->source_kind == PROBE_NO_GRADIENT ? PROBE_OUTPUT_GRADIENT
                : probe->source_kind == PROBE_IMAGE     ? PROBE_OUTPUT_ACTIVATION
                : build->request->contributions         ? PROBE_OUTPUT_LAYERS + 2 * probe->layers
                                                        : PROBE_OUTPUT_COUNT;
    return graph_set_outputs(graph, outputs, count, error);
}

int probe_create(struct probe *probe, const struct model *model, const struct probe_request *request,
                 struct error *error)
{
    struct probe_build build = {.probe = probe, .model = model, .request = request};
    struct pipeline_request pipeline = {.bindings = request->bindings,
                                        .binding_count = request->binding_count,
                                        .select = select_values,
                                        .differentiate = append_score,
                                        .user = &build,
                                        .whole_values = request->contributions,
                                        .no_fusion = request->no_fusion};
    *probe = (struct probe){.path = model->path};
    probe->graph = pipeline_run(model, &pipeline, error);
    if (!probe->graph)
        return -1;
    probe->session = session_create(probe->graph, error);
    if (!probe->session) {
        probe_destroy(probe);
        return -1;
    }
    for (int64_t i = 0; i < probe->target_grid.view.images; i++)
        probe_classes(probe)[i] = -1;
    return 0;
}

void probe_destroy(struct probe *probe)
{
    session_destroy(probe->session);
    graph_destroy(probe->graph);
    *probe = (struct probe){0};
}

struct tensor *probe_images(struct probe *probe)
{
    return session_input(probe->session, probe->image_index);
}

int64_t *probe_classes(struct probe *probe)
{
    return session_input(probe->session, probe->classes_index)->data;
}

/* In the user's words, before the graph's own nodes would complain. */
static int check_classes(struct probe *probe, struct error *error)
{
    const int64_t *classes = probe_classes(probe), count = class_scores_count(&probe->scores);
    for (int64_t i = 0; i < probe->target_grid.view.images; i++) {
        if (classes[i] >= count)
            return error_set(error, ERROR_INPUT,
                             "there is no class %" PRId64 ": '%s' has %" PRId64 ", numbered from 0 (`class_index`)",
                             classes[i], probe->target, count);
        if (classes[i] < -count)
            return error_set(error, ERROR_INPUT, "there are no %" PRId64 " strongest classes: '%s' has %" PRId64,
                             -classes[i], probe->target, count);
    }
    return 0;
}

static void read_contributions(const struct probe *probe, struct probe_result *result)
{
    const struct session *session = probe->session;
    result->shares = session_output(session, PROBE_OUTPUT_SHARES)->data;
    result->held.shares = session_output(session, PROBE_OUTPUT_HELD_SHARES)->data;
    result->held.layers = probe->layers;
    for (int i = 0; i < probe->layers; i++) {
        result->held.gradient[i] = session_output(session, PROBE_OUTPUT_LAYERS + 2 * i)->data;
        result->held.activation[i] = session_output(session, PROBE_OUTPUT_LAYERS + 2 * i + 1)->data;
    }
}

/* What NaN or overflow reached has neither a map nor a field. */
static int check_scores(const struct probe *probe, struct error *error)
{
    const struct tensor *scores = session_output(probe->session, PROBE_OUTPUT_SCORE);
    int64_t count = shape_count(&scores->shape);
    for (int64_t i = 0; i < count; i++) {
        float score = ((const float *)scores->data)[i];
        if (!isfinite(score))
            return error_set(error, ERROR_INPUT,
                             "the score is not finite (%g): weights or pixels hold such numbers or very large ones",
                             (double)score);
    }
    return 0;
}

int probe_run(struct probe *probe, struct probe_result *result, struct error *error)
{
    if (check_classes(probe, error) || session_run(probe->session, error) || check_scores(probe, error))
        return error_prefix(error, "%s", probe->path);
    const struct session *session = probe->session;
    *result = (struct probe_result){.score = session_output(session, PROBE_OUTPUT_SCORE)->data,
                                    .classes = session_output(session, PROBE_OUTPUT_CLASSES)->data};
    if (!probe->is_cut) {
        result->units = session_output(session, PROBE_OUTPUT_UNITS)->data;
        result->target = session_output(session, PROBE_OUTPUT_TARGET)->data;
    }
    if (probe->source_kind != PROBE_NO_GRADIENT)
        result->gradient = session_output(session, PROBE_OUTPUT_GRADIENT)->data;
    if (probe->source_kind == PROBE_ACTIVATION)
        result->activation = session_output(session, PROBE_OUTPUT_ACTIVATION)->data;
    if (probe->graph->output_count > PROBE_OUTPUT_COUNT)
        read_contributions(probe, result);
    return 0;
}
