/* com.microsoft GatherBlockQuantized: rows of a quantised table as floats, (code - zero point) * scale. Bytes hold
 * `bits` an element along the last axis; a scale and a zero point belong to a block along quantize_axis. */
#include "op/families.h"
#include "op/gather.h"
#include "op/operand.h"

enum { DATA, INDICES, SCALES, ZERO_POINTS };

struct gather_quantized_settings {
    int64_t bits, block_size, gather_axis, quantize_axis;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct gather_quantized_settings, bits, 4)},
    {INT_ATTRIBUTE(struct gather_quantized_settings, block_size, 128)},
    {INT_ATTRIBUTE(struct gather_quantized_settings, gather_axis, 0)},
    {INT_ATTRIBUTE(struct gather_quantized_settings, quantize_axis, 1)},
    {0},
};

/* The table as elements. */
struct table {
    struct shape shape; /* unpacked */
    int gather, axis;   /* axes; axis: of the blocks */
    int64_t block, per; /* elements of a block, and of a byte (1: each stands alone) */
    bool spread;        /* floats: scales of size 1 go for a whole axis */
};

static int check_scales(const struct table *table, const struct tensor *scales, struct error *error)
{
    char text[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    struct shape blocks = table->shape;
    int64_t size = blocks.dims[table->axis];
    blocks.dims[table->axis] = size == 0 ? 0 : 1 + (size - 1) / table->block;
    bool fits = scales->shape.rank == blocks.rank;
    for (int i = 0; fits && i < blocks.rank; i++)
        fits = scales->shape.dims[i] == blocks.dims[i] ||
               (table->spread && i != table->axis && scales->shape.dims[i] == 1);
    if (!fits)
        return error_set(error, ERROR_INPUT, "the scales are %s, expected %s", shape_text(&scales->shape, text),
                         shape_text(&blocks, expected));
    return (TYPE_BIT(scales->dtype) & TYPES_HELD_AS_FLOAT)
               ? 0
               : error_set(error, ERROR_INPUT, "the scales are %s, not float or half", dtype_name(scales->dtype));
}

/* Zero points lie as scales do, packed along the last axis where the data is. */
static int check_zero_points(const struct table *table, enum dtype data, const struct tensor *scales,
                             const struct tensor *zero_points, struct error *error)
{
    char text[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    struct shape shape = scales->shape;
    int64_t *last = &shape.dims[shape.rank - 1];
    if (table->spread)
        return error_set(error, ERROR_INPUT, "%s has no zero points", dtype_name(data));
    *last = *last / table->per + (*last % table->per != 0);
    if (zero_points->dtype != data || !shape_equal(&zero_points->shape, &shape))
        return error_set(error, ERROR_INPUT, "the zero points are %s of %s, expected %s of %s",
                         dtype_name(zero_points->dtype), shape_text(&zero_points->shape, text), dtype_name(data),
                         shape_text(&shape, expected));
    return 0;
}

static int read_table(const struct gather_quantized_settings *settings, const struct tensor *data, struct table *table,
                      struct error *error)
{
    bool bytes = data->dtype == DTYPE_UINT8, real = dtype_storage(data->dtype) == DTYPE_FLOAT;
    *table = (struct table){.shape = data->shape, .block = settings->block_size, .per = 1, .spread = real};
    if (shape_axis(settings->gather_axis, data->shape.rank, &table->gather, error) ||
        shape_axis(settings->quantize_axis, data->shape.rank, &table->axis, error))
        return -1;
    if (bytes && settings->bits != 2 && settings->bits != 4 && settings->bits != 8)
        return error_set(error, ERROR_UNSUPPORTED, "attribute bits is %lld, not 2, 4 or 8", (long long)settings->bits);
    if (bytes && (table->axis != data->shape.rank - 1 || table->gather == table->axis))
        return error_set(error, ERROR_UNSUPPORTED,
                         "data of uint8 is quantised along the last axis and gathered along another");
    if (bytes) {
        table->per = 8 / settings->bits;
        if (table->shape.dims[table->axis] > SHAPE_MAX_ELEMENTS)
            return error_set(error, ERROR_LIMIT, "the table is too large");
        table->shape.dims[table->axis] *= table->per;
    }
    if (real && table->block == 0)
        table->block = table->shape.dims[table->axis] > 0 ? table->shape.dims[table->axis] : 1;
    if (table->block < 1)
        return error_set(error, ERROR_INPUT, "attribute block_size is %lld", (long long)settings->block_size);
    return shape_check(&table->shape, error);
}

static int infer_gather_quantized(struct infer_context *context, struct error *error)
{
    const struct tensor *const *inputs = context->inputs;
    const struct shape *indices = &inputs[INDICES]->shape;
    struct table table;
    int64_t dims[2 * SHAPE_MAX_RANK];
    int rank = 0;
    if (read_table(context->node->settings, inputs[DATA], &table, error) ||
        gather_check_indices(inputs[INDICES], error) || check_scales(&table, inputs[SCALES], error))
        return -1;
    if (infer_has(context, ZERO_POINTS) &&
        check_zero_points(&table, inputs[DATA]->dtype, inputs[SCALES], inputs[ZERO_POINTS], error))
        return -1;
    for (int i = 0; i < table.gather; i++)
        dims[rank++] = table.shape.dims[i];
    for (int i = 0; i < indices->rank; i++)
        dims[rank++] = indices->dims[i];
    for (int i = table.gather + 1; i < table.shape.rank; i++)
        dims[rank++] = table.shape.dims[i];
    return infer_output(context, 0, inputs[SCALES]->dtype, rank, dims, error);
}

struct gather_quantized_job {
    struct table table;
    const struct tensor *data, *scales, *zero_points;
    const int64_t *indices; /* checked */
    int64_t picks, inner, bits;
    float *to;
};

/* Element `index` of elements that lie `per` in a byte along rows of `row` of them. */
static double packed_number(const struct tensor *tensor, int64_t index, int64_t row, int64_t per, int64_t bits)
{
    if (per == 1)
        return tensor_number(tensor, index);
    int64_t bytes = row / per + (row % per != 0), at = index % row;
    unsigned byte = ((const uint8_t *)tensor->data)[index / row * bytes + at / per];
    return (double)(byte >> (at % per * bits) & ((1u << bits) - 1));
}

/* Where the scale of the table's element `index` stands. */
static int64_t scale_index(const struct gather_quantized_job *job, int64_t index)
{
    const struct shape *shape = &job->table.shape, *scales = &job->scales->shape;
    int64_t at[SHAPE_MAX_RANK], place = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        at[i] = index % shape->dims[i];
        index /= shape->dims[i];
    }
    for (int i = 0; i < shape->rank; i++) {
        int64_t own = i == job->table.axis ? at[i] / job->table.block : scales->dims[i] == 1 ? 0 : at[i];
        place = place * scales->dims[i] + own;
    }
    return place;
}

static double default_zero_point(const struct gather_quantized_job *job)
{
    return job->data->dtype == DTYPE_UINT8 ? (double)(1 << (job->bits - 1)) : 0;
}

/* `rows` are [outer, picks]. */
static void gather_rows(void *argument, int64_t begin, int64_t end)
{
    const struct gather_quantized_job *job = argument;
    const struct shape *shape = &job->table.shape, *scales = &job->scales->shape;
    int64_t row = shape->dims[shape->rank - 1], scale_row = scales->dims[scales->rank - 1], per = job->table.per;
    for (int64_t at = begin; at < end; at++) {
        int64_t pick = job->indices[at % job->picks];
        int64_t from = (at / job->picks * shape->dims[job->table.gather] + pick) * job->inner;
        for (int64_t i = 0; i < job->inner; i++) {
            int64_t scale = scale_index(job, from + i);
            double zero = job->zero_points ? packed_number(job->zero_points, scale, scale_row, per, job->bits)
                                           : default_zero_point(job);
            double code = packed_number(job->data, from + i, row, per, job->bits);
            job->to[at * job->inner + i] = (float)(code - zero) * (float)tensor_number(job->scales, scale);
        }
    }
}

static size_t scratch_indices(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[INDICES]->shape) * sizeof(int64_t);
}

static int compute_gather_quantized(struct compute_context *context, struct error *error)
{
    const struct gather_quantized_settings *settings = context->node->settings;
    int64_t *indices = context->scratch;
    struct gather_quantized_job job = {.data = context->inputs[DATA],
                                       .scales = context->inputs[SCALES],
                                       .zero_points =
                                           operand_data(context, ZERO_POINTS) ? context->inputs[ZERO_POINTS] : NULL,
                                       .indices = indices,
                                       .picks = shape_count(&context->inputs[INDICES]->shape),
                                       .bits = settings->bits,
                                       .to = context->outputs[0]->data};
    if (read_table(settings, job.data, &job.table, error))
        return -1;
    const struct shape *shape = &job.table.shape;
    for (int64_t i = 0; i < job.picks; i++) {
        if (gather_index(context->inputs[INDICES], i, shape->dims[job.table.gather], &indices[i], error))
            return -1;
    }
    job.inner = shape_product(shape, job.table.gather + 1, shape->rank);
    int64_t rows = shape_product(shape, 0, job.table.gather) * job.picks;
    rows_run(context->pool, &(struct row_task){gather_rows, &job}, job.inner > 0 ? rows : 0, job.inner);
    return 0;
}

/* Bytes hold several, as shape rules see them by `bits`; narrower types one. */
static int64_t weights_gather_quantized(const struct node *node, int input)
{
    const struct gather_quantized_settings *settings = node->settings;
    const struct value *table = node->inputs[0];
    int64_t each = table->dtype == DTYPE_UINT8 ? 8 / settings->bits : 1;
    return input == 0 ? shape_count(&table->shape) * each : 0;
}

const struct operator_definition operators_gather_quantized[] = {
    {.domain = "com.microsoft",
     .name = "GatherBlockQuantized",
     .since = 1,
     ARITY(3, 4, 1, 1),
     .types = TYPE_BIT(DTYPE_UINT8) | TYPES_PACKED | TYPES_FLOAT8,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA, ROLE_INDICES, ROLE_QUANTUM},
     SETTINGS(struct gather_quantized_settings, attributes),
     .infer = infer_gather_quantized,
     .compute = compute_gather_quantized,
     .scratch = scratch_indices,
     .weights = weights_gather_quantized},
    {0},
};
