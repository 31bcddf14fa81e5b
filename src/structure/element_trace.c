#include "structure/element_trace.h"

#include <string.h>

#define SMALL_CONSTANT 65536 /* elements: indices and shapes, not weights */

static bool is_one_of(const struct node *node, const char *const *names)
{
    for (int i = 0; node && node->domain[0] == 0 && names[i]; i++) {
        if (strcmp(node->op_type, names[i]) == 0)
            return true;
    }
    return false;
}

int element_tracer_create(struct element_tracer *tracer, const struct graph *graph, struct error *error)
{
    size_t widest = 1;
    for (const struct node *node = graph->first; node; node = node->next) {
        size_t operands = (size_t)(node->input_count > node->output_count ? node->input_count : node->output_count);
        widest = operands > widest ? operands : widest;
    }
    tracer->tensors = arena_allocate(graph->arena, widest, sizeof *tracer->tensors, error);
    tracer->outputs = arena_allocate(graph->arena, widest, sizeof *tracer->outputs, error);
    tracer->inputs = arena_allocate(graph->arena, widest, sizeof(struct tensor *), error);
    return tracer->tensors && tracer->outputs && tracer->inputs ? 0 : -1;
}

struct element element_at(struct value *value, int64_t flat)
{
    struct element element = {.value = value};
    for (int axis = value->shape.rank - 1; axis >= 0; axis--) {
        element.index[axis] = flat % value->shape.dims[axis];
        flat /= value->shape.dims[axis];
    }
    return element;
}

int64_t element_flat(const struct element *element)
{
    int64_t flat = 0;
    for (int axis = 0; axis < element->value->shape.rank; axis++)
        flat = flat * element->value->shape.dims[axis] + element->index[axis];
    return flat;
}

static int describe_operands(struct element_tracer *tracer, const struct node *node, struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        tracer->inputs[i] = value ? &tracer->tensors[i] : NULL;
        if (!value)
            continue;
        tracer->tensors[i] = (struct tensor){.dtype = value->dtype, .shape = value->shape};
        if (value->constant && shape_count(&value->shape) <= SMALL_CONSTANT) {
            const struct tensor *data = constant_data(value->constant, error);
            if (!data)
                return -1;
            tracer->tensors[i].data = data->data;
        }
    }
    for (int i = 0; i < node->output_count; i++) {
        const struct value *value = node->outputs[i];
        tracer->outputs[i] = value ? (struct tensor){.dtype = value->dtype, .shape = value->shape} : (struct tensor){0};
    }
    return 0;
}

/* `tracer` describes the producer. */
static int read_operand(struct element_tracer *tracer, const struct element *element, int input,
                        struct element *operand, bool *one, struct error *error)
{
    const struct node *node = element->value->producer;
    struct value *value = node->inputs[input];
    struct interval cells[SHAPE_MAX_RANK], reads[SHAPE_MAX_RANK] = {{0, 0}};
    struct field_context context = {.node = node,
                                    .inputs = tracer->inputs,
                                    .outputs = tracer->outputs,
                                    .input = input,
                                    .output = element->value->producer_output,
                                    .cells = cells,
                                    .reads = reads};
    *one = false;
    if (!value || value->shape.rank < 0 || !node->operator|| !node->operator->field)
        return 0;
    for (int i = 0; i < element->value->shape.rank; i++)
        cells[i] = (struct interval){element->index[i], element->index[i]};
    if (node->operator->field(&context, error))
        return -1;
    *one = !context.none;
    *operand = (struct element){.value = value};
    for (int i = 0; i < value->shape.rank; i++) {
        *one = *one && reads[i].low == reads[i].high && reads[i].low >= 0 && reads[i].low < value->shape.dims[i];
        operand->index[i] = reads[i].low;
    }
    return 0;
}

int element_operand(struct element_tracer *tracer, const struct element *element, int input, struct element *operand,
                    bool *one, struct error *error)
{
    return describe_operands(tracer, element->value->producer, error) ||
                   read_operand(tracer, element, input, operand, one, error)
               ? -1
               : 0;
}

/* Whether the node leaves the elements of its data what they are. */
static bool moves_elements(const struct node *node)
{
    static const char *const names[] = {"Identity",         "Reshape",   "Flatten", "Squeeze", "Unsqueeze",
                                        "Dropout",          "Cast",      "Concat",  "Split",   "Slice",
                                        "Gather",           "Transpose", "Expand",  "Tile",    "QuantizeLinear",
                                        "DequantizeLinear", NULL};
    return is_one_of(node, names) &&
           (strcmp(node->op_type, "Cast") != 0 ||
            (element_is_float(node->inputs[0]->dtype) && element_is_float(node->outputs[0]->dtype)));
}

int element_origin(struct element_tracer *tracer, struct element *element, struct error *error)
{
    while (!element->value->constant && moves_elements(element->value->producer)) {
        const struct node *node = element->value->producer;
        int parts = strcmp(node->op_type, "Concat") == 0 ? node->input_count : 1;
        struct element operand;
        bool one = false;
        if (describe_operands(tracer, node, error))
            return -1;
        for (int i = 0; i < parts && !one; i++) {
            if (read_operand(tracer, element, i, &operand, &one, error))
                return -1;
        }
        if (!one)
            return 0;
        *element = operand;
    }
    return 0;
}
