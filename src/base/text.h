/* Growable text. After a failed append the text is marked failed and text_finish reports it, so that a run of
 * appends needs one check. */
#ifndef FOVEA_BASE_TEXT_H
#define FOVEA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

struct text {
    struct memory *memory;
    char *data;    /* NUL-terminated once anything was appended, else NULL */
    size_t length; /* without the NUL */
    size_t capacity;
    bool failed;
};

void text_start(struct text *text, struct memory *memory);
void text_append(struct text *text, const char *bytes, size_t length);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* -1 and an error if any append failed. */
int text_finish(struct text *text, struct error *error);
void text_release(struct text *text);

/* For error lines and tables: model strings are hostile. What may not be shown: control characters, bytes that are no
 * UTF-8, and characters that turn the direction of writing or cannot be seen. */

/* Copies `name` (of `length` bytes, any content) to `out` with the bytes of what may not be shown as \xNN, cut with
 * "..." at `size`. Returns `out`. */
const char *text_printable(const char *name, size_t length, char *out, size_t size);
/* The same of a whole name, with "..." in place of its middle where it is longer than `most` (8 at least) bytes: paths
 * and layers are told apart by their ends. */
const char *text_shorten(const char *name, size_t most, char *out, size_t size);
/* Each such character of `text` becomes '?', in place. */
void text_keep_printable(char *text);

bool text_is_utf8(const char *text);
/* Each byte that belongs to no UTF-8 character becomes '?', in place. */
void text_keep_utf8(char *text);

/* "11.7 M", "980"; "3.1 MiB". They return `out`. */
#define TEXT_COUNT 64
const char *text_count(double count, char out[TEXT_COUNT]);
const char *text_bytes(double bytes, char out[TEXT_COUNT]);

#endif
