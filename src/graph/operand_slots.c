#include "graph/operand_slots.h"

static size_t most_operands(const struct graph *graph)
{
    size_t widest = 1;
    for (const struct node *node = graph->first; node; node = node->next) {
        size_t operands = (size_t)(node->input_count > node->output_count ? node->input_count : node->output_count);
        widest = operands > widest ? operands : widest;
    }
    return widest;
}

int operand_slots_create(struct operand_slots *slots, const struct graph *graph, int64_t constants, struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t widest = most_operands(graph);
    *slots = (struct operand_slots){.memory = memory,
                                    .constants = constants,
                                    .tensors = memory_allocate(memory, widest, sizeof(struct tensor), error),
                                    .inputs = memory_allocate(memory, widest, sizeof(struct tensor *), error),
                                    .outputs = memory_allocate(memory, widest, sizeof(struct tensor), error)};
    return slots->tensors && slots->inputs && slots->outputs ? 0 : -1;
}

void operand_slots_release(struct operand_slots *slots)
{
    memory_release(slots->memory, slots->tensors);
    memory_release(slots->memory, slots->inputs);
    memory_release(slots->memory, slots->outputs);
}

int operand_slots_create_in_arena(struct operand_slots *slots, const struct graph *graph, int64_t constants,
                                  struct error *error)
{
    size_t widest = most_operands(graph);
    *slots = (struct operand_slots){.constants = constants,
                                    .tensors = arena_allocate(graph->arena, widest, sizeof(struct tensor), error),
                                    .inputs = arena_allocate(graph->arena, widest, sizeof(struct tensor *), error),
                                    .outputs = arena_allocate(graph->arena, widest, sizeof(struct tensor), error)};
    return slots->tensors && slots->inputs && slots->outputs ? 0 : -1;
}

int operand_slots_fill(const struct operand_slots *slots, const struct node *node, struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        slots->inputs[i] = NULL;
        if (!value)
            continue;
        slots->tensors[i] = (struct tensor){.dtype = value->dtype, .shape = value->shape};
        slots->inputs[i] = &slots->tensors[i];
        if (value->constant && shape_count(&value->shape) <= slots->constants) {
            const struct tensor *data = constant_data(value->constant, error);
            if (!data)
                return -1;
            slots->tensors[i].data = data->data;
        }
    }
    for (int i = 0; i < node->output_count; i++) {
        const struct value *value = node->outputs[i];
        slots->outputs[i] = value ? (struct tensor){.dtype = value->dtype, .shape = value->shape} : (struct tensor){0};
    }
    return 0;
}
