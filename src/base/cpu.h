/* What this processor can do, as the operating system lets us use it. */
#ifndef FOVEA_BASE_CPU_H
#define FOVEA_BASE_CPU_H

#define CPU_NAME 64

/* Ascending: a level includes those before it. */
enum cpu_level { CPU_PORTABLE, CPU_AVX2, CPU_AVX512, CPU_LEVEL_COUNT };

/* The best level of this machine (AVX2 includes FMA and F16C; AVX512 means F, BW, DQ, VL). */
enum cpu_level cpu_detect(void);
/* "none", "avx2", "avx512". */
const char *cpu_level_name(enum cpu_level level);
/* -1 if `name` is not one of the names above. */
int cpu_level_parse(const char *name, enum cpu_level *level);
/* What the processor calls itself, up to 48 bytes; "" where it does not say. */
void cpu_name(char out[CPU_NAME]);
/* Cores this process may use. */
int cpu_count(void);

#endif
