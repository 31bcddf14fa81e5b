#include "base/printable.h"

#include <stdio.h>
#include <string.h>

size_t text_read_utf8(const char *text, size_t left, uint32_t *point)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char first = bytes[0];
    size_t length = first < 0x80                    ? 1
                    : first >= 0xf0 && first < 0xf5 ? 4
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xc2 && first < 0xe0 ? 2
                                                    : 0;
    if (length > left)
        return 0;
    *point = length < 2 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (bytes[i] & 0x3f);
    }
    bool surrogate = *point >= 0xd800 && *point < 0xe000, overlong = *point < (length == 4 ? 0x10000u : 0x800u);
    return length > 2 && (surrogate || overlong || *point > 0x10ffff) ? 0 : length;
}

/* The first byte that belongs to no UTF-8 character; NULL: there is none. */
static char *find_stray(char *text)
{
    uint32_t point;
    for (size_t left = strlen(text), step; left > 0; text += step, left -= step) {
        if (!(step = text_read_utf8(text, left, &point)))
            return text;
    }
    return NULL;
}

bool text_is_utf8(const char *text)
{
    return !find_stray((char *)(uintptr_t)text);
}

void text_keep_utf8(char *text)
{
    while ((text = find_stray(text)) != NULL)
        *text = '?';
}

/* Characters that are shown: no controls, nothing that turns the writing round or is not seen at all, so that a name
 * cannot make the rest of a line look like another. */
static bool is_shown(uint32_t point)
{
    static const unsigned hidden[][2] = {{0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},      {0x61c, 0x61c},
                                         {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f},
                                         {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (point >= hidden[i][0] && point <= hidden[i][1])
            return false;
    }
    return true;
}

/* Bytes of the character at `bytes` that may be shown as it is, or 0; *skip: the bytes of what may not. */
static size_t shown_length(const char *bytes, size_t left, size_t *skip)
{
    uint32_t point;
    size_t length = text_read_utf8(bytes, left, &point);
    *skip = length > 0 ? length : 1;
    return length > 0 && is_shown(point) ? length : 0;
}

void text_keep_printable(char *text)
{
    size_t used = 0, length = strlen(text), skip;
    for (size_t i = 0; i < length; i += skip) {
        size_t step = shown_length(text + i, length - i, &skip);
        memmove(text + used, step ? text + i : "?", step ? step : 1);
        used += step ? step : 1;
    }
    text[used] = 0;
}

const char *text_printable(const char *name, size_t length, char *out, size_t size)
{
    size_t used = 0, skip;
    for (size_t i = 0; i < length;) {
        size_t step = shown_length(name + i, length - i, &skip);
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
