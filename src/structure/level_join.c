#include "structure/level_join.h"

#include <stdio.h>

#include "graph/match.h"
#include "op/emit.h"

const char *level_join_name(const struct value *first, int count, char out[LEVEL_NAME_SIZE])
{
    if (count > 1)
        snprintf(out, LEVEL_NAME_SIZE, "%.480s and %d more", first->name, count - 1);
    else
        snprintf(out, LEVEL_NAME_SIZE, "%.480s as rows", first->name);
    return out;
}

struct value *level_join_known(const struct graph *graph, const char *name, int count)
{
    struct value *value = graph_find_value(graph, name);
    return match_producer(value, "Concat") && value->producer->input_count == count ? value : NULL;
}

struct value *level_join(struct graph *graph, struct value *const *levels, int count, int64_t axis, const char *name,
                         struct error *error)
{
    struct value *joined = emit(graph, "Concat", levels, count, EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), error);
    struct value *named = joined ? graph_add_value(graph, graph_find_value(graph, name) ? NULL : name, error) : NULL;
    if (!named)
        return NULL;
    named->dtype = joined->dtype;
    named->shape = joined->shape;
    return node_set_output(joined->producer, 0, named, error) ? NULL : named;
}
