/* Class activation maps over a set of images. */
#include <inttypes.h>
#include <string.h>

#include "api/cam_work.h"
#include "api/entry.h"

/* Puts one image into every place of the batch, for one class. */
static int read_image(struct cam_work *work, int64_t index, struct error *error)
{
    struct probe *probe = &work->probe;
    struct tensor *images = probe_images(probe);
    int64_t *classes = probe_classes(probe);
    size_t bytes = tensor_bytes(images) / (size_t)probe->batch;
    if (stock_read(&work->stock, index, 1, images, error) ||
        stock_classes(&work->stock, work->options->class_index, work->options->rank, index, 1, classes, error))
        return -1;
    for (int64_t i = 1; i < probe->batch; i++)
        memcpy((char *)images->data + (size_t)i * bytes, images->data, bytes);
    for (int64_t i = 1; i < probe->target_grid.view.images; i++)
        classes[i] = classes[0];
    return 0;
}

/* The image as numbers, for showing and for masks. */
static void keep_image(struct cam_work *work)
{
    const struct tensor *images = probe_images(&work->probe);
    int64_t count = work->probe.channels * work->probe.height * work->probe.width;
    const int64_t size[3] = {work->probe.channels, work->probe.height, work->probe.width};
    const struct preprocess *preprocess = stock_preprocess(&work->stock);
    for (int64_t i = 0; i < count; i++)
        work->image[i] = (float)tensor_number(images, i);
    preprocess_picture(preprocess, work->image, work->probe.channels_last ? LAYOUT_NHWC : LAYOUT_NCHW, size,
                       work->picture);
}

/* The shuffled network on the same images, scored for the same classes. */
static int run_random(struct cam_work *work, const struct probe_result *run, struct error *error)
{
    memcpy(probe_images(&work->random)->data, probe_images(&work->probe)->data,
           tensor_bytes(probe_images(&work->probe)));
    memcpy(probe_classes(&work->random), run->classes, (size_t)work->probe.target_grid.view.images * sizeof(int64_t));
    return probe_run(&work->random, &work->shuffled, error);
}

/* Why a method does not apply to this model, as its first image shows. */
static int check_method(struct cam_work *work, int method, const struct cam_layer *layer, struct error *why)
{
    if (method == FOVEA_CAM_PLAIN)
        return cam_map(FOVEA_CAM_PLAIN, layer, work->weights, work->map, why);
    if (method == FOVEA_CAM_SCORE && dtype_storage(probe_images(&work->forward)->dtype) != DTYPE_FLOAT)
        return error_set(why, ERROR_UNSUPPORTED, "Score-CAM needs an image input of floats");
    return 0;
}

/* Leaves out methods that do not apply, where the caller wants to be told so. */
static int drop_methods(struct cam_work *work, const struct cam_layer *layer, struct error *error)
{
    for (int method = 0; method < FOVEA_CAM_METHODS; method++) {
        struct error why = ERROR_INITIALISER;
        if (!(work->methods >> method & 1) || check_method(work, method, layer, &why) == 0)
            continue;
        work->methods &= ~(1u << method);
        if (!work->options->skip || work->methods == 0)
            return error_set(error, why.kind, "%s: %s", fovea_cam_method_name(method), why.message);
        work->options->skip(work->user, (enum fovea_cam_method)method, why.message);
    }
    return 0;
}

static int check_ranks(const struct cam_work *work, struct error *error)
{
    const struct fovea_cam_options *options = work->options;
    int64_t count = class_scores_count(&work->probe.scores);
    if (options->class_index != FOVEA_CLASS_PREDICTED || options->ranks <= count)
        return 0;
    return error_set(error, ERROR_INPUT, "%s: there are no %" PRId64 " strongest classes: '%s' has %" PRId64,
                     work->model->model->path, options->ranks, work->probe.target, count);
}

/* A detector's best rows belong to several maps: one image after the other is only scored first. */
static int find_levels(struct cam_work *work, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    int64_t count = work->stock.count;
    struct probe_result run;
    if (work->layer || work->probe.place != FOVEA_PLACE_BEST)
        return 0;
    int64_t *units = memory_allocate(memory, (size_t)count + 1, sizeof *units, error);
    probe_destroy(&work->probe);
    int result = units ? cam_make_probe(work, PROBE_NO_GRADIENT, &work->probe, error) : -1;
    for (int64_t i = 0; i < count && result == 0; i++) {
        result = read_image(work, i, error) || probe_run(&work->probe, &run, error) ? -1 : 0;
        units[i] = result == 0 ? run.units[0] : -1;
    }
    if (result == 0)
        result = cam_levels_find(&work->levels, work->model->model, work->stock.bindings, work->stock.binding_count,
                                 cam_target(work), units, count, error);
    memory_release(memory, units);
    return result;
}

static int run_image(struct cam_work *work, int64_t index, struct error *error)
{
    struct probe *probe = &work->probe;
    struct probe_result run;
    struct cam_layers layers;
    if (read_image(work, index, error) || probe_run(probe, &run, error) ||
        (work->options->sanity && run_random(work, &run, error)))
        return -1;
    cam_read_layers(probe, &run, &layers);
    keep_image(work);
    if (work->done == 0 && drop_methods(work, &layers.plain, error))
        return -1;
    for (int method = 0; method < FOVEA_CAM_METHODS; method++) {
        if ((work->methods >> method & 1) &&
            cam_hand_over(work, (enum fovea_cam_method)method, &layers, &run, index, error))
            return -1;
    }
    progress_step(&work->model->context->progress, "images", (size_t)++work->done, (size_t)work->stock.count);
    return 0;
}

/* The images of one level; without levels all. */
static int run_level(struct cam_work *work, int level, struct error *error)
{
    bool one = work->levels.count == 0;
    if (!one) {
        work->layer = work->levels.names[level][0] ? work->levels.names[level] : NULL;
        cam_release(work);
        if (cam_make_probe(work, PROBE_ACTIVATION, &work->probe, error))
            return -1;
    }
    if (cam_prepare(work, error))
        return -1;
    for (int64_t index = 0; index < work->stock.count; index++) {
        if ((one || work->levels.of_image[index] == level) && run_image(work, index, error))
            return -1;
    }
    return 0;
}

static int run_levels(struct cam_work *work, struct error *error)
{
    if (cam_make_probe(work, PROBE_ACTIVATION, &work->probe, error) || check_ranks(work, error) ||
        find_levels(work, error))
        return -1;
    for (int level = 0; level == 0 || level < work->levels.count; level++) {
        if (run_level(work, level, error))
            return -1;
    }
    return 0;
}

int fovea_cam(struct fovea_model *model, const struct fovea_cam_options *options, fovea_cam_each *each, void *user,
              struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "options", options, entry_cam_options) ||
        entry_argument(&entry, "each", each ? model : NULL))
        return entry_refuse(&entry, report);
    struct cam_work work = {.model = model,
                            .options = options,
                            .layer = options->layer,
                            .each = each,
                            .user = user,
                            .methods = options->methods ? options->methods : 1u << FOVEA_CAM_EXTENDED};
    int result = stock_open(&work.stock, model, &options->samples, &entry.error) || run_levels(&work, &entry.error) ||
                         context_poll(model->context, &entry.error)
                     ? -1
                     : 0;
    cam_release(&work);
    cam_levels_release(&work.levels);
    stock_release(&work.stock);
    return result ? entry_refuse(&entry, report) : 0;
}
