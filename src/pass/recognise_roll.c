#include "graph/match.h"
#include "op/emit.h"
#include "op/settings.h"
#include "pass/passes.h"

/* value = x[begin:end] along `axis`, all else untouched; x, or NULL. */
static struct value *part_of(const struct value *value, int axis, int64_t *begin, int64_t *end)
{
    const struct node *node = match_producer(value, "Slice");
    const struct slice_settings *settings = node ? node->settings : NULL;
    int64_t starts, ends, axes = 0, steps = 1;
    if (!node || match_ints(node, settings->starts, 1, &starts, 1) != 1 ||
        match_ints(node, settings->ends, 2, &ends, 1) != 1)
        return NULL;
    bool axes_given = settings->axes.values || (node->input_count > 3 && node->inputs[3]);
    if (axes_given && match_ints(node, settings->axes, 3, &axes, 1) != 1)
        return NULL;
    if (node->input_count > 4 && node->inputs[4] &&
        (match_ints(node, (struct ints){0}, 4, &steps, 1) != 1 || steps != 1))
        return NULL;
    const struct shape *x = &node->inputs[0]->shape;
    if (x->rank < 1 || (axes < 0 ? axes + x->rank : axes) != axis)
        return NULL;
    int64_t size = x->dims[axis];
    *begin = starts < 0 ? starts + size : starts;
    *end = ends < 0 ? ends + size : ends > size ? size : ends;
    return node->inputs[0];
}

int pass_recognise_roll(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        int64_t begin[2], end[2];
        int axis;
        next = node->next;
        const struct concat_settings *settings = match_settings(node, "Concat");
        if (!settings || node->input_count != 2 ||
            shape_axis(settings->axis, node->outputs[0]->shape.rank, &axis, NULL))
            continue;
        struct value *x = part_of(node->inputs[0], axis, &begin[0], &end[0]);
        if (!x || x->graph != graph || x != part_of(node->inputs[1], axis, &begin[1], &end[1]) ||
            end[0] != x->shape.dims[axis] || begin[1] != 0 || begin[0] != end[1])
            continue;
        struct node *tail = graph->last;
        struct value *made = emit(graph, "Roll", EMIT_INPUTS(x),
                                  EMIT_ATTRIBUTES(EMIT_INT("axis", axis), EMIT_INT("first", begin[0])), error);
        if (!made || pass_replace(node, tail, made, error))
            return -1;
    }
    return 0;
}
