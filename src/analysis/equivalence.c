#include "analysis/equivalence.h"

#include <math.h>
#include <string.h>

#include "analysis/target.h"
#include "base/number.h"
#include "base/random.h"
#include "graph/match.h"
#include "pass/foreign.h"
#include "runtime/session.h"
#include "structure/image_input.h"
#include "tensor/sequence.h"

struct snapshot {
    struct model model;  /* a copy of the struct with a graph of its own */
    struct graph *graph; /* bound; NULL: not yet */
    struct session *session;
    int outputs;  /* of the file; where some are left out, also what is computed in front of these */
    int left_out; /* of the file's, as fovea does not compute what they are made of */
    int scores;   /* output of the graph that holds the classes' scores, its own or one more; -1: none does */
    struct class_scores classes;
};

/* What a pair of QuantizeLinear and DequantizeLinear rounds; NULL: the node does not end one. */
static struct value *rounded(const struct node *node)
{
    const struct node *quantize =
        match_operator(node, "DequantizeLinear") ? match_producer(node->inputs[0], "QuantizeLinear") : NULL;
    if (!quantize || quantize->inputs[1] != node->inputs[1] || quantize->inputs[0]->dtype != node->outputs[0]->dtype ||
        quantize->inputs[0]->constant)
        return NULL;
    return quantize->inputs[0];
}

/* Files that keep Dropout for training may have it active: what is compared is inference. Pairs that round would make
 * whole steps of the last bits that another order of summation moves. */
static int make_smooth(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first; node; node = node->next) {
        struct value *source = match_operator(node, "Dropout") ? node->inputs[0] : rounded(node);
        if (source && value_replace(node->outputs[0], source, error))
            return -1;
    }
    return 0;
}

/* What fovea does not compute is left out: of the outputs those that are, and what is made in front of the others. */
static int keep_outputs(void *user, struct graph *graph, struct error *error)
{
    int *left_out = user;
    return make_smooth(graph, error) || foreign_keep_computed(graph, left_out, error) ? -1 : 0;
}

/* Where the scores are and how they are read, as long as the graph is as in the file. No head is no error. */
static int keep_scores(void *user, struct graph *graph, struct error *error)
{
    struct snapshot *snapshot = user;
    struct target target;
    int index;
    const struct value *image = image_input(graph, &index);
    if (keep_outputs(&snapshot->left_out, graph, error))
        return -1;
    snapshot->outputs = graph->output_count;
    snapshot->scores = -1;
    if (!image || graph->output_count == 0 || snapshot->left_out > 0)
        return 0;
    int found = target_seek(&snapshot->model, graph, image, "logits", &target, error);
    if (found <= 0)
        return found;
    if (dtype_storage(target.value->dtype) != DTYPE_FLOAT || target.grid.layout == UNITS_NONE)
        return 0;
    snapshot->classes = target.classes;
    for (int i = 0; i < graph->output_count; i++)
        snapshot->scores = graph->outputs[i] == target.value ? i : snapshot->scores;
    if (snapshot->scores >= 0)
        return 0;
    snapshot->scores = graph->output_count;
    return graph_add_output(graph, target.value, error);
}

struct graph *snapshot_graph(const struct snapshot *snapshot, const struct shape_binding *bindings, int binding_count,
                             bool no_fusion, struct error *error)
{
    int left_out;
    struct pipeline_request request = {.bindings = bindings,
                                       .binding_count = binding_count,
                                       .overrule = true,
                                       .select = keep_outputs,
                                       .user = &left_out,
                                       .no_fusion = no_fusion};
    return pipeline_run(&snapshot->model, &request, error);
}

struct snapshot *snapshot_create(const struct model *model, struct error *error)
{
    struct snapshot *snapshot = memory_allocate(model->context->memory, 1, sizeof *snapshot, error);
    struct graph *graph = snapshot ? graph_clone(model->graph, error) : NULL;
    if (!graph) {
        memory_release(model->context->memory, snapshot);
        return NULL;
    }
    snapshot->model = *model;
    snapshot->model.graph = graph;
    return snapshot;
}

static void unbind(struct snapshot *snapshot)
{
    session_destroy(snapshot->session);
    graph_destroy(snapshot->graph);
    snapshot->session = NULL;
    snapshot->graph = NULL;
}

int snapshot_bind(struct snapshot *snapshot, const struct shape_binding *bindings, int binding_count,
                  struct error *error)
{
    unbind(snapshot);
    struct pipeline_request request = {.bindings = bindings,
                                       .binding_count = binding_count,
                                       .overrule = true,
                                       .select = keep_scores,
                                       .user = snapshot};
    snapshot->graph = pipeline_run(&snapshot->model, &request, error);
    snapshot->session = snapshot->graph ? session_create(snapshot->graph, error) : NULL;
    return snapshot->session ? 0 : -1;
}

int snapshot_left_out(const struct snapshot *snapshot, bool *nothing)
{
    *nothing = snapshot->left_out > 0 && snapshot->outputs == 0;
    return snapshot->left_out;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct memory *memory = snapshot->model.context->memory;
    unbind(snapshot);
    graph_destroy(snapshot->model.graph);
    memory_release(memory, snapshot);
}

void equivalence_fill(const struct graph *graph, struct session *session, uint64_t seed)
{
    for (int i = 0; i < graph->input_count; i++) {
        struct random random = {.seed = seed + (uint64_t)i, .stream = 1};
        if (!graph->inputs[i]->constant)
            tensor_randomise(session_input(session, i), &random);
    }
}

/* Of one output, over all runs. */
struct output_difference {
    double largest, scale, sum; /* scale: the largest element before */
};

/* Sums of differences between two runs. */
struct difference {
    struct output_difference *outputs;
    int64_t count, units, alike;
    bool reshaped; /* an output has another shape */
};

static void add_elements(struct output_difference *output, const struct tensor *before, const struct tensor *after,
                         int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double a = tensor_number(before, i), b = tensor_number(after, i), distance = fabs(b - a);
        if (a == b || (isnan(a) && isnan(b)))
            distance = 0;
        if (!(distance <= output->largest))
            output->largest = isnan(distance) ? HUGE_VAL : distance;
        if (isfinite(a))
            output->scale = fmax(output->scale, fabs(a));
        output->sum += isnan(distance) ? HUGE_VAL : distance;
    }
}

static void add_pair(void *user, const struct tensor *before, const struct tensor *after)
{
    add_elements(user, before, after, shape_count(&before->shape));
}

double equivalence_distance(const struct tensor *before, const struct tensor *after)
{
    struct output_difference output = {0};
    if (!tensor_pairs(before, after, add_pair, &output))
        return HUGE_VAL;
    return output.largest / (output.scale > 0 ? output.scale : 1);
}

/* Where both hold scores of the same classes at the same places. */
static void add_predictions(struct difference *difference, const struct snapshot *before, const struct snapshot *after,
                            int64_t images)
{
    const struct class_scores *a = &before->classes, *b = &after->classes;
    if (before->scores < 0 || after->scores < 0 || a->view.images != b->view.images || a->view.units != b->view.units ||
        class_scores_count(a) != class_scores_count(b))
        return;
    const float *from = session_output(before->session, before->scores)->data;
    const float *to = session_output(after->session, after->scores)->data;
    for (int64_t image = 0; image < images && image < a->view.images; image++) {
        for (int64_t unit = 0; unit < a->view.units; unit++)
            difference->alike += class_predicted(a, from, image, unit) == class_predicted(b, to, image, unit);
        difference->units += a->view.units;
    }
}

/* `images`: that count of each output, whose first axis may be the batch. */
static void add_run(struct difference *difference, const struct snapshot *before, const struct snapshot *after,
                    int64_t images, int64_t batch)
{
    for (int i = 0; i < before->outputs; i++) {
        const struct tensor *a = session_output(before->session, i), *b = session_output(after->session, i);
        if (dtype_is_container(a->dtype) || !shape_equal(&a->shape, &b->shape)) {
            difference->reshaped |= !tensor_pairs(a, b, add_pair, &difference->outputs[i]);
            difference->count++;
            continue;
        }
        int64_t count = shape_count(&a->shape);
        if (a->shape.rank > 0 && a->shape.dims[0] == batch)
            count = count / batch * images;
        add_elements(&difference->outputs[i], a, b, count);
        difference->count += count;
    }
    add_predictions(difference, before, after, images);
}

static int find_input(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->input_count; i++) {
        if (strcmp(graph->inputs[i]->name, name) == 0)
            return i;
    }
    return -1;
}

/* The input at this place that takes data; NULL: an initialiser that is listed as an input, or none. */
static const struct value *data_input(const struct graph *graph, int index)
{
    const struct value *input = index < graph->input_count ? graph->inputs[index] : NULL;
    return input && !input->constant ? input : NULL;
}

static int check_alike(const struct snapshot *before, const struct snapshot *after, struct error *error)
{
    const struct graph *a = before->graph, *b = after->graph;
    bool alike = before->outputs == after->outputs;
    for (int i = 0; alike && (i < a->input_count || i < b->input_count); i++) {
        const struct value *x = data_input(a, i), *y = data_input(b, i);
        alike = x && y ? shape_equal(&x->shape, &y->shape) : x == y;
    }
    return alike ? 0 : error_set(error, ERROR_INPUT, "the models' inputs or outputs differ");
}

static int run_random(struct snapshot *before, struct snapshot *after, uint64_t seed, struct difference *difference,
                      struct error *error)
{
    equivalence_fill(before->graph, before->session, seed);
    equivalence_fill(after->graph, after->session, seed);
    if (session_run(before->session, error) || session_run(after->session, error))
        return -1;
    add_run(difference, before, after, INT64_MAX, INT64_MAX);
    return 0;
}

static int run_images(struct snapshot *before, struct snapshot *after, const struct image_set *images,
                      struct difference *difference, struct error *error)
{
    int a = find_input(before->graph, images->input), b = find_input(after->graph, images->input);
    if (a < 0 || b < 0)
        return error_set(error, ERROR_INTERNAL, "no input '%s'", images->input);
    struct tensor *from = session_input(before->session, a), *to = session_input(after->session, b);
    if (images->begin(images->user, before->graph, before->session, from, error) ||
        images->begin(images->user, after->graph, after->session, to, error))
        return -1;
    int64_t batch = from->shape.dims[0];
    for (int64_t first = 0; first < images->count; first += batch) {
        int64_t count = int64_min(images->count - first, batch);
        if (images->read(images->user, first, count, from, error))
            return -1;
        memcpy(to->data, from->data, tensor_bytes(from));
        if (session_run(before->session, error) || session_run(after->session, error))
            return -1;
        add_run(difference, before, after, count, batch);
        progress_step(&before->graph->context->progress, "comparing", (size_t)(first + count), (size_t)images->count);
    }
    return 0;
}

static void conclude(const struct difference *difference, int outputs, struct fovea_proof *proof)
{
    proof->largest = proof->mean = 0;
    for (int i = 0; i < outputs; i++) {
        const struct output_difference *output = &difference->outputs[i];
        double scale = output->scale > 0 ? output->scale : 1;
        proof->largest = fmax(proof->largest, output->largest / scale);
        proof->mean += difference->count > 0 ? output->sum / scale / (double)difference->count : 0;
    }
    proof->reshaped = difference->reshaped;
    proof->largest = difference->reshaped ? HUGE_VAL : proof->largest;
    proof->agreement = difference->units > 0 ? (double)difference->alike / (double)difference->units : -1;
}

int equivalence_measure(struct snapshot *before, struct snapshot *after, const struct image_set *images, uint64_t seed,
                        struct fovea_proof *proof, int64_t *elements, struct error *error)
{
    struct memory *memory = before->model.context->memory;
    int outputs = before->outputs;
    struct difference difference = {
        .outputs = memory_allocate(memory, (size_t)outputs + 1, sizeof *difference.outputs, error)};
    int code = !difference.outputs || check_alike(before, after, error) ||
                       (images ? run_images(before, after, images, &difference, error)
                               : run_random(before, after, seed, &difference, error))
                   ? -1
                   : 0;
    proof->inputs = images ? images->count : 1;
    proof->random = !images;
    if (code == 0)
        conclude(&difference, outputs, proof);
    if (elements)
        *elements = difference.count;
    memory_release(memory, difference.outputs);
    return code;
}
