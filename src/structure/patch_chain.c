#include "structure/patch_chain.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "structure/network.h"

/* NULL where several nodes read it; those that ask for its shape only do not count, nor that the model gives it. */
static struct node *sole_reader(const struct value *value)
{
    struct node *reader = NULL;
    for (size_t i = 0; i < value->use_count; i++) {
        struct node *node = value->uses[i].node;
        if (node_has(node, OPERATOR_SHAPE_ONLY) || node == reader)
            continue;
        if (reader)
            return NULL;
        reader = node;
    }
    return reader;
}

/* The axis of `after` that holds what axis `axis` of `before` held, elements being in the same order; -1: none. */
static int reshaped_axis(const struct shape *before, int axis, const struct shape *after)
{
    int64_t outer = shape_product(before, 0, axis);
    for (int i = 0; i < after->rank; i++) {
        if (shape_product(after, 0, i) == outer && after->dims[i] == before->dims[axis])
            return i;
    }
    return -1;
}

static int transposed_axis(const struct node *node, int rank, int axis)
{
    const struct ints perm = ((const struct transpose_settings *)node->settings)->perm;
    if (perm.count != rank)
        return rank - 1 - axis;
    for (int i = 0; i < rank; i++) {
        if (perm.values[i] == axis)
            return i;
    }
    return -1;
}

/* The channels' axis behind a view; -1: the node is none, or they are split. */
static int viewed_axis(const struct node *node, const struct shape *shape, int axis)
{
    if (node_has(node, OPERATOR_KEEPS))
        return axis;
    if (match_operator(node, "Transpose"))
        return transposed_axis(node, shape->rank, axis);
    return node_has(node, OPERATOR_VIEW) ? reshaped_axis(shape, axis, &node->outputs[0]->shape) : -1;
}

static bool is_zero(const struct value *value)
{
    const struct tensor *tensor = constant_data(value->constant, NULL);
    for (int64_t i = 0; tensor && i < shape_count(&value->shape); i++) {
        if (tensor_number(tensor, i) != 0)
            return false;
    }
    return tensor != NULL;
}

/* The constant of one number per channel that the node adds, or NULL. */
static const struct value *added_bias(const struct node *node, const struct value *value, int axis)
{
    const struct value *constant = match_operator(node, "Add") ? match_other(node, value) : NULL;
    int64_t channels = value->shape.dims[axis];
    if (!constant || !constant->constant || shape_count(&constant->shape) != channels)
        return NULL;
    int own = axis - value->shape.rank + constant->shape.rank;
    return own >= 0 && own < constant->shape.rank && constant->shape.dims[own] == channels ? constant : NULL;
}

void patch_chain_follow(const struct patch_embedding *embedding, struct patch_chain *chain)
{
    struct node *projection = embedding->projection;
    struct value *value = projection->outputs[0];
    const struct value *bias = projection->input_count > 2 ? projection->inputs[2] : NULL;
    int axis = network_channel_axis(value);
    *chain = (struct patch_chain){.bias = bias && !(bias->constant && is_zero(bias)) ? bias : NULL};
    while (chain->count < PATCH_CHAIN_VALUES) {
        chain->values[chain->count] = value;
        chain->channel_axis[chain->count++] = axis;
        struct node *reader = chain->next = sole_reader(value);
        const struct value *added = reader ? added_bias(reader, value, axis) : NULL;
        int next = added ? axis : reader ? viewed_axis(reader, &value->shape, axis) : -1;
        if (next < 0)
            return;
        if (added) { /* values in front of it are not what the projection makes */
            chain->count = 0;
            chain->bias = is_zero(added) ? chain->bias : added;
        }
        value = reader->outputs[0];
        axis = next;
    }
}

int patch_chain_place(const struct patch_chain *chain)
{
    for (int i = chain->count - 1; i >= 0; i--) {
        if (chain->channel_axis[i] == chain->values[i]->shape.rank - 1)
            return i;
    }
    return chain->count - 1;
}

bool is_channel_normalization(const struct node *node, const struct value *value, int channel_axis)
{
    int rank = value->shape.rank;
    const struct normalization_settings *settings = node_has(node, OPERATOR_NORMALIZES_ROWS) ? node->settings : NULL;
    return settings && node->inputs[0] == value && channel_axis == rank - 1 &&
           (settings->axis < 0 ? settings->axis + rank : settings->axis) == rank - 1;
}
