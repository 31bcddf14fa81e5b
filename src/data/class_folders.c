#include "data/class_folders.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A first folder: `length` bytes of the name of one of its files. */
struct class_folder {
    const char *name;
    size_t length;
    int64_t first; /* file in it, in the given order */
    int64_t label;
};

static size_t folder_length(const char *file)
{
    const char *slash = strchr(file, '/');
    return slash ? (size_t)(slash - file) : 0;
}

static bool begins_folder(const char *const *files, int64_t i)
{
    size_t length = folder_length(files[i]);
    return i == 0 || length != folder_length(files[i - 1]) || strncmp(files[i - 1], files[i], length) != 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct class_folder *x = a, *y = b;
    size_t common = x->length < y->length ? x->length : y->length;
    int order = strncmp(x->name, y->name, common);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int compare_places(const void *a, const void *b)
{
    const struct class_folder *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Whether all folders are among the names; their labels then are those. */
static bool label_by_names(struct class_folder *folders, int64_t count, const struct class_names *names)
{
    for (int64_t i = 0; i < count; i++) {
        folders[i].label = -1;
        for (int64_t k = 0; names && k < names->count && folders[i].label < 0; k++) {
            if (strlen(names->names[k]) == folders[i].length &&
                strncmp(names->names[k], folders[i].name, folders[i].length) == 0)
                folders[i].label = k;
        }
        if (folders[i].label < 0)
            return false;
    }
    return true;
}

static long long folder_number(const struct class_folder *folder)
{
    char *end;
    long long number = strtoll(folder->name, &end, 10);
    return end == folder->name + folder->length && number >= 0 ? number : -1;
}

/* Labels in the order of the names, unless these are numbers in another order: nobody can tell then which is meant. */
static int label_by_order(struct class_folder *folders, int64_t count, struct error *error)
{
    bool numbers = true;
    qsort(folders, (size_t)count, sizeof *folders, compare_names);
    for (int64_t i = 0; i < count; i++) {
        folders[i].label = i;
        numbers = numbers && folder_number(&folders[i]) >= 0;
    }
    for (int64_t i = 1; numbers && i < count; i++) {
        long long before = folder_number(&folders[i - 1]), number = folder_number(&folders[i]);
        if (number < before)
            return error_set(error, ERROR_INPUT,
                             "class folders %lld and %lld: sorted as texts they are not in the order of their numbers; "
                             "rename them with leading zeros, or put a labels.csv (file,label) beside them",
                             before, number);
    }
    qsort(folders, (size_t)count, sizeof *folders, compare_places);
    return 0;
}

static int label_folders(struct class_folder *folders, int64_t folder_count, const char *const *files, int64_t count,
                         const struct class_names *names, int64_t *labels, struct error *error)
{
    for (int64_t i = 0, k = 0; i < count; i++) {
        if (begins_folder(files, i))
            folders[k++] = (struct class_folder){files[i], folder_length(files[i]), i, -1};
    }
    if (!label_by_names(folders, folder_count, names) && label_by_order(folders, folder_count, error))
        return -1;
    for (int64_t k = 0; k < folder_count; k++) {
        for (int64_t i = folders[k].first; i < (k + 1 < folder_count ? folders[k + 1].first : count); i++)
            labels[i] = folders[k].label;
    }
    return 0;
}

int class_folders_label(struct memory *memory, const char *const *files, int64_t count, const struct class_names *names,
                        int64_t *labels, int64_t *classes, struct error *error)
{
    bool all_inside = true;
    int64_t folder_count = 0;
    *classes = 0;
    for (int64_t i = 0; i < count; i++) {
        labels[i] = -1;
        all_inside = all_inside && folder_length(files[i]) > 0;
        folder_count += begins_folder(files, i);
    }
    if (!all_inside || folder_count < 2)
        return 0;
    struct class_folder *folders = memory_allocate(memory, (size_t)folder_count, sizeof *folders, error);
    int result = folders ? label_folders(folders, folder_count, files, count, names, labels, error) : -1;
    memory_release(memory, folders);
    *classes = folder_count;
    return result;
}
