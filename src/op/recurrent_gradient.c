/* LSTMGradient, GRUGradient, RNNGradient(X, W, R, B, lengths, H0, C0, P, dY, dY_h, dY_c) -> dX, dW, dR, dB, -, dH0,
 * dC0, dP: the steps are computed again with their gates and states recorded, then followed backwards, which leaves the
 * gradients S of the gates' sums: dX = S W, dW = S' X, dR = S' H, biases and peepholes by sums over all rows. Steps
 * that an image does not have give nothing; what a clip holds gives nothing. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/thread_pool.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/recurrent.h"
#include "op/recurrent_settings.h"

enum { GRADIENT_Y = RECURRENT_P + 1, GRADIENT_Y_H, GRADIENT_Y_C, GRADIENT_INPUTS };
/* Outputs stand at the places of the inputs that they are gradients of. */
enum { GRADIENT_OUTPUTS = RECURRENT_P + 1 };

/* Columns of the gates whose sums over all rows one task makes, and rows of dX that one makes. */
#define COLUMNS 64
#define ROWS 128

static const struct attribute_rule attributes[] = {
    RECURRENT_ATTRIBUTES(0), RECURRENT_LSTM_ATTRIBUTES, RECURRENT_GRU_ATTRIBUTES, {0}};

struct gradient_run {
    struct recurrent_run forward;
    const float *dy, *dy_h, *dy_c;
    float *dx, *dw, *dr, *db, *dh, *dc, *dp;
};

static int check_gradient(const struct infer_context *context, int input, struct shape wanted, struct error *error)
{
    const struct tensor *gradient = infer_has(context, input) ? context->inputs[input] : NULL;
    if (gradient && (dtype_storage(gradient->dtype) != DTYPE_FLOAT || !shape_equal(&gradient->shape, &wanted)))
        return error_set(error, ERROR_INPUT, "the gradient of output %d does not fit", input - GRADIENT_Y);
    return 0;
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    struct recurrent net;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, error))
        return -1;
    struct shape state = recurrent_state_shape(&net);
    if (check_gradient(context, GRADIENT_Y, recurrent_output_shape(&net), error) ||
        check_gradient(context, GRADIENT_Y_H, state, error) || check_gradient(context, GRADIENT_Y_C, state, error))
        return -1;
    enum dtype dtype = context->inputs[RECURRENT_X]->dtype;
    int64_t width = recurrent_width(&net);
    const struct shape shapes[GRADIENT_OUTPUTS] = {
        context->inputs[RECURRENT_X]->shape,
        context->inputs[RECURRENT_W]->shape,
        context->inputs[RECURRENT_R]->shape,
        {.rank = 2, .dims = {net.directions, 2 * width}},
        {.rank = 1, .dims = {net.batch}},
        state,
        state,
        {.rank = 2, .dims = {net.directions, net.cell->peephole_gates * net.hidden}},
    };
    for (int i = 0; i < GRADIENT_OUTPUTS; i++) {
        bool given = infer_has(context, i) && i != RECURRENT_LENGTHS;
        if (infer_output(context, i, given ? context->inputs[i]->dtype : dtype, shapes[i].rank, shapes[i].dims, error))
            return -1;
    }
    return 0;
}

/* ---- the steps backwards ---- */

static void start_gradients(const struct gradient_run *run, int64_t direction, int64_t image)
{
    const struct recurrent *net = run->forward.net;
    const struct recurrent_lane *lane = &run->forward.lanes[direction];
    int64_t hidden = net->hidden, from = recurrent_state_offset(net, direction, image);
    size_t bytes = (size_t)hidden * sizeof(float);
    bool has_steps = recurrent_has_steps(&run->forward, image);
    memset(lane->h + image * hidden, 0, bytes);
    if (run->dy_h && has_steps)
        memcpy(lane->h + image * hidden, run->dy_h + from, bytes);
    if (!net->cell->has_state)
        return;
    memset(lane->c + image * hidden, 0, bytes);
    if (run->dy_c && has_steps)
        memcpy(lane->c + image * hidden, run->dy_c + from, bytes);
}

static void add_output_gradients(const struct gradient_run *run, const struct recurrent_step *step, int64_t direction)
{
    const struct recurrent *net = run->forward.net;
    for (int64_t image = step->first; run->dy && image < step->first + step->count; image++) {
        if (recurrent_is_active(step, image))
            run->forward.kernels->axpy(1, run->dy + recurrent_output_offset(net, step->time, direction, image),
                                       step->lane->h + image * net->hidden, net->hidden);
    }
}

static void run_steps(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct gradient_run *run = argument;
    const struct recurrent *net = run->forward.net;
    int64_t direction = (int64_t)index / recurrent_blocks(net), block = recurrent_block(net);
    struct recurrent_step step = {.lane = &run->forward.lanes[direction],
                                  .lengths = run->forward.lengths,
                                  .first = (int64_t)index % recurrent_blocks(net) * block};
    step.count = int64_min(block, net->batch - step.first);
    int64_t longest = recurrent_longest(net, step.lengths, step.first, step.count);
    for (int64_t image = step.first; image < step.first + step.count; image++)
        start_gradients(run, direction, image);
    for (int64_t i = longest - 1; i >= 0; i--) {
        step.time = step.lane->reversed ? longest - 1 - i : i;
        add_output_gradients(run, &step, direction);
        net->cell->backward(&step);
    }
    for (int64_t image = step.first; image < step.first + step.count; image++) {
        int64_t to = recurrent_state_offset(net, direction, image), from = image * net->hidden;
        if (run->dh)
            memcpy(run->dh + to, step.lane->h + from, (size_t)net->hidden * sizeof(float));
        if (run->dc && net->cell->has_state)
            memcpy(run->dc + to, step.lane->c + from, (size_t)net->hidden * sizeof(float));
    }
}

/* ---- sums over all rows ---- */

static int64_t blocks_of(int64_t count, int64_t block)
{
    return (count + block - 1) / block;
}

static void run_inputs(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct gradient_run *run = argument;
    const struct recurrent *net = run->forward.net;
    int64_t width = recurrent_width(net), first = (int64_t)index * ROWS;
    int64_t count = int64_min(ROWS, recurrent_rows(net) - first);
    for (int i = 0; i < net->directions; i++) {
        const struct recurrent_lane *lane = &run->forward.lanes[i];
        run->forward.kernels->gemm(false, false, count, net->input, width, 1, lane->gates + first * width, width,
                                   lane->w, net->input, i > 0, run->dx + first * net->input, net->input);
    }
}

/* A few columns of one gate: S [rows, count], with `stride` between rows. */
struct columns {
    const struct recurrent_lane *lane;
    int64_t direction, gate, first, count; /* `first` within the gate */
    const float *sums, *recurrent;         /* gradients of the sums, and of what the recurrent product gives to them */
    int64_t recurrent_stride;
    bool scales; /* the reset gate scales H, or the product's result */
};

static void sum_rows(const struct columns *columns, const float *from, int64_t stride, float *to)
{
    int64_t rows = recurrent_rows(columns->lane->net);
    memset(to, 0, (size_t)columns->count * sizeof *to);
    for (int64_t row = 0; row < rows; row++)
        columns->lane->kernels->axpy(1, from + row * stride, to, columns->count);
}

static void peephole_sums(const struct columns *columns, float *to)
{
    const struct recurrent_lane *lane = columns->lane;
    int64_t hidden = lane->net->hidden, width = recurrent_width(lane->net), rows = recurrent_rows(lane->net);
    const float *state = (columns->gate == 1 ? lane->state_c : lane->previous_c) + columns->first; /* o looks at C+ */
    memset(to, 0, (size_t)columns->count * sizeof *to);
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t j = 0; j < columns->count; j++)
            to[j] += columns->sums[row * width + j] * state[row * hidden + j];
    }
}

static void run_columns(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct gradient_run *run = argument;
    const struct recurrent *net = run->forward.net;
    int64_t hidden = net->hidden, width = recurrent_width(net), rows = recurrent_rows(net);
    int64_t blocks = blocks_of(hidden, COLUMNS), item = (int64_t)index;
    struct columns columns = {
        .first = item % blocks * COLUMNS, .gate = item / blocks % net->cell->gates, .recurrent_stride = width};
    columns.direction = item / blocks / net->cell->gates;
    columns.lane = &run->forward.lanes[columns.direction];
    columns.count = int64_min(COLUMNS, hidden - columns.first);
    columns.scales = columns.gate == net->cell->reset_gate;
    int64_t at = columns.gate * hidden + columns.first, place = columns.direction * width + at;
    columns.sums = columns.recurrent = columns.lane->gates + at;
    const float *h = columns.lane->previous;
    if (columns.scales && net->linear_before_reset) {
        columns.recurrent = columns.lane->scaled + columns.first;
        columns.recurrent_stride = hidden;
    } else if (columns.scales) {
        h = columns.lane->scaled;
    }
    const struct kernels *kernels = run->forward.kernels;
    if (run->dw)
        kernels->gemm(true, false, columns.count, net->input, rows, 1, columns.sums, width, run->forward.x, net->input,
                      0, run->dw + place * net->input, net->input);
    if (run->dr)
        kernels->gemm(true, false, columns.count, hidden, rows, 1, columns.recurrent, columns.recurrent_stride, h,
                      hidden, 0, run->dr + place * hidden, hidden);
    if (run->db) {
        float *db = run->db + columns.direction * 2 * width + at;
        sum_rows(&columns, columns.sums, width, db);
        sum_rows(&columns, columns.recurrent, columns.recurrent_stride, db + width);
    }
    if (run->dp && columns.gate < net->cell->peephole_gates)
        peephole_sums(&columns, run->dp + columns.direction * net->cell->peephole_gates * hidden + at);
}

/* ---- the operators ---- */

static size_t scratch_gradient(const struct compute_context *context)
{
    struct recurrent net;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, NULL))
        return 0;
    return (size_t)recurrent_scratch(&net, true) * sizeof(float);
}

/* Outputs that no input of the node asks for hold zeros. */
static void clear_outputs(const struct compute_context *context)
{
    for (int i = 0; i < context->output_count; i++) {
        if (operand_result(context, i))
            memset(operand_result(context, i), 0, tensor_bytes(context->outputs[i]));
    }
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    struct recurrent net;
    struct gradient_run run = {.dy = operand_data(context, GRADIENT_Y),
                               .dy_h = operand_data(context, GRADIENT_Y_H),
                               .dy_c = operand_data(context, GRADIENT_Y_C),
                               .dx = operand_result(context, RECURRENT_X),
                               .dw = operand_result(context, RECURRENT_W),
                               .dr = operand_result(context, RECURRENT_R),
                               .db = operand_result(context, RECURRENT_B),
                               .dh = operand_result(context, RECURRENT_H),
                               .dc = operand_result(context, RECURRENT_C),
                               .dp = operand_result(context, RECURRENT_P)};
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, error) ||
        recurrent_open(context, &net, true, &run.forward, error))
        return -1;
    clear_outputs(context);
    recurrent_forward(&run.forward, context->pool);
    thread_pool_run(context->pool, run_steps, &run, (size_t)(net.directions * recurrent_blocks(&net)));
    if (run.dx)
        thread_pool_run(context->pool, run_inputs, &run, (size_t)blocks_of(recurrent_rows(&net), ROWS));
    if (run.dw || run.dr || run.db || run.dp)
        thread_pool_run(context->pool, run_columns, &run,
                        (size_t)(net.directions * net.cell->gates * blocks_of(net.hidden, COLUMNS)));
    return 0;
}

/* The forward again, the steps backwards, and one product for each of dX, dW, dR. */
static int64_t macs_gradient(const struct infer_context *context)
{
    struct recurrent net;
    if (recurrent_read(context->node, context->inputs, context->input_count, &net, NULL))
        return 0;
    int64_t sums = macs_product(recurrent_rows(&net), net.directions * recurrent_width(&net));
    int64_t columns = net.input + 2 * net.hidden;
    columns += operand_output(context->node, RECURRENT_X) ? net.input : 0;
    columns += operand_output(context->node, RECURRENT_W) ? net.input : 0;
    columns += operand_output(context->node, RECURRENT_R) ? net.hidden : 0;
    return macs_product(sums, columns);
}

#define RECURRENT_GRADIENT(name_)                                                                                      \
    {                                                                                                                  \
        .domain = DOMAIN_INTERNAL, .name = name_, .since = 1, ARITY(3, GRADIENT_INPUTS, 1, GRADIENT_OUTPUTS),          \
        .types = TYPES_HELD_AS_FLOAT, .traits = OPERATOR_OTHER, .roles = RECURRENT_ROLES,                              \
        SETTINGS(struct recurrent_settings, attributes), .infer = infer_gradient, .compute = compute_gradient,         \
        .macs = macs_gradient, .scratch = scratch_gradient                                                             \
    }

const struct operator_definition operators_recurrent_gradient[] = {
    RECURRENT_GRADIENT("LSTMGradient"),
    RECURRENT_GRADIENT("GRUGradient"),
    RECURRENT_GRADIENT("RNNGradient"),
    {0},
};
