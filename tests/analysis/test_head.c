/* What one number means, and what makes probabilities. */
#include "head_fixture.h"

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
                                              .kind = FOVEA_SCORE_CLASS,
                                              .place = i < 3 ? FOVEA_PLACE_UNIT : FOVEA_PLACE_REGION,
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

/* ---- forms ---- */

enum form_kind {
    FORM_VECTOR,     /* [N,K] */
    FORM_ROW,        /* [N,1,K] */
    FORM_COLUMN,     /* [N,K,1] */
    FORM_POOLED,     /* [N,K,1,1] */
    FORM_MAP,        /* [N,K,H,W] */
    FORM_MAP_LAST,   /* [N,H,W,K] */
    FORM_PLAIN,      /* [N,H,W] */
    FORM_PLAIN_OWN,  /* with its sigmoid */
    FORM_SEQUENCE,   /* [N,L,K] */
    FORM_TIME_MAJOR, /* [L,N,K] */
    FORMS
};

static struct value *make_output(struct builder *b, enum form_kind kind, int64_t images)
{
    const int64_t classes = 5, dense[2] = {FEATURES, classes}, columns[1] = {2};
    struct value *x = add_images(b->graph, images, 3, SIDE, SIDE, b->error);
    struct value *map = one(b, "Relu", convolve(b, x, FEATURES, 3, 2));
    if (kind == FORM_PLAIN || kind == FORM_PLAIN_OWN) {
        struct value *y = SHAPED(b, cut(b, convolve(b, map, 3, 1, 1), 1, 1, 2), images, 8, 8);
        return kind == FORM_PLAIN ? y : one(b, "Sigmoid", y);
    }
    if (kind == FORM_MAP || kind == FORM_MAP_LAST) {
        struct value *y = convolve(b, map, classes, 1, 1);
        return kind == FORM_MAP ? y : MOVED(b, y, 0, 2, 3, 1);
    }
    if (kind == FORM_SEQUENCE || kind == FORM_TIME_MAJOR) {
        struct value *steps = emit(b->graph, "ReduceMean", EMIT_INPUTS(map),
                                   EMIT_ATTRIBUTES(EMIT_INTS("axes", columns, 1), EMIT_INT("keepdims", 0)), b->error);
        struct value *y =
            two(b, "MatMul", MOVED(b, steps, 0, 2, 1), random_constant(b->graph, 2, dense, b->seed++, b->error));
        return kind == FORM_SEQUENCE ? y : MOVED(b, y, 1, 0, 2);
    }
    struct value *pooled = one(b, "GlobalAveragePool", map);
    if (kind == FORM_POOLED)
        return convolve(b, pooled, classes, 1, 1);
    struct value *y =
        two(b, "MatMul", one(b, "Flatten", pooled), random_constant(b->graph, 2, dense, b->seed++, b->error));
    return kind == FORM_VECTOR ? y
           : kind == FORM_ROW  ? SHAPED(b, y, images, 1, classes)
                               : SHAPED(b, y, images, classes, 1);
}

/* Kind, classes, units, and the map of 8 x 8 cells that the scores are made of, for one image and for three. */
static void test_forms(void **state)
{
    static const struct {
        enum head_kind kind;
        int64_t classes, units;
        const char *words;
    } expected[FORMS] = {{HEAD_VECTOR, 5, 1, "softmax"},
                         {HEAD_VECTOR, 5, 1, "softmax"},
                         {HEAD_VECTOR, 5, 1, "softmax"},
                         {HEAD_MAP, 5, 1, "softmax"},
                         {HEAD_MAP, 5, 64, "a map of 5 classes"},
                         {HEAD_MAP, 5, 64, "a map of 5 classes"},
                         {HEAD_MAP, 2, 64, "two classes; probabilities by sigmoid: the file does not say"},
                         {HEAD_MAP, 2, 64, "two classes; probabilities by sigmoid (the file's own)"},
                         {HEAD_ROWS, 5, 8, "8 rows of 5 classes"},
                         {HEAD_ROWS, 5, 8, "8 rows of 5 classes"}};
    (void)state;
    for (int i = 0; i < 2 * FORMS; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct probe probe;
        char words[HEAD_WORDS_SIZE];
        int kind = i / 2;
        int64_t images = i % 2 ? 3 : 1;
        begin(&form, &error);
        struct value *y = make_output(&form.builder, (enum form_kind)kind, images);
        assert_int_equal(graph_add_output(form.builder.graph, y, &error), 0);
        const struct probe_request request = {.target = "logits",
                                              .kind = FOVEA_SCORE_CLASS,
                                              .place = FOVEA_PLACE_AUTO,
                                              .unit = {-1, -1},
                                              .source = PROBE_ACTIVATION};
        if (probe_create(&probe, &form.model, &request, &error))
            fail_msg("%d: %s", i, error.message);
        assert_int_equal(probe.head.kind, expected[kind].kind);
        assert_int_equal(class_scores_count(&probe.scores), expected[kind].classes);
        assert_int_equal(probe.scores.view.units, expected[kind].units);
        assert_int_equal(probe.scores.view.images, images);
        assert_int_equal(probe.source_grid.layout, UNITS_MAP);
        assert_int_equal(probe.source_grid.view.units, 64);
        assert_int_equal(probe.source_grid.view.channels, FEATURES);
        if (!strstr(head_words(&probe.head, &probe.scores, words), expected[kind].words))
            fail_msg("%d: %s", i, words);
        probe_destroy(&probe);
        end(&form);
    }
}

/* Maps that are hardly classes: offsets in front of scores, anchors by their number. What is named as the way out is
 * one, and names of the classes tell anchors. */
static void test_maps_in_doubt(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct head head;
        struct metadata names[] = {{"fovea.labels", "[\"a\",\"b\",\"c\",\"d\"]"}};
        begin(&form, &error);
        struct builder *b = &form.builder;
        struct value *x = add_image(b->graph, 3, 64, 64, b->error);
        struct value *map = one(b, "Relu", convolve(b, x, FEATURES, 3, i == 0 ? 4 : 32));
        struct value *first = convolve(b, map, i == 0 ? 2 : i == 3 ? 4 : 27, 1, 1);
        assert_int_equal(graph_add_output(b->graph, first, &error), 0);
        if (i == 0)
            assert_int_equal(graph_add_output(b->graph, one(b, "Sigmoid", convolve(b, map, 5, 1, 1)), &error), 0);
        form.model.metadata = names;
        form.model.metadata_count = i > 1 ? 1 : 0;
        assert_int_equal(head_find(&form.model, b->graph, b->graph->inputs[0], &head, &error), 0);
        assert_int_equal(head.kind, i < 2 ? HEAD_UNTOLD : i == 2 ? HEAD_ROWS : HEAD_MAP);
        if (i < 2) {
            assert_int_equal(head_check(&head, &error), -1);
            assert_non_null(strstr(error.message, i == 0 ? "such as" : "as a `target`"));
            error = (struct error)ERROR_INITIALISER;
            assert_int_equal(
                head_of_value(&form.model, i == 0 ? b->graph->outputs[1]->producer->inputs[0] : first, &head, &error),
                0);
            assert_int_equal(head.kind, HEAD_MAP);
        }
        if (i == 2) {
            assert_int_equal(class_scores_count(&head.classes), 4);
            assert_int_equal(head.classes.view.units, 3 * 4);
        }
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_channel_is_two_classes), cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_maps_in_doubt),
                                       cmocka_unit_test(test_who_tells_the_activation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
