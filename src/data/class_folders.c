#include "data/class_folders.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

static long long folder_number(const struct class_folder *folder)
{
    char *end;
    long long number = strtoll(folder->name, &end, 10);
    return end == folder->name + folder->length && number >= 0 && folder->name[0] != '+' ? number : -1;
}

static bool all_numbers(const struct class_folder *folders, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (folder_number(&folders[i]) < 0)
            return false;
    }
    return true;
}

/* Folders that are no class, in an error's words. */
static int refuse_folders(struct memory *memory, const struct class_folder *folders, int64_t count,
                          const struct class_names *names, struct error *error)
{
    enum { SHOWN = 8 };
    struct text list;
    int64_t unknown = 0;
    text_start(&list, memory);
    for (int64_t i = 0; i < count; i++) {
        char shown[80];
        if (folders[i].label >= 0 || unknown++ >= SHOWN)
            continue;
        text_print(&list, "%s\"%s\"%s", unknown > 1 ? ", " : "",
                   text_printable(folders[i].name, folders[i].length, shown, sizeof shown),
                   folders[i].label == -2 ? " (several)" : "");
    }
    if (unknown > SHOWN)
        text_print(&list, " and %" PRId64 " more", unknown - SHOWN);
    if (text_finish(&list, error) == 0)
        error_set(error, ERROR_INPUT,
                  "class folders %s: none of the %" PRId64
                  " known classes (\"%s\", ...) is called so; rename them, put "
                  "a labels.csv (file,label) beside them, or name the classes with `names`",
                  list.data, names->count, names->names[0]);
    text_release(&list);
    return -1;
}

/* Labels in the order of the folders' names, or their numbers. Where these differ nobody can tell which is meant. */
static int label_by_order(struct class_folder *folders, int64_t count, struct error *error)
{
    bool numbers = all_numbers(folders, count);
    qsort(folders, (size_t)count, sizeof *folders, compare_names);
    for (int64_t i = 0; i < count; i++)
        folders[i].label = numbers ? folder_number(&folders[i]) : i;
    for (int64_t i = 1; numbers && i < count; i++) {
        if (folders[i].label < folders[i - 1].label)
            return error_set(error, ERROR_INPUT,
                             "class folders %" PRId64 " and %" PRId64
                             ": sorted as texts they are not in the order of their numbers; rename them with leading "
                             "zeros, or put a labels.csv (file,label) beside them",
                             folders[i - 1].label, folders[i].label);
    }
    qsort(folders, (size_t)count, sizeof *folders, compare_places);
    return 0;
}

static int label_by_names(struct memory *memory, struct class_folder *folders, int64_t count,
                          const struct class_names *names, bool *named, struct error *error)
{
    *named = true;
    for (int64_t i = 0; i < count; i++) {
        folders[i].label = class_names_find(names, folders[i].name, folders[i].length);
        *named = *named && folders[i].label >= 0;
    }
    if (*named)
        return 0;
    if (!all_numbers(folders, count))
        return refuse_folders(memory, folders, count, names, error);
    for (int64_t i = 0; i < count; i++)
        folders[i].label = folder_number(&folders[i]);
    return 0;
}

static int label_folders(struct memory *memory, struct class_folder *folders, int64_t folder_count,
                         const char *const *files, int64_t count, const struct class_names *names, int64_t *labels,
                         bool *named, struct error *error)
{
    for (int64_t i = 0, k = 0; i < count; i++) {
        if (begins_folder(files, i))
            folders[k++] = (struct class_folder){files[i], folder_length(files[i]), i, -1};
    }
    if (names ? label_by_names(memory, folders, folder_count, names, named, error)
              : label_by_order(folders, folder_count, error))
        return -1;
    for (int64_t k = 0; k < folder_count; k++) {
        for (int64_t i = folders[k].first; i < (k + 1 < folder_count ? folders[k + 1].first : count); i++)
            labels[i] = folders[k].label;
    }
    return 0;
}

int class_folders_label(struct memory *memory, const char *const *files, int64_t count, const struct class_names *names,
                        int64_t *labels, int64_t *classes, bool *named, struct error *error)
{
    bool all_inside = true;
    int64_t folder_count = 0;
    *classes = 0;
    *named = false;
    for (int64_t i = 0; i < count; i++) {
        labels[i] = -1;
        all_inside = all_inside && folder_length(files[i]) > 0;
        folder_count += begins_folder(files, i);
    }
    if (!all_inside || folder_count < 2)
        return 0;
    struct class_folder *folders = memory_allocate(memory, (size_t)folder_count, sizeof *folders, error);
    int result = folders ? label_folders(memory, folders, folder_count, files, count, names, labels, named, error) : -1;
    memory_release(memory, folders);
    *classes = folder_count;
    return result;
}
