/* JSON through one checked door. jansson's functions fail in silence, so a part may be missing from what is written.
 * Here a document in the making that lost a part is NULL, and so is whatever it is put into, up to its text: a run of
 * calls needs one check at the end, and NULL then means that there was no memory. */
#ifndef FOVEA_BASE_DOCUMENT_H
#define FOVEA_BASE_DOCUMENT_H

#include <jansson.h>

#include "base/memory.h"

/* Takes over `value`, NULL where it could not be made. On failure *object is released and NULL. */
void document_set(json_t **object, const char *key, json_t *value);
void document_append(json_t **array, json_t *value);
/* An object of keys and values, ended by a NULL key; takes over the values. */
json_t *document_object(const char *key, ...) __attribute__((sentinel));
/* A list of texts, ended by NULL. */
json_t *document_strings(const char *first, ...) __attribute__((sentinel));
/* Bytes that are no UTF-8 become '?'. null for NULL. */
json_t *document_string(const char *text);
/* null where it is not finite: JSON knows no infinity. */
json_t *document_number(double value);
/* Text of the document, for free(); takes over the document. `layout`: JSON_INDENT(2) or JSON_COMPACT; with
 * DOCUMENT_EXACT numbers are read again as they were, else they have nine digits. */
#define DOCUMENT_EXACT JSON_REAL_PRECISION(17)
char *document_text(json_t *document, size_t layout);

/* What `bytes` hold; `flags` as of json_loadb. ERROR_INPUT with the line, or ERROR_MEMORY, which `memory` notes. */
json_t *document_read(struct memory *memory, const char *bytes, size_t length, size_t flags, struct error *error);

#ifndef FOVEA_DOCUMENT_UNCHECKED
#pragma GCC poison json_object_set json_object_set_new json_object_update json_array_append json_array_append_new
#pragma GCC poison json_array_set_new json_array_insert_new json_pack json_sprintf json_string json_stringn json_real
#pragma GCC poison json_dumps json_dump_file json_dump_callback json_loads json_loadb json_load_file json_copy         \
    json_deep_copy
#endif

#endif
