/* What two runs must have in common for one to go on with the other's checkpoint. */
#include <stdlib.h>
#include <string.h>

#include "api/data.h"
#include "api/images.h"
#include "api/tune_work.h"
#include "base/sha256.h"
#include "base/text.h"
#include "onnx/onnx.h"

static json_t *texts(const char *const *list, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        document_append(&array, document_string(list[i]));
    return array;
}

static json_t *doubles(const double *list, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        document_append(&array, document_number(list[i]));
    return array;
}

static json_t *integers(const int64_t *list, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        document_append(&array, json_integer(list[i]));
    return array;
}

static json_t *shapes_text(const struct fovea_shapes *shapes)
{
    json_t *array = json_array();
    for (int i = 0; i < shapes->count; i++) {
        const struct fovea_shape *shape = &shapes->list[i];
        document_append(&array, document_object("name", document_string(shape->name), "dims",
                                                integers(shape->dims, shape->rank), NULL));
    }
    return array;
}

static json_t *decays(const struct fovea_tune_options *options)
{
    json_t *array = json_array();
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        document_append(&array, document_number((double)options->decays[i]));
    return array;
}

static void add_training(json_t **likeness, const struct tune_work *work)
{
    const struct fovea_tune_options *options = work->options;
    document_set(likeness, "seed", json_integer((json_int_t)work->seed));
    document_set(likeness, "seeds", json_integer(work->seeds));
    document_set(likeness, "epochs", json_integer(options->epochs));
    document_set(likeness, "batch", json_integer(work->batch));
    document_set(likeness, "samples", json_integer(options->samples));
    document_set(likeness, "accumulate", json_integer(options->accumulate));
    document_set(likeness, "optimiser", json_integer(options->optimiser));
    document_set(likeness, "rate", document_number(tune_rate(options)));
    document_set(likeness, "decay", document_number(options->decay));
    document_set(likeness, "momentum", document_number(options->momentum));
    document_set(likeness, "nesterov", json_boolean(options->nesterov));
    document_set(likeness, "schedule", json_integer(options->schedule));
    document_set(likeness, "warmup_epochs", document_number(options->warmup_epochs));
    document_set(likeness, "clip", document_number(options->clip));
    document_set(likeness, "loss", json_integer(options->loss));
    document_set(likeness, "smoothing", document_number(options->smoothing));
    document_set(likeness, "dice", document_number(options->dice));
    document_set(likeness, "statistics", json_integer(options->statistics));
    document_set(likeness, "freeze", texts(options->freeze, options->freeze_count));
    document_set(likeness, "rates", texts(options->rates, options->rate_count));
    document_set(likeness, "recipe", document_string(options->recipe));
    document_set(likeness, "reinitialise", texts(options->reinitialise, options->reinitialise_count));
    document_set(likeness, "new_classes", json_integer(options->new_classes));
    document_set(likeness, "decays", decays(options));
    document_set(likeness, "teacher_weight", document_number(work->teacher ? options->teacher_weight : 0));
    document_set(likeness, "no_winograd", json_boolean(work->model->context->direct));
    document_set(likeness, "activation", document_string(work->model->model->activation));
    document_set(likeness, "shapes", shapes_text(&options->shapes));
}

static void add_augmentation(json_t **likeness, const struct fovea_augment *augment)
{
    document_set(likeness, "crop_scale", doubles(augment->crop_scale, 2));
    document_set(likeness, "crop_ratio", doubles(augment->crop_ratio, 2));
    document_set(likeness, "padding", json_integer(augment->padding));
    document_set(likeness, "scale_jitter", doubles(augment->scale_jitter, 2));
    document_set(likeness, "flip", document_number(augment->flip));
    document_set(likeness, "rotation", document_number(augment->rotation));
    document_set(likeness, "brightness", document_number(augment->brightness));
    document_set(likeness, "contrast", document_number(augment->contrast));
    document_set(likeness, "saturation", document_number(augment->saturation));
    document_set(likeness, "hue", document_number(augment->hue));
    document_set(likeness, "mixup", document_number(augment->mixup));
}

/* "balanced", or the SHA-256 of the file of weights. */
static int add_weights(json_t **likeness, const struct fovea_tune_options *options, struct error *error)
{
    char digest[65];
    const char *weights = options->class_weights;
    bool file = weights && strcmp(weights, "balanced") != 0 && !options->class_weight_list;
    if (file && sha256_file(weights, digest, error))
        return -1;
    document_set(likeness, "class_weights",
                 options->class_weight_list ? doubles(options->class_weight_list, options->class_weight_count)
                                            : document_string(file ? digest : weights));
    return 0;
}

static int add_preprocess(json_t **likeness, const struct tune_work *work, struct error *error)
{
    const struct value *input = api_image_input(work->model->model->graph);
    struct preprocess preprocess;
    struct text text;
    bool channels_last;
    if (dataset_tensor_shape(work->dataset) || !input)
        return 0;
    if (images_prepare(work->model, input, &work->options->shapes, work->options->preprocess, &preprocess,
                       &channels_last, error))
        return -1;
    text_start(&text, work->model->context->memory);
    preprocess_print(&preprocess, &text);
    int result = text_finish(&text, error);
    if (result == 0)
        document_set(likeness, "preprocess", document_string(text.data));
    text_release(&text);
    return result;
}

static int add_data(json_t **likeness, const struct tune_work *work, struct error *error)
{
    const struct fovea_data *data = &work->options->data;
    char digest[65];
    if (dataset_measure(work->dataset, work->model->context->pool, digest, error))
        return -1;
    document_set(likeness, "data", document_string(digest));
    document_set(likeness, "validation_share", document_number(data->validation_share));
    document_set(likeness, "ignore", json_integer(data->ignore));
    document_set(likeness, "mask_values", integers(data->mask_values, data->mask_value_count));
    document_set(likeness, "skip_broken", json_boolean(data->skip_broken));
    document_set(likeness, "names", texts((const char *const *)work->names.names, work->names.count));
    return 0;
}

static int add_model(json_t **likeness, const char *key, const struct model *model, struct error *error)
{
    char digest[65];
    if (model && model_sha256(model, digest, error))
        return -1;
    document_set(likeness, key, document_string(model ? digest : NULL));
    return 0;
}

json_t *tune_likeness(struct tune_work *work, struct error *error)
{
    json_t *likeness = json_object();
    int result = add_model(&likeness, "model", work->model->model, error) ||
                         add_model(&likeness, "teacher", work->teacher, error) ||
                         add_model(&likeness, "control", work->control, error) || add_data(&likeness, work, error) ||
                         add_preprocess(&likeness, work, error) || add_weights(&likeness, work->options, error)
                     ? -1
                     : 0;
    add_training(&likeness, work);
    add_augmentation(&likeness, &work->options->augment);
    if (result == 0 && likeness)
        return likeness;
    if (result == 0)
        error_set(error, ERROR_MEMORY, "out of memory");
    json_decref(likeness);
    return NULL;
}

/* What no option says as a number or word. */
static const struct {
    const char *key, *words;
} wholes[] = {{"model", "another model file"},
              {"teacher", "another `teacher`"},
              {"control", "another `control`"},
              {"data", "other data (files, labels or splits)"},
              {"preprocess", "images prepared in another way (`preprocess`)"},
              {"names", "other names of the classes (`names`)"}};

static const char *words_of(const char *key)
{
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        if (strcmp(key, wholes[i].key) == 0)
            return wholes[i].words;
    }
    return NULL;
}

/* `out` is cut where the value is long. */
static const char *value_text(const json_t *value, char *out, size_t size)
{
    char *text = value ? document_text(json_incref((json_t *)(uintptr_t)value), JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    text_format(out, size, "%.60s", text ? text : "none");
    free(text);
    return out;
}

int tune_compare_likeness(const json_t *saved, const json_t *own, const char *path, struct error *error)
{
    const char *key;
    json_t *value;
    char theirs[80], ours[80];
    json_object_foreach((json_t *)(uintptr_t)own, key, value)
    {
        const json_t *other = json_object_get(saved, key);
        const char *words = words_of(key);
        if (other && json_equal(other, value))
            continue;
        const char *way_out = "give what it was started with, or start anew with `force`";
        if (words)
            return error_set(error, ERROR_INPUT, "%s: is of a run with %s: %s", path, words, way_out);
        return error_set(error, ERROR_INPUT, "%s: is of a run with `%s` %s, here it is %s: %s", path, key,
                         value_text(other, theirs, sizeof theirs), value_text(value, ours, sizeof ours), way_out);
    }
    return 0;
}
