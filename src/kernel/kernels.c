#include "kernel/kernels.h"

#include <stddef.h>

extern const struct kernels kernels_portable;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avx512;
#endif

const struct kernels *kernels_for(enum cpu_level level)
{
#if defined(__x86_64__)
    if (level >= CPU_AVX2)
        return level >= CPU_AVX512 ? &kernels_avx512 : &kernels_avx2;
#else
    (void)level;
#endif
    return &kernels_portable;
}
