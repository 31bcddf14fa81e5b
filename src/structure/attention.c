#include "structure/attention.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"
#include "op/softmax.h"

#define MOST_STEPS 16  /* from the softmax back to the product */
#define MASKED (-50.0) /* numbers below hide a key; learned biases stay far above */

static const struct value *constant_operand(const struct node *node, int *input)
{
    for (int i = 0; i < 2 && node->input_count == 2; i++) {
        if (node->inputs[i] && node->inputs[i]->constant) {
            *input = i;
            return node->inputs[i];
        }
    }
    return NULL;
}

/* One number per query and key, and none that hides keys. 1, 0, or -1 on an error of reading. */
static int is_bias(const struct value *value, int64_t queries, int64_t keys, struct error *error)
{
    const struct shape *shape = &value->shape;
    bool varies = false;
    if (shape->rank < 2 || shape->dims[shape->rank - 2] != queries || shape->dims[shape->rank - 1] != keys)
        return 0;
    const struct tensor *tensor = constant_data(value->constant, error);
    if (!tensor)
        return -1;
    for (int64_t i = 0; i < shape_count(shape); i++) {
        double number = tensor_number(tensor, i);
        if (number <= MASKED)
            return 0;
        varies = varies || number != tensor_number(tensor, 0);
    }
    return varies;
}

/* Of a sum that holds no constant: the logits are made by the product, a mask is made of an input. */
static struct value *larger_operand(const struct node *node)
{
    struct value *larger = node->inputs[0];
    for (int i = 0; i < node->input_count; i++) {
        struct value *operand = node->inputs[i];
        if (operand && node_has(operand->producer, OPERATOR_PRODUCT))
            return operand;
        if (operand && shape_count(&operand->shape) > shape_count(&larger->shape))
            larger = operand;
    }
    return larger;
}

static struct value *next_operand(const struct node *node)
{
    int input;
    if (node_has(node, OPERATOR_SUM | OPERATOR_MULTIPLIES))
        return constant_operand(node, &input) ? node->inputs[1 - input] : larger_operand(node);
    if (match_operator(node, "Where"))
        return node->inputs[node->inputs[1]->constant ? 2 : 1];
    return node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_ACTIVATION) ? node->inputs[0] : NULL;
}

/* Heads mixed by weights, as talking heads are: a product over their axis turned to the end, or a pointwise
 * convolution. */
static bool mixes_heads(const struct node *node, bool turned)
{
    const struct value *weights = node->input_count > 1 && node->inputs[1] ? node->inputs[1] : NULL;
    if (!weights || !weights->constant || node->inputs[0]->constant)
        return false;
    return node_has(node, OPERATOR_CONVOLUTION) ? shape_product(&weights->shape, 2, weights->shape.rank) == 1
                                                : turned && node_has(node, OPERATOR_MATRIX);
}

/* The product of queries and keys: no layer with weights, and its result as the softmax has it. */
static bool is_logits(const struct node *node, const struct value *logits, bool turned, bool mixed)
{
    if (!node_has(node, OPERATOR_PRODUCT) || node_has(node, OPERATOR_CONVOLUTION) || node->input_count < 2)
        return false;
    bool layer = node->inputs[1]->constant && !node->inputs[0]->constant;
    return !layer && !turned && (!mixed || shape_equal(&node->outputs[0]->shape, &logits->shape));
}

/* Walks from the logits back to their product, looking for the bias. False: there is no product. 1, 0 or -1. */
static int find_bias(struct value *logits, struct attention_site *site, struct error *error)
{
    struct value *value = logits;
    bool turned = false, mixed = false, exchanged = false;
    for (int step = 0; step < MOST_STEPS && value && value->producer; step++) {
        struct node *node = value->producer;
        int input;
        if (is_logits(node, logits, turned, mixed)) {
            /* Keys times queries may be turned, as Einsum is taken apart. */
            site->query = node->inputs[exchanged];
            site->query_axis = site->query->shape.rank - (exchanged ? 1 : 2);
            return 1;
        }
        const struct value *constant =
            match_operator(node, "Add") && !turned && !exchanged ? constant_operand(node, &input) : NULL;
        int found = constant ? is_bias(constant, site->queries, site->keys, error) : 0;
        if (found < 0)
            return -1;
        if (found) {
            site->bias = node->inputs[input];
            site->bias_node = node;
            site->bias_input = input;
        }
        bool exchange = transpose_exchanges(node);
        bool turns = node_has(node, OPERATOR_PERMUTES) && !exchange, mixes = mixes_heads(node, turned);
        exchanged = exchanged != exchange;
        turned = turned != turns;
        mixed = mixed || mixes;
        value = turns || exchange || mixes ? node->inputs[0] : next_operand(node);
    }
    return 0;
}

static int read_softmax(struct node *node, struct attention_site *site, struct error *error)
{
    struct value *logits = node->inputs[0];
    int rank = logits->shape.rank;
    if (rank < 3)
        return 0;
    int64_t axis = softmax_axis(node);
    if (axis != -1 && axis != rank - 1)
        return 0;
    *site = (struct attention_site){.node = node,
                                    .output = node->outputs[0],
                                    .heads = rank > 3 ? logits->shape.dims[rank - 3] : 1,
                                    .queries = logits->shape.dims[rank - 2],
                                    .keys = logits->shape.dims[rank - 1]};
    return find_bias(logits, site, error);
}

/* ONNX's Attention: inputs Q, K, V, mask; [N,heads,L,E], or [N,L,heads E] with the attribute q_num_heads. */
static int read_attention(struct node *node, struct attention_site *site, struct error *error)
{
    const struct shape *query = &node->inputs[0]->shape, *key = &node->inputs[1]->shape;
    const struct attention_settings *settings = match_settings(node, "Attention");
    if (!settings || query->rank < 3 || key->rank != query->rank)
        return 0;
    *site = (struct attention_site){.node = node,
                                    .output = node->outputs[0],
                                    .query = node->inputs[0],
                                    .query_axis = query->rank - 2,
                                    .heads = query->rank == 4 ? query->dims[1] : settings->q_num_heads,
                                    .queries = query->dims[query->rank - 2],
                                    .keys = key->dims[query->rank - 2]};
    struct value *mask = node->input_count > 3 ? node->inputs[3] : NULL;
    int found = mask && mask->constant ? is_bias(mask, site->queries, site->keys, error) : 0;
    if (found == 1) {
        site->bias = mask;
        site->bias_node = node;
        site->bias_input = 3;
    }
    return found < 0 ? -1 : 1;
}

int attention_find(struct graph *graph, struct attention_list *list, struct error *error)
{
    *list = (struct attention_list){
        .sites = arena_allocate(graph->arena, (size_t)graph->node_count + 1, sizeof *list->sites, error)};
    if (!list->sites)
        return -1;
    for (struct node *node = graph->first; node; node = node->next) {
        struct attention_site *site = &list->sites[list->count];
        int found = node_has(node, OPERATOR_SOFTMAX)     ? read_softmax(node, site, error)
                    : node_has(node, OPERATOR_ATTENTION) ? read_attention(node, site, error)
                                                         : 0;
        if (found < 0)
            return -1;
        list->count += found;
    }
    return 0;
}

/* ---- terms ---- */

/* The value of the same graph that stands for an operand of the file's node. */
static struct value *same_value(const struct graph *graph, const struct value *of_file)
{
    struct value *value = of_file ? graph_find_value(graph, of_file->name) : NULL;
    return value && value->origin == of_file ? value : NULL;
}

static bool is_table(const struct value *value, const struct attention_site *site)
{
    const struct shape *shape = &value->shape;
    return value->constant && shape->rank >= 2 && shape->dims[shape->rank - 2] == site->queries &&
           shape->dims[shape->rank - 1] == site->keys;
}

/* The node that made a value; of a folded one the file's, with operands that may be found in this graph. */
static const struct node *maker(const struct value *value)
{
    if (value->producer || !value->origin)
        return value->producer;
    return value->origin->producer;
}

static int add_terms(const struct attention_site *site, const struct graph *graph, struct value *value, int depth,
                     struct value *terms[ATTENTION_TERMS], int count)
{
    const struct node *node = value ? maker(value) : NULL;
    struct value *operands[2] = {NULL, NULL};
    bool sum = match_operator(node, "Add"), choice = match_operator(node, "Where");
    bool view = node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS) || match_operator(node, "Expand");
    if (depth == MOST_STEPS || !value)
        return count;
    for (int i = 0; i < 2 && (sum || choice || view); i++) {
        struct value *operand = sum ? node->inputs[i] : i == 0 ? node->inputs[choice] : NULL;
        operands[i] = value->producer ? operand : same_value(graph, operand);
    }
    if (operands[0] && (!sum || operands[1])) {
        int before = count;
        for (int i = 0; i < 2; i++)
            count = add_terms(site, graph, operands[i], depth + 1, terms, count);
        if (count > before || !value->constant)
            return count;
    }
    if (is_table(value, site) && count < ATTENTION_TERMS)
        terms[count++] = value;
    return count;
}

int attention_terms(const struct attention_site *site, struct value *terms[ATTENTION_TERMS])
{
    const struct node *node = site->node;
    struct value *added = node_has(node, OPERATOR_SOFTMAX) ? node->inputs[0]
                          : node->input_count > 3          ? node->inputs[3]
                                                           : NULL;
    return add_terms(site, node->graph, added, 0, terms, 0);
}
