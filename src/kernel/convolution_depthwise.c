/* Forward depthwise convolution, a few planes at a time in the first-level cache. */
#include "kernel/convolution_shared.h"
#include "kernel/depthwise_planes.h"

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    return kernels->depthwise && convolution_is_depthwise(convolution);
}

static struct depthwise_job forward_job(const struct convolution *convolution, const struct kernels *kernels,
                                        const struct window *window)
{
    return (struct depthwise_job){.convolution = convolution,
                                  .kernels = kernels,
                                  .rows = depthwise_output_axis(convolution, 1, window),
                                  .columns = depthwise_output_axis(convolution, 2, window),
                                  .batch = convolution->batch,
                                  .channels = convolution->output_channels,
                                  .sharing = convolution->output_channels / convolution->groups,
                                  .source_plane = convolution_plane(convolution->input),
                                  .source_width = convolution->input[2],
                                  .target_plane = convolution_plane(convolution->output),
                                  .target_width = convolution->output[2]};
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct window all = convolution_all(convolution);
    struct depthwise_job job = forward_job(convolution, kernels, &all);
    return depthwise_job_scratch(&job, threads);
}

static void run_depthwise(const struct convolution_run *run)
{
    struct window all = convolution_all(run->convolution);
    const struct window *window = run->window ? run->window : &all;
    struct depthwise_job job = forward_job(run->convolution, run->kernels, window);
    job.pool = run->pool;
    job.source = run->input;
    job.weights = run->weights;
    int64_t place = window->begin[1] * job.target_width + window->begin[2];
    struct epilogue epilogue = run->epilogue ? *run->epilogue : (struct epilogue){0};
    if (epilogue.residual)
        epilogue.residual += place;
    job.epilogue = &epilogue;
    job.target = run->output + place;
    job.scratch = run->scratch;
    if (job.batch > 0 && job.rows.targets > 0 && job.columns.targets > 0)
        depthwise_job_run(&job);
}

const struct convolution_method convolution_depthwise = {
    .name = "depthwise", .applies = applies, .scratch = scratch, .run = run_depthwise};
