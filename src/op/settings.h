/* Settings (graph/settings.h) that passes, analyses and guidelines read beside the operators' own families. */
#ifndef FOVEA_OP_SETTINGS_H
#define FOVEA_OP_SETTINGS_H

#include "graph/settings.h"

struct transpose_settings {
    struct ints perm; /* none: the axes reversed */
};
/* Whether the node (or NULL) is a Transpose that exchanges the last two axes and nothing else. */
bool transpose_exchanges(const struct node *node);

/* The one that is there. */
struct constant_settings {
    struct constant *value, *sparse_value;
    float value_float;
    int64_t value_int;
    struct floats value_floats;
    struct ints value_ints;
    bool value_float_given, value_int_given, value_floats_given, value_ints_given;
};

struct concat_settings {
    int64_t axis;
};

struct reshape_settings {
    bool allowzero;
};

struct slice_settings {
    struct ints starts, ends, axes;
};

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };
struct pad_settings {
    enum pad_mode mode;
    struct ints pads;
    float value;
    struct ints shape; /* of PadGradient: unpadded */
};

struct reduction_settings {
    struct ints axes;
    bool keepdims, noop_with_empty_axes;
};

/* LeakyRelu, HardSigmoid, Swish, Elu, Gelu; each has its own of them. */
struct activation_settings {
    float alpha, beta;
    enum gelu_approximate { GELU_EXACT, GELU_TANH } approximate;
};

/* Up to opset 10; then inputs. No limit: infinite. */
struct clip_settings {
    float min, max;
};

struct batch_normalization_settings {
    float epsilon, momentum;
    bool spatial, training_mode;
    bool held; /* of the gradient: statistics count as constants */
};

/* InstanceNormalization, GroupNormalization, LayerNormalization, RMSNormalization; each has its own of them. */
struct normalization_settings {
    int64_t axis, num_groups;
    float epsilon;
};

struct dropout_settings {
    float ratio; /* up to opset 11; then an input */
    int64_t seed, stream;
    bool seed_given, stream_given; /* stream: of the node whose draws this one repeats */
};

struct attention_settings {
    int64_t q_num_heads, kv_num_heads, qk_matmul_output_mode;
    float scale, softcap;
    bool is_causal, scale_given;
};

struct gemm_settings {
    float alpha, beta;
    bool transA, transB;
};

/* QuantizeLinear, DequantizeLinear and their gradients; each has its own of them. */
struct quantize_settings {
    int64_t axis, block_size; /* block_size 0: no blocks */
    bool axis_given, saturate;
    int64_t output_dtype, precision; /* enum dtype; 0: as the inputs say */
    int64_t quantised;               /* enum dtype; of the gradients */
};

#endif
