/* LSTM (Hochreiter and Schmidhuber, Neural Computation 9(8), 1997; peepholes: Gers et al., JMLR 3, 2002). Gates i, o,
 * f, c in this order:
 *   i = f(x Wi' + H Ri' + Pi C + b)   f likewise, or 1 - i where input and forget gate are coupled
 *   C+ = f C + i g(x Wc' + H Rc' + b)
 *   o = f(x Wo' + H Ro' + Po C+ + b),  H+ = o h(C+)
 * The clip holds the gates' sums; C is not clipped in front of h, as in ONNX Runtime. */
#include <string.h>

#include "op/recurrent.h"

enum { INPUT, OUTPUT, FORGET, CELL, GATES };

static void add_peephole(const float *peephole, const float *state, float *sums, int64_t count)
{
    for (int64_t j = 0; j < count; j++)
        sums[j] += peephole[j] * state[j];
}

static void activate(const struct recurrent_lane *lane, int function, float *sums, float *gates, int64_t count)
{
    recurrent_clip(lane, sums, count);
    recurrent_apply(&lane->functions[function], lane->kernels, sums, gates, count);
}

static void forward_row(const struct recurrent_lane *lane, int64_t row, int64_t image)
{
    int64_t hidden = lane->net->hidden, width = GATES * hidden;
    float *sums = lane->sums + row * width, *gates = (lane->gates ? lane->gates : lane->sums) + row * width;
    float *h = lane->h + image * hidden, *c = lane->c + image * hidden, *work = lane->work + image * width;
    const float *i = gates + INPUT * hidden, *o = gates + OUTPUT * hidden, *g = gates + CELL * hidden;
    float *f = gates + FORGET * hidden;
    if (lane->peepholes) {
        add_peephole(lane->peepholes, c, sums, hidden);
        add_peephole(lane->peepholes + FORGET * hidden, c, sums + FORGET * hidden, hidden);
    }
    activate(lane, 0, sums, gates, hidden);
    activate(lane, 0, sums + FORGET * hidden, gates + FORGET * hidden, hidden);
    activate(lane, 1, sums + CELL * hidden, gates + CELL * hidden, hidden);
    for (int64_t j = 0; lane->net->input_forget && j < hidden; j++)
        f[j] = 1 - i[j];
    for (int64_t j = 0; j < hidden; j++)
        c[j] = f[j] * c[j] + i[j] * g[j];
    if (lane->peepholes)
        add_peephole(lane->peepholes + OUTPUT * hidden, c, sums + OUTPUT * hidden, hidden);
    activate(lane, 0, sums + OUTPUT * hidden, gates + OUTPUT * hidden, hidden);
    recurrent_apply(&lane->functions[2], lane->kernels, c, work, hidden);
    lane->kernels->binary[BINARY_MULTIPLY](o, 1, work, 1, h, hidden);
    if (lane->state_c)
        memcpy(lane->state_c + row * hidden, c, (size_t)hidden * sizeof *c);
}

static void forward(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    const struct recurrent *net = lane->net;
    int64_t hidden = net->hidden, width = GATES * hidden;
    const struct recurrent_product product = {.m = step->count,
                                              .n = width,
                                              .k = hidden,
                                              .lda = hidden,
                                              .ldc = recurrent_row_stride(net) * width,
                                              .transposed = true,
                                              .add = true};
    recurrent_multiply(&product, lane->kernels, lane->h + step->first * hidden, lane->r,
                       lane->sums + recurrent_row(net, step->time, step->first) * width);
    for (int64_t image = step->first; image < step->first + step->count; image++) {
        if (recurrent_is_active(step, image))
            forward_row(lane, recurrent_row(net, step->time, image), image);
    }
}

/* dO and dC of a row: what reaches the state through H. */
static void output_gradient(const struct recurrent_lane *lane, int64_t row, int64_t image, float *work)
{
    int64_t hidden = lane->net->hidden, width = GATES * hidden;
    const float *sums = lane->sums + row * width, *dh = lane->h + image * hidden;
    float *o = lane->gates + row * width + OUTPUT * hidden, *dc = lane->c + image * hidden;
    const float *c = lane->state_c + row * hidden;
    float *result = work, *through = work + hidden;
    recurrent_apply(&lane->functions[2], lane->kernels, c, result, hidden);
    for (int64_t j = 0; j < hidden; j++) {
        through[j] = dh[j] * o[j];
        result[j] *= dh[j];
    }
    recurrent_slope(&lane->functions[2], lane->kernels, c, through, through, hidden);
    recurrent_clipped_slope(lane, &lane->functions[0], sums + OUTPUT * hidden, result, o, hidden);
    for (int64_t j = 0; j < hidden; j++)
        dc[j] += through[j];
    if (lane->peepholes)
        add_peephole(lane->peepholes + OUTPUT * hidden, o, dc, hidden);
}

/* The gates become the gradients of their sums, dC that of the state before. */
static void backward_row(const struct recurrent_lane *lane, int64_t row, int64_t image)
{
    int64_t hidden = lane->net->hidden, width = GATES * hidden;
    const float *sums = lane->sums + row * width, *before = lane->previous_c + row * hidden;
    float *gates = lane->gates + row * width, *dc = lane->c + image * hidden, *work = lane->work + image * width;
    float *i = gates + INPUT * hidden, *f = gates + FORGET * hidden, *g = gates + CELL * hidden;
    float *di = work, *df = work + hidden, *dg = work + 2 * hidden;
    bool coupled = lane->net->input_forget;
    output_gradient(lane, row, image, work);
    for (int64_t j = 0; j < hidden; j++) {
        di[j] = dc[j] * (coupled ? g[j] - before[j] : g[j]);
        df[j] = coupled ? 0 : dc[j] * before[j];
        dg[j] = dc[j] * i[j];
        dc[j] *= f[j];
    }
    recurrent_clipped_slope(lane, &lane->functions[0], sums, di, i, hidden);
    recurrent_clipped_slope(lane, &lane->functions[1], sums + CELL * hidden, dg, g, hidden);
    if (coupled)
        memset(f, 0, (size_t)hidden * sizeof *f);
    else
        recurrent_clipped_slope(lane, &lane->functions[0], sums + FORGET * hidden, df, f, hidden);
    if (lane->peepholes) {
        add_peephole(lane->peepholes, i, dc, hidden);
        add_peephole(lane->peepholes + FORGET * hidden, f, dc, hidden);
    }
    memset(lane->h + image * hidden, 0, (size_t)hidden * sizeof *dc);
}

static void backward(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    const struct recurrent *net = lane->net;
    int64_t hidden = net->hidden, width = GATES * hidden;
    const struct recurrent_product product = {.m = step->count,
                                              .n = hidden,
                                              .k = width,
                                              .lda = recurrent_row_stride(net) * width,
                                              .ldc = hidden,
                                              .add = true};
    for (int64_t image = step->first; image < step->first + step->count; image++) {
        if (recurrent_is_active(step, image))
            backward_row(lane, recurrent_row(net, step->time, image), image);
    }
    recurrent_multiply(&product, lane->kernels, lane->gates + recurrent_row(net, step->time, step->first) * width,
                       lane->r, lane->h + step->first * hidden);
}

const struct recurrent_cell recurrent_lstm = {.name = "LSTM",
                                              .gates = GATES,
                                              .function_count = 3,
                                              .reset_gate = -1,
                                              .peephole_gates = CELL,
                                              .has_state = true,
                                              .functions = {"Sigmoid", "Tanh", "Tanh"},
                                              .forward = forward,
                                              .backward = backward};
