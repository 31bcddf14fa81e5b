/* Reading whole files within a limit, and the one way to write a file: atomically. */
#ifndef FOVEA_BASE_FILE_H
#define FOVEA_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/* An output file under construction: a temporary file in the target's folder, created exclusively. */
struct file_writer;

/* Opens a temporary file beside `path`. */
struct file_writer *file_writer_open(struct memory *memory, const char *path, struct error *error);
/* Errors are kept and reported by commit. */
void file_writer_write(struct file_writer *writer, const void *bytes, size_t length);
/* flush, fsync, rename over `path`, fsync of the folder. Frees the writer in every case; on failure the old file
 * stays and the temporary one is removed. */
int file_writer_commit(struct file_writer *writer, struct error *error);
/* Removes the temporary file and frees the writer. NULL is allowed. */
void file_writer_abandon(struct file_writer *writer);

/* One call for small outputs. */
int file_write(struct memory *memory, const char *path, const void *bytes, size_t length, struct error *error);

/* The whole regular file in one memory block that the caller releases; larger than `limit` is ERROR_LIMIT. */
void *file_read(struct memory *memory, const char *path, size_t limit, size_t *length, struct error *error);

/* A regular file's descriptor, which the caller closes, and its size; -1 and an error. */
int file_open(const char *path, size_t *size, struct error *error);

/* Up to `count` bytes from `from` on, fewer where the file ends; *length says how many, *file_length how long all of it
 * is. Released by the caller. */
void *file_read_part(struct memory *memory, const char *path, size_t from, size_t count, size_t *length,
                     size_t *file_length, struct error *error);

/* Creates the folder (one level or nested); an existing folder is fine. */
int file_make_folder(const char *path, struct error *error);
bool file_is_folder(const char *path);
bool file_exists(const char *path);
/* "folder/name" in a memory block. */
char *file_join(struct memory *memory, const char *folder, const char *name, struct error *error);
/* Part of `path` behind the last '/'. */
const char *file_base_name(const char *path);
/* Whether that part ends so (".npy"), in any case, with something in front. */
bool file_ends_in(const char *path, const char *ending);

#endif
