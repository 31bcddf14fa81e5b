/* What is read of a value is a box of its cells: where that is clearly smaller than the value, the nodes in front make
 * no more than the box (one token of the last block, what a unit's field covers of every map). Backwards every value
 * gets the box that its readers want; forwards nodes are replaced by parts that make it. Gradients, appended behind
 * this pass, are confined with them. */
#include "op/confine.h"
#include "base/number.h"
#include "op/emit.h"
#include "op/known.h"
#include "pass/passes.h"

/* A box of so many percent of the cells, or more, is not worth its slices. */
#define WORTH_PERCENT 80

struct box {
    bool wanted;
    struct interval cells[SHAPE_MAX_RANK];
};

struct confinement {
    struct graph *graph;
    size_t value_count;    /* in front of the pass */
    struct box *boxes;     /* by value id */
    struct value **values; /* by value id: what holds the box; NULL: the value itself, all of it */
    struct interval (*reads)[SHAPE_MAX_RANK];
    bool found; /* a box is smaller than its value */
};

/* ---- boxes ---- */

static int64_t box_count(const struct interval *cells, int rank)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= cells[i].high - cells[i].low + 1;
    return count;
}

static bool is_smaller(const struct value *value, const struct interval *cells)
{
    return box_count(cells, value->shape.rank) < shape_count(&value->shape);
}

static void want(struct box *box, const struct value *value, const struct interval *cells)
{
    for (int i = 0; i < value->shape.rank; i++) {
        struct interval *own = &box->cells[i];
        own->low = box->wanted ? int64_min(own->low, cells[i].low) : cells[i].low;
        own->high = box->wanted ? int64_max(own->high, cells[i].high) : cells[i].high;
    }
    box->wanted = true;
}

/* Asks the rule for the reads of `cells`, which it may widen. */
static int ask(struct confinement *confinement, const struct node *node, struct interval *cells, bool *moves,
               struct error *error)
{
    char label[NODE_LABEL_SIZE];
    return confine_ask(node, cells, confinement->reads, moves, error)
               ? error_prefix(error, "%s", node_label(node, label))
               : 0;
}

static int want_inputs(struct confinement *confinement, const struct node *node, struct error *error)
{
    struct box *own = node->output_count > 0 && node->outputs[0] ? &confinement->boxes[node->outputs[0]->id] : NULL;
    bool confinable = own && confine_rule(node), moves;
    if (confinable && !own->wanted)
        interval_fill(&node->outputs[0]->shape, own->cells);
    if (confinable && box_count(own->cells, node->outputs[0]->shape.rank) * 100 >=
                          shape_count(&node->outputs[0]->shape) * WORTH_PERCENT)
        interval_fill(&node->outputs[0]->shape, own->cells);
    if (confinable && ask(confinement, node, own->cells, &moves, error))
        return -1;
    for (int i = 0; i < node->output_count && !confinable; i++) {
        if (node->outputs[i] && confine_is_plain(node->outputs[i]))
            interval_fill(&node->outputs[i]->shape, confinement->boxes[node->outputs[i]->id].cells);
    }
    confinement->found |= confinable && is_smaller(node->outputs[0], own->cells);
    for (int i = 0; i < node->input_count; i++) {
        struct value *value = node->inputs[i];
        struct interval all[SHAPE_MAX_RANK];
        if (!confine_is_plain(value) || value->graph != node->graph)
            continue;
        interval_fill(&value->shape, all);
        want(&confinement->boxes[value->id], value, confinable ? confinement->reads[i] : all);
    }
    return 0;
}

static int find_boxes(struct confinement *confinement, struct error *error)
{
    const struct graph *graph = confinement->graph;
    for (int i = 0; i < graph->output_count; i++) {
        struct interval all[SHAPE_MAX_RANK];
        if (!confine_is_plain(graph->outputs[i]))
            continue;
        interval_fill(&graph->outputs[i]->shape, all);
        want(&confinement->boxes[graph->outputs[i]->id], graph->outputs[i], all);
    }
    for (const struct node *node = graph->last; node; node = node->previous) {
        if (want_inputs(confinement, node, error))
            return -1;
    }
    return 0;
}

/* ---- parts ---- */

static bool is_held_whole(const struct confinement *confinement, const struct value *value)
{
    return (size_t)value->id >= confinement->value_count || !confinement->values[value->id];
}

/* The cells `reads` of a value, of which the box or all is there. */
static struct value *take(const struct confinement *confinement, struct value *value, const struct interval *reads,
                          struct error *error)
{
    bool held = is_held_whole(confinement, value);
    struct graph *graph = confinement->graph;
    struct value *from = held ? value : confinement->values[value->id];
    const struct interval *cells = confinement->boxes[value->id].cells;
    int64_t axes[SHAPE_MAX_RANK], begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK];
    int count = 0;
    for (int axis = 0; axis < value->shape.rank; axis++) {
        int64_t first = held ? 0 : cells[axis].low, size = reads[axis].high - reads[axis].low + 1;
        axes[count] = axis;
        begin[count] = reads[axis].low - first;
        end[count] = begin[count] + size;
        count += size != from->shape.dims[axis];
    }
    if (count == 0)
        return from;
    struct node *tail = graph->last;
    struct value *lists[3] = {emit_int_list(graph, begin, count, error), emit_int_list(graph, end, count, error),
                              emit_int_list(graph, axes, count, error)};
    struct value *taken =
        lists[0] && lists[1] && lists[2]
            ? emit(graph, "Slice", EMIT_INPUTS(from, lists[0], lists[1], lists[2]), EMIT_NO_ATTRIBUTES, error)
            : NULL;
    return taken && pass_fold_new(graph, tail, error) == 0 ? taken : NULL;
}

static int copy_operator(const struct node *node, struct node *part, struct error *error)
{
    part->opset = node->opset;
    for (int i = 0; i < node->attribute_count; i++) {
        if (node_copy_attribute(part, &node->attributes[i], node->attributes[i].name, error))
            return -1;
    }
    return node_set_operator(part, node->definition, error);
}

static bool has_cells(const struct value *value, const struct interval *cells, int rank)
{
    bool same = value->shape.rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = value->shape.dims[i] == cells[i].high - cells[i].low + 1;
    return same;
}

static struct value *make_part(const struct confinement *confinement, const struct node *node, struct interval *cells,
                               struct error *error)
{
    struct graph *graph = confinement->graph;
    struct node *part = graph_add_node(graph, node->domain, node->op_type, node->name, node->input_count, 1, error);
    struct value *output = part ? graph_add_value(graph, NULL, error) : NULL;
    struct confine_context context = {.node = node, .cells = cells, .reads = confinement->reads, .part = part};
    char label[NODE_LABEL_SIZE];
    if (!output || node_set_output(part, 0, output, error) || copy_operator(node, part, error))
        return NULL;
    for (int i = 0; i < node->input_count; i++) {
        struct value *input = node->inputs[i] ? take(confinement, node->inputs[i], confinement->reads[i], error) : NULL;
        if (node->inputs[i] && (!input || node_set_input(part, i, input, error)))
            return NULL;
    }
    graph_move_node(graph, part, NULL);
    if (confine_rule(node)(&context, error) || infer_values(part, error))
        return NULL;
    if (has_cells(output, cells, node->outputs[0]->shape.rank))
        return output;
    error_set(error, ERROR_INTERNAL, "%s: its part makes other cells", node_label(node, label));
    return NULL;
}

/* The elements that input 0 reads, in the shape of the cells. */
static struct value *make_moved(const struct confinement *confinement, const struct node *node,
                                const struct interval *cells, struct error *error)
{
    int64_t dims[SHAPE_MAX_RANK];
    int rank = node->outputs[0]->shape.rank;
    struct value *taken = take(confinement, node->inputs[0], confinement->reads[0], error);
    for (int i = 0; i < rank; i++)
        dims[i] = cells[i].high - cells[i].low + 1;
    return !taken || has_cells(taken, cells, rank) ? taken : emit_reshape(confinement->graph, taken, rank, dims, error);
}

/* Nodes behind `tail` stand for `node`, in front of it. */
static void move_parts(struct graph *graph, struct node *tail, struct node *node)
{
    for (struct node *part = tail->next, *next; part; part = next) {
        next = part->next;
        part->origin = node->origin;
        if (!part->name[0])
            part->name = node->name;
        graph_move_node(graph, part, node);
    }
}

static int replace(struct confinement *confinement, struct node *node, struct error *error)
{
    struct graph *graph = confinement->graph;
    struct value *output = node->outputs[0];
    struct interval *cells = confinement->boxes[output->id].cells;
    struct node *tail = graph->last;
    bool moves;
    if (ask(confinement, node, cells, &moves, error))
        return -1;
    struct value *made =
        moves ? make_moved(confinement, node, cells, error) : make_part(confinement, node, cells, error);
    bool smaller = is_smaller(output, cells);
    /* A result that is whole keeps its value, by which others know it. */
    if (made && !smaller && (graph->last == tail || made->producer != graph->last))
        made = emit(graph, "Identity", EMIT_INPUTS(made), EMIT_NO_ATTRIBUTES, error);
    if (!made)
        return -1;
    move_parts(graph, tail, node);
    if (smaller) {
        confinement->values[output->id] = made;
        return 0;
    }
    struct node *producer = made->producer;
    graph_remove_node(graph, node);
    return node_set_output(producer, 0, output, error);
}

/* Whether the node makes less, or one of its inputs is not there as a whole. */
static bool is_touched(const struct confinement *confinement, const struct node *node)
{
    if (!confine_rule(node))
        return false;
    bool touched = is_smaller(node->outputs[0], confinement->boxes[node->outputs[0]->id].cells);
    for (int i = 0; i < node->input_count; i++)
        touched |= node->inputs[i] && !is_held_whole(confinement, node->inputs[i]);
    return touched;
}

static int make_parts(struct confinement *confinement, struct error *error)
{
    struct node *last = confinement->graph->last;
    for (struct node *node = confinement->graph->first, *next; node; node = next) {
        next = node == last ? NULL : node->next;
        if (is_touched(confinement, node) && replace(confinement, node, error))
            return -1;
    }
    return pass_prune(confinement->graph, error);
}

/* ---- the pass ---- */

static int most_inputs(const struct graph *graph)
{
    int most = 1;
    for (const struct node *node = graph->first; node; node = node->next)
        most = node->input_count > most ? node->input_count : most;
    return most;
}

int pass_confine(struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t count = graph->value_count + 1, inputs = (size_t)most_inputs(graph);
    struct confinement confinement = {.graph = graph, .value_count = graph->value_count};
    confinement.boxes = memory_allocate(memory, count, sizeof *confinement.boxes, error);
    confinement.values = memory_allocate(memory, count, sizeof(struct value *), error);
    confinement.reads = memory_allocate(memory, inputs, sizeof *confinement.reads, error);
    int result = -1;
    if (confinement.boxes && confinement.values && confinement.reads)
        result = find_boxes(&confinement, error);
    if (result == 0 && confinement.found)
        result = make_parts(&confinement, error);
    memory_release(memory, confinement.boxes);
    memory_release(memory, confinement.values);
    memory_release(memory, confinement.reads);
    return result;
}
