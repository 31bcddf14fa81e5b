/* Numbers and letters in text, whatever locale the host has chosen. */
#ifndef FOVEA_BASE_FORMAT_H
#define FOVEA_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As snprintf, vsnprintf and strtod with a point in numbers. Elsewhere in the library
 * these are used without numbers that have a point. */
int text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int text_format_list(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
double text_number(const char *text, char **end);
/* As strncasecmp, of ASCII letters alone. */
int text_compare_caseless(const char *a, const char *b, size_t most);

#endif
