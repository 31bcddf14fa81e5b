/* Results of the forward part that the backward part reads are computed a second time, next to where they are read,
 * instead of being kept (Chen et al., arXiv 1604.06174). With one segment only what costs a pass over the elements is:
 * normalisations, activations, sums. With more, everything but what crosses from segment to segment. */
#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/operand.h"
#include "op/settings.h"
#include "pass/passes.h"

/* Cheap nodes one upon another that are computed again for one value. */
#define LONGEST_CHAIN 4

struct recompute {
    struct graph *graph;
    int forward, segments; /* nodes of the forward part, marked 1 to `forward` */
    size_t value_count;
    const int *cuts;       /* segment s ends behind node cuts[s]; segments - 1 of them */
    bool *needed;          /* by value id: the backward part reads it */
    bool *again;           /* it is computed again for it */
    int *last_reader;      /* of the forward part, its mark */
    struct value **copies; /* what is read instead */
};

static bool is_forward(const struct recompute *recompute, const struct value *value)
{
    return value && value->producer && value->graph == recompute->graph && (size_t)value->id < recompute->value_count &&
           value->producer->mark > 0;
}

static int segment_of(const struct recompute *recompute, int mark)
{
    int segment = 0;
    while (segment < recompute->segments - 1 && mark > recompute->cuts[segment])
        segment++;
    return segment;
}

static size_t bytes_of(const struct value *value)
{
    const struct tensor tensor = {.dtype = value->dtype, .shape = value->shape};
    return tensor_bytes(&tensor);
}

/* ---- what is needed ---- */

static void mark_nodes(struct recompute *recompute, const struct value *loss)
{
    bool behind = false;
    for (struct node *node = recompute->graph->first; node; node = node->next) {
        node->mark = behind ? 0 : ++recompute->forward;
        behind |= node == loss->producer;
    }
    for (struct node *node = recompute->graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            const struct value *value = node->inputs[i];
            if (is_forward(recompute, value) && node->mark == 0)
                recompute->needed[value->id] = true;
            else if (is_forward(recompute, value))
                recompute->last_reader[value->id] = node->mark;
        }
    }
}

/* By mark: bytes of the values made up to there that the backward part needs, and that the forward part reads later. */
struct profile {
    size_t *needed, *crossing;
};

static void fill_profile(const struct recompute *recompute, const struct profile *profile)
{
    for (size_t i = 0; i < recompute->value_count; i++) {
        const struct value *value = recompute->graph->values[i];
        if (!is_forward(recompute, value))
            continue;
        int mark = value->producer->mark;
        profile->needed[mark] += recompute->needed[i] ? bytes_of(value) : 0;
        if (recompute->last_reader[i] > mark) { /* unsigned sums wrap back */
            profile->crossing[mark] += bytes_of(value);
            profile->crossing[recompute->last_reader[i]] -= bytes_of(value);
        }
    }
    for (int mark = 1; mark <= recompute->forward; mark++) {
        profile->needed[mark] += profile->needed[mark - 1];
        profile->crossing[mark] += profile->crossing[mark - 1];
    }
}

/* Between two cuts lie about equal shares of the needed bytes; few bytes cross one. */
static void choose_cuts(const struct recompute *recompute, const struct profile *profile, int *cuts)
{
    size_t share = profile->needed[recompute->forward] / (size_t)recompute->segments;
    int previous = 0;
    for (int cut = 0; cut < recompute->segments - 1; cut++) {
        size_t aim = share * (size_t)(cut + 1);
        int best = 0;
        for (int mark = previous + 1; mark <= recompute->forward; mark++) {
            bool close = profile->needed[mark] + share / 3 >= aim && profile->needed[mark] <= aim + share / 3;
            if ((close && (best == 0 || profile->crossing[mark] < profile->crossing[best])) ||
                (best == 0 && profile->needed[mark] > aim + share / 3))
                best = mark;
        }
        cuts[cut] = previous = best > 0 ? best : recompute->forward;
    }
}

static int cut_forward(struct recompute *recompute, int *cuts, struct error *error)
{
    struct memory *memory = recompute->graph->context->memory;
    size_t count = (size_t)recompute->forward + 1;
    struct profile profile = {memory_allocate(memory, count, sizeof(size_t), error),
                              memory_allocate(memory, count, sizeof(size_t), error)};
    if (profile.needed && profile.crossing) {
        fill_profile(recompute, &profile);
        choose_cuts(recompute, &profile, cuts);
    }
    memory_release(memory, profile.needed);
    memory_release(memory, profile.crossing);
    return profile.needed && profile.crossing ? 0 : -1;
}

/* ---- what is computed again ---- */

/* A pass over its input's elements. */
static bool is_cheap(const struct node *node)
{
    return node_has(node, OPERATOR_POINTWISE | OPERATOR_VIEW | OPERATOR_NORMALIZES) &&
           !node_has(node, OPERATOR_RANDOM) && !node->definition->macs;
}

/* Stands in memory anyway where the backward part asks for it. */
static bool is_kept(const struct recompute *recompute, const struct value *value)
{
    if (!is_forward(recompute, value) || value->is_output || value->constant)
        return true;
    int mark = value->producer->mark, segment = segment_of(recompute, mark);
    if (segment < recompute->segments - 1 && recompute->last_reader[value->id] > recompute->cuts[segment])
        return true;
    return recompute->needed[value->id] && !recompute->again[value->id];
}

/* Whether `node` can be computed again from kept values by a few cheap nodes. */
static bool is_near(const struct recompute *recompute, const struct node *node, int chain)
{
    if (chain == 0 || !is_cheap(node))
        return false;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (!value || is_kept(recompute, value))
            continue;
        if (recompute->again[value->id] || !is_near(recompute, value->producer, chain - 1))
            return false;
    }
    return true;
}

static void choose_values(struct recompute *recompute)
{
    for (struct node *node = recompute->graph->first; node && node->mark > 0; node = node->next) {
        bool last = segment_of(recompute, node->mark) == recompute->segments - 1;
        for (int i = 0; i < node->output_count; i++) {
            struct value *value = node->outputs[i];
            if (!value || !recompute->needed[value->id])
                continue;
            recompute->again[value->id] = true; /* is_kept then asks only whether something else keeps it */
            bool wanted = !is_kept(recompute, value) && (!last || i == 0);
            recompute->again[value->id] = wanted && (!last || is_near(recompute, node, LONGEST_CHAIN));
        }
    }
}

/* ---- copies ---- */

static struct value *read_again(struct recompute *recompute, struct value *value, struct node *before,
                                struct error *error);

/* The batch's statistics are outputs of the first run: with them it is the inference form. */
static int use_statistics(const struct node *node, struct node *copy, struct error *error)
{
    const struct batch_normalization_settings *settings = match_settings(node, "BatchNormalization");
    if (!settings || !settings->training_mode)
        return 0;
    return node_set_int(copy, "training_mode", 0, error) || node_set_input(copy, 3, node->outputs[1], error) ||
                   node_set_input(copy, 4, node->outputs[2], error)
               ? -1
               : 0;
}

static int copy_outputs(struct recompute *recompute, const struct node *node, struct node *copy, struct error *error)
{
    for (int i = 0; i < node->output_count; i++) {
        struct value *value = node->outputs[i];
        if (!value || (i > 0 && is_kept(recompute, value)))
            continue;
        struct value *output = graph_add_value(recompute->graph, NULL, error);
        if (!output || node_set_output(copy, i, output, error))
            return -1;
        output->dtype = value->dtype;
        output->shape = value->shape;
        output->origin = value->origin;
        recompute->copies[value->id] = output;
    }
    return 0;
}

/* Random nodes draw what the first run drew. */
static int copy_attributes(const struct node *node, struct node *copy, struct error *error)
{
    for (int i = 0; i < node->attribute_count; i++) {
        if (node_copy_attribute(copy, &node->attributes[i], node->attributes[i].name, error))
            return -1;
    }
    return node_has(node, OPERATOR_RANDOM) ? node_set_int(copy, "stream", random_stream(node), error) : 0;
}

static int copy_node(struct recompute *recompute, const struct node *node, struct node *before, struct error *error)
{
    struct graph *graph = recompute->graph;
    struct node *copy =
        graph_add_node(graph, node->domain, node->op_type, node->name, node->input_count, node->output_count, error);
    if (!copy)
        return -1;
    copy->opset = node->opset;
    copy->origin = node->origin;
    graph_move_node(graph, copy, before);
    for (int i = 0; i < node->input_count; i++) {
        struct value *from = node->inputs[i] ? read_again(recompute, node->inputs[i], copy, error) : NULL;
        if (node->inputs[i] && (!from || node_set_input(copy, i, from, error)))
            return -1;
    }
    return copy_attributes(node, copy, error) || node_set_operator(copy, node->definition, error) ||
                   use_statistics(node, copy, error) || copy_outputs(recompute, node, copy, error)
               ? -1
               : 0;
}

/* What a node of the backward part reads for `value`; made in front of `before` where it was not yet. */
static struct value *read_again(struct recompute *recompute, struct value *value, struct node *before,
                                struct error *error)
{
    if (is_kept(recompute, value))
        return value;
    if (!recompute->copies[value->id] && copy_node(recompute, value->producer, before, error))
        return NULL;
    return recompute->copies[value->id];
}

static int rewire(struct recompute *recompute, const struct value *loss, struct error *error)
{
    for (struct node *node = loss->producer->next; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            struct value *value = node->inputs[i];
            if (!is_forward(recompute, value) || !recompute->again[value->id])
                continue;
            struct value *copy = read_again(recompute, value, node, error);
            if (!copy || node_set_input(node, i, copy, error))
                return -1;
        }
    }
    return 0;
}

int pass_recompute(struct graph *graph, const struct value *loss, int segments, struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t count = graph->value_count + 1;
    int *cuts = memory_allocate(memory, (size_t)segments + 1, sizeof *cuts, error);
    struct recompute recompute = {.graph = graph,
                                  .segments = segments,
                                  .value_count = graph->value_count,
                                  .cuts = cuts,
                                  .needed = memory_allocate(memory, count, sizeof(bool), error),
                                  .again = memory_allocate(memory, count, sizeof(bool), error),
                                  .last_reader = memory_allocate(memory, count, sizeof(int), error),
                                  .copies = memory_allocate(memory, count, sizeof(struct value *), error)};
    int result = -1;
    if (cuts && recompute.needed && recompute.again && recompute.last_reader && recompute.copies) {
        mark_nodes(&recompute, loss);
        result = cut_forward(&recompute, cuts, error);
        if (result == 0) {
            choose_values(&recompute);
            result = rewire(&recompute, loss, error);
        }
    }
    memory_release(memory, cuts);
    memory_release(memory, recompute.needed);
    memory_release(memory, recompute.again);
    memory_release(memory, recompute.last_reader);
    memory_release(memory, recompute.copies);
    return result;
}
