/* The one way to write a folder: into a temporary one that gets the name when it is whole. Where a process dies on the
 * way the temporary one stays, under a name that nobody asks for, and the next writer of the same folder removes it. */
#ifndef FOVEA_BASE_FOLDER_WRITER_H
#define FOVEA_BASE_FOLDER_WRITER_H

#include "base/memory.h"

struct folder_writer;

/* Makes nothing on the disk yet. */
struct folder_writer *folder_writer_open(struct memory *memory, const char *path, struct error *error);
/* The folder that files are to be written into, made with the first call: beside `path`, or in it where that is a
 * folder already. NULL and an error. */
const char *folder_writer_path(struct folder_writer *writer, struct error *error);
/* Gives what was written its place; frees nothing. Files of a folder that was there stay, but for those of the same
 * names. `last` is the file that says that a folder is whole: an old one goes before anything is replaced, the new one
 * comes after all. */
int folder_writer_commit(struct folder_writer *writer, const char *last, struct error *error);
/* Removes what was not committed. NULL is allowed. */
void folder_writer_close(struct folder_writer *writer);

#endif
