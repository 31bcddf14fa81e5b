/* Detectors of three levels, joined and as outputs of their own, for one image and for two: what is said of each image
 * is what the test reads from the outputs itself. */
#include "head_fixture.h"

#include "runtime/session.h"

#define LEVELS 3
#define CLASSES 3
#define ANCHORS 3
#define MOST_IMAGES 2
#define MOST_OUTPUTS_OF_FORM 6

/* A backbone of three maps: 8 x 8, 4 x 4 and 2 x 2 cells. */
static void levels_of(struct builder *b, int64_t images, struct value *maps[LEVELS])
{
    struct value *x = add_images(b->graph, images, 3, SIDE, SIDE, b->error);
    for (int i = 0; i < LEVELS; i++) {
        x = one(b, "Relu", convolve(b, x, FEATURES, 3, 2));
        maps[i] = x;
    }
}

/* How the numbers of an output lie: as a map of channels, with the anchors in front of the places, or joined. */
struct layout {
    bool anchors, joined, channels_last;
};

static struct value *head_of(struct builder *b, struct value *map, int64_t columns, int64_t anchors,
                             const struct layout *layout)
{
    struct value *y = convolve(b, map, anchors * columns, 3, 1);
    const int64_t *dims = y->shape.dims;
    int64_t images = dims[0], height = dims[2], width = dims[3];
    if (layout->channels_last)
        return MOVED(b, y, 0, 2, 3, 1);
    if (!layout->anchors)
        return y;
    y = MOVED(b, SHAPED(b, y, images, anchors, columns, height, width), 0, 1, 3, 4, 2);
    return layout->joined ? SHAPED(b, y, images, anchors * height * width, columns) : y;
}

enum kind { YOLO, YOLO_PROBABILITIES, DISTRIBUTION, SPLIT_DISTRIBUTION, BOXES, BOXES_PROBABILITIES };

static const struct form_case {
    enum kind kind;
    struct layout layout;
    int64_t anchors;
    const char *option;
} cases[] = {{YOLO, {.anchors = true}, ANCHORS, NULL},
             {YOLO, {.anchors = true, .joined = true}, ANCHORS, NULL},
             {YOLO_PROBABILITIES, {.anchors = true}, ANCHORS, NULL},
             {YOLO_PROBABILITIES, {.anchors = true, .joined = true}, ANCHORS, "sigmoid"},
             {DISTRIBUTION, {.anchors = false}, 1, NULL},
             {SPLIT_DISTRIBUTION, {.anchors = false}, 1, NULL},
             {SPLIT_DISTRIBUTION, {.channels_last = true}, 1, NULL},
             {BOXES, {.anchors = false}, ANCHORS, "sigmoid"},
             {BOXES, {.anchors = false}, 1, "sigmoid"},
             {BOXES_PROBABILITIES, {.anchors = false}, ANCHORS, NULL},
             {BOXES_PROBABILITIES, {.anchors = true, .joined = true}, ANCHORS, NULL},
             {BOXES_PROBABILITIES, {.channels_last = true}, ANCHORS, NULL}};

static bool is_probability(enum kind kind)
{
    return kind == YOLO_PROBABILITIES || kind == BOXES_PROBABILITIES;
}

/* Outputs of a level: boxes and classes in one, or boxes behind the classes. */
static int make_level(struct builder *b, const struct form_case *form, struct value *map, struct value *outputs[2])
{
    bool yolo = form->kind == YOLO || form->kind == YOLO_PROBABILITIES;
    int64_t sides = form->kind == DISTRIBUTION || form->kind == SPLIT_DISTRIBUTION ? 64 : 4;
    outputs[0] = head_of(b, map, yolo ? 5 + CLASSES : CLASSES, form->anchors, &form->layout);
    if (is_probability(form->kind))
        outputs[0] = one(b, "Sigmoid", outputs[0]);
    if (yolo)
        return 1;
    outputs[1] = head_of(b, map, sides, form->anchors, &form->layout);
    if (form->kind != DISTRIBUTION)
        return 2;
    struct value *parts[2] = {outputs[1], outputs[0]};
    outputs[0] = join(b, parts, 2, 1);
    return 1;
}

/* Fills the graph; the levels' outputs of scores, also where they are joined, in levels[LEVELS]. */
static void make_form(struct builder *b, const struct form_case *form, int64_t images, struct value *levels[LEVELS])
{
    struct value *maps[LEVELS], *outputs[2][LEVELS];
    int count = 0;
    levels_of(b, images, maps);
    for (int i = 0; i < LEVELS; i++) {
        struct value *own[2];
        count = make_level(b, form, maps[i], own);
        levels[i] = outputs[0][i] = own[0];
        outputs[1][i] = own[count - 1];
    }
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < LEVELS && !form->layout.joined; i++)
            assert_int_equal(graph_add_output(b->graph, outputs[k][i], b->error), 0);
        if (form->layout.joined)
            assert_int_equal(graph_add_output(b->graph, join(b, outputs[k], LEVELS, 1), b->error), 0);
    }
}

/* ---- what the test itself knows ---- */

static double probability_of(const struct form_case *form, float number)
{
    return is_probability(form->kind) ? (double)number : sigmoid((double)number);
}

/* The best row of one image, counted over all levels, and its class. Places are counted in front of their anchors in
 * maps, behind them where anchors have an axis of their own. */
struct best {
    int64_t row, class_index;
    double probability;
};

static void look_at_level(const struct form_case *form, const struct tensor *y, int64_t image, int64_t *rows,
                          struct best *best)
{
    bool yolo = form->kind == YOLO || form->kind == YOLO_PROBABILITIES, anchors = form->layout.anchors;
    int64_t first = yolo ? 5 : form->kind == DISTRIBUTION ? 64 : 0, columns = first + CLASSES;
    int64_t size = shape_count(&y->shape) / y->shape.dims[0], places = size / columns / form->anchors;
    const float *numbers = (const float *)y->data + image * size;
    for (int64_t place = 0; place < places; place++) {
        for (int64_t a = 0; a < form->anchors; a++) {
            int64_t row = anchors ? a * places + place : place * form->anchors + a;
            int64_t step = anchors || form->layout.channels_last ? 1 : places;
            const float *own = numbers + (step == 1 ? row * columns : a * columns * places + place);
            for (int64_t k = 0; k < CLASSES; k++) {
                double p = probability_of(form, own[(first + k) * step]);
                p *= yolo ? probability_of(form, own[4 * step]) : 1;
                if (p > best->probability)
                    *best = (struct best){*rows + row, k, p};
            }
        }
    }
    *rows += places * form->anchors;
}

static void find_best(struct form *form, const struct form_case *kind, struct value *levels[LEVELS], int64_t images,
                      const float *pixels, struct best best[MOST_IMAGES])
{
    struct graph *graph = form->builder.graph;
    struct value *outputs[MOST_OUTPUTS_OF_FORM];
    int count = graph->output_count;
    memcpy(outputs, graph->outputs, (size_t)count * sizeof(struct value *));
    assert_int_equal(graph_set_outputs(graph, levels, LEVELS, form->builder.error), 0);
    struct graph *run = pipeline_run(&form->model, &(struct pipeline_request){0}, form->builder.error);
    assert_int_equal(graph_set_outputs(graph, outputs, count, form->builder.error), 0);
    struct session *session = session_create(run, form->builder.error);
    memcpy(session_input(session, 0)->data, pixels, sizeof(float) * (size_t)(images * 3 * SIDE * SIDE));
    assert_int_equal(session_run(session, form->builder.error), 0);
    for (int64_t image = 0; image < images; image++) {
        int64_t rows = 0;
        best[image].probability = -1;
        for (int i = 0; i < LEVELS; i++)
            look_at_level(kind, session_output(session, i), image, &rows, &best[image]);
    }
    session_destroy(session);
    graph_destroy(run);
}

static void test_levels(void **state)
{
    (void)state;
    static float pixels[MOST_IMAGES * 3 * SIDE * SIDE];
    struct random random = {.seed = 5};
    for (int i = 0; i < MOST_IMAGES * 3 * SIDE * SIDE; i++)
        pixels[i] = (float)(2 * random_uniform(&random) - 1);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        const struct form_case *kind = &cases[i / 2];
        int64_t images = 1 + (int64_t)(i % 2);
        struct form form;
        struct value *levels[LEVELS];
        struct best best[MOST_IMAGES];
        struct probe probe;
        struct probe_result run;
        begin(&form, &error);
        make_form(&form.builder, kind, images, levels);
        find_best(&form, kind, levels, images, pixels, best);
        form.model.activation = kind->option;
        const struct probe_request request = {.target = "logits",
                                              .kind = FOVEA_SCORE_CLASS,
                                              .place = FOVEA_PLACE_AUTO,
                                              .unit = {-1, -1},
                                              .source = PROBE_IMAGE};
        if (probe_create(&probe, &form.model, &request, &error))
            fail_msg("%d: %s", (int)i, error.message);
        assert_int_equal(class_scores_count(&probe.scores), CLASSES);
        if (kind->kind == BOXES_PROBABILITIES && !kind->layout.joined) /* scores are what the sigmoids read */
            assert_int_equal(probe.scores.activation, CLASS_SIGMOID);
        memcpy(probe_images(&probe)->data, pixels, sizeof(float) * (size_t)(images * 3 * SIDE * SIDE));
        assert_int_equal(probe_run(&probe, &run, &error), 0);
        for (int64_t image = 0; image < images; image++) {
            assert_int_equal(run.classes[image], best[image].class_index);
            assert_int_equal(run.units[image], best[image].row);
            assert_true(fabs(probe_probability(&probe, &run, image) - best[image].probability) < 1e-5);
        }
        probe_destroy(&probe);
        end(&form);
    }
}

/* Levels whose scores are neither softmax nor sigmoid, and one anchor whose columns nothing tells: refused. */
static void test_levels_that_are_not_told(void **state)
{
    (void)state;
    static const struct form_case untold[] = {{BOXES, {.anchors = false}, ANCHORS, NULL},
                                              {YOLO, {.anchors = false}, ANCHORS, NULL},
                                              {YOLO, {.anchors = true}, 1, NULL}};
    for (int i = 0; i < 3; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct head head;
        struct value *levels[LEVELS];
        begin(&form, &error);
        make_form(&form.builder, &untold[i], 1, levels);
        assert_int_equal(head_find(&form.model, form.builder.graph, form.builder.graph->inputs[0], &head, &error), 0);
        assert_int_equal(head.kind, HEAD_UNTOLD);
        assert_int_equal(head_check(&head, &error), -1);
        assert_non_null(strstr(error.message, i == 0 ? "`activation`" : "`target`"));
        end(&form);
    }
}

/* How many classes the caller names tells columns apart, also where the anchors are channels of maps. */
static void test_names_of_the_caller(void **state)
{
    (void)state;
    static const struct form_case named[] = {{YOLO, {.anchors = false}, ANCHORS, NULL},
                                             {YOLO, {.anchors = true}, 1, NULL}};
    for (int i = 0; i < 2; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct head head;
        struct value *levels[LEVELS];
        begin(&form, &error);
        make_form(&form.builder, &named[i], 1, levels);
        form.model.named_classes = CLASSES;
        assert_int_equal(head_find(&form.model, form.builder.graph, form.builder.graph->inputs[0], &head, &error), 0);
        assert_int_equal(head.kind, HEAD_ROWS);
        assert_int_equal(head.object, 4);
        assert_int_equal(class_scores_count(&head.classes), CLASSES);
        assert_int_equal(head.classes.view.units, named[i].anchors * (64 + 16 + 4));
        end(&form);
    }
}

/* A detector's own sigmoids are not overruled. */
static void test_activation_that_contradicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct form form;
        struct head head;
        struct value *levels[LEVELS];
        if (!is_probability(cases[i].kind))
            continue;
        begin(&form, &error);
        make_form(&form.builder, &cases[i], 1, levels);
        form.model.activation = "softmax";
        assert_int_equal(head_find(&form.model, form.builder.graph, form.builder.graph->inputs[0], &head, &error), -1);
        assert_non_null(strstr(error.message, "Sigmoid"));
        end(&form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_levels_that_are_not_told),
                                       cmocka_unit_test(test_names_of_the_caller),
                                       cmocka_unit_test(test_activation_that_contradicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
