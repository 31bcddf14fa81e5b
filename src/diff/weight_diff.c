#include <string.h>

#include "diff/constant_contents.h"
#include "diff/model_diff.h"

static int add_alone(const struct value *value, enum fovea_change_kind kind, const char *scope,
                     struct change_list *changes, struct error *error)
{
    const struct tensor *tensor = &value_contents(value)->tensor;
    struct fovea_change change = {
        .kind = kind, .scope = scope, .name = value->name, .elements = shape_count(&tensor->shape)};
    const char *text = change_tensor_text(changes, tensor, error);
    *(kind == FOVEA_CHANGE_WEIGHT_REMOVED ? &change.before : &change.after) = text;
    return text ? change_add(changes, &change, error) : -1;
}

static int compare_elements(struct constant *a, struct constant *b, struct fovea_change *change,
                            struct change_list *changes, struct error *error)
{
    char texts[2][CONTENTS_TEXT_SIZE];
    int equal = constant_contents_compare(a, b, change, texts, error);
    if (equal < 0)
        return error_prefix(error, "'%s'", change->name);
    if (equal)
        return 0;
    change->kind = FOVEA_CHANGE_WEIGHT_ELEMENTS;
    change->detail = change_tensor_text(changes, &a->tensor, error);
    change->before = texts[0][0] ? texts[0] : NULL;
    change->after = texts[1][0] ? texts[1] : NULL;
    return change->detail ? change_add(changes, change, error) : -1;
}

static int compare_weights(const struct value *a, const struct value *b, const char *scope, struct change_list *changes,
                           struct error *error)
{
    struct constant *first = value_contents(a), *second = value_contents(b);
    bool renamed = strcmp(a->name, b->name) != 0;
    struct fovea_change change = {.kind = FOVEA_CHANGE_NAME,
                                  .scope = scope,
                                  .name = a->name,
                                  .other = renamed ? b->name : NULL,
                                  .elements = shape_count(&first->tensor.shape)};
    if (first->tensor.dtype != second->tensor.dtype || !shape_equal(&first->tensor.shape, &second->tensor.shape)) {
        change.kind = FOVEA_CHANGE_WEIGHT_TYPE;
        change.before = change_tensor_text(changes, &first->tensor, error);
        change.after = change_tensor_text(changes, &second->tensor, error);
        return change.before && change.after ? change_add(changes, &change, error) : -1;
    }
    if (!a->producer != !b->producer) {
        struct fovea_change place = change;
        place.kind = FOVEA_CHANGE_WEIGHT_TYPE;
        place.before = a->producer ? "Constant node" : "initialiser";
        place.after = b->producer ? "Constant node" : "initialiser";
        if (change_add(changes, &place, error))
            return -1;
    }
    if (renamed) {
        change.detail = "weight";
        if (change_add(changes, &change, error))
            return -1;
    }
    return compare_elements(first, second, &change, changes, error);
}

int weight_diff(const struct graph_matching *matching, const char *scope, struct change_list *changes,
                struct error *error)
{
    const struct progress *progress = &matching->graphs[0]->context->progress;
    for (int side = 0; side < 2; side++) {
        const struct graph *graph = matching->graphs[side];
        for (size_t i = 0; i < graph->value_count; i++) {
            const struct value *value = graph->values[i], *partner = matching->partners[side][i];
            enum fovea_change_kind alone = side == 0 ? FOVEA_CHANGE_WEIGHT_REMOVED : FOVEA_CHANGE_WEIGHT_ADDED;
            if (!value_contents(value))
                continue;
            if (context_poll(graph->context, error))
                return -1;
            bool paired = partner && value_contents(partner);
            if (!paired && add_alone(value, alone, scope, changes, error))
                return -1;
            if (paired && side == 0 && compare_weights(value, partner, scope, changes, error))
                return -1;
            progress_step(progress, "comparing weights", i, graph->value_count);
        }
    }
    progress_step(progress, "comparing weights", 1, 1);
    return 0;
}
