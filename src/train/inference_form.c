#include "train/inference_form.h"

#include "graph/match.h"
#include "op/settings.h"
#include "structure/exporter.h"
#include "train/source_edit.h"

#define OPSET_TRAINING_MODE 14 /* of BatchNormalization: an attribute; before, its further outputs say so */

enum { DROPOUT_RATIO = 1, DROPOUT_TRAINING_MODE = 2 };

static bool is_trained_norm(const struct node *node)
{
    const struct batch_normalization_settings *settings = match_settings(node, "BatchNormalization");
    return match_operator(node, "BatchNormalization") &&
           (node->output_count > 1 || (settings && settings->training_mode));
}

/* Whether the input is a constant of one element, zero. */
static bool is_zero(const struct node *node, int input)
{
    const struct value *root = node->inputs[input] ? source_constant_root(node->inputs[input]) : NULL;
    const struct tensor *tensor = root ? constant_data(source_constant(root), NULL) : NULL;
    return tensor && shape_count(&tensor->shape) == 1 && tensor_number(tensor, 0) == 0;
}

static bool is_trained_dropout(const struct node *node)
{
    return match_operator(node, "Dropout") && node->input_count > DROPOUT_TRAINING_MODE &&
           node->inputs[DROPOUT_TRAINING_MODE] && !is_zero(node, DROPOUT_TRAINING_MODE);
}

static int change_norm(struct node *node, const struct exporter *exporter, struct error *error)
{
    for (int i = 1; i < node->output_count; i++) {
        const struct value *output = node->outputs[i];
        if (output && (output->use_count > 0 || output->is_output))
            return error_set(error, ERROR_UNSUPPORTED, "the network reads the statistics that it makes, '%s': %s",
                             output->name, exporter->inference);
    }
    for (int i = 1; i < node->output_count; i++) {
        if (node_set_output(node, i, NULL, error))
            return -1;
    }
    node->output_count = 1;
    node->changed = true;
    return node->opset >= OPSET_TRAINING_MODE ? node_set_int(node, "training_mode", 0, error) : 0;
}

static int change_dropout(struct node *node, struct error *error)
{
    if (source_set_input((struct use){node, DROPOUT_TRAINING_MODE}, NULL, error))
        return -1;
    node->input_count = DROPOUT_TRAINING_MODE;
    return 0;
}

/* `body`: of a function. */
static int change_graph(struct graph *graph, bool body, const struct exporter *exporter, struct error *error)
{
    int changed = 0;
    for (struct node *node = graph->first; node; node = node->next) {
        char label[NODE_LABEL_SIZE];
        bool norm = is_trained_norm(node), dropout = is_trained_dropout(node);
        struct graph *inner;
        if ((norm || dropout) && body)
            return error_set(error, ERROR_UNSUPPORTED,
                             "%s is in training form inside of a function: %s, or put the functions into the graph "
                             "(onnx.inliner.inline_local_functions)",
                             node_label(node, label), exporter->inference);
        if ((norm && change_norm(node, exporter, error)) || (dropout && change_dropout(node, error)))
            return error_prefix(error, "%s", node_label(node, label));
        changed += norm || dropout;
        for (int i = 0; (inner = node_subgraph(node, i)); i++) {
            int more = change_graph(inner, body, exporter, error);
            if (more < 0)
                return -1;
            changed += more;
        }
    }
    return changed;
}

int inference_form(struct model *model, struct error *error)
{
    const struct exporter *exporter = exporter_of(model);
    for (int i = 0; i < model->function_count; i++) {
        if (change_graph(model->functions[i].body, true, exporter, error) < 0)
            return -1;
    }
    return change_graph(model->graph, false, exporter, error);
}

static void count_graph(const struct graph *graph, struct training_nodes *nodes)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        const struct graph *inner;
        nodes->norms += is_trained_norm(node);
        nodes->dropouts += is_trained_dropout(node) && !is_zero(node, DROPOUT_RATIO);
        for (int i = 0; (inner = node_subgraph(node, i)); i++)
            count_graph(inner, nodes);
    }
}

struct training_nodes inference_form_missing(const struct model *model)
{
    struct training_nodes nodes = {0};
    for (int i = 0; i < model->function_count; i++)
        count_graph(model->functions[i].body, &nodes);
    count_graph(model->graph, &nodes);
    return nodes;
}
