/* Names, inputs and outputs, and the order of the nodes: what other runtimes ask of a file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/check_rules.h"

static int check_inputs(struct check *check, struct error *error)
{
    const struct graph *graph = check->graph;
    int listed = 0;
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        if (!input->name[0] && check_tell(check, FINDING_NAME, error, "input %d has an empty name", i))
            return -1;
        if (input->constant)
            listed++;
        else if (dtype_storage(dtype_element(input->dtype)) == DTYPE_UNDEFINED &&
                 check_tell(check, FINDING_UNSUPPORTED_TYPE, error, "input '%s' has type %s", input->name,
                            dtype_name(input->dtype)))
            return -1;
    }
    if (listed > 0)
        return check_tell(check, FINDING_WEIGHTS_AS_INPUTS, error,
                          "%d weights are listed as inputs as well (IR version %" PRId64
                          " asks for it before 4): callers may override them, so other runtimes do not fold them",
                          listed, check->model->ir_version);
    return 0;
}

/* Before IR version 4 initialisers must be inputs too. */
static int check_initialisers(struct check *check, struct error *error)
{
    const struct graph *graph = check->graph;
    const char *first = NULL;
    int missing = 0;
    if (check->model->ir_version <= 0 || check->model->ir_version >= 4)
        return 0;
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->constant && !value->producer && !value->is_input && value->span.length > 0 && missing++ == 0)
            first = value->name;
    }
    return missing == 0 ? 0
                        : check_tell(check, FINDING_OLD_IR, error,
                                     "%d weights are not listed as inputs, first '%s', which IR version %" PRId64
                                     " asks for: the onnx package refuses the file; set its ir_version to 4 or more",
                                     missing, first, check->model->ir_version);
}

static int check_output(struct check *check, int index, struct error *error)
{
    const struct graph *graph = check->graph;
    const struct value *output = graph->outputs[index];
    for (int i = 0; i < index; i++) {
        if (graph->outputs[i] == output)
            return check_tell(check, FINDING_OUTPUT_TWICE, error, "output '%s' is listed twice", output->name);
    }
    if (output->producer)
        return 0;
    return check_tell(check, FINDING_PASSED_THROUGH, error, "output '%s' is %s: no node makes it", output->name,
                      output->constant ? "a constant" : "an input");
}

/* What nothing comes out of can be run, but nothing can be asked of it. */
static int check_outputs(struct check *check, struct error *error)
{
    for (int i = 0; i < check->graph->output_count; i++) {
        if (check_output(check, i, error))
            return -1;
    }
    return check->graph->output_count > 0
               ? 0
               : check_tell(check, FINDING_NO_OUTPUTS, error,
                            "the model has no outputs: name the value that it gives as the graph's output");
}

/* Nodes of the file in front of what they read. */
static int check_order(struct check *check, const struct graph *graph, struct error *error)
{
    int place = 0, wrong = 0;
    const struct node *first = NULL;
    int *places = memory_allocate(graph->context->memory, graph->value_count + 1, sizeof *places, error);
    if (!places)
        return -1;
    for (const struct node *node = graph->first; node; node = node->next) {
        place++;
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i])
                places[node->outputs[i]->id] = place;
        }
    }
    place = 0;
    for (const struct node *node = graph->first; node; node = node->next) {
        bool early = false;
        place++;
        for (int i = 0; i < node->input_count; i++) {
            const struct value *value = node->inputs[i];
            early |= value && value->graph == graph && places[value->id] >= place;
        }
        if (early && wrong++ == 0)
            first = node;
    }
    memory_release(graph->context->memory, places);
    char label[NODE_LABEL_SIZE];
    return wrong == 0 ? 0
                      : check_tell(check, FINDING_ORDER, error,
                                   "%d node%s in front of what %s: fovea sorts them, the onnx package refuses the "
                                   "file; first %s",
                                   wrong, wrong == 1 ? " stands" : "s stand", wrong == 1 ? "it reads" : "they read",
                                   node_label(first, label));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of nodes are for people, but must be told apart. */
static int check_node_names(struct check *check, struct error *error)
{
    const struct graph *graph = check->model->graph;
    struct memory *memory = graph->context->memory;
    int count = 0, twice = 0;
    const char **names = memory_allocate(memory, (size_t)graph->node_count + 1, sizeof *names, error), *first = NULL;
    if (!names)
        return -1;
    for (const struct node *node = graph->first; node; node = node->next) {
        if (node->name[0])
            names[count++] = node->name;
    }
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0 && twice++ == 0)
            first = names[i];
    }
    int result = twice == 0 ? 0
                            : check_tell(check, FINDING_NODE_NAMES, error,
                                         "%d node%s the name of another, first '%s': ONNX Runtime refuses the "
                                         "file; give them names of their own, or none",
                                         twice, twice == 1 ? " has" : "s have", first);
    memory_release(memory, names);
    return result;
}

/* A node of an inner graph must not make a value of a name that the graphs around have. */
static int check_inner_names(struct check *check, const struct graph *graph, struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        const struct graph *inner;
        char label[NODE_LABEL_SIZE];
        for (int i = 0; graph->parent && i < node->output_count; i++) {
            if (node->outputs[i] && graph_find_value(graph->parent, node->outputs[i]->name) &&
                check_tell(check, FINDING_NAME, error,
                           "%s in a graph of control flow makes '%s', a name that the graph around has as well: other "
                           "runtimes refuse it; rename one",
                           node_label(node, label), node->outputs[i]->name))
                return -1;
        }
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (check_inner_names(check, inner, error))
                return -1;
        }
    }
    return 0;
}

static int check_graph_name(struct check *check, struct error *error)
{
    return check->model->graph->name[0]
               ? 0
               : check_tell(check, FINDING_GRAPH_NAME, error,
                            "the graph has no name: the onnx package's checker refuses the file; give it one");
}

int check_names(struct check *check, struct error *error)
{
    return check_graph_name(check, error) || check_inner_names(check, check->model->graph, error) ||
                   check_inputs(check, error) || check_initialisers(check, error) || check_outputs(check, error) ||
                   check_order(check, check->model->graph, error) || check_node_names(check, error)
               ? -1
               : 0;
}

static bool reaches_subgraph(const struct node *node)
{
    for (int i = 0; i < node->attribute_count; i++) {
        if (node->attributes[i].type == ATTRIBUTE_GRAPH || node->attributes[i].type == ATTRIBUTE_GRAPHS)
            return true;
    }
    return false;
}

static bool is_used(const struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output))
            return true;
    }
    return false;
}

static int tell_unused(struct check *check, enum finding_code code, const char *what, int count, const char *first,
                       struct error *error)
{
    const char *quote = code == FINDING_UNUSED_NODE ? "" : "'"; /* a node's label has its own */
    return count == 0 ? 0
                      : check_tell(check, code, error, "%d %s%s nobody reads, first %s%s%s", count, what,
                                   count == 1 ? " that" : "s that", quote, first, quote);
}

/* Inputs, weights and results that nobody reads. Values may be read by subgraphs without a recorded use: then silence.
 */
int check_unused(struct check *check, struct error *error)
{
    const struct graph *graph = check->graph;
    int inputs = 0, weights = 0, nodes = 0;
    const char *input = "", *weight = "";
    char label[NODE_LABEL_SIZE] = "";
    for (const struct node *node = graph->first; node; node = node->next) {
        if (reaches_subgraph(node))
            return 0;
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->use_count > 0 || value->is_output || value->producer)
            continue;
        if (value->constant && weights++ == 0)
            weight = value->name;
        else if (!value->constant && value->is_input && inputs++ == 0)
            input = value->name;
    }
    for (const struct node *node = graph->first; node; node = node->next) {
        if (!is_used(node) && nodes++ == 0)
            node_label(node, label);
    }
    return tell_unused(check, FINDING_UNUSED_INPUT, "input", inputs, input, error) ||
                   tell_unused(check, FINDING_UNUSED_WEIGHT, "weight", weights, weight, error) ||
                   tell_unused(check, FINDING_UNUSED_NODE, "result", nodes, label, error)
               ? -1
               : 0;
}
