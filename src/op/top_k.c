/* TopK: the largest or smallest elements along an axis, and where they stand. */
#include "base/number.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/ordered_key.h"
#include "op/strided.h"

struct top_k_settings {
    int64_t axis, k;
    bool largest;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct top_k_settings, axis, -1)},
    {INT_ATTRIBUTE(struct top_k_settings, k, -1), .until = 9, .required = true},
    {FLAG_ATTRIBUTE(struct top_k_settings, largest, true), .since = 11},
    {IGNORED_ATTRIBUTE("sorted"), .since = 11}, /* they always are */
    {0},
};

static int top_k_axis(const struct node *node, int rank, int *axis, struct error *error)
{
    const struct top_k_settings *settings = node->settings;
    return shape_axis(settings->axis, rank, axis, error);
}

static int infer_top_k(struct infer_context *context, struct error *error)
{
    const struct top_k_settings *settings = context->node->settings;
    struct operands operands = OPERANDS(context);
    const struct tensor *input = context->inputs[0];
    struct shape shape = input->shape;
    int64_t k = settings->k;
    bool known = operand_known(&operands, 1);
    int axis;
    if (top_k_axis(context->node, shape.rank, &axis, error) ||
        (known && infer_has(context, 1) && operand_read_int(&operands, 1, &k, error)))
        return -1;
    if (known && (k < 0 || k > shape.dims[axis]))
        return error_set(error, ERROR_INPUT, "k is %lld, the axis has %lld elements", (long long)k,
                         (long long)shape.dims[axis]);
    shape.dims[axis] = k;
    int rank = known ? shape.rank : SHAPE_UNKNOWN_RANK;
    return infer_output(context, 0, input->dtype, rank, shape.dims, error) ||
                   infer_output(context, 1, DTYPE_INT64, rank, shape.dims, error)
               ? -1
               : 0;
}

struct candidate {
    uint64_t key;
    int64_t index;
};

/* Whether a comes behind b: a smaller key or, among equal ones, a later place. */
static bool behind(const struct candidate *a, const struct candidate *b)
{
    return a->key != b->key ? a->key < b->key : a->index > b->index;
}

/* Restores the heap whose root is its hindmost entry, after entry `at` has changed. */
static void sift_down(struct candidate *heap, int64_t count, int64_t at)
{
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && behind(&heap[child + 1], &heap[child]))
            child++;
        if (!behind(&heap[child], &heap[at]))
            return;
        struct candidate moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* The first k of the line x[offset + i * stride] in order. */
static void select_line(struct candidate *heap, int64_t k, const struct tensor *x, int64_t offset, int64_t stride,
                        int64_t size, bool largest)
{
    for (int64_t i = 0; i < size; i++) {
        uint64_t key = ordered_key(x, offset + i * stride);
        struct candidate candidate = {largest ? key : ~key, i};
        if (i < k) {
            heap[i] = candidate;
            for (int64_t root = k / 2; i == k - 1 && root >= 0; root--)
                sift_down(heap, k, root);
        } else if (k > 0 && behind(&heap[0], &candidate)) {
            heap[0] = candidate;
            sift_down(heap, k, 0);
        }
    }
    for (int64_t left = k - 1; left > 0; left--) {
        struct candidate last = heap[0];
        heap[0] = heap[left];
        heap[left] = last;
        sift_down(heap, left, 0);
    }
}

static size_t scratch_top_k(const struct compute_context *context)
{
    int64_t size = 0;
    for (int i = 0; i < context->inputs[0]->shape.rank; i++)
        size = int64_max(context->inputs[0]->shape.dims[i], size);
    return (size_t)size * sizeof(struct candidate);
}

static int compute_top_k(struct compute_context *context, struct error *error)
{
    const struct tensor *from = context->inputs[0];
    struct tensor *values = context->outputs[0];
    int64_t *indices = operand_result(context, 1);
    struct candidate *heap = context->scratch;
    const struct shape *shape = &from->shape;
    bool largest = ((const struct top_k_settings *)context->node->settings)->largest;
    int axis;
    if (top_k_axis(context->node, shape->rank, &axis, error))
        return -1;
    const struct tensor *any = values ? values : context->outputs[1];
    int64_t size = shape->dims[axis], k = any->shape.dims[axis];
    int64_t inner = shape_product(shape, axis + 1, shape->rank), lines = shape_product(shape, 0, axis) * inner;
    size_t bytes = element_size(from);
    for (int64_t line = 0; line < lines; line++) {
        int64_t offset = line / inner * size * inner + line % inner;
        select_line(heap, k, from, offset, inner, size, largest);
        for (int64_t i = 0; i < k; i++) {
            int64_t to = (line / inner * k + i) * inner + line % inner;
            if (values)
                move_element((char *)values->data + (size_t)to * bytes,
                             (const char *)from->data + (size_t)(offset + heap[i].index * inner) * bytes, bytes);
            if (indices)
                indices[to] = heap[i].index;
        }
    }
    return 0;
}

static int gradient_top_k(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct top_k_settings *settings = node->settings;
    const struct value *data = node->inputs[0];
    if (!context->wanted[0] || !context->output_gradients[0])
        return 0;
    struct value *indices =
        operand_output(node, 1) ? node->outputs[1] : operand_add_output(context->graph, node, 1, error);
    enum dtype dtype = context->output_gradients[0]->dtype;
    struct value *zeros = indices ? emit_zeros(context->graph, dtype, &data->shape, error) : NULL;
    if (!zeros)
        return -1;
    context->input_gradients[0] =
        emit(context->graph, "ScatterElements", EMIT_INPUTS(zeros, indices, context->output_gradients[0]),
             EMIT_ATTRIBUTES(EMIT_INT("axis", settings->axis)), error);
    return context->input_gradients[0] ? 0 : -1;
}

#define TOP_K(since_, until_, inputs_)                                                                                 \
    {                                                                                                                  \
        .domain = "", .name = "TopK", .since = since_, .until = until_, ARITY(inputs_, inputs_, 1, 2),                 \
        .types = TYPES_NUMBER, .traits = OPERATOR_SELECTS, .roles = {ROLE_DATA, ROLE_SHAPE},                           \
        SETTINGS(struct top_k_settings, attributes), .infer = infer_top_k, .compute = compute_top_k,                   \
        .gradient = gradient_top_k, .scratch = scratch_top_k                                                           \
    }

const struct operator_definition operators_top_k[] = {
    TOP_K(1, 9, 1),
    TOP_K(10, 0, 2),
    {0},
};
