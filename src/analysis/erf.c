#include "analysis/erf.h"

#include <inttypes.h>
#include <string.h>

#include "op/emit.h"
#include "pass/differentiate.h"
#include "runtime/session.h"

/* What the pipeline's two calls hand to each other. */
struct erf_build {
    struct erf *erf;
    const struct erf_request *request;
    struct value *target;
};

static bool is_map(const struct value *value)
{
    return dtype_storage(value->dtype) == DTYPE_FLOAT && value->shape.rank == 4 &&
           value->shape.dims[2] * value->shape.dims[3] > 1;
}

/* Marks the nodes that the first output needs; returns the last map among their results. */
static struct value *find_last_map(struct graph *graph)
{
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = 0;
    if (graph->output_count > 0 && graph->outputs[0]->producer)
        graph->outputs[0]->producer->mark = 1;
    for (struct node *node = graph->last; node; node = node->previous) {
        if (!node->mark)
            continue;
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i] && is_map(node->outputs[i]))
                return node->outputs[i];
        }
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] && node->inputs[i]->producer)
                node->inputs[i]->producer->mark = 1;
        }
    }
    return NULL;
}

static struct value *find_target(struct graph *graph, const struct erf_request *request, struct error *error)
{
    bool output = request->class_index >= 0 || (request->target && strcmp(request->target, "output") == 0);
    struct value *target = output            ? graph->outputs[0]
                           : request->target ? graph_find_value(graph, request->target)
                                             : find_last_map(graph);
    if (!target && request->target)
        error_set(error, ERROR_INPUT, "the model has no value '%s' (fovea inspect lists them)", request->target);
    else if (!target)
        error_set(error, ERROR_INPUT,
                  "the model has no spatial map; name a value with --target or a class with --class");
    else if (!target->producer)
        error_set(error, ERROR_INPUT, "'%s' does not depend on the input", target->name);
    else
        return target;
    return NULL;
}

static int select_target(void *user, struct graph *graph, struct error *error)
{
    struct erf_build *build = user;
    build->target = find_target(graph, build->request, error);
    return build->target ? graph_set_outputs(graph, &build->target, 1, error) : -1;
}

/* The flat index of a unit's first channel and the distance between channels, per image. */
struct unit_place {
    int64_t first, step, channels;
};

static int locate_logit(struct erf *erf, const struct erf_request *request, struct unit_place *place,
                        struct error *error)
{
    const struct shape *shape = &erf->target_shape;
    int64_t logits = shape->rank > 0 && shape->dims[0] > 0 ? shape_count(shape) / shape->dims[0] : 0;
    if (request->class_index >= logits)
        return error_set(error, ERROR_INPUT, "the output has %" PRId64 " classes, there is no class %" PRId64, logits,
                         request->class_index);
    *place = (struct unit_place){request->class_index, 1, 1};
    return 0;
}

static int locate_unit(struct erf *erf, const struct erf_request *request, struct unit_place *place,
                       struct error *error)
{
    const struct shape *shape = &erf->target_shape;
    if (request->class_index >= 0)
        return locate_logit(erf, request, place, error);
    if (shape->rank != 4)
        return error_set(error, ERROR_INPUT,
                         "'%s' is no map [N,C,H,W]; choose another --target, or --class for a logit", erf->target);
    const int64_t *size_of = shape->dims + erf->target_axis;
    for (int axis = 0; axis < 2; axis++) {
        int64_t size = size_of[axis], unit = request->unit[axis] < 0 ? size / 2 : request->unit[axis];
        if (unit >= size)
            return error_set(error, ERROR_INPUT,
                             "the map '%s' is %" PRId64 " x %" PRId64 ", it has no unit %" PRId64 ",%" PRId64,
                             erf->target, size_of[0], size_of[1], request->unit[0], request->unit[1]);
        erf->unit[axis] = unit;
    }
    int64_t cell = erf->unit[0] * size_of[1] + erf->unit[1];
    *place = erf->target_axis == 1 ? (struct unit_place){cell * shape->dims[3], 1, shape->dims[3]}
                                   : (struct unit_place){cell, size_of[0] * size_of[1], shape->dims[1]};
    return 0;
}

/* dY/dtarget: 1 / channels at the unit of every image, 0 elsewhere. */
static struct value *emit_seed(struct graph *graph, const struct value *target, const struct unit_place *place,
                               struct error *error)
{
    struct value *seed = emit_filled(graph, target->dtype, &target->shape, 0, error);
    if (!seed)
        return NULL;
    float *elements = seed->constant->tensor.data;
    int64_t images = target->shape.dims[0], image_size = images > 0 ? shape_count(&target->shape) / images : 0;
    for (int64_t image = 0; image < images; image++) {
        for (int64_t c = 0; c < place->channels; c++)
            elements[image * image_size + place->first + c * place->step] = 1.0f / (float)place->channels;
    }
    return seed;
}

/* The image input: the first of four axes that is not an initialiser. */
static int find_image_input(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        if (!graph->inputs[i]->constant && graph->inputs[i]->shape.rank == 4)
            return i;
    }
    return -1;
}

/* Where the gradient ends: the image input, or behind an input of bytes the first float tensor made of it. */
static struct value *find_source(const struct graph *graph, struct value *input)
{
    if (dtype_storage(input->dtype) == DTYPE_FLOAT)
        return input;
    for (size_t i = 0; i < input->use_count; i++) {
        struct node *node = input->uses[i].node;
        struct value *output = node->outputs[0];
        if (node->input_count == 0 || !output || output->shape.rank != 4)
            continue;
        struct value *found = find_source(graph, output);
        if (found)
            return found;
    }
    return NULL;
}

/* The theoretical field of the target, and what its chosen unit reads. */
static int measure_field(struct erf *erf, const struct graph *graph, const struct value *target,
                         const struct value *input, struct error *error)
{
    if (target->shape.rank != 4 || erf->class_index >= 0)
        return 0;
    const int64_t *dims = target->shape.dims;
    struct interval cells[4] = {{0, 0}, {0, dims[1] - 1}, {0, dims[2] - 1}, {0, dims[3] - 1}};
    for (int axis = 0; axis < 2; axis++)
        cells[erf->target_axis + axis] = (struct interval){erf->unit[axis], erf->unit[axis]};
    if (receptive_field_of_value(graph, target, input, &erf->field, error))
        return -1;
    return receptive_field_reads(graph, target, cells, input, &erf->unit_reads, error);
}

static int append_gradient(void *user, struct graph *graph, struct error *error)
{
    struct erf_build *build = user;
    struct erf *erf = build->erf;
    int index = find_image_input(graph);
    struct value *input = index >= 0 ? find_source(graph, graph->inputs[index]) : NULL, *gradient = NULL;
    struct unit_place place = {0};
    if (!input)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    erf->input_index = index;
    erf->target = build->target->name;
    erf->target_shape = build->target->shape;
    erf->class_index = build->request->class_index >= 0 ? build->request->class_index : -1;
    const int64_t *dims = input->shape.dims;
    erf->input = graph->inputs[index]->name;
    erf->channels_last = shape_channels_last(&input->shape);
    erf->batch = dims[0];
    erf->channels = dims[erf->channels_last ? 3 : 1];
    erf->height = dims[erf->channels_last ? 1 : 2];
    erf->width = dims[erf->channels_last ? 2 : 3];
    if (dtype_storage(build->target->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_INPUT, "'%s' does not hold floats", erf->target);
    if (receptive_field_spatial_axis(graph, build->target, input, &erf->target_axis, error) ||
        locate_unit(erf, build->request, &place, error) || measure_field(erf, graph, build->target, input, error))
        return -1;
    struct gradient_seed seed = {build->target, emit_seed(graph, build->target, &place, error)};
    if (!seed.gradient || differentiate(graph, &seed, 1, &input, 1, &gradient, error))
        return -1;
    if (!gradient)
        return error_set(error, ERROR_INPUT, "'%s' does not depend on the input", erf->target);
    return graph_set_outputs(graph, &gradient, 1, error);
}

int erf_create(struct erf *erf, const struct model *model, const struct erf_request *request, struct error *error)
{
    struct erf_build build = {.erf = erf, .request = request};
    struct pipeline_request pipeline = {.bindings = request->bindings,
                                        .binding_count = request->binding_count,
                                        .select = select_target,
                                        .differentiate = append_gradient,
                                        .user = &build};
    *erf = (struct erf){.class_index = -1};
    erf->graph = pipeline_run(model, &pipeline, error);
    if (!erf->graph)
        return -1;
    erf->session = session_create(erf->graph, error);
    if (erf->session)
        return 0;
    erf_destroy(erf);
    return -1;
}

void erf_destroy(struct erf *erf)
{
    session_destroy(erf->session);
    graph_destroy(erf->graph);
    *erf = (struct erf){0};
}

struct tensor *erf_input(struct erf *erf)
{
    return session_input(erf->session, erf->input_index);
}

int erf_run(struct erf *erf, const float **gradient, struct error *error)
{
    if (session_run(erf->session, error))
        return -1;
    *gradient = session_output(erf->session, 0)->data;
    return 0;
}

void erf_accumulate(const struct erf *erf, const float *gradient, int64_t images, double *map)
{
    int64_t plane = erf->height * erf->width, image_size = plane * erf->channels;
    int64_t pixel_step = erf->channels_last ? erf->channels : 1, channel_step = erf->channels_last ? 1 : plane;
    for (int64_t image = 0; image < images; image++) {
        for (int64_t i = 0; i < plane; i++) {
            double mean = 0;
            for (int64_t c = 0; c < erf->channels; c++)
                mean += (double)gradient[image * image_size + i * pixel_step + c * channel_step];
            if (mean > 0)
                map[i] += mean / (double)erf->channels;
        }
    }
}
