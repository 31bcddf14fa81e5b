#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pass/foreign.h"
#include "pass/passes.h"

static const struct shape_binding *find_binding(const struct value *input, int input_count,
                                                const struct shape_binding *bindings, int count)
{
    for (int i = 0; i < count; i++) {
        const char *name = bindings[i].name;
        if (name && name[0] ? strcmp(name, input->name) == 0
                            : input_count == 1 || bindings[i].shape.rank == input->declared_rank)
            return &bindings[i];
    }
    return NULL;
}

static bool counts_channels(const struct value *input, int axis)
{
    return input->declared[axis].size == 1 || input->declared[axis].size == 3;
}

/* What a free size may be: one image, [N,C,H,W] or [C,H,W], in colour, as high as it is wide; channels are last where
 * only there their number stands. Of other inputs small numbers. */
static int64_t guessed_size(const struct value *input, int axis)
{
    int rank = input->declared_rank;
    bool last = rank >= 3 && counts_channels(input, rank - 1) && !counts_channels(input, rank - 3);
    bool sequence = rank == 3 && !last && !counts_channels(input, 0) && input->declared[2].size > 0;
    int rows = last ? rank - 3 : rank - 2;
    if (rank < 3 || sequence)
        return axis == 0 ? 1 : 3;
    if (axis == (last ? rank - 1 : rows - 1))
        return 3;
    if (axis < rows)
        return 1;
    int64_t other = input->declared[axis == rows ? rows + 1 : rows].size;
    return other > 0 ? other : 224;
}

/* The flag that would bind `input`, with a guess for what is free. */
static int report_free(const struct value *input, struct error *error)
{
    char name[96], dims[160] = "";
    size_t length = 0;
    for (int i = 0; i < input->declared_rank; i++) {
        int64_t size = input->declared[i].size;
        int64_t guess = size >= 0 ? size : guessed_size(input, i);
        length += (size_t)snprintf(dims + length, sizeof dims - length, "%s%" PRId64, i ? "," : "", guess);
    }
    text_printable(input->name, strlen(input->name), name, sizeof name);
    return error_set(error, ERROR_INPUT, "input '%s' has a free size; give it with `shapes` '%s:%s'", name, name,
                     input->declared_rank > 0 ? dims : "1,3,224,224");
}

static int bind_input(struct value *input, const struct shape_binding *binding, bool overrule, struct error *error)
{
    char name[96], shape[SHAPE_TEXT_SIZE];
    text_printable(input->name, strlen(input->name), name, sizeof name);
    if (dtype_is_container(input->dtype) && dtype_storage(dtype_element(input->dtype)) != DTYPE_UNDEFINED)
        return !binding ? 0
                        : error_set(error, ERROR_INPUT, "`shapes` gives input '%s' a shape, but it is of type %s", name,
                                    dtype_name(input->dtype));
    if (dtype_storage(input->dtype) == DTYPE_UNDEFINED)
        return foreign_take_input(input, error);
    if (input->declared_rank > SHAPE_MAX_RANK)
        return error_set(error, ERROR_LIMIT, "input '%s' has %d dimensions (limit %d)", name, input->declared_rank,
                         SHAPE_MAX_RANK);
    if (binding && input->declared_rank >= 0 && binding->shape.rank != input->declared_rank)
        return error_set(error, ERROR_INPUT, "`shapes` gives input '%s' %d dimensions, the model says %d", name,
                         binding->shape.rank, input->declared_rank);
    if (!binding && input->declared_rank < 0)
        return report_free(input, error);
    int64_t dims[SHAPE_MAX_RANK];
    int rank = binding ? binding->shape.rank : input->declared_rank;
    for (int i = 0; i < rank; i++) {
        int64_t declared = input->declared_rank >= 0 ? input->declared[i].size : -1;
        dims[i] = binding ? binding->shape.dims[i] : declared;
        if (dims[i] < 0)
            return report_free(input, error);
        if (declared > 0 && dims[i] != declared && !overrule)
            return error_set(error, ERROR_INPUT,
                             "input '%s' is given the shape %s, but the model fixes dimension %d to %" PRId64, name,
                             shape_text(&binding->shape, shape), i, declared);
    }
    return shape_set(&input->shape, rank, dims, error) ? error_prefix(error, "input '%s'", name) : 0;
}

int pass_bind(struct graph *graph, const struct shape_binding *bindings, int count, bool overrule, struct error *error)
{
    int free_inputs = 0;
    char meant[SUGGESTION_TEXT];
    for (int i = 0; i < graph->input_count; i++)
        free_inputs += graph->inputs[i]->constant == NULL;
    for (int i = 0; i < count; i++) {
        const struct value *named =
            bindings[i].name && bindings[i].name[0] ? graph_find_value(graph, bindings[i].name) : NULL;
        if (bindings[i].name && bindings[i].name[0] && (!named || !named->is_input))
            return error_set(error, ERROR_INPUT, "`shapes` names '%s', which is no input of the model%s",
                             bindings[i].name, graph_suggest_input(graph, bindings[i].name, meant));
    }
    for (int i = 0; i < graph->input_count; i++) {
        struct value *input = graph->inputs[i];
        if (!input->constant && bind_input(input, find_binding(input, free_inputs, bindings, count), overrule, error))
            return -1;
    }
    return 0;
}
