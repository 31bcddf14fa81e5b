/* TensorScatter (ONNX 24): writes new rows into a cache of keys or values, each batch at its own place. */
#include <string.h>

#include "op/families.h"
#include "op/operand.h"

enum { PAST, UPDATE, PLACES };

static const char *const modes[] = {"linear", "circular", NULL};

struct scatter_settings {
    int64_t axis;
    enum { MODE_LINEAR, MODE_CIRCULAR } mode;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct scatter_settings, axis, -2)},
    {WORD_ATTRIBUTE(struct scatter_settings, mode, MODE_LINEAR, modes)},
    {0},
};

/* Rows of `inner` elements along the axis, for each of `outer` slices; `per_batch` slices belong to one batch. */
struct cache_view {
    int64_t outer, per_batch, inner;
    int64_t rows, added;
    bool circular;
};

static int read_view(const struct node *node, const struct shape *past, const struct shape *update,
                     struct cache_view *view, struct error *error)
{
    const struct scatter_settings *settings = node->settings;
    int axis;
    if (shape_axis(settings->axis, past->rank, &axis, error))
        return -1;
    if (axis == 0)
        return error_set(error, ERROR_INPUT, "attribute axis is that of the batches");
    bool fits = update->rank == past->rank && update->dims[axis] <= past->dims[axis];
    for (int i = 0; fits && i < past->rank; i++)
        fits = i == axis || update->dims[i] == past->dims[i];
    char text[SHAPE_TEXT_SIZE], other[SHAPE_TEXT_SIZE];
    if (!fits)
        return error_set(error, ERROR_INPUT, "an update of %s does not fit into a cache of %s",
                         shape_text(update, text), shape_text(past, other));
    *view = (struct cache_view){.outer = shape_product(past, 0, axis),
                                .per_batch = shape_product(past, 1, axis),
                                .inner = shape_product(past, axis + 1, past->rank),
                                .rows = past->dims[axis],
                                .added = update->dims[axis],
                                .circular = settings->mode == MODE_CIRCULAR};
    return 0;
}

static int infer_scatter(struct infer_context *context, struct error *error)
{
    struct cache_view view;
    const struct tensor *past = context->inputs[PAST], *update = context->inputs[UPDATE];
    if (read_view(context->node, &past->shape, &update->shape, &view, error))
        return -1;
    if (update->dtype != past->dtype)
        return error_set(error, ERROR_INPUT, "the update is %s, the cache %s", dtype_name(update->dtype),
                         dtype_name(past->dtype));
    if (infer_has(context, PLACES) && context->inputs[PLACES]->dtype != DTYPE_INT64)
        return error_set(error, ERROR_INPUT, "the places to write at must be int64");
    if (operand_vector(context, PLACES, past->shape.dims[0], error))
        return -1;
    return infer_output(context, 0, past->dtype, past->shape.rank, past->shape.dims, error);
}

static int check_places(const struct cache_view *view, const int64_t *places, int64_t batches, struct error *error)
{
    for (int64_t i = 0; places && i < batches; i++) {
        int64_t most = view->circular ? view->rows - 1 : view->rows - view->added;
        if (view->added > 0 && (places[i] < 0 || places[i] > most))
            return error_set(error, ERROR_INPUT, "batch %lld is written at %lld, expected [0, %lld]", (long long)i,
                             (long long)places[i], (long long)most);
    }
    return 0;
}

static int compute_scatter(struct compute_context *context, struct error *error)
{
    struct cache_view view;
    const struct tensor *past = context->inputs[PAST];
    const int64_t *places = operand_data(context, PLACES);
    if (read_view(context->node, &past->shape, &context->inputs[UPDATE]->shape, &view, error) ||
        check_places(&view, places, past->shape.dims[0], error))
        return -1;
    char *to = operand_result(context, 0);
    const char *from = operand_data(context, UPDATE);
    size_t row = (size_t)view.inner * dtype_storage_size(dtype_storage(past->dtype));
    if (tensor_bytes(past) == 0)
        return 0;
    if (to != past->data)
        memcpy(to, past->data, tensor_bytes(past));
    for (int64_t i = 0; i < view.outer; i++) {
        int64_t place = places ? places[i / view.per_batch] : 0;
        for (int64_t k = 0; k < view.added; k++)
            memcpy(to + (size_t)(i * view.rows + (place + k) % view.rows) * row,
                   from + (size_t)(i * view.added + k) * row, row);
    }
    return 0;
}

const struct operator_definition operators_attention_cache[] = {
    {.domain = "",
     .name = "TensorScatter",
     .since = 24,
     ARITY(2, 3, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_CHOICE, ROLE_CHOICE, ROLE_INDICES},
     SETTINGS(struct scatter_settings, attributes),
     .infer = infer_scatter,
     .compute = compute_scatter},
    {0},
};
