/* What compilers are told of the loop that follows, in gcc's words and clang's. */
#ifndef FOVEA_KERNEL_LOOP_WORDS_H
#define FOVEA_KERNEL_LOOP_WORDS_H

/* UNROLL: it has a constant number of rounds, 32 at most, and nothing of it is left. Without that arrays of vectors do
 * not become registers. (clang unrolls by a number too late, and gcc has no word for `all`.)
 * INDEPENDENT: no round reads what another writes, though an array may be read and written at the same place. Without
 * that clang's vectors are for separate arrays alone. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif
