/* Convolutions of many shapes against seven plain loops in double, on every instruction set of this machine: forward
 * with epilogues and windows, input gradient, weight gradient; one to three threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/convolution.h"
#include "noise.h"
#include "tensor/dtype.h"

struct shape_case {
    const char *name;
    struct convolution convolution;
};

#define PLANE(h, w)                                                                                                    \
    {                                                                                                                  \
        1, h, w                                                                                                        \
    }
#define FLAT(name_, n, g, ci, co, h, w, kh, kw, s, d, p0, p1)                                                          \
    {                                                                                                                  \
        name_,                                                                                                         \
        {                                                                                                              \
            .batch = n, .groups = g, .input_channels = ci, .output_channels = co, .input = PLANE(h, w),                \
            .kernel = PLANE(kh, kw), .stride = PLANE(s, s), .dilation = PLANE(d, d), .pad_begin = {0, p0, p0},         \
            .pad_end = {                                                                                               \
                0,                                                                                                     \
                p1,                                                                                                    \
                p1                                                                                                     \
            }                                                                                                          \
        }                                                                                                              \
    }

static const struct shape_case cases[] = {
    FLAT("1x1", 1, 1, 5, 9, 7, 7, 1, 1, 1, 1, 0, 0),
    FLAT("1x1 wide", 2, 1, 16, 24, 14, 13, 1, 1, 1, 1, 0, 0),
    FLAT("1x1 stride 2", 1, 1, 8, 8, 9, 8, 1, 1, 2, 1, 0, 0),
    FLAT("3x3", 1, 1, 3, 8, 10, 11, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 deep", 1, 1, 70, 17, 7, 7, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 stride 2", 2, 1, 4, 10, 12, 13, 3, 3, 2, 1, 1, 1),
    FLAT("3x3 stride 2 uneven pads", 1, 1, 4, 5, 12, 13, 3, 3, 2, 1, 0, 1),
    FLAT("7x7 stride 2", 1, 1, 3, 16, 23, 30, 7, 7, 2, 1, 3, 3),
    FLAT("5x3 stride 3", 1, 1, 2, 3, 17, 16, 5, 3, 3, 1, 2, 1),
    FLAT("dilation 2", 1, 1, 3, 4, 12, 12, 3, 3, 1, 2, 2, 2),
    FLAT("dilation beyond the image", 1, 1, 3, 4, 7, 6, 3, 3, 1, 12, 12, 12),
    FLAT("dilation 2 stride 2", 1, 1, 3, 4, 13, 12, 3, 3, 2, 2, 2, 2),
    FLAT("dilation 3 stride 2", 1, 1, 3, 4, 13, 12, 3, 3, 2, 3, 2, 3),
    FLAT("kernel smaller than stride", 1, 1, 3, 4, 13, 12, 2, 2, 3, 1, 0, 0),
    FLAT("groups", 2, 4, 16, 8, 9, 9, 3, 3, 1, 1, 1, 1),
    FLAT("groups stride 2", 1, 2, 6, 10, 9, 10, 3, 3, 2, 1, 1, 1),
    FLAT("depthwise", 1, 6, 6, 6, 9, 20, 3, 3, 1, 1, 1, 1),
    FLAT("depthwise stride 2", 2, 6, 6, 6, 11, 20, 5, 5, 2, 1, 2, 2),
    FLAT("depthwise multiplier", 1, 3, 3, 9, 8, 8, 3, 3, 1, 2, 2, 2),
    FLAT("depthwise 3x3 on 7x7", 2, 37, 37, 37, 7, 7, 3, 3, 1, 1, 1, 1),
    FLAT("depthwise 5x5 on 14x14", 1, 5, 5, 5, 14, 14, 5, 5, 1, 1, 2, 2),
    FLAT("depthwise 7x7 on 28x28", 1, 3, 3, 3, 28, 28, 7, 7, 1, 1, 3, 3),
    FLAT("depthwise 7x7 on 3x3", 1, 4, 4, 4, 3, 3, 7, 7, 1, 1, 3, 3),
    FLAT("depthwise 7x7 stride 2", 1, 3, 3, 3, 15, 18, 7, 7, 2, 1, 3, 2),
    FLAT("depthwise 3x3 stride 2 on 14x14", 1, 5, 5, 5, 14, 14, 3, 3, 2, 1, 0, 1),
    FLAT("depthwise 3x3 stride 2 in bands", 1, 2, 2, 2, 113, 98, 3, 3, 2, 1, 1, 1),
    FLAT("depthwise 5x5 in bands", 1, 2, 2, 2, 60, 71, 5, 5, 1, 1, 2, 2),
    FLAT("depthwise 3x3 stride 3", 1, 3, 3, 3, 17, 16, 3, 3, 3, 1, 1, 0),
    FLAT("depthwise 4x2 stride 4", 1, 3, 3, 3, 17, 19, 4, 2, 4, 1, 0, 0),
    FLAT("depthwise 9x1", 1, 3, 3, 3, 19, 21, 9, 1, 1, 1, 0, 0),
    FLAT("depthwise 2x2 with one pad", 1, 3, 3, 3, 9, 9, 2, 2, 1, 1, 1, 0),
    FLAT("depthwise 1x1 padded", 1, 3, 3, 3, 9, 9, 1, 1, 1, 1, 1, 2),
    FLAT("depthwise 3x3 without pads", 1, 3, 3, 3, 10, 40, 3, 3, 1, 1, 0, 0),
    FLAT("depthwise 3x3 with wide pads", 1, 3, 3, 3, 5, 6, 3, 3, 1, 1, 4, 5),
    FLAT("depthwise dilation beyond the image", 1, 3, 3, 3, 7, 6, 3, 3, 1, 12, 12, 12),
    FLAT("depthwise dilation 3 stride 2", 1, 3, 3, 3, 13, 22, 3, 3, 2, 3, 2, 3),
    FLAT("depthwise multiplier, stride 2", 2, 3, 3, 6, 9, 8, 5, 5, 2, 1, 2, 2),
    {"depthwise, other pads and strides on each side",
     {.batch = 2,
      .groups = 5,
      .input_channels = 5,
      .output_channels = 5,
      .input = {1, 11, 26},
      .kernel = {1, 3, 3},
      .stride = {1, 1, 2},
      .dilation = {1, 1, 1},
      .pad_begin = {0, 2, 0},
      .pad_end = {0, 0, 1}}},
    {"depthwise, one-dimensional and causal",
     {.batch = 2,
      .groups = 3,
      .input_channels = 3,
      .output_channels = 3,
      .input = {1, 1, 83},
      .kernel = {1, 1, 4},
      .stride = {1, 1, 1},
      .dilation = {1, 1, 1},
      .pad_begin = {0, 0, 3}}},
    FLAT("3x3 stride 2 on one cell", 1, 1, 5, 6, 1, 1, 3, 3, 2, 1, 1, 1),
    {"1x1, stride along a short axis",
     {.batch = 2,
      .groups = 1,
      .input_channels = 5,
      .output_channels = 6,
      .input = {1, 16, 1},
      .kernel = {1, 1, 1},
      .stride = {1, 1, 2},
      .dilation = {1, 1, 1}}},
    FLAT("1x1, last vector partial", 1, 1, 20, 13, 13, 13, 1, 1, 1, 1, 0, 0),
    FLAT("1x1 from planes of 64x64", 1, 1, 9, 45, 64, 64, 1, 1, 1, 1, 0, 0),
    FLAT("1x1 deep", 2, 1, 650, 33, 7, 7, 1, 1, 1, 1, 0, 0),
    FLAT("3x3 stride 2, several parts", 1, 1, 40, 10, 61, 90, 3, 3, 2, 1, 1, 1),
    FLAT("5x5 dilation 2, several parts", 1, 1, 30, 5, 50, 47, 5, 5, 1, 2, 4, 4),
    FLAT("groups of 4 channels", 1, 3, 12, 12, 19, 28, 3, 3, 1, 1, 1, 1),
    FLAT("patches", 1, 1, 3, 20, 24, 28, 4, 4, 4, 1, 0, 0),
    FLAT("wide image", 1, 1, 2, 9, 3, 131, 3, 3, 1, 1, 1, 1),
    {"one-dimensional",
     {.batch = 2,
      .groups = 1,
      .input_channels = 3,
      .output_channels = 4,
      .input = {1, 1, 19},
      .kernel = {1, 1, 4},
      .stride = {1, 1, 2},
      .dilation = {1, 1, 1},
      .pad_begin = {0, 0, 1},
      .pad_end = {0, 0, 2}}},
    FLAT("3x3 tiles", 1, 1, 16, 16, 24, 24, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 tiles of odd sizes", 1, 1, 19, 35, 27, 29, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 tiles without pads", 2, 1, 17, 40, 19, 23, 3, 3, 1, 1, 0, 0),
    FLAT("3x3 tiles, uneven pads", 1, 1, 24, 18, 23, 25, 3, 3, 1, 1, 0, 2),
    FLAT("3x3 tiles, wide pads", 1, 1, 16, 16, 20, 21, 3, 3, 1, 1, 3, 4),
    FLAT("3x3 tiles of a batch", 9, 1, 16, 16, 8, 7, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 tiles of groups", 1, 3, 54, 48, 24, 24, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 tiles in wide rows", 1, 1, 16, 17, 9, 147, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 tiles, deep", 1, 1, 145, 16, 23, 21, 3, 3, 1, 1, 1, 1),
    FLAT("3x3 tiles, dilation 2", 1, 1, 16, 18, 33, 31, 3, 3, 1, 2, 2, 2),
    FLAT("3x3 tiles, dilation 3, uneven pads", 2, 1, 17, 16, 26, 25, 3, 3, 1, 3, 1, 4),
    FLAT("3x3 tap by tap", 2, 1, 17, 20, 20, 19, 3, 3, 1, 12, 12, 12),
    FLAT("3x3 tap by tap, some taps outside", 1, 2, 10, 6, 18, 20, 3, 3, 1, 19, 19, 19),
    FLAT("4x3 tap by tap, stride 2, uneven pads", 1, 1, 9, 11, 41, 38, 4, 3, 2, 14, 20, 19),
    FLAT("3x3 tiles, dilation 5", 1, 1, 16, 16, 34, 17, 3, 3, 1, 5, 5, 5),
    {"three-dimensional",
     {.batch = 1,
      .groups = 1,
      .input_channels = 2,
      .output_channels = 5,
      .input = {5, 6, 7},
      .kernel = {3, 2, 3},
      .stride = {2, 1, 2},
      .dilation = {1, 2, 1},
      .pad_begin = {1, 0, 1},
      .pad_end = {0, 1, 1}}},
};

static int64_t cells(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

/* Calls `visit` for every product of the convolution: x[a] * w[b] belongs to y[c]. */
struct product {
    int64_t x, w, y;
};
typedef void visitor(void *argument, const struct product *product);

static void visit_cell(const struct convolution *c, const int64_t index[4], const int64_t place[3], visitor *visit,
                       void *argument)
{
    int64_t inputs = c->input_channels / c->groups, outputs = c->output_channels / c->groups;
    int64_t image = index[0], channel = index[1];
    struct product product = {.y = (image * c->output_channels + channel) * cells(c->output) +
                                   (place[0] * c->output[1] + place[1]) * c->output[2] + place[2]};
    for (int64_t i = 0; i < inputs; i++) {
        for (int64_t tap = 0; tap < cells(c->kernel); tap++) {
            int64_t t[3] = {tap / c->kernel[2] / c->kernel[1], tap / c->kernel[2] % c->kernel[1], tap % c->kernel[2]};
            int64_t from[3];
            bool hit = true;
            for (int axis = 0; axis < 3; axis++) {
                from[axis] = place[axis] * c->stride[axis] + t[axis] * c->dilation[axis] - c->pad_begin[axis];
                hit = hit && from[axis] >= 0 && from[axis] < c->input[axis];
            }
            if (!hit)
                continue;
            product.x = (image * c->input_channels + channel / outputs * inputs + i) * cells(c->input) +
                        (from[0] * c->input[1] + from[1]) * c->input[2] + from[2];
            product.w = (channel * inputs + i) * cells(c->kernel) + tap;
            visit(argument, &product);
        }
    }
}

static void visit_all(const struct convolution *c, const struct window *window, visitor *visit, void *argument)
{
    for (int64_t item = 0; item < c->batch * c->output_channels; item++) {
        const int64_t index[4] = {item / c->output_channels, item % c->output_channels};
        for (int64_t z = window->begin[0]; z < window->end[0]; z++) {
            for (int64_t y = window->begin[1]; y < window->end[1]; y++) {
                for (int64_t x = window->begin[2]; x < window->end[2]; x++) {
                    const int64_t place[3] = {z, y, x};
                    visit_cell(c, index, place, visit, argument);
                }
            }
        }
    }
}

struct buffers {
    float *x, *w, *dy;
    double *y, *dx, *dw; /* references */
};

static void add_product(void *argument, const struct product *product)
{
    struct buffers *b = argument;
    b->y[product->y] += (double)b->x[product->x] * (double)b->w[product->w];
    b->dx[product->x] += (double)b->dy[product->y] * (double)b->w[product->w];
    b->dw[product->w] += (double)b->dy[product->y] * (double)b->x[product->x];
}

static void compare(const char *name, const char *what, const float *got, const double *expected, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - expected[i]) <= 1e-4 * (1 + fabs(expected[i]))))
            fail_msg("%s, %s: element %lld is %g, expected %g", name, what, (long long)i, (double)got[i], expected[i]);
    }
}

struct sizes {
    int64_t x, w, y;
};

static struct sizes sizes_of(const struct convolution *c)
{
    return (struct sizes){c->batch * c->input_channels * cells(c->input),
                          c->output_channels * (c->input_channels / c->groups) * cells(c->kernel),
                          c->batch * c->output_channels * cells(c->output)};
}

static void *scratch_of(size_t bytes)
{
    return aligned_alloc(64, (bytes + 127) / 64 * 64);
}

static void check_forward(const struct shape_case *test, const struct kernels *kernels, struct thread_pool *pool,
                          const struct buffers *b, const struct window *window, bool pack)
{
    const struct convolution *c = &test->convolution;
    struct sizes sizes = sizes_of(c);
    int threads = thread_pool_size(pool);
    float *bias = coarse_noise(c->output_channels, 5), *residual = coarse_noise(sizes.y, 6),
          *y = coarse_noise(sizes.y, 7);
    double *expected = malloc((size_t)sizes.y * sizeof *expected);
    size_t packed_bytes = pack ? convolution_packed_bytes(c, kernels) : 0;
    void *packed = packed_bytes ? scratch_of(packed_bytes) : NULL;
    void *scratch = scratch_of(convolution_forward_scratch(c, kernels, threads, packed != NULL));
    struct convolution_weights weights = {b->w, packed};
    struct epilogue epilogue = {bias, residual, pack ? UNARY_RELU : UNARY_SILU, 1, 0};
    if (packed)
        convolution_pack(c, kernels, b->w, packed);
    for (int64_t i = 0; i < sizes.y; i++) {
        int64_t cell = i % cells(c->output);
        int64_t place[3] = {cell / c->output[2] / c->output[1], cell / c->output[2] % c->output[1],
                            cell % c->output[2]};
        bool computed = true;
        for (int axis = 0; axis < 3; axis++)
            computed = computed && place[axis] >= window->begin[axis] && place[axis] < window->end[axis];
        double sum = b->y[i] + (double)bias[i / cells(c->output) % c->output_channels] + (double)residual[i];
        double activated = pack ? fmax(sum, 0) : sum / (1 + exp(-sum));
        expected[i] = computed ? activated : (double)y[i];
    }
    convolution_forward(c, kernels, pool, b->x, &weights, &epilogue, window, y, scratch);
    compare(test->name, "forward", y, expected, sizes.y);
    free(bias);
    free(residual);
    free(y);
    free(expected);
    free(packed);
    free(scratch);
}

static void check_input_gradient(const struct shape_case *test, const struct kernels *kernels, struct thread_pool *pool,
                                 const struct buffers *b, const struct window *window, bool pack)
{
    const struct convolution *c = &test->convolution;
    struct sizes sizes = sizes_of(c);
    float *dx = coarse_noise(sizes.x, 8);
    size_t packed_bytes = pack ? convolution_input_gradient_packed_bytes(c, kernels) : 0;
    void *packed = packed_bytes ? scratch_of(packed_bytes) : NULL;
    void *scratch = scratch_of(convolution_input_gradient_scratch(c, kernels, thread_pool_size(pool), packed != NULL));
    struct convolution_weights weights = {b->w, packed};
    if (packed)
        convolution_input_gradient_pack(c, kernels, b->w, packed);
    convolution_input_gradient(c, kernels, pool, b->dy, &weights, window, dx, scratch);
    compare(test->name, "input gradient", dx, b->dx, sizes.x);
    free(dx);
    free(packed);
    free(scratch);
}

static void check_weight_gradient(const struct shape_case *test, const struct kernels *kernels,
                                  struct thread_pool *pool, const struct buffers *b)
{
    const struct convolution *c = &test->convolution;
    struct sizes sizes = sizes_of(c);
    float *dw = coarse_noise(sizes.w, 9);
    void *scratch = scratch_of(convolution_weight_gradient_scratch(c, kernels, thread_pool_size(pool)));
    convolution_weight_gradient(c, kernels, pool, b->x, b->dy, dw, scratch);
    compare(test->name, "weight gradient", dw, b->dw, sizes.w);
    free(dw);
    free(scratch);
}

/* dy is zero outside the window: what the gradient's window promises. */
static void clear_outside(const struct convolution *c, const struct window *window, float *dy)
{
    for (int64_t i = 0; i < c->batch * c->output_channels * cells(c->output); i++) {
        int64_t cell = i % cells(c->output);
        int64_t place[3] = {cell / c->output[2] / c->output[1], cell / c->output[2] % c->output[1],
                            cell % c->output[2]};
        for (int axis = 0; axis < 3; axis++) {
            if (place[axis] < window->begin[axis] || place[axis] >= window->end[axis])
                dy[i] = 0;
        }
    }
}

/* Weights in half precision give the bits that float32 ones of the same values give: forward, and the input gradient.
 */
static void check_half(const struct shape_case *test, const struct kernels *kernels, struct thread_pool *pool,
                       const struct buffers *b, const struct window *window)
{
    struct convolution c[2] = {test->convolution, test->convolution};
    struct sizes sizes = sizes_of(c);
    float *rounded = malloc((size_t)sizes.w * sizeof *rounded), *y[2], *dx[2];
    c[0].direct = c[1].direct = c[1].half = true;
    for (int64_t i = 0; i < sizes.w; i++)
        rounded[i] = half_to_float(float_to_half(b->w[i]));
    for (int i = 0; i < 2; i++) {
        size_t bytes[2] = {convolution_packed_bytes(&c[i], kernels),
                           convolution_input_gradient_packed_bytes(&c[i], kernels)};
        void *packed[2] = {bytes[0] ? scratch_of(bytes[0]) : NULL, bytes[1] ? scratch_of(bytes[1]) : NULL};
        int threads = thread_pool_size(pool);
        void *scratch[2] = {
            scratch_of(convolution_forward_scratch(&c[i], kernels, threads, true)),
            scratch_of(convolution_input_gradient_scratch(&c[i], kernels, threads, true)),
        };
        bool narrow[2] = {bytes[0] != convolution_packed_bytes(&c[0], kernels),
                          bytes[1] != convolution_input_gradient_packed_bytes(&c[0], kernels)};
        if (packed[0])
            convolution_pack(&c[i], kernels, narrow[0] ? b->w : rounded, packed[0]);
        if (packed[1])
            convolution_input_gradient_pack(&c[i], kernels, narrow[1] ? b->w : rounded, packed[1]);
        y[i] = coarse_noise(sizes.y, 7);
        dx[i] = coarse_noise(sizes.x, 8);
        convolution_forward(&c[i], kernels, pool, b->x, &(struct convolution_weights){rounded, packed[0]}, NULL, window,
                            y[i], scratch[0]);
        convolution_input_gradient(&c[i], kernels, pool, b->dy, &(struct convolution_weights){rounded, packed[1]},
                                   window, dx[i], scratch[1]);
        for (int k = 0; k < 2; k++) {
            free(packed[k]);
            free(scratch[k]);
        }
    }
    assert_memory_equal(y[0], y[1], (size_t)sizes.y * sizeof **y);
    assert_memory_equal(dx[0], dx[1], (size_t)sizes.x * sizeof **dx);
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(dx[i]);
    }
    free(rounded);
}

static void check_case(const struct shape_case *given, const struct kernels *kernels, struct thread_pool *pool,
                       bool part)
{
    struct shape_case test = *given;
    struct convolution *c = &test.convolution;
    assert_int_equal(convolution_complete(c, NULL), 0);
    struct sizes sizes = sizes_of(c);
    struct window window = {.end = {c->output[0], c->output[1], c->output[2]}};
    if (part) {
        window.begin[1] = c->output[1] / 3;
        window.end[1] = window.begin[1] + 1;
        window.begin[2] = c->output[2] / 4;
        window.end[2] = (c->output[2] + 1) / 2 + window.begin[2];
        window.end[2] = window.end[2] < c->output[2] ? window.end[2] : c->output[2];
    }
    struct buffers b = {.x = coarse_noise(sizes.x, 1),
                        .w = coarse_noise(sizes.w, 2),
                        .dy = coarse_noise(sizes.y, 3),
                        .y = calloc((size_t)sizes.y, sizeof(double)),
                        .dx = calloc((size_t)sizes.x, sizeof(double)),
                        .dw = calloc((size_t)sizes.w, sizeof(double))};
    clear_outside(c, &window, b.dy);
    visit_all(c, &window, add_product, &b);
    check_forward(&test, kernels, pool, &b, &window, true);
    check_forward(&test, kernels, pool, &b, &window, false);
    check_input_gradient(&test, kernels, pool, &b, &window, true);
    check_input_gradient(&test, kernels, pool, &b, &window, false);
    check_weight_gradient(&test, kernels, pool, &b);
    check_half(&test, kernels, pool, &b, &window);
    free(b.x);
    free(b.w);
    free(b.dy);
    free(b.y);
    free(b.dx);
    free(b.dw);
}

static void check_level(enum cpu_level level)
{
    struct memory *memory = memory_create((size_t)1 << 30);
    for (int threads = 1; threads <= 3; threads++) {
        struct thread_pool *pool = thread_pool_create(memory, threads, NULL);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            check_case(&cases[i], kernels_for(level), pool, false);
            check_case(&cases[i], kernels_for(level), pool, true);
        }
        thread_pool_destroy(pool);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_levels(void **state)
{
    (void)state;
    for (int level = CPU_PORTABLE; level <= (int)cpu_detect(); level++)
        check_level((enum cpu_level)level);
}

static void run_forward(const struct convolution *c, const struct kernels *kernels, struct thread_pool *pool,
                        const float *x, const float *w, float *y)
{
    void *scratch = scratch_of(convolution_forward_scratch(c, kernels, thread_pool_size(pool), false));
    struct convolution_weights weights = {w, NULL};
    convolution_forward(c, kernels, pool, x, &weights, NULL, NULL, y, scratch);
    free(scratch);
}

/* Work is cut otherwise for other numbers of threads, but every sum keeps its order. */
static void test_threads(void **state)
{
    (void)state;
    struct memory *memory = memory_create((size_t)1 << 30);
    const struct kernels *kernels = kernels_for(cpu_detect());
    struct thread_pool *pool = thread_pool_create(memory, 3, NULL);
    for (size_t i = 0; kernels->tile && i < sizeof cases / sizeof cases[0]; i++) {
        struct convolution c = cases[i].convolution;
        assert_int_equal(convolution_complete(&c, NULL), 0);
        struct sizes sizes = sizes_of(&c);
        float *x = coarse_noise(sizes.x, 1), *w = coarse_noise(sizes.w, 2), *one = coarse_noise(sizes.y, 3),
              *three = coarse_noise(sizes.y, 4);
        run_forward(&c, kernels, NULL, x, w, one);
        run_forward(&c, kernels, pool, x, w, three);
        if (memcmp(one, three, (size_t)sizes.y * sizeof *one) != 0)
            fail_msg("%s: three threads give other bits than one", cases[i].name);
        free(x);
        free(w);
        free(one);
        free(three);
    }
    thread_pool_destroy(pool);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
