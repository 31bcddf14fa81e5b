#include "onnx/loader.h"

static enum dtype element_type(const Onnx__TypeProto__Tensor *type)
{
    return type->has_elem_type && type->elem_type > 0 && type->elem_type < DTYPE_COUNT ? (enum dtype)type->elem_type
                                                                                       : DTYPE_UNDEFINED;
}

enum dtype load_type_code(const Onnx__TypeProto *type)
{
    const Onnx__TypeProto *held = type && type->optional_type ? type->optional_type->elem_type : type;
    const Onnx__TypeProto *item = held && held->sequence_type ? held->sequence_type->elem_type : held;
    if (!item || !item->tensor_type)
        return DTYPE_UNDEFINED;
    enum dtype dtype = element_type(item->tensor_type);
    dtype = item == held ? dtype : dtype_sequence_of(dtype);
    return held == type ? dtype : dtype_optional_of(dtype);
}
