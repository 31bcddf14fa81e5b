#include "api/data.h"

#include <inttypes.h>
#include <string.h>

#include "onnx/onnx.h"

#define USUAL_THREADS 2
#define USUAL_IGNORED_OF_MASKS 255

int64_t data_ignored(const struct fovea_data *data)
{
    return data->ignore >= 0 ? data->ignore : data->masks ? USUAL_IGNORED_OF_MASKS : -1;
}

int data_threads(const struct fovea_data *data)
{
    return data->loader_threads > 0 ? data->loader_threads : USUAL_THREADS;
}

struct dataset *data_open(struct fovea_model *model, const struct fovea_data *data, bool own_names, double share,
                          struct class_names *names, struct error *error)
{
    struct memory *memory = model->context->memory;
    const char *own = model_metadata(model->model, CLASS_NAMES_KEY);
    if (data->names ? class_names_read(memory, data->names, names, error)
                    : own && own_names && class_names_parse(memory, own, strlen(own), names, error))
        return NULL;
    struct dataset_options options = {.masks = data->masks,
                                      .labels = data->labels,
                                      .names = names->count > 0 ? names : NULL,
                                      .validation_share = share,
                                      .seed = model->context->seed,
                                      .ignore = data_ignored(data),
                                      .skip_broken = data->skip_broken};
    struct dataset *dataset = dataset_open(memory, data->path, &options, error);
    if (dataset)
        data_note(model->context, dataset, data->path);
    return dataset;
}

void data_note(struct context *context, const struct dataset *dataset, const char *path)
{
    char text[DATASET_NOTE_SIZE];
    int64_t unturned = dataset_unturned(dataset), count = 0;
    for (int split = 0; split < DATASET_SPLITS; split++)
        count += dataset_count(dataset, (enum dataset_split)split);
    if (dataset_left_out(dataset, text))
        context_note(context, "%s: left out: %s", path, text);
    if (unturned > 0)
        context_note(context,
                     "%s: the EXIF orientation of %" PRId64 " of %" PRId64
                     " images is not applied (pixels as stored, as torchvision takes them): --exif apply turns them",
                     path, unturned, count);
}

struct fovea_metrics data_metrics(const struct metrics_summary *summary)
{
    return (struct fovea_metrics){summary->counted,       summary->top1,     summary->top5,
                                  summary->mean_accuracy, summary->mean_iou, summary->mean_dice};
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
        struct metrics_class of = metrics_of_class(metrics, i);
        const char *name = table->list[i].name;
        if (name_class(arena, dataset, names, i, &name, error))
            return -1;
        table->list[i] =
            (struct fovea_class_metrics){name, of.actual, of.predicted, of.correct, of.accuracy, of.iou, of.dice};
    }
    table->count = count;
    if (confusion)
        memcpy((int64_t *)(uintptr_t)table->confusion, confusion, cells * sizeof *confusion);
    return 0;
}
