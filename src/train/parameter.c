#include "train/parameter.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "train/source_constant.h"

#define MASKED (-50.0f) /* numbers below hide a key of an attention */
#define MOST_STEPS 32   /* nodes between a constant and the slot that it is for, */
#define MOST_LOOKS 4096 /* and on all ways there */

/* ---- what the readers make of a constant ---- */

/* `weight_slot`: some reader is a weight's slot, where also one number is trained. `computed`: the way there holds
 * more than views. `factor`: it is added or multiplied on that way; `filler`: it stands where others are
 * masked out. */
struct reading {
    enum parameter_kind kind;
    bool weight_slot, computed, factor, filler;
    const char *why; /* not: what the reader in the way is */
    int *looks;      /* left */
};

/* Whether anything but constants reaches the value, behind a weight. */
static bool is_behind_weights(const struct value *value)
{
    return value && value->producer && value->producer->mark & SLOT_BEHIND_WEIGHTS;
}

static bool is_of_constants(const struct node *node)
{
    return node->mark & SLOT_OF_CONSTANTS;
}

/* A^2, sigma^2: a number that a rewrite writes by its root is there to be learned, though no weight lies before it. */
static bool is_own_square(const struct node *node, const struct value *value)
{
    return match_operator(node, "Mul") && match_other(node, value) == value && slot_is_ours(value->name);
}

/* Scales and zero points say how other numbers are read. */
static bool is_scale(struct use use)
{
    return node_has(use.node, OPERATOR_QUANTIZES) && node_role(use.node, use.input) == ROLE_QUANTUM;
}

static bool read_uses(const struct value *value, int depth, struct reading *reading);

static bool read_results(const struct node *node, int depth, struct reading *reading)
{
    for (int k = 0; k < node->output_count; k++) {
        const struct value *output = node->outputs[k];
        if (output && output->use_count > 0 && (depth == MOST_STEPS || !read_uses(output, depth + 1, reading)))
            return false;
    }
    return true;
}

/* Through a node that computes a weight of constants. */
static bool read_computed(struct use use, const struct slot *slot, int depth, struct reading *reading)
{
    const struct node *node = use.node;
    struct reading behind = *reading;
    if (!is_of_constants(node) || !node->definition || !(node->definition->gradient || node->definition->expand))
        return false;
    behind.computed = true;
    behind.factor = behind.factor || (slot && depth == 0);
    behind.filler = behind.filler || (node_role(node, use.input) == ROLE_CHOICE && depth == 0);
    if (!read_results(node, depth, &behind) || !behind.weight_slot)
        return false;
    *reading = behind;
    return true;
}

/* Of a product of constants: coordinates that are multiplied to make biases are no weights, nor are the vectors of a
 * spectral norm; the factors of a sum of low rank are. */
static bool is_of_weights(const struct value *value, struct use use, const struct slot *slot, int depth,
                          const struct reading *reading)
{
    struct reading behind = {.computed = true, .looks = reading->looks};
    if (slot->kind != PARAMETER_WEIGHT)
        return true;
    if (depth == 0 && value->shape.rank < 2)
        return false;
    return (use.input > 0 && !reading->computed) || (read_results(use.node, depth, &behind) && behind.weight_slot);
}

static bool read_use(const struct value *value, struct use use, int depth, struct reading *reading)
{
    const struct node *node = use.node;
    const struct slot *slot = slot_of(node, use.input);
    bool square = is_own_square(node, value);
    reading->why = node->op_type;
    if (node->domain[0] && !slot) { /* fused operators and functions: their vectors and matrices are weights */
        reading->kind = value->shape.rank > 1 ? PARAMETER_WEIGHT : PARAMETER_SHIFT;
        return true;
    }
    if (slot && (slot->use == SLOT_STATISTICS || (slot_is_ours(value->name) && match_operator(node, "Concat"))))
        return false;                   /* zeros that fill up what is ours */
    if (slot && slot->use == SLOT_VIEW) /* behind a weight: a token in front of what comes there */
        return (node->mark & SLOT_BEHIND_WEIGHTS && !is_of_constants(node)) || read_results(node, depth, reading);
    if (!slot || (slot->use == SLOT_ELEMENTWISE && !square)) {
        if (!is_scale(use) && read_computed(use, slot, depth, reading))
            return true;
        if (!slot || reading->computed || !is_behind_weights(match_other(node, value)))
            return false;
    }
    if (slot->use == SLOT_TRAINED && is_of_constants(node) && !is_of_weights(value, use, slot, depth, reading))
        return false;
    reading->weight_slot = reading->weight_slot || square || slot->use == SLOT_TRAINED;
    reading->kind = slot->kind;
    return true;
}

/* What the readers of `value` say of it, or false where there are none or one of them needs it as it is. */
static bool read_uses(const struct value *value, int depth, struct reading *reading)
{
    bool trained = false;
    for (size_t i = 0; i < value->use_count; i++) {
        const struct use use = value->uses[i];
        if (node_has(use.node, OPERATOR_SHAPE_ONLY))
            continue;
        if (--*reading->looks < 0 || !read_use(value, use, depth, reading))
            return false;
        trained = true;
    }
    return trained;
}

static bool is_uniform(const float *elements, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        if (elements[i] != elements[0])
            return false;
    }
    return true;
}

/* Ones and zeros, both. */
static bool is_mask(const float *elements, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (elements[i] != 0 && elements[i] != 1)
            return false;
    }
    return !is_uniform(elements, count);
}

static const char *reason_of_elements(const float *elements, int64_t count, bool literal, const struct reading *reading)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(elements[i]) || (!reading->weight_slot && elements[i] <= MASKED))
            return "";
    }
    if (reading->computed && reading->factor && is_mask(elements, count))
        return "a mask of zeros and ones";
    bool uniform = is_uniform(elements, count);
    if (reading->computed && uniform && (reading->filler || (reading->factor && elements[0] != 0)))
        return "one number for all";
    /* Exporters write a normalisation without parameters, as GroupNorm's, with ones and zeros. */
    return literal && reading->kind != PARAMETER_WEIGHT && uniform ? "" : NULL;
}

/* Why the elements do not train, NULL: they do; "": they are no weights. `literal`: they stand in a Constant node. */
static int reason_not_to_train(struct constant *constant, bool literal, const struct reading *reading, const char **why,
                               struct error *error)
{
    enum dtype dtype = constant->tensor.dtype;
    int64_t count = shape_count(&constant->tensor.shape);
    *why = "";
    if (count == 0 || (count == 1 && (reading->computed || !reading->weight_slot)))
        return 0;
    *why = dtype_name(dtype);
    if (!dtype_is_float(dtype) || dtype_storage(dtype) != DTYPE_FLOAT)
        return 0;
    const struct tensor *tensor = constant_data(constant, error);
    if (!tensor)
        return -1;
    *why = reason_of_elements(tensor->data, count, literal, reading);
    return 0;
}

/* ---- what is part of a weight ---- */

/* What is asked of: `quantised` numbers are weights behind operators that pass them on only, `literal` ones (in
 * Constant nodes) in weights' slots only. */
struct bearing {
    bool quantised, literal;
    int *looks; /* left */
};

static bool bears_weights(const struct value *value, struct bearing bearing, int depth);

static bool results_bear_weights(const struct node *node, struct bearing bearing, int depth)
{
    for (int k = 0; depth < MOST_STEPS && k < node->output_count; k++) {
        if (node->outputs[k] && bears_weights(node->outputs[k], bearing, depth + 1))
            return true;
    }
    return false;
}

static bool use_bears_weights(const struct value *value, struct use use, struct bearing bearing, int depth)
{
    const struct node *node = use.node;
    const struct slot *slot = slot_of(node, use.input);
    if (node_has(node, OPERATOR_SHAPE_ONLY) || is_scale(use) || (slot && slot->use == SLOT_STATISTICS))
        return false;
    if ((slot && slot->use == SLOT_TRAINED) || (node->domain[0] && !slot))
        return true;
    if (bearing.quantised && !slot)
        return false;
    if (is_of_constants(node) && results_bear_weights(node, bearing, depth))
        return true;
    if (bearing.literal || bearing.quantised)
        return false;
    if (slot && slot->use == SLOT_ELEMENTWISE)
        return is_behind_weights(match_other(node, value));
    return node->mark & SLOT_BEHIND_WEIGHTS && (slot || value->shape.rank > 1);
}

/* Whether some reader takes the value for a weight, whatever stands in the way of training it. */
static bool bears_weights(const struct value *value, struct bearing bearing, int depth)
{
    for (size_t i = 0; i < value->use_count; i++) {
        if (--*bearing.looks < 0 || use_bears_weights(value, value->uses[i], bearing, depth))
            return true; /* named rather than passed over where there are too many ways */
    }
    return false;
}

static bool add_still(struct parameter_set *set, const struct value *value, const struct constant *constant,
                      const char *why, struct error *error)
{
    struct fovea_tune_still *still = &set->stills[set->still_count];
    *still = (struct fovea_tune_still){.name = arena_copy_string(set->arena, value->name, strlen(value->name), error),
                                       .why = arena_copy_string(set->arena, why, strlen(why), error),
                                       .elements = shape_count(&constant->tensor.shape)};
    set->still_count++;
    return still->name && still->why;
}

/* ---- opening ---- */

/* The value becomes an input of its constant's type and shape. */
static int open_value(struct graph *graph, struct value *value, const struct constant *constant, struct error *error)
{
    struct node *producer = value->producer;
    if (producer) {
        if (node_set_output(producer, 0, NULL, error))
            return -1;
        graph_remove_node(graph, producer);
    }
    value->dtype = constant->tensor.dtype;
    value->shape = constant->tensor.shape;
    value->constant = NULL;
    return value->is_input ? 0 : graph_add_input(graph, value, error);
}

static int axes_of(const struct shape *shape)
{
    int axes = 0;
    for (int i = 0; i < shape->rank; i++)
        axes += shape->dims[i] > 1;
    return axes;
}

static int add_parameter(struct parameter_set *set, struct graph *graph, struct value *value,
                         const struct constant *constant, enum parameter_kind kind, struct error *error)
{
    struct parameter *parameter = &set->list[set->count];
    *parameter = (struct parameter){.name = arena_copy_string(set->arena, value->name, strlen(value->name), error),
                                    .source = value->origin,
                                    .shape = constant->tensor.shape,
                                    .count = shape_count(&constant->tensor.shape),
                                    .kind = kind,
                                    .decay = kind == PARAMETER_WEIGHT ? 1.0f : 0.0f,
                                    .rate = 1,
                                    .output = -1};
    if (!parameter->name || open_value(graph, value, constant, error))
        return -1;
    for (int i = 0; i < graph->input_count; i++)
        parameter->input = graph->inputs[i] == value ? i : parameter->input;
    set->elements += parameter->count;
    set->count++;
    return 0;
}

/* Opens a constant that trains, or notes why it does not. */
static int consider(struct parameter_set *set, struct graph *graph, struct value *value, struct constant *constant,
                    struct error *error)
{
    enum dtype dtype = constant->tensor.dtype;
    int looks[2] = {MOST_LOOKS, MOST_LOOKS};
    struct bearing bearing = {.quantised = !dtype_is_float(dtype), .literal = value->producer != NULL, .looks = looks};
    struct reading reading = {.kind = PARAMETER_OTHER, .looks = &looks[1]};
    const char *why;
    bool read = read_uses(value, 0, &reading);
    if (dtype == DTYPE_INT64 || dtype == DTYPE_BOOL)
        return 0;
    if (reading.computed && reading.kind == PARAMETER_WEIGHT && axes_of(&constant->tensor.shape) < 2)
        reading.kind = PARAMETER_OTHER;
    if (reason_not_to_train(constant, bearing.literal, &reading, &why, error))
        return -1;
    /* Literals stand in Constant nodes, weights there only where a weight's slot reads them. */
    if (read && !why && (reading.weight_slot || !bearing.literal))
        return add_parameter(set, graph, value, constant, reading.kind, error);
    if ((why && !why[0]) || shape_count(&constant->tensor.shape) < 2 || slot_is_ours(value->name) ||
        !bears_weights(value, bearing, 0))
        return 0;
    if (!why)
        why = arena_print(set->arena, error, "read by %s", reading.why ? reading.why : "a function");
    return why && add_still(set, value, constant, why, error) ? 0 : -1;
}

int parameter_set_open(struct parameter_set *set, struct graph *graph, struct arena *arena, struct error *error)
{
    size_t value_count = graph->value_count;
    *set = (struct parameter_set){.arena = arena,
                                  .list = arena_allocate(arena, value_count + 1, sizeof *set->list, error),
                                  .stills = arena_allocate(arena, value_count + 1, sizeof *set->stills, error)};
    if (!set->list || !set->stills)
        return -1;
    slots_mark(graph, NULL);
    for (size_t i = 0; i < value_count; i++) {
        struct value *value = graph->values[i];
        struct constant *constant = value->origin ? source_constant(value) : NULL;
        if (!constant || value->is_output)
            continue;
        if (value->shape.rank == SHAPE_UNKNOWN_RANK)
            value->shape = constant->tensor.shape;
        if (consider(set, graph, value, constant, error))
            return -1;
    }
    return 0;
}

/* ---- buffers ---- */

/* A pick out of many is no number that is made of all. */
static bool makes_one_number(const struct node *node, const struct use use)
{
    const struct slot *slot = slot_of(node, use.input);
    const struct value *result = node->outputs[0];
    return result && result->shape.rank >= 0 && shape_count(&result->shape) == 1 && !(slot && slot->use == SLOT_VIEW);
}

static bool ends_in_one_number(const struct value *value, int depth, int *looks)
{
    bool read = false;
    for (size_t i = 0; i < value->use_count; i++) {
        const struct use use = value->uses[i];
        if (node_has(use.node, OPERATOR_SHAPE_ONLY))
            continue;
        if (--*looks < 0 || depth == MOST_STEPS || !is_of_constants(use.node))
            return false;
        for (int k = 0; !makes_one_number(use.node, use) && k < use.node->output_count; k++) {
            const struct value *output = use.node->outputs[k];
            if (output &&
                (output->is_output || (output->use_count > 0 && !ends_in_one_number(output, depth + 1, looks))))
                return false;
        }
        read = true;
    }
    return read;
}

int parameter_set_find_buffers(struct parameter_set *set, struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    bool *held = memory_allocate(memory, graph->value_count + 1, sizeof *held, error);
    if (!held)
        return -1;
    for (int i = 0; i < set->count; i++)
        held[graph->inputs[set->list[i].input]->id] = true;
    slots_mark(graph, held);
    for (int i = 0; i < set->count; i++) {
        struct parameter *parameter = &set->list[i];
        int looks = MOST_LOOKS;
        parameter->buffer = parameter->count > 1 && ends_in_one_number(graph->inputs[parameter->input], 0, &looks);
    }
    memory_release(memory, held);
    return 0;
}

int parameter_set_freeze(struct parameter_set *set, const char *pattern, bool frozen)
{
    int matched = 0;
    for (int i = 0; i < set->count; i++) {
        if (fnmatch(pattern, set->list[i].name, 0) != 0)
            continue;
        set->list[i].frozen = frozen;
        matched++;
    }
    return matched;
}

int parameter_set_rate(struct parameter_set *set, const char *pattern, float factor)
{
    int matched = 0;
    for (int i = 0; i < set->count; i++) {
        if (fnmatch(pattern, set->list[i].name, 0) != 0)
            continue;
        set->list[i].rate *= factor;
        matched++;
    }
    return matched;
}

int parameter_store(const struct parameter *parameter, const float *elements, struct error *error)
{
    return source_constant_replace(parameter->source, elements, error);
}
