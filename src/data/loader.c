#include "data/loader.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/number.h"
#include "data/loader_sample.h"
#include "data/shuffle.h"

/* A batch in the making. */
struct slot {
    struct loader_batch batch;
    int64_t done;        /* samples worked off */
    int64_t skipped;     /* of them left out */
    bool *left_out;      /* [batch] */
    int64_t failed;      /* smallest place in the batch that failed, -1: none */
    struct error *error; /* its */
    bool ready;
};

struct loader {
    struct memory *memory;
    struct loader_task task;
    struct loader_options options;
    int64_t count, batches; /* of an epoch: samples and batches */
    int slot_count;
    struct slot *slots;

    pthread_mutex_t mutex; /* guards all below and the slots' counts */
    pthread_cond_t work, finished;
    bool stop;
    int64_t next;      /* position that the next free thread takes */
    int64_t handed;    /* batch at the caller, or the next one where there is none */
    bool holds;        /* whether the caller has it */
    int64_t in_flight; /* positions being worked on */
    int64_t skipped;
    int started;
    pthread_t *threads;
};

/* ---- one position ---- */

static int64_t batch_size(const struct loader *loader, int64_t batch)
{
    int64_t left = loader->count - batch * loader->options.batch;
    return int64_min(left, loader->options.batch);
}

static struct slot *slot_of(const struct loader *loader, int64_t batch)
{
    return &loader->slots[batch % loader->slot_count];
}

/* Where one sample of the batch goes. */
static struct loader_place place_in(const struct loader *loader, const struct slot *slot, int64_t i)
{
    const struct loader_batch *batch = &slot->batch;
    struct loader_place place = {.image = batch->images + i * loader->task.values,
                                 .label = batch->labels ? batch->labels + i : NULL,
                                 .mask = batch->masks ? batch->masks + i * loader->task.pixels : NULL,
                                 .weight = batch->weights ? batch->weights + i : NULL,
                                 .picture = batch->pictures ? batch->pictures + i : NULL};
    return place;
}

/* Moves what was not left out together. */
static void close_gaps(const struct loader *loader, struct slot *slot, int64_t size)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < size; i++) {
        if (slot->left_out[i])
            continue;
        struct loader_place from = place_in(loader, slot, i), to = place_in(loader, slot, kept);
        slot->batch.samples[kept++] = slot->batch.samples[i];
        if (from.image != to.image)
            loader_place_move(&loader->task, &from, &to);
    }
    slot->batch.count = kept;
}

/* When all samples of a batch are there; by one thread, without the mutex. */
static void finish_batch(const struct loader *loader, struct slot *slot, int64_t number)
{
    struct loader_batch *batch = &slot->batch;
    close_gaps(loader, slot, batch_size(loader, number));
    if (!batch->second || batch->count == 0)
        return;
    uint64_t seed = loader->options.seed, epoch = loader->task.epoch, at = (uint64_t)number;
    for (int64_t i = 0; i < batch->count; i++)
        batch->second[i] = batch->labels[mixup_partner(seed, epoch, at, batch->count, i)];
    mixup_batch(batch->images, batch->count, loader->task.values, batch->weights, seed, epoch, at);
}

static void note_failure(struct slot *slot, int64_t i, const struct error *error)
{
    if (slot->failed >= 0 && slot->failed < i)
        return;
    slot->failed = i;
    *slot->error = *error;
}

/* Makes the sample at a position of the epoch. Comes and goes with the mutex held, and lets go of it in between. */
static void work_off(struct loader *loader, int64_t position)
{
    int64_t number = position / loader->options.batch, i = position % loader->options.batch;
    struct slot *slot = slot_of(loader, number);
    struct error error = ERROR_INITIALISER;
    loader->in_flight++;
    pthread_mutex_unlock(&loader->mutex);
    int64_t total = dataset_count(loader->task.dataset, loader->options.split);
    int64_t sample =
        loader->options.shuffle ? shuffle_at(loader->options.seed, loader->task.epoch, total, position) : position;
    struct loader_place place = place_in(loader, slot, i);
    slot->batch.samples[i] = sample;
    bool failed = loader_sample_make(&loader->task, sample, &place, &error) != 0;
    slot->left_out[i] = failed && loader->options.skip_broken && dataset_error_is_broken(&error);
    pthread_mutex_lock(&loader->mutex);
    slot->skipped += slot->left_out[i];
    if (failed && !slot->left_out[i])
        note_failure(slot, i, &error);
    bool last = ++slot->done == batch_size(loader, number);
    if (last) {
        pthread_mutex_unlock(&loader->mutex);
        finish_batch(loader, slot, number);
        pthread_mutex_lock(&loader->mutex);
        slot->ready = true;
    }
    loader->in_flight--;
    if (last || loader->in_flight == 0)
        pthread_cond_broadcast(&loader->finished);
}

/* ---- threads ---- */

/* Whether a slot is free for the next position. */
static bool has_work(const struct loader *loader)
{
    return loader->next < loader->count && loader->next / loader->options.batch < loader->handed + loader->slot_count;
}

static void *thread_main(void *argument)
{
    struct loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stop) {
        if (has_work(loader))
            work_off(loader, loader->next++);
        else
            pthread_cond_wait(&loader->work, &loader->mutex);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

static int start_threads(struct loader *loader, struct error *error)
{
    for (; loader->started < loader->options.threads; loader->started++) {
        if (pthread_create(&loader->threads[loader->started], NULL, thread_main, loader) != 0)
            return error_set(error, ERROR_IO, "the system has no thread %d of %d to load data with",
                             loader->started + 1, loader->options.threads);
    }
    return 0;
}

/* ---- opening ---- */

static int check_options(const struct loader_options *options, const struct dataset *dataset, struct error *error)
{
    if (options->batch < 1 || options->batch > 1 << 20)
        return error_set(error, ERROR_INPUT, "a batch of %" PRId64 " samples is not between 1 and %d", options->batch,
                         1 << 20);
    if (options->threads < 0 || options->threads > LOADER_MAX_THREADS || options->ahead < 0 ||
        options->ahead > LOADER_MAX_AHEAD)
        return error_set(error, ERROR_INPUT, "%d threads and %d batches ahead are not within 0 to %d and 0 to %d",
                         options->threads, options->ahead, LOADER_MAX_THREADS, LOADER_MAX_AHEAD);
    if (options->augment && augment_check(options->augment, error))
        return -1;
    if (options->augment && options->augment->mixup > 0 && dataset_has_masks(dataset))
        return error_set(error, ERROR_INPUT, "mixup is for labels, not for masks");
    return 0;
}

static int make_slot(struct loader *loader, struct slot *slot, struct error *error)
{
    struct memory *memory = loader->memory;
    size_t size = (size_t)loader->options.batch;
    struct loader_batch *batch = &slot->batch;
    bool masks = dataset_has_masks(loader->task.dataset), mixup = loader->task.mixup;
    slot->left_out = memory_allocate(memory, size, sizeof *slot->left_out, error);
    slot->error = memory_allocate(memory, 1, sizeof *slot->error, error);
    batch->samples = memory_allocate(memory, size, sizeof *batch->samples, error);
    batch->images = memory_allocate(memory, size, (size_t)loader->task.values * sizeof *batch->images, error);
    if (masks)
        batch->masks = memory_allocate(memory, size, (size_t)loader->task.pixels * sizeof *batch->masks, error);
    else
        batch->labels = memory_allocate(memory, size, sizeof *batch->labels, error);
    if (mixup) {
        batch->second = memory_allocate(memory, size, sizeof *batch->second, error);
        batch->weights = memory_allocate(memory, size, sizeof *batch->weights, error);
    }
    if (loader->options.keep_pictures)
        batch->pictures = memory_allocate(memory, size, sizeof *batch->pictures, error);
    bool made = slot->left_out && slot->error && batch->samples && batch->images && (batch->masks || batch->labels) &&
                (!mixup || (batch->second && batch->weights)) && (batch->pictures || !loader->options.keep_pictures);
    return made ? 0 : -1;
}

static void drop_pictures(const struct loader *loader, struct slot *slot)
{
    for (int64_t i = 0; slot->batch.pictures && i < loader->options.batch; i++)
        image_release(loader->memory, &slot->batch.pictures[i]);
}

static void release_slot(const struct loader *loader, struct slot *slot)
{
    struct memory *memory = loader->memory;
    drop_pictures(loader, slot);
    memory_release(memory, slot->left_out);
    memory_release(memory, slot->error);
    memory_release(memory, slot->batch.samples);
    memory_release(memory, slot->batch.images);
    memory_release(memory, slot->batch.masks);
    memory_release(memory, slot->batch.labels);
    memory_release(memory, slot->batch.second);
    memory_release(memory, slot->batch.weights);
    memory_release(memory, slot->batch.pictures);
}

static int make_loader(struct loader *loader, struct error *error)
{
    struct loader_options *options = &loader->options;
    int64_t total = dataset_count(loader->task.dataset, options->split);
    if (check_options(options, loader->task.dataset, error) || loader_task_settle(&loader->task, options, error))
        return -1;
    loader->batches = options->drop_last ? total / options->batch : (total + options->batch - 1) / options->batch;
    loader->count = options->drop_last ? loader->batches * options->batch : total;
    loader->next = loader->count; /* nothing to do before the first start */
    loader->handed = loader->batches;
    int ahead = options->threads == 0 ? 0 : options->ahead > 0 ? options->ahead : 2;
    loader->slot_count = 1 + ahead;
    loader->slots = memory_allocate(loader->memory, (size_t)loader->slot_count, sizeof *loader->slots, error);
    loader->threads = memory_allocate(loader->memory, (size_t)options->threads, sizeof *loader->threads, error);
    if (!loader->slots || !loader->threads)
        return -1;
    for (int i = 0; i < loader->slot_count; i++) {
        if (make_slot(loader, &loader->slots[i], error))
            return -1;
    }
    return start_threads(loader, error);
}

struct loader *loader_open(struct memory *memory, const struct dataset *dataset, const struct loader_options *options,
                           struct error *error)
{
    struct loader *loader = memory_allocate(memory, 1, sizeof *loader, error);
    if (!loader)
        return NULL;
    loader->memory = memory;
    loader->options = *options;
    loader->task.memory = memory;
    loader->task.dataset = dataset;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->work, NULL);
    pthread_cond_init(&loader->finished, NULL);
    int result = make_loader(loader, error);
    loader->options.preprocess = NULL; /* the task has copies */
    loader->options.augment = NULL;
    if (result == 0)
        return loader;
    loader_close(loader);
    return NULL;
}

void loader_close(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->mutex);
    loader->stop = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->started; i++)
        pthread_join(loader->threads[i], NULL);
    pthread_cond_destroy(&loader->finished);
    pthread_cond_destroy(&loader->work);
    pthread_mutex_destroy(&loader->mutex);
    for (int i = 0; loader->slots && i < loader->slot_count; i++)
        release_slot(loader, &loader->slots[i]);
    memory_release(loader->memory, loader->slots);
    memory_release(loader->memory, loader->threads);
    memory_release(loader->memory, loader);
}

const struct shape *loader_shape(const struct loader *loader)
{
    return &loader->task.shape;
}

void loader_cut_masks(struct loader *loader, int64_t top, int64_t left, int64_t height, int64_t width)
{
    struct loader_task *task = &loader->task;
    task->mask_top = top;
    task->mask_left = left;
    task->mask_width = width;
    task->pixels = height * width;
}

int64_t loader_units(const struct loader *loader)
{
    return dataset_has_masks(loader->task.dataset) ? loader->task.pixels : 1;
}

const char *loader_sample_name(const struct loader *loader, int64_t sample, char out[DATASET_NAME_SIZE])
{
    return dataset_name(loader->task.dataset, loader->options.split, sample, out);
}

int64_t loader_batches(const struct loader *loader)
{
    return loader->batches;
}

int64_t loader_place(const struct loader *loader)
{
    return loader->handed + loader->holds;
}

int64_t loader_skipped(const struct loader *loader)
{
    return loader->skipped;
}

/* ---- an epoch ---- */

static void clear_slot(const struct loader *loader, struct slot *slot)
{
    drop_pictures(loader, slot);
    slot->done = slot->skipped = slot->batch.count = 0;
    slot->failed = -1;
    slot->error->kind = ERROR_NONE;
    slot->ready = false;
}

/* No more positions are taken, and those being worked on are awaited. With the mutex held. */
static void come_to_rest(struct loader *loader)
{
    loader->next = loader->count;
    while (loader->in_flight > 0)
        pthread_cond_wait(&loader->finished, &loader->mutex);
}

void loader_start(struct loader *loader, uint64_t epoch)
{
    loader_start_behind(loader, epoch, 0);
}

void loader_start_behind(struct loader *loader, uint64_t epoch, int64_t batches)
{
    pthread_mutex_lock(&loader->mutex);
    come_to_rest(loader);
    for (int i = 0; i < loader->slot_count; i++)
        clear_slot(loader, &loader->slots[i]);
    loader->task.epoch = epoch;
    loader->handed = int64_clamp(batches, 0, loader->batches);
    loader->next = int64_min(loader->handed * loader->options.batch, loader->count);
    loader->skipped = 0;
    loader->holds = false;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->mutex);
}

/* The batch at the caller is free again. */
static void take_back(struct loader *loader)
{
    if (!loader->holds)
        return;
    clear_slot(loader, slot_of(loader, loader->handed));
    loader->handed++;
    loader->holds = false;
    pthread_cond_broadcast(&loader->work);
}

/* Waits until the next batch is ready, or makes it. */
static struct slot *await_batch(struct loader *loader)
{
    struct slot *slot = slot_of(loader, loader->handed);
    while (!slot->ready) {
        if (loader->options.threads == 0)
            work_off(loader, loader->next++);
        else
            pthread_cond_wait(&loader->finished, &loader->mutex);
    }
    return slot;
}

int loader_next(struct loader *loader, const struct loader_batch **batch, struct error *error)
{
    int result = 0;
    *batch = NULL;
    pthread_mutex_lock(&loader->mutex);
    for (take_back(loader); result == 0 && !*batch && loader->handed < loader->batches;) {
        struct slot *slot = await_batch(loader);
        loader->holds = true;
        loader->skipped += slot->skipped;
        if (slot->failed >= 0) {
            result = error_set(error, slot->error->kind, "%s", slot->error->message);
            come_to_rest(loader);
            loader->handed = loader->batches;
            loader->holds = false;
        } else if (slot->batch.count == 0) {
            take_back(loader);
        } else {
            *batch = &slot->batch;
        }
    }
    pthread_mutex_unlock(&loader->mutex);
    return result;
}
