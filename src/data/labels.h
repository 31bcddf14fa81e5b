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
    const char **names; /* [count], printable */
};

/* A file with one name a line, or with a JSON list of texts. */
int class_names_read(struct memory *memory, const char *path, struct class_names *names, struct error *error);
/* The same from text; an empty line names an empty class, but for those at the end. */
int class_names_parse(struct memory *memory, const char *text, size_t length, struct class_names *names,
                      struct error *error);
void class_names_release(struct class_names *names);
/* The class that `name` means: exactly, else without regard to case and with spaces, '-', '_' and '/' alike, as names
 * of folders have them. -1: none; -2: several. */
int64_t class_names_find(const struct class_names *names, const char *name, size_t length);

#endif
