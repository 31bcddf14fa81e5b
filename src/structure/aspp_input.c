#include "structure/aspp_input.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"

#define MOST_STEPS 12
#define MOST_ELEMENTS ((int64_t)1 << 18) /* that are traced */

static struct value *before_layout(struct value *value)
{
    return match_back(value, OPERATOR_KEEPS | OPERATOR_PERMUTES);
}

/* The Pad by zeros that makes the value; NULL: another node does. */
static struct node *zero_pad(const struct value *value)
{
    struct node *node = match_producer(value, "Pad");
    const struct pad_settings *settings = match_settings(node, "Pad");
    const struct value *filling = node && node->input_count > 2 ? node->inputs[2] : NULL;
    bool zero =
        settings && settings->mode == PAD_CONSTANT && settings->value == 0 && (!filling || match_all_equal(filling, 0));
    return zero ? node : NULL;
}

/* 1: the element of `target` that this one is; 0: none, as in a pad's border; -1. */
static int trace_to(struct element_tracer *tracer, const struct value *target, struct element *element,
                    struct error *error)
{
    while (element->value != target) {
        struct element operand;
        bool one;
        if (element_operand(tracer, element, 0, &operand, &one, error))
            return -1;
        if (!one)
            return 0;
        *element = operand;
    }
    return 1;
}

/* Steps along the target's axes for one along an axis of the convolution's input. */
struct stride {
    int axis; /* -1: not known yet */
    int64_t step;
};

/* False where the step differs from those before, or goes along several axes. */
static bool read_stride(const struct element *from, const struct element *to, struct stride *stride)
{
    struct stride found = {.axis = -1};
    for (int axis = 0; axis < from->value->shape.rank; axis++) {
        int64_t step = to->index[axis] - from->index[axis];
        if (step != 0 && found.axis >= 0)
            return false;
        if (step != 0)
            found = (struct stride){axis, step};
    }
    bool same = stride->axis < 0 || (stride->axis == found.axis && stride->step == found.step);
    *stride = found;
    return same && found.step > 0;
}

/* Cells of one row or column: their steps. 1, 0 or -1. */
static int read_line(struct element_tracer *tracer, struct element first, int along, const struct value *target,
                     struct stride *stride, struct error *error)
{
    struct element last = {.value = NULL};
    int64_t count = first.value->shape.dims[along];
    for (int64_t i = 0; i < count; i++) {
        struct element element = first;
        element.index[along] = i;
        int traced = trace_to(tracer, target, &element, error);
        if (traced < 0)
            return -1;
        if (traced && last.value && !read_stride(&last, &element, stride))
            return 0;
        last = traced ? element : (struct element){.value = NULL};
    }
    return 1;
}

/* How the cells of x [N,C,H,W] lie in `target`: strides y, x. 1, 0: not evenly, or -1. */
static int read_strides(struct element_tracer *tracer, struct value *x, const struct value *target,
                        struct stride strides[2], struct error *error)
{
    const int64_t *dims = x->shape.dims;
    strides[0].axis = strides[1].axis = -1;
    if (dims[0] * dims[2] * dims[3] > MOST_ELEMENTS)
        return 0;
    for (int64_t image = 0; image < dims[0]; image++) {
        for (int along = 2; along < 4; along++) {
            for (int64_t line = 0; line < dims[5 - along]; line++) {
                struct element first = {.value = x};
                first.index[0] = image;
                first.index[5 - along] = line;
                int even = read_line(tracer, first, along, target, &strides[along - 2], error);
                if (even < 1)
                    return even;
            }
        }
    }
    /* all groups together are the map */
    return strides[0].axis >= 0 && strides[1].axis >= 0 && strides[0].axis != strides[1].axis &&
           dims[0] % (strides[0].step * strides[1].step) == 0;
}

/* Takes `target` as what x is cut from. */
static int try_map(struct element_tracer *tracer, struct value *x, struct value *target, struct aspp_input *input,
                   struct error *error)
{
    struct stride strides[2];
    int found = target->shape.rank == 4 ? read_strides(tracer, x, target, strides, error) : 0;
    if (found < 1)
        return found;
    for (int i = 0; i < 2; i++) {
        input->axis[i] = strides[i].axis;
        input->block[i] = strides[i].step;
        input->size[i] = target->shape.dims[strides[i].axis];
    }
    input->map = before_layout(target);
    return 1;
}

static int take_pad(struct element_tracer *tracer, struct value *x, struct node *pad, struct aspp_input *input,
                    struct error *error)
{
    int found = pad ? try_map(tracer, x, pad->outputs[0], input, error) : 0;
    if (found < 1)
        return found;
    input->pad = pad;
    input->map = before_layout(pad->inputs[0]);
    for (int i = 0; i < 2; i++)
        input->size[i] = pad->inputs[0]->shape.dims[input->axis[i]];
    return 0;
}

int aspp_input_find(struct element_tracer *tracer, struct value *x, struct aspp_input *input, struct error *error)
{
    struct value *value = before_layout(x);
    *input = (struct aspp_input){
        .map = value, .size = {x->shape.dims[2], x->shape.dims[3]}, .axis = {2, 3}, .block = {1, 1}};
    struct node *pad = zero_pad(value);
    if (pad || !node_has(value->producer, OPERATOR_VIEW | OPERATOR_MOVES))
        return take_pad(tracer, x, pad, input, error);
    bool even = false;
    for (int step = 0; step < MOST_STEPS && value; step++) {
        value = match_moved(value->producer);
        int found = value ? try_map(tracer, x, value, input, error) : 0;
        if (found < 0)
            return -1;
        if (found == 1 && (input->block[0] > 1 || input->block[1] > 1))
            return take_pad(tracer, x, zero_pad(input->map), input, error);
        even = even || (found == 1 && value->shape.dims[0] < x->shape.dims[0]);
        if (value && !value->producer)
            break;
    }
    /* Other views in front of a convolution leave the batch what it is. */
    *input = (struct aspp_input){
        .map = before_layout(x), .size = {x->shape.dims[2], x->shape.dims[3]}, .axis = {2, 3}, .block = {1, 1}};
    for (value = input->map; value && node_has(value->producer, OPERATOR_VIEW | OPERATOR_MOVES | OPERATOR_PERMUTES);)
        value = match_moved(value->producer);
    input->regrouped = !even && value && value->shape.rank == 4 && value->shape.dims[0] < x->shape.dims[0];
    return 0;
}
