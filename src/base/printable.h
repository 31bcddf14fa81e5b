/* Texts that may be shown, in error lines and tables: model strings are hostile. What may not be shown: control
 * characters, bytes that are no UTF-8, and characters that turn the direction of writing or cannot be seen. */
#ifndef FOVEA_BASE_PRINTABLE_H
#define FOVEA_BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies `name` (of `length` bytes, any content) to `out` with the bytes of what may not be shown as \xNN, cut with
 * "..." at `size`. Returns `out`. */
const char *text_printable(const char *name, size_t length, char *out, size_t size);
/* The same of a whole name, with "..." in place of its middle where it is longer than `most` (8 at least) bytes: paths
 * and layers are told apart by their ends. */
const char *text_shorten(const char *name, size_t most, char *out, size_t size);
/* Each such character of `text` becomes '?', in place. */
void text_keep_printable(char *text);

/* Bytes of the well-formed UTF-8 character that `text` begins with and its code point; 0 if it is none. `left`: bytes
 * of the text, at least 1. */
size_t text_read_utf8(const char *text, size_t left, uint32_t *point);
bool text_is_utf8(const char *text);
/* Each byte that belongs to no UTF-8 character becomes '?', in place. */
void text_keep_utf8(char *text);

#endif
