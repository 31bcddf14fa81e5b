/* What detectors' outputs mean: heads of every form, on numbers that the test reads from the outputs itself. */
#include "head_fixture.h"

#include <stdio.h>

#include "op/infer.h"
#include "op/registry.h"
#include "runtime/session.h"

#define MOST_NUMBERS 20400 /* of an output */

/* ---- what the test itself knows of an output ---- */

enum truth { TRUTH_PLAIN, TRUTH_OBJECT, TRUTH_OBJECT_LOGITS, TRUTH_DETR };

struct known {
    enum truth truth;
    int64_t rows, columns, first, last; /* classes are columns first..last */
    bool columns_first;                 /* [1,columns,rows] */
};

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
                                          .kind = FOVEA_SCORE_CLASS,
                                          .place = FOVEA_PLACE_AUTO,
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
                                                  .kind = FOVEA_SCORE_CLASS,
                                                  .place = FOVEA_PLACE_AUTO,
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
                                          .kind = FOVEA_SCORE_CLASS,
                                          .place = FOVEA_PLACE_AUTO,
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

/* A plugin that picks detections of fixed size, its four outputs. */
static void select_boxes(struct builder *b, const char *name, struct value *boxes, struct value *scores,
                         struct value *outputs[4])
{
    struct node *node = graph_add_node(b->graph, "TRT", name, "selection", 2, 4, b->error);
    bool batched = strcmp(name, "BatchedNMS_TRT") == 0;
    node_set_float(node, batched ? "scoreThreshold" : "score_threshold", 0.01f, b->error);
    node_set_float(node, batched ? "iouThreshold" : "iou_threshold", 0.5f, b->error);
    node_set_int(node, batched ? "keepTopK" : "max_output_boxes", 5, b->error);
    node_set_int(node, batched ? "topK" : "score_activation",
                 batched ? 20 : strcmp(scores->producer->op_type, "Sigmoid"), b->error);
    assert_int_equal(operator_resolve(node, 1, b->error), 0);
    node_set_input(node, 0, boxes, b->error);
    node_set_input(node, 1, scores, b->error);
    for (int i = 0; i < 4; i++) {
        outputs[i] = graph_add_value(b->graph, NULL, b->error);
        node_set_output(node, i, outputs[i], b->error);
    }
    assert_int_equal(infer_values(node, b->error), 0);
}

/* Plugins give how many there are first; with logits they apply the sigmoid themselves. */
static void test_scores_in_front_of_plugins(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct value *outputs[2], *found[4];
        begin(&form, &error);
        struct builder *b = &form.builder;
        make_ssd(b, 6, i == 2 ? NULL : "Sigmoid", outputs);
        int boxes = outputs[0]->shape.dims[2] == 4 ? 0 : 1;
        select_boxes(b, i == 1 ? "BatchedNMS_TRT" : "EfficientNMS_TRT", outputs[boxes], outputs[1 - boxes], found);
        assert_int_equal(graph_add_output(b->graph, found[0], &error), 0);
        assert_int_equal(graph_add_output(b->graph, found[2], &error), 0);
        const struct known known = {.rows = LEVEL_ONE + LEVEL_TWO, .columns = 6, .last = 5};
        check_picked(&form, i == 2 ? one(b, "Sigmoid", outputs[1 - boxes]) : outputs[1 - boxes], &known);
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
            outputs[0] = make_v5(b, 3, 1, 2, true);
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
        struct probe_request request = {.target = "logits",
                                        .kind = FOVEA_SCORE_CLASS,
                                        .place = FOVEA_PLACE_AUTO,
                                        .unit = {-1, -1},
                                        .source = PROBE_IMAGE};
        assert_int_equal(probe_create(&probe, &form.model, &request, &error), -1);
        assert_int_equal(error.kind, ERROR_INPUT);
        assert_non_null(strstr(error.message, i == 2 ? "`activation`" : "`target`"));
        /* The field of a layer needs no classes. */
        error = (struct error)ERROR_INITIALISER;
        request.target = NULL;
        request.kind = FOVEA_SCORE_MEAN;
        assert_int_equal(probe_create(&probe, &form.model, &request, &error), 0);
        probe_destroy(&probe);
        end(&form);
    }
}

/* As a file has it: names of the graph's own do not outlive copies. */
static struct value *named(struct builder *b, struct value *made, const char *name)
{
    struct value *value = graph_add_value(b->graph, name, b->error);
    value->dtype = made->dtype;
    value->shape = made->shape;
    assert_int_equal(node_set_output(made->producer, 0, value, b->error), 0);
    return value;
}

/* Regions that are found when it runs: the way out that is named is one, and a target of unknown size is told as such.
 */
static void test_regions_of_its_own(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct form form;
    struct value *maps[2];
    begin(&form, &error);
    struct builder *b = &form.builder;
    backbone(b, maps);
    const int64_t dense[2] = {FEATURES, 4};
    struct value *objects = named(b, convolve(b, maps[1], 1, 1, 1), "objects");
    struct value *found =
        one(b, "NonZero", two(b, "Greater", SHAPED(b, one(b, "Sigmoid", objects), 16), number(b, .5)));
    struct value *regions =
        two(b, "GatherND", SHAPED(b, MOVED(b, maps[1], 0, 2, 3, 1), 16, FEATURES), MOVED(b, found, 1, 0));
    struct value *weights = random_constant(b->graph, 2, dense, b->seed++, b->error);
    struct value *scores = named(b, two(b, "MatMul", regions, weights), "scores");
    assert_int_equal(graph_add_output(b->graph, one(b, "Sigmoid", scores), &error), 0);
    struct probe probe;
    struct probe_request request = {.target = "logits",
                                    .kind = FOVEA_SCORE_CLASS,
                                    .place = FOVEA_PLACE_AUTO,
                                    .unit = {-1, -1},
                                    .source = PROBE_IMAGE};
    char name[64];
    assert_int_equal(probe_create(&probe, &form.model, &request, &error), -1);
    snprintf(name, sizeof name, "(such as '%s')", objects->name);
    assert_non_null(strstr(error.message, name));
    request.target = scores->name;
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(probe_create(&probe, &form.model, &request, &error), -1);
    if (!strstr(error.message, "as large as is found"))
        fail_msg("%s", error.message);
    request.target = objects->name;
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(probe_create(&probe, &form.model, &request, &error), 0);
    probe_destroy(&probe);
    end(&form);
}

/* Boxes, scores and classes behind NonMaxSuppression, filled up to a fixed number and written image by image; scores
 * that were multiplied with the objectness, or made flat for the pick. */
static void test_picked_filled_and_scattered(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        begin(&form, &error);
        struct builder *b = &form.builder;
        struct value *rows = i == 1 ? make_v5(b, 3, 2, 2, false) : MOVED(b, make_v8(b, 3, 0, 2), 0, 2, 1);
        int64_t count = rows->shape.dims[1], first = i == 1 ? 5 : 4;
        struct value *boxes = cut(b, rows, 2, 0, 4), *scores = cut(b, rows, 2, first, first + 3);
        scores = i == 1 ? two(b, "Mul", scores, cut(b, rows, 2, 4, 5)) : scores;
        struct value *best = emit(b->graph, "ReduceMax", EMIT_INPUTS(scores),
                                  EMIT_ATTRIBUTES(EMIT_INTS("axes", ((int64_t[]){2}), 1)), b->error);
        struct value *kept =
            emit(b->graph, "NonMaxSuppression",
                 EMIT_INPUTS(boxes, MOVED(b, best, 0, 2, 1), integers(b, 100), number(b, .5), number(b, .001)),
                 NO_ATTRIBUTES, b->error);
        struct value *at =
            emit(b->graph, "Gather", EMIT_INPUTS(kept, integers(b, 2)), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), b->error);
        struct value *flat_scores = SHAPED(b, scores, count * 3, 1);
        struct value *parts[2] = {two(b, "GatherND", SHAPED(b, boxes, count, 4), at),
                                  two(b, "GatherND", i == 2 ? flat_scores : SHAPED(b, best, count, 1), at)};
        struct value *found = join(b, parts, 2, 1);
        const int64_t whole[3] = {1, 7, 5}, ends[4] = {0, 0, 7, 0};
        struct value *filled = two(b, "Pad", found, emit_int_list(b->graph, ends, 4, b->error));
        struct value *zeros = random_constant(b->graph, 3, whole, b->seed++, b->error);
        struct value *places = SHAPED(b, integers(b, 0), 1, 1);
        struct value *all = emit(b->graph, "ScatterND", EMIT_INPUTS(zeros, places, one(b, "Identity", filled)),
                                 NO_ATTRIBUTES, b->error);
        assert_int_equal(graph_add_output(b->graph, i == 0 ? all : found, &error), 0);
        const struct known known = {.truth = i == 1 ? TRUTH_OBJECT : TRUTH_PLAIN,
                                    .rows = count,
                                    .columns = first + 3,
                                    .first = first,
                                    .last = first + 2};
        check_picked(&form, rows, &known);
        end(&form);
    }
}

/* Boxes, scores, key points of the same rows are no levels, though their sizes would fit; indices beside them, as many
 * as are found, take nothing away. */
static void test_outputs_of_the_same_rows(void **state)
{
    (void)state;
    for (int order = 0; order < 4; order++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct head head;
        struct value *outputs[3];
        begin(&form, &error);
        struct builder *b = &form.builder;
        make_ssd(b, 2, "Softmax", outputs);
        struct value *maps[2] = {outputs[0], outputs[1]};
        if (order < 2) {
            const int64_t wide[2] = {4, 10};
            outputs[2] = two(b, "MatMul", maps[1], random_constant(b->graph, 2, wide, b->seed++, b->error));
        } else {
            outputs[2] = emit(b->graph, "NonMaxSuppression",
                              EMIT_INPUTS(maps[1], MOVED(b, maps[0], 0, 2, 1), integers(b, 100), number(b, .5)),
                              NO_ATTRIBUTES, b->error);
        }
        for (int k = 0; k < 3; k++)
            assert_int_equal(graph_add_output(b->graph, outputs[(k + order % 2) % 3], &error), 0);
        assert_int_equal(head_find(&form.model, b->graph, b->graph->inputs[0], &head, &error), 0);
        assert_int_equal(head.kind, HEAD_ROWS);
        assert_int_equal(head.classes.view.units, LEVEL_ONE + LEVEL_TWO);
        assert_int_equal(head.classes.view.channels, 2);
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
                                       cmocka_unit_test(test_scores_in_front_of_plugins),
                                       cmocka_unit_test(test_levels_that_are_picked_from),
                                       cmocka_unit_test(test_regions_of_its_own),
                                       cmocka_unit_test(test_outputs_of_the_same_rows),
                                       cmocka_unit_test(test_picked_filled_and_scattered),
                                       cmocka_unit_test(test_names_tell_columns_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
