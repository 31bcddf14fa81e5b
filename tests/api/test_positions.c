/* A study of positions: its fields are those of fovea_erf, its comparison and similarity hold by arithmetic, chance
 * goes by the seed; its folder. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../temporary.h"
#include "fovea.h"

struct study {
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_preprocess preprocess;
    struct fovea_feed image;
    struct fovea_erf_options options;
    struct fovea_positions positions;
    struct fovea_error error;
    int result;
};

static void begin(struct study *study, const char *name, uint64_t seed)
{
    char path[128];
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", name);
    *study = (struct study){.preprocess = {.preset = "raw", .resize = 32, .crop = 32},
                            .image = {.path = "tests/fixtures/images/rgb.jpg"}};
    study->fovea = fovea_open(&(struct fovea_options){.threads = 1, .seed = seed}, &study->error);
    study->model = fovea_model_load(study->fovea, path, &study->error);
    assert_non_null(study->model);
    study->options = (struct fovea_erf_options){
        .samples = {.feeds = &study->image, .feed_count = 1, .preprocess = &study->preprocess},
        .unit = {-1, -1},
        .class_index = FOVEA_CLASS_NONE};
    study->result = fovea_positions(study->model, &study->options, &study->positions, &study->error);
}

static void end(struct study *study)
{
    fovea_positions_free(&study->positions);
    fovea_model_free(study->model);
    assert_int_equal(fovea_close(study->fovea), 0);
}

static double overlap(const struct fovea_erf *a, const struct fovea_erf *b)
{
    double sum = 0;
    for (int64_t i = 0; i < a->height * a->width; i++)
        sum += fmin((double)a->map[i] / a->sum, (double)b->map[i] / b->sum);
    return sum;
}

static void an_embedding_is_compared_with_chance(void **state)
{
    (void)state;
    struct study study;
    struct fovea_erf alone;
    begin(&study, "vit_mean", 0);
    const struct fovea_positions *positions = &study.positions;
    assert_int_equal(study.result, 0);
    assert_string_equal(positions->embedding, "pos_embed");
    assert_true(positions->grid[0] == 8 && positions->grid[1] == 8 && positions->patch[0] == 4);
    assert_int_equal(positions->bias_count, 0);
    for (int i = 0; i < 64; i++)
        assert_true(i == 3 * 8 + 3 ? fabs(positions->similarity[i] - 1) < 1e-6 : positions->similarity[i] < 1);
    assert_int_equal(fovea_erf(study.model, &study.options, &alone, &study.error), 0);
    assert_memory_equal(alone.map, positions->erf[0].map, 32 * 32 * sizeof *alone.map);
    fovea_erf_free(&alone);
    assert_memory_not_equal(positions->erf[0].map, positions->erf[1].map, 32 * 32 * sizeof *alone.map);
    assert_null(positions->erf[0].comparison);
    assert_non_null(positions->erf[1].comparison);
    assert_true(fabs(positions->erf[1].comparison->overlap - overlap(&positions->erf[0], &positions->erf[1])) < 1e-5);
    for (int i = 0; i < 2; i++) {
        assert_true(positions->order[i].change > 0 && positions->order[i].change < 1);
        assert_true(positions->order[i].agreement >= 0 && positions->order[i].agreement <= 1);
    }
    end(&study);
}

static void relative_biases_are_maps_of_offsets(void **state)
{
    (void)state;
    struct study study;
    begin(&study, "swin_t", 0);
    const struct fovea_positions *positions = &study.positions;
    assert_int_equal(study.result, 0);
    assert_null(positions->embedding);
    assert_int_equal(positions->bias_count, 8);
    for (int i = 0; i < 8; i++) {
        const struct fovea_relative_bias *bias = &positions->biases[i];
        assert_int_equal(bias->window[0], i < 6 ? 4 : 2);
        assert_int_equal(bias->size[1], 2 * bias->window[1] - 1);
        assert_int_equal(bias->prefix_tokens, 0);
    }
    end(&study);
}

static void chance_goes_by_the_seed(void **state)
{
    (void)state;
    struct study studies[3];
    for (int i = 0; i < 3; i++) {
        begin(&studies[i], "vit_mean", i < 2 ? 7 : 8);
        assert_int_equal(studies[i].result, 0);
    }
    const size_t bytes = 32 * 32 * sizeof(float);
    assert_memory_equal(studies[0].positions.erf[1].map, studies[1].positions.erf[1].map, bytes);
    assert_memory_not_equal(studies[0].positions.erf[1].map, studies[2].positions.erf[1].map, bytes);
    assert_true(studies[0].positions.order[0].change == studies[1].positions.order[0].change);
    assert_true(studies[0].positions.order[0].change != studies[2].positions.order[0].change);
    for (int i = 0; i < 3; i++)
        end(&studies[i]);
}

static void a_model_without_positions_is_refused(void **state)
{
    (void)state;
    struct study study;
    begin(&study, "vit_no_positions", 0);
    assert_int_equal(study.result, -1);
    assert_int_equal(study.error.code, FOVEA_BAD_INPUT);
    assert_non_null(strstr(study.error.message, "no position embedding and no relative bias"));
    end(&study);
}

static void assert_written(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, R_OK) != 0)
        fail_msg("%s is not there", path);
}

static void a_folder_holds_the_study_and_is_not_replaced(void **state)
{
    (void)state;
    static const char *const files[] = {"positions.json",    "similarity.npy",          "similarity.png",
                                        "original/erf.json", "randomised/erf.npy",      "randomised/difference.png",
                                        "manifest.json",     "randomised/manifest.json"};
    struct study study;
    const char *folder = temporary_path("positions");
    begin(&study, "vit_mean", 0);
    if (fovea_positions_write(study.model, &study.positions, folder, false, &study.error))
        fail_msg("%s", study.error.message);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_written(folder, files[i]);
    assert_int_equal(fovea_positions_write(study.model, &study.positions, folder, false, &study.error), -1);
    assert_int_equal(study.error.code, FOVEA_BAD_INPUT);
    assert_int_equal(fovea_positions_write(study.model, &study.positions, folder, true, &study.error), 0);
    end(&study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_embedding_is_compared_with_chance),
        cmocka_unit_test(relative_biases_are_maps_of_offsets),
        cmocka_unit_test(chance_goes_by_the_seed),
        cmocka_unit_test(a_model_without_positions_is_refused),
        cmocka_unit_test(a_folder_holds_the_study_and_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
