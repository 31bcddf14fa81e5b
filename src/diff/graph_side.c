#include "diff/graph_side.h"

#include <string.h>

#include "base/hash.h"
#include "diff/constant_contents.h"

#define FEW_INTEGERS 16 /* constants of so many are like attributes: axes, pads, sizes */

int graph_side_producer(const struct graph_side *side, const struct value *value)
{
    return value && value->graph == side->graph && value->producer ? value->producer->mark : -1;
}

int graph_side_user(const struct graph_side *side, const struct use *use)
{
    return use->node->graph == side->graph ? use->node->mark : -1;
}

/* ---- order ---- */

static bool is_sorted(const struct graph *graph)
{
    int index = 0;
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = index++;
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->input_count; i++) {
            const struct value *input = node->inputs[i];
            if (input && input->graph == graph && input->producer && input->producer->mark >= node->mark)
                return false;
        }
    }
    return true;
}

static int count_producers(const struct node *node)
{
    int count = 0;
    for (int i = 0; i < node->input_count; i++)
        count += node->inputs[i] && node->inputs[i]->graph == node->graph && node->inputs[i]->producer;
    return count;
}

/* Producers first; nodes on a cycle, which nothing else of a loader refuses, last. `list` takes node_count. */
static void sort_nodes(const struct graph *graph, struct node **list)
{
    int read = 0, written = 0;
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = count_producers(node);
        if (node->mark == 0)
            list[written++] = node;
    }
    for (; read < written; read++) {
        const struct node *node = list[read];
        for (int k = 0; k < node->output_count; k++) {
            const struct value *value = node->outputs[k];
            for (size_t u = 0; value && u < value->use_count; u++) {
                struct node *user = value->uses[u].node;
                if (user->graph == graph && user->mark > 0 && --user->mark == 0)
                    list[written++] = user;
            }
        }
    }
    for (struct node *node = graph->first; node; node = node->next) {
        if (node->mark > 0)
            list[written++] = node;
    }
}

static int list_nodes(struct graph_side *side, struct arena *arena, struct error *error)
{
    const struct graph *graph = side->graph;
    struct node **all = arena_allocate(arena, (size_t)graph->node_count + 1, sizeof *all, error);
    int listed = 0;
    if (!all)
        return -1;
    if (is_sorted(graph)) {
        for (struct node *node = graph->first; node; node = node->next)
            all[listed++] = node;
    } else {
        sort_nodes(graph, all);
    }
    for (int i = 0; i < graph->node_count; i++) {
        bool constant = all[i]->output_count == 1 && all[i]->outputs[0] && value_contents(all[i]->outputs[0]);
        all[i]->mark = constant ? -1 : side->count;
        if (!constant)
            all[side->count++] = all[i];
    }
    side->nodes = all;
    return 0;
}

/* ---- labels ---- */

static uint64_t operator_label(const struct node *node)
{
    return hash_text(hash_text(hash_text(1, node->op_type), node->domain), node->overload);
}

/* What an inner graph is made of, coarsely: its operators. */
static uint64_t graph_label(const struct graph *graph)
{
    uint64_t hash = (uint64_t)graph->input_count;
    for (const struct node *node = graph->first; node; node = node->next)
        hash = hash_mix(hash, operator_label(node));
    return hash;
}

static int attribute_label(const struct attribute *attribute, bool derived, uint64_t *label, struct error *error)
{
    uint64_t hash = hash_mix(hash_text(hash_text(2, attribute->name), attribute->reference), attribute->type);
    bool varied;
    switch (attribute->type) {
    case ATTRIBUTE_FLOAT:
        hash = hash_bytes(hash, &attribute->f, sizeof attribute->f);
        break;
    case ATTRIBUTE_INT:
        hash = hash_mix(hash, (uint64_t)attribute->i);
        break;
    case ATTRIBUTE_STRING:
        hash = hash_bytes(hash, attribute->s.data, attribute->s.length);
        break;
    case ATTRIBUTE_FLOATS:
        hash = hash_bytes(hash, attribute->floats, attribute->count * sizeof *attribute->floats);
        break;
    case ATTRIBUTE_INTS:
        hash = hash_bytes(hash, attribute->ints, attribute->count * sizeof *attribute->ints);
        break;
    case ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < attribute->count; i++)
            hash = hash_bytes(hash, attribute->strings[i].data, attribute->strings[i].length);
        break;
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_SPARSE_TENSOR:
        if (derived || !attribute->tensor)
            break;
        if (constant_fingerprint(attribute->tensor, label, &varied, error))
            return error_prefix(error, "attribute '%s'", attribute->name);
        hash = hash_mix(hash, *label);
        break;
    case ATTRIBUTE_GRAPH:
        hash = hash_mix(hash, graph_label(attribute->graph));
        break;
    case ATTRIBUTE_GRAPHS:
        for (size_t i = 0; i < attribute->count; i++)
            hash = hash_mix(hash, graph_label(attribute->graphs[i]));
        break;
    default:
        break;
    }
    *label = hash;
    return 0;
}

static uint64_t type_label(const struct tensor *tensor)
{
    uint64_t hash = hash_mix(3, (uint64_t)tensor->dtype);
    for (int i = 0; i < tensor->shape.rank; i++)
        hash = hash_mix(hash, (uint64_t)tensor->shape.dims[i]);
    return hash;
}

/* Labels of node `index`: attributes count in any order. */
static int label_node(struct graph_side *side, int index, const uint64_t *fingerprints, const bool *varied,
                      bool derived, struct error *error)
{
    const struct node *node = side->nodes[index];
    char label[NODE_LABEL_SIZE];
    uint64_t operator_hash = operator_label(node), attributes = 0;
    for (int i = 0; i < node->attribute_count; i++) {
        uint64_t one = 0;
        if (attribute_label(&node->attributes[i], derived, &one, error))
            return error_prefix(error, "%s", node_label(node, label));
        attributes += one;
    }
    uint64_t shapes = hash_mix(operator_hash, attributes), contents = shapes;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        const struct constant *constant = input && input->graph == side->graph ? value_contents(input) : NULL;
        if (!constant)
            continue;
        uint64_t fingerprint = fingerprints[input->id], type = hash_mix(type_label(&constant->tensor), (uint64_t)i);
        bool few = constant->tensor.dtype == DTYPE_INT64 && shape_count(&constant->tensor.shape) <= FEW_INTEGERS;
        shapes = hash_mix(shapes, few ? hash_mix(type, fingerprint) : type);
        contents = hash_mix(contents, hash_mix(type, fingerprint));
        side->marked[index] |= varied[input->id];
    }
    side->labels[BY_OPERATOR][index] = operator_hash;
    side->labels[BY_SHAPES][index] = shapes;
    side->labels[BY_CONTENTS][index] = contents;
    return 0;
}

static int read_fingerprints(const struct graph *graph, uint64_t *fingerprints, bool *varied, struct error *error)
{
    const struct progress *progress = &graph->context->progress;
    for (size_t i = 0; i < graph->value_count; i++) {
        struct constant *constant = value_contents(graph->values[i]);
        if (constant && constant_fingerprint(constant, &fingerprints[i], &varied[i], error))
            return error_prefix(error, "'%s'", graph->values[i]->name);
        if (context_poll(graph->context, error))
            return -1;
        if (constant)
            progress_step(progress, "reading weights", i, graph->value_count);
    }
    progress_step(progress, "reading weights", graph->value_count, graph->value_count);
    return 0;
}

/* ---- surroundings ---- */

/* The first graph's name for a value of a graph around: the same for both of a pair. */
static uint64_t outer_key(const struct graph_matching *matching, int which, const struct value *value)
{
    const struct value *partner = graph_matching_partner(matching, which, value);
    return hash_text(5, which == 1 && partner ? partner->name : value->name);
}

static uint64_t input_key(const struct graph_side *side, const struct graph_matching *matching, int which,
                          const struct value *value)
{
    int producer = graph_side_producer(side, value);
    if (!value)
        return 7;
    if (producer >= 0)
        return hash_mix(side->front[producer], (uint64_t)value->producer_output);
    if (value->graph != side->graph)
        return outer_key(matching, which, value);
    return value_contents(value) ? 11 : side->input_keys[value->id];
}

static uint64_t output_key(const struct graph_side *side, const uint64_t *labels, const struct value *value)
{
    uint64_t sum = side->output_keys[value->id];
    for (size_t u = 0; u < value->use_count; u++) {
        const struct use *use = &value->uses[u];
        int user = graph_side_user(side, use);
        uint64_t behind = user >= 0 ? hash_mix(side->back[user], labels[user]) : operator_label(use->node);
        sum += hash_mix(behind, (uint64_t)use->input);
    }
    return sum;
}

void graph_side_surroundings(struct graph_side *side, const struct graph_matching *matching, int which,
                             enum closeness closeness)
{
    const uint64_t *labels = side->labels[closeness];
    memset(side->front, 0, (size_t)side->count * sizeof *side->front);
    memset(side->back, 0, (size_t)side->count * sizeof *side->back);
    for (int n = 0; n < side->count; n++) {
        const struct node *node = side->nodes[n];
        uint64_t hash = labels[n];
        for (int i = 0; i < node->input_count; i++)
            hash = hash_mix(hash, input_key(side, matching, which, node->inputs[i]));
        side->front[n] = hash;
    }
    for (int n = side->count - 1; n >= 0; n--) {
        const struct node *node = side->nodes[n];
        uint64_t hash = labels[n];
        for (int k = 0; k < node->output_count; k++)
            hash = hash_mix(hash, node->outputs[k] ? output_key(side, labels, node->outputs[k]) : 13);
        side->back[n] = hash;
    }
}

/* Keys of inputs are the pair's place in the first graph; those without a partner differ from all. */
static void key_ends(struct graph_side *side, const struct graph_matching *matching, int which)
{
    const struct graph *graph = side->graph;
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i], *first = which == 0 ? input : matching->partners[1][input->id];
        side->input_keys[input->id] =
            first ? hash_mix(17, (uint64_t)first->id) : hash_mix(19 + (uint64_t)which, (uint64_t)input->id);
    }
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i]->graph == graph)
            side->output_keys[graph->outputs[i]->id] += hash_mix(23, (uint64_t)i);
    }
}

int graph_side_create(struct graph_side *side, struct arena *arena, struct graph_matching *matching, int which,
                      bool derived, struct error *error)
{
    const struct graph *graph = matching->graphs[which];
    size_t values = graph->value_count + 1;
    *side = (struct graph_side){.graph = graph};
    if (list_nodes(side, arena, error))
        return -1;
    size_t nodes = (size_t)side->count + 1;
    bool *varied = arena_allocate(arena, values, sizeof *varied, error);
    side->match = arena_allocate(arena, nodes, sizeof *side->match, error);
    side->marked = arena_allocate(arena, nodes, sizeof *side->marked, error);
    side->front = arena_allocate(arena, nodes, sizeof *side->front, error);
    side->back = arena_allocate(arena, nodes, sizeof *side->back, error);
    side->input_keys = arena_allocate(arena, values, sizeof *side->input_keys, error);
    side->output_keys = arena_allocate(arena, values, sizeof *side->output_keys, error);
    for (int c = 0; c < CLOSENESS_COUNT; c++) {
        if (!(side->labels[c] = arena_allocate(arena, nodes, sizeof *side->labels[c], error)))
            return -1;
    }
    if (!varied || !side->match || !side->marked || !side->front || !side->back || !side->input_keys ||
        !side->output_keys)
        return -1;
    for (size_t i = 0; i < graph->value_count; i++)
        side->most_uses = graph->values[i]->use_count > side->most_uses ? graph->values[i]->use_count : side->most_uses;
    key_ends(side, matching, which);
    if (!derived && read_fingerprints(graph, matching->fingerprints[which], varied, error))
        return -1;
    for (int n = 0; n < side->count; n++) {
        side->match[n] = -1;
        if (label_node(side, n, matching->fingerprints[which], varied, derived, error))
            return -1;
    }
    return 0;
}
