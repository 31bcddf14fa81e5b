/* The one way to report an error: a value that the caller owns and passes down. */
#ifndef FOVEA_BASE_ERROR_H
#define FOVEA_BASE_ERROR_H

enum error_kind {
    ERROR_NONE,
    ERROR_INPUT,          /* the user's file or option is wrong */
    ERROR_UNSUPPORTED,    /* valid, but not covered by fovea */
    ERROR_LIMIT,          /* a named limit was reached */
    ERROR_MEMORY,         /* memory ended, or its cap was reached */
    ERROR_IO,             /* the operating system refused */
    ERROR_DATA_DEPENDENT, /* a shape rule's answer depends on elements known only when the model runs; never reported */
    ERROR_INTERNAL        /* a fault of ours */
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

/* Exit code of the program for this error: 0, 2 (input, unsupported, limit, memory, io) or 3 (internal). */
int error_exit_code(const struct error *error);

#endif
