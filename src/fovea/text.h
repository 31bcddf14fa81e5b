/** @file Texts for people. */
#ifndef FOVEA_TEXT_H
#define FOVEA_TEXT_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Of a function that hands its text over, as those for JSON do. NULL is allowed. */
FOVEA_API void fovea_text_free(char *text);

/** Strings of a model file are hostile: control characters, bytes that are no UTF-8, and characters that turn the
 * direction of writing or cannot be seen may not be shown. Each such character becomes '?', in place. */
FOVEA_API void fovea_text_printable(char *text);
/** `name` in `out`, each such byte as `\xNN`, with "..." in place of its middle where it is longer than `most` (8 at
 * least) bytes. Returns `out`, as those of numbers do. */
FOVEA_API const char *fovea_text_shorten(const char *name, size_t most, char *out, size_t size);
/** Errors, notes and findings name an option as the field of its options struct, and what else the caller passes, in
 * backquotes: `max_memory`. Here such names are the flags of the program `fovea`: --max-memory. Returns the length, cut
 * or not, as snprintf does. */
FOVEA_API size_t fovea_text_flags(const char *text, char *out, size_t size);
/** A word as a POSIX shell takes it: quoted where it holds anything but plain characters. Returns the length, cut or
 * not.
 */
FOVEA_API size_t fovea_text_word(const char *word, char *out, size_t size);
/** What was meant by a name that is none of those there are: "; did you mean 'gamma'?", or "" where none is near.
 * `name_at` gives the names from 0 on, then NULL. Returns `out`. */
#define FOVEA_TEXT_SUGGESTION 192
FOVEA_API const char *fovea_text_suggest(const char *typed, const char *(*name_at)(const void *names, int index),
                                         const void *names, char out[FOVEA_TEXT_SUGGESTION]);
/** "11.7 M", "980"; "3.1 MiB". */
#define FOVEA_TEXT_COUNT 64
FOVEA_API const char *fovea_text_count(double count, char out[FOVEA_TEXT_COUNT]);
FOVEA_API const char *fovea_text_bytes(double bytes, char out[FOVEA_TEXT_COUNT]);

#ifdef __cplusplus
}
#endif

#endif
