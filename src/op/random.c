/* RandomNormal, RandomUniform and their Like forms (ONNX 1, 22), Bernoulli (15, 22), Multinomial (7, 22): functions of
 * (seed, step, node, element). The attribute `seed`, where it is given, makes a run repeat whatever the session's seed.
 */
#include "base/random.h"

#include <math.h>
#include <string.h>

#include "op/families.h"
#include "op/operand.h"

static enum dtype wanted_type(const struct node *node, enum dtype otherwise)
{
    return node_attribute(node, "dtype") ? (enum dtype)node_int(node, "dtype", 0) : otherwise;
}

static int check_type(const struct node *node, enum dtype dtype, uint32_t allowed, struct error *error)
{
    (void)node;
    if (dtype < 0 || dtype > 31 || !(TYPE_BIT(dtype) & allowed))
        return error_set(error, ERROR_INPUT, "dtype %d is not one it can make", (int)dtype);
    return 0;
}

static int infer_random(struct infer_context *context, struct error *error)
{
    int rank;
    const int64_t *dims = node_ints(context->node, "shape", &rank);
    enum dtype dtype = wanted_type(context->node, DTYPE_FLOAT);
    if (!node_attribute(context->node, "shape"))
        return error_set(error, ERROR_INPUT, "the attribute shape is missing");
    return check_type(context->node, dtype, TYPES_FLOAT, error) ? -1
                                                                : infer_output(context, 0, dtype, rank, dims, error);
}

static int infer_random_like(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    enum dtype dtype = wanted_type(context->node, context->inputs[0]->dtype);
    return check_type(context->node, dtype, TYPES_FLOAT, error)
               ? -1
               : infer_output(context, 0, dtype, shape->rank, shape->dims, error);
}

static int infer_bernoulli(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    enum dtype dtype = wanted_type(context->node, context->inputs[0]->dtype);
    return check_type(context->node, dtype, TYPES_ALL, error)
               ? -1
               : infer_output(context, 0, dtype, shape->rank, shape->dims, error);
}

static int infer_multinomial(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    enum dtype dtype = wanted_type(context->node, DTYPE_INT32);
    int64_t samples = node_int(context->node, "sample_size", 1);
    if (shape->rank != 2 || shape->dims[1] < 1 || samples < 1)
        return error_set(error, ERROR_INPUT, "the input must be [batch, classes], sample_size at least 1");
    const int64_t dims[2] = {shape->dims[0], samples};
    return check_type(context->node, dtype, TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64), error)
               ? -1
               : infer_output(context, 0, dtype, 2, dims, error);
}

/* The stream of numbers of one node in one step; a copy that draws the same again names the first one's. */
static struct random start(const struct compute_context *context)
{
    const struct attribute *given = node_attribute(context->node, "seed");
    uint64_t seed = context->seed;
    if (given && given->type == ATTRIBUTE_FLOAT) {
        uint32_t bits;
        memcpy(&bits, &given->f, sizeof bits);
        seed = bits;
    }
    return (struct random){.seed = seed,
                           .stream = context->step << 32 ^
                                     (uint64_t)node_int(context->node, "stream", context->node->outputs[0]->id)};
}

static int compute_normal(struct compute_context *context, struct error *error)
{
    (void)error;
    struct tensor *to = context->outputs[0];
    double mean = (double)node_float(context->node, "mean", 0), scale = (double)node_float(context->node, "scale", 1);
    struct random random = start(context);
    for (int64_t i = 0; i < shape_count(&to->shape); i++)
        tensor_set_number(to, i, mean + scale * random_normal(&random));
    dtype_round(to->dtype, to->data, (size_t)shape_count(&to->shape));
    return 0;
}

static int compute_uniform(struct compute_context *context, struct error *error)
{
    (void)error;
    struct tensor *to = context->outputs[0];
    double low = (double)node_float(context->node, "low", 0), high = (double)node_float(context->node, "high", 1);
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

#define RANDOM(name_, since_, inputs_, types_, infer_, compute_)                                                       \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, .min_inputs = inputs_, .max_inputs = inputs_, .min_outputs = 1,  \
        .max_outputs = 1, .types = types_, .flags = OPERATOR_RANDOM, .infer = infer_, .compute = compute_              \
    }

const struct operator operators_random[] = {
    RANDOM("RandomNormal", 1, 0, TYPES_FLOAT, infer_random, compute_normal),
    RANDOM("RandomUniform", 1, 0, TYPES_FLOAT, infer_random, compute_uniform),
    RANDOM("RandomNormalLike", 1, 1, TYPES_ALL, infer_random_like, compute_normal),
    RANDOM("RandomUniformLike", 1, 1, TYPES_ALL, infer_random_like, compute_uniform),
    RANDOM("Bernoulli", 15, 1, TYPES_FLOAT, infer_bernoulli, compute_bernoulli),
    RANDOM("Multinomial", 7, 1, TYPES_FLOAT, infer_multinomial, compute_multinomial),
    {0},
};
