/* Labels from one folder per class, as torchvision's ImageFolder and Keras read them. */
#ifndef FOVEA_DATA_CLASS_FOLDERS_H
#define FOVEA_DATA_CLASS_FOLDERS_H

#include <stdbool.h>

#include "data/labels.h"

/* Fills labels[count] from the first folder in each of `files` (relative paths in the order of their bytes).
 * - Where `names` are known (not NULL), a folder is called as its class is, as class_names_find takes it.
 * - Folders that are all numbers are the classes' numbers.
 * - Without names, folders are numbered in the order of their names.
 * *classes: how many folders there are; 0, and labels of -1, where a file lies in none or there is one folder only.
 * *named: labels were found by names. ERROR_INPUT, naming them, for folders that are no known class; and without names
 * for numbers like 2 and 10, whose order as texts is another. */
int class_folders_label(struct memory *memory, const char *const *files, int64_t count, const struct class_names *names,
                        int64_t *labels, int64_t *classes, bool *named, struct error *error);

#endif
