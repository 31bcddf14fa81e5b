#include "structure/network.h"

#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "pass/foreign.h"
#include "structure/image_input.h"

static int64_t guess(int rank, int axis, bool channels_last)
{
    if (axis == 0)
        return 1;
    if (rank != 4)
        return axis == 1 ? 3 : NETWORK_GUESSED_SIZE;
    return axis == (channels_last ? 3 : 1) ? 3 : NETWORK_GUESSED_SIZE;
}

static bool is_bound(const struct value *input, int input_count, const struct shape_binding *bindings, int count)
{
    for (int i = 0; i < count; i++) {
        const char *name = bindings[i].name;
        if (name && name[0] ? strcmp(name, input->name) == 0
                            : input_count == 1 || bindings[i].shape.rank == input->declared_rank)
            return true;
    }
    return false;
}

static int guess_shape(struct network *network, const struct value *input, struct shape_binding *binding,
                       struct error *error)
{
    int rank = input->declared_rank;
    const struct dimension *declared = input->declared;
    bool channels_last = rank == 4 && declared[3].size > 0 && declared[3].size <= 4 && declared[1].size < 0;
    int64_t dims[SHAPE_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        dims[i] = declared[i].size >= 0 ? declared[i].size : guess(rank, i, channels_last);
        bool spatial = rank == 4 && i > 0 && i != (channels_last ? 3 : 1);
        network->size_guessed = network->size_guessed || (spatial && declared[i].size < 0);
    }
    binding->name = input->name;
    return shape_set(&binding->shape, rank, dims, error);
}

/* The bindings, and guesses for inputs of known rank that have none. */
static struct shape_binding *complete_bindings(struct network *network, const struct graph *graph,
                                               const struct shape_binding *bindings, int *count, struct error *error)
{
    int given = *count, input_count = 0;
    struct shape_binding *all =
        memory_allocate(graph->context->memory, (size_t)(given + graph->input_count) + 1, sizeof *all, error);
    if (!all)
        return NULL;
    if (given > 0)
        memcpy(all, bindings, (size_t)given * sizeof *all);
    for (int i = 0; i < graph->input_count; i++)
        input_count += graph->inputs[i]->constant == NULL;
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        if (input->constant || input->declared_rank < 0 || input->declared_rank > SHAPE_MAX_RANK ||
            is_bound(input, input_count, bindings, given))
            continue;
        if (guess_shape(network, input, &all[(*count)++], error)) {
            memory_release(graph->context->memory, all);
            return NULL;
        }
    }
    return all;
}

int network_create(struct network *network, const struct model *model, const struct shape_binding *bindings,
                   int binding_count, struct error *error)
{
    *network = (struct network){.binding_count = binding_count};
    network->bindings = complete_bindings(network, model->graph, bindings, &network->binding_count, error);
    if (!network->bindings)
        return -1;
    struct pipeline_request request = {.bindings = network->bindings,
                                       .binding_count = network->binding_count,
                                       .no_fusion = true,
                                       .keeps_foreign = true};
    network->graph = pipeline_run(model, &request, error);
    if (!network->graph) {
        memory_release(model->context->memory, network->bindings);
        return network->size_guessed
                   ? error_prefix(error,
                                  "images taken as %d x %d, as the file leaves their size free (`shapes` tells it)",
                                  NETWORK_GUESSED_SIZE, NETWORK_GUESSED_SIZE)
                   : -1;
    }
    foreign_count(network->graph, &network->unseen);
    network->image = image_input(network->graph, &network->image_index);
    if (network->image) {
        network->channels_last = shape_channels_last(&network->image->shape);
        for (int axis = 0; axis < 2; axis++)
            network->size[axis] = network->image->shape.dims[(network->channels_last ? 1 : 2) + axis];
    }
    return 0;
}

void network_release(struct network *network)
{
    if (network->graph)
        memory_release(network->graph->context->memory, network->bindings);
    graph_destroy(network->graph);
    *network = (struct network){0};
}

struct node *network_source_node(const struct node *node)
{
    struct node *origin = node->origin;
    bool same = origin && strcmp(origin->op_type, node->op_type) == 0 && strcmp(origin->domain, node->domain) == 0 &&
                origin->input_count == node->input_count && origin->output_count == node->output_count;
    return same ? origin : NULL;
}

struct value *network_weights(const struct node *node)
{
    if (!node_has(node, OPERATOR_CONVOLUTION | OPERATOR_MATRIX) || node_role(node, 1) != ROLE_WEIGHT)
        return NULL;
    const struct value *data = node->inputs[0];
    struct value *weights = node->inputs[1];
    return weights && weights->constant && !data->constant && dtype_is_float(weights->dtype) ? weights : NULL;
}

bool network_weights_computed(const struct node *node)
{
    const struct value *weights = network_weights(node);
    struct value *stored = weights ? weights->origin : NULL;
    while (stored && !match_stored(stored) &&
           node_has(stored->producer, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_PERMUTES | OPERATOR_QUANTIZES))
        stored = stored->producer->inputs[0];
    return stored && stored->producer && !match_stored(stored);
}

int network_channel_axis(const struct value *made)
{
    return node_has(made->producer, OPERATOR_CONVOLUTION) ? 1 : made->shape.rank - 1;
}

bool network_is_batch_normalization(const struct node *node)
{
    if (!match_operator(node, "BatchNormalization"))
        return false;
    const struct value *mean = node->inputs[3];
    return mean->constant || !mean->producer;
}

bool network_is_activation(const struct node *node)
{
    return node_has(node, OPERATOR_ACTIVATION);
}
