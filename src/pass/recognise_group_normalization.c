#include "graph/match.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/settings.h"
#include "pass/passes.h"

struct group_normalization {
    struct value *x, *scale, *bias;
    struct node *last;
    int64_t groups;
    float epsilon;
};

/* The statistics of [N, G, everything else]: InstanceNormalization, or LayerNormalization over the axes behind G,
 * neither with a scale or shift of its own. */
static bool is_plain_normalization(const struct node *node)
{
    const struct normalization_settings *settings = node->settings;
    const struct value *x = node->inputs[0];
    if (match_operator(node, "InstanceNormalization"))
        return x->shape.rank >= 3 && match_all_equal(node->inputs[1], 1) && match_all_equal(node->inputs[2], 0);
    if (!match_operator(node, "LayerNormalization"))
        return false;
    int64_t axis = settings->axis < 0 ? settings->axis + x->shape.rank : settings->axis;
    return axis == 2 && match_all_equal(node->inputs[1], 1) &&
           (node->input_count < 3 || !node->inputs[2] || match_all_equal(node->inputs[2], 0));
}

static bool match_groups(struct node *node, struct group_normalization *found)
{
    const struct normalization_settings *settings = node->settings;
    const struct node *before = match_producer(node->inputs[0], "Reshape");
    struct value *result = node->outputs[0];
    struct node *behind = pass_single_use(result) ? result->uses[0].node : NULL;
    if (!before || !match_operator(behind, "Reshape") || behind->graph != node->graph)
        return false;
    *found = (struct group_normalization){
        .x = before->inputs[0], .last = behind, .groups = node->inputs[0]->shape.dims[1], .epsilon = settings->epsilon};
    const struct shape *x = &found->x->shape;
    return found->x->graph == node->graph && x->rank >= 3 && shape_equal(x, &behind->outputs[0]->shape) &&
           x->dims[0] == node->inputs[0]->shape.dims[0] && found->groups > 0 && x->dims[1] % found->groups == 0;
}

/* The constant with one number per channel that the one reader `op_type` combines with the result. */
static struct value *take_channels(struct group_normalization *found, const char *op_type)
{
    struct value *result = found->last->outputs[0];
    struct node *user = pass_single_use(result) ? result->uses[0].node : NULL;
    if (!match_operator(user, op_type) || user->graph != result->graph)
        return NULL;
    struct value *constant = match_other(user, result);
    int64_t channels = found->x->shape.dims[1];
    int axis = constant ? constant->shape.rank - (found->x->shape.rank - 1) : -1;
    if (!constant || !constant->constant || constant->dtype != found->x->dtype || axis < 0 ||
        constant->shape.dims[axis] != channels || shape_count(&constant->shape) != channels)
        return NULL;
    found->last = user;
    return constant;
}

static struct value *as_vector(struct graph *graph, struct value *constant, enum dtype dtype, int64_t channels,
                               double otherwise, struct error *error)
{
    const struct shape shape = {.rank = 1, .dims = {channels}};
    return constant ? emit_reshape(graph, constant, 1, &channels, error)
                    : emit_filled(graph, dtype, &shape, otherwise, error);
}

static int replace(struct group_normalization *found, struct error *error)
{
    struct graph *graph = found->last->graph;
    struct node *tail = graph->last;
    int64_t channels = found->x->shape.dims[1];
    found->scale = take_channels(found, "Mul");
    found->bias = take_channels(found, "Add");
    struct value *scale = as_vector(graph, found->scale, found->x->dtype, channels, 1, error);
    struct value *bias = as_vector(graph, found->bias, found->x->dtype, channels, 0, error);
    if (!scale || !bias || pass_fold_new(graph, tail, error))
        return -1;
    struct value *made =
        emit(graph, "GroupNormalization", EMIT_INPUTS(found->x, scale, bias),
             EMIT_ATTRIBUTES(EMIT_INT("num_groups", found->groups), EMIT_FLOAT("epsilon", found->epsilon)), error);
    return made ? pass_replace(found->last, tail, made, error) : -1;
}

int pass_recognise_group_normalization(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first; node; node = node->next) {
        struct group_normalization found;
        if (node->domain[0] == '\0' && is_plain_normalization(node) && match_groups(node, &found) &&
            replace(&found, error))
            return -1;
    }
    return 0;
}
