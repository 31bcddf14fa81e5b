/* Names of classes in forms with a structure; private to the reader of labels. */
#ifndef FOVEA_DATA_LABEL_FORMS_H
#define FOVEA_DATA_LABEL_FORMS_H

#include <stdbool.h>

#include "data/labels.h"

/* Names a class; those below it that have none yet are called "". */
int label_set(struct class_names *names, size_t *capacity, int64_t class, const char *name, size_t length,
              struct error *error);
/* WordNet's number, "n01440764". */
bool label_is_synset(const char *text, size_t length);

/* A list of names, {"0": name}, {name: 0}, or an object that holds one of these as "id2label", "names", "labels", ...
 * A name may be ["n01440764", "tench"]. *is_json: else the text is something else. */
int labels_of_json(struct class_names *names, const char *text, size_t length, bool *is_json, struct error *error);
/* {0: 'cat', 1: "dog"} or ['cat', "dog"], as Python prints them. */
int labels_of_dictionary(struct class_names *names, const char *text, size_t length, struct error *error);
/* What stands behind a line's beginning "names:"; NULL: there is no such line. */
const char *labels_find_yaml(const char *text, size_t length);
/* The names in a text of which labels_find_yaml found `value`: a list or a map of numbers, in a line or one a line.
 * ERROR_INPUT where they are not as many as its line "nc:" says. */
int labels_of_yaml(struct class_names *names, const char *text, size_t length, const char *value, struct error *error);

#endif
