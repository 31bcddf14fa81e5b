/* The elements of weights and other constants. */
#include <inttypes.h>
#include <math.h>

#include "analysis/check_rules.h"
#include "graph/operator.h"

#define MOST_VISITS 10000
#define MOST_STEPS 16 /* from a constant to who uses it, through a graph that may hold cycles */

struct weight_tally {
    int64_t infinite, not_number, denormal;
};

static struct weight_tally tally_weights(const struct tensor *tensor)
{
    struct weight_tally tally = {0};
    const float *elements = tensor->data;
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
        tally.infinite += isinf(elements[i]) != 0;
        tally.not_number += isnan(elements[i]) != 0;
        tally.denormal += fpclassify(elements[i]) == FP_SUBNORMAL;
    }
    return tally;
}

/* Operators that give the elements of input 0 other places, another shape or type. */
static bool passes_elements(const struct node *node)
{
    return node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_MOVES | OPERATOR_QUANTIZES) &&
           node->input_count > 0 && node->output_count > 0 && node_role(node, 0) == ROLE_DATA;
}

static bool has_constant_weights(const struct node *node)
{
    const struct value *weights = node_has(node, OPERATOR_PRODUCT) && node->input_count > 1 ? node->inputs[1] : NULL;
    for (int steps = MOST_STEPS; steps && weights && !weights->constant && passes_elements(weights->producer); steps--)
        weights = weights->producer->inputs[0];
    return weights && weights->constant;
}

/* Weights go into sums with what they weigh: then infinity cannot be meant. A bias is added to a product with
 * constant weights; what is added to a product of results is a mask. Nobody knows of operators that are missing. */
static bool reads_as_weight(const struct use *use)
{
    const struct node *node = use->node;
    if (!node->definition || node_has(node, OPERATOR_PRODUCT | OPERATOR_NORMALIZES))
        return true;
    switch (node_role(node, use->input)) {
    case ROLE_WEIGHT:
    case ROLE_SHIFT:
    case ROLE_SLOPE:
        return true;
    case ROLE_TERM: {
        const struct value *other = node->input_count == 2 ? node->inputs[1 - use->input] : NULL;
        return other && has_constant_weights(other->producer);
    }
    default:
        return false;
    }
}

/* Whether a weight operator reads the constant, if only behind operators that pass its elements on.
 * One without known readers may be read by an inner graph: counted as a weight. */
static bool is_weight(const struct value *value, int depth, int *visits)
{
    if (value->use_count == 0 || depth == 0 || ++*visits == MOST_VISITS)
        return true;
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *node = value->uses[i].node;
        const struct value *passed = passes_elements(node) && value->uses[i].input == 0 ? node->outputs[0] : NULL;
        if (reads_as_weight(&value->uses[i]) || (passed && is_weight(passed, depth - 1, visits)))
            return true;
    }
    return false;
}

/* Infinity is a fault of weights, but what attention masks and bounds are made of. */
static int check_finite(struct check *check, const struct value *value, const struct weight_tally *tally,
                        struct error *error)
{
    int64_t count = tally->infinite + tally->not_number;
    if (count == 0)
        return 0;
    if (tally->not_number > 0 || is_weight(value, MOST_STEPS, &(int){0}))
        return check_tell(check, FINDING_WEIGHT_NOT_FINITE, error,
                          "'%s' holds %" PRId64 " element%s infinite or not a number", value->name, count,
                          count == 1 ? " that is" : "s that are");
    return check_tell(check, FINDING_CONSTANT_INFINITE, error,
                      "'%s' holds %" PRId64 " infinite element%s; no weight, but a mask or a bound", value->name, count,
                      count == 1 ? "" : "s");
}

/* One note for all weights: trained networks hold denormals in many. */
static int note_denormals(struct check *check, int64_t elements, int weights, const char *first, struct error *error)
{
    if (weights == 0)
        return 0;
    return check_tell(check, FINDING_WEIGHT_DENORMAL, error,
                      "%d weight%s %" PRId64
                      " element%s below the smallest normal float, first '%s': they slow down some "
                      "processors and vanish on others",
                      weights, weights == 1 ? " holds" : "s hold", elements, elements == 1 ? "" : "s", first);
}

/* Payloads that cannot be read. */
static const struct tensor *read_weight(struct check *check, const struct value *value, int *result,
                                        struct error *error)
{
    struct error own = ERROR_INITIALISER;
    const struct tensor *tensor = constant_data(value->constant, &own);
    if (!tensor) {
        error_prefix(&own, "'%s'", value->name);
        *result = check_tell_refusal(check, FINDING_UNREADABLE_WEIGHT, &own, "", error);
    }
    return tensor;
}

/* Files beside the model are looked into whatever they hold; the model's own bytes were all there when it was loaded.
 */
static bool is_looked_into(const struct value *value)
{
    return value->constant && (dtype_storage(value->constant->tensor.dtype) == DTYPE_FLOAT ||
                               (value->constant->payload.place == PAYLOAD_EXTERNAL &&
                                dtype_storage(value->constant->tensor.dtype) != DTYPE_UNDEFINED));
}

/* Elements that cannot be right. */
static int check_elements(struct check *check, struct error *error)
{
    const struct graph *graph = check->graph;
    int64_t denormal = 0;
    int weights = 0, result = 0;
    const char *first = "";
    for (size_t i = 0; i < graph->value_count && result == 0; i++) {
        const struct value *value = graph->values[i];
        const struct tensor *tensor = is_looked_into(value) ? read_weight(check, value, &result, error) : NULL;
        if (!tensor || dtype_storage(tensor->dtype) != DTYPE_FLOAT)
            continue;
        struct weight_tally tally = tally_weights(tensor);
        if (check_finite(check, value, &tally, error))
            return -1;
        if (tally.denormal > 0 && weights++ == 0)
            first = value->name;
        denormal += tally.denormal;
    }
    return result ? -1 : note_denormals(check, denormal, weights, first, error);
}

static int check_sparse(struct check *check, struct error *error)
{
    const struct graph *graph = check->graph;
    const char *first = NULL;
    int count = 0;
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->constant && value->constant->sparse && count++ == 0)
            first = value->name;
    }
    return count == 0
               ? 0
               : check_tell(check, FINDING_SPARSE_WEIGHT, error,
                            "%d weight%s in sparse form, first '%s': few runtimes read it; fovea makes them dense",
                            count, count == 1 ? " is" : "s are", first);
}

int check_weights(struct check *check, struct error *error)
{
    return check_elements(check, error) || check_sparse(check, error) ? -1 : 0;
}
