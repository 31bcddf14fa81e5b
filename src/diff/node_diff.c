#include <stdio.h>
#include <string.h>

#include "diff/attribute_equal.h"
#include "diff/constant_contents.h"
#include "diff/model_diff.h"

#define FOLLOW_DEPTH 64 /* added or removed nodes in a row */

/* Names as users find them: a node without one is known by what it makes. */
static const char *node_name(const struct node *node)
{
    if (node->name[0])
        return node->name;
    return node->output_count > 0 && node->outputs[0] ? node->outputs[0]->name : "";
}

static const char *value_name(const struct value *value)
{
    return value ? value->name : NULL;
}

static struct fovea_change about(const struct node_pair *pair, enum fovea_change_kind kind, const char *scope)
{
    const struct node *node = pair->a ? pair->a : pair->b;
    const char *name = node_name(node), *other = pair->a && pair->b ? node_name(pair->b) : name;
    return (struct fovea_change){.kind = kind,
                                 .scope = scope,
                                 .name = name,
                                 .other = strcmp(name, other) ? other : NULL,
                                 .op_type = node->op_type};
}

/* ---- nodes of one graph only ---- */

static int add_alone(const struct node_pair *pair, const char *scope, struct change_list *changes, struct error *error)
{
    const struct node *node = pair->a ? pair->a : pair->b;
    struct fovea_change change = about(pair, pair->a ? FOVEA_CHANGE_NODE_REMOVED : FOVEA_CHANGE_NODE_ADDED, scope);
    const char *reads = "", *makes = node->output_count > 0 && node->outputs[0] ? node->outputs[0]->name : "";
    for (int i = 0; i < node->input_count && !reads[0]; i++)
        reads = node->inputs[i] && !value_contents(node->inputs[i]) ? node->inputs[i]->name : "";
    change.detail = change_text(changes, error, "'%s' -> '%s'", reads, makes);
    return change.detail ? change_add(changes, &change, error) : -1;
}

/* ---- attributes ---- */

static int add_attribute(const struct node_pair *pair, const struct attribute *a, const struct attribute *b,
                         const char *scope, struct change_list *changes, struct error *error)
{
    struct fovea_change change = about(pair, FOVEA_CHANGE_ATTRIBUTE, scope);
    change.detail = a ? a->name : b->name;
    if ((a && !(change.before = change_attribute_text(changes, a, error))) ||
        (b && !(change.after = change_attribute_text(changes, b, error))))
        return -1;
    if (a && b && strcmp(change.before, change.after) == 0 &&
        !(change.after = change_text(changes, error, "%s with other elements", change.before)))
        return -1;
    return change_add(changes, &change, error);
}

static int diff_attributes(const struct node_pair *pair, const char *scope, struct change_list *changes,
                           struct error *error)
{
    const struct node *a = pair->a, *b = pair->b;
    for (int i = 0; i < a->attribute_count; i++) {
        const struct attribute *first = &a->attributes[i], *second = node_attribute(b, first->name);
        bool same = false;
        if (second && attribute_equal(first, second, &same, error))
            return error_prefix(error, "attribute '%s' of '%s'", first->name, node_name(a));
        if (!same && add_attribute(pair, first, second, scope, changes, error))
            return -1;
    }
    for (int i = 0; i < b->attribute_count; i++) {
        if (!node_attribute(a, b->attributes[i].name) &&
            add_attribute(pair, NULL, &b->attributes[i], scope, changes, error))
            return -1;
    }
    return 0;
}

/* ---- operands ---- */

static bool same_value(const struct graph_matching *matching, const struct value *a, const struct value *b)
{
    if (!a || !b)
        return a == b;
    if (graph_matching_partner(matching, 0, a) == b)
        return true;
    uint64_t first = a->graph == matching->graphs[0] ? matching->fingerprints[0][a->id] : 0;
    uint64_t second = b->graph == matching->graphs[1] ? matching->fingerprints[1][b->id] : 0;
    return first != 0 && first == second;
}

/* In front of the nodes that only this graph has: what flows into them. */
static const struct value *behind_alone(const struct graph_matching *matching, int side, const struct value *value)
{
    for (int depth = 0; depth < FOLLOW_DEPTH && value && value->producer; depth++) {
        const struct node *producer = value->producer;
        const struct value *next = NULL;
        if (value->graph != matching->graphs[side] || matching->partners[side][value->id] || value_contents(value))
            break;
        for (int i = 0; i < producer->input_count && !next; i++)
            next = producer->inputs[i] && !value_contents(producer->inputs[i]) ? producer->inputs[i] : NULL;
        value = next;
    }
    return value;
}

static int diff_operands(const struct graph_matching *matching, const struct node_pair *pair, const char *scope,
                         struct change_list *changes, struct error *error)
{
    const struct node *a = pair->a, *b = pair->b;
    for (int i = 0; i < a->input_count || i < b->input_count; i++) {
        const struct value *first = i < a->input_count ? a->inputs[i] : NULL;
        const struct value *second = i < b->input_count ? b->inputs[i] : NULL;
        if (same_value(matching, first, second))
            continue;
        struct fovea_change change = about(pair, FOVEA_CHANGE_NODE_MOVED, scope);
        const struct value *from = behind_alone(matching, 0, first), *to = behind_alone(matching, 1, second);
        char detail[32];
        snprintf(detail, sizeof detail, "input %d", i);
        change.detail = detail;
        change.before = value_name(first);
        change.after = value_name(second);
        change.follows = from && to && (from != first || to != second) && same_value(matching, from, to);
        if (change_add(changes, &change, error))
            return -1;
    }
    return 0;
}

/* ---- results ---- */

static bool same_declared(const struct value *a, const struct value *b)
{
    if (a->declared_rank < 0 || b->declared_rank < 0)
        return true;
    bool same = a->declared_rank == b->declared_rank && a->dtype == b->dtype;
    for (int i = 0; same && i < a->declared_rank; i++)
        same = a->declared[i].size == b->declared[i].size;
    return same;
}

static int diff_declared(const struct value *a, const struct value *b, enum fovea_change_kind kind, const char *scope,
                         struct change_list *changes, struct error *error)
{
    struct fovea_change change = {.kind = kind, .scope = scope, .name = a->name};
    bool renamed = strcmp(a->name, b->name) != 0;
    if (same_declared(a, b) && (kind == FOVEA_CHANGE_SHAPE || !renamed))
        return 0;
    change.other = renamed ? b->name : NULL;
    change.before = change_declared_text(changes, a, error);
    change.after = change_declared_text(changes, b, error);
    return change.before && change.after ? change_add(changes, &change, error) : -1;
}

static int diff_results(const struct node_pair *pair, const char *scope, struct change_list *changes,
                        struct error *error)
{
    bool renamed = strcmp(pair->a->name, pair->b->name) != 0;
    for (int k = 0; k < pair->a->output_count && k < pair->b->output_count; k++) {
        const struct value *a = pair->a->outputs[k], *b = pair->b->outputs[k];
        if (!a || !b)
            continue;
        renamed |= strcmp(a->name, b->name) != 0;
        if (!a->is_output && !b->is_output && diff_declared(a, b, FOVEA_CHANGE_SHAPE, scope, changes, error))
            return -1;
    }
    struct fovea_change change = about(pair, FOVEA_CHANGE_NAME, scope);
    change.detail = change.other ? "node" : "result";
    if (renamed && !change.other && pair->a->outputs[0] && pair->b->outputs[0]) {
        change.before = pair->a->outputs[0]->name;
        change.after = pair->b->outputs[0]->name;
    }
    return renamed ? change_add(changes, &change, error) : 0;
}

/* ---- inner graphs ---- */

static int diff_inner(const struct graph_matching *matching, const struct node_pair *pair, const char *scope,
                      struct change_list *changes, struct error *error)
{
    for (int i = 0; i < pair->a->attribute_count; i++) {
        const struct attribute *a = &pair->a->attributes[i], *b = node_attribute(pair->b, a->name);
        bool many = a->type == ATTRIBUTE_GRAPHS;
        if (!b || a->type != b->type || (!many && a->type != ATTRIBUTE_GRAPH))
            continue;
        size_t count = many ? (a->count < b->count ? a->count : b->count) : 1;
        const char *inner =
            change_text(changes, error, "%s%s%s/%s", scope, scope[0] ? "/" : "", node_name(pair->a), a->name);
        for (size_t g = 0; inner && g < count; g++) {
            struct graph_matching own;
            int result = graph_diff(many ? a->graphs[g] : a->graph, many ? b->graphs[g] : b->graph, matching, inner,
                                    &own, changes, error);
            graph_matching_release(&own);
            if (result)
                return -1;
        }
        if (!inner)
            return -1;
    }
    return 0;
}

static int diff_nodes(const struct graph_matching *matching, const char *scope, struct change_list *changes,
                      struct error *error)
{
    for (int i = 0; i < matching->pair_count; i++) {
        const struct node_pair *pair = &matching->pairs[i];
        if (!pair->a || !pair->b) {
            if (add_alone(pair, scope, changes, error))
                return -1;
            continue;
        }
        changes->paired++;
        if (diff_attributes(pair, scope, changes, error) || diff_operands(matching, pair, scope, changes, error) ||
            diff_results(pair, scope, changes, error) || diff_inner(matching, pair, scope, changes, error))
            return -1;
    }
    return 0;
}

/* ---- a graph's ends ---- */

static int add_end(const struct value *value, enum fovea_change_kind kind, int side, const char *scope,
                   struct change_list *changes, struct error *error)
{
    struct fovea_change change = {.kind = kind, .scope = scope, .name = value->name};
    const char *text = change_declared_text(changes, value, error);
    *(side == 0 ? &change.before : &change.after) = text;
    return text ? change_add(changes, &change, error) : -1;
}

static int diff_inputs(const struct graph_matching *matching, const char *scope, struct change_list *changes,
                       struct error *error)
{
    for (int side = 0; side < 2; side++) {
        const struct graph *graph = matching->graphs[side];
        for (int i = 0; i < graph->input_count; i++) {
            const struct value *input = graph->inputs[i], *partner = matching->partners[side][input->id];
            if (input->constant)
                continue;
            if (!partner ? add_end(input, FOVEA_CHANGE_INPUT, side, scope, changes, error)
                         : side == 0 && diff_declared(input, partner, FOVEA_CHANGE_INPUT, scope, changes, error))
                return -1;
        }
    }
    return 0;
}

static int diff_outputs(const struct graph_matching *matching, const char *scope, struct change_list *changes,
                        struct error *error)
{
    for (int side = 0; side < 2; side++) {
        const struct graph *graph = matching->graphs[side];
        for (int i = 0; i < graph->output_count; i++) {
            const struct value *output = graph->outputs[i], *other = graph_matching_output(matching, side, output);
            if (!other ? add_end(output, FOVEA_CHANGE_OUTPUT, side, scope, changes, error)
                       : side == 0 && diff_declared(output, other, FOVEA_CHANGE_OUTPUT, scope, changes, error))
                return -1;
        }
    }
    return 0;
}

int graph_diff(const struct graph *a, const struct graph *b, const struct graph_matching *outer, const char *scope,
               struct graph_matching *matching, struct change_list *changes, struct error *error)
{
    struct graph_matching_options options = {.outer = outer};
    if (graph_match(arena_memory(changes->arena), a, b, &options, matching, error))
        return -1;
    return diff_inputs(matching, scope, changes, error) || diff_outputs(matching, scope, changes, error) ||
                   diff_nodes(matching, scope, changes, error) || weight_diff(matching, scope, changes, error)
               ? -1
               : 0;
}
