/* Split: the parts of a tensor along one axis. */
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

struct split_settings {
    int64_t axis, num_outputs;
    struct ints split;
    bool num_outputs_given;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct split_settings, axis, 0)},
    {INTS_ATTRIBUTE(struct split_settings, split), .until = 12},
    {INT_ATTRIBUTE(struct split_settings, num_outputs, 0), .given = offsetof(struct split_settings, num_outputs_given),
     .since = 18},
    {0},
};

static int split_axis(const struct operands *operands, int *axis, struct error *error)
{
    const struct split_settings *settings = operands->node->settings;
    return shape_axis(settings->axis, operands->inputs[0]->shape.rank, axis, error);
}

/* Where part `index` begins and what it measures along the axis. Sizes come from the attribute (until opset 12), from
 * input 1, or are equal but for the last one (num_outputs, opset 18). */
static int split_part(const struct operands *operands, int index, int64_t *start, int64_t *size, struct error *error)
{
    const struct split_settings *settings = operands->node->settings;
    struct int_list list;
    int axis, parts = operands->node->output_count, given = int_list_of(&list, operands, settings->split, 1, error);
    int64_t equal = 0;
    if (given < 0 || split_axis(operands, &axis, error))
        return -1;
    int64_t whole = operands->inputs[0]->shape.dims[axis], sum = 0;
    bool uneven = settings->num_outputs_given;
    if (given ? list.count != parts : uneven && settings->num_outputs != parts)
        return error_set(error, ERROR_INPUT, "the number of parts is not that of the outputs (%d)", parts);
    if (!given) {
        if (!uneven && whole % parts != 0)
            return error_set(error, ERROR_INPUT, "an axis of size %lld is not divided by %d", (long long)whole, parts);
        equal = whole / parts + (whole % parts != 0);
    }
    for (int i = 0; i < parts; i++) {
        int64_t part = given ? int_list_at(&list, i) : i < parts - 1 ? equal : whole - sum;
        if (part < 0 || part > whole - sum)
            return error_set(error, ERROR_INPUT, "the parts do not add up to %lld", (long long)whole);
        if (i == index) {
            *start = sum;
            *size = part;
        }
        sum += part;
    }
    return sum == whole ? 0 : error_set(error, ERROR_INPUT, "the parts do not add up to %lld", (long long)whole);
}

static int infer_split(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    for (int i = 0; i < context->output_count; i++) {
        struct shape shape = input->shape;
        int64_t start;
        int axis;
        bool known = operand_known(&operands, 1);
        if (split_axis(&operands, &axis, error) ||
            (known && split_part(&operands, i, &start, &shape.dims[axis], error)) ||
            infer_output(context, i, input->dtype, known ? shape.rank : SHAPE_UNKNOWN_RANK, shape.dims, error))
            return -1;
    }
    return 0;
}

static int compute_split(struct compute_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct tensor *from = context->inputs[0];
    int axis;
    if (split_axis(&operands, &axis, error))
        return -1;
    int64_t outer = shape_product(&from->shape, 0, axis);
    int64_t inner = shape_product(&from->shape, axis + 1, from->shape.rank), width = from->shape.dims[axis] * inner;
    for (int i = 0; i < context->output_count; i++) {
        int64_t start, size;
        if (!context->outputs[i])
            continue;
        if (split_part(&operands, i, &start, &size, error))
            return -1;
        struct strided_copy copy = {.size = element_size(from), .to = context->outputs[i]->data};
        copy.from = (const char *)from->data + (size_t)(start * inner) * copy.size;
        strided_copy_axis(&copy, outer, width, size * inner);
        strided_copy_axis(&copy, size * inner, 1, 1);
        strided_copy_run(context->pool, &copy);
    }
    return 0;
}

/* Parts without a gradient are zero. */
static int gradient_split(struct gradient_context *context, struct error *error)
{
    const struct node *node = context->node;
    struct memory *memory = context->graph->context->memory;
    struct known_inputs known;
    int axis, result = -1;
    if (known_inputs_read(&known, node, error) || split_axis(&known.operands, &axis, error))
        return -1;
    enum dtype dtype = DTYPE_UNDEFINED; /* of those that are there */
    for (int i = 0; i < node->output_count; i++)
        dtype = context->output_gradients[i] ? context->output_gradients[i]->dtype : dtype;
    struct value **parts = memory_allocate(memory, (size_t)node->output_count, sizeof *parts, error);
    if (!parts)
        return -1;
    for (int i = 0; i < node->output_count; i++) {
        struct shape shape = node->inputs[0]->shape;
        int64_t start;
        if (split_part(&known.operands, i, &start, &shape.dims[axis], error))
            goto done;
        parts[i] = context->output_gradients[i];
        if (!parts[i])
            parts[i] = emit_zeros(context->graph, dtype, &shape, error);
        if (!parts[i])
            goto done;
    }
    context->input_gradients[0] =
        emit(context->graph, "Concat", parts, node->output_count, EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), error);
    result = context->input_gradients[0] ? 0 : -1;
done:
    memory_release(memory, parts);
    return result;
}

static int field_split(struct field_context *context, struct error *error)
{
    struct operands operands = {context->node, context->inputs, context->node->input_count};
    int64_t start, size;
    int axis;
    if (context->input != 0) {
        context->none = true;
        return 0;
    }
    if (split_axis(&operands, &axis, error))
        return -1;
    for (int i = 0; i < context->inputs[0]->shape.rank; i++)
        context->reads[i] = context->cells[i];
    if (!operand_known(&operands, 1)) {
        context->reads[axis] = interval_full(context->inputs[0]->shape.dims[axis]);
        return 0;
    }
    if (split_part(&operands, context->output, &start, &size, error))
        return -1;
    context->reads[axis].low += start;
    context->reads[axis].high += start;
    return 0;
}

const struct operator_definition operators_split[] = {
    {.domain = "",
     .name = "Split",
     .since = 2,
     ARITY(1, 2, 1, -1),
     .types = TYPES_ALL,
     .traits = OPERATOR_MOVES | OPERATOR_EXACT_FIELD,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct split_settings, attributes),
     .infer = infer_split,
     .compute = compute_split,
     .gradient = gradient_split,
     .field = field_split},
    {0},
};
