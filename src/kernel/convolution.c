#include "kernel/convolution.h"

#include "base/number.h"
#include "kernel/convolution_shared.h"

/* Bytes of columns that one thread works on at a time: about what stays in its second-level cache. */
#define TILE_BYTES ((int64_t)1 << 19)
#define TILE_MIN_CELLS 64

static int complete_axis(struct convolution *convolution, int axis, struct error *error)
{
    int64_t stride = convolution->stride[axis], dilation = convolution->dilation[axis];
    int64_t kernel = convolution->kernel[axis], input = convolution->input[axis], extent, padded;
    if (stride <= 0 || dilation <= 0 || kernel <= 0 || input <= 0)
        return error_set(error, ERROR_INPUT, "a convolution's sizes, strides and dilations must be positive");
    if (__builtin_mul_overflow(kernel - 1, dilation, &extent) ||
        __builtin_add_overflow(input, convolution->pad_begin[axis], &padded) ||
        __builtin_add_overflow(padded, convolution->pad_end[axis], &padded) || padded <= extent)
        return error_set(error, ERROR_INPUT, "a convolution's kernel is larger than its padded input");
    convolution->output[axis] = (padded - extent - 1) / stride + 1;
    return 0;
}

int convolution_complete(struct convolution *convolution, struct error *error)
{
    if (convolution->batch < 0 || convolution->groups <= 0 || convolution->input_channels <= 0 ||
        convolution->output_channels <= 0 || convolution->input_channels % convolution->groups != 0 ||
        convolution->output_channels % convolution->groups != 0)
        return error_set(error, ERROR_INPUT, "a convolution's groups must divide its channels");
    for (int axis = 0; axis < 3; axis++) {
        if (complete_axis(convolution, axis, error))
            return -1;
    }
    return 0;
}

bool convolution_is_product(const struct convolution *convolution)
{
    for (int axis = 0; axis < 3; axis++) {
        if (convolution->kernel[axis] != 1 || convolution->stride[axis] != 1 || convolution->pad_begin[axis] != 0 ||
            convolution->pad_end[axis] != 0)
            return false;
    }
    return true;
}

bool convolution_is_depthwise(const struct convolution *convolution)
{
    return convolution->groups > 1 && convolution->groups == convolution->input_channels &&
           convolution->input[0] == 1 && convolution->kernel[0] == 1 && convolution->pad_begin[0] == 0 &&
           convolution->pad_end[0] == 0;
}

int64_t convolution_plane(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

int64_t convolution_tap_count(const struct convolution *convolution)
{
    return convolution_plane(convolution->kernel);
}

struct window convolution_all(const struct convolution *convolution)
{
    const int64_t *size = convolution->output;
    return (struct window){.end = {size[0], size[1], size[2]}};
}

int64_t window_cells(const struct window *window)
{
    int64_t cells = 1;
    for (int axis = 0; axis < 3; axis++)
        cells *= int64_max(window->end[axis] - window->begin[axis], 0);
    return cells;
}

int64_t convolution_tile_cells(const struct convolution *convolution, int64_t rows)
{
    int64_t cells = TILE_BYTES / (rows * (int64_t)sizeof(float));
    int64_t all = convolution_plane(convolution->output);
    return int64_min(int64_max(cells - cells % 16, TILE_MIN_CELLS), all);
}

int64_t convolution_channel_block(int64_t channels, int64_t items, int64_t threads)
{
    int64_t parts = items >= threads ? 1 : threads;
    return parts > channels ? 1 : (channels + parts - 1) / parts;
}

struct activation_limits epilogue_limits(const struct epilogue *epilogue)
{
    return epilogue ? activation_limits(epilogue->activation, epilogue->alpha, epilogue->beta)
                    : activation_limits(UNARY_IDENTITY, 0, 0);
}

void convolution_finish(const struct kernels *kernels, const struct epilogue *epilogue, int64_t channel,
                        const float *residual, int64_t count, float *y)
{
    if (!epilogue)
        return;
    if (epilogue->bias)
        kernels->binary[BINARY_ADD](y, 1, &epilogue->bias[channel], 0, y, count);
    if (residual)
        kernels->binary[BINARY_ADD](y, 1, residual, 1, y, count);
    if (epilogue->activation != UNARY_IDENTITY)
        kernels->unary[epilogue->activation](y, y, count, epilogue->alpha, epilogue->beta);
}

/* In order of preference; the last of each computes whatever there is. */
static const struct convolution_method *const forward_methods[] = {&convolution_depthwise, &convolution_depthwise_plain,
                                                                   &convolution_taps,      &convolution_winograd,
                                                                   &convolution_tiled,     &convolution_columns};
static const struct convolution_method *const input_gradient_methods[] = {
    &input_gradient_depthwise, &input_gradient_few, &input_gradient_winograd, &input_gradient_tiled,
    &input_gradient_columns};
static const struct weight_gradient_method *const weight_gradient_methods[] = {
    &weight_gradient_depthwise, &weight_gradient_winograd, &weight_gradient_packed, &weight_gradient_columns};

static const struct convolution_method *choose(const struct convolution_method *const *methods,
                                               const struct convolution *convolution, const struct kernels *kernels)
{
    while (!(*methods)->applies(convolution, kernels))
        methods++;
    return *methods;
}

static int64_t weight_count(const struct convolution *convolution)
{
    return convolution->output_channels * (convolution->input_channels / convolution->groups) *
           convolution_tap_count(convolution);
}

static size_t packed_bytes(const struct convolution_method *method, const struct convolution *convolution,
                           const struct kernels *kernels)
{
    if (method->packed_bytes)
        return method->packed_bytes(convolution, kernels);
    return convolution->half && method->half ? (size_t)weight_count(convolution) * sizeof(uint16_t) : 0;
}

static void pack(const struct convolution_method *method, const struct convolution *convolution,
                 const struct kernels *kernels, const float *weights, void *packed)
{
    if (method->pack)
        method->pack(convolution, kernels, weights, packed);
    else
        kernels->narrow(weights, packed, weight_count(convolution));
}

/* Weights that do not come packed are packed behind the method's scratch, and those in half precision that it reads
 * as they are widened there. */
static size_t scratch_bytes(const struct convolution_method *method, const struct convolution *convolution,
                            const struct kernels *kernels, int threads, bool packed)
{
    size_t own = memory_aligned(method->scratch(convolution, kernels, threads));
    if (packed && !method->pack && packed_bytes(method, convolution, kernels) > 0)
        return own + (size_t)weight_count(convolution) * sizeof(float);
    return own + (packed ? 0 : packed_bytes(method, convolution, kernels));
}

static void run_method(const struct convolution_method *method, const struct convolution_weights *weights,
                       struct convolution_run *run)
{
    size_t own = memory_aligned(method->scratch(run->convolution, run->kernels, thread_pool_size(run->pool)));
    float *behind = run->scratch + own / sizeof(float);
    run->weights = method->pack ? weights->packed : weights->plain;
    if (!method->pack && packed_bytes(method, run->convolution, run->kernels) > 0) {
        run->kernels->widen(weights->packed, behind, weight_count(run->convolution));
        run->weights = behind;
    } else if (!run->weights) {
        method->pack(run->convolution, run->kernels, weights->plain, behind);
        run->weights = behind;
    }
    method->run(run);
}

size_t convolution_packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    return packed_bytes(choose(forward_methods, convolution, kernels), convolution, kernels);
}

void convolution_pack(const struct convolution *convolution, const struct kernels *kernels, const float *weights,
                      void *packed)
{
    pack(choose(forward_methods, convolution, kernels), convolution, kernels, weights, packed);
}

size_t convolution_forward_scratch(const struct convolution *convolution, const struct kernels *kernels, int threads,
                                   bool packed)
{
    return scratch_bytes(choose(forward_methods, convolution, kernels), convolution, kernels, threads, packed);
}

void convolution_forward(const struct convolution *convolution, const struct kernels *kernels, struct thread_pool *pool,
                         const float *x, const struct convolution_weights *weights, const struct epilogue *epilogue,
                         const struct window *window, float *y, void *scratch)
{
    struct convolution_run run = {.convolution = convolution,
                                  .kernels = kernels,
                                  .pool = pool,
                                  .input = x,
                                  .epilogue = epilogue,
                                  .window = window,
                                  .output = y,
                                  .scratch = scratch};
    run_method(choose(forward_methods, convolution, kernels), weights, &run);
}

size_t convolution_input_gradient_packed_bytes(const struct convolution *convolution, const struct kernels *kernels)
{
    return packed_bytes(choose(input_gradient_methods, convolution, kernels), convolution, kernels);
}

void convolution_input_gradient_pack(const struct convolution *convolution, const struct kernels *kernels,
                                     const float *weights, void *packed)
{
    pack(choose(input_gradient_methods, convolution, kernels), convolution, kernels, weights, packed);
}

size_t convolution_input_gradient_scratch(const struct convolution *convolution, const struct kernels *kernels,
                                          int threads, bool packed)
{
    return scratch_bytes(choose(input_gradient_methods, convolution, kernels), convolution, kernels, threads, packed);
}

void convolution_input_gradient(const struct convolution *convolution, const struct kernels *kernels,
                                struct thread_pool *pool, const float *dy, const struct convolution_weights *weights,
                                const struct window *window, float *dx, void *scratch)
{
    struct convolution_run run = {.convolution = convolution,
                                  .kernels = kernels,
                                  .pool = pool,
                                  .input = dy,
                                  .window = window,
                                  .output = dx,
                                  .scratch = scratch};
    run_method(choose(input_gradient_methods, convolution, kernels), weights, &run);
}

const char *convolution_forward_method(const struct convolution *convolution, const struct kernels *kernels)
{
    return choose(forward_methods, convolution, kernels)->name;
}

const char *convolution_input_gradient_method(const struct convolution *convolution, const struct kernels *kernels)
{
    return choose(input_gradient_methods, convolution, kernels)->name;
}

static const struct weight_gradient_method *choose_weight_gradient(const struct convolution *convolution,
                                                                   const struct kernels *kernels)
{
    const struct weight_gradient_method *const *method = weight_gradient_methods;
    while (!(*method)->applies(convolution, kernels))
        method++;
    return *method;
}

size_t convolution_weight_gradient_scratch(const struct convolution *convolution, const struct kernels *kernels,
                                           int threads)
{
    return choose_weight_gradient(convolution, kernels)->scratch(convolution, kernels, threads);
}

void convolution_weight_gradient(const struct convolution *convolution, const struct kernels *kernels,
                                 struct thread_pool *pool, const float *x, const float *dy, float *dw, void *scratch)
{
    struct weight_gradient_run run = {convolution, kernels, pool, x, dy, dw, scratch};
    choose_weight_gradient(convolution, kernels)->run(&run);
}

const char *convolution_weight_gradient_method(const struct convolution *convolution, const struct kernels *kernels)
{
    return choose_weight_gradient(convolution, kernels)->name;
}
