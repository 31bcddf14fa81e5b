/* The files of a folder and of the folders in it. */
#ifndef FOVEA_DATA_FOLDER_H
#define FOVEA_DATA_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define FOLDER_MAX_DEPTH 32

typedef bool folder_filter(const char *name);

struct folder_list {
    struct arena *arena; /* the caller's */
    int64_t count;
    const char **names; /* relative to the folder, with '/', sorted by bytes */
};

/* Regular files (links to files too) whose name passes `filter`. Names with a leading dot and links to folders are left
 * out. More than `limit` files, or folders deeper than FOLDER_MAX_DEPTH, are ERROR_LIMIT. */
int folder_list(struct arena *arena, const char *path, folder_filter *filter, int64_t limit, struct folder_list *list,
                struct error *error);

/* "folder/name" in the arena; an absolute `name` as it is. */
const char *folder_join(struct arena *arena, const char *folder, const char *name, struct error *error);

#endif
