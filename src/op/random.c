/* RandomNormal, RandomUniform and their Like forms (ONNX 1, 22), Bernoulli (15, 22), Multinomial (7, 22): functions of
 * (seed, step, node, element). The attribute `seed`, where it is given, makes a run repeat whatever the session's seed.
 */
#include "base/random.h"

#include <math.h>
#include <string.h>

#include "op/families.h"
#include "op/operand.h"

struct random_settings {
    int64_t dtype, stream, sample_size;
    float seed, mean, scale, low, high;
    bool dtype_given, seed_given, stream_given; /* stream: of the node whose draws this one repeats */
    struct ints shape;
};

#define GIVEN(field_) .given = offsetof(struct random_settings, field_)
/* clang-format off */
#define DRAW                                                                                                           \
    {INT_ATTRIBUTE(struct random_settings, dtype, 0), GIVEN(dtype_given)},                                             \
    {FLOAT_ATTRIBUTE(struct random_settings, seed, 0), GIVEN(seed_given)},                                             \
    {INT_ATTRIBUTE(struct random_settings, stream, 0), GIVEN(stream_given)}
#define NORMAL                                                                                                         \
    DRAW,                                                                                                              \
    {FLOAT_ATTRIBUTE(struct random_settings, mean, 0)},                                                                \
    {FLOAT_ATTRIBUTE(struct random_settings, scale, 1)}
#define UNIFORM                                                                                                        \
    DRAW,                                                                                                              \
    {FLOAT_ATTRIBUTE(struct random_settings, low, 0)},                                                                 \
    {FLOAT_ATTRIBUTE(struct random_settings, high, 1)}
#define SHAPE {INTS_ATTRIBUTE(struct random_settings, shape), .required = true}
/* clang-format on */

static const struct attribute_rule normal_attributes[] = {NORMAL, SHAPE, {0}};
static const struct attribute_rule normal_like_attributes[] = {NORMAL, {0}};
static const struct attribute_rule uniform_attributes[] = {UNIFORM, SHAPE, {0}};
static const struct attribute_rule uniform_like_attributes[] = {UNIFORM, {0}};
static const struct attribute_rule bernoulli_attributes[] = {DRAW, {0}};
static const struct attribute_rule multinomial_attributes[] = {
    DRAW,
    {INT_ATTRIBUTE(struct random_settings, sample_size, 1)},
    {0},
};

static enum dtype wanted_type(const struct node *node, enum dtype otherwise)
{
    const struct random_settings *settings = node->settings;
    return settings->dtype_given ? (enum dtype)settings->dtype : otherwise;
}

static int check_type(enum dtype dtype, uint32_t allowed, struct error *error)
{
    if (dtype < 0 || dtype > 31 || !(TYPE_BIT(dtype) & allowed))
        return error_set(error, ERROR_INPUT, "dtype %d is not one it can make", (int)dtype);
    return 0;
}

static int infer_random(struct infer_context *context, struct error *error)
{
    const struct random_settings *settings = context->node->settings;
    enum dtype dtype = wanted_type(context->node, DTYPE_FLOAT);
    return check_type(dtype, TYPES_FLOAT, error)
               ? -1
               : infer_output(context, 0, dtype, settings->shape.count, settings->shape.values, error);
}

static int infer_random_like(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    enum dtype dtype = wanted_type(context->node, context->inputs[0]->dtype);
    return check_type(dtype, TYPES_FLOAT, error) ? -1
                                                 : infer_output(context, 0, dtype, shape->rank, shape->dims, error);
}

static int infer_bernoulli(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    enum dtype dtype = wanted_type(context->node, context->inputs[0]->dtype);
    return check_type(dtype, TYPES_ALL, error) ? -1 : infer_output(context, 0, dtype, shape->rank, shape->dims, error);
}

static int infer_multinomial(struct infer_context *context, struct error *error)
{
    const struct random_settings *settings = context->node->settings;
    const struct shape *shape = &context->inputs[0]->shape;
    enum dtype dtype = wanted_type(context->node, DTYPE_INT32);
    int64_t samples = settings->sample_size;
    if (shape->rank != 2 || shape->dims[1] < 1 || samples < 1)
        return error_set(error, ERROR_INPUT, "the input must be [batch, classes], sample_size at least 1");
    const int64_t dims[2] = {shape->dims[0], samples};
    return check_type(dtype, TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64), error)
               ? -1
               : infer_output(context, 0, dtype, 2, dims, error);
}

/* The stream of numbers of one node in one step; a copy that draws the same again names the first one's. */
static struct random start(const struct compute_context *context)
{
    const struct random_settings *settings = context->node->settings;
    uint64_t seed = context->seed;
    if (settings->seed_given) {
        uint32_t bits;
        memcpy(&bits, &settings->seed, sizeof bits);
        seed = bits;
    }
    return (struct random){.seed = seed, .stream = context->step << 32 ^ (uint64_t)random_stream(context->node)};
}

static int compute_normal(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct random_settings *settings = context->node->settings;
    struct tensor *to = context->outputs[0];
    double mean = (double)settings->mean, scale = (double)settings->scale;
    struct random random = start(context);
    for (int64_t i = 0; i < shape_count(&to->shape); i++)
        tensor_set_number(to, i, mean + scale * random_normal(&random));
    dtype_round(to->dtype, to->data, (size_t)shape_count(&to->shape));
    return 0;
}

static int compute_uniform(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct random_settings *settings = context->node->settings;
    struct tensor *to = context->outputs[0];
    double low = (double)settings->low, high = (double)settings->high;
    struct random random = start(context);
    for (int64_t i = 0; i < shape_count(&to->shape); i++)
        tensor_set_number(to, i, low + (high - low) * random_uniform(&random));
    dtype_round(to->dtype, to->data, (size_t)shape_count(&to->shape));
    return 0;
}

static int compute_bernoulli(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *probability = context->inputs[0];
    struct random random = start(context);
    for (int64_t i = 0; i < shape_count(&probability->shape); i++)
        tensor_set_number(context->outputs[0], i, random_uniform(&random) < tensor_number(probability, i));
    return 0;
}

/* One draw from a row of unnormalised log-probabilities. */
static int64_t draw(const struct tensor *logits, int64_t row, int64_t classes, double uniform)
{
    double largest = -HUGE_VAL, sum = 0, passed = 0;
    for (int64_t k = 0; k < classes; k++)
        largest = fmax(largest, tensor_number(logits, row * classes + k));
    for (int64_t k = 0; k < classes; k++)
        sum += exp(tensor_number(logits, row * classes + k) - largest);
    for (int64_t k = 0; k < classes; k++) {
        passed += exp(tensor_number(logits, row * classes + k) - largest) / sum;
        if (uniform < passed)
            return k;
    }
    return classes - 1;
}

static int compute_multinomial(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct shape *shape = &context->inputs[0]->shape;
    struct tensor *to = context->outputs[0];
    int64_t samples = to->shape.dims[1];
    struct random random = start(context);
    for (int64_t i = 0; i < shape_count(&to->shape); i++)
        tensor_set_number(to, i,
                          (double)draw(context->inputs[0], i / samples, shape->dims[1], random_uniform(&random)));
    return 0;
}

#define RANDOM(name_, since_, inputs_, types_, traits_, role_, attributes_, infer_, compute_)                          \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(inputs_, inputs_, 1, 1), .types = types_,                  \
        .traits = OPERATOR_RANDOM | (traits_), .roles = {role_}, SETTINGS(struct random_settings, attributes_),        \
        .infer = infer_, .compute = compute_                                                                           \
    }
#define SOURCE(name_, attributes_, compute_)                                                                           \
    RANDOM(name_, 1, 0, TYPES_FLOAT, OPERATOR_SOURCE, ROLE_UNSAID, attributes_, infer_random, compute_)
#define LIKE(name_, attributes_, compute_)                                                                             \
    RANDOM(name_, 1, 1, TYPES_ALL, OPERATOR_SOURCE | OPERATOR_SHAPE_ONLY, ROLE_SHAPE, attributes_, infer_random_like,  \
           compute_)

const struct operator_definition operators_random[] = {
    SOURCE("RandomNormal", normal_attributes, compute_normal),
    SOURCE("RandomUniform", uniform_attributes, compute_uniform),
    LIKE("RandomNormalLike", normal_like_attributes, compute_normal),
    LIKE("RandomUniformLike", uniform_like_attributes, compute_uniform),
    RANDOM("Bernoulli", 15, 1, TYPES_FLOAT, 0, ROLE_DATA, bernoulli_attributes, infer_bernoulli, compute_bernoulli),
    RANDOM("Multinomial", 7, 1, TYPES_FLOAT, 0, ROLE_DATA, multinomial_attributes, infer_multinomial,
           compute_multinomial),
    {0},
};
