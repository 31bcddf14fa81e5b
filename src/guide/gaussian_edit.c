#include "guide/gaussian_edit.h"

#include <math.h>
#include <string.h>

#include "guide/edit_layers.h"

#define HIDDEN_FLOAT (-1e30) /* added where a mask of booleans hides a key */
#define HIDDEN_HALF (-6e4)

/* One layer's bias being made. */
struct making {
    struct edit *edit;
    const struct gaussian_site *site;
    struct node *before; /* the attention in the file */
    const char *base;
    struct gaussian_layer *layer;
    bool zero_columns;
    struct error *error;
};

static int64_t token_count(const struct token_places *places)
{
    return places->front + places->count + places->behind;
}

/* ---- constants ---- */

static struct value *make_constant(const struct making *making, enum gaussian_constant which, int64_t rows,
                                   int64_t columns)
{
    struct memory *memory = making->edit->model->context->memory;
    bool distances = which == GAUSSIAN_DISTANCES;
    double *numbers = memory_allocate(memory, (size_t)(rows * columns) + 1, sizeof *numbers, making->error);
    if (!numbers)
        return NULL;
    if (distances)
        gaussian_distances(&making->site->places, numbers);
    const int64_t dims[2] = {rows, columns};
    struct value *value = edit_numbers(making->edit, making->before->graph, making->base,
                                       distances ? "gaussian_squared_distances" : "gaussian_zeros", making->site->dtype,
                                       2, dims, numbers, making->error);
    memory_release(memory, numbers);
    return value;
}

/* The layer's, made where no earlier layer has it. */
static struct value *constant(const struct making *making, enum gaussian_constant which, int64_t rows, int64_t columns)
{
    struct value **slot = &making->layer->constants[which];
    if (!*slot)
        *slot = make_constant(making, which, rows, columns);
    return *slot;
}

/* The whole bias as a tensor [tokens, tokens]; com.microsoft's wants four axes. */
static int fill_table(struct edit *edit, const struct gaussian_site *site, const struct gaussian_bias *bias,
                      bool zero_columns, struct tensor *tensor, struct error *error)
{
    struct memory *memory = edit->model->context->memory;
    int64_t tokens = token_count(&site->places), dims[4] = {1, 1, tokens, tokens};
    bool four = site->entry == GAUSSIAN_MICROSOFT;
    double *numbers = memory_allocate(memory, (size_t)(tokens * tokens), sizeof *numbers, error);
    *tensor = (struct tensor){.dtype = site->dtype};
    int result = !numbers || shape_set(&tensor->shape, four ? 4 : 2, four ? dims : dims + 2, error) ||
                         tensor_allocate(memory, tensor, error)
                     ? -1
                     : 0;
    if (result == 0) {
        gaussian_table(&site->places, bias, zero_columns, numbers);
        for (int64_t i = 0; i < tokens * tokens; i++)
            tensor_set_number(tensor, i, numbers[i]);
        dtype_round(tensor->dtype, tensor->data, (size_t)(tokens * tokens));
    }
    memory_release(memory, numbers);
    return result;
}

/* ---- the subgraph ---- */

static struct value *pair(const struct making *making, const char *what, const char *op_type, struct value *a,
                          struct value *b)
{
    return edit_pair(making->edit, making->before, what, op_type, a, b, making->error);
}

static struct value *scalar(const struct making *making, const char *what, double number)
{
    return edit_scalar(making->edit, making->before->graph, making->base, what, making->site->dtype, number,
                       making->error);
}

/* A^2 exp(D / (-2 sigma^2)), D the squared distances: [count, count]. */
static struct value *add_gaussian(const struct making *making)
{
    const struct gaussian_layer *layer = making->layer;
    int64_t count = making->site->places.count;
    struct value *squared = pair(making, "gaussian_variance", "Mul", layer->sigma, layer->sigma);
    struct value *divisor = pair(making, "gaussian_divisor", "Mul", squared, scalar(making, "gaussian_minus_two", -2));
    struct value *exponent =
        pair(making, "gaussian_exponent", "Div", constant(making, GAUSSIAN_DISTANCES, count, count), divisor);
    struct value *shape = edit_unary(making->edit, making->before, "gaussian_shape", "Exp", exponent, making->error);
    struct value *height = pair(making, "gaussian_height", "Mul", layer->amplitude, layer->amplitude);
    return pair(making, "gaussian_patches", "Mul", shape, height);
}

/* Joined along an axis: `front` times `beside`, the middle, `behind` times `beside`. */
static struct value *join(const struct making *making, const char *what, int64_t axis, struct value *front,
                          struct value *middle, struct value *behind, const int64_t times[2])
{
    int64_t count = times[0] + 1 + times[1];
    struct value **list =
        arena_allocate(making->edit->audit->arena, (size_t)count, sizeof(struct value *), making->error);
    if (!list || !middle || (times[0] > 0 && !front) || (times[1] > 0 && !behind))
        return NULL;
    for (int64_t i = 0; i < count; i++)
        list[i] = i < times[0] ? front : i == times[0] ? middle : behind;
    return edit_add(making->edit, making->before, what, "Concat", list, (int)count,
                    EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), making->error);
}

/* The columns of tokens without a place: [count, 1] of the row's log-mean-exp, to be repeated. */
static struct value *add_mean_column(const struct making *making, struct value *patches)
{
    struct value *sum =
        edit_reduce(making->edit, making->before, "gaussian_log_sum", "ReduceLogSumExp", patches, 1, making->error);
    return pair(making, "gaussian_log_mean", "Add", sum,
                scalar(making, "gaussian_minus_log_count", -log((double)making->site->places.count)));
}

static struct value *add_columns(const struct making *making, struct value *patches)
{
    const struct token_places *places = &making->site->places;
    const int64_t repeated[2] = {places->front, places->behind}, once[2] = {places->front > 0, places->behind > 0};
    if (!making->zero_columns) {
        struct value *column = add_mean_column(making, patches);
        return join(making, "gaussian_rows", 1, column, patches, column, repeated);
    }
    struct value *front = once[0] ? constant(making, GAUSSIAN_COLUMNS_FRONT, places->count, places->front) : NULL;
    struct value *behind = once[1] ? constant(making, GAUSSIAN_COLUMNS_BEHIND, places->count, places->behind) : NULL;
    return join(making, "gaussian_rows", 1, front, patches, behind, once);
}

/* [tokens, tokens] made of the patches' [count, count]. */
static struct value *add_other_tokens(const struct making *making, struct value *patches)
{
    const struct token_places *places = &making->site->places;
    const int64_t once[2] = {places->front > 0, places->behind > 0}, tokens = token_count(places);
    if (tokens == places->count)
        return patches;
    struct value *rows = add_columns(making, patches);
    struct value *front = once[0] ? constant(making, GAUSSIAN_ROWS_FRONT, places->front, tokens) : NULL;
    struct value *behind = once[1] ? constant(making, GAUSSIAN_ROWS_BEHIND, places->behind, tokens) : NULL;
    return join(making, "gaussian_bias", 0, front, rows, behind, once);
}

static struct value *with_four_axes(const struct making *making, struct value *bias)
{
    int64_t tokens = token_count(&making->site->places);
    const int64_t dims[4] = {1, 1, tokens, tokens};
    struct value *shape =
        edit_int_list(making->edit, making->before->graph, making->base, "gaussian_dims", dims, 4, making->error);
    return pair(making, "gaussian_bias_4", "Reshape", bias, shape);
}

static struct value *add_subgraph(const struct making *making, const struct gaussian_bias *bias)
{
    struct gaussian_layer *layer = making->layer;
    layer->amplitude = scalar(making, "gaussian_amplitude", bias->amplitude);
    layer->sigma = scalar(making, "gaussian_sigma", bias->sigma);
    if (!layer->amplitude || !layer->sigma)
        return NULL;
    struct value *whole = add_other_tokens(making, add_gaussian(making));
    return whole && making->site->entry == GAUSSIAN_MICROSOFT ? with_four_axes(making, whole) : whole;
}

static struct value *add_table(const struct making *making, const struct gaussian_bias *bias)
{
    struct tensor tensor;
    if (fill_table(making->edit, making->site, bias, making->zero_columns, &tensor, making->error))
        return NULL;
    making->layer->table =
        edit_constant(making->edit, making->before->graph, making->base, "gaussian_bias_table", &tensor, making->error);
    return making->layer->table;
}

/* ---- into the attention ---- */

/* The operand with the bias: the old one, if any, and the bias. */
static struct value *combine(const struct making *making, struct value *old, struct value *bias)
{
    if (!old || !bias)
        return bias;
    const struct node *node = making->site->node;
    if (making->site->entry != GAUSSIAN_MASK || node->inputs[3]->dtype != DTYPE_BOOL)
        return pair(making, "gaussian_sum", "Add", old, bias);
    bool half = making->site->dtype == DTYPE_FLOAT16;
    struct value *hidden = scalar(making, "gaussian_hidden", half ? HIDDEN_HALF : HIDDEN_FLOAT);
    return hidden ? edit_add(making->edit, making->before, "gaussian_mask", "Where", EMIT_INPUTS(old, bias, hidden),
                             EMIT_NO_ATTRIBUTES, making->error)
                  : NULL;
}

static int attach(const struct making *making, struct value *bias)
{
    static const int inputs[] = {[GAUSSIAN_LOGITS] = 0, [GAUSSIAN_MASK] = 3, [GAUSSIAN_MICROSOFT] = 5};
    struct node *node = making->before;
    int input = inputs[making->site->entry];
    while (node->input_count <= input) {
        if (node_add_input(node, NULL, making->error))
            return -1;
    }
    struct value *operand = combine(making, node->inputs[input], bias);
    return !operand || node_set_input(node, input, operand, making->error) ||
                   edit_touch(making->edit, node, making->error)
               ? -1
               : 0;
}

int gaussian_edit_add(struct edit *edit, struct gaussian_layers *layers, const struct gaussian_site *site,
                      const struct gaussian_bias *bias, struct error *error)
{
    struct node *node = site->node->origin;
    struct gaussian_layer *layer = &layers->list[layers->count];
    struct making making = {edit, site, node, node_own_name(node), layer, layers->zero_columns, error};
    *layer = (struct gaussian_layer){.site = site};
    for (int i = 0; i < layers->count; i++) {
        const struct gaussian_site *other = layers->list[i].site;
        if (other->dtype == site->dtype && token_places_equal(&other->places, &site->places))
            memcpy(layer->constants, layers->list[i].constants, sizeof layer->constants);
    }
    layers->count++;
    struct value *made = edit->fold ? add_table(&making, bias) : add_subgraph(&making, bias);
    return made ? attach(&making, made) : -1;
}

/* Takes over the tensor's data. */
static int renew(struct edit *edit, struct value *value, struct tensor *tensor, struct error *error)
{
    struct memory *memory = edit->model->context->memory;
    struct constant *constant = constant_create(memory, tensor, error);
    if (!constant) {
        tensor_release(memory, tensor);
        return -1;
    }
    return graph_set_constant(value->graph, value, constant, error);
}

static int renew_scalar(struct edit *edit, struct value *value, double number, struct error *error)
{
    struct tensor tensor = {.dtype = value->dtype, .shape = {.rank = 0}};
    if (tensor_allocate(edit->model->context->memory, &tensor, error))
        return -1;
    tensor_set_number(&tensor, 0, number);
    dtype_round(tensor.dtype, tensor.data, 1);
    return renew(edit, value, &tensor, error);
}

static int renew_layer(struct edit *edit, const struct gaussian_layer *layer, const struct gaussian_bias *bias,
                       bool zero_columns, struct error *error)
{
    struct tensor tensor;
    if (!layer->table)
        return renew_scalar(edit, layer->amplitude, bias->amplitude, error) ||
                       renew_scalar(edit, layer->sigma, bias->sigma, error)
                   ? -1
                   : 0;
    if (fill_table(edit, layer->site, bias, zero_columns, &tensor, error))
        return -1;
    return renew(edit, layer->table, &tensor, error);
}

int gaussian_edit_set(struct edit *edit, const struct gaussian_layers *layers, const struct gaussian_bias *bias,
                      struct error *error)
{
    for (int i = 0; i < layers->count; i++) {
        if (renew_layer(edit, &layers->list[i], bias, layers->zero_columns, error))
            return -1;
    }
    return 0;
}

/* ---- folding what is there ---- */

static bool is_read(const struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output))
            return true;
    }
    return false;
}

/* Removes the node, and what made its operands, as far as nobody reads it. */
static int remove_unread(struct edit *edit, struct node *node, struct error *error)
{
    struct arena *arena = edit->audit->arena;
    size_t count = 1, capacity = 1;
    struct node **list = arena_allocate(arena, 1, sizeof(struct node *), error);
    if (!list)
        return -1;
    list[0] = node;
    while (count > 0) {
        struct node *last = list[--count];
        if (is_read(last))
            continue;
        for (int i = 0; i < last->input_count; i++) {
            struct node *maker = last->inputs[i] ? last->inputs[i]->producer : NULL;
            bool listed = !maker || maker->graph != last->graph;
            for (size_t k = 0; k < count && !listed; k++)
                listed = list[k] == maker;
            if (listed)
                continue;
            list = arena_grow(arena, list, count, &capacity, sizeof(struct node *), error);
            if (!list)
                return -1;
            list[count++] = maker;
        }
        graph_remove_node(last->graph, last);
    }
    return 0;
}

int gaussian_edit_fold(struct edit *edit, const struct gaussian_site *site, struct error *error)
{
    struct value *old = site->term->origin;
    struct node *maker = old->producer;
    const struct tensor *from = constant_data(site->term->constant, error);
    struct node *attention = site->node->origin;
    const char *base = node_own_name(attention ? attention : site->node);
    struct tensor copy;
    if (!from || tensor_copy(edit->model->context->memory, from, &copy, error))
        return -1;
    struct value *table = edit_constant(edit, old->graph, base, "gaussian_bias_table", &copy, error);
    if (!table || value_replace(old, table, error) || (attention && edit_touch(edit, attention, error)))
        return -1;
    return remove_unread(edit, maker, error);
}
