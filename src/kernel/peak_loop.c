/* Multiply-adds of one instruction set, in registers alone. CHAINS sums that do not wait for each other: more than
 * two units times the four or five steps that an addition takes, and few enough for the sixteen registers of AVX2. */
#include "kernel/kernels.h"
#include "kernel/level.h"
#include "kernel/loop_words.h"

#if defined(__AVX512F__)
#define VECTOR 16
#elif defined(__AVX2__)
#define VECTOR 8
#else
#define VECTOR 4
#endif

typedef float vector_type __attribute__((vector_size(VECTOR * sizeof(float))));

#define CHAINS 12

float LEVEL(peak_loop)(int64_t operations);
float LEVEL(peak_loop)(int64_t operations)
{
    vector_type sums[CHAINS], factor, step;
    for (int i = 0; i < VECTOR; i++) {
        factor[i] = 0.5f;
        step[i] = 1.0f + (float)i;
    }
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        sums[i] = step * (float)i;
    for (int64_t left = operations; left > 0; left -= 2 * CHAINS * VECTOR) {
        UNROLL
        for (int i = 0; i < CHAINS; i++)
            sums[i] = sums[i] * factor + step;
    }
    float sum = 0;
    for (int i = 0; i < CHAINS * VECTOR; i++)
        sum += sums[i / VECTOR][i % VECTOR];
    return sum;
}
