/* Input gradient through the tile kernel: one implicit product per phase of the strides. */
#include <string.h>

#include "base/number.h"
#include "kernel/convolution_shared.h"

/* With few input channels the gathering of dy would cost more than the product. */
static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->tile && !convolution_is_depthwise(convolution) &&
           convolution->input_channels / convolution->groups >= 4;
}

/* Phases along an axis; those behind a short input would be empty. */
static int64_t phases_along(const struct convolution *convolution, int axis)
{
    int64_t stride = convolution->stride[axis], input = convolution->input[axis];
    return stride < input ? stride : input;
}

static int64_t phase_count(const struct convolution *convolution)
{
    return phases_along(convolution, 0) * phases_along(convolution, 1) * phases_along(convolution, 2);
}

/* Input cells i = phase + stride * g. Output o and tap t meet there when o * stride + t * dilation - pad = i, so tap t
 * reads dy at g + (phase + pad - t * dilation) / stride where that is whole. dy is zero outside [begin, end). */
static struct implicit_axis phase_axis(const struct convolution *convolution, int i, int64_t phase, int64_t begin,
                                       int64_t end)
{
    int64_t stride = convolution->stride[i], dilation = convolution->dilation[i], pad = convolution->pad_begin[i];
    int64_t input = convolution->input[i], tap = 0;
    struct implicit_axis axis = {.tap_step = stride / int64_greatest_divisor(stride, dilation),
                                 .source = convolution->output[i],
                                 .source_stride = 1,
                                 .target = input,
                                 .target_begin = phase,
                                 .target_step = stride};
    while (tap < convolution->kernel[i] && (phase + pad - tap * dilation) % stride != 0)
        tap++;
    if (tap == convolution->kernel[i] || phase >= input)
        return axis; /* no tap: these cells are zero */
    axis.first_tap = tap;
    axis.taps = (convolution->kernel[i] - tap - 1) / axis.tap_step + 1;
    axis.offset = (phase + pad - tap * dilation) / stride;
    axis.offset_step = -(axis.tap_step * dilation) / stride;
    int64_t cells = (input - phase + stride - 1) / stride;
    int64_t first = begin - axis.offset, last = end - axis.offset - (axis.taps - 1) * axis.offset_step;
    first = first < 0 ? 0 : first;
    last = last > cells ? cells : last;
    axis.grid = last > first ? last - first : 0;
    axis.offset += first;
    axis.target_begin += first * stride;
    return axis;
}

static struct implicit_gemm phase_gemm(const struct convolution *convolution, const struct window *window,
                                       int64_t phase)
{
    int64_t inputs = convolution->input_channels / convolution->groups, taps = convolution_tap_count(convolution);
    struct implicit_gemm gemm = {.half = convolution->half && taps <= IMPLICIT_HALF_TAPS,
                                 .rows = inputs,
                                 .channels = convolution->output_channels / convolution->groups,
                                 .row_stride = taps,
                                 .channel_stride = inputs * taps};
    for (int i = 2; i >= 0; i--) {
        gemm.kernel[i] = convolution->kernel[i];
        gemm.axes[i] =
            phase_axis(convolution, i, phase % phases_along(convolution, i), window->begin[i], window->end[i]);
        phase /= phases_along(convolution, i);
    }
    implicit_gemm_collapse(&gemm);
    return gemm;
}

/* Largest scratch of any phase, per thread. */
static int64_t phases_scratch_floats(const struct convolution *convolution, const struct kernels *kernels)
{
    struct window all = convolution_all(convolution);
    int64_t most = 0;
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, &all, phase);
        int64_t floats = implicit_gemm_scratch_floats(&gemm, kernels->tile);
        most = floats > most ? floats : most;
    }
    return most;
}

static size_t packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct window all = convolution_all(convolution);
    size_t bytes = 0;
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, &all, phase);
        bytes += (size_t)convolution->groups * implicit_gemm_packed_bytes(&gemm, kernels->tile);
    }
    return bytes;
}

static void pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                 void *packed)
{
    struct window all = convolution_all(convolution);
    char *to = packed;
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, &all, phase);
        for (int64_t group = 0; group < convolution->groups; group++) {
            implicit_gemm_pack(&gemm, kernels, weights + group * gemm.channels * gemm.channel_stride, to);
            to += implicit_gemm_packed_bytes(&gemm, kernels->tile);
        }
    }
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    return (size_t)phases_scratch_floats(convolution, kernels) * sizeof(float) * (size_t)threads;
}

static void run_phases(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct window all = convolution_all(convolution);
    const char *packed = (const char *)run->weights;
    int64_t covered = 0, plane = convolution_plane(convolution->input);
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm gemm = phase_gemm(convolution, run->window ? run->window : &all, phase);
        covered += implicit_gemm_depth(&gemm) > 0 ? implicit_gemm_cells(&gemm) : 0;
    }
    if (covered < plane)
        memset(run->output, 0, (size_t)(convolution->batch * convolution->input_channels * plane) * sizeof(float));
    for (int64_t phase = 0; phase < phase_count(convolution); phase++) {
        struct implicit_gemm whole = phase_gemm(convolution, &all, phase);
        struct implicit_gemm gemm = phase_gemm(convolution, run->window ? run->window : &all, phase);
        struct implicit_operands operands = {.batch = convolution->batch,
                                             .groups = convolution->groups,
                                             .source = run->input,
                                             .target = run->output,
                                             .packed = packed,
                                             .packed_stride = implicit_gemm_packed_bytes(&whole, run->kernels->tile)};
        if (implicit_gemm_depth(&gemm) > 0)
            implicit_gemm_run(&gemm, run->kernels, run->pool, &operands, run->scratch);
        packed += (size_t)convolution->groups * operands.packed_stride;
    }
}

const struct convolution_method input_gradient_tiled = {.name = "tiles",
                                                        .half = true,
                                                        .applies = applies,
                                                        .packed_bytes = packed_bytes,
                                                        .pack = pack,
                                                        .scratch = scratch,
                                                        .run = run_phases};
