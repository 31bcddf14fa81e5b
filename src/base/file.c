#include "base/file.h"
#include "base/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_writer {
    struct memory *memory;
    int file;
    int error_number; /* first failure, 0: none */
    bool direct;      /* the target is a device or pipe: no temporary file */
    char *path, *temporary;
    bool unnamed; /* the file gets its temporary name when it is complete */
};

const char *file_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool file_ends_in(const char *path, const char *ending)
{
    const char *name = file_base_name(path);
    size_t length = strlen(name), end = strlen(ending);
    return length > end && text_compare_caseless(name + length - end, ending, end) == 0;
}

char *file_join(struct memory *memory, const char *folder, const char *name, struct error *error)
{
    size_t length = strlen(folder) + strlen(name) + 2;
    char *path = memory_allocate(memory, length, 1, error);
    if (path)
        snprintf(path, length, "%s%s%s", folder, folder[0] && folder[strlen(folder) - 1] != '/' ? "/" : "", name);
    return path;
}

bool file_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool file_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

int file_make_folder(const char *path, struct error *error)
{
    char partial[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof partial)
        return error_set(error, ERROR_INPUT, "%s: the path is empty or too long", path);
    memcpy(partial, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (partial[i] != '/' && partial[i] != 0)
            continue;
        char kept = partial[i];
        partial[i] = 0;
        if (mkdir(partial, 0777) != 0 && (errno != EEXIST || !file_is_folder(partial)))
            return error_set(error, ERROR_IO, "%s: cannot make the folder: %s", partial,
                             errno == EEXIST ? "a file is in the way" : strerror(errno));
        partial[i] = kept;
    }
    return 0;
}

static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

#define ATTEMPTS 1000u

/* `.NAME.PID-N.tmp` beside the target. */
static void name_temporary(struct file_writer *writer, unsigned attempt)
{
    size_t folder = (size_t)(file_base_name(writer->path) - writer->path);
    snprintf(writer->temporary, strlen(writer->path) + 48, "%.*s.%s.%ld-%u.tmp", (int)folder, writer->path,
             writer->path + folder, (long)getpid(), attempt);
}

/* A file without a name in the target's folder, of which an interrupted process leaves nothing. Not every file system
 * has them. */
static bool open_unnamed(struct file_writer *writer)
{
#if defined(O_TMPFILE) && !defined(FOVEA_PORTABLE)
    size_t folder = (size_t)(file_base_name(writer->path) - writer->path);
    snprintf(writer->temporary, strlen(writer->path) + 48, "%.*s", folder ? (int)folder : 1,
             folder ? writer->path : ".");
    if (access("/proc/self/fd", X_OK) == 0)
        writer->file = open(writer->temporary, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    writer->temporary[0] = 0;
#endif
    writer->unnamed = writer->file >= 0;
    return writer->unnamed;
}

static void open_temporary(struct file_writer *writer)
{
    if (open_unnamed(writer))
        return;
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        name_temporary(writer, attempt);
        writer->file = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->file >= 0 || errno != EEXIST)
            break;
    }
}

/* Gives a file without a name its temporary one; 0 or errno. */
static int link_unnamed(struct file_writer *writer)
{
    char descriptor[64];
    snprintf(descriptor, sizeof descriptor, "/proc/self/fd/%d", writer->file);
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        name_temporary(writer, attempt);
        if (linkat(AT_FDCWD, descriptor, AT_FDCWD, writer->temporary, AT_SYMLINK_FOLLOW) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    writer->temporary[0] = 0; /* another's, or none */
    return errno;
}

struct file_writer *file_writer_open(struct memory *memory, const char *path, struct error *error)
{
    struct file_writer *writer = memory_allocate(memory, 1, sizeof *writer, error);
    if (!writer)
        return NULL;
    writer->memory = memory;
    writer->file = -1;
    writer->path = memory_allocate(memory, strlen(path) + 1, 1, error);
    writer->temporary = memory_allocate(memory, strlen(path) + 48, 1, error);
    if (!writer->path || !writer->temporary) {
        file_writer_abandon(writer);
        return NULL;
    }
    strcpy(writer->path, path);
    writer->direct = is_special(path);
    if (file_is_folder(path)) {
        error_set(error, ERROR_INPUT, "%s: is a folder, not a file", path);
    } else if (writer->direct) {
        writer->file = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        open_temporary(writer);
    }
    if (writer->file < 0) {
        error_set(error, ERROR_IO, "%s: cannot be written: %s", path, strerror(errno));
        writer->temporary[0] = 0;
        file_writer_abandon(writer);
        return NULL;
    }
    return writer;
}

void file_writer_write(struct file_writer *writer, const void *bytes, size_t length)
{
    const char *from = bytes;
    while (length > 0 && !writer->error_number) {
        ssize_t written = write(writer->file, from, length);
        if (written < 0 && errno != EINTR)
            writer->error_number = errno;
        if (written > 0) {
            from += written;
            length -= (size_t)written;
        }
    }
}

/* Makes the rename durable; folders that cannot be synced (some file systems) are no error. */
static void sync_folder(const char *path)
{
    char folder[4096];
    size_t length = (size_t)(file_base_name(path) - path);
    if (length >= sizeof folder)
        return;
    memcpy(folder, path, length);
    memcpy(folder + length, length ? "" : ".", length ? 1 : 2);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
}

/* Nobody who met the end of memory on the way can say that what was written is whole. */
static int refuse_to_commit(struct file_writer *writer, struct error *error)
{
    if (memory_unwhole(writer->memory))
        error_set(error, ERROR_CANCELLED, "%s: not written: cancelled", writer->path);
    else
        error_set(error, ERROR_MEMORY, "%s: not written: out of memory on the way", writer->path);
    file_writer_abandon(writer);
    return -1;
}

int file_writer_commit(struct file_writer *writer, struct error *error)
{
    if (memory_failures(writer->memory) > 0 || memory_unwhole(writer->memory))
        return refuse_to_commit(writer, error);
    int failure = writer->error_number;
    if (!failure && !writer->direct && fsync(writer->file) != 0)
        failure = errno;
    if (!failure && writer->unnamed)
        failure = link_unnamed(writer);
    if (close(writer->file) != 0 && !failure)
        failure = errno;
    writer->file = -1;
    if (!failure && !writer->direct && rename(writer->temporary, writer->path) != 0)
        failure = errno;
    if (failure)
        error_set(error, ERROR_IO, "%s: cannot be written: %s", writer->path, strerror(failure));
    else if (!writer->direct)
        sync_folder(writer->path);
    if (!failure)
        writer->temporary[0] = 0;
    file_writer_abandon(writer);
    return failure ? -1 : 0;
}

void file_writer_abandon(struct file_writer *writer)
{
    if (!writer)
        return;
    if (writer->file >= 0)
        close(writer->file);
    if (!writer->direct && writer->temporary && writer->temporary[0])
        unlink(writer->temporary);
    struct memory *memory = writer->memory;
    memory_release(memory, writer->path);
    memory_release(memory, writer->temporary);
    memory_release(memory, writer);
}

int file_write(struct memory *memory, const char *path, const void *bytes, size_t length, struct error *error)
{
    struct file_writer *writer = file_writer_open(memory, path, error);
    if (!writer)
        return -1;
    file_writer_write(writer, bytes, length);
    return file_writer_commit(writer, error);
}

/* Bytes from `from` on, until `size` are read or the file ends; how many in *length. */
static void *read_bytes(struct memory *memory, const char *path, int file, size_t from, size_t size, size_t *length,
                        struct error *error)
{
    char *bytes = memory_allocate_uninitialised(memory, size + 1, 1, error);
    *length = 0;
    while (bytes && *length < size) {
        ssize_t got = pread(file, bytes + *length, size - *length, (off_t)(from + *length));
        if (got == 0)
            break;
        if (got > 0) {
            *length += (size_t)got;
        } else if (errno != EINTR) {
            error_set(error, ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
            memory_release(memory, bytes);
            return NULL;
        }
    }
    if (bytes)
        bytes[*length] = 0;
    return bytes;
}

int file_open(const char *path, size_t *size, struct error *error)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return error_set(error, ERROR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(file);
        return error_set(error, ERROR_INPUT, "%s: is not a regular file", path);
    }
    *size = (size_t)status.st_size;
    return file;
}

void *file_read(struct memory *memory, const char *path, size_t limit, size_t *length, struct error *error)
{
    size_t size;
    void *bytes = NULL;
    int file = file_open(path, &size, error);
    if (file < 0)
        return NULL;
    if (size > limit)
        error_set(error, ERROR_LIMIT, "%s: has %zu bytes (limit %zu)", path, size, limit);
    else
        bytes = read_bytes(memory, path, file, 0, size, length, error);
    close(file);
    if (bytes && *length < size) {
        error_set(error, ERROR_IO, "%s: cannot be read: it became shorter", path);
        memory_release(memory, bytes);
        return NULL;
    }
    return bytes;
}

void *file_read_part(struct memory *memory, const char *path, size_t from, size_t count, size_t *length,
                     size_t *file_length, struct error *error)
{
    int file = file_open(path, file_length, error);
    if (file < 0)
        return NULL;
    size_t left = from < *file_length ? *file_length - from : 0;
    void *bytes = read_bytes(memory, path, file, from, count < left ? count : left, length, error);
    close(file);
    return bytes;
}
