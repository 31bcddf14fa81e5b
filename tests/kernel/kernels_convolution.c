/* Convolutions of the networks that are measured: forward, input gradient, weight gradient. */
#include <stdio.h>

#include "kernel/convolution.h"
#include "kernel_cases.h"

struct layer {
    const char *name;
    int batch, groups, from, to, size, kernel, stride, dilation, padding;
};

static const struct layer layers[] = {
    {"3x3 64@56", 1, 1, 64, 64, 56, 3, 1, 1, 1},
    {"3x3 128@28", 1, 1, 128, 128, 28, 3, 1, 1, 1},
    {"3x3 256@14", 1, 1, 256, 256, 14, 3, 1, 1, 1},
    {"3x3 512@7", 1, 1, 512, 512, 7, 3, 1, 1, 1},
    {"3x3 64@56 batch 8", 8, 1, 64, 64, 56, 3, 1, 1, 1},
    {"3x3 256@14 batch 8", 8, 1, 256, 256, 14, 3, 1, 1, 1},
    {"3x3 512@7 batch 8", 8, 1, 512, 512, 7, 3, 1, 1, 1},
    {"3x3 64@224", 1, 1, 64, 64, 224, 3, 1, 1, 1},
    {"3x3 128@112", 1, 1, 128, 128, 112, 3, 1, 1, 1},
    {"3x3 256@56", 1, 1, 256, 256, 56, 3, 1, 1, 1},
    {"3x3 512@28", 1, 1, 512, 512, 28, 3, 1, 1, 1},
    {"3x3 512@14", 1, 1, 512, 512, 14, 3, 1, 1, 1},
    {"3x3 128->32@28", 1, 1, 128, 32, 28, 3, 1, 1, 1},
    {"3x3 128->32@7", 1, 1, 128, 32, 7, 3, 1, 1, 1},
    {"3x3 dilation 2 256@65", 1, 1, 256, 256, 65, 3, 1, 2, 2},
    {"3x3 dilation 12 512->256@65", 1, 1, 512, 256, 65, 3, 1, 12, 12},
    {"3x3 stride 2 64->128@56", 1, 1, 64, 128, 56, 3, 2, 1, 1},
    {"3x3 stride 2 128@56", 1, 1, 128, 128, 56, 3, 2, 1, 1},
    {"3x3 stride 2 256->512@14", 1, 1, 256, 512, 14, 3, 2, 1, 1},
    {"1x1 64->256@56", 1, 1, 64, 256, 56, 1, 1, 1, 0},
    {"1x1 256->64@56", 1, 1, 256, 64, 56, 1, 1, 1, 0},
    {"1x1 512->128@28", 1, 1, 512, 128, 28, 1, 1, 1, 0},
    {"1x1 1024->256@14", 1, 1, 1024, 256, 14, 1, 1, 1, 0},
    {"1x1 2048->512@7", 1, 1, 2048, 512, 7, 1, 1, 1, 0},
    {"1x1 512->2048@7", 1, 1, 512, 2048, 7, 1, 1, 1, 0},
    {"1x1 24->144@56", 1, 1, 24, 144, 56, 1, 1, 1, 0},
    {"1x1 144->24@56", 1, 1, 144, 24, 56, 1, 1, 1, 0},
    {"1x1 64->384@14", 1, 1, 64, 384, 14, 1, 1, 1, 0},
    {"1x1 960->160@7", 1, 1, 960, 160, 7, 1, 1, 1, 0},
    {"1x1 320->1280@7", 1, 1, 320, 1280, 7, 1, 1, 1, 0},
    {"1x1 stride 2 256->512@56", 1, 1, 256, 512, 56, 1, 2, 1, 0},
    {"1x1 64->256@56 batch 8", 8, 1, 64, 256, 56, 1, 1, 1, 0},
    {"1x1 960->40@1", 1, 1, 960, 40, 1, 1, 1, 1, 0},
    {"stem 7x7 stride 2 3->64@224", 1, 1, 3, 64, 224, 7, 2, 1, 3},
    {"stem 3x3 stride 2 3->32@224", 1, 1, 3, 32, 224, 3, 2, 1, 1},
    {"stem 3x3 3->64@224", 1, 1, 3, 64, 224, 3, 1, 1, 1},
    {"patches 4x4 3->96@224", 1, 1, 3, 96, 224, 4, 4, 1, 0},
    {"patches 16x16 3->768@224", 1, 1, 3, 768, 224, 16, 16, 1, 0},
    {"patches 2x2 96->192@56", 1, 1, 96, 192, 56, 2, 2, 1, 0},
    {"depthwise 3x3 144@56", 1, 144, 144, 144, 56, 3, 1, 1, 1},
    {"depthwise 3x3 stride 2 144@56", 1, 144, 144, 144, 56, 3, 2, 1, 1},
    {"depthwise 3x3 384@14", 1, 384, 384, 384, 14, 3, 1, 1, 1},
    {"depthwise 3x3 960@7", 1, 960, 960, 960, 7, 3, 1, 1, 1},
    {"depthwise 5x5 240@28", 1, 240, 240, 240, 28, 5, 1, 1, 2},
    {"depthwise 5x5 stride 2 672@14", 1, 672, 672, 672, 14, 5, 2, 1, 2},
    {"depthwise 7x7 96@56", 1, 96, 96, 96, 56, 7, 1, 1, 3},
    {"depthwise 7x7 384@14", 1, 384, 384, 384, 14, 7, 1, 1, 3},
    {"depthwise 7x7 768@7", 1, 768, 768, 768, 7, 7, 1, 1, 3},
    {"depthwise 3x3 144@56 batch 8", 8, 144, 144, 144, 56, 3, 1, 1, 1},
    {"3x3 groups of 8 256@28", 1, 32, 256, 256, 28, 3, 1, 1, 1},
};

enum { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, WORKS };
static const char *const work_names[] = {"forward", "input gradient", "weight gradient"};
enum { X, W, Y, PACKED, SCRATCH, GRADIENT }; /* buffers */

static struct convolution geometry(const struct layer *layer)
{
    struct convolution c = {.batch = layer->batch,
                            .groups = layer->groups,
                            .input_channels = layer->from,
                            .output_channels = layer->to,
                            .input = {1, layer->size, layer->size},
                            .kernel = {1, layer->kernel, layer->kernel},
                            .stride = {1, layer->stride, layer->stride},
                            .dilation = {1, layer->dilation, layer->dilation},
                            .pad_begin = {0, layer->padding, layer->padding},
                            .pad_end = {0, layer->padding, layer->padding}};
    convolution_complete(&c, NULL);
    return c;
}

struct counts {
    int64_t x, w, y;
};

static struct counts counts_of(const struct convolution *c)
{
    return (struct counts){.x = c->batch * c->input_channels * c->input[1] * c->input[2],
                           .w = c->output_channels * (c->input_channels / c->groups) * c->kernel[1] * c->kernel[2],
                           .y = c->batch * c->output_channels * c->output[1] * c->output[2]};
}

static int count(void)
{
    return WORKS * (int)(sizeof layers / sizeof layers[0]);
}

static void describe(int index, struct described *described)
{
    struct convolution c = geometry(&layers[index / WORKS]);
    struct counts counts = counts_of(&c);
    snprintf(described->name, sizeof described->name, "%s %s", layers[index / WORKS].name, work_names[index % WORKS]);
    described->operations = 2.0 * (double)counts.y * (double)(counts.w / c.output_channels);
    described->bytes = (double)(counts.x + counts.w + counts.y) * sizeof(float);
    described->tolerance = 1e-4;
}

static void make(int index, struct running *running)
{
    struct convolution c = geometry(&layers[index / WORKS]);
    struct counts counts = counts_of(&c);
    int threads = thread_pool_size(running->pool), work = index % WORKS;
    const struct kernels *kernels = running->kernels;
    float **b = running->buffers;
    running->row = &layers[index / WORKS];
    running->work = work;
    b[X] = noise(counts.x, 1);
    b[W] = noise(counts.w, 2);
    b[Y] = noise(counts.y, 3);
    size_t packed = 0, scratch;
    if (work == FORWARD) {
        packed = convolution_packed_bytes(&c, kernels);
        b[PACKED] = room((int64_t)(packed / sizeof(float)));
        if (packed)
            convolution_pack(&c, kernels, b[W], b[PACKED]);
        scratch = convolution_forward_scratch(&c, kernels, threads, true);
        running->method = convolution_forward_method(&c, kernels);
        running->result = b[Y];
        running->result_count = counts.y;
    } else if (work == INPUT_GRADIENT) {
        packed = convolution_input_gradient_packed_bytes(&c, kernels);
        b[PACKED] = room((int64_t)(packed / sizeof(float)));
        if (packed)
            convolution_input_gradient_pack(&c, kernels, b[W], b[PACKED]);
        scratch = convolution_input_gradient_scratch(&c, kernels, threads, true);
        running->method = convolution_input_gradient_method(&c, kernels);
        running->result = b[X];
        running->result_count = counts.x;
    } else {
        scratch = convolution_weight_gradient_scratch(&c, kernels, threads);
        running->method = convolution_weight_gradient_method(&c, kernels);
        running->result = b[GRADIENT] = room(counts.w);
        running->result_count = counts.w;
    }
    b[SCRATCH] = room((int64_t)(scratch / sizeof(float)) + 1);
}

static void run(const struct running *running)
{
    struct convolution c = geometry(running->row);
    float *const *b = running->buffers;
    struct convolution_weights weights = {.plain = b[W], .packed = b[PACKED]};
    if (running->work == FORWARD)
        convolution_forward(&c, running->kernels, running->pool, b[X], &weights, NULL, NULL, b[Y], b[SCRATCH]);
    else if (running->work == INPUT_GRADIENT)
        convolution_input_gradient(&c, running->kernels, running->pool, b[Y], &weights, NULL, b[X], b[SCRATCH]);
    else
        convolution_weight_gradient(&c, running->kernels, running->pool, b[X], b[Y], b[GRADIENT], b[SCRATCH]);
}

const struct family convolution_family = {count, describe, make, run};
