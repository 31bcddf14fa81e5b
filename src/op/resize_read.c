/* What a Resize or Upsample node asks for: attributes and the operands roi, scales, sizes of every opset. */
#include <math.h>
#include <string.h>

#include "op/known.h"
#include "op/operand.h"
#include "op/resize.h"

#define RESIZE_PART 4 /* numbers of an axis in `part` */

bool resize_is_simple(const struct node *node)
{
    const struct resize_settings *settings = node->settings;
    return strcmp(node->op_type, "Upsample") == 0 || (strcmp(node->op_type, "Resize") == 0 && node->opset < 11) ||
           settings->simple;
}

static int read_attributes(const struct node *node, struct resize *resize, struct error *error)
{
    static const enum resize_mode of_word[] = {RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC, RESIZE_LINEAR};
    const struct resize_settings *settings = node->settings;
    bool simple = resize_is_simple(node);
    *resize = (struct resize){.mode = of_word[settings->mode],
                              .transform = simple ? RESIZE_ASYMMETRIC : settings->coordinate_transformation_mode,
                              .rounding = simple ? RESIZE_SIMPLE : settings->nearest_mode,
                              .cubic_a = (double)settings->cubic_coeff_a,
                              .exclude_outside = settings->exclude_outside,
                              .antialias = settings->antialias,
                              .whole_lengths = settings->whole_lengths,
                              .extrapolation = settings->extrapolation_value};
    if (!isfinite(resize->cubic_a))
        return error_set(error, ERROR_INPUT, "attribute cubic_coeff_a is not a number");
    return 0;
}

/* The axes that scales, sizes and roi speak of, in their order. */
static int read_axes(struct ints list, int rank, int axes[SHAPE_MAX_RANK], int *count, struct error *error)
{
    bool seen[SHAPE_MAX_RANK] = {false};
    *count = list.values ? list.count : rank;
    if (*count > rank)
        return error_set(error, ERROR_INPUT, "attribute axes names %d axes of %d", *count, rank);
    for (int i = 0; i < *count; i++) {
        axes[i] = i;
        if (list.values && shape_axis(list.values[i], rank, &axes[i], error))
            return -1;
        if (seen[axes[i]])
            return error_set(error, ERROR_INPUT, "attribute axes names an axis twice");
        seen[axes[i]] = true;
    }
    return 0;
}

static bool given(const struct tensor *tensor)
{
    return tensor && shape_count(&tensor->shape) > 0;
}

static double scale_at(const struct resize_operands *operands, int i)
{
    return operands->scale_list ? (double)operands->scale_list[i] : tensor_number(operands->scales, i);
}

static int check_count(const struct tensor *tensor, int count, const char *name, struct error *error)
{
    if (!tensor->data)
        return error_set(error, ERROR_DATA_DEPENDENT,
                         "%s is computed from data: the output's size is not known before running", name);
    if (tensor->shape.rank != 1 || tensor->shape.dims[0] != count)
        return error_set(error, ERROR_INPUT, "%s must hold %d values", name, count);
    return 0;
}

static int axes_from_scales(const struct resize *resize, const struct resize_operands *operands, const int *axes,
                            int count, struct resize_axis *all, struct error *error)
{
    if (operands->scale_list ? operands->scale_count != count
                             : check_count(operands->scales, count, "scales", error) != 0)
        return error_set(error, ERROR_INPUT, "scales must hold %d values", count);
    for (int i = 0; i < count; i++) {
        struct resize_axis *axis = &all[axes[i]];
        axis->scale = scale_at(operands, i);
        if (!(axis->scale > 0) || !isfinite(axis->scale))
            return error_set(error, ERROR_INPUT, "a scale is %g, expected a positive number", axis->scale);
        if (axis->input == 0)
            continue;
        double part = resize->transform == RESIZE_TF_CROP_AND_RESIZE ? axis->end - axis->start : 1;
        /* In float, as the shape rule of ONNX has it. */
        double output = (double)floorf((float)axis->input * (float)part * (float)axis->scale);
        if (!(output >= 1) || output > (double)SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_INPUT, "%lld cells scaled by %g give an empty or too large output",
                             (long long)axis->input, axis->scale);
        axis->output = (int64_t)output;
    }
    return 0;
}

static int axes_from_sizes(enum resize_policy policy, const struct resize_operands *operands, const int *axes,
                           int count, struct resize_axis *all, struct error *error)
{
    if (check_count(operands->sizes, count, "sizes", error))
        return -1;
    double common = 0;
    for (int i = 0; i < count; i++) {
        struct resize_axis *axis = &all[axes[i]];
        axis->output = tensor_int(operands->sizes, i);
        if (axis->input == 0 && axis->output == 0)
            continue;
        if (axis->output < 1 || axis->output > SHAPE_MAX_ELEMENTS || axis->input == 0)
            return error_set(error, ERROR_INPUT, "a size is %lld, expected at least 1", (long long)axis->output);
        axis->scale = (double)axis->output / (double)axis->input;
        if (i == 0 || (policy == POLICY_NOT_LARGER ? axis->scale < common : axis->scale > common))
            common = axis->scale;
    }
    for (int i = 0; policy != POLICY_STRETCH && i < count; i++) {
        struct resize_axis *axis = &all[axes[i]];
        double output = floor(common * (double)axis->input + 0.5);
        if (!(output >= 1) || output > (double)SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_INPUT, "sizes give an empty or too large output");
        axis->scale = common;
        axis->output = (int64_t)output;
    }
    return 0;
}

static int read_region(const struct resize_operands *operands, const int *axes, int count, struct resize_axis *all,
                       struct error *error)
{
    if (!given(operands->roi))
        return error_set(error, ERROR_INPUT, "tf_crop_and_resize needs the input roi");
    if (check_count(operands->roi, 2 * count, "roi", error))
        return -1;
    for (int i = 0; i < count; i++) {
        struct resize_axis *axis = &all[axes[i]];
        axis->start = tensor_number(operands->roi, i);
        axis->end = tensor_number(operands->roi, count + i);
        if (!isfinite(axis->start) || !isfinite(axis->end))
            return error_set(error, ERROR_INPUT, "roi holds something that is not a number");
    }
    return 0;
}

/* The input that the resize is of, from the part of it that is there. */
static int read_whole(struct ints part, const struct shape *held, struct shape *whole, struct error *error)
{
    *whole = *held;
    if (part.values && part.count != RESIZE_PART * held->rank)
        return error_set(error, ERROR_INPUT, "attribute part does not fit the input");
    for (int i = 0; part.values && i < held->rank; i++) {
        whole->dims[i] = part.values[RESIZE_PART * i];
        if (whole->dims[i] < held->dims[i] || whole->dims[i] > SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_INPUT, "attribute part lies outside the whole");
    }
    return 0;
}

static int read_part(struct ints part, const struct shape *held, struct resize *resize, struct error *error)
{
    for (int i = 0; i < held->rank; i++) {
        struct resize_axis *axis = &resize->axes[i];
        const int64_t *own = part.values ? &part.values[RESIZE_PART * i] : NULL;
        axis->held = held->dims[i];
        axis->held_first = own ? own[1] : 0;
        axis->made_first = own ? own[2] : 0;
        axis->made = own ? own[3] : axis->output;
        if (axis->held_first < 0 || axis->held_first > axis->input - axis->held || axis->made_first < 0 ||
            axis->made < 0 || axis->made_first > axis->output - axis->made)
            return error_set(error, ERROR_INPUT, "attribute part lies outside the whole");
    }
    return 0;
}

int resize_read(const struct node *node, const struct shape *held, const struct resize_operands *operands,
                struct resize *resize, struct error *error)
{
    struct shape whole, *x = &whole;
    const struct resize_settings *settings = node->settings;
    int axes[SHAPE_MAX_RANK], count;
    if (read_whole(settings->part, held, x, error) || read_attributes(node, resize, error) ||
        read_axes(settings->axes, x->rank, axes, &count, error))
        return -1;
    if (x->rank > 0 && shape_product(x, 1, x->rank) == 0)
        return error_set(error, ERROR_INPUT, "the input is empty");
    bool scales = operands->scale_list || given(operands->scales), sizes = given(operands->sizes);
    if (scales == sizes && count > 0)
        return error_set(error, ERROR_INPUT, "one of scales and sizes must be given, and not both");
    resize->rank = x->rank;
    for (int i = 0; i < x->rank; i++)
        resize->axes[i] = (struct resize_axis){.input = x->dims[i], .output = x->dims[i], .scale = 1, .end = 1};
    bool crop = resize->transform == RESIZE_TF_CROP_AND_RESIZE;
    if (crop && read_region(operands, axes, count, resize->axes, error))
        return -1;
    if (scales ? axes_from_scales(resize, operands, axes, count, resize->axes, error)
               : count > 0 &&
                     axes_from_sizes(settings->keep_aspect_ratio_policy, operands, axes, count, resize->axes, error))
        return -1;
    for (int i = 0; i < x->rank; i++) {
        struct resize_axis *axis = &resize->axes[i];
        axis->active =
            axis->output != axis->input || axis->scale != 1 || (crop && (axis->start != 0 || axis->end != 1));
        /* The filter's table stays within what a tensor may hold. */
        if (resize->antialias && (axis->scale * (double)axis->input < 0.5 ||
                                  macs_product(axis->output, resize_tap_count(resize, axis)) > SHAPE_MAX_ELEMENTS))
            return error_set(error, ERROR_INPUT, "a scale of %g is too small for %lld cells", axis->scale,
                             (long long)axis->input);
    }
    return read_part(settings->part, held, resize, error);
}

struct resize_operands resize_operands(const struct node *node, const struct tensor *const *inputs, int count)
{
    const struct resize_settings *settings = node->settings;
    struct resize_operands operands = {0};
    if (resize_is_simple(node) && !settings->simple) {
        operands.scales = count > 1 ? inputs[1] : NULL;
        if (count < 2) {
            operands.scale_list = settings->scales.values;
            operands.scale_count = settings->scales.count;
        }
        return operands;
    }
    operands.roi = count > RESIZE_ROI ? inputs[RESIZE_ROI] : NULL;
    operands.scales = count > RESIZE_SCALES ? inputs[RESIZE_SCALES] : NULL;
    operands.sizes = count > RESIZE_SIZES ? inputs[RESIZE_SIZES] : NULL;
    return operands;
}

bool resize_exporters_differ(const struct node *node, struct resize_axis *axis)
{
    struct known_inputs known;
    struct resize resize;
    if (!node->definition || node->definition->attributes != resize_attributes || node->input_count < 1 ||
        !node->inputs[0] || node->inputs[0]->shape.rank < 0 || known_inputs_read(&known, node, NULL))
        return false;
    struct resize_operands operands = resize_operands(node, known.operands.inputs, known.operands.count);
    if (resize_read(node, &node->inputs[0]->shape, &operands, &resize, NULL) ||
        resize.transform != RESIZE_ALIGN_CORNERS || !given(operands.scales))
        return false;
    for (int i = 0; i < resize.rank; i++) {
        *axis = resize.axes[i];
        /* A scale that was once output / input, in float, is no fraction. */
        if (axis->output > 1 && fabs(axis->scale * (double)axis->input - (double)axis->output) > 1e-3)
            return true;
    }
    return false;
}
