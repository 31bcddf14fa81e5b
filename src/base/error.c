#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/printable.h"

int error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    if (!error || error->kind != ERROR_NONE)
        return -1;
    error->kind = kind;
    va_list arguments;
    va_start(arguments, format);
    text_format_list(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    text_keep_printable(error->message); /* names out of a file may hold anything: an error stays one line */
    return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
    if (!error)
        return -1;
    char prefix[512], message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    text_format_list(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    memcpy(message, error->message, sizeof message);
    size_t length = strlen(prefix);
    if (strncmp(message, prefix, length) == 0 && (message[length] == ':' || message[length] == ' '))
        return -1; /* it begins with that name already */
    snprintf(error->message, sizeof error->message, "%s: %.*s", prefix,
             (int)(sizeof error->message - sizeof prefix - 2), message);
    text_keep_printable(error->message);
    return -1;
}

enum fovea_code error_code(const struct error *error)
{
    switch (error->kind) {
    case ERROR_NONE:
        return FOVEA_CLEAN;
    case ERROR_INTERNAL:
        return FOVEA_INTERNAL;
    case ERROR_CANCELLED:
        return FOVEA_CANCELLED;
    default:
        return FOVEA_BAD_INPUT;
    }
}
