#include "base/folder_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define ATTEMPTS 1000
#define PREFIX 128 /* bytes of ".NAME." */
#define DEPTH 8    /* of folders in a folder of results */

struct folder_writer {
    struct memory *memory;
    char *path;      /* without '/' at its end */
    char *temporary; /* "" until it is made */
    int lock;        /* the temporary folder, locked as long as this process lives; -1: none */
};

struct folder_writer *folder_writer_open(struct memory *memory, const char *path, struct error *error)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length >= PATH_MAX) {
        error_set(error, ERROR_INPUT, "%.100s...: the path is too long", path);
        return NULL;
    }
    struct folder_writer *writer = memory_allocate(memory, 1, sizeof *writer, error);
    if (!writer)
        return NULL;
    *writer = (struct folder_writer){.memory = memory, .lock = -1};
    writer->path = memory_allocate(memory, length + 2, 1, error);
    writer->temporary = memory_allocate(memory, length + PREFIX + 64, 1, error);
    if (!writer->path || !writer->temporary) {
        folder_writer_close(writer);
        return NULL;
    }
    memcpy(writer->path, length ? path : ".", length ? length : 1);
    writer->path[length ? length : 1] = writer->temporary[0] = 0;
    return writer;
}

/* ---- folders that are opened ---- */

static int open_folder(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Entries but "." and ".."; takes the descriptor over. NULL: it cannot be read. */
static DIR *list_folder(int descriptor)
{
    DIR *list = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    if (!list && descriptor >= 0)
        close(descriptor);
    return list;
}

static const char *next_name(DIR *list)
{
    struct dirent *entry;
    while ((entry = readdir(list)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry->d_name;
    }
    return NULL;
}

/* Links are removed, not followed. */
static void remove_tree(int parent, const char *name, int depth)
{
    if (unlinkat(parent, name, 0) == 0 || depth == 0)
        return;
    DIR *list = list_folder(open_folder(parent, name));
    const char *inside;
    while (list && (inside = next_name(list)) != NULL)
        remove_tree(dirfd(list), inside, depth - 1);
    if (list)
        closedir(list);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* ---- the temporary folder ---- */

/* Where it lies and what its name begins with. */
struct place {
    char parent[PATH_MAX], prefix[PREFIX];
};

static void find_parent(const struct folder_writer *writer, char parent[PATH_MAX])
{
    int length = (int)(file_base_name(writer->path) - writer->path);
    snprintf(parent, PATH_MAX, "%.*s", length ? length : 1, length ? writer->path : ".");
}

static struct place find_place(const struct folder_writer *writer)
{
    struct place place;
    if (file_is_folder(writer->path)) {
        snprintf(place.parent, sizeof place.parent, "%s", writer->path);
        snprintf(place.prefix, sizeof place.prefix, ".fovea.");
        return place;
    }
    find_parent(writer, place.parent);
    snprintf(place.prefix, sizeof place.prefix, ".%.100s.", file_base_name(writer->path));
    return place;
}

/* PREFIX, a process, a number: ".NAME.123-0.tmp". */
static bool is_temporary(const char *name, const char *prefix)
{
    size_t start = strlen(prefix), digits;
    if (strncmp(name, prefix, start) != 0)
        return false;
    digits = strspn(name + start, "0123456789");
    if (digits == 0 || name[start + digits] != '-')
        return false;
    start += digits + 1;
    digits = strspn(name + start, "0123456789");
    return digits > 0 && strcmp(name + start + digits, ".tmp") == 0;
}

/* Removes what processes left that are no more: whoever lives holds a lock. */
static void sweep(const struct place *place)
{
    DIR *list = list_folder(open(place->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const char *name;
    while (list && (name = next_name(list)) != NULL) {
        int stale = is_temporary(name, place->prefix) ? open_folder(dirfd(list), name) : -1;
        if (stale >= 0 && flock(stale, LOCK_EX | LOCK_NB) == 0)
            remove_tree(dirfd(list), name, DEPTH);
        if (stale >= 0)
            close(stale);
    }
    if (list)
        closedir(list);
}

/* False where another writer took it for one that a dead process left, before it was locked. File systems without locks
 * keep what is left. */
static bool lock_folder(struct folder_writer *writer)
{
    struct stat opened, named;
    writer->lock = open_folder(AT_FDCWD, writer->temporary);
    if (writer->lock >= 0 && (flock(writer->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
        fstat(writer->lock, &opened) == 0 && stat(writer->temporary, &named) == 0 && opened.st_ino == named.st_ino)
        return true;
    if (writer->lock >= 0)
        close(writer->lock);
    writer->lock = -1;
    return false;
}

const char *folder_writer_path(struct folder_writer *writer, struct error *error)
{
    if (writer->temporary[0])
        return writer->temporary;
    const struct place place = find_place(writer);
    const char *slash = place.parent[strlen(place.parent) - 1] == '/' ? "" : "/";
    if (file_make_folder(place.parent, error))
        return NULL;
    sweep(&place);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        sprintf(writer->temporary, "%s%s%s%ld-%d.tmp", place.parent, slash, place.prefix, (long)getpid(), attempt);
        if (mkdir(writer->temporary, 0777) == 0) {
            if (lock_folder(writer))
                return writer->temporary;
            rmdir(writer->temporary);
        } else if (errno != EEXIST) {
            break;
        }
    }
    error_set(error, ERROR_IO, "%s: cannot make the folder: %s", writer->path, strerror(errno));
    writer->temporary[0] = 0;
    return NULL;
}

/* ---- its place ---- */

static int move_all(int from, int to, const char *last, int depth);

/* Over what has the name; folders that are there are filled. 0 or errno. */
static int move_one(int from, int to, const char *name, const char *last, int depth)
{
    if (renameat(from, name, to, name) == 0)
        return 0;
    int failure = errno, inner[2] = {open_folder(from, name), open_folder(to, name)};
    if (inner[0] >= 0 && inner[1] >= 0 && depth > 0)
        failure = move_all(inner[0], inner[1], last, depth - 1);
    for (int i = 0; i < 2; i++) {
        if (inner[i] >= 0)
            close(inner[i]);
    }
    if (failure == 0)
        unlinkat(from, name, AT_REMOVEDIR);
    return failure;
}

/* A folder that changes may be read with gaps: it is read until nothing is left. */
static int move_all(int from, int to, const char *last, int depth)
{
    int failure = 0;
    bool moved = true;
    DIR *list = list_folder(fcntl(from, F_DUPFD_CLOEXEC, 0));
    if (!list)
        return errno;
    if (unlinkat(to, last, 0) == 0)
        fsync(to);
    while (moved && failure == 0) {
        const char *name;
        moved = false;
        rewinddir(list);
        while (failure == 0 && (name = next_name(list)) != NULL) {
            if (strcmp(name, last) == 0)
                continue;
            failure = move_one(from, to, name, last, depth);
            moved = true;
        }
    }
    closedir(list);
    if (failure == 0 && faccessat(from, last, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        failure = move_one(from, to, last, last, depth);
    fsync(to);
    return failure;
}

static void sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

static int fill_folder(const struct folder_writer *writer, const char *last)
{
    int to = open(writer->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = to >= 0 ? move_all(writer->lock, to, last, DEPTH) : errno;
    if (to >= 0)
        close(to);
    if (failure == 0 && rmdir(writer->temporary) != 0)
        failure = errno;
    return failure;
}

int folder_writer_commit(struct folder_writer *writer, const char *last, struct error *error)
{
    char parent[PATH_MAX];
    int failure = 0;
    if (!writer->temporary[0])
        return 0;
    find_parent(writer, parent);
    if (!file_exists(writer->path) && rename(writer->temporary, writer->path) == 0)
        sync_folder(parent);
    else if (failure = errno, file_exists(writer->path))
        failure = fill_folder(writer, last);
    if (failure)
        return error_set(error, ERROR_IO, "%s: cannot be written: %s", writer->path, strerror(failure));
    writer->temporary[0] = 0;
    return 0;
}

void folder_writer_close(struct folder_writer *writer)
{
    if (!writer)
        return;
    if (writer->temporary && writer->temporary[0])
        remove_tree(AT_FDCWD, writer->temporary, DEPTH);
    if (writer->lock >= 0)
        close(writer->lock);
    memory_release(writer->memory, writer->path);
    memory_release(writer->memory, writer->temporary);
    memory_release(writer->memory, writer);
}
