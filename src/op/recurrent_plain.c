/* RNN (Elman, Cognitive Science 14(2), 1990): H+ = f(x W' + H R' + b). */
#include <string.h>

#include "op/recurrent.h"

static void forward(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    const struct recurrent *net = lane->net;
    int64_t hidden = net->hidden;
    const struct recurrent_product product = {.m = step->count,
                                              .n = hidden,
                                              .k = hidden,
                                              .lda = hidden,
                                              .ldc = recurrent_row_stride(net) * hidden,
                                              .transposed = true,
                                              .add = true};
    recurrent_multiply(&product, lane->kernels, lane->h + step->first * hidden, lane->r,
                       lane->sums + recurrent_row(net, step->time, step->first) * hidden);
    for (int64_t image = step->first; image < step->first + step->count; image++) {
        float *sums = lane->sums + recurrent_row(net, step->time, image) * hidden;
        if (!recurrent_is_active(step, image))
            continue;
        recurrent_clip(lane, sums, hidden);
        recurrent_apply(lane->functions, lane->kernels, sums, lane->h + image * hidden, hidden);
    }
}

static void backward(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    const struct recurrent *net = lane->net;
    int64_t hidden = net->hidden;
    const struct recurrent_product product = {.m = step->count,
                                              .n = hidden,
                                              .k = hidden,
                                              .lda = recurrent_row_stride(net) * hidden,
                                              .ldc = hidden,
                                              .add = true};
    for (int64_t image = step->first; image < step->first + step->count; image++) {
        int64_t at = recurrent_row(net, step->time, image) * hidden;
        float *dh = lane->h + image * hidden;
        if (!recurrent_is_active(step, image))
            continue;
        recurrent_clipped_slope(lane, lane->functions, lane->sums + at, dh, lane->gates + at, hidden);
        memset(dh, 0, (size_t)hidden * sizeof *dh);
    }
    recurrent_multiply(&product, lane->kernels, lane->gates + recurrent_row(net, step->time, step->first) * hidden,
                       lane->r, lane->h + step->first * hidden);
}

const struct recurrent_cell recurrent_plain = {.name = "RNN",
                                               .gates = 1,
                                               .function_count = 1,
                                               .reset_gate = -1,
                                               .functions = {"Tanh"},
                                               .forward = forward,
                                               .backward = backward};
