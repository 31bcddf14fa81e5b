/* Forward convolution whose taps mostly read beside the image, as those of large dilations do: each tap is a product of
 * its own for the outputs where it reads inside, added to what is there. A tap's weights and columns are blocked as
 * those of any implicit product (implicit_run.c); the outputs, a few megabytes, pass once more for every tap, which is
 * little beside a tap's products where there are many channels. */

#include "base/number.h"
#include "kernel/convolution_shared.h"

/* It pays where at most so many of the products are inside, and on maps that leave each tap whole tiles. */
#define INSIDE_NUMERATOR 3
#define INSIDE_DENOMINATOR 5
#define MIN_CELLS 256

/* The outputs of `axis` where one of its taps reads inside the image. */
static void inside(const struct convolution *convolution, int axis, int64_t tap, int64_t *begin, int64_t *end)
{
    int64_t stride = convolution->stride[axis];
    int64_t offset = tap * convolution->dilation[axis] - convolution->pad_begin[axis];
    int64_t past = convolution->input[axis] - offset;
    *begin = offset < 0 ? (stride - 1 - offset) / stride : 0;
    *end = int64_min(past > 0 ? (past - 1) / stride + 1 : 0, convolution->output[axis]);
    *begin = int64_min(*begin, *end);
}

/* The place of a tap along each axis. */
static void tap_place(const struct convolution *convolution, int64_t tap, int64_t place[3])
{
    const int64_t *kernel = convolution->kernel;
    place[0] = tap / kernel[2] / kernel[1];
    place[1] = tap / kernel[2] % kernel[1];
    place[2] = tap % kernel[2];
}

/* The product of one tap for its outputs in `window` (NULL: all); false where there are none. */
static bool tap_gemm(const struct convolution *convolution, int64_t tap, const struct window *window,
                     struct implicit_gemm *gemm)
{
    int64_t inputs = convolution->input_channels / convolution->groups, taps = convolution_tap_count(convolution),
            place[3];
    tap_place(convolution, tap, place);
    *gemm = (struct implicit_gemm){.half = convolution->half,
                                   .rows = convolution->output_channels / convolution->groups,
                                   .channels = inputs,
                                   .row_stride = inputs * taps,
                                   .channel_stride = taps};
    for (int i = 0; i < 3; i++) {
        int64_t begin, end;
        inside(convolution, i, place[i], &begin, &end);
        begin = int64_max(begin, window ? window->begin[i] : 0);
        end = int64_min(end, window ? window->end[i] : end);
        if (begin >= end)
            return false;
        gemm->kernel[i] = convolution->kernel[i];
        gemm->axes[i] = (struct implicit_axis){
            .taps = 1,
            .first_tap = place[i],
            .tap_step = 1,
            .source = convolution->input[i],
            .source_stride = convolution->stride[i],
            .offset = begin * convolution->stride[i] + place[i] * convolution->dilation[i] - convolution->pad_begin[i],
            .grid = end - begin,
            .target = convolution->output[i],
            .target_begin = begin,
            .target_step = 1};
    }
    return true;
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    double share = 1;
    bool dilated = false;
    for (int i = 0; i < 3; i++) {
        int64_t sum = 0, begin, end;
        for (int64_t tap = 0; tap < convolution->kernel[i]; tap++) {
            inside(convolution, i, tap, &begin, &end);
            sum += end - begin;
        }
        share *= (double)sum / (double)(convolution->kernel[i] * convolution->output[i]);
        dilated |= convolution->dilation[i] > 1;
    }
    return kernels->tile && dilated && convolution_plane(convolution->output) >= MIN_CELLS &&
           share * INSIDE_DENOMINATOR <= INSIDE_NUMERATOR;
}

/* Bytes of one tap's packed weights, of one group and of all. */
static size_t group_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct implicit_gemm gemm = {.half = convolution->half,
                                 .rows = convolution->output_channels / convolution->groups,
                                 .channels = convolution->input_channels / convolution->groups,
                                 .axes = {{.taps = 1}, {.taps = 1}, {.taps = 1}}};
    return implicit_gemm_packed_bytes(&gemm, kernels->tile);
}

static size_t tap_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    return (size_t)convolution->groups * group_bytes(convolution, kernels);
}

static size_t packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct implicit_gemm gemm;
    int64_t taps = 0;
    for (int64_t tap = 0; tap < convolution_tap_count(convolution); tap++)
        taps += tap_gemm(convolution, tap, NULL, &gemm);
    return (size_t)taps * tap_bytes(convolution, kernels);
}

static void pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                 void *packed)
{
    struct implicit_gemm gemm;
    char *to = packed;
    for (int64_t tap = 0; tap < convolution_tap_count(convolution); tap++) {
        if (!tap_gemm(convolution, tap, NULL, &gemm))
            continue;
        for (int64_t group = 0; group < convolution->groups; group++) {
            implicit_gemm_pack(&gemm, kernels, weights + group * gemm.rows * gemm.row_stride, to);
            to += group_bytes(convolution, kernels);
        }
    }
}

/* Any tap's: it depends on the channels and on the cells that a tap may have. */
static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct implicit_gemm gemm = {.half = convolution->half,
                                 .rows = convolution->output_channels / convolution->groups,
                                 .channels = convolution->input_channels / convolution->groups};
    for (int i = 0; i < 3; i++)
        gemm.axes[i] = (struct implicit_axis){.taps = 1, .grid = convolution->output[i]};
    return (size_t)implicit_gemm_scratch_floats(&gemm, kernels->tile) * sizeof(float) * (size_t)threads;
}

/* ---- before the first tap and after the last ---- */

struct planes {
    const struct convolution_run *run;
    struct window window;
    bool begins;
};

/* Bias and residual. */
static void begin_row(const struct epilogue *epilogue, int64_t channel, const float *residual, int64_t count, float *y)
{
    float bias = epilogue && epilogue->bias ? epilogue->bias[channel] : 0;
    for (int64_t i = 0; i < count; i++)
        y[i] = residual ? residual[i] + bias : bias;
}

/* The window's rows of one output plane. */
static void run_plane(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct planes *planes = argument;
    const struct convolution_run *run = planes->run;
    const struct epilogue *epilogue = run->epilogue;
    const struct window *window = &planes->window;
    const int64_t *size = run->convolution->output;
    int64_t channel = (int64_t)index % run->convolution->output_channels, count = window->end[2] - window->begin[2];
    for (int64_t z = window->begin[0]; z < window->end[0]; z++) {
        for (int64_t row = window->begin[1]; row < window->end[1]; row++) {
            int64_t at = (((int64_t)index * size[0] + z) * size[1] + row) * size[2] + window->begin[2];
            if (planes->begins)
                begin_row(epilogue, channel, epilogue && epilogue->residual ? epilogue->residual + at : NULL, count,
                          run->output + at);
            else
                run->kernels->unary[epilogue->activation](run->output + at, run->output + at, count, epilogue->alpha,
                                                          epilogue->beta);
        }
    }
}

static void run_taps(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct planes planes = {run, run->window ? *run->window : convolution_all(convolution), true};
    size_t plane_count = (size_t)(convolution->batch * convolution->output_channels);
    thread_pool_run(run->pool, run_plane, &planes, plane_count);
    struct epilogue sums = {.residual = run->output, .activation = UNARY_IDENTITY};
    struct implicit_operands operands = {.batch = convolution->batch,
                                         .groups = convolution->groups,
                                         .source = run->input,
                                         .target = run->output,
                                         .packed = run->weights,
                                         .packed_stride = group_bytes(convolution, run->kernels),
                                         .finish = &sums};
    for (int64_t tap = 0; tap < convolution_tap_count(convolution); tap++) {
        struct implicit_gemm gemm;
        if (!tap_gemm(convolution, tap, NULL, &gemm))
            continue;
        if (tap_gemm(convolution, tap, run->window, &gemm)) {
            implicit_gemm_collapse(&gemm);
            implicit_gemm_run(&gemm, run->kernels, run->pool, &operands, run->scratch);
        }
        operands.packed = (const char *)operands.packed + tap_bytes(convolution, run->kernels);
    }
    planes.begins = false;
    if (run->epilogue && run->epilogue->activation != UNARY_IDENTITY)
        thread_pool_run(run->pool, run_plane, &planes, plane_count);
}

const struct convolution_method convolution_taps = {.name = "taps",
                                                    .half = true,
                                                    .applies = applies,
                                                    .packed_bytes = packed_bytes,
                                                    .pack = pack,
                                                    .scratch = scratch,
                                                    .run = run_taps};
