/* LSTM, GRU and RNN (ONNX 7, 14, 22): attributes, shapes, compute; the gradient is asked of recurrent_gradient.c. */
#include "op/recurrent.h"

#include <math.h>
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/recurrent_settings.h"

static const struct attribute_rule lstm_attributes[] = {RECURRENT_ATTRIBUTES(14), RECURRENT_LSTM_ATTRIBUTES, {0}};
static const struct attribute_rule gru_attributes[] = {RECURRENT_ATTRIBUTES(14), RECURRENT_GRU_ATTRIBUTES, {0}};
static const struct attribute_rule plain_attributes[] = {RECURRENT_ATTRIBUTES(14), {0}};

const char *const recurrent_direction_words[] = {"forward", "reverse", "bidirectional", NULL};

/* ---- reading ---- */

static const struct recurrent_cell *cell_of(const struct node *node)
{
    static const struct recurrent_cell *const cells[] = {&recurrent_lstm, &recurrent_gru, &recurrent_plain};
    int i = 0;
    while (i < 2 && strncmp(node->op_type, cells[i]->name, strlen(cells[i]->name)) != 0)
        i++;
    return cells[i];
}

/* The next of a list of parameters, where there are more. */
static void take_parameter(struct floats given, int *taken, float *parameter)
{
    if (*taken < given.count)
        *parameter = given.values[(*taken)++];
}

/* Functions of all directions, one after the other; parameters are for those that have one, in this order. */
static int read_functions(const struct recurrent_settings *settings, struct recurrent *net, struct error *error)
{
    const struct recurrent_cell *cell = net->cell;
    int count = cell->function_count, alphas = 0, betas = 0, parameters;
    if (settings->activations.count > 0 && settings->activations.count != count * net->directions)
        return error_set(error, ERROR_INPUT, "attribute activations names %d functions, expected %d",
                         settings->activations.count, count * net->directions);
    for (int i = 0; i < count * net->directions; i++) {
        struct recurrent_function *function = &net->functions[i / count][i % count];
        const char *name =
            settings->activations.count > 0 ? settings->activations.values[i].data : cell->functions[i % count];
        if (!recurrent_function_find(name, function, &parameters))
            return error_set(error, ERROR_UNSUPPORTED, "attribute activations names '%.40s'", name);
        if (parameters & 1)
            take_parameter(settings->activation_alpha, &alphas, &function->alpha);
        if (parameters & 2)
            take_parameter(settings->activation_beta, &betas, &function->beta);
    }
    return 0;
}

static int check_shape(const struct tensor *const *inputs, int count, int input, struct shape wanted,
                       struct error *error)
{
    char text[SHAPE_TEXT_SIZE], other[SHAPE_TEXT_SIZE];
    if (input >= count || !inputs[input] || shape_equal(&inputs[input]->shape, &wanted))
        return 0;
    return error_set(error, ERROR_INPUT, "input %d is %s, expected %s", input, shape_text(&inputs[input]->shape, text),
                     shape_text(&wanted, other));
}

struct shape recurrent_state_shape(const struct recurrent *net)
{
    struct shape shape = {.rank = 3, .dims = {net->directions, net->batch, net->hidden}};
    if (net->batch_first) {
        shape.dims[0] = net->batch;
        shape.dims[1] = net->directions;
    }
    return shape;
}

struct shape recurrent_output_shape(const struct recurrent *net)
{
    struct shape shape = {.rank = 4, .dims = {net->steps, net->directions, net->batch, net->hidden}};
    if (net->batch_first)
        shape = (struct shape){.rank = 4, .dims = {net->batch, net->steps, net->directions, net->hidden}};
    return shape;
}

static int check_shapes(const struct recurrent *net, const struct tensor *const *inputs, int count, struct error *error)
{
    int64_t directions = net->directions, width = recurrent_width(net);
    struct shape lengths = {.rank = 1, .dims = {net->batch}}, state = recurrent_state_shape(net);
    struct shape peepholes = {.rank = 2, .dims = {directions, net->cell->peephole_gates * net->hidden}};
    return check_shape(inputs, count, RECURRENT_W, (struct shape){.rank = 3, .dims = {directions, width, net->input}},
                       error) ||
                   check_shape(inputs, count, RECURRENT_R,
                               (struct shape){.rank = 3, .dims = {directions, width, net->hidden}}, error) ||
                   check_shape(inputs, count, RECURRENT_B, (struct shape){.rank = 2, .dims = {directions, 2 * width}},
                               error) ||
                   check_shape(inputs, count, RECURRENT_LENGTHS, lengths, error) ||
                   check_shape(inputs, count, RECURRENT_H, state, error) ||
                   (net->cell->has_state && check_shape(inputs, count, RECURRENT_C, state, error)) ||
                   (net->cell->peephole_gates > 0 && check_shape(inputs, count, RECURRENT_P, peepholes, error))
               ? -1
               : 0;
}

static int check_types(const struct recurrent *net, const struct tensor *const *inputs, int count, struct error *error)
{
    int last = net->cell->has_state ? RECURRENT_P : RECURRENT_H;
    for (int i = 0; i < count && i <= last; i++) {
        enum dtype dtype = inputs[i] ? inputs[i]->dtype : DTYPE_UNDEFINED;
        if (inputs[i] && i == RECURRENT_LENGTHS && dtype != DTYPE_INT32)
            return error_set(error, ERROR_INPUT, "the sequence lengths are %s, expected int32", dtype_name(dtype));
        if (inputs[i] && i != RECURRENT_LENGTHS && dtype_storage(dtype) != DTYPE_FLOAT)
            return error_set(error, ERROR_INPUT, "input %d is %s, expected a float type", i, dtype_name(dtype));
    }
    return 0;
}

/* Limits of what is held per step, so that products of sizes cannot overflow. */
static int check_size(const struct recurrent *net, struct error *error)
{
    struct shape held = {.rank = 4, .dims = {net->directions, 16, net->hidden, net->batch}};
    if (shape_check(&held, error))
        return -1;
    held.rank = 5;
    held.dims[4] = net->steps;
    return shape_check(&held, error);
}

int recurrent_read(const struct node *node, const struct tensor *const *inputs, int input_count, struct recurrent *net,
                   struct error *error)
{
    const struct recurrent_settings *settings = node->settings;
    const struct shape *x = &inputs[RECURRENT_X]->shape, *r = &inputs[RECURRENT_R]->shape;
    *net = (struct recurrent){.cell = cell_of(node),
                              .directions = settings->direction == RECURRENT_BIDIRECTIONAL ? 2 : 1,
                              .reversed = settings->direction == RECURRENT_REVERSE,
                              .batch_first = settings->layout == 1,
                              .input_forget = settings->input_forget,
                              .linear_before_reset = settings->linear_before_reset,
                              .clip = settings->clip};
    if (x->rank != 3 || r->rank != 3)
        return error_set(error, ERROR_INPUT, "the input and the recurrent weights need 3 axes");
    if (settings->layout != 0 && settings->layout != 1)
        return error_set(error, ERROR_INPUT, "attribute layout is %lld", (long long)settings->layout);
    if (!(settings->clip > 0))
        return error_set(error, ERROR_INPUT, "attribute clip is not above 0");
    net->hidden = r->dims[2];
    net->input = x->dims[2];
    net->steps = x->dims[net->batch_first];
    net->batch = x->dims[!net->batch_first];
    if (net->hidden < 1 || (settings->hidden_size_given && settings->hidden_size != net->hidden))
        return error_set(error, ERROR_INPUT, "attribute hidden_size is %lld, the recurrent weights have %lld columns",
                         (long long)settings->hidden_size, (long long)net->hidden);
    return check_types(net, inputs, input_count, error) || check_size(net, error) ||
                   check_shapes(net, inputs, input_count, error) || read_functions(settings, net, error)
               ? -1
               : 0;
}

/* ---- forward ---- */

static int infer_recurrent(struct infer_context *context, struct error *error)
{
    struct recurrent net;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, error))
        return -1;
    enum dtype dtype = context->inputs[RECURRENT_X]->dtype;
    struct shape y = recurrent_output_shape(&net), state = recurrent_state_shape(&net);
    return infer_output(context, RECURRENT_Y, dtype, y.rank, y.dims, error) ||
                   infer_output(context, RECURRENT_Y_H, dtype, state.rank, state.dims, error) ||
                   infer_output(context, RECURRENT_Y_C, dtype, state.rank, state.dims, error)
               ? -1
               : 0;
}

static size_t scratch_of(const struct compute_context *context)
{
    struct recurrent net;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, NULL))
        return 0;
    return (size_t)recurrent_scratch(&net, false) * sizeof(float);
}

static int compute_recurrent(struct compute_context *context, struct error *error)
{
    struct recurrent net;
    struct recurrent_run run;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, error) ||
        recurrent_open(context, &net, false, &run, error))
        return -1;
    run.y = operand_result(context, RECURRENT_Y);
    run.y_h = operand_result(context, RECURRENT_Y_H);
    run.y_c = operand_result(context, RECURRENT_Y_C);
    recurrent_forward(&run, context->pool);
    return 0;
}

static int64_t macs_recurrent(const struct infer_context *context)
{
    struct recurrent net;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, NULL))
        return 0;
    return macs_product(macs_product(recurrent_rows(&net), net.directions * recurrent_width(&net)),
                        net.input + net.hidden);
}

/* All steps of an image reach each other through the states. */
static int field_recurrent(struct field_context *context, struct error *error)
{
    (void)error;
    const struct recurrent_settings *settings = context->node->settings;
    int axis = settings->layout == 0, from = settings->layout == 1 ? 0 : context->output == RECURRENT_Y ? 2 : 1;
    context->none = context->global = true;
    field_full(context);
    if (context->input == RECURRENT_X)
        context->reads[axis] = context->cells[from];
    return 0;
}

/* ---- gradient ---- */

static int gradient_recurrent(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct value *inputs[RECURRENT_P + 1 + RECURRENT_OUTPUTS] = {NULL}, *gradients[RECURRENT_P + 1] = {NULL};
    char op_type[32] = "";
    bool any = false;
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i];
    for (int i = 0; i < node->output_count; i++) {
        inputs[RECURRENT_P + 1 + i] = context->output_gradients[i];
        any |= context->output_gradients[i] != NULL;
    }
    if (!any)
        return 0;
    strcat(strcpy(op_type, cell_of(node)->name), "Gradient");
    if (emit_like(context->graph, op_type, node, inputs, RECURRENT_P + 1 + RECURRENT_OUTPUTS, gradients,
                  RECURRENT_P + 1, error))
        return -1;
    for (int i = 0; i < node->input_count; i++)
        context->input_gradients[i] = context->wanted[i] && i != RECURRENT_LENGTHS ? gradients[i] : NULL;
    return 0;
}

#define RECURRENT(name_, settings_, inputs_, outputs_)                                                                 \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 7, ARITY(3, inputs_, 0, outputs_), .types = TYPES_HELD_AS_FLOAT,         \
        .traits = OPERATOR_OTHER, .gate = GATE_NONE, .roles = RECURRENT_ROLES,                                         \
        SETTINGS(struct recurrent_settings, settings_), .infer = infer_recurrent, .compute = compute_recurrent,        \
        .gradient = gradient_recurrent, .field = field_recurrent, .macs = macs_recurrent, .scratch = scratch_of        \
    }

const struct operator_definition operators_recurrent[] = {
    RECURRENT("LSTM", lstm_attributes, 8, 3),
    RECURRENT("GRU", gru_attributes, 6, 2),
    RECURRENT("RNN", plain_attributes, 6, 2),
    {0},
};
