#include "data/sample_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "data/class_folders.h"
#include "data/folder.h"
#include "data/npy_samples.h"

struct sample {
    const char *name;
    const char *path;
    int64_t label;
};

struct sample_source {
    struct memory *memory;
    struct arena *arena;
    bool has_preprocess;
    struct preprocess preprocess;
    enum image_layout layout;
    const struct class_names *names; /* the caller's, while opening */
    enum sample_labels labels;
    int64_t names_used;       /* how many names there are, where labels were found by them; else 0 */
    struct error label_error; /* why there are no labels; kept until they are needed */
    struct shape shape;
    int64_t count;
    struct sample *samples;
    struct npy_file numbered; /* a single .npy file with all samples; path NULL: none */
};

static bool is_npy(const char *path)
{
    const char *dot = strrchr(file_base_name(path), '.');
    return dot && strcasecmp(dot, ".npy") == 0;
}

static int make_samples(struct sample_source *source, int64_t count, struct error *error)
{
    source->samples = arena_allocate(source->arena, (size_t)count, sizeof *source->samples, error);
    source->count = count;
    return source->samples ? 0 : -1;
}

/* ---- tensors ---- */

static int open_npy(struct sample_source *source, const char *path, struct error *error)
{
    int64_t count;
    if (npy_samples_open(source->memory, path, &source->numbered, &count, &source->shape, error) ||
        make_samples(source, count, error))
        return -1;
    const char *name = file_base_name(path);
    for (int64_t i = 0; i < count; i++) {
        char numbered[512];
        int length = snprintf(numbered, sizeof numbered, count > 1 ? "%.400s#%" PRId64 : "%.400s", name, i);
        source->samples[i] =
            (struct sample){arena_copy_string(source->arena, numbered, (size_t)length, error), path, -1};
        if (!source->samples[i].name)
            return -1;
    }
    return 0;
}

/* Sample of a file that holds one; `out` NULL: only looks at the shape. */
static int read_npy(const struct sample_source *source, const char *path, struct shape *shape, float *out,
                    struct error *error)
{
    struct npy_file file;
    int64_t count;
    char got[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    if (npy_samples_open(source->memory, path, &file, &count, shape, error))
        return -1;
    if (count != 1)
        return error_set(error, ERROR_INPUT, "%s: a file in a list or folder holds one sample, not %" PRId64, path,
                         count);
    if (!out)
        return 0;
    if (!shape_equal(shape, &source->shape))
        return error_set(error, ERROR_INPUT, "%s: the shape %s is not that of the first sample, %s", path,
                         shape_text(shape, got), shape_text(&source->shape, expected));
    return npy_samples_read(source->memory, &file, 0, shape, out, error);
}

/* ---- images ---- */

/* `channels` and the size that images get, in the layout's order. */
static int image_shape(const struct sample_source *source, int64_t height, int64_t width, struct shape *shape,
                       struct error *error)
{
    int64_t channels = preprocess_channel_count(&source->preprocess);
    bool first = source->layout == LAYOUT_NCHW;
    int64_t dims[3] = {first ? channels : height, first ? height : width, first ? width : channels};
    return shape_set(shape, 3, dims, error);
}

/* What the preprocessing leaves open is decided by the first image. */
static int settle_size(struct sample_source *source, struct error *error)
{
    struct preprocess *preprocess = &source->preprocess;
    if (preprocess->crop_height <= 0 || preprocess->crop_width <= 0) {
        struct image image;
        int64_t height, width;
        if (image_read(source->memory, source->samples[0].path, &image, error))
            return -1;
        preprocess_size(preprocess, &image, &height, &width);
        image_release(source->memory, &image);
        preprocess->crop_height = height;
        preprocess->crop_width = width;
    }
    return image_shape(source, preprocess->crop_height, preprocess->crop_width, &source->shape, error);
}

static int settle_shape(struct sample_source *source, const char *path, struct error *error)
{
    if (source->count == 0)
        return error_set(error, ERROR_INPUT, "%s: there are no images in it (.png, .jpg, .jpeg or .npy)", path);
    if (is_npy(source->samples[0].path))
        return read_npy(source, source->samples[0].path, &source->shape, NULL, error);
    if (!source->has_preprocess)
        return error_set(error, ERROR_INPUT,
                         "%s: how images become inputs is not known: choose --preprocess imagenet, inception, clip or "
                         "raw",
                         path);
    return settle_size(source, error);
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct file_label *)a)->file, ((const struct file_label *)b)->file);
}

/* Labels that cannot be told are no error yet: most analyses need none. */
static int without_labels(struct sample_source *source, const char *path, const struct error *problem,
                          struct error *error)
{
    if (problem->kind != ERROR_INPUT)
        return error_set(error, problem->kind, "%s", problem->message);
    source->label_error = *problem;
    error_prefix(&source->label_error, "%s", path);
    source->labels = SAMPLE_LABELS_NONE;
    for (int64_t i = 0; i < source->count; i++)
        source->samples[i].label = -1;
    return 0;
}

static int label_by_folders(struct sample_source *source, const char *path, const struct folder_list *list,
                            struct error *error)
{
    int64_t classes = 0;
    bool named = false;
    struct error problem = ERROR_INITIALISER;
    int64_t *labels = memory_allocate(source->memory, (size_t)list->count, sizeof *labels, error);
    if (!labels)
        return -1;
    int result = class_folders_label(source->memory, list->names, list->count, source->names, labels, &classes, &named,
                                     &problem);
    for (int64_t i = 0; result == 0 && i < list->count; i++)
        source->samples[i].label = labels[i];
    if (result == 0 && classes > 0)
        source->labels = SAMPLE_LABELS_FOLDERS;
    if (result == 0 && named)
        source->names_used = source->names->count;
    memory_release(source->memory, labels);
    return result ? without_labels(source, path, &problem, error) : 0;
}

/* The label of a line, whose class may be told by its name. */
static int label_of_item(struct sample_source *source, const struct file_label *item, int64_t *label,
                         struct error *problem)
{
    char shown[96];
    *label = item->label;
    if (!item->name)
        return 0;
    text_printable(item->name, strlen(item->name), shown, sizeof shown);
    if (!source->names)
        return error_set(problem, ERROR_INPUT,
                         "%s has the label \"%s\", but the names of the classes are not known: give them with "
                         "--labels, or use numbers",
                         item->file, shown);
    *label = class_names_find(source->names, item->name, strlen(item->name));
    source->names_used = source->names->count;
    if (*label >= 0)
        return 0;
    return error_set(problem, ERROR_INPUT, "%s has the label \"%s\", which %s of the %" PRId64 " classes (\"%s\", ...)",
                     item->file, shown, *label == -2 ? "several are called" : "is the name of none",
                     source->names->count, source->names->names[0]);
}

/* Labels of the folder's labels.csv; *exists: whether there is one. */
static int label_by_list(struct sample_source *source, const char *folder, bool *exists, struct error *error)
{
    struct label_list list;
    const char *path = folder_join(source->arena, folder, "labels.csv", error);
    if (!path)
        return -1;
    *exists = file_exists(path);
    if (!*exists)
        return 0;
    source->labels = SAMPLE_LABELS_LIST;
    if (label_list_read(source->memory, path, &list, error))
        return -1;
    if (list.count > 0)
        qsort(list.items, (size_t)list.count, sizeof *list.items, compare_labels);
    int result = 0;
    struct error problem = ERROR_INITIALISER;
    for (int64_t i = 0; result == 0 && list.count > 0 && i < source->count; i++) {
        struct file_label wanted = {.file = source->samples[i].name};
        const struct file_label *found =
            bsearch(&wanted, list.items, (size_t)list.count, sizeof *list.items, compare_labels);
        if (found)
            result = label_of_item(source, found, &source->samples[i].label, &problem);
    }
    label_list_release(&list);
    return result ? without_labels(source, path, &problem, error) : 0;
}

static int open_folder(struct sample_source *source, const char *path, struct error *error)
{
    struct folder_list list;
    bool listed;
    if (folder_list(source->arena, path, image_has_extension, MAX_SAMPLES, &list, error))
        return -1;
    if (list.count == 0 && folder_list(source->arena, path, is_npy, MAX_SAMPLES, &list, error))
        return -1;
    if (make_samples(source, list.count, error))
        return -1;
    for (int64_t i = 0; i < list.count; i++) {
        const char *file = folder_join(source->arena, path, list.names[i], error);
        source->samples[i] = (struct sample){list.names[i], file, -1};
        if (!file)
            return -1;
    }
    if (label_by_list(source, path, &listed, error))
        return -1;
    return listed ? 0 : label_by_folders(source, path, &list, error);
}

static int take_list(struct sample_source *source, const char *path, const struct label_list *list, struct error *error)
{
    const char *folder = arena_copy_string(source->arena, path, (size_t)(file_base_name(path) - path), error);
    struct error problem = ERROR_INITIALISER;
    if (!folder || make_samples(source, list->count, error))
        return -1;
    for (int64_t i = 0; i < list->count; i++) {
        const char *name = list->items[i].file;
        if (!image_has_extension(name) && !is_npy(name)) {
            char shown[256];
            return error_set(error, ERROR_INPUT,
                             "%s: taken as a list of files, but \"%s\" is not a .png, .jpg, .jpeg or .npy file", path,
                             text_printable(name, strlen(name), shown, sizeof shown));
        }
        source->samples[i].name = arena_copy_string(source->arena, name, strlen(name), error);
        source->samples[i].path = folder_join(source->arena, folder, name, error);
        if (problem.kind == ERROR_NONE)
            label_of_item(source, &list->items[i], &source->samples[i].label, &problem);
        if (source->samples[i].label >= 0)
            source->labels = SAMPLE_LABELS_LIST;
        if (!source->samples[i].name || !source->samples[i].path)
            return -1;
        if (is_npy(name) != is_npy(source->samples[0].name))
            return error_set(error, ERROR_INPUT, "%s: the list mixes images and .npy files", path);
    }
    return problem.kind == ERROR_NONE ? 0 : without_labels(source, path, &problem, error);
}

static int open_list(struct sample_source *source, const char *path, struct error *error)
{
    struct label_list list;
    if (label_list_read(source->memory, path, &list, error))
        return -1;
    int result = take_list(source, path, &list, error);
    label_list_release(&list);
    return result;
}

static int open_any(struct sample_source *source, const char *path, struct error *error)
{
    const char *kept = arena_copy_string(source->arena, path, strlen(path), error);
    if (!kept)
        return -1;
    if (is_npy(path))
        return open_npy(source, kept, error);
    if (file_is_folder(path)) {
        if (open_folder(source, kept, error))
            return -1;
    } else if (image_has_extension(path)) {
        if (make_samples(source, 1, error))
            return -1;
        source->samples[0] = (struct sample){file_base_name(kept), kept, -1};
    } else if (open_list(source, kept, error)) {
        return -1;
    }
    return settle_shape(source, path, error);
}

struct sample_source *sample_source_open(struct memory *memory, const char *path, const struct sample_options *options,
                                         struct error *error)
{
    struct sample_source *source = memory_allocate(memory, 1, sizeof *source, error);
    if (!source)
        return NULL;
    source->memory = memory;
    source->layout = options->layout;
    source->names = options->names;
    source->has_preprocess = options->preprocess != NULL;
    if (options->preprocess)
        source->preprocess = *options->preprocess;
    source->arena = arena_create(memory, error);
    bool opened = source->arena && open_any(source, path, error) == 0;
    source->names = NULL;
    if (opened)
        return source;
    sample_source_close(source);
    return NULL;
}

void sample_source_close(struct sample_source *source)
{
    if (!source)
        return;
    arena_destroy(source->arena);
    memory_release(source->memory, source);
}

int64_t sample_source_count(const struct sample_source *source)
{
    return source->count;
}

const struct shape *sample_source_shape(const struct sample_source *source)
{
    return &source->shape;
}

const char *sample_source_name(const struct sample_source *source, int64_t index)
{
    return source->samples[index].name;
}

const char *sample_source_path(const struct sample_source *source, int64_t index)
{
    return source->samples[index].path;
}

int64_t sample_source_label(const struct sample_source *source, int64_t index)
{
    return source->samples[index].label;
}

int sample_source_check_labels(const struct sample_source *source, int64_t classes, struct error *error)
{
    const struct error *problem = &source->label_error;
    if (problem->kind != ERROR_NONE)
        return error_set(error, problem->kind, "%s", problem->message);
    if (source->names_used == 0 || source->names_used == classes)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "there are names for %" PRId64 " classes, the model has %" PRId64
                     ": labels cannot be told by names; give all names with --labels, or numbers",
                     source->names_used, classes);
}

enum sample_labels sample_source_labels(const struct sample_source *source)
{
    return source->labels;
}

int sample_source_crop(const struct sample_source *source, int64_t index, struct image *crop, struct error *error)
{
    struct image image;
    const char *path = source->samples[index].path;
    *crop = (struct image){0};
    if (!sample_source_preprocess(source))
        return error_set(error, ERROR_INPUT, "%s: is a tensor, not an image", path);
    if (image_read(source->memory, path, &image, error))
        return -1;
    int result = preprocess_crop(source->memory, &source->preprocess, &image, crop, error);
    image_release(source->memory, &image);
    return result ? error_prefix(error, "%s", path) : 0;
}

void sample_source_normalise(const struct sample_source *source, const struct image *crop, float *out)
{
    preprocess_normalise(&source->preprocess, crop, source->layout, out);
}

int sample_source_read(const struct sample_source *source, int64_t index, float *out, struct error *error)
{
    const char *path = source->samples[index].path;
    struct shape shape;
    struct image crop;
    if (source->numbered.path)
        return npy_samples_read(source->memory, &source->numbered, index, &source->shape, out, error);
    if (is_npy(path))
        return read_npy(source, path, &shape, out, error);
    if (sample_source_crop(source, index, &crop, error))
        return -1;
    sample_source_normalise(source, &crop, out);
    image_release(source->memory, &crop);
    return 0;
}

const struct preprocess *sample_source_preprocess(const struct sample_source *source)
{
    bool images = source->has_preprocess && source->count > 0 && !is_npy(source->samples[0].path);
    return images ? &source->preprocess : NULL;
}
