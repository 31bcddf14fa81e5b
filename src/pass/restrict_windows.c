/* A gradient that starts at one unit is zero outside a window that grows from layer to layer: convolutions' input
 * gradients are told the window of dy and need not compute the rest. */
#include <string.h>

#include "base/number.h"
#include "op/spatial.h"
#include "op/unit_score.h"
#include "pass/passes.h"

#define WINDOW_AXES 3

/* Along the spatial axes of [N, C, ...]: elements outside [begin, end) are zero. axes 0: nothing is known. */
struct value_window {
    int axes;
    int64_t begin[WINDOW_AXES], end[WINDOW_AXES];
};

static bool is_map(const struct value *value)
{
    return value->shape.rank >= 3 && value->shape.rank <= 2 + WINDOW_AXES && dtype_storage(value->dtype) == DTYPE_FLOAT;
}

/* A seed at one unit of a map [N,C,H,W]. */
static struct value_window seed_window(const struct node *node)
{
    struct unit_score score;
    const struct shape *shape = &node->outputs[0]->shape;
    if (!unit_score_of_node(node, &score) || score.place != FOVEA_PLACE_UNIT || score.classes.view.unit_step != 1 ||
        shape->rank != 4 || score.classes.view.units != shape->dims[2] * shape->dims[3])
        return (struct value_window){0};
    int64_t y = score.unit / shape->dims[3], x = score.unit % shape->dims[3];
    return (struct value_window){2, {y, x}, {y + 1, x + 1}};
}

static struct value_window hull(const struct value_window *a, const struct value_window *b)
{
    struct value_window window = *a;
    if (a->axes == 0 || b->axes == 0)
        return (struct value_window){0};
    for (int i = 0; i < a->axes; i++) {
        window.begin[i] = int64_min(b->begin[i], a->begin[i]);
        window.end[i] = int64_max(b->end[i], a->end[i]);
    }
    return window;
}

/* Input cells that outputs inside the window read: o * stride + tap * dilation - pad. */
static struct value_window behind_convolution(const struct node *node, const struct value_window *dy)
{
    const struct window_settings *settings = node->settings;
    const struct ints strides = settings->strides, dilations = settings->dilations, pads = settings->pads;
    const struct shape *kernel = &node->inputs[1]->shape, *output = &node->outputs[0]->shape;
    struct value_window window = {.axes = dy->axes};
    if (strides.count != dy->axes || pads.count != 2 * dy->axes || dilations.count != dy->axes)
        return (struct value_window){0};
    for (int i = 0; i < dy->axes; i++) {
        int64_t stride = strides.values[i], pad = pads.values[i];
        int64_t extent = (kernel->dims[2 + i] - 1) * dilations.values[i], size = output->dims[2 + i];
        int64_t begin = dy->begin[i] * stride - pad, end = (dy->end[i] - 1) * stride + extent - pad + 1;
        window.begin[i] = int64_max(begin, 0);
        window.end[i] = int64_min(end, size);
        if (window.begin[i] >= window.end[i])
            return (struct value_window){0};
    }
    return window;
}

/* The window of a pointwise result: of a factor that is zero outside, or of all its terms. */
static struct value_window node_window(const struct node *node, const struct value_window *windows)
{
    if (strcmp(node->op_type, "UnitScore") == 0)
        return seed_window(node);
    if (strcmp(node->op_type, "ConvInputGradient") == 0 && windows[node->inputs[0]->id].axes > 0)
        return behind_convolution(node, &windows[node->inputs[0]->id]);
    struct value_window sum = {0};
    for (int i = 0; i < node->input_count && node_has(node, OPERATOR_POINTWISE); i++) {
        const struct value *input = node->inputs[i];
        bool whole = input && shape_equal(&input->shape, &node->outputs[0]->shape);
        const struct value_window own = whole ? windows[input->id] : (struct value_window){0};
        if (node_role(node, i) == ROLE_FACTOR && own.axes > 0)
            return own;
        if (node_role(node, i) == ROLE_TERM)
            sum = i == 0 ? own : hull(&sum, &own);
    }
    return sum;
}

/* Only what leaves something out is written down. */
static int set_window(struct node *node, const struct value_window *window, struct error *error)
{
    int64_t cells[2 * WINDOW_AXES];
    bool smaller = false;
    for (int i = 0; i < window->axes; i++) {
        cells[i] = window->begin[i];
        cells[window->axes + i] = window->end[i];
        smaller |= window->begin[i] > 0 || window->end[i] < node->inputs[0]->shape.dims[2 + i];
    }
    return smaller ? node_set_ints(node, "window", cells, 2 * window->axes, error) : 0;
}

int pass_restrict_windows(struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct value_window *windows = memory_allocate(memory, graph->value_count + 1, sizeof *windows, error);
    if (!windows)
        return -1;
    int result = 0;
    for (struct node *node = graph->first; node && result == 0; node = node->next) {
        if (!node->outputs[0] || !is_map(node->outputs[0]))
            continue;
        windows[node->outputs[0]->id] = node_window(node, windows);
        if (strcmp(node->op_type, "ConvInputGradient") == 0 && windows[node->inputs[0]->id].axes > 0)
            result = set_window(node, &windows[node->inputs[0]->id], error);
    }
    memory_release(memory, windows);
    return result;
}
