/* Samples that are image files, with masks or without: folders of classes, lists and pairs. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/class_folders.h"
#include "data/dataset_form.h"
#include "data/folder.h"

static int check_sizes(const char *path, int width, int height, const struct image *image, struct error *error)
{
    if (width == image->width && height == image->height)
        return 0;
    return error_set(error, ERROR_INPUT, "%s: the mask has %dx%d pixels, its image %dx%d (width x height)", path, width,
                     height, image->width, image->height);
}

static int read_mask(const struct dataset *dataset, const struct dataset_item *item, const struct image *image,
                     struct index_image *mask, struct error *error)
{
    char *path = file_join(dataset->memory, dataset->mask_root, item->mask, error);
    int result = path ? index_image_read(dataset->memory, path, mask, error) : -1;
    if (result == 0)
        result = check_sizes(path, mask->width, mask->height, image, error);
    memory_release(dataset->memory, path);
    return result;
}

static void note_unturned(const struct dataset_item *item)
{
    __atomic_store_n(&((struct dataset_item *)(uintptr_t)item)->turned, 1, __ATOMIC_RELAXED);
}

/* Upright where that is wanted, else as stored. */
static int read_image(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                      struct error *error)
{
    char *path = dataset_item_path(dataset, item, error);
    int result = path ? image_read(dataset->memory, path, image, error) : -1;
    memory_release(dataset->memory, path);
    if (result || image->orientation <= 1)
        return result;
    if (!dataset->upright) {
        note_unturned(item);
        return 0;
    }
    struct image stored = *image;
    result = image_turn(dataset->memory, &stored, image, error);
    image_release(dataset->memory, &stored);
    return result;
}

static int file_sample_read(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                            struct index_image *mask, struct error *error)
{
    int result = read_image(dataset, item, image, error);
    if (result == 0 && item->mask && mask)
        result = read_mask(dataset, item, image, mask, error);
    if (result) {
        image_release(dataset->memory, image);
        if (mask)
            index_image_release(dataset->memory, mask);
    }
    return result;
}

static int look_at_image(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                         struct error *error)
{
    char *path = dataset_item_path(dataset, item, error);
    int result = path ? image_look(dataset->memory, path, image, error) : -1;
    memory_release(dataset->memory, path);
    if (result || image->orientation <= 1)
        return result;
    if (dataset->upright)
        image_turned_size(image, &image->height, &image->width);
    else
        note_unturned(item);
    return 0;
}

static int file_sample_look(const struct dataset *dataset, const struct dataset_item *item, struct error *error)
{
    struct image image, mask;
    if (look_at_image(dataset, item, &image, error))
        return -1;
    if (!item->mask)
        return 0;
    char *path = file_join(dataset->memory, dataset->mask_root, item->mask, error);
    int result = path ? index_image_look(dataset->memory, path, &mask, error) : -1;
    if (result == 0)
        result = check_sizes(path, mask.width, mask.height, &image, error);
    memory_release(dataset->memory, path);
    return result;
}

static const char *file_sample_file(const struct dataset *dataset, const struct dataset_item *item)
{
    (void)dataset;
    return item->name;
}

const struct dataset_form dataset_file_form = {
    .read = file_sample_read, .look = file_sample_look, .file = file_sample_file};

int dataset_open_image(struct dataset *dataset, const char *path, struct error *error)
{
    const char *name = file_base_name(path);
    dataset->root = arena_copy_string(dataset->arena, path, (size_t)(name - path), error);
    if (!dataset->root || dataset_make_items(dataset, 1, error))
        return -1;
    dataset->items[0] = (struct dataset_item){.name = name, .label = -1};
    return 0;
}

/* ---- one folder per class ---- */

static int compare_names_in_split(const void *a, const void *b)
{
    const struct dataset_item *x = a, *y = b;
    int order = strcmp(dataset_name_in_split(x->name), dataset_name_in_split(y->name));
    return order ? order : (x->split > y->split) - (x->split < y->split);
}

/* Names the classes as the model does, else after their folders; where these are numbers with gaps, they stay unnamed.
 */
static int name_by_folders(struct dataset *dataset, const char *const *files, const int64_t *labels, int64_t classes,
                           struct error *error)
{
    const struct class_names *model = dataset->options.names;
    if (model)
        return dataset_name_classes(dataset, model->names, model->count, error);
    const char **names = arena_allocate(dataset->arena, (size_t)classes, sizeof *names, error);
    if (!names)
        return -1;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (labels[i] >= classes)
            return 0;
        if (names[labels[i]])
            continue;
        names[labels[i]] = arena_copy_string(dataset->arena, files[i], strcspn(files[i], "/"), error);
        if (!names[labels[i]])
            return -1;
    }
    return dataset_name_classes(dataset, names, classes, error);
}

/* Without a label where these are optional and the files do not lie in two folders or more. */
static int label_by_folders(struct dataset *dataset, const char *path, bool has_splits, const char **files,
                            int64_t *labels, struct error *error)
{
    int64_t classes;
    bool named, optional = dataset->options.labels_optional;
    for (int64_t i = 0; i < dataset->count; i++) {
        const char *name = dataset->items[i].name;
        files[i] = has_splits ? dataset_name_in_split(name) : name;
        if (!optional && !strchr(files[i], '/'))
            return error_set(error, ERROR_INPUT, "%s: %s lies in no folder of a class (`masks` for segmentation)", path,
                             name);
    }
    if (!optional && dataset_check_folders(dataset, path, has_splits, files, error))
        return -1;
    if (class_folders_label(dataset->memory, files, dataset->count, dataset->options.names, labels, &classes, &named,
                            error))
        return error_prefix(error, "%s", path);
    if (optional && classes == 0)
        return 0;
    if (optional && dataset_check_folders(dataset, path, has_splits, files, error))
        return -1;
    if (classes < 2)
        return error_set(error, ERROR_INPUT, "%s: there is one class folder only", path);
    if (classes > DATASET_MAX_LABEL)
        return error_set(error, ERROR_INPUT, "%s: there are too many class folders (limit %d)", path,
                         DATASET_MAX_LABEL);
    for (int64_t i = 0; i < dataset->count; i++) {
        if (labels[i] > DATASET_MAX_LABEL)
            return error_set(error, ERROR_INPUT, "%s: %s: the label is above %d", path, files[i], DATASET_MAX_LABEL);
        dataset->items[i].label = (int32_t)labels[i];
    }
    dataset->labels_by_folders = true;
    dataset->names_used = named ? dataset->options.names->count : 0;
    return name_by_folders(dataset, files, labels, classes, error);
}

int dataset_open_folders(struct dataset *dataset, const char *path, struct error *error)
{
    bool has_splits;
    if (dataset_list_images(dataset, path, error) || dataset_split_by_folders(dataset, &has_splits, error))
        return -1;
    if (has_splits)
        qsort(dataset->items, (size_t)dataset->count, sizeof *dataset->items, compare_names_in_split);
    const char **files = memory_allocate(dataset->memory, (size_t)dataset->count, sizeof *files, error);
    int64_t *labels = memory_allocate(dataset->memory, (size_t)dataset->count, sizeof *labels, error);
    struct error problem = ERROR_INITIALISER;
    int result = files && labels ? 0 : -1;
    if (result == 0 && label_by_folders(dataset, path, has_splits, files, labels, &problem))
        result = dataset_without_labels(dataset, &problem, error);
    memory_release(dataset->memory, files);
    memory_release(dataset->memory, labels);
    return result;
}

/* ---- a list beside the images ---- */

static int compare_item_names(const void *a, const void *b)
{
    return strcmp(((const struct dataset_item *)a)->name, ((const struct dataset_item *)b)->name);
}

/* In the order of their names; the caller releases it. */
static struct dataset_item *sorted_items(const struct dataset *dataset, struct error *error)
{
    size_t count = (size_t)dataset->count;
    struct dataset_item *items = memory_allocate(dataset->memory, count, sizeof *items, error);
    if (items && count > 0) {
        memcpy(items, dataset->items, count * sizeof *items);
        qsort(items, count, sizeof *items, compare_item_names);
    }
    return items;
}

int dataset_join_folder(struct dataset *dataset, const char *path, struct error *error)
{
    struct dataset listed = *dataset;
    bool optional = dataset->options.labels_optional;
    struct dataset_item *sorted = sorted_items(dataset, error);
    dataset->form = &dataset_file_form;
    dataset->is_tensor = false;
    struct error problem = ERROR_INITIALISER;
    int result = sorted ? dataset_list_images(dataset, path, &problem) : -1;
    for (int64_t i = 0; result == 0 && i < dataset->count; i++) {
        struct dataset_item *item = &dataset->items[i];
        const struct dataset_item *found =
            listed.count > 0 ? bsearch(item, sorted, (size_t)listed.count, sizeof *sorted, compare_item_names) : NULL;
        item->label = found ? found->label : -1;
        if (!found && !optional)
            dataset_leave_out(dataset, "not in labels.csv", 1, item->name);
    }
    if (!optional) { /* its files may lie elsewhere */
        memcpy(listed.left_out, dataset->left_out, sizeof listed.left_out);
        *dataset = listed;
        result = problem.kind == ERROR_INPUT ? 0 : result;
    }
    memory_release(dataset->memory, sorted);
    return result == 0 || !sorted ? result : error_set(error, problem.kind, "%s", problem.message);
}

/* ---- images and masks ---- */

static bool is_png(const char *name)
{
    return file_ends_in(name, ".png");
}

/* Length without the extension. */
static size_t stem_length(const char *name)
{
    const char *dot = strrchr(file_base_name(name), '.');
    return dot ? (size_t)(dot - name) : strlen(name);
}

static int compare_stems(const char *a, const char *b)
{
    size_t x = stem_length(a), y = stem_length(b);
    int order = strncmp(a, b, x < y ? x : y);
    return order ? order : (x > y) - (x < y);
}

static int compare_items_by_stem(const void *a, const void *b)
{
    return compare_stems(((const struct dataset_item *)a)->name, ((const struct dataset_item *)b)->name);
}

static int compare_names_by_stem(const void *a, const void *b)
{
    return compare_stems(*(const char *const *)a, *(const char *const *)b);
}

/* Of the files from `first` on that are called as the image: a PNG before others; NULL: there is none. */
static const char *mask_of(const struct folder_list *masks, int64_t first, const char *image)
{
    const char *best = NULL;
    for (int64_t k = first; k < masks->count && compare_stems(masks->names[k], image) == 0; k++)
        best = !best || (is_png(masks->names[k]) && !is_png(best)) ? masks->names[k] : best;
    return best;
}

/* Walks both lists in the order of the stems; images without a mask stay unmatched. */
static int match_masks(struct dataset *dataset, struct folder_list *masks, struct error *error)
{
    if (masks->count > 0)
        qsort(masks->names, (size_t)masks->count, sizeof *masks->names, compare_names_by_stem);
    qsort(dataset->items, (size_t)dataset->count, sizeof *dataset->items, compare_items_by_stem);
    for (int64_t i = 0, k = 0; i < dataset->count; i++) {
        struct dataset_item *item = &dataset->items[i];
        while (k < masks->count && compare_stems(masks->names[k], item->name) < 0)
            k++;
        item->mask = mask_of(masks, k, item->name);
        if (!item->mask && !dataset->options.skip_broken)
            return error_set(error, ERROR_INPUT, "%s/%s: there is no mask %.*s (PNG, lossless WebP) in %s",
                             dataset->root, item->name, (int)stem_length(item->name), item->name, dataset->mask_root);
        if (i > 0 && compare_items_by_stem(item - 1, item) == 0)
            return error_set(error, ERROR_INPUT, "%s: %s and %s have the same mask", dataset->root, item[-1].name,
                             item->name);
    }
    return 0;
}

int dataset_open_pairs(struct dataset *dataset, const char *path, struct error *error)
{
    struct folder_list masks;
    bool has_splits;
    const char *root = dataset->options.masks;
    dataset->mask_root = arena_copy_string(dataset->arena, root, strlen(root), error);
    if (!dataset->mask_root || dataset_list_images(dataset, path, error) ||
        dataset_list_masks(dataset, root, &masks, error) || match_masks(dataset, &masks, error))
        return -1;
    int64_t kept = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (dataset->items[i].mask)
            dataset->items[kept++] = dataset->items[i];
        else
            dataset_leave_out(dataset, "without a mask", 1, dataset->items[i].name);
    }
    dataset->count = kept;
    return kept > 0 ? dataset_split_by_folders(dataset, &has_splits, error) : 0;
}
