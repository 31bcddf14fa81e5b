#include "structure/image_input.h"

/* An input of bytes is followed to the first float tensor made of it. */
static struct value *first_float(struct value *input)
{
    if (dtype_storage(input->dtype) == DTYPE_FLOAT)
        return input;
    for (size_t i = 0; i < input->use_count; i++) {
        struct node *node = input->uses[i].node;
        struct value *output = node->output_count > 0 ? node->outputs[0] : NULL;
        struct value *found = output && output->shape.rank == 4 ? first_float(output) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

struct value *image_input(const struct graph *graph, int *index)
{
    for (*index = 0; *index < graph->input_count; ++*index) {
        struct value *input = graph->inputs[*index];
        if (!input->constant && input->shape.rank == 4)
            return first_float(input);
    }
    return NULL;
}
