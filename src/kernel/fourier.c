#include "kernel/fourier.h"

#include <math.h>

#define PI 3.14159265358979323846

static bool is_power_of_two(int64_t length)
{
    return (length & (length - 1)) == 0;
}

static int64_t padded_length(int64_t length)
{
    int64_t padded = 1;
    while (padded < (is_power_of_two(length) ? length : 2 * length - 1))
        padded *= 2;
    return padded;
}

size_t fourier_table_bytes(int64_t length)
{
    int64_t padded = padded_length(length), numbers = padded / 2;
    if (padded != length)
        numbers += length + padded;
    return (size_t)numbers * sizeof(struct complex_number);
}

size_t fourier_work_bytes(int64_t length)
{
    int64_t padded = padded_length(length);
    return padded == length ? 0 : (size_t)padded * sizeof(struct complex_number);
}

int64_t fourier_steps(int64_t length)
{
    int64_t padded = padded_length(length), levels = 1;
    for (int64_t i = padded; i > 1; i /= 2)
        levels++;
    return padded * levels * (padded == length ? 1 : 2);
}

static struct complex_number unit_root(double turns)
{
    return (struct complex_number){cos(2 * PI * turns), sin(2 * PI * turns)};
}

static struct complex_number product(struct complex_number a, struct complex_number b)
{
    return (struct complex_number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static void conjugate(struct complex_number *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        x[i].im = -x[i].im;
}

/* The order in which halves of halves come out: bits of the places reversed. */
static void reverse_places(struct complex_number *x, int64_t count)
{
    for (int64_t i = 1, reversed = 0; i < count; i++) {
        int64_t bit = count / 2;
        for (; reversed & bit; bit /= 2)
            reversed ^= bit;
        reversed |= bit;
        if (i < reversed) {
            struct complex_number swapped = x[i];
            x[i] = x[reversed];
            x[reversed] = swapped;
        }
    }
}

/* In place; `count` a power of two. */
static void transform_power(struct complex_number *x, int64_t count, const struct complex_number *roots)
{
    reverse_places(x, count);
    for (int64_t half = 1; half < count; half *= 2) {
        int64_t step = count / (2 * half);
        for (int64_t begin = 0; begin < count; begin += 2 * half) {
            for (int64_t k = 0; k < half; k++) {
                struct complex_number a = x[begin + k], b = product(x[begin + half + k], roots[k * step]);
                x[begin + k] = (struct complex_number){a.re + b.re, a.im + b.im};
                x[begin + half + k] = (struct complex_number){a.re - b.re, a.im - b.im};
            }
        }
    }
}

/* k^2 modulo 2 length comes from its predecessor: it would overflow. */
static void fill_chirp(struct complex_number *chirp, int64_t length)
{
    int64_t square = 0;
    for (int64_t k = 0; k < length; k++) {
        chirp[k] = unit_root(-(double)square / (double)(2 * length));
        square = (square + 2 * k + 1) % (2 * length);
    }
}

void fourier_prepare(struct fourier *fourier, int64_t length, void *tables)
{
    int64_t padded = padded_length(length);
    struct complex_number *roots = tables, *chirp = roots + padded / 2, *convolved = chirp + length;
    *fourier = (struct fourier){.length = length, .padded = padded, .roots = roots};
    for (int64_t k = 0; k < padded / 2; k++)
        roots[k] = unit_root(-(double)k / (double)padded);
    if (padded == length)
        return;
    fill_chirp(chirp, length);
    for (int64_t k = 0; k < padded; k++) {
        int64_t from = k < length ? k : padded - k;
        convolved[k] =
            from < length ? (struct complex_number){chirp[from].re, -chirp[from].im} : (struct complex_number){0, 0};
    }
    transform_power(convolved, padded, roots);
    fourier->chirp = chirp;
    fourier->convolved = convolved;
}

/* -2 k n = (k - n)^2 - k^2 - n^2: the sum is a convolution with the conjugate chirp, between two products with it. */
static void transform_any(const struct fourier *fourier, struct complex_number *x, struct complex_number *work)
{
    int64_t padded = fourier->padded;
    for (int64_t k = 0; k < padded; k++)
        work[k] = k < fourier->length ? product(x[k], fourier->chirp[k]) : (struct complex_number){0, 0};
    transform_power(work, padded, fourier->roots);
    for (int64_t k = 0; k < padded; k++)
        work[k] = product(work[k], fourier->convolved[k]);
    conjugate(work, padded);
    transform_power(work, padded, fourier->roots);
    for (int64_t k = 0; k < fourier->length; k++) {
        struct complex_number sum = {work[k].re / (double)padded, -work[k].im / (double)padded};
        x[k] = product(sum, fourier->chirp[k]);
    }
}

void fourier_run(const struct fourier *fourier, struct complex_number *x, bool inverse, void *work)
{
    if (inverse)
        conjugate(x, fourier->length);
    if (fourier->chirp)
        transform_any(fourier, x, work);
    else
        transform_power(x, fourier->length, fourier->roots);
    if (inverse)
        conjugate(x, fourier->length);
}
