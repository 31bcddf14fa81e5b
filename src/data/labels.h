/* Class names. */
#ifndef FOVEA_DATA_LABELS_H
#define FOVEA_DATA_LABELS_H

#include <stdint.h>

#include "base/memory.h"

/* Key in the model's metadata_props whose value class_names_parse reads. */
#define CLASS_NAMES_KEY "fovea.labels"
#define MAX_CLASSES 1000000

struct class_names {
    struct arena *arena;
    int64_t count;
    const char **names;   /* [count], printable; "": has none */
    const char **synsets; /* [count]: WordNet's numbers, as folders are called, or NULL; or NULL */
};

/* A file with one name a line ("n01440764 tench" and "0: tench" too), a JSON list of texts, {"0": "tench"},
 * {"0": ["n01440764", "tench"]}, {"tench": 0}, an object that holds one of these as "id2label" or "names", YOLO's
 * data.yaml, or a dictionary or list as Python prints them. In UTF-8, with a byte order mark or not. */
int class_names_read(struct memory *memory, const char *path, struct class_names *names, struct error *error);
/* The same from text; an empty line names an empty class, but for those at the end. */
int class_names_parse(struct memory *memory, const char *text, size_t length, struct class_names *names,
                      struct error *error);
/* The same of a list; names are copied, and NULL there is an error. */
int class_names_copy(struct memory *memory, const char *const *list, int64_t count, struct class_names *names,
                     struct error *error);
void class_names_release(struct class_names *names);
/* The class that `name` means: exactly; else without regard to case and with spaces, '-', '_' and '/' alike, as names
 * of folders have them; else its WordNet number; else one of the names between commas; else with the
 * class's number in front ("0 tench"), which readers of lists take off. -1: none; -2: several. */
int64_t class_names_find(const struct class_names *names, const char *name, size_t length);

#endif
