#include "analysis/field_sweep.h"

#include "op/operand.h"

/* Nodes between two boxes that a sweep keeps: what a later one passes more, for memory. */
#define STRIDE 4

int field_sweep_create(struct field_sweep *sweep, const struct graph *graph, const struct value *input,
                       struct error *error)
{
    struct memory *memory = graph->context->memory;
    *sweep = (struct field_sweep){
        .memory = memory, .graph = graph, .input = input, .met.memory = memory, .visits = FIELD_MOST_VISITS};
    sweep->cells = memory_allocate(memory, graph->value_count + 1, sizeof *sweep->cells, error);
    sweep->touched = memory_allocate(memory, graph->value_count + 1, sizeof(struct value *), error);
    return !sweep->cells || !sweep->touched || operand_slots_create(&sweep->slots, graph, OPERAND_SLOTS_SMALL, error)
               ? -1
               : 0;
}

int field_sweep_create_lawful(struct field_sweep *sweep, const struct graph *graph, const struct value *input,
                              struct error *error)
{
    return field_sweep_create(sweep, graph, input, error) || field_laws_create(&sweep->laws, graph, input, error) ? -1
                                                                                                                  : 0;
}

void field_sweep_release(struct field_sweep *sweep)
{
    memory_release(sweep->memory, sweep->cells);
    memory_release(sweep->memory, sweep->touched);
    operand_slots_release(&sweep->slots);
    field_memory_release(&sweep->met);
    field_laws_release(&sweep->laws);
}

static bool is_touched(const struct cells *cells)
{
    return cells->local || cells->global;
}

/* Whether cells of the value are to be followed further. */
static bool has_way(const struct field_sweep *sweep, const struct value *value)
{
    return value->producer && value != sweep->input;
}

static void note_touched(struct field_sweep *sweep, const struct value *value)
{
    sweep->touched[sweep->touched_count++] = value;
    if (has_way(sweep, value))
        sweep->pending++;
}

static void forget_cells(struct field_sweep *sweep)
{
    for (size_t i = 0; i < sweep->touched_count; i++)
        sweep->cells[sweep->touched[i]->id] = (struct cells){0};
    sweep->touched_count = sweep->pending = 0;
}

static int step_back(struct field_sweep *sweep, const struct node *node, int output, int input, struct error *error)
{
    const struct value *value = node->inputs[input];
    struct cells *to = &sweep->cells[value->id];
    bool touched = is_touched(to);
    if (cells_step_back(node, &sweep->slots, output, input, &sweep->cells[node->outputs[output]->id], to, error))
        return -1;
    if (!touched && is_touched(to))
        note_touched(sweep, value);
    return 0;
}

static int back_through(struct field_sweep *sweep, const struct node *node, struct error *error)
{
    if (operand_slots_fill(&sweep->slots, node, error))
        return -1;
    for (int output = 0; output < node->output_count; output++) {
        const struct value *made = node->outputs[output];
        if (!made || !is_touched(&sweep->cells[made->id]) || !has_way(sweep, made))
            continue;
        for (int input = 0; input < node->input_count; input++) {
            const struct value *value = node->inputs[input];
            if (value && (!value->constant || value == sweep->input) && value->graph == node->graph &&
                step_back(sweep, node, output, input, error))
                return -1;
        }
        sweep->pending--;
    }
    return 0;
}

/* ---- shorter ways ---- */

static void join_reads(struct field_sweep *sweep, const struct reads *reads)
{
    struct cells *to = &sweep->cells[sweep->input->id];
    bool touched = is_touched(to);
    to->global |= reads->global;
    if (reads->local) {
        struct cells made = {.local = true};
        cells_copy_axes(made.axes, reads->axes, SHAPE_MAX_RANK);
        cells_include(to, &made, sweep->input->shape.rank);
    }
    if (!touched && is_touched(to))
        note_touched(sweep, sweep->input);
}

/* What the law of a value tells of cells of it. */
static bool law_reads(const struct field_laws *laws, const struct value *value, const struct cells *cells,
                      struct reads *reads)
{
    const struct field_law *law =
        cells->view ? NULL : field_laws_of_box(laws, value, cells->local ? cells->axes : NULL);
    if (!law)
        return false;
    *reads = (struct reads){.local = cells->local && law->local,
                            .global = cells->local ? law->global || (cells->global && law->local)
                                                   : law->local || law->global};
    if (!reads->local)
        return true;
    const struct shape *shape = &laws->input->shape;
    int spatial = shape_channels_last(shape) ? 1 : 2;
    for (int i = 0; i < shape->rank; i++)
        reads->axes[i] = i == 0 ? (struct interval){0, 0} : interval_full(shape->dims[i]);
    for (int i = 0; i < laws->axes; i++)
        reads->axes[spatial + i] = field_law_reads(law, i, &cells->axes[law->spatial + i]);
    return true;
}

/* Where it is known what the cells of a value read they need not be followed further; else they are kept from time to
 * time where there are no others. */
static int shorten(struct field_sweep *sweep, const struct value *value, int *steps, struct error *error)
{
    struct cells *cells = &sweep->cells[value->id];
    const struct reads *met = NULL;
    struct reads reads;
    if (law_reads(&sweep->laws, value, cells, &reads))
        met = &reads;
    else if (sweep->pending == 1)
        met = field_memory_find(&sweep->met, value, cells);
    if (met) {
        join_reads(sweep, met);
        *cells = (struct cells){0};
        sweep->pending--;
        return 0;
    }
    if (sweep->pending > 1 || *steps < STRIDE || is_touched(&sweep->cells[sweep->input->id]))
        return 0;
    *steps = 0;
    return field_memory_meet(&sweep->met, value, cells, error);
}

/* ---- sweeps ---- */

static bool is_reached(const struct field_sweep *sweep, const struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        const struct value *value = node->outputs[i];
        if (value && is_touched(&sweep->cells[value->id]) && has_way(sweep, value))
            return true;
    }
    return false;
}

static int sweep_back(struct field_sweep *sweep, const struct value *value, bool shortened, struct error *error)
{
    int steps = 0;
    for (const struct node *node = value->producer; node && sweep->pending > 0; node = node->previous) {
        if (--sweep->visits < 0)
            return error_set(error, ERROR_LIMIT, "too many nodes to follow");
        for (int i = 0; shortened && i < node->output_count; i++) {
            const struct value *made = node->outputs[i];
            if (made && is_touched(&sweep->cells[made->id]) && has_way(sweep, made) &&
                shorten(sweep, made, &steps, error))
                return -1;
        }
        if (!is_reached(sweep, node))
            continue;
        steps++;
        if (back_through(sweep, node, error))
            return -1;
    }
    return 0;
}

static void start(struct field_sweep *sweep, const struct value *value, const struct interval *cells)
{
    struct cells asked = {.local = true};
    cells_copy_axes(asked.axes, cells, value->shape.rank);
    sweep->cells[value->id] = asked;
    note_touched(sweep, value);
}

static struct reads reads_of(const struct field_sweep *sweep, const struct value *input)
{
    const struct cells *found = &sweep->cells[input->id];
    struct reads reads = {.local = found->local, .global = found->global};
    cells_copy_axes(reads.axes, found->axes, SHAPE_MAX_RANK);
    return reads;
}

int field_sweep_reads(struct field_sweep *sweep, const struct value *value, const struct interval *cells,
                      struct reads *reads, struct error *error)
{
    start(sweep, value, cells);
    int result = sweep_back(sweep, value, true, error);
    if (result == 0)
        *reads = reads_of(sweep, sweep->input);
    if (field_memory_finish(&sweep->met, result == 0 ? reads : NULL, error))
        result = -1;
    forget_cells(sweep);
    return result;
}

int field_sweep_reads_of(struct field_sweep *sweep, const struct value *value, const struct interval *cells,
                         const struct value *const *inputs, int count, struct reads *reads, struct error *error)
{
    start(sweep, value, cells);
    int result = sweep_back(sweep, value, false, error);
    for (int k = 0; result == 0 && k < count; k++)
        reads[k] = reads_of(sweep, inputs[k]);
    forget_cells(sweep);
    return result;
}
