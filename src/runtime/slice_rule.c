#include "runtime/slice_rule.h"

#include "op/confine.h"
#include "op/infer.h"

/* What every input is read of, for the result's first slice and its last. */
struct slice_reads {
    struct interval first[SLICE_MOST_INPUTS][SHAPE_MAX_RANK], last[SLICE_MOST_INPUTS][SHAPE_MAX_RANK];
};

struct shape slice_shape(const struct value *value, int64_t parts)
{
    struct shape shape = value->shape;
    shape.dims[0] /= parts;
    return shape;
}

static bool divides(const struct value *value, int64_t slices)
{
    return confine_is_plain(value) && value->shape.rank > 0 && value->shape.dims[0] % slices == 0;
}

/* Rows [low, high] of slice `index`. */
static struct interval rows_of(const struct value *value, int64_t slices, int64_t index)
{
    int64_t rows = value->shape.dims[0] / slices;
    return (struct interval){index * rows, (index + 1) * rows - 1};
}

static bool is_same(struct interval a, struct interval b)
{
    return a.low == b.low && a.high == b.high;
}

/* Asks for what slice `index` reads; false: the node does not make it alone. */
static bool ask(const struct node *node, int64_t slices, int64_t index, struct interval (*reads)[SHAPE_MAX_RANK])
{
    const struct value *output = node->outputs[0];
    struct interval cells[SHAPE_MAX_RANK];
    struct error ignored = ERROR_INITIALISER;
    interval_fill(&output->shape, cells);
    cells[0] = rows_of(output, slices, index);
    return confine_ask(node, cells, reads, NULL, &ignored) == 0 && is_same(cells[0], rows_of(output, slices, index));
}

/* Whether the reads say that input `input` is cut, or that every slice reads the same of it. */
static bool read_input(const struct node *node, int64_t slices, int input, const struct slice_reads *reads,
                       uint64_t *cut)
{
    const struct value *value = node->inputs[input];
    const struct interval *first = reads->first[input], *last = reads->last[input];
    for (int i = 1; value && i < value->shape.rank; i++) {
        if (!is_same(first[i], last[i]))
            return false;
    }
    if (!value || value->shape.rank == 0 || is_same(first[0], last[0]))
        return true;
    if (!divides(value, slices) || !is_same(first[0], rows_of(value, slices, 0)) ||
        !is_same(last[0], rows_of(value, slices, slices - 1)))
        return false;
    *cut |= UINT64_C(1) << input;
    return true;
}

/* Whether the node's attributes and constants, made for all slices, give a slice its shape. */
static bool infers_slice(const struct node *node, int64_t slices, uint64_t cut)
{
    struct tensor tensors[SLICE_MOST_INPUTS], output = {0};
    const struct tensor *inputs[SLICE_MOST_INPUTS];
    struct error ignored = ERROR_INITIALISER;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        inputs[i] = value ? &tensors[i] : NULL;
        if (value && infer_tensor(value, &tensors[i], &ignored))
            return false;
        if (cut >> i & 1)
            tensors[i].shape = slice_shape(value, slices);
    }
    const struct shape expected = slice_shape(node->outputs[0], slices);
    return infer_node(node, inputs, &output, node->graph->context->memory, &ignored) == 0 &&
           output.dtype == node->outputs[0]->dtype && shape_equal(&output.shape, &expected);
}

bool slice_rule(const struct node *node, int64_t slices, uint64_t *cut)
{
    struct slice_reads reads;
    *cut = 0;
    if (node->output_count != 1 || node->input_count < 1 || node->input_count > SLICE_MOST_INPUTS ||
        !divides(node->outputs[0], slices) || !confine_rule(node))
        return false;
    if (node_has(node, OPERATOR_VIEW)) { /* elements stay in their order */
        *cut = 1;
        return divides(node->inputs[0], slices);
    }
    if (!ask(node, slices, 0, reads.first) || !ask(node, slices, slices - 1, reads.last))
        return false;
    for (int i = 0; i < node->input_count; i++) {
        if (!read_input(node, slices, i, &reads, cut))
            return false;
    }
    return *cut && infers_slice(node, slices, *cut);
}
