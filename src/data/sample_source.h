/* Where an analysis gets its inputs from: images in a folder or list, one image, or ready tensors. */
#ifndef FOVEA_DATA_SAMPLE_SOURCE_H
#define FOVEA_DATA_SAMPLE_SOURCE_H

#include "data/labels.h"
#include "data/preprocess.h"
#include "tensor/tensor.h"

#define MAX_SAMPLES 100000000

/* A fixed list of samples of one shape. Reading does not change it: any number of threads may read at once. */
struct sample_source;

struct sample_options {
    const struct preprocess *preprocess; /* fitted; copied. NULL: only .npy files are accepted */
    enum image_layout layout;
    const struct class_names *names; /* of the model's classes, for folders and lists that name them; or NULL */
};

/* Where labels come from. */
enum sample_labels { SAMPLE_LABELS_NONE, SAMPLE_LABELS_LIST, SAMPLE_LABELS_FOLDERS };

/* `path` is one of:
 * - a folder: all .png, .jpg and .jpeg files in it and in its folders, in the order of their names (bytes), or where
 *   there are none all .npy files; names with a leading dot and links to folders are left out; a labels.csv directly in
 *   it gives labels (paths relative to the folder), else one folder per class does (class_folders_label);
 * - a .png, .jpg or .jpeg file: one sample;
 * - a .npy file [N,C,H,W] (N samples) or [C,H,W] (one), taken as it is, without preprocessing, read sample by sample;
 * - any other file: a list of images or of .npy files with one sample each, one `file` or `file,label` a line, relative
 *   to the list's folder.
 * Where the preprocessing leaves the size open, the first image decides for all. */
struct sample_source *sample_source_open(struct memory *memory, const char *path, const struct sample_options *options,
                                         struct error *error);
void sample_source_close(struct sample_source *source);

int64_t sample_source_count(const struct sample_source *source);
/* Shape of one sample, [C,H,W] or [H,W,C]. */
const struct shape *sample_source_shape(const struct sample_source *source);
/* The file as it is named in the folder or list; with "#3" behind it for element 3 of a .npy file with several. */
const char *sample_source_name(const struct sample_source *source, int64_t index);
/* The file that it is read from. */
const char *sample_source_path(const struct sample_source *source, int64_t index);
/* 0, or the error that made all labels unknown: folders or a list name classes that are not known, or known ones that
 * are not as many as the model's `classes`. Whoever needs no labels need not ask. */
int sample_source_check_labels(const struct sample_source *source, int64_t classes, struct error *error);
/* -1 where no label is known. */
int64_t sample_source_label(const struct sample_source *source, int64_t index);
enum sample_labels sample_source_labels(const struct sample_source *source);
/* Fills shape_count(sample_source_shape()) floats. Errors name the file. */
int sample_source_read(const struct sample_source *source, int64_t index, float *out, struct error *error);
/* Of an image, the part that the network sees before it is normalised; the caller releases it. Sources of tensors have
 * none: ERROR_INPUT. */
int sample_source_crop(const struct sample_source *source, int64_t index, struct image *crop, struct error *error);
/* Normalises such a part as sample_source_read does. */
void sample_source_normalise(const struct sample_source *source, const struct image *crop, float *out);
/* How samples are made of images; NULL: they are tensors. */
const struct preprocess *sample_source_preprocess(const struct sample_source *source);

#endif
