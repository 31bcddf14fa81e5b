/* The layer that a detector's cell is looked at on: of its own level, the last map that it reads several places of. */
#include "head_fixture.h"

#include <stdio.h>

#include "analysis/cell_layer.h"
#include "structure/image_input.h"

#define CLASSES 3

/* What stands between a level's map and the scores of its cells, and whether an objectness with a branch of its own
 * multiplies these. */
enum branch { BRANCH_WIDE, BRANCH_POINTWISE, BRANCH_TIMES_OBJECT };

static struct value *named(struct builder *b, struct value *value, const char *level, const char *what)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%s", level, what);
    return name_value(b->graph, value, name, b->error);
}

/* Scores [1,CLASSES,cells] of a level: "LEVEL-inner" is behind the stride, "LEVEL-map" behind a 3
 * x 3 of it where `deep`, "LEVEL-branch" in front of the pointwise product. */
static struct value *level_of(struct builder *b, struct value **x, const char *level, enum branch branch, bool deep)
{
    struct value *map = named(b, one(b, "Relu", convolve(b, *x, FEATURES, 3, 2)), level, deep ? "inner" : "map");
    if (deep)
        map = named(b, one(b, "Relu", convolve(b, map, FEATURES, 3, 1)), level, "map");
    struct value *features = map;
    if (branch == BRANCH_WIDE)
        features = named(b, one(b, "Relu", convolve(b, map, FEATURES, 3, 1)), level, "branch");
    *x = map;
    struct value *scores = one(b, "Sigmoid", flat(b, convolve(b, features, CLASSES, 1, 1)));
    if (branch != BRANCH_TIMES_OBJECT)
        return scores;
    struct value *object = convolve(b, one(b, "Relu", convolve(b, map, FEATURES, 3, 1)), 1, 1, 1);
    return two(b, "Mul", one(b, "Sigmoid", flat(b, object)), scores);
}

struct asked {
    const struct model *model;
    int64_t unit;
    char layer[64];
};

static int ask(void *user, struct graph *graph, struct error *error)
{
    struct asked *asked = user;
    struct target target;
    struct value *layer;
    int index;
    const struct value *image = image_input(graph, &index);
    if (target_find(asked->model, graph, image, "before-resize", &target, error) ||
        cell_layer_find(graph, image, &target, asked->unit, &layer, error))
        return -1;
    snprintf(asked->layer, sizeof asked->layer, "%s", layer ? layer->name : "");
    return 0;
}

static void check_layer(struct form *form, int64_t unit, const char *expected)
{
    struct error error = ERROR_INITIALISER;
    struct asked asked = {&form->model, unit, ""};
    const struct pipeline_request request = {.select = ask, .user = &asked, .no_fusion = true};
    struct graph *graph = pipeline_run(&form->model, &request, &error);
    if (!graph)
        fail_msg("%s", error.message);
    graph_destroy(graph);
    if (strcmp(asked.layer, expected) != 0)
        fail_msg("cell %d: '%s', expected '%s'", (int)unit, asked.layer, expected);
}

/* Cells 0..63 are those of the fine level, 64..79 those of the coarse one. */
static void check_detector(enum branch branch, bool deep, const char *fine, const char *coarse)
{
    struct error error = ERROR_INITIALISER;
    struct form form;
    begin(&form, &error);
    struct builder *b = &form.builder;
    struct value *x = add_image(b->graph, 3, SIDE, SIDE, b->error), *rows[2];
    rows[0] = level_of(b, &x, "fine", branch, deep);
    rows[1] = level_of(b, &x, "coarse", branch, deep);
    form.model.named_classes = CLASSES;
    assert_int_equal(graph_add_output(b->graph, MOVED(b, join(b, rows, 2, 2), 0, 2, 1), &error), 0);
    check_layer(&form, 0, fine); /* in the corner only 2 x 2 places of its window are inside */
    check_layer(&form, 27, fine);
    check_layer(&form, 63, fine);
    check_layer(&form, 64, coarse);
    check_layer(&form, 79, coarse);
    end(&form);
}

static void test_detectors(void **state)
{
    (void)state;
    check_detector(BRANCH_WIDE, true, "fine-map", "coarse-map");
    check_detector(BRANCH_WIDE, false, "fine-map", "coarse-map");
    check_detector(BRANCH_POINTWISE, true, "fine-inner", "coarse-inner");
    check_detector(BRANCH_TIMES_OBJECT, true, "fine-inner", "coarse-inner"); /* the classes' product tells */
    /* A level of one place only: what its product reads. */
    check_detector(BRANCH_POINTWISE, false, "fine-map", "coarse-map");
}

/* A map of scores is looked at by its own units. */
static void test_map(void **state)
{
    struct error error = ERROR_INITIALISER;
    struct form form;
    (void)state;
    begin(&form, &error);
    struct builder *b = &form.builder;
    struct value *x = add_image(b->graph, 3, SIDE, SIDE, b->error);
    x = named(b, one(b, "Relu", convolve(b, x, FEATURES, 3, 2)), "level", "map");
    x = named(b, one(b, "Relu", convolve(b, x, FEATURES, 3, 1)), "level", "branch");
    assert_int_equal(graph_add_output(b->graph, convolve(b, x, CLASSES, 1, 1), &error), 0);
    check_layer(&form, 0, "level-map");
    check_layer(&form, 36, "level-map");
    end(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_detectors), cmocka_unit_test(test_map)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
