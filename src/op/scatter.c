#include "op/scatter.h"

#include <string.h>

#include "op/emit.h"
#include "op/known.h"
#include "op/strided.h"

const char *const scatter_reductions[] = {"none", "add", "mul", "max", "min", NULL};

/* C type, type in which sums and products wrap without harm */
#define COMBINE(type, wrapping)                                                                                        \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        type old = ((type *)to)[i], new = ((const type *)from)[i];                                                     \
        switch (reduction) {                                                                                           \
        case SCATTER_NONE:                                                                                             \
            break;                                                                                                     \
        case SCATTER_ADD:                                                                                              \
            new = (type)((wrapping)old + (wrapping) new);                                                              \
            break;                                                                                                     \
        case SCATTER_MUL:                                                                                              \
            new = (type)((wrapping)old * (wrapping) new);                                                              \
            break;                                                                                                     \
        case SCATTER_MAX:                                                                                              \
            new = old > new ? old : new;                                                                               \
            break;                                                                                                     \
        case SCATTER_MIN:                                                                                              \
            new = old < new ? old : new;                                                                               \
            break;                                                                                                     \
        }                                                                                                              \
        ((type *)to)[i] = new;                                                                                         \
    }

static void combine_bools(uint8_t *to, const uint8_t *from, int64_t count, bool either)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = either ? to[i] | from[i] : to[i] & from[i];
}

void scatter_combine(void *to, const void *from, int64_t count, enum dtype storage, enum scatter_reduction reduction)
{
    if (reduction == SCATTER_NONE) {
        memcpy(to, from, (size_t)count * dtype_storage_size(storage));
        return;
    }
    switch (storage) {
    case DTYPE_FLOAT:
        COMBINE(float, float)
        break;
    case DTYPE_DOUBLE:
        COMBINE(double, double)
        break;
    case DTYPE_INT32:
        COMBINE(int32_t, uint32_t)
        break;
    case DTYPE_INT64:
        COMBINE(int64_t, uint64_t)
        break;
    case DTYPE_UINT8:
        COMBINE(uint8_t, uint32_t)
        break;
    default:
        combine_bools(to, from, count, reduction == SCATTER_ADD || reduction == SCATTER_MAX);
        break;
    }
}

static void move_elements(char *to, const char *from, const int64_t *offsets, int64_t count, size_t size)
{
    for (int64_t i = 0; size == 4 && i < count; i++)
        memcpy(to + offsets[i] * 4, from + i * 4, 4);
    for (int64_t i = 0; size != 4 && i < count; i++)
        move_element(to + (size_t)offsets[i] * size, from + (size_t)i * size, size);
}

void scatter_runs(const struct compute_context *context, const int64_t *offsets, int64_t runs, int64_t run,
                  enum scatter_reduction reduction)
{
    const struct tensor *data = context->inputs[0], *updates = context->inputs[2];
    struct tensor *to = context->outputs[0];
    size_t size = element_size(to);
    if (tensor_bytes(to) > 0)
        memcpy(to->data, data->data, tensor_bytes(to));
    if (run == 1 && reduction == SCATTER_NONE) {
        move_elements(to->data, updates->data, offsets, runs, size);
        return;
    }
    for (int64_t i = 0; run > 0 && i < runs; i++)
        scatter_combine((char *)to->data + (size_t)offsets[i] * size,
                        (const char *)updates->data + (size_t)(i * run) * size, run, dtype_storage(to->dtype),
                        reduction);
}

int scatter_gradient(struct gradient_context *context, const char *scatter, const char *pick, const char *axis,
                     struct error *error)
{
    const struct node *node = context->node;
    const struct scatter_settings *settings = node->settings;
    struct value *gradient = context->output_gradients[0], *indices = node->inputs[1];
    struct emit_attribute attributes[] = {EMIT_INT(axis, settings->axis)};
    int attribute_count = axis ? 1 : 0;
    enum scatter_reduction reduction = settings->reduction;
    if (reduction != SCATTER_NONE && reduction != SCATTER_ADD)
        return error_set(error, ERROR_UNSUPPORTED, "no gradient goes through reduction '%s'",
                         scatter_reductions[reduction]);
    if (context->wanted[0] && reduction == SCATTER_NONE) {
        struct value *zeros = emit_zeros(context->graph, gradient->dtype, &node->inputs[2]->shape, error);
        context->input_gradients[0] = zeros ? emit(context->graph, scatter, EMIT_INPUTS(gradient, indices, zeros),
                                                   attributes, attribute_count, error)
                                            : NULL;
    } else if (context->wanted[0]) {
        context->input_gradients[0] = gradient;
    }
    if (context->wanted[2])
        context->input_gradients[2] =
            emit(context->graph, pick, EMIT_INPUTS(gradient, indices), attributes, attribute_count, error);
    bool made =
        (!context->wanted[0] || context->input_gradients[0]) && (!context->wanted[2] || context->input_gradients[2]);
    return made ? 0 : -1;
}
