/* What the files of the forms of training data share. */
#ifndef FOVEA_DATA_DATASET_FORM_H
#define FOVEA_DATA_DATASET_FORM_H

#include "data/dataset.h"
#include "data/folder.h"
#include "data/idx.h"
#include "tensor/npy.h"

struct dataset_item {
    const char *name; /* below the root; NULL: element `number` of a file with many */
    const char *mask; /* below the masks' root, or NULL */
    int32_t label;    /* -1: none */
    uint32_t number;
    uint8_t split, part; /* part: which of the IDX pairs */
    uint8_t masked;      /* a picture in memory that has a mask */
    uint8_t turned;      /* it was read as stored, though its EXIF orientation turns it; any thread sets it */
};

/* Files of a folder that are no samples. */
#define DATASET_LEFT_OUT_KINDS 20

/* How one sample is had. */
struct dataset_form {
    int (*read)(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                struct index_image *mask, struct error *error);
    /* Of ready tensors. */
    int (*read_tensor)(const struct dataset *dataset, const struct dataset_item *item, float *out, struct error *error);
    /* Looks at headers only; NULL: nothing can be broken. */
    int (*look)(const struct dataset *dataset, const struct dataset_item *item, struct error *error);
    const char *(*file)(const struct dataset *dataset, const struct dataset_item *item);
};

struct dataset {
    struct memory *memory;
    struct arena *arena;
    const struct dataset_form *form;
    struct dataset_options options; /* strings are the caller's: only while opening */
    const char *root, *mask_root;
    uint16_t *mask_labels; /* by value; NULL: the values themselves */
    int64_t mask_classes;  /* that they stand for; 0: as many as there are */
    int64_t count;
    struct dataset_item *items; /* in the order of their splits; in the arena */
    int64_t first[FOVEA_SPLITS + 1];
    int64_t classes;
    const char **class_names; /* [classes] or NULL */
    bool labels_by_folders;
    int64_t names_used;       /* how many names there are, where labels were found by them; else 0 */
    struct error label_error; /* why there are no labels, where they are optional */
    bool is_tensor;
    struct shape tensor_shape;
    struct idx pairs[2]; /* images: train, test */
    const char *pair_names[2];
    struct npy_file npy;
    struct tensor held;          /* samples in memory */
    struct dataset_given *given; /* the caller's source of samples, or NULL */
    bool upright;                /* images are turned by their EXIF orientation */
    const char **folders;        /* of the root, below it; with images or without */
    int64_t folder_count;
    struct fovea_left_out left_out[DATASET_LEFT_OUT_KINDS + 1];
};

/* Images in files, with masks or without; and .npy files of one sample each. */
extern const struct dataset_form dataset_file_form, dataset_npy_file_form;
const char *dataset_item_name(const struct dataset *dataset, const struct dataset_item *item,
                              char out[DATASET_NAME_SIZE]);

/* Each fills items and classes; the items' splits are set, their order is free. */
int dataset_open_folders(struct dataset *dataset, const char *path, struct error *error);
int dataset_open_list(struct dataset *dataset, const char *path, struct error *error);
/* Holds a folder's list against the folder: what it does not name is left out, or where labels are optional it is an
 * unlabelled sample, and only what is there is one. */
int dataset_join_folder(struct dataset *dataset, const char *path, struct error *error);
int dataset_open_pairs(struct dataset *dataset, const char *path, struct error *error);
int dataset_open_idx_folder(struct dataset *dataset, const char *path, struct error *error);
int dataset_open_idx_pair(struct dataset *dataset, const char *path, struct error *error);
int dataset_open_npy(struct dataset *dataset, const char *path, struct error *error);
/* Without labels: one image; a .npy file as it is. */
int dataset_open_image(struct dataset *dataset, const char *path, struct error *error);
int dataset_open_array(struct dataset *dataset, const char *path, struct error *error);
/* Items of all images below `path`, by name; where labels are optional and there are none, of all .npy files. */
int dataset_list_images(struct dataset *dataset, const char *path, struct error *error);
/* The pictures below `path`, of any format: which of them is no mask is said where it is read. */
int dataset_list_masks(struct dataset *dataset, const char *path, struct folder_list *list, struct error *error);
void dataset_leave_out(struct dataset *dataset, const char *kind, int64_t count, const char *first);
/* ERROR_INPUT where a class folder holds none of `files`, in the order of their bytes: classes would be numbered
 * wrongly, or missing. */
int dataset_check_folders(const struct dataset *dataset, const char *path, bool has_splits, const char *const *files,
                          struct error *error);
/* The samples of dataset->held. */
int dataset_open_held(struct dataset *dataset, const char *name, struct error *error);
/* Every sample of the source is looked at. */
int dataset_open_given(struct dataset *dataset, const char *name, const struct fovea_sample_source *source,
                       struct error *error);
void dataset_close_given(struct dataset *dataset);
/* Whether samples are asked for on the thread of the call alone. */
bool dataset_given_here(const struct dataset *dataset);
/* Where the items are .npy files: takes the first one's shape for all. */
int dataset_take_npy_files(struct dataset *dataset, struct error *error);
/* Hands `problem` on; where labels are optional and the files are the reason it is kept, and no label is known. */
int dataset_without_labels(struct dataset *dataset, const struct error *problem, struct error *error);
/* The path of an item's file, in a memory block. */
char *dataset_item_path(const struct dataset *dataset, const struct dataset_item *item, struct error *error);
/* Whether the folder holds MNIST's files. */
bool dataset_is_idx_folder(struct memory *memory, const char *path);

int dataset_make_items(struct dataset *dataset, int64_t count, struct error *error);
/* Takes the names of classes for the dataset; copied. */
int dataset_name_classes(struct dataset *dataset, const char *const *names, int64_t count, struct error *error);
/* The split that a folder or a list's field names; false: none. */
bool dataset_split_parse(const char *name, size_t length, enum fovea_split *split);
/* Splits by first folder, where those of all names are splits. *has: whether they are. */
int dataset_split_by_folders(struct dataset *dataset, bool *has, struct error *error);
/* The name behind the folder of its split. */
const char *dataset_name_in_split(const char *name);
/* Moves the options' share of each class from the training samples to the validation samples, where there are none. */
int dataset_split_by_share(struct dataset *dataset, struct error *error);
/* Sorts the items by split, keeping their order in each. */
int dataset_order_by_split(struct dataset *dataset, struct error *error);

#endif
