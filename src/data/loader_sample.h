/* One sample of a batch; private to the loader's files. */
#ifndef FOVEA_DATA_LOADER_SAMPLE_H
#define FOVEA_DATA_LOADER_SAMPLE_H

#include "data/loader.h"

/* What all samples of a loader have in common. Not changed while threads work. */
struct loader_task {
    struct memory *memory;
    const struct dataset *dataset;
    enum fovea_split split;
    bool augments, mixup;
    struct preprocess preprocess;
    struct fovea_augment augment;
    enum image_layout layout;
    uint16_t ignore;
    uint64_t seed, epoch;
    struct shape shape;     /* of one sample */
    int64_t values, pixels; /* of one sample, and of its mask as it is handed out: */
    int64_t mask_top, mask_left, mask_width;
};

/* Where a sample goes; NULL: not wanted. */
struct loader_place {
    float *image;
    int64_t *label, *mask;
    float *weight;
    struct image *picture; /* empty before */
};

/* Takes the options over and finds the shape. */
int loader_task_settle(struct loader_task *task, const struct loader_options *options, struct error *error);
/* Errors name the sample's file. */
int loader_sample_make(const struct loader_task *task, int64_t sample, const struct loader_place *place,
                       struct error *error);
void loader_place_move(const struct loader_task *task, const struct loader_place *from, const struct loader_place *to);

#endif
