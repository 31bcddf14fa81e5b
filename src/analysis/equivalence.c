#include "analysis/equivalence.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/prediction.h"
#include "base/random.h"
#include "diff/run_diff.h"
#include "graph/match.h"
#include "runtime/session.h"

struct snapshot {
    struct graph *graph;
    struct session *session;
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
static int make_smooth(void *user, struct graph *graph, struct error *error)
{
    (void)user;
    for (struct node *node = graph->first; node; node = node->next) {
        struct value *source = match_operator(node, "Dropout") ? node->inputs[0] : rounded(node);
        if (source && value_replace(node->outputs[0], source, error))
            return -1;
    }
    return 0;
}

struct snapshot *snapshot_create(const struct model *model, const struct shape_binding *bindings, int binding_count,
                                 struct error *error)
{
    struct pipeline_request request = {.bindings = bindings, .binding_count = binding_count, .select = make_smooth};
    struct memory *memory = model->context->memory;
    struct snapshot *snapshot = memory_allocate(memory, 1, sizeof *snapshot, error);
    if (!snapshot)
        return NULL;
    snapshot->graph = pipeline_run(model, &request, error);
    snapshot->session = snapshot->graph ? session_create(snapshot->graph, error) : NULL;
    if (snapshot->session)
        return snapshot;
    graph_destroy(snapshot->graph);
    memory_release(memory, snapshot);
    return NULL;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct memory *memory = snapshot->graph->context->memory;
    session_destroy(snapshot->session);
    graph_destroy(snapshot->graph);
    memory_release(memory, snapshot);
}

/* Sums of differences between two runs. */
struct difference {
    double largest, largest_output, sum;
    int64_t count, units, alike;
};

static void add_elements(struct difference *difference, const struct tensor *before, const struct tensor *after,
                         int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double a = tensor_number(before, i), b = tensor_number(after, i), distance = fabs(b - a);
        if (a == b || (isnan(a) && isnan(b)))
            distance = 0;
        if (!(distance <= difference->largest))
            difference->largest = isnan(distance) ? HUGE_VAL : distance;
        if (isfinite(a))
            difference->largest_output = fmax(difference->largest_output, fabs(a));
        difference->sum += isnan(distance) ? HUGE_VAL : distance;
    }
    difference->count += count;
}

static void add_predictions(struct difference *difference, const struct tensor *before, const struct tensor *after,
                            int64_t images)
{
    struct unit_view view;
    if (dtype_storage(before->dtype) != DTYPE_FLOAT || !prediction_view(&before->shape, &view))
        return;
    for (int64_t image = 0; image < images && image < view.images; image++) {
        for (int64_t unit = 0; unit < view.units; unit++)
            difference->alike +=
                prediction_class(&view, before->data, image, unit) == prediction_class(&view, after->data, image, unit);
        difference->units += view.units;
    }
}

/* `images`: that count of each output, whose first axis may be the batch. */
static int add_run(struct difference *difference, const struct snapshot *before, const struct snapshot *after,
                   int64_t images, int64_t batch, struct error *error)
{
    for (int i = 0; i < before->graph->output_count; i++) {
        const struct tensor *a = session_output(before->session, i), *b = session_output(after->session, i);
        if (!shape_equal(&a->shape, &b->shape))
            return error_set(error, ERROR_INPUT, "output '%s' has another shape than before",
                             before->graph->outputs[i]->name);
        int64_t count = shape_count(&a->shape);
        if (a->shape.rank > 0 && a->shape.dims[0] == batch)
            count = count / batch * images;
        add_elements(difference, a, b, count);
    }
    if (before->graph->output_count > 0)
        add_predictions(difference, session_output(before->session, 0), session_output(after->session, 0), images);
    return 0;
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
    bool alike = a->output_count == b->output_count;
    for (int i = 0; alike && (i < a->input_count || i < b->input_count); i++) {
        const struct value *x = data_input(a, i), *y = data_input(b, i);
        alike = x && y ? shape_equal(&x->shape, &y->shape) : x == y;
    }
    return alike ? 0 : error_set(error, ERROR_INPUT, "the models' inputs or outputs differ");
}

static int run_random(struct snapshot *before, struct snapshot *after, uint64_t seed, struct error *error)
{
    for (int i = 0; i < before->graph->input_count; i++) {
        if (before->graph->inputs[i]->constant)
            continue;
        struct random random = {.seed = seed + (uint64_t)i, .stream = 1};
        const struct tensor *from = session_input(before->session, i), *to = session_input(after->session, i);
        tensor_randomise(from, &random);
        if (from->data && to->data) /* somebody reads it */
            memcpy(to->data, from->data, tensor_bytes(from));
    }
    return session_run(before->session, error) || session_run(after->session, error) ? -1 : 0;
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
        int64_t count = images->count - first < batch ? images->count - first : batch;
        if (images->read(images->user, first, count, from, error))
            return -1;
        memcpy(to->data, from->data, tensor_bytes(from));
        if (session_run(before->session, error) || session_run(after->session, error) ||
            add_run(difference, before, after, count, batch, error))
            return -1;
        progress_step(&before->graph->context->progress, "comparing", (size_t)(first + count), (size_t)images->count);
    }
    return 0;
}

int equivalence_measure(struct snapshot *before, struct snapshot *after, const struct image_set *images, uint64_t seed,
                        struct equivalence_result *result, struct error *error)
{
    struct difference difference = {0};
    if (check_alike(before, after, error))
        return -1;
    if (images ? run_images(before, after, images, &difference, error)
               : run_random(before, after, seed, error) ||
                     add_run(&difference, before, after, INT64_MAX, INT64_MAX, error))
        return -1;
    double scale = difference.largest_output > 0 ? difference.largest_output : 1;
    *result = (struct equivalence_result){
        .inputs = images ? images->count : 1,
        .random = !images,
        .largest = difference.largest / scale,
        .mean = difference.count > 0 ? difference.sum / (double)difference.count / scale : 0,
        .agreement = difference.units > 0 ? (double)difference.alike / (double)difference.units : -1};
    return 0;
}

/* ---- the first departure ---- */

/* The first value, in the order of nodes, that is further from its partner than that; NULL: none. */
static const struct value *first_departure(const struct run_diff *run, double tolerance)
{
    for (int i = 0; i < run->value_count; i++) {
        const struct value_difference *value = &run->values[i];
        if (value->same_shape && !value->between && value->largest > tolerance * value->scale)
            return value->b;
    }
    return NULL;
}

static int run_matched(const struct model *before, const struct model *after, const struct graph_matching *matching,
                       const struct shape_binding *bindings, int binding_count, double tolerance, uint64_t seed,
                       char out[EQUIVALENCE_NAME], struct error *error)
{
    struct run_diff run;
    const struct shape_binding *const both[2] = {bindings, bindings};
    const int counts[2] = {binding_count, binding_count};
    char label[NODE_LABEL_SIZE];
    int result = run_diff_open(&run, before, after, matching, both, counts, error);
    if (result == 0) {
        run_diff_randomise(&run, seed, false);
        result = run_diff_step(&run, 1, 1, error);
    }
    const struct value *value = result == 0 ? first_departure(&run, tolerance) : NULL;
    if (value && value->producer)
        snprintf(out, EQUIVALENCE_NAME, "%s", node_label(value->producer, label));
    run_diff_close(&run);
    return result;
}

int equivalence_first_departure(const struct model *before, const struct model *after,
                                const struct shape_binding *bindings, int binding_count, double tolerance,
                                uint64_t seed, char out[EQUIVALENCE_NAME], struct error *error)
{
    const struct graph_matching_options derived = {.derived = true};
    struct graph_matching matching;
    out[0] = 0;
    int result = graph_match(before->context->memory, before->graph, after->graph, &derived, &matching, error);
    if (result == 0)
        result = run_matched(before, after, &matching, bindings, binding_count, tolerance, seed, out, error);
    graph_matching_release(&matching);
    return result;
}
