#include "op/evaluate.h"

#include "kernel/kernels.h"
#include "op/infer.h"

int compute_allocate(struct compute_context *context, int index, int rank, const int64_t *dims, struct error *error)
{
    struct tensor *output = context->outputs[index];
    if (shape_set(&output->shape, rank, dims, error))
        return -1;
    return tensor_allocate(context->memory, output, error);
}

/* Packs and computes into outputs whose shapes are inferred. */
static int compute_node(struct context *context, struct compute_context *compute, struct error *error)
{
    const struct operator* operator= compute->node->operator;
    struct memory *memory = context->memory;
    size_t scratch_bytes = operator->scratch ? operator->scratch(compute) : 0;
    size_t packed_bytes = operator->packed ? operator->packed(compute) : 0;
    void *scratch = memory_allocate_uninitialised(memory, scratch_bytes, 1, error);
    void *packed = packed_bytes ? memory_allocate_uninitialised(memory, packed_bytes, 1, error) : NULL;
    int result = scratch && (packed || !packed_bytes) ? 0 : -1;
    if (result == 0) {
        compute->scratch = scratch;
        compute->packed = packed;
        if (packed)
            operator->pack(compute, packed);
        result = operator->compute(compute, error);
    }
    memory_release(memory, scratch);
    memory_release(memory, packed);
    return result;
}

static int allocate_outputs(struct context *context, const struct node *node, struct tensor *outputs,
                            struct tensor **pointers, struct error *error)
{
    for (int i = 0; i < node->output_count; i++) {
        pointers[i] = node->outputs[i] ? &outputs[i] : NULL;
        if (pointers[i] && outputs[i].shape.rank != SHAPE_UNKNOWN_RANK &&
            tensor_allocate(context->memory, &outputs[i], error))
            return -1;
    }
    return 0;
}

int evaluate_node(struct context *context, const struct node *node, const struct tensor *const *inputs,
                  struct tensor *outputs, struct error *error)
{
    if (infer_node(node, inputs, outputs, context->memory, error))
        return -1;
    struct tensor **pointers =
        memory_allocate(context->memory, (size_t)node->output_count + 1, sizeof(struct tensor *), error);
    if (!pointers)
        return -1;
    struct compute_context compute = {.node = node,
                                      .input_count = node->input_count,
                                      .output_count = node->output_count,
                                      .inputs = inputs,
                                      .outputs = pointers,
                                      .memory = context->memory,
                                      .pool = context->pool,
                                      .kernels = kernels_for(context->cpu),
                                      .seed = context->seed};
    int result = allocate_outputs(context, node, outputs, pointers, error);
    if (result == 0 && (result = compute_node(context, &compute, error)) != 0) {
        char label[NODE_LABEL_SIZE];
        error_prefix(error, "%s", node_label(node, label));
    }
    for (int i = 0; i < node->output_count; i++) {
        if (result == 0 && pointers[i])
            dtype_round(outputs[i].dtype, outputs[i].data, (size_t)shape_count(&outputs[i].shape));
        else
            tensor_release(context->memory, &outputs[i]);
    }
    memory_release(context->memory, pointers);
    return result;
}
