#include "structure/aspp.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/spatial.h"

/* A convolution over maps that keeps their size, and its dilations. */
static bool read_branch(struct node *node, struct aspp_branch *branch)
{
    const struct window_settings *settings = match_settings(node, "Conv");
    if (!settings || !network_weights(node) || node->inputs[0]->shape.rank != 4)
        return false;
    const struct ints strides = settings->strides, dilations = settings->dilations;
    const int64_t *kernel = node->inputs[1]->shape.dims + 2;
    if ((dilations.count != 0 && dilations.count != 2) || (kernel[0] == 1 && kernel[1] == 1))
        return false;
    for (int i = 0; i < strides.count; i++) {
        if (strides.values[i] != 1)
            return false;
    }
    *branch = (struct aspp_branch){
        node, {dilations.count ? dilations.values[0] : 1, dilations.count ? dilations.values[1] : 1}};
    return true;
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
           match_beside_constant(node) >= 0 || network_is_batch_normalization(node) || is_pointwise(node);
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

int aspp_find(const struct network *network, struct aspp_list *found, struct error *error)
{
    struct graph *graph = network->graph;
    struct aspp *list = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *list, error);
    int count = 0;
    if (!list)
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        struct aspp_branch branch;
        struct node *join = read_branch(node, &branch) ? join_of(node) : NULL;
        /* Exporters put changes of layout in front of every convolution by itself. */
        struct value *input = join ? match_back(node->inputs[0], OPERATOR_KEEPS | OPERATOR_PERMUTES) : NULL;
        int place = 0;
        while (join && place < count && (list[place].input != input || list[place].join != join))
            place++;
        if (!join)
            continue;
        if (place == count)
            list[count++] = (struct aspp){
                .input = input, .join = join, .size = {node->inputs[0]->shape.dims[2], node->inputs[0]->shape.dims[3]}};
        add_branch(&list[place], &branch);
    }
    *found = (struct aspp_list){.list = list};
    for (int i = 0; i < count; i++) {
        if (has_two_rates(&list[i]))
            list[found->count++] = list[i];
    }
    return 0;
}
