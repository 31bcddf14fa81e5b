/* MeanVarianceNormalization (ONNX 9, 13) and LpNormalization (1, 22): statistics over any axes, and their gradients. */
#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

/* Of MeanVarianceNormalization, or of LpNormalization. */
struct group_settings {
    struct ints axes;
    int64_t axis, p;
    bool held;
};

static const struct attribute_rule mean_variance_attributes[] = {
    {INTS_ATTRIBUTE(struct group_settings, axes)},
    {0},
};
static const struct attribute_rule mean_variance_gradient_attributes[] = {
    {INTS_ATTRIBUTE(struct group_settings, axes)},
    {FLAG_ATTRIBUTE(struct group_settings, held, 0)},
    {0},
};
static const struct attribute_rule lp_attributes[] = {
    {INT_ATTRIBUTE(struct group_settings, axis, -1)},
    {INT_ATTRIBUTE(struct group_settings, p, 2)},
    {0},
};

/* Elements that agree in all axes but the normalised ones form a group. */
struct axis_groups {
    bool reduced[SHAPE_MAX_RANK];
    int64_t groups, members;
};

static int groups_set(const struct shape *x, const int64_t *axes, int count, struct axis_groups *groups,
                      struct error *error)
{
    *groups = (struct axis_groups){.groups = 1, .members = 1};
    for (int i = 0; i < count; i++) {
        int axis;
        if (shape_axis(axes[i], x->rank, &axis, error))
            return -1;
        if (groups->reduced[axis])
            return error_set(error, ERROR_INPUT, "axis %d is named twice", axis);
        groups->reduced[axis] = true;
    }
    for (int i = 0; i < x->rank; i++)
        *(groups->reduced[i] ? &groups->members : &groups->groups) *= x->dims[i];
    return groups->members > 0 ? 0 : error_set(error, ERROR_INPUT, "the input is empty");
}

static const int64_t usual_axes[] = {0, 2, 3};

/* MVN's axes are 0, 2, 3 unless given; LpNormalization has one. */
static struct ints axes_of(const struct node *node)
{
    const struct group_settings *settings = node->settings;
    if (strncmp(node->op_type, "Lp", 2) == 0)
        return (struct ints){&settings->axis, 1};
    return settings->axes.values ? settings->axes : (struct ints){usual_axes, 3};
}

static int read_groups(const struct node *node, const struct shape *x, struct axis_groups *groups, struct error *error)
{
    struct ints axes = axes_of(node);
    return groups_set(x, axes.values, axes.count, groups, error);
}

/* Walks the elements in order and knows the group of each. */
struct group_walk {
    const struct shape *shape;
    int64_t strides[SHAPE_MAX_RANK], at[SHAPE_MAX_RANK];
    int64_t group;
};

static void walk_start(struct group_walk *walk, const struct shape *shape, const struct axis_groups *groups)
{
    *walk = (struct group_walk){.shape = shape};
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        walk->strides[i] = groups->reduced[i] ? 0 : stride;
        stride *= groups->reduced[i] ? 1 : shape->dims[i];
    }
}

static void walk_next(struct group_walk *walk)
{
    for (int i = walk->shape->rank - 1; i >= 0; i--) {
        walk->group += walk->strides[i];
        if (++walk->at[i] < walk->shape->dims[i])
            return;
        walk->group -= walk->strides[i] * walk->shape->dims[i];
        walk->at[i] = 0;
    }
}

/* sums[group] += function(element); the statistics are sums of one or two such passes. */
typedef double element_function(const float *x, const float *dy, int64_t i, double mean);

static void group_sums(const struct tensor *x, const float *dy, const struct axis_groups *groups,
                       element_function *function, const double *means, double *sums)
{
    struct group_walk walk;
    walk_start(&walk, &x->shape, groups);
    for (int64_t i = 0; i < groups->groups; i++)
        sums[i] = 0;
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        sums[walk.group] += function(x->data, dy, i, means ? means[walk.group] : 0);
        walk_next(&walk);
    }
}

static double element(const float *x, const float *dy, int64_t i, double mean)
{
    (void)dy;
    (void)mean;
    return (double)x[i];
}

static double centred_square(const float *x, const float *dy, int64_t i, double mean)
{
    (void)dy;
    return ((double)x[i] - mean) * ((double)x[i] - mean);
}

static double magnitude(const float *x, const float *dy, int64_t i, double mean)
{
    (void)dy;
    (void)mean;
    return fabs((double)x[i]);
}

static double gradient_element(const float *x, const float *dy, int64_t i, double mean)
{
    (void)x;
    (void)mean;
    return (double)dy[i];
}

static double centred_product(const float *x, const float *dy, int64_t i, double mean)
{
    return (double)dy[i] * ((double)x[i] - mean);
}

static int infer_groups(struct infer_context *context, struct error *error)
{
    struct axis_groups groups;
    if (operand_types(context, 1, error) || operand_shaped_as(context, 1, 0, error) ||
        read_groups(context->node, &context->inputs[0]->shape, &groups, error))
        return -1;
    return infer_same(context, error);
}

static int infer_lp(struct infer_context *context, struct error *error)
{
    const struct group_settings *settings = context->node->settings;
    if (settings->p != 1 && settings->p != 2)
        return error_set(error, ERROR_INPUT, "attribute p is %lld, expected 1 or 2", (long long)settings->p);
    return infer_groups(context, error);
}

/* Four statistics a group. */
static size_t scratch_groups(const struct compute_context *context)
{
    struct axis_groups groups;
    if (read_groups(context->node, &context->inputs[0]->shape, &groups, NULL))
        return 0;
    return 4 * (size_t)groups.groups * sizeof(double);
}

/* ---- MeanVarianceNormalization: y = (x - mean) / (deviation + 1e-9) ---- */

#define MVN_EPSILON 1e-9

static void mean_and_deviation(const struct tensor *x, const struct axis_groups *groups, double *means,
                               double *deviations)
{
    group_sums(x, NULL, groups, element, NULL, means);
    for (int64_t i = 0; i < groups->groups; i++)
        means[i] /= (double)groups->members;
    group_sums(x, NULL, groups, centred_square, means, deviations);
    for (int64_t i = 0; i < groups->groups; i++)
        deviations[i] = sqrt(deviations[i] / (double)groups->members);
}

static int compute_mean_variance(struct compute_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0];
    float *y = context->outputs[0]->data;
    struct axis_groups groups;
    if (read_groups(context->node, &x->shape, &groups, error))
        return -1;
    double *means = context->scratch, *deviations = means + groups.groups;
    mean_and_deviation(x, &groups, means, deviations);
    struct group_walk walk;
    walk_start(&walk, &x->shape, &groups);
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        y[i] =
            (float)(((double)((const float *)x->data)[i] - means[walk.group]) / (deviations[walk.group] + MVN_EPSILON));
        walk_next(&walk);
    }
    return 0;
}

static int gradient_mean_variance(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct ints axes = axes_of(node);
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] = emit(
        context->graph, "MeanVarianceNormalizationGradient", EMIT_INPUTS(context->output_gradients[0], node->inputs[0]),
        EMIT_ATTRIBUTES(EMIT_INTS("axes", axes.values, axes.count), EMIT_INT("held", context->held)), error);
    return context->input_gradients[0] ? 0 : -1;
}

/* With d = deviation + epsilon: dx = (dy - mean dy) / d - (x - mean) mean(dy (x - mean)) / (deviation d^2), without the
 * second term where d is held constant. */
static int compute_mean_variance_gradient(struct compute_context *context, struct error *error)
{
    const float *dy = context->inputs[0]->data;
    const struct tensor *x = context->inputs[1];
    const struct group_settings *settings = context->node->settings;
    float *dx = context->outputs[0]->data;
    struct axis_groups groups;
    if (read_groups(context->node, &x->shape, &groups, error))
        return -1;
    double *means = context->scratch, *deviations = means + groups.groups;
    double *sums = deviations + groups.groups, *products = sums + groups.groups;
    mean_and_deviation(x, &groups, means, deviations);
    group_sums(x, dy, &groups, gradient_element, NULL, sums);
    group_sums(x, dy, &groups, centred_product, means, products);
    struct group_walk walk;
    walk_start(&walk, &x->shape, &groups);
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        double deviation = deviations[walk.group], d = deviation + MVN_EPSILON, members = (double)groups.members;
        double centred = (double)((const float *)x->data)[i] - means[walk.group];
        double slope = deviation > 0 && !settings->held ? products[walk.group] / members / (deviation * d * d) : 0;
        dx[i] = (float)(((double)dy[i] - sums[walk.group] / members) / d - centred * slope);
        walk_next(&walk);
    }
    return 0;
}

/* ---- LpNormalization: y = x / norm, 0 where the norm is 0 ---- */

static void norms(const struct tensor *x, const struct axis_groups *groups, int64_t p, double *norm)
{
    group_sums(x, NULL, groups, p == 1 ? magnitude : centred_square, NULL, norm);
    for (int64_t i = 0; p == 2 && i < groups->groups; i++)
        norm[i] = sqrt(norm[i]);
}

static int compute_lp(struct compute_context *context, struct error *error)
{
    const struct group_settings *settings = context->node->settings;
    const struct tensor *x = context->inputs[0];
    float *y = context->outputs[0]->data;
    struct axis_groups groups;
    if (read_groups(context->node, &x->shape, &groups, error))
        return -1;
    double *norm = context->scratch;
    norms(x, &groups, settings->p, norm);
    struct group_walk walk;
    walk_start(&walk, &x->shape, &groups);
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        double n = norm[walk.group];
        y[i] = n == 0 ? 0 : (float)((double)((const float *)x->data)[i] / n);
        walk_next(&walk);
    }
    return 0;
}

static int gradient_lp(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct group_settings *settings = node->settings;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit(context->graph, "LpNormalizationGradient", EMIT_INPUTS(context->output_gradients[0], node->inputs[0]),
             EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis), EMIT_INT("p", settings->p)), error);
    return context->input_gradients[0] ? 0 : -1;
}

/* dx = (dy - slope sum(dy x) / norm) / norm, slope = sign x (p = 1) or x / norm (p = 2) */
static int compute_lp_gradient(struct compute_context *context, struct error *error)
{
    const float *dy = context->inputs[0]->data, *values = context->inputs[1]->data;
    const struct tensor *x = context->inputs[1];
    float *dx = context->outputs[0]->data;
    const struct group_settings *settings = context->node->settings;
    struct axis_groups groups;
    if (read_groups(context->node, &x->shape, &groups, error))
        return -1;
    double *norm = context->scratch, *products = norm + groups.groups;
    norms(x, &groups, settings->p, norm);
    group_sums(x, dy, &groups, centred_product, NULL, products);
    struct group_walk walk;
    walk_start(&walk, &x->shape, &groups);
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        double n = norm[walk.group], value = (double)values[i];
        double slope = settings->p == 2 ? value / n : value > 0 ? 1 : value < 0 ? -1 : 0;
        dx[i] = n == 0 ? 0 : (float)(((double)dy[i] - slope * products[walk.group] / n) / n);
        walk_next(&walk);
    }
    return 0;
}

/* Normalised places make it global; normalised channels or samples are read wholly. */
static int field_groups(struct field_context *context, struct error *error)
{
    const struct shape *x = &context->inputs[0]->shape;
    struct axis_groups groups;
    if (read_groups(context->node, x, &groups, error))
        return -1;
    for (int i = 0; i < x->rank; i++) {
        context->reads[i] = context->cells[i];
        if (groups.reduced[i] && i >= 2)
            context->global = context->global || x->dims[i] > 1;
        else if (groups.reduced[i])
            context->reads[i] = interval_full(x->dims[i]);
    }
    return 0;
}

const struct operator_definition operators_normalization_axes[] = {
    {.domain = "",
     .name = "MeanVarianceNormalization",
     .since = 9,
     ARITY(1, 1, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct group_settings, mean_variance_attributes),
     .infer = infer_groups,
     .compute = compute_mean_variance,
     .gradient = gradient_mean_variance,
     .field = field_groups,
     .scratch = scratch_groups},
    {.domain = "",
     .name = "LpNormalization",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct group_settings, lp_attributes),
     .infer = infer_lp,
     .compute = compute_lp,
     .gradient = gradient_lp,
     GATE(GATE_NORM, start_zero),
     .field = field_groups,
     .scratch = scratch_groups},
    {.domain = DOMAIN_INTERNAL,
     .name = "MeanVarianceNormalizationGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct group_settings, mean_variance_gradient_attributes),
     .infer = infer_groups,
     .compute = compute_mean_variance_gradient,
     .scratch = scratch_groups},
    {.domain = DOMAIN_INTERNAL,
     .name = "LpNormalizationGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct group_settings, lp_attributes),
     .infer = infer_lp,
     .compute = compute_lp_gradient,
     .scratch = scratch_groups},
    {0},
};
