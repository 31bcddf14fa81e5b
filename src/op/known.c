#include "op/known.h"

#include "op/emit.h"

const struct tensor *operand_at(const struct operands *operands, int input)
{
    return input >= 0 && input < operands->count ? operands->inputs[input] : NULL;
}

bool operand_known(const struct operands *operands, int input)
{
    const struct tensor *tensor = operand_at(operands, input);
    return !tensor || tensor->data || shape_count(&tensor->shape) == 0;
}

bool operands_known(const struct operands *operands, int first)
{
    for (int i = first; i < operands->count; i++) {
        if (!operand_known(operands, i))
            return false;
    }
    return true;
}

int known_inputs_read(struct known_inputs *known, const struct node *node, struct error *error)
{
    int count = node->input_count < KNOWN_INPUTS ? node->input_count : KNOWN_INPUTS;
    for (int i = 0; i < count; i++) {
        const struct value *value = node->inputs[i];
        known->pointers[i] = value ? &known->tensors[i] : NULL;
        if (!value)
            continue;
        known->tensors[i] = (struct tensor){.dtype = value->dtype, .shape = value->shape};
        if (value->constant) {
            const struct tensor *data = constant_data(value->constant, error);
            if (!data)
                return -1;
            known->tensors[i].data = data->data;
        }
    }
    known->operands = (struct operands){node, known->pointers, count};
    return 0;
}

static int check_ints(const struct tensor *tensor, int input, struct error *error)
{
    enum dtype storage = dtype_storage(tensor->dtype);
    if (storage != DTYPE_INT64 && storage != DTYPE_INT32)
        return error_set(error, ERROR_INPUT, "input %d must hold integers, not %s", input, dtype_name(tensor->dtype));
    if (tensor->shape.rank > 1)
        return error_set(error, ERROR_INPUT, "input %d must be a list of integers", input);
    if (!tensor->data && shape_count(&tensor->shape) > 0)
        return error_set(error, ERROR_UNSUPPORTED, "input %d is only known when the model runs", input);
    return 0;
}

int int_list_of(struct int_list *list, const struct operands *operands, struct ints setting, int input,
                struct error *error)
{
    const struct tensor *tensor = operand_at(operands, input);
    *list = (struct int_list){.attribute = setting.values, .count = setting.count};
    if (setting.values || !tensor)
        return setting.values != NULL;
    if (check_ints(tensor, input, error))
        return -1;
    list->tensor = tensor;
    list->count = shape_count(&tensor->shape);
    return 1;
}

int64_t int_list_at(const struct int_list *list, int64_t index)
{
    return list->attribute ? list->attribute[index] : tensor_int(list->tensor, index);
}

int operand_read_int(const struct operands *operands, int input, int64_t *value, struct error *error)
{
    const struct tensor *tensor = operand_at(operands, input);
    if (!tensor || check_ints(tensor, input, error) || shape_count(&tensor->shape) != 1)
        return error_set(error, ERROR_INPUT, "input %d must be one integer", input);
    *value = tensor_int(tensor, 0);
    return 0;
}

struct value *emit_zeros(struct graph *graph, enum dtype dtype, const struct shape *shape, struct error *error)
{
    if (dtype != DTYPE_FLOAT)
        return emit_filled(graph, dtype, shape, 0, error);
    struct value *dims = emit_int_list(graph, shape->dims, shape->rank, error);
    return dims ? emit(graph, "ConstantOfShape", EMIT_INPUTS(dims), EMIT_NO_ATTRIBUTES, error) : NULL;
}

struct value *emit_reshape(struct graph *graph, struct value *value, int rank, const int64_t *dims, struct error *error)
{
    struct value *list = emit_int_list(graph, dims, rank, error);
    return list ? emit(graph, "Reshape", EMIT_INPUTS(value, list), EMIT_ATTRIBUTES(EMIT_INT("allowzero", 1)), error)
                : NULL;
}
