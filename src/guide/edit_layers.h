/* Layers that edits insert, in the form that the graph's operator set has. */
#ifndef FOVEA_GUIDE_EDIT_LAYERS_H
#define FOVEA_GUIDE_EDIT_LAYERS_H

#include "guide/edit.h"

/* The oldest operator set in which binary operators broadcast. */
#define EDIT_LAYERS_OPSET 7

/* (x - mean) / sqrt(variance + epsilon) * scale + bias over the last of `rank` axes, in front of `before`:
 * LayerNormalization from opset 17 on, else its parts. scale, bias: [channels], of x's type. */
struct layer_norm {
    struct value *x, *scale, *bias;
    enum dtype dtype;
    int rank;
    double epsilon;
};
struct value *edit_layer_norm(struct edit *edit, struct node *before, const char *what, const struct layer_norm *norm,
                              struct error *error);

/* ReduceMean, ReduceLogSumExp, ... over one axis, counted from 0 and kept. */
struct value *edit_reduce(struct edit *edit, struct node *before, const char *what, const char *op_type,
                          struct value *x, int64_t axis, struct error *error);

/* An initialiser of `dtype` with these numbers, rounded to it. `base` and `what` as edit_constant takes them. */
struct value *edit_numbers(struct edit *edit, struct graph *graph, const char *base, const char *what, enum dtype dtype,
                           int rank, const int64_t *dims, const double *numbers, struct error *error);

/* A node with two operands or one. NULL operands hand an earlier error on. */
struct value *edit_pair(struct edit *edit, struct node *before, const char *what, const char *op_type, struct value *a,
                        struct value *b, struct error *error);
struct value *edit_unary(struct edit *edit, struct node *before, const char *what, const char *op_type, struct value *x,
                         struct error *error);

#endif
