/* Node by node as the pipeline goes: operands, types, shapes, and what is worth knowing where these are known. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/check_rules.h"
#include "op/infer.h"
#include "op/remark.h"
#include "op/resize.h"
#include "op/signature.h"
#include "pass/foreign.h"
#include "pass/passes.h"

#define MOST_RESULTS 16 /* of a node that are held against the file */
#define MOST_REMARKS 16 /* of different texts */
#define HALF_LARGEST 65504.0
#define HALF_SMALLEST 0x1p-25 /* what is not above it rounds to 0 */

/* A walk over the execution graph. */
struct walk {
    struct check *check;
    struct graph *graph;
    struct remark_count {
        struct operator_remark remark;
        char first[NODE_LABEL_SIZE];
        int nodes;
    } remarks[MOST_REMARKS];
    int remark_count;
    struct misfit { /* values of which the file says another thing than is computed */
        int count;
        const char *first;
        char text[160];
    } types, shapes;
};

static void count_remark(struct walk *walk, const struct node *node, const struct operator_remark *remark, int nodes)
{
    for (int i = 0; i < walk->remark_count; i++) {
        if (strcmp(walk->remarks[i].remark.text, remark->text) == 0) {
            walk->remarks[i].nodes += nodes;
            return;
        }
    }
    if (walk->remark_count == MOST_REMARKS)
        return;
    struct remark_count *count = &walk->remarks[walk->remark_count++];
    *count = (struct remark_count){.remark = *remark, .nodes = nodes};
    node_label(node, count->first);
}

static void look_for_remarks(struct walk *walk, const struct node *node)
{
    struct operator_remark remark;
    const struct graph *inner;
    if (node_remark(node, &remark))
        count_remark(walk, node, &remark, 1);
    for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
        int nodes = 0;
        const struct node *inside = graph_unsteady(inner, &remark, &nodes);
        if (inside)
            count_remark(walk, inside, &remark, nodes);
    }
}

static int tell_remarks(const struct walk *walk, struct error *error)
{
    for (int i = 0; i < walk->remark_count; i++) {
        const struct remark_count *count = &walk->remarks[i];
        enum finding_code code = count->remark.unsteady ? FINDING_UNSTEADY : FINDING_RUNTIMES_DIFFER;
        if (count->nodes > 1 ? check_tell(walk->check, code, error, "%s and %d more nodes: %s", count->first,
                                          count->nodes - 1, count->remark.text)
                             : check_tell(walk->check, code, error, "%s %s", count->first, count->remark.text))
            return -1;
    }
    return 0;
}

/* A length that a scale leaves fractional, under align_corners. */
static int check_exporters(struct check *check, const struct node *node, struct error *error)
{
    struct resize_axis axis;
    char label[NODE_LABEL_SIZE];
    if (!resize_exporters_differ(node, &axis))
        return 0;
    bool followed = pass_follows_exporter(check->model->producer_name);
    return check_tell(check, FINDING_EXPORTERS_DIFFER, error,
                      "%s: align_corners over %" PRId64
                      " cells scaled by %g: ONNX's reference spans %g cells, exporters and "
                      "other runtimes the %" PRId64 " that are made; computed as %s. Sizes in place of scales mean the "
                      "same everywhere",
                      node_label(node, label), axis.input, axis.scale, axis.scale * (double)axis.input, axis.output,
                      followed ? "PyTorch, which wrote the file, means it" : "the reference has it");
}

/* Operands and types as the specification has them; `refused`: there is a finding, and no more is asked of the node. */
static int check_signature(struct check *check, const struct node *node, bool *refused, struct error *error)
{
    struct error refusal = ERROR_INITIALISER;
    char label[NODE_LABEL_SIZE];
    bool arity = !check_attribute_elsewhere(node) && signature_check_arity(node, &refusal);
    *refused = arity || signature_check_types(node, &refusal);
    if (!*refused)
        return 0;
    error_prefix(&refusal, "%s", node_label(node, label));
    return check_tell_refusal(check, arity ? FINDING_OPERANDS : FINDING_TYPE, &refusal, "", error);
}

/* The same of inner graphs, where types are not known. */
static int check_inner(struct check *check, const struct node *outer, struct error *error)
{
    const struct graph *inner;
    for (int i = 0; (inner = node_subgraph(outer, i)) != NULL; i++) {
        for (const struct node *node = inner->first; node; node = node->next) {
            bool refused;
            if (check_signature(check, node, &refused, error) || check_inner(check, node, error))
                return -1;
        }
    }
    return 0;
}

/* Elements that float16 does not hold. */
struct half_tally {
    int64_t above, below;
};

static struct half_tally tally_half(const struct tensor *tensor)
{
    struct half_tally tally = {0};
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
        double size = fabs(tensor_number(tensor, i));
        tally.above += isfinite(size) && size >= HALF_LARGEST + 16;
        tally.below += size > 0 && size <= HALF_SMALLEST;
    }
    return tally;
}

/* A constant that is rounded to float16: what becomes infinite, or all of which becomes 0. */
static int check_half_cast(struct check *check, const char *label, const struct value *from, const struct value *to,
                           struct error *error)
{
    bool wide = from->dtype == DTYPE_FLOAT || from->dtype == DTYPE_DOUBLE;
    const struct tensor *tensor = wide && to->dtype == DTYPE_FLOAT16 ? constant_data(from->constant, NULL) : NULL;
    if (!tensor)
        return 0;
    int64_t count = shape_count(&tensor->shape);
    struct half_tally tally = tally_half(tensor);
    if (tally.above > 0)
        return check_tell(check, FINDING_HALF_RANGE, error,
                          "%s: %" PRId64 " of %" PRId64
                          " elements of '%s' are beyond 65504 and become infinite as float16",
                          label, tally.above, count, from->name);
    return count > 0 && tally.below == count
               ? check_tell(check, FINDING_HALF_RANGE, error, "%s: all of '%s' is too small for float16 and becomes 0",
                            label, from->name)
               : 0;
}

/* What keeps a square root from 0 must not be 0 itself. */
static int check_half_epsilon(struct check *check, const struct node *node, struct error *error)
{
    const struct attribute *epsilon = node_attribute(node, "epsilon");
    const struct value *input = node->input_count > 0 ? node->inputs[0] : NULL;
    char label[NODE_LABEL_SIZE];
    if (!epsilon || epsilon->type != ATTRIBUTE_FLOAT || !input || input->dtype != DTYPE_FLOAT16 || !(epsilon->f > 0) ||
        (double)epsilon->f > HALF_SMALLEST)
        return 0;
    return check_tell(
        check, FINDING_HALF_RANGE, error,
        "%s: epsilon %g is 0 in float16, in which the node computes: where statistics are 0 too, runtimes "
        "that do not widen it divide by 0",
        node_label(node, label), (double)epsilon->f);
}

static bool fits_told(const struct value *value, const struct told_type *told)
{
    if (told->rank < 0 || value->shape.rank < 0)
        return true;
    bool fits = told->rank == value->shape.rank;
    for (int axis = 0; fits && axis < told->rank; axis++)
        fits = told->dimensions[axis].size < 0 || told->dimensions[axis].size == value->shape.dims[axis];
    return fits;
}

static void count_misfit(struct misfit *misfit, const struct value *value, const char *computed, const char *declared)
{
    if (misfit->count++ > 0)
        return;
    misfit->first = value->name;
    snprintf(misfit->text, sizeof misfit->text, "computed as %s, which is not what the file declares%s%s", computed,
             declared[0] ? ", " : "", declared);
}

/* Against what the file says of it. */
static void hold_against_told(struct walk *walk, const struct value *value)
{
    const struct value *file = value->origin;
    char shape[SHAPE_TEXT_SIZE];
    if (!file)
        return;
    struct told_type told = {file->dtype, file->declared_rank, file->declared};
    told = file->told ? *file->told : told;
    /* An optional of a sequence passes for one. */
    bool plain = told.dtype < DTYPE_COUNT && value->dtype < DTYPE_COUNT;
    if (plain && told.dtype != DTYPE_UNDEFINED && value->dtype != DTYPE_UNDEFINED && value->dtype != told.dtype)
        count_misfit(&walk->types, file, dtype_name(value->dtype), dtype_name(told.dtype));
    if (!fits_told(value, &told))
        count_misfit(&walk->shapes, file, shape_text(&value->shape, shape), "");
}

static int tell_misfit(struct walk *walk, enum finding_code code, const struct misfit *misfit, const char *advice,
                       struct error *error)
{
    char more[48] = "";
    if (misfit->count == 0)
        return 0;
    if (misfit->count > 1)
        snprintf(more, sizeof more, " (and %d more values)", misfit->count - 1);
    return check_tell(walk->check, code, error, "'%s' is %s%s: %s", misfit->first, misfit->text, more, advice);
}

static int tell_misfits(struct walk *walk, struct error *error)
{
    return tell_misfit(walk, FINDING_DECLARED_TYPE, &walk->types,
                       "other runtimes refuse it; correct the declaration or put a Cast in front", error) ||
                   tell_misfit(walk, FINDING_DECLARED_SHAPE, &walk->shapes,
                               "some runtimes warn, some refuse it; take it out, or have shapes inferred anew", error)
               ? -1
               : 0;
}

/* A step of the pipeline, which may replace the node, and what is said of its results. -1 with what the node is refused
 * for, or what ended the check. */
static int step(struct walk *walk, struct node *node, struct node **next, struct error *refusal, struct error *error)
{
    const struct value *results[MOST_RESULTS];
    char label[NODE_LABEL_SIZE];
    int count = node->output_count < MOST_RESULTS ? node->output_count : MOST_RESULTS;
    const struct value *rounded = node_has(node, OPERATOR_KEEPS) && node->input_count > 0 ? node->inputs[0] : NULL;
    for (int i = 0; i < count; i++)
        results[i] = node->outputs[i];
    node_label(node, label);
    if (pass_infer_and_fold_step(walk->graph, node, next, refusal))
        return -1;
    for (int i = 0; i < count; i++) {
        if (results[i])
            hold_against_told(walk, results[i]);
    }
    return rounded && rounded->constant && count > 0 && results[0]
               ? check_half_cast(walk->check, label, rounded, results[0], error)
               : 0;
}

/* What is worth knowing of a node that fits. */
static int remark(struct walk *walk, const struct node *node, struct error *error)
{
    if (check_exporters(walk->check, node, error) || check_half_epsilon(walk->check, node, error))
        return -1;
    look_for_remarks(walk, node);
    return 0;
}

/* `told`: there is a finding on the node already. What it does not fit stays as one that is not computed. */
static int check_node(struct walk *walk, struct node *node, struct node **next, bool told, struct error *error)
{
    struct error refusal = ERROR_INITIALISER;
    const char *rest = foreign_is_behind(node) ? "; its sizes rest on the file's word for what is not computed" : "";
    bool settings = node->definition && node_check_settings(node, &refusal); /* told by check_attributes */
    if (!settings && node->definition && !told && remark(walk, node, error))
        return -1;
    if (!settings && step(walk, node, next, &refusal, error) == 0)
        return 0;
    if (refusal.kind == ERROR_NONE ||
        (!settings && !told && check_tell_refusal(walk->check, FINDING_SHAPE, &refusal, rest, error)))
        return -1;
    refusal.kind = ERROR_UNSUPPORTED;
    return foreign_take_refused(node, &refusal, error);
}

static int check_nodes(struct walk *walk, struct error *error)
{
    for (struct node *node = walk->graph->first, *next; node; node = next) {
        bool told = false;
        next = node->next;
        if (check_signature(walk->check, node, &told, error) || check_inner(walk->check, node, error) ||
            check_node(walk, node, &next, told, error))
            return -1;
    }
    return 0;
}

/* What the shapes of are not known, as something in front of it is not computed. */
static int tell_unseen(const struct walk *walk, struct error *error)
{
    struct fovea_unseen unseen;
    foreign_count(walk->graph, &unseen);
    return unseen.unseen == 0
               ? 0
               : check_tell(walk->check, FINDING_NOT_SEEN, error,
                            "%d of %d nodes were not checked: behind %s, of whose results no shapes are known",
                            unseen.unseen, unseen.nodes, unseen.behind);
}

/* Where sizes stay free, operands can still be counted, and what needs no shapes be said. */
static int check_unbound(struct walk *walk, struct error *error)
{
    for (struct node *node = walk->graph->first; node; node = node->next) {
        bool refused;
        struct operator_remark remark;
        if (check_signature(walk->check, node, &refused, error) || check_inner(walk->check, node, error))
            return -1;
        if (!refused && node_remark(node, &remark) && remark.unsteady)
            count_remark(walk, node, &remark, 1);
    }
    return 0;
}

static int walk_graph(struct walk *walk, struct error *error)
{
    struct check *check = walk->check;
    struct graph *graph = walk->graph;
    struct error own = ERROR_INITIALISER;
    if (graph_sort(graph, &own) || pass_capture(graph, &own) || graph_sort(graph, &own))
        return check_tell_refusal(check, FINDING_CYCLE, &own, "", error);
    if (pass_bind(graph, check->bindings, check->binding_count, false, &own)) {
        enum finding_code code = check->binding_count > 0 ? FINDING_BOUND_SIZE : FINDING_FREE_SIZE;
        return check_tell_refusal(check, code, &own, "; shapes behind it were not checked", error) ||
                       check_unbound(walk, error) || tell_remarks(walk, error)
                   ? -1
                   : 0;
    }
    return check_nodes(walk, error) || tell_unseen(walk, error) || tell_misfits(walk, error) ||
                   tell_remarks(walk, error)
               ? -1
               : 0;
}

int check_shapes(struct check *check, struct error *error)
{
    struct memory *memory = check->model->context->memory;
    struct walk *walk = memory_allocate(memory, 1, sizeof *walk, error);
    struct graph *graph = walk ? graph_clone(check->graph, error) : NULL;
    int result = -1;
    if (graph) {
        *walk = (struct walk){.check = check, .graph = graph};
        result = walk_graph(walk, error);
        graph_destroy(graph);
    }
    memory_release(memory, walk);
    return result;
}
