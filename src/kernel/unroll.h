/* Loops over what registers hold. */
#ifndef FOVEA_KERNEL_UNROLL_H
#define FOVEA_KERNEL_UNROLL_H

/* In front of a loop of a constant number of rounds, 32 at most: nothing of it is left. Without it arrays of vectors
 * do not become registers. clang unrolls by a number too late for that, and gcc has no word for `all`. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#endif
