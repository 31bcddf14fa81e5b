/* Rows of normalisations (row_kernel.h), compiled once per instruction set. */
#include <stddef.h>

#include "kernel/level.h"
#include "kernel/loop_words.h"
#include "kernel/row_kernel.h"

/* One register: compilers keep wider vectors in memory. */
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float lanes_type __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

enum { PIECE = 4096 };

static inline float fold(float lanes[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static float sum_piece(const float *x, int64_t count)
{
    lanes_type first = {0}, second = {0};
    float lanes[LANES];
    int64_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        first += *(const lanes_type *)(x + i);
        second += *(const lanes_type *)(x + i + LANES);
    }
    for (; i + LANES <= count; i += LANES)
        first += *(const lanes_type *)(x + i);
    *(lanes_type *)lanes = first + second;
    for (int lane = 0; i < count; i++, lane++)
        lanes[lane] += x[i];
    return fold(lanes);
}

static float square_piece(const float *x, float mean, int64_t count)
{
    lanes_type first = {0}, second = {0};
    float lanes[LANES];
    int64_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        lanes_type a = *(const lanes_type *)(x + i) - mean, b = *(const lanes_type *)(x + i + LANES) - mean;
        first += a * a;
        second += b * b;
    }
    for (; i + LANES <= count; i += LANES) {
        lanes_type a = *(const lanes_type *)(x + i) - mean;
        first += a * a;
    }
    *(lanes_type *)lanes = first + second;
    for (int lane = 0; i < count; i++, lane++)
        lanes[lane] += (x[i] - mean) * (x[i] - mean);
    return fold(lanes);
}

static void statistics(const float *x, int64_t count, bool centred, float *mean, float *variance)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; centred && i < count; i += PIECE)
        sum += (double)sum_piece(x + i, smaller(count - i, PIECE));
    *mean = count > 0 ? (float)(sum / (double)count) : 0;
    for (int64_t i = 0; i < count; i += PIECE)
        squares += (double)square_piece(x + i, *mean, smaller(count - i, PIECE));
    *variance = count > 0 ? (float)(squares / (double)count) : 0;
}

static void normalise(const float *x, float mean, float inverse, const float *scale, const float *bias, float *y,
                      int64_t count)
{
    INDEPENDENT
    for (int64_t i = 0; bias && i < count; i++)
        y[i] = (x[i] - mean) * inverse * scale[i] + bias[i];
    INDEPENDENT
    for (int64_t i = 0; !bias && i < count; i++)
        y[i] = (x[i] - mean) * inverse * scale[i];
}

static inline void gradient_piece(const float *dy, const float *x, float mean, const float *scale, int64_t count,
                                  double sums[2])
{
    lanes_type sum = {0}, product = {0};
    float lanes[2][LANES];
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        lanes_type g = *(const lanes_type *)(dy + i);
        if (scale)
            g *= *(const lanes_type *)(scale + i);
        sum += g;
        product += g * (*(const lanes_type *)(x + i) - mean);
    }
    *(lanes_type *)lanes[0] = sum;
    *(lanes_type *)lanes[1] = product;
    for (int lane = 0; i < count; i++, lane++) {
        float g = scale ? dy[i] * scale[i] : dy[i];
        lanes[0][lane] += g;
        lanes[1][lane] += g * (x[i] - mean);
    }
    sums[0] += (double)fold(lanes[0]);
    sums[1] += (double)fold(lanes[1]);
}

static void gradient_sums(const float *dy, const float *x, float mean, const float *scale, int64_t count,
                          double sums[2])
{
    sums[0] = sums[1] = 0;
    for (int64_t i = 0; i < count; i += PIECE) {
        if (scale)
            gradient_piece(dy + i, x + i, mean, scale + i, smaller(count - i, PIECE), sums);
        else
            gradient_piece(dy + i, x + i, mean, NULL, smaller(count - i, PIECE), sums);
    }
}

static void gradient(const float *dy, const float *x, const float *scale, const struct row_gradient *row, float *dx,
                     int64_t count)
{
    float mean = row->mean, by_dy = row->by_dy, by_x = row->by_x, constant = row->constant;
    INDEPENDENT
    for (int64_t i = 0; scale && i < count; i++)
        dx[i] = dy[i] * scale[i] * by_dy + (x[i] - mean) * by_x + constant;
    INDEPENDENT
    for (int64_t i = 0; !scale && i < count; i++)
        dx[i] = dy[i] * by_dy + (x[i] - mean) * by_x + constant;
}

static void column_sums(const float *dy, const float *x, float mean, float inverse, int64_t count,
                        double *restrict products, double *restrict sums)
{
    for (int64_t i = 0; i < count; i++) {
        products[i] += (double)(dy[i] * (x[i] - mean) * inverse);
        sums[i] += (double)dy[i];
    }
}

extern const struct row_kernel LEVEL(row);
const struct row_kernel LEVEL(row) = {.statistics = statistics,
                                      .normalise = normalise,
                                      .gradient_sums = gradient_sums,
                                      .gradient = gradient,
                                      .column_sums = column_sums};
