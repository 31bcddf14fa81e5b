/* PyTorch's own functions, as its exporter leaves them where it knows no ONNX operator (ATen fallback): nodes of the
 * domain org.pytorch.aten, under the function's name or as ATen with the name in attribute `operator`. Arguments are
 * inputs (torch's native_functions.yaml). */
#include "op/expansion_steps.h"
#include "op/families.h"
#include "op/operand.h"

/* Integers or truth values of an argument, at most `capacity`; how many, -1: not known, or none. */
static int read_numbers(const struct expand_context *context, int input, int64_t *numbers, int capacity,
                        struct error *error)
{
    const struct value *value = expansion_input(context, input);
    const struct tensor *tensor = value && value->constant ? constant_data(value->constant, error) : NULL;
    if (!tensor || dtype_storage(tensor->dtype) == DTYPE_FLOAT || dtype_storage(tensor->dtype) == DTYPE_DOUBLE) {
        error_set(error, ERROR_UNSUPPORTED, "argument %d must be integers that are known before the model runs", input);
        return -1;
    }
    int64_t count = shape_count(&tensor->shape);
    if (count < 1 || count > capacity) {
        error_set(error, ERROR_INPUT, "argument %d must hold 1 to %d numbers", input, capacity);
        return -1;
    }
    for (int64_t i = 0; i < count; i++)
        numbers[i] = tensor_int(tensor, i);
    return (int)count;
}

/* grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners) */
static int expand_grid(struct expand_context *context, struct error *error)
{
    int64_t numbers[3];
    for (int i = 0; i < 3; i++) {
        if (read_numbers(context, 2 + i, &numbers[i], 1, error) < 0)
            return -1;
    }
    return expansion_grid_sample(context, numbers[0], numbers[1], numbers[2] != 0, error);
}

/* ---- adaptive pools: bin i of n over s cells reads floor(i s / n) to ceil((i + 1) s / n), axis by axis ---- */

#define MOST_BINS 64

static struct value *emit_bin(struct graph *graph, const char *reduction, struct value *x, int64_t axis, int64_t bin,
                              int64_t bins, struct error *error)
{
    int64_t size = x->shape.dims[axis];
    struct value *part = emit_slice(graph, x, axis, bin * size / bins, ((bin + 1) * size + bins - 1) / bins, error);
    struct value *axes = emit_int_list(graph, &axis, 1, error);
    return emit_two(graph, reduction, part, axes, error);
}

static struct value *emit_bins(struct graph *graph, const char *reduction, struct value *x, int64_t axis, int64_t bins,
                               struct error *error)
{
    struct value *parts[MOST_BINS];
    if (!x)
        return NULL;
    for (int64_t i = 0; i < bins; i++) {
        if (!(parts[i] = emit_bin(graph, reduction, x, axis, i, bins, error)))
            return NULL;
    }
    return emit(graph, "Concat", parts, (int)bins, EMIT_ATTRIBUTES(EMIT_INT("axis", axis)), error);
}

static int expand_pool(struct expand_context *context, const char *reduction, struct error *error)
{
    struct value *x = context->inputs[0];
    int64_t sizes[2];
    int count = read_numbers(context, 1, sizes, 2, error), rank = x->shape.rank;
    if (count < 0)
        return -1;
    if ((rank != 3 && rank != 4) || x->shape.dims[rank - 1] < 1 || x->shape.dims[rank - 2] < 1)
        return error_set(error, ERROR_INPUT, "the input must be a map that is not empty");
    sizes[1] = sizes[count - 1];
    for (int i = 0; i < 2; i++) {
        if (sizes[i] < 1 || sizes[i] > MOST_BINS)
            return error_set(error, ERROR_UNSUPPORTED, "a size of %lld is not supported, 1 to %d are",
                             (long long)sizes[i], MOST_BINS);
        x = emit_bins(context->graph, reduction, x, rank - 2 + i, sizes[i], error);
    }
    return expansion_give(context, 0, x);
}

/* The exporter names the places of the largest even where nobody reads them: then they may be anything. */
static int give_places(struct expand_context *context, struct error *error)
{
    if (!expansion_wants(context, 1) || !context->outputs[0])
        return 0;
    const struct value *places = context->node->outputs[1];
    if (places->use_count > 0 || places->is_output)
        return error_set(error, ERROR_UNSUPPORTED, "the places of the largest are not supported");
    return expansion_give(context, 1, emit_filled(context->graph, DTYPE_INT64, &context->outputs[0]->shape, 0, error));
}

static int expand_average(struct expand_context *context, struct error *error)
{
    return expand_pool(context, "ReduceMean", error);
}

static int expand_largest(struct expand_context *context, struct error *error)
{
    return expand_pool(context, "ReduceMax", error) || give_places(context, error) ? -1 : 0;
}

static const struct attribute_rule attributes[] = {
    {IGNORED_ATTRIBUTE("operator")},
    {IGNORED_ATTRIBUTE("overload_name")},
    {0},
};

#define ATEN(name_, least_, most_, outputs_, expand_, traits_, ...)                                                    \
    {                                                                                                                  \
        .domain = "org.pytorch.aten", .name = name_, .since = 1, ARITY(least_, most_, 1, outputs_),                    \
        .types = TYPES_HELD_AS_FLOAT, .traits = traits_, .roles = {__VA_ARGS__}, SETTINGS(char, attributes),           \
        .infer = expansion_infer, .compute = expansion_compute, .expand = expand_                                      \
    }

const struct operator_definition operators_aten[] = {
    ATEN("grid_sampler", 5, 5, 1, expand_grid, OPERATOR_OTHER, ROLE_DATA, ROLE_INDICES, ROLE_SHAPE),
    ATEN("grid_sampler_2d", 5, 5, 1, expand_grid, OPERATOR_OTHER, ROLE_DATA, ROLE_INDICES, ROLE_SHAPE),
    ATEN("adaptive_avg_pool2d", 2, 2, 1, expand_average, OPERATOR_POOLS, ROLE_DATA, ROLE_SHAPE),
    ATEN("_adaptive_avg_pool2d", 2, 2, 1, expand_average, OPERATOR_POOLS, ROLE_DATA, ROLE_SHAPE),
    ATEN("adaptive_max_pool2d", 2, 2, 2, expand_largest, OPERATOR_POOLS, ROLE_DATA, ROLE_SHAPE),
    {0},
};
