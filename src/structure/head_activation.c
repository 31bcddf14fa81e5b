#include "structure/head_activation.h"

#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"

#define MOST_VISITS 1000 /* of what follows a value, where ways divide */

bool makes_probabilities(const struct node *node)
{
    return node_has(node, OPERATOR_SOFTMAX) || match_operator(node, "Sigmoid");
}

enum class_activation activation_of_node(const struct node *node)
{
    return !node ? CLASS_PLAIN : node_has(node, OPERATOR_SOFTMAX) ? CLASS_SOFTMAX : CLASS_SIGMOID;
}

enum class_activation activation_of_word(const char *word)
{
    return strcmp(word, "sigmoid") == 0 || strcmp(word, "binary") == 0 ? CLASS_SIGMOID
           : strcmp(word, "none") == 0 || strcmp(word, "squares") == 0 ? CLASS_PLAIN
                                                                       : CLASS_SOFTMAX;
}

struct value *activation_walk_back(struct value *output, const struct node **last)
{
    struct value *logits = output, *cursor = output;
    const struct node *found = NULL;
    for (;;) {
        const struct node *node = (cursor = match_back(cursor, OPERATOR_VIEW | OPERATOR_KEEPS))->producer;
        bool activation = makes_probabilities(node);
        if (!activation && !match_operator(node, "ArgMax"))
            break;
        found = !found && activation ? node : found;
        logits = cursor = node->inputs[0];
    }
    if (last)
        *last = found;
    return logits;
}

static const struct node *seek(const struct value *value, int *visits)
{
    for (size_t i = 0; i < value->use_count && ++*visits < MOST_VISITS; i++) {
        const struct node *node = value->uses[i].node;
        if (makes_probabilities(node))
            return node;
        bool moves = node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_MOVES | OPERATOR_RESAMPLES);
        for (int k = 0; moves && k < node->output_count; k++) {
            const struct node *found = node->outputs[k] ? seek(node->outputs[k], visits) : NULL;
            if (found)
                return found;
        }
    }
    return NULL;
}

const struct node *activation_behind(const struct value *value)
{
    int visits = 0;
    return seek(value, &visits);
}
