/* Recipes of tuning after a rewrite: they train what the record in the metadata leads to, and say so where it does not.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../temporary.h"
#include "fovea.h"
#include "image/image.h"

#define SIDE 33
#define FIXTURES "tests/fixtures/training/"

/* What a run told of itself before it started; texts are copied. */
struct told {
    char chosen[512], pending[32], corrective[32];
    int parameters, trained;
};

static struct fovea *fovea;
static struct fovea_error error;

/* Four pictures of 33 x 33 and masks of two classes, for the segmentation network. */
static void write_pictures(void)
{
    struct memory *memory = memory_create((size_t)1 << 24);
    struct error failure = ERROR_INITIALISER;
    assert_int_equal(mkdir(temporary_path("images"), 0700), 0);
    assert_int_equal(mkdir(temporary_path("masks"), 0700), 0);
    for (int i = 0; i < 8; i++) {
        struct image image;
        char path[160];
        assert_int_equal(image_allocate(memory, &image, SIDE, SIDE, i < 4 ? 3 : 1, &failure), 0);
        for (size_t k = 0; k < image_bytes(&image); k++)
            image.pixels[k] = (uint8_t)(i < 4 ? k * (size_t)(3 + i) % 251 : k % SIDE < SIDE / 2);
        snprintf(path, sizeof path, "%.96s/%d.png", temporary_path(i < 4 ? "images" : "masks"), i % 4);
        assert_int_equal(image_write_png(memory, path, &image, &failure), 0);
        image_release(memory, &image);
    }
    memory_destroy(memory);
}

static int open_library(void **state)
{
    (void)state;
    write_pictures();
    fovea = fovea_open(&(struct fovea_options){.threads = 2, .seed = 3}, &error);
    return fovea ? 0 : -1;
}

static int close_library(void **state)
{
    (void)state;
    assert_int_equal(fovea_close(fovea), 0);
    return 0;
}

static struct fovea_model *load(const char *path)
{
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    if (!model)
        fail_msg("%s", error.message);
    return model;
}

/* The network of a fixture after the guide's rewrite. */
static struct fovea_model *rewritten(const char *network, const char *guide, bool fold)
{
    char path[128];
    snprintf(path, sizeof path, FIXTURES "%s/model.onnx", network);
    struct fovea_model *model = load(path);
    struct fovea_rewrite rewrite;
    struct fovea_rewrite_options options = {
        .apply = &guide, .apply_count = 1, .fold = fold, .retrain = true, .force = true};
    options.audit.settings = (const char *const[]){"groups.mode=formula"};
    options.audit.setting_count = 1;
    if (fovea_rewrite(model, &options, temporary_path("rewritten.onnx"), &rewrite, &error))
        fail_msg("%s", error.message);
    assert_true(rewrite.applied > 0);
    fovea_rewrite_free(&rewrite);
    fovea_model_free(model);
    return load(temporary_path("rewritten.onnx"));
}

static void keep_plan(void *user, const struct fovea_tune_plan *plan)
{
    struct told *told = user;
    *told = (struct told){.parameters = plan->parameters, .trained = plan->trained};
    snprintf(told->chosen, sizeof told->chosen, "%s", plan->chosen ? plan->chosen : "");
    snprintf(told->pending, sizeof told->pending, "%s", plan->pending ? plan->pending : "");
    snprintf(told->corrective, sizeof told->corrective, "%s", plan->corrective ? plan->corrective : "");
}

/* A step or two on the fixture's arrays, or on the pictures; what differs afterwards. */
static struct told tune(struct fovea_model *model, const char *network, const char *recipe, const char *freeze,
                        struct fovea_diff *diff)
{
    char images[128], labels[128];
    bool maps = strcmp(network, "deeplab") == 0;
    struct fovea_preprocess raw = {.preset = "raw", .crop = SIDE, .resize = SIDE};
    snprintf(images, sizeof images, FIXTURES "%s/x.npy", network);
    snprintf(labels, sizeof labels, FIXTURES "%s/y.npy", network);
    struct fovea_tune_options options = {.data = {.path = maps ? temporary_path("images") : images,
                                                  .masks = maps ? temporary_path("masks") : NULL,
                                                  .labels = maps ? NULL : labels,
                                                  .ignore = -1,
                                                  .validation_share = -1},
                                         .preprocess = maps ? &raw : NULL,
                                         .epochs = 1,
                                         .batch = maps ? 4 : 8,
                                         .optimiser = FOVEA_ADAMW,
                                         .rate = 0.01,
                                         .statistics = FOVEA_STATISTICS_FROZEN,
                                         .freeze = &freeze,
                                         .freeze_count = freeze != NULL,
                                         .recipe = recipe};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        options.decays[i] = NAN;
    struct told told;
    struct fovea_tune result;
    struct fovea_tune_calls calls = {.plan = keep_plan, .user = &told};
    if (fovea_tune(model, &options, temporary_path("tuned.onnx"), true, &calls, &result, &error))
        fail_msg("%s", error.message);
    fovea_tune_free(&result);
    struct fovea_model *tuned = load(temporary_path("tuned.last.onnx"));
    if (fovea_diff(model, tuned, &(struct fovea_diff_options){0}, diff, &error))
        fail_msg("%s", error.message);
    fovea_model_free(tuned);
    return told;
}

/* The weight's change of the run; NULL: none. */
static const struct fovea_change *change_of(const struct fovea_diff *diff, const char *part)
{
    for (int64_t i = 0; i < diff->change_count; i++) {
        if (diff->changes[i].kind == FOVEA_CHANGE_WEIGHT_ELEMENTS && strstr(diff->changes[i].name, part))
            return &diff->changes[i];
    }
    return NULL;
}

/* Atrous rates: what reads the map of the rewritten branches, and what follows, trains; nothing in front of it. */
static void test_head_first(void **state)
{
    (void)state;
    struct fovea_diff diff;
    struct fovea_model *model = rewritten("deeplab", "atrous", false);
    struct told told = tune(model, "deeplab", "atrous", NULL, &diff);
    assert_int_equal(told.trained, 23);
    assert_int_equal(told.parameters, 29);
    assert_non_null(strstr(told.chosen, "23 parameters from the map on"));
    assert_non_null(change_of(&diff, "head.0.convs.0.0"));
    assert_non_null(change_of(&diff, "head.4"));
    assert_null(change_of(&diff, "backbone"));
    fovea_diff_free(&diff);
    told = tune(model, "deeplab", "atrous", "!*", &diff); /* what is said by hand goes first */
    assert_string_equal(told.chosen, "");
    assert_int_equal(told.trained, 29);
    fovea_diff_free(&diff);
    fovea_model_free(model);
}

/* A file that was not rewritten: said, and all train. */
static void test_no_record(void **state)
{
    (void)state;
    struct fovea_diff diff;
    struct fovea_model *model = load(FIXTURES "deeplab/model.onnx");
    struct told told = tune(model, "deeplab", "atrous", NULL, &diff);
    assert_non_null(strstr(told.chosen, "no record of a rewrite by 'atrous'"));
    assert_int_equal(told.trained, told.parameters);
    assert_string_equal(told.pending, "");
    fovea_diff_free(&diff);
    fovea_model_free(model);
}

/* A and sigma are learned, nothing else of the bias is, and the rest moves by a twentieth. */
static void test_gaussian_bias(void **state)
{
    (void)state;
    struct fovea_diff diff;
    struct fovea_model *model = rewritten("vit", "gaussian-bias", false);
    struct told told = tune(model, "vit", "gaussian-bias", NULL, &diff);
    /* The class token's row has no bias: those of the last layer move nothing that is read. */
    assert_non_null(strstr(told.chosen, "2 parameters that 'gaussian-bias' added"));
    assert_non_null(strstr(told.chosen, "2 more that it added stay"));
    assert_int_equal(told.trained, told.parameters - 2);
    assert_string_equal(told.pending, "gaussian-bias");
    assert_string_equal(told.corrective, "gaussian-bias");
    const struct fovea_change *amplitude = change_of(&diff, "gaussian_amplitude");
    assert_non_null(amplitude);
    assert_non_null(change_of(&diff, "gaussian_sigma"));
    assert_null(change_of(&diff, "gaussian_zeros"));
    assert_null(change_of(&diff, "gaussian_minus_two"));
    const struct fovea_change *rest = change_of(&diff, "conv_proj.weight");
    assert_non_null(rest);
    assert_true(amplitude->largest > 10 * rest->largest);
    fovea_diff_free(&diff);
    fovea_model_free(model);
    model = rewritten("vit", "gaussian-bias", true);
    told = tune(model, "vit", "prelayernorm", NULL, &diff);
    assert_non_null(strstr(told.chosen, "no record of a rewrite by 'prelayernorm'"));
    fovea_diff_free(&diff);
    fovea_model_free(model);
}

static void test_prelayernorm(void **state)
{
    (void)state;
    struct fovea_diff diff;
    struct fovea_model *model = rewritten("vit", "prelayernorm", false);
    struct told told = tune(model, "vit", "prelayernorm", NULL, &diff);
    assert_non_null(strstr(told.chosen, "2 parameters that 'prelayernorm' added"));
    const struct fovea_change *gamma = change_of(&diff, "prelayernorm_gamma"), *rest = change_of(&diff, "ln_1.weight");
    assert_non_null(gamma);
    assert_non_null(rest);
    assert_true(gamma->largest > 5 * rest->largest);
    fovea_diff_free(&diff);
    fovea_model_free(model);
}

/* An exact rewrite is pending too, but a teacher is right for it. */
static void test_exact(void **state)
{
    (void)state;
    struct fovea_diff diff;
    struct fovea_model *model = rewritten("group_norm", "kernel-padding", false);
    struct told told = tune(model, "group_norm", NULL, NULL, &diff);
    assert_string_equal(told.pending, "kernel-padding");
    assert_string_equal(told.corrective, "");
    fovea_diff_free(&diff);
    fovea_model_free(model);
    model = rewritten("group_norm", "groups", false);
    told = tune(model, "group_norm", NULL, NULL, &diff);
    assert_string_equal(told.corrective, "groups");
    fovea_diff_free(&diff);
    fovea_model_free(model);
    model = load(temporary_path("tuned.onnx")); /* trained by now */
    told = tune(model, "group_norm", "groups", NULL, &diff);
    assert_string_equal(told.pending, "");
    assert_string_equal(told.chosen, "all parameters train alike");
    fovea_diff_free(&diff);
    fovea_model_free(model);
}

/* Every guide that rewrites has a recipe, and all settings are told why. */
static void test_table(void **state)
{
    (void)state;
    struct fovea_guide guide;
    struct fovea_recipe recipe;
    for (int i = 0; fovea_guide_at(i, &guide); i++) {
        if (fovea_recipe_find(guide.name, &recipe, &error))
            fail_msg("%s", error.message);
        assert_non_null(recipe.reason);
        for (const struct fovea_recipe_setting *row = recipe.settings; row->field; row++)
            assert_true(row->value[0] && row->why[0]);
    }
    assert_int_equal(fovea_recipe_find("cam", &recipe, &error), -1);
    assert_non_null(strstr(error.message, "nothing to train"));
    assert_int_equal(fovea_recipe_find("atrous,gamma", &recipe, &error), -1);
    assert_non_null(strstr(error.message, "one guide"));
    assert_int_equal(fovea_recipe_find("nonsense", &recipe, &error), -1);
    assert_non_null(strstr(error.message, "kernel-padding"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_head_first),    cmocka_unit_test(test_no_record),
                                       cmocka_unit_test(test_gaussian_bias), cmocka_unit_test(test_prelayernorm),
                                       cmocka_unit_test(test_exact),         cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, open_library, close_library);
}
