#include "analysis/field_cells.h"

#include "base/number.h"
#include "op/operand.h"

static void hull(struct interval *into, const struct interval *axes, int rank)
{
    for (int i = 0; i < rank; i++) {
        into[i].low = int64_min(axes[i].low, into[i].low);
        into[i].high = int64_max(axes[i].high, into[i].high);
    }
}

void cells_copy_axes(struct interval *into, const struct interval *axes, int rank)
{
    for (int i = 0; i < rank; i++)
        into[i] = axes[i];
}

void cells_include(struct cells *into, const struct cells *more, int rank)
{
    if (!into->local) {
        bool global = into->global;
        *into = *more;
        into->global = global;
        into->local = true;
        return;
    }
    hull(into->axes, more->axes, rank);
    if (into->view && more->view && shape_equal(into->view, more->view))
        hull(into->box, more->box, into->view->rank);
    else
        into->view = NULL;
}

/* ---- through Reshapes and back ---- */

/* The input whose elements the node's output holds, each at its own place of the same shape; NULL: none. */
static const struct value *element_source(const struct node *node)
{
    const unsigned keeps = OPERATOR_POINTWISE | OPERATOR_NORMALIZES;
    if (!node->definition || node->output_count == 0 || !node->outputs[0] || !(node->definition->traits & keeps))
        return NULL;
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (input && !input->constant && shape_equal(&input->shape, &node->outputs[0]->shape))
            return input;
    }
    return NULL;
}

static bool is_view(const struct node *node)
{
    return node->definition && node->definition->traits & OPERATOR_VIEW && node->inputs[0];
}

/* Whether the elements come from a Reshape of a value of this shape, each at its own place. */
static bool returns_to(const struct value *value, const struct shape *shape)
{
    for (const struct node *node = value->producer; node; node = value ? value->producer : NULL) {
        value = is_view(node) ? node->inputs[0] : element_source(node);
        if (is_view(node) && shape_equal(&value->shape, shape))
            return true;
    }
    return false;
}

/* Through Reshape and its like: the box stays what it was, and is the cells again where the shape comes back. */
static void view_back(const struct node *node, const struct cells *from, struct cells *made)
{
    const struct shape *shape = &node->inputs[0]->shape;
    const struct interval *box = from->view ? from->box : from->axes;
    made->view = from->view                                              ? from->view
                 : returns_to(node->inputs[0], &node->outputs[0]->shape) ? &node->outputs[0]->shape
                                                                         : NULL;
    if (!made->view)
        return;
    cells_copy_axes(made->box, box, made->view->rank);
    if (!shape_equal(made->view, shape))
        return;
    cells_copy_axes(made->axes, box, shape->rank);
    made->view = NULL;
}

/* Elements that one element of output 0 reads of input 0. */
static int64_t elements_read(const struct field_context *asked)
{
    const struct interval origin[SHAPE_MAX_RANK] = {{0, 0}};
    struct interval reads[SHAPE_MAX_RANK] = {{0, 0}};
    struct field_context context = *asked;
    int64_t count = 1;
    context.cells = origin;
    context.reads = reads;
    if (context.node->definition->field(&context, NULL))
        return INT64_MAX;
    for (int i = 0; i < context.inputs[0]->shape.rank; i++)
        count *= reads[i].high - reads[i].low + 1;
    return count;
}

/* Through what leaves elements at their places. Rows that are normalised are features where they are rows of the box's
 * shape, too; others lie across its places: statistics. */
static void place_back(struct field_context *context, const struct cells *from, struct cells *made)
{
    const struct node *node = context->node;
    const struct shape *view = from->view;
    const unsigned keeps = OPERATOR_POINTWISE | OPERATOR_NORMALIZES;
    bool normalizes = node->definition->traits & OPERATOR_NORMALIZES;
    if (!view || !(node->definition->traits & keeps) || context->output != 0 || (normalizes && context->input != 0) ||
        !shape_equal(&context->inputs[context->input]->shape, &context->outputs[0].shape))
        return;
    int last = view->rank - 1;
    int64_t row = normalizes ? elements_read(context) : 1;
    made->view = view;
    cells_copy_axes(made->box, from->box, view->rank);
    if (row < 1 || view->dims[last] % row != 0)
        context->global = true;
    else if (row > 1)
        made->box[last] = interval_full(view->dims[last]);
}

/* One edge backward: from an output's cells to those of input `input`. */
int cells_step_back(const struct node *node, const struct operand_slots *slots, int output, int input,
                    const struct cells *from, struct cells *to, struct error *error)
{
    const struct shape *shape = &slots->inputs[input]->shape;
    if (shape->rank == SHAPE_UNKNOWN_RANK || !node->definition || !node->definition->field) {
        to->global = true;
        return 0;
    }
    to->global |= from->global;
    if (!from->local)
        return 0;
    struct cells made = {.local = true};
    struct field_context context = {.node = node,
                                    .inputs = slots->inputs,
                                    .outputs = slots->outputs,
                                    .input = input,
                                    .output = output,
                                    .cells = from->axes,
                                    .reads = made.axes};
    char label[NODE_LABEL_SIZE];
    if (node->definition->field(&context, error))
        return error_prefix(error, "%s", node_label(node, label));
    if (!context.none && is_view(node) && input == 0)
        view_back(node, from, &made);
    else if (!context.none)
        place_back(&context, from, &made);
    to->global |= context.global;
    if (!context.none)
        cells_include(to, &made, shape->rank);
    return 0;
}
