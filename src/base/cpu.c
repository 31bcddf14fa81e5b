#include "base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[CPU_LEVEL_COUNT] = {"none", "avx2", "avx512"};

#if defined(__x86_64__)
/* Conversion of half precision, which clang has no name for. */
static bool has_f16c(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

enum cpu_level cpu_detect(void)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c())
        return CPU_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    return CPU_AVX2;
#else
    return CPU_PORTABLE;
#endif
}

const char *cpu_level_name(enum cpu_level level)
{
    return level_names[level];
}

int cpu_level_parse(const char *name, enum cpu_level *level)
{
    for (int i = 0; i < CPU_LEVEL_COUNT; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *level = (enum cpu_level)i;
            return 0;
        }
    }
    return -1;
}

void cpu_name(char out[CPU_NAME])
{
    memset(out, 0, CPU_NAME);
#if defined(__x86_64__)
    unsigned words[12] = {0};
    for (unsigned i = 0; i < 3; i++) {
        unsigned *part = words + 4 * i;
        if (!__get_cpuid(0x80000002u + i, part, part + 1, part + 2, part + 3))
            return;
    }
    memcpy(out, words, sizeof words);
    size_t start = strspn(out, " "), length = strlen(out);
    while (length > start && out[length - 1] == ' ')
        out[--length] = 0;
    memmove(out, out + start, length - start + 1);
#endif
}

int cpu_count(void)
{
#ifdef FOVEA_PORTABLE
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
#else
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    int count = CPU_COUNT(&cores);
    return count > 0 ? count : 1;
#endif
}
