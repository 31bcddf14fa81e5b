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
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length >= 0 && text_reserve(text, (size_t)length) == 0) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

int text_finish(struct text *text, struct error *error)
{
    return text->failed ? error_set(error, ERROR_LIMIT, "out of memory for text") : 0;
}

void text_release(struct text *text)
{
    memory_release(text->memory, text->data);
    text_start(text, text->memory);
}

/* Bytes of the well-formed UTF-8 character at `bytes`, 0 if it is none or a control character. */
static size_t utf8_length(const unsigned char *bytes, size_t left)
{
    unsigned char first = bytes[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    size_t length = first >= 0xf0 && first < 0xf5   ? 4
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xc2 && first < 0xe0 ? 2
                                                    : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    bool control = first == 0xc2 && bytes[1] < 0xa0;
    return control ? 0 : length;
}

const char *text_printable(const char *name, size_t length, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        size_t step = utf8_length((const unsigned char *)name + i, length - i);
        size_t width = step ? step : 4;
        if (used + width + 4 > size) {
            memcpy(out + used, "...", 3);
            used += 3;
            break;
        }
        if (step)
            memcpy(out + used, name + i, step);
        else
            snprintf(out + used, 5, "\\x%02x", (unsigned char)name[i]);
        used += width;
        i += step ? step : 1;
    }
    out[used] = 0;
    return out;
}

/* UTF-8's second and further bytes. */
static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

const char *text_shorten(const char *name, size_t most, char *out, size_t size)
{
    size_t length = strlen(name), tail = (most - 3) * 2 / 3, head = most - 3 - tail, used;
    if (length <= most)
        return text_printable(name, length, out, size);
    while (head > 0 && continues(name[head]))
        head--;
    while (tail > 0 && continues(name[length - tail]))
        tail--;
    text_printable(name, head, out, size);
    used = strlen(out);
    if (used + 4 < size) {
        memcpy(out + used, "...", 4);
        text_printable(name + length - tail, tail, out + used + 3, size - used - 3);
    }
    return out;
}
