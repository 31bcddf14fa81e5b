/* Samples in files of many: IDX pairs and .npy tensors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/dataset_form.h"
#include "data/folder.h"
#include "data/npy_samples.h"

/* ---- IDX ---- */

/* The file in the folder that is called so, in one of the spellings in use; NULL where there is none. */
static char *find_idx(struct memory *memory, const char *folder, const char *start, char rank, struct error *error)
{
    for (int spelling = 0; spelling < 4; spelling++) {
        char name[64];
        snprintf(name, sizeof name, "%s%cidx%c-ubyte%s", start, spelling & 1 ? '.' : '-', rank,
                 spelling & 2 ? "" : ".gz");
        char *path = file_join(memory, folder, name, error);
        if (!path || file_exists(path))
            return path;
        memory_release(memory, path);
    }
    return NULL;
}

bool dataset_is_idx_folder(struct memory *memory, const char *path)
{
    char *images = find_idx(memory, path, "train-images", '3', NULL);
    char *labels = find_idx(memory, path, "train-labels", '1', NULL);
    bool found = images && labels;
    memory_release(memory, images);
    memory_release(memory, labels);
    return found;
}

static int idx_sample_read(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                           struct index_image *mask, struct error *error)
{
    const struct idx *images = &dataset->pairs[item->part];
    (void)mask;
    if (image_allocate(dataset->memory, image, images->dims[2], images->dims[1], 1, error))
        return -1;
    memcpy(image->pixels, images->bytes + (size_t)item->number * image_bytes(image), image_bytes(image));
    return 0;
}

static const char *idx_sample_file(const struct dataset *dataset, const struct dataset_item *item)
{
    return dataset->pair_names[item->part];
}

static const struct dataset_form idx_form = {.read = idx_sample_read, .file = idx_sample_file};

/* Reads the images and checks that there are as many labels. */
static int read_pair(struct dataset *dataset, int part, const char *image_path, const char *label_path,
                     struct idx *labels, struct error *error)
{
    struct idx *images = &dataset->pairs[part];
    const char *name = file_base_name(image_path);
    dataset->pair_names[part] = arena_copy_string(dataset->arena, name, strlen(name), error);
    if (!dataset->pair_names[part] || idx_read(dataset->memory, image_path, 3, images, error) ||
        idx_read(dataset->memory, label_path, 1, labels, error))
        return -1;
    if (image_check_size(images->dims[2], images->dims[1], error))
        return error_prefix(error, "%s", image_path);
    if (labels->dims[0] != images->dims[0])
        return error_set(error, ERROR_INPUT, "%s has %" PRId64 " images, %s %" PRId64 " labels", image_path,
                         images->dims[0], label_path, labels->dims[0]);
    return 0;
}

static void add_pair(struct dataset *dataset, int part, const struct idx *labels, int64_t first)
{
    for (int64_t i = 0; i < labels->dims[0]; i++)
        dataset->items[first + i] = (struct dataset_item){.label = labels->bytes[i],
                                                          .number = (uint32_t)i,
                                                          .split = part ? FOVEA_SPLIT_TEST : FOVEA_SPLIT_TRAIN,
                                                          .part = (uint8_t)part};
}

/* Pairs without a path of images are none. */
static int open_pairs(struct dataset *dataset, char *const images[2], char *const labels[2], struct error *error)
{
    struct idx numbers[2] = {{0}, {0}};
    const struct class_names *names = dataset->options.names;
    int result = 0;
    dataset->form = &idx_form;
    for (int part = 0; part < 2 && result == 0 && images[part]; part++)
        result = read_pair(dataset, part, images[part], labels[part], &numbers[part], error);
    if (result == 0)
        result = dataset_make_items(dataset, numbers[0].dims[0] + numbers[1].dims[0], error);
    for (int part = 0; part < 2 && result == 0; part++)
        add_pair(dataset, part, &numbers[part], part ? numbers[0].dims[0] : 0);
    for (int part = 0; part < 2; part++)
        idx_release(dataset->memory, &numbers[part]);
    if (result == 0 && names)
        result = dataset_name_classes(dataset, names->names, names->count, error);
    return result;
}

int dataset_open_idx_folder(struct dataset *dataset, const char *path, struct error *error)
{
    static const char *image_files[2] = {"train-images", "t10k-images"};
    static const char *label_files[2] = {"train-labels", "t10k-labels"};
    char *images[2], *labels[2];
    for (int part = 0; part < 2; part++) {
        images[part] = find_idx(dataset->memory, path, image_files[part], '3', error);
        labels[part] = find_idx(dataset->memory, path, label_files[part], '1', error);
    }
    int result = 0;
    if (!images[0] || !labels[0] || !images[1] != !labels[1])
        result = error_set(error, ERROR_INPUT, "%s: there are %s without %s or the reverse", path,
                           image_files[images[0] && labels[0]], label_files[images[0] && labels[0]]);
    else
        result = open_pairs(dataset, images, labels, error);
    for (int part = 0; part < 2; part++) {
        memory_release(dataset->memory, images[part]);
        memory_release(dataset->memory, labels[part]);
    }
    return result;
}

int dataset_open_idx_pair(struct dataset *dataset, const char *path, struct error *error)
{
    const char *labels = dataset->options.labels;
    char *image_paths[2] = {NULL, NULL}, *label_paths[2] = {NULL, NULL};
    image_paths[0] = arena_copy_string(dataset->arena, path, strlen(path), error);
    label_paths[0] = arena_copy_string(dataset->arena, labels, strlen(labels), error);
    return image_paths[0] && label_paths[0] ? open_pairs(dataset, image_paths, label_paths, error) : -1;
}

/* ---- .npy ---- */

/* Bytes [C,H,W] or [H,W,C] become an image. */
static int npy_sample_read(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                           struct index_image *mask, struct error *error)
{
    const struct shape *shape = &dataset->tensor_shape;
    bool last = shape->dims[0] != 1 && shape->dims[0] != 3;
    int64_t channels = last ? shape->dims[2] : shape->dims[0], count = shape_count(shape), plane = count / channels;
    (void)mask;
    if (image_allocate(dataset->memory, image, shape->dims[last ? 1 : 2], shape->dims[last ? 0 : 1], (int)channels,
                       error))
        return -1;
    uint8_t *bytes = memory_allocate_uninitialised(dataset->memory, (size_t)count, 1, error);
    int result =
        bytes ? npy_read_elements(dataset->memory, &dataset->npy, item->number * count, count, bytes, error) : -1;
    for (int64_t i = 0; result == 0 && i < count; i++)
        image->pixels[i] = last ? bytes[i] : bytes[i % channels * plane + i / channels];
    memory_release(dataset->memory, bytes);
    if (result)
        image_release(dataset->memory, image);
    return result;
}

static const char *npy_sample_file(const struct dataset *dataset, const struct dataset_item *item)
{
    (void)item;
    return file_base_name(dataset->npy.path);
}

static int npy_sample_read_tensor(const struct dataset *dataset, const struct dataset_item *item, float *out,
                                  struct error *error)
{
    return npy_samples_read(dataset->memory, &dataset->npy, item->number, &dataset->tensor_shape, out, error);
}

static const struct dataset_form npy_form = {
    .read = npy_sample_read, .read_tensor = npy_sample_read_tensor, .file = npy_sample_file};

/* Whether bytes of this shape are an image. */
static bool is_image_shape(const struct shape *shape)
{
    bool first = shape->dims[0] == 1 || shape->dims[0] == 3, last = shape->dims[2] == 1 || shape->dims[2] == 3;
    int64_t height = shape->dims[first ? 1 : 0], width = shape->dims[first ? 2 : 1];
    return (first || last) && image_check_size(width, height, NULL) == 0;
}

static int open_npy_images(struct dataset *dataset, const char *path, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    struct npy_file *npy = &dataset->npy;
    if (npy_open(dataset->memory, path, npy, error))
        return -1;
    if ((npy->shape.rank != 3 && npy->shape.rank != 4) || shape_count(&npy->shape) == 0)
        return error_set(error, ERROR_INPUT, "%s: the shape %s is not that of images (NxHxW, NxCxHxW or NxHxWxC)", path,
                         shape_text(&npy->shape, text));
    if (npy->fortran)
        return error_set(error, ERROR_INPUT,
                         "%s: its samples are interleaved (Fortran order); save numpy.ascontiguousarray of it", path);
    const int64_t *tail = npy->shape.dims + npy->shape.rank - 3;
    int64_t dims[3] = {npy->shape.rank == 3 ? 1 : tail[0], tail[1], tail[2]};
    if (shape_set(&dataset->tensor_shape, 3, dims, error))
        return -1;
    dataset->form = &npy_form;
    dataset->is_tensor = npy->dtype != DTYPE_UINT8 || !is_image_shape(&dataset->tensor_shape);
    return 0;
}

static int label_items(struct dataset *dataset, const char *path, const struct tensor *labels, struct error *error)
{
    if (labels->shape.rank != 1 || !dtype_is_integer(labels->dtype) || labels->shape.dims[0] != dataset->count)
        return error_set(error, ERROR_INPUT, "%s: labels are %" PRId64 " integers, one for each of the images", path,
                         dataset->count);
    for (int64_t i = 0; i < dataset->count; i++) {
        int64_t label = tensor_int(labels, i);
        if (label < 0 || label > DATASET_MAX_LABEL)
            return error_set(error, ERROR_INPUT, "%s: label %" PRId64 " is %" PRId64 ", not between 0 and %d", path, i,
                             label, DATASET_MAX_LABEL);
        dataset->items[i] =
            (struct dataset_item){.label = (int32_t)label, .number = (uint32_t)i, .split = FOVEA_SPLIT_TRAIN};
    }
    return 0;
}

int dataset_open_npy(struct dataset *dataset, const char *path, struct error *error)
{
    struct tensor labels;
    const char *label_path = dataset->options.labels;
    const struct class_names *names = dataset->options.names;
    if (open_npy_images(dataset, path, error) || dataset_make_items(dataset, dataset->npy.shape.dims[0], error) ||
        npy_read(dataset->memory, label_path, &labels, error))
        return -1;
    int result = label_items(dataset, label_path, &labels, error);
    tensor_release(dataset->memory, &labels);
    if (result == 0 && names)
        result = dataset_name_classes(dataset, names->names, names->count, error);
    return result;
}

/* Numbered elements of `path`; a single one is called as the file is. */
static int number_items(struct dataset *dataset, const char *path, int64_t count, struct error *error)
{
    dataset->is_tensor = true;
    if (dataset_make_items(dataset, count, error))
        return -1;
    for (int64_t i = 0; i < count; i++)
        dataset->items[i] =
            (struct dataset_item){.name = count == 1 ? file_base_name(path) : NULL, .label = -1, .number = (uint32_t)i};
    return 0;
}

int dataset_open_array(struct dataset *dataset, const char *path, struct error *error)
{
    int64_t count;
    dataset->form = &npy_form;
    return npy_samples_open(dataset->memory, path, &dataset->npy, &count, &dataset->tensor_shape, error)
               ? -1
               : number_items(dataset, path, count, error);
}

/* ---- in memory ---- */

static int held_sample_read(const struct dataset *dataset, const struct dataset_item *item, float *out,
                            struct error *error)
{
    int64_t count = shape_count(&dataset->tensor_shape);
    (void)error;
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)tensor_number(&dataset->held, item->number * count + i);
    return 0;
}

static const char *held_sample_file(const struct dataset *dataset, const struct dataset_item *item)
{
    (void)item;
    return dataset->root;
}

static const struct dataset_form held_form = {.read_tensor = held_sample_read, .file = held_sample_file};

int dataset_open_held(struct dataset *dataset, const char *name, struct error *error)
{
    const struct shape *shape = &dataset->held.shape;
    char text[SHAPE_TEXT_SIZE];
    if ((shape->rank != 3 && shape->rank != 4) || shape_count(shape) == 0)
        return error_set(error, ERROR_INPUT, "%s: the shape %s is not that of images, like [N,C,H,W]", name,
                         shape_text(shape, text));
    dataset->form = &held_form;
    dataset->root = arena_copy_string(dataset->arena, file_base_name(name), strlen(file_base_name(name)), error);
    return !dataset->root || shape_set(&dataset->tensor_shape, 3, shape->dims + shape->rank - 3, error)
               ? -1
               : number_items(dataset, dataset->root, shape->rank == 4 ? shape->dims[0] : 1, error);
}

/* ---- .npy files of one sample each ---- */

static int open_npy_file(const struct dataset *dataset, const struct dataset_item *item, struct npy_file *file,
                         char **path, struct shape *shape, struct error *error)
{
    int64_t count;
    *path = dataset_item_path(dataset, item, error);
    if (!*path || npy_samples_open(dataset->memory, *path, file, &count, shape, error))
        return -1;
    return count == 1 ? 0
                      : error_set(error, ERROR_INPUT, "%s: a file in a list or folder holds one sample, not %" PRId64,
                                  *path, count);
}

/* `out` NULL: only looks. */
static int read_npy_file(const struct dataset *dataset, const struct dataset_item *item, float *out,
                         struct error *error)
{
    struct npy_file file;
    struct shape shape;
    char *path, got[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    int result = open_npy_file(dataset, item, &file, &path, &shape, error);
    if (result == 0 && !shape_equal(&shape, &dataset->tensor_shape))
        result = error_set(error, ERROR_INPUT, "%s: the shape %s is not that of the first sample, %s", path,
                           shape_text(&shape, got), shape_text(&dataset->tensor_shape, expected));
    if (result == 0 && out)
        result = npy_samples_read(dataset->memory, &file, 0, &shape, out, error);
    memory_release(dataset->memory, path);
    return result;
}

static int look_at_npy_file(const struct dataset *dataset, const struct dataset_item *item, struct error *error)
{
    return read_npy_file(dataset, item, NULL, error);
}

const struct dataset_form dataset_npy_file_form = {.read_tensor = read_npy_file, .look = look_at_npy_file};

int dataset_take_npy_files(struct dataset *dataset, struct error *error)
{
    struct npy_file file;
    char *path;
    dataset->form = &dataset_npy_file_form;
    dataset->is_tensor = true;
    int result = open_npy_file(dataset, &dataset->items[0], &file, &path, &dataset->tensor_shape, error);
    memory_release(dataset->memory, path);
    return result;
}
