#include "data/loader_sample.h"

#include <string.h>

static int settle_tensors(struct loader_task *task, struct error *error)
{
    struct fovea_augment mixup_alone = {.mixup = task->augment.mixup};
    if (memcmp(&task->augment, &mixup_alone, sizeof mixup_alone) != 0)
        return error_set(error, ERROR_INPUT, "ready tensors are not augmented but by mixup; images have to be uint8");
    task->shape = *dataset_tensor_shape(task->dataset);
    return 0;
}

static int settle_images(struct loader_task *task, const struct loader_options *options, struct error *error)
{
    if (!options->preprocess || options->preprocess->crop_height <= 0 || options->preprocess->crop_width <= 0)
        return error_set(error, ERROR_INPUT, "the size of the network's images is not known: give a crop");
    task->preprocess = *options->preprocess;
    int64_t channels = preprocess_channel_count(&task->preprocess);
    int64_t height = task->preprocess.crop_height, width = task->preprocess.crop_width;
    bool first = task->layout == LAYOUT_NCHW;
    int64_t dims[3] = {first ? channels : height, first ? height : width, first ? width : channels};
    task->mask_width = width;
    task->pixels = height * width;
    return image_check_size(width, height, error) || shape_set(&task->shape, 3, dims, error) ? -1 : 0;
}

int loader_task_settle(struct loader_task *task, const struct loader_options *options, struct error *error)
{
    task->split = options->split;
    task->layout = options->layout;
    task->seed = options->seed;
    task->ignore = options->ignore < 0 ? DATASET_IGNORED : (uint16_t)options->ignore;
    task->augments = options->augment != NULL;
    if (options->augment)
        task->augment = *options->augment;
    task->mixup = task->augment.mixup > 0;
    if (dataset_tensor_shape(task->dataset) ? settle_tensors(task, error) : settle_images(task, options, error))
        return -1;
    task->values = shape_count(&task->shape);
    return 0;
}

/* The network's part of the image and of its mask. */
static int make_picture(const struct loader_task *task, int64_t sample, const struct loader_place *place,
                        struct error *error)
{
    const struct augment_key key = {task->seed, task->epoch, (uint64_t)sample};
    struct image image, part;
    struct index_image mask = {0}, mask_part = {0};
    if (dataset_read(task->dataset, task->split, sample, &image, place->mask ? &mask : NULL, error))
        return -1;
    int result = augment_image(task->memory, task->augments ? &task->augment : NULL, &task->preprocess, &key, &image,
                               place->mask ? &mask : NULL, task->ignore, &part, place->mask ? &mask_part : NULL, error);
    image_release(task->memory, &image);
    index_image_release(task->memory, &mask);
    if (result) {
        char name[DATASET_NAME_SIZE];
        return error_prefix(error, "%s", dataset_name(task->dataset, task->split, sample, name));
    }
    preprocess_normalise(&task->preprocess, &part, task->layout, place->image);
    for (int64_t i = 0; place->mask && i < task->pixels; i++) {
        int64_t y = task->mask_top + i / task->mask_width, x = task->mask_left + i % task->mask_width;
        place->mask[i] = mask_part.values[y * mask_part.width + x];
    }
    if (place->picture)
        *place->picture = part;
    else
        image_release(task->memory, &part);
    index_image_release(task->memory, &mask_part);
    return 0;
}

int loader_sample_make(const struct loader_task *task, int64_t sample, const struct loader_place *place,
                       struct error *error)
{
    const struct augment_key key = {task->seed, task->epoch, (uint64_t)sample};
    if (place->label)
        *place->label = dataset_label(task->dataset, task->split, sample);
    if (place->weight)
        *place->weight = mixup_weight(&task->augment, &key);
    if (dataset_tensor_shape(task->dataset))
        return dataset_read_tensor(task->dataset, task->split, sample, place->image, error);
    return make_picture(task, sample, place, error);
}

void loader_place_move(const struct loader_task *task, const struct loader_place *from, const struct loader_place *to)
{
    memcpy(to->image, from->image, (size_t)task->values * sizeof *to->image);
    if (to->label)
        *to->label = *from->label;
    if (to->mask)
        memcpy(to->mask, from->mask, (size_t)task->pixels * sizeof *to->mask);
    if (to->weight)
        *to->weight = *from->weight;
    if (to->picture) {
        *to->picture = *from->picture;
        *from->picture = (struct image){0};
    }
}
