/* What training leaves: the model with what its file says of the training, in a file or in memory. */
#include <string.h>

#include "api/images.h"
#include "api/tune_work.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "guide/record.h"
#include "structure/head.h"

/* The names that the data have for the classes, one a line. */
static int name_classes(const struct tune_arm *arm, struct error *error)
{
    const struct dataset *dataset = arm->work->dataset;
    struct text text;
    int64_t count = 0;
    text_start(&text, arm->model->context->memory);
    for (; count < dataset_classes(dataset) && dataset_class_name(dataset, count); count++)
        text_print(&text, "%s%s", count ? "\n" : "", dataset_class_name(dataset, count));
    int result = text_finish(&text, error);
    bool all = count == arm->classes; /* names of some, or of other classes, would be taken for those of all */
    if (result == 0 && (all || model_metadata(arm->model, CLASS_NAMES_KEY)))
        result = model_set_metadata(arm->model, CLASS_NAMES_KEY, all ? text.data : "", error);
    text_release(&text);
    return result;
}

/* Whether the file says already how its images were prepared. */
static bool is_described(const struct tune_arm *arm, const struct text *used)
{
    struct fovea_model holder = {arm->work->model->fovea, arm->work->model->context, arm->model};
    struct preprocess own;
    bool channels_last, same = false;
    if (!model_metadata(arm->model, PREPROCESS_KEY) ||
        images_prepare(&holder, arm->input, &arm->work->options->shapes, NULL, &own, &channels_last, NULL))
        return false;
    struct text text;
    text_start(&text, arm->model->context->memory);
    preprocess_print(&own, &text);
    same = text_finish(&text, NULL) == 0 && strcmp(text.data, used->data) == 0;
    text_release(&text);
    return same;
}

/* How its images were prepared goes into the file, where it did not say so. */
static int describe_images(const struct tune_arm *arm, struct error *error)
{
    struct text text;
    if (dataset_tensor_shape(arm->work->dataset))
        return 0;
    text_start(&text, arm->model->context->memory);
    preprocess_print(&arm->preprocess, &text);
    int result = text_finish(&text, error);
    if (result == 0 && !is_described(arm, &text))
        result = model_set_metadata(arm->model, PREPROCESS_KEY, text.data, error);
    text_release(&text);
    return result;
}

/* What was trained is no longer pending. */
static int describe(const struct tune_arm *arm, struct error *error)
{
    bool renamed = arm->work->options->new_classes > 0 || !model_metadata(arm->model, CLASS_NAMES_KEY);
    return record_mark_trained(arm->model, error) || describe_images(arm, error) ||
                   model_set_metadata(arm->model, HEAD_LOSS_KEY, loss_name(arm->loss), error) ||
                   (renamed && name_classes(arm, error))
               ? -1
               : 0;
}

int tune_save_best(const struct tune_arm *arm, struct error *error)
{
    struct tune_work *work = arm->work;
    struct saved_model before = work->kept;
    if (describe(arm, error))
        return -1;
    if (work->path)
        return model_save(arm->model, work->path, error) ||
                       (work->saving.likeness && sha256_file(work->path, work->saving.best, error))
                   ? -1
                   : 0;
    if (model_save_memory(arm->model, true, &work->kept, error))
        return -1;
    memory_release(arm->model->context->memory, before.bytes);
    return 0;
}

int tune_save_last(const struct tune_arm *arm, struct error *error)
{
    const char *path = arm->work->path;
    size_t length = strlen(path) - (file_ends_in(path, ".onnx") ? strlen(".onnx") : 0);
    const char *last = arena_print(arm->work->result->storage, error, "%.*s.last.onnx", (int)length, path);
    return last && describe(arm, error) == 0 ? model_save(arm->model, last, error) : -1;
}
