#include "base/text.h"
#include "base/suggest.h"

#include <stdlib.h>

#include "fovea.h"

void fovea_text_free(char *text)
{
    free(text);
}

void fovea_text_printable(char *text)
{
    if (text)
        text_keep_printable(text);
}

const char *fovea_text_shorten(const char *name, size_t most, char *out, size_t size)
{
    return text_shorten(name, most, out, size);
}

const char *fovea_text_suggest(const char *typed, const char *(*name_at)(const void *names, int index),
                               const void *names, char out[FOVEA_TEXT_SUGGESTION])
{
    return suggest_name(typed, name_at, names, out);
}

const char *fovea_text_count(double count, char out[FOVEA_TEXT_COUNT])
{
    return text_count(count, out);
}

const char *fovea_text_bytes(double bytes, char out[FOVEA_TEXT_COUNT])
{
    return text_bytes(bytes, out);
}
