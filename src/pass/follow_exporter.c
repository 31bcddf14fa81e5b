#include <string.h>

#include "op/emit.h"
#include "pass/passes.h"

/* Nodes whose operator asks whether lengths are whole; a node that says it of itself keeps its word. */
static int span_whole_lengths(struct graph *graph, struct error *error)
{
    struct graph *inner;
    for (struct node *node = graph->first; node; node = node->next) {
        static const char name[] = "whole_lengths";
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (span_whole_lengths(inner, error))
                return -1;
        }
        if (node->definition && operator_attribute(node->definition, name) && !node_attribute(node, name) &&
            (node_set_attributes(node, &EMIT_INT(name, 1), 1, error) || node_read_settings(node, error)))
            return -1;
    }
    return 0;
}

bool pass_follows_exporter(const char *exporter)
{
    return exporter && strcmp(exporter, "pytorch") == 0;
}

int pass_follow_exporter(struct graph *graph, const char *exporter, struct error *error)
{
    return pass_follows_exporter(exporter) ? span_whole_lengths(graph, error) : 0;
}
