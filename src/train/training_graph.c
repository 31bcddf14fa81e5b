#include "train/training_graph.h"

#include <string.h>

#include "analysis/target.h"
#include "graph/match.h"
#include "op/emit.h"
#include "op/infer.h"
#include "op/registry.h"
#include "op/settings.h"
#include "pass/differentiate.h"
#include "pass/foreign.h"
#include "pass/passes.h"
#include "structure/image_input.h"
#include "train/dependence.h"
#include "train/source_constant.h"
#include "train/widen.h"

#define OPSET_TRAINED_NORM 15 /* BatchNormalization with the attribute training_mode */
#define OPSET_TRAINED_DROPOUT 13

struct building {
    struct head head;
    struct training_graph *training;
    const struct training_request *request;
    struct value *logits;
};

static int refuse_untrainable(const struct parameter_set *parameters, struct error *error)
{
    const struct fovea_tune_still *first = parameters->stills;
    return parameters->still_count > 0
               ? error_set(error, ERROR_UNSUPPORTED, "no weights can be trained: '%s' (%s)%s; train the float model",
                           first->name, first->why, parameters->still_count > 1 ? " and others" : "")
               : error_set(error, ERROR_UNSUPPORTED, "the model has no weights that could be trained");
}

static int open_parameters(void *user, struct graph *graph, struct error *error)
{
    struct building *building = user;
    struct training_graph *training = building->training;
    if (parameter_set_open(&training->parameters, graph, training->arena, error))
        return -1;
    if (training->parameters.count == 0)
        return refuse_untrainable(&training->parameters, error);
    return widen_half(graph, error);
}

/* ---- training semantics ---- */

/* The constant of the file that a statistic is, if nothing else that moves is stored there; or NULL. */
static struct value *statistic_of(const struct training_graph *training, const struct node *node, int input)
{
    const struct value *value = node->inputs[input];
    struct value *source = value->constant && dtype_storage(value->dtype) == DTYPE_FLOAT && value->origin
                               ? source_constant_root(value->origin)
                               : NULL;
    for (int i = 0; i < training->parameters.count; i++)
        source = training->parameters.list[i].source == source ? NULL : source;
    for (int i = 0; i < training->norm_count; i++) {
        const struct training_norm *norm = &training->norms[i];
        source = norm->mean == source || norm->variance == source ? NULL : source;
    }
    return source;
}

static int copy_statistics(struct training_graph *training, struct training_norm *norm, const struct node *node,
                           struct error *error)
{
    for (int i = 0; i < 2; i++) {
        const struct tensor *from = constant_data(node->inputs[3 + i]->constant, error);
        norm->running[i] = arena_allocate(training->arena, (size_t)norm->channels, sizeof *norm->running[i], error);
        if (!from || !norm->running[i])
            return -1;
        memcpy(norm->running[i], from->data, (size_t)norm->channels * sizeof *norm->running[i]);
    }
    return 0;
}

/* With the momentum 0 the operator's running statistics are those of the batch. Where the file has no place for them
 * (they are computed, or a function's), the node stays as in inference. */
static int train_norm(struct training_graph *training, struct node *node, struct error *error)
{
    const struct batch_normalization_settings *settings = node->settings;
    struct training_norm *norm = &training->norms[training->norm_count];
    const struct shape *x = &node->inputs[0]->shape;
    *norm = (struct training_norm){.node = node,
                                   .mean = statistic_of(training, node, 3),
                                   .variance = statistic_of(training, node, 4),
                                   .momentum = 1 - settings->momentum,
                                   .channels = x->dims[1],
                                   .count = shape_count(x) / x->dims[1]};
    if (!norm->mean || !norm->variance || norm->mean == norm->variance) {
        training->norms_kept++;
        return 0;
    }
    if (norm->count < 2)
        return error_set(error, ERROR_INPUT,
                         "the batch has one value a channel there, which is no statistic: take a larger batch (-b) or "
                         "keep the statistics (`statistics`)");
    if (copy_statistics(training, norm, node, error))
        return -1;
    node->output_count = 1; /* those of an export in training mode, which nothing reads */
    if (operator_resolve(node, OPSET_TRAINED_NORM, error) || node_set_int(node, "training_mode", 1, error) ||
        node_set_float(node, "momentum", 0, error))
        return -1;
    for (int i = 0; i < 2; i++) {
        struct value *output = graph_add_value(node->graph, NULL, error);
        if (!output || node_add_output(node, output, error))
            return -1;
    }
    training->norm_count++;
    return infer_values(node, error);
}

/* The ratio as an input, and training mode on. */
static int train_dropout(struct training_graph *training, struct node *node, struct error *error)
{
    const struct dropout_settings *settings = node->settings;
    double ratio = node->opset < 12 ? (double)settings->ratio : 0.5;
    if (node->opset >= 12 && node->input_count > 1 && node->inputs[1] && !match_number(node->inputs[1], &ratio))
        return error_set(error, ERROR_UNSUPPORTED, "the ratio of a Dropout is computed");
    struct value *numbers[2] = {emit_scalar(node->graph, DTYPE_FLOAT, ratio, error),
                                emit_scalar(node->graph, DTYPE_BOOL, 1, error)};
    struct node *tail = node->graph->last;
    struct value *dropped = numbers[0] && numbers[1]
                                ? emit(node->graph, "Dropout", EMIT_INPUTS(node->inputs[0], numbers[0], numbers[1]),
                                       EMIT_NO_ATTRIBUTES, error)
                                : NULL;
    if (!dropped)
        return -1;
    for (struct node *made = tail->next; made; made = tail->next == made ? NULL : tail->next)
        graph_move_node(node->graph, made, node);
    training->dropouts += ratio > 0;
    return value_replace(node->outputs[0], dropped, error);
}

static int add_semantics(struct building *building, struct graph *graph, struct error *error)
{
    struct training_graph *training = building->training;
    training->norms = arena_allocate(training->arena, (size_t)graph->node_count + 1, sizeof *training->norms, error);
    if (!training->norms)
        return -1;
    for (struct node *node = graph->first, *next; node; node = next) {
        char label[NODE_LABEL_SIZE];
        next = node->next;
        bool norm = match_operator(node, "BatchNormalization") && !building->request->freeze_statistics;
        if ((norm && train_norm(training, node, error)) ||
            (match_operator(node, "Dropout") && train_dropout(training, node, error)))
            return error_prefix(error, "%s", node_label(node, label));
    }
    return 0;
}

/* What cannot learn, or must not. */
static int mark_still(struct building *building, struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct parameter_set *parameters = &building->training->parameters;
    bool *reads = memory_allocate(memory, graph->value_count + 1, sizeof *reads, error);
    int result = reads ? dependence_find(graph, building->logits, reads, error) : -1;
    for (int i = 0; result == 0 && i < parameters->count; i++) {
        struct parameter *parameter = &parameters->list[i];
        parameter->unread = !reads[graph->inputs[parameter->input]->id];
    }
    memory_release(memory, reads);
    return result == 0 ? parameter_set_find_buffers(parameters, graph, error) : -1;
}

/* The classes along axis 1: a map without an axis of channels gets one, one with channels last is transposed. */
static struct value *classes_in_front(struct graph *graph, const struct value *image, struct value *scores,
                                      struct error *error)
{
    static const int64_t order[] = {0, 3, 1, 2};
    const struct shape *shape = &scores->shape;
    if (shape->rank == 1 || shape->rank == 3) {
        const int64_t dims[4] = {shape->dims[0], 1, shape->dims[1], shape->dims[2]};
        struct value *list = emit_int_list(graph, dims, shape->rank + 1, error);
        return list ? emit(graph, "Reshape", EMIT_INPUTS(scores, list), EMIT_NO_ATTRIBUTES, error) : NULL;
    }
    struct unit_grid grid = {.layout = UNITS_NONE};
    if (shape->rank == 4 && unit_grid_of_value(graph, scores, image, &grid, error))
        return NULL;
    return grid.layout == UNITS_MAP_CHANNELS_LAST
               ? emit(graph, "Transpose", EMIT_INPUTS(scores), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, 4)), error)
               : scores;
}

/* Of what holds no classes alone the time of a step is asked for: its squares. */
static int take_any_output(struct building *building, struct graph *graph)
{
    building->logits = target_logits(graph);
    building->training->loss.kind = FOVEA_SQUARES;
    return 0;
}

static int find_logits(struct building *building, struct graph *graph, const struct value *image, struct error *error)
{
    struct head head;
    if (head_find(building->request->model, graph, image, &head, error))
        return -1;
    bool classes = head.kind == HEAD_VECTOR || head.kind == HEAD_MAP;
    if (!classes && building->request->any_output)
        return take_any_output(building, graph);
    if (head_check(&head, error))
        return -1;
    if (!classes)
        return error_set(error, ERROR_UNSUPPORTED, "'%s' holds %s; classifiers and segmentation networks are trained",
                         graph->outputs[0]->name, head.boxes ? "a detector's boxes and classes" : "rows of classes");
    building->head = head;
    building->logits = classes_in_front(graph, image, head.scores, error);
    return building->logits ? 0 : -1;
}

/* The loss of which the activation of the scores is the inverse link. */
static enum fovea_loss loss_of_head(const struct head *head)
{
    return head->classes.activation == CLASS_SIGMOID ? FOVEA_BINARY
           : head->classes.activation == CLASS_PLAIN ? FOVEA_SQUARES
                                                     : FOVEA_CROSS_ENTROPY;
}

/* One channel is two classes: their cross-entropy is that of its sigmoid. */
static int choose_loss(struct training_graph *training, const struct head *head, struct error *error)
{
    bool binary = training->logits.dims[1] == 1;
    if (training->loss.kind == FOVEA_LOSS_OF_FILE)
        training->loss.kind = loss_of_head(head);
    else if (head->told == HEAD_TOLD_BY_OPTION && !binary && training->loss.kind != loss_of_head(head))
        return error_set(error, ERROR_INPUT, "`loss` %s does not train what `activation` says: %s does",
                         loss_name(training->loss.kind), loss_name(loss_of_head(head)));
    training->classes = binary ? 2 : training->logits.dims[1];
    training->unlike_file = head->told == HEAD_TOLD_BY_FILE && !binary &&
                            (head->classes.activation == CLASS_SIGMOID) != (training->loss.kind == FOVEA_BINARY);
    if (binary && training->loss.kind == FOVEA_CROSS_ENTROPY)
        training->loss.kind = FOVEA_BINARY;
    if (training->loss.dice > 0 && training->loss.kind != FOVEA_CROSS_ENTROPY)
        return error_set(error, ERROR_INPUT, "`dice` stands beside cross-entropy of a channel for each class, not %s",
                         loss_name(training->loss.kind));
    return 0;
}

/* Scores of which something in front is not computed have no gradient. */
static int require_computed(const struct graph *graph, struct error *error)
{
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i]->behind)
            return foreign_require(graph, error);
    }
    return 0;
}

static int select_logits(void *user, struct graph *graph, struct error *error)
{
    struct building *building = user;
    struct training_graph *training = building->training;
    const struct value *image = image_input(graph, &training->image_input);
    if (!image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    if (require_computed(graph, error) || add_semantics(building, graph, error) ||
        find_logits(building, graph, image, error))
        return -1;
    training->logits = building->logits->shape;
    if (training->logits.rank < 2 || dtype_storage(building->logits->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_UNSUPPORTED, "'%s' holds no logits [N,K] or [N,K,H,W]", building->logits->name);
    training->masks = building->request->masks;
    if (mask_map_part(graph, building->logits, 2, image, &training->masks, error) ||
        choose_loss(training, &building->head, error) || mark_still(building, graph, error) ||
        (building->request->configure &&
         building->request->configure(building->request->user, &training->parameters, error)))
        return -1;
    struct value **kept =
        memory_allocate(graph->context->memory, 2 * (size_t)training->norm_count + 1, sizeof(struct value *), error);
    if (!kept)
        return -1;
    int count = 0;
    kept[count++] = building->logits;
    for (int i = 0; i < 2 * training->norm_count; i++)
        kept[count++] = training->norms[i / 2].node->outputs[1 + i % 2];
    int result = graph_set_outputs(graph, kept, count, error);
    memory_release(graph->context->memory, kept);
    return result;
}

/* ---- loss and gradients ---- */

static int collect_wrt(const struct training_graph *training, struct graph *graph, struct value **wrt,
                       struct parameter **of, struct error *error)
{
    int count = 0;
    for (int i = 0; i < training->parameters.count; i++) {
        struct parameter *parameter = &training->parameters.list[i];
        if (parameter->frozen || parameter->unread || parameter->buffer)
            continue;
        wrt[count] = graph->inputs[parameter->input];
        of[count++] = parameter;
    }
    return count > 0 ? count : error_set(error, ERROR_INPUT, "every parameter that the scores depend on is frozen");
}

static int set_outputs(struct building *building, struct graph *graph, struct value *loss, struct value **gradients,
                       struct parameter **of, int count, struct error *error)
{
    struct training_graph *training = building->training;
    int kept = 0, norms = 2 * training->norm_count;
    struct value **outputs =
        memory_allocate(graph->context->memory, (size_t)(norms + count) + 2, sizeof(struct value *), error);
    if (!outputs)
        return -1;
    outputs[training->loss_output = kept++] = loss;
    training->logits_output = kept;
    for (int i = 0; i <= norms; i++) /* the logits and the norms' statistics, as select_logits left them */
        outputs[kept++] = graph->outputs[i];
    for (int i = 0; i < training->norm_count; i++) {
        training->norms[i].outputs[0] = training->logits_output + 1 + 2 * i;
        training->norms[i].outputs[1] = training->logits_output + 2 + 2 * i;
    }
    for (int i = 0; i < count; i++) {
        of[i]->output = gradients[i] ? kept : -1;
        if (gradients[i])
            outputs[kept++] = gradients[i];
    }
    int result = graph_set_outputs(graph, outputs, kept, error);
    memory_release(graph->context->memory, outputs);
    return result;
}

static int input_index(const struct graph *graph, const struct value *value)
{
    for (int i = 0; i < graph->input_count; i++) {
        if (graph->inputs[i] == value)
            return i;
    }
    return -1;
}

static int append_loss(void *user, struct graph *graph, struct error *error)
{
    struct building *building = user;
    struct training_graph *training = building->training;
    struct memory *memory = graph->context->memory;
    size_t room = (size_t)training->parameters.count + 1;
    struct loss_values made;
    building->logits = graph->outputs[0]; /* fusion may have replaced the value */
    const struct shape one = {.rank = 1, .dims = {1}};
    struct value *seed = emit_filled(graph, DTYPE_FLOAT, &one, 1, error);
    struct value **wrt = memory_allocate(memory, room, sizeof(struct value *), error);
    struct value **gradients = memory_allocate(memory, room, sizeof(struct value *), error);
    struct parameter **of = memory_allocate(memory, room, sizeof(struct parameter *), error);
    int result = -1;
    struct value *scores = mask_map_emit(graph, building->logits, 2, &training->masks, error);
    if (scores && scores != building->logits)
        memcpy(training->enlarged, &training->logits.dims[2], sizeof training->enlarged);
    if (scores)
        training->logits = scores->shape;
    if (seed && wrt && gradients && of && scores && loss_emit(graph, scores, &training->loss, &made, error) == 0) {
        struct gradient_seed seeds = {made.loss, seed};
        int count = collect_wrt(training, graph, wrt, of, error);
        training->target_input = input_index(graph, made.target);
        training->weight_input = made.weight ? input_index(graph, made.weight) : -1;
        if (count > 0 && differentiate(graph, &seeds, 1, wrt, count, gradients, error) == 0)
            result = set_outputs(building, graph, made.loss, gradients, of, count, error);
    }
    memory_release(memory, of);
    memory_release(memory, gradients);
    memory_release(memory, wrt);
    return result;
}

static int recompute(void *user, struct graph *graph, struct error *error)
{
    const struct building *building = user;
    int segments = building->request->segments;
    return segments > 0 ? pass_recompute(graph, graph->outputs[building->training->loss_output], segments, error) : 0;
}

int training_graph_create(struct training_graph *training, const struct training_request *request, struct error *error)
{
    struct building building = {.training = training, .request = request};
    struct pipeline_request pipeline = {.bindings = request->bindings,
                                        .binding_count = request->binding_count,
                                        .open = open_parameters,
                                        .select = select_logits,
                                        .differentiate = append_loss,
                                        .recompute = recompute,
                                        .user = &building,
                                        .keep_batch_normalization = true};
    *training =
        (struct training_graph){.arena = arena_create(request->model->context->memory, error), .loss = request->loss};
    if (training->arena)
        training->graph = pipeline_run(request->model, &pipeline, error);
    if (training->graph)
        return 0;
    training_graph_destroy(training);
    return -1;
}

void training_graph_destroy(struct training_graph *training)
{
    graph_destroy(training->graph);
    arena_destroy(training->arena);
    *training = (struct training_graph){0};
}
