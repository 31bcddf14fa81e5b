#include "train/source_edit.h"

#include <stdio.h>

#include "guide/guide.h"

#define LONGEST_BASE 160 /* of the names that new tensors get */

struct value *source_new_value(struct graph *graph, const struct node *node, const char *what, struct error *error)
{
    char name[LONGEST_BASE + 64];
    for (int number = 1;; number++) {
        snprintf(name, sizeof name, number == 1 ? "%.*s.%s" : "%.*s.%s_%d", LONGEST_BASE, node_own_name(node), what,
                 number);
        if (!graph_find_value(graph, name))
            return graph_add_value(graph, name, error);
    }
}

/* Takes the maker of a value out of its graph where nobody reads it; removed ones are linked by `next`. */
static void remove_unread(const struct value *value, struct node **removed)
{
    struct node *node = value ? value->producer : NULL;
    if (!node || value->use_count > 0 || value->is_output)
        return;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && (node->outputs[i]->use_count > 0 || node->outputs[i]->is_output))
            return;
    }
    graph_remove_node(node->graph, node);
    node->next = *removed;
    *removed = node;
}

void source_remove_unread(struct value *value)
{
    struct node *removed = NULL;
    remove_unread(value, &removed);
    while (removed) {
        const struct node *node = removed;
        removed = node->next;
        for (int i = 0; i < node->input_count; i++)
            remove_unread(node->inputs[i], &removed);
    }
}

int source_set_input(struct use use, struct value *value, struct error *error)
{
    struct value *old = use.node->inputs[use.input];
    if (old == value)
        return 0;
    if (node_set_input(use.node, use.input, value, error))
        return -1;
    source_remove_unread(old);
    return 0;
}
