#include "api/images.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/data.h"
#include "api/session.h"
#include "base/file.h"
#include "onnx/onnx.h"
#include "structure/image_input.h"

const char *feed_name(const struct fovea_feed *feed)
{
    const char *name = feed->images && feed->image_count == 1 ? feed->images[0].name : NULL;
    return feed->path     ? feed->path
           : name         ? name
           : feed->images ? "the images"
           : feed->source ? "the samples"
                          : "the tensor";
}

int feed_check(const struct fovea_feed *feed, struct error *error)
{
    int given = (feed->path != NULL) + (feed->tensor != NULL) + (feed->images != NULL) + (feed->source != NULL);
    if (given != 1)
        return error_set(error, ERROR_INPUT, "a feed is a path, a tensor, images or a source: one of them, not %d",
                         given);
    for (int64_t i = 0; feed->images && i < feed->image_count; i++) {
        if (dataset_check_image(&feed->images[i], error))
            return error_prefix(error, "%s#%" PRId64, feed_name(feed), i);
    }
    return feed->images && feed->image_count < 1
               ? error_set(error, ERROR_INPUT, "the images of a feed number %" PRId64, feed->image_count)
               : 0;
}

int feed_copy(struct memory *memory, const struct fovea_feed *feed, struct tensor *tensor, struct error *error)
{
    struct tensor view;
    return tensor_view(feed->tensor, &view, error) ? error_prefix(error, "%s", feed_name(feed))
                                                   : tensor_copy(memory, &view, tensor, error);
}

/* The input's sizes as far as they are known: `shapes` first, then the model's. Free ones are -1, a missing batch 1. */
static int wanted_shape(const struct value *input, const struct fovea_shapes *shapes, struct shape *shape,
                        struct error *error)
{
    int rank = image_input_lacks_batch(input) ? 3 : 4, first = 4 - rank;
    *shape = (struct shape){.rank = 4, .dims = {first ? 1 : -1, -1, -1, -1}};
    if (input->declared_rank >= 0 && input->declared_rank != rank)
        return error_set(error, ERROR_INPUT, "input '%s' has %d dimensions: images go into inputs of four", input->name,
                         input->declared_rank);
    for (int i = 0; i < rank && input->declared_rank == rank; i++)
        shape->dims[first + i] = input->declared[i].size;
    for (int i = 0; i < shapes->count; i++) {
        const struct fovea_shape *flag = &shapes->list[i];
        bool meant = !flag->name || !flag->name[0] || strcmp(flag->name, input->name) == 0;
        for (int axis = 0; meant && flag->rank == rank && axis < rank; axis++)
            shape->dims[first + axis] = flag->dims[axis];
    }
    return 0;
}

/* A preset by name; explicit mean and std alone build on "raw"; else the model's own; else `preprocess` is asked for.
 */
static int start_preprocess(const struct fovea_model *model, const struct fovea_preprocess *flags, bool integer_input,
                            struct preprocess *preprocess, struct error *error)
{
    const char *own = model_metadata(model->model, PREPROCESS_KEY);
    bool explicit_numbers = flags->has_mean && flags->has_std;
    bool raw_bytes = integer_input && flags->preset && strcmp(flags->preset, "raw") == 0;
    if (flags->preset && !raw_bytes)
        return preprocess_preset(flags->preset, preprocess, error);
    if (own && !raw_bytes)
        return preprocess_parse(model->context->memory, own, strlen(own), preprocess, error)
                   ? error_prefix(error, "%s", model->model->path)
                   : 0;
    if (explicit_numbers || integer_input) {
        if (preprocess_preset("raw", preprocess, error))
            return -1;
        preprocess->scale = integer_input ? 1 : preprocess->scale;
        return 0;
    }
    return error_set(error, ERROR_INPUT,
                     "%s does not say how its images are prepared; add `preprocess` imagenet, inception, clip or raw, "
                     "or `mean` and `std`",
                     model->model->path);
}

static int make_preprocess(const struct fovea_model *model, const struct value *input,
                           const struct fovea_preprocess *flags, const struct shape *wanted, bool channels_last,
                           struct preprocess *preprocess, struct error *error)
{
    static const struct fovea_preprocess none = {0};
    bool integer_input = dtype_is_integer(input->dtype);
    const int64_t *dims = wanted->dims;
    flags = flags ? flags : &none;
    if (start_preprocess(model, flags, integer_input, preprocess, error) ||
        preprocess_override(preprocess, flags, error))
        return -1;
    if (dtype_storage(input->dtype) == DTYPE_UINT8 && !preprocess_makes_bytes(preprocess))
        return error_set(
            error, ERROR_INPUT,
            "%s: input '%s' takes bytes, the model normalises them itself: a mean, a std or a scale would be "
            "cut to 0..255; take `preprocess` raw, with `resize` and `crop`",
            model->model->path, input->name);
    if (flags->letterbox && !flags->has_fill && preprocess->fit == FIT_LETTERBOX)
        context_note(model->context, "the letterbox is filled with %d,%d,%d: `fill` sets another", preprocess->fill[0],
                     preprocess->fill[1], preprocess->fill[2]);
    return preprocess_fit(preprocess, dims[channels_last ? 3 : 1], dims[channels_last ? 1 : 2],
                          dims[channels_last ? 2 : 3], error)
               ? error_prefix(error, "%s", model->model->path)
               : 0;
}

int images_prepare(struct fovea_model *model, const struct value *input, const struct fovea_shapes *shapes,
                   const struct fovea_preprocess *flags, struct preprocess *preprocess, bool *channels_last,
                   struct error *error)
{
    struct shape wanted;
    if (wanted_shape(input, shapes, &wanted, error))
        return -1;
    *channels_last = shape_channels_last(&wanted);
    return make_preprocess(model, input, flags, &wanted, *channels_last, preprocess, error);
}

int64_t images_batch(const struct value *input, const struct fovea_shapes *shapes, int64_t wanted)
{
    int64_t fixed = input->declared_rank > 0 ? input->declared[0].size : -1;
    if (image_input_lacks_batch(input))
        return 1;
    for (int i = 0; i < shapes->count; i++) {
        const struct fovea_shape *shape = &shapes->list[i];
        bool meant = !shape->name || !shape->name[0] || strcmp(shape->name, input->name) == 0;
        if (meant && shape->rank == 4)
            return shape->dims[0];
    }
    return fixed > 0 ? fixed : wanted;
}

int images_free_batch(struct graph *graph, struct error *error)
{
    const struct value *image = api_image_input(graph);
    if (image && image_input_lacks_batch(image))
        return error_set(error, ERROR_UNSUPPORTED,
                         "input '%s' takes one image without an axis for a batch: such a model is not trained",
                         image->name);
    for (int i = 0; i < graph->input_count + graph->output_count; i++) {
        struct value *value = i < graph->input_count ? graph->inputs[i] : graph->outputs[i - graph->input_count];
        if (value->constant || value->declared_rank < 1)
            continue;
        struct dimension *declared =
            arena_allocate(graph->arena, (size_t)value->declared_rank, sizeof *declared, error);
        if (!declared)
            return -1;
        memcpy(declared, value->declared, (size_t)value->declared_rank * sizeof *declared);
        declared[0].size = -1;
        value->declared = declared;
    }
    return 0;
}

int images_bind(const struct value *input, const struct preprocess *preprocess, bool channels_last,
                const struct shape *ready, int64_t batch, struct shape_binding *binding, struct error *error)
{
    int64_t channels = preprocess_channel_count(preprocess);
    int64_t height = preprocess->crop_height, width = preprocess->crop_width;
    int64_t first[4] = {batch, channels, height, width}, last[4] = {batch, height, width, channels};
    int64_t given[4] = {batch, ready ? ready->dims[0] : 0, ready ? ready->dims[1] : 0, ready ? ready->dims[2] : 0};
    const int64_t *dims = ready ? given : channels_last ? last : first;
    int missing = image_input_lacks_batch(input) ? 1 : 0;
    binding->name = input->name;
    if (!ready && height <= 0)
        return error_set(error, ERROR_INPUT, "the size of the images is open; give it with `crop` or `shapes`");
    return shape_set(&binding->shape, 4 - missing, dims + missing, error);
}

/* What the preprocessing leaves open is decided by the first image. */
static int settle_size(struct images *images, struct error *error)
{
    struct preprocess *preprocess = &images->preprocess;
    if (preprocess->crop_height > 0 && preprocess->crop_width > 0)
        return 0;
    struct image image;
    int64_t height, width;
    if (dataset_read(images->dataset, images->split, 0, &image, NULL, error))
        return -1;
    preprocess_size(preprocess, &image, &height, &width);
    image_release(images->memory, &image);
    preprocess->crop_height = height;
    preprocess->crop_width = width;
    return 0;
}

static int check_files(const struct images *images, struct error *error)
{
    return images->looked_at && dataset_count(images->dataset, images->split) > 1
               ? dataset_check_files(images->dataset, images->context->pool, error)
               : 0;
}

static int take_pictures(struct images *images, struct error *error)
{
    dataset_turn_upright(images->dataset, images->preprocess.upright);
    return check_files(images, error) || settle_size(images, error) ? -1 : 0;
}

/* Of images->dataset. */
static int take(struct images *images, struct fovea_model *model, const struct value *input,
                const struct fovea_shapes *shapes, const struct fovea_preprocess *flags, struct error *error)
{
    struct shape_binding binding;
    bool channels_last = false;
    const struct shape *ready = dataset_tensor_shape(images->dataset);
    images->pictures = !ready;
    if (ready ? check_files(images, error)
              : images_prepare(model, input, shapes, flags, &images->preprocess, &channels_last, error) ||
                    take_pictures(images, error))
        return -1;
    images->count = dataset_count(images->dataset, images->split);
    images->layout = channels_last ? LAYOUT_NHWC : LAYOUT_NCHW;
    if (images_bind(input, &images->preprocess, channels_last, ready, 1, &binding, error))
        return -1;
    images->no_batch = binding.shape.rank == 3;
    const int64_t *dims = binding.shape.dims + (images->no_batch ? 0 : 1);
    images->shape = (struct shape){.rank = 4, .dims = {1, dims[0], dims[1], dims[2]}};
    return 0;
}

int images_take(struct images *images, struct fovea_model *model, const struct value *input,
                const struct fovea_shapes *shapes, struct dataset *dataset, enum fovea_split split,
                const struct fovea_preprocess *flags, struct error *error)
{
    *images = (struct images){
        .context = model->context, .memory = model->context->memory, .dataset = dataset, .split = split};
    return take(images, model, input, shapes, flags, error);
}

/* A tensor of ONNX's own format is held whole. */
static struct dataset *open_dataset(struct memory *memory, const struct fovea_feed *feed,
                                    const struct class_names *names, bool skip_broken, struct error *error)
{
    const char *path = feed_name(feed);
    const struct dataset_options options = {.names = names && names->count > 0 ? names : NULL,
                                            .ignore = -1,
                                            .labels_optional = true,
                                            .skip_broken = skip_broken};
    struct fovea_sample_source source = dataset_source_of_images(feed->images, feed->image_count);
    struct tensor tensor;
    if (feed_check(feed, error))
        return NULL;
    if (feed->images || feed->source)
        return dataset_of_source(memory, path, feed->source ? feed->source : &source, &options, error);
    if (!feed->tensor && !file_ends_in(path, ".pb"))
        return dataset_open(memory, path, &options, error);
    int result =
        feed->tensor ? feed_copy(memory, feed, &tensor, error) : tensor_proto_read(memory, path, &tensor, error);
    return result ? NULL : dataset_of_tensor(memory, path, &tensor, error);
}

static int open_images(struct images *images, struct fovea_model *model, const struct value *input,
                       const struct fovea_samples *samples, const struct fovea_feed *feed,
                       const struct class_names *names, bool looked_at, struct error *error)
{
    struct memory *memory = model->context->memory;
    *images = (struct images){.context = model->context,
                              .memory = memory,
                              .path = feed_name(feed),
                              .dataset = open_dataset(memory, feed, names, samples->skip_broken, error),
                              .split = FOVEA_SPLIT_TRAIN,
                              .owned = true,
                              .looked_at = looked_at};
    if (!images->dataset)
        return -1;
    dataset_keep_first(images->dataset, images->split, samples->limit);
    if (take(images, model, input, &samples->shapes, samples->preprocess, error))
        return -1;
    data_note(images->context, images->dataset, images->path);
    return 0;
}

int images_open(struct images *images, struct fovea_model *model, const struct value *input,
                const struct fovea_samples *samples, const struct fovea_feed *feed, const struct class_names *names,
                struct error *error)
{
    return open_images(images, model, input, samples, feed, names, true, error);
}

void images_close(struct images *images)
{
    if (images->owned && images->dataset) {
        data_note(images->context, images->dataset, images->path);
        dataset_close(images->dataset);
    }
    *images = (struct images){0};
}

/* Of a picture: the part that the network sees before it is normalised; the caller releases it. */
static int read_crop(const struct images *images, int64_t index, struct image *crop, struct error *error)
{
    struct image image;
    char name[DATASET_NAME_SIZE];
    *crop = (struct image){0};
    if (dataset_read(images->dataset, images->split, index, &image, NULL, error))
        return -1;
    int result = preprocess_crop(images->memory, &images->preprocess, &image, crop, error);
    image_release(images->memory, &image);
    return result ? error_prefix(error, "%s", dataset_name(images->dataset, images->split, index, name)) : 0;
}

int images_read(const struct images *images, int64_t index, float *out, struct error *error)
{
    struct image crop;
    if (!images->pictures)
        return dataset_read_tensor(images->dataset, images->split, index, out, error);
    if (read_crop(images, index, &crop, error))
        return -1;
    preprocess_normalise(&images->preprocess, &crop, images->layout, out);
    image_release(images->memory, &crop);
    return 0;
}

struct shape images_shape(const struct images *images, int64_t batch)
{
    const int64_t *dims = images->shape.dims;
    if (images->no_batch)
        return (struct shape){.rank = 3, .dims = {dims[1], dims[2], dims[3]}};
    return (struct shape){.rank = 4, .dims = {batch, dims[1], dims[2], dims[3]}};
}

static int read_samples(const struct images *images, const struct value *input, struct tensor *tensor,
                        struct error *error)
{
    struct memory *memory = images->memory;
    int64_t elements = shape_count(&images->shape);
    *tensor = (struct tensor){.dtype = DTYPE_FLOAT, .shape = images_shape(images, images->count)};
    if (tensor_allocate(memory, tensor, error))
        return -1;
    float *pixels = tensor->data;
    for (int64_t i = 0; i < images->count; i++) {
        if (images_read(images, i, pixels + i * elements, error))
            return -1;
    }
    if (dtype_storage(input->dtype) != DTYPE_UINT8)
        return 0;
    struct tensor bytes = {.dtype = DTYPE_UINT8, .shape = tensor->shape};
    if (tensor_allocate(memory, &bytes, error))
        return -1;
    preprocess_to_bytes(pixels, images->count * elements, bytes.data);
    tensor_release(memory, tensor);
    *tensor = bytes;
    return 0;
}

int images_read_all(struct fovea_model *model, const struct value *input, const struct fovea_shapes *shapes,
                    const struct fovea_feed *feed, const struct fovea_preprocess *flags, struct tensor *tensor,
                    struct error *error)
{
    struct images images;
    *tensor = (struct tensor){0};
    const struct fovea_samples all = {.shapes = *shapes, .preprocess = flags};
    int result = open_images(&images, model, input, &all, feed, NULL, false, error);
    int64_t fixed = images.no_batch ? 1 : input->declared_rank == 4 ? input->declared[0].size : -1;
    if (result == 0 && fixed > 0 && images.count != fixed)
        result = error_set(error, ERROR_INPUT,
                           "%s: holds %" PRId64 " images, input '%s' takes %" PRId64
                           " at once: name them one by one, or a list of so many",
                           images.path, images.count, input->name, fixed);
    if (result == 0)
        result = read_samples(&images, input, tensor, error);
    if (result)
        tensor_release(model->context->memory, tensor);
    images_close(&images);
    return result;
}

const char *fovea_preset_name(int index)
{
    return preprocess_preset_name(index);
}
