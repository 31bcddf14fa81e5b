/* Window geometry shared by convolutions and pools: kernel, strides, dilations and pads resolved from a node's
 * attributes with ONNX's exact arithmetic, widened to three axes (depth, height, width). */
#ifndef FOVEA_OP_SPATIAL_H
#define FOVEA_OP_SPATIAL_H

#include "op/emit.h"
#include "op/operand.h"

#define SPATIAL_AXES 3
/* Largest kernel, stride, dilation or pad that is taken; keeps every product below inside int64. */
#define SPATIAL_LIMIT ((int64_t)1 << 22)

enum auto_pad { AUTO_PAD_NOTSET, AUTO_PAD_VALID, AUTO_PAD_SAME_UPPER, AUTO_PAD_SAME_LOWER, AUTO_PAD_EMPTY };
extern const char *const auto_pad_words[]; /* empty counts as NOTSET */

/* What operators with windows have in common: first member of their settings. */
struct window_settings {
    enum auto_pad auto_pad;
    struct ints kernel_shape, strides, dilations, pads;
};
#define WINDOW_LISTS(kernel_required_, dilations_since_)                                                               \
    {INTS_ATTRIBUTE(struct window_settings, kernel_shape), .required = (kernel_required_)},                            \
        {INTS_ATTRIBUTE(struct window_settings, strides)},                                                             \
        {INTS_ATTRIBUTE(struct window_settings, dilations), .since = (dilations_since_)},                              \
    {                                                                                                                  \
        INTS_ATTRIBUTE(struct window_settings, pads)                                                                   \
    }
#define WINDOW_ATTRIBUTES(kernel_required_, dilations_since_)                                                          \
    {WORD_ATTRIBUTE(struct window_settings, auto_pad, AUTO_PAD_NOTSET, auto_pad_words)},                               \
        WINDOW_LISTS(kernel_required_, dilations_since_)

/* Unused leading axes have size 1, kernel 1, stride 1, dilation 1 and no pads. */
struct spatial {
    int axes; /* axes of the operator, 1 to 3: the last ones of the arrays */
    int64_t input[SPATIAL_AXES], kernel[SPATIAL_AXES], output[SPATIAL_AXES];
    int64_t stride[SPATIAL_AXES], dilation[SPATIAL_AXES], pad_begin[SPATIAL_AXES], pad_end[SPATIAL_AXES];
    enum auto_pad auto_pad;
    bool ceil_mode;
};

/* The geometry for an input of `shape` [N, C, spatial...]. `kernel` gives the kernel's spatial sizes (the weight's),
 * against which kernel_shape is checked; NULL: kernel_shape is required. Fills everything but output and, unless
 * auto_pad is NOTSET or VALID, the pads. */
int spatial_read(const struct window_settings *settings, const struct shape *shape, const int64_t *kernel,
                 struct spatial *spatial, struct error *error);
/* Resolves auto_pad and fills output for a window that slides over the input (Conv, pools). Refuses empty outputs. */
int spatial_slide(struct spatial *spatial, struct error *error);
/* Cells of the kernel with its holes along `axis`. */
int64_t spatial_extent(const struct spatial *spatial, int axis);
/* Index into the arrays for spatial axis `i` of the operator. */
int spatial_axis(const struct spatial *spatial, int i);
/* Copies the operator's axes of `array` to `out` (a shape's or an attribute's tail). */
void spatial_tail(const struct spatial *spatial, const int64_t array[SPATIAL_AXES], int64_t *out);

/* Copies the optional list attribute `name` of exactly `count` values in [low, SPATIAL_LIMIT] to values; absent:
 * `otherwise`. */
int spatial_list(struct ints list, const char *name, int count, int64_t low, int64_t otherwise, int64_t *values,
                 struct error *error);

/* The geometry as attributes strides, dilations, pads and kernel_shape of a node to be made; `lists` holds what they
 * point to. */
#define SPATIAL_ATTRIBUTES 4
struct spatial_lists {
    int64_t strides[SPATIAL_AXES], dilations[SPATIAL_AXES], pads[2 * SPATIAL_AXES], kernel[SPATIAL_AXES];
};
void spatial_attributes(const struct spatial *spatial, struct spatial_lists *lists,
                        struct emit_attribute attributes[SPATIAL_ATTRIBUTES]);

/* Field rule along the spatial axes: reads[2 + i] of cells[2 + i]. */
void spatial_reads(const struct spatial *spatial, const struct interval *cells, struct interval *reads);

#endif
