/* If (ONNX 1 to 25). With a constant condition it is replaced by its branch (pass_inline_if); else the branch is run.
 */
#include "op/control_flow.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/operand.h"

static const struct attribute_rule attributes[] = {
    CONTROL_FLOW_ATTRIBUTES,
    {GRAPH_ATTRIBUTE(struct if_settings, then_branch), .required = true},
    {GRAPH_ATTRIBUTE(struct if_settings, else_branch), .required = true},
    {0},
};

static int check_branches(const struct node *node, struct graph *const branches[2], struct error *error)
{
    static const char *const names[2] = {"else_branch", "then_branch"};
    int inputs = control_flow_inputs(node, error);
    if (inputs < 0)
        return -1;
    if (inputs != 1)
        return error_set(error, ERROR_INPUT, "has %d inputs, the operator takes 1", inputs);
    for (int i = 0; i < 2; i++) {
        if (branches[i]->input_count != 0 || branches[i]->output_count < node->output_count)
            return error_set(error, ERROR_INPUT, "attribute %s must be a graph without inputs, with %d outputs",
                             names[i], node->output_count);
    }
    return 0;
}

/* A shape that both branches agree on is known before running. */
static int infer_if(struct infer_context *context, struct error *error)
{
    const struct if_settings *settings = context->node->settings;
    struct graph *const branches[2] = {settings->else_branch, settings->then_branch};
    const struct tensor *condition = context->inputs[0];
    if (check_branches(context->node, branches, error))
        return -1;
    if (condition->dtype != DTYPE_BOOL || shape_count(&condition->shape) != 1)
        return error_set(error, ERROR_INPUT, "the condition must be one bool");
    if (control_flow_is_running(context))
        return 0;
    control_flow_infer(branches[0]);
    control_flow_infer(branches[1]);
    for (int i = 0; i < context->output_count; i++) {
        const struct value *a = branches[0]->outputs[i], *b = branches[1]->outputs[i];
        bool agree = a->dtype == b->dtype && a->shape.rank != SHAPE_UNKNOWN_RANK && shape_equal(&a->shape, &b->shape);
        if (infer_output(context, i, a->dtype, agree ? a->shape.rank : SHAPE_UNKNOWN_RANK, a->shape.dims, error))
            return -1;
    }
    return 0;
}

static int compute_if(struct compute_context *context, struct error *error)
{
    const struct if_settings *settings = context->node->settings;
    struct memory *memory = context->memory;
    struct graph *branch = tensor_int(context->inputs[0], 0) != 0 ? settings->then_branch : settings->else_branch;
    size_t count = (size_t)branch->output_count;
    struct tensor *results = memory_allocate(memory, count + 1, sizeof *results, error);
    const struct operands outer = OPERANDS(context);
    int result = results ? control_flow_run(branch, &outer, NULL, NULL, results, error) : -1;
    for (int i = 0; result == 0 && i < branch->output_count; i++) {
        if (control_flow_give(context, i, &results[i], error)) {
            for (int k = i + 1; k < branch->output_count; k++)
                tensor_release(memory, &results[k]);
            result = -1;
        }
    }
    memory_release(memory, results);
    return result;
}

const struct operator_definition operators_if[] = {
    {.domain = "",
     .name = "If",
     .since = 1,
     ARITY(1, -1, 1, -1),
     .types = TYPE_BIT(DTYPE_BOOL),
     .traits = OPERATOR_OTHER | OPERATOR_CONTAINERS,
     .roles = {ROLE_CONTROL, ROLE_DATA},
     SETTINGS(struct if_settings, attributes),
     .infer = infer_if,
     .compute = compute_if},
    {0},
};
