/* QuantizeLinear and DequantizeLinear (ONNX 10, 13, 19, 21, 23, 24, 25): per tensor, per axis, by blocks. */
#include "op/quantize.h"

#include <math.h>

#include "op/families.h"
#include "op/known.h"
#include "op/settings.h"
#include "tensor/small_float.h"

#define GRAIN_ATTRIBUTES                                                                                               \
    {INT_ATTRIBUTE(struct quantize_settings, axis, 1), .given = offsetof(struct quantize_settings, axis_given),        \
     .since = 13},                                                                                                     \
    {                                                                                                                  \
        INT_ATTRIBUTE(struct quantize_settings, block_size, 0), .since = 21                                            \
    }

static const struct attribute_rule quantize_attributes[] = {
    GRAIN_ATTRIBUTES,
    {INT_ATTRIBUTE(struct quantize_settings, output_dtype, 0), .since = 21},
    {INT_ATTRIBUTE(struct quantize_settings, precision, 0), .since = 23},
    {FLAG_ATTRIBUTE(struct quantize_settings, saturate, true), .since = 19},
    {0},
};
static const struct attribute_rule dequantize_attributes[] = {
    GRAIN_ATTRIBUTES,
    {INT_ATTRIBUTE(struct quantize_settings, output_dtype, 0), .since = 23},
    {0},
};

static const struct attribute_rule microsoft_attributes[] = {
    {INT_ATTRIBUTE(struct quantize_settings, axis, 1), .given = offsetof(struct quantize_settings, axis_given)},
    {FLAG_ATTRIBUTE(struct quantize_settings, saturate, true)},
    {0},
};

#define TYPES_QUANTISED                                                                                                \
    (TYPE_BIT(DTYPE_INT8) | TYPE_BIT(DTYPE_UINT8) | TYPE_BIT(DTYPE_INT16) | TYPE_BIT(DTYPE_UINT16) |                   \
     TYPE_BIT(DTYPE_INT32) | TYPES_FLOAT8 | TYPES_PACKED)
#define TYPES_SCALE (TYPES_FLOAT | TYPE_BIT(DTYPE_FLOAT8E8M0))

static int set_range(enum dtype quantised, struct quantization *quantization, struct error *error)
{
    bool known = quantised > 0 && quantised < DTYPE_COUNT;
    if (!known || !(TYPE_BIT(quantised) & TYPES_QUANTISED))
        return error_set(error, ERROR_UNSUPPORTED, "quantised values of type %s are not supported",
                         known ? dtype_name(quantised) : "unknown");
    int bits = (int)dtype_bits(quantised);
    quantization->real = dtype_is_small_float(quantised);
    if (quantization->real) {
        quantization->high = small_float_largest(quantised);
        quantization->low = -quantization->high;
    } else if (dtype_is_signed(quantised)) {
        quantization->low = -ldexp(1, bits - 1), quantization->high = ldexp(1, bits - 1) - 1;
    } else {
        quantization->low = 0, quantization->high = ldexp(1, bits) - 1;
    }
    return 0;
}

/* The scale has x's shape but along the axis, where ceil(size / block) blocks stand. Without block_size the block
 * follows from the sizes. */
static int read_blocks(int64_t block_size, const struct shape *x, const struct shape *scale, int axis,
                       struct quantization *quantization, struct error *error)
{
    char text[SHAPE_TEXT_SIZE], scale_text[SHAPE_TEXT_SIZE];
    int64_t size = x->dims[axis], blocks = scale->rank == x->rank ? scale->dims[axis] : 0, block = block_size;
    bool fits = scale->rank == x->rank && block >= 0 && blocks > 0;
    for (int i = 0; fits && i < x->rank; i++)
        fits = i == axis || scale->dims[i] == x->dims[i];
    if (fits && block == 0)
        block = size == 0 ? 1 : 1 + (size - 1) / blocks;
    fits = fits && (size == 0 ? blocks <= 1 : 1 + (size - 1) / block == blocks);
    if (!fits)
        return error_set(error, ERROR_INPUT, "scales of %s do not fit blocks of %lld along axis %d of %s",
                         shape_text(scale, scale_text), (long long)block_size, axis, shape_text(x, text));
    quantization->grain = QUANTIZED_BLOCKS;
    quantization->block = block;
    quantization->blocks = blocks;
    return 0;
}

int quantization_read(const struct node *node, const struct shape *x, const struct shape *scale, enum dtype quantised,
                      struct quantization *quantization, struct error *error)
{
    const struct quantize_settings *settings = node->settings;
    *quantization = (struct quantization){.outer = 1, .size = shape_count(x), .inner = 1, .grain = QUANTIZED_TENSOR};
    if (set_range(quantised, quantization, error))
        return -1;
    bool one = scale->rank == 0 || (scale->rank == 1 && scale->dims[0] == 1);
    if (settings->block_size == 0 && one && !(scale->rank == x->rank && x->rank == 0))
        return 0;
    if (node->opset < 13 && node->domain[0] == '\0')
        return one ? 0 : error_set(error, ERROR_INPUT, "before opset 13 the scale is one number");
    if (x->rank == 0)
        return one && settings->block_size == 0 ? 0
                                                : error_set(error, ERROR_INPUT, "a scalar has one scale and no blocks");
    int axis;
    if (shape_axis(settings->axis, x->rank, &axis, error))
        return -1;
    quantization->outer = shape_product(x, 0, axis);
    quantization->size = x->dims[axis];
    quantization->inner = shape_product(x, axis + 1, x->rank);
    if (scale->rank != 1 || settings->block_size != 0)
        return read_blocks(settings->block_size, x, scale, axis, quantization, error);
    if (scale->dims[0] != x->dims[axis])
        return error_set(error, ERROR_INPUT, "%lld scales for %lld places along axis %d", (long long)scale->dims[0],
                         (long long)x->dims[axis], axis);
    quantization->grain = QUANTIZED_AXIS;
    return 0;
}

/* The type that attribute `name` gives; 0: `otherwise`. */
static int read_type(int64_t type, const char *name, enum dtype otherwise, enum dtype *dtype, struct error *error)
{
    if (type < 0 || type >= DTYPE_COUNT)
        return error_set(error, ERROR_INPUT, "attribute %s is %lld, which is no type", name, (long long)type);
    *dtype = type == 0 ? otherwise : (enum dtype)type;
    return 0;
}

int quantization_check_zero_point(const struct infer_context *context, int scale, struct error *error)
{
    int zero_point = scale + 1;
    bool one = infer_has(context, zero_point) && shape_count(&context->inputs[scale]->shape) == 1 &&
               shape_count(&context->inputs[zero_point]->shape) == 1;
    return one ? 0 : operand_shaped_as(context, zero_point, scale, error);
}

static int check_scale(const struct infer_context *context, uint32_t types, struct error *error)
{
    const struct tensor *scale = context->inputs[1];
    if (!(TYPE_BIT(scale->dtype) & types))
        return error_set(error, ERROR_UNSUPPORTED, "the scale is %s, which is not supported", dtype_name(scale->dtype));
    return quantization_check_zero_point(context, 1, error);
}

/* ---- QuantizeLinear: y = saturate(round(x / scale) + zero_point) ---- */

/* The type of the quotient; powers of two divide what they are given. */
static enum dtype quotient_dtype(const struct node *node, enum dtype x, enum dtype scale)
{
    const struct quantize_settings *settings = node->settings;
    if (settings->precision != 0)
        return (enum dtype)settings->precision;
    if (TYPE_BIT(scale) & TYPES_FLOAT)
        return scale;
    return TYPE_BIT(x) & TYPES_FLOAT ? x : DTYPE_DOUBLE;
}

static int infer_quantize(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0];
    const struct quantize_settings *settings = context->node->settings;
    enum dtype given = infer_has(context, 2) ? context->inputs[2]->dtype : DTYPE_UINT8;
    enum dtype type = DTYPE_UNDEFINED, precision = DTYPE_UNDEFINED;
    struct quantization quantization;
    if (check_scale(context, TYPES_SCALE | TYPE_BIT(DTYPE_INT32), error) ||
        read_type(settings->output_dtype, "output_dtype", given, &type, error) ||
        read_type(settings->precision, "precision", DTYPE_FLOAT, &precision, error))
        return -1;
    if (infer_has(context, 2) && type != given)
        return error_set(error, ERROR_INPUT, "attribute output_dtype says %s, the zero point is %s", dtype_name(type),
                         dtype_name(given));
    if (!(TYPE_BIT(precision) & TYPES_FLOAT))
        return error_set(error, ERROR_INPUT, "attribute precision is %s, which is no supported floating-point type",
                         dtype_name(precision));
    if (quantization_read(context->node, &x->shape, &context->inputs[1]->shape, type, &quantization, error))
        return -1;
    return infer_output(context, 0, type, x->shape.rank, x->shape.dims, error);
}

/* One operator's run; `rows` are the [outer, size] places. */
struct quantize_job {
    struct quantization quantization;
    const struct tensor *x, *scale, *zero_point;
    struct tensor *y;
    enum dtype precision; /* of the quotient */
    struct small_float_rule rule;
};

static double zero_point_at(const struct quantize_job *job, int64_t index)
{
    return job->zero_point ? tensor_number(job->zero_point, index) : 0;
}

static float rounded(float value, enum dtype dtype)
{
    if (dtype == DTYPE_FLOAT16)
        return half_to_float(float_to_half(value));
    return dtype == DTYPE_BFLOAT16 ? bfloat16_to_float(float_to_bfloat16(value)) : value;
}

static float quotient(float x, float scale, enum dtype precision)
{
    return rounded(rounded(x, precision) / rounded(scale, precision), precision);
}

static void store_quantised(const struct quantize_job *job, int64_t index, double ratio, double zero_point)
{
    const struct quantization *q = &job->quantization;
    struct tensor *y = job->y;
    if (q->real) {
        uint8_t code = small_float_encode(y->dtype, ratio + zero_point, &job->rule);
        ((float *)y->data)[index] = small_float_decode(y->dtype, code);
        return;
    }
    double value = nearbyint(ratio) + zero_point;
    value = isnan(value) ? 0 : value < q->low ? q->low : value > q->high ? q->high : value;
    if (dtype_storage(y->dtype) == DTYPE_UINT8)
        ((uint8_t *)y->data)[index] = (uint8_t)value;
    else
        ((int32_t *)y->data)[index] = (int32_t)value;
}

static void quantize_rows(void *argument, int64_t begin, int64_t end)
{
    const struct quantize_job *job = argument;
    const struct quantization *q = &job->quantization;
    bool exact = dtype_storage(job->x->dtype) == DTYPE_FLOAT && dtype_storage(job->scale->dtype) == DTYPE_FLOAT &&
                 job->precision != DTYPE_DOUBLE;
    for (int64_t row = begin; row < end; row++) {
        int64_t scale = quantization_index(q, row / q->size, row % q->size), step = quantization_step(q);
        for (int64_t i = 0; i < q->inner; i++) {
            int64_t at = row * q->inner + i, of = scale + i * step;
            double ratio;
            if (exact)
                ratio = (double)quotient(((const float *)job->x->data)[at], ((const float *)job->scale->data)[of],
                                         job->precision);
            else
                ratio = tensor_number(job->x, at) / tensor_number(job->scale, of);
            store_quantised(job, at, ratio, zero_point_at(job, of));
        }
    }
}

static int compute_quantize(struct compute_context *context, struct error *error)
{
    const struct quantize_settings *settings = context->node->settings;
    const struct tensor *zero_point = context->input_count > 2 ? context->inputs[2] : NULL;
    struct quantize_job job = {
        .x = context->inputs[0], .scale = context->inputs[1], .zero_point = zero_point, .y = context->outputs[0]};
    job.precision = quotient_dtype(context->node, job.x->dtype, job.scale->dtype);
    job.rule.overflow = !settings->saturate;
    if (quantization_read(context->node, &job.x->shape, &job.scale->shape, job.y->dtype, &job.quantization, error))
        return -1;
    const struct quantization *q = &job.quantization;
    rows_run(context->pool, &(struct row_task){quantize_rows, &job}, q->outer * q->size, q->inner);
    return 0;
}

/* ---- DequantizeLinear: y = (x - zero_point) * scale ---- */

static int infer_dequantize(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0];
    const struct quantize_settings *settings = context->node->settings;
    enum dtype type = DTYPE_UNDEFINED;
    struct quantization quantization;
    if (check_scale(context, TYPES_SCALE, error) ||
        read_type(settings->output_dtype, "output_dtype", context->inputs[1]->dtype, &type, error) ||
        quantization_read(context->node, &x->shape, &context->inputs[1]->shape, x->dtype, &quantization, error))
        return -1;
    if (infer_has(context, 2) && context->inputs[2]->dtype != x->dtype)
        return error_set(error, ERROR_INPUT, "the zero point is %s, the input %s",
                         dtype_name(context->inputs[2]->dtype), dtype_name(x->dtype));
    if (!(TYPE_BIT(type) & TYPES_FLOAT))
        return error_set(error, ERROR_INPUT, "attribute output_dtype%s %s, which is no supported floating-point type",
                         settings->output_dtype ? " is" : " is missing, and the scale is", dtype_name(type));
    return infer_output(context, 0, type, x->shape.rank, x->shape.dims, error);
}

static void dequantize_rows(void *argument, int64_t begin, int64_t end)
{
    const struct quantize_job *job = argument;
    const struct quantization *q = &job->quantization;
    bool wide = dtype_storage(job->y->dtype) == DTYPE_DOUBLE;
    for (int64_t row = begin; row < end; row++) {
        int64_t scale = quantization_index(q, row / q->size, row % q->size), step = quantization_step(q);
        for (int64_t i = 0; i < q->inner; i++) {
            int64_t at = row * q->inner + i, of = scale + i * step;
            double value = tensor_number(job->x, at) - zero_point_at(job, of), factor = tensor_number(job->scale, of);
            if (wide)
                ((double *)job->y->data)[at] = value * factor;
            else
                ((float *)job->y->data)[at] = (float)value * (float)factor;
        }
    }
}

static int compute_dequantize(struct compute_context *context, struct error *error)
{
    const struct tensor *zero_point = context->input_count > 2 ? context->inputs[2] : NULL;
    struct quantize_job job = {
        .x = context->inputs[0], .scale = context->inputs[1], .zero_point = zero_point, .y = context->outputs[0]};
    if (quantization_read(context->node, &job.x->shape, &job.scale->shape, job.x->dtype, &job.quantization, error))
        return -1;
    const struct quantization *q = &job.quantization;
    rows_run(context->pool, &(struct row_task){dequantize_rows, &job}, q->outer * q->size, q->inner);
    return 0;
}

/* x gives the element at its own place, scales are of no place. */
static int field_quantize(struct field_context *context, struct error *error)
{
    (void)error;
    context->none = context->input != 0;
    if (context->input == 0)
        field_aligned(context);
    return 0;
}

#define QUANTIZE(domain_, since_, name_, attributes_, infer_, compute_, gradient_, types_)                             \
    {                                                                                                                  \
        .domain = domain_, .name = name_, .since = since_, ARITY(2, 3, 1, 1), .types = types_,                         \
        .traits = OPERATOR_STRAIGHT_THROUGH | OPERATOR_QUANTIZES, .roles = {ROLE_DATA, ROLE_QUANTUM},                  \
        SETTINGS(struct quantize_settings, attributes_), .infer = infer_, .compute = compute_, .gradient = gradient_,  \
        .field = field_quantize                                                                                        \
    }
#define QUANTIZE_LINEAR(domain_, since_, attributes_)                                                                  \
    QUANTIZE(domain_, since_, "QuantizeLinear", attributes_, infer_quantize, compute_quantize, quantize_gradient,      \
             TYPES_FLOAT | TYPE_BIT(DTYPE_INT32))
#define DEQUANTIZE_LINEAR(domain_, since_, attributes_)                                                                \
    QUANTIZE(domain_, since_, "DequantizeLinear", attributes_, infer_dequantize, compute_dequantize,                   \
             dequantize_gradient, TYPES_QUANTISED)

const struct operator_definition operators_quantize[] = {
    QUANTIZE_LINEAR("", 10, quantize_attributes),
    DEQUANTIZE_LINEAR("", 10, dequantize_attributes),
    QUANTIZE_LINEAR("com.microsoft", 1, microsoft_attributes),
    DEQUANTIZE_LINEAR("com.microsoft", 1, microsoft_attributes),
    {0},
};
