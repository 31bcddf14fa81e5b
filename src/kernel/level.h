/* Names of what is compiled once for each instruction set: LEVEL(name) is name_avx2 and so on (-DKERNEL_SUFFIX). Levels
 * that have kernels of vectors are compiled with -DKERNEL_FAST. */
#ifndef FOVEA_KERNEL_LEVEL_H
#define FOVEA_KERNEL_LEVEL_H

#define LEVEL_JOINED(name, suffix) name##_##suffix
#define LEVEL_OF(name, suffix) LEVEL_JOINED(name, suffix)
#define LEVEL(name) LEVEL_OF(name, KERNEL_SUFFIX)

#endif
