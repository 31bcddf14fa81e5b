/* Class names, and which file shows which class. */
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

struct file_label {
    const char *file;
    int64_t label;    /* -1: none, or `name` */
    const char *name; /* of the class, where it is given in place of its number; else NULL */
};
/* Lines of `file,label` or of `file` alone, in the file's order; the first line may be the heading "file,label". A
 * label is a number from 0, or behind the name of a .png, .jpg, .jpeg or .npy file a class's name, which may be quoted.
 * Empty lines and lines that begin with # are left out. */
struct label_list {
    struct arena *arena;
    int64_t count;
    struct file_label *items;
};

/* Every error names the file and the line. */
int label_list_read(struct memory *memory, const char *path, struct label_list *list, struct error *error);
void label_list_release(struct label_list *list);

#endif
