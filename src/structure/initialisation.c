#include "structure/initialisation.h"

#include <math.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/settings.h"

#define LEAST_ELEMENTS 256 /* of a weight whose deviation tells something */
#define MOST_ELEMENTS 65536
#define LEAST_SHARE .9
#define SIGMAS 4 /* of a deviation's own spread, 1 / sqrt(2 n) of it */

double weight_fan_in(const struct node *node)
{
    const struct shape *weights = &node->inputs[1]->shape;
    const struct gemm_settings *gemm = match_settings(node, "Gemm");
    if (node_has(node, OPERATOR_MATRIX) && !(gemm && gemm->transB))
        return (double)weights->dims[weights->rank - 2];
    return (double)(shape_count(weights) / weights->dims[match_operator(node, "ConvTranspose") ? 1 : 0]);
}

double weight_fan_out(const struct node *node)
{
    const struct shape *weights = &node->inputs[1]->shape;
    const struct gemm_settings *gemm = match_settings(node, "Gemm");
    if (node_has(node, OPERATOR_MATRIX))
        return (double)weights->dims[weights->rank - (gemm && gemm->transB ? 2 : 1)];
    return (double)(shape_count(weights) / weights->dims[match_operator(node, "ConvTranspose") ? 0 : 1]);
}

/* ---- normalisations ---- */

/* 1: all elements are `a` or all are `b`; 0; -1 on an error of reading. Other than a constant: 0. */
static int all_are(const struct value *value, double a, double b, struct error *error)
{
    const struct tensor *tensor = value && value->constant ? constant_data(value->constant, error) : NULL;
    if (!tensor)
        return value && value->constant ? -1 : 0;
    int64_t count = shape_count(&value->shape);
    double first = count > 0 ? tensor_number(tensor, 0) : a;
    if (first != a && first != b)
        return 0;
    for (int64_t i = 1; i < count; i++) {
        if (tensor_number(tensor, i) != first)
            return 0;
    }
    return 1;
}

/* Inputs behind the data: their starts by role. */
static int starts(const struct node *node, struct error *error)
{
    for (int i = 1; i < node->input_count; i++) {
        enum operand_role role = node_role(node, i);
        int start = !node->inputs[i] ? 1
                    : role == ROLE_SCALE || role == ROLE_VARIANCE
                        ? all_are(node->inputs[i], 1, role == ROLE_SCALE ? 0 : 1, error)
                    : role == ROLE_SHIFT || role == ROLE_MEAN ? all_are(node->inputs[i], 0, 0, error)
                                                              : 1;
        if (start != 1)
            return start;
    }
    return 1;
}

/* Per channel, whatever the form. */
static int group_starts(const struct group_site *site, double *numbers, struct error *error)
{
    const double *scale = numbers, *bias = numbers + site->channels;
    if (group_site_affine(site, numbers, numbers + site->channels, error))
        return -1;
    for (int64_t c = 0; c < site->channels; c++) {
        if ((scale[c] != 1 && scale[c] != 0) || scale[c] != scale[0] || bias[c] != 0)
            return 0;
    }
    return 1;
}

static int normalisations_start(const struct network *network, const struct group_list *groups, int *count,
                                struct error *error)
{
    int start = 1;
    for (int i = 0; i < groups->count && start == 1; i++, ++*count) {
        const struct group_site *site = &groups->sites[i];
        double *numbers = arena_allocate(network->graph->arena, 2 * (size_t)site->channels, sizeof *numbers, error);
        start = numbers ? group_starts(site, numbers, error) : -1;
    }
    for (const struct node *node = network->graph->first; node && start == 1; node = node->next) {
        if (node_has(node, OPERATOR_NORMALIZES_ROWS) || network_is_batch_normalization(node)) {
            start = starts(node, error);
            ++*count;
        }
    }
    return start;
}

/* ---- weights ---- */

static bool is_formula(double deviation, double count, double in, double out)
{
    const double formulas[] = {sqrt(2 / in),         sqrt(2 / out),      sqrt(1 / in), sqrt(1 / out),
                               sqrt(2 / (in + out)), sqrt(1 / (3 * in)), .02,          .01};
    for (size_t i = 0; i < sizeof formulas / sizeof formulas[0]; i++) {
        if (fabs(deviation / formulas[i] - 1) <= SIGMAS / sqrt(2 * count))
            return true;
    }
    return false;
}

/* 1, 0, or -1 on an error of reading. */
static int is_drawn(const struct node *node, struct error *error)
{
    const struct value *weights = node->inputs[1];
    const struct tensor *tensor = constant_data(weights->constant, error);
    double sum = 0, squares = 0;
    int64_t all = shape_count(&weights->shape), step = 1 + (all - 1) / MOST_ELEMENTS, count = 0;
    for (int64_t i = 0; tensor && i < all; i += step, count++) {
        double number = tensor_number(tensor, i);
        sum += number;
        squares += number * number;
    }
    double elements = (double)count, mean = sum / elements, deviation = sqrt(fmax(0, squares / elements - mean * mean));
    return !tensor ? -1 : is_formula(deviation, elements, weight_fan_in(node), weight_fan_out(node));
}

int initialisation_seems(const struct network *network, const struct group_list *groups, bool *seems,
                         struct error *error)
{
    int normalisations = 0, weights = 0, drawn = 0;
    int start = normalisations_start(network, groups, &normalisations, error);
    *seems = false;
    if (start < 1 || normalisations == 0)
        return start < 0 ? -1 : 0;
    for (const struct node *node = network->graph->first; node; node = node->next) {
        const struct value *weight = network_weights(node);
        if (!weight || shape_count(&weight->shape) < LEAST_ELEMENTS)
            continue;
        int found = is_drawn(node, error);
        if (found < 0)
            return -1;
        weights++;
        drawn += found;
    }
    *seems = weights > 0 && drawn >= LEAST_SHARE * weights;
    return 0;
}
