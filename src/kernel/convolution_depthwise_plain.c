/* Forward depthwise convolution in plain C, one plane at a time. */
#include "kernel/convolution_shared.h"
#include "kernel/depthwise.h"

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    (void)kernels;
    return convolution_is_depthwise(convolution);
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    (void)convolution, (void)kernels, (void)threads;
    return 0;
}

struct plane_job {
    const struct convolution_run *run;
    struct window window;
};

static void run_plane(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct plane_job *job = argument;
    const struct convolution_run *run = job->run;
    const struct convolution *convolution = run->convolution;
    const struct window *window = &job->window;
    int64_t channel = (int64_t)index % convolution->output_channels;
    int64_t image = (int64_t)index / convolution->output_channels;
    int64_t input_channel = channel / (convolution->output_channels / convolution->groups);
    int64_t out_plane = convolution_plane(convolution->output), offset = (int64_t)index * out_plane;
    const struct epilogue *epilogue = run->epilogue;
    const float *bias = epilogue ? epilogue->bias : NULL, *residual = epilogue ? epilogue->residual : NULL;
    struct depthwise_plane plane = {.x = run->input + (image * convolution->input_channels + input_channel) *
                                                          convolution_plane(convolution->input),
                                    .w = run->weights + channel * convolution_tap_count(convolution),
                                    .y = run->output + offset,
                                    .bias = bias ? bias[channel] : 0,
                                    .input_height = convolution->input[1],
                                    .input_width = convolution->input[2],
                                    .output_width = convolution->output[2],
                                    .kernel_height = convolution->kernel[1],
                                    .kernel_width = convolution->kernel[2],
                                    .stride_y = convolution->stride[1],
                                    .stride_x = convolution->stride[2],
                                    .dilation_y = convolution->dilation[1],
                                    .dilation_x = convolution->dilation[2],
                                    .pad_top = convolution->pad_begin[1],
                                    .pad_left = convolution->pad_begin[2],
                                    .row_begin = window->begin[1],
                                    .row_end = window->end[1],
                                    .column_begin = window->begin[2],
                                    .column_end = window->end[2]};
    run->kernels->depthwise_plane(&plane);
    struct epilogue rest = epilogue ? *epilogue : (struct epilogue){0};
    rest.bias = NULL;
    int64_t width = window->end[2] - window->begin[2];
    for (int64_t row = window->begin[1]; row < window->end[1]; row++) {
        int64_t place = row * convolution->output[2] + window->begin[2];
        convolution_finish(run->kernels, &rest, channel, residual ? residual + offset + place : NULL, width,
                           plane.y + place);
    }
}

static void run_depthwise(const struct convolution_run *run)
{
    const struct convolution *convolution = run->convolution;
    struct plane_job job = {run, run->window ? *run->window : convolution_all(convolution)};
    if (window_cells(&job.window) > 0)
        thread_pool_run(run->pool, run_plane, &job, (size_t)(convolution->batch * convolution->output_channels));
}

const struct convolution_method convolution_depthwise_plain = {
    .name = "depthwise, plain", .applies = applies, .scratch = scratch, .run = run_depthwise};
