/* Forward convolution through the tile kernel, as one implicit product per group. */
#include "kernel/convolution_shared.h"

struct implicit_gemm convolution_gemm(const struct convolution *convolution, const struct window *window)
{
    int64_t inputs = convolution->input_channels / convolution->groups, taps = convolution_tap_count(convolution);
    struct implicit_gemm gemm = {.half = convolution->half && taps <= IMPLICIT_HALF_TAPS,
                                 .rows = convolution->output_channels / convolution->groups,
                                 .channels = inputs,
                                 .row_stride = inputs * taps,
                                 .channel_stride = taps};
    for (int i = 0; i < 3; i++) {
        gemm.kernel[i] = convolution->kernel[i];
        gemm.axes[i] =
            (struct implicit_axis){.taps = convolution->kernel[i],
                                   .tap_step = 1,
                                   .source = convolution->input[i],
                                   .source_stride = convolution->stride[i],
                                   .offset = window->begin[i] * convolution->stride[i] - convolution->pad_begin[i],
                                   .offset_step = convolution->dilation[i],
                                   .grid = window->end[i] - window->begin[i],
                                   .target = convolution->output[i],
                                   .target_begin = window->begin[i],
                                   .target_step = 1};
    }
    implicit_gemm_collapse(&gemm);
    return gemm;
}

static struct implicit_gemm whole_gemm(const struct convolution *convolution)
{
    struct window all = convolution_all(convolution);
    return convolution_gemm(convolution, &all);
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)convolution;
    return kernels->tile != NULL;
}

static size_t packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct implicit_gemm gemm = whole_gemm(convolution);
    return (size_t)convolution->groups * implicit_gemm_packed_bytes(&gemm, kernels->tile);
}

static void pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                 void *packed)
{
    struct implicit_gemm gemm = whole_gemm(convolution);
    size_t stride = implicit_gemm_packed_bytes(&gemm, kernels->tile);
    for (int64_t group = 0; group < convolution->groups; group++)
        implicit_gemm_pack(&gemm, kernels, weights + group * gemm.rows * gemm.row_stride,
                           (char *)packed + (size_t)group * stride);
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct implicit_gemm gemm = whole_gemm(convolution);
    return (size_t)implicit_gemm_scratch_floats(&gemm, kernels->tile) * sizeof(float) * (size_t)threads;
}

static void run_tiled(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct implicit_gemm whole = whole_gemm(convolution);
    struct implicit_gemm gemm = run->window ? convolution_gemm(convolution, run->window) : whole;
    struct implicit_operands operands = {.batch = convolution->batch,
                                         .groups = convolution->groups,
                                         .source = run->input,
                                         .target = run->output,
                                         .packed = run->weights,
                                         .packed_stride = implicit_gemm_packed_bytes(&whole, run->kernels->tile),
                                         .finish = run->epilogue};
    implicit_gemm_run(&gemm, run->kernels, run->pool, &operands, run->scratch);
}

const struct convolution_method convolution_tiled = {.name = "tiles",
                                                     .half = true,
                                                     .applies = applies,
                                                     .packed_bytes = packed_bytes,
                                                     .pack = pack,
                                                     .scratch = scratch,
                                                     .run = run_tiled};
