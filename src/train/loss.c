#include "train/loss.h"

#include <inttypes.h>
#include <string.h>

#include "op/emit.h"

static struct value *add_input(struct graph *graph, const struct value *like, struct error *error)
{
    struct value *value = graph_add_value(graph, NULL, error);
    if (!value || graph_add_input(graph, value, error))
        return NULL;
    value->dtype = DTYPE_FLOAT;
    value->shape = like->shape;
    return value;
}

/* The sum of all elements, [1]. */
static struct value *emit_total(struct graph *graph, struct value *value, struct error *error)
{
    const int64_t all[1] = {-1};
    struct value *flat_shape = emit_int_list(graph, all, 1, error),
                 *axis = emit_int_list(graph, (int64_t[]){0}, 1, error);
    struct value *flat =
        flat_shape ? emit(graph, "Reshape", EMIT_INPUTS(value, flat_shape), EMIT_NO_ATTRIBUTES, error) : NULL;
    return flat && axis
               ? emit(graph, "ReduceSum", EMIT_INPUTS(flat, axis), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 1)), error)
               : NULL;
}

static struct value *emit_scaled(struct graph *graph, struct value *value, double factor, struct error *error)
{
    struct value *number = emit_scalar(graph, DTYPE_FLOAT, factor, error);
    return number ? emit(graph, "Mul", EMIT_INPUTS(value, number), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static struct value *emit_sum(struct graph *graph, struct value *value, const int64_t *axes, int count,
                              struct error *error)
{
    struct value *list = emit_int_list(graph, axes, count, error);
    return list ? emit(graph, "ReduceSum", EMIT_INPUTS(value, list), EMIT_NO_ATTRIBUTES, error) : NULL;
}

/* 1 - mean over classes of 2 sum(p t) / (sum(p m) + sum t), with t the labels and m 1 where a unit has one. */
static struct value *emit_dice(struct graph *graph, struct value *log_probabilities, struct value *labels,
                               struct error *error)
{
    int64_t axes[SHAPE_MAX_RANK];
    int rank = log_probabilities->shape.rank, count = 0;
    for (int i = 0; i < rank; i++) {
        if (i != 1)
            axes[count++] = i;
    }
    struct value *all = emit(graph, "Exp", EMIT_INPUTS(log_probabilities), EMIT_NO_ATTRIBUTES, error);
    struct value *mask = all ? emit_sum(graph, labels, (int64_t[]){1}, 1, error) : NULL;
    struct value *p = mask ? emit(graph, "Mul", EMIT_INPUTS(all, mask), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *both = p ? emit(graph, "Mul", EMIT_INPUTS(p, labels), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *sum = both ? emit(graph, "Add", EMIT_INPUTS(p, labels), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *above = sum ? emit_sum(graph, both, axes, count, error) : NULL;
    struct value *below = above ? emit_sum(graph, sum, axes, count, error) : NULL;
    struct value *small = emit_scalar(graph, DTYPE_FLOAT, 1e-6, error);
    below = below && small ? emit(graph, "Add", EMIT_INPUTS(below, small), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *ratio = below ? emit(graph, "Div", EMIT_INPUTS(above, below), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *total = ratio ? emit_total(graph, ratio, error) : NULL;
    struct value *scaled = total ? emit_scaled(graph, total, -2.0 / (double)labels->shape.dims[1], error) : NULL;
    struct value *one = emit_scalar(graph, DTYPE_FLOAT, 1, error);
    return scaled && one ? emit(graph, "Add", EMIT_INPUTS(scaled, one), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static struct value *emit_cross_entropy(struct graph *graph, struct value *logits, const struct loss_options *options,
                                        const struct loss_values *values, struct error *error)
{
    struct value *log_probabilities =
        emit(graph, "LogSoftmax", EMIT_INPUTS(logits), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), error);
    struct value *product = log_probabilities ? emit(graph, "Mul", EMIT_INPUTS(log_probabilities, values->target),
                                                     EMIT_NO_ATTRIBUTES, error)
                                              : NULL;
    struct value *total = product ? emit_total(graph, product, error) : NULL;
    struct value *loss = total ? emit_scaled(graph, total, -1, error) : NULL;
    if (!loss || !values->weight)
        return loss;
    struct value *dice = emit_dice(graph, log_probabilities, values->weight, error);
    struct value *weighted = dice ? emit_scaled(graph, dice, (double)options->dice, error) : NULL;
    return weighted ? emit(graph, "Add", EMIT_INPUTS(loss, weighted), EMIT_NO_ATTRIBUTES, error) : NULL;
}

/* weight (softplus(x) - x t), the cross-entropy of sigmoid(x). */
static struct value *emit_binary(struct graph *graph, struct value *logits, struct value *target, struct value *weight,
                                 struct error *error)
{
    struct value *soft = emit(graph, "Softplus", EMIT_INPUTS(logits), EMIT_NO_ATTRIBUTES, error);
    struct value *product = emit(graph, "Mul", EMIT_INPUTS(logits, target), EMIT_NO_ATTRIBUTES, error);
    struct value *difference =
        soft && product ? emit(graph, "Sub", EMIT_INPUTS(soft, product), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *weighted =
        difference ? emit(graph, "Mul", EMIT_INPUTS(difference, weight), EMIT_NO_ATTRIBUTES, error) : NULL;
    return weighted ? emit_total(graph, weighted, error) : NULL;
}

static struct value *emit_squares(struct graph *graph, struct value *logits, struct value *target, struct value *weight,
                                  struct error *error)
{
    struct value *difference = emit(graph, "Sub", EMIT_INPUTS(logits, target), EMIT_NO_ATTRIBUTES, error);
    struct value *square =
        difference ? emit(graph, "Mul", EMIT_INPUTS(difference, difference), EMIT_NO_ATTRIBUTES, error) : NULL;
    struct value *weighted = square ? emit(graph, "Mul", EMIT_INPUTS(square, weight), EMIT_NO_ATTRIBUTES, error) : NULL;
    return weighted ? emit_total(graph, weighted, error) : NULL;
}

int loss_emit(struct graph *graph, struct value *logits, const struct loss_options *options, struct loss_values *values,
              struct error *error)
{
    *values = (struct loss_values){.target = add_input(graph, logits, error)};
    if (!values->target)
        return -1;
    if ((options->kind != FOVEA_CROSS_ENTROPY || options->dice > 0) &&
        !(values->weight = add_input(graph, logits, error)))
        return -1;
    values->loss = options->kind == FOVEA_CROSS_ENTROPY ? emit_cross_entropy(graph, logits, options, values, error)
                   : options->kind == FOVEA_BINARY ? emit_binary(graph, logits, values->target, values->weight, error)
                                                   : emit_squares(graph, logits, values->target, values->weight, error);
    return values->loss ? 0 : -1;
}

/* ---- targets ---- */

static bool counts(const struct loss_options *options, int64_t label)
{
    return options->ignored < 0 || label != options->ignored;
}

static float weight_of(const struct loss_options *options, int64_t label)
{
    return options->class_weights ? options->class_weights[label] : 1;
}

const char *loss_name(enum fovea_loss kind)
{
    static const char *const names[] = {"cross-entropy", "binary", "squares"};
    return names[kind];
}

static bool is_binary(const struct loss_labels *labels)
{
    return labels->classes == 1;
}

static int check_labels(const struct loss_options *options, const struct loss_labels *labels, struct error *error)
{
    int64_t classes = is_binary(labels) ? 2 : labels->classes;
    for (int64_t i = 0; i < labels->images * labels->units; i++) {
        int64_t label = labels->labels[i];
        if (counts(options, label) && (label < 0 || label >= classes))
            return error_set(error, ERROR_INPUT, "label %" PRId64 " with %" PRId64 " classes", label, classes);
    }
    return 0;
}

/* Of the labels of a unit, mixed as they are. */
static double weight_of_unit(const struct loss_options *options, const struct loss_labels *labels, int64_t unit)
{
    double share = labels->second ? (double)labels->share[unit / labels->units] : 1;
    double weight = share * (double)weight_of(options, labels->labels[unit]);
    return labels->second ? weight + (1 - share) * (double)weight_of(options, labels->second[unit]) : weight;
}

/* As PyTorch's weighted mean: divided by the sum of the weights of the labels. */
static double sum_of_weights(const struct loss_options *options, const struct loss_labels *labels, int64_t *counted)
{
    double sum = 0;
    *counted = 0;
    for (int64_t unit = 0; unit < labels->images * labels->units; unit++) {
        if (!counts(options, labels->labels[unit]))
            continue;
        sum += weight_of_unit(options, labels, unit);
        ++*counted;
    }
    return sum;
}

/* A label's part in the column of a unit: smoothed, with the weights of classes. */
static void add_label(const struct loss_options *options, const struct loss_labels *labels, int64_t label, double part,
                      float *column)
{
    double smooth = (double)options->smoothing, classes = (double)labels->classes;
    if (is_binary(labels)) { /* its weight goes with the unit: loss_fill */
        column[0] += (float)(part * ((label == 1 ? 1 - smooth : 0) + smooth / 2));
        return;
    }
    for (int64_t k = 0; k < labels->classes; k++) {
        double share = (k == label ? 1 - smooth : 0) + smooth / classes;
        if (share > 0)
            column[k * labels->units] += (float)(part * share * (double)weight_of(options, k));
    }
}

/* The target of one unit, `factor` times, in its column of [images, classes, units]. */
static void fill_unit(const struct loss_options *options, const struct loss_labels *labels, int64_t unit, double factor,
                      float *target)
{
    int64_t image = unit / labels->units, cell = unit % labels->units;
    int64_t first = image * labels->classes * labels->units + cell;
    double own = labels->teacher ? 1 - (double)labels->teacher_weight : 1;
    double share = labels->second ? (double)labels->share[image] : 1;
    add_label(options, labels, labels->labels[unit], factor * own * share, target + first);
    if (labels->second)
        add_label(options, labels, labels->second[unit], factor * own * (1 - share), target + first);
    double taught = labels->teacher ? factor * (1 - own) * weight_of_unit(options, labels, unit) : 0;
    for (int64_t k = 0; labels->teacher && k < labels->classes; k++) {
        int64_t at = first + k * labels->units;
        target[at] += (float)(taught * (double)labels->teacher[at]);
    }
}

static void fill_column(const struct loss_labels *labels, int64_t unit, float value, float *column)
{
    int64_t first = unit / labels->units * labels->classes * labels->units + unit % labels->units;
    for (int64_t k = 0; k < labels->classes; k++)
        column[first + k * labels->units] = value;
}

int loss_fill(const struct loss_options *options, const struct loss_labels *labels, float scale, float *target,
              float *weight, int64_t *counted, struct error *error)
{
    bool entropy = options->kind == FOVEA_CROSS_ENTROPY;
    size_t bytes = (size_t)(labels->images * labels->classes * labels->units) * sizeof *target;
    struct loss_options plain = {.ignored = options->ignored, .smoothing = entropy ? 0 : options->smoothing};
    struct loss_labels untaught = *labels;
    untaught.teacher = NULL;
    memset(target, 0, bytes);
    if (weight)
        memset(weight, 0, bytes);
    if (check_labels(options, labels, error))
        return -1;
    double sum = sum_of_weights(options, labels, counted), part = sum > 0 ? 1 / (sum * (double)scale) : 0;
    for (int64_t unit = 0; unit < labels->images * labels->units; unit++) {
        if (!counts(options, labels->labels[unit]))
            continue;
        fill_unit(entropy ? options : &plain, labels, unit, entropy ? part : 1, target);
        if (entropy && weight) /* of the Dice loss: the labels as they are */
            fill_unit(&plain, &untaught, unit, 1, weight);
        else if (weight)
            fill_column(labels, unit, (float)(part * weight_of_unit(options, labels, unit) / (double)labels->classes),
                        weight);
    }
    return 0;
}
