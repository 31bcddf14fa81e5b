/* Work whose speed is that of memory or of a function: activations, sums, softmax, normalisation, pooling. */
#include <math.h>
#include <stdio.h>

#include "kernel/kernels.h"
#include "kernel/pooling.h"
#include "kernel/row_kernel.h"
#include "kernel_cases.h"

enum kind { UNARY, UNARY_GRADIENT, BINARY, SOFTMAX, NORMALISED, TRANSPOSED, MAXIMUM_POOL };

struct row_case {
    const char *name;
    enum kind kind;
    int function;     /* enum unary or enum binary */
    int rows, length; /* pooling: planes, side */
};

static const struct row_case row_cases[] = {
    {"relu 64@56", UNARY, UNARY_RELU, 1, 64 * 56 * 56},
    {"relu 256@56", UNARY, UNARY_RELU, 1, 256 * 56 * 56},
    {"clip 96@112", UNARY, UNARY_CLIP, 1, 96 * 112 * 112},
    {"sigmoid 144@56", UNARY, UNARY_SIGMOID, 1, 144 * 56 * 56},
    {"silu 144@56", UNARY, UNARY_SILU, 1, 144 * 56 * 56},
    {"hard swish 144@56", UNARY, UNARY_HARD_SWISH, 1, 144 * 56 * 56},
    {"gelu 197x3072", UNARY, UNARY_GELU_ERF, 197, 3072},
    {"tanh gelu 197x3072", UNARY, UNARY_GELU_TANH, 197, 3072},
    {"exp 197x3072", UNARY, UNARY_EXP, 197, 3072},
    {"relu 256@56 gradient", UNARY_GRADIENT, UNARY_RELU, 1, 256 * 56 * 56},
    {"silu 144@56 gradient", UNARY_GRADIENT, UNARY_SILU, 1, 144 * 56 * 56},
    {"gelu 197x3072 gradient", UNARY_GRADIENT, UNARY_GELU_ERF, 197, 3072},
    {"add 64@56", BINARY, BINARY_ADD, 1, 64 * 56 * 56},
    {"add 256@56", BINARY, BINARY_ADD, 1, 256 * 56 * 56},
    {"multiply 256@56", BINARY, BINARY_MULTIPLY, 1, 256 * 56 * 56},
    {"softmax 2364x197", SOFTMAX, 0, 2364, 197},
    {"softmax 9408x49", SOFTMAX, 0, 9408, 49},
    {"softmax 8x1000", SOFTMAX, 0, 8, 1000},
    {"normalise 197x768", NORMALISED, 0, 197, 768},
    {"normalise 3136x96", NORMALISED, 0, 3136, 96},
    {"normalise 32x6272", NORMALISED, 0, 32, 6272},
    {"transpose 96x3136", TRANSPOSED, 0, 96, 3136},
    {"transpose 49x768", TRANSPOSED, 0, 49, 768},
    {"maximum pool 3x3 stride 2 64@112", MAXIMUM_POOL, 0, 64, 112},
};

enum { X, Y, Z };

static int count(void)
{
    return sizeof row_cases / sizeof row_cases[0];
}

static int64_t elements(const struct row_case *row)
{
    return (int64_t)row->rows * row->length * (row->kind == MAXIMUM_POOL ? row->length : 1);
}

static struct pooling pooling_of(const struct row_case *row)
{
    struct pooling pooling = {.planes = row->rows,
                              .input = {1, row->length, row->length},
                              .kernel = {1, 3, 3},
                              .stride = {1, 2, 2},
                              .dilation = {1, 1, 1},
                              .pad_begin = {0, 1, 1},
                              .pad_end = {0, 1, 1}};
    pooling_complete(&pooling, NULL);
    return pooling;
}

static int64_t results(const struct row_case *row)
{
    struct pooling pooling;
    if (row->kind != MAXIMUM_POOL)
        return elements(row);
    pooling = pooling_of(row);
    return row->rows * pooling.output[1] * pooling.output[2];
}

static void describe(int index, struct described *described)
{
    const struct row_case *row = &row_cases[index];
    int sources = row->kind == BINARY || row->kind == UNARY_GRADIENT ? 2 : 1;
    snprintf(described->name, sizeof described->name, "%s", row->name);
    described->bytes = (double)sizeof(float) * (double)(sources * elements(row) + results(row));
    described->tolerance = 1e-5;
}

static void make(int index, struct running *running)
{
    const struct row_case *row = &row_cases[index];
    running->row = row;
    running->buffers[X] = noise(elements(row), 1);
    running->buffers[Z] = noise(elements(row), 2);
    running->result_count = results(row);
    running->result = running->buffers[Y] = room(running->result_count);
}

static void run_rows(const struct running *running, int64_t begin, int64_t end)
{
    const struct row_case *row = running->row;
    const struct kernels *kernels = running->kernels;
    const float *x = running->buffers[X] + begin, *z = running->buffers[Z] + begin;
    float *y = running->buffers[Y] + begin;
    int64_t length = end - begin;
    if (row->kind == UNARY)
        kernels->unary[row->function](x, y, length, 0.0f, 6.0f);
    else if (row->kind == UNARY_GRADIENT)
        kernels->unary_gradient[row->function](x, z, y, length, 1.0f, 0.0f);
    else if (row->kind == BINARY)
        kernels->binary[row->function](x, 1, z, 1, y, length);
    else if (row->kind == SOFTMAX)
        kernels->softmax_row(x, y, length, false);
    else {
        float mean, variance;
        kernels->row->statistics(x, length, true, &mean, &variance);
        kernels->row->normalise(x, mean, 1 / sqrtf(variance + 1e-5f), running->buffers[Z], running->buffers[Z], y,
                                length);
    }
}

static void run_slice(void *argument, size_t index, int thread)
{
    const struct running *running = argument;
    const struct row_case *row = running->row;
    size_t begin, end, parts = (size_t)thread_pool_size(running->pool);
    (void)thread;
    if (row->rows == 1) {
        thread_slice((size_t)row->length, parts, index, &begin, &end);
        run_rows(running, (int64_t)begin, (int64_t)end);
        return;
    }
    thread_slice((size_t)row->rows, parts, index, &begin, &end);
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++)
        run_rows(running, i * row->length, (i + 1) * row->length);
}

static void run(const struct running *running)
{
    const struct row_case *row = running->row;
    if (row->kind == TRANSPOSED) {
        running->kernels->transpose(running->buffers[X], row->length, running->buffers[Y], row->rows, row->rows,
                                    row->length);
    } else if (row->kind == MAXIMUM_POOL) {
        struct pooling pooling = pooling_of(row);
        pooling_max(&pooling, running->kernels, running->pool, running->buffers[X], running->buffers[Y], NULL);
    } else {
        thread_pool_run(running->pool, run_slice, (void *)(uintptr_t)running, (size_t)thread_pool_size(running->pool));
    }
}

const struct family row_family = {count, describe, make, run};
