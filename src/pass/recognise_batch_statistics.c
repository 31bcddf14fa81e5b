/* BatchNormalization of one image whose statistics are those of its own channels, computed in front: rows that are
 * normalised by themselves, as Keras makes LayerNormalization of FusedBatchNorm. */
#include "graph/match.h"
#include "graph/operator.h"
#include "op/emit.h"
#include "op/known.h"
#include "op/settings.h"
#include "pass/passes.h"

enum { SCALE = 1, SHIFT, MEAN, VARIANCE };

static struct value *behind_views(struct value *value)
{
    return match_back(value, OPERATOR_VIEW | OPERATOR_KEEPS);
}

/* What the node joins to one number per channel (axis 1) of [1, C, ...]; NULL: another node. */
static struct value *joined_channels(const struct value *value, const char *op_type)
{
    const struct node *node = match_producer(value, op_type);
    const struct reduction_settings *settings = node ? node->settings : NULL;
    int64_t axes[SHAPE_MAX_RANK];
    int count = settings ? match_ints(node, settings->axes, 1, axes, SHAPE_MAX_RANK) : -1;
    if (count < 1)
        return NULL;
    const struct shape *shape = &node->inputs[0]->shape;
    for (int i = 0; i < count; i++) {
        if (axes[i] == 1 || axes[i] + shape->rank == 1)
            return NULL;
    }
    return shape->rank > 2 && shape->dims[0] == 1 && shape_count(&value->shape) == shape->dims[1] ? node->inputs[0]
                                                                                                  : NULL;
}

/* Whether it is the mean of (x - mean)^2 over each channel. */
static bool is_variance(struct value *value, const struct value *x, const struct value *mean)
{
    double count = (double)(shape_count(&x->shape) / x->shape.dims[1]);
    struct value *sum = match_with_number(value, "Div", count);
    const struct value *difference = sum ? joined_channels(behind_views(sum), "ReduceSumSquare") : NULL;
    const struct node *subtraction = difference ? match_producer(difference, "Sub") : NULL;
    return subtraction && subtraction->inputs[0] == x && behind_views(subtraction->inputs[1]) == mean;
}

int pass_recognise_batch_statistics(struct node *node, struct error *error)
{
    struct graph *graph = node->graph;
    const struct batch_normalization_settings *settings = match_settings(node, "BatchNormalization");
    if (!settings || settings->training_mode || node->inputs[MEAN]->constant || node->inputs[0]->graph != graph ||
        node->output_count > 1)
        return 0;
    struct value *x = node->inputs[0], *mean = behind_views(node->inputs[MEAN]);
    if (joined_channels(mean, "ReduceMean") != x || !is_variance(behind_views(node->inputs[VARIANCE]), x, mean) ||
        !match_all_equal(node->inputs[SCALE], 1) || !match_all_equal(node->inputs[SHIFT], 0))
        return 0;
    struct node *tail = graph->last;
    const int64_t rows[2] = {x->shape.dims[1], shape_count(&x->shape) / x->shape.dims[1]};
    const struct shape row = {.rank = 1, .dims = {rows[1]}}, *whole = &node->outputs[0]->shape;
    struct value *scale = emit_filled(graph, x->dtype, &row, 1, error), *made = emit_reshape(graph, x, 2, rows, error);
    if (scale && made)
        made = emit(graph, "LayerNormalization", EMIT_INPUTS(made, scale),
                    EMIT_ATTRIBUTES(EMIT_INT("axis", 1), EMIT_FLOAT("epsilon", settings->epsilon)), error);
    made = scale && made ? emit_reshape(graph, made, whole->rank, whole->dims, error) : NULL;
    return made ? pass_replace(node, tail, made, error) : -1;
}
