#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_start(struct text *text, struct memory *memory)
{
    *text = (struct text){.memory = memory};
}

/* Room for `more` bytes and the NUL. */
static int text_reserve(struct text *text, size_t more)
{
    size_t needed;
    if (text->failed || checked_add(text->length, more + 1, &needed))
        return -1;
    if (needed <= text->capacity)
        return 0;
    size_t capacity = text->capacity * 2 > needed ? text->capacity * 2 : needed + 64;
    char *data = memory_resize(text->memory, text->data, capacity, 1, NULL);
    if (!data) {
        text->failed = true;
        return -1;
    }
    text->data = data;
    text->capacity = capacity;
    return 0;
}

void text_append(struct text *text, const char *bytes, size_t length)
{
    if (text_reserve(text, length))
        return;
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = text_format_list(NULL, 0, format, arguments);
    va_end(arguments);
    text->failed = text->failed || length < 0; /* no memory for a number's digits */
    if (!text->failed && text_reserve(text, (size_t)length) == 0) {
        text_format_list(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

int text_finish(struct text *text, struct error *error)
{
    return text->failed ? error_set(error, ERROR_MEMORY, "out of memory for text") : 0;
}

void text_release(struct text *text)
{
    memory_release(text->memory, text->data);
    text_start(text, text->memory);
}

const char *text_count(double count, char out[TEXT_COUNT])
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    int unit = 0;
    while (count >= 1000 && unit < 4) {
        count /= 1000;
        unit++;
    }
    text_format(out, TEXT_COUNT,
                unit == 0     ? "%.0f%s"
                : count < 10  ? "%.2f%s"
                : count < 100 ? "%.1f%s"
                              : "%.0f%s",
                count, units[unit]);
    return out;
}

const char *text_bytes(double bytes, char out[TEXT_COUNT])
{
    if (bytes < 1048576)
        text_format(out, TEXT_COUNT, "%.1f KiB", bytes / 1024);
    else
        text_format(out, TEXT_COUNT, "%.1f MiB", bytes / 1048576);
    return out;
}

size_t text_mark(const char *text, size_t length)
{
    return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}
