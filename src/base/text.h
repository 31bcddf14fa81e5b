/* Growable text. After a failed append the text is marked failed and text_finish reports it, so that a run of
 * appends needs one check. */
#ifndef FOVEA_BASE_TEXT_H
#define FOVEA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/format.h"
#include "base/memory.h"
#include "base/printable.h"

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

/* "11.7 M", "980"; "3.1 MiB". They return `out`. */
#define TEXT_COUNT 64
const char *text_count(double count, char out[TEXT_COUNT]);
const char *text_bytes(double bytes, char out[TEXT_COUNT]);

/* How many bytes a UTF-8 text begins with that are its byte order mark: 3 or 0. */
size_t text_mark(const char *text, size_t length);

#endif
