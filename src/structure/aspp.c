#include "structure/aspp.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/spatial.h"

/* A convolution over maps that keeps their size, and its rates. 1, 0 or -1. */
static int read_branch(struct element_tracer *tracer, struct node *node, struct aspp_branch *branch,
                       struct error *error)
{
    const struct window_settings *settings = match_settings(node, "Conv");
    if (!settings || !network_weights(node) || node->inputs[0]->shape.rank != 4)
        return 0;
    const struct ints strides = settings->strides, dilations = settings->dilations;
    const int64_t *kernel = node->inputs[1]->shape.dims + 2;
    if ((dilations.count != 0 && dilations.count != 2) || (kernel[0] == 1 && kernel[1] == 1))
        return 0;
    for (int i = 0; i < strides.count; i++) {
        if (strides.values[i] != 1)
            return 0;
    }
    *branch = (struct aspp_branch){.convolution = node};
    if (aspp_input_find(tracer, node->inputs[0], &branch->input, error))
        return -1;
    for (int i = 0; i < 2; i++)
        branch->rate[i] = (dilations.count ? dilations.values[i] : 1) * branch->input.block[i];
    return 1;
}

static bool is_dilated(const struct aspp_branch *branch)
{
    return branch->rate[0] > 1 || branch->rate[1] > 1;
}

static bool is_pointwise(const struct node *node)
{
    const struct value *weights = match_operator(node, "Conv") ? network_weights(node) : NULL;
    return weights && weights->shape.rank == 4 && weights->shape.dims[2] == 1 && weights->shape.dims[3] == 1;
}

/* What a branch may do with its result before it is joined. */
static bool stays_in_branch(const struct node *node)
{
    return node_has(node,
                    OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_PERMUTES | OPERATOR_QUANTIZES | OPERATOR_ACTIVATION) ||
           match_beside_constant(node) >= 0 || network_is_batch_normalization(node) || is_pointwise(node) ||
           match_moved(node);
}

/* The one user, seen through the two readers of a self-gated activation (SiLU as Sigmoid and Mul). */
static struct node *next_node(const struct value *value)
{
    if (value->use_count == 1)
        return value->uses[0].node;
    for (size_t i = 0; value->use_count == 2 && i < 2; i++) {
        const struct node *gate = value->uses[i].node;
        struct node *product = value->uses[1 - i].node;
        if (network_is_activation(gate) && match_operator(product, "Mul") &&
            match_other(product, value) == gate->outputs[0])
            return product;
    }
    return NULL;
}

/* Where a branch meets others: a Concat, or the last of sums that lead into one another; NULL: nowhere. */
static struct node *join_of(const struct node *convolution)
{
    struct node *node = next_node(convolution->outputs[0]);
    bool gated = node && match_operator(node, "Mul") && convolution->outputs[0]->use_count == 2;
    while (node && (gated || stays_in_branch(node))) {
        const struct value *result = node->outputs[0];
        node = next_node(result);
        gated = node && match_operator(node, "Mul") && result->use_count == 2;
    }
    if (match_operator(node, "Concat"))
        return node;
    while (node_has(node, OPERATOR_SUM) && node->outputs[0]->use_count == 1 &&
           node_has(node->outputs[0]->uses[0].node, OPERATOR_SUM))
        node = node->outputs[0]->uses[0].node;
    return node_has(node, OPERATOR_SUM) ? node : NULL;
}

static bool is_before(const struct aspp_branch *a, const struct aspp_branch *b)
{
    return a->rate[0] != b->rate[0] ? a->rate[0] < b->rate[0] : a->rate[1] < b->rate[1];
}

static void add_branch(struct aspp *aspp, const struct aspp_branch *branch)
{
    int place = aspp->count;
    aspp->undilated += !is_dilated(branch);
    if (aspp->count == ASPP_MOST_BRANCHES || !is_dilated(branch))
        return;
    for (; place > 0 && is_before(branch, &aspp->branches[place - 1]); place--)
        aspp->branches[place] = aspp->branches[place - 1];
    aspp->branches[place] = *branch;
    aspp->count++;
}

static bool has_two_rates(const struct aspp *aspp)
{
    if (aspp->count < 2)
        return false;
    const int64_t *first = aspp->branches[0].rate, *last = aspp->branches[aspp->count - 1].rate;
    return first[0] != last[0] || first[1] != last[1];
}

/* The branches that are joined like this one so far, or a new list of them. */
static struct aspp *list_of(struct aspp *list, int *count, const struct aspp_branch *branch, struct node *join)
{
    int place = 0;
    while (place < *count && (list[place].input != branch->input.map || list[place].join != join))
        place++;
    if (place == *count)
        list[(*count)++] = (struct aspp){
            .input = branch->input.map, .join = join, .size = {branch->input.size[0], branch->input.size[1]}};
    return &list[place];
}

int aspp_find(const struct network *network, struct aspp_list *found, struct error *error)
{
    struct graph *graph = network->graph;
    struct aspp *list = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *list, error);
    struct element_tracer tracer;
    int count = 0;
    *found = (struct aspp_list){.list = list};
    if (!list || element_tracer_create(&tracer, graph, error))
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        struct aspp_branch branch;
        struct node *join = node_has(node, OPERATOR_CONVOLUTION) ? join_of(node) : NULL;
        int read = join ? read_branch(&tracer, node, &branch, error) : 0;
        if (read < 0)
            return -1;
        if (read == 0)
            continue;
        if (branch.input.regrouped)
            found->regrouped++;
        else
            add_branch(list_of(list, &count, &branch, join), &branch);
    }
    for (int i = 0; i < count; i++) {
        if (has_two_rates(&list[i]))
            list[found->count++] = list[i];
    }
    return 0;
}
