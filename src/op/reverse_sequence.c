/* ReverseSequence: the first cells along one axis turned round, as many as the batch's entry says. */
#include <inttypes.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/gather.h"
#include "op/infer.h"
#include "op/operand.h"

struct reverse_sequence_settings {
    int64_t batch_axis, time_axis;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct reverse_sequence_settings, batch_axis, 1)},
    {INT_ATTRIBUTE(struct reverse_sequence_settings, time_axis, 0)},
    {0},
};

static int infer_reverse_sequence(struct infer_context *context, struct error *error)
{
    const struct reverse_sequence_settings *settings = context->node->settings;
    const struct tensor *input = context->inputs[0];
    int64_t batch = settings->batch_axis;
    if (input->shape.rank < 2)
        return error_set(error, ERROR_INPUT, "the input has fewer than 2 dimensions");
    if (gather_check_indices(context->inputs[1], error))
        return -1;
    if (batch < 0 || batch > 1 || settings->time_axis != 1 - batch)
        return error_set(error, ERROR_INPUT, "batch_axis and time_axis must be 0 and 1 or 1 and 0");
    if (operand_vector(context, 1, input->shape.dims[batch], error))
        return -1;
    return infer_output(context, 0, input->dtype, input->shape.rank, input->shape.dims, error);
}

static int compute_reverse_sequence(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0], *lengths = context->inputs[1];
    const struct reverse_sequence_settings *settings = context->node->settings;
    const struct shape *shape = &from->shape;
    int64_t batch = settings->batch_axis;
    int64_t steps = shape->dims[1 - batch], inner = shape_product(shape, 2, shape->rank);
    int64_t batch_stride = batch == 0 ? steps : 1, step_stride = batch == 0 ? 1 : shape->dims[batch];
    size_t bytes = (size_t)inner * dtype_storage_size(dtype_storage(from->dtype));
    for (int64_t b = 0; b < shape->dims[batch]; b++) {
        int64_t length = tensor_int(lengths, b);
        if (length < 0 || length > steps)
            return error_set(error, ERROR_INPUT, "sequence length %" PRId64 " is outside [0, %" PRId64 "]", length,
                             steps);
        for (int64_t i = 0; bytes > 0 && i < steps; i++) {
            int64_t source = i < length ? length - 1 - i : i;
            memcpy((char *)context->outputs[0]->data + (size_t)(b * batch_stride + i * step_stride) * bytes,
                   (const char *)from->data + (size_t)(b * batch_stride + source * step_stride) * bytes, bytes);
        }
    }
    return 0;
}

/* It is its own inverse. */
static int gradient_reverse_sequence(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    const struct reverse_sequence_settings *settings = node->settings;
    if (!context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit(context->graph, "ReverseSequence", EMIT_INPUTS(context->output_gradients[0], node->inputs[1]),
             EMIT_ATTRIBUTES(EMIT_INT("batch_axis", settings->batch_axis), EMIT_INT("time_axis", settings->time_axis)),
             error);
    return context->input_gradients[0] ? 0 : -1;
}

const struct operator_definition operators_reverse_sequence[] = {
    {.domain = "",
     .name = "ReverseSequence",
     .since = 10,
     ARITY(2, 2, 1, 1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA, ROLE_INDICES},
     SETTINGS(struct reverse_sequence_settings, attributes),
     .infer = infer_reverse_sequence,
     .compute = compute_reverse_sequence,
     .gradient = gradient_reverse_sequence},
    {0},
};
