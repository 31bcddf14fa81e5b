#include <string.h>

#include "graph/operator.h"
#include "kernel/kernels.h"
#include "op/emit.h"
#include "op/registry.h"
#include "pass/passes.h"

/* What follows a convolution, as far as one epilogue takes it. */
struct epilogue_match {
    struct node *addition, *activation_node;
    struct value *residual;
    enum unary activation;
    float alpha, beta;
};

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

static bool match_activation(const struct node *node, struct epilogue_match *match, struct error *error)
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
    };
    if (node->domain[0] != 0 || node->output_count != 1)
        return false;
    if (strcmp(node->op_type, "Clip") == 0) {
        match->activation = UNARY_CLIP;
        return clip_limit(node, 1, "min", -3.4028235e38f, &match->alpha, error) &&
               clip_limit(node, 2, "max", 3.4028235e38f, &match->beta, error);
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(node->op_type, known[i].op_type) != 0)
            continue;
        match->activation = known[i].activation;
        match->alpha = node_float(node, known[i].alpha, known[i].default_alpha);
        match->beta = node_float(node, known[i].beta, known[i].default_beta);
        return true;
    }
    return false;
}

static struct node *sole_user(const struct value *value)
{
    return pass_single_use(value) && value->uses[0].node->graph == value->graph ? value->uses[0].node : NULL;
}

/* The other operand must be ready where the convolution's result is: the fused node takes the addition's place. */
static struct value *match_residual(const struct node *addition, const struct value *convolved)
{
    if (addition->domain[0] != 0 || strcmp(addition->op_type, "Add") != 0)
        return NULL;
    struct value *other = addition->inputs[addition->inputs[0] == convolved];
    bool fits = other != convolved && shape_equal(&other->shape, &convolved->shape) && other->dtype == convolved->dtype;
    return fits ? other : NULL;
}

static struct value *match_epilogue(const struct node *conv, struct epilogue_match *match, struct error *error)
{
    struct value *last = conv->outputs[0];
    struct node *user = sole_user(last);
    if (user && (match->residual = match_residual(user, last)) != NULL) {
        match->addition = user;
        last = user->outputs[0];
        user = sole_user(last);
    }
    if (user && user->inputs[0] == last && match_activation(user, match, error)) {
        match->activation_node = user;
        last = user->outputs[0];
    } else {
        match->activation = UNARY_IDENTITY;
    }
    return last;
}

static int fuse(struct node *conv, const struct epilogue_match *match, struct value *last, struct error *error)
{
    struct graph *graph = conv->graph;
    struct node *fused = graph_add_node(graph, DOMAIN_INTERNAL, "FusedConv", conv->name, 4, 1, error);
    if (!fused)
        return -1;
    fused->opset = conv->opset;
    fused->operator= operator_find(DOMAIN_INTERNAL, "FusedConv", 1);
    struct node *final = match->activation_node ? match->activation_node : match->addition;
    fused->origin = conv->origin;
    fused->attributes = conv->attributes;
    fused->attribute_count = conv->attribute_count;
    struct value *operands[4] = {conv->inputs[0], conv->inputs[1], conv->input_count > 2 ? conv->inputs[2] : NULL,
                                 match->residual};
    graph_move_node(graph, fused, final);
    graph_remove_node(graph, final);
    if (match->addition && match->addition != final)
        graph_remove_node(graph, match->addition);
    graph_remove_node(graph, conv);
    for (int i = 0; i < 4; i++) {
        if (operands[i] && node_set_input(fused, i, operands[i], error))
            return -1;
    }
    if (node_set_int(fused, "activation", match->activation, error) ||
        node_set_float(fused, "alpha", match->alpha, error) || node_set_float(fused, "beta", match->beta, error))
        return -1;
    return node_set_output(fused, 0, last, error);
}

int pass_fuse_epilogue(struct graph *graph, struct error *error)
{
    /* Backwards: of two convolutions that one Add joins, the later one can have the other as its residual. */
    for (struct node *node = graph->last, *previous; node; node = previous) {
        previous = node->previous;
        if (node->domain[0] != 0 || strcmp(node->op_type, "Conv") != 0 ||
            dtype_storage(node->outputs[0]->dtype) != DTYPE_FLOAT)
            continue;
        struct epilogue_match match = {0};
        struct value *last = match_epilogue(node, &match, error);
        if (error->kind != ERROR_NONE || (last != node->outputs[0] && fuse(node, &match, last, error)))
            return -1;
    }
    return 0;
}
