#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/registry.h"
#include "pass/passes.h"

/* Nodes carry in `mark` how many calls they come out of. */
struct inliner {
    const struct model *model;
    const struct function **functions; /* sorted by name */
    int64_t nodes;                     /* copied so far */
};

static int inline_graph(struct inliner *inliner, struct graph *graph, struct error *error);

static int compare_names(const char *name, const char *domain, const char *overload, const struct function *function)
{
    int order = strcmp(name, function->name);
    if (order == 0)
        order = strcmp(domain, function->domain);
    return order ? order : strcmp(overload ? overload : "", function->overload ? function->overload : "");
}

static int compare_functions(const void *left, const void *right)
{
    const struct function *function = *(const struct function *const *)left;
    return compare_names(function->name, function->domain, function->overload, *(const struct function *const *)right);
}

static int compare_call(const void *key, const void *element)
{
    const struct node *node = key;
    return compare_names(node->op_type, node->domain, node->overload, *(const struct function *const *)element);
}

static const struct function *find_function(const struct inliner *inliner, const struct node *node)
{
    const struct function *const *found = bsearch(node, inliner->functions, (size_t)inliner->model->function_count,
                                                  sizeof *inliner->functions, compare_call);
    return found ? *found : NULL;
}

static size_t subgraph_count(const struct attribute *attribute)
{
    return attribute->type == ATTRIBUTE_GRAPH ? 1 : attribute->type == ATTRIBUTE_GRAPHS ? attribute->count : 0;
}

static struct graph *subgraph_at(const struct attribute *attribute, size_t index)
{
    return attribute->type == ATTRIBUTE_GRAPH ? attribute->graph : attribute->graphs[index];
}

/* ---- attributes ---- */

static const struct attribute *find_actual(const struct function *function, const struct node *call, const char *name)
{
    const struct attribute *actual = node_attribute(call, name);
    for (int i = 0; !actual && i < function->default_count; i++) {
        if (strcmp(function->defaults[i].name, name) == 0)
            actual = &function->defaults[i];
    }
    return actual;
}

static void remove_attribute(struct node *node, int index)
{
    node->attribute_count--;
    memmove(&node->attributes[index], &node->attributes[index + 1],
            (size_t)(node->attribute_count - index) * sizeof *node->attributes);
}

/* References to what the call leaves out and the function has no default for are dropped: the operator's default. */
static int resolve_attributes(struct inliner *inliner, const struct function *function, const struct node *call,
                              struct node *node, struct error *error)
{
    node->mark = call->mark + 1;
    if (++inliner->nodes > LIMIT_INLINED_NODES)
        return error_set(error, ERROR_LIMIT, "too many nodes when functions are replaced by their bodies (limit %d)",
                         LIMIT_INLINED_NODES);
    for (int i = 0; i < node->attribute_count; i++) {
        const struct attribute *attribute = &node->attributes[i];
        for (size_t k = 0; k < subgraph_count(attribute); k++) {
            for (struct node *inner = subgraph_at(attribute, k)->first; inner; inner = inner->next) {
                if (resolve_attributes(inliner, function, call, inner, error))
                    return -1;
            }
        }
        if (!attribute->reference)
            continue;
        const struct attribute *actual = find_actual(function, call, attribute->reference);
        if (!actual)
            remove_attribute(node, i--);
        else if (node_copy_attribute(node, actual, attribute->name, error))
            return -1;
    }
    return 0;
}

/* ---- values ---- */

/* The call's values for the body's formal ones; the rest become new values. An output that is an input of the body, or
 * the same as another output, stays with the call until add_identities. */
static int map_values(const struct function *function, struct node *call, struct value **map, struct error *error)
{
    const struct graph *body = function->body;
    for (int i = 0; i < call->input_count; i++)
        map[body->inputs[i]->id] = call->inputs[i];
    for (int i = 0; i < call->output_count; i++) {
        const struct value *formal = body->outputs[i];
        struct value *actual = call->outputs[i];
        if (!actual || formal->is_input || map[formal->id])
            continue;
        if (node_set_output(call, i, NULL, error))
            return -1;
        map[formal->id] = actual;
    }
    for (size_t i = 0; i < body->value_count; i++) {
        if (!map[i] && !body->values[i]->is_input && !(map[i] = graph_add_value(call->graph, NULL, error)))
            return -1;
    }
    return 0;
}

static int add_identities(const struct function *function, struct node *call, struct value *const *map,
                          struct error *error)
{
    for (int i = 0; i < call->output_count; i++) {
        struct value *from = map[function->body->outputs[i]->id], *to = call->outputs[i];
        if (!to)
            continue;
        if (!from)
            return error_set(error, ERROR_INPUT, "output %d is the function's input '%s', which the call leaves out", i,
                             function->body->outputs[i]->name);
        struct node *identity = graph_add_node(call->graph, "", "Identity", call->name, 1, 1, error);
        if (!identity || node_set_output(call, i, NULL, error) || node_set_input(identity, 0, from, error) ||
            node_set_output(identity, 0, to, error))
            return -1;
        identity->opset = OPSET_NEWEST;
        identity->origin = call->origin;
        graph_move_node(call->graph, identity, call);
    }
    return 0;
}

/* ---- calls ---- */

/* "call/inner", as far as both have names. */
static int name_node(struct node *node, const struct node *call, struct error *error)
{
    char name[256];
    if (!call->name[0] || !node->name[0])
        return 0;
    int length = snprintf(name, sizeof name, "%.120s/%.120s", call->name, node->name);
    node->name = arena_copy_string(node->graph->arena, name, (size_t)length, error);
    return node->name ? 0 : -1;
}

static int copy_body(struct inliner *inliner, const struct function *function, struct node *call, struct value **map,
                     struct error *error)
{
    if (map_values(function, call, map, error))
        return -1;
    for (struct node *node = function->body->first; node; node = node->next) {
        struct node *copy = graph_copy_node(call->graph, node, map, error);
        if (!copy || resolve_attributes(inliner, function, call, copy, error) || name_node(copy, call, error))
            return -1;
        if (copy->opset == 0) /* the function does not import the domain */
            copy->opset = graph_opset(call->graph, copy->domain);
        copy->origin = call->origin;
        graph_move_node(call->graph, copy, call);
    }
    return add_identities(function, call, map, error);
}

/* Returns the first node that stands for the call, to go on with; *next is what comes then. */
static int inline_call(struct inliner *inliner, const struct function *function, struct node *call, struct node **next,
                       struct error *error)
{
    struct memory *memory = call->graph->context->memory;
    const struct graph *body = function->body;
    struct node *before = call->previous;
    if (call->mark >= LIMIT_FUNCTION_DEPTH)
        return error_set(error, ERROR_LIMIT, "functions call functions too deep (limit %d); does '%s' call itself?",
                         LIMIT_FUNCTION_DEPTH, function->name);
    if (call->input_count > body->input_count || call->output_count > body->output_count)
        return error_set(error, ERROR_INPUT, "the call has %d inputs and %d outputs, the function has %d and %d",
                         call->input_count, call->output_count, body->input_count, body->output_count);
    struct value **map = memory_allocate(memory, body->value_count + 1, sizeof *map, error);
    int result = map ? copy_body(inliner, function, call, map, error) : -1;
    memory_release(memory, map);
    if (result == 0) {
        graph_remove_node(call->graph, call);
        *next = before ? before->next : call->graph->first;
    }
    return result;
}

static int inline_node(struct inliner *inliner, struct node *node, struct node **next, struct error *error)
{
    const struct function *function = find_function(inliner, node);
    *next = node->next;
    if (function)
        return inline_call(inliner, function, node, next, error);
    for (int i = 0; i < node->attribute_count; i++) {
        const struct attribute *attribute = &node->attributes[i];
        if (attribute->reference)
            return error_set(error, ERROR_INPUT, "attribute '%s' refers to a function's attribute, but stands in none",
                             attribute->name);
        for (size_t k = 0; k < subgraph_count(attribute); k++) {
            if (inline_graph(inliner, subgraph_at(attribute, k), error))
                return -1;
        }
    }
    return 0;
}

static int inline_graph(struct inliner *inliner, struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        char label[NODE_LABEL_SIZE];
        node_label(node, label);
        if (inline_node(inliner, node, &next, error))
            return error_prefix(error, "%s", label);
    }
    return 0;
}

static void clear_marks(struct graph *graph)
{
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = 0;
        for (int i = 0; i < node->attribute_count; i++) {
            for (size_t k = 0; k < subgraph_count(&node->attributes[i]); k++)
                clear_marks(subgraph_at(&node->attributes[i], k));
        }
    }
}

int pass_inline_functions(const struct model *model, struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t count = (size_t)model->function_count;
    struct inliner inliner = {.model = model};
    inliner.functions = memory_allocate(memory, count + 1, sizeof *inliner.functions, error);
    if (!inliner.functions)
        return -1;
    for (size_t i = 0; i < count; i++)
        inliner.functions[i] = &model->functions[i];
    qsort(inliner.functions, count, sizeof *inliner.functions, compare_functions);
    clear_marks(graph);
    int result = inline_graph(&inliner, graph, error);
    memory_release(memory, inliner.functions);
    return result == 0 && count > 0 ? operators_resolve(graph, error) : result;
}
