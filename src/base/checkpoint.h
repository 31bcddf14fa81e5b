/* A file in which long work keeps its state, to go on from: a JSON head, blocks of bytes, and a SHA-256 over all of it.
 * It is written atomically and read as any foreign file: nothing of it is believed before the whole of it is checked.
 */
#ifndef FOVEA_BASE_CHECKPOINT_H
#define FOVEA_BASE_CHECKPOINT_H

#include "base/document.h"

#define CHECKPOINT_FORMAT 1

/* Goes through the blocks of a state, always in the same order: they are noted where it is written, filled in where it
 * is read. */
struct checkpoint_walk {
    int (*block)(void *user, void *bytes, size_t length, struct error *error);
    void *user;
};

/* A checkpoint in the making: notes the blocks of its walk, which stay the caller's until it is written. */
struct checkpoint_draft {
    struct memory *memory;
    struct checkpoint_block {
        const void *bytes;
        size_t length;
    } * list;
    size_t count, capacity, bytes;
};
struct checkpoint_walk checkpoint_draft_start(struct checkpoint_draft *draft, struct memory *memory);
/* Over what is at `path`, which stays where this fails. Takes over `head`; releases the draft. */
int checkpoint_write(struct checkpoint_draft *draft, const char *path, json_t *head, struct error *error);
void checkpoint_draft_release(struct checkpoint_draft *draft);

/* One that is read: of the file that it was opened from, whatever comes to its path later. */
struct checkpoint;
/* NULL and ERROR_INPUT that says what is wrong with it: no checkpoint, another format, cut short, damaged. */
struct checkpoint *checkpoint_open(struct memory *memory, const char *path, struct error *error);
const json_t *checkpoint_head(const struct checkpoint *checkpoint);
/* Fills in the blocks from the first on; ERROR_INPUT where there are fewer bytes. */
struct checkpoint_walk checkpoint_walk(struct checkpoint *checkpoint);
/* How many bytes of blocks were not asked for yet. */
size_t checkpoint_left(const struct checkpoint *checkpoint);
/* NULL is allowed. */
void checkpoint_close(struct checkpoint *checkpoint);

#endif
