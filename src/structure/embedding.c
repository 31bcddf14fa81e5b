#include "structure/embedding.h"

#include <math.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "op/spatial.h"
#include "structure/network.h"

#define MOST_PREFIX_TOKENS 64

/* Marks what depends on `from`: node->mark 1. */
static void mark_behind(struct graph *graph, const struct value *from)
{
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = 0;
        for (int i = 0; i < node->input_count && !node->mark; i++) {
            const struct value *input = node->inputs[i];
            node->mark = input && (input == from || (input->producer && input->producer->mark));
        }
    }
}

static bool is_projection(const struct node *node)
{
    const struct window_settings *settings = match_settings(node, "Conv");
    const struct value *weights = node->input_count > 1 ? node->inputs[1] : NULL;
    if (!settings || settings->strides.count != 2 || !weights || weights->shape.rank != 4)
        return false;
    for (int i = 0; i < settings->pads.count; i++) {
        if (settings->pads.values[i] != 0)
            return false;
    }
    const struct ints given = settings->kernel_shape;
    const int64_t *kernel = given.count == 2 ? given.values : weights->shape.dims + 2;
    const int64_t *strides = settings->strides.values;
    return strides[0] > 1 && strides[1] > 1 && kernel[0] == strides[0] && kernel[1] == strides[1];
}

static void take_convolution(struct node *node, struct patch_embedding *found)
{
    const struct window_settings *settings = node->settings;
    const int64_t *dims = node->outputs[0]->shape.dims;
    found->projection = node;
    for (int axis = 0; axis < 2; axis++) {
        found->patch[axis] = settings->strides.values[axis];
        found->grid[axis] = dims[2 + axis];
    }
}

/* Square patches cut out by views, [.., patches, channels p p], times [channels p p, width]. */
static bool take_product(struct node *node, const struct value *image, struct patch_embedding *found)
{
    const struct value *x = node->inputs[0], *weights = node->inputs[1];
    bool last = shape_channels_last(&image->shape);
    const int64_t *dims = image->shape.dims, *size = dims + (last ? 1 : 2);
    int64_t channels = dims[last ? 3 : 1];
    if (!weights->constant || weights->shape.rank != 2 || x->shape.rank < 2 || channels < 1)
        return false;
    int64_t side = (int64_t)llround(sqrt((double)(weights->shape.dims[0] / channels)));
    if (side < 2 || side * side * channels != weights->shape.dims[0] || size[0] % side || size[1] % side)
        return false;
    int64_t patches = size[0] / side * (size[1] / side);
    if (patches < 2 || shape_product(&x->shape, 0, x->shape.rank - 1) != patches * dims[0])
        return false;
    found->projection = node;
    for (int axis = 0; axis < 2; axis++) {
        found->patch[axis] = side;
        found->grid[axis] = size[axis] / side;
    }
    return true;
}

static void find_projection(struct graph *graph, const struct value *image, struct patch_embedding *found)
{
    for (struct node *node = graph->first; node; node = node->next) {
        if (!node->mark)
            continue;
        if (node_has(node, OPERATOR_CONVOLUTION)) {
            if (is_projection(node)) /* the first convolution decides: stems of several are no patch embeddings */
                take_convolution(node, found);
            found->stem = !found->projection;
            return;
        }
        if (node_has(node, OPERATOR_MATRIX) && take_product(node, image, found))
            return;
    }
}

/* The shape without leading ones: how many axes are left, and the first of them. */
static int trimmed(const struct shape *shape, const int64_t **dims)
{
    int first = 0;
    while (first < shape->rank && shape->dims[first] == 1)
        first++;
    *dims = shape->dims + first;
    return shape->rank - first;
}

/* Whether a constant has one vector per token or place; sets what follows from that. */
static bool read_position(const struct value *constant, struct patch_embedding *found)
{
    const int64_t *dims, *grid = found->grid;
    int rank = trimmed(&constant->shape, &dims);
    int64_t patches = grid[0] * grid[1];
    const struct value *projected = found->projection->outputs[0];
    int64_t width = projected->shape.dims[network_channel_axis(projected)];
    found->prefix = 0;
    if (rank == 2 && dims[1] == width && dims[0] >= patches && dims[0] <= patches + MOST_PREFIX_TOKENS) {
        found->prefix = dims[0] - patches;
        return true;
    }
    found->channels_first = rank == 3 && dims[0] == width && dims[1] == grid[0] && dims[2] == grid[1];
    return found->channels_first || (rank == 3 && dims[0] == grid[0] && dims[1] == grid[1] && dims[2] == width);
}

/* The Add of this node, if it is one of a position embedding. */
static void take_position(struct node *node, struct patch_embedding *found)
{
    for (int i = 0; i < 2 && match_operator(node, "Add"); i++) {
        struct value *constant = node->inputs[i];
        if (constant && constant->constant && read_position(constant, found)) {
            found->position_node = node;
            found->position_input = i;
            found->position = constant;
            return;
        }
    }
}

/* Tokens that a Concat of [N, tokens, C] puts beside the patches, the one operand that is marked. */
static void add_joined(const struct node *node, const struct value *patches, int64_t joined[2])
{
    const struct concat_settings *settings = node->settings;
    int rank = node->outputs[0]->shape.rank, marked = 0;
    int64_t sizes[2] = {0, 0};
    if (rank != 3 || (settings->axis != 1 && settings->axis != -2))
        return;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (input == patches || (input->producer && input->producer->mark))
            marked++;
        else
            sizes[marked > 0] += input->shape.dims[1];
    }
    for (int side = 0; side < 2 && marked == 1; side++)
        joined[side] += sizes[side];
}

void patch_embedding_find(struct graph *graph, const struct value *image, struct patch_embedding *found)
{
    *found = (struct patch_embedding){.projection = NULL};
    mark_behind(graph, image);
    find_projection(graph, image, found);
    if (!found->projection)
        return;
    const struct value *patches = found->projection->outputs[0];
    mark_behind(graph, patches);
    /* What is added behind the first attention are relative biases and blocks' own constants. */
    for (struct node *node = graph->first; node; node = node->next) {
        if (!node->mark)
            continue;
        if (node_has(node, OPERATOR_SOFTMAX | OPERATOR_ATTENTION))
            break;
        if (match_operator(node, "Concat"))
            add_joined(node, patches, found->joined);
        else if (!found->position)
            take_position(node, found);
    }
    if (found->position)
        return;
    found->prefix = 0;
    found->channels_first = false;
}
