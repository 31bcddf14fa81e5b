/* Cast and CastLike: the same numbers in another element type. */
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"
#include "op/unary.h"
#include "tensor/small_float.h"

struct cast_settings {
    int64_t to;
    bool saturate;
    enum power_rounding round_mode;
};

static const char *const power_roundings[] = {
    [POWER_UP] = "up", [POWER_DOWN] = "down", [POWER_NEAREST] = "nearest", NULL};

#define ROUNDING                                                                                                       \
    {FLAG_ATTRIBUTE(struct cast_settings, saturate, true), .since = 19},                                               \
    {                                                                                                                  \
        WORD_ATTRIBUTE(struct cast_settings, round_mode, POWER_UP, power_roundings), .since = 24                       \
    }
static const struct attribute_rule cast_attributes[] = {
    {INT_ATTRIBUTE(struct cast_settings, to, 0), .required = true},
    ROUNDING,
    {0},
};
static const struct attribute_rule cast_like_attributes[] = {ROUNDING, {0}};

static int check_type(int64_t type, struct error *error)
{
    if (type <= 0 || type >= DTYPE_COUNT || dtype_storage((enum dtype)type) == DTYPE_UNDEFINED)
        return error_set(error, ERROR_UNSUPPORTED, "casting to %s is not supported",
                         type > 0 && type < DTYPE_COUNT ? dtype_name((enum dtype)type) : "an unknown type");
    return 0;
}

static int infer_cast(struct infer_context *context, struct error *error)
{
    const struct cast_settings *settings = context->node->settings;
    const struct tensor *input = context->inputs[0];
    int64_t type = settings->to;
    if (check_type(type, error))
        return -1;
    return infer_output(context, 0, (enum dtype)type, input->shape.rank, input->shape.dims, error);
}

static int infer_cast_like(struct infer_context *context, struct error *error)
{
    const struct tensor *input = context->inputs[0];
    return infer_output(context, 0, context->inputs[1]->dtype, input->shape.rank, input->shape.dims, error);
}

/* The bits of an unsigned number, as UINT64 is held; of what is beyond 2^64 zeros. */
static int64_t number_to_uint64(double number)
{
    if (number >= 0x1p63)
        return number < 0x1p64 ? (int64_t)(uint64_t)number : 0;
    return number_to_int64(number);
}

struct cast_job {
    const struct tensor *from;
    struct tensor *to;
    struct small_float_rule rule;
};

/* storage type, C type, from a floating number, from an integer */
#define TARGETS(X, source, is_float)                                                                                   \
    switch (dtype_storage(job->to->dtype)) {                                                                           \
    case DTYPE_FLOAT:                                                                                                  \
        X(source, float, (float)element)                                                                               \
        break;                                                                                                         \
    case DTYPE_DOUBLE:                                                                                                 \
        X(source, double, (double)element)                                                                             \
        break;                                                                                                         \
    case DTYPE_INT32:                                                                                                  \
        X(source, int32_t, is_float ? number_to_int32((double)element) : (int32_t)element)                             \
        break;                                                                                                         \
    case DTYPE_INT64:                                                                                                  \
        if (job->to->dtype == DTYPE_UINT64)                                                                            \
            X(source, int64_t, is_float ? number_to_uint64((double)element) : (int64_t)element)                        \
        else                                                                                                           \
            X(source, int64_t, is_float ? number_to_int64((double)element) : (int64_t)element)                         \
        break;                                                                                                         \
    case DTYPE_UINT8:                                                                                                  \
        X(source, uint8_t, is_float ? (uint8_t)number_to_int32((double)element) : (uint8_t)element)                    \
        break;                                                                                                         \
    default:                                                                                                           \
        X(source, uint8_t, element != 0)                                                                               \
        break;                                                                                                         \
    }
#define CONVERT(source, target, expression)                                                                            \
    {                                                                                                                  \
        const source *from = job->from->data;                                                                          \
        target *to = job->to->data;                                                                                    \
        for (int64_t i = begin; i < end; i++) {                                                                        \
            source element = from[i];                                                                                  \
            to[i] = expression;                                                                                        \
        }                                                                                                              \
    }

/* From any type in one rounding. */
static void cast_small_floats(const struct cast_job *job, int64_t begin, int64_t end)
{
    enum dtype dtype = job->to->dtype;
    float *to = job->to->data;
    for (int64_t i = begin; i < end; i++)
        to[i] = small_float_decode(dtype, small_float_encode(dtype, tensor_number(job->from, i), &job->rule));
}

static void cast_elements(void *argument, int64_t begin, int64_t end)
{
    const struct cast_job *job = argument;
    if (dtype_is_small_float(job->to->dtype)) {
        cast_small_floats(job, begin, end);
        return;
    }
    switch (dtype_storage(job->from->dtype)) {
    case DTYPE_FLOAT:
        TARGETS(CONVERT, float, true)
        break;
    case DTYPE_DOUBLE:
        TARGETS(CONVERT, double, true)
        break;
    case DTYPE_INT32:
        TARGETS(CONVERT, int32_t, false)
        break;
    case DTYPE_INT64:
        if (job->from->dtype == DTYPE_UINT64)
            TARGETS(CONVERT, uint64_t, false)
        else
            TARGETS(CONVERT, int64_t, false)
        break;
    default:
        TARGETS(CONVERT, uint8_t, false)
        break;
    }
    size_t size = dtype_storage_size(dtype_storage(job->to->dtype));
    dtype_round(job->to->dtype, (char *)job->to->data + (size_t)begin * size, (size_t)(end - begin));
}

static int compute_cast(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct cast_settings *settings = context->node->settings;
    const struct cast_job job = {context->inputs[0], context->outputs[0], {!settings->saturate, settings->round_mode}};
    rows_run(context->pool, &(struct row_task){cast_elements, (void *)(uintptr_t)&job}, shape_count(&job.to->shape), 1);
    return 0;
}

/* An integer input has the gradient in the type of dy, as behind QuantizeLinear. */
static int gradient_cast(struct gradient_context *context, struct error *error)
{
    const struct value *input = context->node->inputs[0];
    struct value *dy = context->output_gradients[0];
    if (!context->wanted[0])
        return 0;
    if (dtype_is_float(input->dtype))
        dy = emit(context->graph, "Cast", EMIT_INPUTS(dy), EMIT_ATTRIBUTES(EMIT_INT("to", input->dtype)), error);
    context->input_gradients[0] = dy;
    return dy ? 0 : -1;
}

static int field_cast(struct field_context *context, struct error *error)
{
    context->none = context->input != 0;
    return context->none ? 0 : field_pointwise(context, error);
}

#define CAST(name_, since_, inputs_, infer_, ...)                                                                      \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = since_, ARITY(inputs_, inputs_, 1, 1), .types = TYPES_MOVED,             \
        .traits = OPERATOR_POINTWISE | OPERATOR_KEEPS, .roles = {ROLE_DATA, ROLE_CONTROL}, __VA_ARGS__,                \
        .infer = infer_, .compute = compute_cast, .gradient = gradient_cast, .field = field_cast                       \
    }

const struct operator_definition operators_cast[] = {
    CAST("Cast", 6, 1, infer_cast, SETTINGS(struct cast_settings, cast_attributes)),
    CAST("CastLike", 15, 2, infer_cast_like, SETTINGS(struct cast_settings, cast_like_attributes)),
    {0},
};
