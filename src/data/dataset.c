#include "data/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/dataset_form.h"
#include "data/folder.h"
#include "data/mask_values.h"
#include "image/format.h"

static int open_folder(struct dataset *dataset, const char *path, struct error *error)
{
    const char *list = folder_join(dataset->arena, path, "labels.csv", error);
    if (!list)
        return -1;
    if (dataset_is_idx_folder(dataset->memory, path))
        return dataset_open_idx_folder(dataset, path, error);
    if (!file_exists(list))
        return dataset_open_folders(dataset, path, error);
    return dataset_open_list(dataset, list, error) || dataset_join_folder(dataset, path, error) ? -1 : 0;
}

static int open_form(struct dataset *dataset, const char *path, struct error *error)
{
    const struct dataset_options *options = &dataset->options;
    bool array = file_ends_in(path, ".npy");
    if (options->masks)
        return dataset_open_pairs(dataset, path, error);
    if (options->labels)
        return array ? dataset_open_npy(dataset, path, error) : dataset_open_idx_pair(dataset, path, error);
    if (file_is_folder(path))
        return open_folder(dataset, path, error);
    bool picture = image_has_extension(path) || image_format_of_file(dataset->memory, path) != IMAGE_FORMAT_NONE;
    if (!array && !picture)
        return dataset_open_list(dataset, path, error);
    if (options->labels_optional)
        return array ? dataset_open_array(dataset, path, error) : dataset_open_image(dataset, path, error);
    return error_set(error, ERROR_INPUT, "%s: is no training data without labels: give a folder, a list or labels",
                     path);
}

/* Labels that the options or the highest label leave no class for are found by the check. */
static void settle_classes(struct dataset *dataset)
{
    for (int64_t i = 0; !dataset->class_names && i < dataset->count; i++) {
        if (dataset->items[i].label >= dataset->classes)
            dataset->classes = dataset->items[i].label + 1;
    }
    if (dataset->options.classes > 0)
        dataset->classes = dataset->options.classes;
}

/* `source` NULL: the samples are at `path`. */
static int open_any(struct dataset *dataset, const char *path, const struct fovea_sample_source *source,
                    struct error *error)
{
    const char *kept = arena_copy_string(dataset->arena, path, strlen(path), error);
    double share = dataset->options.validation_share;
    if (!kept)
        return -1;
    if (!(share >= 0 && share < 1))
        return error_set(error, ERROR_INPUT, "a validation share of %g is not between 0 and 1", share);
    if (dataset->options.ignore < -1 || dataset->options.ignore > DATASET_MAX_LABEL)
        return error_set(error, ERROR_INPUT, "masks have no value %" PRId64 " to ignore (0 to %d)",
                         dataset->options.ignore, DATASET_MAX_LABEL);
    if (mask_values_open(dataset, error) ||
        (source ? dataset_open_given(dataset, kept, source, error) : open_form(dataset, kept, error)))
        return -1;
    if (dataset->count == 0)
        return error_set(error, ERROR_INPUT, "%s: there are no samples in it", path);
    settle_classes(dataset);
    for (int64_t i = 0; dataset->options.labels_optional && i < dataset->count; i++)
        dataset->items[i].split = FOVEA_SPLIT_TRAIN;
    return dataset_split_by_share(dataset, error) || dataset_order_by_split(dataset, error) ? -1 : 0;
}

static struct dataset *create(struct memory *memory, const struct dataset_options *options, struct error *error)
{
    struct dataset *dataset = memory_allocate(memory, 1, sizeof *dataset, error);
    if (!dataset)
        return NULL;
    dataset->memory = memory;
    dataset->options = *options;
    dataset->form = &dataset_file_form;
    dataset->arena = arena_create(memory, error);
    return dataset;
}

/* The dataset, or NULL where it did not open. */
static struct dataset *finish(struct dataset *dataset, bool opened)
{
    dataset->options.masks = dataset->options.labels = NULL;
    dataset->options.names = NULL;
    dataset->options.mask_values = NULL;
    if (opened)
        return dataset;
    dataset_close(dataset);
    return NULL;
}

struct dataset *dataset_open(struct memory *memory, const char *path, const struct dataset_options *options,
                             struct error *error)
{
    struct dataset *dataset = create(memory, options, error);
    return dataset ? finish(dataset, dataset->arena && open_any(dataset, path, NULL, error) == 0) : NULL;
}

struct dataset *dataset_of_source(struct memory *memory, const char *name, const struct fovea_sample_source *source,
                                  const struct dataset_options *options, struct error *error)
{
    struct dataset *dataset = create(memory, options, error);
    return dataset ? finish(dataset, dataset->arena && open_any(dataset, name, source, error) == 0) : NULL;
}

struct dataset *dataset_of_tensor(struct memory *memory, const char *name, struct tensor *tensor, struct error *error)
{
    const struct dataset_options options = {.ignore = -1, .labels_optional = true};
    struct dataset *dataset = create(memory, &options, error);
    if (!dataset) {
        tensor_release(memory, tensor);
        return NULL;
    }
    dataset->held = *tensor;
    *tensor = (struct tensor){0};
    return finish(dataset, dataset->arena && dataset_open_held(dataset, name, error) == 0 &&
                               dataset_order_by_split(dataset, error) == 0);
}

void dataset_close(struct dataset *dataset)
{
    if (!dataset)
        return;
    for (int i = 0; i < 2; i++)
        idx_release(dataset->memory, &dataset->pairs[i]);
    tensor_release(dataset->memory, &dataset->held);
    dataset_close_given(dataset);
    arena_destroy(dataset->arena);
    memory_release(dataset->memory, dataset);
}

static void keep(struct dataset *dataset, enum fovea_split split, int64_t most, bool spaced)
{
    int64_t count = dataset_count(dataset, split), kept = most > 0 && most < count ? most : count;
    for (int64_t i = 0; i < kept; i++)
        dataset->items[i] = dataset->items[dataset->first[split] + (spaced ? i * count / kept : i)];
    dataset->count = kept;
    for (int s = 0; s <= FOVEA_SPLITS; s++)
        dataset->first[s] = s > (int)split ? kept : 0;
}

void dataset_keep(struct dataset *dataset, enum fovea_split split, int64_t most)
{
    keep(dataset, split, most, true);
}

void dataset_keep_first(struct dataset *dataset, enum fovea_split split, int64_t most)
{
    keep(dataset, split, most, false);
}

int dataset_limit_classes(struct dataset *dataset, int64_t classes, struct error *error)
{
    if (dataset->class_names && classes > dataset->classes) {
        const char **names = arena_allocate(dataset->arena, (size_t)classes, sizeof *names, error);
        if (!names)
            return -1;
        memcpy(names, dataset->class_names, (size_t)dataset->classes * sizeof *names);
        dataset->class_names = names;
    }
    dataset->options.classes = dataset->classes = classes;
    return 0;
}

int64_t dataset_count(const struct dataset *dataset, enum fovea_split split)
{
    return dataset->first[split + 1] - dataset->first[split];
}

int64_t dataset_classes(const struct dataset *dataset)
{
    return dataset->classes;
}

const char *dataset_class_name(const struct dataset *dataset, int64_t label)
{
    return dataset->class_names && label >= 0 && label < dataset->classes ? dataset->class_names[label] : NULL;
}

/* Classes numbered by the order of their names are the model's only where they are as many; one more may be ignored. */
static int check_order(const struct dataset *dataset, int64_t classes, struct error *error)
{
    const char *name = dataset_class_name(dataset, 0);
    bool ordered = name && strspn(name, "0123456789") < strlen(name);
    int64_t ignore = dataset->options.ignore,
            counted = dataset->classes - (ignore >= classes && ignore < dataset->classes);
    if (!ordered || counted == classes)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "the data's %" PRId64 " classes are numbered by the order of their names, the model has %" PRId64
                     ": %s`tune.new_classes` %" PRId64 " gives it as many",
                     dataset->classes, classes,
                     dataset->classes < classes ? "name all of the model's with `names` FILE, or " : "",
                     dataset->classes);
}

int dataset_check_labels(const struct dataset *dataset, int64_t classes, struct error *error)
{
    const struct error *problem = &dataset->label_error;
    if (problem->kind != ERROR_NONE)
        return error_set(error, problem->kind, "%s", problem->message);
    if (dataset->names_used == 0)
        return check_order(dataset, classes, error);
    if (dataset->names_used == classes)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "there are names for %" PRId64 " classes, the model has %" PRId64
                     ": labels cannot be told by names; give all names with `names`, or numbers",
                     dataset->names_used, classes);
}

void dataset_turn_upright(struct dataset *dataset, bool upright)
{
    dataset->upright = upright;
}

int64_t dataset_unturned(const struct dataset *dataset)
{
    int64_t count = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        count += dataset->items[i].turned;
    return count;
}

bool dataset_labels_by_folders(const struct dataset *dataset)
{
    return dataset->labels_by_folders;
}

bool dataset_has_masks(const struct dataset *dataset)
{
    return dataset->mask_root != NULL;
}

const struct shape *dataset_tensor_shape(const struct dataset *dataset)
{
    return dataset->is_tensor ? &dataset->tensor_shape : NULL;
}

const char *dataset_name(const struct dataset *dataset, enum fovea_split split, int64_t index,
                         char out[DATASET_NAME_SIZE])
{
    return dataset_item_name(dataset, &dataset->items[dataset->first[split] + index], out);
}

int64_t dataset_label(const struct dataset *dataset, enum fovea_split split, int64_t index)
{
    return dataset->items[dataset->first[split] + index].label;
}

int dataset_read(const struct dataset *dataset, enum fovea_split split, int64_t index, struct image *image,
                 struct index_image *mask, struct error *error)
{
    *image = (struct image){0};
    if (mask)
        *mask = (struct index_image){0};
    if (dataset->form->read(dataset, &dataset->items[dataset->first[split] + index], image, mask, error))
        return -1;
    if (mask && mask->values)
        mask_values_apply(dataset, mask);
    return 0;
}

/* Infinities and NaN of a file would turn every mean into NaN. */
static int check_finite(const struct dataset *dataset, const struct dataset_item *item, const float *elements,
                        struct error *error)
{
    char name[DATASET_NAME_SIZE];
    int64_t count = shape_count(&dataset->tensor_shape), bad = 0;
    for (int64_t i = 0; i < count; i++)
        bad += !isfinite(elements[i]);
    return bad == 0 ? 0
                    : error_set(error, ERROR_INPUT,
                                "%s: %" PRId64 " of its %" PRId64 " numbers are not finite (NaN or infinite)",
                                dataset_item_name(dataset, item, name), bad, count);
}

int dataset_read_tensor(const struct dataset *dataset, enum fovea_split split, int64_t index, float *out,
                        struct error *error)
{
    const struct dataset_item *item = &dataset->items[dataset->first[split] + index];
    return dataset->form->read_tensor(dataset, item, out, error) || check_finite(dataset, item, out, error) ? -1 : 0;
}
