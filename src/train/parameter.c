#include "train/parameter.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "graph/match.h"

#define MASKED (-50.0f) /* numbers below hide a key of an attention */

const char *parameter_kind_name(enum parameter_kind kind)
{
    static const char *const names[] = {"weight", "scale", "shift", "other"};
    return names[kind];
}

/* ---- what a reader makes of a constant ---- */

enum slot_use { SLOT_NONE, SLOT_TRAINED, SLOT_VIEW, SLOT_ELEMENTWISE };

struct slot {
    const char *op_type;
    int input; /* -1: any */
    enum slot_use use;
    enum parameter_kind kind;
};

static const struct slot slots[] = {
    {"Conv", 1, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"Conv", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"ConvTranspose", 1, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"ConvTranspose", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"DeformConv", 1, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"DeformConv", 3, SLOT_TRAINED, PARAMETER_SHIFT},
    {"Gemm", 0, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"Gemm", 1, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"Gemm", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"MatMul", -1, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"Einsum", -1, SLOT_TRAINED, PARAMETER_WEIGHT},
    {"BatchNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE},
    {"BatchNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"InstanceNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE},
    {"InstanceNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"LayerNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE},
    {"LayerNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"GroupNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE},
    {"GroupNormalization", 2, SLOT_TRAINED, PARAMETER_SHIFT},
    {"RMSNormalization", 1, SLOT_TRAINED, PARAMETER_SCALE},
    {"PRelu", 1, SLOT_TRAINED, PARAMETER_OTHER},
    {"Add", -1, SLOT_ELEMENTWISE, PARAMETER_SHIFT},
    {"Sub", -1, SLOT_ELEMENTWISE, PARAMETER_SHIFT},
    {"Mul", -1, SLOT_ELEMENTWISE, PARAMETER_OTHER},
    {"Div", -1, SLOT_ELEMENTWISE, PARAMETER_OTHER},
    {"Identity", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Cast", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Transpose", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Reshape", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Flatten", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Squeeze", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Unsqueeze", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Expand", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Slice", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Gather", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Split", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Tile", 0, SLOT_VIEW, PARAMETER_OTHER},
    {"Concat", -1, SLOT_VIEW, PARAMETER_OTHER},
};

static const struct slot *slot_of(const struct node *node, int input)
{
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        if (match_operator(node, slots[i].op_type) && (slots[i].input < 0 || slots[i].input == input))
            return &slots[i];
    }
    return NULL;
}

/* node->mark 1: a weight lies on the way to it. */
static void mark_behind_weights(struct graph *graph)
{
    for (struct node *node = graph->first; node; node = node->next) {
        node->mark = 0;
        for (int i = 0; i < node->input_count && !node->mark; i++) {
            const struct value *input = node->inputs[i];
            const struct slot *slot = input ? slot_of(node, i) : NULL;
            node->mark = (slot && slot->use == SLOT_TRAINED && slot->kind == PARAMETER_WEIGHT) ||
                         (input && input->producer && input->producer->mark);
        }
    }
}

/* Whether anything but constants reaches the value, behind a weight. */
static bool is_behind_weights(const struct value *value)
{
    return value && value->producer && value->producer->mark;
}

static bool is_ours(const char *name)
{
    return strstr(name, "/fovea/") != NULL;
}

/* A^2, sigma^2: a number that a rewrite writes by its root is there to be learned, though no weight lies before it. */
static bool is_own_square(const struct node *node, const struct value *value)
{
    return match_operator(node, "Mul") && match_other(node, value) == value && is_ours(value->name);
}

#define MOST_VIEWS 12

/* What the readers of `value` say of it: the kind, or false where one of them needs it as it is. `weight_slot`: some
 * reader is a weight's slot, where also one number is trained. */
static bool kind_of_value(const struct value *value, int depth, enum parameter_kind *kind, bool *weight_slot)
{
    bool trained = false;
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *node = value->uses[i].node;
        const struct slot *slot = slot_of(node, value->uses[i].input);
        bool foreign = node->domain[0] && !slot;
        if (foreign) { /* fused operators and functions: their vectors and matrices are weights */
            *kind = value->shape.rank > 1 ? PARAMETER_WEIGHT : PARAMETER_SHIFT;
            trained = true;
            continue;
        }
        if (!slot || (is_ours(value->name) && match_operator(node, "Concat"))) /* zeros that fill up what is ours */
            return false;
        if (slot->use == SLOT_VIEW && node->mark) { /* a token in front of what comes behind a weight */
            trained = true;
            continue;
        }
        if (slot->use == SLOT_VIEW) {
            for (int k = 0; k < node->output_count; k++) {
                if (depth == MOST_VIEWS || (node->outputs[k] && node->outputs[k]->use_count > 0 &&
                                            !kind_of_value(node->outputs[k], depth + 1, kind, weight_slot)))
                    return false;
            }
            trained = true;
            continue;
        }
        bool square = is_own_square(node, value);
        if (slot->use == SLOT_ELEMENTWISE && !square && !is_behind_weights(match_other(node, value)))
            return false;
        *weight_slot = *weight_slot || square || slot->use == SLOT_TRAINED;
        *kind = slot->kind;
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

/* `literal`: stands in a Constant node. 1, 0, or -1 on an error of reading. */
static int holds_parameters(struct constant *constant, bool weight_slot, bool literal, enum parameter_kind kind,
                            struct error *error)
{
    if (!dtype_is_float(constant->tensor.dtype) || dtype_storage(constant->tensor.dtype) != DTYPE_FLOAT)
        return 0;
    int64_t count = shape_count(&constant->tensor.shape);
    if (count == 0 || (count == 1 && !weight_slot))
        return 0;
    const struct tensor *tensor = constant_data(constant, error);
    if (!tensor)
        return -1;
    const float *elements = tensor->data;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(elements[i]) || (!weight_slot && elements[i] <= MASKED))
            return 0;
    }
    /* Exporters write a normalisation without parameters, as GroupNorm's, with ones and zeros. */
    return !(literal && kind != PARAMETER_WEIGHT && is_uniform(elements, count));
}

/* ---- opening ---- */

static struct constant *constant_of(const struct value *value)
{
    if (value->constant)
        return value->producer ? NULL : value->constant;
    const struct attribute *attribute =
        match_operator(value->producer, "Constant") ? node_attribute(value->producer, "value") : NULL;
    return attribute && attribute->type == ATTRIBUTE_TENSOR ? attribute->tensor : NULL;
}

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

int parameter_set_open(struct parameter_set *set, struct graph *graph, struct arena *arena, struct error *error)
{
    size_t value_count = graph->value_count;
    *set = (struct parameter_set){.arena = arena};
    set->list = arena_allocate(arena, value_count + 1, sizeof *set->list, error);
    if (!set->list)
        return -1;
    mark_behind_weights(graph);
    for (size_t i = 0; i < value_count; i++) {
        struct value *value = graph->values[i];
        struct constant *constant = value->origin ? constant_of(value) : NULL;
        enum parameter_kind kind = PARAMETER_OTHER;
        bool weight_slot = false;
        if (!constant || value->is_output)
            continue;
        if (value->shape.rank == SHAPE_UNKNOWN_RANK)
            value->shape = constant->tensor.shape;
        if (!kind_of_value(value, 0, &kind, &weight_slot))
            continue;
        /* Literals stand in Constant nodes, weights there only where a weight's slot reads them. */
        if (value->producer && !weight_slot)
            continue;
        int trained = holds_parameters(constant, weight_slot, value->producer != NULL, kind, error);
        if (trained < 0 || (trained && add_parameter(set, graph, value, constant, kind, error)))
            return -1;
    }
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

/* ---- storing ---- */

/* A constant that stands in no file, made by an earlier store: its elements may be changed. */
static bool is_own(const struct constant *constant)
{
    return !constant->reader && constant->references == 1 && constant->tensor.data;
}

static struct constant *new_constant(struct memory *memory, const struct constant *old, struct error *error)
{
    struct tensor tensor = {.dtype = old->tensor.dtype, .shape = old->tensor.shape};
    if (tensor_allocate(memory, &tensor, error))
        return NULL;
    struct constant *constant = constant_create(memory, &tensor, error);
    if (!constant)
        tensor_release(memory, &tensor);
    return constant;
}

const struct tensor *source_constant_read(const struct value *source, struct error *error)
{
    return constant_data(constant_of(source), error);
}

int source_constant_store(struct value *source, const float *elements, struct error *error)
{
    struct constant *old = constant_of(source);
    struct constant *constant = is_own(old) ? old : new_constant(source->graph->context->memory, old, error);
    if (!constant)
        return -1;
    memcpy(constant->tensor.data, elements, tensor_bytes(&constant->tensor));
    dtype_round(constant->tensor.dtype, constant->tensor.data, (size_t)shape_count(&constant->tensor.shape));
    if (constant == old)
        return 0;
    return source->producer ? node_set_tensor(source->producer, "value", constant, error)
                            : graph_set_constant(source->graph, source, constant, error);
}

int parameter_store(const struct parameter *parameter, const float *elements, struct error *error)
{
    struct constant *old = constant_retain(constant_of(parameter->source));
    int result = source_constant_store(parameter->source, elements, error);
    if (constant_of(parameter->source) != old)
        constant_unload(old); /* nothing reads it, but clones of the graph hold it */
    constant_release(old);
    return result;
}
