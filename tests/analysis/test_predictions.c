/* How many predictions stay, whatever the form of the scores: under a scale of the images, and in a changed model. The
 * networks are 20 (mean of an image or a pixel - .5), tools/fixtures/heads.py. */
#include "../guide/guide_run.h"

#include "analysis/scale_agreement.h"

#define HEADS "tests/fixtures/heads/"
#define IMAGES 8
#define SCALES 3

static const char *const models[] = {"one_logit", "one_sigmoid", "one_channel",   "squeezed",
                                     "pixels",    "pixels_last", "pixels_argmax", "logits"};

/* Image i is .05 + i / 10 everywhere: three of eight are of class 1. */
static int read_gray(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    int64_t elements = shape_count(&images->shape) / images->shape.dims[0];
    (void)user, (void)error;
    for (int64_t i = 0; i < count * elements; i++)
        tensor_set_number(images, i, .05 + .1 * (double)(first + i / elements));
    return 0;
}

static void open_head(struct guide_run *run, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, HEADS "%s.onnx", name);
    run_open(run, path);
    run_give_images(run, IMAGES);
    run->images.read = read_gray;
}

static void scales_move_what_they_must(void **state)
{
    static const double scales[SCALES] = {.5, 2, 4}, expected[SCALES] = {5. / 8, 6. / 8, 4. / 8};
    (void)state;
    for (size_t i = 0; i + 1 < sizeof models / sizeof models[0]; i++) {
        struct guide_run run;
        struct target scores;
        double agreement[SCALES];
        open_head(&run, models[i]);
        CHECK(&run, target_find(run.model, run.network.graph, run.network.image, "logits", &scores, &run.error) == 0);
        CHECK(&run, scale_agreement(run.model, &run.images, &scores, scales, SCALES, agreement, &run.error) == 0);
        for (int k = 0; k < SCALES; k++)
            CHECK(&run, fabs(agreement[k] - expected[k]) < 1e-12);
        run_close(&run);
    }
}

/* The last bias moves the border from .5 to .2: images of .25, .35 and .45 change sides. */
static void a_changed_model_agrees_where_it_must(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct guide_run before, after;
        struct fovea_proof result;
        bool three = strcmp(models[i], "logits") == 0;
        open_head(&before, models[i]);
        open_head(&after, models[i]);
        struct constant *constant = graph_find_value(after.model->graph, "b")->constant;
        CHECK(&after, constant_data(constant, &after.error));
        struct tensor *bias = &constant->tensor;
        tensor_set_number(bias, shape_count(&bias->shape) - 1, three ? -1.9 : -4);
        struct snapshot *a = snapshot_create(before.model, &before.error);
        struct snapshot *b = snapshot_create(after.model, &after.error);
        const struct network *network = &before.network;
        CHECK(&before, snapshot_bind(a, network->bindings, network->binding_count, &before.error) == 0);
        CHECK(&after, snapshot_bind(b, network->bindings, network->binding_count, &after.error) == 0);
        CHECK(&before, equivalence_measure(a, b, &before.images, 0, &result, NULL, &before.error) == 0);
        /* Of three labels the first was the largest, and the last is. */
        CHECK(&before, fabs(result.agreement - (three ? 0 : 5. / 8)) < 1e-12);
        CHECK(&before, equivalence_measure(a, a, &before.images, 0, &result, NULL, &before.error) == 0);
        CHECK(&before, result.agreement == 1);
        snapshot_destroy(a);
        snapshot_destroy(b);
        run_close(&before);
        run_close(&after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scales_move_what_they_must),
                                       cmocka_unit_test(a_changed_model_agrees_where_it_must)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
