#include "pass/fused_activation.h"

#include <string.h>

/* A limit of Clip: an attribute (opset < 11) or a constant input; `otherwise` when omitted. False: not known. */
static bool clip_limit(const struct node *node, int input, const char *attribute, float otherwise, float *limit,
                       struct error *error)
{
    *limit = node_float(node, attribute, otherwise);
    if (node->input_count <= input || !node->inputs[input])
        return true;
    if (!node->inputs[input]->constant)
        return false;
    const struct tensor *tensor = constant_data(node->inputs[input]->constant, error);
    if (!tensor || shape_count(&tensor->shape) != 1)
        return false;
    *limit = (float)tensor_number(tensor, 0);
    return true;
}

bool match_fused_activation(const struct node *node, struct fused_activation *match, struct error *error)
{
    static const struct {
        const char *op_type;
        enum unary activation;
        const char *alpha, *beta;
        float default_alpha, default_beta;
    } known[] = {
        {"Relu", UNARY_RELU, "", "", 0, 0},
        {"LeakyRelu", UNARY_LEAKY_RELU, "alpha", "", 0.01f, 0},
        {"Sigmoid", UNARY_SIGMOID, "", "", 0, 0},
        {"HardSigmoid", UNARY_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
        {"HardSwish", UNARY_HARD_SWISH, "", "", 0, 0},
        {"Swish", UNARY_SILU, "alpha", "", 1, 0},
        {"Tanh", UNARY_TANH, "", "", 0, 0},
        {"Gelu", UNARY_GELU_ERF, "", "", 0, 0},
    };
    if (node->domain[0] != 0 || node->output_count != 1)
        return false;
    if (strcmp(node->op_type, "Clip") == 0) {
        match->function = UNARY_CLIP;
        return clip_limit(node, 1, "min", -3.4028235e38f, &match->alpha, error) &&
               clip_limit(node, 2, "max", 3.4028235e38f, &match->beta, error);
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(node->op_type, known[i].op_type) != 0)
            continue;
        match->function = known[i].activation;
        match->alpha = node_float(node, known[i].alpha, known[i].default_alpha);
        match->beta = node_float(node, known[i].beta, known[i].default_beta);
        if (match->function == UNARY_GELU_ERF && strcmp(node_string(node, "approximate", "none"), "tanh") == 0)
            match->function = UNARY_GELU_TANH;
        return true;
    }
    return false;
}

int set_fused_activation(struct node *node, const struct fused_activation *activation, struct error *error)
{
    return node_set_int(node, "activation", activation->function, error) ||
                   node_set_float(node, "alpha", activation->alpha, error) ||
                   node_set_float(node, "beta", activation->beta, error)
               ? -1
               : 0;
}
