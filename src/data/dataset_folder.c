/* What a folder of samples holds: images, told by their bytes, and what is left out of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/dataset_form.h"
#include "data/folder.h"
#include "image/format.h"

void dataset_leave_out(struct dataset *dataset, const char *kind, int64_t count, const char *first)
{
    for (int i = 0; i < DATASET_LEFT_OUT_KINDS; i++) {
        struct fovea_left_out *entry = &dataset->left_out[i];
        if (entry->kind && strcmp(entry->kind, kind) != 0)
            continue;
        if (!entry->kind)
            *entry = (struct fovea_left_out){kind, 0, first};
        entry->count += count;
        return;
    }
}

const struct fovea_left_out *dataset_left_out(const struct dataset *dataset)
{
    return dataset->left_out;
}

const char *dataset_left_out_words(const struct dataset *dataset, char out[DATASET_NOTE_SIZE])
{
    size_t length = 0;
    out[0] = 0;
    for (int i = 0; dataset->left_out[i].kind; i++) {
        const struct fovea_left_out *entry = &dataset->left_out[i];
        int written = snprintf(out + length, DATASET_NOTE_SIZE - length, "%s%" PRId64 " %s (%.200s%s)", i ? ", " : "",
                               entry->count, entry->kind, entry->first, entry->count > 1 ? ", ..." : "");
        length += (size_t)written;
        if (length >= DATASET_NOTE_SIZE)
            break;
    }
    return out[0] ? out : NULL;
}

/* A format that is read, or one that is not; only names that say nothing are looked into. */
static enum image_format format_of(struct dataset *dataset, const char *path, const char *name)
{
    if (image_has_extension(name))
        return IMAGE_FORMAT_PNG;
    char *file = file_join(dataset->memory, path, name, NULL);
    enum image_format format = file ? image_format_of_file(dataset->memory, file) : IMAGE_FORMAT_NONE;
    memory_release(dataset->memory, file);
    return format;
}

/* Keeps the images' names of the list, and counts the others by kind. */
static void keep_images(struct dataset *dataset, const char *path, struct folder_list *list)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < list->count; i++) {
        const char *name = list->names[i];
        enum image_format format = format_of(dataset, path, name);
        if (format != IMAGE_FORMAT_NONE && format < IMAGE_FORMATS_READ)
            list->names[kept++] = name;
        else if (strcmp(name, "labels.csv") != 0)
            dataset_leave_out(dataset, format == IMAGE_FORMAT_NONE ? "other" : image_format_name(format), 1, name);
    }
    list->count = kept;
    if (list->link_count > 0)
        dataset_leave_out(dataset, "linked folders that lead back", list->link_count, list->first_link);
}

int dataset_list_masks(struct dataset *dataset, const char *path, struct folder_list *list, struct error *error)
{
    int64_t kept = 0;
    if (folder_list(dataset->arena, path, NULL, DATASET_MAX_SAMPLES, list, error))
        return -1;
    for (int64_t i = 0; i < list->count; i++) {
        if (format_of(dataset, path, list->names[i]) != IMAGE_FORMAT_NONE)
            list->names[kept++] = list->names[i];
    }
    list->count = kept;
    return 0;
}

static bool is_npy(const char *name)
{
    return file_ends_in(name, ".npy");
}

static int refuse_empty(const struct dataset *dataset, const char *path, struct error *error)
{
    char others[DATASET_NOTE_SIZE];
    bool any = dataset_left_out_words(dataset, others) != NULL;
    return error_set(error, ERROR_INPUT, "%s: there are no images in it (PNG, JPEG, WebP%s)%s%s", path,
                     dataset->options.labels_optional ? " or .npy" : "", any ? ", but " : "", any ? others : "");
}

int dataset_list_images(struct dataset *dataset, const char *path, struct error *error)
{
    struct folder_list list, arrays = {0};
    dataset->root = path;
    memset(dataset->left_out, 0, sizeof dataset->left_out);
    if (folder_list(dataset->arena, path, NULL, DATASET_MAX_SAMPLES, &list, error))
        return -1;
    keep_images(dataset, path, &list);
    dataset->folders = list.folders;
    dataset->folder_count = list.folder_count;
    bool of_arrays = dataset->options.labels_optional && list.count == 0;
    if (of_arrays && folder_list(dataset->arena, path, is_npy, DATASET_MAX_SAMPLES, &arrays, error))
        return -1;
    const struct folder_list *found = of_arrays ? &arrays : &list;
    if (found->count == 0)
        return refuse_empty(dataset, path, error);
    if (dataset_make_items(dataset, found->count, error))
        return -1;
    for (int64_t i = 0; i < found->count; i++)
        dataset->items[i] = (struct dataset_item){.name = found->names[i], .label = -1, .split = FOVEA_SPLIT_TRAIN};
    if (of_arrays)
        memset(dataset->left_out, 0, sizeof dataset->left_out);
    return of_arrays ? dataset_take_npy_files(dataset, error) : 0;
}

/* ---- class folders without an image ---- */

/* Whether one of `files`, sorted by bytes, lies in the folder. */
static bool holds_file(const char *const *files, int64_t count, const char *folder)
{
    size_t length = strlen(folder);
    int64_t low = 0, high = count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strncmp(files[middle], folder, length);
        if (order < 0 || (order == 0 && (unsigned char)files[middle][length] < '/'))
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && strncmp(files[low], folder, length) == 0 && files[low][length] == '/';
}

int dataset_check_folders(const struct dataset *dataset, const char *path, bool has_splits, const char *const *files,
                          struct error *error)
{
    char others[DATASET_NOTE_SIZE];
    for (int64_t i = 0; i < dataset->folder_count; i++) {
        const char *name = dataset->folders[i], *class = has_splits ? dataset_name_in_split(name) : name;
        bool of_split = has_splits && class == name;
        if (of_split || strchr(class, '/') || holds_file(files, dataset->count, class))
            continue;
        bool any = dataset_left_out_words(dataset, others) != NULL;
        return error_set(error, ERROR_INPUT,
                         "%s: there is no image (PNG, JPEG, WebP) in the class folder \"%s\"%s%s: fill it or remove it",
                         path, class, any ? "; left out are " : "", any ? others : "");
    }
    return 0;
}
