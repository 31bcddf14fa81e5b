/* What outputs mean: small heads of every form, on numbers that the test reads from the outputs itself. */
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
#include "runtime/session.h"

#define MOST_NUMBERS 20400 /* of an output */
#define SIDE 16
#define FEATURES 6
#define NO_ATTRIBUTES EMIT_NO_ATTRIBUTES

/* Building blocks that stop at the first error. */
struct builder {
    struct graph *graph;
    struct error *error;
    uint64_t seed;
};

static struct value *one(struct builder *b, const char *op_type, struct value *x)
{
    return emit(b->graph, op_type, EMIT_INPUTS(x), NO_ATTRIBUTES, b->error);
}

static struct value *two(struct builder *b, const char *op_type, struct value *x, struct value *y)
{
    return emit(b->graph, op_type, EMIT_INPUTS(x, y), NO_ATTRIBUTES, b->error);
}

static struct value *number(struct builder *b, double value)
{
    return emit_scalar(b->graph, DTYPE_FLOAT, value, b->error);
}

static struct value *join(struct builder *b, struct value *const *parts, int count, int64_t axis)
{
    return count == 1 ? parts[0]
                      : emit(b->graph, "Concat", parts, count, EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), b->error);
}

#define SHAPED(b, x, ...)                                                                                              \
    shaped(b, x, ((int64_t[]){__VA_ARGS__}), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
static struct value *shaped(struct builder *b, struct value *x, const int64_t *dims, int rank)
{
    return two(b, "Reshape", x, emit_int_list(b->graph, dims, rank, b->error));
}

#define MOVED(b, x, ...)                                                                                               \
    moved(b, x, ((int64_t[]){__VA_ARGS__}), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
static struct value *moved(struct builder *b, struct value *x, const int64_t *order, int rank)
{
    return emit(b->graph, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, rank)), b->error);
}

static struct value *cut(struct builder *b, struct value *x, int64_t axis, int64_t begin, int64_t end)
{
    struct value *list[3] = {emit_int_list(b->graph, &begin, 1, b->error), emit_int_list(b->graph, &end, 1, b->error),
                             emit_int_list(b->graph, &axis, 1, b->error)};
    return emit(b->graph, "Slice", EMIT_INPUTS(x, list[0], list[1], list[2]), NO_ATTRIBUTES, b->error);
}

static struct value *convolve(struct builder *b, struct value *x, int64_t outputs, int64_t side, int64_t stride)
{
    const int64_t kernel[4] = {outputs, x->shape.dims[1], side, side}, strides[2] = {stride, stride};
    const int64_t pads[4] = {side / 2, side / 2, side / 2, side / 2};
    struct value *w = random_constant(b->graph, 4, kernel, b->seed++, b->error);
    struct value *bias = random_constant(b->graph, 1, &outputs, b->seed++, b->error);
    return emit(b->graph, "Conv", EMIT_INPUTS(x, w, bias),
                EMIT_ATTRIBUTES(EMIT_INTS("strides", strides, 2), EMIT_INTS("pads", pads, 4)), b->error);
}

/* Maps of 8 x 8 and 4 x 4 cells. */
static void backbone(struct builder *b, struct value *levels[2])
{
    struct value *x = add_image(b->graph, 3, SIDE, SIDE, b->error);
    x = one(b, "Relu", convolve(b, x, FEATURES, 3, 1));
    levels[0] = one(b, "Relu", convolve(b, one(b, "Relu", convolve(b, x, FEATURES, 3, 2)), FEATURES, 3, 1));
    levels[1] = one(b, "Relu", convolve(b, one(b, "Relu", convolve(b, levels[0], FEATURES, 3, 2)), FEATURES, 3, 1));
}

static int64_t cells_of(const struct value *map)
{
    return map->shape.dims[2] * map->shape.dims[3];
}

/* A map's channels as [1,C,cells]. */
static struct value *flat(struct builder *b, struct value *map)
{
    return SHAPED(b, map, 1, map->shape.dims[1], cells_of(map));
}

/* Sides [1,4,A] as centres and sizes in pixels. */
static struct value *decode(struct builder *b, struct value *sides)
{
    const int64_t anchors = sides->shape.dims[2], grid[3] = {1, 2, anchors};
    struct value *places = random_constant(b->graph, 3, grid, b->seed++, b->error);
    struct value *low = two(b, "Sub", places, cut(b, sides, 1, 0, 2)),
                 *high = two(b, "Add", places, cut(b, sides, 1, 2, 4));
    struct value *parts[2] = {two(b, "Div", two(b, "Add", low, high), number(b, 2)), two(b, "Sub", high, low)};
    return two(b, "Mul", join(b, parts, 2, 1), number(b, 8));
}

/* YOLOv8: [1,4+K+extra,A]; the extras are mask coefficients. */
static struct value *make_v8(struct builder *b, int64_t classes, int64_t extra, int levels)
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
static struct value *make_pose(struct builder *b)
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
static struct value *make_v5(struct builder *b, int64_t classes, int64_t anchors, int levels, bool raw)
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
static struct value *make_yolox(struct builder *b, int64_t classes, bool logits)
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
static void make_ssd(struct builder *b, int64_t channels, const char *activation, struct value *outputs[2])
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
static void make_detr(struct builder *b, int64_t channels, struct value *outputs[2])
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

/* ---- what the test itself knows of an output ---- */

enum truth { TRUTH_PLAIN, TRUTH_OBJECT, TRUTH_OBJECT_LOGITS, TRUTH_DETR };

struct known {
    enum truth truth;
    int64_t rows, columns, first, last; /* classes are columns first..last */
    bool columns_first;                 /* [1,columns,rows] */
};

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double known_score(const struct known *known, const float *y, int64_t row, int64_t class)
{
    int64_t r = known->columns_first ? 1 : known->columns, c = known->columns_first ? known->rows : 1;
    double own = (double)y[row * r + (known->first + class) * c], sum = 0;
    double object = (double)y[row * r + 4 * c];
    for (int64_t k = 0; k < known->columns; k++)
        sum += exp((double)y[row * r + k * c]);
    return known->truth == TRUTH_PLAIN           ? own
           : known->truth == TRUTH_OBJECT        ? own * object
           : known->truth == TRUTH_OBJECT_LOGITS ? sigmoid(own) * sigmoid(object)
                                                 : exp(own) / sum;
}

static void run_outputs(const struct model *model, const float *image, float *y, int64_t count, int output)
{
    struct error error = ERROR_INITIALISER;
    struct pipeline_request request = {0};
    struct graph *graph = pipeline_run(model, &request, &error);
    struct session *session = session_create(graph, &error);
    memcpy(session_input(session, 0)->data, image, sizeof(float) * 3 * SIDE * SIDE);
    assert_int_equal(session_run(session, &error), 0);
    assert_int_equal(shape_count(&session_output(session, output)->shape), count);
    assert_true(count <= MOST_NUMBERS);
    memcpy(y, session_output(session, output)->data, (size_t)count * sizeof *y);
    session_destroy(session);
    graph_destroy(graph);
}

/* Runs a probe as cam does and holds it against the outputs. */
static void check_form(struct model *model, const struct known *known, int output)
{
    struct error error = ERROR_INITIALISER;
    static float y[MOST_NUMBERS], image[3 * SIDE * SIDE];
    struct random random = {.seed = 5};
    struct probe probe;
    struct probe_result run;
    const struct probe_request request = {.target = "before-resize",
                                          .kind = SCORE_CLASS,
                                          .place_by_layout = true,
                                          .unit = {-1, -1},
                                          .source = PROBE_IMAGE};
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image[i] = (float)(0.4 * random_uniform(&random) - 0.2); /* small: float32 tells sigmoids apart */
    run_outputs(model, image, y, known->rows * known->columns, output);
    if (probe_create(&probe, model, &request, &error))
        fail_msg("%s", error.message);
    int64_t classes = known->last - known->first + 1, best[2] = {0, 0};
    for (int64_t row = 0; row < known->rows; row++) {
        for (int64_t c = 0; c < classes; c++) {
            if (known_score(known, y, row, c) > known_score(known, y, best[0], best[1])) {
                best[0] = row;
                best[1] = c;
            }
        }
    }
    assert_int_equal(class_scores_count(&probe.scores), classes);
    memcpy(probe_images(&probe)->data, image, sizeof image);
    assert_int_equal(probe_run(&probe, &run, &error), 0);
    double expected = known_score(known, y, best[0], best[1]);
    assert_int_equal(run.classes[0], best[1]);
    assert_int_equal(run.units[0], best[0]);
    assert_true(fabs(probe_probability(&probe, &run, 0) - expected) < 2e-6);
    double moved = 0;
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        moved += fabs((double)run.gradient[i]);
    assert_true(moved > 0);
    probe_destroy(&probe);
}

struct form {
    struct builder builder;
    struct model model;
    struct context *context;
};

static void begin(struct form *form, struct error *error)
{
    form->context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, error);
    struct graph *graph = graph_create(form->context, NULL, "test", error);
    form->builder = (struct builder){graph, error, 1};
    form->model = (struct model){.context = form->context, .path = "test", .graph = graph};
}

static void end(struct form *form)
{
    graph_destroy(form->model.graph);
    assert_int_equal(context_destroy(form->context), 0);
}

#define LEVEL_ONE 64
#define LEVEL_TWO 16

static void test_boxes_and_classes_in_columns(void **state)
{
    (void)state;
    static const struct {
        int64_t classes, extra;
        int levels;
    } forms[] = {{1, 0, 1}, {3, 0, 2}, {1, 0, 2}, {4, 0, 2}, {3, 8, 2}, {1, 8, 1}, {80, 0, 2}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        begin(&form, &error);
        struct value *y = make_v8(&form.builder, forms[i].classes, forms[i].extra, forms[i].levels);
        assert_int_equal(graph_add_output(form.builder.graph, y, &error), 0);
        const struct known known = {.rows = forms[i].levels == 1 ? LEVEL_TWO : LEVEL_ONE + LEVEL_TWO,
                                    .columns = 4 + forms[i].classes + forms[i].extra,
                                    .first = 4,
                                    .last = 3 + forms[i].classes,
                                    .columns_first = true};
        check_form(&form.model, &known, 0);
        end(&form);
    }
}

static void test_key_points_are_no_classes(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct form form;
    begin(&form, &error);
    assert_int_equal(graph_add_output(form.builder.graph, make_pose(&form.builder), &error), 0);
    const struct known known = {
        .rows = LEVEL_ONE + LEVEL_TWO, .columns = 8, .first = 4, .last = 4, .columns_first = true};
    check_form(&form.model, &known, 0);
    end(&form);
}

static void test_objectness_of_the_boxes_product(void **state)
{
    (void)state;
    static const struct {
        int64_t classes, anchors;
        int levels;
    } forms[] = {{1, 3, 2}, {3, 1, 2}, {4, 2, 1}, {1, 1, 1}, {80, 3, 2}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        begin(&form, &error);
        struct value *y = make_v5(&form.builder, forms[i].classes, forms[i].anchors, forms[i].levels, false);
        assert_int_equal(graph_add_output(form.builder.graph, y, &error), 0);
        const struct known known = {.truth = TRUTH_OBJECT,
                                    .rows =
                                        forms[i].anchors * (forms[i].levels == 1 ? LEVEL_TWO : LEVEL_ONE + LEVEL_TWO),
                                    .columns = 5 + forms[i].classes,
                                    .first = 5,
                                    .last = 4 + forms[i].classes};
        check_form(&form.model, &known, 0);
        end(&form);
    }
}

static void test_objectness_of_its_own_product(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        int64_t classes = i % 2 ? 3 : 1;
        begin(&form, &error);
        struct value *y = make_yolox(&form.builder, classes, i > 1);
        assert_int_equal(graph_add_output(form.builder.graph, y, &error), 0);
        const struct known known = {.truth = i > 1 ? TRUTH_OBJECT_LOGITS : TRUTH_OBJECT,
                                    .rows = LEVEL_ONE + LEVEL_TWO,
                                    .columns = 5 + classes,
                                    .first = 5,
                                    .last = 4 + classes};
        check_form(&form.model, &known, 0);
        end(&form);
    }
}

/* Outputs in both orders, also where the scores are four columns as the boxes are. */
static void test_boxes_in_an_output_of_their_own(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct value *outputs[2];
        int64_t channels = i % 2 ? 4 : 6;
        int kind = i / 4, order = i / 2 % 2;
        begin(&form, &error);
        if (kind == 2)
            make_detr(&form.builder, channels, outputs);
        else
            make_ssd(&form.builder, channels, kind == 0 ? "Softmax" : "Sigmoid", outputs);
        for (int k = 0; k < 2; k++)
            assert_int_equal(graph_add_output(form.builder.graph, outputs[order ? 1 - k : k], &error), 0);
        struct known known = {.truth = kind == 2 ? TRUTH_DETR : TRUTH_PLAIN,
                              .rows = kind == 2 ? 7 : LEVEL_ONE + LEVEL_TWO,
                              .columns = channels,
                              .last = channels - 1 - (kind == 2)};
        if (kind == 0) { /* the background in front of the classes keeps its number, but is never the prediction */
            struct probe probe;
            struct probe_result run;
            const struct probe_request request = {.target = "logits",
                                                  .kind = SCORE_CLASS,
                                                  .place_by_layout = true,
                                                  .unit = {-1, -1},
                                                  .source = PROBE_IMAGE};
            assert_int_equal(probe_create(&probe, &form.model, &request, &error), 0);
            assert_int_equal(probe.scores.background, 0);
            assert_int_equal(probe_run(&probe, &run, &error), 0);
            assert_true(run.classes[0] > 0);
            probe_destroy(&probe);
        } else {
            check_form(&form.model, &known, order);
        }
        end(&form);
    }
}

/* Exporters widen boxes and scores to double where an anchor is one. */
static void test_double_outputs(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct form form;
    struct head head;
    begin(&form, &error);
    struct builder *b = &form.builder;
    struct value *y = make_v8(b, 3, 0, 2);
    y = emit(b->graph, "Cast", EMIT_INPUTS(y), EMIT_ATTRIBUTES(EMIT_INT("to", DTYPE_DOUBLE)), b->error);
    assert_int_equal(graph_add_output(b->graph, y, &error), 0);
    assert_int_equal(head_find(&form.model, b->graph, b->graph->inputs[0], &head, &error), 0);
    assert_int_equal(head.kind, HEAD_ROWS);
    assert_int_equal(class_scores_count(&head.classes), 3);
    assert_int_equal(head.scores->dtype, DTYPE_FLOAT);
    end(&form);
}

/* ---- the best, picked inside ---- */

static struct value *integers(struct builder *b, int64_t number)
{
    return emit_int_list(b->graph, &number, 1, b->error);
}

/* [1,N,6]: boxes, score and class of the `count` strongest of rows [1,A,4+K], as exporters of end-to-end models write
 * it. */
static struct value *pick_rows(struct builder *b, struct value *rows, int64_t count)
{
    int64_t classes = rows->shape.dims[2] - 4;
    struct value *best[2], *of_all = SHAPED(b, cut(b, rows, 2, 4, 4 + classes), 1, rows->shape.dims[1] * classes);
    assert_int_equal(
        emit_many(b->graph, "TopK", EMIT_INPUTS(of_all, integers(b, count)), NO_ATTRIBUTES, best, 2, b->error), 0);
    struct value *row = two(b, "Div", best[1], integers(b, classes));
    struct value *class_index = two(b, "Sub", best[1], two(b, "Mul", row, integers(b, classes)));
    class_index =
        emit(b->graph, "Cast", EMIT_INPUTS(class_index), EMIT_ATTRIBUTES(EMIT_INT("to", DTYPE_FLOAT)), b->error);
    const int64_t four[3] = {1, count, 4};
    struct value *at = two(b, "Expand", SHAPED(b, row, 1, count, 1), emit_int_list(b->graph, four, 3, b->error));
    struct value *parts[3] = {emit(b->graph, "GatherElements", EMIT_INPUTS(cut(b, rows, 2, 0, 4), at),
                                   EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), b->error),
                              SHAPED(b, best[0], 1, count, 1), SHAPED(b, class_index, 1, count, 1)};
    return join(b, parts, 3, 2);
}

/* Scores [1,A,K] of one level, those above a threshold, the strongest of these: as many as are found. */
static struct value *pick_level(struct builder *b, struct value *scores)
{
    struct value *best[2], *all = SHAPED(b, scores, shape_count(&scores->shape));
    struct value *kept = one(b, "NonZero", two(b, "Greater", all, number(b, 0.01)));
    struct value *found = two(b, "GatherND", all, MOVED(b, kept, 1, 0));
    assert_int_equal(emit_many(b->graph, "TopK", EMIT_INPUTS(found, integers(b, 5)), NO_ATTRIBUTES, best, 2, b->error),
                     0);
    return best[0];
}

/* What the head says of the best of all rows, before anything is picked: against the same network's rows as they are.
 */
static void check_picked(struct form *form, struct value *rows, const struct known *known)
{
    struct graph *graph = form->builder.graph;
    struct error *error = form->builder.error;
    struct value *picked[2] = {graph->outputs[0], graph->output_count > 1 ? graph->outputs[1] : NULL};
    assert_int_equal(graph_set_outputs(graph, &rows, 1, error), 0);
    static float y[MOST_NUMBERS], image[3 * SIDE * SIDE];
    struct random random = {.seed = 5};
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image[i] = (float)(0.4 * random_uniform(&random) - 0.2);
    run_outputs(&form->model, image, y, known->rows * known->columns, 0);
    assert_int_equal(graph_set_outputs(graph, picked, picked[1] ? 2 : 1, error), 0);
    struct probe probe;
    struct probe_result run;
    const struct probe_request request = {.target = "before-resize",
                                          .kind = SCORE_CLASS,
                                          .place_by_layout = true,
                                          .unit = {-1, -1},
                                          .source = PROBE_IMAGE};
    if (probe_create(&probe, &form->model, &request, error))
        fail_msg("%s", error->message);
    memcpy(probe_images(&probe)->data, image, sizeof image);
    assert_int_equal(probe_run(&probe, &run, error), 0);
    int64_t best[2] = {0, 0}, classes = known->last - known->first + 1;
    for (int64_t row = 0; row < known->rows; row++) {
        for (int64_t c = 0; c < classes; c++) {
            if (known_score(known, y, row, c) > known_score(known, y, best[0], best[1])) {
                best[0] = row;
                best[1] = c;
            }
        }
    }
    assert_int_equal(class_scores_count(&probe.scores), classes);
    assert_int_equal(run.classes[0], best[1]);
    assert_int_equal(run.units[0], best[0]);
    assert_true(fabs(probe_probability(&probe, &run, 0) - known_score(known, y, best[0], best[1])) < 2e-6);
    probe_destroy(&probe);
}

static void test_scores_in_front_of_the_picks(void **state)
{
    (void)state;
    for (int64_t classes = 1; classes <= 3; classes += 2) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        begin(&form, &error);
        struct value *rows = MOVED(&form.builder, make_v8(&form.builder, classes, 0, 2), 0, 2, 1);
        struct value *picked = pick_rows(&form.builder, rows, 7);
        assert_int_equal(graph_add_output(form.builder.graph, picked, &error), 0);
        const struct known known = {
            .rows = LEVEL_ONE + LEVEL_TWO, .columns = 4 + classes, .first = 4, .last = 3 + classes};
        check_picked(&form, rows, &known);
        end(&form);
    }
}

/* Each level is picked from by itself, and how many are left is known only when it runs. */
static void test_levels_that_are_picked_from(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct value *maps[2], *levels[2], *found[2];
        begin(&form, &error);
        struct builder *b = &form.builder;
        backbone(b, maps);
        for (int k = 0; k < 2; k++) {
            levels[k] = one(b, "Sigmoid", MOVED(b, flat(b, convolve(b, maps[k], 4, 3, 1)), 0, 2, 1));
            if (i == 1) /* times how central the place is, as FCOS has it */
                levels[k] = one(b, "Sqrt",
                                two(b, "Mul", levels[k],
                                    one(b, "Sigmoid", MOVED(b, flat(b, convolve(b, maps[k], 1, 3, 1)), 0, 2, 1))));
            found[k] = pick_level(b, levels[k]);
        }
        struct value *all = join(b, found, 2, 0);
        assert_int_equal(graph_add_output(b->graph, all, &error), 0);
        const struct known known = {.rows = LEVEL_ONE + LEVEL_TWO, .columns = 4, .last = 3};
        check_picked(&form, join(b, levels, 2, 1), &known);
        end(&form);
    }
}

/* ---- what cannot be told ---- */

static void test_what_is_not_told_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct value *maps[2], *outputs[2] = {NULL, NULL};
        begin(&form, &error);
        struct builder *b = &form.builder;
        if (i == 0) { /* rows of logits, of which some may be boxes */
            outputs[0] = make_v5(b, 3, 2, 2, true);
        } else if (i == 1) { /* maps of two levels */
            backbone(b, maps);
            outputs[0] = convolve(b, maps[0], 9, 1, 1);
            outputs[1] = convolve(b, maps[1], 9, 1, 1);
        } else if (i == 2) { /* scores of neither softmax nor sigmoid beside boxes of anchors */
            make_ssd(b, 6, NULL, outputs);
        } else { /* two classifiers behind decoded boxes */
            backbone(b, maps);
            struct value *parts[3] = {decode(b, flat(b, convolve(b, maps[0], 4, 1, 1))),
                                      one(b, "Sigmoid", flat(b, convolve(b, maps[0], 3, 1, 1))),
                                      one(b, "Sigmoid", flat(b, convolve(b, maps[0], 2, 1, 1)))};
            outputs[0] = join(b, parts, 3, 1);
        }
        for (int k = 0; k < 2 && outputs[k]; k++)
            assert_int_equal(graph_add_output(b->graph, outputs[k], &error), 0);
        struct probe probe;
        struct probe_request request = {
            .target = "logits", .kind = SCORE_CLASS, .place_by_layout = true, .unit = {-1, -1}, .source = PROBE_IMAGE};
        assert_int_equal(probe_create(&probe, &form.model, &request, &error), -1);
        assert_int_equal(error.kind, ERROR_INPUT);
        assert_non_null(strstr(error.message, i == 2 ? "--activation" : "--target"));
        /* The field of a layer needs no classes. */
        error = (struct error)ERROR_INITIALISER;
        request.target = NULL;
        request.kind = SCORE_MEAN;
        assert_int_equal(probe_create(&probe, &form.model, &request, &error), 0);
        probe_destroy(&probe);
        end(&form);
    }
}

/* Names say how many columns are classes. */
static void test_names_tell_columns_apart(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct form form;
    struct metadata named[] = {{"fovea.labels", "[\"a\",\"b\",\"c\"]"}};
    begin(&form, &error);
    form.model.metadata = named;
    form.model.metadata_count = 1;
    assert_int_equal(graph_add_output(form.builder.graph, make_v5(&form.builder, 3, 2, 2, true), &error), 0);
    const struct known known = {
        .truth = TRUTH_OBJECT_LOGITS, .rows = 2 * (LEVEL_ONE + LEVEL_TWO), .columns = 8, .first = 5, .last = 7};
    check_form(&form.model, &known, 0);
    end(&form);
}

/* ---- one number ---- */

/* A vector of one logit, a map of one channel with and without its axis, the logit with its sigmoid. */
static void test_one_channel_is_two_classes(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct value *maps[2];
        begin(&form, &error);
        struct builder *b = &form.builder;
        backbone(b, maps);
        struct value *y = convolve(b, i < 3 ? one(b, "GlobalAveragePool", maps[1]) : maps[0], 1, 1, 1);
        if (i < 3)
            y = i == 2 ? SHAPED(b, y, 1) : one(b, "Flatten", y);
        y = i == 1 ? one(b, "Sigmoid", y) : i == 4 ? SHAPED(b, y, 1, 8, 8) : y;
        assert_int_equal(graph_add_output(b->graph, y, &error), 0);
        struct probe probe;
        struct probe_result run;
        const struct probe_request request = {.target = "logits",
                                              .kind = SCORE_CLASS,
                                              .place = i < 3 ? SCORE_AT_UNIT : SCORE_AT_REGION,
                                              .unit = {-1, -1},
                                              .source = PROBE_IMAGE};
        if (probe_create(&probe, &form.model, &request, &error))
            fail_msg("%d: %s", i, error.message);
        assert_int_equal(class_scores_count(&probe.scores), 2);
        assert_int_equal(probe.target_grid.view.units, i < 3 ? 1 : 64);
        float *image = probe_images(&probe)->data;
        struct random random = {.seed = 3};
        for (int k = 0; k < 3 * SIDE * SIDE; k++)
            image[k] = (float)(4 * random_uniform(&random) - 2);
        double scores[2], expected[2] = {0, 0}, counted[2] = {0, 0}, slopes[2];
        for (int class = 0; class < 2; class ++) {
            probe_classes(&probe)[0] = class;
            assert_int_equal(probe_run(&probe, &run, &error), 0);
            scores[class] = (double)run.score[0];
            slopes[class] = (double)run.gradient[SIDE * SIDE / 2];
            for (int64_t unit = 0; class == 0 && unit < probe.target_grid.view.units; unit++) {
                double x = (double)run.target[unit];
                expected[x > 0] += fabs(x);
                counted[x > 0]++;
            }
            if (i < 3)
                assert_true(fabs(probe_probability(&probe, &run, 0) -
                                 sigmoid(class ? (double)run.target[0] : -(double)run.target[0])) < 1e-6);
        }
        for (int class = 0; class < 2 && i >= 3; class ++)
            assert_true(fabs(scores[class] - (counted[class] > 0 ? expected[class] / counted[class] : 0)) < 1e-5);
        if (i < 3) {
            assert_true(fabs(scores[1] - (double)run.target[0]) < 1e-6 && fabs(scores[0] + scores[1]) < 1e-6);
            assert_true(fabs(slopes[0] + slopes[1]) < 1e-7);
        }
        probe_destroy(&probe);
        end(&form);
    }
}

/* ---- what makes probabilities ---- */

static void test_who_tells_the_activation(void **state)
{
    (void)state;
    static const struct {
        const char *in_file, *option, *trained;
        enum class_activation expected;
        enum head_told told;
    } cases[] = {{NULL, NULL, NULL, CLASS_SOFTMAX, HEAD_TOLD_BY_DEFAULT},
                 {NULL, NULL, "binary", CLASS_SIGMOID, HEAD_TOLD_BY_TRAINING},
                 {NULL, "softmax", "binary", CLASS_SOFTMAX, HEAD_TOLD_BY_OPTION},
                 {NULL, "sigmoid", NULL, CLASS_SIGMOID, HEAD_TOLD_BY_OPTION},
                 {NULL, "none", NULL, CLASS_PLAIN, HEAD_TOLD_BY_OPTION},
                 {"Sigmoid", NULL, "cross-entropy", CLASS_SIGMOID, HEAD_TOLD_BY_FILE},
                 {"Softmax", "softmax", NULL, CLASS_SOFTMAX, HEAD_TOLD_BY_FILE},
                 {"Sigmoid", "softmax", NULL, CLASS_SOFTMAX, HEAD_TOLD_BY_FILE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct value *maps[2];
        struct metadata trained[] = {{HEAD_LOSS_KEY, cases[i].trained}};
        begin(&form, &error);
        backbone(&form.builder, maps);
        struct value *y = convolve(&form.builder, one(&form.builder, "GlobalAveragePool", maps[1]), 5, 1, 1);
        y = one(&form.builder, "Flatten", y);
        y = cases[i].in_file ? one(&form.builder, cases[i].in_file, y) : y;
        assert_int_equal(graph_add_output(form.builder.graph, y, &error), 0);
        form.model.activation = cases[i].option;
        form.model.metadata = trained;
        form.model.metadata_count = cases[i].trained ? 1 : 0;
        struct head head;
        bool contradicts = cases[i].in_file && cases[i].option && strcmp(cases[i].in_file, "Sigmoid") == 0;
        assert_int_equal(head_find(&form.model, form.builder.graph, form.builder.graph->inputs[0], &head, &error),
                         contradicts ? -1 : 0);
        if (!contradicts) {
            assert_int_equal(head.kind, HEAD_VECTOR);
            assert_int_equal(head.classes.activation, cases[i].expected);
            assert_int_equal(head.told, cases[i].told);
        }
        end(&form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_boxes_and_classes_in_columns),
                                       cmocka_unit_test(test_key_points_are_no_classes),
                                       cmocka_unit_test(test_objectness_of_the_boxes_product),
                                       cmocka_unit_test(test_objectness_of_its_own_product),
                                       cmocka_unit_test(test_boxes_in_an_output_of_their_own),
                                       cmocka_unit_test(test_what_is_not_told_is_refused),
                                       cmocka_unit_test(test_double_outputs),
                                       cmocka_unit_test(test_scores_in_front_of_the_picks),
                                       cmocka_unit_test(test_levels_that_are_picked_from),
                                       cmocka_unit_test(test_names_tell_columns_apart),
                                       cmocka_unit_test(test_one_channel_is_two_classes),
                                       cmocka_unit_test(test_who_tells_the_activation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
