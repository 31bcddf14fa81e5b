/* Small things of the command line itself: where there is no memory for them the program ends, as with any bad input.
 * Files appear whole or not at all, so that nothing is left behind. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void *or_end(void *block)
{
    if (block)
        return block;
    fputs("fovea: out of memory\n", stderr);
    exit(FOVEA_BAD_INPUT);
}

void *needed(size_t count, size_t size)
{
    return or_end(calloc(count + 1, size));
}

void *needed_more(void *block, size_t count, size_t size)
{
    return or_end(count < SIZE_MAX / size ? realloc(block, count * size) : NULL);
}

char *needed_copy(const char *text, size_t length)
{
    return or_end(strndup(text, length));
}

char *needed_text(char *text)
{
    return or_end(text);
}

const char *shown(const char *path)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "%s", path);
    fovea_text_printable(text);
    return text;
}

void print_json(char *text)
{
    fputs(or_end(text), stdout);
    fovea_text_free(text);
}
