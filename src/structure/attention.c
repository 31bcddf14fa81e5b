#include "structure/attention.h"

#include <string.h>

#include "graph/match.h"

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

static struct value *next_operand(const struct node *node)
{
    int input;
    if (match_operator(node, "Add") || match_operator(node, "Mul"))
        return constant_operand(node, &input) ? node->inputs[1 - input] : NULL;
    static const char *const through[] = {"Div", "Reshape", "Cast", "Identity", "Where", "Squeeze", "Unsqueeze"};
    for (size_t i = 0; i < sizeof through / sizeof through[0]; i++) {
        if (match_operator(node, through[i]))
            return node->inputs[strcmp(through[i], "Where") == 0 ? 1 : 0];
    }
    return NULL;
}

/* Walks from the logits back to their product, looking for the bias. False: there is no product. 1, 0 or -1. */
static int find_bias(struct value *logits, struct attention_site *site, struct error *error)
{
    struct value *value = logits;
    for (int step = 0; step < MOST_STEPS && value && value->producer; step++) {
        struct node *node = value->producer;
        int input;
        if (match_operator(node, "MatMul") || match_operator(node, "Einsum"))
            return 1;
        const struct value *constant = match_operator(node, "Add") ? constant_operand(node, &input) : NULL;
        int found = constant ? is_bias(constant, site->queries, site->keys, error) : 0;
        if (found < 0)
            return -1;
        if (found) {
            site->bias = node->inputs[input];
            site->bias_node = node;
            site->bias_input = input;
        }
        value = next_operand(node);
    }
    return 0;
}

static int read_softmax(struct node *node, struct attention_site *site, struct error *error)
{
    struct value *logits = node->inputs[0];
    int rank = logits->shape.rank;
    if (rank < 3)
        return 0;
    int64_t axis = node_int(node, "axis", node->opset < 13 ? 1 : -1);
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
    if (query->rank < 3 || key->rank != query->rank)
        return 0;
    *site = (struct attention_site){.node = node,
                                    .output = node->outputs[0],
                                    .heads = query->rank == 4 ? query->dims[1] : node_int(node, "q_num_heads", 1),
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
        int found = match_operator(node, "Softmax")     ? read_softmax(node, site, error)
                    : match_operator(node, "Attention") ? read_attention(node, site, error)
                                                 : 0;
        if (found < 0)
            return -1;
        list->count += found;
    }
    return 0;
}
