#include <string.h>

#include "graph/match.h"
#include "op/dropout.h"
#include "op/settings.h"
#include "pass/passes.h"

static bool is_one_of(const struct node *node, const char *const *names)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(node->op_type, names[i]) == 0)
            return true;
    }
    return false;
}

static bool all_are(const int64_t *list, int count, int64_t value)
{
    for (int i = 0; i < count; i++) {
        if (list[i] != value)
            return false;
    }
    return count >= 0;
}

static bool keeps_order(const struct node *node)
{
    const struct ints perm = ((const struct transpose_settings *)node->settings)->perm;
    for (int i = 0; i < perm.count; i++) {
        if (perm.values[i] != i)
            return false;
    }
    return perm.values || node->inputs[0]->shape.rank < 2;
}

/* Whether the first output is the first input, where both have the same shape and type. */
static bool is_identity(const struct node *node)
{
    static const char *const views[] = {"Identity",  "Reshape", "Flatten", "Squeeze",
                                        "Unsqueeze", "Expand",  "Cast",    NULL};
    const struct pad_settings *pad = match_settings(node, "Pad");
    int64_t list[2 * SHAPE_MAX_RANK];
    if (is_one_of(node, views))
        return true;
    if (strcmp(node->op_type, "Dropout") == 0)
        return dropout_is_identity(node);
    if (strcmp(node->op_type, "Transpose") == 0)
        return keeps_order(node);
    if (pad)
        return all_are(list, match_ints(node, pad->pads, 1, list, 2 * SHAPE_MAX_RANK), 0);
    if (strcmp(node->op_type, "Slice") == 0)
        return node->input_count < 5 || all_are(list, match_ints(node, (struct ints){0}, 4, list, SHAPE_MAX_RANK), 1);
    static const char *const joining[] = {"Concat", "Sum", "Max", "Min", "Mean", NULL};
    return is_one_of(node, joining) && node->input_count == 1;
}

static bool others_unused(const struct node *node)
{
    for (int i = 1; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output))
            return false;
    }
    return true;
}

int pass_eliminate_identities(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        next = node->next;
        const struct value *from = node->input_count > 0 ? node->inputs[0] : NULL;
        const struct value *to = node->output_count > 0 ? node->outputs[0] : NULL;
        if (node->domain[0] != '\0' || !from || !to || to->is_output || from->dtype != to->dtype ||
            from->graph != graph || from->shape.rank < 0 || !shape_equal(&from->shape, &to->shape))
            continue;
        if (is_identity(node) && others_unused(node) && pass_replace(node, graph->last, node->inputs[0], error))
            return -1;
    }
    return 0;
}
