#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"

#define MOST_CHARACTERS 128 /* of names that are compared */
#define MOST_EDITS 4

static int least(int a, int b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

/* Edits from one to the other: a row of the table for each character of `a`, three of them alive. */
static int count_edits(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int rows[3][MOST_CHARACTERS + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            char from = lower(a[i - 1]), to = lower(b[j - 1]);
            row[j] = least(above[j - 1] + (from != to), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && from == lower(b[j - 2]) && to == lower(a[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *suggest_name(const char *typed, const char *(*name_at)(const void *names, int index), const void *names,
                         char out[SUGGESTION_TEXT])
{
    size_t typed_length = strnlen(typed, MOST_CHARACTERS + 1);
    const char *name, *nearest = NULL;
    int fewest = least((int)(typed_length + 2) / 3, MOST_EDITS) + 1;
    out[0] = '\0';
    if (typed_length == 0 || typed_length > MOST_CHARACTERS)
        return out;
    for (int i = 0; (name = name_at(names, i)) != NULL; i++) {
        size_t length = strnlen(name, MOST_CHARACTERS + 1);
        if (length < 2 || length > MOST_CHARACTERS)
            continue;
        int edits = count_edits(typed, typed_length, name, length);
        if (typed_length > 1 && strncmp(typed, name, typed_length) == 0)
            edits = 1;
        if (edits < fewest && edits < (int)length) {
            fewest = edits;
            nearest = name;
        }
    }
    if (nearest) {
        snprintf(out, SUGGESTION_TEXT, "; did you mean '%s'?", nearest);
        text_keep_printable(out);
    }
    return out;
}

const char *suggest_word_at(const void *words, int index)
{
    return ((const char *const *)words)[index];
}
