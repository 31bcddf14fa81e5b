#include "guide/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/match.h"
#include "op/registry.h"
#include "structure/exporter.h"

#define IR_WITH_NODE_METADATA 10
#define LONGEST_BASE 120 /* of the names that new ones are made of */

static const char *printable_text(const struct edit *edit, struct error *error, const char *format, va_list arguments)
{
    char *text = arena_print_list(edit->audit->arena, error, format, arguments);
    if (text)
        text_keep_printable(text);
    return text;
}

int edit_refuse(struct edit *edit, struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    edit->refusal = printable_text(edit, error, format, arguments);
    va_end(arguments);
    return edit->refusal ? 1 : -1;
}

int edit_say(struct edit *edit, struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    edit->done = printable_text(edit, error, format, arguments);
    va_end(arguments);
    return edit->done ? 0 : -1;
}

bool edit_wants(const struct edit *edit, const struct node *node)
{
    const char *name = node_own_name(node->origin ? node->origin : node);
    for (int i = 0; i < edit->only_count; i++) {
        if (strcmp(edit->only[i], name) == 0)
            return true;
    }
    return edit->only_count == 0;
}

int edit_touch(struct edit *edit, struct node *node, struct error *error)
{
    struct arena *arena = edit->audit->arena;
    const char *name = node_own_name(node), *key = arena_print(arena, error, "fovea.%s", edit->guide->told.name);
    for (size_t i = 0; i < edit->node_count; i++) {
        if (strcmp(edit->nodes[i], name) == 0)
            return 0;
    }
    const char **grown =
        arena_grow(arena, edit->nodes, edit->node_count, &edit->node_capacity, sizeof *edit->nodes, error);
    char *copy = grown ? arena_copy_string(arena, name, strlen(name), error) : NULL;
    if (!copy || !key)
        return -1;
    edit->nodes = grown;
    edit->nodes[edit->node_count++] = copy;
    return edit->model->ir_version >= IR_WITH_NODE_METADATA ? node_add_metadata(node, key, "applied", error) : 0;
}

/* BASE, FOVEA_ADDED_NAME and WHAT, with a number behind it where that is taken. */
static struct value *add_named_value(struct graph *graph, const char *base, const char *what, struct error *error)
{
    char name[LONGEST_BASE + 96];
    for (int number = 1;; number++) {
        if (number == 1)
            snprintf(name, sizeof name, "%.*s" FOVEA_ADDED_NAME "%.48s", LONGEST_BASE, base, what);
        else
            snprintf(name, sizeof name, "%.*s" FOVEA_ADDED_NAME "%.48s_%d", LONGEST_BASE, base, what, number);
        if (!graph_find_value(graph, name))
            return graph_add_value(graph, name, error);
    }
}

struct value *edit_add(struct edit *edit, struct node *before, const char *what, const char *op_type,
                       struct value *const *inputs, int input_count, const struct emit_attribute *attributes,
                       int attribute_count, struct error *error)
{
    struct graph *graph = before->graph;
    while (input_count > 0 && !inputs[input_count - 1])
        input_count--;
    struct value *output = add_named_value(graph, node_own_name(before), what, error);
    struct node *node = output ? graph_add_node(graph, "", op_type, output->name, input_count, 1, error) : NULL;
    if (!node || node_set_output(node, 0, output, error) ||
        node_set_attributes(node, attributes, attribute_count, error))
        return NULL;
    for (int i = 0; i < input_count; i++) {
        if (inputs[i] && node_set_input(node, i, inputs[i], error))
            return NULL;
    }
    if (operator_resolve(node, before->domain[0] ? graph_opset(graph, "") : before->opset, error))
        return NULL;
    if (!node->definition) {
        error_set(error, ERROR_UNSUPPORTED,
                  "opset %d has no %s, which the rewrite needs: %s%d, or convert the model with onnx.version_converter",
                  node->opset, op_type, exporter_of(edit->model)->opset, operator_named(op_type)->since);
        return NULL;
    }
    graph_move_node(graph, node, before);
    return edit_touch(edit, node, error) ? NULL : output;
}

struct value *edit_constant(struct edit *edit, struct graph *graph, const char *base, const char *what,
                            struct tensor *tensor, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct constant *constant = constant_create(memory, tensor, error);
    if (!constant) {
        tensor_release(memory, tensor);
        return NULL;
    }
    struct value *value = add_named_value(graph, base, what, error);
    if (!value) {
        constant_release(constant);
        return NULL;
    }
    return model_set_initialiser(edit->model, value, constant, error) ? NULL : value;
}

struct value *edit_scalar(struct edit *edit, struct graph *graph, const char *base, const char *what, enum dtype dtype,
                          double number, struct error *error)
{
    struct tensor tensor = {.dtype = dtype, .shape = {.rank = 0}};
    if (tensor_allocate(graph->context->memory, &tensor, error))
        return NULL;
    tensor_set_number(&tensor, 0, number);
    return edit_constant(edit, graph, base, what, &tensor, error);
}

struct value *edit_int_list(struct edit *edit, struct graph *graph, const char *base, const char *what,
                            const int64_t *list, int count, struct error *error)
{
    struct tensor tensor = {.dtype = DTYPE_INT64, .shape = {.rank = 1, .dims = {count}}};
    if (tensor_allocate(graph->context->memory, &tensor, error))
        return NULL;
    memcpy(tensor.data, list, (size_t)count * sizeof *list);
    return edit_constant(edit, graph, base, what, &tensor, error);
}

int edit_set_constant(struct edit *edit, struct node *node, int input, struct tensor *tensor, struct error *error)
{
    struct value *old = node->inputs[input];
    struct graph *graph = node->graph;
    bool own = old->constant && !old->producer && old->use_count == 1 && !old->is_output && old->graph == graph &&
               old->dtype == tensor->dtype;
    if (!own) {
        struct value *made = edit_constant(edit, graph, old->name, "value", tensor, error);
        if (!made || node_set_input(node, input, made, error))
            return -1;
        if (old->use_count == 0 && !old->is_output && match_producer(old, "Constant"))
            graph_remove_node(graph, old->producer);
        return 0;
    }
    struct constant *constant = constant_create(graph->context->memory, tensor, error);
    if (!constant) {
        tensor_release(graph->context->memory, tensor);
        return -1;
    }
    return model_set_initialiser(edit->model, old, constant, error);
}
