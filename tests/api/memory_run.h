/* A context for each test, whose memory must be given back; and the files that are opened meanwhile. */
#ifndef FOVEA_TESTS_MEMORY_RUN_H
#define FOVEA_TESTS_MEMORY_RUN_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../temporary.h"
#include "api/api.h"
#include "base/sha256.h"

#define MEMORY_TEST(test) cmocka_unit_test_setup_teardown(test, open_fovea, close_fovea)

static struct fovea *fovea;
static struct fovea_error error;
static size_t held;

static inline int open_fovea(void **state)
{
    (void)state;
    error = (struct fovea_error){.code = FOVEA_CLEAN};
    fovea = fovea_open(&(struct fovea_options){.threads = 2, .seed = 1}, &error);
    held = fovea ? memory_in_use(fovea->context->memory) : 0;
    return fovea ? 0 : -1;
}

static inline int close_fovea(void **state)
{
    (void)state;
    bool balanced = memory_in_use(fovea->context->memory) == held;
    fovea_close(fovea);
    return balanced ? 0 : -1;
}

/* ---- files: these stand in front of the system's functions, for libraries too ---- */

static bool watching;
static int opened_count;
static char opened_first[256];

static inline void note_file(const char *path)
{
    if (watching && opened_count++ == 0)
        snprintf(opened_first, sizeof opened_first, "%s", path);
}

int openat(int folder, const char *path, int flags, ...);
int open(const char *path, int flags, ...);
FILE *fopen(const char *path, const char *mode);

int openat(int folder, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    note_file(path);
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return openat(AT_FDCWD, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    int file = openat(AT_FDCWD, path, mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return file < 0 ? NULL : fdopen(file, mode);
}

static inline void watch_files(void)
{
    opened_count = 0;
    watching = true;
}

static inline void assert_no_files(void)
{
    watching = false;
    if (opened_count > 0)
        fail_msg("%d files were opened, the first is %s", opened_count, opened_first);
}

static inline void *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*length + 1);
    assert_int_equal(fread(bytes, 1, *length, file), *length);
    fclose(file);
    return bytes;
}

static inline void assert_file_equal(const char *path, const void *bytes, size_t length)
{
    size_t got;
    void *read = read_file(path, &got);
    assert_int_equal(got, length);
    assert_memory_equal(read, bytes, length);
    free(read);
}

/* Checks that the last call failed for its input, with these words, and forgets it. */
static inline void assert_refused(const char *words)
{
    assert_int_equal(error.code, FOVEA_BAD_INPUT);
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
    error.code = FOVEA_CLEAN;
}

#endif
