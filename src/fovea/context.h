/** @file The library, its errors, and what every call takes. */
#ifndef FOVEA_CONTEXT_H
#define FOVEA_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fovea/version.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FOVEA_API __attribute__((visibility("default")))
#else
#define FOVEA_API
#endif

#define FOVEA_MAX_RANK 8

/** What an error means; but for the last also the program's exit codes. */
enum fovea_code {
    FOVEA_CLEAN = 0,
    FOVEA_FINDINGS = 1, /**< of the program alone */
    FOVEA_BAD_INPUT = 2,
    FOVEA_INTERNAL = 3, /**< a fault of fovea's own */
    FOVEA_CANCELLED = 4 /**< the progress callback said so */
};
/** Finer. */
enum fovea_error_kind {
    FOVEA_ERROR_NONE,
    FOVEA_ERROR_INPUT,       /**< a file, an option or an argument is wrong */
    FOVEA_ERROR_UNSUPPORTED, /**< valid, but not covered by fovea */
    FOVEA_ERROR_LIMIT,       /**< a named limit was reached */
    FOVEA_ERROR_MEMORY,      /**< memory ended, or max_memory was reached */
    FOVEA_ERROR_IO,          /**< the operating system refused */
    FOVEA_ERROR_CANCELLED,
    FOVEA_ERROR_INTERNAL
};

struct fovea_error {
    enum fovea_code code; /**< FOVEA_CLEAN: no error */
    char message[2048];   /**< one line */
    enum fovea_error_kind kind;
    uint64_t reserved[8];
};

/** Called during long work; `total` 0: unknown. `text`: how it stands, in a few words ("epoch 2/10, loss 0.532"), where
 * the two numbers are shares of the work and count nothing; or NULL. Not called by several threads at once. Called
 * again with the same numbers where they stay as they are for long, and with zeros before there are any: not 0 cancels
 * the call, which then fails with FOVEA_CANCELLED, and nothing is half-written. */
typedef int fovea_progress(void *user, const char *what, size_t done, size_t total, const char *text);

/** Called with a line about what was left out or assumed, each line once. */
typedef void fovea_note(void *user, const char *text);

struct fovea_options {
    size_t max_memory;        /**< bytes, 0: three quarters of the machine's memory */
    int threads;              /**< 0: all cores this process may use */
    const char *cpu;          /**< highest instruction set used: "none", "avx2", "avx512"; NULL: the machine's best */
    uint64_t seed;            /**< of everything random */
    fovea_progress *progress; /**< or NULL */
    void *progress_user;
    fovea_note *note; /**< or NULL */
    void *note_user;
    /** 3x3 convolutions by all their products: slower, down to a third of the rounding error; zeros stay zeros, and
     * what is not finite reaches only the cells that read it, not all of their tile. */
    bool no_winograd;
    /** Constant weights of matrix products and of the convolutions that read them tap by tap stay in half precision
     * (IEEE 754 binary16) in memory, and are widened to float32 on the way into the products: half their memory and
     * traffic. Each is rounded to the nearest half, by up to 2^-11 of itself, below 2^-14 by up to 2^-25, which is 0
     * below 2^-25. Where a weight's numbers reach 65520, which half precision does not hold, all of it stays float32,
     * as do transformed (Winograd) and depthwise weights, biases and activations. Not for training: fovea_tune refuses
     * it. */
    bool half_weights;
    const char *command;  /**< how the run was asked for, which manifests of folders tell; NULL: they do not */
    uint64_t reserved[7]; /**< zero */
};
FOVEA_API struct fovea_options fovea_options_default(void);

/** The library's context: memory, threads, instruction set. Closed after everything that was made with it is freed. */
struct fovea;
FOVEA_API struct fovea *fovea_open(const struct fovea_options *options, struct fovea_error *error);
/** Returns how many blocks of memory are still in use: 0 when all was freed before. NULL is allowed. */
FOVEA_API size_t fovea_close(struct fovea *fovea);
/** "MAJOR.MINOR.PATCH" of the library that runs. */
FOVEA_API const char *fovea_version(void);
/** Whether a program written for that version runs with this library; FOVEA_VERSION_MAJOR and FOVEA_VERSION_MINOR for
 * the headers that it was compiled with. */
FOVEA_API bool fovea_version_check(int major, int minor);
/** The instruction set in use: "none", "avx2", "avx512". */
FOVEA_API const char *fovea_cpu(const struct fovea *fovea);
FOVEA_API int fovea_threads(const struct fovea *fovea);
/** Largest number of bytes that were in use at once. */
FOVEA_API size_t fovea_peak_memory(const struct fovea *fovea);
/** Whether the system (not max_memory) refused memory since fovea_open. Results may then lack a part that nobody
 * missed: this context writes no more files, open another. */
FOVEA_API bool fovea_memory_ended(const struct fovea *fovea);

#ifdef __cplusplus
}
#endif

#endif
