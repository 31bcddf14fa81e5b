#include "api/stock.h"

#include <inttypes.h>
#include <string.h>

#include "api/data.h"

#define LARGEST_BATCH 4 /* of models with a free batch: beyond, memory grows and time does not fall */

static int open_images(struct stock *stock, const struct fovea_samples *samples, struct error *error)
{
    stock->path = samples->feed_count > 0 ? feed_name(&samples->feeds[0]) : NULL;
    if (samples->feed_count < 1)
        return error_set(error, ERROR_INPUT, "no images; give them with `samples.feeds`");
    const struct graph *graph = stock->model->model->graph;
    const char *name = samples->feeds[0].name;
    stock->input = name && name[0] ? fed_find_input(graph, name, error) : api_image_input(graph);
    if (!stock->input)
        return error->kind ? -1 : error_set(error, ERROR_INPUT, "the model has no input of four axes for images");
    if (data_sample_names(stock->model, samples, &stock->names, &stock->labels, error) ||
        images_open(&stock->images, stock->model, stock->input, samples, &samples->feeds[0], &stock->names, error))
        return -1;
    return 0;
}

static int take_images(struct stock *stock, const struct fovea_samples *samples, struct dataset *dataset,
                       enum fovea_split split, struct error *error)
{
    const struct graph *graph = stock->model->model->graph;
    int inputs = 0;
    for (int i = 0; i < graph->input_count; i++)
        inputs += !graph->inputs[i]->constant;
    stock->input = api_image_input(graph);
    if (!stock->input)
        return error_set(error, ERROR_INPUT, "the model has no input of four axes for images");
    if (inputs > 1)
        return error_set(error, ERROR_INPUT, "the model has %d inputs; `data` gives it images alone", inputs);
    return images_take(&stock->images, stock->model, stock->input, &samples->shapes, dataset, split,
                       samples->preprocess, error);
}

/* The size of the batch that is asked for or that the model fixes, or one that fits a free size. */
static int64_t choose_batch(const struct stock *stock, const struct fovea_samples *samples)
{
    int64_t wanted = samples->batch > 0 ? samples->batch : LARGEST_BATCH;
    return images_batch(stock->input, &samples->shapes, stock->count < wanted ? stock->count : wanted);
}

static int make_bindings(struct stock *stock, const struct fovea_samples *samples, struct error *error)
{
    stock->bindings = memory_allocate(stock->model->context->memory, (size_t)stock->fed.binding_count + 1,
                                      sizeof *stock->bindings, error);
    if (!stock->bindings)
        return -1;
    /* The images' own binding goes first: it wins over one of `shapes` without the batch being right. */
    stock->bindings[0] =
        (struct shape_binding){stock->input->name, images_shape(&stock->images, choose_batch(stock, samples))};
    memcpy(stock->bindings + 1, stock->fed.bindings, (size_t)stock->fed.binding_count * sizeof *stock->bindings);
    stock->binding_count = stock->fed.binding_count + 1;
    return 0;
}

/* What goes with the images: further inputs' files, bindings, room. */
static int finish(struct stock *stock, const struct fovea_samples *samples, const struct fovea_feed *feeds,
                  int feed_count, struct error *error)
{
    struct memory *memory = stock->model->context->memory;
    stock->count = stock->images.count;
    stock->shape = stock->images.shape;
    if (fed_read(&stock->fed, stock->model, &samples->shapes, feeds, feed_count, NULL, error) ||
        make_bindings(stock, samples, error))
        return -1;
    stock->pixels = memory_allocate(memory, (size_t)shape_count(&stock->shape), sizeof *stock->pixels, error);
    stock->name = memory_allocate(memory, DATASET_NAME_SIZE, 1, error);
    return stock->pixels && stock->name ? 0 : -1;
}

int stock_open(struct stock *stock, struct fovea_model *model, const struct fovea_samples *samples, struct error *error)
{
    *stock = (struct stock){.model = model};
    return open_images(stock, samples, error) ||
                   finish(stock, samples, samples->feeds + 1, samples->feed_count - 1, error)
               ? -1
               : 0;
}

int stock_take(struct stock *stock, struct fovea_model *model, const struct fovea_samples *samples, const char *path,
               struct dataset *dataset, enum fovea_split split, struct error *error)
{
    *stock = (struct stock){.model = model, .path = path};
    return take_images(stock, samples, dataset, split, error) || finish(stock, samples, NULL, 0, error) ? -1 : 0;
}

void stock_release(struct stock *stock)
{
    struct memory *memory = stock->model->context->memory;
    images_close(&stock->images);
    class_names_release(&stock->names);
    fed_release(&stock->fed, memory);
    memory_release(memory, stock->bindings);
    memory_release(memory, stock->pixels);
    memory_release(memory, stock->name);
    *stock = (struct stock){.model = stock->model};
}

int stock_begin(const struct stock *stock, const struct graph *graph, struct session *session, struct tensor *images,
                struct error *error)
{
    if (dtype_storage(images->dtype) != DTYPE_FLOAT && images->dtype != DTYPE_UINT8)
        return error_set(error, ERROR_INPUT, "input '%s' holds %s, the images are pictures or floats",
                         stock->input->name, dtype_name(images->dtype));
    memset(images->data, 0, tensor_bytes(images));
    return fed_fill(&stock->fed, graph, session, stock->input->name, true, error);
}

static int read_one(struct stock *stock, int64_t index, struct tensor *images, int64_t to, struct error *error)
{
    int64_t elements = shape_count(&stock->shape);
    size_t bytes = (size_t)elements * dtype_storage_size(dtype_storage(images->dtype));
    char *out = (char *)images->data + (size_t)to * bytes;
    bool floats = dtype_storage(images->dtype) == DTYPE_FLOAT;
    float *pixels = floats ? (float *)(void *)out : stock->pixels;
    if (images_read(&stock->images, index, pixels, error))
        return -1;
    if (floats)
        return 0;
    preprocess_to_bytes(stock->pixels, elements, (uint8_t *)out);
    return 0;
}

int stock_read(struct stock *stock, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    for (int64_t i = 0; i < count; i++) {
        if (read_one(stock, first + i, images, i, error))
            return -1;
    }
    return 0;
}

const struct preprocess *stock_preprocess(const struct stock *stock)
{
    return stock->images.pictures ? &stock->images.preprocess : NULL;
}

bool stock_has_pictures(const struct stock *stock)
{
    return stock->images.pictures;
}

int stock_classes(const struct stock *stock, int64_t class_index, int64_t rank, int64_t first, int64_t count,
                  int64_t *classes, struct error *error)
{
    for (int64_t i = 0; i < count; i++) {
        classes[i] = class_index >= 0                   ? class_index
                     : class_index == FOVEA_CLASS_LABEL ? stock_label(stock, first + i)
                                                        : -1 - rank;
        if (class_index == FOVEA_CLASS_LABEL && classes[i] < 0)
            return error_set(error, ERROR_INPUT,
                             "%s: no label is known for it; use `class_index` predicted or give labels",
                             stock_name(stock, first + i));
    }
    return 0;
}

int stock_check_names(struct stock *stock, int64_t classes, struct error *error)
{
    return data_check_names(stock->model, stock->labels, &stock->names, classes, error);
}

int stock_check_labels(const struct stock *stock, int64_t classes, struct error *error)
{
    return dataset_check_labels(stock->images.dataset, classes, error)
               ? error_prefix(error, "%s", stock->model->model->path)
               : 0;
}

int64_t stock_label(const struct stock *stock, int64_t index)
{
    return dataset_label(stock->images.dataset, stock->images.split, index);
}

const char *stock_name(const struct stock *stock, int64_t index)
{
    return dataset_name(stock->images.dataset, stock->images.split, index, stock->name);
}

const char *stock_class_name(const struct stock *stock, int64_t class_index)
{
    bool known = class_index >= 0 && class_index < stock->names.count;
    return known ? stock->names.names[class_index] : NULL;
}

/* ---- as guides take them ---- */

static int begin(void *user, const struct graph *graph, struct session *session, struct tensor *images,
                 struct error *error)
{
    return stock_begin(user, graph, session, images, error);
}

static int read(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    return stock_read(user, first, count, images, error);
}

static int64_t label(void *user, int64_t index)
{
    return stock_label(user, index);
}

struct image_set stock_image_set(struct stock *stock)
{
    return (struct image_set){.count = stock->count,
                              .input = stock->input->name,
                              .bindings = stock->bindings,
                              .binding_count = stock->binding_count,
                              .user = stock,
                              .begin = begin,
                              .read = read,
                              .label = label};
}
