/* Samples, and the classes that they have, as the forms of data make them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/dataset_form.h"

int dataset_make_items(struct dataset *dataset, int64_t count, struct error *error)
{
    if (count > DATASET_MAX_SAMPLES)
        return error_set(error, ERROR_LIMIT, "there are too many samples (limit %d)", DATASET_MAX_SAMPLES);
    dataset->items = arena_allocate(dataset->arena, (size_t)count, sizeof *dataset->items, error);
    dataset->count = count;
    return dataset->items ? 0 : -1;
}

int dataset_name_classes(struct dataset *dataset, const char *const *names, int64_t count, struct error *error)
{
    dataset->class_names = arena_allocate(dataset->arena, (size_t)count, sizeof *dataset->class_names, error);
    for (int64_t i = 0; dataset->class_names && i < count; i++) {
        dataset->class_names[i] = arena_copy_string(dataset->arena, names[i], strlen(names[i]), error);
        if (!dataset->class_names[i])
            return -1;
    }
    dataset->classes = count;
    return dataset->class_names ? 0 : -1;
}

int dataset_without_labels(struct dataset *dataset, const struct error *problem, struct error *error)
{
    if (!dataset->options.labels_optional || problem->kind != ERROR_INPUT)
        return error_set(error, problem->kind, "%s", problem->message);
    dataset->label_error = *problem;
    dataset->labels_by_folders = false;
    dataset->names_used = 0;
    for (int64_t i = 0; i < dataset->count; i++)
        dataset->items[i].label = -1;
    return 0;
}

const char *dataset_item_name(const struct dataset *dataset, const struct dataset_item *item,
                              char out[DATASET_NAME_SIZE])
{
    if (item->name)
        snprintf(out, DATASET_NAME_SIZE, "%s", item->name);
    else
        snprintf(out, DATASET_NAME_SIZE, "%.480s#%" PRIu32, dataset->form->file(dataset, item), item->number);
    return out;
}

char *dataset_item_path(const struct dataset *dataset, const struct dataset_item *item, struct error *error)
{
    return file_join(dataset->memory, item->name[0] == '/' ? "" : dataset->root, item->name, error);
}

bool dataset_error_is_broken(const struct error *error)
{
    return error->kind == ERROR_INPUT || error->kind == ERROR_UNSUPPORTED || error->kind == ERROR_LIMIT;
}
