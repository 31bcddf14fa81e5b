/* SplitToSequence: the parts of a tensor along one axis; ConcatFromSequence joins them. */
#include <string.h>

#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/sequence_operand.h"

/* ---- SplitToSequence ---- */

struct split_settings {
    int64_t axis;
    bool keepdims;
};

static const struct attribute_rule split_attributes[] = {
    {INT_ATTRIBUTE(struct split_settings, axis, 0)},
    {FLAG_ATTRIBUTE(struct split_settings, keepdims, true)},
    {0},
};

/* How an axis is cut: `count` parts, of the sizes in a list, or of `size` each but for the last. */
struct cut {
    int axis;
    int64_t whole, count, size;
    const struct tensor *sizes; /* or NULL */
    bool squeezed;              /* parts of one cell lose the axis */
};

static int64_t part_size(const struct cut *cut, int64_t index)
{
    if (cut->sizes)
        return tensor_int(cut->sizes, index);
    int64_t left = cut->whole - index * cut->size;
    return left < cut->size ? left : cut->size;
}

static int check_sizes(const struct cut *cut, struct error *error)
{
    int64_t left = cut->whole;
    for (int64_t i = 0; i < cut->count; i++) {
        int64_t size = part_size(cut, i);
        if (size < 0 || size > left)
            return error_set(error, ERROR_INPUT, "the parts do not add up to %lld", (long long)cut->whole);
        left -= size;
    }
    return left == 0 ? 0 : error_set(error, ERROR_INPUT, "the parts do not add up to %lld", (long long)cut->whole);
}

/* `split` holds its elements; NULL: cells of their own. keepdims goes for these. The specification lets any split
 * overrule it, but torch writes unbind with a split of 1, and ONNX Runtime takes that so. */
static int read_cut(const struct node *node, const struct shape *shape, const struct tensor *split, struct cut *cut,
                    struct error *error)
{
    const struct split_settings *settings = node->settings;
    bool cells = !split || (split->shape.rank == 0 && tensor_int(split, 0) == 1);
    *cut = (struct cut){.size = 1, .squeezed = cells && !settings->keepdims};
    if (shape_axis(settings->axis, shape->rank, &cut->axis, error))
        return -1;
    cut->whole = shape->dims[cut->axis];
    if (split && split->shape.rank == 1) {
        cut->sizes = split;
        cut->count = split->shape.dims[0];
        if (cut->count <= SEQUENCE_MOST_ITEMS && check_sizes(cut, error))
            return -1;
    } else {
        if (split && (cut->size = tensor_int(split, 0)) <= 0)
            return error_set(error, ERROR_INPUT, "the size of the parts, %lld, is not positive", (long long)cut->size);
        cut->count = cut->whole / cut->size + (cut->whole % cut->size != 0);
    }
    if (cut->count > SEQUENCE_MOST_ITEMS)
        return error_set(error, ERROR_LIMIT, "a sequence has too many items (limit %lld)",
                         (long long)SEQUENCE_MOST_ITEMS);
    return 0;
}

static int infer_split(struct infer_context *context, struct error *error)
{
    const struct split_settings *settings = context->node->settings;
    const struct tensor *input = context->inputs[0];
    int axis;
    if (dtype_is_container(input->dtype))
        return error_set(error, ERROR_INPUT, "input 0 has type %s, where the operator takes a tensor",
                         dtype_name(input->dtype));
    if (shape_axis(settings->axis, input->shape.rank, &axis, error))
        return -1;
    if (infer_has(context, 1)) {
        const struct tensor *split = context->inputs[1];
        if ((split->dtype != DTYPE_INT64 && split->dtype != DTYPE_INT32) || split->shape.rank > 1)
            return error_set(error, ERROR_INPUT, "input 1 must be one int32 or int64, or a list of them");
    }
    return infer_output(context, 0, dtype_sequence_of(input->dtype), SHAPE_UNKNOWN_RANK, NULL, error);
}

static struct shape part_shape(const struct cut *cut, const struct shape *whole, int64_t size)
{
    struct shape shape = *whole;
    shape.dims[cut->axis] = size;
    if (cut->squeezed) {
        shape.rank--;
        for (int i = cut->axis; i < shape.rank; i++)
            shape.dims[i] = whole->dims[i + 1];
    }
    return shape;
}

/* Bytes of all parts in the sequence. */
static size_t parts_bytes(const struct cut *cut, const struct tensor *from)
{
    size_t sum = 0;
    for (int64_t i = 0; i < cut->count; i++) {
        const struct tensor part = {.dtype = from->dtype, .shape = part_shape(cut, &from->shape, part_size(cut, i))};
        if (checked_add(sum, sequence_item_bytes(&part), &sum))
            return SIZE_MAX;
    }
    return sum;
}

static int put_parts(const struct cut *cut, const struct tensor *from, struct memory *memory, struct tensor *sequence,
                     struct error *error)
{
    size_t outer = (size_t)shape_product(&from->shape, 0, cut->axis), element = 0;
    size_t inner = (size_t)shape_product(&from->shape, cut->axis + 1, from->shape.rank), start = 0;
    element = dtype_storage_size(dtype_storage(from->dtype)) * inner;
    for (int64_t i = 0; i < cut->count; i++) {
        size_t size = (size_t)part_size(cut, i), run = size * element;
        struct tensor part = {.dtype = from->dtype, .shape = part_shape(cut, &from->shape, (int64_t)size)};
        if (tensor_allocate(memory, &part, error))
            return -1;
        for (size_t k = 0; k < outer && run > 0; k++)
            memcpy((char *)part.data + k * run, (const char *)from->data + (k * (size_t)cut->whole + start) * element,
                   run);
        int failed = sequence_insert(memory, sequence, i, &part, error);
        tensor_release(memory, &part);
        if (failed)
            return -1;
        start += size;
    }
    return 0;
}

static int compute_split(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0], *split = context->input_count > 1 ? context->inputs[1] : NULL;
    struct cut cut;
    if (read_cut(context->node, &from->shape, split, &cut, error))
        return -1;
    size_t bytes = parts_bytes(&cut, from);
    if (sequence_create(context->memory, dtype_sequence_of(from->dtype), cut.count, bytes, context->outputs[0],
                        error) ||
        sequence_spend(context, (int64_t)bytes, error))
        return -1;
    return put_parts(&cut, from, context->memory, context->outputs[0], error);
}

/* Split, Squeeze and SequenceConstruct. */
static int resolve_split(struct expand_context *context, struct error *error)
{
    struct value *input = context->inputs[0], *split = context->input_count > 1 ? context->inputs[1] : NULL;
    struct value *parts[KNOWN_MOST_ITEMS];
    int64_t sizes[KNOWN_MOST_ITEMS];
    const struct tensor *data = NULL;
    struct cut cut;
    if (input->shape.rank == SHAPE_UNKNOWN_RANK || (split && !split->constant))
        return 0;
    if (split && !(data = constant_data(split->constant, error)))
        return -1;
    if (read_cut(context->node, &input->shape, data, &cut, error))
        return -1;
    if (cut.count > KNOWN_MOST_ITEMS)
        return 0;
    for (int i = 0; i < (int)cut.count; i++)
        sizes[i] = part_size(&cut, i);
    struct value *list = cut.count > 0 ? emit_int_list(context->graph, sizes, (int)cut.count, error) : NULL;
    if (cut.count > 0 &&
        (!list || emit_many(context->graph, "Split", EMIT_INPUTS(input, list),
                            EMIT_ATTRIBUTES(EMIT_INT("axis", cut.axis)), parts, (int)cut.count, error)))
        return -1;
    const int64_t axis = cut.axis;
    struct value *axes = cut.squeezed ? emit_int_list(context->graph, &axis, 1, error) : NULL;
    for (int i = 0; cut.squeezed && i < (int)cut.count; i++) {
        parts[i] =
            axes ? emit(context->graph, "Squeeze", EMIT_INPUTS(parts[i], axes), EMIT_NO_ATTRIBUTES, error) : NULL;
        if (!parts[i])
            return -1;
    }
    context->outputs[0] = emit_sequence(context->graph, parts, (int)cut.count, input->dtype, error);
    return context->outputs[0] ? 1 : -1;
}

/* ---- ConcatFromSequence ---- */

struct concat_from_sequence_settings {
    int64_t axis, new_axis;
};

static const struct attribute_rule concat_attributes[] = {
    {INT_ATTRIBUTE(struct concat_from_sequence_settings, axis, 0), .required = true},
    {INT_ATTRIBUTE(struct concat_from_sequence_settings, new_axis, 0)},
    {0},
};

static int infer_concat(struct infer_context *context, struct error *error)
{
    const struct concat_from_sequence_settings *settings = context->node->settings;
    if (sequence_check(context, 0, error))
        return -1;
    if (settings->new_axis != 0 && settings->new_axis != 1)
        return error_set(error, ERROR_INPUT, "attribute new_axis is neither 0 nor 1");
    return infer_output(context, 0, dtype_element(context->inputs[0]->dtype), SHAPE_UNKNOWN_RANK, NULL, error);
}

/* The shape of the whole; all items fit each other. */
static int joined_shape(const struct node *node, const struct tensor *sequence, int *axis, struct shape *whole,
                        struct error *error)
{
    const struct concat_from_sequence_settings *settings = node->settings;
    int64_t count = sequence_length(sequence), sum = 0;
    if (count == 0)
        return error_set(error, ERROR_INPUT, "the sequence is empty, and nothing says what shape the result has");
    struct shape first = sequence_item(sequence, 0).shape;
    bool stacked = settings->new_axis == 1;
    if (shape_axis(settings->axis, first.rank + stacked, axis, error))
        return -1;
    for (int64_t i = 0; i < count; i++) {
        struct shape shape = sequence_item(sequence, i).shape, fits = shape;
        if (!stacked && shape.rank == first.rank) {
            if (__builtin_add_overflow(sum, shape.dims[*axis], &sum))
                return error_set(error, ERROR_LIMIT, "the result is too large");
            fits.dims[*axis] = first.dims[*axis];
        }
        char got[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
        if (!shape_equal(&fits, &first))
            return error_set(error, ERROR_INPUT, "item %lld of the sequence has the shape %s, item 0 %s", (long long)i,
                             shape_text(&shape, got), shape_text(&first, expected));
    }
    int64_t dims[SHAPE_MAX_RANK + 1];
    for (int i = 0; i < first.rank + stacked; i++)
        dims[i] = i != *axis ? first.dims[i - (stacked && i > *axis)] : stacked ? count : sum;
    return shape_set(whole, first.rank + stacked, dims, error);
}

static int compute_concat(struct compute_context *context, struct error *error)
{
    const struct tensor *sequence = context->inputs[0];
    struct shape shape;
    int axis;
    if (joined_shape(context->node, sequence, &axis, &shape, error) ||
        compute_allocate(context, 0, shape.rank, shape.dims, error))
        return -1;
    const struct tensor *whole = context->outputs[0];
    if (sequence_spend(context, (int64_t)tensor_bytes(whole), error))
        return -1;
    size_t outer = (size_t)shape_product(&shape, 0, axis), row = outer > 0 ? tensor_bytes(whole) / outer : 0, at = 0;
    for (int64_t i = 0; i < sequence_length(sequence); i++) {
        struct tensor item = sequence_item(sequence, i);
        size_t run = outer > 0 ? tensor_bytes(&item) / outer : 0;
        for (size_t k = 0; k < outer && run > 0; k++)
            memcpy((char *)whole->data + k * row + at, (const char *)item.data + k * run, run);
        at += run;
    }
    return 0;
}

/* Concat, of items with the new axis where one is asked for. */
static int resolve_concat(struct expand_context *context, struct error *error)
{
    const struct concat_from_sequence_settings *settings = context->node->settings;
    struct value *parts[KNOWN_MOST_ITEMS];
    int count;
    const struct node *maker = sequence_maker(context->inputs[0], &count);
    if (!maker || count == 0)
        return 0; /* an empty one is refused when it is computed */
    struct value *axes = settings->new_axis ? emit_int_list(context->graph, &settings->axis, 1, error) : NULL;
    if (settings->new_axis && !axes)
        return -1;
    for (int i = 0; i < count; i++) {
        parts[i] = maker->inputs[i];
        if (axes &&
            !(parts[i] = emit(context->graph, "Unsqueeze", EMIT_INPUTS(parts[i], axes), EMIT_NO_ATTRIBUTES, error)))
            return -1;
    }
    context->outputs[0] =
        emit(context->graph, "Concat", parts, count, EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis)), error);
    return context->outputs[0] ? 1 : -1;
}

const struct operator_definition operators_sequence_split[] = {
    {.domain = "",
     .name = "SplitToSequence",
     .since = 11,
     ARITY(1, 2, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct split_settings, split_attributes),
     .infer = infer_split,
     .compute = compute_split,
     .resolve_known = resolve_split},
    {.domain = "",
     .name = "ConcatFromSequence",
     .since = 11,
     ARITY(1, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS,
     .roles = {ROLE_DATA},
     SETTINGS(struct concat_from_sequence_settings, concat_attributes),
     .infer = infer_concat,
     .compute = compute_concat,
     .resolve_known = resolve_concat},
    {0},
};
