#define FOVEA_DOCUMENT_UNCHECKED
#include "base/document.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void give_up(json_t **document)
{
    json_decref(*document);
    *document = NULL;
}

void document_set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value))
        give_up(object);
}

void document_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value))
        give_up(array);
}

json_t *document_object(const char *key, ...)
{
    json_t *object = json_object();
    va_list values;
    va_start(values, key);
    for (; key; key = va_arg(values, const char *))
        document_set(&object, key, va_arg(values, json_t *));
    va_end(values);
    return object;
}

json_t *document_strings(const char *first, ...)
{
    json_t *array = json_array();
    va_list texts;
    va_start(texts, first);
    for (const char *text = first; text; text = va_arg(texts, const char *))
        document_append(&array, document_string(text));
    va_end(texts);
    return array;
}

json_t *document_string(const char *text)
{
    if (!text)
        return json_null();
    if (text_is_utf8(text))
        return json_string(text);
    char *copy = strdup(text);
    if (copy)
        text_keep_utf8(copy);
    json_t *string = copy ? json_string(copy) : NULL;
    free(copy);
    return string;
}

json_t *document_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* What json_dump_callback writes into: it goes on after a failure, which must not be forgotten. */
struct sink {
    char *text;
    size_t length, capacity;
    bool failed;
};

static int take_text(const char *bytes, size_t length, void *user)
{
    struct sink *sink = user;
    if (!sink->failed && sink->length + length >= sink->capacity) {
        size_t capacity = 2 * (sink->length + length) + 64;
        char *grown = realloc(sink->text, capacity);
        sink->failed = !grown;
        sink->text = grown ? grown : sink->text;
        sink->capacity = grown ? capacity : sink->capacity;
    }
    if (sink->failed)
        return -1;
    memcpy(sink->text + sink->length, bytes, length);
    sink->length += length;
    sink->text[sink->length] = 0;
    return 0;
}

char *document_text(json_t *document, size_t layout)
{
    struct sink sink = {0};
    size_t flags = layout & JSON_REAL_PRECISION(31) ? layout : layout | JSON_REAL_PRECISION(9);
    bool failed = !document || json_dump_callback(document, take_text, &sink, flags) || sink.failed || !sink.text;
    json_decref(document);
    if (!failed)
        return sink.text;
    free(sink.text);
    return NULL;
}

static bool out_of_memory(const json_t *document, const json_error_t *problem)
{
    return !document && (json_error_code(problem) == json_error_out_of_memory || !problem->text[0]);
}

/* jansson loses bytes of a long token in silence when memory ends there: so it is read twice and must be the same. */
json_t *document_read(struct memory *memory, const char *bytes, size_t length, size_t flags, struct error *error)
{
    json_error_t problems[2] = {0};
    json_t *read[2];
    for (int i = 0; i < 2; i++)
        read[i] = json_loadb(bytes, length, flags, &problems[i]);
    bool same = read[0] && read[1] ? json_equal(read[0], read[1]) != 0
                                   : read[0] == read[1] && strcmp(problems[0].text, problems[1].text) == 0;
    if (!same || out_of_memory(read[0], &problems[0])) {
        memory_note_failure(memory);
        error_set(error, ERROR_MEMORY, "out of memory to read JSON");
        give_up(&read[0]);
    } else if (!read[0]) {
        error_set(error, ERROR_INPUT, "it is not JSON: %s (line %d)", problems[0].text, problems[0].line);
    }
    json_decref(read[1]);
    return read[0];
}
