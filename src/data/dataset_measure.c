/* What tells one data set from another at a cost that a start of training can bear. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/number.h"
#include "base/sha256.h"
#include "data/dataset_form.h"

#define WINDOW 4096            /* bytes of a file that are looked at in one place */
#define STEP ((size_t)1 << 20) /* from the beginning of one to that of the next, */
#define MOST_WINDOWS 256       /* or more in large files */
#define CHUNK 256              /* samples of a task */

static uint64_t hash_window(uint64_t hash, int file, size_t at)
{
    unsigned char window[WINDOW];
    ssize_t got;
    while ((got = pread(file, window, sizeof window, (off_t)at)) < 0 && errno == EINTR)
        ;
    return got < 0 ? hash_mix(hash, 1) : hash_bytes(hash, window, (size_t)got);
}

/* Of a file's length and of windows all over it, the beginning and the end among them. One that cannot be read has a
 * hash too: it may be among those that are left out. */
static uint64_t hash_file(uint64_t hash, const char *path)
{
    struct error unread = ERROR_INITIALISER;
    size_t size;
    int file = file_open(path, &size, &unread);
    if (file < 0)
        return hash_mix(hash, 0);
    size_t step = size / MOST_WINDOWS > STEP ? size / MOST_WINDOWS : STEP;
    hash = hash_mix(hash, size);
    for (size_t at = 0; at + WINDOW < size; at += step)
        hash = hash_window(hash, file, at);
    hash = hash_window(hash, file, size > WINDOW ? size - WINDOW : 0);
    close(file);
    return hash;
}

static uint64_t hash_named(uint64_t hash, const struct dataset *dataset, const char *root, const char *name,
                           struct error *error)
{
    if (!name || !root)
        return hash_text(hash, name);
    char *path = file_join(dataset->memory, name[0] == '/' ? "" : root, name, error);
    hash = path ? hash_file(hash_text(hash, name), path) : hash;
    memory_release(dataset->memory, path);
    return hash;
}

struct measure {
    const struct dataset *dataset;
    uint64_t *hashes;     /* by chunk */
    struct error *errors; /* by chunk */
};

static void measure_chunk(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct measure *measure = argument;
    const struct dataset *dataset = measure->dataset;
    int64_t begin = (int64_t)index * CHUNK, end = int64_min(begin + CHUNK, dataset->count);
    bool files = !dataset->given && dataset->items && !dataset->held.data && !dataset->npy.path;
    uint64_t hash = 0;
    for (int64_t i = begin; i < end; i++) {
        const struct dataset_item *item = &dataset->items[i];
        hash = hash_mix(hash, (uint64_t)(uint32_t)item->label << 32 | item->number);
        hash = hash_mix(hash, (uint64_t)item->split << 8 | item->part);
        hash = hash_named(hash, dataset, files ? dataset->root : NULL, item->name, &measure->errors[index]);
        hash = hash_named(hash, dataset, files ? dataset->mask_root : NULL, item->mask, &measure->errors[index]);
    }
    measure->hashes[index] = hash;
}

/* What is held in memory, or in one file of all samples. */
static uint64_t hash_held(const struct dataset *dataset)
{
    uint64_t hash = hash_mix(0, (uint64_t)dataset->count);
    for (int i = 0; i < 2; i++) {
        const struct idx *idx = &dataset->pairs[i];
        size_t bytes = 1;
        for (int k = 0; k < idx->rank; k++)
            bytes *= (size_t)idx->dims[k];
        hash = idx->bytes ? hash_bytes(hash, idx->bytes, bytes) : hash_mix(hash, 0);
    }
    if (dataset->npy.path)
        hash = hash_file(hash, dataset->npy.path);
    return dataset->held.data ? hash_bytes(hash, dataset->held.data, tensor_bytes(&dataset->held)) : hash;
}

int dataset_measure(const struct dataset *dataset, struct thread_pool *pool, char digest[65], struct error *error)
{
    size_t chunks = (size_t)((dataset->count + CHUNK - 1) / CHUNK);
    struct measure measure = {.dataset = dataset,
                              .hashes = memory_allocate(dataset->memory, chunks + 1, sizeof *measure.hashes, error),
                              .errors = memory_allocate(dataset->memory, chunks + 1, sizeof *measure.errors, error)};
    int result = measure.hashes && measure.errors ? 0 : -1;
    if (result == 0) {
        measure.hashes[chunks] = hash_held(dataset);
        thread_pool_run(pool, measure_chunk, &measure, chunks);
        struct sha256 hash;
        sha256_start(&hash);
        sha256_add(&hash, measure.hashes, (chunks + 1) * sizeof *measure.hashes);
        sha256_finish(&hash, digest);
    }
    for (size_t i = 0; result == 0 && i < chunks; i++) {
        if (measure.errors[i].kind != ERROR_NONE)
            result = error_set(error, measure.errors[i].kind, "%s", measure.errors[i].message);
    }
    memory_release(dataset->memory, measure.hashes);
    memory_release(dataset->memory, measure.errors);
    return result;
}
