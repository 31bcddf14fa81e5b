/* LRN (ONNX 1, 13): y = x / s^beta with s = bias + alpha / size * sum of squares of the neighbouring channels. */
#include <math.h>

#include "base/number.h"
#include "op/confine.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

/* Neighbours that are summed at most; published networks have 5. */
#define LARGEST_WINDOW 8192
/* Elements done at a time, so that the sums stay on the stack. */
#define TILE 256

struct local_settings {
    int64_t size;
    float alpha, beta, bias;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct local_settings, size, 0), .required = true},
    {FLOAT_ATTRIBUTE(struct local_settings, alpha, 1e-4f)},
    {FLOAT_ATTRIBUTE(struct local_settings, beta, 0.75f)},
    {FLOAT_ATTRIBUTE(struct local_settings, bias, 1)},
    {0},
};

struct local_response {
    int64_t batch, channels, plane;
    int64_t before, after; /* neighbours of a channel on either side */
    float scale, beta, bias;
    const float *x, *dy;
    float *y, *products; /* gradient: dy x s^(-beta - 1) of every element */
};

static int read_local(const struct node *node, const struct shape *x, struct local_response *local, struct error *error)
{
    const struct local_settings *settings = node->settings;
    int64_t size = settings->size;
    if (x->rank < 2)
        return error_set(error, ERROR_INPUT, "the input has %d axes, expected at least N x C", x->rank);
    if (size < 1)
        return error_set(error, ERROR_INPUT, "attribute size is %lld, expected at least 1", (long long)size);
    *local = (struct local_response){.batch = x->dims[0],
                                     .channels = x->dims[1],
                                     .plane = shape_product(x, 2, x->rank),
                                     .scale = settings->alpha / (float)size,
                                     .beta = settings->beta,
                                     .bias = settings->bias};
    /* More neighbours than channels change nothing. */
    local->before = int64_min((size - 1) / 2, x->dims[1]);
    local->after = int64_min(size / 2, x->dims[1]);
    if (local->before + local->after > LARGEST_WINDOW)
        return error_set(error, ERROR_LIMIT, "attribute size is %lld (limit %d)", (long long)size, LARGEST_WINDOW);
    return 0;
}

static int infer_local(struct infer_context *context, struct error *error)
{
    struct local_response local;
    return read_local(context->node, &context->inputs[0]->shape, &local, error) ? -1 : infer_same(context, error);
}

/* s of `columns` elements from `at` on in plane n * channels + c. */
static void scales(const struct local_response *local, int64_t n, int64_t c, int64_t at, int64_t columns, float *s)
{
    int64_t first = int64_max(c - local->before, 0);
    int64_t last = int64_min(c + local->after, local->channels - 1);
    for (int64_t j = 0; j < columns; j++)
        s[j] = 0;
    for (int64_t k = first; k <= last; k++) {
        const float *x = local->x + (n * local->channels + k) * local->plane + at;
        for (int64_t j = 0; j < columns; j++)
            s[j] += x[j] * x[j];
    }
    for (int64_t j = 0; j < columns; j++)
        s[j] = local->bias + local->scale * s[j];
}

/* s^-beta; 3/4 is what every published network uses. */
static float inverse_power(float s, float beta)
{
    return beta == 0.75f ? 1 / (sqrtf(s) * sqrtf(sqrtf(s))) : powf(s, -beta);
}

static void run_forward(void *argument, int64_t begin, int64_t end)
{
    const struct local_response *local = argument;
    float s[TILE];
    for (int64_t i = begin; i < end; i++) {
        for (int64_t at = 0; at < local->plane; at += TILE) {
            int64_t columns = int64_min(local->plane - at, TILE), base = i * local->plane + at;
            scales(local, i / local->channels, i % local->channels, at, columns, s);
            for (int64_t j = 0; j < columns; j++) {
                float power = inverse_power(s[j], local->beta);
                if (local->y)
                    local->y[base + j] = (local->dy ? local->dy : local->x)[base + j] * power;
                if (local->products)
                    local->products[base + j] = local->dy[base + j] * local->x[base + j] * power / s[j];
            }
        }
    }
}

static int compute_local(struct compute_context *context, struct error *error)
{
    struct local_response local;
    if (read_local(context->node, &context->inputs[0]->shape, &local, error))
        return -1;
    local.x = context->inputs[0]->data;
    local.y = context->outputs[0]->data;
    struct row_task task = {run_forward, &local};
    rows_run(context->pool, &task, local.batch * local.channels, local.plane * 4);
    return 0;
}

/* ---- LRNGradient(dy, x): dx_i = dy_i s_i^-beta - 2 beta alpha / size x_i sum of products of channels that see i ----
 */

static int gradient_local(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct local_settings *settings = node->settings;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit(context->graph, "LRNGradient", EMIT_INPUTS(context->output_gradients[0], node->inputs[0]),
             EMIT_ATTRIBUTES(EMIT_INT("size", settings->size), EMIT_FLOAT("alpha", settings->alpha),
                             EMIT_FLOAT("beta", settings->beta), EMIT_FLOAT("bias", settings->bias)),
             error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    return operand_types(context, 1, error) || operand_shaped_as(context, 1, 0, error) ? -1
                                                                                       : infer_local(context, error);
}

static size_t scratch_gradient(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[0]->shape) * sizeof(float);
}

static void run_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct local_response *local = argument;
    for (int64_t i = begin; i < end; i++) {
        int64_t n = i / local->channels, c = i % local->channels;
        /* Channel k sees c when c lies in [k - before, k + after]. */
        int64_t first = int64_max(c - local->after, 0);
        int64_t last = int64_min(c + local->before, local->channels - 1);
        float factor = 2 * local->beta * local->scale;
        for (int64_t at = 0; at < local->plane; at += TILE) {
            int64_t columns = int64_min(local->plane - at, TILE), base = i * local->plane + at;
            float sum[TILE] = {0};
            for (int64_t k = first; k <= last; k++) {
                const float *products = local->products + (n * local->channels + k) * local->plane + at;
                for (int64_t j = 0; j < columns; j++)
                    sum[j] += products[j];
            }
            for (int64_t j = 0; j < columns; j++)
                local->y[base + j] -= factor * local->x[base + j] * sum[j];
        }
    }
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    struct local_response local;
    if (read_local(context->node, &context->inputs[0]->shape, &local, error))
        return -1;
    local.dy = context->inputs[0]->data;
    local.x = context->inputs[1]->data;
    local.y = context->outputs[0]->data;
    local.products = context->scratch;
    struct row_task first = {run_forward, &local}, second = {run_gradient, &local};
    rows_run(context->pool, &first, local.batch * local.channels, local.plane * 4);
    rows_run(context->pool, &second, local.batch * local.channels, local.plane * 4);
    return 0;
}

static int field_local(struct field_context *context, struct error *error)
{
    struct local_response local = {0};
    if (read_local(context->node, &context->inputs[0]->shape, &local, error))
        return -1;
    field_aligned(context);
    context->reads[1].low -= local.before;
    context->reads[1].high += local.after;
    return 0;
}

static int64_t steps_local(const struct infer_context *context)
{
    const struct local_settings *settings = context->node->settings;
    return macs_product(shape_count(&context->inputs[0]->shape), settings->size);
}

const struct operator_definition operators_normalization_local[] = {
    {.domain = "",
     .name = "LRN",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct local_settings, attributes),
     .infer = infer_local,
     .compute = compute_local,
     .steps = steps_local,
     .gradient = gradient_local,
     GATE(GATE_OF_OPERANDS, start_zero),
     .field = field_local,
     .confine = confine_images},
    {.domain = DOMAIN_INTERNAL,
     .name = "LRNGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct local_settings, attributes),
     .infer = infer_gradient,
     .compute = compute_gradient,
     .scratch = scratch_gradient},
    {0},
};
