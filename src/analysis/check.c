#include "analysis/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/operator.h"
#include "op/infer.h"
#include "op/registry.h"
#include "op/resize.h"
#include "pass/foreign.h"
#include "pass/passes.h"

#define CHECK_OLDEST_OPSET 7
#define CHECK_MAX_SHAPE_PROBLEMS 20
#define CHECK_MAX_ATTRIBUTES 20 /* named */
#define CHECK_MOST_VISITS 10000
#define CHECK_MOST_STEPS 16 /* from a constant to who uses it, through a graph that may hold cycles */

/* The findings so far, in an arena, which their `storage` is. */
struct finding_list {
    struct fovea_findings *found;
    size_t capacity;
};

static int add(struct finding_list *findings, enum fovea_severity severity, const char *code, struct error *error,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

static int add(struct finding_list *findings, enum fovea_severity severity, const char *code, struct error *error,
               const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    text_format_list(text, sizeof text, format, arguments);
    va_end(arguments);
    text_keep_printable(text);
    struct fovea_findings *found = findings->found;
    struct fovea_finding *list =
        arena_grow(found->storage, found->list, (size_t)found->count, &findings->capacity, sizeof *list, error);
    if (!list)
        return -1;
    found->list = list;
    char *copy = arena_copy_string(found->storage, text, strlen(text), error);
    if (!copy)
        return -1;
    list[found->count++] = (struct fovea_finding){severity, code, copy};
    found->problems += severity == FOVEA_PROBLEM;
    return 0;
}

/* What `refusal` says is a finding, unless it is a fault of ours or the end of memory: that ends the check. */
static int add_refusal(struct finding_list *findings, enum fovea_severity severity, const char *code,
                       const struct error *refusal, const char *rest, struct error *error)
{
    if (refusal->kind == ERROR_INTERNAL || refusal->kind == ERROR_MEMORY)
        return error_set(error, refusal->kind, "%s", refusal->message);
    return add(findings, severity, code, error, "%s%s", refusal->message, rest);
}

/* One finding for each operator that is missing in a graph, with how many nodes need it. */
static int tell_missing(void *user, const struct missing_operator *missing, struct error *error)
{
    const struct node *node = missing->first;
    char label[NODE_LABEL_SIZE];
    return add(user, FOVEA_PROBLEM, "unsupported-operator", error,
               "%s%s%s of opset %d is not supported; %d node%s, first %s", node->domain, node->domain[0] ? "." : "",
               operator_called(node), node->opset, missing->nodes, missing->nodes == 1 ? "" : "s",
               node_label(node, label));
}

/* Attributes that an operator does not have at its opset, each named once with how many nodes hold it. */
struct unknown_attributes {
    struct unknown_attribute {
        const struct node *first;
        const char *name;
        int nodes;
    } list[CHECK_MAX_ATTRIBUTES];
    int count, more; /* more: nodes with others */
};

static void note_unknown(struct unknown_attributes *unknown, const struct node *node, const char *name)
{
    for (int i = 0; i < unknown->count; i++) {
        struct unknown_attribute *known = &unknown->list[i];
        if (known->first->definition == node->definition && strcmp(known->name, name) == 0) {
            known->nodes++;
            return;
        }
    }
    if (unknown->count == CHECK_MAX_ATTRIBUTES)
        unknown->more++;
    else
        unknown->list[unknown->count++] = (struct unknown_attribute){node, name, 1};
}

/* Reads the operators' own tables: attributes of a wrong type or value are problems, of the graph and its subgraphs. */
static int check_settings(const struct graph *graph, struct unknown_attributes *unknown, int *problems,
                          struct finding_list *findings, struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        struct error refusal = ERROR_INITIALISER;
        const struct graph *inner;
        char label[NODE_LABEL_SIZE];
        for (int i = 0; node->definition && i < node->attribute_count; i++) {
            const char *name = node->attributes[i].name;
            const struct attribute_rule *rule = operator_attribute(node->definition, name);
            if (!rule || !attribute_rule_holds(rule, node->opset))
                note_unknown(unknown, node, name);
        }
        if (node_check_settings(node, &refusal) && (*problems)++ < CHECK_MAX_SHAPE_PROBLEMS) {
            error_prefix(&refusal, "%s", node_label(node, label));
            if (add_refusal(findings, FOVEA_PROBLEM, "attribute", &refusal, "", error))
                return -1;
        }
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (check_settings(inner, unknown, problems, findings, error))
                return -1;
        }
    }
    return 0;
}

static int check_attributes(const struct graph *graph, struct finding_list *findings, struct error *error)
{
    struct unknown_attributes unknown = {0};
    if (check_settings(graph, &unknown, &(int){0}, findings, error))
        return -1;
    for (int i = 0; i < unknown.count; i++) {
        const struct unknown_attribute *attribute = &unknown.list[i];
        const struct node *node = attribute->first;
        char label[NODE_LABEL_SIZE];
        if (add(findings, FOVEA_NOTE, "unknown-attribute", error,
                "%s%s%s of opset %d has no attribute '%.100s'; %d node%s, first %s", node->domain,
                node->domain[0] ? "." : "", node->op_type, node->opset, attribute->name, attribute->nodes,
                attribute->nodes == 1 ? "" : "s", node_label(node, label)))
            return -1;
    }
    return unknown.more > 0 ? add(findings, FOVEA_NOTE, "unknown-attribute", error,
                                  "%d more attributes that no operator has", unknown.more)
                            : 0;
}

static int check_opset(const struct model *model, struct finding_list *findings, struct error *error)
{
    int opset = graph_opset(model->graph, "");
    if (opset > 0 && opset < CHECK_OLDEST_OPSET)
        return add(findings, FOVEA_PROBLEM, "old-opset", error,
                   "the model is written for opset %d; fovea reads %d to %d. Convert it with onnx.version_converter",
                   opset, CHECK_OLDEST_OPSET, OPSET_NEWEST);
    if (opset > OPSET_NEWEST)
        return add(findings, FOVEA_NOTE, "new-opset", error,
                   "the model is written for opset %d, newer than the newest known here (%d): operators whose meaning "
                   "changed since would be computed in their old sense",
                   opset, OPSET_NEWEST);
    return 0;
}

/* What nothing comes out of can be run, but nothing can be asked of it. */
static int check_outputs(const struct model *model, struct finding_list *findings, struct error *error)
{
    if (model->graph->output_count > 0)
        return 0;
    return add(findings, FOVEA_PROBLEM, "no-outputs", error,
               "the model has no outputs: name the value that it gives as the graph's output");
}

static int check_inputs(const struct model *model, struct finding_list *findings, struct error *error)
{
    int listed = 0;
    for (int i = 0; i < model->graph->input_count; i++) {
        const struct value *input = model->graph->inputs[i];
        if (input->constant)
            listed++;
        else if (dtype_storage(dtype_element(input->dtype)) == DTYPE_UNDEFINED &&
                 add(findings, FOVEA_PROBLEM, "unsupported-type", error, "input '%s' has type %s", input->name,
                     dtype_name(input->dtype)))
            return -1;
    }
    if (listed > 0)
        return add(findings, FOVEA_NOTE, "weights-as-inputs", error,
                   "%d weights are listed as inputs as well (IR version %" PRId64 " asks for it before 4): callers may "
                   "override them, so other runtimes do not fold them",
                   listed, model->ir_version);
    return 0;
}

static bool reaches_subgraph(const struct node *node)
{
    for (int i = 0; i < node->attribute_count; i++) {
        if (node->attributes[i].type == ATTRIBUTE_GRAPH || node->attributes[i].type == ATTRIBUTE_GRAPHS)
            return true;
    }
    return false;
}

/* Weights and results that nobody reads. Values may be read by subgraphs without a recorded use: then silence. */
static int check_unused(const struct model *model, struct finding_list *findings, struct error *error)
{
    const struct graph *graph = model->graph;
    int weights = 0, nodes = 0;
    const char *weight = "";
    char label[NODE_LABEL_SIZE] = "";
    for (const struct node *node = graph->first; node; node = node->next) {
        if (reaches_subgraph(node))
            return 0;
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->constant && value->use_count == 0 && !value->is_output && !value->producer && weights++ == 0)
            weight = value->name;
    }
    for (const struct node *node = graph->first; node; node = node->next) {
        bool used = false;
        for (int i = 0; i < node->output_count; i++)
            used |= node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output);
        if (!used && nodes++ == 0)
            node_label(node, label);
    }
    if (weights > 0 && add(findings, FOVEA_NOTE, "unused-weight", error, "%d weight%s nobody reads, first '%s'",
                           weights, weights == 1 ? " that" : "s that", weight))
        return -1;
    return nodes > 0 ? add(findings, FOVEA_NOTE, "unused-node", error, "%d node%s whose results nobody reads, first %s",
                           nodes, nodes == 1 ? "" : "s", label)
                     : 0;
}

struct weight_tally {
    int64_t infinite, not_number, denormal;
};

static struct weight_tally tally_weights(const struct tensor *tensor)
{
    struct weight_tally tally = {0};
    const float *elements = tensor->data;
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
        tally.infinite += isinf(elements[i]) != 0;
        tally.not_number += isnan(elements[i]) != 0;
        tally.denormal += fpclassify(elements[i]) == FP_SUBNORMAL;
    }
    return tally;
}

/* Operators that give the elements of input 0 other places, another shape or type. */
static bool passes_elements(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_MOVES | OPERATOR_QUANTIZES) &&
           node->input_count > 0 && node->output_count > 0 && node_role(node, 0) == ROLE_DATA;
}

static bool has_constant_weights(const struct node *node)
{
    const struct value *weights = node_has(node, OPERATOR_PRODUCT) && node->input_count > 1 ? node->inputs[1] : NULL;
    for (int steps = CHECK_MOST_STEPS; steps && weights && !weights->constant && passes_elements(weights->producer);
         steps--)
        weights = weights->producer->inputs[0];
    return weights && weights->constant;
}

/* Weights go into sums with what they weigh: then infinity cannot be meant. A bias is added to a product with
 * constant weights; what is added to a product of results is a mask. Nobody knows of operators that are missing. */
static bool reads_as_weight(const struct use *use)
{
    const struct node *node = use->node;
    if (!node->definition || node_has(node, OPERATOR_PRODUCT | OPERATOR_NORMALIZES))
        return true;
    switch (node_role(node, use->input)) {
    case ROLE_WEIGHT:
    case ROLE_SHIFT:
    case ROLE_SLOPE:
        return true;
    case ROLE_TERM: {
        const struct value *other = node->input_count == 2 ? node->inputs[1 - use->input] : NULL;
        return other && has_constant_weights(other->producer);
    }
    default:
        return false;
    }
}

/* Whether a weight operator reads the constant, if only behind operators that pass its elements on.
 * One without known readers may be read by an inner graph: counted as a weight. */
static bool is_weight(const struct value *value, int depth, int *visits)
{
    if (value->use_count == 0 || depth == 0 || ++*visits == CHECK_MOST_VISITS)
        return true;
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *node = value->uses[i].node;
        const struct value *passed = passes_elements(node) && value->uses[i].input == 0 ? node->outputs[0] : NULL;
        if (reads_as_weight(&value->uses[i]) || (passed && is_weight(passed, depth - 1, visits)))
            return true;
    }
    return false;
}

/* Infinity is a fault of weights, but what attention masks and bounds are made of. */
static int check_finite(const struct value *value, const struct weight_tally *tally, struct finding_list *findings,
                        struct error *error)
{
    int64_t count = tally->infinite + tally->not_number;
    if (count == 0)
        return 0;
    if (tally->not_number > 0 || is_weight(value, CHECK_MOST_STEPS, &(int){0}))
        return add(findings, FOVEA_PROBLEM, "weight-not-finite", error,
                   "'%s' holds %" PRId64 " element%s infinite or not a number", value->name, count,
                   count == 1 ? " that is" : "s that are");
    return add(findings, FOVEA_NOTE, "constant-infinite", error,
               "'%s' holds %" PRId64 " infinite element%s; no weight, but a mask or a bound", value->name, count,
               count == 1 ? "" : "s");
}

/* One note for all weights: trained networks hold denormals in many. */
static int note_denormals(int64_t elements, int weights, const char *first, struct finding_list *findings,
                          struct error *error)
{
    if (weights == 0)
        return 0;
    return add(findings, FOVEA_NOTE, "weight-denormal", error,
               "%d weight%s %" PRId64 " element%s below the smallest normal float, first '%s': they slow down some "
               "processors and vanish on others",
               weights, weights == 1 ? " holds" : "s hold", elements, elements == 1 ? "" : "s", first);
}

/* Elements that cannot be right, and payloads that cannot be read. */
static int check_weights(const struct model *model, struct finding_list *findings, struct error *error)
{
    const struct graph *graph = model->graph;
    int64_t denormal = 0;
    int weights = 0;
    const char *first = "";
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (!value->constant || dtype_storage(value->constant->tensor.dtype) != DTYPE_FLOAT)
            continue;
        struct error own = ERROR_INITIALISER;
        const struct tensor *tensor = constant_data(value->constant, &own);
        if (!tensor) {
            error_prefix(&own, "'%s'", value->name);
            if (add_refusal(findings, FOVEA_PROBLEM, "unreadable-weight", &own, "", error))
                return -1;
            continue;
        }
        struct weight_tally tally = tally_weights(tensor);
        if (check_finite(value, &tally, findings, error))
            return -1;
        if (tally.denormal > 0 && weights++ == 0)
            first = value->name;
        denormal += tally.denormal;
    }
    return note_denormals(denormal, weights, first, findings, error);
}

static int check_declared(const struct graph *graph, struct finding_list *findings, struct error *error)
{
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *output = graph->outputs[i];
        char shape[SHAPE_TEXT_SIZE];
        bool fits = output->declared_rank < 0 || output->shape.rank < 0 || output->declared_rank == output->shape.rank;
        for (int axis = 0; fits && output->shape.rank >= 0 && axis < output->declared_rank; axis++)
            fits = output->declared[axis].size < 0 || output->declared[axis].size == output->shape.dims[axis];
        if (!fits && add(findings, FOVEA_NOTE, "declared-shape", error,
                         "output '%s' is computed as %s, which is not what the file declares", output->name,
                         shape_text(&output->shape, shape)))
            return -1;
    }
    return 0;
}

/* A length that a scale leaves fractional, under align_corners. */
static int check_exporters(const struct model *model, const struct node *node, struct finding_list *findings,
                           struct error *error)
{
    struct resize_axis axis;
    char label[NODE_LABEL_SIZE];
    if (!resize_exporters_differ(node, &axis))
        return 0;
    bool followed = pass_follows_exporter(model->producer_name);
    return add(findings, FOVEA_NOTE, "exporters-differ", error,
               "%s: align_corners over %" PRId64 " cells scaled by %g: ONNX's reference spans %g cells, exporters and "
               "other runtimes the %" PRId64 " that are made; computed as %s. Sizes in place of scales mean the same "
               "everywhere",
               node_label(node, label), axis.input, axis.scale, axis.scale * (double)axis.input, axis.output,
               followed ? "PyTorch, which wrote the file, means it" : "the reference has it");
}

/* The steps of the pipeline up to shapes, node by node, going on behind a node that fails. */
static int check_nodes(const struct model *model, struct graph *graph, struct finding_list *findings, int *problems,
                       struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        struct error refusal = ERROR_INITIALISER;
        next = node->next;
        if (check_exporters(model, node, findings, error))
            return -1;
        bool told = node->definition && node_check_settings(node, &refusal); /* by check_attributes */
        if (!told && pass_infer_and_fold_step(graph, node, &next, &refusal) == 0)
            continue;
        if (!told && (*problems)++ < CHECK_MAX_SHAPE_PROBLEMS &&
            add_refusal(findings, FOVEA_PROBLEM, "shape", &refusal,
                        foreign_is_behind(node) ? "; its sizes rest on the file's word for what is not computed" : "",
                        error))
            return -1;
        refusal.kind = ERROR_UNSUPPORTED;
        if (foreign_take_refused(node, &refusal, error))
            return -1;
    }
    return 0;
}

/* What the shapes of are not known, as something in front of it is not computed. */
static int note_unseen(const struct graph *graph, struct finding_list *findings, struct error *error)
{
    struct fovea_unseen unseen;
    foreign_count(graph, &unseen);
    return unseen.unseen == 0 ? 0
                              : add(findings, FOVEA_NOTE, "not-seen", error,
                                    "%d of %d nodes were not checked: behind %s, of whose results no shapes are known",
                                    unseen.unseen, unseen.nodes, unseen.behind);
}

static int check_shapes(const struct model *model, const struct shape_binding *bindings, int binding_count,
                        struct finding_list *findings, struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct graph *graph = graph_clone(model->graph, error);
    int result = 0, problems = 0;
    if (!graph)
        return -1;
    if (graph_sort(graph, &own) || pass_capture(graph, &own) || graph_sort(graph, &own))
        result = add_refusal(findings, FOVEA_PROBLEM, "cycle", &own, "", error);
    else if (pass_bind(graph, bindings, binding_count, false, &own))
        result = add_refusal(findings, binding_count > 0 ? FOVEA_PROBLEM : FOVEA_NOTE, "free-size", &own,
                             "; shapes behind it were not checked", error);
    else
        result = check_nodes(model, graph, findings, &problems, error) || note_unseen(graph, findings, error) ? -1 : 0;
    if (result == 0 && own.kind == ERROR_NONE && problems == 0)
        result = check_declared(graph, findings, error);
    graph_destroy(graph);
    return result;
}

static int check_graph(const struct model *model, const struct shape_binding *bindings, int binding_count,
                       struct finding_list *findings, struct error *error)
{
    if (check_opset(model, findings, error) || operators_missing(model->graph, tell_missing, findings, error) ||
        check_attributes(model->graph, findings, error) || check_inputs(model, findings, error) ||
        check_outputs(model, findings, error) || check_shapes(model, bindings, binding_count, findings, error) ||
        check_weights(model, findings, error))
        return -1;
    return check_unused(model, findings, error);
}

/* What is checked is what runs: calls of the model's functions are replaced by their bodies first. */
int check_model(const struct model *model, const struct shape_binding *bindings, int binding_count,
                struct fovea_findings *found, struct error *error)
{
    struct finding_list findings = {.found = found};
    struct error own = ERROR_INITIALISER;
    struct model inlined = *model;
    if (model->function_count == 0)
        return check_graph(model, bindings, binding_count, &findings, error);
    inlined.graph = graph_clone(model->graph, error);
    if (!inlined.graph)
        return -1;
    int result = pass_inline_functions(model, inlined.graph, &own)
                     ? add_refusal(&findings, FOVEA_PROBLEM, "function", &own, "", error)
                     : check_graph(&inlined, bindings, binding_count, &findings, error);
    graph_destroy(inlined.graph);
    return result;
}
