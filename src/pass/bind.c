#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
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

/* The flag that would bind `input`, with a guess for what is free. */
static int report_free(const struct value *input, struct error *error)
{
    char name[96], dims[160] = "";
    size_t length = 0;
    for (int i = 0; i < input->declared_rank; i++) {
        int64_t size = input->declared[i].size;
        int64_t guess = size >= 0 ? size : i == 0 ? 1 : i == 1 ? 3 : 224;
        length += (size_t)snprintf(dims + length, sizeof dims - length, "%s%" PRId64, i ? "," : "", guess);
    }
    text_printable(input->name, strlen(input->name), name, sizeof name);
    return error_set(error, ERROR_INPUT, "input '%s' has a free size; give it with --shape '%s:%s'", name, name,
                     input->declared_rank > 0 ? dims : "1,3,224,224");
}

static int bind_input(struct value *input, const struct shape_binding *binding, bool overrule, struct error *error)
{
    char name[96], shape[SHAPE_TEXT_SIZE];
    text_printable(input->name, strlen(input->name), name, sizeof name);
    if (dtype_storage(input->dtype) == DTYPE_UNDEFINED)
        return error_set(error, ERROR_UNSUPPORTED, "input '%s' has type %s, which cannot be computed with", name,
                         dtype_name(input->dtype));
    if (input->declared_rank > SHAPE_MAX_RANK)
        return error_set(error, ERROR_LIMIT, "input '%s' has %d dimensions (limit %d)", name, input->declared_rank,
                         SHAPE_MAX_RANK);
    if (binding && input->declared_rank >= 0 && binding->shape.rank != input->declared_rank)
        return error_set(error, ERROR_INPUT, "--shape gives input '%s' %d dimensions, the model says %d", name,
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
                             "--shape gives input '%s' the shape %s, but the model fixes dimension %d to %" PRId64,
                             name, shape_text(&binding->shape, shape), i, declared);
    }
    return shape_set(&input->shape, rank, dims, error) ? error_prefix(error, "input '%s'", name) : 0;
}

int pass_bind(struct graph *graph, const struct shape_binding *bindings, int count, bool overrule, struct error *error)
{
    int free_inputs = 0;
    for (int i = 0; i < graph->input_count; i++)
        free_inputs += graph->inputs[i]->constant == NULL;
    for (int i = 0; i < count; i++) {
        const struct value *named =
            bindings[i].name && bindings[i].name[0] ? graph_find_value(graph, bindings[i].name) : NULL;
        if (bindings[i].name && bindings[i].name[0] && (!named || !named->is_input))
            return error_set(error, ERROR_INPUT, "--shape names '%s', which is no input of the model",
                             bindings[i].name);
    }
    for (int i = 0; i < graph->input_count; i++) {
        struct value *input = graph->inputs[i];
        if (!input->constant && bind_input(input, find_binding(input, free_inputs, bindings, count), overrule, error))
            return -1;
    }
    return 0;
}
