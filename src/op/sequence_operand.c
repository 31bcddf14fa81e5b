#include "op/sequence_operand.h"

#include <inttypes.h>
#include <string.h>

#include "graph/match.h"

int sequence_check(const struct infer_context *context, int input, struct error *error)
{
    enum dtype dtype = context->inputs[input]->dtype;
    if (dtype != dtype_sequence_of(dtype_element(dtype)))
        return error_set(error, ERROR_INPUT, "input %d has type %s, where the operator takes a sequence", input,
                         dtype_name(dtype));
    return 0;
}

int sequence_check_position(const struct infer_context *context, int input, struct error *error)
{
    if (!infer_has(context, input))
        return 0;
    const struct tensor *position = context->inputs[input];
    if ((position->dtype != DTYPE_INT64 && position->dtype != DTYPE_INT32) || shape_count(&position->shape) != 1)
        return error_set(error, ERROR_INPUT, "input %d, the position, must be one int32 or int64", input);
    return 0;
}

int sequence_position(const struct tensor *position, int64_t otherwise, int64_t count, int64_t *place,
                      struct error *error)
{
    int64_t given = position ? tensor_int(position, 0) : otherwise;
    if (given < -count || given >= count)
        return error_set(error, ERROR_INPUT, "position %" PRId64 " is outside [%" PRId64 ", %" PRId64 ")", given,
                         -count, count);
    *place = given < 0 ? given + count : given;
    return 0;
}

int sequence_spend(const struct compute_context *context, int64_t bytes, struct error *error)
{
    struct context *host = context->node->graph->context;
    host->sequence_bytes += bytes;
    if (host->sequence_bytes > LIMIT_SEQUENCE_BYTES)
        return error_set(error, ERROR_LIMIT, "sequences are copied by too many bytes in one run (limit %" PRId64 ")",
                         LIMIT_SEQUENCE_BYTES);
    return work_spend(host->work, bytes / (int64_t)sizeof(float), error);
}

int sequence_give(struct compute_context *context, int index, const struct tensor *item, struct error *error)
{
    if (sequence_spend(context, (int64_t)tensor_bytes(item), error))
        return -1;
    return tensor_copy(context->memory, item, context->outputs[index], error);
}

const struct node *container_maker(const struct value *value)
{
    while (value && !value->constant && match_producer(value, "Identity"))
        value = value->producer->inputs[0];
    const struct node *maker = value && !value->constant ? value->producer : NULL;
    return match_operator(maker, "SequenceConstruct") || match_operator(maker, "SequenceEmpty") ||
                   match_operator(maker, "Optional")
               ? maker
               : NULL;
}

const struct node *sequence_maker(const struct value *value, int *count)
{
    const struct node *maker = container_maker(value);
    *count = maker ? maker->input_count : 0;
    for (int i = 0; i < *count; i++) {
        if (!maker->inputs[i])
            return NULL;
    }
    return *count > KNOWN_MOST_ITEMS || match_operator(maker, "Optional") ? NULL : maker;
}

int sequence_known_position(const struct expand_context *context, int input, int64_t otherwise, int64_t count,
                            int64_t *place, struct error *error)
{
    const struct value *position = input < context->input_count ? context->inputs[input] : NULL;
    const struct tensor *data = NULL;
    if (position && !position->constant)
        return 0;
    if (position && !(data = constant_data(position->constant, error)))
        return -1;
    return sequence_position(data, otherwise, count, place, error) ? -1 : 1;
}

struct value *emit_sequence(struct graph *graph, struct value *const *items, int count, enum dtype element,
                            struct error *error)
{
    return count > 0 ? emit(graph, "SequenceConstruct", items, count, EMIT_NO_ATTRIBUTES, error)
                     : emit(graph, "SequenceEmpty", NULL, 0, EMIT_ATTRIBUTES(EMIT_INT("dtype", element)), error);
}
