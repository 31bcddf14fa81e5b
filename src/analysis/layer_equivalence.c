#include "analysis/layer_equivalence.h"

#include <stdio.h>
#include <string.h>

#include "diff/attribute_equal.h"
#include "diff/constant_contents.h"
#include "pass/passes.h"
#include "runtime/session.h"
#include "tensor/sequence.h"

/* Two graphs, `before` and `after`, and which value of the one is which of the other. */
struct comparison {
    struct graph *graphs[2];
    struct value **partners; /* by id of values after: before; NULL: none */
    bool *behind;            /* by id of values after: made by a changed node, equal to its partner if all is right */
    struct value **entries;  /* by id of values after: the input that stands for them in front of changed nodes */
    int *places;             /* by id of values before: their number among the outputs, -1: none */
    size_t count;            /* of values after, before anything is added */
    struct session *sessions[2];
};

/* ---- what is the same ---- */

static int same_constants(struct constant *a, struct constant *b, bool *same, struct error *error)
{
    *same = a == b;
    if (*same || a->tensor.dtype != b->tensor.dtype || !shape_equal(&a->tensor.shape, &b->tensor.shape))
        return 0;
    int equal = constant_contents_compare(a, b, NULL, NULL, error);
    *same = equal == 1;
    return equal < 0 ? -1 : 0;
}

static int same_values(const struct comparison *comparison, const struct value *a, const struct value *b, bool *same,
                       struct error *error)
{
    *same = a == b; /* both are left out */
    if (!a || !b)
        return 0;
    if (a->constant && b->constant)
        return same_constants(a->constant, b->constant, same, error);
    *same = (size_t)b->id < comparison->count && comparison->partners[b->id] == a;
    return 0;
}

static int same_nodes(const struct comparison *comparison, const struct node *a, const struct node *b, bool *same,
                      struct error *error);

/* Graphs of If, Loop and Scan: node by node, in order, their own values by name. What they read of the graph around are
 * inputs of the node that holds them. */
static int same_graphs(const struct graph *a, const struct graph *b, bool *same, struct error *error)
{
    const struct node *x = a->first, *y = b->first;
    *same = a->node_count == b->node_count && a->output_count == b->output_count && a->input_count == b->input_count;
    for (int i = 0; *same && i < a->output_count; i++)
        *same = strcmp(a->outputs[i]->name, b->outputs[i]->name) == 0;
    for (; *same && x && y; x = x->next, y = y->next) {
        *same = x->input_count == y->input_count;
        for (int i = 0; *same && i < x->input_count; i++) {
            const struct value *v = x->inputs[i], *w = y->inputs[i];
            *same = !v == !w && (!v || strcmp(v->name, w->name) == 0);
            if (*same && v && v->constant && w->constant && same_constants(v->constant, w->constant, same, error))
                return -1;
        }
        if (*same && same_nodes(NULL, x, y, same, error))
            return -1;
    }
    return 0;
}

static int same_attributes(const struct node *a, const struct node *b, bool *same, struct error *error)
{
    *same = a->attribute_count == b->attribute_count;
    for (int i = 0; *same && i < a->attribute_count; i++) {
        const struct attribute *first = &a->attributes[i], *second = node_attribute(b, first->name);
        *same = second != NULL;
        if (*same && attribute_equal(first, second, same, error))
            return -1;
    }
    for (int i = 0; *same && node_subgraph(a, i) && node_subgraph(b, i); i++) {
        if (same_graphs(node_subgraph(a, i), node_subgraph(b, i), same, error))
            return -1;
    }
    return 0;
}

/* Whether the nodes are one operator; with a comparison also, of the same values. */
static int same_nodes(const struct comparison *comparison, const struct node *a, const struct node *b, bool *same,
                      struct error *error)
{
    *same = strcmp(a->op_type, b->op_type) == 0 && strcmp(a->domain, b->domain) == 0 && a->opset == b->opset &&
            a->input_count == b->input_count && a->output_count == b->output_count;
    for (int i = 0; comparison && *same && i < a->input_count; i++) {
        if (same_values(comparison, a->inputs[i], b->inputs[i], same, error))
            return -1;
    }
    for (int i = 0; *same && i < a->output_count; i++)
        *same = !a->outputs[i] == !b->outputs[i];
    return *same ? same_attributes(a, b, same, error) : 0;
}

/* ---- laying the graphs side by side ---- */

static struct value *namesake(const struct comparison *comparison, const struct value *value)
{
    struct value *found = value->origin ? graph_find_value(comparison->graphs[0], value->name) : NULL;
    bool fits = found && found->graph == comparison->graphs[0] && !found->constant && found->dtype == value->dtype &&
                shape_equal(&found->shape, &value->shape);
    return fits ? found : NULL;
}

/* The node before that is `node`: among those that read the same value as it, or, as it reads none, make one of its
 * name. It is marked as taken. */
static int find_same(const struct comparison *comparison, const struct node *node, struct node **found,
                     struct error *error)
{
    const struct value *read = NULL;
    *found = NULL;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i],
                           *partner = input && !input->constant ? comparison->partners[input->id] : NULL;
        if (input && !input->constant && !partner)
            return 0; /* made by changed nodes: this one is, too */
        read = partner && (!read || partner->use_count < read->use_count) ? partner : read;
    }
    const struct value *made =
        node->output_count > 0 && node->outputs[0] && !read ? namesake(comparison, node->outputs[0]) : NULL;
    size_t count = read ? read->use_count : made && made->producer;
    for (size_t i = 0; i < count; i++) {
        struct node *candidate = read ? read->uses[i].node : made->producer;
        bool same = false;
        if (candidate->mark == 0 && candidate->graph == comparison->graphs[0] &&
            same_nodes(comparison, candidate, node, &same, error))
            return -1;
        if (!same)
            continue;
        candidate->mark = 1;
        *found = candidate;
        return 0;
    }
    return 0;
}

static int pair_nodes(struct comparison *comparison, int *changed, struct error *error)
{
    graph_clear_marks(comparison->graphs[0]);
    for (struct node *node = comparison->graphs[1]->first; node; node = node->next) {
        struct node *same;
        if (find_same(comparison, node, &same, error))
            return -1;
        node->mark = same == NULL;
        *changed += same == NULL;
        for (int i = 0; i < node->output_count; i++) {
            const struct value *output = node->outputs[i];
            if (!output)
                continue;
            comparison->partners[output->id] = same ? same->outputs[i] : namesake(comparison, output);
            comparison->behind[output->id] = !same && comparison->partners[output->id];
        }
    }
    return 0;
}

/* Outputs are one another's partners; false: they cannot be laid side by side. */
static int pair_outputs(struct comparison *comparison, bool *told, struct error *error)
{
    const struct graph *a = comparison->graphs[0], *b = comparison->graphs[1];
    *told = a->output_count == b->output_count;
    for (int i = 0; *told && i < b->output_count; i++) {
        const struct value *output = b->outputs[i];
        bool open = !output->constant && !comparison->partners[output->id] && output->producer &&
                    output->dtype == a->outputs[i]->dtype && !a->outputs[i]->constant;
        if (open) {
            comparison->partners[output->id] = a->outputs[i];
            comparison->behind[output->id] = true;
        }
        if (same_values(comparison, a->outputs[i], output, told, error))
            return -1;
    }
    return 0;
}

static int pair_values(struct comparison *comparison, int *changed, bool *told, struct error *error)
{
    const struct graph *after = comparison->graphs[1];
    for (int i = 0; i < after->input_count; i++) {
        if (!after->inputs[i]->constant)
            comparison->partners[after->inputs[i]->id] = namesake(comparison, after->inputs[i]);
    }
    return pair_nodes(comparison, changed, error) || pair_outputs(comparison, told, error) ? -1 : 0;
}

/* ---- the changed nodes alone ---- */

/* Changed nodes read inputs in place of values that the old model has too. */
static int cut(struct comparison *comparison, struct error *error)
{
    struct graph *after = comparison->graphs[1];
    for (struct node *node = after->first; node; node = node->next) {
        for (int i = 0; node->mark && i < node->input_count; i++) {
            const struct value *input = node->inputs[i];
            if (!input || input->constant || (size_t)input->id >= comparison->count || !comparison->partners[input->id])
                continue;
            struct value **entry = &comparison->entries[input->id];
            if (!*entry && (!(*entry = graph_add_value(after, NULL, error)) || graph_add_input(after, *entry, error)))
                return -1;
            (*entry)->dtype = input->dtype;
            (*entry)->shape = input->shape;
            if (node_set_input(node, i, *entry, error))
                return -1;
        }
    }
    return 0;
}

/* The values that are compared become the new graph's outputs, these and what the inputs stand for the old one's. */
static int set_outputs(struct comparison *comparison, int *compared, struct error *error)
{
    struct graph *before = comparison->graphs[0], *after = comparison->graphs[1];
    struct value **old = arena_allocate(before->arena, 2 * comparison->count + 1, sizeof *old, error);
    struct value **new = arena_allocate(after->arena, comparison->count + 1, sizeof *new, error);
    int count = 0;
    if (!old || !new)
        return -1;
    for (size_t i = 0; i < comparison->count; i++) {
        struct value *partner = comparison->partners[i];
        if (comparison->behind[i])
            new[(*compared)++] = after->values[i];
        if ((comparison->behind[i] || comparison->entries[i]) && comparison->places[partner->id] < 0) {
            comparison->places[partner->id] = count;
            old[count++] = partner;
        }
    }
    return graph_set_outputs(before, old, count, error) || graph_set_outputs(after, new, *compared, error) ||
                   pass_prune(before, error) || pass_prune(after, error)
               ? -1
               : 0;
}

static const struct tensor *old_tensor(const struct comparison *comparison, const struct value *after)
{
    return session_output(comparison->sessions[0], comparison->places[comparison->partners[after->id]->id]);
}

/* Sizes that are known only when the old model has run are bound now. */
static void bind_entries(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++) {
        if (comparison->entries[i] && !dtype_is_container(comparison->entries[i]->dtype))
            comparison->entries[i]->shape = old_tensor(comparison, comparison->graphs[1]->values[i])->shape;
    }
}

static int give_entries(struct comparison *comparison, struct error *error)
{
    const struct graph *after = comparison->graphs[1];
    for (size_t i = 0; i < comparison->count; i++) {
        for (int k = 0; comparison->entries[i] && k < after->input_count; k++) {
            const struct tensor *from = old_tensor(comparison, after->values[i]);
            struct tensor *to =
                after->inputs[k] == comparison->entries[i] ? session_input(comparison->sessions[1], k) : NULL;
            if (!to || !to->data)
                continue;
            if (dtype_is_container(to->dtype)) {
                if (session_set_container(comparison->sessions[1], k, from, error))
                    return -1;
                continue;
            }
            if (!from->data || tensor_bytes(from) != tensor_bytes(to))
                return error_set(error, ERROR_INTERNAL, "'%s' cannot be given to the changed nodes",
                                 after->values[i]->name);
            memcpy(to->data, from->data, tensor_bytes(to));
        }
    }
    return 0;
}

static void compare(const struct comparison *comparison, struct layer_equivalence *result)
{
    const struct graph *after = comparison->graphs[1];
    char label[NODE_LABEL_SIZE];
    for (int i = 0; i < after->output_count; i++) {
        double distance =
            equivalence_distance(old_tensor(comparison, after->outputs[i]), session_output(comparison->sessions[1], i));
        if (!(distance > result->largest))
            continue;
        result->largest = distance;
        snprintf(result->worst, sizeof result->worst, "%s", node_label(after->outputs[i]->producer, label));
    }
    result->values = after->output_count;
}

static int run(struct comparison *comparison, uint64_t seed, struct layer_equivalence *result, struct error *error)
{
    struct session **sessions = comparison->sessions;
    if (!(sessions[0] = session_create(comparison->graphs[0], error)))
        return -1;
    equivalence_fill(comparison->graphs[0], sessions[0], seed);
    if (session_run(sessions[0], error))
        return -1;
    bind_entries(comparison);
    if (!(sessions[1] = session_create(comparison->graphs[1], error)) || give_entries(comparison, error) ||
        session_run(sessions[1], error))
        return -1;
    compare(comparison, result);
    return 0;
}

/* ---- the whole ---- */

static int allocate(struct comparison *comparison, struct error *error)
{
    struct graph *before = comparison->graphs[0], *after = comparison->graphs[1];
    size_t count = comparison->count = after->value_count;
    comparison->partners = arena_allocate(after->arena, count + 1, sizeof *comparison->partners, error);
    comparison->behind = arena_allocate(after->arena, count + 1, sizeof *comparison->behind, error);
    comparison->entries = arena_allocate(after->arena, count + 1, sizeof *comparison->entries, error);
    comparison->places = arena_allocate(after->arena, before->value_count + 1, sizeof *comparison->places, error);
    if (!comparison->partners || !comparison->behind || !comparison->entries || !comparison->places)
        return -1;
    for (size_t i = 0; i < before->value_count; i++)
        comparison->places[i] = -1;
    return 0;
}

static int measure(struct comparison *comparison, uint64_t seed, struct layer_equivalence *result, struct error *error)
{
    bool told = false;
    int compared = 0;
    if (allocate(comparison, error) || pair_values(comparison, &result->nodes, &told, error))
        return -1;
    if (!told || result->nodes == 0)
        return !told;
    if (cut(comparison, error) || set_outputs(comparison, &compared, error))
        return -1;
    return compared == 0 ? 1 : run(comparison, seed, result, error);
}

int layer_equivalence_measure(const struct snapshot *before, const struct snapshot *after,
                              const struct shape_binding *bindings, int binding_count, uint64_t seed,
                              struct layer_equivalence *result, struct error *error)
{
    const struct snapshot *const snapshots[2] = {before, after};
    struct comparison comparison = {.count = 0};
    int code = 0;
    *result = (struct layer_equivalence){.nodes = 0};
    for (int side = 0; side < 2 && code == 0; side++) {
        comparison.graphs[side] = snapshot_graph(snapshots[side], bindings, binding_count, true, error);
        code = comparison.graphs[side] ? 0 : -1;
    }
    code = code == 0 ? measure(&comparison, seed, result, error) : -1;
    for (int side = 0; side < 2; side++) {
        session_destroy(comparison.sessions[side]);
        graph_destroy(comparison.graphs[side]);
    }
    return code;
}
