/* The files of a folder and of the folders in it. */
#ifndef FOVEA_DATA_FOLDER_H
#define FOVEA_DATA_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define FOLDER_MAX_DEPTH 32
#define FOLDER_MAX_LINKS 100000 /* to folders, followed */

typedef bool folder_filter(const char *name);

struct folder_list {
    struct arena *arena; /* the caller's */
    int64_t count;
    const char **names; /* relative to the folder, with '/', sorted by bytes */
    int64_t folder_count;
    const char **folders;   /* in the same way */
    int64_t link_count;     /* links to folders that are not followed: they lead back, or are too many */
    const char *first_link; /* by bytes; NULL: there is none */
};

/* Regular files (links to files and links that lead nowhere too) whose name passes `filter` (NULL: all). Names with a
 * leading dot are left out. More than `limit` files, or folders deeper than FOLDER_MAX_DEPTH, are ERROR_LIMIT. */
int folder_list(struct arena *arena, const char *path, folder_filter *filter, int64_t limit, struct folder_list *list,
                struct error *error);

/* "folder/name" in the arena; an absolute `name` as it is. */
const char *folder_join(struct arena *arena, const char *folder, const char *name, struct error *error);

#endif
