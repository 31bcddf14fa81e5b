/* Winograd's filtering as a method of the forward convolution and of the input gradient, which is a correlation of dy
 * with the flipped weights of the other direction. */
#include <string.h>

#include "base/number.h"
#include "kernel/winograd_shared.h"

static bool has_form(const struct convolution *convolution)
{
    const int64_t *kernel = convolution->kernel, *stride = convolution->stride;
    return !convolution->direct && convolution->input[0] == 1 && kernel[0] == 1 && convolution->pad_begin[0] == 0 &&
           convolution->pad_end[0] == 0 && kernel[1] == WINOGRAD_TAPS && kernel[2] == WINOGRAD_TAPS && stride[1] == 1 &&
           stride[2] == 1;
}

static struct winograd forward_tiles(const struct convolution *convolution, int tile, const struct window *window)
{
    struct winograd winograd = {.tile = tile,
                                .batch = convolution->batch,
                                .groups = convolution->groups,
                                .channels = convolution->input_channels / convolution->groups,
                                .rows = convolution->output_channels / convolution->groups};
    for (int i = 0; i < 2; i++)
        winograd.axes[i] = (struct winograd_axis){.source = convolution->input[1 + i],
                                                  .target = convolution->output[1 + i],
                                                  .begin = window ? window->begin[1 + i] : 0,
                                                  .end = window ? window->end[1 + i] : convolution->output[1 + i],
                                                  .offset = -convolution->pad_begin[1 + i],
                                                  .dilation = convolution->dilation[1 + i]};
    return winograd;
}

/* dy is zero outside the window: dx is where its cells reach. */
static struct winograd gradient_tiles(const struct convolution *convolution, int tile, const struct window *window)
{
    struct winograd winograd = {.tile = tile,
                                .batch = convolution->batch,
                                .groups = convolution->groups,
                                .channels = convolution->output_channels / convolution->groups,
                                .rows = convolution->input_channels / convolution->groups};
    for (int i = 0; i < 2; i++) {
        int64_t reach = (WINOGRAD_TAPS - 1) * convolution->dilation[1 + i], pad = convolution->pad_begin[1 + i];
        int64_t begin = (window ? window->begin[1 + i] : 0) - pad;
        int64_t end = (window ? window->end[1 + i] : convolution->output[1 + i]) - pad + reach;
        winograd.axes[i] = (struct winograd_axis){.source = convolution->output[1 + i],
                                                  .target = convolution->input[1 + i],
                                                  .begin = int64_max(begin, 0),
                                                  .end = int64_min(end, convolution->input[1 + i]),
                                                  .offset = pad - reach,
                                                  .dilation = convolution->dilation[1 + i]};
    }
    return winograd;
}

/* Large tiles pay from so many channels, small ones from twice as many: with fewer the transforms take longer than all
 * taps. */
#define MIN_CHANNELS 8
/* With fewer large tiles, reading large weights takes longer than multiplying the larger number of small tiles with
 * less than half as many. From 12 tiles on large ones save up to a twentieth of the time of a network of one image
 * (14x14 cells, 16 tiles), a tenth with three (7x7, 12 tiles), and take 2.25 times the memory, which is most of what a
 * network holds: small ones. */
#define MIN_LARGE_TILES 12
#define MIN_LARGE_TILES_OF_ONE 20
#define FEW_WEIGHTS 8192
/* With more channels the patches of a block of large tiles fill the third-level cache. */
#define MAX_CHANNELS_OF_LARGE 1024

static int64_t count_products(const struct winograd *winograd, int tile)
{
    return winograd_products(tile) * winograd_tiles(&winograd->axes[0], tile) *
           winograd_tiles(&winograd->axes[1], tile);
}

/* The side of the tiles, 0 where the tile kernel is quicker: it has to be fewer products by a third than all taps make,
 * as tiles reach beyond the image (or beyond what is left of it between dilated taps). */
static int choose_tile(const struct winograd *winograd)
{
    int64_t small = count_products(winograd, 2), large = count_products(winograd, 4), taps = 9;
    for (int i = 0; i < 2; i++)
        taps *= int64_max(winograd->axes[i].end - winograd->axes[i].begin, 0);
    if (winograd->channels < MIN_CHANNELS || winograd->rows < MIN_CHANNELS)
        return 0;
    int64_t least = winograd->batch > 1 ? MIN_LARGE_TILES : MIN_LARGE_TILES_OF_ONE;
    bool few =
        winograd->batch * large < least * winograd_products(4) && winograd->channels * winograd->rows > FEW_WEIGHTS;
    bool thin = winograd->channels < 2 * MIN_CHANNELS || winograd->rows < 2 * MIN_CHANNELS;
    bool deep = winograd->channels > MAX_CHANNELS_OF_LARGE;
    int tile = thin || (large < small && !few && !deep) ? 4 : 2;
    return (tile == 4 ? large : small) * 3 <= taps * 2 && taps > 0 ? tile : 0;
}

static size_t bytes_of_packed(const struct winograd *winograd, const struct kernels *kernels)
{
    return (size_t)(winograd->groups * winograd_packed_floats(winograd, kernels->winograd)) * sizeof(float);
}

static size_t bytes_of_scratch(const struct winograd *winograd, const struct kernels *kernels, int threads)
{
    return (size_t)winograd_scratch_floats(winograd, kernels->winograd, threads) * sizeof(float);
}

/* In a group weights are [rows, channels, taps]; the gradient has them [channels, rows, taps], taps backwards. */
static void pack_groups(const struct winograd *winograd, const struct kernels *kernels, const float *weights,
                        bool gradient, float *packed)
{
    int64_t taps = (int64_t)WINOGRAD_TAPS * WINOGRAD_TAPS, rows = winograd->rows, channels = winograd->channels;
    int64_t floats = winograd_packed_floats(winograd, kernels->winograd);
    for (int64_t group = 0; group < winograd->groups; group++) {
        struct winograd_weights work = {.tile = winograd->tile,
                                        .rows = rows,
                                        .channels = channels,
                                        .row_stride = gradient ? taps : channels * taps,
                                        .channel_stride = gradient ? rows * taps : taps,
                                        .flip = gradient,
                                        .weights = weights + group * rows * channels * taps,
                                        .out = packed + group * floats};
        kernels->winograd->weights(&work);
    }
}

/* ---- forward ---- */

static int forward_tile(const struct convolution *convolution)
{
    struct winograd winograd = forward_tiles(convolution, 4, NULL);
    return choose_tile(&winograd);
}

static bool forward_applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->winograd && has_form(convolution) && forward_tile(convolution) > 0;
}

static struct winograd forward_work(const struct convolution *convolution, const struct window *window)
{
    return forward_tiles(convolution, forward_tile(convolution), window);
}

static size_t forward_packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct winograd winograd = forward_work(convolution, NULL);
    return bytes_of_packed(&winograd, kernels);
}

static void forward_pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                         void *packed)
{
    struct winograd winograd = forward_work(convolution, NULL);
    pack_groups(&winograd, kernels, weights, false, packed);
}

static size_t forward_scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct winograd winograd = forward_work(convolution, NULL);
    return bytes_of_scratch(&winograd, kernels, threads);
}

static void forward_run(const struct convolution_run *run)
{
    struct winograd winograd = forward_work(run->convolution, run->window);
    struct winograd_operands operands = {run->input, run->weights, run->epilogue, run->output};
    winograd_run(&winograd, run->kernels, run->pool, &operands, run->scratch);
}

const struct convolution_method convolution_winograd = {.name = "winograd",
                                                        .applies = forward_applies,
                                                        .packed_bytes = forward_packed_bytes,
                                                        .pack = forward_pack,
                                                        .scratch = forward_scratch,
                                                        .run = forward_run};

/* ---- input gradient ---- */

static int gradient_tile(const struct convolution *convolution)
{
    struct winograd winograd = gradient_tiles(convolution, 4, NULL);
    return choose_tile(&winograd);
}

static bool gradient_applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->winograd && has_form(convolution) && gradient_tile(convolution) > 0;
}

static struct winograd gradient_work(const struct convolution *convolution, const struct window *window)
{
    return gradient_tiles(convolution, gradient_tile(convolution), window);
}

static size_t gradient_packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    struct winograd winograd = gradient_work(convolution, NULL);
    return bytes_of_packed(&winograd, kernels);
}

static void gradient_pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                          void *packed)
{
    struct winograd winograd = gradient_work(convolution, NULL);
    pack_groups(&winograd, kernels, weights, true, packed);
}

static size_t gradient_scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct winograd winograd = gradient_work(convolution, NULL);
    return bytes_of_scratch(&winograd, kernels, threads);
}

static void gradient_run(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct winograd winograd = gradient_work(convolution, run->window);
    struct winograd_operands operands = {run->input, run->weights, NULL, run->output};
    const struct winograd_axis *axes = winograd.axes;
    int64_t plane = convolution_plane(convolution->input);
    int64_t covered = (axes[0].end - axes[0].begin) * (axes[1].end - axes[1].begin);
    if (covered < plane)
        memset(run->output, 0, (size_t)(convolution->batch * convolution->input_channels * plane) * sizeof(float));
    if (axes[0].end > axes[0].begin && axes[1].end > axes[1].begin)
        winograd_run(&winograd, run->kernels, run->pool, &operands, run->scratch);
}

const struct convolution_method input_gradient_winograd = {.name = "winograd",
                                                           .applies = gradient_applies,
                                                           .packed_bytes = gradient_packed_bytes,
                                                           .pack = gradient_pack,
                                                           .scratch = gradient_scratch,
                                                           .run = gradient_run};
