#include "op/spatial.h"
#include "base/number.h"

#include <string.h>

const char *const auto_pad_words[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", "", NULL};

int64_t spatial_extent(const struct spatial *spatial, int axis)
{
    return (spatial->kernel[axis] - 1) * spatial->dilation[axis] + 1;
}

int spatial_axis(const struct spatial *spatial, int i)
{
    return SPATIAL_AXES - spatial->axes + i;
}

void spatial_tail(const struct spatial *spatial, const int64_t array[SPATIAL_AXES], int64_t *out)
{
    for (int i = 0; i < spatial->axes; i++)
        out[i] = array[spatial_axis(spatial, i)];
}

int spatial_list(struct ints list, const char *name, int count, int64_t low, int64_t otherwise, int64_t *values,
                 struct error *error)
{
    if (list.values && list.count != count)
        return error_set(error, ERROR_INPUT, "attribute %s has %d values, expected %d", name, list.count, count);
    for (int i = 0; i < count; i++) {
        values[i] = list.values ? list.values[i] : otherwise;
        if (list.values && (values[i] < low || values[i] > SPATIAL_LIMIT))
            return error_set(error, ERROR_INPUT, "attribute %s holds %lld, outside [%lld, %lld]", name,
                             (long long)values[i], (long long)low, (long long)SPATIAL_LIMIT);
    }
    return 0;
}

/* kernel_shape, or the weight's sizes, or both if they agree. */
static int read_kernel(struct ints given, const int64_t *kernel, int axes, int64_t *sizes, struct error *error)
{
    if (spatial_list(given, "kernel_shape", axes, 1, 1, sizes, error))
        return -1;
    for (int i = 0; kernel && i < axes; i++) {
        if (kernel[i] < 1 || kernel[i] > SPATIAL_LIMIT)
            return error_set(error, ERROR_INPUT, "the weight has a kernel of %lld cells along axis %d",
                             (long long)kernel[i], i);
        if (given.values && kernel[i] != sizes[i])
            return error_set(error, ERROR_INPUT, "attribute kernel_shape says %lld, the weight %lld along axis %d",
                             (long long)sizes[i], (long long)kernel[i], i);
        sizes[i] = kernel[i];
    }
    return 0;
}

int spatial_read(const struct window_settings *settings, const struct shape *shape, const int64_t *kernel,
                 struct spatial *spatial, struct error *error)
{
    int axes = shape->rank - 2;
    if (axes < 1 || axes > SPATIAL_AXES) {
        char text[SHAPE_TEXT_SIZE];
        return error_set(error, axes < 1 ? ERROR_INPUT : ERROR_UNSUPPORTED,
                         "the input is %s, expected N x C and one to three spatial axes", shape_text(shape, text));
    }
    memset(spatial, 0, sizeof *spatial);
    spatial->axes = axes;
    spatial->auto_pad = settings->auto_pad == AUTO_PAD_EMPTY ? AUTO_PAD_NOTSET : settings->auto_pad;
    int64_t sizes[SPATIAL_AXES], strides[SPATIAL_AXES], dilations[SPATIAL_AXES], pads[2 * SPATIAL_AXES];
    if (read_kernel(settings->kernel_shape, kernel, axes, sizes, error) ||
        spatial_list(settings->strides, "strides", axes, 1, 1, strides, error) ||
        spatial_list(settings->dilations, "dilations", axes, 1, 1, dilations, error))
        return -1;
    /* With auto_pad the pads do not count; some exporters write them all the same. */
    for (int i = 0; i < 2 * axes; i++)
        pads[i] = 0;
    if (spatial->auto_pad == AUTO_PAD_NOTSET && spatial_list(settings->pads, "pads", 2 * axes, 0, 0, pads, error))
        return -1;
    for (int i = 0; i < SPATIAL_AXES; i++) {
        int from = i - (SPATIAL_AXES - axes);
        bool used = from >= 0;
        spatial->input[i] = used ? shape->dims[2 + from] : 1;
        spatial->kernel[i] = used ? sizes[from] : 1;
        spatial->stride[i] = used ? strides[from] : 1;
        spatial->dilation[i] = used ? dilations[from] : 1;
        spatial->pad_begin[i] = used ? pads[from] : 0;
        spatial->pad_end[i] = used ? pads[axes + from] : 0;
    }
    for (int i = 1; i < shape->rank; i++) { /* no images is what a detector hands on that found nothing */
        if (shape->dims[i] < 1)
            return error_set(error, ERROR_INPUT, "axis %d of the input is empty", i);
    }
    return 0;
}

int spatial_slide(struct spatial *spatial, struct error *error)
{
    for (int i = 0; i < SPATIAL_AXES; i++) {
        int64_t extent = spatial_extent(spatial, i), stride = spatial->stride[i];
        if (spatial->auto_pad == AUTO_PAD_SAME_UPPER || spatial->auto_pad == AUTO_PAD_SAME_LOWER) {
            int64_t output = (spatial->input[i] - 1) / stride + 1;
            int64_t total = (output - 1) * stride + extent - spatial->input[i];
            total = total > 0 ? total : 0;
            int64_t less = total / 2, more = total - less;
            spatial->pad_begin[i] = spatial->auto_pad == AUTO_PAD_SAME_UPPER ? less : more;
            spatial->pad_end[i] = total - spatial->pad_begin[i];
        }
        int64_t room = spatial->input[i] + spatial->pad_begin[i] + spatial->pad_end[i] - extent;
        if (room < 0)
            return error_set(error, ERROR_INPUT,
                             "the output is empty: the kernel covers %lld cells, the padded input has %lld along "
                             "spatial axis %d",
                             (long long)extent, (long long)(room + extent), i - (SPATIAL_AXES - spatial->axes));
        int64_t output = room / stride + 1;
        /* auto_pad fixes the number of windows; a window that would start in the end pads is dropped. */
        if (spatial->ceil_mode && spatial->auto_pad == AUTO_PAD_NOTSET && room % stride != 0 &&
            output * stride < spatial->input[i] + spatial->pad_begin[i])
            output++;
        spatial->output[i] = output;
    }
    return 0;
}

void spatial_attributes(const struct spatial *spatial, struct spatial_lists *lists,
                        struct emit_attribute attributes[SPATIAL_ATTRIBUTES])
{
    int axes = spatial->axes;
    spatial_tail(spatial, spatial->stride, lists->strides);
    spatial_tail(spatial, spatial->dilation, lists->dilations);
    spatial_tail(spatial, spatial->pad_begin, lists->pads);
    spatial_tail(spatial, spatial->pad_end, lists->pads + axes);
    spatial_tail(spatial, spatial->kernel, lists->kernel);
    attributes[0] = EMIT_INTS("strides", lists->strides, axes);
    attributes[1] = EMIT_INTS("dilations", lists->dilations, axes);
    attributes[2] = EMIT_INTS("pads", lists->pads, 2 * axes);
    attributes[3] = EMIT_INTS("kernel_shape", lists->kernel, axes);
}

/* Unclipped intervals grow with every layer: held far outside any tensor, well inside int64. */
static int64_t clamp_cell(int64_t cell)
{
    const int64_t limit = (int64_t)1 << 40;
    return int64_clamp(cell, -limit, limit);
}

void spatial_reads(const struct spatial *spatial, const struct interval *cells, struct interval *reads)
{
    for (int i = 0; i < spatial->axes; i++) {
        int axis = spatial_axis(spatial, i);
        int64_t low = clamp_cell(cells[2 + i].low), high = clamp_cell(cells[2 + i].high);
        reads[2 + i].low = low * spatial->stride[axis] - spatial->pad_begin[axis];
        reads[2 + i].high = high * spatial->stride[axis] - spatial->pad_begin[axis] + spatial_extent(spatial, axis) - 1;
    }
}
