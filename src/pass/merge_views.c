#include "graph/match.h"
#include "graph/operator.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/settings.h"
#include "pass/passes.h"

static bool read_order(const struct node *node, int64_t *perm)
{
    const struct ints given = ((const struct transpose_settings *)node->settings)->perm;
    int rank = node->inputs[0]->shape.rank;
    if (given.values && given.count != rank)
        return false;
    for (int i = 0; i < rank; i++)
        perm[i] = given.values ? given.values[i] : rank - 1 - i;
    return true;
}

/* A Transpose that leaves the order of all axes longer than 1 as it is moves no element. */
static bool moves_nothing(const struct node *node)
{
    int64_t perm[SHAPE_MAX_RANK], last = -1;
    const struct shape *x = &node->inputs[0]->shape;
    if (!read_order(node, perm))
        return false;
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return false;
        last = perm[i];
    }
    return true;
}

/* Gives the elements another shape. */
static bool is_view(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW) && !node_has(node, OPERATOR_KEEPS);
}

/* A view's data input behind all views in front of it. */
static struct value *behind_views(struct value *value)
{
    while (is_view(value->producer) && value->producer->inputs[0]->graph == value->graph &&
           value->producer->inputs[0]->shape.rank >= 0)
        value = value->producer->inputs[0];
    return value;
}

static int merge_reshapes(struct node *node, struct error *error)
{
    struct value *from = behind_views(node->outputs[0]), *output = node->outputs[0];
    struct node *tail = node->graph->last;
    if (from == node->inputs[0] || from->constant || output->is_output)
        return 0;
    if (shape_equal(&from->shape, &output->shape))
        return pass_replace(node, tail, from, error);
    struct value *made = emit_reshape(node->graph, from, output->shape.rank, output->shape.dims, error);
    return made ? pass_replace(node, tail, made, error) : -1;
}

static int merge_transposes(struct node *node, struct error *error)
{
    struct node *before = match_producer(node->inputs[0], "Transpose"), *tail = node->graph->last;
    int64_t outer[SHAPE_MAX_RANK], inner[SHAPE_MAX_RANK], both[SHAPE_MAX_RANK];
    int rank = node->inputs[0]->shape.rank;
    if (moves_nothing(node) && node->inputs[0]->graph == node->graph && !node->inputs[0]->constant) {
        struct value *view = emit_reshape(node->graph, node->inputs[0], node->outputs[0]->shape.rank,
                                          node->outputs[0]->shape.dims, error);
        struct node *made = view ? view->producer : NULL;
        return made && pass_replace(node, tail, view, error) == 0 ? merge_reshapes(made, error) : -1;
    }
    if (!before || before->inputs[0]->graph != node->graph || !read_order(node, outer) || !read_order(before, inner))
        return 0;
    bool identity = true;
    for (int i = 0; i < rank; i++) {
        both[i] = inner[outer[i]];
        identity = identity && both[i] == i;
    }
    if (identity && !node->outputs[0]->is_output)
        return pass_replace(node, tail, before->inputs[0], error);
    struct value *made = emit(node->graph, "Transpose", EMIT_INPUTS(before->inputs[0]),
                              EMIT_ATTRIBUTES(EMIT_INTS("perm", both, rank)), error);
    return made ? pass_replace(node, tail, made, error) : -1;
}

/* One index along axis 0. */
static bool picks_first(const struct node *node)
{
    const struct attribute *axis = node_attribute(node, "axis");
    return match_operator(node, "Gather") && node->inputs[1]->constant && node->inputs[1]->shape.rank == 0 &&
           (!axis || axis->i == 0);
}

/* Whether all that a value is read for is to pick along axis 0. */
static bool is_only_picked(const struct value *value)
{
    for (size_t i = 0; i < value->use_count; i++) {
        const struct use *use = &value->uses[i];
        if (use->input != 0 || use->node->graph != value->graph || !picks_first(use->node))
            return false;
    }
    return !value->is_output;
}

/* Queries, keys and values of one product, [N, T, 3, heads, size]: they are picked in front of the Transpose that
 * brings the three to axis 0, where the images stay in front. */
static int pick_before_transpose(struct node *node, struct error *error)
{
    struct node *before = match_producer(node->inputs[0], "Transpose"), *tail = node->graph->last;
    int64_t perm[SHAPE_MAX_RANK], rest[SHAPE_MAX_RANK];
    int rank = node->inputs[0]->shape.rank;
    if (!before || before->inputs[0]->graph != node->graph || !is_only_picked(node->inputs[0]) ||
        !read_order(before, perm) || perm[0] == 0)
        return 0;
    for (int i = 1; i < rank; i++)
        rest[i - 1] = perm[i] - (perm[i] > perm[0]);
    struct value *picked = emit(node->graph, "Gather", EMIT_INPUTS(before->inputs[0], node->inputs[1]),
                                EMIT_ATTRIBUTES(EMIT_INT("axis", perm[0])), error);
    struct value *made = picked ? emit(node->graph, "Transpose", EMIT_INPUTS(picked),
                                       EMIT_ATTRIBUTES(EMIT_INTS("perm", rest, rank - 1)), error)
                                : NULL;
    return made ? pass_replace(node, tail, made, error) : -1;
}

int pass_merge_views(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        next = node->next;
        bool transposes = match_operator(node, "Transpose"), picks = picks_first(node);
        if ((!transposes && !picks && !is_view(node)) || !node->inputs[0] || node->inputs[0]->shape.rank < 0 ||
            node->outputs[0]->shape.rank < 0)
            continue;
        int failed = transposes ? merge_transposes(node, error)
                     : picks    ? pick_before_transpose(node, error)
                                : merge_reshapes(node, error);
        if (failed)
            return -1;
    }
    return 0;
}
