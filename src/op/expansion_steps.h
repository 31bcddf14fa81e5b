/* Steps that expansions share: emit with few words. Every step takes NULL for a step that failed and gives NULL. */
#ifndef FOVEA_OP_EXPANSION_STEPS_H
#define FOVEA_OP_EXPANSION_STEPS_H

#include "op/broadcast.h"
#include "op/expansion.h"

/* The plugin's own book-keeping (TensorRT), which says nothing of what it computes. */
#define PLUGIN_ATTRIBUTES                                                                                              \
    {IGNORED_ATTRIBUTE("plugin_version")},                                                                             \
    {                                                                                                                  \
        IGNORED_ATTRIBUTE("plugin_namespace")                                                                          \
    }

/* x where it is of the type. */
struct value *emit_cast(struct graph *graph, struct value *x, enum dtype dtype, struct error *error);
/* x op number, of x's type. */
struct value *emit_with_number(struct graph *graph, const char *op_type, struct value *x, double number,
                               struct error *error);
/* Part index of an axis, which goes. */
struct value *emit_row(struct graph *graph, struct value *x, int64_t axis, int64_t index, struct error *error);
struct value *emit_permuted(struct graph *graph, struct value *x, const int64_t *order, int rank, struct error *error);
struct value *emit_shaped(struct graph *graph, struct value *x, int rank, const int64_t *dims, struct error *error);
/* With the axis of channels last or second, whatever the rank. */
struct value *emit_channels_last(struct graph *graph, struct value *x, struct error *error);
struct value *emit_channels_second(struct graph *graph, struct value *x, struct error *error);
struct value *emit_axes_added(struct graph *graph, struct value *x, const int64_t *axes, int count,
                              struct error *error);
/* Gives output 0 GridSample of inputs 0 and 1: linear, nearest, cubic; zeros, border, reflection. */
int expansion_grid_sample(struct expand_context *context, int64_t mode, int64_t padding, bool align_corners,
                          struct error *error);
/* Gives output `index` the value; -1 where it is NULL. */
int expansion_give(struct expand_context *context, int index, struct value *value);

#endif
