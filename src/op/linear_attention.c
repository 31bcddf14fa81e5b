/* LinearAttention (ONNX 27): attention without softmax as a recurrence over a state for each head, which rows fade
 * (decay), write to (key and value) and read (query); with the delta rule, they write what the state does not say yet
 * (Schlag et al., arXiv 2102.11174; Yang et al., arXiv 2412.06464). */
#include "op/linear_attention.h"

#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/known.h"

static const char *const rules[] = {"linear", "gated", "delta", "gated_delta", NULL};

const struct attribute_rule linear_attributes[] = {
    {INT_ATTRIBUTE(struct linear_settings, chunk_size, 64)},
    {INT_ATTRIBUTE(struct linear_settings, kv_num_heads, 0), .required = true},
    {INT_ATTRIBUTE(struct linear_settings, q_num_heads, 0), .required = true},
    {FLOAT_ATTRIBUTE(struct linear_settings, scale, 0)},
    {WORD_ATTRIBUTE(struct linear_settings, update_rule, LINEAR_GATED_DELTA, rules)},
    {0},
};

/* ---- sizes ---- */

static const struct tensor *input_at(const struct tensor *const *inputs, int count, int index)
{
    return index < count ? inputs[index] : NULL;
}

static int read_heads(const struct linear_settings *settings, const struct tensor *const *inputs, struct linear *linear,
                      struct error *error)
{
    const struct shape *q = &inputs[LINEAR_QUERY]->shape, *k = &inputs[LINEAR_KEY]->shape;
    const struct shape *v = &inputs[LINEAR_VALUE]->shape;
    int64_t queries = settings->q_num_heads, heads = settings->kv_num_heads;
    char texts[3][SHAPE_TEXT_SIZE];
    if (queries < 1 || heads < 1 || queries % heads != 0)
        return error_set(error, ERROR_INPUT, "%lld query heads for %lld heads of keys", (long long)queries,
                         (long long)heads);
    if (q->rank != 3 || k->rank != 3 || v->rank != 3 || q->dims[0] != k->dims[0] || q->dims[0] != v->dims[0] ||
        q->dims[1] != k->dims[1] || q->dims[1] != v->dims[1] || q->dims[2] % queries != 0 || k->dims[2] % heads != 0 ||
        v->dims[2] % heads != 0 || q->dims[2] / queries != k->dims[2] / heads || k->dims[2] < 1 || v->dims[2] < 1)
        return error_set(error, ERROR_INPUT,
                         "query, key and value do not fit: %s, %s, %s as batch, rows, heads x columns",
                         shape_text(q, texts[0]), shape_text(k, texts[1]), shape_text(v, texts[2]));
    *linear = (struct linear){.batch = q->dims[0],
                              .rows = q->dims[1],
                              .heads = heads,
                              .group = queries / heads,
                              .key_size = k->dims[2] / heads,
                              .value_size = v->dims[2] / heads,
                              .delta = settings->update_rule >= LINEAR_DELTA};
    linear->scale = settings->scale == 0.0f ? (float)(1 / sqrt((double)linear->key_size)) : settings->scale;
    return 0;
}

/* The numbers of a row of decay or beta: one of two widths, and there where the rule asks for it. */
static int read_gate(const struct linear *linear, const struct tensor *gate, bool asked, const char *name,
                     int64_t width, int64_t other, int64_t *numbers, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    *numbers = 0;
    if (asked != (gate != NULL))
        return error_set(error, ERROR_INPUT, "attribute update_rule %s an input %s", asked ? "asks for" : "has no",
                         name);
    if (!gate)
        return 0;
    const int64_t *dims = gate->shape.dims;
    if (gate->shape.rank != 3 || dims[0] != linear->batch || dims[1] != linear->rows ||
        (dims[2] != width && dims[2] != other))
        return error_set(error, ERROR_INPUT, "%s is %s, expected %lldx%lldx%lld or x%lld", name,
                         shape_text(&gate->shape, text), (long long)linear->batch, (long long)linear->rows,
                         (long long)width, (long long)other);
    *numbers = dims[2];
    return 0;
}

static int read_state(const struct linear *linear, const struct tensor *past, struct error *error)
{
    const struct shape state = {.rank = 4,
                                .dims = {linear->batch, linear->heads, linear->key_size, linear->value_size}};
    char text[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    if (past && !shape_equal(&past->shape, &state))
        return error_set(error, ERROR_INPUT, "the state is %s, expected %s", shape_text(&past->shape, text),
                         shape_text(&state, expected));
    return shape_check(&state, error);
}

int linear_read(const struct node *node, const struct tensor *const *inputs, int input_count, struct linear *linear,
                struct error *error)
{
    const struct linear_settings *settings = node->settings;
    enum linear_rule rule = settings->update_rule;
    const struct tensor *decay = input_at(inputs, input_count, LINEAR_DECAY);
    const struct tensor *beta = input_at(inputs, input_count, LINEAR_BETA);
    if (read_heads(settings, inputs, linear, error) ||
        read_state(linear, input_at(inputs, input_count, LINEAR_PAST), error) ||
        read_gate(linear, decay, rule == LINEAR_GATED || rule == LINEAR_GATED_DELTA, "decay", linear->heads,
                  linear->heads * linear->key_size, &linear->decays, error) ||
        read_gate(linear, beta, linear->delta, "beta", linear->heads, 1, &linear->betas, error))
        return -1;
    for (int i = 0; i < LINEAR_INPUTS; i++)
        linear->inputs[i] = input_at(inputs, input_count, i) ? inputs[i]->data : NULL;
    return 0;
}

int64_t linear_query_place(const struct linear *linear, int64_t b, int64_t t, int64_t h)
{
    return ((b * linear->rows + t) * linear->heads * linear->group + h) * linear->key_size;
}

int64_t linear_key_place(const struct linear *linear, int64_t b, int64_t t, int64_t h)
{
    return ((b * linear->rows + t) * linear->heads + h) * linear->key_size;
}

int64_t linear_value_place(const struct linear *linear, int64_t b, int64_t t, int64_t h)
{
    return ((b * linear->rows + t) * linear->heads + h) * linear->value_size;
}

int64_t linear_decay_place(const struct linear *linear, int64_t b, int64_t t, int64_t h)
{
    return (b * linear->rows + t) * linear->decays + h * (linear->decays / linear->heads);
}

int64_t linear_beta_place(const struct linear *linear, int64_t b, int64_t t, int64_t h)
{
    return (b * linear->rows + t) * linear->betas + (linear->betas == linear->heads ? h : 0);
}

/* ---- the recurrence ---- */

float linear_fading(const struct linear *linear, int64_t b, int64_t t, int64_t h, int64_t d)
{
    if (linear->decays == 0)
        return 1;
    const float *decay = linear->inputs[LINEAR_DECAY] + linear_decay_place(linear, b, t, h);
    return expf(decay[linear->decays > linear->heads ? d : 0]);
}

void linear_written(const struct linear *linear, const float *state, int64_t b, int64_t t, int64_t h, float *written)
{
    int64_t columns = linear->value_size;
    const float *v = linear->inputs[LINEAR_VALUE] + linear_value_place(linear, b, t, h);
    memcpy(written, v, (size_t)columns * sizeof *v);
    if (!linear->delta)
        return;
    const float *k = linear->inputs[LINEAR_KEY] + linear_key_place(linear, b, t, h);
    float beta = linear->inputs[LINEAR_BETA][linear_beta_place(linear, b, t, h)];
    for (int64_t d = 0; d < linear->key_size; d++) {
        for (int64_t m = 0; m < columns; m++)
            written[m] -= k[d] * state[d * columns + m];
    }
    for (int64_t m = 0; m < columns; m++)
        written[m] *= beta;
}

void linear_step(const struct linear *linear, float *state, int64_t b, int64_t t, int64_t h, float *written)
{
    int64_t columns = linear->value_size;
    const float *k = linear->inputs[LINEAR_KEY] + linear_key_place(linear, b, t, h);
    for (int64_t d = 0; d < linear->key_size && linear->decays > 0; d++) {
        float fading = linear_fading(linear, b, t, h, d);
        for (int64_t m = 0; m < columns; m++)
            state[d * columns + m] *= fading;
    }
    linear_written(linear, state, b, t, h, written);
    for (int64_t d = 0; d < linear->key_size; d++) {
        for (int64_t m = 0; m < columns; m++)
            state[d * columns + m] += k[d] * written[m];
    }
}

struct linear_job {
    struct linear linear;
    float *y, *states; /* states: [batch, heads, key_size, value_size] */
    float *written;    /* of each thread */
};

static void read_row(const struct linear *linear, const float *state, const float *q, float *y)
{
    memset(y, 0, (size_t)linear->value_size * sizeof *y);
    for (int64_t d = 0; d < linear->key_size; d++) {
        float factor = linear->scale * q[d];
        for (int64_t m = 0; m < linear->value_size; m++)
            y[m] += factor * state[d * linear->value_size + m];
    }
}

static void run_head(void *argument, size_t index, int thread)
{
    const struct linear_job *job = argument;
    const struct linear *linear = &job->linear;
    int64_t b = (int64_t)index / linear->heads, h = (int64_t)index % linear->heads;
    float *state = job->states + (int64_t)index * linear->key_size * linear->value_size;
    float *written = job->written + thread * linear->value_size;
    for (int64_t t = 0; t < linear->rows; t++) {
        linear_step(linear, state, b, t, h, written);
        for (int64_t i = h * linear->group; job->y && i < (h + 1) * linear->group; i++)
            read_row(linear, state, linear->inputs[LINEAR_QUERY] + linear_query_place(linear, b, t, i),
                     job->y + ((b * linear->rows + t) * linear->heads * linear->group + i) * linear->value_size);
    }
}

/* ---- the operator ---- */

static int infer_linear(struct infer_context *context, struct error *error)
{
    const struct tensor *q = context->inputs[LINEAR_QUERY];
    const struct tensor *past = input_at(context->inputs, context->input_count, LINEAR_PAST);
    struct linear linear;
    if (operand_storage(context, 1, error) ||
        linear_read(context->node, context->inputs, context->input_count, &linear, error))
        return -1;
    const int64_t y[3] = {linear.batch, linear.rows, linear.heads * linear.group * linear.value_size};
    const int64_t state[4] = {linear.batch, linear.heads, linear.key_size, linear.value_size};
    return infer_output(context, 0, q->dtype, 3, y, error) ||
                   infer_output(context, 1, past ? past->dtype : q->dtype, 4, state, error)
               ? -1
               : 0;
}

static size_t state_bytes(const struct linear *linear)
{
    return (size_t)(linear->batch * linear->heads * linear->key_size * linear->value_size) * sizeof(float);
}

static int compute_linear(struct compute_context *context, struct error *error)
{
    struct linear_job job = {.y = operand_result(context, 0), .states = operand_result(context, 1)};
    struct linear *linear = &job.linear;
    if (linear_read(context->node, context->inputs, context->input_count, linear, error))
        return -1;
    job.written = context->scratch;
    if (!job.states)
        job.states = job.written + compute_threads(context) * linear->value_size;
    size_t bytes = state_bytes(linear);
    if (bytes > 0 && linear->inputs[LINEAR_PAST])
        memcpy(job.states, linear->inputs[LINEAR_PAST], bytes);
    else if (bytes > 0)
        memset(job.states, 0, bytes);
    thread_pool_run(context->pool, run_head, &job, (size_t)(linear->batch * linear->heads));
    return 0;
}

static size_t scratch_linear(const struct compute_context *context)
{
    struct error ignored = ERROR_INITIALISER;
    struct linear linear;
    if (linear_read(context->node, context->inputs, context->input_count, &linear, &ignored))
        return 0;
    return state_bytes(&linear) + (size_t)(compute_threads(context) * linear.value_size) * sizeof(float);
}

static int64_t macs_linear(const struct infer_context *context)
{
    struct error ignored = ERROR_INITIALISER;
    struct linear linear;
    if (linear_read(context->node, context->inputs, context->input_count, &linear, &ignored))
        return 0;
    int64_t products = 1 + linear.delta + linear.group;
    return macs_product(macs_product(linear.batch * linear.rows, linear.heads * products),
                        linear.key_size * linear.value_size);
}

/* LinearAttentionGradient(dy, query, ..., beta, dpresent): a gradient for each of the operator's inputs. */
static int gradient_linear(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct linear_settings *settings = node->settings;
    struct value *inputs[2 + LINEAR_INPUTS] = {context->output_gradients[0]}, *outputs[LINEAR_INPUTS];
    if (!inputs[0])
        inputs[0] = emit_zeros(context->graph, node->outputs[0]->dtype, &node->outputs[0]->shape, error);
    for (int i = 0; i < node->input_count; i++)
        inputs[1 + i] = node->inputs[i];
    if (node->output_count > 1)
        inputs[1 + LINEAR_INPUTS] = context->output_gradients[1];
    if (!inputs[0] ||
        emit_many(context->graph, "LinearAttentionGradient", inputs, 2 + LINEAR_INPUTS,
                  EMIT_ATTRIBUTES(EMIT_INT("kv_num_heads", settings->kv_num_heads),
                                  EMIT_INT("q_num_heads", settings->q_num_heads), EMIT_FLOAT("scale", settings->scale),
                                  EMIT_STRING("update_rule", rules[settings->update_rule])),
                  outputs, node->input_count, error))
        return -1;
    for (int i = 0; i < node->input_count; i++) {
        if (context->wanted[i])
            context->input_gradients[i] = outputs[i];
    }
    return 0;
}

const struct operator_definition operators_linear_attention[] = {
    {.domain = "",
     .name = "LinearAttention",
     .since = 27,
     ARITY(3, 6, 1, 2),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_ATTENTION,
     .roles = {ROLE_KEY, ROLE_KEY, ROLE_DATA, ROLE_DATA, ROLE_CONTROL, ROLE_CONTROL},
     SETTINGS(struct linear_settings, linear_attributes),
     .infer = infer_linear,
     .compute = compute_linear,
     .gradient = gradient_linear,
     .macs = macs_linear,
     .scratch = scratch_linear},
    {0},
};
