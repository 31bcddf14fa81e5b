#include "structure/image_input.h"

#define MOST_STEPS 16 /* from the input to the first float tensor of four axes */
#define MOST_VISITS 10000

static bool is_channel_count(int64_t size)
{
    return size == 1 || size == 3;
}

bool image_input_type(const struct value *input)
{
    enum dtype storage = dtype_storage(input->dtype);
    return !input->constant && (storage == DTYPE_FLOAT || storage == DTYPE_DOUBLE || storage == DTYPE_UINT8);
}

bool image_input_lacks_batch(const struct value *input)
{
    int64_t dims[3];
    int rank = input->shape.rank >= 0 ? input->shape.rank : input->declared_rank;
    enum dtype storage = dtype_storage(input->dtype);
    if (input->constant || rank != 3 || (storage != DTYPE_FLOAT && storage != DTYPE_UINT8))
        return false;
    for (int i = 0; i < 3; i++)
        dims[i] = input->shape.rank >= 0 ? input->shape.dims[i] : input->declared[i].size;
    return is_channel_count(dims[0]) || is_channel_count(dims[2]);
}

/* An input of bytes, or one without a batch, is followed to the first float tensor of four axes made of it. */
static struct value *first_picture(struct value *value, int steps, int *visits)
{
    if (value->shape.rank == 4 && dtype_storage(value->dtype) == DTYPE_FLOAT)
        return value;
    for (size_t i = 0; i < value->use_count && steps > 0 && ++*visits < MOST_VISITS; i++) {
        struct node *node = value->uses[i].node;
        struct value *output = node->output_count > 0 ? node->outputs[0] : NULL;
        bool goes_on = output && (output->shape.rank == 4 || (output->shape.rank == 3 && value->shape.rank == 3));
        struct value *found = goes_on ? first_picture(output, steps - 1, visits) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

struct value *image_input(const struct graph *graph, int *index)
{
    for (int with_batch = 1; with_batch >= 0; with_batch--) {
        for (*index = 0; *index < graph->input_count; ++*index) {
            struct value *input = graph->inputs[*index];
            if (with_batch ? image_input_type(input) && input->shape.rank == 4 : image_input_lacks_batch(input))
                return first_picture(input, MOST_STEPS, &(int){0});
        }
    }
    return NULL;
}
