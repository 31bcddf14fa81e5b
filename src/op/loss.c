/* NegativeLogLikelihoodLoss (ONNX 12, 13, 22) and SoftmaxCrossEntropyLoss (12, 13), with their gradients. */
#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

enum reduction { REDUCTION_NONE, REDUCTION_SUM, REDUCTION_MEAN };
enum { SCORES, TARGET, WEIGHT };

static const char *const reductions[] = {"none", "sum", "mean", NULL};

struct loss_settings {
    enum reduction reduction;
    int64_t ignore_index;
    bool ignore_index_given;
    struct ints input_shape; /* of the gradient: of the scores */
};

#define LOSS_ATTRIBUTES                                                                                                \
    {INT_ATTRIBUTE(struct loss_settings, ignore_index, 0),                                                             \
     .given = offsetof(struct loss_settings, ignore_index_given)},                                                     \
    {                                                                                                                  \
        WORD_ATTRIBUTE(struct loss_settings, reduction, REDUCTION_MEAN, reductions)                                    \
    }

static const struct attribute_rule attributes[] = {LOSS_ATTRIBUTES, {0}};
static const struct attribute_rule gradient_attributes[] = {
    LOSS_ATTRIBUTES,
    {INTS_ATTRIBUTE(struct loss_settings, input_shape), .required = true},
    {0},
};

/* Scores [N, C, places...]; targets [N, places...]. */
struct loss {
    int64_t batch, classes, places;
    enum reduction reduction;
    bool ignores;
    int64_t ignored;
};

static int loss_read(const struct node *node, const struct shape *scores, const struct shape *target, struct loss *loss,
                     struct error *error)
{
    const struct loss_settings *settings = node->settings;
    bool fits = scores->rank >= 2 && target->rank == scores->rank - 1 && target->dims[0] == scores->dims[0];
    for (int i = 2; fits && i < scores->rank; i++)
        fits = target->dims[i - 1] == scores->dims[i];
    if (!fits || shape_count(scores) == 0) {
        char text[SHAPE_TEXT_SIZE], target_text[SHAPE_TEXT_SIZE];
        return error_set(error, ERROR_INPUT, "targets of %s do not fit scores of %s", shape_text(target, target_text),
                         shape_text(scores, text));
    }
    loss->batch = scores->dims[0];
    loss->classes = scores->dims[1];
    loss->places = shape_product(scores, 2, scores->rank);
    loss->reduction = settings->reduction;
    loss->ignores = settings->ignore_index_given;
    loss->ignored = settings->ignore_index;
    return 0;
}

static bool is_index(enum dtype dtype)
{
    return dtype == DTYPE_INT32 || dtype == DTYPE_INT64;
}

static int infer_loss(struct infer_context *context, struct error *error)
{
    const struct tensor *scores = context->inputs[SCORES], *target = context->inputs[TARGET];
    struct loss loss;
    if (loss_read(context->node, &scores->shape, &target->shape, &loss, error) ||
        operand_vector(context, WEIGHT, loss.classes, error))
        return -1;
    if (!is_index(target->dtype))
        return error_set(error, ERROR_INPUT, "the targets are %s, expected int32 or int64", dtype_name(target->dtype));
    if (infer_has(context, WEIGHT) && context->inputs[WEIGHT]->dtype != scores->dtype)
        return error_set(error, ERROR_INPUT, "scores and weights have different types");
    if (operand_output(context->node, 1) &&
        infer_output(context, 1, scores->dtype, scores->shape.rank, scores->shape.dims, error))
        return -1;
    if (loss.reduction == REDUCTION_NONE)
        return infer_output(context, 0, scores->dtype, target->shape.rank, target->shape.dims, error);
    return infer_output(context, 0, scores->dtype, 0, NULL, error);
}

/* The class at target `i` and its weight; class -1: ignored. */
static int target_class(const struct loss *loss, const struct tensor *target, const float *weights, int64_t i,
                        int64_t *class, float *weight, struct error *error)
{
    *class = tensor_int(target, i);
    *weight = 0;
    if (loss->ignores && *class == loss->ignored) {
        *class = -1;
        return 0;
    }
    if (*class < 0 || *class >= loss->classes)
        return error_set(error, ERROR_INPUT, "target %lld is class %lld of %lld", (long long)i, (long long)*class,
                         (long long)loss->classes);
    *weight = weights ? weights[*class] : 1;
    return 0;
}

static int64_t score_at(const struct loss *loss, int64_t i, int64_t class)
{
    return (i / loss->places * loss->classes + class) * loss->places + i % loss->places;
}

/* Reduces -weight * log probability over the targets. */
static int reduce(const struct compute_context *context, const struct loss *loss, const float *log_probabilities,
                  struct error *error)
{
    const struct tensor *target = context->inputs[TARGET];
    const float *weights = operand_data(context, WEIGHT);
    float *y = context->outputs[0]->data;
    double sum = 0, weight_sum = 0;
    for (int64_t i = 0; i < loss->batch * loss->places; i++) {
        int64_t class;
        float weight;
        if (target_class(loss, target, weights, i, &class, &weight, error))
            return -1;
        float value = class < 0 ? 0 : -weight * log_probabilities[score_at(loss, i, class)];
        if (loss->reduction == REDUCTION_NONE)
            y[i] = value;
        sum += (double)value;
        weight_sum += (double)weight;
    }
    if (loss->reduction != REDUCTION_NONE)
        y[0] = (float)(loss->reduction == REDUCTION_MEAN ? sum / weight_sum : sum);
    return 0;
}

static int compute_likelihood(struct compute_context *context, struct error *error)
{
    struct loss loss;
    if (loss_read(context->node, &context->inputs[SCORES]->shape, &context->inputs[TARGET]->shape, &loss, error))
        return -1;
    return reduce(context, &loss, context->inputs[SCORES]->data, error);
}

static void log_softmax(const struct loss *loss, const float *scores, float *out)
{
    for (int64_t i = 0; i < loss->batch * loss->places; i++) {
        const float *x = scores + score_at(loss, i, 0);
        float *y = out + score_at(loss, i, 0), maximum = x[0];
        double sum = 0;
        for (int64_t c = 1; c < loss->classes; c++)
            maximum = x[c * loss->places] > maximum ? x[c * loss->places] : maximum;
        for (int64_t c = 0; c < loss->classes; c++)
            sum += exp((double)x[c * loss->places] - (double)maximum);
        float offset = (float)((double)maximum + log(sum));
        for (int64_t c = 0; c < loss->classes; c++)
            y[c * loss->places] = x[c * loss->places] - offset;
    }
}

static size_t scratch_cross_entropy(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[SCORES]->shape) * sizeof(float);
}

static int compute_cross_entropy(struct compute_context *context, struct error *error)
{
    struct loss loss;
    if (loss_read(context->node, &context->inputs[SCORES]->shape, &context->inputs[TARGET]->shape, &loss, error))
        return -1;
    float *log_probabilities = operand_result(context, 1);
    if (!log_probabilities)
        log_probabilities = context->scratch;
    log_softmax(&loss, context->inputs[SCORES]->data, log_probabilities);
    return reduce(context, &loss, log_probabilities, error);
}

/* ---- NegativeLogLikelihoodGradient(dy, target, [weight]): gradient of the log probabilities ---- */

static struct value *emit_likelihood_gradient(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct loss_settings *settings = node->settings;
    const struct shape *scores = &node->inputs[SCORES]->shape;
    struct emit_attribute emitted[3] = {EMIT_INTS("input_shape", scores->dims, scores->rank),
                                        EMIT_STRING("reduction", reductions[settings->reduction])};
    int count = 2;
    if (settings->ignore_index_given)
        emitted[count++] = EMIT_INT("ignore_index", settings->ignore_index);
    struct value *weight = node->input_count > WEIGHT ? node->inputs[WEIGHT] : NULL;
    return emit(context->graph, "NegativeLogLikelihoodGradient",
                EMIT_INPUTS(context->output_gradients[0], node->inputs[TARGET], weight), emitted, count, error);
}

static int gradient_likelihood(struct gradient_context *context, struct error *error)
{
    if (!context->output_gradients[0] || !context->wanted[SCORES])
        return 0;
    context->input_gradients[SCORES] = emit_likelihood_gradient(context, error);
    return context->input_gradients[SCORES] ? 0 : -1;
}

/* The log_prob output of a SoftmaxCrossEntropyLoss node, added if the file leaves it out. */
static struct value *log_probabilities_of(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    return operand_output(node, 1) ? node->outputs[1] : operand_add_output(context->graph, node, 1, error);
}

static int gradient_cross_entropy(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct graph *graph = context->graph;
    struct value *dy = context->output_gradients[0];
    struct value *dlog = node->output_count > 1 ? context->output_gradients[1] : NULL;
    if (!context->wanted[SCORES] || (!dy && !dlog))
        return 0;
    struct value *log_probabilities = log_probabilities_of(context, error);
    if (!log_probabilities)
        return -1;
    if (dy) {
        struct value *from_loss = emit_likelihood_gradient(context, error);
        if (!from_loss)
            return -1;
        dlog = dlog ? emit(graph, "Add", EMIT_INPUTS(dlog, from_loss), EMIT_NO_ATTRIBUTES, error) : from_loss;
        if (!dlog)
            return -1;
    }
    const struct shape *scores = &node->inputs[SCORES]->shape;
    int64_t rows[3] = {scores->dims[0], scores->dims[1], shape_product(scores, 2, scores->rank)};
    context->input_gradients[SCORES] = emit(graph, "LogSoftmaxGradient", EMIT_INPUTS(dlog, log_probabilities),
                                            EMIT_ATTRIBUTES(EMIT_INTS("rows", rows, 3)), error);
    return context->input_gradients[SCORES] ? 0 : -1;
}

static int read_gradient(const struct node *node, const struct tensor *const *inputs, struct shape *scores,
                         struct loss *loss, struct error *error)
{
    const struct loss_settings *settings = node->settings;
    if (shape_set(scores, settings->input_shape.count, settings->input_shape.values, error) ||
        loss_read(node, scores, &inputs[1]->shape, loss, error))
        return -1;
    const struct shape *dy = &inputs[0]->shape;
    if (loss->reduction == REDUCTION_NONE ? !shape_equal(dy, &inputs[1]->shape) : shape_count(dy) != 1)
        return error_set(error, ERROR_INPUT, "the output gradient does not fit the loss");
    return 0;
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    struct shape scores;
    struct loss loss;
    if (read_gradient(context->node, context->inputs, &scores, &loss, error) ||
        operand_vector(context, WEIGHT, loss.classes, error))
        return -1;
    if (!is_index(context->inputs[1]->dtype))
        return error_set(error, ERROR_INPUT, "the targets must be int32 or int64");
    if (infer_has(context, WEIGHT) && context->inputs[WEIGHT]->dtype != context->inputs[0]->dtype)
        return error_set(error, ERROR_INPUT, "gradient and weights have different types");
    return infer_output(context, 0, context->inputs[0]->dtype, scores.rank, scores.dims, error);
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    struct shape scores;
    struct loss loss;
    if (read_gradient(context->node, context->inputs, &scores, &loss, error))
        return -1;
    const float *dy = context->inputs[0]->data, *weights = operand_data(context, WEIGHT);
    float *dx = context->outputs[0]->data;
    double weight_sum = 0;
    int64_t class, targets = loss.batch * loss.places;
    float weight;
    for (int64_t i = 0; i < targets; i++) {
        if (target_class(&loss, context->inputs[1], weights, i, &class, &weight, error))
            return -1;
        weight_sum += (double)weight;
    }
    double factor = loss.reduction == REDUCTION_MEAN ? 1 / weight_sum : 1;
    memset(dx, 0, tensor_bytes(context->outputs[0]));
    for (int64_t i = 0; i < targets; i++) {
        if (target_class(&loss, context->inputs[1], weights, i, &class, &weight, error))
            return -1;
        float upstream = dy[loss.reduction == REDUCTION_NONE ? i : 0];
        if (class >= 0)
            dx[score_at(&loss, i, class)] = (float)(-(double)weight * factor * (double)upstream);
    }
    return 0;
}

static int field_loss(struct field_context *context, struct error *error)
{
    (void)error;
    field_full(context);
    context->global = true;
    context->none = true;
    return 0;
}

const struct operator_definition operators_loss[] = {
    {.domain = "",
     .name = "NegativeLogLikelihoodLoss",
     .since = 12,
     ARITY(2, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_CONTROL},
     SETTINGS(struct loss_settings, attributes),
     .infer = infer_loss,
     .compute = compute_likelihood,
     .gradient = gradient_likelihood,
     .field = field_loss},
    {.domain = "",
     .name = "SoftmaxCrossEntropyLoss",
     .since = 12,
     ARITY(2, 3, 1, 2),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_CONTROL},
     SETTINGS(struct loss_settings, attributes),
     .infer = infer_loss,
     .compute = compute_cross_entropy,
     .gradient = gradient_cross_entropy,
     .field = field_loss,
     .scratch = scratch_cross_entropy},
    {.domain = DOMAIN_INTERNAL,
     .name = "NegativeLogLikelihoodGradient",
     .since = 1,
     ARITY(2, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_CONTROL},
     SETTINGS(struct loss_settings, gradient_attributes),
     .infer = infer_gradient,
     .compute = compute_gradient},
    {0},
};
