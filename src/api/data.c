#include "api/data.h"
#include "api/entry.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "structure/model_names.h"

#define USUAL_THREADS 2
#define USUAL_IGNORED_OF_MASKS 255

const char *data_path(const struct fovea_data *data)
{
    return data->source ? "the samples" : data->path;
}

bool data_has_masks(const struct fovea_data *data)
{
    return data->source ? data->source->masks : data->masks != NULL;
}

int64_t data_ignored(const struct fovea_data *data)
{
    return data_has_masks(data) ? DATASET_IGNORED : data->ignore >= 0 ? data->ignore : -1;
}

/* Of masks 255, unless that is a class. */
static int64_t usual_ignored(const struct fovea_data *data)
{
    if (!data_has_masks(data))
        return -1;
    for (int i = 0; i < data->mask_value_count; i++) {
        if (data->mask_values[i] == USUAL_IGNORED_OF_MASKS)
            return -1;
    }
    return USUAL_IGNORED_OF_MASKS;
}

int data_threads(const struct fovea_data *data)
{
    int threads = data->loader_threads > 0 ? data->loader_threads : USUAL_THREADS;
    return data->source && !data->source->threads ? 0 : threads;
}

/* A file of names beside a model that has its own: which of both is right only their owner knows. */
static void note_other_names(const struct fovea_model *model, const char *path, const struct class_names *names)
{
    struct class_names own;
    struct error ignored = ERROR_INITIALISER;
    char theirs[80], ours[80];
    if (model_class_names(model->model, &own, &ignored))
        return;
    for (int64_t i = 0; own.count == names->count && i < own.count; i++) {
        if (strcmp(own.names[i], names->names[i]) == 0)
            continue;
        context_note(model->context, "%s: calls class %" PRId64 " \"%s\", %s itself \"%s\": the file of names counts",
                     path, i, text_printable(names->names[i], strlen(names->names[i]), theirs, sizeof theirs),
                     model->model->path, text_printable(own.names[i], strlen(own.names[i]), ours, sizeof ours));
        break;
    }
    class_names_release(&own);
}

int data_names(const struct fovea_model *model, const char *path, bool own, struct class_names *names,
               struct error *error)
{
    *names = (struct class_names){0};
    if (!path)
        return own ? model_class_names(model->model, names, error) : 0;
    if (class_names_read(model->context->memory, path, names, error))
        return -1;
    model->model->named_classes = names->count;
    if (own)
        note_other_names(model, path, names);
    return 0;
}

int data_sample_names(const struct fovea_model *model, const struct fovea_samples *samples, struct class_names *names,
                      const char **source, struct error *error)
{
    *source = samples->class_names ? "the names of the classes" : samples->labels;
    *names = (struct class_names){0};
    if (!samples->class_names && samples->class_count != 0)
        return error_set(error, ERROR_INPUT, "there are %" PRId64 " names of classes, but no list of them",
                         (int64_t)samples->class_count);
    if (!samples->class_names)
        return data_names(model, samples->labels, true, names, error);
    if (samples->labels)
        return error_set(error, ERROR_INPUT, "the names of the classes are in a file or a list, not both");
    if (class_names_copy(model->context->memory, samples->class_names, samples->class_count, names, error))
        return -1;
    model->model->named_classes = names->count;
    return 0;
}

int data_check_names(const struct fovea_model *model, const char *path, struct class_names *names, int64_t classes,
                     struct error *error)
{
    if (names->count == 0 || names->count == classes)
        return 0;
    if (path)
        return error_set(error, ERROR_INPUT,
                         "%s: there are %" PRId64 " names in it, the model has %" PRId64 " classes: name all of them",
                         path, names->count, classes);
    context_note(model->context,
                 "%s: its metadata name %" PRId64 " classes, it has %" PRId64 ": they stay without names",
                 model->model->path, names->count, classes);
    class_names_release(names);
    return 0;
}

int fovea_class_find(struct fovea_model *model, const char *labels, const char *name, int64_t *class_index,
                     struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "class_index", class_index, sizeof *class_index) || entry_model(&entry, model) ||
        entry_argument(&entry, "name", name))
        return entry_refuse(&entry, report);
    struct class_names names;
    char shown[256];
    int result = data_names(model, labels, true, &names, &entry.error);
    *class_index = result == 0 ? class_names_find(&names, name, strlen(name)) : -1;
    text_printable(name, strlen(name), shown, sizeof shown);
    if (result == 0 && names.count == 0)
        result = error_set(&entry.error, ERROR_INPUT,
                           "class \"%s\": the names of the classes are not known: give them with `labels` FILE, or a "
                           "number from 0",
                           shown);
    else if (result == 0 && *class_index < 0)
        result = error_set(&entry.error, ERROR_INPUT, "class \"%s\": %s of the %" PRId64 " classes (\"%s\", ...)",
                           shown, *class_index == -2 ? "several are called so" : "that is the name of none",
                           names.count, names.names[0]);
    class_names_release(&names);
    return result ? entry_refuse(&entry, report) : 0;
}

struct dataset *data_open(struct fovea_model *model, const struct fovea_data *data, bool own_names, double share,
                          struct class_names *names, struct error *error)
{
    struct memory *memory = model->context->memory;
    if ((data->path || data->masks || data->labels) && data->source) {
        error_set(error, ERROR_INPUT, "the data are at a path, or a source of samples, not both");
        return NULL;
    }
    if (data_names(model, data->names, own_names, names, error))
        return NULL;
    struct dataset_options options = {.masks = data->masks,
                                      .labels = data->labels,
                                      .names = names->count > 0 ? names : NULL,
                                      .validation_share = share,
                                      .seed = model->context->seed,
                                      .ignore = data->ignore >= 0                   ? data->ignore
                                                : data->ignore == FOVEA_IGNORE_NONE ? -1
                                                                                    : usual_ignored(data),
                                      .usual_ignore = data->ignore == -1,
                                      .mask_values = data->mask_values,
                                      .mask_value_count = data->mask_value_count,
                                      .masks_given = data_has_masks(data),
                                      .skip_broken = data->skip_broken};
    struct dataset *dataset = data->source ? dataset_of_source(memory, data_path(data), data->source, &options, error)
                                           : dataset_open(memory, data->path, &options, error);
    if (dataset)
        data_note(model->context, dataset, data_path(data));
    return dataset;
}

void data_note(struct context *context, const struct dataset *dataset, const char *path)
{
    char text[DATASET_NOTE_SIZE];
    int64_t unturned = dataset_unturned(dataset), count = 0;
    for (int split = 0; split < FOVEA_SPLITS; split++)
        count += dataset_count(dataset, (enum fovea_split)split);
    if (dataset_left_out_words(dataset, text))
        context_note(context, "%s: left out: %s", path, text);
    if (unturned > 0)
        context_note(context,
                     "%s: the EXIF orientation of %" PRId64 " of %" PRId64
                     " images is not applied (pixels as stored, as torchvision takes them): `exif` apply turns them",
                     path, unturned, count);
}

static int keep_left_out(struct arena *arena, const struct fovea_left_out *from, struct fovea_left_out *to,
                         struct error *error)
{
    const char *kind = arena_copy_string(arena, from->kind, strlen(from->kind), error);
    const char *first = kind ? arena_copy_string(arena, from->first, strlen(from->first), error) : NULL;
    *to = (struct fovea_left_out){kind, from->count, first};
    return first ? 0 : -1;
}

const struct fovea_left_out *data_left_out(struct arena *arena, const struct dataset *dataset, int64_t broken,
                                           const char *first_broken, struct error *error)
{
    const struct fovea_left_out *found = dataset_left_out(dataset), unread = {"broken", broken, first_broken};
    size_t count = 0;
    while (found[count].kind)
        count++;
    struct fovea_left_out *list = arena_allocate(arena, count + 2, sizeof *list, error);
    for (size_t i = 0; list && i < count + (broken > 0); i++) {
        if (keep_left_out(arena, i < count ? &found[i] : &unread, &list[i], error))
            return NULL;
    }
    return list;
}

void data_refuse_labels(const struct fovea_data *data, const struct dataset_report *report, struct error *error)
{
    struct error found = *error;
    if (report->out_of_range == 0 || (report->broken > 0 && !data->skip_broken))
        return;
    *error = (struct error)ERROR_INITIALISER;
    error_set(error, found.kind, "%s: %s; labels are the model's classes from 0 on%s, `ignore` N leaves one out",
              data_path(data), found.message,
              data_has_masks(data) ? " (`mask_values` tells other values of masks)" : "");
}

const char *data_class_name(const struct dataset *dataset, const struct class_names *names, int64_t class)
{
    const char *own = dataset_class_name(dataset, class);
    return own || class >= names->count ? own : names->names[class];
}

static int name_class(struct arena *arena, const struct dataset *dataset, const struct class_names *names,
                      int64_t class, const char **name, struct error *error)
{
    const char *own = data_class_name(dataset, names, class);
    if (own && !*name)
        *name = arena_copy_string(arena, own, strlen(own), error);
    return !own || *name ? 0 : -1;
}

int data_keep_classes(struct arena *arena, const struct dataset *dataset, const struct class_names *names,
                      const struct metrics *metrics, int64_t count, struct fovea_class_table *table,
                      struct error *error)
{
    size_t cells = (size_t)count * (size_t)count;
    const int64_t *confusion = metrics_confusion(metrics);
    if (!table->list) {
        table->list = arena_allocate(arena, (size_t)count, sizeof *table->list, error);
        table->confusion = confusion ? arena_allocate(arena, cells, sizeof *confusion, error) : NULL;
        if (!table->list || (confusion && !table->confusion))
            return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        struct fovea_class_metrics of = metrics_of_class(metrics, i);
        of.name = table->list[i].name;
        if (name_class(arena, dataset, names, i, &of.name, error))
            return -1;
        table->list[i] = of;
    }
    table->count = count;
    if (confusion)
        memcpy((int64_t *)(uintptr_t)table->confusion, confusion, cells * sizeof *confusion);
    return 0;
}
