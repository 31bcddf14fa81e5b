/* What Conv, its gradients and ConvTranspose share: the kernel's geometry from spatial attributes. */
#ifndef FOVEA_OP_CONVOLUTION_H
#define FOVEA_OP_CONVOLUTION_H

#include "kernel/convolution.h"
#include "op/spatial.h"

/* Of Conv and FusedConv; those of its gradients begin with them. */
struct conv_settings {
    struct window_settings window;
    int64_t group;
    int64_t activation; /* enum unary; of FusedConv, with its parameters */
    float alpha, beta;
};
#define CONV_ATTRIBUTES                                                                                                \
    WINDOW_ATTRIBUTES(false, 0),                                                                                       \
    {                                                                                                                  \
        INT_ATTRIBUTE(struct conv_settings, group, 1)                                                                  \
    }

struct conv_transpose_settings {
    struct window_settings window;
    int64_t group;
    struct ints output_padding, output_shape;
};

/* The convolution from an input [N, input_channels, spatial->input] to [N, output_channels, spatial->output]. */
void convolution_fill(const struct spatial *spatial, int64_t batch, int64_t input_channels, int64_t output_channels,
                      int64_t groups, struct convolution *convolution);
/* Geometry of a Conv-like node from the shapes of its input and weight, pads resolved; `output` (or NULL) gets [N, M,
 * ...]. */
int convolution_read(const struct conv_settings *settings, const struct shape *x, const struct shape *w,
                     struct spatial *spatial, struct convolution *convolution, struct shape *output,
                     struct error *error);

/* Sets the ways of computing that `context` allows. */
void convolution_choose(const struct compute_context *context, struct convolution *convolution);
/* Whether input 1 is known before running, so that it is packed once. */
bool convolution_weights_constant(const struct compute_context *context);
/* Whether it is known by now: constant, or there in a node that is evaluated once. */
bool convolution_weights_known(const struct compute_context *context);

/* The nodes of the gradients; see convolution_gradient.c. Attributes `strides`, `pads`, `dilations`, `group` of the
 * geometry. */
/* A node of `op_type` on (a, b) with those attributes; `shape` (or NULL) becomes the list attribute `shape_name`. */
struct value *emit_convolution(struct graph *graph, const char *op_type, const struct spatial *spatial, int64_t groups,
                               struct value *a, struct value *b, const char *shape_name, const struct shape *shape,
                               struct error *error);
struct value *emit_convolution_input_gradient(struct graph *graph, const struct spatial *spatial, int64_t groups,
                                              struct value *dy, struct value *w, const struct shape *x,
                                              struct error *error);
struct value *emit_convolution_weight_gradient(struct graph *graph, const struct spatial *spatial, int64_t groups,
                                               struct value *x, struct value *dy, const struct shape *w,
                                               struct error *error);
/* *gradient, where it is a convolution's input gradient, becomes its sum over the channels [N,1,...], which the sum of
 * the weights gives at once: 1; 0: it is none, and stays. */
int emit_pixel_sum(struct graph *graph, struct value **gradient, struct error *error);
/* Sum over all axes but the channels: [C]. */
struct value *emit_channel_sum(struct graph *graph, struct value *dy, struct error *error);

#endif
