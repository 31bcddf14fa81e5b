#include "train/policy.h"

#include <math.h>
#include <string.h>

#include "base/document.h"
#include "graph/match.h"
#include "guide/gamma.h"
#include "onnx/onnx.h"
#include "structure/normalization_role.h"

/* ORDER FOVEA_DECAY_CLASSES; the first four are enum normalization_role. */
static const char *const class_names[FOVEA_DECAY_CLASSES] = {"last",    "down", "stem",     "other",
                                                             "weights", "beta", "layernorm"};
/* The guide's defaults. */
static const bool default_decay[FOVEA_DECAY_CLASSES] = {true, false, false, true, true, false, false};

const char *fovea_decay_class_name(int index)
{
    return index >= 0 && index < FOVEA_DECAY_CLASSES ? class_names[index] : NULL;
}

struct policy {
    float factors[FOVEA_DECAY_CLASSES];
    json_t *metadata; /* NULL: none */
    struct normalization_roles roles;
};

static bool lists_name(const json_t *row, const char *name)
{
    const json_t *names = json_object_get(row, "parameters"), *entry;
    size_t index;
    json_array_foreach(names, index, entry)
    {
        if (json_is_string(entry) && strcmp(json_string_value(entry), name) == 0)
            return true;
    }
    return false;
}

#define MOST_STEPS 12
#define MOST_VISITS 10000

/* The class that the metadata list the tensor under, by its name or one that Identities give it; -1: none. */
static int listed_class(const struct policy *policy, const struct value *value, int depth)
{
    for (int role = 0; role < NORMALIZATION_ROLES; role++) {
        if (policy->metadata && lists_name(json_object_get(policy->metadata, class_names[role]), value->name))
            return role;
    }
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *node = value->uses[i].node;
        bool renamed = depth < MOST_STEPS && match_operator(node, "Identity") && node->outputs[0];
        int listed = renamed ? listed_class(policy, node->outputs[0], depth + 1) : -1;
        if (listed >= 0)
            return listed;
    }
    return -1;
}

/* Whether the scale of a node is made of `scale`, as it is or computed. */
static bool is_made_of(const struct value *value, const struct value *scale, int depth, int *visits)
{
    const struct node *node = value->producer;
    if (value == scale)
        return true;
    for (int i = 0; node && depth < MOST_STEPS && i < node->input_count && ++*visits < MOST_VISITS; i++) {
        if (node->inputs[i] && is_made_of(node->inputs[i], scale, depth + 1, visits))
            return true;
    }
    return false;
}

/* Tensors that got their own before training are in no list: the network says what they do. */
static enum fovea_decay_class class_of_scale(const struct policy *policy, const struct value *scale)
{
    int listed = listed_class(policy, scale, 0);
    for (int i = 0; listed < 0 && i < policy->roles.count; i++) {
        const struct node *source = network_source_node(policy->roles.entries[i].node);
        if (source && is_made_of(source->inputs[1], scale, 0, &(int){0}))
            listed = (int)policy->roles.entries[i].role;
    }
    return listed < 0 ? FOVEA_DECAY_LAYERNORM : (enum fovea_decay_class)listed;
}

static enum fovea_decay_class class_of(const struct policy *policy, const struct parameter *parameter)
{
    switch (parameter->kind) {
    case PARAMETER_WEIGHT:
        return FOVEA_DECAY_WEIGHTS;
    case PARAMETER_SCALE:
        return class_of_scale(policy, parameter->source);
    default:
        return FOVEA_DECAY_BETA;
    }
}

static void read_factors(struct policy *policy, const float overrides[FOVEA_DECAY_CLASSES])
{
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++) {
        const json_t *decay = json_object_get(json_object_get(policy->metadata, class_names[i]), "decay");
        bool decays = json_is_boolean(decay) ? json_is_true(decay) : default_decay[i];
        policy->factors[i] = isnan(overrides[i]) ? (float)decays : overrides[i];
    }
}

static void set_decay(const struct policy *policy, struct parameter_set *parameters)
{
    for (int i = 0; i < parameters->count; i++) {
        struct parameter *parameter = &parameters->list[i];
        parameter->decay_class = class_of(policy, parameter);
        parameter->decay = slot_is_ours(parameter->name) ? 0 : policy->factors[parameter->decay_class];
    }
}

int policy_apply(const struct model *model, const struct shape_binding *bindings, int binding_count,
                 const float overrides[FOVEA_DECAY_CLASSES], struct parameter_set *parameters, bool *from_metadata,
                 struct error *error)
{
    struct policy policy = {0};
    struct network network = {0};
    const char *text = model_metadata(model, GAMMA_POLICY_KEY);
    struct error damaged = ERROR_INITIALISER;
    policy.metadata = text ? document_read(model->context->memory, text, strlen(text), 0, &damaged) : NULL;
    if (damaged.kind == ERROR_MEMORY)
        return error_set(error, damaged.kind, "%s", damaged.message);
    if (!json_is_object(policy.metadata)) {
        json_decref(policy.metadata);
        policy.metadata = NULL;
    }
    *from_metadata = policy.metadata != NULL;
    int result = network_create(&network, model, bindings, binding_count, error);
    if (result == 0)
        result = normalization_roles_find(&network, &policy.roles, error);
    if (result == 0) {
        read_factors(&policy, overrides);
        set_decay(&policy, parameters);
    }
    if (network.graph)
        network_release(&network);
    json_decref(policy.metadata);
    return result;
}
