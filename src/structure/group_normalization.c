#include "structure/group_normalization.h"

#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/reduction.h"
#include "op/settings.h"
#include "op/spatial.h"
#include "structure/network.h"

/* The one reader of a value that nobody else wants. */
static struct node *sole_user(const struct value *value)
{
    return value->use_count == 1 && !value->is_output ? value->uses[0].node : NULL;
}

/* ---- the statistics of [N, G, everything else] ---- */

/* ReduceMean over all axes behind the second, kept with size 1: what is averaged. */
static struct value *group_mean(const struct value *value)
{
    int axis;
    struct value *x = reduction_mean(value, &axis);
    return x && axis == 2 ? x : NULL;
}

/* (x - mean) / sqrt(mean((x - mean)^2) + epsilon), the quotient's node given: x, or NULL. */
static struct value *match_quotient(const struct node *quotient, float *epsilon)
{
    const struct node *root = match_producer(quotient->inputs[1], "Sqrt");
    const struct node *sum = root ? match_producer(root->inputs[0], "Add") : NULL;
    const struct node *difference = match_producer(quotient->inputs[0], "Sub");
    double number = 0;
    int other = -1;
    for (int i = 0; sum && i < 2 && other < 0; i++)
        other = match_number(sum->inputs[i], &number) ? 1 - i : -1;
    const struct value *square = other >= 0 && difference ? group_mean(sum->inputs[other]) : NULL;
    const struct value *centred = square ? match_squared(square) : NULL;
    const struct node *again = match_producer(centred, "Sub");
    if (!again || again->inputs[0] != difference->inputs[0] || group_mean(again->inputs[1]) != again->inputs[0] ||
        group_mean(difference->inputs[1]) != difference->inputs[0])
        return NULL;
    *epsilon = (float)number;
    return difference->inputs[0];
}

/* The grouped value that a node with statistics normalises; NULL: not such a node. */
static struct value *match_statistics(struct node *node, struct group_site *site)
{
    *site = (struct group_site){.core = node};
    struct value *x = node->input_count > 0 ? node->inputs[0] : NULL;
    bool instance = match_operator(node, "InstanceNormalization"), layer = match_operator(node, "LayerNormalization");
    const struct normalization_settings *settings = instance || layer ? node->settings : NULL;
    if (settings)
        site->epsilon = settings->epsilon;
    if (settings && instance && x->shape.rank >= 3) {
        site->form = GROUP_INSTANCE;
        site->own_scale = node->inputs[1];
        site->own_bias = node->inputs[2];
        return site->own_scale->constant && site->own_bias->constant ? x : NULL;
    }
    if (settings && layer) {
        int64_t axis = settings->axis < 0 ? settings->axis + x->shape.rank : settings->axis;
        bool bias = node->input_count > 2 && node->inputs[2];
        site->form = GROUP_LAYER;
        return axis == 2 && match_all_equal(node->inputs[1], 1) && (!bias || match_all_equal(node->inputs[2], 0))
                   ? x
                   : NULL;
    }
    if (!match_operator(node, "Div"))
        return NULL;
    site->form = GROUP_DECOMPOSED;
    return match_quotient(node, &site->epsilon);
}

/* A multiplication by ones and an addition of zeros, as a LayerNormalization taken apart leaves them. */
static struct value *pass_own_affine(struct group_site *site, struct value *value)
{
    for (int i = 0; i < 2; i++) {
        struct node *user = sole_user(value);
        const struct value *other = match_operator(user, i == 0 ? "Mul" : "Add") ? match_other(user, value) : NULL;
        if (!other || !match_all_equal(other, i == 0) || !shape_equal(&user->outputs[0]->shape, &value->shape))
            continue;
        site->own_affine[i] = user;
        value = user->outputs[0];
    }
    return value;
}

static bool match_between_reshapes(struct node *node, struct group_site *site)
{
    struct value *grouped = match_statistics(node, site);
    struct node *before = grouped ? match_producer(grouped, "Reshape") : NULL;
    if (!before)
        return false;
    struct value *normalised = node->outputs[0];
    normalised = site->form == GROUP_DECOMPOSED ? pass_own_affine(site, normalised) : normalised;
    struct node *behind = sole_user(normalised);
    site->x = before->inputs[0];
    const struct shape *x = &site->x->shape;
    if (!match_operator(behind, "Reshape") || x->rank < 2 || !shape_equal(x, &behind->outputs[0]->shape) ||
        x->dims[0] != grouped->shape.dims[0] || grouped->shape.rank < 3)
        return false;
    site->first = before;
    site->reshaped_back = behind;
    site->groups = grouped->shape.dims[1];
    site->result = behind->outputs[0];
    return site->groups > 0 && x->dims[1] % site->groups == 0;
}

static bool match_fused(struct node *node, struct group_site *site)
{
    if (!match_operator(node, "GroupNormalization") || !node->settings || !node->inputs[1]->constant ||
        !node->inputs[2]->constant)
        return false;
    const struct normalization_settings *settings = node->settings;
    *site = (struct group_site){.form = GROUP_OPERATOR,
                                .core = node,
                                .first = node,
                                .x = node->inputs[0],
                                .own_scale = node->inputs[1],
                                .own_bias = node->inputs[2],
                                .groups = settings->num_groups,
                                .epsilon = settings->epsilon,
                                .result = node->outputs[0]};
    return true;
}

/* ---- what scales and shifts behind it ---- */

/* The reader `op_type` of the result, where its other operand is a constant per channel or for all. */
static struct node *take_affine(struct group_site *site, const char *op_type, struct value **constant)
{
    struct node *user = sole_user(site->result);
    struct value *other = match_operator(user, op_type) ? match_other(user, site->result) : NULL;
    int64_t count = other && other->constant ? shape_count(&other->shape) : 0;
    int axis = other ? other->shape.rank - (site->x->shape.rank - 1) : -1;
    bool all = count == 1, per_channel = count == site->channels && axis >= 0 && other->shape.dims[axis] == count;
    if ((!all && !per_channel) || !shape_equal(&user->outputs[0]->shape, &site->x->shape))
        return NULL;
    *constant = other;
    site->result = user->outputs[0];
    return user;
}

static int multiply_in(const struct value *value, const struct group_site *site, double *scale, double *bias,
                       bool multiply, struct error *error)
{
    const struct tensor *tensor = value ? constant_data(value->constant, error) : NULL;
    if (!value)
        return 0;
    if (!tensor)
        return -1;
    int64_t count = shape_count(&tensor->shape);
    for (int64_t c = 0; c < site->channels; c++) {
        double number = tensor_number(tensor, count == site->channels ? c : c / (site->channels / count));
        if (multiply) {
            scale[c] *= number;
            bias[c] *= number;
        } else {
            bias[c] += number;
        }
    }
    return 0;
}

int group_site_affine(const struct group_site *site, double *scale, double *bias, struct error *error)
{
    for (int64_t c = 0; c < site->channels; c++) {
        scale[c] = 1;
        bias[c] = 0;
    }
    return multiply_in(site->own_scale, site, scale, bias, true, error) ||
                   multiply_in(site->own_bias, site, scale, bias, false, error) ||
                   multiply_in(site->scale, site, scale, bias, true, error) ||
                   multiply_in(site->bias, site, scale, bias, false, error)
               ? -1
               : 0;
}

/* ---- the block around ---- */

/* Walks back from x over an added bias and casts to a product with constant weights. */
static void find_front(struct group_site *site)
{
    struct node *way[GROUP_FRONT];
    struct value *value = site->x;
    for (int count = 1; count <= GROUP_FRONT && value->producer; count++) {
        struct node *node = value->producer;
        way[count - 1] = node;
        if (network_weights(node)) {
            site->input = node->inputs[0];
            site->front_count = count;
            for (int i = 0; i < count; i++)
                site->front[i] = way[count - 1 - i];
            return;
        }
        bool sum = match_operator(node, "Add") && (node->inputs[0]->constant || node->inputs[1]->constant);
        if (!sum && !node_has(node, OPERATOR_KEEPS))
            return;
        value = node->inputs[sum && node->inputs[0]->constant ? 1 : 0];
    }
}

/* Values that an activation is made of, the normalisation's result first, and the nodes that make the others. */
struct parts {
    struct value *values[GROUP_BEHIND + 1];
    struct node *nodes[GROUP_BEHIND];
    int count; /* of nodes */
};

static bool has_node(const struct parts *parts, const struct node *node)
{
    for (int i = 0; i < parts->count; i++) {
        if (parts->nodes[i] == node)
            return true;
    }
    return false;
}

static bool is_part(const struct parts *parts, const struct node *node)
{
    bool activation = network_is_activation(node);
    bool known = activation || node_has(node, OPERATOR_SUM | OPERATOR_MULTIPLIES | OPERATOR_FUNCTION);
    for (int i = 0; known && i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        bool inside = !input || (input->constant && (activation || shape_count(&input->shape) == 1));
        for (int k = 0; k <= parts->count && !inside; k++)
            inside = parts->values[k] == input;
        known = inside;
    }
    return known && shape_equal(&node->outputs[0]->shape, &parts->values[0]->shape);
}

static struct node *next_part(const struct parts *parts)
{
    for (int i = 0; i <= parts->count; i++) {
        for (size_t k = 0; k < parts->values[i]->use_count; k++) {
            struct node *node = parts->values[i]->uses[k].node;
            if (!has_node(parts, node) && is_part(parts, node))
                return node;
        }
    }
    return NULL;
}

/* Whether only the last value is read by others. */
static bool is_closed(const struct parts *parts)
{
    for (int i = 0; i < parts->count; i++) {
        if (parts->values[i]->is_output)
            return false;
        for (size_t k = 0; k < parts->values[i]->use_count; k++) {
            if (!has_node(parts, parts->values[i]->uses[k].node))
                return false;
        }
    }
    return true;
}

static void add_part(struct parts *parts, struct node *node)
{
    parts->nodes[parts->count++] = node;
    parts->values[parts->count] = node->outputs[0];
}

/* The one reader of a value, where it multiplies or divides it by a number; or NULL. */
static struct node *scaling_of(const struct value *value)
{
    struct node *user = sole_user(value);
    double number;
    if (match_operator(user, "Div"))
        return user->inputs[0] == value && match_number(user->inputs[1], &number) ? user : NULL;
    return match_operator(user, "Mul") && match_number(match_other(user, value), &number) ? user : NULL;
}

/* The fewest nodes behind the result that bend it and that nobody looks into, and numbers that it is scaled by then. */
static void find_behind(struct group_site *site)
{
    struct parts parts = {.values = {site->result}};
    struct node *node;
    bool bent = false;
    site->output = site->result;
    while (parts.count < GROUP_BEHIND && !(bent && is_closed(&parts)) && (node = next_part(&parts)) != NULL) {
        add_part(&parts, node);
        bent = bent || node_has(node, OPERATOR_ACTIVATION | OPERATOR_FUNCTION);
    }
    if (!bent || !is_closed(&parts))
        return;
    while (parts.count > 1 && parts.count < GROUP_BEHIND && (node = scaling_of(parts.values[parts.count])) != NULL)
        add_part(&parts, node);
    memcpy(site->behind, parts.nodes, sizeof site->behind);
    site->behind_count = parts.count;
    site->output = parts.values[parts.count];
}

bool group_site_widths(const struct group_site *site, struct group_widths *widths)
{
    if (site->front_count == 0)
        return false;
    const struct node *node = site->front[0];
    const struct shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    bool map = node_has(node, OPERATOR_CONVOLUTION);
    *widths = (struct group_widths){.inputs = (double)(map ? x->dims[1] : x->dims[x->rank - 1]),
                                    .outputs = (double)(map ? y->dims[1] : y->dims[y->rank - 1]),
                                    .shrink = 1};
    const struct window_settings *settings = map ? node->settings : NULL;
    for (int i = 0; settings && i < settings->strides.count; i++) {
        double stride = (double)settings->strides.values[i];
        widths->shrink *= match_operator(node, "ConvTranspose") ? 1 / stride : stride;
    }
    return true;
}

int group_normalization_find(struct graph *graph, struct group_list *list, struct error *error)
{
    *list = (struct group_list){
        .sites = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *list->sites, error)};
    if (!list->sites)
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        struct group_site *site = &list->sites[list->count];
        if (!match_fused(node, site) && !match_between_reshapes(node, site))
            continue;
        const struct shape *x = &site->x->shape;
        site->channels = x->dims[1];
        site->positions = shape_product(x, 2, x->rank);
        site->scale_node = take_affine(site, "Mul", &site->scale);
        site->shift_node = take_affine(site, "Add", &site->bias);
        find_front(site);
        find_behind(site);
        list->count++;
    }
    return 0;
}
