/* GRU (Cho et al., arXiv 1406.1078). Gates z, r, h in this order:
 *   z = f(x Wz' + H Rz' + b),  r likewise
 *   h = g(x Wh' + (r H) Rh' + b), or g(x Wh' + bw + r (H Rh' + br)) where the linear map comes before the reset
 *   H+ = (1 - z) h + z H */
#include <string.h>

#include "op/recurrent.h"

enum { UPDATE, RESET, HIDDEN, GATES };

/* r H, or H Rh' + br, of an image: in the record, or in the work space. */
static float *scaled_row(const struct recurrent_lane *lane, int64_t row, int64_t image)
{
    int64_t hidden = lane->net->hidden;
    return lane->scaled ? lane->scaled + row * hidden : lane->work + image * GATES * hidden;
}

static int64_t scaled_stride(const struct recurrent_lane *lane)
{
    int64_t hidden = lane->net->hidden;
    return lane->scaled ? recurrent_row_stride(lane->net) * hidden : GATES * hidden;
}

static float *gates_row(const struct recurrent_lane *lane, int64_t row)
{
    return (lane->gates ? lane->gates : lane->sums) + row * GATES * lane->net->hidden;
}

static void forward_gates(const struct recurrent_lane *lane, int64_t row, int64_t image)
{
    int64_t hidden = lane->net->hidden, width = GATES * hidden;
    float *sums = lane->sums + row * width, *gates = gates_row(lane, row), *scaled = scaled_row(lane, row, image);
    const float *r = gates + RESET * hidden, *h = lane->h + image * hidden;
    recurrent_clip(lane, sums, HIDDEN * hidden);
    recurrent_apply(&lane->functions[0], lane->kernels, sums, gates, HIDDEN * hidden);
    if (!lane->net->linear_before_reset) {
        lane->kernels->binary[BINARY_MULTIPLY](r, 1, h, 1, scaled, hidden);
        return;
    }
    if (lane->bias)
        lane->kernels->axpy(1, lane->bias + width + HIDDEN * hidden, scaled, hidden);
    for (int64_t j = 0; j < hidden; j++)
        sums[HIDDEN * hidden + j] += r[j] * scaled[j];
}

static void forward_state(const struct recurrent_lane *lane, int64_t row, int64_t image)
{
    int64_t hidden = lane->net->hidden;
    float *sums = lane->sums + (row * GATES + HIDDEN) * hidden, *gates = gates_row(lane, row);
    float *candidate = gates + HIDDEN * hidden, *h = lane->h + image * hidden;
    const float *z = gates + UPDATE * hidden;
    recurrent_clip(lane, sums, hidden);
    recurrent_apply(&lane->functions[1], lane->kernels, sums, candidate, hidden);
    for (int64_t j = 0; j < hidden; j++)
        h[j] = (1 - z[j]) * candidate[j] + z[j] * h[j];
}

static void forward(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    const struct recurrent *net = lane->net;
    int64_t hidden = net->hidden, width = GATES * hidden, row = recurrent_row(net, step->time, step->first);
    int64_t end = step->first + step->count;
    const float *r_hidden = lane->r + HIDDEN * hidden * hidden, *h = lane->h + step->first * hidden;
    float *sums = lane->sums + row * width, *scaled = scaled_row(lane, row, step->first);
    struct recurrent_product product = {.m = step->count,
                                        .n = HIDDEN * hidden,
                                        .k = hidden,
                                        .lda = hidden,
                                        .ldc = recurrent_row_stride(net) * width,
                                        .transposed = true,
                                        .add = true};
    recurrent_multiply(&product, lane->kernels, h, lane->r, sums);
    product.n = hidden;
    if (net->linear_before_reset) {
        product.add = false;
        product.ldc = scaled_stride(lane);
        recurrent_multiply(&product, lane->kernels, h, r_hidden, scaled);
    }
    for (int64_t image = step->first; image < end; image++) {
        if (recurrent_is_active(step, image))
            forward_gates(lane, recurrent_row(net, step->time, image), image);
        else
            memset(scaled_row(lane, recurrent_row(net, step->time, image), image), 0, (size_t)hidden * sizeof *h);
    }
    if (!net->linear_before_reset) {
        product.lda = scaled_stride(lane);
        recurrent_multiply(&product, lane->kernels, scaled, r_hidden, sums + HIDDEN * hidden);
    }
    for (int64_t image = step->first; image < end; image++) {
        if (recurrent_is_active(step, image))
            forward_state(lane, recurrent_row(net, step->time, image), image);
    }
}

/* dz and dh of a row become the gradients of their sums, dH what passes by the gates. */
static void backward_state(const struct recurrent_lane *lane, int64_t row, int64_t image)
{
    int64_t hidden = lane->net->hidden, width = GATES * hidden;
    const float *sums = lane->sums + row * width, *before = lane->previous + row * hidden;
    float *z = gates_row(lane, row) + UPDATE * hidden, *candidate = gates_row(lane, row) + HIDDEN * hidden;
    float *dh = lane->h + image * hidden, *dz = lane->work + image * width, *dcandidate = dz + hidden;
    for (int64_t j = 0; j < hidden; j++) {
        dz[j] = dh[j] * (before[j] - candidate[j]);
        dcandidate[j] = dh[j] * (1 - z[j]);
        dh[j] *= z[j];
    }
    recurrent_clipped_slope(lane, &lane->functions[0], sums, dz, z, hidden);
    recurrent_clipped_slope(lane, &lane->functions[1], sums + HIDDEN * hidden, dcandidate, candidate, hidden);
}

/* dr of a row becomes the gradient of its sum. `through` is d(r H), of which dH takes its part; where the linear map
 * came first, its result becomes its gradient. */
static void backward_reset(const struct recurrent_lane *lane, int64_t row, int64_t image, const float *through)
{
    int64_t hidden = lane->net->hidden, width = GATES * hidden;
    const float *before = lane->previous + row * hidden;
    float *r = gates_row(lane, row) + RESET * hidden, *dh = lane->h + image * hidden;
    float *dr = lane->work + image * width + hidden, *scaled = scaled_row(lane, row, image);
    for (int64_t j = 0; j < hidden; j++) {
        dr[j] = through[j] * (lane->net->linear_before_reset ? scaled[j] : before[j]);
        if (lane->net->linear_before_reset)
            scaled[j] = through[j] * r[j];
        else
            dh[j] += through[j] * r[j];
    }
    recurrent_clipped_slope(lane, &lane->functions[0], lane->sums + row * width + RESET * hidden, dr, r, hidden);
}

static void backward(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    const struct recurrent *net = lane->net;
    int64_t hidden = net->hidden, width = GATES * hidden, row = recurrent_row(net, step->time, step->first);
    int64_t end = step->first + step->count;
    const float *r_hidden = lane->r + HIDDEN * hidden * hidden;
    float *dsums = gates_row(lane, row), *dh = lane->h + step->first * hidden;
    bool linear = net->linear_before_reset;
    struct recurrent_product product = {
        .m = step->count, .n = hidden, .k = hidden, .lda = recurrent_row_stride(net) * width, .ldc = width};
    for (int64_t image = step->first; image < end; image++) {
        if (recurrent_is_active(step, image))
            backward_state(lane, recurrent_row(net, step->time, image), image);
    }
    if (!linear)
        recurrent_multiply(&product, lane->kernels, dsums + HIDDEN * hidden, r_hidden,
                           lane->work + step->first * width);
    for (int64_t image = step->first; image < end; image++) {
        int64_t own = recurrent_row(net, step->time, image);
        const float *through = linear ? gates_row(lane, own) + HIDDEN * hidden : lane->work + image * width;
        if (recurrent_is_active(step, image))
            backward_reset(lane, own, image, through);
    }
    product.ldc = hidden;
    product.add = true;
    if (linear) {
        product.lda = scaled_stride(lane);
        recurrent_multiply(&product, lane->kernels, scaled_row(lane, row, step->first), r_hidden, dh);
        product.lda = recurrent_row_stride(net) * width;
    }
    product.k = HIDDEN * hidden;
    recurrent_multiply(&product, lane->kernels, dsums, lane->r, dh);
}

const struct recurrent_cell recurrent_gru = {.name = "GRU",
                                             .gates = GATES,
                                             .function_count = 2,
                                             .reset_gate = HIDDEN,
                                             .functions = {"Sigmoid", "Tanh"},
                                             .forward = forward,
                                             .backward = backward};
