#include "pass/fused_activation.h"

#include <string.h>

#include "op/unary.h"

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
    if (node->domain[0] != 0 || node->output_count != 1)
        return false;
    if (strcmp(node->op_type, "Clip") == 0) {
        match->function = UNARY_CLIP;
        return clip_limit(node, 1, "min", -3.4028235e38f, &match->alpha, error) &&
               clip_limit(node, 2, "max", 3.4028235e38f, &match->beta, error);
    }
    const struct unary_call call = unary_call_of(node);
    *match = (struct fused_activation){call.function, (float)call.alpha, (float)call.beta};
    return call.function != UNARY_IDENTITY;
}

int set_fused_activation(struct node *node, const struct fused_activation *activation, struct error *error)
{
    return node_set_int(node, "activation", activation->function, error) ||
                   node_set_float(node, "alpha", activation->alpha, error) ||
                   node_set_float(node, "beta", activation->beta, error)
               ? -1
               : 0;
}
