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

bool compute_is_empty(const struct compute_context *context)
{
    bool any = false;
    for (int i = 0; i < context->output_count; i++) {
        const struct tensor *output = context->outputs[i];
        if (output && (output->shape.rank == SHAPE_UNKNOWN_RANK || shape_count(&output->shape) != 0))
            return false;
        any |= output != NULL;
    }
    return any;
}

/* Points the node at the packed form of its weights: the kept one where it is the same. */
static int pack_weights(struct context *context, struct compute_context *compute, struct packed_weights *packed,
                        struct error *error)
{
    const struct operator_definition *definition = compute->node->definition;
    size_t bytes = definition->packed_bytes ? definition->packed_bytes(compute) : 0;
    size_t form = definition->packed_form ? definition->packed_form(compute) : PACKED_OWN;
    if (bytes > 0 && (packed->bytes != bytes || packed->form != form || form == PACKED_OWN)) {
        packed_weights_release(context->memory, packed);
        packed->data = memory_allocate_uninitialised(context->memory, bytes, 1, error);
        if (!packed->data)
            return -1;
        definition->pack(compute, packed->data);
        packed->bytes = bytes;
        packed->form = form;
    }
    compute->packed = bytes > 0 ? packed->data : NULL;
    return 0;
}

void packed_weights_release(struct memory *memory, struct packed_weights *packed)
{
    memory_release(memory, packed->data);
    *packed = (struct packed_weights){0};
}

/* Packs and computes into outputs whose shapes are inferred. */
static int compute_node(struct context *context, struct compute_context *compute, struct packed_weights *packed,
                        struct error *error)
{
    const struct operator_definition *definition = compute->node->definition;
    size_t scratch_bytes = definition->scratch ? definition->scratch(compute) : 0;
    void *scratch = memory_allocate_uninitialised(context->memory, scratch_bytes, 1, error);
    compute->scratch = scratch;
    int result =
        scratch && pack_weights(context, compute, packed, error) == 0 ? definition->compute(compute, error) : -1;
    memory_release(context->memory, scratch);
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

/* What starting a node costs beside its elements, so that many small ones count as well. */
#define OPERATIONS_PER_NODE 1000

/* Elements of four bytes, and the products that take as long as one. */
enum { BYTES_PER_OPERATION = 4, MACS_PER_OPERATION = 8 };

static int64_t add_up(int64_t sum, int64_t more)
{
    return more > INT64_MAX - sum ? INT64_MAX : sum + more;
}

static int64_t operations_of(const struct tensor *tensor)
{
    return tensor->shape.rank == SHAPE_UNKNOWN_RANK ? 0 : (int64_t)(tensor_bytes(tensor) / BYTES_PER_OPERATION);
}

/* About how long an inferred node takes, in elements: of the inputs those that are there, as of a node that asks for an
 * input's shape they are not. */
static int64_t operations(const struct node *node, const struct tensor *const *inputs, struct tensor *outputs)
{
    const struct infer_context context = {.node = node,
                                          .input_count = node->input_count,
                                          .output_count = node->output_count,
                                          .inputs = inputs,
                                          .outputs = outputs};
    int64_t sum = OPERATIONS_PER_NODE;
    for (int i = 0; i < node->input_count; i++)
        sum = add_up(sum, inputs[i] && inputs[i]->data ? operations_of(inputs[i]) : 0);
    for (int i = 0; i < node->output_count; i++)
        sum = add_up(sum, node->outputs[i] ? operations_of(&outputs[i]) : 0);
    sum = add_up(sum, node->definition->macs ? node->definition->macs(&context) / MACS_PER_OPERATION : 0);
    return add_up(sum, node->definition->steps ? node->definition->steps(&context) : 0);
}

static int evaluate(struct context *context, const struct node *node, const struct tensor *const *inputs,
                    bool last_reader, struct packed_weights *packed, struct tensor *outputs, struct error *error)
{
    if (infer_node(node, inputs, outputs, context->memory, error) ||
        (context->work && work_spend(context->work, operations(node, inputs, outputs), error)))
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
                                      .last_reader = last_reader,
                                      .memory = context->memory,
                                      .pool = context->pool,
                                      .kernels = kernels_for(context->cpu),
                                      .direct = context->direct,
                                      .seed = context->seed};
    int result = allocate_outputs(context, node, outputs, pointers, error);
    if (result == 0 && !compute_is_empty(&compute) && (result = compute_node(context, &compute, packed, error)) != 0) {
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

int evaluate_node_packed(struct context *context, const struct node *node, const struct tensor *const *inputs,
                         struct packed_weights *packed, struct tensor *outputs, struct error *error)
{
    return evaluate(context, node, inputs, false, packed, outputs, error);
}

static int evaluate_once(struct context *context, const struct node *node, const struct tensor *const *inputs,
                         bool last_reader, struct tensor *outputs, struct error *error)
{
    struct packed_weights packed = {0};
    int result = evaluate(context, node, inputs, last_reader, &packed, outputs, error);
    packed_weights_release(context->memory, &packed);
    return result;
}

int evaluate_node(struct context *context, const struct node *node, const struct tensor *const *inputs,
                  struct tensor *outputs, struct error *error)
{
    return evaluate_once(context, node, inputs, false, outputs, error);
}

int evaluate_node_last(struct context *context, const struct node *node, const struct tensor *const *inputs,
                       struct tensor *outputs, struct error *error)
{
    return evaluate_once(context, node, inputs, true, outputs, error);
}
