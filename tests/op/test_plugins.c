/* Operators of TensorRT, mmdeploy and other plugins. Expected numbers of the larger ones come from torchvision and
 * torch on the same inputs; the small ones are by hand. */
#include "node_fixture.h"

/* Four boxes, two classes: 1 overlaps 0 by 9/11, 2 stands apart, 3 is 2 moved by a quarter. */
static const float corners[4][4] = {{0, 0, 10, 10}, {0, 1, 10, 11}, {20, 20, 24, 24}, {21, 20, 25, 24}};
static const float scores[4][2] = {{0.9f, 0.2f}, {0.8f, 0.7f}, {0.6f, 0.1f}, {0.5f, 0.3f}};

static void start_selection(struct fixture *fixture, const char *domain, const char *name, int rank, int outputs)
{
    fixture_start(fixture, domain, name, 13, 2, outputs);
    fixture_input(fixture, 0, DTYPE_FLOAT, rank, rank == 3 ? (int64_t[]){1, 4, 4} : (int64_t[]){1, 4, 1, 4},
                  corners[0]);
    fixture_input(fixture, 1, DTYPE_FLOAT, DIMS(1, 4, 2), scores[0]);
}

static void efficient(struct fixture *fixture, float score, float overlap, int most)
{
    start_selection(fixture, "TRT", "EfficientNMS_TRT", 3, 4);
    fixture_float(fixture, "score_threshold", score);
    fixture_float(fixture, "iou_threshold", overlap);
    fixture_int(fixture, "max_output_boxes", most);
}

static void selects_with_fixed_sizes(void **state)
{
    struct fixture fixture;
    (void)state;
    efficient(&fixture, 0.3f, 0.6f, 6); /* a score or overlap at its threshold counts: 12/20 = 0.6 */
    fixture_string(&fixture, "plugin_version", "1");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(4), 0);
    expect_output(&fixture, 1, DIMS(1, 6, 4),
                  FLOATS(0, 0, 10, 10, 0, 1, 10, 11, 20, 20, 24, 24, 21, 20, 25, 24, 0, 0, 0, 0, 0, 0, 0, 0), 0);
    expect_output(&fixture, 2, DIMS(1, 6), FLOATS(0.9f, 0.7f, 0.6f, 0.3f, 0, 0), 0);
    expect_output(&fixture, 3, DIMS(1, 6), FLOATS(0, 1, 0, 1, 0, 0), 0);
    fixture_end(&fixture);
    efficient(&fixture, 0.3f, 0.6f, 2); /* the best only */
    fixture_int(&fixture, "class_agnostic", 1);
    fixture_int(&fixture, "background_class", 0);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(2), 0);
    expect_output(&fixture, 2, DIMS(1, 2), FLOATS(0.7f, 0.3f), 0);
    expect_output(&fixture, 3, DIMS(1, 2), FLOATS(1, 1), 0);
    fixture_end(&fixture);
}

/* Boxes as centre and size, moved by anchors; scores through a sigmoid. */
static void decodes_anchors(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "EfficientNMS_TRT", 13, 3, 4);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 4), FLOATS(0.5f, 0, 0, logf(2), 0, 0, 0, 0));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 2, 1), FLOATS(0, -5));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 2, 4), FLOATS(10, 20, 4, 6, 1, 1, 1, 1));
    fixture_float(&fixture, "score_threshold", 0.25f);
    fixture_float(&fixture, "iou_threshold", 0.5f);
    fixture_int(&fixture, "max_output_boxes", 1);
    fixture_int(&fixture, "score_activation", 1);
    fixture_int(&fixture, "box_coding", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1), FLOATS(1), 0);
    expect_output(&fixture, 1, DIMS(1, 1, 4), FLOATS(10, 14, 14, 26), 1e-5); /* centre 12, 20, size 4, 12 */
    expect_output(&fixture, 2, DIMS(1, 1), FLOATS(0.5f), 1e-6);
    fixture_end(&fixture);
}

/* (image, class, box), the last again; -1 where nothing is found. */
static void places_repeat(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int none = 0; none < 2; none++) {
        start_selection(&fixture, "TRT", "EfficientNMS_ONNX_TRT", 3, 1);
        fixture_float(&fixture, "score_threshold", none ? 1 : 0.65f);
        fixture_float(&fixture, "iou_threshold", 0.5f);
        fixture_int(&fixture, "max_output_boxes_per_class", 3);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(3, 3),
                      none ? FLOATS(-1, -1, -1, -1, -1, -1, -1, -1, -1) : FLOATS(0, 0, 0, 0, 1, 1, 0, 1, 1), 0);
        fixture_end(&fixture);
    }
}

/* Boxes of pixels have both ends: 2 and 3 share 4 * 5 of 5 * 5 + 5 * 5 - 4 * 5 = 30, two thirds. */
static void counts_pixels(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int pixels = 0; pixels < 2; pixels++) {
        start_selection(&fixture, "trt.plugins", pixels ? "BatchedNMS_TRT" : "BatchedNMSDynamic_TRT", 4, 4);
        fixture_float(&fixture, "scoreThreshold", 0.3f); /* at the threshold is not above it */
        fixture_float(&fixture, "iouThreshold", 0.65f);
        fixture_int(&fixture, "topK", 4);
        fixture_int(&fixture, "keepTopK", 5);
        fixture_int(&fixture, "numClasses", 2);
        fixture_int(&fixture, "shareLocation", 1);
        fixture_int(&fixture, "isNormalized", !pixels);
        fixture_int(&fixture, "clipBoxes", 0);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1), FLOATS(pixels ? 3 : 4), 0);
        expect_output(&fixture, 2, DIMS(1, 5),
                      pixels ? FLOATS(0.9f, 0.7f, 0.6f, 0, 0) : FLOATS(0.9f, 0.7f, 0.6f, 0.5f, 0), 0);
        expect_output(&fixture, 3, DIMS(1, 5), pixels ? FLOATS(0, 1, 0, -1, -1) : FLOATS(0, 1, 0, 0, -1), 0);
        fixture_end(&fixture);
    }
    start_selection(&fixture, "mmdeploy", "TRTBatchedNMS", 4, 3);
    fixture_float(&fixture, "score_threshold", 0.3f);
    fixture_float(&fixture, "iou_threshold", 0.65f);
    fixture_int(&fixture, "topk", 2); /* of each class */
    fixture_int(&fixture, "keep_topk", 3);
    fixture_int(&fixture, "return_index", 1);
    fixture_run(&fixture); /* clipped to 0..1 */
    expect_output(&fixture, 0, DIMS(1, 3, 5), FLOATS(0, 0, 1, 1, 0.9f, 0, 1, 1, 1, 0.7f, 0, 0, 0, 0, 0), 0);
    expect_output(&fixture, 1, DIMS(1, 3), FLOATS(0, 1, -1), 0);
    expect_output(&fixture, 2, DIMS(1, 3), FLOATS(0, 1, -1), 0);
    fixture_end(&fixture);
}

static void selections_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int wrong = 0; wrong < 5; wrong++) {
        static const float overlaps[5] = {0.5f, 0.5f, NAN, 0.5f, 0.5f}, levels[5] = {0, 0, 0, INFINITY, 0};
        static const int64_t most[5] = {0, INT64_MAX, 5, 5, 1 << 19};
        efficient(&fixture, levels[wrong], overlaps[wrong], 1);
        fixture_int(&fixture, "max_output_boxes", most[wrong]);
        if (wrong < 4)
            expect_refusal(&fixture);
        else
            fixture_end(&fixture);
    }
    start_selection(&fixture, "TRT", "EfficientNMS_TRT", 3, 4); /* thresholds are required */
    expect_refusal(&fixture);
    fixture_start(&fixture, "TRT", "EfficientNMS_TRT", 1, 2, 4);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 4, 4), corners[0]);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 3, 2), NULL);
    fixture_float(&fixture, "score_threshold", 0);
    fixture_float(&fixture, "iou_threshold", 1);
    fixture_int(&fixture, "max_output_boxes", 1);
    expect_refusal(&fixture);
    start_selection(&fixture, "TRT", "BatchedNMS_TRT", 4, 4);
    fixture_float(&fixture, "scoreThreshold", 0);
    fixture_float(&fixture, "iouThreshold", 1);
    fixture_int(&fixture, "topK", 4);
    fixture_int(&fixture, "keepTopK", 5);
    fixture_int(&fixture, "numClasses", 3);
    expect_refusal(&fixture);
}

static void no_boxes_no_results(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "TRT", "EfficientNMS_TRT", 1, 2, 4);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 0, 4), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 0, 3), NULL);
    fixture_float(&fixture, "score_threshold", 0);
    fixture_float(&fixture, "iou_threshold", 1);
    fixture_int(&fixture, "max_output_boxes", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 1), FLOATS(0, 0), 0);
    expect_output(&fixture, 1, DIMS(2, 1, 4), FLOATS(0, 0, 0, 0, 0, 0, 0, 0), 0);
    fixture_end(&fixture);
}

/* A 2x2 kernel of ones whose offsets move every tap down by half a cell; the mask halves the second tap. */
static void deforms(void **state)
{
    static const struct {
        const char *domain, *name, *groups;
        int inputs;
    } cases[] = {{"mmdeploy", "MMCVModulatedDeformConv2d", "deform_groups", 5},
                 {"mmcv", "MMCVModulatedDeformConv2d", "deform_groups", 5},
                 {"TRT", "ModulatedDeformConv2d", "deformable_group", 5},
                 {"", "DCNv2", "deformable_groups", 5},
                 {"custom", "_DCNv2", "deformable_groups", 5},
                 {"mmdeploy", "MMCVDeformConv2d", "deform_groups", 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool mask = cases[i].inputs == 5;
        struct fixture fixture;
        fixture_start(&fixture, cases[i].domain, cases[i].name, 1, cases[i].inputs, 1);
        fixture_count_up(&fixture, 0, DIMS(1, 1, 3, 2));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 8, 1, 1), FLOATS(0.5f, 0, 0.5f, 0, 0.5f, 0, 0.5f, 0));
        if (mask) {
            fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 4, 1, 1), FLOATS(1, 0.5f, 1, 1));
            fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(1), FLOATS(10));
        }
        fixture_input(&fixture, mask ? 3 : 2, DTYPE_FLOAT, DIMS(1, 1, 2, 2), FLOATS(1, 1, 1, 1));
        fixture_ints(&fixture, "stride", INTS(2, 2));
        fixture_ints(&fixture, "padding", INTS(0, 0, 0, 0));
        fixture_ints(&fixture, "dilation", INTS(1, 1));
        fixture_int(&fixture, cases[i].groups, 1);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1, 1), FLOATS(mask ? 2 + 1.5f + 4 + 5 + 10 : 2 + 3 + 4 + 5), 1e-5);
        fixture_end(&fixture);
    }
    struct fixture fixture; /* different pads at both ends */
    fixture_start(&fixture, "mmdeploy", "MMCVDeformConv2d", 1, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 1, 3, 2));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 8, 1, 1), NULL);
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 1, 2, 2), NULL);
    fixture_ints(&fixture, "padding", INTS(0, 1, 0, 0));
    expect_refusal(&fixture);
}

static void samples(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "mmcv", "grid_sampler", 1, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2, 2), FLOATS(0, 1, 2, 3));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 2, 2), FLOATS(0, 0, 5, -1));
    fixture_int(&fixture, "padding_mode", 1);
    fixture_int(&fixture, "align_corners", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1, 2), FLOATS(1.5f, 1), 1e-6);
    fixture_end(&fixture);
    fixture_start(&fixture, "mmcv", "grid_sampler", 1, 2, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2, 2), NULL);
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 2, 2), NULL);
    fixture_int(&fixture, "interpolation_mode", 3);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ResizeNearest_TRT", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(4, 5));
    fixture_float(&fixture, "scale", 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2, 4), FLOATS(4, 4, 5, 5, 4, 4, 5, 5), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "", "ResizeNearest_TRT", 13, 1, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(4, 5));
    fixture_float(&fixture, "scale", NAN);
    expect_refusal(&fixture);
}

/* A map that is its own column: the average of a region is its centre. Regions of 32 and 100 pixels, whose maps have
 * strides 1 and 2; the larger one comes from the second. */
static void levels_of_regions(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int largest = 0; largest < 2; largest++) {
        float map[2][64 * 128];
        for (int i = 0; i < 64 * 128; i++) {
            map[0][i] = (float)(i % 128);
            map[1][i] = (float)(i % 64) + 1000;
        }
        fixture_start(&fixture, "mmdeploy", "MMCVMultiLevelRoiAlign", 1, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(2, 5), FLOATS(0, 8, 8, 40, 40, 0, 10, 0, 110, 100));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 64, 128), map[0]);
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 1, 128, 64), map[1]);
        fixture_int(&fixture, "finest_scale", 50);
        fixture_int(&fixture, "sampling_ratio", 2);
        fixture_int(&fixture, "pool_mode", !largest);
        struct attribute *strides = node_add_attribute(fixture.node, "featmap_strides", &fixture.error);
        strides->type = ATTRIBUTE_FLOATS;
        strides->floats = FLOATS(1, 2);
        strides->count = 2;
        assert_int_equal(node_read_settings(fixture.node, &fixture.error), 0);
        if (largest) {
            expect_refusal(&fixture);
            break;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(2, 1, 1, 1), FLOATS(23.5f, 1029.5f), 1e-3);
        fixture_end(&fixture);
    }
}

/* Two maps, 1x2 and 1x1, one head of one column, one query of two points in each map. */
static void attends_to_places(void **state)
{
    (void)state;
    for (int joined = 0; joined < 2; joined++) {
        struct fixture fixture;
        fixture_start(&fixture, joined ? "mmdeploy" : "TRT",
                      joined ? "MMCVMultiScaleDeformableAttention" : "MultiscaleDeformableAttnPlugin_TRT", 1, 5, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 3, 1, 1), FLOATS(10, 20, 7));
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2, 2), FLOATS(1, 2, 1, 1));
        fixture_input(&fixture, 2, DTYPE_INT64, DIMS(2), FLOATS(0, 2));
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 1, 1, 2, 2, 2),
                      FLOATS(0.25f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 5, 5));
        fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(1, 1, 1, 2, 2), FLOATS(0.5f, 0.2f, 1, 1));
        fixture_run(&fixture);
        /* the first map at its first cell's middle and between both, the second at its middle and outside */
        expect_output(&fixture, 0, joined ? 3 : 4, (const int64_t[]){1, 1, 1, 1}, FLOATS(0.5f * 10 + 0.2f * 15 + 7),
                      1e-5);
        fixture_end(&fixture);
    }
    struct fixture fixture; /* more cells than rows */
    fixture_start(&fixture, "TRT", "MultiscaleDeformableAttnPlugin_TRT", 1, 5, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 3, 1, 1), NULL);
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1, 2), FLOATS(2, 2));
    fixture_input(&fixture, 2, DTYPE_INT64, DIMS(1), NULL);
    fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 1, 1, 1, 2, 2), NULL);
    fixture_input(&fixture, 4, DTYPE_FLOAT, DIMS(1, 1, 1, 1, 2), NULL);
    expect_refusal(&fixture);
}

static void normalises(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        fixture_start(&fixture, "", "InstanceNormalization_TRT", 13, 3, 1);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(1, 3));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1), FLOATS(2));
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(1));
        fixture_float(&fixture, "epsilon", 1e-9f);
        fixture_int(&fixture, "relu", relu);
        fixture_float(&fixture, "alpha", 0.5f);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 1, 2), FLOATS(relu ? -0.5f : -1, 3), 1e-5);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "TRT", "GroupNormalizationPlugin", 1, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 1, 1), FLOATS(1, 3));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2), FLOATS(2, 1));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2), FLOATS(1, 0));
    fixture_float(&fixture, "eps", 1e-9f);
    fixture_int(&fixture, "num_groups", 1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 2, 1, 1), FLOATS(-1, 1), 1e-5);
    fixture_end(&fixture);
}

static void extremes_so_far(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int smallest = 0; smallest < 2; smallest++) {
        fixture_start(&fixture, "mmcv", smallest ? "cummin" : "cummax", 1, 1, 2);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 5), FLOATS(2, 1, 2, 3, NAN));
        fixture_int(&fixture, "dim", -1);
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 5), smallest ? FLOATS(2, 1, 1, 1, NAN) : FLOATS(2, 2, 2, 3, NAN), 0);
        expect_output(&fixture, 1, DIMS(1, 5), smallest ? FLOATS(0, 1, 1, 1, 4) : FLOATS(0, 0, 2, 3, 4), 0);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "mmcv", "cummax", 1, 1, 2);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 5), NULL);
    fixture_int(&fixture, "dim", 2);
    expect_refusal(&fixture);
}

static void gathers_and_places(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "mmdeploy", "GatherTopk", 1, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3, 1));
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(2, 2), FLOATS(2, 0, 1, 1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 1), FLOATS(3, 1, 5, 5), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "mmdeploy", "ScatterND", 1, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(3));
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(1, 1), FLOATS(1));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(9));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(3), FLOATS(1, 9, 3), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "mmdeploy", "GridPriorsTRT", 1, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 4), FLOATS(-1, -2, 1, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), NULL);
    fixture_input(&fixture, 2, DTYPE_INT64, DIMS(1), NULL);
    fixture_int(&fixture, "stride_h", 8);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 4), FLOATS(-1, -2, 1, 2, -1, 6, 1, 10), 0);
    fixture_end(&fixture);
    fixture_start(&fixture, "mmdeploy", "ScaledDotProductAttentionTRT", 1, 3, 2);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1), FLOATS(1));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 2, 1), FLOATS(0, logf(3)));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1, 2, 1), FLOATS(4, 8));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1), FLOATS(7), 1e-5);
    expect_output(&fixture, 1, DIMS(1, 1, 2), FLOATS(0.25f, 0.75f), 1e-6);
    fixture_end(&fixture);
}

/* Bins of 5 cells in 2 are 0-2 and 2-4. The exporter writes the function's name as type or as attribute. */
static void functions_of_torch(void **state)
{
    struct fixture fixture;
    (void)state;
    for (int i = 0; i < 3; i++) {
        fixture_start(&fixture, "org.pytorch.aten", i ? "adaptive_avg_pool2d" : "adaptive_max_pool2d", 1, 2, 1);
        fixture_count_up(&fixture, 0, DIMS(1, 1, 5));
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2), FLOATS(1, i == 2 ? 0 : 2));
        if (i == 2) {
            expect_refusal(&fixture);
            break;
        }
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(1, 1, 2), i ? FLOATS(2, 4) : FLOATS(3, 5), 1e-6);
        fixture_end(&fixture);
    }
    fixture_start(&fixture, "org.pytorch.aten", "grid_sampler", 1, 5, 1);
    fixture.node->op_type = "ATen";
    fixture_string(&fixture, "operator", "linalg_inv");
    assert_int_equal(operator_resolve(fixture.node, 1, &fixture.error), 0);
    assert_null(fixture.node->definition);
    assert_string_equal(operator_called(fixture.node), "linalg_inv");
    fixture_string(&fixture, "operator", "grid_sampler");
    assert_int_equal(operator_resolve(fixture.node, 1, &fixture.error), 0);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(2, 4));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 1, 2), FLOATS(3, 0));
    fixture_input(&fixture, 2, DTYPE_INT64, SCALAR_DIMS, FLOATS(0));
    fixture_input(&fixture, 3, DTYPE_INT64, SCALAR_DIMS, FLOATS(1));
    fixture_input(&fixture, 4, DTYPE_BOOL, SCALAR_DIMS, FLOATS(1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 1, 1), FLOATS(4), 0);
    fixture_end(&fixture);
}

/* A plugin's name is known in whatever domain, a general word in its own only. */
static void names_and_domains(void **state)
{
    (void)state;
    assert_non_null(operator_find("nobody", "EfficientNMS_TRT", 0));
    assert_non_null(operator_find("mmcv", "grid_sampler", 1));
    assert_null(operator_find("nobody", "grid_sampler", 1));
    assert_null(operator_find("nobody", "Conv", 13));
    assert_int_equal(operator_picked(operator_find("TRT", "BatchedNMS_TRT", 1), 2), 1);
    assert_int_equal(operator_picked(operator_find("TRT", "BatchedNMS_TRT", 1), 3), -1);
    assert_int_equal(operator_picked(operator_find("", "TopK", 13), 0), 0);
    assert_int_equal(operator_picked(operator_find("", "NonMaxSuppression", 13), 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(selects_with_fixed_sizes),
                                       cmocka_unit_test(decodes_anchors),
                                       cmocka_unit_test(places_repeat),
                                       cmocka_unit_test(counts_pixels),
                                       cmocka_unit_test(selections_are_refused),
                                       cmocka_unit_test(no_boxes_no_results),
                                       cmocka_unit_test(deforms),
                                       cmocka_unit_test(samples),
                                       cmocka_unit_test(levels_of_regions),
                                       cmocka_unit_test(attends_to_places),
                                       cmocka_unit_test(normalises),
                                       cmocka_unit_test(extremes_so_far),
                                       cmocka_unit_test(gathers_and_places),
                                       cmocka_unit_test(names_and_domains),
                                       cmocka_unit_test(functions_of_torch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
