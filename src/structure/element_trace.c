#include "structure/element_trace.h"

#include "graph/operator.h"

#define SMALL_CONSTANT 65536 /* elements: indices and shapes, not weights */

int element_tracer_create(struct element_tracer *tracer, const struct graph *graph, struct error *error)
{
    return operand_slots_create_in_arena(&tracer->slots, graph, SMALL_CONSTANT, error);
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

/* `tracer->slots` describe the producer. */
static int read_operand(struct element_tracer *tracer, const struct element *element, int input,
                        struct element *operand, bool *one, struct error *error)
{
    const struct node *node = element->value->producer;
    struct value *value = node->inputs[input];
    struct interval cells[SHAPE_MAX_RANK], reads[SHAPE_MAX_RANK] = {{0, 0}};
    struct field_context context = {.node = node,
                                    .inputs = tracer->slots.inputs,
                                    .outputs = tracer->slots.outputs,
                                    .input = input,
                                    .output = element->value->producer_output,
                                    .cells = cells,
                                    .reads = reads};
    *one = false;
    if (!value || value->shape.rank < 0 || !node->definition || !node->definition->field)
        return 0;
    for (int i = 0; i < element->value->shape.rank; i++)
        cells[i] = (struct interval){element->index[i], element->index[i]};
    if (node->definition->field(&context, error))
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
    return operand_slots_fill(&tracer->slots, element->value->producer, error) ||
                   read_operand(tracer, element, input, operand, one, error)
               ? -1
               : 0;
}

/* Whether the node leaves the elements of its data what they are. */
static bool moves_elements(const struct node *node)
{
    if (!node_has(node, OPERATOR_KEEPS))
        return node_has(node, OPERATOR_VIEW | OPERATOR_MOVES | OPERATOR_QUANTIZES);
    enum dtype from = node->inputs[0]->dtype, to = node->outputs[0]->dtype;
    return from == to || (element_is_float(from) && element_is_float(to));
}

int element_origin(struct element_tracer *tracer, struct element *element, struct error *error)
{
    while (!element->value->constant && moves_elements(element->value->producer)) {
        const struct node *node = element->value->producer;
        struct element operand;
        bool one = false;
        if (operand_slots_fill(&tracer->slots, node, error))
            return -1;
        for (int i = 0; i < node->input_count && !one; i++) {
            if (node_role(node, i) == ROLE_DATA && read_operand(tracer, element, i, &operand, &one, error))
                return -1;
        }
        if (!one)
            return 0;
        *element = operand;
    }
    return 0;
}
