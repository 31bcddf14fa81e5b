/* Samples that the caller hands over one by one, from memory. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset_form.h"

struct dataset_given {
    struct fovea_sample_source source;
    pthread_mutex_t mutex; /* one call at a time; what it gave is valid until the next */
};

/* ---- what the caller gave ---- */

static int check_rows(const char *what, const void *bytes, int64_t stride, int64_t least, int64_t height,
                      struct error *error)
{
    if (!bytes)
        return error_set(error, ERROR_INPUT, "%s has no pixels", what);
    if (stride != 0 && (stride < least || stride > PTRDIFF_MAX / height))
        return error_set(error, ERROR_INPUT, "%s has rows of %" PRId64 " bytes that are %" PRId64 " bytes apart", what,
                         least, stride);
    return 0;
}

int dataset_check_image(const struct fovea_image *image, struct error *error)
{
    return image_check_size(image->width, image->height, error) ||
                   check_rows("the image", image->pixels, image->stride, 3 * image->width, image->height, error) ||
                   (image->mask &&
                    check_rows("the mask", image->mask, image->mask_stride, image->width, image->height, error))
               ? -1
               : 0;
}

static const char *item_name(const struct dataset *dataset, int64_t index, const char *name,
                             char out[DATASET_NAME_SIZE])
{
    if (name)
        snprintf(out, DATASET_NAME_SIZE, "%s", name);
    else
        snprintf(out, DATASET_NAME_SIZE, "%.480s#%" PRId64, dataset->root, index);
    return out;
}

static int ask(const struct dataset *dataset, int64_t index, struct fovea_sample *sample, struct error *error)
{
    const struct fovea_sample_source *source = &dataset->given->source;
    struct fovea_error told = {0};
    *sample = (struct fovea_sample){.label = -1};
    if (source->sample(source->user, index, sample, &told) == 0)
        return 0;
    told.message[sizeof told.message - 1] = 0;
    enum error_kind kind = told.code == FOVEA_CANCELLED ? ERROR_CANCELLED : ERROR_INPUT;
    return error_set(error, kind, "%s", told.message[0] ? told.message : "its callback failed");
}

/* The sample as a ready tensor, a view. */
static int view(const struct fovea_sample *sample, struct tensor *tensor, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    if (tensor_view(sample->tensor, tensor, error))
        return -1;
    struct shape *shape = &tensor->shape;
    bool one = shape->rank == 4 && shape->dims[0] == 1;
    if (!(shape->rank == 3 || one) || shape_count(shape) == 0)
        return error_set(error, ERROR_INPUT, "the shape %s is not that of one image, like [C,H,W]",
                         shape_text(shape, text));
    return one ? shape_set(shape, 3, shape->dims + 1, error) : 0;
}

static int check_tensor(const struct dataset *dataset, const struct fovea_sample *sample, struct tensor *tensor,
                        struct error *error)
{
    char got[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    if (view(sample, tensor, error))
        return -1;
    return shape_equal(&tensor->shape, &dataset->tensor_shape)
               ? 0
               : error_set(error, ERROR_INPUT, "the shape %s is not that of the first sample, %s",
                           shape_text(&tensor->shape, got), shape_text(&dataset->tensor_shape, expected));
}

/* Whether it is of the same kind as the others. */
static int check_sample(const struct dataset *dataset, const struct fovea_sample *sample, struct tensor *tensor,
                        struct error *error)
{
    if (dataset->is_tensor != (sample->tensor != NULL) || (sample->tensor && sample->image.pixels))
        return error_set(error, ERROR_INPUT, "samples are all images, or all tensors, and this one is %s",
                         !sample->tensor        ? "an image"
                         : sample->image.pixels ? "both"
                                                : "a tensor");
    if (dataset->is_tensor)
        return check_tensor(dataset, sample, tensor, error);
    if (dataset_check_image(&sample->image, error))
        return -1;
    return dataset->mask_root && !sample->image.mask && !dataset->options.labels_optional
               ? error_set(error, ERROR_INPUT, "it has no mask")
               : 0;
}

/* ---- the form ---- */

static int copy_image(const struct dataset *dataset, const struct fovea_image *from, struct image *image,
                      struct index_image *mask, struct error *error)
{
    size_t row = 3 * (size_t)from->width;
    int64_t stride = from->stride ? from->stride : (int64_t)row;
    int64_t mask_stride = from->mask_stride ? from->mask_stride : from->width;
    if (image_allocate(dataset->memory, image, from->width, from->height, 3, error))
        return -1;
    for (int64_t y = 0; y < from->height; y++)
        memcpy(image->pixels + (size_t)y * row, from->pixels + y * stride, row);
    if (!mask || !from->mask)
        return 0;
    if (index_image_allocate(dataset->memory, mask, from->width, from->height, error)) {
        image_release(dataset->memory, image);
        return -1;
    }
    for (int64_t y = 0; y < from->height; y++) {
        for (int64_t x = 0; x < from->width; x++)
            mask->values[y * from->width + x] = from->mask[y * mask_stride + x];
    }
    return 0;
}

/* `out` NULL: an image. */
static int fetch(const struct dataset *dataset, const struct dataset_item *item, float *out, struct image *image,
                 struct index_image *mask, struct error *error)
{
    struct fovea_sample sample;
    struct tensor tensor;
    char name[DATASET_NAME_SIZE];
    pthread_mutex_lock(&dataset->given->mutex);
    int result = ask(dataset, item->number, &sample, error) || check_sample(dataset, &sample, &tensor, error) ? -1 : 0;
    if (result == 0 && !out)
        result = copy_image(dataset, &sample.image, image, mask, error);
    for (int64_t i = 0; result == 0 && out && i < shape_count(&tensor.shape); i++)
        out[i] = (float)tensor_number(&tensor, i);
    pthread_mutex_unlock(&dataset->given->mutex);
    return result ? error_prefix(error, "%s", dataset_item_name(dataset, item, name)) : 0;
}

static int given_read(const struct dataset *dataset, const struct dataset_item *item, struct image *image,
                      struct index_image *mask, struct error *error)
{
    return fetch(dataset, item, NULL, image, mask, error);
}

static int given_read_tensor(const struct dataset *dataset, const struct dataset_item *item, float *out,
                             struct error *error)
{
    return fetch(dataset, item, out, NULL, NULL, error);
}

static const char *given_file(const struct dataset *dataset, const struct dataset_item *item)
{
    (void)item;
    return dataset->root;
}

static const struct dataset_form given_form = {
    .read = given_read, .read_tensor = given_read_tensor, .file = given_file};

/* ---- opening ---- */

/* The first sample says what all are. */
static int take_kind(struct dataset *dataset, const struct fovea_sample *sample, struct error *error)
{
    struct tensor tensor;
    dataset->is_tensor = sample->tensor != NULL;
    if (!dataset->is_tensor)
        return 0;
    if (view(sample, &tensor, error))
        return -1;
    dataset->tensor_shape = tensor.shape;
    return 0;
}

static int take_item(struct dataset *dataset, int64_t index, const struct fovea_sample *sample,
                     struct dataset_item *item, struct error *error)
{
    if (sample->label < -1 || sample->label > DATASET_MAX_LABEL)
        return error_set(error, ERROR_INPUT, "its label is %" PRId64 ", not between 0 and %d, or -1", sample->label,
                         DATASET_MAX_LABEL);
    if (dataset->classes > 0 && sample->label >= dataset->classes && sample->label != dataset->options.ignore)
        return error_set(error, ERROR_INPUT, "label %" PRId64 " is none of the %" PRId64 " classes", sample->label,
                         dataset->classes);
    if ((unsigned)sample->split >= FOVEA_SPLITS)
        return error_set(error, ERROR_INPUT, "there is no split %d", (int)sample->split);
    const char *name = sample->tensor ? NULL : sample->image.name;
    *item = (struct dataset_item){.label = dataset->mask_root ? -1 : (int32_t)sample->label,
                                  .number = (uint32_t)index,
                                  .split = (uint8_t)sample->split,
                                  .masked = !sample->tensor && sample->image.mask};
    if (name && !(item->name = arena_copy_string(dataset->arena, name, strnlen(name, DATASET_NAME_SIZE - 1), error)))
        return -1;
    return 0;
}

/* Each sample is asked for once: what it is, its label and split. Broken ones are left out with `skip_broken`. */
static int take_items(struct dataset *dataset, struct error *error)
{
    const struct fovea_sample_source *source = &dataset->given->source;
    const char *first = NULL;
    char name[DATASET_NAME_SIZE];
    int64_t kept = 0;
    for (int64_t i = 0; i < source->count; i++) {
        struct fovea_sample sample;
        struct tensor tensor;
        struct error broken = ERROR_INITIALISER;
        if (ask(dataset, i, &sample, &broken) == 0 && (kept > 0 || take_kind(dataset, &sample, &broken) == 0) &&
            check_sample(dataset, &sample, &tensor, &broken) == 0 &&
            take_item(dataset, i, &sample, &dataset->items[kept], &broken) == 0) {
            kept++;
            continue;
        }
        item_name(dataset, i, sample.tensor ? NULL : sample.image.name, name);
        if (!dataset->options.skip_broken || !dataset_error_is_broken(&broken))
            return error_set(error, broken.kind, "%s: %s", name, broken.message);
        if (!first && !(first = arena_copy_string(dataset->arena, name, strlen(name), error)))
            return -1;
    }
    if (first)
        dataset_leave_out(dataset, "broken", source->count - kept, first);
    dataset->count = kept;
    return 0;
}

static int check_source(const struct fovea_sample_source *source, struct error *error)
{
    if (!source->sample)
        return error_set(error, ERROR_INPUT, "there is no callback for samples");
    if (source->count < 1 || source->count > DATASET_MAX_SAMPLES)
        return error_set(error, ERROR_INPUT, "%" PRId64 " samples are not between 1 and %d", source->count,
                         DATASET_MAX_SAMPLES);
    if (source->classes < 0 || source->classes > DATASET_MAX_LABEL + 1)
        return error_set(error, ERROR_INPUT, "%" PRId64 " classes are not between 0 and %d", source->classes,
                         DATASET_MAX_LABEL + 1);
    for (int64_t i = 0; source->class_names && i < source->classes; i++) {
        if (!source->class_names[i])
            return error_set(error, ERROR_INPUT, "class %" PRId64 " of %" PRId64 " has no name", i, source->classes);
    }
    return 0;
}

int dataset_open_given(struct dataset *dataset, const char *name, const struct fovea_sample_source *source,
                       struct error *error)
{
    const struct class_names *names = dataset->options.names;
    if (check_source(source, error))
        return error_prefix(error, "%s", name);
    struct dataset_given *given = arena_allocate(dataset->arena, 1, sizeof *given, error);
    dataset->root = given ? arena_copy_string(dataset->arena, name, strlen(name), error) : NULL;
    if (!dataset->root)
        return -1;
    given->source = *source;
    pthread_mutex_init(&given->mutex, NULL);
    dataset->given = given;
    dataset->form = &given_form;
    dataset->classes = source->classes;
    if (source->masks)
        dataset->mask_root = dataset->root;
    if (dataset_make_items(dataset, source->count, error) || take_items(dataset, error))
        return -1;
    if (source->class_names && source->classes > 0)
        return dataset_name_classes(dataset, source->class_names, source->classes, error);
    return names ? dataset_name_classes(dataset, names->names, names->count, error) : 0;
}

void dataset_close_given(struct dataset *dataset)
{
    if (dataset->given)
        pthread_mutex_destroy(&dataset->given->mutex);
}

bool dataset_mask_given(const struct dataset *dataset, enum fovea_split split, int64_t index)
{
    return dataset->items[dataset->first[split] + index].masked;
}

bool dataset_given_here(const struct dataset *dataset)
{
    return dataset->given && !dataset->given->source.threads;
}

/* ---- images in an array ---- */

static int give_image(void *user, int64_t index, struct fovea_sample *sample, struct fovea_error *error)
{
    const struct fovea_image *images = user;
    (void)error;
    sample->image = images[index];
    return 0;
}

struct fovea_sample_source dataset_source_of_images(const struct fovea_image *images, int64_t count)
{
    return (struct fovea_sample_source){
        .count = images ? count : 0, .sample = give_image, .user = (void *)(uintptr_t)images, .threads = true};
}
