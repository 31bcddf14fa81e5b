/* Weight gradients of depthwise convolutions on one instruction set. Planes of x and dy lie in the first-level cache; a
 * vector for each of a few taps is summed in registers over all rows, so that only its end is stored. Four or seven
 * rows of dy stay in registers too, and each vector of x that is loaded is multiplied with all that it belongs to: 20
 * loads for 49 products of a column of seven taps. */
#include "kernel/depthwise.h"
#include "kernel/level.h"
#include "kernel/vector.h"

#define ROWS DEPTHWISE_ROWS

depthwise_products_kernel LEVEL(depthwise_products);
depthwise_fold_kernel LEVEL(depthwise_fold);

/* Sums of the taps of `side` rows and `across` columns, from `rows` rows of one vector of dy: each vector of x serves
 * all of these rows that it belongs to. All but the pointers are constants where this is inlined. */
static always_inline void square_products(const float *const x[3], const float *dy, int64_t x_row, int64_t dy_row,
                                          vector_type sums[7][3], int side, int step, int across, int rows)
{
    vector_type factors[ROWS];
    UNROLL
    for (int r = 0; r < rows; r++)
        factors[r] = load(dy + r * dy_row);
    UNROLL
    for (int i = 0; i < step * (rows - 1) + side; i++) {
        UNROLL
        for (int kx = 0; kx < across; kx++) {
            vector_type value = load(x[kx] + i * x_row);
            UNROLL
            for (int ky = 0; ky < side; ky++) {
                int r = (i - ky) / step;
                if (i >= ky && (i - ky) % step == 0 && r < rows)
                    sums[ky][kx] += value * factors[r];
            }
        }
    }
}

/* The columns of taps from `first` on. At most `most` rows at a time: with `side` * `across` sums and a vector of x
 * they fill the registers. */
static always_inline void square_columns(const struct depthwise_products *products, int64_t first, int side, int step,
                                         int across, int most)
{
    vector_type sums[7][3] = {0};
    int64_t x_row = products->x_row, dy_row = products->dy_row;
    for (int64_t c = 0; c < products->columns; c += VECTOR) {
        const float *dy = products->dy + c, *x[3] = {0};
        for (int kx = 0; kx < across; kx++)
            x[kx] = products->x + products->offsets[first + kx] + c;
        for (int64_t left = products->rows, rows; left > 0; left -= rows) {
            rows = left >= most ? most : left >= 2 ? 2 : 1;
            if (rows == most)
                square_products(x, dy, x_row, dy_row, sums, side, step, across, most);
            else if (rows == 2)
                square_products(x, dy, x_row, dy_row, sums, side, step, across, 2);
            else
                square_products(x, dy, x_row, dy_row, sums, side, step, across, 1);
            dy += rows * dy_row;
            for (int kx = 0; kx < across; kx++)
                x[kx] += rows * step * x_row;
        }
    }
    for (int ky = 0; ky < side; ky++) {
        for (int kx = 0; kx < across; kx++) {
            float *to = products->sums + (ky * side + first + kx) * VECTOR;
            store(to, load(to) + sums[ky][kx]);
        }
    }
}

static always_inline void square_all(const struct depthwise_products *products, int side, int step)
{
    if (side == 3) {
        square_columns(products, 0, 3, step, 3, 4);
    } else if (side == 5) {
        square_columns(products, 0, 5, step, 2, 4);
        square_columns(products, 2, 5, step, 2, 4);
        square_columns(products, 4, 5, step, 1, 7);
    } else {
        for (int64_t kx = 0; kx < 7; kx++)
            square_columns(products, kx, 7, step, 1, 7);
    }
}

#define PRODUCTS(name, side, step)                                                                                     \
    static __attribute__((noinline)) void name(const struct depthwise_products *products)                              \
    {                                                                                                                  \
        square_all(products, side, step);                                                                              \
    }
PRODUCTS(products_3, 3, 1)
PRODUCTS(products_3_strided, 3, 2)
PRODUCTS(products_5, 5, 1)
PRODUCTS(products_5_strided, 5, 2)
PRODUCTS(products_7, 7, 1)
PRODUCTS(products_7_strided, 7, 2)

#define GROUP 8 /* taps whose sums stay in registers, beside one vector of dy */

static always_inline void group_products(const struct depthwise_products *products, int64_t first, int count)
{
    vector_type sums[GROUP];
    const float *x[GROUP], *dy = products->dy;
    int64_t step = products->x_step * products->x_row;
    UNROLL
    for (int t = 0; t < count; t++) {
        x[t] = products->x + products->offsets[first + t];
        sums[t] = (vector_type){0};
    }
    for (int64_t r = 0; r < products->rows; r++, dy += products->dy_row) {
        for (int64_t c = 0; c < products->columns; c += VECTOR) {
            vector_type factor = load(dy + c);
            UNROLL
            for (int t = 0; t < count; t++)
                sums[t] += factor * load(x[t] + r * step + c);
        }
    }
    UNROLL
    for (int t = 0; t < count; t++) {
        float *to = products->sums + (first + t) * VECTOR;
        store(to, load(to) + sums[t]);
    }
}

static void products_free(const struct depthwise_products *products)
{
    int64_t first = 0;
    for (; products->taps - first >= GROUP; first += GROUP)
        group_products(products, first, GROUP);
    for (; products->taps - first >= 4; first += 4)
        group_products(products, first, 4);
    for (; first < products->taps; first++)
        group_products(products, first, 1);
}

void LEVEL(depthwise_products)(const struct depthwise_products *products)
{
    if (products->x_step > 2)
        products_free(products);
    else if (products->square == 3)
        (products->x_step == 1 ? products_3 : products_3_strided)(products);
    else if (products->square == 5)
        (products->x_step == 1 ? products_5 : products_5_strided)(products);
    else if (products->square == 7)
        (products->x_step == 1 ? products_7 : products_7_strided)(products);
    else
        products_free(products);
}

/* A vector's lanes in four sums. */
static inline __m128 four_lanes(const float *from)
{
#if VECTOR > 8
    __m256 half = _mm256_loadu_ps(from) + _mm256_loadu_ps(from + 8);
#else
    __m256 half = _mm256_loadu_ps(from);
#endif
    return _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
}

/* Four at a time: pairs of lanes are added across. */
void LEVEL(depthwise_fold)(const float *vectors, int64_t count, float *to)
{
    int64_t i = 0;
    for (; i + 4 <= count; i += 4, vectors += 4 * VECTOR) {
        __m128 first = _mm_hadd_ps(four_lanes(vectors), four_lanes(vectors + VECTOR));
        __m128 second = _mm_hadd_ps(four_lanes(vectors + 2 * VECTOR), four_lanes(vectors + 3 * VECTOR));
        _mm_storeu_ps(to + i, _mm_hadd_ps(first, second));
    }
    for (; i < count; i++, vectors += VECTOR) {
        __m128 lanes = four_lanes(vectors);
        to[i] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
}
