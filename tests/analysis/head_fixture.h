/* Heads of every form on a small backbone, and a model around them. */
#ifndef FOVEA_TESTS_HEAD_FIXTURE_H
#define FOVEA_TESTS_HEAD_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/masked_score.h"
#include "analysis/probe.h"
#include "base/random.h"
#include "network_fixture.h"
#include "onnx/onnx.h"
#include "op/emit.h"

#define SIDE 16
#define FEATURES 6
#define NO_ATTRIBUTES EMIT_NO_ATTRIBUTES

/* Building blocks that stop at the first error. */
struct builder {
    struct graph *graph;
    struct error *error;
    uint64_t seed;
};

static inline struct value *one(struct builder *b, const char *op_type, struct value *x)
{
    return emit(b->graph, op_type, EMIT_INPUTS(x), NO_ATTRIBUTES, b->error);
}

static inline struct value *two(struct builder *b, const char *op_type, struct value *x, struct value *y)
{
    return emit(b->graph, op_type, EMIT_INPUTS(x, y), NO_ATTRIBUTES, b->error);
}

static inline struct value *number(struct builder *b, double value)
{
    return emit_scalar(b->graph, DTYPE_FLOAT, value, b->error);
}

static inline struct value *join(struct builder *b, struct value *const *parts, int count, int64_t axis)
{
    return count == 1 ? parts[0]
                      : emit(b->graph, "Concat", parts, count, EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), b->error);
}

#define SHAPED(b, x, ...)                                                                                              \
    shaped(b, x, ((int64_t[]){__VA_ARGS__}), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
static inline struct value *shaped(struct builder *b, struct value *x, const int64_t *dims, int rank)
{
    return two(b, "Reshape", x, emit_int_list(b->graph, dims, rank, b->error));
}

#define MOVED(b, x, ...)                                                                                               \
    moved(b, x, ((int64_t[]){__VA_ARGS__}), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
static inline struct value *moved(struct builder *b, struct value *x, const int64_t *order, int rank)
{
    return emit(b->graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, rank)), b->error);
}

static inline struct value *cut(struct builder *b, struct value *x, int64_t axis, int64_t begin, int64_t end)
{
    struct value *list[3] = {emit_int_list(b->graph, &begin, 1, b->error), emit_int_list(b->graph, &end, 1, b->error),
                             emit_int_list(b->graph, &axis, 1, b->error)};
    return emit(b->graph, "Slice", EMIT_INPUTS(x, list[0], list[1], list[2]), NO_ATTRIBUTES, b->error);
}

static inline struct value *convolve(struct builder *b, struct value *x, int64_t outputs, int64_t side, int64_t stride)
{
    const int64_t kernel[4] = {outputs, x->shape.dims[1], side, side}, strides[2] = {stride, stride};
    const int64_t pads[4] = {side / 2, side / 2, side / 2, side / 2};
    struct value *w = random_constant(b->graph, 4, kernel, b->seed++, b->error);
    struct value *bias = random_constant(b->graph, 1, &outputs, b->seed++, b->error);
    return emit(b->graph, "Conv", EMIT_INPUTS(x, w, bias),
                EMIT_ATTRIBUTES(EMIT_INTS("strides", strides, 2), EMIT_INTS("pads", pads, 4)), b->error);
}

/* Maps of 8 x 8 and 4 x 4 cells. */
static inline void backbone(struct builder *b, struct value *levels[2])
{
    struct value *x = add_image(b->graph, 3, SIDE, SIDE, b->error);
    x = one(b, "Relu", convolve(b, x, FEATURES, 3, 1));
    levels[0] = one(b, "Relu", convolve(b, one(b, "Relu", convolve(b, x, FEATURES, 3, 2)), FEATURES, 3, 1));
    levels[1] = one(b, "Relu", convolve(b, one(b, "Relu", convolve(b, levels[0], FEATURES, 3, 2)), FEATURES, 3, 1));
}

static inline int64_t cells_of(const struct value *map)
{
    return map->shape.dims[2] * map->shape.dims[3];
}

/* A map's channels as [1,C,cells]. */
static inline struct value *flat(struct builder *b, struct value *map)
{
    return SHAPED(b, map, 1, map->shape.dims[1], cells_of(map));
}

/* Sides [1,4,A] as centres and sizes in pixels. */
static inline struct value *decode(struct builder *b, struct value *sides)
{
    const int64_t anchors = sides->shape.dims[2], grid[3] = {1, 2, anchors};
    struct value *places = random_constant(b->graph, 3, grid, b->seed++, b->error);
    struct value *low = two(b, "Sub", places, cut(b, sides, 1, 0, 2)),
                 *high = two(b, "Add", places, cut(b, sides, 1, 2, 4));
    struct value *parts[2] = {two(b, "Div", two(b, "Add", low, high), number(b, 2)), two(b, "Sub", high, low)};
    return two(b, "Mul", join(b, parts, 2, 1), number(b, 8));
}

/* YOLOv8: [1,4+K+extra,A]; the extras are mask coefficients. */
static inline struct value *make_v8(struct builder *b, int64_t classes, int64_t extra, int levels)
{
    struct value *maps[2], *rows[2], *coefficients[2];
    backbone(b, maps);
    for (int i = 0; i < levels; i++) {
        struct value *map = maps[2 - levels + i];
        struct value *parts[2] = {convolve(b, map, 4, 1, 1),
                                  convolve(b, one(b, "Relu", convolve(b, map, FEATURES, 3, 1)), classes, 1, 1)};
        rows[i] = flat(b, join(b, parts, 2, 1));
        coefficients[i] = extra > 0 ? flat(b, convolve(b, map, extra, 1, 1)) : NULL;
    }
    struct value *all = join(b, rows, levels, 2);
    struct value *parts[3] = {decode(b, cut(b, all, 1, 0, 4)), one(b, "Sigmoid", cut(b, all, 1, 4, 4 + classes)),
                              extra > 0 ? join(b, coefficients, levels, 2) : NULL};
    return join(b, parts, extra > 0 ? 3 : 2, 1);
}

/* YOLOv8-pose: one class and a key point with its visibility. */
static inline struct value *make_pose(struct builder *b)
{
    struct value *maps[2], *rows[2], *points[2];
    backbone(b, maps);
    for (int i = 0; i < 2; i++) {
        struct value *parts[2] = {convolve(b, maps[i], 4, 1, 1), convolve(b, maps[i], 1, 1, 1)};
        rows[i] = flat(b, join(b, parts, 2, 1));
        points[i] = flat(b, convolve(b, maps[i], 3, 1, 1));
    }
    struct value *all = join(b, rows, 2, 2), *point = join(b, points, 2, 2);
    struct value *parts[4] = {decode(b, cut(b, all, 1, 0, 4)), one(b, "Sigmoid", cut(b, all, 1, 4, 5)),
                              two(b, "Mul", cut(b, point, 1, 0, 2), number(b, 16)),
                              one(b, "Sigmoid", cut(b, point, 1, 2, 3))};
    return join(b, parts, 4, 1);
}

/* YOLOv5: [1,A,5+K], `anchors` of each cell, boxes, objectness and classes of one product. */
static inline struct value *make_v5(struct builder *b, int64_t classes, int64_t anchors, int levels, bool raw)
{
    struct value *maps[2], *rows[2];
    const int64_t columns = 5 + classes;
    backbone(b, maps);
    for (int i = 0; i < levels; i++) {
        struct value *map = maps[2 - levels + i], *y = convolve(b, map, anchors * columns, 1, 1);
        const int64_t side = map->shape.dims[2], grid[5] = {1, 1, side, side, 2};
        y = MOVED(b, SHAPED(b, y, 1, anchors, columns, side, side), 0, 1, 3, 4, 2);
        struct value *p = one(b, "Sigmoid", y), *places = random_constant(b->graph, 5, grid, b->seed++, b->error);
        struct value *xy = two(b, "Mul", two(b, "Add", cut(b, p, 4, 0, 2), places), number(b, 8));
        struct value *wh = two(b, "Mul", cut(b, p, 4, 2, 4), cut(b, p, 4, 2, 4));
        struct value *parts[3] = {xy, wh, cut(b, p, 4, 4, columns)};
        rows[i] = SHAPED(b, raw ? y : join(b, parts, 3, 4), 1, anchors * side * side, columns);
    }
    return join(b, rows, levels, 1);
}

/* YOLOX: boxes and objectness of the same features, classes of others; sigmoids or logits. */
static inline struct value *make_yolox(struct builder *b, int64_t classes, bool logits)
{
    struct value *maps[2], *rows[2];
    backbone(b, maps);
    for (int i = 0; i < 2; i++) {
        struct value *own = one(b, "Relu", convolve(b, maps[i], FEATURES, 3, 1));
        struct value *other = one(b, "Relu", convolve(b, maps[i], FEATURES, 3, 1));
        struct value *parts[3] = {convolve(b, other, 4, 1, 1), convolve(b, other, 1, 1, 1),
                                  convolve(b, own, classes, 1, 1)};
        for (int k = 1; k < 3 && !logits; k++)
            parts[k] = one(b, "Sigmoid", parts[k]);
        rows[i] = flat(b, join(b, parts, 3, 1));
    }
    return MOVED(b, join(b, rows, 2, 2), 0, 2, 1);
}

/* Anchors with boxes and scores as two outputs. */
static inline void make_ssd(struct builder *b, int64_t channels, const char *activation, struct value *outputs[2])
{
    struct value *maps[2], *scores[2], *boxes[2];
    backbone(b, maps);
    for (int i = 0; i < 2; i++) {
        scores[i] = MOVED(b, flat(b, convolve(b, maps[i], channels, 3, 1)), 0, 2, 1);
        boxes[i] = MOVED(b, flat(b, convolve(b, maps[i], 4, 3, 1)), 0, 2, 1);
    }
    struct value *all = join(b, scores, 2, 1);
    outputs[0] = !activation ? all
                 : strcmp(activation, "Softmax") == 0
                     ? emit(b->graph, activation, EMIT_INPUTS(all), EMIT_ATTRIBUTES(EMIT_INT("axis", -1)), b->error)
                     : one(b, activation, all);
    outputs[1] = join(b, boxes, 2, 1);
}

/* DETR: queries that see the mean of the map each in its own way. */
static inline void make_detr(struct builder *b, int64_t channels, struct value *outputs[2])
{
    struct value *maps[2];
    const int64_t queries = 7, mix[3] = {1, queries, 16}, dense[2] = {FEATURES, channels}, box[2] = {FEATURES, 4};
    backbone(b, maps);
    struct value *tokens = MOVED(b, flat(b, maps[1]), 0, 2, 1);
    struct value *seen = two(b, "MatMul", random_constant(b->graph, 3, mix, b->seed++, b->error), tokens);
    seen = one(b, "Relu", seen);
    struct value *w = random_constant(b->graph, 2, dense, b->seed++, b->error);
    struct value *bias = random_constant(b->graph, 1, &channels, b->seed++, b->error);
    outputs[0] = two(b, "Add", two(b, "MatMul", seen, w), bias);
    outputs[1] = one(b, "Sigmoid", two(b, "MatMul", seen, random_constant(b->graph, 2, box, b->seed++, b->error)));
}

/* ---- a model ---- */

struct form {
    struct builder builder;
    struct model model;
    struct context *context;
};

static inline void begin(struct form *form, struct error *error)
{
    form->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, error);
    struct graph *graph = graph_create(form->context, NULL, "test", error);
    form->builder = (struct builder){graph, error, 1};
    form->model = (struct model){.context = form->context, .path = "test", .graph = graph};
}

static inline void end(struct form *form)
{
    graph_destroy(form->model.graph);
    assert_int_equal(context_destroy(form->context), 0);
}

static inline double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

#endif
