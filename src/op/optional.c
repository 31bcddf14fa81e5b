/* Values that may be absent: Optional, OptionalHasElement, OptionalGetElement. The last two also take what is no
 * optional (opset 18), and is there then. */
#include <string.h>

#include "op/families.h"
#include "op/sequence_operand.h"

struct optional_settings {
    enum dtype type; /* of what it would hold */
};

static const struct attribute_rule attributes[] = {
    {SETTING(struct optional_settings, type, SETTING_TYPE)},
    {0},
};

/* ---- Optional ---- */

static int infer_optional(struct infer_context *context, struct error *error)
{
    const struct optional_settings *settings = context->node->settings;
    enum dtype held = infer_has(context, 0) ? context->inputs[0]->dtype : settings->type;
    if (held == DTYPE_UNDEFINED)
        return error_set(error, ERROR_INPUT, "has no input, and no attribute type says what it would hold");
    if (held & DTYPE_OPTIONAL)
        return error_set(error, ERROR_INPUT, "holds an optional: a tensor or a sequence it may be");
    if (settings->type != DTYPE_UNDEFINED && settings->type != held)
        return error_set(error, ERROR_INPUT, "input 0 has type %s, attribute type says %s", dtype_name(held),
                         dtype_name(settings->type));
    return infer_output(context, 0, dtype_optional_of(held), SHAPE_UNKNOWN_RANK, NULL, error);
}

static int compute_optional(struct compute_context *context, struct error *error)
{
    const struct optional_settings *settings = context->node->settings;
    const struct tensor *item = context->input_count > 0 ? context->inputs[0] : NULL;
    struct tensor *optional = context->outputs[0];
    size_t bytes = item ? sequence_item_bytes(item) : 0;
    if (sequence_create(context->memory, dtype_optional_of(item ? item->dtype : settings->type), item ? 1 : 0, bytes,
                        optional, error))
        return -1;
    return item ? sequence_spend(context, (int64_t)bytes, error) ||
                      sequence_insert(context->memory, optional, 0, item, error)
                : 0;
}

/* ---- OptionalHasElement ---- */

static int infer_has_element(struct infer_context *context, struct error *error)
{
    return infer_output(context, 0, DTYPE_BOOL, 0, NULL, error);
}

static int compute_has_element(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *input = context->input_count > 0 ? context->inputs[0] : NULL;
    *(uint8_t *)context->outputs[0]->data = input && (!(input->dtype & DTYPE_OPTIONAL) || sequence_length(input) > 0);
    return 0;
}

/* Whether it is there: 1, 0; -1: only the run tells. */
static int known_presence(const struct value *value)
{
    if (!value || value->dtype == DTYPE_UNDEFINED)
        return value ? -1 : 0;
    if (!(value->dtype & DTYPE_OPTIONAL))
        return 1;
    const struct node *maker = container_maker(value);
    return !maker ? -1 : maker->input_count > 0 && maker->inputs[0];
}

static int resolve_has_element(struct expand_context *context, struct error *error)
{
    int present = known_presence(context->input_count > 0 ? context->inputs[0] : NULL);
    if (present < 0)
        return 0;
    context->outputs[0] = emit_scalar(context->graph, DTYPE_BOOL, present, error);
    return context->outputs[0] ? 1 : -1;
}

/* ---- OptionalGetElement ---- */

static int infer_get_element(struct infer_context *context, struct error *error)
{
    const struct tensor *input = context->inputs[0];
    if (!(input->dtype & DTYPE_OPTIONAL))
        return infer_same(context, error);
    return infer_output(context, 0, dtype_held(input->dtype), SHAPE_UNKNOWN_RANK, NULL, error);
}

static int compute_get_element(struct compute_context *context, struct error *error)
{
    const struct tensor *input = context->inputs[0];
    if (!(input->dtype & DTYPE_OPTIONAL)) {
        if (tensor_bytes(input) > 0)
            memcpy(context->outputs[0]->data, input->data, tensor_bytes(input));
        return 0;
    }
    if (sequence_length(input) == 0)
        return error_set(error, ERROR_INPUT, "the optional holds nothing");
    struct tensor item = sequence_item(input, 0);
    return sequence_give(context, 0, &item, error);
}

static int resolve_get_element(struct expand_context *context, struct error *error)
{
    (void)error;
    struct value *input = context->inputs[0];
    if (known_presence(input) != 1)
        return 0;
    context->outputs[0] = input->dtype & DTYPE_OPTIONAL ? container_maker(input)->inputs[0] : input;
    return 1;
}

const struct operator_definition operators_optional[] = {
    {.domain = "",
     .name = "Optional",
     .since = 15,
     ARITY(0, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS,
     .roles = {ROLE_DATA},
     SETTINGS(struct optional_settings, attributes),
     .infer = infer_optional,
     .compute = compute_optional},
    {.domain = "",
     .name = "OptionalHasElement",
     .since = 15,
     ARITY(0, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_SOURCE | OPERATOR_CONTAINERS,
     .roles = {ROLE_DATA},
     .infer = infer_has_element,
     .compute = compute_has_element,
     .resolve_known = resolve_has_element},
    {.domain = "",
     .name = "OptionalGetElement",
     .since = 15,
     ARITY(1, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_MOVES | OPERATOR_CONTAINERS,
     .roles = {ROLE_DATA},
     .infer = infer_get_element,
     .compute = compute_get_element,
     .resolve_known = resolve_get_element},
    {0},
};
