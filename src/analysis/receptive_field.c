#include "analysis/receptive_field.h"

#include "analysis/operand_slots.h"
#include "op/operand.h"

/* Intervals collected so far for one value. Reshapes may keep the elements but lose the places: behind [N,C,H,W] ->
 * [N,G,..] a unit is no box any more. Until a Reshape back, the cells are known as a box in the shape that comes
 * behind. */
struct cells {
    bool local, global;
    struct interval axes[SHAPE_MAX_RANK];
    const struct shape *view; /* another shape of the same elements, or NULL */
    struct interval box[SHAPE_MAX_RANK];
};

static void hull(struct interval *into, const struct interval *axes, int rank)
{
    for (int i = 0; i < rank; i++) {
        into[i].low = axes[i].low < into[i].low ? axes[i].low : into[i].low;
        into[i].high = axes[i].high > into[i].high ? axes[i].high : into[i].high;
    }
}

static void copy_axes(struct interval *into, const struct interval *axes, int rank)
{
    for (int i = 0; i < rank; i++)
        into[i] = axes[i];
}

static void include(struct cells *into, const struct cells *more, int rank)
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
    if (!node->operator|| node->output_count == 0 || !node->outputs[0] || !(node->operator->flags & keeps))
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
    return node->operator&& node->operator->flags & OPERATOR_VIEW && node->inputs[0];
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
    copy_axes(made->box, box, made->view->rank);
    if (!shape_equal(made->view, shape))
        return;
    copy_axes(made->axes, box, shape->rank);
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
    if (context.node->operator->field(&context, NULL))
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
    bool normalizes = node->operator->flags & OPERATOR_NORMALIZES;
    if (!view || !(node->operator->flags & keeps) || context->output != 0 || (normalizes && context->input != 0) ||
        !shape_equal(&context->inputs[context->input]->shape, &context->outputs[0].shape))
        return;
    int last = view->rank - 1;
    int64_t row = normalizes ? elements_read(context) : 1;
    made->view = view;
    copy_axes(made->box, from->box, view->rank);
    if (row < 1 || view->dims[last] % row != 0)
        context->global = true;
    else if (row > 1)
        made->box[last] = interval_full(view->dims[last]);
}

/* One edge backward: from an output's cells to those of input `input`. */
static int step_back(const struct node *node, const struct operand_slots *slots, int output, int input,
                     const struct cells *from, struct cells *to, struct error *error)
{
    const struct shape *shape = &slots->inputs[input]->shape;
    if (shape->rank == SHAPE_UNKNOWN_RANK || !node->operator->field) {
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
    if (node->operator->field(&context, error))
        return error_prefix(error, "%s", node_label(node, label));
    if (!context.none && is_view(node) && input == 0)
        view_back(node, from, &made);
    else if (!context.none)
        place_back(&context, from, &made);
    to->global |= context.global;
    if (!context.none)
        include(to, &made, shape->rank);
    return 0;
}

static int back_through(const struct node *node, struct cells *cells, struct operand_slots *slots, struct error *error)
{
    if (operand_slots_fill(slots, node, error))
        return -1;
    for (int output = 0; output < node->output_count; output++) {
        const struct value *made = node->outputs[output];
        if (!made || (!cells[made->id].local && !cells[made->id].global))
            continue;
        for (int input = 0; input < node->input_count; input++) {
            const struct value *value = node->inputs[input];
            if (value && !value->constant && value->graph == node->graph &&
                step_back(node, slots, output, input, &cells[made->id], &cells[value->id], error))
                return -1;
        }
    }
    return 0;
}

static bool is_reached(const struct node *node, const struct cells *cells)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && (cells[node->outputs[i]->id].local || cells[node->outputs[i]->id].global))
            return true;
    }
    return false;
}

/* Where a law tells what cells of the value read of the input, they need not be followed further. */
static void take_shortcut(const struct field_laws *laws, const struct value *value, struct cells *cells)
{
    struct cells *from = &cells[value->id], made = {.local = true}, *to = &cells[laws->input->id];
    const struct shape *shape = &laws->input->shape;
    const struct field_law *law = from->view ? NULL : field_laws_of_box(laws, value, from->local ? from->axes : NULL);
    if (!law || value == laws->input || !(from->local || from->global))
        return;
    to->global |= from->local ? law->global || (from->global && law->local) : law->local || law->global;
    if (from->local && law->local) {
        int spatial = shape_channels_last(shape) ? 1 : 2;
        for (int i = 0; i < shape->rank; i++)
            made.axes[i] = i == 0 ? (struct interval){0, 0} : interval_full(shape->dims[i]);
        for (int i = 0; i < laws->axes; i++)
            made.axes[spatial + i] = field_law_reads(law, i, &from->axes[law->spatial + i]);
        include(to, &made, shape->rank);
    }
    *from = (struct cells){0};
}

static int sweep_back(const struct value *value, struct cells *cells, struct operand_slots *slots,
                      struct field_laws *laws, struct error *error)
{
    for (const struct node *node = value->producer; node; node = node->previous) {
        for (int i = 0; laws && i < node->output_count; i++) {
            if (node->outputs[i])
                take_shortcut(laws, node->outputs[i], cells);
        }
        if (is_reached(node, cells) && back_through(node, cells, slots, error))
            return -1;
        if (laws && --laws->visits < 0)
            return error_set(error, ERROR_LIMIT, "too many nodes to follow");
    }
    return 0;
}

static int find_reads(const struct graph *graph, const struct value *value, const struct interval *cells,
                      const struct value *const *inputs, int count, struct field_laws *laws, struct reads *reads,
                      struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct operand_slots slots;
    struct cells *map = memory_allocate(memory, graph->value_count + 1, sizeof *map, error);
    int result = operand_slots_create(&slots, graph, error) || !map ? -1 : 0;
    if (result == 0) {
        struct cells asked = {.local = true};
        copy_axes(asked.axes, cells, value->shape.rank);
        include(&map[value->id], &asked, value->shape.rank);
        result = sweep_back(value, map, &slots, laws, error);
    }
    for (int k = 0; result == 0 && k < count; k++) {
        const struct cells *found = &map[inputs[k]->id];
        reads[k] = (struct reads){.local = found->local, .global = found->global};
        for (int i = 0; i < SHAPE_MAX_RANK; i++)
            reads[k].axes[i] = found->axes[i];
    }
    memory_release(memory, map);
    operand_slots_release(&slots);
    return result;
}

int receptive_field_reads_of(const struct graph *graph, const struct value *value, const struct interval *cells,
                             const struct value *const *inputs, int count, struct reads *reads, struct error *error)
{
    return find_reads(graph, value, cells, inputs, count, NULL, reads, error);
}

int receptive_field_reads(const struct graph *graph, const struct value *value, const struct interval *cells,
                          const struct value *input, struct reads *reads, struct error *error)
{
    return receptive_field_reads_of(graph, value, cells, &input, 1, reads, error);
}

/* Intervals of one unit: all channels, image 0, cell `unit` of each spatial axis; these start at `spatial`. */
static void unit_cells(const struct value *value, int spatial, const int64_t *unit,
                       struct interval cells[SHAPE_MAX_RANK])
{
    int axes = value->shape.rank - 2;
    for (int i = 0; i < value->shape.rank; i++) {
        int64_t size = value->shape.dims[i];
        cells[i] = i == 0 ? (struct interval){0, 0} : (struct interval){0, size > 0 ? size - 1 : 0};
        if (i >= spatial && i < spatial + axes)
            cells[i] = (struct interval){unit[i - spatial], unit[i - spatial]};
    }
}

/* Reads of the cells whose place along axis 1 is `place`. */
static int reads_along_first(const struct graph *graph, const struct value *value, int64_t place,
                             const struct value *input, struct field_laws *laws, struct reads *reads,
                             struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    for (int i = 0; i < value->shape.rank; i++)
        cells[i] = (struct interval){0, value->shape.dims[i] > 0 ? value->shape.dims[i] - 1 : 0};
    cells[0] = (struct interval){0, 0};
    cells[1] = (struct interval){place, place};
    return find_reads(graph, value, cells, &input, 1, laws, reads, error);
}

static int find_spatial_axis(const struct graph *graph, const struct value *value, const struct value *input,
                             struct field_laws *laws, int *spatial, struct error *error)
{
    const int64_t *dims = value->shape.dims;
    *spatial = 2;
    if (value->shape.rank != 4 || input->shape.rank != 4 || dims[1] < 2)
        return 0;
    struct reads here, beside;
    int height = shape_channels_last(&input->shape) ? 1 : 2;
    if (reads_along_first(graph, value, dims[1] / 2, input, laws, &here, error) ||
        reads_along_first(graph, value, dims[1] / 2 - 1, input, laws, &beside, error))
        return -1;
    /* Channels may be cut from rows of the image, too (focus, patches): then the last axis moves along it as well. */
    if (here.local && beside.local && here.axes[height].low != beside.axes[height].low &&
        here.axes[height + 1].low == beside.axes[height + 1].low)
        *spatial = 1;
    return 0;
}

int receptive_field_spatial_axis(const struct graph *graph, const struct value *value, const struct value *input,
                                 int *spatial, struct error *error)
{
    return find_spatial_axis(graph, value, input, NULL, spatial, error);
}

static double centre_of(const struct interval *interval)
{
    return ((double)interval->low + (double)interval->high) / 2;
}

static int measure(const struct graph *graph, const struct value *value, const struct value *input,
                   const struct three_units *units, struct field_laws *laws, struct receptive_field *field,
                   struct error *error)
{
    struct reads at_middle, at_first, at_beside;
    if (find_reads(graph, value, units->middle, &input, 1, laws, &at_middle, error) ||
        find_reads(graph, value, units->first, &input, 1, laws, &at_first, error) ||
        find_reads(graph, value, units->beside, &input, 1, laws, &at_beside, error))
        return -1;
    field->axes = units->axes;
    field->local = at_middle.local;
    field->global = at_middle.global;
    int spatial = shape_channels_last(&input->shape) ? 1 : 2;
    for (int i = 0; i < units->axes && field->local; i++) {
        const struct interval *here = &at_middle.axes[spatial + i], *start = &at_first.axes[spatial + i],
                              *beside = &at_beside.axes[spatial + i];
        field->size[i] = here->high - here->low + 1;
        field->centre[i] = centre_of(start);
        field->stride[i] = centre_of(here) - centre_of(beside);
        field->varies[i] = start->high - start->low != here->high - here->low ||
                           centre_of(here) - centre_of(start) != field->stride[i] * (double)units->place[i];
    }
    return 0;
}

int receptive_field_measure(const struct graph *graph, const struct value *value, const struct value *input,
                            const struct three_units *units, struct receptive_field *field, struct error *error)
{
    return measure(graph, value, input, units, NULL, field, error);
}

static void field_of_law(const struct field_law *law, const struct value *value, int axes,
                         struct receptive_field *field)
{
    *field = (struct receptive_field){
        .axes = axes, .spatial_axis = law->spatial, .local = law->local, .global = law->global};
    for (int i = 0; i < axes && law->local; i++) {
        const struct interval first = {law->axes[i].low, law->axes[i].high};
        field->size[i] = first.high - first.low + 1;
        field->centre[i] = centre_of(&first);
        field->stride[i] = value->shape.dims[law->spatial + i] > 1 ? (double)law->axes[i].stride : 0;
    }
}

int receptive_field_of_value(const struct graph *graph, const struct value *value, const struct value *input,
                             struct field_laws *laws, struct receptive_field *field, struct error *error)
{
    *field = (struct receptive_field){0};
    int axes = value->shape.rank - 2;
    if (axes < 1 || axes > 2 || input->shape.rank != value->shape.rank)
        return 0;
    const struct field_law *law = laws ? field_laws_of_box(laws, value, NULL) : NULL;
    if (law) {
        field_of_law(law, value, axes, field);
        return 0;
    }
    const int64_t first[2] = {0, 0};
    int64_t beside[2];
    struct three_units units = {.axes = axes};
    if (find_spatial_axis(graph, value, input, laws, &field->spatial_axis, error))
        return -1;
    for (int i = 0; i < axes; i++) {
        int64_t size = value->shape.dims[field->spatial_axis + i];
        if (size < 1)
            return 0;
        units.place[i] = size / 2;
        beside[i] = size / 2 > 0 ? size / 2 - 1 : 0;
    }
    unit_cells(value, field->spatial_axis, units.place, units.middle);
    unit_cells(value, field->spatial_axis, first, units.first);
    unit_cells(value, field->spatial_axis, beside, units.beside);
    return measure(graph, value, input, &units, laws, field, error);
}
