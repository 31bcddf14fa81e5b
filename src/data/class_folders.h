/* Labels from one folder per class, as torchvision's ImageFolder and Keras read them. */
#ifndef FOVEA_DATA_CLASS_FOLDERS_H
#define FOVEA_DATA_CLASS_FOLDERS_H

#include "data/labels.h"

/* Fills labels[count] from the first folder in each of `files` (relative paths in the order of their bytes). Folders
 * that are all among `names` (NULL: none) mean those classes; else the folders are numbered in the order of their
 * names. *classes: how many folders there are; 0, and labels of -1, where a file lies in none or there is one folder
 * only. ERROR_INPUT for folders like 2 and 10, whose order as texts is not that of their numbers, without names. */
int class_folders_label(struct memory *memory, const char *const *files, int64_t count, const struct class_names *names,
                        int64_t *labels, int64_t *classes, struct error *error);

#endif
