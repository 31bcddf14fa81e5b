/* Weight gradient of a depthwise convolution: each tap is the product of dy with the input shifted by it, summed row by
 * row. */
#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/im2col.h"

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)kernels;
    return convolution_is_depthwise(convolution) && convolution->stride[2] == 1;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    (void)convolution, (void)kernels, (void)threads;
    return 0;
}

/* dy is multiplied by x shifted by (y, x), where that is inside. */
static float tap_gradient(const struct weight_gradient_run *run, const float *x, const float *dy, int64_t tap)
{
    const struct convolution *convolution = run->convolution;
    const int64_t *input = convolution->input, *output = convolution->output;
    int64_t shift_y = tap / convolution->kernel[2] * convolution->dilation[1] - convolution->pad_begin[1];
    int64_t shift_x = tap % convolution->kernel[2] * convolution->dilation[2] - convolution->pad_begin[2];
    int64_t begin = shift_x < 0 ? -shift_x : 0, end = int64_min(output[2], input[2] - shift_x);
    float total = 0;
    for (int64_t row = 0; row < output[1] && end > begin; row++) {
        int64_t from = row * convolution->stride[1] + shift_y;
        if (from >= 0 && from < input[1])
            total +=
                run->kernels->dot(x + from * input[2] + begin + shift_x, dy + row * output[2] + begin, end - begin);
    }
    return total;
}

/* One output channel, over all images in order. */
static void run_channel(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct weight_gradient_run *run = argument;
    const struct convolution *convolution = run->convolution;
    int64_t channel = (int64_t)index, taps = im2col_taps(convolution);
    int64_t input_channel = channel / (convolution->output_channels / convolution->groups);
    int64_t in_plane = convolution_plane(convolution->input), out_plane = convolution_plane(convolution->output);
    float *dw = run->dw + channel * taps;
    for (int64_t tap = 0; tap < taps; tap++) {
        float total = run->accumulate ? dw[tap] : 0;
        for (int64_t image = 0; image < convolution->batch; image++)
            total += tap_gradient(run, run->x + (image * convolution->input_channels + input_channel) * in_plane,
                                  run->dy + (image * convolution->output_channels + channel) * out_plane, tap);
        dw[tap] = total;
    }
}

static void run_depthwise(const struct weight_gradient_run *run)
{
    struct weight_gradient_run job = *run;
    thread_pool_run(run->pool, run_channel, &job, (size_t)run->convolution->output_channels);
}

const struct weight_gradient_method weight_gradient_depthwise = {"depthwise", applies, scratch, run_depthwise};
