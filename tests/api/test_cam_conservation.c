/* Extended-CAM's parts add up to the score: on transformers in the forms of several exporters, and on networks with
 * statistics and gates; where the true gradient does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fovea.h"

struct seen {
    int maps;
    double extended_gap, gradient_gap, rest; /* rest: of the score without all its parts, over the score */
    double class_token, around;              /* over the score */
};

static int take(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    (void)error;
    struct seen *seen = user;
    seen->maps++;
    if (cam->method != FOVEA_CAM_EXTENDED) {
        seen->gradient_gap = cam->gap;
        return 0;
    }
    double cells = 0;
    for (int64_t i = 0; i < cam->cells[0] * cam->cells[1]; i++)
        cells += cam->map[i];
    seen->extended_gap = cam->gap;
    seen->class_token = cam->class_token / cam->score;
    seen->around = cam->around / cam->score;
    seen->rest = (cam->score - cells - cam->class_token - cam->around - cam->biases) / cam->score;
    return 0;
}

static struct seen explain(const char *name, int64_t side, const char *layer)
{
    char path[128];
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", name);
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    assert_non_null(model);
    struct fovea_preprocess preprocess = {.preset = "raw", .resize = side, .crop = side};
    const struct fovea_feed image = {.path = "tests/fixtures/images/rgb.jpg"};
    const struct fovea_cam_options options = {.samples = {.feeds = &image, .feed_count = 1, .preprocess = &preprocess},
                                              .class_index = FOVEA_CLASS_PREDICTED,
                                              .unit = {-1, -1},
                                              .layer = layer,
                                              .methods = 1u << FOVEA_CAM_EXTENDED | 1u << FOVEA_CAM_GRAD,
                                              .sigma = 8};
    struct seen seen = {0};
    if (fovea_cam(model, &options, take, &seen, &error))
        fail_msg("%s: %s", name, error.message);
    assert_int_equal(seen.maps, 2);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
    return seen;
}

static void parts_add_up(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t side;
        bool moves;  /* the true gradient leaves more than a tenth unexplained */
        bool prefix; /* the head reads prefix tokens, and only these reach it round the layers */
    } cases[] = {{"vit_b_16", 224, true, true},
                 {"vit_of_two", 32, true, true},
                 {"deit_distilled", 56, true, true},
                 {"clip_vision", 32, true, true},
                 {"vit_attention_23", 16, true, true},
                 {"ort_vit", 32, true, true},
                 {"dynamo_vit", 32, true, true},
                 {"maxvit", 32, true, false},
                 {"vit_convolutional_stem", 32, true, true},
                 {"resnet50_gn", 32, true, false},
                 {"swin_t", 32, false, false},
                 {"swin_torchvision", 32, false, false},
                 {"se_resnet_bn", 64, false, false},
                 {"gate_hard", 32, false, false},
                 {"efficientnet_b0_bn", 64, false, false},
                 {"mobilevit", 32, false, false},
                 {"batch_statistics", 32, true, false},
                 {"cait", 32, true, true},
                 {"vit_attention_pool", 32, true, false},
                 {"vit_token_and_patches", 32, false, true},
                 {"dynamo_attention", 16, true, true},
                 {"dynamo_functions", 16, true, true},
                 {"keras_einsum", 16, false, true},
                 {"paddle_attention", 16, true, true},
                 {"paddle_split", 16, true, true},
                 {"patches_einsum", 32, true, true},
                 {"vit_hybrid", 64, true, true},
                 {"mobilevit1", 32, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = explain(cases[i].name, cases[i].side, NULL);
        if (!(fabs(seen.extended_gap) < 1e-5) || !(fabs(seen.rest) < 1e-5))
            fail_msg("%s: gap %g, rest %g", cases[i].name, seen.extended_gap, seen.rest);
        if (cases[i].moves != (fabs(seen.gradient_gap) > 0.1))
            fail_msg("%s: gap of the true gradient %g", cases[i].name, seen.gradient_gap);
        if (cases[i].prefix != (fabs(seen.class_token) > 1e-3) || (cases[i].prefix && !(fabs(seen.around) < 1e-6)))
            fail_msg("%s: class token %g, around %g", cases[i].name, seen.class_token, seen.around);
    }
}

/* From further in front, through all that lies behind: also where the layer is bypassed. */
static void parts_add_up_from_any_layer(void **state)
{
    (void)state;
    static const char *const layers[][2] = {
        {"batch_statistics", "1"}, {"batch_statistics", "7"}, {"mobilevit", "3"}, {"mobilevit", "57"}};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        struct seen seen = explain(layers[i][0], 32, layers[i][1]);
        if (!(fabs(seen.extended_gap) < 1e-5) || !(fabs(seen.rest) < 1e-5))
            fail_msg("%s, %s: gap %g, rest %g", layers[i][0], layers[i][1], seen.extended_gap, seen.rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_add_up), cmocka_unit_test(parts_add_up_from_any_layer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
