#include "pass/fused_activation.h"

#include <float.h>
#include <math.h>

#include "graph/match.h"
#include "op/settings.h"
#include "op/unary.h"

/* A limit of Clip: the attribute (opset < 11) or a constant input. False: not known. */
static bool clip_limit(const struct node *node, int input, float attribute, float *limit, struct error *error)
{
    *limit = attribute;
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
    const struct clip_settings *clip = match_settings(node, "Clip");
    if (clip) {
        match->function = UNARY_CLIP;
        return clip_limit(node, 1, fmaxf(clip->min, -FLT_MAX), &match->alpha, error) &&
               clip_limit(node, 2, fminf(clip->max, FLT_MAX), &match->beta, error);
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
