/* Discrete Fourier transforms of any length in O(n log n): powers of two by halves (Cooley and Tukey, 1965), other
 * lengths as a convolution of such a length (Bluestein, 1970). */
#ifndef FOVEA_KERNEL_FOURIER_H
#define FOVEA_KERNEL_FOURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct complex_number {
    double re, im;
};

/* The longest transform: sizes of all buffers are far from overflow. */
#define FOURIER_LONGEST (INT64_C(1) << 40)

/* What all transforms of one length share. */
struct fourier {
    int64_t length, padded;                 /* padded: a power of two; `length` itself where that is one */
    const struct complex_number *roots;     /* [padded / 2]: exp(-2 pi i k / padded) */
    const struct complex_number *chirp;     /* [length]: exp(-pi i k^2 / length); NULL: a power of two */
    const struct complex_number *convolved; /* [padded]: the transform of the conjugate chirp around 0 */
};

/* Bytes of the tables for a length in [1, FOURIER_LONGEST], and of what one transform works in. */
size_t fourier_table_bytes(int64_t length);
size_t fourier_work_bytes(int64_t length);
/* Fills `tables`, which the result points into. */
void fourier_prepare(struct fourier *fourier, int64_t length, void *tables);
/* X[k] = sum over n of x[n] exp(-2 pi i k n / length), in place; `inverse`: with the other sign. Nothing is scaled. */
void fourier_run(const struct fourier *fourier, struct complex_number *x, bool inverse, void *work);
/* Steps that a transform takes, about. */
int64_t fourier_steps(int64_t length);

#endif
