#include "data/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct walk {
    struct folder_list *list;
    size_t capacity, folder_capacity;
    folder_filter *filter;
    int64_t limit, links_left;
    const char *root;
    struct {
        dev_t device;
        ino_t number;
    } path[FOLDER_MAX_DEPTH + 1]; /* folders from the root to the one at hand */
    struct error *error;
};

static int walk_folder(struct walk *walk, int folder, const char *prefix, int depth);

const char *folder_join(struct arena *arena, const char *folder, const char *name, struct error *error)
{
    if (name[0] == '/')
        return arena_copy_string(arena, name, strlen(name), error);
    struct memory *memory = arena_memory(arena);
    char *path = file_join(memory, folder, name, error);
    const char *copy = path ? arena_copy_string(arena, path, strlen(path), error) : NULL;
    memory_release(memory, path);
    return copy;
}

static int add_file(struct walk *walk, const char *name)
{
    struct folder_list *list = walk->list;
    if (list->count == walk->limit)
        return error_set(walk->error, ERROR_LIMIT, "%s: there are more than %" PRId64 " files", walk->root,
                         walk->limit);
    list->names =
        arena_grow(list->arena, list->names, (size_t)list->count, &walk->capacity, sizeof *list->names, walk->error);
    if (!list->names)
        return -1;
    list->names[list->count++] = name;
    return 0;
}

static int add_folder(struct walk *walk, int parent, const char *entry, const char *name, int depth)
{
    if (depth == FOLDER_MAX_DEPTH)
        return error_set(walk->error, ERROR_LIMIT, "%s/%s: folders are nested too deeply (limit %d)", walk->root, name,
                         FOLDER_MAX_DEPTH);
    int folder = openat(parent, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set(walk->error, ERROR_IO, "%s/%s: the folder cannot be read: %s", walk->root, name,
                         strerror(errno));
    struct folder_list *list = walk->list;
    list->folders = arena_grow(list->arena, list->folders, (size_t)list->folder_count, &walk->folder_capacity,
                               sizeof *list->folders, walk->error);
    if (!list->folders) {
        close(folder);
        return -1;
    }
    list->folders[list->folder_count++] = name;
    return walk_folder(walk, folder, name, depth + 1);
}

/* Links to folders are followed, but not around in circles. */
static bool leads_back(const struct walk *walk, const struct stat *target, int depth)
{
    for (int i = 0; i <= depth; i++) {
        if (walk->path[i].device == target->st_dev && walk->path[i].number == target->st_ino)
            return true;
    }
    return false;
}

static void note_link(struct walk *walk, const char *name)
{
    struct folder_list *list = walk->list;
    list->link_count++;
    if (!list->first_link || strcmp(name, list->first_link) < 0)
        list->first_link = name;
}

static int add_entry(struct walk *walk, int folder, const char *prefix, const char *entry, int depth)
{
    struct stat own, target;
    if (entry[0] == '.' || fstatat(folder, entry, &own, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    bool is_folder = S_ISDIR(own.st_mode), is_link = S_ISLNK(own.st_mode);
    bool leads = fstatat(folder, entry, &target, 0) == 0;
    bool linked_folder = is_link && leads && S_ISDIR(target.st_mode);
    bool is_file = leads ? S_ISREG(target.st_mode) : is_link;
    if (!is_folder && !linked_folder && (!is_file || (walk->filter && !walk->filter(entry))))
        return 0;
    const char *name = folder_join(walk->list->arena, prefix, entry, walk->error);
    if (!name)
        return -1;
    if (linked_folder && (leads_back(walk, &target, depth) || walk->links_left-- <= 0)) {
        note_link(walk, name);
        return 0;
    }
    return is_folder || linked_folder ? add_folder(walk, folder, entry, name, depth) : add_file(walk, name);
}

/* Closes `folder`. */
static int walk_folder(struct walk *walk, int folder, const char *prefix, int depth)
{
    DIR *entries = fdopendir(folder);
    if (!entries) {
        bool memory_ended = errno == ENOMEM;
        close(folder);
        if (memory_ended) {
            memory_note_failure(arena_memory(walk->list->arena));
            return error_set(walk->error, ERROR_MEMORY, "out of memory while reading the folder '%s'", walk->root);
        }
        return error_set(walk->error, ERROR_IO, "%s/%s: the folder cannot be read: %s", walk->root, prefix,
                         strerror(errno));
    }
    int result = 0;
    struct stat own = {0};
    fstat(folder, &own);
    walk->path[depth].device = own.st_dev;
    walk->path[depth].number = own.st_ino;
    for (struct dirent *entry = readdir(entries); result == 0 && entry; entry = readdir(entries))
        result = add_entry(walk, folder, prefix, entry->d_name, depth);
    closedir(entries);
    return result;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int folder_list(struct arena *arena, const char *path, folder_filter *filter, int64_t limit, struct folder_list *list,
                struct error *error)
{
    *list = (struct folder_list){.arena = arena};
    struct walk walk = {
        .list = list, .filter = filter, .limit = limit, .links_left = FOLDER_MAX_LINKS, .root = path, .error = error};
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set(error, ERROR_INPUT, "%s: the folder cannot be read: %s", path, strerror(errno));
    if (walk_folder(&walk, folder, "", 0))
        return -1;
    if (list->count > 0)
        qsort(list->names, (size_t)list->count, sizeof *list->names, compare_names);
    if (list->folder_count > 0)
        qsort(list->folders, (size_t)list->folder_count, sizeof *list->folders, compare_names);
    return 0;
}
