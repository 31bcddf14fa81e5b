/* BitCast (ONNX 26): the same bits read as another type of the same width. */
#include "op/families.h"
#include "op/operand.h"
#include "op/unary.h"

struct bitcast_settings {
    int64_t to;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct bitcast_settings, to, 0), .required = true},
    {0},
};

static int infer_bitcast(struct infer_context *context, struct error *error)
{
    const struct bitcast_settings *settings = context->node->settings;
    const struct tensor *input = context->inputs[0];
    int64_t type = settings->to;
    if (type <= 0 || type >= DTYPE_COUNT || type == DTYPE_STRING)
        return error_set(error, ERROR_INPUT, "attribute to is %lld, which is no type of numbers", (long long)type);
    enum dtype to = (enum dtype)type;
    if (dtype_storage(to) == DTYPE_UNDEFINED)
        return error_set(error, ERROR_UNSUPPORTED, "the bits cannot be read as %s", dtype_name(to));
    if (dtype_bits(to) != dtype_bits(input->dtype))
        return error_set(error, ERROR_INPUT, "%s has %u bits, %s has %u", dtype_name(input->dtype),
                         dtype_bits(input->dtype), dtype_name(to), dtype_bits(to));
    return infer_output(context, 0, to, input->shape.rank, input->shape.dims, error);
}

struct bitcast_job {
    const struct tensor *from;
    struct tensor *to;
};

/* Elements are held wider than their type: through the bytes of a file. */
static void bitcast_elements(void *argument, int64_t begin, int64_t end)
{
    const struct bitcast_job *job = argument;
    size_t from_size = dtype_storage_size(dtype_storage(job->from->dtype));
    size_t to_size = dtype_storage_size(dtype_storage(job->to->dtype));
    _Alignas(8) unsigned char bytes[512 * 8];
    for (int64_t i = begin; i < end; i += 512) {
        size_t count = (size_t)(end - i < 512 ? end - i : 512);
        dtype_narrow(job->from->dtype, (const char *)job->from->data + (size_t)i * from_size, bytes, count);
        dtype_widen(job->to->dtype, bytes, (char *)job->to->data + (size_t)i * to_size, count);
    }
}

static int compute_bitcast(struct compute_context *context, struct error *error)
{
    (void)error;
    struct bitcast_job job = {context->inputs[0], context->outputs[0]};
    rows_run(context->pool, &(struct row_task){bitcast_elements, &job}, shape_count(&job.from->shape), 1);
    return 0;
}

const struct operator_definition operators_bitcast[] = {
    {.domain = "",
     .name = "BitCast",
     .since = 26,
     ARITY(1, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_POINTWISE | OPERATOR_FUNCTION,
     .roles = {ROLE_DATA},
     SETTINGS(struct bitcast_settings, attributes),
     .infer = infer_bitcast,
     .compute = compute_bitcast,
     .field = field_pointwise},
    {0},
};
