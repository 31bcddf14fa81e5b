/* The one way to report an error: a value that the caller owns and passes down. */
#ifndef FOVEA_BASE_ERROR_H
#define FOVEA_BASE_ERROR_H

#include "fovea/context.h"

/* The public kinds, and one of our own. */
enum error_kind {
    ERROR_NONE = FOVEA_ERROR_NONE,
    ERROR_INPUT = FOVEA_ERROR_INPUT,
    ERROR_UNSUPPORTED = FOVEA_ERROR_UNSUPPORTED,
    ERROR_LIMIT = FOVEA_ERROR_LIMIT,
    ERROR_MEMORY = FOVEA_ERROR_MEMORY,
    ERROR_IO = FOVEA_ERROR_IO,
    ERROR_CANCELLED = FOVEA_ERROR_CANCELLED,
    ERROR_INTERNAL = FOVEA_ERROR_INTERNAL,
    ERROR_DATA_DEPENDENT /* a shape rule's answer depends on elements known only when the model runs; never reported */
};

struct error {
    enum error_kind kind;
    char message[2048];
};

#define ERROR_INITIALISER                                                                                              \
    {                                                                                                                  \
        ERROR_NONE, ""                                                                                                 \
    }

/* Records an error and returns -1, so that `return error_set(...)` ends a function. The first error wins:
 * a later call on a set error only returns -1. What may not be shown (base/text.h) becomes '?'. `error` may be NULL. */
int error_set(struct error *error, enum error_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the recorded message (a file or node name learned further up). Returns -1. */
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What kinds are to the host: bad input, but for cancelled calls and faults of ours. */
enum fovea_code error_code(const struct error *error);

#endif
