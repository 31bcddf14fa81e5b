/* LinearAttentionGradient(dy, query, key, value, past, decay, beta, dpresent), each input behind the value optional:
 * the recurrence backwards. States are kept at the begin of every segment of about sqrt(rows) rows and run anew within
 * it. With S' the faded state, u what row t writes, S = S' + k u^T and y = scale S^T q:
 *   dq = scale S dy, dS += scale q dy^T, du = dS^T k, dk = dS u,
 *   delta rule u = beta (v - S'^T k): dbeta = du (v - S'^T k), dv = beta du, dk -= S' dv, dS -= k dv^T; else dv = du,
 *   S' = exp(g) S_before: dg = sum of dS S', dS_before = exp(g) dS. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "op/families.h"
#include "op/linear_attention.h"

enum { DY, FIRST_OPERAND, DPRESENT = FIRST_OPERAND + LINEAR_INPUTS };

static int read(const struct node *node, const struct tensor *const *inputs, int count, struct linear *linear,
                struct error *error)
{
    int operands = count < DPRESENT ? count - FIRST_OPERAND : LINEAR_INPUTS;
    return linear_read(node, inputs + FIRST_OPERAND, operands, linear, error);
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    struct linear linear;
    if (read(context->node, context->inputs, context->input_count, &linear, error))
        return -1;
    const struct tensor *dy = context->inputs[DY];
    const struct tensor *state = context->input_count > DPRESENT ? context->inputs[DPRESENT] : NULL;
    const struct shape y = {.rank = 3,
                            .dims = {linear.batch, linear.rows, linear.heads * linear.group * linear.value_size}};
    const struct shape present = {.rank = 4, .dims = {linear.batch, linear.heads, linear.key_size, linear.value_size}};
    if (!shape_equal(&dy->shape, &y) || (state && !shape_equal(&state->shape, &present)))
        return error_set(error, ERROR_INTERNAL, "a gradient does not have the shape of its output");
    for (int i = 0; i < context->output_count; i++) {
        const struct tensor *input =
            FIRST_OPERAND + i < context->input_count ? context->inputs[FIRST_OPERAND + i] : NULL;
        if (!input)
            input = context->inputs[FIRST_OPERAND]; /* of an omitted input, which nobody reads */
        if (infer_output(context, i, input->dtype, input->shape.rank, input->shape.dims, error))
            return -1;
    }
    return 0;
}

/* What one head works in. */
struct room {
    float *saved;                       /* a state for each segment */
    float *states;                      /* before each row of a segment, and behind its last */
    float *faded;                       /* S' */
    float *dstate;                      /* dS */
    float *written, *dwritten, *dvalue; /* u, du, dv */
};

struct gradient_job {
    struct linear linear;
    const float *dy, *dpresent;
    float *outputs[LINEAR_INPUTS];
    int64_t segment; /* rows */
    float *rooms;
    int64_t room_size;
};

static int64_t segment_rows(int64_t rows)
{
    int64_t segment = (int64_t)sqrt((double)rows);
    return segment > 0 ? segment : 1;
}

static int64_t segments(int64_t rows)
{
    int64_t segment = segment_rows(rows);
    return (rows + segment - 1) / segment;
}

static int64_t room_floats(const struct linear *linear)
{
    int64_t states = segments(linear->rows) + segment_rows(linear->rows) + 3;
    return states * linear->key_size * linear->value_size + 3 * linear->value_size;
}

static struct room room_of(const struct gradient_job *job, int thread)
{
    const struct linear *linear = &job->linear;
    int64_t state = linear->key_size * linear->value_size;
    struct room room = {.saved = job->rooms + thread * job->room_size};
    room.states = room.saved + segments(linear->rows) * state;
    room.faded = room.states + (job->segment + 1) * state;
    room.dstate = room.faded + state;
    room.written = room.dstate + state;
    room.dwritten = room.written + linear->value_size;
    room.dvalue = room.dwritten + linear->value_size;
    return room;
}

static float dot(const float *a, const float *b, int64_t count)
{
    float sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* What the queries read of the state behind the row. */
static void undo_reads(const struct gradient_job *job, const struct room *room, const float *state, int64_t b,
                       int64_t t, int64_t h)
{
    const struct linear *linear = &job->linear;
    int64_t columns = linear->value_size;
    for (int64_t i = h * linear->group; i < (h + 1) * linear->group; i++) {
        int64_t place = linear_query_place(linear, b, t, i);
        const float *q = linear->inputs[LINEAR_QUERY] + place;
        const float *dy = job->dy + ((b * linear->rows + t) * linear->heads * linear->group + i) * columns;
        for (int64_t d = 0; d < linear->key_size; d++) {
            if (job->outputs[LINEAR_QUERY])
                job->outputs[LINEAR_QUERY][place + d] = linear->scale * dot(state + d * columns, dy, columns);
            for (int64_t m = 0; m < columns; m++)
                room->dstate[d * columns + m] += linear->scale * q[d] * dy[m];
        }
    }
}

/* What was written: fills dwritten and dvalue, adds to dbeta. `faded` and `written` are of this row. */
static void undo_write(const struct gradient_job *job, const struct room *room, int64_t b, int64_t t, int64_t h)
{
    const struct linear *linear = &job->linear;
    int64_t columns = linear->value_size, bytes = columns * (int64_t)sizeof(float);
    const float *k = linear->inputs[LINEAR_KEY] + linear_key_place(linear, b, t, h);
    memset(room->dwritten, 0, (size_t)bytes);
    for (int64_t d = 0; d < linear->key_size; d++) {
        for (int64_t m = 0; m < columns; m++)
            room->dwritten[m] += k[d] * room->dstate[d * columns + m];
    }
    memcpy(room->dvalue, room->dwritten, (size_t)bytes);
    if (!linear->delta)
        return;
    int64_t place = linear_beta_place(linear, b, t, h);
    float beta = linear->inputs[LINEAR_BETA][place], sum = 0;
    const float *v = linear->inputs[LINEAR_VALUE] + linear_value_place(linear, b, t, h);
    for (int64_t m = 0; m < columns; m++) {
        float read = 0;
        for (int64_t d = 0; d < linear->key_size; d++)
            read += k[d] * room->faded[d * columns + m];
        sum += room->dwritten[m] * (v[m] - read);
        room->dvalue[m] = beta * room->dwritten[m];
    }
    if (job->outputs[LINEAR_BETA])
        job->outputs[LINEAR_BETA][place] += sum;
}

/* Keys and decays, row by row of the state; leaves dS before the row. */
static void undo_rows(const struct gradient_job *job, const struct room *room, int64_t b, int64_t t, int64_t h)
{
    const struct linear *linear = &job->linear;
    int64_t columns = linear->value_size, place = linear_key_place(linear, b, t, h);
    const float *k = linear->inputs[LINEAR_KEY] + place;
    float *ddecay = job->outputs[LINEAR_DECAY];
    for (int64_t d = 0; d < linear->key_size; d++) {
        float *dstate = room->dstate + d * columns;
        const float *faded = room->faded + d * columns;
        float dkey = dot(dstate, room->written, columns);
        if (linear->delta) {
            dkey -= dot(faded, room->dvalue, columns);
            for (int64_t m = 0; m < columns; m++)
                dstate[m] -= k[d] * room->dvalue[m];
        }
        if (job->outputs[LINEAR_KEY])
            job->outputs[LINEAR_KEY][place + d] = dkey;
        if (linear->decays == 0)
            continue;
        if (ddecay)
            ddecay[linear_decay_place(linear, b, t, h) + (linear->decays > linear->heads ? d : 0)] +=
                dot(dstate, faded, columns);
        float fading = linear_fading(linear, b, t, h, d);
        for (int64_t m = 0; m < columns; m++)
            dstate[m] *= fading;
    }
}

static void fade(const struct linear *linear, const float *state, int64_t b, int64_t t, int64_t h, float *faded)
{
    for (int64_t d = 0; d < linear->key_size; d++) {
        float fading = linear_fading(linear, b, t, h, d);
        for (int64_t m = 0; m < linear->value_size; m++)
            faded[d * linear->value_size + m] = fading * state[d * linear->value_size + m];
    }
}

static void undo_segment(const struct gradient_job *job, const struct room *room, int64_t begin, int64_t b, int64_t h)
{
    const struct linear *linear = &job->linear;
    int64_t state = linear->key_size * linear->value_size;
    int64_t end = begin + job->segment < linear->rows ? begin + job->segment : linear->rows;
    memcpy(room->states, room->saved + begin / job->segment * state, (size_t)state * sizeof(float));
    for (int64_t t = begin; t < end; t++) {
        float *next = room->states + (t - begin + 1) * state;
        memcpy(next, next - state, (size_t)state * sizeof(float));
        linear_step(linear, next, b, t, h, room->written);
    }
    for (int64_t t = end - 1; t >= begin; t--) {
        const float *before = room->states + (t - begin) * state;
        fade(linear, before, b, t, h, room->faded);
        linear_written(linear, room->faded, b, t, h, room->written);
        undo_reads(job, room, before + state, b, t, h);
        undo_write(job, room, b, t, h);
        if (job->outputs[LINEAR_VALUE])
            memcpy(job->outputs[LINEAR_VALUE] + linear_value_place(linear, b, t, h), room->dvalue,
                   (size_t)linear->value_size * sizeof(float));
        undo_rows(job, room, b, t, h);
    }
}

static void undo_head(const struct gradient_job *job, const struct room *room, int64_t b, int64_t h)
{
    const struct linear *linear = &job->linear;
    int64_t state = linear->key_size * linear->value_size, place = (b * linear->heads + h) * state;
    size_t bytes = (size_t)state * sizeof(float);
    memset(room->states, 0, bytes);
    if (linear->inputs[LINEAR_PAST])
        memcpy(room->states, linear->inputs[LINEAR_PAST] + place, bytes);
    for (int64_t t = 0; t < linear->rows; t++) {
        if (t % job->segment == 0)
            memcpy(room->saved + t / job->segment * state, room->states, bytes);
        linear_step(linear, room->states, b, t, h, room->written);
    }
    memset(room->dstate, 0, bytes);
    if (job->dpresent)
        memcpy(room->dstate, job->dpresent + place, bytes);
    for (int64_t i = segments(linear->rows) - 1; i >= 0; i--)
        undo_segment(job, room, i * job->segment, b, h);
    if (linear->inputs[LINEAR_PAST] && job->outputs[LINEAR_PAST])
        memcpy(job->outputs[LINEAR_PAST] + place, room->dstate, bytes);
}

/* Heads that share their beta add to one gradient: they stay on one thread. */
static void undo_batch(void *argument, size_t index, int thread)
{
    const struct gradient_job *job = argument;
    const struct room room = room_of(job, thread);
    for (int64_t h = 0; h < job->linear.heads; h++)
        undo_head(job, &room, (int64_t)index, h);
}

static void undo_one(void *argument, size_t index, int thread)
{
    const struct gradient_job *job = argument;
    const struct room room = room_of(job, thread);
    undo_head(job, &room, (int64_t)index / job->linear.heads, (int64_t)index % job->linear.heads);
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    struct gradient_job job = {.rooms = context->scratch};
    struct linear *linear = &job.linear;
    if (read(context->node, context->inputs, context->input_count, linear, error))
        return -1;
    job.dy = context->inputs[DY]->data;
    job.dpresent = operand_data(context, DPRESENT);
    job.segment = segment_rows(linear->rows);
    job.room_size = room_floats(linear);
    for (int i = 0; i < context->output_count; i++) {
        job.outputs[i] = operand_result(context, i);
        if (context->outputs[i] && tensor_bytes(context->outputs[i]) > 0)
            memset(context->outputs[i]->data, 0, tensor_bytes(context->outputs[i]));
    }
    bool shared = linear->betas > 0 && linear->betas < linear->heads;
    thread_pool_run(context->pool, shared ? undo_batch : undo_one, &job,
                    (size_t)(shared ? linear->batch : linear->batch * linear->heads));
    return 0;
}

static size_t scratch_gradient(const struct compute_context *context)
{
    struct error ignored = ERROR_INITIALISER;
    struct linear linear;
    size_t bytes;
    if (read(context->node, context->inputs, context->input_count, &linear, &ignored))
        return 0;
    /* More than there is: the session refuses it. */
    return checked_multiply((size_t)room_floats(&linear), (size_t)compute_threads(context) * sizeof(float), &bytes)
               ? SIZE_MAX / 2
               : bytes;
}

const struct operator_definition operators_linear_attention_gradient[] = {
    {.domain = DOMAIN_INTERNAL,
     .name = "LinearAttentionGradient",
     .since = 1,
     ARITY(4, 8, 3, 6),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct linear_settings, linear_attributes),
     .infer = infer_gradient,
     .compute = compute_gradient,
     .scratch = scratch_gradient},
    {0},
};
