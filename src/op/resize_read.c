/* What a Resize or Upsample node asks for: attributes and the operands roi, scales, sizes of every opset. */
#include <math.h>
#include <string.h>

#include "op/operand.h"
#include "op/resize.h"

static int find_word(const struct node *node, const char *name, const char *otherwise, const char *const *words,
                     int count, int *found, struct error *error)
{
    const char *text = node_string(node, name, otherwise);
    for (int i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *found = i;
            return 0;
        }
    }
    return error_set(error, ERROR_INPUT, "attribute %s has an unknown value", name);
}

bool resize_is_simple(const struct node *node)
{
    return strcmp(node->op_type, "Upsample") == 0 || (strcmp(node->op_type, "Resize") == 0 && node->opset < 11) ||
           node_int(node, "simple", 0) != 0;
}

static int read_attributes(const struct node *node, struct resize *resize, struct error *error)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear"};
    static const char *const transforms[] = {"half_pixel",        "half_pixel_symmetric", "pytorch_half_pixel",
                                             "align_corners",     "asymmetric",           "tf_half_pixel_for_nn",
                                             "tf_crop_and_resize"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    int mode = 0, transform = RESIZE_ASYMMETRIC, rounding = RESIZE_SIMPLE;
    bool simple = resize_is_simple(node);
    if (find_word(node, "mode", "nearest", modes, 4, &mode, error))
        return -1;
    if (!simple && (find_word(node, "coordinate_transformation_mode", "half_pixel", transforms, 7, &transform, error) ||
                    find_word(node, "nearest_mode", "round_prefer_floor", roundings, 4, &rounding, error)))
        return -1;
    *resize = (struct resize){.mode = mode == 3 ? RESIZE_LINEAR : (enum resize_mode)mode,
                              .transform = (enum resize_transform)transform,
                              .rounding = (enum resize_rounding)rounding,
                              .cubic_a = (double)node_float(node, "cubic_coeff_a", -0.75f),
                              .exclude_outside = node_int(node, "exclude_outside", 0) != 0,
                              .antialias = node_int(node, "antialias", 0) != 0,
                              .extrapolation = node_float(node, "extrapolation_value", 0)};
    if (!isfinite(resize->cubic_a))
        return error_set(error, ERROR_INPUT, "attribute cubic_coeff_a is not a number");
    return 0;
}

/* The axes that scales, sizes and roi speak of, in their order. */
static int read_axes(const struct node *node, int rank, int axes[SHAPE_MAX_RANK], int *count, struct error *error)
{
    int given;
    const int64_t *list = node_ints(node, "axes", &given);
    bool seen[SHAPE_MAX_RANK] = {false};
    *count = list ? given : rank;
    if (*count > rank)
        return error_set(error, ERROR_INPUT, "attribute axes names %d axes of %d", *count, rank);
    for (int i = 0; i < *count; i++) {
        axes[i] = i;
        if (list && shape_axis(list[i], rank, &axes[i], error))
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

static int axes_from_sizes(const struct node *node, const struct resize_operands *operands, const int *axes, int count,
                           struct resize_axis *all, struct error *error)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int policy = 0;
    if (check_count(operands->sizes, count, "sizes", error) ||
        find_word(node, "keep_aspect_ratio_policy", "stretch", policies, 3, &policy, error))
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
        if (i == 0 || (policy == 1 ? axis->scale < common : axis->scale > common))
            common = axis->scale;
    }
    for (int i = 0; policy != 0 && i < count; i++) {
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

int resize_read(const struct node *node, const struct shape *x, const struct resize_operands *operands,
                struct resize *resize, struct error *error)
{
    int axes[SHAPE_MAX_RANK], count;
    if (read_attributes(node, resize, error) || read_axes(node, x->rank, axes, &count, error))
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
               : count > 0 && axes_from_sizes(node, operands, axes, count, resize->axes, error))
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
    return 0;
}

struct resize_operands resize_operands(const struct node *node, const struct tensor *const *inputs, int count)
{
    struct resize_operands operands = {0};
    if (resize_is_simple(node) && strcmp(node->op_type, "ResizeGradient") != 0) {
        operands.scales = count > 1 ? inputs[1] : NULL;
        if (count < 2)
            operands.scale_list = node_floats(node, "scales", &operands.scale_count);
        return operands;
    }
    operands.roi = count > RESIZE_ROI ? inputs[RESIZE_ROI] : NULL;
    operands.scales = count > RESIZE_SCALES ? inputs[RESIZE_SCALES] : NULL;
    operands.sizes = count > RESIZE_SIZES ? inputs[RESIZE_SIZES] : NULL;
    return operands;
}
