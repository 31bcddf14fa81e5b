/* RotaryEmbedding (ONNX 23; Su et al., arXiv 2104.09864) and its gradient, the rotation backwards. */
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

enum { INPUT, COSINES, SINES, POSITIONS };

struct rotary_settings {
    int64_t num_heads, rotary_embedding_dim;
    bool interleaved;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct rotary_settings, num_heads, 0)},
    {INT_ATTRIBUTE(struct rotary_settings, rotary_embedding_dim, 0)},
    {FLAG_ATTRIBUTE(struct rotary_settings, interleaved, 0)},
    {0},
};

/* Element (b, h, s, d) of the input stands at b * batch + h * head + s * row + d. */
struct rotary {
    int64_t batches, heads, rows, size; /* `size`: columns of a head */
    int64_t batch, head, row;
    int64_t half; /* pairs that are rotated: columns [0, 2 half) */
    bool interleaved;
};

static int rotary_read(const struct node *node, const struct shape *x, struct rotary *rotary, struct error *error)
{
    const struct rotary_settings *settings = node->settings;
    const int64_t *dims = x->dims;
    *rotary = (struct rotary){.interleaved = settings->interleaved};
    if (x->rank == 4) {
        rotary->batches = dims[0];
        rotary->heads = dims[1];
        rotary->rows = dims[2];
        rotary->size = dims[3];
        rotary->row = rotary->size;
        rotary->head = rotary->rows * rotary->size;
    } else if (x->rank == 3) {
        int64_t heads = settings->num_heads;
        if (heads < 1 || dims[2] % heads != 0)
            return error_set(error, ERROR_INPUT, "attribute num_heads is %lld for a width of %lld", (long long)heads,
                             (long long)dims[2]);
        rotary->batches = dims[0];
        rotary->heads = heads;
        rotary->rows = dims[1];
        rotary->size = dims[2] / heads;
        rotary->row = dims[2];
        rotary->head = rotary->size;
    } else {
        return error_set(error, ERROR_INPUT, "the input has %d axes, expected 3 or 4", x->rank);
    }
    rotary->batch = rotary->heads * rotary->rows * rotary->size;
    int64_t rotated = settings->rotary_embedding_dim == 0 ? rotary->size : settings->rotary_embedding_dim;
    if (rotated < 0 || rotated > rotary->size || rotated % 2 != 0)
        return error_set(error, ERROR_INPUT, "%lld of %lld columns cannot be rotated", (long long)rotated,
                         (long long)rotary->size);
    rotary->half = rotated / 2;
    return 0;
}

static int check_cache(const struct infer_context *context, int input, const struct rotary *rotary, bool positions,
                       struct error *error)
{
    const struct shape *cache = &context->inputs[input]->shape;
    char text[SHAPE_TEXT_SIZE];
    bool fits = cache->rank == (positions ? 2 : 3) && cache->dims[cache->rank - 1] == rotary->half;
    if (fits && !positions)
        fits = cache->dims[0] == rotary->batches && cache->dims[1] == rotary->rows;
    if (!fits)
        return error_set(error, ERROR_INPUT, "input %d is %s, expected %lld columns for each %s", input,
                         shape_text(cache, text), (long long)rotary->half, positions ? "position" : "batch and row");
    return 0;
}

static int infer_rotary(struct infer_context *context, struct error *error)
{
    struct rotary rotary;
    bool positions = infer_has(context, POSITIONS);
    if (rotary_read(context->node, &context->inputs[INPUT]->shape, &rotary, error) ||
        check_cache(context, COSINES, &rotary, positions, error) ||
        check_cache(context, SINES, &rotary, positions, error))
        return -1;
    for (int i = COSINES; i <= SINES; i++) {
        if (dtype_storage(context->inputs[i]->dtype) != DTYPE_FLOAT)
            return error_set(error, ERROR_INPUT, "input %d is %s, expected a float type", i,
                             dtype_name(context->inputs[i]->dtype));
    }
    if (context->inputs[COSINES]->shape.dims[0] != context->inputs[SINES]->shape.dims[0])
        return error_set(error, ERROR_INPUT, "cosines and sines differ in shape");
    if (positions) {
        const struct tensor *ids = context->inputs[POSITIONS];
        if (ids->dtype != DTYPE_INT64 || ids->shape.rank != 2 || ids->shape.dims[0] != rotary.batches ||
            ids->shape.dims[1] != rotary.rows)
            return error_set(error, ERROR_INPUT, "the positions must be int64, one for each batch and row");
    }
    const struct tensor *x = context->inputs[INPUT];
    return infer_output(context, 0, x->dtype, x->shape.rank, x->shape.dims, error);
}

struct rotary_job {
    struct rotary rotary;
    const float *x, *cosines, *sines;
    float *y;
    const int64_t *positions;
    float sign; /* -1 turns backwards */
};

static void run_rows(void *argument, int64_t begin, int64_t end)
{
    const struct rotary_job *job = argument;
    const struct rotary *rotary = &job->rotary;
    int64_t half = rotary->half, step = rotary->interleaved ? 2 : 1, apart = rotary->interleaved ? 1 : half;
    for (int64_t item = begin; item < end; item++) {
        int64_t batch = item / rotary->rows / rotary->heads, head = item / rotary->rows % rotary->heads;
        int64_t row = item % rotary->rows, place = batch * rotary->rows + row;
        int64_t at = batch * rotary->batch + head * rotary->head + row * rotary->row;
        const float *x = job->x + at;
        int64_t entry = job->positions ? job->positions[place] : place;
        const float *cosines = job->cosines + entry * half, *sines = job->sines + entry * half;
        float *y = job->y + at;
        for (int64_t i = 0; i < half; i++) {
            float a = x[i * step], b = x[i * step + apart], sine = job->sign * sines[i];
            y[i * step] = cosines[i] * a - sine * b;
            y[i * step + apart] = sine * a + cosines[i] * b;
        }
        for (int64_t i = 2 * half; i < rotary->size; i++)
            y[i] = x[i];
    }
}

static int check_positions(const struct compute_context *context, const struct rotary_job *job, struct error *error)
{
    int64_t most = context->inputs[COSINES]->shape.dims[0];
    for (int64_t i = 0; job->positions && i < job->rotary.batches * job->rotary.rows; i++) {
        if (job->positions[i] < 0 || job->positions[i] >= most)
            return error_set(error, ERROR_INPUT, "position %lld is not in [0, %lld)", (long long)job->positions[i],
                             (long long)most);
    }
    return 0;
}

static int run_rotary(struct compute_context *context, float sign, struct error *error)
{
    struct rotary_job job = {.x = operand_data(context, INPUT),
                             .cosines = operand_data(context, COSINES),
                             .sines = operand_data(context, SINES),
                             .positions = operand_data(context, POSITIONS),
                             .y = operand_result(context, 0),
                             .sign = sign};
    if (rotary_read(context->node, &context->inputs[INPUT]->shape, &job.rotary, error) ||
        check_positions(context, &job, error))
        return -1;
    struct row_task task = {run_rows, &job};
    rows_run(context->pool, &task, job.rotary.batches * job.rotary.heads * job.rotary.rows, job.rotary.size * 2);
    return 0;
}

static int compute_rotary(struct compute_context *context, struct error *error)
{
    return run_rotary(context, 1, error);
}

static int compute_rotary_gradient(struct compute_context *context, struct error *error)
{
    return run_rotary(context, -1, error);
}

static int gradient_rotary(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct rotary_settings *settings = node->settings;
    struct value *dy = context->output_gradients[0];
    if (context->wanted[COSINES] || context->wanted[SINES])
        return error_set(error, ERROR_UNSUPPORTED, "cosines and sines have no gradient");
    if (!dy || !context->wanted[INPUT])
        return 0;
    context->input_gradients[INPUT] =
        emit(context->graph, "RotaryEmbeddingGradient",
             EMIT_INPUTS(dy, node->inputs[COSINES], node->inputs[SINES],
                         node->input_count > POSITIONS ? node->inputs[POSITIONS] : NULL),
             EMIT_ATTRIBUTES(EMIT_INT("interleaved", settings->interleaved), EMIT_INT("num_heads", settings->num_heads),
                             EMIT_INT("rotary_embedding_dim", settings->rotary_embedding_dim)),
             error);
    return context->input_gradients[INPUT] ? 0 : -1;
}

/* Own batch, head and row; the columns of a head mix. The caches are read at their own row. */
static int field_rotary(struct field_context *context, struct error *error)
{
    (void)error;
    field_full(context);
    if (context->input != INPUT)
        return 0;
    int last = context->inputs[INPUT]->shape.rank - 1;
    for (int i = 0; i < last; i++)
        context->reads[i] = context->cells[i];
    return 0;
}

const struct operator_definition operators_rotary_embedding[] = {
    {.domain = "",
     .name = "RotaryEmbedding",
     .since = 23,
     ARITY(3, 4, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_CONTROL, ROLE_CONTROL, ROLE_INDICES},
     SETTINGS(struct rotary_settings, attributes),
     .infer = infer_rotary,
     .compute = compute_rotary,
     .gradient = gradient_rotary,
     .field = field_rotary},
    {.domain = DOMAIN_INTERNAL,
     .name = "RotaryEmbeddingGradient",
     .since = 1,
     ARITY(3, 4, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_CONTROL, ROLE_CONTROL, ROLE_INDICES},
     SETTINGS(struct rotary_settings, attributes),
     .infer = infer_rotary,
     .compute = compute_rotary_gradient},
    {0},
};
