/* Cases of tests/kernels: what vision networks ask of the kernels, in their sizes. */
#ifndef FOVEA_TESTS_KERNEL_CASES_H
#define FOVEA_TESTS_KERNEL_CASES_H

#include "base/thread_pool.h"
#include "kernel/kernels.h"

/* A case on one level, made by its family's `make`. */
struct running {
    const struct kernels *kernels;
    struct thread_pool *pool;
    const void *row; /* of the family's table */
    int work;        /* which of the family's works */
    const char *method;
    float *buffers[6]; /* released with it */
    const float *result;
    int64_t result_count;
};

struct described {
    char name[96];
    double operations, bytes; /* of one run: arithmetic (two of a multiply-add), memory read and written at least once;
                                 operations 0: it is judged by its bytes */
    double tolerance;         /* largest difference to plain C, of the largest result */
};

struct family {
    int (*count)(void);
    void (*describe)(int index, struct described *described);
    void (*make)(int index, struct running *running);
    void (*run)(const struct running *running);
};

extern const struct family convolution_family, product_family, row_family;

/* Room for `count` floats, the program ends without; noise in (-1, 1), the same for every `seed`. */
float *room(int64_t count);
float *noise(int64_t count, uint64_t seed);

#endif
