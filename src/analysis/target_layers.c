#include "analysis/target_layers.h"

#include "analysis/spatial_grid.h"
#include "graph/match.h"
#include "graph/operator.h"
#include "structure/dominators.h"
#include "structure/head_activation.h"
#include "structure/network.h"

struct value *target_logits(const struct graph *graph)
{
    return activation_walk_back(graph->outputs[0], NULL);
}

struct value *target_unresized(struct value *value)
{
    if (value->shape.rank != 4)
        return value;
    struct value *cursor = match_back(value, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_RESAMPLES | OPERATOR_PERMUTES);
    return cursor->producer && cursor->shape.rank == 4 ? cursor : value;
}

/* The last map or tokens made by nodes that have all bits of `mark`; with so many channels unless 0. */
static int last_spatial(struct graph *graph, struct field_sweep *sweep, int mark, int64_t channels,
                        struct value **value, struct error *error)
{
    *value = NULL;
    for (struct node *node = graph->last; node; node = node->previous) {
        for (int i = 0; (node->mark & mark) == mark && i < node->output_count; i++) {
            struct unit_grid grid;
            if (!node->outputs[i])
                continue;
            if (spatial_grid_find(sweep, node->outputs[i], &grid, error))
                return -1;
            if (unit_grid_is_spatial(&grid) && grid.view.units > 1 &&
                (channels == 0 || grid.view.channels == channels)) {
                *value = node->outputs[i];
                return 0;
            }
        }
    }
    return 0;
}

/* ---- features ---- */

/* The data input of the product that makes dense logits. */
static struct value *classifier_input(struct value *logits)
{
    struct node *node = logits->producer;
    if (match_operator(node, "Add") && node->inputs[1]->constant)
        node = node->inputs[0]->producer;
    if (!node || !network_weights(node))
        return NULL;
    struct value *features = match_back(node->inputs[0], OPERATOR_VIEW | OPERATOR_KEEPS);
    return features->producer && features->shape.rank == 4 ? features : NULL;
}

/* Marks what `scores` is made of: what the model's own output is made by too, as it may be the features itself. */
static void mark_sources(struct graph *graph, struct value *scores)
{
    graph_clear_marks(graph);
    graph_mark_ancestors(graph, scores == target_logits(graph) ? graph->outputs[0] : scores, 1);
    if (scores->producer && scores != target_logits(graph))
        scores->producer->mark = 0;
}

/* The last map or tokens that every way from the inputs to `scores` passes: none of a branch, a gate or one of several
 * streams. */
static int last_passed(struct graph *graph, struct field_sweep *sweep, struct value *scores, struct value **value,
                       struct error *error)
{
    struct dominators dominators;
    if (dominators_find(&dominators, graph, error))
        return -1;
    int place = scores->producer ? scores->producer->mark : -1;
    mark_sources(graph, scores);
    for (; place >= 0; place = dominators.immediate[place])
        dominators.nodes[place]->mark |= 2;
    dominators_release(&dominators);
    return last_spatial(graph, sweep, 1 | 2, 0, value, error);
}

int target_features(struct graph *graph, struct field_sweep *sweep, struct value *scores, struct value **value,
                    struct error *error)
{
    struct value *logits = target_unresized(scores);
    struct unit_grid grid;
    *value = NULL;
    if (scores->constant)
        return 0;
    if (spatial_grid_find(sweep, logits, &grid, error))
        return -1;
    if (logits->shape.rank == 4 && unit_grid_is_spatial(&grid) && grid.view.units > 1) {
        *value = classifier_input(logits);
        *value = *value ? *value : logits;
        return 0;
    }
    if (scores->shape.rank <= 2 && last_passed(graph, sweep, scores, value, error))
        return -1;
    mark_sources(graph, scores);
    if (!*value && last_spatial(graph, sweep, 1, 0, value, error))
        return -1;
    /* A map whose channels are moved in front for the pool is meant as it was made. */
    struct value *made = *value ? match_back(*value, OPERATOR_PERMUTES) : NULL;
    if (made && made->producer && made != *value) {
        if (spatial_grid_find(sweep, made, &grid, error))
            return -1;
        *value = unit_grid_is_spatial(&grid) ? made : *value;
    }
    return 0;
}

/* ---- attentions ---- */

/* Whether `logits` read none of the tokens behind the prefix but through attention. */
static int reads_prefix_only(const struct graph *graph, const struct value *logits, const struct value *tokens,
                             const struct unit_grid *grid, bool *only, struct error *error)
{
    struct interval cells[SHAPE_MAX_RANK];
    struct reads reads;
    for (int i = 0; i < logits->shape.rank; i++)
        cells[i] = (struct interval){0, logits->shape.dims[i] - 1};
    struct field_sweep sweep;
    int result =
        field_sweep_create(&sweep, graph, tokens, error) || field_sweep_reads(&sweep, logits, cells, &reads, error) ? -1
                                                                                                                    : 0;
    field_sweep_release(&sweep);
    if (result)
        return -1;
    *only = reads.local && !reads.global && reads.axes[grid->row_axis].high < grid->prefix;
    return 0;
}

static bool is_matrix_product(const struct node *node)
{
    return node_has(node, OPERATOR_PRODUCT) && !node_has(node, OPERATOR_CONVOLUTION) && node->input_count > 1;
}

/* The last attention: a Softmax between two products of results, or an operator of its own. Its query, key and value.
 */
static bool attention_operands(const struct node *node, const struct value *operands[3])
{
    if (node_has(node, OPERATOR_ATTENTION)) {
        for (int i = 0; i < 3; i++)
            operands[i] = i < node->input_count && node->inputs[i] && !node->inputs[i]->constant ? node->inputs[i]
                                                                                                 : node->inputs[0];
        return true;
    }
    if (!node_has(node, OPERATOR_SOFTMAX))
        return false;
    const struct node *scores = node->inputs[0]->producer, *mix = NULL;
    while (node_has(scores, OPERATOR_SUM | OPERATOR_MULTIPLIES | OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_PERMUTES) ||
           match_operator(scores, "Where")) {
        bool second = !scores->inputs[0]->producer && scores->input_count > 1 && scores->inputs[1];
        scores = scores->inputs[second]->producer;
    }
    for (const struct value *value = node->outputs[0]; value && value->use_count > 0;) {
        const struct node *use = value->uses[0].node;
        mix = is_matrix_product(use) ? use : NULL;
        bool passes = node_has(use, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_PERMUTES);
        value = !mix && passes ? use->outputs[0] : NULL;
    }
    if (!is_matrix_product(scores) || !mix || scores->inputs[0]->constant || scores->inputs[1]->constant)
        return false;
    operands[0] = scores->inputs[0];
    operands[1] = scores->inputs[1];
    operands[2] = mix->inputs[1];
    return true;
}

/* What an attention makes its queries, keys and values of; NULL in *value: there is none. Changes marks. */
static int attention_input(struct graph *graph, struct field_sweep *sweep, const struct node *attention,
                           int64_t channels, struct value **value, struct error *error)
{
    const struct value *operands[3];
    attention_operands(attention, operands);
    graph_clear_marks(graph);
    for (int i = 0; i < 3; i++)
        graph_mark_ancestors(graph, operands[i], 1 << i);
    return last_spatial(graph, sweep, 7, channels, value, error);
}

/* The last attentions that scores are made of, from the last to the first. */
static int last_attentions(struct graph *graph, struct value *scores, struct node *attentions[TARGET_MOST_LAYERS])
{
    const struct value *operands[3];
    int count = 0;
    mark_sources(graph, scores);
    for (struct node *node = graph->last; node && count < TARGET_MOST_LAYERS; node = node->previous) {
        if ((node->mark & 1) && attention_operands(node, operands))
            attentions[count++] = node;
    }
    return count;
}

/* Whether `scores` are made of prefix tokens only, of features that are tokens. */
static int is_of_prefix(struct graph *graph, struct field_sweep *sweep, const struct value *scores,
                        const struct value *features, int64_t *channels, bool *of_prefix, struct error *error)
{
    struct unit_grid grid;
    *of_prefix = false;
    if (!features)
        return 0;
    if (unit_grid_find(sweep, features, &grid, error))
        return -1;
    *channels = grid.view.channels;
    return grid.layout == UNITS_TOKENS && grid.prefix > 0 &&
                   reads_prefix_only(graph, scores, features, &grid, of_prefix, error)
               ? -1
               : 0;
}

/* From the last to the first. */
static int activation_layers(struct graph *graph, struct field_sweep *sweep, struct value *scores,
                             struct value *list[TARGET_MOST_LAYERS], struct error *error)
{
    struct node *attentions[TARGET_MOST_LAYERS];
    int64_t channels;
    bool of_prefix;
    int count = 0;
    if (target_features(graph, sweep, scores, &list[0], error) ||
        is_of_prefix(graph, sweep, scores, list[0], &channels, &of_prefix, error))
        return -1;
    int found = of_prefix ? last_attentions(graph, scores, attentions) : 0;
    for (int i = 0; i < found; i++) {
        struct value *input;
        if (attention_input(graph, sweep, attentions[i], channels, &input, error))
            return -1;
        if (input && (count == 0 || (input != list[count - 1] && shape_equal(&input->shape, &list[0]->shape))))
            list[count++] = input;
    }
    return count > 0 ? count : list[0] != NULL;
}

int target_layers(struct graph *graph, const struct value *image, struct value *scores,
                  struct value *list[TARGET_MOST_LAYERS], struct error *error)
{
    struct field_sweep sweep;
    int count = field_sweep_create_lawful(&sweep, graph, image, error)
                    ? -1
                    : activation_layers(graph, &sweep, scores, list, error);
    field_sweep_release(&sweep);
    for (int i = 0; i < count / 2; i++) {
        struct value *other = list[count - 1 - i];
        list[count - 1 - i] = list[i];
        list[i] = other;
    }
    return count;
}
