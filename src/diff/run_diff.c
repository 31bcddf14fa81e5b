#include "diff/run_diff.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "runtime/session.h"
#include "tensor/sequence.h"

/* Which values of one graph are kept: by id of the source values their number among the outputs, -1. */
struct keeping {
    const struct graph *source;
    int *numbers;
    struct run_diff *run;
};

/* ---- preparation ---- */

static void leave_out(struct run_diff *run, const struct value *value)
{
    run->behind = run->behind ? run->behind : value->behind;
    if (run->graphs[0]) /* the second model is being prepared */
        return;
    run->values_left_out++;
    run->outputs_left_out += value->is_output;
}

static int select_kept(void *user, struct graph *graph, struct error *error)
{
    struct keeping *keeping = user;
    struct value **kept = arena_allocate(graph->arena, graph->value_count + 1, sizeof *kept, error);
    int count = 0;
    if (!kept)
        return -1;
    for (size_t i = 0; i < graph->value_count; i++) {
        struct value *value = graph->values[i];
        const struct value *origin = value->origin;
        if (!origin || origin->graph != keeping->source || keeping->numbers[origin->id] == 0)
            continue;
        if (value->behind)
            leave_out(keeping->run, value);
        bool known = value->constant && !origin->is_output;
        bool made = (value->producer || value->constant || value->is_input) && !value->behind;
        keeping->numbers[origin->id] = known || !made ? 0 : count + 1;
        if (!known && made)
            kept[count++] = value;
    }
    return graph_set_outputs(graph, kept, count, error);
}

static int prepare(struct run_diff *run, int side, const struct model *model, const struct shape_binding *bindings,
                   int binding_count, struct keeping *keeping, struct error *error)
{
    struct pipeline_request request = {.bindings = bindings,
                                       .binding_count = binding_count,
                                       .select = select_kept,
                                       .user = keeping,
                                       .no_fusion = true};
    run->graphs[side] = pipeline_run(model, &request, error);
    if (run->graphs[side])
        run->sessions[side] = session_create(run->graphs[side], error);
    return run->sessions[side] ? 0 : error_prefix(error, run->graphs[side] ? "%s" : "`run`", model->path);
}

static const struct value *output_partner(const struct graph_matching *matching, int index)
{
    const struct graph *b = matching->graphs[1];
    const struct value *found = graph_matching_output(matching, 0, matching->graphs[0]->outputs[index]);
    if (found || index >= b->output_count || graph_matching_output(matching, 1, b->outputs[index]))
        return found;
    return b->outputs[index];
}

/* Whether a node of graph `side` has a partner: its results have then. */
static bool is_paired(const struct graph_matching *matching, int side, const struct node *node)
{
    for (int k = 0; k < node->output_count; k++) {
        if (node->outputs[k] && graph_matching_partner(matching, side, node->outputs[k]))
            return true;
    }
    return false;
}

static bool only_alone_read(const struct graph_matching *matching, int side, const struct value *value)
{
    for (size_t u = 0; u < value->use_count; u++) {
        const struct node *user = value->uses[u].node;
        if (user->graph != value->graph || is_paired(matching, side, user))
            return false;
    }
    return value->use_count > 0 && !value->is_output;
}

/* Asks for every value that both graphs make. */
static int list_wanted(struct run_diff *run, int *const numbers[2], struct error *error)
{
    const struct graph_matching *matching = run->matching;
    const struct graph *a = matching->graphs[0];
    size_t most = (size_t)a->output_count + 1, values = a->value_count + 1;
    run->values = memory_allocate(run->memory, values, sizeof *run->values, error);
    run->outputs = memory_allocate(run->memory, most, sizeof *run->outputs, error);
    if (!run->values || !run->outputs)
        return -1;
    for (int i = 0; i < matching->pair_count; i++) {
        const struct node *node = matching->pairs[i].a;
        for (int k = 0; node && k < node->output_count; k++) {
            const struct value *value = node->outputs[k], *partner = value ? matching->partners[0][value->id] : NULL;
            if (partner)
                run->values[run->value_count++] = (struct compared_value){
                    .a = value,
                    .b = partner,
                    .found.between = only_alone_read(matching, 0, value) || only_alone_read(matching, 1, partner)};
        }
    }
    for (int i = 0; i < a->output_count; i++) {
        const struct value *partner = output_partner(matching, i);
        if (partner && a->outputs[i]->graph == a && partner->graph == matching->graphs[1])
            run->outputs[run->output_count++] = (struct compared_value){.a = a->outputs[i], .b = partner};
    }
    struct compared_value *const lists[] = {run->values, run->outputs};
    const int counts[] = {run->value_count, run->output_count};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < counts[l]; i++) {
            numbers[0][lists[l][i].a->id] = 1;
            numbers[1][lists[l][i].b->id] = 1;
        }
    }
    return 0;
}

/* Leaves those that both graphs still have after constants are folded. */
static int keep_common(struct compared_value *list, int count, int *const numbers[2])
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        struct compared_value *difference = &list[kept];
        *difference = list[i];
        difference->outputs[0] = numbers[0][difference->a->id] - 1;
        difference->outputs[1] = numbers[1][difference->b->id] - 1;
        difference->found.ranks[0] = difference->found.ranks[1] = SHAPE_UNKNOWN_RANK;
        difference->found.same_shape = true;
        kept += difference->outputs[0] >= 0 && difference->outputs[1] >= 0;
    }
    return kept;
}

int run_diff_open(struct run_diff *run, const struct model *a, const struct model *b,
                  const struct graph_matching *matching, const struct shape_binding *const bindings[2],
                  const int binding_counts[2], struct error *error)
{
    struct memory *memory = a->context->memory;
    const struct model *models[2] = {a, b};
    int *numbers[2] = {NULL, NULL}, result = 0;
    *run = (struct run_diff){.memory = memory, .matching = matching};
    for (int s = 0; s < 2 && result == 0; s++) {
        numbers[s] = memory_allocate(memory, models[s]->graph->value_count + 1, sizeof *numbers[s], error);
        result = numbers[s] ? 0 : -1;
    }
    if (result == 0)
        result = list_wanted(run, numbers, error);
    for (int s = 0; s < 2 && result == 0; s++) {
        struct keeping keeping = {models[s]->graph, numbers[s], run};
        result = prepare(run, s, models[s], bindings[s], binding_counts[s], &keeping, error);
    }
    if (result == 0) {
        run->value_count = keep_common(run->values, run->value_count, numbers);
        run->output_count = keep_common(run->outputs, run->output_count, numbers);
    }
    for (int s = 0; s < 2; s++)
        memory_release(memory, numbers[s]);
    return result;
}

void run_diff_close(struct run_diff *run)
{
    for (int s = 0; s < 2; s++) {
        session_destroy(run->sessions[s]);
        graph_destroy(run->graphs[s]);
    }
    memory_release(run->memory, run->values);
    memory_release(run->memory, run->outputs);
    *run = (struct run_diff){0};
}

/* ---- inputs ---- */

/* The partner of an execution graph's input, as its number in the other one; -1: none. */
static int input_partner(const struct run_diff *run, int side, int input)
{
    const struct value *origin = run->graphs[side]->inputs[input]->origin;
    const struct value *partner = origin ? run->matching->partners[side][origin->id] : NULL;
    const struct graph *other = run->graphs[1 - side];
    for (int i = 0; partner && i < other->input_count; i++) {
        if (other->inputs[i]->origin == partner)
            return i;
    }
    return -1;
}

void run_diff_randomise(struct run_diff *run, uint64_t seed, bool alone)
{
    int side = alone ? 1 : 0;
    for (int i = 0; i < run->graphs[side]->input_count; i++) {
        struct random random = {.seed = seed, .stream = (uint64_t)(2 * i + side)};
        struct tensor *tensor = session_input(run->sessions[side], i);
        if (!run->graphs[side]->inputs[i]->constant && (!alone || input_partner(run, 1, i) < 0))
            tensor_randomise(tensor, &random);
    }
}

static int copy_inputs(struct run_diff *run, struct error *error)
{
    for (int i = 0; i < run->graphs[1]->input_count; i++) {
        const struct value *input = run->graphs[1]->inputs[i];
        int from = input_partner(run, 1, i);
        if (input->constant || from < 0)
            continue;
        const struct tensor *source = session_input(run->sessions[0], from);
        struct tensor *tensor = session_input(run->sessions[1], i);
        char shapes[2][SHAPE_TEXT_SIZE];
        if (dtype_is_container(tensor->dtype)) {
            if (session_set_container(run->sessions[1], i, source, error))
                return -1;
            continue;
        }
        if (!shape_equal(&source->shape, &tensor->shape))
            return error_set(error, ERROR_INPUT,
                             "input '%s' is %s in the first model and %s in the second: nothing can be run on both",
                             input->name, shape_text(&source->shape, shapes[0]), shape_text(&tensor->shape, shapes[1]));
        if (!source->data || !tensor->data)
            continue; /* nobody reads it */
        if (dtype_storage(source->dtype) == dtype_storage(tensor->dtype)) {
            memcpy(tensor->data, source->data, tensor_bytes(tensor));
            continue;
        }
        for (int64_t e = 0; e < shape_count(&tensor->shape); e++)
            tensor_set_number(tensor, e, tensor_number(source, e));
    }
    return 0;
}

/* ---- differences ---- */

static void take_element(struct compared_value *difference, double a, double b)
{
    double distance = fabs(a - b);
    if (isfinite(a))
        difference->found.scale = fmax(difference->found.scale, fabs(a));
    if (a == b || (isnan(a) && isnan(b)))
        return;
    distance = isfinite(distance) ? distance : HUGE_VAL;
    difference->found.largest = fmax(difference->found.largest, distance);
    difference->sum += distance;
}

static int64_t strongest(const struct tensor *tensor, int64_t first, int64_t channels, int64_t step)
{
    int64_t best = 0;
    for (int64_t c = 1; c < channels; c++) {
        if (tensor_number(tensor, first + c * step) > tensor_number(tensor, first + best * step))
            best = c;
    }
    return best;
}

/* Axis 1 of [N,K,...] as classes. */
static void take_classes(struct compared_value *difference, const struct tensor *a, const struct tensor *b,
                         int64_t images)
{
    const struct shape *shape = &a->shape;
    if (!dtype_is_float(a->dtype) || (shape->rank != 2 && shape->rank != 4) || shape->dims[1] < 2)
        return;
    int64_t channels = shape->dims[1], places = shape_product(shape, 2, shape->rank);
    for (int64_t unit = 0; unit < images * places; unit++) {
        int64_t first = unit / places * channels * places + unit % places;
        difference->units++;
        difference->agreeing += strongest(a, first, channels, places) == strongest(b, first, channels, places);
    }
}

/* Two tensors that containers hold. */
static void take_pair(void *user, const struct tensor *a, const struct tensor *b)
{
    struct compared_value *difference = user;
    int64_t count = shape_count(&a->shape);
    for (int64_t i = 0; i < count; i++)
        take_element(difference, tensor_number(a, i), tensor_number(b, i));
    difference->elements += count;
}

static void take(const struct run_diff *run, struct compared_value *difference, int64_t batch, int64_t count,
                 bool classes)
{
    const struct tensor *a = session_output(run->sessions[0], difference->outputs[0]);
    const struct tensor *b = session_output(run->sessions[1], difference->outputs[1]);
    if (dtype_is_container(a->dtype) || dtype_is_container(b->dtype)) {
        difference->found.same_shape &= tensor_pairs(a, b, take_pair, difference);
        return;
    }
    for (int s = 0; s < 2; s++) {
        const struct shape *shape = s ? &b->shape : &a->shape;
        difference->found.ranks[s] = shape->rank;
        memcpy(difference->found.dims[s], shape->dims, sizeof shape->dims);
    }
    difference->found.same_shape &= shape_equal(&a->shape, &b->shape);
    if (!difference->found.same_shape || !a->data || !b->data)
        return;
    int64_t images = a->shape.rank > 0 && a->shape.dims[0] == batch ? count : a->shape.rank > 0 ? a->shape.dims[0] : 1;
    int64_t elements = a->shape.rank > 0 ? images * shape_product(&a->shape, 1, a->shape.rank) : 1;
    for (int64_t i = 0; i < elements; i++)
        take_element(difference, tensor_number(a, i), tensor_number(b, i));
    difference->elements += elements;
    if (classes && a->shape.rank > 0)
        take_classes(difference, a, b, images);
}

int run_diff_step(struct run_diff *run, int64_t batch, int64_t count, struct error *error)
{
    if (copy_inputs(run, error))
        return -1;
    for (int s = 0; s < 2; s++) {
        if (session_run(run->sessions[s], error))
            return error_prefix(error, s ? "second model" : "first model");
    }
    for (int i = 0; i < run->value_count; i++)
        take(run, &run->values[i], batch, count, false);
    for (int i = 0; i < run->output_count; i++)
        take(run, &run->outputs[i], batch, count, true);
    return 0;
}

struct fovea_value_difference run_diff_found(const struct compared_value *value, double atol, double rtol)
{
    const struct node *node = value->a->producer;
    struct fovea_value_difference found = value->found;
    found.name = value->a->name;
    found.other = value->b->name;
    found.node = node ? node->name : "";
    found.op_type = node ? node->op_type : "";
    found.mean = value->elements > 0 ? value->sum / (double)value->elements : 0;
    found.relative = found.scale > 0 ? found.largest / found.scale : found.largest;
    found.agreement = value->units > 0 ? (double)value->agreeing / (double)value->units : -1;
    found.departs = !found.same_shape || found.largest > atol + rtol * found.scale;
    return found;
}
