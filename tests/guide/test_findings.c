/* What guides find in small networks of every pattern and exporter: tests/fixtures/structures/README.md says what each
 * network is. */
#include "guide/atrous.h"
#include "guide/dropout_noise.h"
#include "guide_run.h"
#include "structure/exporter.h"
#include "structure/token_trace.h"

/* One expectation: the code, how many nodes it is about (-1: not looked at), and words of its text or advice. */
struct expectation {
    const char *network, *code;
    int nodes;
    const char *words;
};

static void check(const char *guide, const struct expectation *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct guide_run run;
        run_structure(&run, expected[i].network, guide, NULL, NULL);
        const struct fovea_advice *advice = finding_with(&run, expected[i].network, expected[i].code);
        if (expected[i].nodes >= 0 && advice->node_count != expected[i].nodes)
            fail_msg("%s %s: %d nodes, expected %d", expected[i].network, expected[i].code, advice->node_count,
                     expected[i].nodes);
        if (!strstr(advice->found, expected[i].words) &&
            !(advice->recommend && strstr(advice->recommend, expected[i].words)))
            fail_msg("%s %s: '%s', '%s'", expected[i].network, expected[i].code, advice->found,
                     advice->recommend ? advice->recommend : "");
        run_close(&run);
    }
}
#define CHECK_FINDINGS(guide, list) check(guide, list, sizeof list / sizeof list[0])

static void test_gamma(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {"resnet18_bn", "GAMMA001", 0, "8 last, 3 down, 1 stem, 8 other"},
        {"resnet50_bn", "GAMMA001", 0, "16 last, 4 down, 1 stem, 32 other"},
        {"resnet101_bn", "GAMMA001", 0, "33 last, 4 down, 1 stem, 66 other"},
        {"mobilenet_v2_bn", "GAMMA001", 0, "10 last, 0 down, 6 stem, 36 other"},
        {"efficientnet_b0_bn", "GAMMA001", 0, "9 last, 0 down, 6 stem, 34 other"},
        {"preact_resnet50_bn", "GAMMA001", 0, "16 last, 4 down, 1 stem, 28 other"},
        {"se_resnet_bn", "GAMMA001", 0, "2 last, 1 down, 1 stem, 2 other"},
        {"feature_pyramid_bn", "GAMMA001", 0, "in 2 residual blocks: 2 last, 1 down, 1 stem, 2 other"},
        {"tied_branches_bn", "GAMMA002", 0, "not clear"},
        {"densenet_bn", "GAMMA003", 0, "concatenating networks are not covered"},
        {"resnet18_folded", "GAMMA002", 0, "folded"},
        {"resnet50_folded", "GAMMA002", 0, "folded"},
        {"dropout_wide_folded", "GAMMA002", 0, "some of BatchNormalization was folded"},
        {"vit_convolutional_stem", "GAMMA003", 0, "no BatchNormalization in residual blocks"},
        {"maxvit", "GAMMA002", 0, "some of BatchNormalization was folded"},
        {"vit_mean", "GAMMA003", 0, "no BatchNormalization"},
        {"repvgg_bn", "GAMMA003", 0, "normalised identity"},
        {"repvgg_folded", "GAMMA003", 0, "normalised identity"},
        {"keras_fused", "GAMMA003", 0, "no BatchNormalization in residual blocks"},
        {"nfnet", "GAMMA003", 0, "standardised in the graph"},
        {"mobilevit2_bn", "GAMMA001", 0, "in 3 residual blocks"},
        {"detr_dropout", "GAMMA001", 0, "2 last, 2 down, 1 stem, 2 other"},
    };
    CHECK_FINDINGS("gamma", list);
}

static void test_dropout(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {"dropout_wide_before_norm", "DROPOUT001", 3, "in front of a BatchNormalization"},
        {"dropout_wide_before_norm_11", "DROPOUT001", 3, "in front of a BatchNormalization"},
        {"dropout_wide_training", "DROPOUT001", 3, "in front of a BatchNormalization"},
        {"dropout_wide_training", "DROPOUT008", 0, "training mode"},
        {"dropout_wide_twice", "DROPOUT001", 3, "in front of a BatchNormalization"},
        {"dropout_wide_right", "DROPOUT000", 0, "4 of 4"},
        {"dropout_wide_eval", "DROPOUT005", 0, "3 of 3 branches"},
        {"dropout_bottleneck_early", "DROPOUT001", 2, "last weight"},
        {"dropout_bottleneck_right", "DROPOUT004", 1, "in front of the pool"},
        {"dropout_dense", "DROPOUT002", 4, "behind the last weight"},
        {"dropout_post_middle", "DROPOUT001", 2, "has no right place"},
        {"dropout_post_end", "DROPOUT002", 2, "has no right place"},
        {"dropout_shortcut", "DROPOUT003", 2, "has no right place"},
        {"dropout_head_after", "DROPOUT004", 1, "drops whole channels"},
        {"dropout_head_before", "DROPOUT000", 0, "1 of 1"},
        {"dropout_mobilenet_v2", "DROPOUT004", 1, "in front of the pool"},
        {"dropout_group_norm", "DROPOUT004", 1, "in front of the pool"},
        {"dropout_vit", "DROPOUT006", 0, "other normalisations have no statistics"},
        {"resnet18_bn", "DROPOUT005", 0, "0 of 8 branches"},
        {"resnet18_folded", "DROPOUT005", 0, "no BatchNormalization is visible"},
        {"se_resnet_bn", "DROPOUT005", 0, "0 of 2 branches"},
        {"resnet50_gn", "DROPOUT006", 0, "other normalisations have no statistics"},
        {"detr_dropout", "DROPOUT000", 0, "0 of 8 Dropouts"},
        {"dropout_zero", "DROPOUT006", 0, "1 Dropout of ratio 0, which does nothing"},
        {"densenet_folded", "DROPOUT005", 0, "no BatchNormalization is visible"},
        {"repvgg_bn", "DROPOUT006", 0, "no residual branches"},
        {"keras_fused", "DROPOUT006", 0, "no residual branches with BatchNormalization"},
        {"nfnet", "DROPOUT006", 0, "no residual branches with BatchNormalization"},
    };
    CHECK_FINDINGS("dropout", list);
}

static void test_atrous(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {"deeplabv3_33", "ATROUS001", 3, "rates 5, 10, 15"},
        {"deeplabv3_65", "ATROUS000", 3, "1.12 x 1.12"},
        {"deeplabv3_rates_small_33", "ATROUS000", 3, "1.12 x 1.12"},
        {"deeplabv3_rates_small_65", "ATROUS001", 3, "rates 10, 20, 30"},
        {"deeplabv3_rectangle", "ATROUS001", 3, "h 10, 20, 30, w 21, 42, 63"},
        {"deeplabv3_free", "ATROUS002", 3, "`input_size`"},
        {"deeplabv3_bn", "ATROUS001", 3, "rates 5, 10, 15"},
        {"mmseg_aspp", "ATROUS001", 3, "rates 5, 10, 15"},
        {"mmseg_separable_aspp", "ATROUS001", 3, "rates 5, 10, 15"},
        {"tf_aspp_each", "ATROUS001", 3, "rates 5, 10, 15"},
        {"tf_aspp_ends", "ATROUS001", 3, "rates 5, 10, 15"},
        {"aspp_pad", "ATROUS001", 3, "rates 5, 10, 15"},
        {"aspp_pad_depthwise", "ATROUS001", 3, "rates 5, 10, 15"},
        {"aspp_space_to_depth", "ATROUS001", 3, "rates 12, 24, 36 on a map of 33 x 33 cells"},
        {"aspp_space_to_batch", "ATROUS001", 3, "rates 12, 24, 36 on a map of 33 x 33 cells"},
        {"aspp_shuffled", "ATROUS005", 0, "views regroup"},
        {"aspp_functions", "ATROUS001", 3, "rates 5, 10, 15"},
        {"aspp_two_rates", "ATROUS000", 2, "0.75 x 0.75"},
        {"aspp_irregular_rates", "ATROUS000", 3, "3, 8, 21"},
        {"aspp_small_map", "ATROUS001", 4, "rates 1, 2, 3, 4"},
        {"deeplabv2_sum", "ATROUS001", 4, "rates 4, 8, 12, 16"},
        {"unet_bridge_sum", "ATROUS000", 3, "6, 12, 18"},
        {"dense_aspp", "ATROUS004", 0, "no parallel"},
        {"lraspp", "ATROUS004", 0, "no parallel"},
        {"dilated_cascade", "ATROUS004", 0, "no parallel"},
        {"dilated_context", "ATROUS004", 0, "no parallel"},
    };
    CHECK_FINDINGS("atrous", list);
}

static void test_atrous_sizes(void **state)
{
    (void)state;
    static const struct {
        int64_t size[2];
        const char *setting, *code, *words;
    } list[] = {
        {{513, 513}, NULL, "ATROUS000", "65 x 65"},
        {{512, 1024}, NULL, "ATROUS001", "h 10, 20, 30, w 21, 42, 63"},
        {{257, 257}, NULL, "ATROUS001", "rates 5, 10, 15"},
        {{257, 257}, "atrous.rule=full", "ATROUS000", "33 x 33"},
        {{257, 257}, "atrous.rule=deeplab", "ATROUS001", "rates 6, 12, 18"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct guide_run run;
        run_structure(&run, "deeplabv3_free", "atrous", list[i].setting, list[i].size);
        const struct fovea_advice *advice = finding_with(&run, "deeplabv3_free", list[i].code);
        if (!strstr(advice->found, list[i].words) && !(advice->recommend && strstr(advice->recommend, list[i].words)))
            fail_msg("%s", advice->found);
        run_close(&run);
    }
}

static void test_kernel_padding(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {"resnet18_folded", "PADDING001", 7, "7 x 7 with stride 2 to 8 x 8, 3 x 3 with stride 2 to 4 x 4, 1 x 1"},
        {"resnet18_folded", "PADDING002", 1, "3 x 3 with stride 2 to 4 x 4"},
        {"resnet50_folded", "PADDING001", 7, "7 x 7 with stride 2 to 8 x 8"},
        {"../squeezenet/model", "PADDING002", 3, "3 x 3 with stride 2 to 4 x 4"},
        {"strided_5x5_4", "PADDING001", 1, "5 x 5 with stride 4 to 8 x 8"},
        {"strided_rectangle", "PADDING001", 1, "3 x 5 with stride 2 to 4 x 5"},
        {"strided_gap", "PADDING001", 1, "2 x 2 with stride 3 to 3 x 3"},
        {"strided_dilated_even", "PADDING003", 1, "never read"},
        {"strided_patch", "PADDING000", 0, "multiple of its stride"},
        {"strided_qdq", "PADDING001", 1, "3 x 3 with stride 2 to 4 x 4"},
        {"strided_transposed", "PADDING000", 0, "no layer strides"},
    };
    CHECK_FINDINGS("kernel-padding", list);
}

/* Attention is told apart from other softmaxes, whatever stands between the product and it. */
static void test_attention(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {"vit_talking_heads", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"vit_convolutional_stem", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"resnet18_bn", "GAUSS000", 0, "no attention"},
        {"mobilevit2_bn", "GAUSS000", 0, "no attention"},
        {"dynamo_attention", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"dynamo_functions", "GAUSS003", 1, "part of Block"},
        {"keras_einsum", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"keras_matmul", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"paddle_attention", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"paddle_split", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"patches_einsum", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"patches_einsum_rows", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"vit_hybrid", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"vit_hybrid_patches", "GAUSS001", 1, "1 attention layer has no Gaussian bias"},
        {"mobilevit1", "GAUSS001", 2, "2 attention layers have no Gaussian bias"},
        {"detr", "GAUSS001", 2, "2 attention layers have no Gaussian bias"},
        {"detr", "GAUSS003", 3, "5 queries attend to 64 keys (2), where its 5 tokens lie is not known (1)"},
    };
    CHECK_FINDINGS("gaussian-bias", list);
}

/* Projections in every spelling, and what is none. */
static void test_patch_embedding(void **state)
{
    (void)state;
    static const struct expectation list[] = {
        {"dynamo_attention", "PRELN001", 1, "no LayerNorm on the projected patches"},
        {"keras_einsum", "PRELN001", 1, "no LayerNorm on the projected patches"},
        {"keras_fused", "PRELN002", 1, "the projected patches are normalised"},
        {"keras_matmul", "PRELN002", 1, "the projected patches are normalised"},
        {"paddle_split", "PRELN001", 1, "no LayerNorm on the projected patches"},
        {"patches_einsum", "PRELN001", -1, "no LayerNorm on the projected patches"},
        {"patches_einsum_rows", "PRELN001", -1, "no LayerNorm on the projected patches"},
        {"vit_hybrid", "PRELN000", 0, "a stem of convolutions"},
        {"vit_convolutional_stem", "PRELN000", 0, "a stem of convolutions"},
        {"resnet18_bn", "PRELN000", 0, "no patch embedding"},
    };
    CHECK_FINDINGS("prelayernorm", list);
}

/* Tokens lie where the map's cells do that they were made of, whatever the layers in between. */
static void test_token_places(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        int attention;
        int64_t front, count, width, apart;
    } list[] = {{"detr", 0, 0, 64, 8, 1},           {"detr", 1, 0, 64, 8, 1},
                {"vit_hybrid", 0, 1, 64, 8, 1},     {"mobilevit1", 0, 0, 16, 4, 2},
                {"mobilevit1", 1, 0, 16, 4, 2},     {"keras_einsum", 0, 1, 16, 4, 1},
                {"patches_einsum", 0, 1, 64, 8, 1}, {"paddle_attention", 0, 1, 16, 4, 1}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct guide_run run;
        struct attention_list attentions;
        struct patch_embedding embedding;
        struct token_places places;
        run_structure(&run, list[i].network, "gaussian-bias", NULL, NULL);
        struct graph *graph = run.network.graph;
        patch_embedding_find(graph, run.network.image, &embedding);
        assert_int_equal(attention_find(graph, &attentions, &run.error), 0);
        const struct attention_site *site = &attentions.sites[list[i].attention];
        assert_int_equal(token_places_find(&embedding, site, &places, &run.error), 1);
        assert_int_equal(places.front, list[i].front);
        assert_int_equal(places.behind, 0);
        assert_int_equal(places.count, list[i].count);
        for (int64_t token = 0; token < places.count; token++) {
            assert_int_equal(places.places[token][0], token / list[i].width * list[i].apart);
            assert_int_equal(places.places[token][1], token % list[i].width * list[i].apart);
        }
        run_close(&run);
    }
}

/* Tracing each token gives what the views that cut windows give. */
static void test_traced_windows(void **state)
{
    (void)state;
    static const char *const networks[] = {"swin_t", "swin_torchvision", "maxvit"};
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        struct guide_run run;
        struct attention_list attentions;
        struct token_places by_views, traced;
        const struct patch_embedding none = {.projection = NULL};
        run_structure(&run, networks[i], "gaussian-bias", NULL, NULL);
        assert_int_equal(attention_find(run.network.graph, &attentions, &run.error), 0);
        const struct attention_site *site = &attentions.sites[0];
        assert_int_equal(token_places_find(&none, site, &by_views, &run.error), 1);
        assert_int_equal(token_trace_find(run.network.graph, site->query, site->query_axis, &traced, &run.error), 1);
        assert_true(token_places_equal(&by_views, &traced));
        run_close(&run);
    }
}

/* What is asked of an exporter is what that one has. */
static void test_exporters(void **state)
{
    (void)state;
    static const struct {
        const char *producer, *graph, *domain, *words;
        int64_t ir;
    } list[] = {
        {"pytorch", "torch_jit", NULL, "TrainingMode.PRESERVE", 8},
        {"pytorch", "main_graph", NULL, "dynamo=True", 10},
        {"pytorch", "main_graph", "pkg.onnxscript.torch_lib", "dynamo=True", 8},
        {"tf2onnx", "graph", NULL, "from_keras", 7},
        {"PaddlePaddle", "Graph 0", NULL, "paddle2onnx", 8},
        {"", "Model from PaddlePaddle.", NULL, "paddle2onnx", 8},
        {"onnx.quantize", "graph", NULL, "without folding of constants", 8},
        {NULL, NULL, NULL, "without folding of constants", 8},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct guide_run run;
        run_structure(&run, "resnet18_folded", "gamma", NULL, NULL);
        struct function function = {.domain = list[i].domain, .name = "f"};
        struct model model = *run.model;
        struct graph graph = *model.graph;
        graph.name = list[i].graph;
        model.graph = &graph;
        model.producer_name = list[i].producer;
        model.ir_version = list[i].ir;
        model.functions = &function;
        model.function_count = list[i].domain != NULL;
        if (!strstr(exporter_of(&model)->unfolded, list[i].words) ||
            !strstr(exporter_of(&model)->dropout, list[i].words))
            fail_msg("%s: %s", list[i].producer, exporter_of(&model)->unfolded);
        assert_non_null(strstr(finding_with(&run, "resnet18_folded", "GAMMA002")->recommend, "TrainingMode.PRESERVE"));
        run_close(&run);
    }
}

/* The values of the papers and of their derivations. */
static void test_formulas(void **state)
{
    (void)state;
    static const int64_t sides[][2] = {{33, 5}, {64, 10}, {65, 10}, {97, 16}, {128, 21}, {2, 1}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        assert_int_equal(atrous_rate(ATROUS_HALF, sides[i][0], 3), sides[i][1]);
    assert_int_equal(atrous_rate(ATROUS_FULL, 33, 3), 10);
    assert_int_equal(atrous_rate(ATROUS_DEEPLAB, 65, 3), 12);
    assert_float_equal(atrous_valid_share(36, 33), 1.0 / 3, 1e-12);
    assert_float_equal(atrous_valid_share(12, 65), (1 + 2 * (1 - 12.0 / 65)) / 3, 1e-12);
    static const double ratios[][2] = {{.9, .860}, {.8, .732}, {.7, .614}, {.5, .405}};
    for (size_t i = 0; i < 4; i++)
        assert_float_equal(dropout_variance_ratio(ratios[i][0]), ratios[i][1], 5e-4);
    assert_float_equal(dropout_variance_ratio_after_sum(.9), .938, 5e-4);
    assert_float_equal(dropout_variance_ratio_after_sum(.5), .627, 5e-4);
    assert_float_equal(dropout_head_noise(49), .0614, 5e-5);
}

static void test_settings(void **state)
{
    (void)state;
    struct guide_run run;
    run_structure(&run, "resnet18_bn", "gamma", NULL, NULL);
    static const char *const wrong[] = {"gamma.last", "gamma.last=maybe", "nothing.last=decay", "gamma.nothing=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error error = ERROR_INITIALISER;
        run.audit.settings = &wrong[i];
        run.audit.setting_count = 1;
        assert_int_equal(audit_check_settings(&run.audit, &error), -1);
        assert_int_equal(error.kind, ERROR_INPUT);
    }
    run_close(&run);
    run_structure(&run, "resnet18_bn", "gamma", "gamma.down=decay", NULL);
    assert_non_null(
        strstr(finding_with(&run, "resnet18_bn", "GAMMA001")->recommend, "last, down, other; none on: stem"));
    run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gamma),          cmocka_unit_test(test_dropout),
                                       cmocka_unit_test(test_atrous),         cmocka_unit_test(test_atrous_sizes),
                                       cmocka_unit_test(test_kernel_padding), cmocka_unit_test(test_attention),
                                       cmocka_unit_test(test_exporters),      cmocka_unit_test(test_patch_embedding),
                                       cmocka_unit_test(test_token_places),   cmocka_unit_test(test_traced_windows),
                                       cmocka_unit_test(test_formulas),       cmocka_unit_test(test_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
