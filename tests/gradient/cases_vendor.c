/* Operators of TensorRT, mmdeploy and other plugins, and those of com.microsoft that optimisers write for maps. */
#include "cases.h"

/* Offsets of 2x2 taps that stay off the cells' edges. */
#define MODULATED(domain_, name_)                                                                                      \
    {                                                                                                                  \
        .domain = domain_, .op_type = name_, .opset = 1, .wanted = 31, .step = 2e-3, .inputs = {                       \
            UNIFORM(1, 2, 4, 5),                                                                                       \
            UNIFORM_IN(0.1f, 0.4f, 1, 8, 3, 4),                                                                        \
            POSITIVE(1, 4, 3, 4),                                                                                      \
            UNIFORM(2, 2, 2, 2),                                                                                       \
            UNIFORM(2)                                                                                                 \
        }                                                                                                              \
    }
#define NORMALIZED(domain_, name_, ...)                                                                                \
    {                                                                                                                  \
        .domain = domain_, .op_type = name_, .opset = 1, .wanted = 7,                                                  \
        .inputs = {UNIFORM(2, 4, 2, 3), UNIFORM(4), UNIFORM(4)}, .attributes = {                                       \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define ROIS                                                                                                           \
    {                                                                                                                  \
        VALUES(DTYPE_FLOAT, 2, 5), .value_count = 10, .values = {                                                      \
            0,                                                                                                         \
            0.5f,                                                                                                      \
            0.3f,                                                                                                      \
            3.4f,                                                                                                      \
            3.7f,                                                                                                      \
            0,                                                                                                         \
            1.2f,                                                                                                      \
            0.8f,                                                                                                      \
            4.1f,                                                                                                      \
            2.9f                                                                                                       \
        }                                                                                                              \
    }
#define REGIONS(name_)                                                                                                 \
    {                                                                                                                  \
        .domain = "mmdeploy", .op_type = name_, .opset = 1, .wanted = 1, .inputs = {UNIFORM(1, 2, 4, 5), ROIS},        \
        .attributes = {                                                                                                \
            A_INT("output_height", 2),                                                                                 \
            A_INT("output_width", 2),                                                                                  \
            A_INT("sampling_ratio", 2)                                                                                 \
        }                                                                                                              \
    }
#define PLACED(domain_, name_)                                                                                         \
    {                                                                                                                  \
        .domain = domain_, .op_type = name_, .opset = 1, .wanted = 25, .step = 2e-3, .inputs = {                       \
            UNIFORM(1, 8, 2, 2),                                                                                       \
            {VALUES(DTYPE_INT64, 2, 2), .constant = true, .values = {2, 3, 1, 2}, .value_count = 4},                   \
            INT_LIST(0, 6),                                                                                            \
            {VALUES(DTYPE_FLOAT, 1, 1, 2, 2, 1, 2), .value_count = 8,                                                  \
             .values = {0.31f, 0.4f, 0.62f, 0.37f, 0.43f, 0.6f, 0.64f, 0.38f}},                                        \
            UNIFORM(1, 1, 2, 2, 1)                                                                                     \
        }                                                                                                              \
    }

#define MICROSOFT(name_, wanted_) .domain = "com.microsoft", .op_type = name_, .opset = 1, .wanted = (wanted_)
#define ATEN_POOL(name_)                                                                                               \
    {                                                                                                                  \
        .domain = "org.pytorch.aten", .op_type = name_, .opset = 1, .wanted = 1, .inputs = {                           \
            DISTINCT(1, 2, 5, 7),                                                                                      \
            INT_LIST(3, 2)                                                                                             \
        }                                                                                                              \
    }
#define ATEN_GRID(name_)                                                                                               \
    {                                                                                                                  \
        .domain = "org.pytorch.aten", .op_type = name_, .opset = 1, .wanted = 3, .step = 2e-3, .inputs = {             \
            UNIFORM(1, 2, 4, 5),                                                                                       \
            {VALUES(DTYPE_FLOAT, 1, 2, 3, 2), .value_count = 12,                                                       \
             .values = {-0.83f, 0.37f, 0.13f, -0.58f, 0.71f, 0.94f, 1.33f, -0.21f, -1.62f, 0.47f, 0.33f, -2.27f}},     \
            INT_SCALAR(0),                                                                                             \
            INT_SCALAR(1),                                                                                             \
            INT_SCALAR(1)                                                                                              \
        }                                                                                                              \
    }

const struct gradient_case gradient_cases_vendor[] = {
    MODULATED("mmdeploy", "MMCVModulatedDeformConv2d"),
    MODULATED("custom", "DCNv2"),
    MODULATED("custom", "_DCNv2"),
    MODULATED("TRT", "ModulatedDeformConv2d"),
    {.domain = "mmdeploy",
     .op_type = "MMCVDeformConv2d",
     .opset = 1,
     .wanted = 7,
     .step = 2e-3,
     .inputs = {UNIFORM(1, 2, 4, 5), UNIFORM_IN(0.1f, 0.4f, 1, 8, 3, 4), UNIFORM(2, 2, 2, 2)}},
    {.domain = "mmdeploy",
     .op_type = "grid_sampler",
     .opset = 1,
     .wanted = 3,
     .step = 2e-3,
     .inputs = {UNIFORM(1, 2, 4, 5),
                {VALUES(DTYPE_FLOAT, 1, 2, 3, 2), .value_count = 12,
                 .values = {-0.83f, 0.37f, 0.13f, -0.58f, 0.71f, 0.94f, 1.33f, -0.21f, -1.62f, 0.47f, 0.33f, -2.27f}}}},
    REGIONS("MMCVRoiAlign"),
    REGIONS("MMCVRoIAlign"),
    {.domain = "mmdeploy",
     .op_type = "MMCVMultiLevelRoiAlign",
     .opset = 1,
     .wanted = 6,
     .inputs = {ROIS, UNIFORM(1, 2, 4, 5), UNIFORM(1, 2, 2, 3)},
     .attributes = {A_INT("finest_scale", 1), A_INT("sampling_ratio", 2), A_FLOATS("featmap_strides", 1, 2)}},
    {.domain = "TRT",
     .op_type = "ROIAlign_TRT",
     .opset = 1,
     .wanted = 1,
     .inputs = {UNIFORM(1, 2, 4, 5),
                {VALUES(DTYPE_FLOAT, 1, 4), .value_count = 4, .values = {0.5f, 0.3f, 3.4f, 3.7f}},
                {VALUES(DTYPE_INT32, 1), .value_count = 1, .values = {0}}},
     .attributes = {A_INT("output_width", 2), A_INT("sampling_ratio", 2)}},
    PLACED("mmdeploy", "MMCVMultiScaleDeformableAttention"),
    PLACED("TRT", "MultiscaleDeformableAttnPlugin_TRT"),
    {.domain = "TRT",
     .op_type = "ResizeNearest_TRT",
     .opset = 1,
     .wanted = 1,
     .inputs = {UNIFORM(1, 2, 2, 3)},
     .attributes = {A_FLOAT("scale", 2)}},
    {.domain = "mmdeploy",
     .op_type = "TRTBicubicInterpolate",
     .opset = 1,
     .wanted = 1,
     .inputs = {UNIFORM(1, 1, 3, 3)},
     .attributes = {A_FLOATS("scale_factor", 2, 2)}},
    NORMALIZED("TRT", "InstanceNormalization_TRT"),
    NORMALIZED("TRT", "GroupNormalizationPlugin", A_INT("num_groups", 2)),
    NORMALIZED("mmdeploy", "TRTInstanceNormalization"),
    NORMALIZED("mmdeploy", "MMCVInstanceNormalization"),
    {.domain = "mmdeploy",
     .op_type = "cummax",
     .opset = 1,
     .wanted = 1,
     .outputs = 2,
     .inputs = {DISTINCT(2, 5, 3)},
     .attributes = {A_INT("dim", 1)}},
    {.domain = "mmdeploy", .op_type = "cummin", .opset = 1, .wanted = 1, .inputs = {DISTINCT(4, 3)}},
    {.domain = "mmdeploy",
     .op_type = "GatherTopk",
     .opset = 1,
     .wanted = 1,
     .inputs = {UNIFORM(2, 3, 2), {VALUES(DTYPE_INT32, 2, 2), .value_count = 4, .values = {2, 0, 1, 1}}}},
    {.domain = "mmdeploy",
     .op_type = "ScatterND",
     .opset = 1,
     .wanted = 5,
     .inputs = {UNIFORM(4, 2), {VALUES(DTYPE_INT32, 2, 1), .value_count = 2, .values = {3, 1}}, UNIFORM(2, 2)}},
    {.domain = "mmdeploy",
     .op_type = "GridPriorsTRT",
     .opset = 1,
     .wanted = 1,
     .inputs = {UNIFORM(2, 4), INT_LIST(0, 0, 0), INT_LIST(0, 0)},
     .attributes = {A_INT("stride_h", 2)}},
    {.domain = "mmdeploy",
     .op_type = "ScaledDotProductAttentionTRT",
     .opset = 1,
     .wanted = 15,
     .outputs = 2,
     .seeds = 3,
     .inputs = {UNIFORM(2, 3, 4), UNIFORM(2, 2, 4), UNIFORM(2, 2, 3), UNIFORM(3, 2)}},
    {.domain = "mmdeploy", .op_type = "Mark", .opset = 1, .wanted = 1, .inputs = {UNIFORM(2, 3)}},
    {MICROSOFT("GroupNorm", 7), .inputs = {UNIFORM(2, 2, 3, 4), UNIFORM(4), UNIFORM(4)},
     .attributes = {A_INT("groups", 2), A_INT("activation", 1)}},
    {MICROSOFT("SkipGroupNorm", 31), .outputs = 2, .seeds = 3,
     .inputs = {UNIFORM(2, 4, 2, 3), UNIFORM(4), UNIFORM(4), UNIFORM(2, 4), UNIFORM(4)},
     .attributes = {A_INT("groups", 2), A_INT("channels_last", 0)}},
    {MICROSOFT("BiasAdd", 7), .inputs = {UNIFORM(2, 3, 4), UNIFORM(4), UNIFORM(2, 3, 4)}},
    {MICROSOFT("BiasSplitGelu", 3), .inputs = {UNIFORM(2, 3, 4), UNIFORM(4)}},
    {MICROSOFT("BiasSoftmax", 3), .inputs = {UNIFORM(2, 3, 4), UNIFORM(3, 4)}, .attributes = {A_INT("axis", -1)}},
    {MICROSOFT("CDist", 3), .inputs = {UNIFORM(3, 4), UNIFORM(2, 4)}, .attributes = {A_STRING("metric", "euclidean")}},
    {MICROSOFT("GridSample", 3), .step = 2e-3, .attributes = {A_STRING("padding_mode", "border")},
     .inputs = {UNIFORM(1, 2, 4, 5),
                {VALUES(DTYPE_FLOAT, 1, 2, 3, 2), .value_count = 12,
                 .values = {-0.83f, 0.37f, 0.13f, -0.58f, 0.71f, 0.94f, 1.33f, -0.21f, -1.62f, 0.47f, 0.33f, -2.27f}}}},
    {MICROSOFT("Trilu", 1), .inputs = {UNIFORM(3, 4), INT_SCALAR(1)}},
    {MICROSOFT("GatherND", 1),
     .inputs = {UNIFORM(3, 2), {VALUES(DTYPE_INT64, 2, 1), .value_count = 2, .values = {2, 0}}}},
    {MICROSOFT("Pad", 1), .inputs = {UNIFORM(2, 3), INT_LIST(1, 0, 0, 2)}},
    {MICROSOFT("ExpandDims", 1), .inputs = {UNIFORM(2, 3), INT_SCALAR(1)}},
    {MICROSOFT("ConvTransposeWithDynamicPads", 11), .attributes = {A_INTS("strides", 2, 2)},
     .inputs = {UNIFORM(1, 2, 3, 3), UNIFORM(2, 2, 3, 3), INT_LIST(1, 1, 1, 1), UNIFORM(2)}},
    {MICROSOFT("Inverse", 1),
     .inputs = {{VALUES(DTYPE_FLOAT, 2, 2, 2), .value_count = 8, .values = {2, 1, -1, 3, 1, 0.5f, -2, 1}}}},
    {MICROSOFT("TransposeMatMul", 3), .inputs = {UNIFORM(2, 4, 3), UNIFORM(5, 4)},
     .attributes = {A_INT("transA", 1), A_INT("transB", 1)}},
    ATEN_GRID("grid_sampler"),
    ATEN_GRID("grid_sampler_2d"),
    ATEN_POOL("adaptive_avg_pool2d"),
    ATEN_POOL("_adaptive_avg_pool2d"),
    ATEN_POOL("adaptive_max_pool2d"),
    {0},
};
