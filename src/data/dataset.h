/* Samples for analyses, evaluation and training: images or tensors, with labels or masks, in splits. Constant memory a
 * sample, whatever the images' sizes. */
#ifndef FOVEA_DATA_DATASET_H
#define FOVEA_DATA_DATASET_H

#include "base/progress.h"
#include "base/thread_pool.h"
#include "data/labels.h"
#include "fovea/data.h"
#include "fovea/samples.h"
#include "image/index_image.h"
#include "tensor/tensor.h"

#define DATASET_MAX_SAMPLES 100000000
#define DATASET_MAX_LABEL 65535
#define DATASET_IGNORED 65535 /* label of a pixel that does not count */
#define DATASET_NAME_SIZE 512
#define DATASET_NOTE_SIZE 1024
#define DATASET_MAX_PROBLEMS 100

/* A fixed list of samples a split. Reading does not change it: any number of threads may read at once. */
struct dataset;

struct dataset_options {
    const char *masks;               /* folder of masks: the path then is the folder of their images; or NULL */
    const char *labels;              /* file of labels beside a .npy or IDX file of images; or NULL */
    int64_t classes;                 /* of the model; 0: as many as the data have */
    const struct class_names *names; /* of the model's classes, for folders and lists that name them; or NULL */
    double validation_share;         /* of each class's training samples, 0 to below 1, where no validation split is */
    uint64_t seed;                   /* of that choice */
    int64_t ignore;                  /* label, or value of masks, that is no class, -1: none */
    bool usual_ignore;               /* nobody asked for it: masks that hold nothing else but 0 are refused */
    const int64_t *mask_values;      /* of the classes in their order; NULL: values are the classes' numbers */
    int mask_value_count;
    bool masks_given;     /* a source has them */
    bool skip_broken;     /* leave broken samples out instead of failing */
    bool labels_optional; /* no sample needs one, and all are of one split; why none is known: dataset_check_labels */
};

/* `path` is one of:
 * - a folder with one folder of images per class, or with such folders in train/, val/ (or validation/, valid/) and
 *   test/; classes are numbered as class_folders_label does;
 * - a list, or a folder with a labels.csv in it: lines of `file,label` or `file,label,split` (tabs instead of commas
 *   where the first line has one, semicolons where it has no comma), fields in double quotes where they hold a comma,
 * an optional heading; labels all numbers, or names, which get the numbers of `names` or of their order by bytes;
 * - with `masks`: a folder of images, each with a mask (PNG, lossless WebP) of the same name but for the extension
 * below `masks`, optionally both in folders train/, val/, test/;
 * - a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and perhaps the same with t10k- for a test split,
 *   each optionally with .gz (MNIST, Fashion-MNIST), or with `labels` one such file;
 * - with `labels`: a .npy file [N,H,W], [N,C,H,W] or [N,H,W,C] and one with integers [N]. Of uint8 and 1 or 3 channels
 *   its samples are images, else tensors that are taken as they are.
 * With labels optional it may also be one of these, and splits are not told apart:
 * - a folder of images without labels, or where there are none of .npy files with one sample each; a labels.csv in it
 *   labels some of them;
 * - a list with or without labels, of images or of such .npy files;
 * - an image, or a .npy file [N,C,H,W] or [C,H,W], whose samples are tensors of any type.
 * What a file holds is not looked at, but for IDX and .npy: see dataset_check. Errors name the file. */
struct dataset *dataset_open(struct memory *memory, const char *path, const struct dataset_options *options,
                             struct error *error);
/* Samples in memory, [N,...] of three axes each, or one: labels are optional. `tensor` is taken over, in every case. */
struct dataset *dataset_of_tensor(struct memory *memory, const char *name, struct tensor *tensor, struct error *error);
/* Samples that callbacks give; `name` is what they are called in messages. Strings, and what the source points to, are
 * the caller's and must outlive the dataset. With `threads` false it is asked on the threads of the calls alone, which
 * must then be one. */
struct dataset *dataset_of_source(struct memory *memory, const char *name, const struct fovea_sample_source *source,
                                  const struct dataset_options *options, struct error *error);
/* Images without labels, as such a source. */
struct fovea_sample_source dataset_source_of_images(const struct fovea_image *images, int64_t count);
/* ERROR_INPUT or ERROR_LIMIT where there are no pixels or rows do not fit. */
int dataset_check_image(const struct fovea_image *image, struct error *error);
void dataset_close(struct dataset *dataset);

/* Forgets the samples of the other splits, and of `split` all but `most` (0: none of them), evenly spaced, so that
 * sorted classes are all met. Not while other threads read. */
void dataset_keep(struct dataset *dataset, enum fovea_split split, int64_t most);
/* Forgets all but the first `most` samples of a split. */
void dataset_keep_first(struct dataset *dataset, enum fovea_split split, int64_t most);
/* For a model of `classes`: labels and mask values from there on are out of range for checks; there may be more of them
 * than names. */
int dataset_limit_classes(struct dataset *dataset, int64_t classes, struct error *error);

/* Files of its folders that are no samples; the dataset's own. */
const struct fovea_left_out *dataset_left_out(const struct dataset *dataset);
/* "6 BMP (ant/4.bmp, ...), 1 other (readme.txt)"; NULL: there are none. */
const char *dataset_left_out_words(const struct dataset *dataset, char out[DATASET_NOTE_SIZE]);
/* Turns images by their EXIF orientation from now on; masks are taken to fit what results. Not while threads read. */
void dataset_turn_upright(struct dataset *dataset, bool upright);
/* How many of the samples read or looked at so far would have to be turned, and were not. */
int64_t dataset_unturned(const struct dataset *dataset);

/* "train", "validation", "test". */
const char *dataset_split_name(enum fovea_split split);
int64_t dataset_count(const struct dataset *dataset, enum fovea_split split);
/* How many classes there are; of masks without `classes` in the options 0, until a check has decoded them. */
int64_t dataset_classes(const struct dataset *dataset);
/* NULL where the data do not name their classes. */
const char *dataset_class_name(const struct dataset *dataset, int64_t label);
/* 0, or the error that made all labels unknown: folders or a list name classes that are not known, or known ones that
 * are not as many as the model's `classes`, or unknown ones, numbered by the order of their names, that are not.
 * Whoever needs no labels need not ask. */
int dataset_check_labels(const struct dataset *dataset, int64_t classes, struct error *error);
/* Whether labels come from one folder per class. */
bool dataset_labels_by_folders(const struct dataset *dataset);
bool dataset_has_masks(const struct dataset *dataset);
/* The shape of ready tensors, [C,H,W] or [H,W,C]; NULL: the samples are images. */
const struct shape *dataset_tensor_shape(const struct dataset *dataset);

/* The file below the dataset's folder, or "images.npy#7"; returns `out`. */
const char *dataset_name(const struct dataset *dataset, enum fovea_split split, int64_t index,
                         char out[DATASET_NAME_SIZE]);
/* -1: not known, or masks. */
int64_t dataset_label(const struct dataset *dataset, enum fovea_split split, int64_t index);
/* Decodes an image and its mask (NULL: not wanted; empty where there is none), whose pixels are labels then,
 * DATASET_IGNORED where they do not count; the caller releases both. ERROR_INPUT names the file, also where the mask
 * has another size. */
int dataset_read(const struct dataset *dataset, enum fovea_split split, int64_t index, struct image *image,
                 struct index_image *mask, struct error *error);
/* Whether the image is one of a source, and came with a mask. */
bool dataset_mask_given(const struct dataset *dataset, enum fovea_split split, int64_t index);
/* Fills shape_count(dataset_tensor_shape()) floats; ERROR_INPUT where they are not finite. */
int dataset_read_tensor(const struct dataset *dataset, enum fovea_split split, int64_t index, float *out,
                        struct error *error);
/* 64 hexadecimal digits that tell the data from others: of the samples' names, labels and splits in their order, of the
 * sizes of their files and what is in these at the beginning, the end and every MiB (of large files at 256 places), of
 * all that is held in memory. Times of files do not count; what a source gives is not asked for again. */
int dataset_measure(const struct dataset *dataset, struct thread_pool *pool, char digest[65], struct error *error);
/* Whether a read failed for what its file holds, so that `skip_broken` may pass over it. */
bool dataset_error_is_broken(const struct error *error);

/* What a check found. */
struct dataset_problem {
    const char *name;
    const char *message; /* of broken files it begins with their path */
    bool broken;         /* else: out of range */
};
struct dataset_report {
    struct arena *arena;
    int64_t classes;
    int64_t *counts[FOVEA_SPLITS]; /* [classes] samples; with masks and `decode` pixels, without it zeros */
    int64_t ignored;               /* pixels with the `ignore` value */
    int64_t broken;                /* missing or damaged files, masks of another size */
    int64_t out_of_range;          /* samples with a label or mask value that is no class */
    int64_t left_out;
    int64_t problem_count; /* at most DATASET_MAX_PROBLEMS of them, in the order of the samples */
    struct dataset_problem problems[DATASET_MAX_PROBLEMS];
};

/* Looks at every sample, at its headers and ends only or with `decode` at all of it, in parallel on `pool` (NULL:
 * serially). Broken samples are left out from now on with `skip_broken`; without it, and for labels out of range
 * always, the result is -1 and an error that names the first one. The report is filled then too; dataset_report_release
 * in every case. Not while other threads read. */
int dataset_check(struct dataset *dataset, struct thread_pool *pool, bool decode, const struct progress *progress,
                  struct dataset_report *report, struct error *error);
void dataset_report_release(struct dataset_report *report);
/* The same, decoding, of samples whose labels are optional: none is judged, and what is broken and left out counts
 * among dataset_left_out. */
int dataset_check_files(struct dataset *dataset, struct thread_pool *pool, struct error *error);

#endif
