/* Batches of a dataset, made in the background: decoded, augmented, normalised. What they hold depends on the options,
 * the seed and the epoch, never on the number of threads. */
#ifndef FOVEA_DATA_LOADER_H
#define FOVEA_DATA_LOADER_H

#include "data/augment.h"
#include "data/dataset.h"

#define LOADER_MAX_THREADS 256
#define LOADER_MAX_AHEAD 64

struct loader;

struct loader_options {
    enum fovea_split split;
    int64_t batch;    /* samples */
    int threads;      /* of the loader's own; 0: batches are made within loader_next */
    int ahead;        /* batches ready or in work before the caller's; 0: two (none without threads) */
    bool shuffle;     /* by (seed, epoch); else in the dataset's order */
    bool drop_last;   /* the last batch, where it is not full */
    bool skip_broken; /* leave samples out that cannot be read; else they are errors */
    const struct preprocess *preprocess; /* copied; with a crop size. NULL for ready tensors */
    const struct fovea_augment *augment; /* copied; NULL: as for evaluation. Ready tensors take mixup alone */
    bool keep_pictures; /* hand out the images as they are before they are normalised, too; not of ready tensors */
    enum image_layout layout;
    int64_t ignore; /* what masks have outside the image, 0 to 65535, or -1 (DATASET_IGNORED) */
    uint64_t seed;
};

struct loader_batch {
    int64_t count;   /* at most options.batch; less in the last batch, or where samples were left out */
    float *images;   /* [count,C,H,W] or [count,H,W,C] */
    int64_t *labels; /* [count]; NULL with masks */
    int64_t *masks;  /* [count,H,W], or of the part that was cut; NULL without */
    int64_t *second; /* [count] with mixup: the label of the sample mixed in; else NULL */
    float *weights;  /* [count] with mixup: the share of the first label, 1 - it is that of the second; else NULL */
    struct image *pictures; /* [count] with keep_pictures: what was normalised; else NULL */
    int64_t *samples;       /* [count] their places in the split */
};

/* The dataset must outlive the loader and not be checked meanwhile. NULL and an error. */
struct loader *loader_open(struct memory *memory, const struct dataset *dataset, const struct loader_options *options,
                           struct error *error);
/* Masks are handed out as this part of them alone. Before an epoch begins. */
void loader_cut_masks(struct loader *loader, int64_t top, int64_t left, int64_t height, int64_t width);
/* Also in the middle of an epoch. */
void loader_close(struct loader *loader);
/* [C,H,W] or [H,W,C]. */
const struct shape *loader_shape(const struct loader *loader);
/* Labels of a sample: the pixels of its mask, as cut, else 1. */
int64_t loader_units(const struct loader *loader);
/* As dataset_name, of the sample at a place in the split. */
const char *loader_sample_name(const struct loader *loader, int64_t sample, char out[DATASET_NAME_SIZE]);
/* Batches of an epoch. Where broken samples leave nothing of a batch it is not handed out. */
int64_t loader_batches(const struct loader *loader);

/* Begins an epoch, also in the middle of another; its batch becomes invalid. */
void loader_start(struct loader *loader, uint64_t epoch);
/* The same without the first `batches` of the epoch: they are not made. */
void loader_start_behind(struct loader *loader, uint64_t epoch, int64_t batches);
/* How many batches of the epoch were handed out, or passed over. */
int64_t loader_place(const struct loader *loader);
/* The next batch of the epoch, valid until the next call; *batch NULL behind the last one. Waits where it is not ready.
 * -1 and an error that names the file; the epoch is over then. */
int loader_next(struct loader *loader, const struct loader_batch **batch, struct error *error);
/* Samples left out in this epoch's batches up to the last one handed out, from the start on. */
int64_t loader_skipped(const struct loader *loader);

#endif
