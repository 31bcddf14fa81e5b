/* Sequences of tensors: SequenceEmpty, SequenceConstruct, SequenceInsert, SequenceErase, SequenceAt, SequenceLength. */
#include <string.h>

#include "op/families.h"
#include "op/sequence_operand.h"

struct sequence_empty_settings {
    int64_t dtype;
};

static const struct attribute_rule empty_attributes[] = {
    {INT_ATTRIBUTE(struct sequence_empty_settings, dtype, DTYPE_FLOAT)},
    {0},
};

/* ---- SequenceEmpty, SequenceConstruct ---- */

static int infer_empty(struct infer_context *context, struct error *error)
{
    const struct sequence_empty_settings *settings = context->node->settings;
    if (settings->dtype <= 0 || settings->dtype >= DTYPE_COUNT)
        return error_set(error, ERROR_INPUT, "attribute dtype is no element type");
    return infer_output(context, 0, dtype_sequence_of((enum dtype)settings->dtype), SHAPE_UNKNOWN_RANK, NULL, error);
}

static int infer_construct(struct infer_context *context, struct error *error)
{
    enum dtype dtype = context->inputs[0]->dtype;
    for (int i = 0; i < context->input_count; i++) {
        if (!context->inputs[i])
            return error_set(error, ERROR_INPUT, "input %d is missing", i);
        if (dtype_is_container(context->inputs[i]->dtype) || context->inputs[i]->dtype != dtype)
            return error_set(error, ERROR_INPUT, "input %d has type %s, where the sequence takes tensors of %s", i,
                             dtype_name(context->inputs[i]->dtype), dtype_name(dtype_element(dtype)));
    }
    return infer_output(context, 0, dtype_sequence_of(dtype), SHAPE_UNKNOWN_RANK, NULL, error);
}

static int compute_empty(struct compute_context *context, struct error *error)
{
    const struct sequence_empty_settings *settings = context->node->settings;
    return sequence_create(context->memory, dtype_sequence_of((enum dtype)settings->dtype), 0, 0, context->outputs[0],
                           error);
}

static int compute_construct(struct compute_context *context, struct error *error)
{
    size_t bytes = 0;
    for (int i = 0; i < context->input_count; i++) {
        if (checked_add(bytes, sequence_item_bytes(context->inputs[i]), &bytes))
            bytes = SIZE_MAX;
    }
    struct tensor *sequence = context->outputs[0];
    if (sequence_create(context->memory, dtype_sequence_of(context->inputs[0]->dtype), context->input_count, bytes,
                        sequence, error) ||
        sequence_spend(context, (int64_t)bytes, error))
        return -1;
    for (int i = 0; i < context->input_count; i++) {
        if (sequence_insert(context->memory, sequence, i, context->inputs[i], error))
            return -1;
    }
    return 0;
}

/* ---- SequenceInsert, SequenceErase ---- */

static int infer_insert(struct infer_context *context, struct error *error)
{
    const struct tensor *sequence = context->inputs[0], *item = context->inputs[1];
    if (sequence_check(context, 0, error) || sequence_check_position(context, 2, error))
        return -1;
    if (item->dtype != dtype_element(sequence->dtype))
        return error_set(error, ERROR_INPUT, "input 1 has type %s, where the sequence takes tensors of %s",
                         dtype_name(item->dtype), dtype_name(dtype_element(sequence->dtype)));
    return infer_output(context, 0, sequence->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
}

static int infer_erase(struct infer_context *context, struct error *error)
{
    if (sequence_check(context, 0, error) || sequence_check_position(context, 1, error))
        return -1;
    return infer_output(context, 0, context->inputs[0]->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
}

/* The result begins as the input, whose memory it takes where nobody else reads that, or as a copy with some room. */
static int begin_result(struct compute_context *context, int64_t items, size_t bytes, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    if (context->last_reader) {
        *context->outputs[0] = *from;
        ((struct tensor *)(uintptr_t)from)->data = NULL;
        return 0;
    }
    if (sequence_spend(context, (int64_t)tensor_bytes(from), error))
        return -1;
    return sequence_copy(context->memory, from, items, bytes, context->outputs[0], error);
}

static const struct tensor *position_input(const struct compute_context *context, int input)
{
    return input < context->input_count ? context->inputs[input] : NULL;
}

static int compute_insert(struct compute_context *context, struct error *error)
{
    const struct tensor *item = context->inputs[1];
    int64_t count = sequence_length(context->inputs[0]), place = count;
    const struct tensor *position = position_input(context, 2);
    /* The end is a place as well, but not one that is counted from it. */
    if (position && tensor_int(position, 0) != count && sequence_position(position, 0, count, &place, error))
        return -1;
    size_t bytes = sequence_item_bytes(item);
    if (begin_result(context, 1, bytes, error) || sequence_spend(context, (int64_t)bytes, error))
        return -1;
    return sequence_insert(context->memory, context->outputs[0], place, item, error);
}

static int compute_erase(struct compute_context *context, struct error *error)
{
    int64_t place;
    if (sequence_position(position_input(context, 1), -1, sequence_length(context->inputs[0]), &place, error) ||
        begin_result(context, 0, 0, error))
        return -1;
    sequence_erase(context->outputs[0], place);
    return 0;
}

/* ---- SequenceAt, SequenceLength ---- */

static int infer_at(struct infer_context *context, struct error *error)
{
    if (sequence_check(context, 0, error) || sequence_check_position(context, 1, error))
        return -1;
    return infer_output(context, 0, dtype_element(context->inputs[0]->dtype), SHAPE_UNKNOWN_RANK, NULL, error);
}

static int infer_length(struct infer_context *context, struct error *error)
{
    return sequence_check(context, 0, error) ? -1 : infer_output(context, 0, DTYPE_INT64, 0, NULL, error);
}

static int compute_at(struct compute_context *context, struct error *error)
{
    int64_t place;
    if (sequence_position(context->inputs[1], 0, sequence_length(context->inputs[0]), &place, error))
        return -1;
    struct tensor item = sequence_item(context->inputs[0], place);
    return sequence_give(context, 0, &item, error);
}

static int compute_length(struct compute_context *context, struct error *error)
{
    (void)error;
    *(int64_t *)context->outputs[0]->data = sequence_length(context->inputs[0]);
    return 0;
}

/* ---- what is known before running ---- */

/* The known sequence with `item` (NULL: without what stands) at `place`. */
static int resolve_edit(struct expand_context *context, const struct node *maker, int count, struct value *item,
                        int64_t place, struct error *error)
{
    struct value *items[KNOWN_MOST_ITEMS + 1];
    int kept = 0;
    enum dtype element = dtype_element(context->inputs[0]->dtype);
    for (int i = 0; i <= count; i++) {
        if (i == place && item)
            items[kept++] = item;
        if (i < count && !(i == place && !item))
            items[kept++] = maker->inputs[i];
    }
    context->outputs[0] = emit_sequence(context->graph, items, kept, element, error);
    return context->outputs[0] ? 1 : -1;
}

static int resolve_insert(struct expand_context *context, struct error *error)
{
    int count, known;
    const struct node *maker = sequence_maker(context->inputs[0], &count);
    const struct value *position = context->input_count > 2 ? context->inputs[2] : NULL;
    const struct tensor *data = NULL;
    int64_t place = count;
    if (!maker || count == KNOWN_MOST_ITEMS)
        return 0;
    if (position && position->constant && !(data = constant_data(position->constant, error)))
        return -1;
    if (position && !(data && tensor_int(data, 0) == count)) {
        known = sequence_known_position(context, 2, 0, count, &place, error);
        if (known <= 0)
            return known;
    }
    return resolve_edit(context, maker, count, context->inputs[1], place, error);
}

static int resolve_erase(struct expand_context *context, struct error *error)
{
    int count, known;
    int64_t place;
    const struct node *maker = sequence_maker(context->inputs[0], &count);
    if (!maker || (known = sequence_known_position(context, 1, -1, count, &place, error)) == 0)
        return 0;
    return known < 0 ? -1 : resolve_edit(context, maker, count, NULL, place, error);
}

static int resolve_at(struct expand_context *context, struct error *error)
{
    int count, known;
    int64_t place;
    const struct node *maker = sequence_maker(context->inputs[0], &count);
    if (!maker || (known = sequence_known_position(context, 1, 0, count, &place, error)) == 0)
        return 0;
    if (known > 0)
        context->outputs[0] = maker->inputs[place];
    return known;
}

static int resolve_length(struct expand_context *context, struct error *error)
{
    int count;
    if (!sequence_maker(context->inputs[0], &count))
        return 0;
    context->outputs[0] = emit_scalar(context->graph, DTYPE_INT64, count, error);
    return context->outputs[0] ? 1 : -1;
}

#define SEQUENCE(name_, least_inputs_, most_inputs_, ...)                                                              \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 11, ARITY(least_inputs_, most_inputs_, 1, 1), .types = TYPES_MOVED,      \
        __VA_ARGS__                                                                                                    \
    }

const struct operator_definition operators_sequence[] = {
    SEQUENCE("SequenceEmpty", 0, 0, .traits = OPERATOR_SOURCE | OPERATOR_CONTAINERS, .infer = infer_empty,
             .compute = compute_empty, SETTINGS(struct sequence_empty_settings, empty_attributes)),
    SEQUENCE("SequenceConstruct", 1, -1, .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS, .roles = {ROLE_DATA},
             .infer = infer_construct, .compute = compute_construct),
    SEQUENCE("SequenceInsert", 2, 3, .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS,
             .roles = {ROLE_DATA, ROLE_DATA, ROLE_INDICES}, .infer = infer_insert, .compute = compute_insert,
             .resolve_known = resolve_insert),
    SEQUENCE("SequenceErase", 1, 2, .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS, .roles = {ROLE_DATA, ROLE_INDICES},
             .infer = infer_erase, .compute = compute_erase, .resolve_known = resolve_erase),
    SEQUENCE("SequenceAt", 2, 2, .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS, .roles = {ROLE_DATA, ROLE_INDICES},
             .infer = infer_at, .compute = compute_at, .resolve_known = resolve_at),
    SEQUENCE("SequenceLength", 1, 1, .traits = OPERATOR_SOURCE | OPERATOR_CONTAINERS, .roles = {ROLE_DATA},
             .infer = infer_length, .compute = compute_length, .resolve_known = resolve_length),
    {0},
};
